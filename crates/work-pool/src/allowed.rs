//! Words for a validation error: what was found, as far as it may be shown, and what the schema allows.

use serde_json::Value;

use diagnosis::shorten;
use templating::python;

use crate::variables::ENV;

/// Characters of a value that are shown.
const MAX_SHOWN: usize = 60;
/// References of a schema that are followed.
const MAX_REFERENCES: usize = 8;
/// Schemas that are described for one objection.
const MAX_PARTS: usize = 50;
/// Options of an enumeration, or kinds of a value, that are told.
const MAX_OPTIONS: usize = 30;
/// Characters of an option or a pattern that are shown.
const LONGEST_OPTION: usize = 200;
/// Characters of a whole description.
const LONGEST: usize = 1_000;
/// Parts of names whose values are not shown.
const SECRET_WORDS: &[&str] =
    &["secret", "pass", "pwd", "token", "key", "credential", "auth", "private", "cert", "dsn", "connection"];

/// The value itself if it cannot be secret, else its kind. Nothing below `env` is shown, nothing below a name that
/// sounds like a secret, nothing the schema calls a password, no URL with a user in it and nothing with parts.
pub(crate) fn found(path: &[String], value: &Value, schema: Option<&Value>) -> String {
    let kind = python::kind_of(value);
    let names_secret = |name: &String| {
        let name = name.to_lowercase();
        SECRET_WORDS.iter().any(|word| name.contains(word))
    };
    let marked = schema.is_some_and(|schema| {
        schema.get("writeOnly") == Some(&Value::Bool(true)) || schema.get("format").is_some_and(|it| it == "password")
    });
    if path.first().is_some_and(|root| root == ENV) || path.iter().any(names_secret) || marked {
        return kind.to_owned();
    }
    match value {
        Value::Null => kind.to_owned(),
        Value::Array(_) | Value::Object(_) => kind.to_owned(),
        Value::String(text) if text.contains("://") && text.contains('@') => kind.to_owned(),
        Value::String(text) if text.chars().count() > MAX_SHOWN => {
            let start: String = text.chars().take(MAX_SHOWN).collect();
            format!("{}…, {kind}", Value::String(start))
        }
        other => format!("{other}, {kind}"),
    }
}

/// What a schema allows, in words; not all of it where that is much.
pub(crate) fn describe(schema: &Value, root: &Value) -> String {
    let mut parts = MAX_PARTS;
    let mut described = describe_within(schema, root, MAX_REFERENCES, &mut parts);
    shorten(&mut described, LONGEST);
    described
}

/// `parts` are left to describe.
fn describe_within(schema: &Value, root: &Value, references: usize, parts: &mut usize) -> String {
    // References may branch at each level.
    let Some(left) = parts.checked_sub(1) else { return "…".to_owned() };
    *parts = left;
    if let Some(Value::Array(options)) = schema.get("enum") {
        let mut words: Vec<String> = options.iter().take(MAX_OPTIONS).map(shown).collect();
        if options.len() > MAX_OPTIONS {
            words.push("…".to_owned());
        }
        return words.join(", ");
    }
    if let Some(constant) = schema.get("const") {
        return shown(constant);
    }
    if let Some(Value::String(target)) = schema.get("$ref") {
        let resolved = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let described = match resolved {
            Some(resolved) if references > 0 => describe_within(resolved, root, references - 1, parts),
            _ => "value".to_owned(),
        };
        let name = target.rsplit('/').next().unwrap_or_default();
        return format!("{described} ({name})");
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = schema.get(keyword) {
            let mut words: Vec<String> = Vec::new();
            for option in options.iter().take(MAX_OPTIONS) {
                let word = match bare_type(option) {
                    // What stands beside `anyOf` limits each of its types.
                    Some(name) => describe_type(name, schema, root, references, parts),
                    None => describe_within(option, root, references, parts),
                };
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            return words.join(" or ");
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => describe_type(name, schema, root, references, parts),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).take(MAX_OPTIONS);
            names.map(|name| describe_type(name, schema, root, references, parts)).collect::<Vec<_>>().join(" or ")
        }
        _ if schema == &Value::Bool(false) => "nothing".to_owned(),
        _ => {
            let limits = limits(schema, &["pattern", "minimum", "maximum", "minLength", "maxLength"]);
            format!("value{limits}")
        }
    }
}

/// An option, not all of it where it is long.
fn shown(option: &Value) -> String {
    let mut text = option.to_string();
    shorten(&mut text, LONGEST_OPTION);
    text
}

fn bare_type(schema: &Value) -> Option<&str> {
    let keywords = schema.as_object().filter(|keywords| keywords.len() == 1)?;
    keywords.get("type")?.as_str()
}

fn describe_type(name: &str, schema: &Value, root: &Value, references: usize, parts: &mut usize) -> String {
    let mut inner = |keyword: &str| {
        let inner = schema.get(keyword).filter(|inner| inner.as_object().is_some_and(|it| !it.is_empty()));
        match inner {
            Some(inner) if references > 0 => format!(" of {}", describe_within(inner, root, references - 1, parts)),
            _ => String::new(),
        }
    };
    match name {
        "object" => format!("object{}", inner("additionalProperties")),
        "array" => format!("array{}{}", inner("items"), limits(schema, &["minItems", "maxItems", "uniqueItems"])),
        "string" => format!("string{}", limits(schema, &["minLength", "maxLength", "pattern"])),
        "integer" | "number" => {
            let keywords = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
            format!("{name}{}", limits(schema, &keywords))
        }
        other => other.to_owned(),
    }
}

fn limits(schema: &Value, keywords: &[&str]) -> String {
    let words = keywords.iter().filter_map(|keyword| {
        let limit = schema.get(*keyword)?;
        Some(match *keyword {
            "minimum" => format!(", at least {limit}"),
            "maximum" => format!(", at most {limit}"),
            "exclusiveMinimum" => format!(", more than {limit}"),
            "exclusiveMaximum" => format!(", less than {limit}"),
            "multipleOf" => format!(", a multiple of {limit}"),
            "minLength" => format!(", at least {limit} characters"),
            "maxLength" => format!(", at most {limit} characters"),
            "minItems" => format!(", at least {limit} items"),
            "maxItems" => format!(", at most {limit} items"),
            "pattern" => {
                let mut pattern = limit.as_str().unwrap_or_default().to_owned();
                shorten(&mut pattern, LONGEST_OPTION);
                format!(", matching {pattern}")
            }
            _ => ", without repetition".to_owned(),
        })
    });
    words.collect()
}
