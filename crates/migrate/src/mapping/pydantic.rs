//! Values as the block's class reads them.
//!
//! Blocks of Prefect 2 are models of pydantic 1, which converts before it refuses. An override from a command line is text, so
//! `cpu: "2048"` is a number to the agent, and must be one to the pool, whose server checks types strictly.

use serde_json::{Map, Value};

use prefect_api::models::Object;

/// Why a class refuses a value: the field, and what it takes.
pub(crate) type Refused = String;

/// `str`: numbers become text.
pub(crate) fn text(field: &str, value: &Value) -> Result<String, Refused> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        _ => Err(format!("`{field}` must be text")),
    }
}

/// `Optional[str]`
pub(crate) fn optional_text(field: &str, value: Option<&Value>) -> Result<Option<String>, Refused> {
    present(value).map(|value| text(field, value)).transpose()
}

/// `Optional[int]`: text with a number in it is one, and fractions are cut off.
pub(crate) fn optional_integer(field: &str, value: Option<&Value>) -> Result<Option<i64>, Refused> {
    let Some(value) = present(value) else { return Ok(None) };
    let integer = match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        #[expect(clippy::cast_possible_truncation, reason = "Python's int() cuts fractions off")]
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
        // Underscores may stand between digits.
        Value::String(text) => match text.trim() {
            text if text.starts_with('_') || text.ends_with('_') || text.contains("__") => None,
            text => text.replace('_', "").parse().ok(),
        },
        _ => None,
    };
    integer.map(Some).ok_or_else(|| format!("`{field}` must be a whole number"))
}

/// `Optional[float]`
pub(crate) fn optional_number(field: &str, value: Option<&Value>) -> Result<Option<f64>, Refused> {
    let Some(value) = present(value) else { return Ok(None) };
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.map(Some).ok_or_else(|| format!("`{field}` must be a number"))
}

/// `Optional[bool]`
pub(crate) fn optional_flag(field: &str, value: Option<&Value>) -> Result<Option<bool>, Refused> {
    let Some(value) = present(value) else { return Ok(None) };
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) if number.as_i64() == Some(0) => Some(false),
        Value::Number(number) if number.as_i64() == Some(1) => Some(true),
        Value::String(text) => match text.to_lowercase().as_str() {
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            _ => None,
        },
        _ => None,
    };
    flag.map(Some).ok_or_else(|| format!("`{field}` must be true or false"))
}

/// `Dict[str, Optional[str]]`: text or null by name. Missing is empty; null is refused.
pub(crate) fn texts(field: &str, value: Option<&Value>, nullable: bool) -> Result<Object, Refused> {
    let members = match value {
        None => return Ok(Map::new()),
        Some(Value::Object(members)) => members,
        Some(_) => return Err(format!("`{field}` must be an object")),
    };
    let entry = |(name, value): (&String, &Value)| match value {
        Value::Null if nullable => Ok((name.clone(), Value::Null)),
        value => Ok((name.clone(), text(&format!("{field}.{name}"), value)?.into())),
    };
    members.iter().map(entry).collect()
}

/// `Optional[List[str]]`
pub(crate) fn optional_list(field: &str, value: Option<&Value>) -> Result<Option<Vec<String>>, Refused> {
    match present(value) {
        None => Ok(None),
        Some(Value::Array(items)) => items.iter().map(|item| text(field, item)).collect::<Result<_, _>>().map(Some),
        Some(_) => Err(format!("`{field}` must be a list of words")),
    }
}

/// `Optional[dict]`
pub(crate) fn optional_object(field: &str, value: Option<&Value>) -> Result<Option<Object>, Refused> {
    match present(value) {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members.clone())),
        Some(_) => Err(format!("`{field}` must be an object")),
    }
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Answers of pydantic 1.10, the version that prefect 2.20.26 uses.
    #[test]
    fn values_are_converted_as_the_class_does() {
        let integer = |value: Value| optional_integer("cpu", Some(&value)).ok().flatten();
        assert_eq!(integer(json!("2048")), Some(2048));
        assert_eq!(integer(json!(" 512 ")), Some(512));
        assert_eq!((integer(json!("2_048")), integer(json!("_1")), integer(json!("1__0"))), (Some(2048), None, None));
        assert_eq!((integer(json!(1.9)), integer(json!(true))), (Some(1), Some(1)));
        assert_eq!((integer(json!("2 vCPU")), integer(json!(null))), (None, None));
        assert!(optional_integer("cpu", Some(&json!("2 vCPU"))).unwrap_err().contains("`cpu`"));
        assert_eq!(text("a", &json!(5)).as_deref(), Ok("5"));
        assert_eq!(text("a", &json!(true)).as_deref(), Ok("True"));
        assert!(text("a", &json!({})).is_err());
        assert_eq!(optional_flag("f", Some(&json!("Yes"))), Ok(Some(true)));
        assert!(optional_flag("f", Some(&json!("maybe"))).is_err());
        assert_eq!(optional_list("command", Some(&json!(["a", 1]))), Ok(Some(vec!["a".to_owned(), "1".to_owned()])));
        assert!(optional_list("command", Some(&json!("a b"))).is_err());
        let env = texts("env", Some(&json!({"A": 1, "B": null, "C": "x"})), true);
        assert_eq!(env.map(Value::Object), Ok(json!({"A": "1", "B": null, "C": "x"})));
        assert!(texts("labels", Some(&json!({"B": null})), false).is_err());
        assert!(texts("env", Some(&json!(null)), true).is_err());
    }
}
