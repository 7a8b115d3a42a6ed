//! A registered task definition: what was asked for, with the defaults AWS adds and the sizes in AWS's units.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::ecs::rules::{register_task_definition, suits};
use ::ecs::{Size, parse_cpu, parse_memory};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::errors::{client, refused};
use super::tags::Tag;
use crate::clock::Millis;
use crate::wire::AwsError;

/// Largest request AWS takes, in bytes of its JSON. "Actual length … Max allowed length is '65536' bytes" is what it
/// answers above that.
const MAX_BYTES: usize = 65_536;

/// What a revision of a family says. It never changes.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) arn: String,
    pub(super) family: String,
    /// Member `taskDefinition` of the answers, without `status` and `deregisteredAt`: an object.
    body: Value,
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
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    #[serde(default)]
    pub(super) runtime_platform: RuntimePlatform,
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
    pub(super) stop_timeout: Option<i64>,
    pub(super) log_configuration: Option<LogConfiguration>,
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

impl Spec {
    /// Reads the request, applies the rules of registration and notes which launch types it suits.
    pub(super) fn of_request(input: &Value) -> Result<Self, AwsError> {
        let mut spec = Self::deserialize(input).map_err(|error| AwsError::serialization(error.to_string()))?;
        let bytes = input.to_string().len();
        if bytes > MAX_BYTES {
            return Err(client(format!("Actual length: '{bytes}'. Max allowed length is '{MAX_BYTES}' bytes.")));
        }
        refused(register_task_definition(input))?;
        let suits = suits(input);
        let launch_types = [("EC2", suits.ec2), ("FARGATE", suits.fargate)];
        spec.compatibilities = launch_types.into_iter().filter(|(_, suits)| *suits).map(|(name, _)| name).collect();
        if spec.network_mode.is_none() {
            // "If no network mode is specified, the default is bridge" (RegisterTaskDefinitionRequest.networkMode).
            spec.network_mode = Some("bridge".into());
        }
        Ok(spec)
    }

    pub(super) fn cpu_units(&self) -> Option<u32> {
        self.cpu.as_deref().and_then(parse_cpu)
    }

    pub(super) fn memory_mib(&self) -> Option<u32> {
        self.memory.as_deref().and_then(parse_memory)
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
        Self { arn, family, body: Value::Object(body), spec }
    }
}

impl Definition {
    /// What was registered, with what AWS has filled in.
    pub(super) fn request(&self) -> &Value {
        &self.body
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
        body["status"] = if self.is_active() { "ACTIVE" } else { "INACTIVE" }.into();
        if let Some(at) = self.deregistered_at {
            body["deregisteredAt"] = seconds(at);
        }
        body
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
