//! Whether a request is one that ECS could understand.
//!
//! boto3 checks every request against the service model before it is sent, so a template with a misspelt member fails in
//! the worker with `ParamValidationError` and never reaches AWS. The same model decides here (`shapes.json`, made by
//! `tests/python/shapes.py`), with two differences. Enumerations count: boto3 passes any string and leaves the refusal to
//! AWS, half a second and one claimed run later. And a boolean is no integer, which it is in Python.

use std::{collections::HashMap, fmt, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;

use crate::value::kind;

/// Why a request cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: found {found}, allowed: {allowed}")]
pub struct ShapeError {
    /// Where, for instance `containerDefinitions[0].portMappings[0].hostPort`. Empty for the request itself.
    pub path: String,
    /// What is there; never the value, unless it is one that an enumeration or a bound refuses.
    pub found: String,
    /// What the service model allows there.
    pub allowed: String,
}

/// Checks the input of `operation` against the ECS service model.
///
/// # Errors
/// The first [`ShapeError`] in the order of the request; also for operations other than RegisterTaskDefinition and
/// RunTask, which the file does not describe.
pub fn check_shape(operation: &str, request: &Value) -> Result<(), ShapeError> {
    let model = &*MODEL;
    let Some(shape) = model.operations.get(operation) else {
        return Err(ShapeError {
            path: String::new(),
            found: format!("the operation {operation}"),
            allowed: "RegisterTaskDefinition and RunTask".to_owned(),
        });
    };
    model.check(model.shape(shape), request, Path::Root)
}

#[derive(Deserialize)]
struct Model {
    operations: HashMap<String, String>,
    shapes: HashMap<String, Shape>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Shape {
    Structure {
        members: HashMap<String, String>,
        #[serde(default)]
        required: Vec<String>,
    },
    List {
        member: String,
        max: Option<usize>,
    },
    Map {
        value: String,
    },
    String {
        #[serde(rename = "enum")]
        variants: Option<Vec<String>>,
        min: Option<usize>,
        max: Option<usize>,
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
}

static MODEL: LazyLock<Model> =
    LazyLock::new(|| serde_json::from_str(include_str!("shapes.json")).unwrap_or_else(|error| panic!("{error}")));

/// Where the walk is. A chain of borrowed steps: the path is only written out when something is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl Path<'_> {
    fn error(self, found: impl Into<String>, allowed: impl Into<String>) -> ShapeError {
        ShapeError { path: self.to_string(), found: found.into(), allowed: allowed.into() }
    }
}

impl Model {
    fn shape(&self, name: &str) -> &Shape {
        // The file is closed under reference; a test walks it.
        &self.shapes[name]
    }

    fn check(&self, shape: &Shape, value: &Value, path: Path<'_>) -> Result<(), ShapeError> {
        match (shape, value) {
            (Shape::Structure { members, required }, Value::Object(given)) => {
                for (name, value) in given {
                    let Some(member) = members.get(name) else {
                        let mut known: Vec<&str> = members.keys().map(String::as_str).collect();
                        known.sort_unstable();
                        return Err(Path::Member(&path, name).error("a member ECS does not know", known.join(", ")));
                    };
                    self.check(self.shape(member), value, Path::Member(&path, name))?;
                }
                match required.iter().find(|name| !given.contains_key(*name)) {
                    Some(name) => Err(Path::Member(&path, name).error("nothing", "required")),
                    None => Ok(()),
                }
            }
            (Shape::List { member, max }, Value::Array(items)) => {
                if let Some(max) = max.filter(|max| items.len() > *max) {
                    return Err(path.error(format!("{} items", items.len()), format!("at most {max} items")));
                }
                let member = self.shape(member);
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(index, item)| self.check(member, item, Path::Item(&path, index)))
            }
            (Shape::Map { value: member }, Value::Object(given)) => {
                let member = self.shape(member);
                given.iter().try_for_each(|(name, value)| self.check(member, value, Path::Member(&path, name)))
            }
            (Shape::String { variants, min, max }, Value::String(text)) => {
                if let Some(variants) = variants.as_ref().filter(|variants| !variants.contains(text)) {
                    return Err(path.error(shown(text), variants.join(", ")));
                }
                let length = || text.chars().count();
                if let Some(min) = min.filter(|min| *min > 0 && length() < *min) {
                    return Err(path.error(format!("{} characters", length()), format!("at least {min} characters")));
                }
                if let Some(max) = max.filter(|max| text.len() > *max && length() > *max) {
                    return Err(path.error(format!("{} characters", length()), format!("at most {max} characters")));
                }
                Ok(())
            }
            (Shape::Integer { min, max }, Value::Number(number)) if !number.is_f64() => {
                let within = number.as_i64().is_some_and(|number| {
                    min.unwrap_or(i64::from(i32::MIN)) <= number && number <= max.unwrap_or(i64::from(i32::MAX))
                });
                if within {
                    return Ok(());
                }
                let (min, max) = (min.unwrap_or(i64::from(i32::MIN)), max.unwrap_or(i64::from(i32::MAX)));
                Err(path.error(number.to_string(), format!("{min} to {max}")))
            }
            (Shape::Boolean, Value::Bool(_)) => Ok(()),
            _ => Err(path.error(kind(value), shape.kind())),
        }
    }
}

impl Shape {
    fn kind(&self) -> &'static str {
        match self {
            Self::Structure { .. } | Self::Map { .. } => "an object",
            Self::List { .. } => "a list",
            Self::String { .. } => "a string",
            Self::Integer { .. } => "an integer",
            Self::Boolean => "a boolean",
        }
    }
}

