//! The job configuration as the worker understands it.
//!
//! Types, defaults and coercions are those of `ECSJobConfiguration` (prefect-aws 0.7.12, `ecs_worker.py`) and
//! `BaseJobConfiguration` (prefect 3.8.8, `workers/base.py`), which are pydantic models: a key that is not among their
//! fields is ignored. Two deliberate leniencies: `command` may be a list, which the worker refuses, and an explicit null
//! counts as not given everywhere, where the worker fails on some fields: it is how people unset a default.

use std::{borrow::Cow, collections::BTreeSet};

use serde_json::Value;
use work_pool::{JobConfiguration, Object};

use crate::{
    PrepareError,
    value::{is_true, kind, to_text},
};

/// Container the flow run executes in when nothing else is said.
pub(crate) const DEFAULT_CONTAINER: &str = "prefect";

/// Typed view of a job configuration.
pub(crate) struct Configuration<'a> {
    /// `env`; none is an explicit null, which unsets.
    pub env: Vec<(&'a str, Option<Cow<'a, str>>)>,
    /// What `env` is without the flow run's own job variables.
    pub shared_env: Vec<(&'a str, Option<Cow<'a, str>>)>,
    /// Names in `env` that are kept out of definitions.
    pub private_env: &'a BTreeSet<String>,
    pub labels: Vec<(&'a str, &'a str)>,
    pub command: Option<&'a Value>,
    pub container_name: Option<&'a str>,
    pub cluster: Option<&'a str>,
    pub task_definition: Option<&'a Object>,
    pub task_run_request: Option<&'a Object>,
    pub configure_logs: bool,
    pub log_options: Vec<(&'a str, &'a str)>,
    pub log_prefix: Option<&'a str>,
    pub network: Option<&'a Object>,
    pub vpc_id: Option<&'a str>,
    pub api_key_secret_arn: Option<&'a str>,
    pub api_auth_string_secret_arn: Option<&'a str>,
    pub auto_deregister: bool,
    pub match_latest: bool,
    pub aws_credentials: Option<&'a Object>,
}

impl<'a> Configuration<'a> {
    /// Reads the keys. What is wrong with them together goes to `refusals`.
    pub(crate) fn read(rendered: &'a JobConfiguration, refusals: &mut Vec<PrepareError>) -> Result<Self, PrepareError> {
        let keys = Keys(&rendered.values);
        let configuration = Self {
            env: env(keys.object("env")?),
            shared_env: env(Some(&rendered.shared_env)),
            private_env: &rendered.private_env,
            labels: keys.strings("labels")?,
            command: keys.command()?,
            container_name: keys.text("container_name")?,
            cluster: keys.text("cluster")?,
            task_definition: keys.object("task_definition")?.filter(|it| !it.is_empty()),
            task_run_request: keys.object("task_run_request")?,
            configure_logs: keys.flag("configure_cloudwatch_logs")?,
            log_options: keys.strings("cloudwatch_logs_options")?,
            log_prefix: keys.text("cloudwatch_logs_prefix")?,
            network: keys.object("network_configuration")?.filter(|it| !it.is_empty()),
            vpc_id: keys.text("vpc_id")?,
            api_key_secret_arn: keys.text("prefect_api_key_secret_arn")?,
            api_auth_string_secret_arn: keys.text("prefect_api_auth_string_secret_arn")?,
            auto_deregister: keys.flag("auto_deregister_task_definition")?,
            match_latest: keys.flag("match_latest_revision_in_family")?,
            aws_credentials: keys.object("aws_credentials")?,
        };
        configuration.validate(keys.text("execution_role_arn")?, refusals)?;
        Ok(configuration)
    }

