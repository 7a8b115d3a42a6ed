//! Python's view of JSON values, where the ECS worker's result depends on it.

use std::borrow::Cow;

use serde_json::Value;
use work_pool::Object;

/// Whether the worker would drop the value: falsy in Python, except `False` (prefect-aws 0.7.12, `ecs_worker.py`,
/// `_drop_empty_keys_from_dict`). Zero is dropped.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// Whether Python takes the value for true.
pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => *flag,
        other => !is_empty(other),
    }
}

/// The member `name` unless Python takes it for false.
pub(crate) fn true_member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| is_true(value))
}

/// Drops empty members at every depth, as the worker does: whether a member is empty is asked before its own members
/// are dropped, so `{"a": {"b": null}}` becomes `{"a": {}}`.
pub(crate) fn drop_empty(object: &mut Object) {
    object.retain(|_, value| !is_empty(value));
    for value in object.values_mut() {
        match value {
            Value::Object(members) => drop_empty(members),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_empty),
            _ => {}
        }
    }
}

/// Drops null members at every depth.
///
/// Not what the worker does: it hands them to boto3, which refuses them. A job variable that is explicitly null means
/// that nothing is wanted there.
pub(crate) fn drop_null(object: &mut Object) {
    object.retain(|_, value| !value.is_null());
    for value in object.values_mut() {
        match value {
            Value::Object(members) => drop_null(members),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_null),
            _ => {}
        }
    }
}

/// Sorts the keys at every depth. Most objects are sorted already, and sorting one hashes all of its keys anew.
pub(crate) fn sort_keys(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if !members.keys().is_sorted() {
                members.sort_keys();
            }
            members.values_mut().for_each(sort_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(sort_keys),
        _ => {}
    }
}

/// The compact JSON of a request, in one piece of memory: most have one to two kilobytes.
pub(crate) fn compact(request: &Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(4 << 10);
    // Neither writing to memory nor a JSON value fails.
    let _ = serde_json::to_writer(&mut text, request);
    text
}

/// An object of two members, to be [`filled`].
pub(crate) fn pair(first: &str, second: &str) -> Object {
    [first, second].into_iter().map(|name| (name.to_owned(), Value::Null)).collect()
}

/// A copy of a [`pair`] with these values. A request has some twenty of them, and a copy keeps its hash table, where
/// `json!` would hash both keys.
pub(crate) fn filled(pair: &Object, first: &str, second: &str) -> Value {
    let mut object = pair.clone();
    for (place, text) in object.values_mut().zip([first, second]) {
        *place = text.into();
    }
    Value::Object(object)
}

/// `str(value)`.
pub(crate) fn to_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("True"),
        Value::Bool(false) => Cow::Borrowed("False"),
        Value::Null => Cow::Borrowed("None"),
        other => Cow::Owned(other.to_string()),
    }
}

/// `int(value)` where Python would not raise.
pub(crate) fn to_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Number(number) => number.as_i64().or_else(|| {
            let truncated = number.as_f64()?.trunc();
            // Larger ones are no size of anything and would not survive the cast.
            #[allow(clippy::cast_possible_truncation)]
            (truncated.abs() < 9e15).then_some(truncated as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What a value is, without the value: it may be a secret.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
