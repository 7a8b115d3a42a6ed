//! Blocks and variables from a file, where a dispatcher would ask the Prefect server.

use std::{collections::HashMap, path::Path};

use serde::Deserialize;
use serde_json::Value;
use work_pool::{Reference, ResolveError, Resolver};

use crate::{
    error::CliError,
    input::{self, name_of},
};

/// The content of the file of `--references`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct References {
    /// Data of block documents by `TYPE/NAME`.
    #[serde(default)]
    blocks: HashMap<String, Value>,
    /// Data of block documents by id.
    #[serde(default)]
    block_documents: HashMap<String, Value>,
    /// Values of variables by name.
    #[serde(default)]
    variables: HashMap<String, Value>,
}

impl References {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has another shape. Values are not quoted: blocks hold secrets.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        Self::deserialize(input::json(path)?).map_err(|_| CliError::WrongDocument {
            path: name_of(path),
            problem: "it is not an object with objects `blocks`, `block_documents` and `variables`, or some of them"
                .to_owned(),
        })
    }
}

impl Resolver for References {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.block_documents.get(id).cloned().ok_or(ResolveError::NotFound)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        self.blocks.get(&format!("{type_slug}/{name}")).cloned().ok_or(ResolveError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.variables.get(name).cloned())
    }

    fn credentials(&self, credentials: &Reference) -> Option<Value> {
        let Reference::Credentials { of } = credentials else { return None };
        match &**of {
            Reference::BlockDocument { id } => self.block_document(id).ok(),
            Reference::Block { type_slug, name } => self.block(type_slug, name).ok(),
            Reference::Variable { .. } | Reference::Credentials { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_come_from_the_file_and_a_missing_block_is_not_found() {
        let file =
            json!({"blocks": {"secret/key": {"value": 1}}, "block_documents": {"id": {}}, "variables": {"v": "x"}});
        let references = References::deserialize(file).unwrap();
        assert_eq!(references.block("secret", "key"), Ok(json!({"value": 1})));
        assert_eq!(references.block_document("id"), Ok(json!({})));
        assert_eq!(references.block("secret", "other"), Err(ResolveError::NotFound));
        assert_eq!(references.variable("v"), Ok(Some(json!("x"))));
        assert_eq!(references.variable("w"), Ok(None));
    }
}
