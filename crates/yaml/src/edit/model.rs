//! What a change means, apart from any text. The editor compares its result with this.

use serde_json::{Map, Value, json};

use crate::node::{Content, Node, Step};

/// A document in JSON, with times set apart from text that looks like one.
pub(super) fn of(node: &Node) -> Value {
    match &node.content {
        Content::Time { value, .. } => json!({"\0time": value}),
        Content::Sequence(items) => items.iter().map(of).collect(),
        Content::Mapping(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.json_key(), of(&entry.value))).collect())
        }
        _ => node.to_json(),
    }
}

/// The value at a path.
pub(super) fn at<'d>(document: &'d mut Value, path: &[Step<'_>]) -> Option<&'d mut Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get_mut(*key),
        Step::Index(index) => value.get_mut(*index),
    })
}

/// Every change gives nothing if the path does not fit the document.
pub(super) fn set(document: &mut Value, path: &[Step<'_>], value: Value) -> Option<()> {
    *reach(document, path)? = value;
    Some(())
}

pub(super) fn append(document: &mut Value, path: &[Step<'_>], value: Value) -> Option<()> {
    let list = reach(document, path)?;
    if list.is_null() {
        *list = json!([]);
    }
    list.as_array_mut()?.push(value);
    Some(())
}

pub(super) fn remove(document: &mut Value, path: &[Step<'_>]) -> Option<()> {
    let (last, parent) = path.split_last()?;
    match (reach(document, parent)?, last) {
        (Value::Object(entries), Step::Key(key)) => entries.shift_remove(*key).map(|_| ()),
        (Value::Array(items), Step::Index(index)) if *index < items.len() => {
            items.remove(*index);
            Some(())
        }
        _ => None,
    }
}

pub(super) fn rename(document: &mut Value, path: &[Step<'_>], to: &str) -> Option<()> {
    let (Step::Key(from), parent) = path.split_last()? else { return None };
    let entries = reach(document, parent)?.as_object_mut()?;
    let renamed = std::mem::take(entries).into_iter();
    *entries = renamed.map(|(key, value)| (if key == *from { to.to_owned() } else { key }, value)).collect();
    Some(())
}

/// The value at a path. Keys that are missing are made.
fn reach<'d>(document: &'d mut Value, path: &[Step<'_>]) -> Option<&'d mut Value> {
    path.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            Some(value.as_object_mut()?.entry(*key).or_insert(Value::Null))
        }
        Step::Index(index) => value.as_array_mut()?.get_mut(*index),
    })
}
