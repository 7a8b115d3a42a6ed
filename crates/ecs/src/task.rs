//! A task as ECS shows it: in a Task State Change event, and in the answer of DescribeTasks.
//!
//! Both carry the same members (ECS developer guide, "Amazon ECS task state change events": the `detail` is the task
//! object of DescribeTasks), so both are read into one type and judged by the same rules.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::{Attempt, ClusterRef, TaskArn};

/// Variable that tells a container which flow run it executes; the container that has it is the run's.
pub(crate) const FLOW_RUN_VARIABLE: &str = "PREFECT__FLOW_RUN_ID";

/// A task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// Its ARN.
    pub task_arn: TaskArn,
    /// ARN of its cluster.
    pub cluster_arn: ClusterRef,
    /// ARN of its definition.
    pub task_definition_arn: Option<String>,
    /// `<flow run>/<state>` for the tasks of pushpool.
    pub started_by: Option<String>,
    /// PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED.
    pub last_status: String,
    /// RUNNING, or STOPPED once it is to end.
    pub desired_status: String,
    /// TaskFailedToStart, EssentialContainerExited, UserInitiated, ServiceSchedulerInitiated, SpotInterruption,
    /// TerminationNotice, InfrastructureHealth.
    pub stop_code: Option<String>,
    /// Why it stopped, in ECS's words.
    pub stopped_reason: Option<String>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// FARGATE or FARGATE_SPOT, where a strategy chose it.
    pub capacity_provider_name: Option<String>,
    /// When its containers were started, as text or in seconds since 1970; only whether it is there matters.
    pub(crate) started_at: Option<Value>,
    /// When it was asked for, as text or in seconds since 1970.
    pub(crate) created_at: Option<Value>,
    /// When it stopped, as text or in seconds since 1970.
    pub(crate) stopped_at: Option<Value>,
    pub(crate) overrides: Overrides,
}

/// A container of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its exit code; none if it never ran or ECS lost sight of it.
    pub exit_code: Option<i64>,
    /// Why it stopped, in ECS's words: `OutOfMemoryError: …`.
    pub reason: Option<String>,
    /// PENDING, RUNNING, STOPPED.
    pub last_status: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Overrides {
    pub(crate) container_overrides: Vec<ContainerOverride>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerOverride {
    pub(crate) name: Option<String>,
    pub(crate) environment: Vec<Variable>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Variable {
    pub(crate) name: Option<String>,
}

impl Task {
    /// Reads a task: the `detail` of an event, or an element of `tasks` in AWS's own JSON. None if it has no ARN.
    #[must_use]
    pub fn of_json(task: &Value) -> Option<Self> {
        Self::deserialize(task).ok().filter(|task| !task.task_arn.is_empty())
    }

    /// The attempt it was launched for; none if pushpool did not launch it.
    #[must_use]
    pub fn attempt(&self) -> Option<Attempt> {
        let (flow_run, state) = self.started_by.as_deref()?.split_once('/')?;
        Some(Attempt { flow_run_id: flow_run.parse().ok()?, state_id: state.parse().ok()? })
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.last_status == "STOPPED"
    }

    /// Whether its containers may still run or come to run. DEPROVISIONING and STOPPED tasks have none any more (ECS
    /// developer guide, "Task lifecycle").
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.last_status.as_str(), "STOPPED" | "DEPROVISIONING" | "DELETED")
    }

    /// Whether its containers were ever started.
    #[must_use]
    pub fn has_started(&self) -> bool {
        self.started_at.is_some() || self.containers.iter().any(|container| container.exit_code.is_some())
    }

    /// When it was asked for, in seconds since 1970.
    #[must_use]
    pub fn created_at(&self) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "seconds fit for a while")]
        self.created_at.as_ref().and_then(seconds).map(|at| at as i64)
    }

    /// When it stopped. None if it has not, or ECS does not say when.
    #[must_use]
    pub fn stopped_at(&self) -> Option<Timestamp> {
        let since_epoch = SignedDuration::try_from_secs_f64(seconds(self.stopped_at.as_ref()?)?).ok()?;
        Timestamp::from_duration(since_epoch).ok()
    }

    /// Seconds from when it was asked for to when its containers were started. None if they were not.
    #[must_use]
    pub fn seconds_to_start(&self) -> Option<f64> {
        let (created, started) = (seconds(self.created_at.as_ref()?)?, seconds(self.started_at.as_ref()?)?);
        Some((started - created).max(0.0))
    }

    /// The container the flow run executes in: the one that was told the flow run's id, else `prefect`, else the first.
    #[must_use]
    pub fn main_container(&self) -> Option<&Container> {
        let told = self.overrides.container_overrides.iter().find(|container| {
            container.environment.iter().any(|variable| variable.name.as_deref() == Some(FLOW_RUN_VARIABLE))
        });
        let named = |name: &str| self.containers.iter().find(|container| container.name == name);
        told.and_then(|container| named(container.name.as_deref()?))
            .or_else(|| named(crate::configuration::DEFAULT_CONTAINER))
            .or_else(|| self.containers.first())
    }

    /// Last part of its ARN.
    #[must_use]
    pub fn id(&self) -> &str {
        self.task_arn.rsplit('/').next().unwrap_or_default()
    }
}

