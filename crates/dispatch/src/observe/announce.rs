//! Events for the Prefect server: `prefect.ecs.task.<status>`, as the ECS worker's observer emits them (prefect-aws 0.7.12,
//! `observers/ecs.py`), so that automations and the run's page see what its task does.

use jiff::Timestamp;
use prefect_api::models::{Event, FlowRun, Object};
use serde_json::Value;
use uuid::Uuid;

use super::event::TaskEvent;

/// The event for a task's. Its id is EventBridge's, so that a repeated delivery is the same event. `run` is what is known of
/// the run.
pub(super) fn event(seen: &TaskEvent, run: Option<&FlowRun>, now: Timestamp) -> Event {
    let status = seen.task.last_status.to_lowercase();
    let id = seen
        .id
        .unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{} {status}", seen.task.task_arn).as_bytes()));
    let resource = |id: String, more: &[(&str, &str)]| {
        let mut resource = Object::new();
        resource.insert("prefect.resource.id".to_owned(), Value::from(id));
        for (label, value) in more {
            resource.insert((*label).to_owned(), Value::from(*value));
        }
        resource
    };
    let name = run.and_then(|run| run.name.as_deref()).map(|name| ("prefect.resource.name", name));
    let mut labels = vec![("prefect.resource.role", "flow-run")];
    labels.extend(name);
    let mut related = vec![resource(format!("prefect.flow-run.{}", seen.attempt.flow_run_id), &labels)];
    if let Some(run) = run {
        related.push(resource(format!("prefect.flow.{}", run.flow_id), &[("prefect.resource.role", "flow")]));
        if let Some(deployment) = run.deployment_id {
            let id = format!("prefect.deployment.{deployment}");
            related.push(resource(id, &[("prefect.resource.role", "deployment")]));
        }
    }
    let mut payload = Object::new();
    for (key, value) in [
        ("task_arn", Some(seen.task.task_arn.as_str())),
        ("cluster_arn", Some(seen.task.cluster_arn.as_str())),
        ("task_definition_arn", seen.task.task_definition_arn.as_deref()),
        ("stop_code", seen.task.stop_code.as_deref()),
        ("stopped_reason", seen.task.stopped_reason.as_deref()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            payload.insert(key.to_owned(), Value::from(value));
        }
    }
    Event {
        id,
        occurred: seen.time.unwrap_or(now),
        event: format!("prefect.ecs.task.{status}"),
        resource: resource(format!("prefect.ecs.task.{}", seen.task.id()), &[]),
        related,
        payload,
    }
}
