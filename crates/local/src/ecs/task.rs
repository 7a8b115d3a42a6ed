//! One task: its state, and how the API and the events show it.

use std::sync::Arc;

use ::ecs::Size;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::definition::{Definition, seconds};
use super::faults::StartFailure;
use super::tags::Tag;
use crate::clock::Millis;

/// Where a task is in its life ("Amazon ECS task lifecycle", ECS developer guide).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Resources such as the network interface are being made.
    Provisioning,
    /// Containers are being started.
    Pending,
    /// Load balancers and service discovery are being told.
    Activating,
    /// The containers run.
    Running,
    /// Load balancers and service discovery are being told of the end.
    Deactivating,
    /// The containers were told to stop.
    Stopping,
    /// Resources are being given back.
    Deprovisioning,
    /// It is over.
    Stopped,
}

impl Status {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stopped (`TaskStopCode` of the service model; those that can happen here).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopCode {
    /// It never ran.
    TaskFailedToStart,
    /// An essential container ended.
    EssentialContainerExited,
    /// StopTask.
    UserInitiated,
    /// Fargate took the Spot capacity back.
    SpotInterruption,
}

impl StopCode {
    /// AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::SpotInterruption => "SpotInterruption",
        }
    }
}

/// Where one container is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not started.
    Waiting,
    /// Its process is being started.
    Starting,
    /// It runs: as a process, or as a sidecar that only seems to.
    Running {
        /// Whether someone will report its exit.
        process: bool,
    },
    /// It ended, or could not be started.
    Ended { exit_code: Option<i32>, reason: Option<String> },
}

#[derive(Debug)]
pub(super) struct Container {
    pub(super) arn: String,
    pub(super) runtime_id: String,
    pub(super) phase: Phase,
}

impl Container {
    /// Whether its end is still to be reported.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running { process: true })
    }

    fn status(&self) -> &'static str {
        match self.phase {
            Phase::Waiting | Phase::Starting => "PENDING",
            Phase::Running { .. } => "RUNNING",
            Phase::Ended { .. } => "STOPPED",
        }
    }
}

/// The network interface of an awsvpc task.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) attachment_id: String,
    pub(super) interface_id: String,
    pub(super) subnet: String,
    pub(super) address: String,
    pub(super) mac: String,
}

#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) pull_started: Option<Millis>,
    pub(super) pull_stopped: Option<Millis>,
    pub(super) started: Option<Millis>,
    pub(super) stopping: Option<Millis>,
    pub(super) execution_stopped: Option<Millis>,
    pub(super) stopped: Option<Millis>,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    pub(super) arn: String,
    /// Order of creation, from 1.
    pub(super) sequence: u64,
    pub(super) cluster: String,
    pub(super) cluster_arn: String,
    pub(super) definition: Arc<Definition>,
    pub(super) launch_type: &'static str,
    pub(super) capacity_provider: Option<String>,
    /// Index of the container instance it is placed on.
    pub(super) instance: Option<usize>,
    pub(super) instance_arn: Option<String>,
    pub(super) platform_version: Option<String>,
    pub(super) interface: Option<Interface>,
    /// Overrides of the request, as asked for.
    pub(super) overrides: Map<String, Value>,
    /// What it takes of a quota or an instance.
    pub(super) size: Size,
    pub(super) started_by: Option<String>,
    pub(super) group: String,
    pub(super) enable_execute_command: bool,
    pub(super) tags: Vec<Tag>,
    /// The token of its request, which lives as long as it does.
    pub(super) client_token: Option<String>,
    pub(super) status: Status,
    pub(super) stop: Option<(StopCode, String)>,
    pub(super) containers: Vec<Container>,
    /// "Every time a task experiences a change that starts a CloudWatch event, the version counter is incremented"
    /// (Task.version).
    pub(super) version: u64,
    pub(super) created: Millis,
    pub(super) updated: Millis,
    pub(super) times: Times,
    /// Number of the step that is due next; others are out of date.
    pub(super) step: u64,
    pub(super) start_failure: Option<StartFailure>,
    pub(super) stuck: bool,
    /// Milliseconds of RUNNING until its Spot capacity is taken back.
    pub(super) interrupt_after: Option<u64>,
}

