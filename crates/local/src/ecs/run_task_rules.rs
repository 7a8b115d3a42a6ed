//! What RunTask refuses.
//!
//! [`check_form`] looks at the request alone and comes before the client token is looked up; [`check_meaning`]
//! compares it with the definition and the placement.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::definition::{EphemeralStorage, KeyValue, Spec};
use super::definition_rules::check_fargate_size;
use super::errors::{client, invalid};
use super::fargate::{self, Size};
use super::tags::{self, Tag};
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
    #[serde(default)]
    placement_constraints: Vec<Value>,
    #[serde(default)]
    placement_strategy: Vec<Value>,
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
    #[serde(default)]
    security_groups: Vec<String>,
}

/// What the engine reads of overrides.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overrides {
    #[serde(default)]
    pub(super) container_overrides: Vec<ContainerOverride>,
    cpu: Option<String>,
    memory: Option<String>,
    task_role_arn: Option<String>,
    ephemeral_storage: Option<EphemeralStorage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerOverride {
    pub(super) name: Option<String>,
    pub(super) command: Option<Vec<String>>,
    #[serde(default)]
    pub(super) environment: Vec<KeyValue>,
    cpu: Option<i64>,
    memory: Option<i64>,
    memory_reservation: Option<i64>,
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
pub(super) fn check_form(run: &RunTask) -> Check {
    if run.task_definition.is_empty() {
        return Err(invalid("TaskDefinition can not be blank."));
    }
    // "You can specify up to 10 tasks for each call" (RunTaskRequest.count).
    if run.count.is_some_and(|count| !(1..=10).contains(&count)) {
        return Err(invalid("Count should be between 1 and 10."));
    }
    // "Up to 128 letters (uppercase and lowercase), numbers, hyphens (-), forward slash (/), and underscores (_) are
    // allowed" (RunTaskRequest.startedBy).
    if let Some(started_by) = &run.started_by {
        if started_by.len() > 128 {
            return Err(invalid("StartedBy should be 128 characters or fewer."));
        }
        if !started_by.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_".contains(&byte)) {
            return Err(invalid("StartedBy contains invalid characters."));
        }
    }
    // "Up to 64 characters are allowed. The valid characters are characters in the range of 33-126, inclusive"
    // (RunTaskRequest.clientToken).
    if let Some(token) = &run.client_token
        && (token.is_empty() || token.len() > 64 || !token.bytes().all(|byte| (33..=126).contains(&byte)))
    {
        return Err(invalid("ClientToken should be 1 to 64 ASCII characters in the range of 33-126."));
    }
    if run.launch_type.is_some() && !run.capacity_provider_strategy.is_empty() {
        return Err(invalid("Specifying both a launch type and capacity provider strategy is not supported."));
    }
    check_strategy(&run.capacity_provider_strategy)?;
    // "An error will be received if you specify the SERVICE option when running a task" (propagateTags).
    if run.propagate_tags.as_deref() == Some("SERVICE") {
        return Err(invalid("Invalid value for propagateTags: SERVICE."));
    }
    // "You can specify up to 10 constraints for each task"; "a maximum of 5 strategy rules for each task".
    if run.placement_constraints.len() > 10 {
        return Err(invalid("There can be at most 10 placement constraints."));
    }
    if run.placement_strategy.len() > 5 {
        return Err(invalid("There can be at most 5 placement strategies."));
    }
    tags::check(&run.tags)?;
    if let Some(overrides) = &run.overrides {
        let length = Value::Object(overrides.clone()).to_string().chars().count();
        if length > MAX_OVERRIDES {
            return Err(invalid(format!("Container Overrides length must be at most {MAX_OVERRIDES}")));
        }
    }
    check_network(run.awsvpc())
}

/// "A capacity provider strategy can contain a maximum of 20 capacity providers" (RunTaskRequest); "Only one capacity
/// provider in a capacity provider strategy can have a base defined"; weight 0-1,000, base 0-100,000
/// (CapacityProviderStrategyItem); several providers that all have weight 0 make RunTask fail (same place).
fn check_strategy(strategy: &[StrategyItem]) -> Check {
    if strategy.len() > 20 {
        return Err(invalid("A capacity provider strategy can contain at most 20 capacity providers."));
    }
    if strategy.iter().any(|item| !(0..=1000).contains(&item.weight) || !(0..=100_000).contains(&item.base)) {
        return Err(invalid("Capacity provider weight should be 0 to 1000 and base 0 to 100000."));
    }
    if strategy.iter().filter(|item| item.base > 0).count() > 1 {
        return Err(invalid("Only one capacity provider in a capacity provider strategy can have a base defined."));
    }
    let names: BTreeSet<_> = strategy.iter().map(|item| &item.capacity_provider).collect();
    if names.len() < strategy.len() {
        return Err(invalid("A capacity provider can be in a capacity provider strategy only once."));
    }
    let fargate = names.iter().filter(|name| name.starts_with("FARGATE")).count();
    if fargate > 0 && fargate < names.len() {
        return Err(invalid("A capacity provider strategy cannot contain a mix of Fargate and other providers."));
    }
    if strategy.len() > 1 && strategy.iter().all(|item| item.weight == 0) {
        return Err(invalid("At least one capacity provider must have a weight greater than 0."));
    }
    Ok(())
}

