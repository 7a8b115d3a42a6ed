//! YAML 1.1 as Prefect's Python reads it (PyYAML's `safe_load`), with the place of every value, and an editor that keeps
//! comments and layout.

mod construct;
mod duplicates;
mod error;
mod event;
mod json;
mod merge;
mod node;
mod parser;
mod scalar;
mod timestamp;
mod tree;

pub use crate::{
    duplicates::Duplicate,
    error::YamlError,
    node::{Content, Entry, Node, Place, Step},
};

/// Reads the one document of a text. A text without a document is null.
///
/// # Errors
/// The text is not YAML, or not one document.
pub fn read(text: &str) -> Result<Node, YamlError> {
    construct::construct(&tree::Tree::read(text)?)
}
