//! What a flow run runs on, as Prefect keeps it: `infrastructure_pid`, `<cluster>::<task ARN>` (prefect-aws 0.7.12,
//! `parse_identifier`).
//!
//! Where a claimed run has no task, the same field says that its claim is being given up ([`given_up`]): the server has no
//! way to take a claim back that a dispatcher, come back to life, would notice in time, but every dispatcher reads the run.

use std::time::Duration;

use ecs::{Attempt, ClusterRef, TaskArn};
use jiff::Timestamp;
use prefect_api::models::FlowRun;
use uuid::Uuid;

/// The account of AWS on loopback. No account of AWS has this number.
pub const LOOPBACK_ACCOUNT: &str = "000000000000";

/// How long after RunTask DescribeTasks and ListTasks may not show a task: both are eventually consistent, and the API reference
/// names no bound. A task that ECS does not show is gone only if it was launched longer ago.
pub const SHOWN_AFTER: Duration = Duration::from_secs(30);

/// A task and the cluster it is in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Infrastructure {
    /// Name or ARN of the cluster.
    pub cluster: ClusterRef,
    /// ARN of the task.
    pub task_arn: TaskArn,
}

impl Infrastructure {
    /// Reads a record. None if it is not that of an ECS task.
    #[must_use]
    pub fn parse(infrastructure_pid: &str) -> Option<Self> {
        let (cluster, task_arn) = infrastructure_pid.split_once("::")?;
        let is_task = task_arn.starts_with("arn:") && task_arn.contains(":task/");
        (is_task && !cluster.is_empty()).then(|| Self { cluster: cluster.into(), task_arn: task_arn.into() })
    }

    /// What a run runs on, or ran on last.
    #[must_use]
    pub fn of_run(run: &FlowRun) -> Option<Self> {
        Self::parse(run.infrastructure_pid.as_deref()?)
    }

    /// The task in the AWS console. None if the ARN is of another form, or of AWS on loopback, which has no console.
    #[must_use]
    pub fn console_link(&self) -> Option<String> {
        // arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID
        let parts: Vec<&str> = self.task_arn.splitn(6, ':').collect();
        let [_, partition, _, region, account, resource] = parts[..] else { return None };
        if account == LOOPBACK_ACCOUNT {
            return None;
        }
        let (cluster, id) = resource.strip_prefix("task/")?.split_once('/')?;
        let host = match partition {
            "aws" => "console.aws.amazon.com",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            "aws-cn" => "console.amazonaws.cn",
            _ => return None,
        };
        Some(format!("https://{region}.{host}/ecs/v2/clusters/{cluster}/tasks/{id}?region={region}"))
    }
}

/// How a mark begins.
const GIVEN_UP: &str = "pushpool:given-up";

/// What is kept in place of a task while an attempt's claim is given up: from `at` on no dispatcher launches it.
#[must_use]
pub fn given_up(attempt: Attempt, at: Timestamp) -> String {
    format!("{GIVEN_UP}/{}/{at}", attempt.transition_id())
}

/// Since when an attempt's claim is being given up. None if it is not.
#[must_use]
pub fn given_up_since(run: &FlowRun, attempt: Attempt) -> Option<Timestamp> {
    let (transition_id, since) = mark(run.infrastructure_pid.as_deref()?)?;
    (transition_id == attempt.transition_id()).then_some(since)
}

/// The `transition_id` of the attempt whose claim such a mark is about, and since when it is being given up.
#[must_use]
pub fn mark(infrastructure_pid: &str) -> Option<(Uuid, Timestamp)> {
    let mut parts = infrastructure_pid.splitn(3, '/');
    if parts.next() != Some(GIVEN_UP) {
        return None;
    }
    Some((Uuid::try_parse(parts.next()?).ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use prefect_ids::{FlowRunId, StateId};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_mark_is_of_one_attempt_and_no_task() {
        let attempt = |state| Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(state) };
        let at: Timestamp = "2026-01-01T00:00:00.5Z".parse().unwrap();
        let run: FlowRun = serde_json::from_value(json!({
            "id": Uuid::from_u128(1), "flow_id": Uuid::from_u128(3), "infrastructure_pid": given_up(attempt(2), at),
        }))
        .unwrap();
        assert_eq!(given_up_since(&run, attempt(2)), Some(at));
        assert_eq!(given_up_since(&run, attempt(4)), None);
        assert_eq!(Infrastructure::of_run(&run), None);
    }

    #[test]
    fn a_record_names_cluster_and_task() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123";
        let cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/prod";
        let parsed = Infrastructure::parse(&format!("{cluster}::{arn}")).unwrap();
        assert_eq!((parsed.cluster.as_str(), parsed.task_arn.as_str()), (cluster, arn));
        let link = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/0123?region=eu-west-1";
        assert_eq!(parsed.console_link().as_deref(), Some(link));
        let local = Infrastructure::parse("default::arn:aws:ecs:us-east-1:000000000000:task/default/0123").unwrap();
        assert_eq!(local.console_link(), None, "AWS on loopback has no console");
        for other in ["", "12345", "host:4711", "default::", "::arn:aws:ecs:r:1:task/c/t", "docker::abc"] {
            assert_eq!(Infrastructure::parse(other), None, "{other}");
        }
    }
}
