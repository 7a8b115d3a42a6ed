//! The job variables of a deployment: how its block with its overrides differs from its pool.
//!
//! They are computed from the two shapes and not from the overrides. Under an agent an override of `env` or `labels` replaces, under
//! a pool `env` merges; a null unsets here and means "the default" there; and two blocks may share a pool. The difference of what
//! comes out is right in all of these cases. Overrides are looked at only to keep what a user set on purpose although it is the
//! pool's value today.

use std::collections::BTreeSet;

use prefect_api::models::Object;
use serde_json::{Map, Value};

use super::{
    literal::{Literals, holds_placeholder},
    shape::{Given, Shape},
};

/// Variables that overrides set on purpose.
#[derive(Debug, Clone, Default)]
pub(crate) struct Explicit {
    variables: BTreeSet<String>,
    environment: BTreeSet<String>,
}

impl Explicit {
    /// What the overrides of a deployment set.
    pub(crate) fn of(overrides: &Object) -> Self {
        let mut explicit = Self::default();
        for (key, value) in overrides {
            if let Some(name) = key.strip_prefix("env.") {
                explicit.environment.insert(name.to_owned());
            } else if key == "env" {
                explicit.environment.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
            } else if let Some(variable) = variable_of(key).filter(|_| is_variable(key) && !value.is_null()) {
                explicit.variables.insert(variable.to_owned());
            }
        }
        explicit
    }
}

/// The job variable that takes the place of an overridden field; none where no variable does.
pub(crate) fn variable_of(key: &str) -> Option<&str> {
    match key {
        "task_definition.cpu" => Some("cpu"),
        "task_definition.memory" => Some("memory"),
        "task_definition.family" => Some("family"),
        "task_definition.executionRoleArn" => Some("execution_role_arn"),
        "name" => Some("cloudwatch_logs_prefix"),
        "stream_output" => Some("configure_cloudwatch_logs"),
        _ if key.starts_with("labels.") => Some("labels"),
        _ if key.starts_with("cloudwatch_logs_options.") => Some("cloudwatch_logs_options"),
        _ => VARIABLES.into_iter().find(|variable| *variable == key),
    }
}

/// Whether a key is a job variable as it stands, so that a deployment can keep it.
pub(crate) fn is_variable(key: &str) -> bool {
    key == "env" || key.starts_with("env.") || key.starts_with("labels.") || VARIABLES.contains(&key)
}

/// Fields of the block that are variables of the template under the same name.
const VARIABLES: [&str; 14] = [
    "image",
    "cpu",
    "memory",
    "cluster",
    "family",
    "launch_type",
    "labels",
    "command",
    "task_role_arn",
    "execution_role_arn",
    "task_definition_arn",
    "vpc_id",
    "configure_cloudwatch_logs",
    "cloudwatch_logs_options",
];

/// The job variables of a deployment with the shape `own` in a pool with the shape `pool`.
pub(crate) fn differences(pool: &Shape, own: &Shape, explicit: &Explicit) -> Object {
    let mut variables = Map::new();
    let mut literals = Literals::new("text_");
    let environment = environment(pool, own, explicit, &mut literals);
    if !environment.is_empty() {
        variables.insert("env".to_owned(), Value::Object(environment));
    }
    let names = own.variables.keys().chain(pool.variables.keys().filter(|name| !own.variables.contains_key(*name)));
    for name in names {
        let (own, pool) = (own.variables.get(name), pool.variables.get(name));
        if own != pool || own.is_some() && explicit.variables.contains(name) {
            variables.insert(name.clone(), own.cloned().unwrap_or_default());
        }
    }
    variables.extend(literals.variables);
    variables
}

/// `env` merges, so what the pool has and the deployment has not is unset by null.
fn environment(pool: &Shape, own: &Shape, explicit: &Explicit, literals: &mut Literals) -> Object {
    let of_pool = |name: &str| pool.environment.iter().find(|(known, _)| known == name).map(|(_, given)| given);
    let mut environment = Map::new();
    for (name, given) in &own.environment {
        if of_pool(name) != Some(given) || explicit.environment.contains(name) {
            environment.insert(name.clone(), written(given, !pool.environment.is_empty(), literals));
        }
    }
    for (name, given) in &pool.environment {
        if *given != Given::Unset && !own.environment.iter().any(|(known, _)| known == name) {
            environment.insert(name.clone(), Value::Null);
        }
    }
    environment
}

/// In a pool whose `env` has a default, values of the deployment are filled in, too.
fn written(given: &Given, filled_in: bool, literals: &mut Literals) -> Value {
    match given {
        Given::Unset => Value::Null,
        Given::Reference(reference) => reference.as_str().into(),
        Given::Text(text) if filled_in && holds_placeholder(text) => literals.keep(text.as_str().into()),
        Given::Text(text) => text.as_str().into(),
    }
}
