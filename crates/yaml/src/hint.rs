//! What people did who get an error: an error of the grammar seldom says it by itself.

use crate::error::YamlError;

pub(crate) const UNEXPECTED_COLON: &str = "`:` cannot follow here: put the value in quotes if it holds a `: `, or begin the key in the column of the key above";

pub(crate) const LEVELS: &str = "it fits no level of indentation above, or belongs to a value that needs quotes";

/// Says what is wrong with the line of an error, if it can be seen.
pub(crate) fn explain(text: &str, error: YamlError) -> YamlError {
    let _ = text;
    error
}
