//! What RegisterTaskDefinition refuses of a definition for Fargate.
//!
//! "For Amazon ECS tasks on Fargate, the awsvpc network mode is required" (Model, `networkMode`), "This field is required for
//! Fargate" (`cpu`), "If using the Fargate launch type, this field is required" (`memory`); guide, "Amazon ECS task definition
//! differences for Fargate" for what is not supported, and "Task execution IAM role" for what needs the role.

use diagnosis::{Code, PP0215, PP0216};
use serde_json::Value;

use super::{
    CONTAINER, DEFINITION, ROLE, Refusal, client,
    definition::{is_privileged, secrets_without_role, wants_gpu},
    integer, items, quoted, shown, text,
};
use crate::fargate::{check as check_pair, parse_cpu, parse_memory};

/// Log drivers of Fargate (Model, LogConfiguration.logDriver).
const DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];

pub(super) fn check(request: &Value, out: &mut Vec<Refusal>) {
    let mode = text(request, "networkMode");
    if mode != Some("awsvpc") {
        out.push(
            client(PP0215, "Fargate only supports network mode ‘awsvpc’.")
                .at("networkMode", shown(mode))
                .wants("\"awsvpc\" on Fargate", "Remove `networkMode`, or set `launch_type` to EC2."),
        );
    }
    size(request, out);
    for (member, answer) in [
        ("placementConstraints", "Fargate does not support placement constraints."),
        ("inferenceAccelerators", "Fargate does not support inference accelerators."),
    ] {
        if !items(request, member).is_empty() {
            out.push(unsupported(DEFINITION, answer, member, "a list"));
        }
    }
    if text(request, "pidMode") == Some("host") {
        out.push(unsupported(DEFINITION, "Fargate does not support pidMode 'host'.", "pidMode", "\"host\""));
    }
    for (index, volume) in items(request, "volumes").iter().enumerate() {
        if volume.get("host").and_then(|host| text(host, "sourcePath")).is_some() {
            out.push(unsupported(
                DEFINITION,
                "host.sourcePath should not be set for volumes in Fargate.",
                &format!("volumes[{index}].host.sourcePath"),
                "a path of the host",
            ));
        }
        if volume.get("dockerVolumeConfiguration").is_some() {
            out.push(unsupported(
                DEFINITION,
                "dockerVolumeConfiguration should not be set for volumes in Fargate.",
                &format!("volumes[{index}].dockerVolumeConfiguration"),
                "an object",
            ));
        }
    }
    let has_role = text(request, "executionRoleArn").is_some();
    for (index, container) in items(request, "containerDefinitions").iter().enumerate() {
        check_container(container, index, has_role, out);
    }
    secrets_without_role(request, out);
}

fn unsupported(code: Code, answer: &str, place: &str, found: &str) -> Refusal {
    let member = place.rsplit('.').next().unwrap_or(place).to_owned();
    client(code, answer)
        .at(place, found)
        .wants("nothing on Fargate", format!("Remove `{member}`, or run the task on EC2."))
}

fn size(request: &Value, out: &mut Vec<Refusal>) {
    for member in ["cpu", "memory"] {
        if text(request, member).is_none() {
            out.push(
                client(PP0216, format!("Fargate requires that '{member}' be defined at the task level."))
                    .at(member, "nothing")
                    .wants("a size", format!("Set `{member}`.")),
            );
        }
    }
    let (cpu, memory) = (text(request, "cpu"), text(request, "memory"));
    if let (Some(units), Some(mib)) = (cpu.and_then(parse_cpu), memory.and_then(parse_memory)) {
        out.extend(check_size(units, mib).map(|it| it.at("cpu", format!("cpu {units} with memory {mib}"))));
    }
}

