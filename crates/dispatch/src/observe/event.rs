//! What the bodies of the events queue say.

use diagnosis::{Diagnosis, PP0630, PP0631};
use ecs::{Attempt, task::Task};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{check::Check, message::without_values};

/// A message of the events queue.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Look at this flow run.
    Check(Check),
    /// A task of pushpool's got into another state.
    Task(Box<TaskEvent>),
    /// Something that is none of pushpool's business.
    Foreign,
}

/// "ECS Task State Change" for a task of pushpool's.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskEvent {
    /// EventBridge's id; the same for every delivery.
    pub id: Option<Uuid>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The task.
    pub task: Task,
    /// What it was launched for.
    pub attempt: Attempt,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Option<Uuid>,
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default)]
    account: Option<String>,
    #[serde(rename = "detail-type", default)]
    detail_type: Option<String>,
    #[serde(default)]
    detail: Value,
}

/// Reads a body. Events of other kinds and tasks of others are foreign, whatever they hold.
///
/// An event is believed only from the account of the task and the cluster that it names: EventBridge says which account an event
/// is from, and anyone in an account whose events come here can make one that says the rest.
///
/// # Errors
/// It is neither an event nor a check, or it is of another account than its task.
pub fn read(body: &str) -> Result<Body, Diagnosis> {
    if let Some(check) = Check::parse(body) {
        return Ok(Body::Check(check));
    }
    let envelope: Envelope = serde_json::from_str(body)
        .map_err(|error| odd(&format!("not JSON, or {}", without_values(&error.to_string()))))?;
    match envelope.detail_type.as_deref() {
        Some("ECS Task State Change") => {}
        Some(_) => return Ok(Body::Foreign),
        None => return Err(odd("it has no `detail-type`")),
    }
    let Some(task) = Task::of_json(&envelope.detail) else {
        return Err(odd("its `detail` is no task"));
    };
    let Some(attempt) = task.attempt() else { return Ok(Body::Foreign) };
    let account = envelope.account.as_deref().filter(|account| !account.is_empty());
    if [task.task_arn.as_str(), task.cluster_arn.as_str()]
        .iter()
        .any(|arn| account.is_none() || account_of(arn) != account)
    {
        return Err(of_another_account());
    }
    Ok(Body::Task(Box::new(TaskEvent { id: envelope.id, time: envelope.time, task, attempt })))
}

/// `arn:PARTITION:ecs:REGION:ACCOUNT:RESOURCE`.
fn account_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let account = parts.nth(4)?;
    parts.next().and(Some(account))
}

fn of_another_account() -> Diagnosis {
    Diagnosis::of(PP0631, "`account` is not the account in `detail.taskArn` and `detail.clusterArn`.")
}

fn odd(detail: &str) -> Diagnosis {
    let diagnosis = Diagnosis::of(PP0630, detail);
    diagnosis.bounded()
}

#[cfg(test)]
mod tests {
    use prefect_ids::{FlowRunId, StateId};
    use serde_json::json;

    use super::*;

    const TASK: &str = "arn:aws:ecs:us-west-2:111122223333:task/etl/0123";

    fn event(started_by: &str) -> Value {
        json!({
            "version": "0", "id": "3317b2af-7005-947d-b652-f55e762e571a", "detail-type": "ECS Task State Change",
            "source": "aws.ecs", "account": "111122223333", "time": "2026-01-23T17:57:58Z", "region": "us-west-2",
            "resources": [TASK],
            "detail": {"taskArn": TASK, "clusterArn": "arn:aws:ecs:us-west-2:111122223333:cluster/etl",
                "lastStatus": "STOPPED", "startedBy": started_by},
        })
    }

    #[test]
    fn an_event_is_believed_from_the_account_of_its_task_and_cluster_only() {
        let attempt = Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) };
        let ours = event(&attempt.started_by());
        let changed = |pointer: &str, value: Value| {
            let mut event = ours.clone();
            *event.pointer_mut(pointer).unwrap() = value;
            event.to_string()
        };
        for forged in [
            changed("/account", json!("444455556666")),
            changed("/account", json!("")),
            changed("/account", Value::Null),
            changed("/detail/clusterArn", json!("arn:aws:ecs:us-west-2:444455556666:cluster/etl")),
            changed("/detail/taskArn", json!("arn:aws:ecs:us-west-2:444455556666:task/etl/0123")),
            changed("/detail/clusterArn", json!("etl")),
            changed("/detail/taskArn", json!("arn:aws:ecs:us-west-2")),
        ] {
            assert_eq!(read(&forged).unwrap_err().code, "PP0631", "{forged}");
        }
        assert!(matches!(read(&ours.to_string()), Ok(Body::Task(_))));
        let mut of_a_service = event("ecs-svc/123");
        of_a_service["account"] = json!("444455556666");
        assert_eq!(read(&of_a_service.to_string()), Ok(Body::Foreign));
    }

    #[test]
    fn tasks_of_others_are_foreign_and_ours_name_their_attempt() {
        let attempt = Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) };
        let Ok(Body::Task(ours)) = read(&event(&attempt.started_by()).to_string()) else { panic!() };
        assert_eq!(ours.attempt, attempt);
        assert!(ours.id.is_some() && ours.time.is_some() && ours.task.is_stopped());
        assert_eq!(read(&event("ecs-svc/123").to_string()), Ok(Body::Foreign));
        let mut other = event("x");
        other["detail-type"] = "ECS Container Instance State Change".into();
        assert_eq!(read(&other.to_string()), Ok(Body::Foreign));
        let check = Check::of(FlowRunId::from_u128(7));
        assert_eq!(read(&check.body()), Ok(Body::Check(check)));
    }

    #[test]
    fn what_is_neither_is_odd() {
        let mut no_task = event("x");
        no_task["detail"] = json!({"lastStatus": "STOPPED"});
        for body in ["", "{}", "[]", "5", "{\"version\":2,\"check\":1}", &no_task.to_string()] {
            assert_eq!(read(body).unwrap_err().code, "PP0630", "{body}");
        }
        let told = read(r#"{"detail-type": {"hunter2": 1}, "time": "hunter2"}"#).unwrap_err();
        assert!(!told.detail.contains("hunter2"), "{told:?}");
        let told = read(r#"{"time": "hunter2"}"#).unwrap_err();
        assert!(!told.detail.contains("hunter2"), "{told:?}");
    }
}
