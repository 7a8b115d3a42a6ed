//! The reader against PyYAML: `pyyaml/expected.json` is made by `pyyaml/expected.py`.

use serde_json::Value;

#[test]
fn thousands_of_documents_are_read_as_pyyaml_reads_them() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("pyyaml/expected.json")).unwrap();
    assert!(cases.len() > 5000, "{} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What differs between PyYAML and the reader.
fn difference(case: &Value) -> Option<String> {
    let text = case["text"].as_str().expect("every case has a text");
    let read = yaml::read(text).map(|node| node.to_json());
    match (case.get("value"), &read) {
        (Some(expected), Ok(read)) if written(expected) == written(read) => None,
        (None, Err(_)) => None,
        _ => Some(format!("{text:?}: {case} but {read:?}")),
    }
}

/// With the order of keys, which `Value` does not compare.
fn written(value: &Value) -> String {
    value.to_string().replace("-0.0", "0.0")
}
