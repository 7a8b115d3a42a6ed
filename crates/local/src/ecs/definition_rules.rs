//! What RegisterTaskDefinition refuses.
//!
//! "A client exception is returned if the task definition doesn't validate against the compatibilities specified"
//! (RegisterTaskDefinitionRequest.requiresCompatibilities): every refusal here is a ClientException.

use std::collections::BTreeSet;

use serde_json::Value;

use super::definition::{ContainerSpec, Spec};
use super::errors::client;
use super::fargate::{self, Size};
use crate::wire::AwsError;

/// Largest request AWS takes, in bytes of its JSON. "Actual length … Max allowed length is '65536' bytes" is what it
/// answers above that.
pub(super) const MAX_BYTES: usize = 65_536;

type Check = Result<(), AwsError>;

/// Checks a definition and notes which launch types it suits.
pub(super) fn check(spec: &mut Spec, input: &Value) -> Check {
    let bytes = input.to_string().len();
    if bytes > MAX_BYTES {
        return Err(client(format!("Actual length: '{bytes}'. Max allowed length is '{MAX_BYTES}' bytes.")));
    }
    check_name(input.get("family").and_then(Value::as_str).unwrap_or_default(), "Family")?;
    check_sizes(spec)?;
    check_containers(spec)?;
    // "The minimum supported value is 21 GiB and the maximum supported value is 200 GiB" (EphemeralStorage.sizeInGiB).
    if spec.ephemeral_storage.is_some_and(|storage| !(21..=200).contains(&storage.size_in_gib)) {
        return Err(client("EphemeralStorage size should be between 21 and 200 GiB."));
    }
    let fargate = check_fargate(spec);
    let asked = |launch_type: &str| spec.requires_compatibilities.iter().any(|required| required == launch_type);
    let (wants_fargate, wants_ec2) = (asked("FARGATE"), asked("EC2"));
    if wants_fargate {
        fargate.clone()?;
    }
    let ec2 = check_ec2(spec);
    if wants_ec2 || !wants_fargate {
        ec2.clone()?;
    }
    if spec.network_mode.is_none() && !wants_fargate {
        // "If no network mode is specified, the default is bridge" (RegisterTaskDefinitionRequest.networkMode).
        spec.network_mode = Some("bridge".into());
    }
    spec.compatibilities = BTreeSet::new();
    if ec2.is_ok() {
        spec.compatibilities.insert("EC2");
    }
    if fargate.is_ok() {
        spec.compatibilities.insert("FARGATE");
    }
    Ok(())
}

/// "Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed"
/// (RegisterTaskDefinitionRequest.family, ContainerDefinition.name, CreateClusterRequest.clusterName).
pub(super) fn check_name(name: &str, what: &str) -> Check {
    if name.is_empty() {
        return Err(client(format!("{what} should not be null or empty.")));
    }
    if name.len() > 255 {
        return Err(client(format!("{what} is longer than 255 characters.")));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Err(client(format!("{what} contains invalid characters.")));
    }
    Ok(())
}

fn check_sizes(spec: &Spec) -> Check {
    // "Supported values are between 128 CPU units and 196608 CPU units" (RegisterTaskDefinitionRequest.cpu).
    if spec.cpu.is_some() && !spec.cpu_units().is_some_and(|cpu| (128..=196_608).contains(&cpu)) {
        return Err(client("Invalid 'cpu' setting for task."));
    }
    if spec.memory.is_some() && spec.memory_mib().is_none() {
        return Err(client("Invalid 'memory' setting for task."));
    }
    Ok(())
}

