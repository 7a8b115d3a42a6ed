//! What RegisterTaskDefinition refuses.
//!
//! "A client exception is returned if the task definition doesn't validate against the compatibilities specified" (Model,
//! `requiresCompatibilities`): nearly every refusal here is a ClientException.

use std::collections::HashSet;

use diagnosis::{Code, PP0204, PP0212, PP0216, PP0217};
use serde_json::Value;

use super::{CONTAINER, DEFINITION, Refusal, called, client, fargate, integer, is_true, items, quoted, shown, text};
use crate::fargate::{STORAGE, parse_cpu, parse_memory};

/// What `requiresCompatibilities` may be made to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suits {
    /// Launch type FARGATE.
    pub fargate: bool,
    /// Launch type EC2.
    pub ec2: bool,
}

/// Why ECS refuses to register a definition, in the order in which it would say so.
#[must_use]
pub fn register_task_definition(request: &Value) -> Vec<Refusal> {
    let mut out = Vec::new();
    out.extend(
        check_name(text(request, "family").unwrap_or_default(), "Family", DEFINITION)
            .map(|it| it.at("family", shown(text(request, "family")))),
    );
    sizes(request, &mut out);
    roles(request, &mut out);
    containers(request, &mut out);
    // "The minimum supported value is 21 GiB and the maximum supported value is 200 GiB" (Model, EphemeralStorage.sizeInGiB).
    if let Some(found) = request.get("ephemeralStorage").and_then(|it| integer(it, "sizeInGiB"))
        && !STORAGE.contains(&found)
    {
        out.push(
            client(PP0217, "EphemeralStorage size should be between 21 and 200 GiB.")
                .at("ephemeralStorage.sizeInGiB", found.to_string())
                .wants("21 to 200", "Choose a size from 21 to 200, or remove `ephemeralStorage`."),
        );
    }
    let (for_fargate, for_ec2) = (requires(request, "FARGATE"), requires(request, "EC2"));
    if for_fargate {
        fargate::check(request, &mut out);
    }
    if for_ec2 || !for_fargate {
        ec2(request, &mut out);
    }
    out.extend(super::check_tags(items(request, "tags"), DEFINITION));
    out
}

/// The launch types that a definition without other faults suits.
#[must_use]
pub fn suits(request: &Value) -> Suits {
    let none = |rule: fn(&Value, &mut Vec<Refusal>)| {
        let mut out = Vec::new();
        rule(request, &mut out);
        out.is_empty()
    };
    Suits { fargate: none(fargate::check), ec2: none(ec2) }
}

pub(super) fn requires(request: &Value, launch_type: &str) -> bool {
    items(request, "requiresCompatibilities").iter().any(|it| it == launch_type)
}

/// "Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed" (Model: `family`,
/// ContainerDefinition.name, CreateClusterRequest.clusterName). `what` is what AWS calls it.
#[must_use]
pub fn check_name(name: &str, what: &str, code: Code) -> Option<Refusal> {
    let answer = if name.is_empty() {
        format!("{what} should not be null or empty.")
    } else if name.len() > 255 {
        format!("{what} is longer than 255 characters.")
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        format!("{what} contains invalid characters.")
    } else {
        return None;
    };
    Some(client(code, answer).wants(
        "up to 255 ASCII letters, digits, hyphens and underscores",
        "Correct the name in the job variable or the base job template.",
    ))
}

/// "Supported values are between 128 CPU units and 196608 CPU units" (Model, `cpu`).
fn sizes(request: &Value, out: &mut Vec<Refusal>) {
    if let Some(cpu) = text(request, "cpu")
        && !parse_cpu(cpu).is_some_and(|units| (128..=196_608).contains(&units))
    {
        out.push(client(PP0216, "Invalid 'cpu' setting for task.").at("cpu", quoted(cpu)).wants(
            "128 to 196608 CPU units, or vCPUs as in \"1 vCPU\"",
            "Set `cpu` to CPU units; 1,024 are one vCPU.",
        ));
    }
    if let Some(memory) = text(request, "memory")
        && parse_memory(memory).is_none()
    {
        out.push(
            client(PP0216, "Invalid 'memory' setting for task.")
                .at("memory", quoted(memory))
                .wants("MiB, or GB as in \"2 GB\"", "Set `memory` to MiB."),
        );
    }
}

