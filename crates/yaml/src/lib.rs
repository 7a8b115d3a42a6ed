//! YAML 1.1 as Prefect's Python reads it (PyYAML's `safe_load`), with the place of every value, and an editor that keeps
//! comments and layout.

mod construct;
mod cursor;
mod duplicates;
mod error;
mod hint;
mod json;
mod merge;
mod node;
mod parse;
mod scalar;
mod scan;
mod timestamp;
mod token;
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
    construct::construct(&parse::parse(text)?)
}
