//! The rendered job configuration: what every worker checks of it, whatever the infrastructure.
//!
//! `env`, `labels`, `command` and `name` are the fields of Prefect's `BaseJobConfiguration`; the rest belongs to the
//! crate that turns the configuration into requests.

use std::{collections::BTreeSet, fmt};

use serde_json::Value;
use templating::{Budget, placeholder, python};

use crate::{Object, error::WorkPoolError, variables::ENV};

/// The job configuration of one run: the template with its placeholders replaced.
#[derive(Clone, PartialEq)]
pub struct JobConfiguration {
    /// Every key of `job_configuration`, rendered. Keys whose whole value was an unset placeholder are absent. `env`
    /// holds strings, and null for what is to be unset. `aws_credentials` is reduced to the literal `region_name` and
    /// `assume_role_arn`.
    pub values: Object,
    /// `env` as it would be without the flow run's own job variables: what all runs of the deployment share. Holds
    /// strings, and null for what is to be unset; nothing out of block documents.
    pub shared_env: Object,
    /// Names in `env` whose values came out of block documents. They may be secret, so they belong to the run's request
    /// and not to a task definition, which anyone may read who can list them, and which stays.
    pub private_env: BTreeSet<String>,
}

impl fmt::Debug for JobConfiguration {
    /// Keys only: values may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = |object: &Object| object.keys().cloned().collect::<Vec<_>>();
        f.debug_struct("JobConfiguration")
            .field("values", &keys(&self.values))
            .field("shared_env", &keys(&self.shared_env))
            .field("private_env", &self.private_env)
            .finish()
    }
}

/// `command` and `name` are a string or null, an empty command counting as none; `labels` are strings.
pub(crate) fn check_fields(values: &mut Object) -> Result<(), WorkPoolError> {
    for field in ["command", "name"] {
        match values.get_mut(field) {
            Some(value @ Value::String(_)) if field == "command" && value.as_str() == Some("") => *value = Value::Null,
            None | Some(Value::String(_) | Value::Null) => {}
            Some(other) => return Err(mistyped(field, other, "string or null")),
        }
    }
    match values.get("labels") {
        None => Ok(()),
        Some(Value::Object(labels)) => labels.iter().try_for_each(|(label, value)| {
            if value.is_string() { Ok(()) } else { Err(mistyped(&format!("labels.{label}"), value, "string")) }
        }),
        Some(other) => Err(mistyped("labels", other, "object of strings")),
    }
}

fn mistyped(field: &str, value: &Value, allowed: &'static str) -> WorkPoolError {
    WorkPoolError::ReadField { field: field.to_owned(), found: python::kind_of(value), allowed }
}

/// Makes every value of `env` a string with Python's `str()`; null stays and means unset.
pub(crate) fn coerce_env(values: &mut Object, budget: &mut Budget) -> Result<(), WorkPoolError> {
    match values.get_mut(ENV) {
        None => Ok(()),
        Some(Value::Object(entries)) => entries.values_mut().try_for_each(|value| coerce_env_value(value, budget)),
        Some(other) => Err(WorkPoolError::MergeEnvironment {
            place: "env of the job configuration",
            found: python::kind_of(other),
        }),
    }
}

pub(crate) fn coerce_env_value(value: &mut Value, budget: &mut Budget) -> Result<(), WorkPoolError> {
    if !matches!(value, Value::String(_) | Value::Null) {
        *value = Value::String(python::to_str(value, budget)?);
    }
    Ok(())
}

/// What may be said about credentials that are never used: the region and the role, where they stand there literally.
pub(crate) fn credential_facts(credentials: &Value) -> Option<Value> {
    let credentials = credentials.as_object().filter(|object| !object.contains_key("$ref"))?;
    let facts = ["region_name", "assume_role_arn"].into_iter().filter_map(|fact| {
        let value = credentials.get(fact)?.as_str()?;
        (!value.is_empty() && placeholder::find(value).next().is_none()).then(|| (fact.to_owned(), value.into()))
    });
    Some(Value::Object(facts.collect()))
}
