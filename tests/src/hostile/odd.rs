//! Values that hurt: wrong types, edges of numbers, texts that are long or no words, nesting, bombs.

use serde_json::{Map, Value, json};

use super::{CANARY, Dice};

/// Text for the middle of JSON.
pub(super) const FRAGMENTS: &[&[u8]] = &[
    br"\ud800",
    br#""\udfff\u0000""#,
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\0",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0",
    b"{\"a\":1,\"a\":2}",
    b",,",
    b"]]]}}}",
    b"{{ a }}",
    b"\"",
    b"\\",
    b"//",
    b"\xe2\x80\xae",
];

/// Numbers at the edges of what holds numbers.
pub(super) const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "255",
    "65536",
    "2147483648",
    "-2147483649",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709549568",
    "1e308",
    "-1e308",
    "1e309",
    "1e-324",
    "5e-324",
    "-0.0",
    "0.1",
    "1E400",
    "00",
    "1.",
];

/// A name, as keys and variables have them.
pub(super) fn name(dice: &mut Dice) -> String {
    match dice.below(14) {
        0 => String::new(),
        1 => text(dice),
        2 => "env.A.b".to_owned(),
        3 => "a.b[0].c".to_owned(),
        4 => "x".repeat(1 + dice.below(300)),
        _ => dice
            .pick(&[
                "a",
                "b",
                "c",
                "env",
                "name",
                "id",
                "type",
                "image",
                "cpu",
                "$ref",
                "block_document_id",
                "value",
                "default",
                "version",
                "containerDefinitions",
                "environment",
                "labels",
                "command",
                "PREFECT_API_KEY",
                "ü",
                "\u{0}",
            ])
            .to_owned(),
    }
}

/// A text.
pub(super) fn text(dice: &mut Dice) -> String {
    match dice.below(40) {
        0 => String::new(),
        1 => " \t\n\r\u{b}\u{1c}\u{85}\u{a0}\u{2028}".to_owned(),
        2 => "\u{0}\u{1}\u{7f}\u{feff}\u{202e}\u{e0001}\u{10ffff}".to_owned(),
        3 => dice.pick(NUMBERS).to_owned(),
        4 => "{{".repeat(1 + dice.below(40)),
        5 => format!("{{{{{} a", " ".repeat(dice.below(200))),
        6 => "é漢😀".repeat(1 + dice.below(40)),
        7 => dice.pick(&["'", "\"", "\\", "'\"'", "a 'b", "a\\", "$(x)", "`x`", "%s", "../../x"]).to_owned(),
        8 => dice
            .pick(&["2026-01-01T00:00:00Z", "-009999-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "+292277"])
            .to_owned(),
        9 => "7f2c1f0e-0000-4000-8000-000000000001".to_owned(),
        10 => dice
            .pick(&["arn:aws:ecs:eu-west-1:1:cluster/c", "arn:", "arn:aws:secretsmanager:r:1:secret:s-a"])
            .to_owned(),
        11 => dice.pick(&["true", "null", "[]", "{}", "\"x\"", "1 vCPU", "2 GB", "0.25", "FARGATE", "EC2"]).to_owned(),
        12 if dice.one_in(40) => "x".repeat(1 << dice.below(18)),
        13 | 14 => placeholders(dice),
        _ => dice.pick(&["a", "b", "x", "prefect", "flow", "subnet-1", "image:1", "512"]).to_owned(),
    }
}

/// A text with placeholders in it.
pub(super) fn placeholders(dice: &mut Dice) -> String {
    const NAMES: &[&str] = &[
        "a",
        "b",
        "c",
        "a.b",
        "a.b[0]",
        "a[0]",
        "a.-1",
        "b[99999999999999999999]",
        "c.1_0",
        "env.A",
        "env",
        "image",
        "cpu",
        "$A",
        "prefect.blocks.secret.t",
        "prefect.blocks.json.j.value.a[0]",
        "prefect.blocks.x",
        "prefect.variables.v",
        "prefect.variables.w.x",
        "prefect.blocks.prefect.blocks.",
        ".",
        "..",
        "[",
        "-",
        "missing",
        "flow_run.id",
    ];
    let mut text = String::new();
    let count = if dice.one_in(100) { 1 + dice.below(2_000) } else { 1 + dice.below(3) };
    for _ in 0..count {
        if dice.one_in(3) {
            text.push_str(dice.pick(&["x", "{", "}}", " ", "é", "{{ "]));
        }
        let name = dice.pick(NAMES);
        match dice.below(4) {
            0 => text.extend(["{{", name, "}}"]),
            _ => text.extend(["{{ ", name, " }}"]),
        }
    }
    text
}

/// Anything.
pub(super) fn value(dice: &mut Dice) -> Value {
    match dice.below(24) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 | 3 => number(dice),
        4 | 5 => {
            let items = dice.below(4);
            (0..items).map(|_| value(dice)).collect()
        }
        6..=9 => Value::Object(object(dice)),
        10 if dice.one_in(8) => nested(dice),
        11 if dice.one_in(400) => wide(dice),
        12 => json!({"$ref": {"block_document_id": text(dice)}}),
        13 => json!({"$ref": value(dice)}),
        _ => json!(text(dice)),
    }
}

/// A few entries.
pub(super) fn object(dice: &mut Dice) -> Map<String, Value> {
    let entries = dice.below(5);
    (0..entries).map(|_| (name(dice), value(dice))).collect()
}

/// A number.
pub(super) fn number(dice: &mut Dice) -> Value {
    match dice.below(4) {
        0 => json!(dice.bits().cast_signed()),
        1 => json!(f64::from_bits(dice.bits())),
        2 => json!(dice.below(5_000)),
        _ => serde_json::from_str(dice.pick(NUMBERS)).unwrap_or(Value::Null),
    }
}

/// Levels upon levels, more than JSON is read with now and then.
pub(super) fn nested(dice: &mut Dice) -> Value {
    let levels = 1 + dice.below(140);
    let lists = dice.one_in(2);
    let mut value = json!(text(dice));
    for _ in 0..levels {
        value =
            if lists { Value::Array(vec![value]) } else { Value::Object(Map::from_iter([("a".to_owned(), value)])) };
    }
    value
}

/// Very many entries.
fn wide(dice: &mut Dice) -> Value {
    let count = if dice.one_in(20) { 100_000 } else { 1 + dice.below(5_000) };
    match dice.below(3) {
        0 => (0..count).map(Value::from).collect(),
        1 => Value::Object((0..count).map(|key| (format!("k{key}"), json!(1))).collect()),
        _ => Value::Object((0..count).map(|key| (format!("{{{{ v{key} }}}}"), json!("{{ a }}"))).collect()),
    }
}

/// An environment with a secret in it.
pub(super) fn environment(dice: &mut Dice) -> Value {
    let mut entries = object(dice);
    entries.insert(dice.pick(&["TOKEN", "A", "PREFECT_API_KEY", "DATABASE_URL"]).to_owned(), json!(CANARY));
    Value::Object(entries)
}