fn check_containers(spec: &Spec) -> Check {
    let containers = &spec.container_definitions;
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let mut names = BTreeSet::new();
    let volumes: BTreeSet<_> = spec.volumes.iter().filter_map(|volume| volume.name.as_deref()).collect();
    for container in containers {
        check_name(&container.name, "Container.name")?;
        if container.image.is_empty() {
            return Err(client("Container.image should not be null or empty."));
        }
        if container.image.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(client("Container.image contains invalid characters."));
        }
        if !names.insert(&container.name) {
            return Err(client(format!("Duplicate container names are not allowed: '{}'.", container.name)));
        }
        check_environment(container)?;
        check_memory(container, spec)?;
        let unknown = container.mount_points.iter().filter_map(|mount| mount.source_volume.as_deref());
        if let Some(volume) = unknown.into_iter().find(|volume| !volumes.contains(volume)) {
            return Err(client(format!("Unknown volume '{volume}'.")));
        }
    }
    // "All tasks must have at least one essential container" (ContainerDefinition.essential).
    if !containers.iter().any(|container| container.essential) {
        return Err(client("All tasks must have at least one essential container."));
    }
    for container in containers {
        for dependency in &container.depends_on {
            if !names.contains(&dependency.container_name) || dependency.container_name == container.name {
                return Err(client(format!(
                    "Container '{}' depends on unknown container '{}'.",
                    container.name, dependency.container_name
                )));
            }
        }
    }
    let reserved: i64 = containers.iter().map(|container| container.cpu).sum();
    // "The total amount of CPU reserved for all containers within a task be lower than the task-level cpu value"
    // (ContainerDefinition.cpu); equal is accepted, as a single container commonly takes it all.
    if spec.cpu_units().is_some_and(|cpu| reserved > i64::from(cpu)) {
        return Err(client("The total 'cpu' of the containers is greater than for the task."));
    }
    Ok(())
}

fn check_environment(container: &ContainerSpec) -> Check {
    if container.environment.iter().any(|variable| variable.name.is_empty()) {
        return Err(client(format!("Container '{}': environment variable name can not be blank.", container.name)));
    }
    let mut names: BTreeSet<&str> = container.environment.iter().map(|variable| variable.name.as_str()).collect();
    for secret in &container.secrets {
        if secret.name.is_empty() || secret.value_from.is_empty() {
            return Err(client(format!("Container '{}': secret name and valueFrom can not be blank.", container.name)));
        }
        if !names.insert(&secret.name) {
            return Err(client(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{}'.",
                secret.name
            )));
        }
    }
    Ok(())
}

/// ContainerDefinition.memory and .memoryReservation: `memory` is above `memoryReservation`, and neither above what
/// the task has.
fn check_memory(container: &ContainerSpec, spec: &Spec) -> Check {
    let name = &container.name;
    if container.cpu < 0 || container.memory.is_some_and(|memory| memory < 4) {
        return Err(client(format!("Invalid setting for container '{name}'.")));
    }
    if let (Some(hard), Some(soft)) = (container.memory, container.memory_reservation)
        && hard < soft
    {
        return Err(client(format!(
            "Invalid setting for container '{name}'. The 'memory' value must be greater than the 'memoryReservation' \
             value."
        )));
    }
    let largest = container.memory.max(container.memory_reservation);
    if let (Some(largest), Some(task)) = (largest, spec.memory_mib())
        && largest > i64::from(task)
    {
        return Err(client("The 'memory' setting for container is greater than for the task."));
    }
    Ok(())
}

/// The rules of launch type EC2.
///
/// "If using the EC2 launch type, you must specify either a task-level memory value or a container-level memory value"
/// (ContainerDefinition.memory).
fn check_ec2(spec: &Spec) -> Check {
    for container in &spec.container_definitions {
        if spec.memory.is_none() && container.memory.or(container.memory_reservation).is_none() {
            return Err(client(format!(
                "Invalid setting for container '{}'. At least one of 'memory' or 'memoryReservation' must be \
                 specified.",
                container.name
            )));
        }
    }
    if spec.secret_references().next().is_some() && spec.execution_role_arn.is_none() {
        return Err(role_for_secrets());
    }
    Ok(())
}

