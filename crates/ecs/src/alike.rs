//! How a task that something else started differs from the one that pushpool would start.
//!
//! Both are put into the terms of the running container: what RunTask overrides goes before the definition, and what ECS
//! adds by itself counts as nothing. The answer is a list of members. It never holds a value, because an environment may
//! hold secrets.
//!
//! Differences that every pair has are left out: the names of definitions, the prefix of log streams, the variables that tell
//! a flow its run (`PREFECT__…`), and tokens. DescribeTasks tells nothing of security groups, public addresses and tags.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{
    Definition, Prepared,
    same::{OF_ANSWERS, is_default, is_nothing},
};

/// Members of a task's overrides that are about its definition, by name.
const OVERRIDDEN: [&str; 5] = ["cpu", "memory", "taskRoleArn", "executionRoleArn", "ephemeralStorage"];

/// Leaves by their place.
type Flat = BTreeMap<String, Value>;

/// Where a task (an element of DescribeTasks' `tasks`) and its definition (DescribeTaskDefinition's `taskDefinition`) are not
/// what `prepared` would be, sorted.
pub(crate) fn differences(prepared: &Prepared, task: &Value, described: &Value) -> Vec<String> {
    let mut places = run_differences(&prepared.run_task, task);
    let none = Value::Null;
    let overrides = |of: &Value| of.get("overrides").cloned().unwrap_or_default();
    match &prepared.definition {
        Definition::Existing(name) => {
            if !names(name, described) {
                places.insert("taskDefinition".to_owned());
            }
            let (ours, theirs) = (overrides(&prepared.run_task), overrides(task));
            places.extend(differing(&effective(&none, &ours), &effective(&none, &theirs)));
        }
        Definition::Content { request, .. } => {
            let (ours, theirs) = (overrides(&prepared.run_task), overrides(task));
            places.extend(differing(&effective(request, &ours), &effective(described, &theirs)));
        }
    }
    places.into_iter().collect()
}

/// Whether an ARN, `family:revision` or a family is that of a description.
fn names(name: &str, described: &Value) -> bool {
    let arn = described["taskDefinitionArn"].as_str().unwrap_or_default();
    let of_arn = arn.rsplit('/').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    name == of_arn || of_arn.split(':').next() == Some(name)
}

/// What RunTask says beside the definition and its overrides.
fn run_differences(run_task: &Value, task: &Value) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    let mut check = |place: &str, same: bool| {
        if !same {
            places.insert(place.to_owned());
        }
    };
    let text = |of: &Value, member: &str| of.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let cluster = Some(text(run_task, "cluster")).filter(|it| !it.is_empty()).unwrap_or_else(|| "default".to_owned());
    check("cluster", last(&cluster) == last(&text(task, "clusterArn")));
    let providers: Vec<String> = run_task
        .get("capacityProviderStrategy")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|provider| text(provider, "capacityProvider"))
        .collect();
    let (wanted, found) = (text(run_task, "launchType"), text(task, "launchType"));
    if providers.is_empty() {
        check("launchType", wanted.is_empty() || wanted == found);
        check("capacityProviderStrategy", wanted.is_empty() || text(task, "capacityProviderName").is_empty());
    } else {
        check("capacityProviderStrategy", providers.contains(&text(task, "capacityProviderName")));
    }
    let version = text(run_task, "platformVersion");
    check("platformVersion", matches!(version.as_str(), "" | "LATEST") || version == text(task, "platformVersion"));
    let flag = |of: &Value| of.get("enableExecuteCommand").and_then(Value::as_bool).unwrap_or_default();
    check("enableExecuteCommand", flag(run_task) == flag(task));
    let group = text(run_task, "group");
    check("group", group.is_empty() || group == text(task, "group"));
    let subnets = run_task.pointer("/networkConfiguration/awsvpcConfiguration/subnets").and_then(Value::as_array);
    if let (Some(subnets), Some(subnet)) = (subnets, subnet_of(task)) {
        check("networkConfiguration.subnets", subnets.iter().any(|it| it == subnet));
    }
    places
}

