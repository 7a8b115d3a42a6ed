//! Settings of a block that no pool has, and what else a move to a pool changes.

use serde_json::Value;

use super::{ecs_task::EcsTask, findings::Findings};
use crate::{
    estate::Block,
    plan::{Level, NotCarried},
};

/// Says what of a block is not carried.
pub(crate) fn of_block(block: &Block, task: &EcsTask, findings: &mut Findings) {
    let label = block.label();
    let setting = |name: &str| format!("{label}: {name}");
    if task.stream_output {
        findings.lost(
            setting("stream_output"),
            "the agent printed the container's output on its console; read it in CloudWatch Logs instead",
        );
    }
    findings.lost(
        setting(&format!("task_start_timeout_seconds {}", task.start_timeout_seconds)),
        "nothing waits for a task to start: a task that cannot start ends, and the observer says why",
    );
    if (task.watch_poll_interval - 5.0).abs() > f64::EPSILON {
        findings.lost(
            setting(&format!("task_watch_poll_interval {}", task.watch_poll_interval)),
            "nothing polls a task: ECS sends events",
        );
    }
    if task.auto_deregister && task.task_definition_arn.is_none() {
        findings.lost(
            setting("auto_deregister_task_definition"),
            "runs share a definition, which stays registered until its content changes",
        );
    }
    credentials(block, findings);
    logs(task, findings);
    image(task, findings);
}

/// Members of credentials that mean something to boto3 on the agent's machine only.
fn credentials(block: &Block, findings: &mut Findings) {
    let Some(credentials) = block.data.get("aws_credentials").and_then(Value::as_object) else { return };
    let label = format!("{}: aws_credentials", block.label());
    let text = |member: &str| credentials.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(profile) = text("profile_name") {
        findings.lost(
            format!("{label}.profile_name {profile}"),
            "a profile is a file of the agent's machine; the dispatcher's role launches the tasks",
        );
    }
    let parameters = credentials.get("aws_client_parameters").and_then(Value::as_object);
    for member in ["endpoint_url", "verify_cert_path", "config", "api_version"] {
        if parameters.and_then(|it| it.get(member)).is_some_and(|value| !value.is_null()) {
            findings.lost(format!("{label}.aws_client_parameters.{member}"), "the dispatcher has a client of its own");
        }
    }
    if block.reference("aws_credentials").is_none_or(|it| it.is_anonymous) {
        if text("aws_access_key_id").is_some() {
            findings.lost(format!("{label}: keys"), "the dispatcher's role launches the tasks");
        } else {
            findings.note(
                "role_of_dispatcher",
                "The block has no saved credentials: the dispatcher's role launches the tasks.",
            );
        }
    } else {
        findings.note(
            "credentials_not_used",
            "The dispatcher's role launches the tasks, and not the keys of the credentials block. Of the block, only the region \
             is compared with the dispatcher's.",
        );
    }
}

fn logs(task: &EcsTask, findings: &mut Findings) {
    let fixed = task.name.is_some() || task.log_options.contains_key("awslogs-stream-prefix");
    if task.configure_logs && !fixed {
        findings.lost(
            "awslogs-stream-prefix",
            "under the agent it was the name of the flow run, which registered a new definition for every run; the pool has \
             one prefix for each deployment",
        );
        findings.note(
            "log_prefix_fixed",
            "Log streams begin with the pool and the deployment instead of the name of the flow run.",
        );
    }
}

fn image(task: &EcsTask, findings: &mut Findings) {
    let Some(image) = task.image.as_deref() else { return };
    if task.image_is_the_agents {
        findings.risk(
            Level::High,
            "image_of_agent",
            format!("No image is set, so the agent took that of its own release. The pool takes {image}: check it."),
        );
    } else if image.starts_with("prefecthq/prefect:2") {
        findings.risk(
            Level::Medium,
            "image_frozen",
            format!("The image {image} was written into the block when it was saved, and stays Prefect 2 whatever the server becomes."),
        );
    }
}

/// Losses by name, for a deployment that overrides what cannot be carried.
pub(crate) fn of_override(key: &str, value: &Value) -> Option<NotCarried> {
    let lost = |reason: &str| Some(NotCarried { setting: format!("override {key}"), reason: reason.to_owned() });
    match key {
        "stream_output" if value == true => {
            lost("CloudWatch logs are switched on by it as before; nothing prints them on a console")
        }
        "task_start_timeout_seconds" => lost("nothing waits for a task to start"),
        "task_watch_poll_interval" => lost("nothing polls a task"),
        "auto_deregister_task_definition" if value != false => lost("runs share a definition"),
        // The region is a job variable, which the dispatcher compares with its own.
        "aws_credentials.region_name" => None,
        _ if key == "aws_credentials" || key.starts_with("aws_credentials.") => {
            lost("the dispatcher's role launches the tasks")
        }
        "task_definition.cpu" | "task_definition.memory" => Some(NotCarried {
            setting: format!("override {key}"),
            reason: "it has no job variable of its own: the variable for the task's size takes its place, to the same effect"
                .to_owned(),
        }),
        _ => None,
    }
}
