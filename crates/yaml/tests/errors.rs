//! What is said about a text that is not a YAML document.

use std::fmt::Write as _;

/// Each text and what is said about it.
fn report(texts: &[&str]) -> String {
    let mut report = String::new();
    for text in texts {
        let said = match yaml::read(text) {
            Ok(node) => format!("taken as {}", node.to_json()),
            Err(error) => error.to_string(),
        };
        for line in text.lines() {
            writeln!(report, "  | {line}").expect("a string takes text");
        }
        writeln!(report, "{said}\n").expect("a string takes text");
    }
    report
}

#[test]
fn a_value_that_needs_quotes_is_said_to() {
    insta::assert_snapshot!(report(&[
        "tags: {{ $TAGS }}\n",
        "tags: [a, {{ b }}]\n",
        "name: {{ a }}-{{ b }}\n",
        "name: {{ a }}\nother: x\n",
        "- {{ a }} b\n",
        "cron: * * * * *\n",
        "cron: */5 * * * *\n",
        "cron: @daily\n",
        "paths:\n- *.py\n",
        "description: first: second\n",
        "description: done: \n",
        "a: &b!c d\n",
        "a: !Ref b\n",
        "a: !!python/object:os.system x\n",
        "a: %x\n",
        "a: |x\n",
        "a: | x\n",
        "a: `x`\n",
        "a: 'it's'\n",
        "a: \"say \"hi\"\"\n",
        "a: \"C:\\Users\"\n",
        "a: \"\\x4\"\n",
        "a: =\n",
        "a: <<\n",
        "a: 2026-02-30\n",
        "a: 123456789012345678901234567890\n",
        "a: [b?c]\n",
        "a: ]\n",
    ]));
}

#[test]
fn wrong_indentation_is_said_with_its_line() {
    insta::assert_snapshot!(report(&[
        "name: tabs\ndeployments:\n- name: one\n\tentrypoint: f.py:f\n",
        "a:\n\t- b\n",
        "a: \"b\"\n\tc: d\n",
        "deployments:\n- name: one\n  entrypoint: f.py:f\n   work_pool: {name: p}\n",
        "a:\n    b: 1\n  c: 2\n",
        "a:\n- b\n c\n",
        "a:\n  - b\n - c\n",
        "a: - b\n",
        "a:\n  b\n  c: d\n",
        "a: b\nc d\ne: f\n",
        "a: b\nc:d\ne: f\n",
        "a: 1\n- b\n",
    ]));
}

#[test]
fn brackets_and_quotes_that_stay_open_are_said_with_their_line() {
    insta::assert_snapshot!(report(&[
        "deployments:\n- name: one\n  entrypoint: \"f.py:f\n  work_pool: {name: p}\n",
        "a: 'b\nc: d\n",
        "a: \"b\nc: \"d\"\ne: f\n",
        "a: [b, c\nd: e\n",
        "a: {b: c\nd: e\n",
        "a: {b: c\n",
        "a: [b c: d: e]\n",
        "a: [b, , c]\n",
        "a: {b: [c}\n",
        "a: {\"b\"\n  : c}\n",
    ]));
}

#[test]
fn what_is_no_single_document_is_refused() {
    insta::assert_snapshot!(report(&[
        "name: a\n---\ndeployments: []\n",
        "--- a\n...\nb\n",
        "%YAML 2.0\n---\na\n",
        "%YAML 1.1\na\n",
        "a: b\n<<<<<<< HEAD\nc: d\n=======\nc: e\n>>>>>>> main\n",
        "a: \u{7}\n",
    ]));
}

#[test]
fn anchors_and_merges_that_do_not_fit_are_refused() {
    insta::assert_snapshot!(report(&[
        "a: *nowhere\n",
        "a: &b {c: *b}\n",
        "a: &b 1\nc: &b 2\n",
        "a: {<<: 1}\n",
        "a: &b [1]\nc: {<<: *b}\n",
        "? [a]\n: b\n",
        "? {a: b}\n: c\n",
        "a: !!int b\n",
        "a: !!map b\n",
        "a: !!str [b]\n",
        "a: !!omap [{b: c, d: e}]\n",
        "a: !!binary /w==\n",
    ]));
}
