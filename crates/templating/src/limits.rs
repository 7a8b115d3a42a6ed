//! Bounds on what a document may become.
//!
//! Templates and values are written by different people. A few kilobytes of placeholders that name a large value would
//! grow without end, and a deeply nested value would overflow the stack, which no error handling survives. Everything that
//! copies or descends spends from one [`Budget`]; running out is an ordinary error.

use serde_json::{Map, Value};

use crate::{error::TemplatingError, placeholder::Path};

const VALUE_BYTES: usize = 8;

/// The key that makes an object a reference to a block document.
pub(crate) const REFERENCE_KEY: &str = "$ref";

/// Characters that are counted in the time in which a byte is copied, or so.
const COUNTED_FOR_A_BYTE: usize = 64;

/// How large a document may be, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of nesting. `serde_json` itself reads 128.
    pub depth: usize,
    /// Bytes of the result, counting strings, keys and eight for every value.
    pub bytes: usize,
}

impl Limits {
    /// Refuses what stands too many levels down.
    ///
    /// # Errors
    /// [`TemplatingError::Depth`].
    pub fn within_depth(self, depth: usize) -> Result<(), TemplatingError> {
        if depth > self.depth { Err(TemplatingError::Depth { limit: self.depth }) } else { Ok(()) }
    }

    /// Refuses a value, `depth` levels down, that nests too deeply; stops descending at the limit.
    ///
    /// # Errors
    /// [`TemplatingError::Depth`].
    pub fn check_depth(self, value: &Value, depth: usize) -> Result<(), TemplatingError> {
        self.within_depth(depth)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.check_depth(item, depth + 1)),
            Value::Object(entries) => entries.values().try_for_each(|entry| self.check_depth(entry, depth + 1)),
            _ => Ok(()),
        }
    }
}

/// What is left to spend on one document, and what was noticed while copying.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    left: usize,
    /// Whether anything was written that [`resolve()`](crate::resolve()) has to look at. Most documents refer to nothing, and
    /// are spared a second walk.
    pub may_refer: bool,
}

/// Every method fails with [`TemplatingError::Size`] when the budget is used up, and with [`TemplatingError::Depth`] beyond the depth.
impl Budget {
    /// All of it.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, left: limits.bytes, may_refer: false }
    }

    /// What has been spent.
    #[must_use]
    pub fn spent(&self) -> usize {
        self.limits.bytes - self.left
    }

    /// Refuses what stands too many levels down.
    ///
    /// # Errors
    /// [`TemplatingError::Depth`].
    pub fn within_depth(&self, depth: usize) -> Result<(), TemplatingError> {
        self.limits.within_depth(depth)
    }

    /// Spends `bytes` of text.
    ///
    /// # Errors
    /// [`TemplatingError::Size`].
    pub fn text(&mut self, bytes: usize) -> Result<(), TemplatingError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(TemplatingError::Size { limit: self.limits.bytes }),
        }
    }

    /// Spends what finding the value at a path costs: the characters of a text have to be counted up to an index, and a few
    /// kilobytes of placeholders may do that a hundred thousand times to the same text.
    ///
    /// # Errors
    /// [`TemplatingError::Size`].
    pub fn look_up(&mut self, path: &Path) -> Result<(), TemplatingError> {
        // No text is longer than the limit.
        let counted = path.largest_index().map(|index| usize::try_from(index).unwrap_or(usize::MAX));
        self.text(counted.unwrap_or_default().min(self.limits.bytes) / COUNTED_FOR_A_BYTE)
    }

    /// Spends the key of an object.
    ///
    /// # Errors
    /// [`TemplatingError::Size`].
    pub fn key(&mut self, key: &str) -> Result<(), TemplatingError> {
        self.may_refer |= key == REFERENCE_KEY;
        self.text(key.len())
    }

    /// Spends one value with `bytes` of text, found `depth` levels down.
    ///
    /// # Errors
    /// [`TemplatingError::Size`], [`TemplatingError::Depth`].
    pub fn value(&mut self, bytes: usize, depth: usize) -> Result<(), TemplatingError> {
        self.within_depth(depth)?;
        self.text(VALUE_BYTES + bytes)
    }

    /// Spends a value with all that is in it, to stand `depth` levels down.
    ///
    /// # Errors
    /// [`TemplatingError::Size`], [`TemplatingError::Depth`].
    pub fn spend(&mut self, value: &Value, depth: usize) -> Result<(), TemplatingError> {
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

    fn spend_object(&mut self, entries: &Map<String, Value>, depth: usize) -> Result<(), TemplatingError> {
        self.value(0, depth)?;
        entries.iter().try_for_each(|(key, entry)| {
            self.key(key)?;
            self.spend(entry, depth + 1)
        })
    }

    /// Copies a value that will stand `depth` levels down. Spending first makes `clone` safe, and a cloned object
    /// keeps its hash table, where one put together anew would hash every key.
    ///
    /// # Errors
    /// [`TemplatingError::Size`], [`TemplatingError::Depth`].
    pub fn copy(&mut self, value: &Value, depth: usize) -> Result<Value, TemplatingError> {
        self.spend(value, depth)?;
        Ok(value.clone())
    }

    /// Copies an object that will stand `depth` levels down.
    ///
    /// # Errors
    /// [`TemplatingError::Size`], [`TemplatingError::Depth`].
    pub fn copy_object(
        &mut self,
        entries: &Map<String, Value>,
        depth: usize,
    ) -> Result<Map<String, Value>, TemplatingError> {
        self.spend_object(entries, depth)?;
        Ok(entries.clone())
    }
}

/// Levels of a value: 0 for what has no parts.
#[must_use]
pub fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(depth_of).max().map_or(0, |depth| depth + 1),
        Value::Object(entries) => entries.values().map(depth_of).max().map_or(0, |depth| depth + 1),
        _ => 0,
    }
}

/// Whether a string deserves a closer look. A plain loop beats a substring search on texts this short.
#[must_use]
pub fn may_hold_placeholder(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| pair == b"{{")
}