/// "There's a limit of 16 subnets that can be specified"; "There's a limit of 5 security groups that can be specified"
/// (AwsVpcConfiguration).
fn check_network(configuration: Option<&AwsvpcConfiguration>) -> Check {
    let Some(configuration) = configuration else { return Ok(()) };
    if configuration.subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    if configuration.subnets.len() > 16 {
        return Err(invalid("subnets can have at most 16 items."));
    }
    if configuration.security_groups.len() > 5 {
        return Err(invalid("securityGroups can have at most 5 items."));
    }
    if let Some(subnet) = configuration.subnets.iter().find(|subnet| !subnet.starts_with("subnet-")) {
        return Err(invalid(format!(
            "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist"
        )));
    }
    if let Some(group) = configuration.security_groups.iter().find(|group| !group.starts_with("sg-")) {
        return Err(invalid(format!(
            "Error retrieving security group information for [{group}]: Invalid id: \"{group}\""
        )));
    }
    Ok(())
}

/// Whether the definition can be run like that, and the size the task takes.
pub(super) fn check_meaning(run: &RunTask, spec: &Spec, launch_type: &str) -> Result<Size, AwsError> {
    let overrides = run.overrides.as_ref().map(Overrides::of).transpose()?.unwrap_or_default();
    let on_fargate = launch_type == "FARGATE";
    if on_fargate && !spec.compatibilities.contains("FARGATE") {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    if !on_fargate && !spec.compatibilities.contains("EC2") {
        return Err(invalid("Task definition does not support launch_type EC2."));
    }
    check_network_mode(run, spec)?;
    if on_fargate {
        if !run.placement_constraints.is_empty() || !run.placement_strategy.is_empty() {
            return Err(invalid("Placement constraints and strategies are not supported on launch type FARGATE."));
        }
        check_platform(run, spec, &overrides)?;
    } else if run.platform_version.is_some() {
        return Err(invalid("The platform version must be null when specifying an EC2 launch type."));
    }
    check_container_overrides(&overrides, spec)?;
    // "If true, then the task definition must have a task role, or you must provide one as an override"
    // (RunTaskRequest.enableExecuteCommand).
    if run.enable_execute_command && spec.task_role_arn.is_none() && overrides.task_role_arn.is_none() {
        return Err(invalid(
            "The task couldn't be run with execute command because a valid taskRoleArn is not being used.",
        ));
    }
    let size = size(&overrides, spec)?;
    if on_fargate {
        // Pairs hold for what results from the overrides as well.
        check_fargate_size(size)?;
    }
    Ok(size)
}

/// "This parameter is required for task definitions that use the awsvpc network mode …, and it isn't supported for
/// other network modes" (RunTaskRequest.networkConfiguration).
fn check_network_mode(run: &RunTask, spec: &Spec) -> Check {
    match (spec.network_mode.as_deref(), run.awsvpc()) {
        (Some("awsvpc"), None) => {
            Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."))
        }
        (Some("awsvpc"), Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => {
            Err(invalid("Network Configuration is not valid for the given networkMode of this task definition."))
        }
    }
}

/// Platform versions: "AWS Fargate platform versions", ECS developer guide. Ephemeral storage needs 1.4.0
/// (TaskOverride.ephemeralStorage).
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
    if overrides.ephemeral_storage.is_some_and(|storage| !(21..=200).contains(&storage.size_in_gib)) {
        return Err(invalid("EphemeralStorage size should be between 21 and 200 GiB."));
    }
    Ok(())
}

/// "This parameter is required if any override is specified" (ContainerOverride.name).
fn check_container_overrides(overrides: &Overrides, spec: &Spec) -> Check {
    let mut names = BTreeSet::new();
    for container in &overrides.container_overrides {
        let Some(name) = &container.name else {
            return Err(invalid("Container name can not be blank in container overrides."));
        };
        if !spec.container_definitions.iter().any(|known| known.name == *name) {
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
        if !names.insert(name) {
            return Err(invalid(format!("There is more than one override for container {name}.")));
        }
        if container.environment.iter().any(|variable| variable.name.is_empty()) {
            return Err(invalid(format!("Override for container {name}: environment variable name can not be blank.")));
        }
        let sizes = [container.cpu, container.memory, container.memory_reservation];
        if sizes.into_iter().flatten().any(|size| size < 0) {
            return Err(invalid(format!("Override for container {name}: sizes can not be negative.")));
        }
    }
    Ok(())
}

fn size(overrides: &Overrides, spec: &Spec) -> Result<Size, AwsError> {
    let mut size = spec.reserved();
    if let Some(cpu) = &overrides.cpu {
        size.cpu = fargate::cpu_units(cpu).ok_or_else(|| client("Invalid 'cpu' setting for task."))?;
    }
    if let Some(memory) = &overrides.memory {
        size.memory = fargate::memory_mib(memory).ok_or_else(|| client("Invalid 'memory' setting for task."))?;
    }
    Ok(size)
}
