//! Whether the task definition that ECS describes is the one that was hashed.
//!
//! A family's name proves nothing: any principal that may call `ecs:RegisterTaskDefinition` can register
//! a revision under it, with an image of their own. Tags and `registeredBy` are no better, because the
//! same principal writes the tags, and any function of an installation may have registered the revision.
//! The content is the proof. A revision never changes, so a comparison holds for as long as its number is
//! used.
//!
//! Every member that pushpool would register must be there with its value, and nothing else may be there
//! but what ECS adds by itself. The reading is strict: an addition that is not in the list below counts as
//! a difference, and costs one more registration. ECS's own additions are those in the service model
//! ("default") and those that prefect-aws 0.7.12 allows for (`_task_definitions_equal`).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::fargate;

/// Members that only answers have, and `tags`, which DescribeTaskDefinition leaves out unless it is asked
/// for them and which change nothing about what runs.
pub(crate) const OF_ANSWERS: [&str; 10] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
    "tags",
];

/// What ECS writes for a text that was not given, by member. No member has these values by another default.
const TEXTS: [(&str, &str); 9] = [
    ("networkMode", "bridge"),
    ("protocol", "tcp"),
    ("operatingSystemFamily", "LINUX"),
    ("cpuArchitecture", "X86_64"),
    ("versionConsistency", "enabled"),
    ("rootDirectory", "/"),
    ("transitEncryption", "DISABLED"),
    ("iam", "DISABLED"),
    ("scope", "task"),
];

/// What ECS writes for a number that was not given: a container's CPU, and how a health check is timed.
const NUMBERS: [(&str, i64); 6] =
    [("cpu", 0), ("interval", 30), ("timeout", 5), ("retries", 3), ("startPeriod", 0), ("hostPort", 0)];

/// Lists that ECS takes for sets, and what tells their items apart.
const SETS: [(&str, &str); 7] = [
    ("containerDefinitions", "name"),
    ("environment", "name"),
    ("secrets", "name"),
    ("secretOptions", "name"),
    ("environmentFiles", "value"),
    ("volumes", "name"),
    ("requiresCompatibilities", ""),
];

/// Where a description (`taskDefinition` of an answer) is not what `request` registers: the path of the
/// first difference. None if the two are the same. Never a value: an environment may hold secrets.
pub(crate) fn difference(request: &Value, described: &Value) -> Option<String> {
    let (Value::Object(ours), Value::Object(theirs)) = (request, described) else {
        return Some("taskDefinition".to_owned());
    };
    let known = |members: &Map<String, Value>| {
        members.iter().filter(|(name, _)| !OF_ANSWERS.contains(&name.as_str())).map(copied).collect()
    };
    objects("", &known(ours), &known(theirs))
}

fn copied((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn objects(path: &str, ours: &Map<String, Value>, theirs: &Map<String, Value>) -> Option<String> {
    let place = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let given = ours.iter().filter(|(_, value)| !is_nothing(value)).find_map(|(name, value)| {
        let other = theirs.get(name).unwrap_or(&Value::Null);
        // Only the definition's own sizes have units.
        if path.is_empty() && same_size(name, value, other) {
            return None;
        }
        values(&place(name), name, value, other)
    });
    given.or_else(|| {
        let added = |(name, value): &(&String, &Value)| {
            ours.get(*name).is_none_or(is_nothing) && !is_default(name, value, ours)
        };
        theirs.iter().find(added).map(|(name, _)| place(name))
    })
}

fn values(path: &str, name: &str, ours: &Value, theirs: &Value) -> Option<String> {
    let same = match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => return objects(path, ours, theirs),
        (Value::Object(ours), Value::Null) => return objects(path, ours, &Map::new()),
        (Value::Array(ours), Value::Array(theirs)) => return lists(path, name, ours, theirs),
        (Value::Number(ours), Value::Number(theirs)) => ours.as_f64() == theirs.as_f64(),
        (Value::Number(_) | Value::Bool(_), Value::Null) => is_default(name, ours, &Map::new()),
        (Value::String(ours), Value::String(theirs)) => ours == theirs || same_role(name, ours, theirs),
        _ => ours == theirs,
    };
    (!same).then(|| path.to_owned())
}

fn lists(path: &str, name: &str, ours: &[Value], theirs: &[Value]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(path.to_owned());
    }
    let set = SETS.iter().find(|(list, _)| *list == name).map(|(_, identity)| *identity);
    let (ours, theirs) = (sorted(ours, set), sorted(theirs, set));
    let items = ours.iter().zip(theirs.iter()).enumerate();
    items.into_iter().find_map(|(index, (ours, theirs))| values(&format!("{path}[{index}]"), "", ours, theirs))
}

