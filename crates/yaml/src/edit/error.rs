//! Why a change is not made.

use crate::{error::YamlError, node::Place};

/// Why a change is not made. The text is as it was before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not one YAML document.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// A step of the path leads nowhere.
    #[error("{path} is not in the file")]
    NotFound {
        /// The path up to there.
        path: String,
    },
    /// A step of the path, or the change, needs another kind of value.
    #[error("line {}, column {}: {path} is {found}, and {wanted} is needed", place.line, place.column)]
    Kind {
        /// Where the value begins.
        place: Place,
        /// Its path.
        path: String,
        /// What it is.
        found: &'static str,
        /// What is needed.
        wanted: &'static str,
    },
    /// The value is used elsewhere through an alias, which the change would reach too.
    #[error(
        "line {}, column {}: `&{anchor}` is used on line {}, which the change would reach too: replace `*{anchor}` there by \
         a value of its own first",
        place.line,
        place.column,
        used.line
    )]
    Anchored {
        /// Where the value with the anchor begins.
        place: Place,
        /// The anchor.
        anchor: String,
        /// Where it is used.
        used: Place,
    },
    /// The path leads through an alias.
    #[error(
        "line {}, column {}: {path} is `*{anchor}`, the value of line {}: change it there, or replace the alias by a value \
         of its own first",
        place.line,
        place.column,
        anchored.line
    )]
    Alias {
        /// Where the alias stands.
        place: Place,
        /// Its path.
        path: String,
        /// The anchor that it names.
        anchor: String,
        /// Where the anchored value begins.
        anchored: Place,
    },
    /// The key comes from a merged mapping (`<<`).
    #[error("line {}, column {}: {path} comes from the `<<` of this mapping: change it there", place.line, place.column)]
    Merged {
        /// Where the mapping begins.
        place: Place,
        /// The path of the key.
        path: String,
    },
    /// The mapping has the new key already.
    #[error("line {}, column {}: the mapping has a key `{key}` already", place.line, place.column)]
    Taken {
        /// Where the key stands.
        place: Place,
        /// The key.
        key: String,
    },
    /// The editor cannot make the change in this layout: reading its result did not give what was wanted.
    #[error("the layout of {path} is too unusual to be changed here: change it by hand")]
    Layout {
        /// The path of the change.
        path: String,
    },
}
