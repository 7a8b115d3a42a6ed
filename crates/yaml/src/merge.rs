//! Mappings put together from their own entries and merged ones (`<<`).

use std::collections::HashMap;

use crate::node::{Content, Entry, Node};

/// A key as Python compares keys: `1`, `1.0` and `true` are the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyId {
    Null,
    Number(u64),
    Text(String),
    Time(String),
}

impl KeyId {
    pub(crate) fn of(key: &Node) -> Option<Self> {
        // Beyond 53 bits two integers may become one, and no file has such keys.
        let number = |value: f64| Self::Number((value + 0.0).to_bits());
        Some(match &key.content {
            Content::Null => Self::Null,
            Content::Bool { value, .. } => number(f64::from(u8::from(*value))),
            Content::Integer { value, .. } => number(*value as f64),
            Content::Float { value, .. } => number(*value),
            Content::Time { value, .. } => Self::Time(value.clone()),
            Content::Text(text) => Self::Text(text.clone()),
            Content::Sequence(_) | Content::Mapping(_) => return None,
        })
    }
}

/// Collects the entries of a mapping.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    merged: Vec<Entry>,
    own: Vec<Entry>,
}

impl Merger {
    pub(crate) fn own(&mut self, entry: Entry) {
        self.own.push(entry);
    }

    pub(crate) fn merged(&mut self, entries: Vec<Entry>) {
        self.merged.extend(entries);
    }

    /// Merged entries first, as Python's dictionary has them. An own entry takes the place of a merged one with its key;
    /// own entries with the same key all stay.
    pub(crate) fn finish(self) -> Vec<Entry> {
        if self.merged.is_empty() {
            return self.own;
        }
        let mut entries = unique(self.merged);
        let mut merged: HashMap<KeyId, usize> = positions(&entries);
        for entry in self.own {
            match KeyId::of(&entry.key).and_then(|id| merged.remove(&id)) {
                Some(position) => replace(&mut entries[position], entry),
                None => entries.push(entry),
            }
        }
        entries
    }
}

/// Python keeps the key that came first.
fn replace(entry: &mut Entry, by: Entry) {
    entry.key.place = by.key.place;
    entry.value = by.value;
}

fn positions(entries: &[Entry]) -> HashMap<KeyId, usize> {
    entries.iter().enumerate().filter_map(|(at, entry)| Some((KeyId::of(&entry.key)?, at))).collect()
}

/// One entry for each key: the last one, in the position of the first.
pub(crate) fn unique(entries: Vec<Entry>) -> Vec<Entry> {
    let mut unique: Vec<Entry> = Vec::with_capacity(entries.len());
    let mut seen = HashMap::new();
    for entry in entries {
        match KeyId::of(&entry.key).map(|id| *seen.entry(id).or_insert(unique.len())) {
            Some(position) if position < unique.len() => replace(&mut unique[position], entry),
            _ => unique.push(entry),
        }
    }
    unique
}
