//! Whether a request is one that ECS could understand.
//!
//! boto3 checks every request against the service model before it is sent, so a template with a misspelt member fails in
//! the worker with `ParamValidationError` and never reaches AWS. The same model decides here (`shapes.json`, made by
//! `tests/python/shapes.py`), with two differences. Enumerations count: boto3 passes any string and leaves the refusal to
//! AWS, half a second and one claimed run later. And a boolean is no integer, which it is in Python.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

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
    shape_errors(operation, request).into_iter().next().map_or(Ok(()), Err)
}

/// Every error of [`check_shape`], in the order of the request. Unknown members of one object are one error.
pub(crate) fn shape_errors(operation: &str, request: &Value) -> Vec<ShapeError> {
    let model = &*MODEL;
    let mut errors = Vec::new();
    match model.operations.iter().find(|(name, _)| *name == operation) {
        Some((_, shape)) => model.check(&model.shapes[*shape], request, Path::Root, &mut errors),
        None => errors.push(ShapeError {
            path: String::new(),
            found: format!("the operation {operation}"),
            allowed: "RegisterTaskDefinition and RunTask".to_owned(),
        }),
    }
    errors
}

/// Errors of one request that are told.
const MOST: usize = 20;

/// Members that one error names.
const NAMED: usize = 20;

/// The file as it is written: a shape names others.
#[derive(Deserialize)]
struct Written {
    #[serde(borrow)]
    operations: BTreeMap<&'static str, &'static str>,
    shapes: BTreeMap<&'static str, WrittenShape>,
}

/// Any shape. One struct of options, because an enumeration by `type` would be read twice, and this is read at every cold
/// start.
#[derive(Deserialize)]
struct WrittenShape {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(default, borrow)]
    members: BTreeMap<&'static str, &'static str>,
    #[serde(default)]
    required: Vec<&'static str>,
    member: Option<&'static str>,
    value: Option<&'static str>,
    #[serde(rename = "enum")]
    variants: Option<Vec<&'static str>>,
    min: Option<i64>,
    max: Option<i64>,
}

