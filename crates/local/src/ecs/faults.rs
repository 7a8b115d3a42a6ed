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
    /// The image can not be pulled. On Fargate the reason is both the task's and the container's.
    pub fn cannot_pull(image: &str) -> Self {
        let reason = format!(
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref {image}: \
             not found"
        );
        Self { stage: StartStage::Pending, stopped_reason: reason.clone(), container_reason: Some(reason) }
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
