//! A registered task definition: what was asked for, with the defaults AWS adds and the sizes in AWS's units.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::definition_rules;
use super::fargate::{self, Size};
use super::tags::Tag;
use crate::clock::Millis;
use crate::wire::AwsError;

/// What a revision of a family says. It never changes.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) arn: String,
    pub(super) family: String,
    /// Member `taskDefinition` of the answers, without `status` and `deregisteredAt`.
    body: Map<String, Value>,
    pub(super) spec: Spec,
}

/// A revision of a family, with what can change about it.
#[derive(Debug)]
pub(super) struct Revision {
    pub(super) definition: Arc<Definition>,
    pub(super) registered_at: Millis,
    pub(super) deregistered_at: Option<Millis>,
    pub(super) tags: Vec<Tag>,
}

/// The members the engine acts on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(default)]
    pub(super) container_definitions: Vec<ContainerSpec>,
    pub(super) network_mode: Option<String>,
    pub(super) task_role_arn: Option<String>,
    pub(super) execution_role_arn: Option<String>,
    #[serde(default)]
    pub(super) requires_compatibilities: Vec<String>,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    #[serde(default)]
    pub(super) placement_constraints: Vec<Value>,
    pub(super) pid_mode: Option<String>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    #[serde(default)]
    pub(super) runtime_platform: RuntimePlatform,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    /// Launch types the definition suits.
    #[serde(skip)]
    pub(super) compatibilities: BTreeSet<&'static str>,
}

/// One container of a definition.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerSpec {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) cpu: i64,
    pub(super) memory: Option<i64>,
    pub(super) memory_reservation: Option<i64>,
    /// "If this parameter is omitted, a container is assumed to be essential" (ContainerDefinition.essential).
    #[serde(default = "yes")]
    pub(super) essential: bool,
    #[serde(default)]
    pub(super) entry_point: Vec<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) environment: Vec<KeyValue>,
    #[serde(default)]
    pub(super) secrets: Vec<Secret>,
    #[serde(default)]
    pub(super) links: Vec<String>,
    #[serde(default)]
    pub(super) privileged: bool,
    pub(super) stop_timeout: Option<i64>,
    pub(super) start_timeout: Option<i64>,
    pub(super) log_configuration: Option<LogConfiguration>,
    #[serde(default)]
    pub(super) depends_on: Vec<Dependency>,
    #[serde(default)]
    pub(super) mount_points: Vec<MountPoint>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct KeyValue {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) value_from: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogConfiguration {
    pub(super) log_driver: String,
    #[serde(default)]
    pub(super) options: Map<String, Value>,
    #[serde(default)]
    pub(super) secret_options: Vec<Secret>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    pub(super) container_name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MountPoint {
    pub(super) source_volume: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct EphemeralStorage {
    #[serde(rename = "sizeInGiB")]
    pub(super) size_in_gib: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimePlatform {
    pub(super) cpu_architecture: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) host: HostVolume,
    pub(super) docker_volume_configuration: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostVolume {
    pub(super) source_path: Option<String>,
}

impl Spec {
    /// Reads the request and applies the rules of registration.
    pub(super) fn of_request(input: &Value) -> Result<Self, AwsError> {
        let mut spec = Self::deserialize(input).map_err(|error| AwsError::serialization(error.to_string()))?;
        definition_rules::check(&mut spec, input)?;
        Ok(spec)
    }

    pub(super) fn cpu_units(&self) -> Option<u32> {
        self.cpu.as_deref().and_then(fargate::cpu_units)
    }

    pub(super) fn memory_mib(&self) -> Option<u32> {
        self.memory.as_deref().and_then(fargate::memory_mib)
    }

    /// What the task takes of a container instance: task-level sizes, else the sum of the containers'.
    pub(super) fn reserved(&self) -> Size {
        let sum = |of: fn(&ContainerSpec) -> i64| {
            u32::try_from(self.container_definitions.iter().map(of).sum::<i64>()).unwrap_or(u32::MAX)
        };
        Size {
            cpu: self.cpu_units().unwrap_or_else(|| sum(|container| container.cpu)),
            memory: self
                .memory_mib()
                .unwrap_or_else(|| sum(|container| container.memory_reservation.or(container.memory).unwrap_or(0))),
        }
    }

    /// Whether a container refers to secrets, in its environment or for its log driver.
    pub(super) fn secret_references(&self) -> impl Iterator<Item = &Secret> {
        self.container_definitions.iter().flat_map(|container| {
            let for_logs = container.log_configuration.iter().flat_map(|logs| &logs.secret_options);
            container.secrets.iter().chain(for_logs)
        })
    }
}

impl Definition {
    /// The definition of a checked request. `arn` ends in `family:revision`.
    pub(super) fn new(
        arn: String,
        revision: u64,
        now: Millis,
        registered_by: String,
        input: Value,
        spec: Spec,
    ) -> Self {
        let Value::Object(mut body) = input else { unreachable!("checked against a structure") };
        let family = body.get("family").and_then(Value::as_str).unwrap_or_default().to_owned();
        body.remove("tags");
        for container in body.get_mut("containerDefinitions").and_then(Value::as_array_mut).into_iter().flatten() {
            add_defaults(container);
        }
        // What AWS fills in, as its answers show it (examples of RegisterTaskDefinition in the service model).
        for list in ["volumes", "placementConstraints"] {
            body.entry(list).or_insert_with(|| json!([]));
        }
        if let Some(cpu) = spec.cpu_units() {
            body.insert("cpu".into(), cpu.to_string().into());
        }
        if let Some(memory) = spec.memory_mib() {
            body.insert("memory".into(), memory.to_string().into());
        }
        if let Some(mode) = &spec.network_mode {
            body.insert("networkMode".into(), mode.clone().into());
        }
        body.insert("taskDefinitionArn".into(), arn.clone().into());
        body.insert("revision".into(), revision.into());
        body.insert("compatibilities".into(), json!(spec.compatibilities));
        body.insert("requiresAttributes".into(), json!([]));
        body.insert("registeredAt".into(), seconds(now));
        body.insert("registeredBy".into(), registered_by.into());
        Self { arn, family, body, spec }
    }
}

impl Revision {
    /// ACTIVE: may be run.
    pub(super) fn is_active(&self) -> bool {
        self.deregistered_at.is_none()
    }

    /// Member `taskDefinition` of an answer.
    pub(super) fn describe(&self) -> Value {
        let mut body = self.definition.body.clone();
        body.insert("status".into(), if self.is_active() { "ACTIVE" } else { "INACTIVE" }.into());
        if let Some(at) = self.deregistered_at {
            body.insert("deregisteredAt".into(), seconds(at));
        }
        Value::Object(body)
    }
}

/// The members AWS adds to every container it stores.
fn add_defaults(container: &mut Value) {
    let Value::Object(container) = container else { return };
    container.entry("cpu").or_insert_with(|| json!(0));
    container.entry("essential").or_insert_with(|| json!(true));
    for list in ["environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"] {
        container.entry(list).or_insert_with(|| json!([]));
    }
}

/// A timestamp as awsJson writes it: seconds since 1970 with milliseconds as fraction.
pub(super) fn seconds(at: Millis) -> Value {
    json!(at as f64 / 1000.0)
}