/// "The short name or full Amazon Resource Name (ARN) of the IAM role" (Model, `taskRoleArn`). "Role is not valid" is what
/// ECS answers to the ARN of something else.
fn roles(request: &Value, out: &mut Vec<Refusal>) {
    for (member, variable) in ROLES {
        let Some(role) = text(request, member) else { continue };
        let named = role.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte));
        let is_role = if role.starts_with("arn:") { is_role_arn(role) } else { named && !role.is_empty() };
        if !is_role {
            out.push(
                client(DEFINITION, "Role is not valid")
                    .at(member, quoted(role))
                    .wants("arn:aws:iam::ACCOUNT:role/NAME", format!("Set `{variable}` to the ARN of a role.")),
            );
        }
    }
}

const ROLES: [(&str, &str); 2] = [("taskRoleArn", "task_role_arn"), ("executionRoleArn", "execution_role_arn")];

fn is_role_arn(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    parts.next() == Some("iam")
        && parts.nth(2).is_some_and(|it| it.strip_prefix("role/").is_some_and(|it| !it.is_empty()))
}

/// What ECS takes and its user may not have meant.
pub(super) fn note(request: &Value, notes: &mut Vec<String>) {
    for (member, variable) in ROLES {
        if let Some(role) = text(request, member).filter(|role| !role.starts_with("arn:")) {
            notes.push(format!(
                "`{variable}` is {}, no ARN: ECS reads it as the name of a role in its own account.",
                quoted(role)
            ));
        }
    }
    for (index, container) in items(request, "containerDefinitions").iter().enumerate() {
        for variable in items(container, "environment") {
            if let Some(name) = text(variable, "name").filter(|name| name.contains('=')) {
                notes.push(format!(
                    "The environment variable {} of container {} has \"=\" in its name: what follows becomes part of the \
                     value.",
                    quoted(name),
                    called(container, index)
                ));
            }
        }
    }
}

fn containers(request: &Value, out: &mut Vec<Refusal>) {
    let containers = items(request, "containerDefinitions");
    if containers.is_empty() {
        out.push(
            client(DEFINITION, "Container list cannot be empty.").at("containerDefinitions", "nothing").wants(
                "at least one container",
                "Put a container into `containerDefinitions` of the base job template.",
            ),
        );
        return;
    }
    let task = Sizes {
        cpu: text(request, "cpu").and_then(parse_cpu).map(i64::from),
        memory: text(request, "memory").and_then(parse_memory).map(i64::from),
    };
    let names: Vec<&str> = containers.iter().map(|it| text(it, "name").unwrap_or_default()).collect();
    for (index, container) in containers.iter().enumerate() {
        let at = |member: &str| format!("containerDefinitions[{index}].{member}");
        let name = names[index];
        if let Some(refusal) = check_name(name, "Container.name", CONTAINER) {
            out.push(refusal.at(at("name"), shown(text(container, "name"))));
        } else if names[..index].contains(&name) {
            out.push(
                client(CONTAINER, format!("Duplicate container names are not allowed: '{name}'."))
                    .at(at("name"), quoted(name))
                    .wants("a name that no other container has", "Give each container a name of its own."),
            );
        }
        image(container, &at, out);
        environment(container, &at, out);
        memory(container, name, task.memory, &at, out);
        for (position, mount) in items(container, "mountPoints").iter().enumerate() {
            let Some(volume) = text(mount, "sourceVolume") else { continue };
            if !items(request, "volumes").iter().any(|it| text(it, "name") == Some(volume)) {
                out.push(
                    client(CONTAINER, format!("Unknown volume '{volume}'."))
                        .at(at(&format!("mountPoints[{position}].sourceVolume")), quoted(volume))
                        .wants("the name of one of `volumes`", "Add the volume to `volumes` of the task definition."),
                );
            }
        }
        for (position, dependency) in items(container, "dependsOn").iter().enumerate() {
            let other = text(dependency, "containerName").unwrap_or_default();
            if !names.contains(&other) || other == name {
                out.push(
                    client(CONTAINER, format!("Container '{name}' depends on unknown container '{other}'."))
                        .at(at(&format!("dependsOn[{position}].containerName")), quoted(other))
                        .wants("the name of another container", "Correct `dependsOn` in the base job template."),
                );
            }
        }
    }
    // "All tasks must have at least one essential container" (Model, ContainerDefinition.essential).
    if !containers.iter().any(|container| container.get("essential").is_none_or(|it| it != &Value::Bool(false))) {
        out.push(
            client(PP0204, "All tasks must have at least one essential container.")
                .at("containerDefinitions", "`essential: false` everywhere")
                .wants("one container that is essential", "Remove `essential: false` from the flow's container."),
        );
    }
    // "The total amount of CPU reserved for all containers within a task be lower than the task-level cpu value" (Model,
    // ContainerDefinition.cpu); equal is accepted, as a single container commonly takes it all.
    let reserved: i64 = containers.iter().filter_map(|container| integer(container, "cpu")).sum();
    if let Some(cpu) = task.cpu.filter(|cpu| reserved > *cpu) {
        out.push(
            client(CONTAINER, "The total 'cpu' of the containers is greater than for the task.")
                .at("containerDefinitions[*].cpu", format!("{reserved} in all"))
                .wants(
                    format!("at most {cpu}, which the task has"),
                    "Raise `cpu` of the task, or lower that of its containers.",
                ),
        );
    }
}

