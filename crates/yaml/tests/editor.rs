//! Changes in a file.

use serde_json::{Value, json};
use yaml::{EditError, Editor, Step};

const FILE: &str = include_str!("editor/prefect.yaml");

/// `deployments/0/name` as a path.
fn path(written: &str) -> Vec<Step<'_>> {
    let parts = written.split('/').filter(|part| !part.is_empty());
    parts.map(|part| part.parse().map_or(Step::Key(part), Step::Index)).collect()
}

fn changed(text: &str, change: impl FnOnce(&mut Editor) -> Result<(), EditError>) -> String {
    let mut editor = Editor::new(text).expect("the text is YAML");
    change(&mut editor).unwrap_or_else(|error| panic!("{error}\n{text}"));
    editor.into_text()
}

fn set(text: &str, at: &str, value: Value) -> String {
    changed(text, |editor| editor.set(&path(at), &value))
}

fn append(text: &str, at: &str, value: Value) -> String {
    changed(text, |editor| editor.append(&path(at), &value))
}

fn remove(text: &str, at: &str) -> String {
    changed(text, |editor| editor.remove(&path(at)))
}

fn refused(text: &str, change: impl FnOnce(&mut Editor) -> Result<(), EditError>) -> String {
    let mut editor = Editor::new(text).expect("the text is YAML");
    let error = change(&mut editor).expect_err("changed").to_string();
    assert_eq!(editor.text(), text);
    error
}

/// The lines that a change takes away and puts in.
fn diff(before: &str, after: &str) -> String {
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    old.drain(..same);
    new.drain(..same);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    old.truncate(old.len() - same);
    new.truncate(new.len() - same);
    old.iter().map(|line| format!("- {line}\n")).chain(new.iter().map(|line| format!("+ {line}\n"))).collect()
}

#[test]
fn a_file_keeps_its_comments_and_layout_through_many_changes() {
    let steps: [(&str, String); 12] = [
        ("set a value with a comment", set(FILE, "name", json!("012"))),
        ("set a value to several lines", set(FILE, "deployments/0/description", json!("one\ntwo\n"))),
        ("set a value to a mapping", set(FILE, "deployments/0/version", json!({"a": [1, {"b": null}]}))),
        ("set a mapping to a value", set(FILE, "deployments/0/work_pool", json!("x"))),
        ("set a block of text", set(FILE, "pull/1/prefect.deployments.steps.run_shell_script/script", json!("true"))),
        ("add a key to the first deployment", set(FILE, "deployments/0/paused", json!(true))),
        ("add a key between braces", set(FILE, "deployments/1/work_pool/job_variables/image", json!("{{ image }}"))),
        ("add keys on the way", set(FILE, "deployments/1/concurrency_limit/limit", json!(3))),
        ("append a deployment", append(FILE, "deployments", json!({"name": "third", "tags": ["on", "x"]}))),
        ("append a pull step", append(FILE, "pull", json!({"prefect.x": {"directory": "/opt", "id": "1:30"}}))),
        ("remove an entry with its comments", remove(FILE, "deployments/0/schedules")),
        ("remove a deployment", remove(FILE, "deployments/0")),
    ];
    let report: String = steps.iter().map(|(name, after)| format!("{name}\n{}\n", diff(FILE, after))).collect();
    insta::assert_snapshot!(report);
}

#[test]
fn a_missing_empty_or_null_section_is_filled() {
    let item = || json!({"name": "a", "tags": []});
    let filled = "deployments:\n- name: a\n  tags: []\n";
    for before in ["", "deployments:\n", "deployments: []\n", "deployments: null\n", "deployments: ~\n", "{}", "null\n"]
    {
        let after = append(before, "deployments", item());
        assert_eq!(after.trim_end(), filled.trim_end(), "{before:?}");
    }
    assert_eq!(append("# c\n", "deployments", item()), format!("# c\n{filled}"));
    assert_eq!(append("# c", "deployments", item()), format!("# c\n{filled}"));
    assert_eq!(append("---\n", "deployments", item()), format!("---\n{filled}"));
    assert_eq!(append("---\n...\n", "deployments", item()), format!("---\n{filled}...\n"));
    assert_eq!(append("\u{feff}", "deployments", item()), format!("\u{feff}{filled}"));
    assert_eq!(
        append("deployments: []  # none\nx: 1\n", "deployments", json!("a")),
        "deployments:  # none\n- a\nx: 1\n"
    );
    assert_eq!(
        append("deployments: # none\n\nx: 1\n", "deployments", json!("a")),
        "deployments: # none\n- a\n\nx: 1\n"
    );
}

