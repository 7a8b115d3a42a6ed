//! Bounds on what a configuration may become.
//!
//! A pool, a deployment and a run are written by different people, and whoever can create a run chooses its job
//! variables. A few kilobytes of placeholders that name a large value would otherwise grow without end, and a deeply
//! nested value would overflow the stack, which no error handling survives. Everything that copies or descends spends
//! from one [`Budget`]; running out is an ordinary error with a code.

use serde_json::{Map, Value};

use crate::{error::WorkPoolError, placeholder};

/// Levels of nesting, of a template as of a result. An ECS request needs twelve; `serde_json` itself reads 128.
pub(crate) const MAX_DEPTH: usize = 100;

/// Bytes of a rendered configuration, counting strings, keys and eight for every value. AWS accepts 64 KiB.
pub(crate) const MAX_BYTES: usize = 1 << 20;

const VALUE_BYTES: usize = 8;

/// What is left to spend on one rendering.
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: MAX_BYTES }
    }

    /// Spends `bytes` of text.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), WorkPoolError> {
        self.left = self.left.checked_sub(bytes).ok_or(WorkPoolError::Size { limit: MAX_BYTES })?;
        Ok(())
    }

    /// Spends one value with `bytes` of text, found `depth` levels down.
    pub(crate) fn value(&mut self, bytes: usize, depth: usize) -> Result<(), WorkPoolError> {
        within_depth(depth)?;
        self.text(VALUE_BYTES + bytes)
    }

    /// Copies a value that will stand `depth` levels down.
    pub(crate) fn copy(&mut self, value: &Value, depth: usize) -> Result<Value, WorkPoolError> {
        match value {
            Value::String(text) => self.string(text, depth),
            Value::Array(items) => {
                self.value(0, depth)?;
                items.iter().map(|item| self.copy(item, depth + 1)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(entries) => self.object(entries, depth).map(Value::Object),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.value(0, depth)?;
                Ok(value.clone())
            }
        }
    }

    /// Copies an object that will stand `depth` levels down.
    pub(crate) fn object(
        &mut self,
        entries: &Map<String, Value>,
        depth: usize,
    ) -> Result<Map<String, Value>, WorkPoolError> {
        self.value(0, depth)?;
        let mut copied = Map::with_capacity(entries.len());
        for (key, value) in entries {
            self.text(key.len())?;
            copied.insert(key.clone(), self.copy(value, depth + 1)?);
        }
        Ok(copied)
    }

    /// Copies a string that will stand `depth` levels down.
    pub(crate) fn string(&mut self, text: &str, depth: usize) -> Result<Value, WorkPoolError> {
        self.value(text.len(), depth)?;
        Ok(Value::String(text.to_owned()))
    }
}

/// Refuses what stands too many levels down.
pub(crate) fn within_depth(depth: usize) -> Result<(), WorkPoolError> {
    if depth > MAX_DEPTH { Err(WorkPoolError::Depth { limit: MAX_DEPTH }) } else { Ok(()) }
}

/// Refuses a value that nests too deeply; stops descending at the limit.
pub(crate) fn check_depth(value: &Value, depth: usize) -> Result<(), WorkPoolError> {
    within_depth(depth)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_depth(item, depth + 1)),
        Value::Object(entries) => entries.values().try_for_each(|entry| check_depth(entry, depth + 1)),
        _ => Ok(()),
    }
}

/// Whether a string deserves a closer look.
pub(crate) fn may_hold_placeholder(text: &str) -> bool {
    text.contains(placeholder::OPEN)
}
