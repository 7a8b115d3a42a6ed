//! Which entries of an environment come out of block documents.

use std::collections::HashSet;

use serde_json::Value;
use templating::{is_reference, names_block};

/// Which entries of an object come out of block documents, known before they are resolved.
#[derive(Default)]
pub(crate) enum Private {
    #[default]
    None,
    /// The object itself does.
    All,
    Some(HashSet<String>),
}

impl Private {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Object(entries) if !is_reference(value) => {
                let private = entries.iter().filter(|(_, entry)| names_block(entry));
                Self::Some(private.map(|(name, _)| name.clone()).collect())
            }
            _ if names_block(value) => Self::All,
            _ => Self::None,
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Some(names) => names.contains(name),
        }
    }
}
