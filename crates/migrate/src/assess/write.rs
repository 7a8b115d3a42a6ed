//! The one request that changes a deployment.
//!
//! Pool, queue, pull steps and the nulls for both documents go together: in between, a deployment would be one that neither an
//! agent nor a push pool runs.

use serde_json::{Map, Value};

use crate::{
    document,
    estate::{Deployment, ServerVersion},
    mapping::findings::Findings,
    plan::{Target, Write},
};

/// The request that moves a deployment. `clears` are the documents and paths that the new way has no use for.
pub(super) fn write(
    deployment: &Deployment,
    target: &Target,
    clears: bool,
    version: &ServerVersion,
    findings: &mut Findings,
) -> Write {
    let mut body = if version.patches_pull_steps() { Map::new() } else { document::whole(&deployment.document) };
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
    if !deployment.view.schedules.is_empty() {
        findings.note(
            "schedules_made_anew",
            "A server of 2.20 makes the schedules anew: same times, same active flags, new ids. It also makes their waiting runs \
             anew, but for those that are late: it deletes these.",
        );
    }
    Write::Post { body }
}