impl Task {
    /// RUNNING or STOPPED: what ECS wants it to be. Never PENDING (ListTasksRequest.desiredStatus).
    pub(super) fn desired_status(&self) -> &'static str {
        if self.stop.is_some() { "STOPPED" } else { "RUNNING" }
    }

    fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    fn on_fargate(&self) -> bool {
        self.launch_type == "FARGATE"
    }

    fn cpu(&self) -> Option<String> {
        let overridden = self.overrides.get("cpu").and_then(Value::as_str).and_then(::ecs::parse_cpu);
        overridden.or_else(|| self.definition.spec.cpu_units()).map(|cpu| cpu.to_string())
    }

    fn memory(&self) -> Option<String> {
        let overridden = self.overrides.get("memory").and_then(Value::as_str).and_then(::ecs::parse_memory);
        overridden.or_else(|| self.definition.spec.memory_mib()).map(|memory| memory.to_string())
    }

    /// The overrides as AWS shows them: one entry for each container, asked for or not (example "run task" of the
    /// service model).
    fn shown_overrides(&self) -> Value {
        let asked = self.overrides.get("containerOverrides").and_then(Value::as_array);
        let containers: Vec<Value> = self
            .definition
            .spec
            .container_definitions
            .iter()
            .map(|container| {
                let mut of_container = asked.into_iter().flatten().filter(|asked| asked["name"] == *container.name);
                of_container.next().cloned().unwrap_or_else(|| json!({"name": container.name}))
            })
            .collect();
        let mut shown = self.overrides.clone();
        shown.insert("containerOverrides".into(), containers.into());
        shown.entry("inferenceAcceleratorOverrides").or_insert_with(|| json!([]));
        Value::Object(shown)
    }

    fn containers(&self) -> Value {
        let one = |(container, spec): (&Container, &super::definition::ContainerSpec)| {
            let interface = |interface: &Interface| json!({"attachmentId": interface.attachment_id, "privateIpv4Address": interface.address});
            let mut shown = Map::new();
            put(&mut shown, "containerArn", Some(container.arn.as_str()));
            put(&mut shown, "taskArn", Some(self.arn.as_str()));
            put(&mut shown, "name", Some(spec.name.as_str()));
            put(&mut shown, "image", Some(spec.image.as_str()));
            put(&mut shown, "lastStatus", Some(container.status()));
            put(&mut shown, "networkBindings", Some(Value::Array(Vec::new())));
            put(&mut shown, "networkInterfaces", Some(self.interface.iter().map(interface).collect::<Value>()));
            put(&mut shown, "healthStatus", Some("UNKNOWN"));
            put(&mut shown, "cpu", Some(spec.cpu.to_string()));
            put(&mut shown, "memory", spec.memory.map(|memory| memory.to_string()));
            put(&mut shown, "memoryReservation", spec.memory_reservation.map(|memory| memory.to_string()));
            if container.phase != Phase::Waiting {
                put(&mut shown, "runtimeId", Some(container.runtime_id.as_str()));
            }
            if let Phase::Ended { exit_code, reason } = &container.phase {
                put(&mut shown, "exitCode", *exit_code);
                put(&mut shown, "reason", reason.as_deref());
            }
            Value::Object(shown)
        };
        self.containers.iter().zip(&self.definition.spec.container_definitions).map(one).collect()
    }

    fn attachments(&self, kind: &str) -> Value {
        let status = match self.status {
            Status::Provisioning => "PRECREATED",
            Status::Deprovisioning => "DETACHING",
            Status::Stopped => "DELETED",
            _ => "ATTACHED",
        };
        let one = |interface: &Interface| {
            json!({
                "id": interface.attachment_id,
                "type": kind,
                "status": status,
                "details": [
                    {"name": "subnetId", "value": interface.subnet},
                    {"name": "networkInterfaceId", "value": interface.interface_id},
                    {"name": "macAddress", "value": interface.mac},
                    {"name": "privateIPv4Address", "value": interface.address},
                ],
            })
        };
        self.interface.iter().map(one).collect()
    }

    /// Member `task` of an answer.
    pub(super) fn describe(&self, with_tags: bool) -> Value {
        let mut shown = self.common(seconds, "ElasticNetworkInterface");
        let tags = if with_tags { json!(self.tags) } else { json!([]) };
        shown.insert("tags".into(), tags);
        Value::Object(shown)
    }

    /// Member `detail` of an "ECS Task State Change" event: the same but for the timestamps, which are ISO 8601, the
    /// type of the attachment, and the tags, which events do not have ("Amazon ECS task state change events", ECS
    /// developer guide).
    pub(super) fn detail(&self) -> Value {
        let mut shown = self.common(|at| iso(at).into(), "eni");
        shown.insert("updatedAt".into(), iso(self.updated).into());
        Value::Object(shown)
    }

    /// Built member by member, because `json!` copies every value it is given, at every level.
    fn common(&self, time: fn(Millis) -> Value, attachment: &str) -> Map<String, Value> {
        let mut shown = Map::new();
        put(&mut shown, "attachments", Some(self.attachments(attachment)));
        let attributes = json!([{"name": "ecs.cpu-architecture", "value": self.architecture()}]);
        put(&mut shown, "attributes", Some(attributes));
        put(&mut shown, "availabilityZone", Some(format!("{}a", self.region())));
        put(&mut shown, "capacityProviderName", self.capacity_provider.as_deref());
        put(&mut shown, "clusterArn", Some(self.cluster_arn.as_str()));
        put(&mut shown, "connectivity", Some("CONNECTED"));
        put(&mut shown, "connectivityAt", Some(time(self.created)));
        put(&mut shown, "containerInstanceArn", self.instance_arn.as_deref());
        put(&mut shown, "containers", Some(self.containers()));
        put(&mut shown, "cpu", self.cpu());
        put(&mut shown, "createdAt", Some(time(self.created)));
        put(&mut shown, "desiredStatus", Some(self.desired_status()));
        put(&mut shown, "enableExecuteCommand", Some(self.enable_execute_command));
        put(&mut shown, "group", Some(self.group.as_str()));
        put(&mut shown, "healthStatus", Some("UNKNOWN"));
        put(&mut shown, "inferenceAccelerators", Some(Value::Array(Vec::new())));
        put(&mut shown, "lastStatus", Some(self.status.as_str()));
        put(&mut shown, "launchType", Some(self.launch_type));
        put(&mut shown, "memory", self.memory());
        put(&mut shown, "overrides", Some(self.shown_overrides()));
        put(&mut shown, "startedBy", self.started_by.as_deref());
        put(&mut shown, "taskArn", Some(self.arn.as_str()));
        put(&mut shown, "taskDefinitionArn", Some(self.definition.arn.as_str()));
        put(&mut shown, "version", Some(self.version));
        if self.on_fargate() {
            put(&mut shown, "platformVersion", self.platform_version.clone());
            put(&mut shown, "platformFamily", Some("Linux"));
            // "By default, tasks on Fargate receive a minimum of 20 GiB of ephemeral storage" (developer guide).
            let overridden = self.overrides.get("ephemeralStorage").and_then(|storage| storage["sizeInGiB"].as_i64());
            let size = overridden.or_else(|| self.definition.spec.ephemeral_storage.map(|storage| storage.size_in_gib));
            let storage = json!({"sizeInGiB": size.unwrap_or(20)});
            shown.insert("ephemeralStorage".into(), storage.clone());
            shown.insert("fargateEphemeralStorage".into(), storage);
        }
        if let Some((code, reason)) = &self.stop {
            put(&mut shown, "stopCode", Some(code.as_str()));
            put(&mut shown, "stoppedReason", Some(reason.clone()));
        }
        let times = [
            ("pullStartedAt", self.times.pull_started),
            ("pullStoppedAt", self.times.pull_stopped),
            ("startedAt", self.times.started),
            ("stoppingAt", self.times.stopping),
            ("executionStoppedAt", self.times.execution_stopped),
            ("stoppedAt", self.times.stopped),
        ];
        for (name, at) in times {
            put(&mut shown, name, at.map(time));
        }
        shown
    }

    fn architecture(&self) -> &'static str {
        match self.definition.spec.runtime_platform.cpu_architecture.as_deref() {
            Some("ARM64") => "arm64",
            _ => "x86_64",
        }
    }

    /// What a user interface shows.
    pub(super) fn view(&self) -> TaskView {
        let essential = |spec: &super::definition::ContainerSpec| spec.essential;
        let main = self.definition.spec.container_definitions.iter().position(essential).unwrap_or(0);
        let exit_code = match self.containers.get(main).map(|container| &container.phase) {
            Some(Phase::Ended { exit_code, .. }) => *exit_code,
            _ => None,
        };
        TaskView {
            task_arn: self.arn.clone(),
            cluster: self.cluster.clone(),
            task_definition_arn: self.definition.arn.clone(),
            started_by: self.started_by.clone(),
            status: self.status,
            exit_code,
            stop_code: self.stop.as_ref().map(|(code, _)| *code),
            stopped_reason: self.stop.as_ref().map(|(_, reason)| reason.clone()),
            created_at: self.created,
            started_at: self.times.started,
            stopped_at: self.times.stopped,
        }
    }
}

/// A task at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Its ARN.
    pub task_arn: String,
    /// Name of its cluster.
    pub cluster: String,
    /// The revision it was made from.
    pub task_definition_arn: String,
    /// `startedBy` of the request.
    pub started_by: Option<String>,
    /// Where it is.
    pub status: Status,
    /// Exit code of the first essential container.
    pub exit_code: Option<i32>,
    /// Why it stops or stopped.
    pub stop_code: Option<StopCode>,
    /// The same in words.
    pub stopped_reason: Option<String>,
    /// Milliseconds since 1970 of its creation.
    pub created_at: Millis,
    /// Of RUNNING.
    pub started_at: Option<Millis>,
    /// Of STOPPED.
    pub stopped_at: Option<Millis>,
}

/// ISO 8601 with milliseconds, as EventBridge writes times.
pub(super) fn iso(at: Millis) -> String {
    let timestamp = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    timestamp.map_or_else(String::new, |timestamp| format!("{timestamp:.3}"))
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
