//! What RunTask refuses.
//!
//! [`run_task_form`] looks at the request alone, as ECS does before it looks a client token up; [`run_task`] compares it with
//! the definition and with what the task runs on.

use std::collections::HashSet;

use diagnosis::{PP0213, PP0216, PP0217};
use serde_json::Value;

use super::{
    RUN_TASK, Refusal, check_tags, client, definition::suits, fargate::check_size, integer, invalid, is_true, items,
    quoted, shown, text,
};
use crate::fargate::{STORAGE, parse_cpu, parse_memory};

/// What a task runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Fargate, by launch type or capacity provider.
    Fargate,
    /// Instances of the account: launch type EC2 or a capacity provider of its own.
    Instances,
    /// Something of which the rules say nothing, or that the cluster decides.
    Unknown,
}

impl Host {
    /// What a request asks for.
    #[must_use]
    pub fn of(request: &Value) -> Self {
        let providers = items(request, "capacityProviderStrategy");
        match text(request, "launchType") {
            Some("FARGATE") => Self::Fargate,
            Some("EC2") => Self::Instances,
            Some(_) => Self::Unknown,
            None if providers.is_empty() => Self::Unknown,
            None if providers.iter().any(|it| text(it, "capacityProvider").is_some_and(is_fargate)) => Self::Fargate,
            None => Self::Instances,
        }
    }
}

fn is_fargate(provider: &str) -> bool {
    matches!(provider, "FARGATE" | "FARGATE_SPOT")
}

/// Why ECS refuses a RunTask request whatever the definition says.
#[must_use]
pub fn run_task_form(request: &Value) -> Vec<Refusal> {
    let mut out = Vec::new();
    if text(request, "taskDefinition").is_none_or(str::is_empty) {
        out.push(
            invalid(RUN_TASK, "TaskDefinition can not be blank.")
                .at("taskDefinition", "nothing")
                .wants("a family or an ARN", "Set `task_definition_arn`."),
        );
    }
    // "You can specify up to 10 tasks for each call" (Model, RunTaskRequest.count).
    if let Some(count) = integer(request, "count").filter(|count| !(1..=10).contains(count)) {
        out.push(
            invalid(RUN_TASK, "Count should be between 1 and 10.")
                .at("count", count.to_string())
                .wants("1 to 10", "Remove `count` from the base job template."),
        );
    }
    identity(request, &mut out);
    if request.get("launchType").is_some() && !items(request, "capacityProviderStrategy").is_empty() {
        out.push(
            invalid(RUN_TASK, "Specifying both a launch type and capacity provider strategy is not supported.")
                .at("launchType", shown(text(request, "launchType")))
                .wants("one of the two", "Remove `launchType` or `capacityProviderStrategy`."),
        );
    }
    strategy(items(request, "capacityProviderStrategy"), &mut out);
    // "An error will be received if you specify the SERVICE option when running a task" (Model, `propagateTags`).
    if text(request, "propagateTags") == Some("SERVICE") {
        out.push(
            invalid(RUN_TASK, "Invalid value for propagateTags: SERVICE.")
                .at("propagateTags", "\"SERVICE\"")
                .wants("TASK_DEFINITION", "Set `propagateTags` to TASK_DEFINITION, or remove it."),
        );
    }
    // "You can specify up to 10 constraints for each task"; "a maximum of 5 strategy rules for each task".
    for (member, most, answer) in [
        ("placementConstraints", 10, "There can be at most 10 placement constraints."),
        ("placementStrategy", 5, "There can be at most 5 placement strategies."),
    ] {
        let found = items(request, member).len();
        if found > most {
            out.push(
                invalid(RUN_TASK, answer)
                    .at(member, format!("{found} items"))
                    .wants(format!("at most {most}"), format!("Shorten `{member}`.")),
            );
        }
    }
    out.extend(check_tags(items(request, "tags"), RUN_TASK));
    network(request, &mut out);
    out
}

/// Whose the task is. "Up to 128 letters (uppercase and lowercase), numbers, hyphens (-), forward slash (/), and underscores
/// (_) are allowed" (Model, `startedBy`); "Up to 64 characters are allowed. The valid characters are characters in the range
/// of 33-126, inclusive" (`clientToken`).
fn identity(request: &Value, out: &mut Vec<Refusal>) {
    if let Some(started_by) = text(request, "startedBy") {
        let answer = if started_by.len() > 128 {
            "StartedBy should be 128 characters or fewer."
        } else if !started_by.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/_".contains(&byte)) {
            "StartedBy contains invalid characters."
        } else {
            ""
        };
        if !answer.is_empty() {
            out.push(invalid(RUN_TASK, answer).at("startedBy", quoted(started_by)).wants("a legal name", ""));
        }
    }
    if let Some(token) = text(request, "clientToken")
        && (token.is_empty() || token.len() > 64 || !token.bytes().all(|byte| (33..=126).contains(&byte)))
    {
        out.push(
            invalid(RUN_TASK, "ClientToken should be 1 to 64 ASCII characters in the range of 33-126.")
                .at("clientToken", quoted(token))
                .wants("a legal token", ""),
        );
    }
}