/// The model with every name of a shape found: a check looks nothing up but members.
struct Model {
    operations: Vec<(&'static str, Index)>,
    shapes: Vec<Shape>,
}

/// Place of a shape in [`Model::shapes`].
type Index = usize;

enum Shape {
    Structure {
        /// In the order of their names.
        members: Vec<(&'static str, Index)>,
        required: Vec<&'static str>,
    },
    List {
        member: Index,
        max: Option<usize>,
    },
    Map {
        value: Index,
    },
    String {
        variants: Option<Vec<&'static str>>,
        min: Option<usize>,
        max: Option<usize>,
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
}

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let read = serde_json::from_str(include_str!("shapes.json")).map_err(|error| error.to_string());
    read.and_then(Model::link).unwrap_or_else(|error| panic!("shapes.json: {error}"))
});

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
    /// Finds every shape that another one or an operation names.
    fn link(written: Written) -> Result<Self, String> {
        let names: Vec<&str> = written.shapes.keys().copied().collect();
        let find = |name: &str| names.binary_search(&name).map_err(|_| format!("there is no shape {name}"));
        let part = |name: Option<&str>| name.ok_or_else(|| "a shape lacks its part".to_owned()).and_then(find);
        let linked = |members: BTreeMap<&'static str, &str>| -> Result<Vec<(&'static str, Index)>, String> {
            members.into_iter().map(|(name, shape)| Ok((name, find(shape)?))).collect()
        };
        let size = |bound: Option<i64>| bound.and_then(|bound| usize::try_from(bound).ok());
        let shape = |shape: WrittenShape| -> Result<Shape, String> {
            Ok(match shape.kind {
                "structure" => Shape::Structure { members: linked(shape.members)?, required: shape.required },
                "list" => Shape::List { member: part(shape.member)?, max: size(shape.max) },
                "map" => Shape::Map { value: part(shape.value)? },
                "string" => Shape::String { variants: shape.variants, min: size(shape.min), max: size(shape.max) },
                "integer" => Shape::Integer { min: shape.min, max: shape.max },
                "boolean" => Shape::Boolean,
                other => return Err(format!("there is no type {other}")),
            })
        };
        Ok(Self {
            operations: linked(written.operations)?,
            shapes: written.shapes.into_values().map(shape).collect::<Result<_, _>>()?,
        })
    }

    fn check(&self, shape: &Shape, value: &Value, path: Path<'_>, errors: &mut Vec<ShapeError>) {
        if errors.len() >= MOST {
            return;
        }
        match (shape, value) {
            (Shape::Structure { members, required }, Value::Object(given)) => {
                let mut unknown = Vec::new();
                for (name, value) in given {
                    match members.binary_search_by_key(&name.as_str(), |(member, _)| member) {
                        Ok(at) => self.check(&self.shapes[members[at].1], value, Path::Member(&path, name), errors),
                        Err(_) => unknown.push(name.as_str()),
                    }
                }
                if let [first, others @ ..] = unknown.as_slice() {
                    let known: Vec<&str> = members.iter().map(|(member, _)| *member).collect();
                    errors.push(Path::Member(&path, first).error(unknown_member(others), known.join(", ")));
                }
                if let Some(name) = required.iter().find(|name| !given.contains_key(**name)) {
                    errors.push(Path::Member(&path, name).error("nothing", "required"));
                }
            }
            (Shape::List { member, max }, Value::Array(items)) => {
                if let Some(max) = max.filter(|max| items.len() > *max) {
                    errors.push(path.error(format!("{} items", items.len()), format!("at most {max} items")));
                    return;
                }
                let member = &self.shapes[*member];
                for (index, item) in items.iter().enumerate() {
                    self.check(member, item, Path::Item(&path, index), errors);
                }
            }
            (Shape::Map { value: member }, Value::Object(given)) => {
                let member = &self.shapes[*member];
                for (name, value) in given {
                    self.check(member, value, Path::Member(&path, name), errors);
                }
            }
            (Shape::String { variants, min, max }, Value::String(text)) => {
                errors.extend(
                    check_text(text, variants.as_deref(), *min, *max)
                        .map(|(found, allowed)| path.error(found, allowed)),
                );
            }
            (Shape::Integer { min, max }, Value::Number(number)) if !number.is_f64() => {
                let (min, max) = (min.unwrap_or(i64::from(i32::MIN)), max.unwrap_or(i64::from(i32::MAX)));
                if !number.as_i64().is_some_and(|number| (min..=max).contains(&number)) {
                    errors.push(path.error(number.to_string(), format!("{min} to {max}")));
                }
            }
            (Shape::Boolean, Value::Bool(_)) => {}
            _ => errors.push(path.error(kind(value), shape.kind())),
        }
    }
}

/// What is wrong with a text, and what is allowed.
fn check_text(
    text: &str,
    variants: Option<&[&'static str]>,
    min: Option<usize>,
    max: Option<usize>,
) -> Option<(String, String)> {
    if let Some(variants) = variants.filter(|variants| !variants.contains(&text)) {
        return Some((shown(text), variants.join(", ")));
    }
    let length = || text.chars().count();
    if let Some(min) = min.filter(|min| *min > 0 && length() < *min) {
        return Some((format!("{} characters", length()), format!("at least {min} characters")));
    }
    let max = max.filter(|max| text.len() > *max && length() > *max)?;
    Some((format!("{} characters", length()), format!("at most {max} characters")))
}

fn unknown_member(others: &[&str]) -> String {
    if others.is_empty() {
        return "a member ECS does not know".to_owned();
    }
    let names: Vec<String> = others.iter().take(NAMED).map(|name| shown(name)).collect();
    format!("a member ECS does not know, as are {}", names.join(", "))
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
    fn a_file_that_is_not_closed_is_refused() {
        let link = |file: &'static str| Model::link(serde_json::from_str(file).unwrap()).map(drop);
        assert_eq!(link(r#"{"operations":{"A":"B"},"shapes":{"B":{"type":"boolean"}}}"#), Ok(()));
        for (file, error) in [
            (r#"{"operations":{"A":"C"},"shapes":{"B":{"type":"boolean"}}}"#, "there is no shape C"),
            (r#"{"operations":{},"shapes":{"B":{"type":"list","member":"C"}}}"#, "there is no shape C"),
            (r#"{"operations":{},"shapes":{"B":{"type":"map"}}}"#, "a shape lacks its part"),
            (r#"{"operations":{},"shapes":{"B":{"type":"blob"}}}"#, "there is no type blob"),
        ] {
            assert_eq!(link(file), Err(error.to_owned()));
        }
        assert!(MODEL.shapes.len() > 50);
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
