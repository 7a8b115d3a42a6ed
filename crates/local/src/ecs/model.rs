//! Reading a request against the service model: types, required members, enumerations.
//!
//! AWS's JSON services skip members they do not know and refuse members of another type before the operation sees
//! them. A typo in a member's name is therefore silent on AWS, and it must be silent here: an emulator that complains
//! hides the bug its user will meet in production. What passes is the request reduced to the members AWS would see.

use serde_json::{Map, Value};

use crate::wire::AwsError;

/// The type of a member.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    String,
    Boolean,
    Integer,
    /// A string out of these.
    Enum(&'static [&'static str]),
    List(&'static Shape),
    /// String to string.
    StringMap,
    Structure(&'static [Member]),
}

/// One member of a structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    name: &'static str,
    required: bool,
    shape: Shape,
}

/// A member that may be absent.
pub(super) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

/// A member the service model lists under `required`.
pub(super) const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

/// Why a request does not fit its shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Misfit {
    /// Another JSON type than the model's. AWS answers SerializationException.
    Type(String),
    /// A required member is absent, or a value is not in its enumeration. AWS answers with the operation's own
    /// exception for bad parameters.
    Value(String),
}

impl Misfit {
    /// The answer of an operation whose exception for bad parameters is `code`.
    pub(super) fn answer(self, code: &'static str) -> AwsError {
        match self {
            Self::Type(message) => AwsError::serialization(message),
            Self::Value(message) => AwsError::new(code, message),
        }
    }
}

/// `value` reduced to what `shape` knows: no unknown members, no nulls.
pub(super) fn conform(shape: &Shape, value: &Value) -> Result<Value, Misfit> {
    read(shape, value, &mut String::new())
}

fn read(shape: &Shape, value: &Value, path: &mut String) -> Result<Value, Misfit> {
    match (shape, value) {
        (Shape::String, Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Shape::Integer, Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(_), _) => Ok(value.clone()),
            (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => Ok(Value::from(float as i64)),
            _ => Err(wrong_type(path, value, "an integer")),
        },
        (Shape::Enum(allowed), Value::String(text)) => {
            if allowed.contains(&text.as_str()) {
                return Ok(value.clone());
            }
            Err(Misfit::Value(format!("{path} should be one of [{}], not '{text}'.", allowed.join(", "))))
        }
        (Shape::List(element), Value::Array(values)) => {
            let mut list = Vec::with_capacity(values.len());
            for (index, value) in values.iter().enumerate() {
                if !value.is_null() {
                    list.push(within(path, &format!("[{index}]"), |path| read(element, value, path))?);
                }
            }
            Ok(Value::Array(list))
        }
        (Shape::StringMap, Value::Object(map)) => {
            let mut strings = Map::new();
            for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                strings
                    .insert(key.clone(), within(path, &format!(".{key}"), |path| read(&Shape::String, value, path))?);
            }
            Ok(Value::Object(strings))
        }
        (Shape::Structure(members), Value::Object(map)) => {
            let mut known = Map::new();
            for member in *members {
                let dot = if path.is_empty() { "" } else { "." };
                let step = format!("{dot}{}", member.name);
                match map.get(member.name).filter(|value| !value.is_null()) {
                    Some(value) => {
                        let value = within(path, &step, |path| read(&member.shape, value, path))?;
                        known.insert(member.name.to_owned(), value);
                    }
                    None if member.required => {
                        return Err(Misfit::Value(format!("{path}{step} can not be blank.")));
                    }
                    None => {}
                }
            }
            Ok(Value::Object(known))
        }
        (shape, value) => Err(wrong_type(path, value, expectation(shape))),
    }
}

fn within<T>(path: &mut String, step: &str, read: impl FnOnce(&mut String) -> T) -> T {
    let length = path.len();
    path.push_str(step);
    let result = read(path);
    // On an error the path has served its purpose already: the message holds a copy.
    path.truncate(length);
    result
}

fn wrong_type(path: &str, value: &Value, wanted: &str) -> Misfit {
    // The value itself is left out: it may be a secret that slipped into the wrong place.
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a structure",
    };
    let path = if path.is_empty() { "the request" } else { path };
    Misfit::Type(format!("{path}: {found} can not be converted to {wanted}"))
}

fn expectation(shape: &Shape) -> &'static str {
    match shape {
        Shape::String | Shape::Enum(_) => "a string",
        Shape::Boolean => "a boolean",
        Shape::Integer => "an integer",
        Shape::List(_) => "a list",
        Shape::StringMap => "a map of strings",
        Shape::Structure(_) => "a structure",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ecs::shapes::request;

    fn run_task(input: Value) -> Result<Value, Misfit> {
        conform(&request("RunTask").unwrap(), &input)
    }

    #[test]
    fn unknown_members_and_nulls_are_not_seen() {
        let seen = run_task(json!({"taskDefinition": "f", "cluster": null, "clusterr": "x",
            "overrides": {"cpu": "256", "image": "no such override"}}));
        assert_eq!(seen.unwrap(), json!({"taskDefinition": "f", "overrides": {"cpu": "256"}}));
    }

    #[test]
    fn another_type_is_a_serialization_problem_that_names_the_member_and_not_the_value() {
        let misfit = run_task(json!({"taskDefinition": "f",
            "overrides": {"containerOverrides": [{"name": "a", "environment": [{"name": "A", "value": 4711}]}]}}));
        let Err(Misfit::Type(message)) = misfit else { panic!("{misfit:?}") };
        assert_eq!(
            message,
            "overrides.containerOverrides[0].environment[0].value: a number can not be converted to a string"
        );
        assert!(matches!(run_task(json!({"taskDefinition": "f", "count": "1"})), Err(Misfit::Type(_))));
        assert!(matches!(run_task(json!({"taskDefinition": "f", "count": 1.5})), Err(Misfit::Type(_))));
        assert!(matches!(run_task(json!([])), Err(Misfit::Type(_))));
    }

    #[test]
    fn required_members_and_enumerations() {
        assert!(matches!(run_task(json!({})), Err(Misfit::Value(_))));
        let misfit = run_task(json!({"taskDefinition": "f", "launchType": "FARGATE_SPOT"}));
        let Err(Misfit::Value(message)) = misfit else { panic!("{misfit:?}") };
        assert!(message.starts_with("launchType should be one of [EC2, FARGATE,"), "{message}");
    }
}
