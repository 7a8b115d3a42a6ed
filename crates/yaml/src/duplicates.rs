//! Keys that a mapping gives twice.

use std::collections::{HashMap, HashSet};

use crate::{
    merge::KeyId,
    node::{Content, Entry, Node, Place},
};

/// A key that one mapping gives twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The key in JSON's spelling.
    pub key: String,
    /// Where it is given first.
    pub first: Place,
    /// Where it is given again.
    pub second: Place,
}

impl Node {
    /// The keys that a mapping gives twice, here and in everything below, in the order of the text. PyYAML takes the last
    /// value without a word. A key that replaces a merged one (`<<`) is no duplicate.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut found = Vec::new();
        collect(self, &mut found);
        found.sort_by_key(|duplicate| (duplicate.second, duplicate.first));
        // Copies through aliases.
        let mut seen = HashSet::new();
        found.retain(|duplicate| seen.insert((duplicate.first, duplicate.second)));
        found
    }
}

fn collect(node: &Node, found: &mut Vec<Duplicate>) {
    match &node.content {
        Content::Sequence(items) => items.iter().for_each(|item| collect(item, found)),
        Content::Mapping(entries) => {
            of_mapping(entries, found);
            entries.iter().for_each(|entry| collect(&entry.value, found));
        }
        _ => {}
    }
}

fn of_mapping(entries: &[Entry], found: &mut Vec<Duplicate>) {
    let mut first = HashMap::new();
    for entry in entries {
        let Some(id) = KeyId::of(&entry.key) else { continue };
        let place = *first.entry(id).or_insert(entry.key.place);
        if place != entry.key.place {
            found.push(Duplicate { key: entry.key.json_key(), first: place, second: entry.key.place });
        }
    }
}
