//! Misfortunes of tasks, on request. Those of calls (throttles, lost answers, delays) are in [`crate::faults`].

use std::collections::VecDeque;

use serde_json::{Value, json};

/// One entry of `failures` in a RunTask answer: why a task was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose: a container instance, a task. Absent for Fargate.
    pub arn: Option<String>,
    /// For instance `RESOURCE:MEMORY`, `AGENT`, `Capacity is unavailable at this time. Please try again later or in a
    /// different availability zone`.
    pub reason: String,
    /// More words.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure with a reason only.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { arn: None, reason: reason.into(), detail: None }
    }

    pub(super) fn describe(&self) -> Value {
        let mut shown = json!({"reason": self.reason});
        if let Some(arn) = &self.arn {
            shown["arn"] = arn.clone().into();
        }
        if let Some(detail) = &self.detail {
            shown["detail"] = detail.clone().into();
        }
        shown
    }
}

/// Where a task fails before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartStage {
    /// When PROVISIONING ends: network interface, capacity.
    Provisioning,
    /// When PENDING ends: image, secrets, the container itself.
    Pending,
}

/// What ECS was reported to say of stopped tasks, with the links. The observer's tests judge the same texts.
const REPORTED: &str = include_str!("../../../../events/answers/stopped-tasks.json");

/// A task that fails to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// Where it fails.
    pub stage: StartStage,
    /// The task's `stoppedReason`.
    pub stopped_reason: String,
    /// The containers' `reason`.
    pub container_reason: Option<String>,
}

impl StartFailure {
    /// A situation of `events/answers/stopped-tasks.json`, in the words that were reported from AWS. None if there is none
    /// of that name, or its task had started.
    pub fn reported(situation: &str) -> Option<Self> {
        let reported: Vec<Value> = serde_json::from_str(REPORTED).ok()?;
        let found =
            reported.into_iter().find(|it| it["situation"] == situation && it["stopCode"] == "TaskFailedToStart")?;
        let stopped_reason = found["stoppedReason"].as_str()?.to_owned();
        // What containers and images need comes after the task has its place and its network.
        let late = ["Cannot", "ResourceInitializationError", "Task failed to start", "Error response from daemon"];
        let stage = match late.iter().any(|beginning| stopped_reason.starts_with(beginning)) {
            true => StartStage::Pending,
            false => StartStage::Provisioning,
        };
        let container_reason = found["containers"][0]["reason"].as_str().map(str::to_owned);
        Some(Self { stage, stopped_reason, container_reason })
    }

    /// The image can not be pulled. On Fargate the reason is both the task's and the container's.
    pub fn cannot_pull(image: &str) -> Self {
        let reason = format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: \
             not found"
        );
        Self { stage: StartStage::Pending, stopped_reason: reason.clone(), container_reason: Some(reason) }
    }

    /// A secret or parameter is not there.
    pub fn missing_secret(value_from: &str) -> Self {
        let what = "ResourceInitializationError: unable to pull secrets or registry auth";
        let stopped_reason = if value_from.contains(":secretsmanager:") {
            format!(
                "{what}: The task can't retrieve the secret with ARN '{value_from}' from Secrets Manager. Check whether \
                 the secret exists in the specified Region."
            )
        } else {
            let name = value_from.split_once(":parameter").map_or(value_from, |(_, name)| name);
            format!(
                "{what}: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been \
                 retried 1 time(s): invalid ssm parameters: {name}"
            )
        };
        Self { stage: StartStage::Pending, stopped_reason, container_reason: None }
    }

    /// The network interface does not come ("Stopped tasks error codes", ECS developer guide).
    pub fn network_interface() -> Self {
        Self {
            stage: StartStage::Provisioning,
            stopped_reason: "Timeout waiting for network interface provisioning to complete.".into(),
            container_reason: None,
        }
    }
}

/// What happens to RunTask calls, or to the tasks they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskFault {
    /// RunTask answers 200 with no task and these `failures`.
    RunTaskFailures(Vec<Failure>),
    /// The task never runs.
    FailToStart(StartFailure),
    /// The task stays PROVISIONING until it is stopped.
    StuckProvisioning,
    /// The task's Spot capacity is taken back this many milliseconds after it is RUNNING.
    InterruptSpot(u64),
}

/// A fault with its occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRule {
    fault: TaskFault,
    times: u64,
    started_by: Option<String>,
}

impl TaskRule {
    /// Applies to the next RunTask call, or to the tasks of that call.
    pub fn next(fault: TaskFault) -> Self {
        Self { fault, times: 1, started_by: None }
    }

    /// Applies to this many calls.
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// Applies, and counts, only where `startedBy` is this.
    pub fn started_by(mut self, started_by: impl Into<String>) -> Self {
        self.started_by = Some(started_by.into());
        self
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct TaskFaults(VecDeque<TaskRule>);

impl TaskFaults {
    pub(super) fn add(&mut self, rule: TaskRule) {
        self.0.push_back(rule);
    }

    /// The fault of this call; the first rule that applies wins.
    pub(super) fn take(&mut self, started_by: Option<&str>) -> Option<TaskFault> {
        let applies = |rule: &TaskRule| {
            rule.times > 0 && rule.started_by.as_deref().is_none_or(|wanted| Some(wanted) == started_by)
        };
        let index = self.0.iter().position(applies)?;
        let rule = &mut self.0[index];
        rule.times -= 1;
        let fault = rule.fault.clone();
        self.0.retain(|rule| rule.times > 0);
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_its_own_are_in_words_that_were_reported() {
        let pull = StartFailure::reported("image not there, containerd").unwrap();
        assert_eq!(StartFailure::cannot_pull("docker.io/acme/etl:1").stopped_reason, pull.stopped_reason);
        assert_eq!(
            StartFailure::reported("network interface came too late").unwrap(),
            StartFailure::network_interface()
        );
        assert_eq!(
            StartFailure::missing_secret("arn:aws:secretsmanager:us-east-1:123456789012:secret:api"),
            StartFailure::reported("secret not there, in AWS's words since 2024").unwrap()
        );
        assert_eq!(StartFailure::reported("out of memory"), None, "it had started");
        assert_eq!(StartFailure::reported("no such situation"), None);
    }
}
