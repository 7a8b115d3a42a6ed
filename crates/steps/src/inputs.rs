//! Reading inputs that `check` has found to be of the right types.

use serde_json::Value;
use templating::{placeholder, python};

use crate::step::Object;

/// The text, if it is given and not empty: steps take an empty text as none.
pub(crate) fn text<'a>(inputs: &'a Object, name: &str) -> Option<&'a str> {
    inputs.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The text, unless it waits for the value of a placeholder.
pub(crate) fn settled<'a>(inputs: &'a Object, name: &str) -> Option<&'a str> {
    text(inputs, name).filter(|text| placeholder::find(text).next().is_none())
}

/// The flag, or the default.
pub(crate) fn flag(inputs: &Object, name: &str, default: bool) -> bool {
    inputs.get(name).and_then(Value::as_bool).unwrap_or(default)
}

/// The texts of a list, or the one of a text.
pub(crate) fn texts<'a>(inputs: &'a Object, name: &str) -> Vec<&'a str> {
    match inputs.get(name) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The entries of a mapping.
pub(crate) fn entries<'a>(inputs: &'a Object, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    inputs.get(name).and_then(Value::as_object).into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// A scalar as Python writes it.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

/// Whether Python takes the input as true.
pub(crate) fn is_truthy(inputs: &Object, name: &str) -> bool {
    inputs.get(name).is_some_and(python::is_truthy)
}
