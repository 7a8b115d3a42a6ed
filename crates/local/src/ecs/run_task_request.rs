//! A RunTask request as the engine reads it, and what is refused of it.
//!
//! [`check_form`] looks at the request alone and comes before the client token is looked up; [`check_meaning`] compares it
//! with the definition and the placement. The rules are those that a run is checked by before it is sent
//! ([`::ecs::rules`]); here is only what they leave to AWS.

use ::ecs::rules::{Host, run_task, run_task_form};
use ::ecs::{Size, parse_cpu, parse_memory};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{Definition, EphemeralStorage, KeyValue, Spec};
use super::errors::{client, invalid, refused};
use super::tags::Tag;
use crate::wire::AwsError;

/// "A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting characters of the
/// override structure" (RunTaskRequest.overrides).
const MAX_OVERRIDES: usize = 8192;

/// A RunTask request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunTask {
    pub(super) task_definition: String,
    pub(super) cluster: Option<String>,
    pub(super) count: Option<i64>,
    #[serde(default, rename = "enableECSManagedTags")]
    pub(super) enable_ecs_managed_tags: bool,
    #[serde(default)]
    pub(super) enable_execute_command: bool,
    pub(super) group: Option<String>,
    pub(super) launch_type: Option<String>,
    #[serde(default)]
    pub(super) capacity_provider_strategy: Vec<StrategyItem>,
    pub(super) network_configuration: Option<NetworkConfiguration>,
    /// As sent, for its length and for what tasks show.
    pub(super) overrides: Option<Map<String, Value>>,
    pub(super) platform_version: Option<String>,
    pub(super) propagate_tags: Option<String>,
    pub(super) started_by: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    pub(super) client_token: Option<String>,
}

/// One provider of a capacity provider strategy.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StrategyItem {
    pub(super) capacity_provider: String,
    #[serde(default)]
    pub(super) weight: i64,
    #[serde(default)]
    pub(super) base: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NetworkConfiguration {
    awsvpc_configuration: Option<AwsvpcConfiguration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AwsvpcConfiguration {
    subnets: Vec<String>,
}

/// What the engine reads of overrides.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overrides {
    #[serde(default)]
    pub(super) container_overrides: Vec<ContainerOverride>,
    cpu: Option<String>,
    memory: Option<String>,
    ephemeral_storage: Option<EphemeralStorage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerOverride {
    pub(super) name: Option<String>,
    pub(super) command: Option<Vec<String>>,
    #[serde(default)]
    pub(super) environment: Vec<KeyValue>,
}

impl Overrides {
    /// Reads overrides that were checked against the model.
    pub(super) fn of(overrides: &Map<String, Value>) -> Result<Self, AwsError> {
        Self::deserialize(&Value::Object(overrides.clone())).map_err(|error| AwsError::serialization(error.to_string()))
    }
}

impl RunTask {
    /// Subnets of an awsvpc task.
    pub(super) fn subnets(&self) -> &[String] {
        self.awsvpc().map_or(&[], |configuration| &configuration.subnets)
    }

    fn awsvpc(&self) -> Option<&AwsvpcConfiguration> {
        self.network_configuration.as_ref()?.awsvpc_configuration.as_ref()
    }
}

type Check = Result<(), AwsError>;

/// The limits of each parameter.
pub(super) fn check_form(run: &RunTask, request: &Value) -> Check {
    refused(run_task_form(request))?;
    if let Some(overrides) = &run.overrides {
        let length = Value::Object(overrides.clone()).to_string().chars().count();
        if length > MAX_OVERRIDES {
            return Err(invalid(format!("Container Overrides length must be at most {MAX_OVERRIDES}")));
        }
    }
    Ok(())
}

/// Whether the definition can be run like that, and the size the task takes.
pub(super) fn check_meaning(
    run: &RunTask,
    request: &Value,
    definition: &Definition,
    launch_type: &str,
) -> Result<Size, AwsError> {
    let overrides = run.overrides.as_ref().map(Overrides::of).transpose()?.unwrap_or_default();
    let on_fargate = launch_type == "FARGATE";
    let host = if on_fargate { Host::Fargate } else { Host::Instances };
    refused(run_task(request, Some(definition.request()), host))?;
    if on_fargate {
        check_platform(run, &definition.spec, &overrides)?;
    }
    size(&overrides, &definition.spec)
}

/// Platform versions: "AWS Fargate platform versions", ECS developer guide. Ephemeral storage needs 1.4.0
/// (TaskOverride.ephemeralStorage). There may be newer ones on AWS, so this is no rule for requests.
fn check_platform(run: &RunTask, spec: &Spec, overrides: &Overrides) -> Check {
    let version = run.platform_version.as_deref().unwrap_or("LATEST");
    if !["LATEST", "1.4.0", "1.3.0", "1.0.0"].contains(&version) {
        return Err(AwsError::new("PlatformUnknownException", "The specified platform version does not exist."));
    }
    let storage = overrides.ephemeral_storage.or(spec.ephemeral_storage);
    if storage.is_some() && !["LATEST", "1.4.0"].contains(&version) {
        return Err(AwsError::new(
            "PlatformTaskDefinitionIncompatibilityException",
            "One or more of the requested capabilities are not supported.",
        ));
    }
    Ok(())
}

fn size(overrides: &Overrides, spec: &Spec) -> Result<Size, AwsError> {
    let mut size = spec.reserved();
    if let Some(cpu) = &overrides.cpu {
        size.cpu = parse_cpu(cpu).ok_or_else(|| client("Invalid 'cpu' setting for task."))?;
    }
    if let Some(memory) = &overrides.memory {
        size.memory = parse_memory(memory).ok_or_else(|| client("Invalid 'memory' setting for task."))?;
    }
    Ok(size)
}
