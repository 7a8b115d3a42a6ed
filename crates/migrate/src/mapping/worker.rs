//! Pools that workers serve, or push pools of another server, as push pools.
//!
//! The type of a pool can never be changed, so the push pool is a new one with the same template. A worker looks up what the
//! dispatcher does not: the subnets of a VPC.

use serde_json::{Value, json};

use super::findings::Findings;
use crate::{
    estate::{Account, PUSH_POOL, WorkPool},
    plan::Level,
};

/// The template of a push pool that takes a pool's place. `elsewhere` says that the pool is on another server.
///
/// # Errors
/// The template is none.
pub(crate) fn template(
    pool: &WorkPool,
    elsewhere: bool,
    account: &Account,
    findings: &mut Findings,
) -> Result<Value, String> {
    let is_default = pool.base_job_template.as_object().is_none_or(prefect_api::models::Object::is_empty);
    let mut template = manage::pool::template::of_pool(&pool.base_job_template);
    work_pool::BaseJobTemplate::from_value(&template)
        .map_err(|error| format!("the base job template of {} cannot be used: {error}", pool.name))?;
    if pool.pool_type != PUSH_POOL {
        findings.note(
        "type_cannot_change",
        format!(
            "The type of a work pool cannot be changed, so {} stays, and a new pool takes its deployments. Delete the old one when \
             its last run has ended.",
            pool.name
        ),
    );
    }
    if is_default {
        findings.risk(
            Level::Medium,
            "template_of_worker",
            format!(
                "{} has no template of its own, so its workers used that of their release, whose image is Prefect's of the \
                 same release. Set `image` of the new pool.",
                pool.name
            ),
        );
    }
    if elsewhere {
        forget_credentials(&mut template, findings);
    }
    if template["job_configuration"].get("aws_credentials").is_some() {
        findings.note(
            "credentials_not_used",
            "The dispatcher's role launches the tasks, and not the keys of `aws_credentials`. Only the region is compared with the \
             dispatcher's.",
        );
    }
    find_network(pool, &mut template, account, findings);
    for (variable, why) in [
        ("auto_deregister_task_definition", "runs share a definition, which stays registered"),
        ("match_latest_revision_in_family", "a definition is found by its content"),
        ("stream_output", "nothing prints the container's output on a console"),
        ("task_start_timeout_seconds", "nothing waits for a task to start"),
        ("task_watch_poll_interval", "nothing polls a task"),
    ] {
        let default = template["variables"]["properties"].get(variable).and_then(|it| it.get("default"));
        if default.is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            findings.lost(format!("{}: {variable}", pool.name), why);
        }
    }
    Ok(template)
}

/// Blocks of another server have other ids, and a federated identity is Cloud's.
fn forget_credentials(template: &mut Value, findings: &mut Findings) {
    for variable in ["aws_credentials", "federated_identity"] {
        let Some(property) = template["variables"]["properties"].get_mut(variable).and_then(Value::as_object_mut)
        else {
            continue;
        };
        if property.shift_remove("default").is_some() {
            findings.lost(
                format!("{variable} of the other server"),
                "its block stays there; the dispatcher's role launches the tasks",
            );
        }
    }
    if let Some(required) = template["variables"].get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|it| it != "aws_credentials" && it != "federated_identity");
    }
}

/// A worker without a network configuration takes all subnets of the VPC.
fn find_network(pool: &WorkPool, template: &mut Value, account: &Account, findings: &mut Findings) {
    let default = |template: &Value, variable: &str| {
        template["variables"]["properties"].get(variable).and_then(|it| it.get("default")).cloned()
    };
    let is_given = |value: Option<Value>| value.is_some_and(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    let in_request = template["job_configuration"]["task_run_request"].get("networkConfiguration").cloned();
    if is_given(in_request) || is_given(default(template, "network_configuration")) {
        return;
    }
    let vpc = default(template, "vpc_id").and_then(|it| it.as_str().map(str::to_owned));
    let called = vpc.as_ref().map_or_else(|| "the default VPC".to_owned(), |vpc| format!("VPC {vpc}"));
    let has_variable = template["job_configuration"].get("network_configuration").is_some();
    match account.subnets_of(vpc.as_deref()) {
        Some(subnets) if has_variable => {
            template["variables"]["properties"]["network_configuration"]["default"] =
                json!({"subnets": subnets, "assignPublicIp": "ENABLED"});
            findings.note(
                "subnets_frozen",
                format!("Workers looked up the subnets of {called} for every run. The pool holds the subnets that there are now."),
            );
        }
        _ => findings.risk(
            if vpc.is_some() { Level::High } else { Level::Medium },
            "subnets_of_dispatcher",
            format!(
                "Workers of {} looked up the subnets of {called}. Tasks run in the subnets of the dispatcher's settings \
                 (PUSHPOOL_SUBNETS).",
                pool.name
            ),
        ),
    }
}
