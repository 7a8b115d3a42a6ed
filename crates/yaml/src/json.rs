//! Values in JSON.

use serde_json::{Map, Number, Value};

use crate::node::{Content, Entry, Node};

impl Node {
    /// The value in JSON, as Python's `json.dumps` writes what PyYAML loads: keys become text (`true`, `null`, `8`), and of
    /// a key given twice the last value counts. A date is its ISO text; an infinite number, which JSON does not have, is
    /// null, as pydantic writes it.
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

    /// The key that `json.dumps` makes of this value.
    pub(crate) fn json_key(&self) -> String {
        match self.to_json() {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

fn integer(value: i128) -> Value {
    Number::from_i128(value).map_or(Value::Null, Value::Number)
}

fn object(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.json_key(), entry.value.to_json())).collect()
}