/// "A capacity provider strategy can contain a maximum of 20 capacity providers" (Model, RunTaskRequest); "Only one capacity
/// provider in a capacity provider strategy can have a base defined"; weight 0-1,000, base 0-100,000
/// (CapacityProviderStrategyItem); several providers that all have weight 0 make RunTask fail (same place).
fn strategy(strategy: &[Value], out: &mut Vec<Refusal>) {
    let number = |item: &Value, member| integer(item, member).unwrap_or_default();
    let provider = |item| text(item, "capacityProvider").unwrap_or_default();
    let mut refuse = |answer: &str, allowed: &'static str| {
        out.push(
            invalid(RUN_TASK, answer)
                .at("capacityProviderStrategy", "a strategy that ECS does not take")
                .wants(allowed, "Correct `capacity_provider_strategy`."),
        );
    };
    if strategy.len() > 20 {
        refuse("A capacity provider strategy can contain at most 20 capacity providers.", "at most 20 providers");
    }
    let is_possible =
        |item: &Value| (0..=1000).contains(&number(item, "weight")) && (0..=100_000).contains(&number(item, "base"));
    if !strategy.iter().all(is_possible) {
        let answer = "Capacity provider weight should be 0 to 1000 and base 0 to 100000.";
        refuse(answer, "weights of 0 to 1000, bases of 0 to 100000");
    }
    if strategy.iter().filter(|item| number(item, "base") > 0).count() > 1 {
        let answer = "Only one capacity provider in a capacity provider strategy can have a base defined.";
        refuse(answer, "one provider with a base");
    }
    let names: HashSet<&str> = strategy.iter().map(provider).collect();
    if names.len() < strategy.len() {
        refuse("A capacity provider can be in a capacity provider strategy only once.", "each provider once");
    }
    let fargate = names.iter().filter(|name| is_fargate(name)).count();
    if fargate > 0 && fargate < names.len() {
        let answer = "A capacity provider strategy cannot contain a mix of Fargate and other providers.";
        refuse(answer, "providers of Fargate only, or others only");
    }
    if strategy.len() > 1 && strategy.iter().all(|item| number(item, "weight") == 0) {
        let answer = "At least one capacity provider must have a weight greater than 0.";
        refuse(answer, "a provider with a weight above 0");
    }
}

fn awsvpc(request: &Value) -> Option<&Value> {
    request.get("networkConfiguration")?.get("awsvpcConfiguration")
}

/// "There's a limit of 16 subnets that can be specified"; "There's a limit of 5 security groups that can be specified"
/// (Model, AwsVpcConfiguration). An id that is none is refused by EC2, whose answer ECS passes on.
fn network(request: &Value, out: &mut Vec<Refusal>) {
    let Some(configuration) = awsvpc(request) else { return };
    let place = |member: &str| format!("networkConfiguration.awsvpcConfiguration.{member}");
    let (subnets, groups) = (items(configuration, "subnets"), items(configuration, "securityGroups"));
    if subnets.is_empty() {
        out.push(
            invalid(PP0213, "subnets can not be empty.")
                .at(place("subnets"), "nothing")
                .wants("1 to 16 subnets", "Set `subnets` of `network_configuration`."),
        );
    }
    for (member, found, most) in [("subnets", subnets, 16), ("securityGroups", groups, 5)] {
        if found.len() > most {
            out.push(
                invalid(RUN_TASK, format!("{member} can have at most {most} items."))
                    .at(place(member), format!("{} items", found.len()))
                    .wants(format!("at most {most}"), format!("Shorten `{member}` of `network_configuration`.")),
            );
        }
    }
    if let Some(id) = not_an_id(subnets, "subnet-") {
        out.push(
            invalid(
                RUN_TASK,
                format!("Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist"),
            )
            .at(place("subnets"), quoted(id))
            .wants("ids that begin with subnet-", "Correct `subnets` of `network_configuration`."),
        );
    }
    if let Some(id) = not_an_id(groups, "sg-") {
        out.push(
            invalid(RUN_TASK, format!("Error retrieving security group information for [{id}]: Invalid id: \"{id}\""))
                .at(place("securityGroups"), quoted(id))
                .wants("ids that begin with sg-", "Correct `securityGroups` of `network_configuration`."),
        );
    }
}

