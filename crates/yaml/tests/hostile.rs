//! Texts that are made to break a reader.

use proptest::prelude::*;

fn refused(text: &str) -> String {
    yaml::read(text).map(|node| node.to_json()).expect_err("taken").to_string()
}

#[test]
fn aliases_of_aliases_are_refused_before_they_fill_the_memory() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        laughs += &format!("a{level}: &a{level} [{below}]\n");
    }
    assert!(refused(&laughs).contains("aliases (`*name`) copy more than 16 MiB"));
}

#[test]
fn merges_of_merges_are_refused_before_they_fill_the_memory() {
    let keys: String = (0..1000).map(|key| format!("k{key}: v, ")).collect();
    let merges = "- {<<: *a}\n".repeat(1000);
    assert!(refused(&format!("a: &a {{{keys}}}\nb:\n{merges}")).contains("16 MiB"));
}

#[test]
fn a_long_text_copied_often_is_refused() {
    let text = "x".repeat(1 << 20);
    assert!(refused(&format!("- &a {text}\n{}", "- *a\n".repeat(20))).contains("16 MiB"));
}

#[test]
fn deep_nesting_is_refused() {
    for opening in ["[", "{a: ", "- ", "? ", "[{a: "] {
        assert!(refused(&opening.repeat(100_000)).contains("nests deeper than 128 levels"), "{opening}");
    }
    let indented: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(refused(&indented).contains("nests deeper than 128 levels"));
}

#[test]
fn nesting_by_aliases_is_refused() {
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(refused(&chain).contains("nests deeper than 128 levels"));
}

#[test]
fn long_texts_take_linear_time() {
    let size = 40_000;
    for part in
        ["a", "a ", "a\n", "\n", " ", "#\n", "'", "\"\\n", "- a\n", "a: b\n", "a,", "!", "&", "*a ", "|\n", "[],", "é"]
    {
        for before in ["", "a: ", "[", "\"", "a: |\n  ", "a: b\n  "] {
            let _ = yaml::read(&format!("{before}{}", part.repeat(size / part.len())));
        }
    }
}

fn yaml_like() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "a",
        "b: ",
        ": ",
        ":",
        "- ",
        "-",
        "? ",
        "\n",
        "\n  ",
        "\n    ",
        " ",
        "\t",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "!!str ",
        "!",
        "|",
        ">",
        "|+2\n",
        "%",
        "@",
        "#",
        " #",
        "---\n",
        "...\n",
        "<<: ",
        "\r\n",
        "\\",
        "é",
        "\u{2028}",
        "\u{feff}",
        "012",
        "~",
        "2026-01-01",
        "1:30",
        "\0",
    ]);
    prop::collection::vec(parts, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn any_text_is_taken_or_refused_at_a_place_in_it(text in prop_oneof![yaml_like(), any::<String>()]) {
        match yaml::read(&text) {
            Ok(node) => {
                let _ = (node.to_json(), node.duplicates());
            }
            Err(error) => {
                prop_assert!(!error.problem.is_empty());
                let breaks = text.chars().filter(|c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')).count();
                prop_assert!((1..=breaks + 1).contains(&error.place.line) && error.place.column > 0);
            }
        }
    }

    #[test]
    fn json_is_yaml_and_means_the_same(value in any_json()) {
        let read = yaml::read(&value.to_string());
        prop_assert_eq!(read.map(|node| node.to_json()), Ok(value));
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z \"\\\\:#]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}