/// What the task has, where it says so.
struct Sizes {
    cpu: Option<i64>,
    memory: Option<i64>,
}

/// "Container.image contains invalid characters." is what ECS answers. "Up to 255 letters …, numbers, hyphens, underscores,
/// colons, periods, forward slashes, and number signs are allowed" (Model, ContainerDefinition.image), but digests have an @:
/// only what certainly is in no image is refused.
fn image(container: &Value, at: &dyn Fn(&str) -> String, out: &mut Vec<Refusal>) {
    let found = text(container, "image");
    let image = found.unwrap_or_default();
    let answer = if image.is_empty() {
        "Container.image should not be null or empty."
    } else if image.chars().any(|c| c.is_whitespace() || c.is_control() || "{}<>$\"'`".contains(c)) {
        "Container.image contains invalid characters."
    } else {
        return;
    };
    out.push(
        client(CONTAINER, answer)
            .at(at("image"), shown(found))
            .wants("an image such as registry/name:tag", "Give the container an `image`, without blanks or line ends."),
    );
}

fn environment(container: &Value, at: &dyn Fn(&str) -> String, out: &mut Vec<Refusal>) {
    let name = text(container, "name").unwrap_or_default();
    let (variables, secrets) = (items(container, "environment"), items(container, "secrets"));
    for (index, variable) in variables.iter().enumerate() {
        if text(variable, "name").is_none_or(str::is_empty) {
            out.push(
                client(CONTAINER, format!("Container '{name}': environment variable name can not be blank."))
                    .at(at(&format!("environment[{index}].name")), "nothing")
                    .wants("a name", "Give the variable a name, or remove the entry."),
            );
        }
    }
    if secrets.is_empty() {
        return;
    }
    let mut names: HashSet<&str> = variables.iter().filter_map(|it| text(it, "name")).collect();
    for (index, secret) in secrets.iter().enumerate() {
        let at = |member: &str| at(&format!("secrets[{index}].{member}"));
        let (own, source) = (text(secret, "name").unwrap_or_default(), text(secret, "valueFrom").unwrap_or_default());
        if own.is_empty() || source.is_empty() {
            let missing = if own.is_empty() { "name" } else { "valueFrom" };
            out.push(
                client(CONTAINER, format!("Container '{name}': secret name and valueFrom can not be blank."))
                    .at(at(missing), "nothing")
                    .wants("a text", "Write each secret as {\"name\": …, \"valueFrom\": ARN}."),
            );
        } else if !names.insert(own) {
            out.push(
                client(
                    CONTAINER,
                    format!(
                        "The secret name must be unique and not shared with any new or existing environment variables \
                         set on the container, such as '{own}'."
                    ),
                )
                .at(at("name"), quoted(own))
                .wants(
                    "a name that no variable and no other secret of the container has",
                    format!("Remove {own} from `env` or `environment`, or from `secrets`."),
                ),
            );
        }
    }
}

