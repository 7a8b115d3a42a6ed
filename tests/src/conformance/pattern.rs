//! Inputs with holes, and patterns for answers. `tests/python/conformance.py` has the same in Python.
//!
//! A pattern is plain JSON: an object matches one with at least these members, a list one of the same length, anything
//! else what is equal. An object whose members start with `$` is a condition instead, several of them all of them:
//!
//! | condition | holds for |
//! | --- | --- |
//! | `$any` | what is there and not null |
//! | `$none` | what is not there, null, or empty |
//! | `$regex` | a string with such a part |
//! | `$len` | a list or string of this length |
//! | `$at_least` | a number |
//! | `$is`, `$not` | what (does not) match a pattern |
//! | `$one_of` | what equals one of a list |
//! | `$contains` | a list with, for each pattern, an element that matches |
//! | `$unordered` | the same, and as long as the list of patterns |
//! | `$json` | a string of JSON that matches a pattern |
//! | `$save` | anything, and keeps it under a name |

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What `${NAME}` stands for.
pub type Variables = BTreeMap<String, Value>;

/// Result of comparing: what is wrong, in words.
type Checked = Result<(), String>;

/// The input a template stands for.
///
/// # Errors
///
/// A name that nothing was saved under.
pub fn expand(template: &Value, variables: &Variables) -> Result<Value, String> {
    match template {
        Value::String(text) => substitute(text, variables),
        Value::Array(items) => items.iter().map(|item| expand(item, variables)).collect(),
        Value::Object(members) => {
            let times = || usize::try_from(template["times"].as_u64().unwrap_or_default()).unwrap_or_default();
            if let Some(text) = members.get("$repeat") {
                let text = expand(text, variables)?;
                return Ok(text.as_str().unwrap_or_default().repeat(times()).into());
            }
            if let Some(item) = members.get("$each") {
                let mut variables = variables.clone();
                return (0..times())
                    .map(|i| {
                        variables.insert("i".to_owned(), i.to_string().into());
                        expand(item, &variables)
                    })
                    .collect();
            }
            if let Some(value) = members.get("$json") {
                return Ok(expand(value, variables)?.to_string().into());
            }
            if let Some(base64) = members.get("$binary") {
                return Ok(base64.clone());
            }
            members.iter().map(|(name, value)| Ok((name.clone(), expand(value, variables)?))).collect()
        }
        other => Ok(other.clone()),
    }
}

fn substitute(text: &str, variables: &Variables) -> Result<Value, String> {
    let value = |name: &str| variables.get(name).ok_or_else(|| format!("nothing was saved as {name}"));
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        let value = value(name)?;
        if before.is_empty() && after.is_empty() && result.is_empty() {
            return Ok(value.clone());
        }
        result.push_str(before);
        match value {
            Value::String(text) => result.push_str(text),
            other => result.push_str(&other.to_string()),
        }
        rest = after;
    }
    result.push_str(rest);
    Ok(result.into())
}

/// Compares a value with a pattern; a missing value is null.
///
/// # Errors
///
/// Where they differ, and how.
pub fn matches(pattern: &Value, value: &Value, variables: &mut Variables, path: &str) -> Checked {
    match pattern {
        Value::Object(members) if members.keys().any(|key| key.starts_with('$')) => {
            members.iter().try_for_each(|(condition, argument)| holds(condition, argument, value, variables, path))
        }
        Value::Object(members) => {
            let Value::Object(actual) = value else {
                return Err(format!("{path} is {}, not an object", shown(value)));
            };
            members.iter().try_for_each(|(name, part)| {
                matches(part, actual.get(name).unwrap_or(&Value::Null), variables, &format!("{path}.{name}"))
            })
        }
        Value::Array(parts) => {
            let actual = value.as_array().filter(|actual| actual.len() == parts.len());
            let Some(actual) = actual else {
                return Err(format!("{path} is {}, not a list of {}", shown(value), parts.len()));
            };
            let mut pairs = parts.iter().zip(actual).enumerate();
            pairs.try_for_each(|(index, (part, item))| matches(part, item, variables, &format!("{path}[{index}]")))
        }
        _ => {
            let wanted = expand(pattern, variables)?;
            ensure(equal(value, &wanted), path, value, || shown(&wanted))
        }
    }
}