/// The subnet that ECS put a task into; none before it did.
fn subnet_of(task: &Value) -> Option<&str> {
    let details = task["attachments"].as_array()?.iter().filter_map(|it| it["details"].as_array()).flatten();
    details.filter(|detail| detail["name"] == "subnetId").find_map(|detail| detail["value"].as_str())
}

/// A definition as its overrides leave it, by place; containers and variables are named.
fn effective(definition: &Value, overrides: &Value) -> Flat {
    let mut definition: Map<String, Value> = definition.as_object().cloned().unwrap_or_default();
    definition.retain(|member, _| !OF_ANSWERS.contains(&member.as_str()) && member != "family");
    for member in OVERRIDDEN {
        if let Some(value) = overrides.get(member).filter(|value| !is_nothing(value)) {
            definition.insert(member.to_owned(), value.clone());
        }
    }
    let mut flat = Flat::new();
    let containers = definition.remove("containerDefinitions");
    leaves("", &Value::Object(definition), &mut flat);
    for of in [containers.as_ref(), overrides.get("containerOverrides")].into_iter().flatten() {
        for container in of.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            let place = format!("container {name}");
            for (member, value) in container.iter().filter(|(member, _)| *member != "name") {
                if is_nothing(value) {
                    continue;
                }
                let place = format!("{place}.{member}");
                // An override takes the place of the whole member, but for the environment, which it adds to.
                if member != "environment" {
                    flat.retain(|known, _| *known != place && !known.starts_with(&format!("{place}.")));
                }
                leaves(&place, value, &mut flat);
            }
        }
    }
    flat
}

/// The leaves of a value. Items of a list are told apart by their names, or else by their order.
fn leaves(place: &str, value: &Value, flat: &mut Flat) {
    let inner = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| leaves(&inner(name), value, flat)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                match item.get("value") {
                    Some(value) => drop(flat.insert(inner(&name), value.clone())),
                    None => leaves(&inner(&name), item, flat),
                }
            }
        }
        Value::Array(items) if place.ends_with("requiresCompatibilities") => {
            let mut items = items.clone();
            items.sort_by_key(ToString::to_string);
            flat.insert(place.to_owned(), items.into());
        }
        value => drop(flat.insert(place.to_owned(), value.clone())),
    }
}

fn differing(ours: &Flat, theirs: &Flat) -> BTreeSet<String> {
    let places: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differs = |place: &&&String| {
        let last = place.rsplit('.').next().unwrap_or_default();
        let of = |flat: &Flat| flat.get(**place).filter(|value| !means_nothing(place, last, value)).map(plain);
        !is_of_every_pair(place) && of(ours) != of(theirs)
    };
    places.into_iter().filter(|place| differs(&place)).cloned().collect()
}

/// An empty variable is one; an empty member is none.
fn means_nothing(place: &str, last: &str, value: &Value) -> bool {
    !place.contains(".environment.") && (is_nothing(value) || is_default(last, value, &Map::new()))
}

/// Sizes come back as text.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        other => other.clone(),
    }
}

