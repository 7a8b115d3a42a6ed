//! Where in the job configuration something is wrong.
//!
//! Errors of the shape check speak of the request; the person who reads them can only change the job configuration, so
//! every path begins with one of its keys.

use serde_json::Value;

use crate::{PrepareError, shape::ShapeError, value::kind};

/// Something of the wrong type.
pub(crate) fn not_allowed(operation: &'static str, path: &str, found: &Value, allowed: &str) -> PrepareError {
    let error = ShapeError { path: path.to_owned(), found: kind(found).to_owned(), allowed: allowed.to_owned() };
    PrepareError::CheckShape { operation, error }
}

/// Refuses an entry of an environment that lacks a member, as the worker does (with `KeyError`): whatever was meant to
/// stand there, it is not what the container would get.
pub(crate) fn require(
    entries: Option<&Vec<Value>>,
    member: &str,
    operation: &'static str,
    place: impl Fn() -> String,
) -> Result<(), PrepareError> {
    let lacks = |entry: &Value| entry.as_object().is_some_and(|entry| !entry.contains_key(member));
    match entries.into_iter().flatten().position(lacks) {
        None => Ok(()),
        Some(index) => Err(PrepareError::CheckShape {
            operation,
            error: ShapeError {
                path: format!("{}[{index}].{member}", place()),
                found: "nothing".to_owned(),
                allowed: "required".to_owned(),
            },
        }),
    }
}

/// Places an error of the shape check in the job configuration.
pub(crate) fn within(place: &str, error: ShapeError) -> PrepareError {
    let operation = if place == "task_definition" { "RegisterTaskDefinition" } else { "RunTask" };
    let dot = if error.path.is_empty() { "" } else { "." };
    let path = format!("{place}{dot}{}", error.path);
    PrepareError::CheckShape { operation, error: ShapeError { path, ..error } }
}