fn not_an_id<'v>(ids: &'v [Value], start: &str) -> Option<&'v str> {
    ids.iter().filter_map(Value::as_str).find(|id| id.strip_prefix(start).is_none_or(str::is_empty))
}

/// Why ECS refuses to run a definition with a request, which is well formed. Of a definition that is not known here, what
/// depends on it is not asked.
#[must_use]
pub fn run_task(request: &Value, definition: Option<&Value>, host: Host) -> Vec<Refusal> {
    let mut out = Vec::new();
    if let Some(definition) = definition {
        compatible(definition, host, &mut out);
        network_mode(request, definition, &mut out);
    }
    if let Some(configuration) = awsvpc(request)
        && host == Host::Instances
        && text(configuration, "assignPublicIp") == Some("ENABLED")
    {
        // AWS's words, for launch type EC2 and for a capacity provider of instances:
        // https://github.com/hashicorp/waypoint/issues/643, https://github.com/aws/aws-cdk/issues/13348.
        out.push(
            invalid(RUN_TASK, "Assign public IP is not supported for this launch type.")
                .at("networkConfiguration.awsvpcConfiguration.assignPublicIp", "ENABLED")
                .wants("DISABLED outside Fargate", "Remove `assignPublicIp`, or run the task on Fargate."),
        );
    }
    match host {
        Host::Fargate => {
            for member in ["placementConstraints", "placementStrategy"] {
                if !items(request, member).is_empty() {
                    let answer = "Placement constraints and strategies are not supported on launch type FARGATE.";
                    out.push(
                        invalid(RUN_TASK, answer)
                            .at(member, "a list")
                            .wants("nothing on Fargate", format!("Remove `{member}`, or run the task on EC2.")),
                    );
                }
            }
        }
        Host::Instances if request.get("platformVersion").is_some() => {
            out.push(
                invalid(RUN_TASK, "The platform version must be null when specifying an EC2 launch type.")
                    .at("platformVersion", shown(text(request, "platformVersion")))
                    .wants("nothing outside Fargate", "Remove `platformVersion`."),
            );
        }
        Host::Instances | Host::Unknown => {}
    }
    let nothing = Value::Null;
    let overrides = request.get("overrides").unwrap_or(&nothing);
    container_overrides(overrides, definition, &mut out);
    if let Some(definition) = definition {
        execute_command(request, overrides, definition, &mut out);
    }
    sizes(overrides, definition, host, &mut out);
    out
}

/// Place of what a definition does not suit.
pub(super) const COMPATIBLE: &str = "launchType";

fn compatible(definition: &Value, host: Host, out: &mut Vec<Refusal>) {
    let suits = suits(definition);
    let launch_type = match host {
        Host::Fargate if !suits.fargate => "FARGATE",
        Host::Instances if !suits.ec2 => "EC2",
        _ => return,
    };
    out.push(
        invalid(RUN_TASK, format!("Task definition does not support launch_type {launch_type}."))
            .at(COMPATIBLE, format!("{launch_type} for a definition that does not suit it"))
            .wants(
                "what the definition suits",
                format!(
                    "Add {launch_type} to `requiresCompatibilities` to be told why the definition does not suit it."
                ),
            ),
    );
}

