//! JSON patches of a block, applied as the block applies them.
//!
//! The crate `json-patch` does what Python's `jsonpatch` does (RFC 6902). Neither makes a parent that is missing, so under the
//! agent such a patch fails every run. A user may ask for the parents: then each operation gets the way to its place first.

use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::{Map, Value};

/// Applies a patch.
///
/// # Errors
/// The operation that fails, and why.
pub(crate) fn apply(document: &mut Value, patch: &Patch) -> Result<(), String> {
    for operation in &patch.0 {
        json_patch::patch(document, std::slice::from_ref(operation)).map_err(|error| failure(operation, &error))?;
    }
    Ok(())
}

/// Applies a patch, making parents that are missing. A value that is to be replaced and is not there is added.
///
/// # Errors
/// The operation that fails all the same, and why.
pub(crate) fn apply_with_parents(document: &mut Value, patch: &Patch) -> Result<(), String> {
    for operation in &patch.0 {
        let operation = match operation {
            PatchOperation::Replace(replace) if document.pointer(replace.path.as_str()).is_none() => {
                PatchOperation::Add(AddOperation { path: replace.path.clone(), value: replace.value.clone() })
            }
            other => other.clone(),
        };
        if matches!(operation, PatchOperation::Add(_)) {
            make_parents(document, operation.path().as_str());
        }
        json_patch::patch(document, std::slice::from_ref(&operation)).map_err(|error| failure(&operation, &error))?;
    }
    Ok(())
}

/// Makes the objects and lists that lead to a place. A list is what the next token counts in.
fn make_parents(document: &mut Value, pointer: &str) {
    let tokens: Vec<String> =
        pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let mut at = document;
    for pair in tokens.windows(2) {
        let [token, next] = pair else { return };
        let empty = || if next == "-" || next == "0" { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        at = match at {
            Value::Object(members) => members.entry(token.clone()).or_insert_with(empty),
            Value::Array(items) => match token.parse::<usize>() {
                Ok(index) if index < items.len() => &mut items[index],
                _ => return,
            },
            _ => return,
        };
    }
}

fn failure(operation: &PatchOperation, error: &json_patch::PatchError) -> String {
    format!("patch {} {}: {}", name(operation), operation.path().as_str(), error.kind)
}

/// `add`, `remove`, …
pub(crate) fn name(operation: &PatchOperation) -> &'static str {
    match operation {
        PatchOperation::Add(_) => "add",
        PatchOperation::Remove(_) => "remove",
        PatchOperation::Replace(_) => "replace",
        PatchOperation::Move(_) => "move",
        PatchOperation::Copy(_) => "copy",
        PatchOperation::Test(_) => "test",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patch(operations: Value) -> Patch {
        serde_json::from_value(operations).unwrap()
    }

    #[test]
    fn operations_apply_in_order() {
        let mut document = json!({"a": {"list": [1, 3]}, "b": 1});
        let operations = json!([
            {"op": "add", "path": "/a/list/1", "value": 2},
            {"op": "add", "path": "/a/list/-", "value": 4},
            {"op": "replace", "path": "/b", "value": {"c": 5}},
            {"op": "copy", "from": "/b/c", "path": "/d"},
            {"op": "move", "from": "/b/c", "path": "/e~1f"},
            {"op": "test", "path": "/d", "value": 5},
            {"op": "remove", "path": "/b"},
        ]);
        apply(&mut document, &patch(operations)).unwrap();
        assert_eq!(document, json!({"a": {"list": [1, 2, 3, 4]}, "d": 5, "e/f": 5}));
    }

    #[test]
    fn a_missing_parent_fails_and_is_named() {
        let mut document = json!({"overrides": {}});
        let network =
            patch(json!([{"op": "add", "path": "/networkConfiguration/awsvpcConfiguration/subnets", "value": ["s"]}]));
        let error = apply(&mut document, &network).unwrap_err();
        assert!(error.starts_with("patch add /networkConfiguration/awsvpcConfiguration/subnets: "), "{error}");
        for failing in [
            json!([{"op": "replace", "path": "/cluster", "value": "x"}]),
            json!([{"op": "remove", "path": "/cluster"}]),
            json!([{"op": "test", "path": "/overrides", "value": 1}]),
        ] {
            assert!(apply(&mut document, &patch(failing.clone())).is_err(), "{failing}");
        }
    }

    #[test]
    fn missing_parents_are_made_when_told() {
        let mut document = json!({"overrides": {}, "tags": [{"key": "a"}]});
        let operations = json!([
            {"op": "add", "path": "/networkConfiguration/awsvpcConfiguration/subnets", "value": ["s"]},
            {"op": "add", "path": "/overrides/ephemeralStorage/sizeInGiB", "value": 80},
            {"op": "add", "path": "/placementConstraints/-", "value": {"type": "memberOf"}},
            {"op": "replace", "path": "/tags/0/value", "value": "b"},
            {"op": "replace", "path": "/cluster", "value": "c"},
        ]);
        apply_with_parents(&mut document, &patch(operations)).unwrap();
        let expected = json!({"overrides": {"ephemeralStorage": {"sizeInGiB": 80}}, "tags": [{"key": "a", "value": "b"}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
            "placementConstraints": [{"type": "memberOf"}], "cluster": "c"});
        assert_eq!(document, expected);
        assert!(apply_with_parents(&mut document, &patch(json!([{"op": "remove", "path": "/x/y"}]))).is_err());
    }
}
