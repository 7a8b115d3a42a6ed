//! Values in JSON.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use crate::{
    merge::KeyId,
    node::{Content, Entry, Node},
};

impl Node {
    /// The value in JSON, as pydantic writes what PyYAML loads: keys become text (`true`, `None`, `8`), and of a key given
    /// twice the last value counts. A date is its ISO text; an infinite number, which JSON does not have, is null.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool { value, .. } => Value::Bool(*value),
            Content::Integer { value, .. } => integer(*value),
            Content::Float { value, .. } => Value::from(*value),
            Content::Time { value, .. } | Content::Text(value) => Value::String(value.clone()),
            Content::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Content::Mapping(entries) => Value::Object(object(entries)),
        }
    }

    /// The key that this value becomes in JSON.
    #[must_use]
    pub fn json_key(&self) -> String {
        match &self.content {
            Content::Null => "None".to_owned(),
            Content::Float { value, .. } => python_float(*value),
            _ => match self.to_json() {
                Value::String(text) => text,
                other => other.to_string(),
            },
        }
    }
}

fn integer(value: i128) -> Value {
    Number::from_i128(value).map_or(Value::Null, Value::Number)
}

/// Of keys that Python takes for the same (`1`, `1.0`, `true`), the first gives the name and the last the value.
fn object(entries: &[Entry]) -> Map<String, Value> {
    let mut names: HashMap<KeyId, String> = HashMap::new();
    let mut object = Map::new();
    for Entry { key, value } in entries {
        let name = match (&key.content, KeyId::of(key)) {
            (Content::Text(text), _) => text.clone(),
            (_, Some(id)) => names.entry(id).or_insert_with(|| key.json_key()).clone(),
            (_, None) => key.json_key(),
        };
        object.insert(name, value.to_json());
    }
    object
}

/// Python's `repr` of a float: an exponent from 1e16 on and below 1e-4, with a sign and at least two digits.
fn python_float(value: f64) -> String {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() && !value.is_nan() { "-" } else { "" };
        return format!("{sign}{}", if value.is_nan() { "NaN" } else { "Infinity" });
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