/// "This parameter is required for task definitions that use the awsvpc network mode …, and it isn't supported for other
/// network modes" (Model, `networkConfiguration`).
fn network_mode(request: &Value, definition: &Value, out: &mut Vec<Refusal>) {
    let mode = text(definition, "networkMode");
    match (mode, awsvpc(request)) {
        (Some("awsvpc"), None) => out.push(
            invalid(PP0213, "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
                .at("networkConfiguration", "nothing")
                .wants("subnets with network mode awsvpc", "Set `network_configuration` to {\"subnets\": [...]}."),
        ),
        (Some("awsvpc"), Some(_)) | (_, None) => {}
        (_, Some(_)) => out.push(
            invalid(RUN_TASK, "Network Configuration is not valid for the given networkMode of this task definition.")
                .at("networkConfiguration", format!("one for network mode {}", mode.unwrap_or("bridge")))
                .wants("nothing but with network mode awsvpc", "Set `network_configuration` to {}."),
        ),
    }
}

/// "This parameter is required if any override is specified" (Model, ContainerOverride.name).
fn container_overrides(overrides: &Value, definition: Option<&Value>, out: &mut Vec<Refusal>) {
    let containers = items(overrides, "containerOverrides");
    for (index, container) in containers.iter().enumerate() {
        let at = |member: &str| format!("overrides.containerOverrides[{index}].{member}");
        let Some(name) = text(container, "name") else {
            out.push(
                invalid(RUN_TASK, "Container name can not be blank in container overrides.")
                    .at(at("name"), "nothing")
                    .wants("the name of a container", "Name the container that the override is for."),
            );
            continue;
        };
        let known = |definition: &Value| {
            items(definition, "containerDefinitions").iter().any(|container| text(container, "name") == Some(name))
        };
        if definition.is_some_and(|definition| !known(definition)) {
            out.push(
                invalid(
                    RUN_TASK,
                    format!("Override for container named {name} is not a container in the TaskDefinition."),
                )
                .at(at("name"), quoted(name))
                .wants("the name of one of the definition's containers", "Correct the name in `containerOverrides`."),
            );
        }
        if containers[..index].iter().any(|other| text(other, "name") == Some(name)) {
            out.push(
                invalid(RUN_TASK, format!("There is more than one override for container {name}."))
                    .at(at("name"), quoted(name))
                    .wants("each container once", "Put the overrides of one container together."),
            );
        }
        for (position, variable) in items(container, "environment").iter().enumerate() {
            if text(variable, "name").is_none_or(str::is_empty) {
                let answer = format!("Override for container {name}: environment variable name can not be blank.");
                out.push(
                    invalid(RUN_TASK, answer)
                        .at(at(&format!("environment[{position}].name")), "nothing")
                        .wants("a name", "Give the variable a name, or remove the entry."),
                );
            }
        }
        for member in ["cpu", "memory", "memoryReservation"] {
            if let Some(size) = integer(container, member).filter(|size| *size < 0) {
                out.push(
                    invalid(RUN_TASK, format!("Override for container {name}: sizes can not be negative."))
                        .at(at(member), size.to_string())
                        .wants("a size", "Correct the size, or remove it."),
                );
            }
        }
    }
}

/// "If true, then the task definition must have a task role, or you must provide one as an override" (Model,
/// `enableExecuteCommand`).
fn execute_command(request: &Value, overrides: &Value, definition: &Value, out: &mut Vec<Refusal>) {
    let has_role = [definition, overrides].into_iter().any(|it| text(it, "taskRoleArn").is_some());
    if is_true(request, "enableExecuteCommand") && !has_role {
        let answer = "The task couldn't be run with execute command because a valid taskRoleArn is not being used.";
        out.push(
            invalid(RUN_TASK, answer)
                .at("enableExecuteCommand", "true, and no task role")
                .wants("true with a task role only", "Set `task_role_arn`, or remove `enableExecuteCommand`."),
        );
    }
}

/// Sizes after the overrides; pairs hold for what results from them as well. Storage: TaskOverride.ephemeralStorage.
fn sizes(overrides: &Value, definition: Option<&Value>, host: Host, out: &mut Vec<Refusal>) {
    for (member, is_size) in [
        ("cpu", (|text: &str| parse_cpu(text).is_some()) as fn(&str) -> bool),
        ("memory", |text: &str| parse_memory(text).is_some()),
    ] {
        if let Some(size) = text(overrides, member).filter(|size| !is_size(size)) {
            out.push(
                client(PP0216, format!("Invalid '{member}' setting for task."))
                    .at(format!("overrides.{member}"), quoted(size))
                    .wants("a size", format!("Correct `{member}`.")),
            );
            return;
        }
    }
    if host != Host::Fargate {
        return;
    }
    if let Some(found) = overrides.get("ephemeralStorage").and_then(|it| integer(it, "sizeInGiB"))
        && !STORAGE.contains(&found)
    {
        out.push(
            invalid(PP0217, "EphemeralStorage size should be between 21 and 200 GiB.")
                .at("overrides.ephemeralStorage.sizeInGiB", found.to_string())
                .wants("21 to 200", "Choose a size from 21 to 200, or remove `ephemeralStorage`."),
        );
    }
    let Some(definition) = definition else { return };
    let size = |member| text(overrides, member).or_else(|| text(definition, member));
    if let (Some(cpu), Some(memory)) = (size("cpu").and_then(parse_cpu), size("memory").and_then(parse_memory)) {
        out.extend(check_size(cpu, memory).map(|it| it.at("overrides", format!("cpu {cpu} with memory {memory}"))));
    }
}