fn is_of_every_pair(place: &str) -> bool {
    place.ends_with(".awslogs-stream-prefix") || place.contains(".environment.PREFECT__")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prepared(definition: Definition) -> Prepared {
        Prepared {
            definition,
            run_task: json!({"cluster": "etl", "launchType": "FARGATE", "taskDefinition": "ours", "clientToken": "t",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"]}},
                "overrides": {"containerOverrides": [{"name": "prefect", "environment": [
                    {"name": "PREFECT__FLOW_RUN_ID", "value": "r"}, {"name": "B", "value": "2"}]}]}}),
            container_name: "prefect".into(),
            notices: Vec::new(),
        }
    }

    fn ours() -> Definition {
        let request = json!({"family": "ours", "cpu": "512", "memory": "1024", "executionRoleArn": "arn:role",
            "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": "prefect", "image": "etl:1", "command": ["prefect", "flow-run", "execute"],
                "environment": [{"name": "A", "value": "1"}],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "ours", "awslogs-group": "g"}}}]});
        Definition::Content { family: "ours".into(), request }
    }

    /// What a worker starts for the same: static values in the overrides, roles too.
    fn of_worker() -> (Value, Value) {
        let task = json!({"taskArn": "arn:t", "clusterArn": "arn:aws:ecs:eu:1:cluster/etl", "launchType": "FARGATE",
            "platformVersion": "1.4.0", "enableExecuteCommand": false, "group": "family:theirs",
            "attachments": [{"details": [{"name": "subnetId", "value": "subnet-2"}]}],
            "overrides": {"cpu": "512", "memory": "1024", "executionRoleArn": "arn:role", "inferenceAcceleratorOverrides": [],
                "containerOverrides": [{"name": "prefect", "cpu": 0, "command": ["prefect", "flow-run", "execute"],
                    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"},
                        {"name": "PREFECT__FLOW_RUN_ID", "value": "r"}]}]}});
        let described = json!({"taskDefinitionArn": "arn:aws:ecs:eu:1:task-definition/theirs:4", "revision": 4, "family": "theirs",
            "status": "ACTIVE", "cpu": "512", "memory": "1024", "networkMode": "awsvpc", "volumes": [],
            "requiresCompatibilities": ["FARGATE"], "compatibilities": ["EC2", "FARGATE"],
            "containerDefinitions": [{"name": "prefect", "image": "etl:1", "cpu": 0, "essential": true, "portMappings": [],
                "environment": [], "mountPoints": [],
                "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "theirs", "awslogs-group": "g"}}}]});
        (task, described)
    }

    #[test]
    fn the_same_container_is_the_same_however_it_is_written() {
        let (task, described) = of_worker();
        assert_eq!(differences(&prepared(ours()), &task, &described), Vec::<String>::new());
    }

    #[test]
    fn what_differs_is_named_without_its_value() {
        let (mut task, mut described) = of_worker();
        task["clusterArn"] = json!("arn:aws:ecs:eu:1:cluster/other");
        task["overrides"]["memory"] = json!("2048");
        task["overrides"]["containerOverrides"][0]["environment"][1]["value"] = json!("canary");
        task["overrides"]["containerOverrides"][0]["command"] = json!(["canary"]);
        task["attachments"][0]["details"][0]["value"] = json!("subnet-9");
        described["containerDefinitions"][0]["image"] = json!("canary:2");
        described["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"] = json!("other");
        let found = differences(&prepared(ours()), &task, &described);
        assert_eq!(
            found,
            [
                "cluster",
                "container prefect.command",
                "container prefect.environment.B",
                "container prefect.image",
                "container prefect.logConfiguration.options.awslogs-group",
                "memory",
                "networkConfiguration.subnets",
            ]
        );
    }

    #[test]
    fn how_a_task_is_placed_is_compared() {
        let (mut task, described) = of_worker();
        task["capacityProviderName"] = json!("FARGATE_SPOT");
        task["launchType"] = json!("");
        assert_eq!(
            differences(&prepared(ours()), &task, &described),
            ["capacityProviderStrategy", "launchType"],
            "a strategy where pushpool names a launch type"
        );
        let mut spot = prepared(ours());
        spot.run_task["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
        spot.run_task.as_object_mut().unwrap().shift_remove("launchType");
        assert_eq!(differences(&spot, &task, &described), Vec::<String>::new());
    }

    #[test]
    fn an_existing_definition_is_compared_by_its_name() {
        let (mut task, described) = of_worker();
        let overrides = &mut task["overrides"];
        overrides["containerOverrides"][0]["environment"].as_array_mut().unwrap().remove(0);
        for member in ["cpu", "memory", "executionRoleArn"] {
            overrides.as_object_mut().unwrap().shift_remove(member);
        }
        overrides["containerOverrides"][0].as_object_mut().unwrap().shift_remove("command");
        for name in ["theirs", "theirs:4", "arn:aws:ecs:eu:1:task-definition/theirs:4"] {
            let prepared = prepared(Definition::Existing(name.to_owned()));
            assert_eq!(differences(&prepared, &task, &described), Vec::<String>::new(), "{name}");
        }
        let other = prepared(Definition::Existing("theirs:5".to_owned()));
        assert_eq!(differences(&other, &task, &described), ["taskDefinition"]);
    }
}