/// The items by what identifies them; in their own order where the order counts. Stable: of two variables with one
/// name the later one wins.
fn sorted<'a>(items: &'a [Value], set: Option<&str>) -> Cow<'a, [Value]> {
    let Some(identity) = set else { return Cow::Borrowed(items) };
    let key = |item: &Value| item.get(identity).unwrap_or(item).as_str().unwrap_or_default().to_owned();
    let mut items = items.to_vec();
    items.sort_by_key(key);
    Cow::Owned(items)
}

/// What says the same as its absence.
pub(crate) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What ECS may write where `ours`, the members beside it, had nothing.
pub(crate) fn is_default(name: &str, value: &Value, ours: &Map<String, Value>) -> bool {
    match value {
        Value::Bool(flag) => *flag == (name == "essential"),
        Value::String(text) => text.is_empty() || TEXTS.contains(&(name, text.as_str())),
        Value::Number(number) => {
            let host_port = name == "hostPort" && ours.get("containerPort") == Some(value);
            host_port || NUMBERS.iter().any(|(member, default)| *member == name && number.as_i64() == Some(*default))
        }
        Value::Object(members) => members.iter().all(|(name, value)| is_default(name, value, &Map::new())),
        Value::Null | Value::Array(_) => is_nothing(value),
    }
}

/// `1 vCPU` comes back as `1024`.
fn same_size(name: &str, ours: &Value, theirs: &Value) -> bool {
    let (Some(ours), Some(theirs)) = (ours.as_str(), theirs.as_str()) else { return false };
    match name {
        "cpu" => fargate::parse_cpu(ours).is_some_and(|units| fargate::parse_cpu(theirs) == Some(units)),
        "memory" => fargate::parse_memory(ours).is_some_and(|mib| fargate::parse_memory(theirs) == Some(mib)),
        _ => false,
    }
}

