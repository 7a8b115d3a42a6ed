//! The one request that changes a deployment.
//!
//! Pool, queue, pull steps and the nulls for both documents go together: in between, a deployment would be one that neither an
//! agent nor a push pool runs.

use prefect_api::models::Object;
use serde_json::{Map, Value};

use crate::{
    estate::{Deployment, ServerVersion},
    mapping::findings::Findings,
    plan::{Target, Write},
};

/// Fields of a deployment that `POST /deployments/` of 2.20 takes and a move leaves alone.
const KEPT: [&str; 10] = [
    "name",
    "flow_id",
    "version",
    "description",
    "paused",
    "enforce_parameter_schema",
    "parameter_openapi_schema",
    "parameters",
    "tags",
    "entrypoint",
];

/// Fields of a schedule that 2.20 takes.
const OF_SCHEDULE: [&str; 5] = ["schedule", "active", "max_active_runs", "max_scheduled_runs", "catchup"];

/// The request that moves a deployment. `clears` are the documents and paths that the new way has no use for.
pub(super) fn write(
    deployment: &Deployment,
    target: &Target,
    clears: bool,
    version: &ServerVersion,
    findings: &mut Findings,
) -> Write {
    let mut body = if version.patches_pull_steps() { Map::new() } else { whole(deployment, findings) };
    let mut set = |field: &str, value: Value| drop(body.insert(field.to_owned(), value));
    set("work_pool_name", target.pool.as_str().into());
    set("work_queue_name", target.queue.as_str().into());
    if clears {
        set("job_variables", Value::Object(target.job_variables.clone()));
        set("pull_steps", target.pull_steps.clone().into());
        set("path", target.path.as_deref().map_or(Value::Null, Value::from));
        set("storage_document_id", Value::Null);
        set("infrastructure_document_id", Value::Null);
    }
    if target.entrypoint != deployment.view.entrypoint {
        set("entrypoint", target.entrypoint.as_deref().map_or(Value::Null, Value::from));
    }
    if version.patches_pull_steps() {
        return Write::Patch { body };
    }
    set("manifest_path", Value::Null);
    let had_overrides = deployment.view.job_variables.as_ref().is_some_and(|it| !it.is_empty());
    if clears && target.job_variables.is_empty() && had_overrides {
        // 2.20 ignores empty job variables and keeps what was there. An empty environment changes nothing.
        set("job_variables", serde_json::json!({"env": {}}));
    }
    Write::Post { body }
}

/// Everything that 2.20 would reset if it were not in the body.
fn whole(deployment: &Deployment, findings: &mut Findings) -> Object {
    let document = &deployment.document;
    let mut body: Object =
        KEPT.iter().filter_map(|field| Some(((*field).to_owned(), document.get(*field)?.clone()))).collect();
    for field in ["path", "pull_steps", "storage_document_id", "infrastructure_document_id"] {
        body.insert(field.to_owned(), document.get(field).cloned().unwrap_or_default());
    }
    body.insert("job_variables".to_owned(), Value::Object(deployment.view.job_variables.clone().unwrap_or_default()));
    let schedules = document.get("schedules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let schedule = |schedule: &Value| -> Value {
        let fields = OF_SCHEDULE.iter().filter_map(|field| Some(((*field).to_owned(), schedule.get(*field)?.clone())));
        Value::Object(fields.filter(|(_, value)| !value.is_null()).collect())
    };
    body.insert("schedules".to_owned(), schedules.iter().map(schedule).collect());
    for (index, schedule) in schedules.iter().enumerate() {
        for field in ["max_active_runs", "max_scheduled_runs", "catchup"] {
            if schedule.get(field).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
                findings.lost(
                    format!("schedule {}: {field}", index + 1),
                    "a server of 2.20 drops it when it takes a whole deployment; set it again on the schedule",
                );
            }
        }
    }
    if !schedules.is_empty() {
        findings.note(
            "schedules_made_anew",
            "A server of 2.20 makes the schedules anew: same times, same active flags, new ids. It also makes their waiting runs \
             anew.",
        );
    }
    body
}