#[test]
fn a_missing_line_break_at_the_end_stays_missing() {
    assert_eq!(set("a: 1", "b", json!({"c": 1})), "a: 1\nb:\n  c: 1");
    assert_eq!(append("a:\n- 1", "a", json!(2)), "a:\n- 1\n- 2");
    assert_eq!(remove("a: 1\nb: 2", "b"), "a: 1");
    assert_eq!(set("a: 1", "a", json!("x\ny\n")), "a: |\n  x\n  y\n");
}

#[test]
fn line_breaks_are_those_of_the_file() {
    let after = set("a: 1\r\nb: 2\r\n", "c", json!({"d": "x\ny\n", "e": [1]}));
    assert_eq!(after, "a: 1\r\nb: 2\r\nc:\r\n  d: |\r\n    x\r\n    y\r\n  e:\r\n  - 1\r\n");
    assert_eq!(remove("a: 1\r\n# b\r\nb: 2\r\nc: 3\r\n", "b"), "a: 1\r\nc: 3\r\n");
    assert_eq!(append("a:\r\n- b: 1\r\n", "a", json!({"b": 2})), "a:\r\n- b: 1\r\n- b: 2\r\n");
}

#[test]
fn values_between_brackets_are_changed_there() {
    assert_eq!(set("a: {b: 1, c: [2, 3]} # x\n", "a/c/1", json!("d, e")), "a: {b: 1, c: [2, \"d, e\"]} # x\n");
    assert_eq!(set("a: {b: 1}\n", "a/c", json!({"d": ["e: f", null]})), "a: {b: 1, c: {d: [\"e: f\", null]}}\n");
    assert_eq!(set("a: {b: , c}\n", "a/b", json!(1)), "a: {b: 1 , c}\n");
    assert_eq!(set("a: {b, c}\n", "a/b", json!(1)), "a: {b: 1, c}\n");
    assert_eq!(set("a: [{}, 1]\n", "a/0/b", json!("x\ny")), "a: [{b: \"x\\ny\"}, 1]\n");
    assert_eq!(append("a: [\n  1, # one\n  2, # two\n]\n", "a", json!(3)), "a: [\n  1, # one\n  2, 3, # two\n]\n");
    assert_eq!(remove("a: [1, 2, 3]\n", "a/0"), "a: [2, 3]\n");
    assert_eq!(remove("a: [1, 2, 3]\n", "a/2"), "a: [1, 2]\n");
    assert_eq!(remove("a: {b: 1}\n", "a/b"), "a: {}\n");
    assert_eq!(remove("a: {b: 1, c: 2,}\n", "a/c"), "a: {b: 1,}\n");
}

#[test]
fn an_entry_behind_a_dash_goes_and_the_dash_stays() {
    let file = "- a: 1 # x\n  # of b\n  b: 2\n- c: 3\n";
    assert_eq!(remove(file, "0/a"), "- # of b\n  b: 2\n- c: 3\n");
    assert_eq!(remove("- a: 1\n  b: 2\n", "0/a"), "- b: 2\n");
    assert_eq!(remove("- a:\n    x: 1\n    # y\n  b: 2\n", "0/a"), "- b: 2\n");
    assert_eq!(remove(file, "1/c"), "- a: 1 # x\n  # of b\n  b: 2\n- {}\n");
    assert_eq!(remove("- - a\n  - b\n", "0/0"), "- - b\n");
}