/// Model, ContainerDefinition.memory and .memoryReservation: `memory` is above `memoryReservation`, and neither above what
/// the task has.
fn memory(container: &Value, name: &str, task: Option<i64>, at: &dyn Fn(&str) -> String, out: &mut Vec<Refusal>) {
    let (hard, soft) = (integer(container, "memory"), integer(container, "memoryReservation"));
    let cpu = integer(container, "cpu").unwrap_or_default();
    if cpu < 0 || hard.is_some_and(|memory| memory < 4) {
        let (member, found) = if cpu < 0 { ("cpu", cpu) } else { ("memory", hard.unwrap_or_default()) };
        out.push(
            client(CONTAINER, format!("Invalid setting for container '{name}'."))
                .at(at(member), found.to_string())
                .wants("a size", "Correct the size of the container, or remove it."),
        );
    } else if let (Some(hard), Some(soft)) = (hard, soft)
        && hard < soft
    {
        out.push(
            client(
                CONTAINER,
                format!(
                    "Invalid setting for container '{name}'. The 'memory' value must be greater than the \
                     'memoryReservation' value."
                ),
            )
            .at(at("memory"), hard.to_string())
            .wants(
                format!("at least `memoryReservation`, which is {soft}"),
                "Raise `memory` of the container, or lower `memoryReservation`.",
            ),
        );
    } else if let (Some(largest), Some(task)) = (hard.max(soft), task)
        && largest > task
    {
        let member = if hard >= soft { "memory" } else { "memoryReservation" };
        out.push(
            client(CONTAINER, "The 'memory' setting for container is greater than for the task.")
                .at(at(member), largest.to_string())
                .wants(
                    format!("at most {task}, which the task has"),
                    "Raise `memory` of the task, or lower that of its container.",
                ),
        );
    }
}

/// The rules of launch type EC2.
///
/// "If using the EC2 launch type, you must specify either a task-level memory value or a container-level memory value"
/// (Model, ContainerDefinition.memory).
fn ec2(request: &Value, out: &mut Vec<Refusal>) {
    for (index, container) in items(request, "containerDefinitions").iter().enumerate() {
        let given = |member| container.get(member).is_some();
        if text(request, "memory").is_none() && !given("memory") && !given("memoryReservation") {
            let name = text(container, "name").unwrap_or_default();
            out.push(
                client(
                    CONTAINER,
                    format!(
                        "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be \
                         specified."
                    ),
                )
                .at(format!("containerDefinitions[{index}].memory"), "nothing")
                .wants(
                    "outside Fargate each container has `memory` or `memoryReservation`, or the task has `memory`",
                    format!("Set `memory` or `memoryReservation` of container {}.", called(container, index)),
                ),
            );
        }
    }
    secrets_without_role(request, out);
}

/// "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
pub(super) fn secrets_without_role(request: &Value, out: &mut Vec<Refusal>) {
    if text(request, "executionRoleArn").is_some() {
        return;
    }
    let has_secrets = |container: &Value| {
        let for_logs = container.get("logConfiguration").map_or(&[][..], |logs| items(logs, "secretOptions"));
        !items(container, "secrets").is_empty() || !for_logs.is_empty()
    };
    let containers = items(request, "containerDefinitions");
    if let Some(index) = containers.iter().position(has_secrets) {
        out.push(
            client(
                PP0212,
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            )
            .at(format!("containerDefinitions[{index}].secrets"), "secrets, and no execution role")
            .wants(
                "secrets with `executionRoleArn` only",
                "Set `execution_role_arn` to a role that may read these secrets.",
            ),
        );
    }
}

/// Whether a container asks for a GPU.
pub(super) fn wants_gpu(container: &Value) -> bool {
    items(container, "resourceRequirements").iter().any(|it| text(it, "type") == Some("GPU"))
}

/// Whether a container runs with all rights of its host.
pub(super) fn is_privileged(container: &Value) -> bool {
    is_true(container, "privileged")
}