fn role_for_secrets() -> AwsError {
    client("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
}

/// The rules of launch type FARGATE.
///
/// "For Amazon ECS tasks on Fargate, the awsvpc network mode is required" (networkMode), "This field is required for
/// Fargate" (cpu), "If using the Fargate launch type, this field is required" (memory); "Amazon ECS task definition
/// differences for Fargate" in the ECS developer guide for what is not supported; "Task execution IAM role" there for
/// what needs the role.
fn check_fargate(spec: &Spec) -> Check {
    match spec.network_mode.as_deref() {
        Some("awsvpc") => {}
        _ => return Err(client("Fargate only supports network mode ‘awsvpc’.")),
    }
    let Some(cpu) = spec.cpu_units() else {
        return Err(client("Fargate requires that 'cpu' be defined at the task level."));
    };
    let Some(memory) = spec.memory_mib() else {
        return Err(client("Fargate requires that 'memory' be defined at the task level."));
    };
    check_fargate_size(Size { cpu, memory })?;
    if !spec.placement_constraints.is_empty() {
        return Err(client("Fargate does not support placement constraints."));
    }
    if spec.pid_mode.as_deref() == Some("host") {
        return Err(client("Fargate does not support pidMode 'host'."));
    }
    if spec.volumes.iter().any(|volume| volume.host.source_path.is_some()) {
        return Err(client("host.sourcePath should not be set for volumes in Fargate."));
    }
    if spec.volumes.iter().any(|volume| volume.docker_volume_configuration.is_some()) {
        return Err(client("dockerVolumeConfiguration should not be set for volumes in Fargate."));
    }
    for container in &spec.container_definitions {
        check_fargate_container(container, spec.execution_role_arn.is_some())?;
    }
    Ok(())
}

fn check_fargate_container(container: &ContainerSpec, has_role: bool) -> Check {
    let name = &container.name;
    if container.privileged {
        return Err(client(format!("Fargate does not support privileged containers: '{name}'.")));
    }
    if !container.links.is_empty() {
        return Err(client("Links are not supported when networkMode=awsvpc."));
    }
    // "The valid values for Fargate are 2-120 seconds" (ContainerDefinition.stopTimeout, .startTimeout).
    for (setting, value) in [("stopTimeout", container.stop_timeout), ("startTimeout", container.start_timeout)] {
        if value.is_some_and(|seconds| !(2..=120).contains(&seconds)) {
            return Err(client(format!("Container '{name}': {setting} should be between 2 and 120 seconds.")));
        }
    }
    if let Some(logs) = &container.log_configuration {
        // "For tasks on Fargate, the supported log drivers are awslogs, splunk, and awsfirelens" (LogConfiguration).
        if !["awslogs", "splunk", "awsfirelens"].contains(&logs.log_driver.as_str()) {
            return Err(client(format!("Fargate does not support log driver {}.", logs.log_driver)));
        }
        if logs.log_driver == "awslogs" {
            if !has_role {
                return Err(client(
                    "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
                ));
            }
            if let Some(missing) =
                ["awslogs-group", "awslogs-region"].into_iter().find(|option| !logs.options.contains_key(*option))
            {
                return Err(client(format!("Log driver awslogs requires options: {missing}.")));
            }
            // The stream prefix is what Fargate builds the stream's name from ("awslogs log driver", developer guide).
            if !logs.options.contains_key("awslogs-stream-prefix") {
                return Err(client("Log driver awslogs requires options: awslogs-stream-prefix."));
            }
        }
    }
    let for_logs = container.log_configuration.iter().any(|logs| !logs.secret_options.is_empty());
    if (for_logs || !container.secrets.is_empty()) && !has_role {
        return Err(role_for_secrets());
    }
    let host = container.image.split('/').next().unwrap_or_default();
    if host.contains(".dkr.ecr.") && !has_role {
        return Err(client("Fargate requires task definition to have execution role ARN to support ECR images."));
    }
    Ok(())
}

/// Task-level sizes Fargate has.
pub(super) fn check_fargate_size(size: Size) -> Check {
    if fargate::is_fargate_size(size) {
        return Ok(());
    }
    Err(client(format!(
        "No Fargate configuration exists for given values: {} CPU, {} memory. See the Amazon ECS documentation for the \
         valid values.",
        size.cpu, size.memory
    )))
}