#[test]
fn empty_lines_around_a_removed_entry_become_one_gap() {
    assert_eq!(remove("a: 1\n\nb: 2\n\nc: 3\n", "b"), "a: 1\n\nc: 3\n");
    assert_eq!(remove("a: 1\nb: 2\n\nc: 3\n", "b"), "a: 1\n\nc: 3\n");
    assert_eq!(remove("# of a\na: 1\n\nc: 3\n", "a"), "c: 3\n");
    assert_eq!(remove("# of the file\n\n# of a\na: 1\nc: 3\n", "a"), "# of the file\n\nc: 3\n");
}

#[test]
fn a_key_is_renamed_in_its_place() {
    let renamed = |text: &str, at: &str, to: &str| changed(text, |editor| editor.rename(&path(at), to));
    assert_eq!(renamed("a: {infra: 1} # x\n", "a/infra", "job_variables"), "a: {job_variables: 1} # x\n");
    assert_eq!(renamed("'a' : 1\n", "a", "on"), "'on' : 1\n");
    let mut editor = Editor::new("a: 1\nb: 2\n").unwrap();
    let error = editor.rename(&path("a"), "b").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column 1: the mapping has a key `b` already");
}

#[test]
fn an_alias_never_changes_along() {
    let file = "a: &x\n  b: &y [1]\n  c: 2\nd: *x\ne: {<<: *x, f: *y}\n";
    let report: Vec<String> = vec![
        refused(file, |editor| editor.set(&path("a/c"), &json!(3))),
        refused(file, |editor| editor.set(&path("a"), &json!(3))),
        refused(file, |editor| editor.append(&path("a/b"), &json!(3))),
        refused(file, |editor| editor.remove(&path("a"))),
        refused(file, |editor| editor.set(&path("d/c"), &json!(3))),
        refused(file, |editor| editor.append(&path("e/f"), &json!(3))),
        refused(file, |editor| editor.remove(&path("e/c"))),
        refused(file, |editor| editor.append(&path("e/b"), &json!(3))),
        refused("&k a: 1\nb: *k\n", |editor| editor.rename(&path("a"), "c")),
    ];
    insta::assert_snapshot!(report.join("\n"));
    // A value of its own in place of an alias, or of a merged value, changes nothing else.
    assert_eq!(set(file, "d", json!(1)), file.replace("d: *x", "d: 1"));
    assert_eq!(set(file, "e/c", json!(1)), file.replace("f: *y}", "f: *y, c: 1}"));
    assert_eq!(remove(file, "e"), "a: &x\n  b: &y [1]\n  c: 2\nd: *x\n");
}

