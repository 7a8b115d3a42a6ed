//! Values, their places, and what a mapping gives twice.

use serde_json::json;
use yaml::{Content, Node, Place, Step, read};

fn place(line: usize, column: usize) -> Place {
    Place { line, column }
}

#[test]
fn an_empty_text_is_null() {
    assert!(read("").unwrap().is_null());
    assert!(read("# nothing\n").unwrap().is_null());
}

#[test]
fn every_value_has_its_place() {
    let node = read("a: b\nc:\n- d: é\n- {e: f, g: [h, i]}\n").unwrap();
    let at = |path: &[Step<'_>]| node.at(path).unwrap().place;
    assert_eq!(node.place, place(1, 1));
    assert_eq!(node.entry("c").unwrap().key.place, place(2, 1));
    assert_eq!(at(&["c".into()]), place(3, 1));
    assert_eq!(at(&["c".into(), 0.into(), "d".into()]), place(3, 6));
    assert_eq!(at(&["c".into(), 1.into(), "g".into(), 1.into()]), place(4, 17));
}

#[test]
fn columns_count_characters_and_a_byte_order_mark_is_none() {
    let node = read("\u{feff}a: {é: 流, b: c}\r\nd: e\r\n").unwrap();
    assert_eq!(node.at(&["a".into(), "b".into()]).unwrap().place, place(1, 14));
    assert_eq!(node.get("d").unwrap().place, place(2, 4));
}

#[test]
fn an_alias_has_its_own_place_and_its_content_that_of_the_anchor() {
    let node = read("a: &x\n  b: c\nd: *x\n").unwrap();
    assert_eq!(node.get("d").unwrap().place, place(3, 4));
    assert_eq!(node.at(&["d".into(), "b".into()]).unwrap().place, place(2, 6));
}

#[test]
fn a_scalar_keeps_what_is_written() {
    let node = read("a: 012\nb: yes\nc: 1:30:00\nd: 2026-01-01\ne: 1_0.50\nf: 'x'\ng: ~\nh: []\n").unwrap();
    let written: Vec<Option<&str>> = node.entries().iter().map(|entry| entry.value.written()).collect();
    let expected = ["012", "yes", "1:30:00", "2026-01-01", "1_0.50", "x"].map(Some);
    assert_eq!(written, [&expected[..], &[None, None]].concat());
}

#[test]
fn a_kind_is_named_for_a_message() {
    let kinds = |text: &str| read(text).unwrap().items().iter().map(Node::kind_name).collect::<Vec<_>>();
    assert_eq!(
        kinds("[~, yes, 1, 1.5, 2026-01-01, 2026-01-01T00:00:00, a, [], {}]"),
        ["null", "a boolean", "an integer", "a number", "a date", "a time", "text", "a list", "a mapping"]
    );
}

#[test]
fn a_value_is_found_only_under_a_text_key() {
    let node = read("on: 1\n2: 3\n'on': 4\n").unwrap();
    assert_eq!(node.get("on").and_then(Node::as_integer), Some(4));
    assert_eq!(node.get("2"), None);
    assert_eq!(node.entries()[0].key.written(), Some("on"));
    assert!(matches!(node.entries()[0].key.content, Content::Bool { value: true, .. }));
}

#[test]
fn a_key_given_twice_is_kept_and_reported() {
    let node = read("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 4\n1: x\n1.0: y\n").unwrap();
    assert_eq!(node.get("a").and_then(Node::as_integer), Some(4));
    assert_eq!(node.entries().len(), 5);
    let found: Vec<_> = node.duplicates().into_iter().map(|twice| (twice.key, twice.first, twice.second)).collect();
    assert_eq!(
        found,
        [
            ("c".to_owned(), place(3, 3), place(5, 3)),
            ("a".to_owned(), place(1, 1), place(6, 1)),
            ("1.0".to_owned(), place(7, 1), place(8, 1)),
        ]
    );
}

#[test]
fn a_key_in_place_of_a_merged_one_is_no_duplicate_and_one_in_an_aliased_mapping_is_one() {
    let node = read("a: &x {b: 1}\nc: {<<: *x, b: 2}\n").unwrap();
    assert_eq!(node.duplicates(), []);
    let node = read("a: &x {b: 1, b: 2}\nc: *x\nd: {<<: *x}\n").unwrap();
    assert_eq!(node.duplicates().len(), 1);
}

#[test]
fn merged_entries_come_first_and_own_ones_win() {
    let node = read("base: &b {cpu: 1, env: x}\nown:\n  env: y\n  <<: *b\n  new: z\n").unwrap();
    let own = node.get("own").unwrap();
    assert_eq!(own.to_json().to_string(), json!({"cpu": 1, "env": "y", "new": "z"}).to_string());
    assert_eq!(own.entry("env").unwrap().key.place, place(3, 3));
}