/// A refused member of an enumeration, in quotes, and not all of it when it is long.
fn shown(text: &str) -> String {
    let mut head: String = text.chars().take(40).collect();
    if head.len() < text.len() {
        head.push('…');
    }
    format!("{head:?}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn refused(operation: &str, request: &Value) -> String {
        check_shape(operation, request).unwrap_err().to_string()
    }

    fn definition(container: &Value) -> Value {
        json!({"family": "f", "containerDefinitions": [container]})
    }

    #[test]
    fn the_file_is_closed() {
        for shape in MODEL.operations.values() {
            assert!(MODEL.shapes.contains_key(shape));
        }
        for shape in MODEL.shapes.values() {
            let parts: Vec<&String> = match shape {
                Shape::Structure { members, .. } => members.values().collect(),
                Shape::List { member, .. } => vec![member],
                Shape::Map { value } => vec![value],
                _ => Vec::new(),
            };
            for part in parts {
                assert!(MODEL.shapes.contains_key(part), "{part}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(
            refused(
                "RegisterTaskDefinition",
                &definition(&json!({"portMappings": [{"containerPort": 80, "hostPort": "80"}]}))
            ),
            "containerDefinitions[0].portMappings[0].hostPort: found a string, allowed: an integer"
        );
        assert_eq!(
            refused("RegisterTaskDefinition", &json!({"family": "f"})),
            "containerDefinitions: found nothing, allowed: required"
        );
        assert_eq!(
            refused("RunTask", &json!({"taskDefinition": "f", "networkConfiguration": {"awsvpcConfiguration": {}}})),
            "networkConfiguration.awsvpcConfiguration.subnets: found nothing, allowed: required"
        );
        assert_eq!(
            refused("RunTask", &json!({"taskDefinition": "f", "networkConfiguration": {"subnets": ["s"]}})),
            "networkConfiguration.subnets: found a member ECS does not know, allowed: awsvpcConfiguration"
        );
        assert_eq!(
            refused("RunTask", &json!({"taskDefinition": "f", "launchType": "FARGATE_SPOT"})),
            "launchType: found \"FARGATE_SPOT\", allowed: EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES"
        );
        assert_eq!(
            refused("RunTask", &json!({"taskDefinition": "f", "tags": [{"key": "k", "value": "v".repeat(257)}]})),
            "tags[0].value: found 257 characters, allowed: at most 256 characters"
        );
        assert_eq!(
            refused(
                "RunTask",
                &json!({"taskDefinition": "f", "capacityProviderStrategy": [{"capacityProvider": "c", "weight": -1}]})
            ),
            "capacityProviderStrategy[0].weight: found -1, allowed: 0 to 1000"
        );
        assert_eq!(refused("RunTask", &json!([])), ": found a list, allowed: an object");
        assert_eq!(
            refused("RunTask", &json!({"taskDefinition": "f", "enableExecuteCommand": null})),
            "enableExecuteCommand: found null, allowed: a boolean"
        );
        assert_eq!(
            refused("RegisterTaskDefinition", &definition(&json!({"cpu": true}))),
            "containerDefinitions[0].cpu: found a boolean, allowed: an integer"
        );
        assert!(refused("DeleteCluster", &json!({})).contains("the operation DeleteCluster"));
    }

    #[test]
    fn values_are_not_told() {
        let environment = json!({"environment": [{"name": "A", "value": {"token": "hunter2"}}]});
        let error = refused("RegisterTaskDefinition", &definition(&environment));
        assert_eq!(error, "containerDefinitions[0].environment[0].value: found an object, allowed: a string");
    }

    #[test]
    fn what_is_right_passes() {
        let container = json!({
            "name": "prefect", "image": "i", "cpu": 256, "essential": true, "command": ["a"],
            "logConfiguration": {"logDriver": "awslogs", "options": {"any": "thing"}},
            "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]
        });
        assert_eq!(check_shape("RegisterTaskDefinition", &definition(&container)), Ok(()));
    }
}