fn holds(condition: &str, argument: &Value, value: &Value, variables: &mut Variables, path: &str) -> Checked {
    match condition {
        "$any" => ensure(!value.is_null(), path, value, || "present".into()),
        "$none" => {
            let none = value.is_null() || *value == json!([]) || *value == json!({});
            ensure(none, path, value, || "absent or empty".into())
        }
        "$regex" => {
            let wanted = expand(argument, variables)?;
            let wanted = wanted.as_str().unwrap_or_default();
            let regex = regex_lite::Regex::new(wanted).map_err(|error| error.to_string())?;
            ensure(value.as_str().is_some_and(|text| regex.is_match(text)), path, value, || format!("like {wanted}"))
        }
        "$len" => {
            let length = value.as_array().map(Vec::len).or_else(|| value.as_str().map(|text| text.chars().count()));
            let wanted = argument.as_u64().and_then(|length| usize::try_from(length).ok());
            ensure(length.is_some() && length == wanted, path, value, || format!("of length {argument}"))
        }
        "$at_least" => {
            let enough = value.as_f64().is_some_and(|value| argument.as_f64().is_some_and(|least| value >= least));
            ensure(enough, path, value, || format!("at least {argument}"))
        }
        "$is" => matches(argument, value, variables, path),
        "$not" => match matches(argument, value, variables, path) {
            Err(_) => Ok(()),
            Ok(()) => Err(format!("{path} is {}, which it must not be", shown(value))),
        },
        "$one_of" => {
            let choices = expand(argument, variables)?;
            let found = choices.as_array().into_iter().flatten().any(|choice| equal(choice, value));
            ensure(found, path, value, || format!("one of {choices}"))
        }
        "$contains" | "$unordered" => {
            let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
            let items = value.as_array().map(Vec::as_slice);
            let fits = items.is_some_and(|items| condition == "$contains" || items.len() == parts.len());
            ensure(fits, path, value, || format!("a list of {}", parts.len()))?;
            parts.iter().try_for_each(|part| {
                let mut items = items.into_iter().flatten();
                let found = items.any(|item| matches(part, item, variables, path).is_ok());
                if found { Ok(()) } else { Err(format!("{path} is {}, without {}", shown(value), shown(part))) }
            })
        }
        "$json" => {
            let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
            match parsed {
                Some(parsed) => matches(argument, &parsed, variables, path),
                None => Err(format!("{path} is {}, not JSON", shown(value))),
            }
        }
        "$save" => {
            variables.insert(argument.as_str().unwrap_or_default().to_owned(), value.clone());
            Ok(())
        }
        _ => Err(format!("{condition} is no condition")),
    }
}

/// Equal, and for numbers: of equal value however they are written.
fn equal(left: &Value, right: &Value) -> bool {
    left == right || (left.is_number() && right.is_number() && left.as_f64() == right.as_f64())
}

fn ensure(condition: bool, path: &str, value: &Value, what: impl FnOnce() -> String) -> Checked {
    if condition { Ok(()) } else { Err(format!("{path} is {}, not {}", shown(value), what())) }
}

/// JSON, cut where it gets long.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        None => text,
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::from([("a".into(), json!("x")), ("n".into(), json!(7))])
    }

    fn fits(pattern: Value, value: Value) -> bool {
        matches(&pattern, &value, &mut variables(), "output").is_ok()
    }

    #[test]
    fn templates_are_filled_in() {
        let template = json!({
            "whole": "${n}", "part": "${a}-${n}-${a}", "dollar": "$a",
            "long": {"$repeat": "${a}", "times": 3},
            "list": {"$each": {"Id": "e${i}"}, "times": 2},
            "json": {"$json": {"k": "${a}"}},
            "binary": {"$binary": "AA=="},
        });
        let expected = json!({
            "whole": 7, "part": "x-7-x", "dollar": "$a", "long": "xxx", "list": [{"Id": "e0"}, {"Id": "e1"}],
            "json": "{\"k\":\"x\"}", "binary": "AA==",
        });
        assert_eq!(expand(&template, &variables()), Ok(expected));
        assert!(expand(&json!("${b}"), &variables()).is_err());
    }

    #[test]
    fn plain_patterns_are_partial_for_objects_only() {
        assert!(fits(json!({"k": ["${a}", 1]}), json!({"k": ["x", 1.0], "more": true})));
        assert!(!fits(json!({"k": ["x"]}), json!({"k": ["x", "y"]})));
        assert!(!fits(json!({"k": 1}), json!({"k": true})));
        assert!(!fits(json!({"k": "x"}), json!({})));
        assert!(!fits(json!({"k": "x"}), json!("k")));
    }

    #[test]
    fn conditions_hold_or_not() {
        let cases = [
            (json!({"$any": true}), json!(0), json!(null)),
            (json!({"$none": true}), json!([]), json!([1])),
            (json!({"$regex": "^${a}[0-9]$"}), json!("x1"), json!("y1")),
            (json!({"$len": 2}), json!("üb"), json!([1])),
            (json!({"$at_least": 2}), json!(2), json!("3")),
            (json!({"$is": "x", "$len": 1}), json!("x"), json!("y")),
            (json!({"$not": "${a}"}), json!("y"), json!("x")),
            (json!({"$one_of": [1, "${a}"]}), json!("x"), json!(2)),
            (json!({"$contains": [{"k": 1}]}), json!([{"k": 2}, {"k": 1}]), json!([{"k": 2}])),
            (json!({"$unordered": [1, 2]}), json!([2, 1]), json!([2, 1, 3])),
            (json!({"$json": {"k": 1}}), json!("{\"k\": 1}"), json!("{\"k\": 2}")),
        ];
        for (pattern, good, bad) in cases {
            assert!(fits(pattern.clone(), good.clone()), "{pattern} {good}");
            assert!(!fits(pattern.clone(), bad.clone()), "{pattern} {bad}");
        }
        assert!(!fits(json!({"$no_such_condition": 1}), json!(1)));
    }

    #[test]
    fn a_saved_value_is_known_later() {
        let mut variables = variables();
        let pattern = json!([{"id": {"$save": "id", "$regex": "."}}, {"id": "${id}"}]);
        assert_eq!(matches(&pattern, &json!([{"id": "1"}, {"id": "1"}]), &mut variables, "output"), Ok(()));
        assert!(matches(&pattern, &json!([{"id": "1"}, {"id": "2"}]), &mut variables, "output").is_err());
    }
}