/// A role may be named without its ARN (RegisterTaskDefinition, `taskRoleArn`: "short name or full ARN").
fn same_role(name: &str, ours: &str, theirs: &str) -> bool {
    matches!(name, "taskRoleArn" | "executionRoleArn")
        && !ours.contains(':')
        && theirs.split_once(":role/").is_some_and(|(_, role)| role == ours.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Value {
        json!({
            "family": "prefect_p-0123456789abcdef", "cpu": "1 vCPU", "memory": "2 GB", "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"], "taskRoleArn": "etl", "executionRoleArn": "arn:aws:iam::1:role/exec",
            "tags": [{"key": "team", "value": "etl"}],
            "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
            "containerDefinitions": [{
                "name": "prefect", "image": "flows:1", "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "secrets": [{"name": "KEY", "valueFrom": "arn:key"}], "command": ["a", "b"],
                "portMappings": [{"containerPort": 80}], "healthCheck": {"command": ["CMD", "true"]},
                "linuxParameters": {"initProcessEnabled": false},
            }],
        })
    }

    /// As ECS writes it.
    fn described() -> Value {
        json!({
            "taskDefinitionArn": "arn:aws:ecs:r:1:task-definition/prefect_p-0123456789abcdef:3", "revision": 3,
            "status": "ACTIVE", "registeredAt": 1.5, "registeredBy": "arn:x", "compatibilities": ["EC2", "FARGATE"],
            "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
            "family": "prefect_p-0123456789abcdef", "cpu": "1024", "memory": "2048", "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"], "taskRoleArn": "arn:aws:iam::1:role/etl",
            "executionRoleArn": "arn:aws:iam::1:role/exec", "placementConstraints": [], "enableFaultInjection": false,
            "runtimePlatform": {"operatingSystemFamily": "LINUX"},
            "volumes": [{"name": "data", "host": {}, "efsVolumeConfiguration": {
                "fileSystemId": "fs-1", "rootDirectory": "/", "transitEncryption": "DISABLED"}}],
            "containerDefinitions": [{
                "name": "prefect", "image": "flows:1", "cpu": 0, "essential": true, "mountPoints": [], "volumesFrom": [],
                "systemControls": [], "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "secrets": [{"name": "KEY", "valueFrom": "arn:key"}], "command": ["a", "b"],
                "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                "healthCheck": {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3},
                "linuxParameters": {},
            }],
        })
    }

    #[test]
    fn what_ecs_adds_by_itself_is_no_difference() {
        assert_eq!(difference(&request(), &described()), None);
        assert_eq!(difference(&request(), &request()), None);
    }

    #[test]
    fn everything_a_stranger_could_change_is_a_difference() {
        for (pointer, value, place) in [
            ("/containerDefinitions/0/image", json!("evil:1"), "containerDefinitions[0].image"),
            ("/containerDefinitions/0/command", json!(["b", "a"]), "containerDefinitions[0].command[0]"),
            ("/containerDefinitions/0/entryPoint", json!(["sh"]), "containerDefinitions[0].entryPoint"),
            ("/containerDefinitions/0/essential", json!(false), "containerDefinitions[0].essential"),
            ("/containerDefinitions/0/privileged", json!(true), "containerDefinitions[0].privileged"),
            ("/containerDefinitions/0/user", json!("root"), "containerDefinitions[0].user"),
            ("/containerDefinitions/0/cpu", json!(1), "containerDefinitions[0].cpu"),
            (
                "/containerDefinitions/0/versionConsistency",
                json!("disabled"),
                "containerDefinitions[0].versionConsistency",
            ),
            ("/containerDefinitions/0/notYetKnown", json!("x"), "containerDefinitions[0].notYetKnown"),
            ("/containerDefinitions/0/environment/0/value", json!("3"), "containerDefinitions[0].environment[1].value"),
            ("/containerDefinitions/0/environment", json!([]), "containerDefinitions[0].environment"),
            (
                "/containerDefinitions/0/secrets/0/valueFrom",
                json!("arn:other"),
                "containerDefinitions[0].secrets[0].valueFrom",
            ),
            (
                "/containerDefinitions/0/portMappings/0/hostPort",
                json!(22),
                "containerDefinitions[0].portMappings[0].hostPort",
            ),
            (
                "/containerDefinitions/0/mountPoints",
                json!([{"sourceVolume": "data"}]),
                "containerDefinitions[0].mountPoints",
            ),
            (
                "/containerDefinitions/0/linuxParameters/sharedMemorySize",
                json!(1),
                "containerDefinitions[0].linuxParameters.sharedMemorySize",
            ),
            ("/containerDefinitions/1", json!({"name": "z", "image": "evil:1"}), "containerDefinitions"),
            ("/taskRoleArn", json!("arn:aws:iam::1:role/not-etl"), "taskRoleArn"),
            ("/taskRoleArn", json!("arn:aws:iam::1:role/path/etl"), "taskRoleArn"),
            ("/executionRoleArn", json!(null), "executionRoleArn"),
            ("/cpu", json!("2048"), "cpu"),
            ("/networkMode", json!("host"), "networkMode"),
            ("/pidMode", json!("host"), "pidMode"),
            ("/volumes/0/host", json!({"sourcePath": "/"}), "volumes[0].host"),
            (
                "/volumes/0/efsVolumeConfiguration/fileSystemId",
                json!("fs-2"),
                "volumes[0].efsVolumeConfiguration.fileSystemId",
            ),
            ("/proxyConfiguration", json!({"containerName": "z"}), "proxyConfiguration"),
            ("/enableFaultInjection", json!(true), "enableFaultInjection"),
        ] {
            let mut planted = described();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            match planted.pointer_mut(parent).unwrap() {
                Value::Array(items) => items.push(value),
                parent => parent[name] = value,
            }
            assert_eq!(difference(&request(), &planted).as_deref(), Some(place), "{pointer}");
        }
        assert_eq!(difference(&request(), &Value::Null).as_deref(), Some("taskDefinition"));
    }

    #[test]
    fn a_member_that_is_gone_is_a_difference_unless_it_said_nothing() {
        let Value::Object(members) = request() else { panic!() };
        for name in members.keys().filter(|name| *name != "tags") {
            let mut without = described();
            without.as_object_mut().unwrap().remove(name);
            assert!(difference(&request(), &without).is_some(), "{name}");
        }
    }
}
