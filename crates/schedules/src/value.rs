//! Values of `prefect.yaml` as text.

use serde_json::{Map, Value};

use crate::ScheduleError;

/// Longest value that an error repeats.
const SHOWN: usize = 60;

/// A value for an error text.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the truth value {value} (put a text in quotes)"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text `{}`", shortened(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// A text without line breaks, and not longer than a line.
pub(crate) fn shortened(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if flat.chars().count() <= SHOWN { flat } else { format!("{}…", flat.chars().take(SHOWN).collect::<String>()) }
}

/// Typed access to a schedule's keys. A null is a key that is not there.
pub(crate) struct Keys<'a> {
    map: &'a Map<String, Value>,
    pub(crate) errors: Vec<ScheduleError>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, errors: Vec::new() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        match self.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            other => self.wrong(key, "a text", other),
        }
    }

    /// A truth value, or a text that a template left: `true`, `no`, `1`.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => truth(&number.to_string()),
            Value::String(text) => truth(text),
            _ => None,
        };
        flag.or_else(|| self.wrong(key, "true or false", value))
    }

    pub(crate) fn mapping(&mut self, key: &'static str) -> Option<&'a Map<String, Value>> {
        match self.get(key)? {
            Value::Object(map) => Some(map),
            other => self.wrong(key, "a mapping", other),
        }
    }

    /// A whole number above zero.
    pub(crate) fn count(&mut self, key: &'static str) -> Option<u32> {
        let value = self.get(key)?;
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        number.filter(|number| *number > 0).or_else(|| self.wrong(key, "a whole number above 0", value))
    }

    fn wrong<T>(&mut self, key: &'static str, wanted: &'static str, found: &Value) -> Option<T> {
        self.errors.push(ScheduleError::WrongType { key, wanted, found: describe(found) });
        None
    }
}

/// The texts that pydantic takes for truth values.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}
