//! Bounds on what a configuration may become.
//!
//! A pool, a deployment and a run are written by different people, and whoever can create a run chooses its job
//! variables. A few kilobytes of placeholders that name a large value would otherwise grow without end, and a deeply
//! nested value would overflow the stack, which no error handling survives. Everything that copies or descends spends
//! from one [`Budget`]; running out is an ordinary error with a code.

use serde_json::Value;

use crate::{Object, error::WorkPoolError};

/// Levels of nesting, of a template as of a result. An ECS request needs twelve; `serde_json` itself reads 128.
pub(crate) const MAX_DEPTH: usize = 100;

/// Bytes of a rendered configuration, counting strings, keys and eight for every value. AWS accepts 64 KiB.
pub(crate) const MAX_BYTES: usize = 1 << 20;

const VALUE_BYTES: usize = 8;

/// The key that makes an object a reference to a block document.
pub(crate) const REFERENCE_KEY: &str = "$ref";

/// What is left to spend on one rendering, and what was noticed while copying.
pub(crate) struct Budget {
    left: usize,
    /// Whether anything was written that [`crate::resolve`] has to look at. Most configurations refer to nothing, and
    /// are spared a second walk.
    pub(crate) may_refer: bool,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: MAX_BYTES, may_refer: false }
    }

    /// What has been spent.
    pub(crate) fn spent(&self) -> usize {
        MAX_BYTES - self.left
    }

    /// Spends `bytes` of text.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), WorkPoolError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(WorkPoolError::Size { limit: MAX_BYTES }),
        }
    }

    /// Spends the key of an object.
    pub(crate) fn key(&mut self, key: &str) -> Result<(), WorkPoolError> {
        self.may_refer |= key == REFERENCE_KEY;
        self.text(key.len())
    }

    /// Spends one value with `bytes` of text, found `depth` levels down.
    pub(crate) fn value(&mut self, bytes: usize, depth: usize) -> Result<(), WorkPoolError> {
        within_depth(depth)?;
        self.text(VALUE_BYTES + bytes)
    }

    /// Spends a value with all that is in it, to stand `depth` levels down.
    pub(crate) fn spend(&mut self, value: &Value, depth: usize) -> Result<(), WorkPoolError> {
        match value {
            Value::String(text) => {
                self.may_refer |= may_hold_placeholder(text);
                self.value(text.len(), depth)
            }
            Value::Array(items) => {
                self.value(0, depth)?;
                items.iter().try_for_each(|item| self.spend(item, depth + 1))
            }
            Value::Object(entries) => self.spend_object(entries, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.value(0, depth),
        }
    }

    fn spend_object(&mut self, entries: &Object, depth: usize) -> Result<(), WorkPoolError> {
        self.value(0, depth)?;
        entries.iter().try_for_each(|(key, entry)| {
            self.key(key)?;
            self.spend(entry, depth + 1)
        })
    }

    /// Copies a value that will stand `depth` levels down. Spending first makes `clone` safe, and a cloned object
    /// keeps its hash table, where one put together anew would hash every key.
    pub(crate) fn copy(&mut self, value: &Value, depth: usize) -> Result<Value, WorkPoolError> {
        self.spend(value, depth)?;
        Ok(value.clone())
    }

    /// Copies an object that will stand `depth` levels down.
    pub(crate) fn copy_object(&mut self, entries: &Object, depth: usize) -> Result<Object, WorkPoolError> {
        self.spend_object(entries, depth)?;
        Ok(entries.clone())
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

/// Cuts a text off after so many characters.
pub(crate) fn shorten(text: &mut String, longest: usize) {
    if text.len() > longest
        && let Some((end, _)) = text.char_indices().nth(longest)
    {
        text.truncate(end);
        text.push('…');
    }
}

/// Levels of a value: 0 for what has no parts.
pub(crate) fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(depth_of).max().map_or(0, |depth| depth + 1),
        Value::Object(entries) => entries.values().map(depth_of).max().map_or(0, |depth| depth + 1),
        _ => 0,
    }
}

/// Whether a string deserves a closer look. A plain loop beats a substring search on texts this short.
pub(crate) fn may_hold_placeholder(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == b"{{")
}
