//! YAML 1.1 as Prefect's Python reads it (PyYAML's `safe_load`), with the place of every value, and an editor that keeps
//! comments and layout.
//!
//! ```
//! # fn main() -> Result<(), yaml::YamlError> {
//! let file = yaml::read("pool: &p {cpu: 012}\nname: on\nwork_pool:\n  <<: *p\n")?;
//! assert_eq!(file.to_json().to_string(), r#"{"pool":{"cpu":10},"name":true,"work_pool":{"cpu":10}}"#);
//!
//! let name = file.get("name").unwrap();
//! assert_eq!((name.kind_name(), name.written(), name.place.line), ("a boolean", Some("on"), 2));
//!
//! let error = yaml::read("tags: {{ $TAGS }}\n").unwrap_err();
//! assert_eq!(error.place.column, 7);
//! # Ok(())
//! # }
//! ```
//!
//! # Reading
//!
//! A `prefect.yaml` must mean here what it means to Prefect, so the reader follows PyYAML and not the newer YAML 1.2: which
//! words are booleans and numbers, what `<<` merges, where a key may end. `tests/pyyaml` holds what PyYAML loads from
//! thousands of documents. The reader departs from it in four ways:
//!
//! * A tab may separate values and comments, as YAML allows. PyYAML refuses such a file, so no file changes its meaning.
//! * Aliases may not copy more than 16 MiB, and values may not nest deeper than 128 levels.
//! * An integer of more than 64 bits is refused, because JSON readers would round it.
//! * In a list of mappings behind `<<` the first mapping wins, as YAML says and PyYAML up to 6.0.3 does.
//!
//! A key given twice is kept, and [`Node::duplicates`] finds it; PyYAML takes the last value silently.
//!
//! The scanner is our own because the maintained ones do not fit. `saphyr-parser` reads YAML 1.2: of 4000 mutated documents it
//! took some 400 that PyYAML refuses, and read 22 as something else. `libyaml-safer`, a port of the C library, agrees with
//! PyYAML but panics on malformed text. The grammar knows only the character that it cannot use; an error of this reader
//! says what the author most likely did, such as a placeholder without quotes or a quote that is closed on a later line.
//!
//! # Editing
//!
//! [`Editor`] changes bytes of the text at the places that the reader has found, and reads the result: if it is not the
//! wanted value, the text stays as it was and the change is refused. So a layout that the editor does not know costs a
//! manual edit, never a wrong file. It refuses to change a value that an alias uses, because the other place would change
//! along.
//!
//! Of the maintained editors, `yaml-edit` writes text such as `1:30:00` and `2026-01-01` without quotes, leaves the comment
//! of a removed entry to its neighbour, and changes anchored values silently. `yamlpatch` needs a C compiler for its grammar and a
//! newer Rust.

mod construct;
mod cursor;
mod duplicates;
mod edit;
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
    edit::{EditError, Editor},
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
