//! What a document refers to on the Prefect server.

use std::{collections::HashSet, fmt};

use serde::Serialize;
use serde_json::Value;

use crate::{
    limits::{REFERENCE_KEY, may_hold_placeholder},
    placeholder::{self, BlockPath, Kind},
    python,
};

/// Something on the Prefect server that a document refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reference {
    /// A block document by id.
    BlockDocument {
        /// Its id, as written.
        id: String,
    },
    /// A block document by type and name.
    Block {
        /// Slug of the block type.
        type_slug: String,
        /// Name of the document.
        name: String,
    },
    /// A Prefect variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// AWS credentials, of which only the region and the role are wanted: to be read without secrets.
    Credentials {
        /// The block that holds them.
        of: Box<Reference>,
    },
}

impl Reference {
    /// The block that the whole value stands for.
    #[must_use]
    pub fn of_block(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => placeholder::find(text).find_map(|found| match found.kind() {
                Kind::Block(Some(BlockPath { type_slug, name, .. })) => Some(Self::Block { type_slug, name }),
                _ => None,
            }),
            other => match document_reference(other) {
                DocumentReference::Id(id) => Some(Self::BlockDocument { id: id.to_owned() }),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // An id is a UUID. Whatever else stands there may have been put in by a placeholder.
            Self::BlockDocument { id }
                if id.len() <= 36 && id.bytes().all(|it| it == b'-' || it.is_ascii_hexdigit()) =>
            {
                write!(f, "block document {id}")
            }
            Self::BlockDocument { .. } => f.write_str("a block document whose id is no UUID"),
            Self::Block { type_slug, name } => write!(f, "block `{name}` of type `{type_slug}`"),
            Self::Variable { name } => write!(f, "Prefect variable `{name}`"),
            Self::Credentials { of } => write!(f, "AWS credentials in {of}"),
        }
    }
}

/// What an object says about being a reference to a block document.
pub(crate) enum DocumentReference<'v> {
    No,
    Id(&'v str),
    Malformed(&'static str),
}

pub(crate) fn document_reference(value: &Value) -> DocumentReference<'_> {
    match value.get(REFERENCE_KEY) {
        None => DocumentReference::No,
        Some(Value::Object(target)) => match target.get("block_document_id") {
            Some(Value::String(id)) if !id.is_empty() => DocumentReference::Id(id),
            Some(other) if python::is_truthy(other) => {
                DocumentReference::Malformed("`block_document_id` is not a string")
            }
            _ => DocumentReference::No,
        },
        Some(_) => DocumentReference::Malformed("`$ref` is not an object"),
    }
}

/// Whether the value itself will be replaced by something from the server.
#[must_use]
pub fn is_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            may_hold_placeholder(text)
                && placeholder::find(text).any(|found| matches!(found.kind(), Kind::Block(_) | Kind::Variable(_)))
        }
        Value::Object(_) => matches!(document_reference(value), DocumentReference::Id(_)),
        _ => false,
    }
}

/// Whether some of the value will come out of a block document.
#[must_use]
pub fn names_block(value: &Value) -> bool {
    let mut references = References::default();
    references.collect(value);
    references.ordered.iter().any(|reference| !matches!(reference, Reference::Variable { .. }))
}

/// References in the order they are met, each once.
#[derive(Debug, Default)]
pub struct References {
    seen: HashSet<Reference>,
    ordered: Vec<Reference>,
}

impl References {
    /// All of them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Reference> {
        self.ordered
    }

    /// Adds one.
    pub fn add(&mut self, reference: Reference) {
        if self.seen.insert(reference.clone()) {
            self.ordered.push(reference);
        }
    }

    /// Adds everything a document refers to. The caller bounds its depth, see [`Limits::check_depth`](crate::Limits::check_depth).
    pub fn collect(&mut self, value: &Value) {
        match value {
            Value::String(text) if may_hold_placeholder(text) => {
                for found in placeholder::find(text) {
                    match found.kind() {
                        Kind::Block(Some(BlockPath { type_slug, name, .. })) => {
                            self.add(Reference::Block { type_slug, name });
                        }
                        Kind::Variable(name) => self.add(Reference::Variable { name }),
                        _ => {}
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Object(entries) => match document_reference(value) {
                DocumentReference::Id(id) => self.add(Reference::BlockDocument { id: id.to_owned() }),
                _ => entries.values().for_each(|entry| self.collect(entry)),
            },
            _ => {}
        }
    }
}
