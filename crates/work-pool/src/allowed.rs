//! Words for a validation error: what was found, as far as it may be shown, and what the schema allows.

use serde_json::Value;

use crate::{python, variables::ENV};

/// Characters of a value that are shown.
const MAX_SHOWN: usize = 60;
/// References of a schema that are followed.
const MAX_REFERENCES: usize = 8;
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

/// What a schema allows, in words.
pub(crate) fn describe(schema: &Value, root: &Value) -> String {
    describe_within(schema, root, MAX_REFERENCES)
}

fn describe_within(schema: &Value, root: &Value, references: usize) -> String {
    if let Some(Value::Array(options)) = schema.get("enum") {
        return options.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(Value::String(target)) = schema.get("$ref") {
        let resolved = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let described = match resolved {
            Some(resolved) if references > 0 => describe_within(resolved, root, references - 1),
            _ => "value".to_owned(),
        };
        let name = target.rsplit('/').next().unwrap_or_default();
        return format!("{described} ({name})");
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(options)) = schema.get(keyword) {
            let mut words: Vec<String> = Vec::new();
            for option in options {
                let word = match bare_type(option) {
                    // What stands beside `anyOf` limits each of its types.
                    Some(name) => describe_type(name, schema, root, references),
                    None => describe_within(option, root, references),
                };
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            return words.join(" or ");
        }
    }
    match schema.get("type") {
        Some(Value::String(name)) => describe_type(name, schema, root, references),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|name| describe_type(name, schema, root, references)).collect::<Vec<_>>().join(" or ")
        }
        _ if schema == &Value::Bool(false) => "nothing".to_owned(),
        _ => {
            let limits = limits(schema, &["pattern", "minimum", "maximum", "minLength", "maxLength"]);
            format!("value{limits}")
        }
    }
}

fn bare_type(schema: &Value) -> Option<&str> {
    let keywords = schema.as_object().filter(|keywords| keywords.len() == 1)?;
    keywords.get("type")?.as_str()
}

fn describe_type(name: &str, schema: &Value, root: &Value, references: usize) -> String {
    let inner = |keyword: &str| {
        let inner = schema.get(keyword).filter(|inner| inner.as_object().is_some_and(|it| !it.is_empty()));
        match inner {
            Some(inner) if references > 0 => format!(" of {}", describe_within(inner, root, references - 1)),
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
            "pattern" => format!(", matching {}", limit.as_str().unwrap_or_default()),
            _ => ", without repetition".to_owned(),
        })
    });
    words.collect()
}