/// A time as events and answers have it, in seconds since 1970.
fn seconds(at: &Value) -> Option<f64> {
    match at {
        Value::Number(seconds) => seconds.as_f64(),
        Value::String(text) => {
            let at: Timestamp = text.parse().ok()?;
            Some(at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prefect_ids::{FlowRunId, StateId};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_runs_container_is_the_one_that_was_told_the_run() {
        let task = |overrides: Value| {
            let containers =
                json!([{"name": "log"}, {"name": "prefect", "exitCode": 1}, {"name": "flow", "exitCode": 0}]);
            Task::of_json(&json!({"taskArn": "a", "containers": containers, "overrides": overrides})).unwrap()
        };
        let told = json!({"containerOverrides": [{"name": "log", "environment": [{"name": "X", "value": "1"}]},
            {"name": "flow", "environment": [{"name": "PREFECT__FLOW_RUN_ID", "value": "r"}]}]});
        assert_eq!(task(told).main_container().unwrap().name, "flow");
        assert_eq!(task(json!({})).main_container().unwrap().name, "prefect");
    }

    #[test]
    fn whose_task_it_is_is_read_from_started_by() {
        let attempt = Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) };
        let task = |by: &str| Task { started_by: Some(by.to_owned()), ..Task::default() };
        assert_eq!(task(&attempt.started_by()).attempt(), Some(attempt));
        for other in ["", "ecs-svc/123", "a/b/c", &attempt.flow_run_id.to_string()] {
            assert_eq!(task(other).attempt(), None, "{other}");
        }
    }

    #[test]
    fn times_are_text_in_events_and_numbers_in_answers() {
        let at = |value: Value| Task::of_json(&json!({"taskArn": "a", "createdAt": value})).unwrap().created_at();
        assert_eq!(at(json!("2026-01-01T00:00:00Z")), at(json!(1_767_225_600.25)));
        assert_eq!(at(json!(null)), None);
        let stopped = |value: Value| Task::of_json(&json!({"taskArn": "a", "stoppedAt": value})).unwrap().stopped_at();
        assert_eq!(stopped(json!(1_767_225_600.25)), stopped(json!("2026-01-01T00:00:00.25Z")));
        assert_eq!((stopped(json!(null)), stopped(json!("soon"))), (None, None));
        let started =
            json!({"taskArn": "a", "createdAt": "2026-01-01T00:00:00Z", "startedAt": "2026-01-01T00:00:31.5Z"});
        assert_eq!(Task::of_json(&started).unwrap().seconds_to_start(), Some(31.5));
    }
}
