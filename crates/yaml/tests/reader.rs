//! Reading.

use serde_json::json;

#[test]
fn a_merged_mapping_comes_first_and_own_entries_win() {
    let node = yaml::read("base: &b {cpu: 1, env: x}\nown:\n  env: y\n  <<: *b\non: 012\nat: 1:30:00\nd: 2026-01-01\n")
        .unwrap();
    assert_eq!(
        node.to_json(),
        json!({"base": {"cpu": 1, "env": "x"}, "own": {"cpu": 1, "env": "y"}, "true": 10, "at": 5400, "d": "2026-01-01"})
    );
    assert_eq!(node.get("d").and_then(yaml::Node::written), Some("2026-01-01"));
}

#[test]
fn an_empty_text_is_null() {
    assert!(yaml::read("# nothing\n").unwrap().is_null());
}