/// "No Fargate configuration exists for given values", which ECS answers to sizes that are not in its table.
pub(super) fn check_size(cpu: u32, memory: u32) -> Option<Refusal> {
    let nearest = check_pair(Some(&cpu.to_string()), Some(&memory.to_string())).err()?;
    let nearest: Vec<String> = nearest.iter().map(ToString::to_string).collect();
    Some(
        client(
            PP0216,
            format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
                 documentation for the valid values."
            ),
        )
        .wants(
            format!("one of Fargate's sizes, the nearest being {}", nearest.join("; ")),
            "Set `cpu` (units, 1,024 are one vCPU) and `memory` (MiB) to one of these pairs.",
        ),
    )
}

fn check_container(container: &Value, index: usize, has_role: bool, out: &mut Vec<Refusal>) {
    let name = text(container, "name").unwrap_or_default();
    let at = |member: &str| format!("containerDefinitions[{index}].{member}");
    if is_privileged(container) {
        let answer = format!("Fargate does not support privileged containers: '{name}'.");
        out.push(unsupported(CONTAINER, &answer, &at("privileged"), "true"));
    }
    if !items(container, "links").is_empty() {
        let answer = "Links are not supported when networkMode=awsvpc.";
        out.push(unsupported(CONTAINER, answer, &at("links"), "a list"));
    }
    if wants_gpu(container) {
        let answer = "GPU resource requirements are not supported on Fargate.";
        out.push(unsupported(CONTAINER, answer, &at("resourceRequirements"), "a GPU"));
    }
    // "The valid values for Fargate are 2-120 seconds" (Model, ContainerDefinition.stopTimeout, .startTimeout).
    for setting in ["stopTimeout", "startTimeout"] {
        if let Some(seconds) = integer(container, setting).filter(|seconds| !(2..=120).contains(seconds)) {
            out.push(
                client(CONTAINER, format!("Container '{name}': {setting} should be between 2 and 120 seconds."))
                    .at(at(setting), seconds.to_string())
                    .wants("2 to 120 on Fargate", format!("Set `{setting}` to 2 to 120, or remove it.")),
            );
        }
    }
    if let Some(logs) = container.get("logConfiguration") {
        check_logs(logs, index, has_role, out);
    }
    let image = text(container, "image").unwrap_or_default();
    let registry = image.split('/').next().unwrap_or_default();
    if registry.contains(".dkr.ecr.") && !has_role {
        out.push(
            client(ROLE, "Fargate requires task definition to have execution role ARN to support ECR images.")
                .at(at("image"), format!("{} in ECR, and no execution role", quoted(image)))
                .wants(
                    "an image in ECR with `executionRoleArn` only, on Fargate",
                    "Set `execution_role_arn` to a role that may pull from ECR: the policy \
                     AmazonECSTaskExecutionRolePolicy allows it.",
                ),
        );
    }
}

fn check_logs(logs: &Value, index: usize, has_role: bool, out: &mut Vec<Refusal>) {
    let at = |member: &str| format!("containerDefinitions[{index}].logConfiguration{member}");
    let driver = text(logs, "logDriver").unwrap_or_default();
    if !DRIVERS.contains(&driver) {
        out.push(
            client(CONTAINER, format!("Fargate does not support log driver {driver}."))
                .at(at(".logDriver"), quoted(driver))
                .wants("awslogs, splunk or awsfirelens on Fargate", "Choose another log driver."),
        );
    }
    if driver != "awslogs" {
        return;
    }
    if !has_role {
        out.push(
            client(ROLE, "Fargate requires task definition to have execution role ARN to support log driver awslogs.")
                .at(at(""), "awslogs, and no execution role")
                .wants(
                    "awslogs with `executionRoleArn` only, on Fargate",
                    "Set `execution_role_arn` to a role that may logs:CreateLogStream and logs:PutLogEvents.",
                ),
        );
    }
    // Group and region: Model, LogConfiguration.options. The prefix is what Fargate builds the stream's name from (guide,
    // "awslogs log driver").
    for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
        if logs.get("options").is_none_or(|options| options.get(option).is_none()) {
            out.push(
                client(CONTAINER, format!("Log driver awslogs requires options: {option}."))
                    .at(at(&format!(".options.{option}")), "nothing")
                    .wants("a value", format!("Set the option `{option}` of the container's logs.")),
            );
        }
    }
}
