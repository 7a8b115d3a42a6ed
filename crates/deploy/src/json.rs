//! JSON values: their kinds in words, and when two are the same.

use serde_json::Value;

/// A kind of value in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Equal as JSON, whatever type a number has.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len() && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| equal(value, it)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// Whether a stored condition is the wanted one: some of their lists are sets, numbers may have been stored as floats, and
/// the server gives each stored condition an id.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let null = Value::Null;
            let stored = one.keys().filter(|key| *key != "id" || other.contains_key(*key));
            let keys = stored.chain(other.keys().filter(|key| !one.contains_key(*key)));
            keys.into_iter().all(|key| {
                let (left, right) = (one.get(key).unwrap_or(&null), other.get(key).unwrap_or(&null));
                match (left, right) {
                    (Value::Array(left), Value::Array(right))
                        if ["after", "expect", "for_each"].contains(&key.as_str()) =>
                    {
                        left.len() == right.len() && left.iter().all(|it| right.contains(it))
                    }
                    _ => same(left, right),
                }
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_have_no_order_and_numbers_no_type() {
        let one = json!({"expect": ["a", "b"], "within": 0.0, "x": null});
        assert!(same(&one, &json!({"expect": ["b", "a"], "within": 0})));
        assert!(!same(&one, &json!({"expect": ["b"], "within": 0})));
        assert!(!same(&json!(["a", "b"]), &json!(["b", "a"])));
    }

    #[test]
    fn a_stored_condition_has_an_id_that_nobody_wanted() {
        let stored = json!({"id": "1", "triggers": [{"id": "2", "expect": ["a"]}]});
        assert!(same(&stored, &json!({"triggers": [{"expect": ["a"]}]})));
        assert!(!same(&json!({"match": {"id": "1"}}), &json!({"match": {"id": "2"}})));
    }

    #[test]
    fn numbers_are_equal_by_value_and_objects_whatever_their_order() {
        assert!(equal(&json!({"a": 1, "b": [1.0]}), &json!({"b": [1], "a": 1.0})));
        assert!(!equal(&json!({"a": 1}), &json!({"a": 1, "b": null})));
        assert!(!equal(&json!([1, 2]), &json!([2, 1])));
    }
}