    /// The existing definition that `task_run_request.taskDefinition` names.
    pub(crate) fn existing_definition(&self) -> Option<&'a Value> {
        self.task_run_request?.get("taskDefinition").filter(|value| is_true(value))
    }

    /// `task_definition.containerDefinitions`, where it is a list.
    pub(crate) fn containers(&self) -> &'a [Value] {
        let containers = self.task_definition.and_then(|definition| definition.get("containerDefinitions"));
        containers.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The model validators of `ECSJobConfiguration`, but for the one that asks for a `vpc_id`.
    fn validate(&self, execution_role: Option<&str>, refusals: &mut Vec<PrepareError>) -> Result<(), PrepareError> {
        if self.existing_definition().is_none() && self.task_definition.is_none() {
            return Err(PrepareError::FindDefinition);
        }
        let containers = self.containers();
        if !containers.is_empty() && containers.iter().all(|it| it.get("essential") == Some(&Value::Bool(false))) {
            refusals.push(PrepareError::FindEssentialContainer);
        }
        let has_role = execution_role.is_some()
            || self.existing_definition().is_some()
            || self.task_definition.and_then(|it| it.get("executionRoleArn")).is_some_and(is_true);
        if self.configure_logs && !has_role {
            refusals.push(PrepareError::ConfigureLogs);
        }
        if !self.log_options.is_empty() && !self.configure_logs {
            refusals.push(PrepareError::ApplyLogOptions);
        }
        Ok(())
    }
}

/// `env` with its values as text: `str(value)` for each that is not null (prefect 3.8.8, `workers/base.py`,
/// `_coerce_env`).
fn env(object: Option<&Object>) -> Vec<(&str, Option<Cow<'_, str>>)> {
    let entry = |(name, value)| -> (&str, Option<Cow<'_, str>>) {
        let (name, value): (&String, &Value) = (name, value);
        (name, (!value.is_null()).then(|| to_text(value)))
    };
    object.map(|object| object.iter().map(entry).collect()).unwrap_or_default()
}

/// The rendered keys, read with pydantic's eyes.
#[derive(Clone, Copy)]
struct Keys<'a>(&'a Object);

impl<'a> Keys<'a> {
    /// `Optional[str]`. The empty string counts as not given, as everywhere in the worker.
    fn text(self, field: &'static str) -> Result<Option<&'a str>, PrepareError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(other) => Err(wrong(field, other, "a string")),
        }
    }

    /// `Dict[str, Any]`. Null unsets, here as for the texts.
    fn object(self, field: &'static str) -> Result<Option<&'a Object>, PrepareError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(wrong(field, other, "an object")),
        }
    }

    /// `Dict[str, str]`.
    fn strings(self, field: &'static str) -> Result<Vec<(&'a str, &'a str)>, PrepareError> {
        let Some(object) = self.object(field)? else { return Ok(Vec::new()) };
        object
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => Ok((name.as_str(), text.as_str())),
                other => Err(wrong(field, other, "an object with strings only")),
            })
            .collect()
    }

    /// `bool` or `Optional[bool]`, with what pydantic takes for one.
    fn flag(self, field: &'static str) -> Result<bool, PrepareError> {
        let Some(value) = self.0.get(field) else { return Ok(false) };
        let flag = match value {
            Value::Null => Some(false),
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
            Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
            Value::String(text) => match text.to_lowercase().as_str() {
                "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
                "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
                _ => None,
            },
            _ => None,
        };
        flag.ok_or_else(|| wrong(field, value, "a boolean"))
    }

    /// `Optional[str]`, or a list.
    fn command(self) -> Result<Option<&'a Value>, PrepareError> {
        match self.0.get("command") {
            None | Some(Value::Null) => Ok(None),
            Some(command @ (Value::String(_) | Value::Array(_))) => Ok(is_true(command).then_some(command)),
            Some(other) => Err(wrong("command", other, "a string or a list of strings")),
        }
    }
}

fn wrong(field: &'static str, found: &Value, expected: &'static str) -> PrepareError {
    PrepareError::ReadConfiguration { field, found: kind(found), expected }
}