#[test]
fn a_path_that_does_not_fit_is_refused() {
    let file = "a: [1]\nb: x\n";
    let report: Vec<String> = vec![
        refused(file, |editor| editor.set(&path("a/1"), &json!(3))),
        refused(file, |editor| editor.set(&path("a/b"), &json!(3))),
        refused(file, |editor| editor.set(&path("b/c"), &json!(3))),
        refused(file, |editor| editor.append(&path("b"), &json!(3))),
        refused(file, |editor| editor.remove(&path("c"))),
        refused(file, |editor| editor.remove(&[])),
        refused(file, |editor| editor.set(&path("c/0"), &json!(3))),
        Editor::new("a: [").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(report.join("\n"));
}

#[test]
fn text_is_quoted_when_yaml_would_read_something_else() {
    let texts = [
        "plain",
        "two words",
        "yes",
        "On",
        "012",
        "1:30:00",
        "2026-01-01",
        "1e3",
        "0o7",
        "y",
        "~",
        "",
        " a",
        "a ",
        "a: b",
        "a #b",
        "a#b",
        "a:b",
        "- a",
        "-a",
        "*",
        "* * * * *",
        "{{ x }}",
        "x {{ y }}",
        "[a",
        "@a",
        "%a",
        "=",
        "<<",
        "null",
        "a'b",
        "a\"b",
        "a\\b",
        "\"a\"",
        "tab\there",
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\na\n",
        "  a\nb",
        "a\n  b\n",
        "a \nb\n",
        "a\n \nb\n",
        "\u{feff}a",
        "é流☕",
        "\u{7}",
        "a\r\nb",
        "...",
        "---",
        "a:",
        "http://x.y/z?a=b",
        "a, b",
        "!a",
        "&a",
    ];
    let written: Vec<String> = texts.iter().map(|text| set("", "a", json!(text))).collect();
    insta::assert_snapshot!(written.concat());
}

#[test]
fn numbers_are_written_as_yaml_1_1_takes_them() {
    let numbers = json!([1, -1, u64::MAX, 1.0, 0.1, 1e16, 1.5e300, 1e-7, -2.5e-10]);
    assert_eq!(
        set("", "a", numbers),
        "a:\n- 1\n- -1\n- 18446744073709551615\n- 1.0\n- 0.1\n- 1.0e+16\n- 1.5e+300\n- 1.0e-7\n- -2.5e-10\n"
    );
}

#[test]
fn an_update_keeps_the_text_of_everything_that_is_equal() {
    let updated = |text: &str, value: Value| changed(text, |editor| editor.update(&[], &value));
    let file = "a: 1   # one\nb: [x, 'y']  # two\nc:\n  d: yes\n  # of e\n  e: 2026-01-01\n";
    let mut value = yaml::read(file).unwrap().to_json();
    assert_eq!(updated(file, value.clone()), file);
    value["c"]["d"] = json!(false);
    value["b"][1] = json!("z");
    value["f"] = json!([]);
    assert_eq!(
        updated(file, value),
        "a: 1   # one\nb: [x, z]  # two\nc:\n  d: false\n  # of e\n  e: 2026-01-01\nf: []\n"
    );
    assert_eq!(updated("- a # 1\n- b # 2\n- c # 3\n", json!(["a", "c"])), "- a # 1\n- c # 3\n");
    assert_eq!(updated("- a # 1\n- b # 2\n", json!(["a", "x", "c"])), "- a # 1\n- x # 2\n- c\n");
}

#[test]
fn a_mapping_becomes_a_list_of_itself_with_its_comments() {
    let updated = |text: &str, value: Value| changed(text, |editor| editor.update(&path("s"), &value));
    assert_eq!(
        updated("s:\n  # c\n  a: 1 # one\n  b: 2\nx: 1\n", json!([{"a": 1, "b": 3, "d": 4}])),
        "s:\n  # c\n- a: 1 # one\n  b: 3\n  d: 4\nx: 1\n"
    );
    assert_eq!(updated("s:\n    a: 1\n    b: 2\n", json!([{"a": 1, "b": 2}])), "s:\n  - a: 1\n    b: 2\n");
    assert_eq!(updated("s: {a: 1} # c\n", json!([{"a": 2}])), "s: [{a: 2}] # c\n");
    assert_eq!(updated("s:\n a: 1\n", json!([{"a": 1}])), "s:\n- a: 1\n");
}

#[test]
fn a_mapping_of_one_entry_gets_another_key_in_its_place() {
    let file = "- old.step: # c\n    a: 1 # one\n    b: 2\n";
    let after = changed(file, |editor| editor.update(&[], &json!([{"new.step": {"a": 1}}])));
    assert_eq!(after, "- new.step: # c\n    a: 1 # one\n");
}

#[test]
fn changes_reach_aliases_when_they_may() {
    let file = "a: &x\n  b: 1 # one\nc: *x\nd: {<<: *x}\n";
    let through = |value: Value| {
        let mut editor = Editor::new(file).unwrap().through_aliases();
        editor.update(&[], &value).unwrap();
        assert_eq!(yaml::read(editor.text()).unwrap().to_json(), value);
        editor.into_text()
    };
    assert_eq!(through(json!({"a": {"b": 2}, "c": {"b": 2}, "d": {"b": 2}})), file.replace("b: 1", "b: 2"));
    // An alias that is to be something else gets a value of its own.
    assert_eq!(
        through(json!({"a": {"b": 1}, "c": {"b": 3}, "d": {"b": 4}})),
        "a: &x\n  b: 1 # one\nc:\n  b: 3\nd: {<<: *x, b: 4}\n"
    );
}
