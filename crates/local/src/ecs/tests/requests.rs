//! What RunTask refuses, and how it describes what it starts.

use serde_json::{Value, json};

use super::{Desk, definition, ec2_definition, run, with};
use crate::ecs::{Config, ContainerInstance};

const INVALID: &str = "InvalidParameterException";

fn desk() -> Desk {
    Desk::ready(Config::default())
}

#[track_caller]
fn refused(desk: &mut Desk, more: Value, code: &str, text: &str) {
    let (seen, message) = desk.refusal("RunTask", with(run("f"), more));
    assert_eq!(seen, code, "{message}");
    assert!(message.contains(text), "{message}");
}

#[track_caller]
fn accepted(desk: &mut Desk, more: Value) {
    assert_eq!(desk.run(with(run("f"), more)).len(), 1);
}

/// Overrides whose JSON has this many characters.
fn overrides(characters: usize, filler: &str) -> Value {
    let sized = |value: String| json!({"containerOverrides": [{"name": "flow", "environment": [{"name": "A", "value": value}]}]});
    let overhead = sized(String::new()).to_string().chars().count();
    sized(filler.repeat(characters - overhead))
}

#[test]
fn overrides_have_at_most_8192_characters_of_json() {
    let mut desk = desk();
    for (characters, filler) in [(8191, "x"), (8192, "x"), (8192, "ä")] {
        accepted(&mut desk, json!({"overrides": overrides(characters, filler)}));
    }
    let text = "Container Overrides length must be at most 8192";
    refused(&mut desk, json!({"overrides": overrides(8193, "x")}), INVALID, text);
}

#[test]
fn count_started_by_token_and_group() {
    let mut desk = desk();
    assert_eq!(desk.run(with(run("f"), json!({"count": 10}))).len(), 10);
    for count in [0, 11, -1] {
        refused(&mut desk, json!({"count": count}), INVALID, "Count");
    }
    accepted(&mut desk, json!({"startedBy": "aZ0-/_".repeat(21)}));
    refused(&mut desk, json!({"startedBy": "x".repeat(129)}), INVALID, "StartedBy");
    refused(&mut desk, json!({"startedBy": "a:b"}), INVALID, "StartedBy");
    accepted(&mut desk, json!({"clientToken": "!~".repeat(32)}));
    for token in ["x".repeat(65), "a b".into(), "ä".into(), String::new()] {
        refused(&mut desk, json!({"clientToken": token}), INVALID, "ClientToken");
    }
    let task = desk.run(with(run("f"), json!({"group": "g"})))[0].clone();
    assert_eq!(desk.describe(&task)["group"], "g");
}

#[test]
fn tags_are_checked_shown_and_propagated() {
    let mut desk = Desk::new(Config::default());
    let tags = json!({"tags": [{"key": "a", "value": "definition"}, {"key": "b", "value": "definition"}]});
    desk.call("RegisterTaskDefinition", with(definition("f", &[]), tags)).unwrap();
    refused(&mut desk, json!({"tags": [{"key": "🚀", "value": ""}]}), INVALID, "invalid characters");
    refused(&mut desk, json!({"propagateTags": "SERVICE"}), INVALID, "propagateTags");
    let more = json!({"tags": [{"key": "b", "value": "run"}], "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": true});
    let task = desk.run(with(run("f"), more))[0].clone();
    let shown = desk.describe(&task)["tags"].clone();
    let expected = json!([{"key": "a", "value": "definition"}, {"key": "b", "value": "run"},
        {"key": "aws:ecs:clusterName", "value": "default"}]);
    assert_eq!(shown, expected);
    let without = desk.call("DescribeTasks", json!({"tasks": [task]})).unwrap();
    assert_eq!(without["tasks"][0]["tags"], json!([]));
}

#[test]
fn container_overrides_name_containers_of_the_definition() {
    let mut desk = desk();
    let containers = |list: Value| json!({"overrides": {"containerOverrides": list}});
    let text = "Override for container named other is not a container in the TaskDefinition.";
    refused(&mut desk, containers(json!([{"name": "other"}])), INVALID, text);
    refused(&mut desk, containers(json!([{"command": ["a"]}])), INVALID, "name");
    refused(&mut desk, containers(json!([{"name": "flow"}, {"name": "flow"}])), INVALID, "more than one");
    refused(
        &mut desk,
        containers(json!([{"name": "flow", "environment": [{"value": "x"}]}])),
        INVALID,
        "variable name",
    );
    refused(&mut desk, containers(json!([{"name": "flow", "command": "a b"}])), "SerializationException", "command");
    refused(&mut desk, containers(json!([{"name": "flow", "memory": "1"}])), "SerializationException", "memory");
}

#[test]
fn sizes_after_overrides_are_fargates() {
    let mut desk = desk();
    let size = |size: Value| json!({"overrides": size});
    let task = desk.run(with(run("f"), size(json!({"cpu": "1 vCPU", "memory": "2GB"}))))[0].clone();
    let shown = desk.describe(&task);
    assert_eq!((&shown["cpu"], &shown["memory"]), (&json!("1024"), &json!("2048")));
    accepted(&mut desk, size(json!({"memory": "2048"})));
    let text = "No Fargate configuration exists for given values: 256 CPU, 4096 memory";
    refused(&mut desk, size(json!({"memory": "4096"})), "ClientException", text);
    refused(&mut desk, size(json!({"cpu": "1024"})), "ClientException", "1024 CPU, 512 memory");
    refused(&mut desk, size(json!({"cpu": "many"})), "ClientException", "Invalid 'cpu'");
}

#[test]
fn network_configuration_goes_with_awsvpc() {
    let mut desk = desk();
    let vpc = |configuration: Value| json!({"networkConfiguration": {"awsvpcConfiguration": configuration}});
    let ids = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}-{n}")).collect::<Vec<_>>();
    let missing = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
    refused(&mut desk, json!({"networkConfiguration": null}), INVALID, missing);
    refused(&mut desk, json!({"networkConfiguration": {}}), INVALID, missing);
    refused(&mut desk, vpc(json!({})), INVALID, "subnets");
    refused(&mut desk, vpc(json!({"subnets": []})), INVALID, "subnets");
    refused(&mut desk, vpc(json!({"subnets": ids("subnet", 17)})), INVALID, "subnets can have at most 16");
    refused(&mut desk, vpc(json!({"subnets": ["10.0.0.0/24"]})), INVALID, "subnet");
    let five = json!({"subnets": ids("subnet", 16), "securityGroups": ids("sg", 5), "assignPublicIp": "ENABLED"});
    accepted(&mut desk, vpc(five));
    let six = json!({"subnets": ["subnet-1"], "securityGroups": ids("sg", 6)});
    refused(&mut desk, vpc(six), INVALID, "securityGroups can have at most 5");
    refused(&mut desk, vpc(json!({"subnets": ["subnet-1"], "assignPublicIp": "yes"})), INVALID, "assignPublicIp");
    refused(&mut desk, vpc(json!({"subnets": "subnet-1"})), "SerializationException", "subnets");
}

#[test]
fn a_public_address_is_for_fargate() {
    let instance = ContainerInstance { cpu: 4096, memory: 4096 };
    let mut desk = Desk::ready(Config { container_instances: vec![instance], ..Config::default() });
    let network = |public: &str| json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": public}});
    accepted(&mut desk, json!({"networkConfiguration": network("ENABLED")}));
    let on_ec2 = |public| json!({"launchType": "EC2", "networkConfiguration": network(public)});
    let text = "Assign public IP is not supported for this launch type.";
    refused(&mut desk, on_ec2("ENABLED"), INVALID, text);
    accepted(&mut desk, on_ec2("DISABLED"));
}

#[test]
fn launch_type_or_strategy() {
    let mut desk = desk();
    let strategy = |items: Value| json!({"launchType": null, "capacityProviderStrategy": items});
    let spot = json!({"capacityProvider": "FARGATE_SPOT", "weight": 1});
    let on_demand = json!({"capacityProvider": "FARGATE", "weight": 4});
    let both = json!({"capacityProviderStrategy": [spot]});
    refused(&mut desk, both, INVALID, "both a launch type and capacity provider strategy");
    let provider = |desk: &mut Desk, items: Value| {
        let task = desk.run(with(run("f"), strategy(items)))[0].clone();
        let shown = desk.describe(&task);
        assert_eq!(shown["launchType"], "FARGATE");
        shown["capacityProviderName"].clone()
    };
    assert_eq!(provider(&mut desk, json!([spot])), "FARGATE_SPOT");
    assert_eq!(provider(&mut desk, json!([spot, on_demand])), "FARGATE");
    let based = json!({"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 1});
    assert_eq!(provider(&mut desk, json!([based, on_demand])), "FARGATE_SPOT");
    refused(&mut desk, strategy(json!([{"capacityProvider": "mine"}])), INVALID, "'mine' was not found");
    refused(&mut desk, strategy(json!([{"weight": 1}])), INVALID, "capacityProvider");
    refused(&mut desk, strategy(json!([spot, spot])), INVALID, "only once");
    refused(&mut desk, strategy(json!([spot, {"capacityProvider": "mine"}])), INVALID, "mix");
    refused(&mut desk, strategy(json!([{"capacityProvider": "FARGATE", "weight": 1001}])), INVALID, "weight");
    let zero = json!([{"capacityProvider": "FARGATE"}, {"capacityProvider": "FARGATE_SPOT"}]);
    refused(&mut desk, strategy(zero), INVALID, "weight greater than 0");
    let many: Vec<Value> = (0..21).map(|n| json!({"capacityProvider": format!("p{n}")})).collect();
    refused(&mut desk, strategy(json!(many)), INVALID, "at most 20");
    let plain = desk.run(run("f"))[0].clone();
    assert!(desk.describe(&plain).get("capacityProviderName").is_none());
}

#[test]
fn a_definition_for_ec2_does_not_run_on_fargate() {
    let mut desk = desk();
    desk.call("RegisterTaskDefinition", ec2_definition("ec2")).unwrap();
    let request = with(run("ec2"), json!({"networkConfiguration": null}));
    let (code, message) = desk.refusal("RunTask", request);
    assert_eq!((code.as_str(), message.as_str()), (INVALID, "Task definition does not support launch_type FARGATE."));
}

#[test]
fn ec2_needs_instances_with_room() {
    let ec2 = json!({"taskDefinition": "ec2", "launchType": "EC2"});
    let mut empty = Desk::new(Config::default());
    empty.call("RegisterTaskDefinition", ec2_definition("ec2")).unwrap();
    for launch_type in [json!("EC2"), json!(null), json!("EXTERNAL")] {
        let (code, message) = empty.refusal("RunTask", with(ec2.clone(), json!({"launchType": launch_type})));
        assert_eq!((code.as_str(), message.as_str()), (INVALID, "No Container Instances were found in your cluster."));
    }

    let instance = ContainerInstance { cpu: 2048, memory: 2048 };
    let mut desk = Desk::new(Config { container_instances: vec![instance], ..Config::default() });
    desk.call("RegisterTaskDefinition", ec2_definition("ec2")).unwrap();
    // 512 CPU and 1024 MiB each: two fit, the third lacks memory.
    let answer = desk.call("RunTask", with(ec2.clone(), json!({"count": 3}))).unwrap();
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 2);
    assert!(answer["tasks"][0]["containerInstanceArn"].as_str().unwrap().contains("container-instance/default/"));
    assert_eq!(answer["failures"][0]["reason"], "RESOURCE:MEMORY");
    assert_eq!(answer["failures"][0]["arn"], answer["tasks"][0]["containerInstanceArn"]);
    let network = json!({"networkConfiguration": run("f")["networkConfiguration"]});
    let (_, message) = desk.refusal("RunTask", with(ec2.clone(), network));
    assert!(message.contains("not valid for the given networkMode"), "{message}");
    // A stopped task gives its room back.
    let first = answer["tasks"][0]["taskArn"].clone();
    desk.call("StopTask", json!({"task": first})).unwrap();
    desk.advance(1000);
    assert_eq!(desk.run(ec2).len(), 1);
}

#[test]
fn platform_versions_storage_and_execute_command() {
    let mut desk = desk();
    let task = desk.run(with(run("f"), json!({"platformVersion": "LATEST"})))[0].clone();
    let shown = desk.describe(&task);
    assert_eq!((&shown["platformVersion"], &shown["platformFamily"]), (&json!("1.4.0"), &json!("Linux")));
    assert_eq!(shown["ephemeralStorage"]["sizeInGiB"], 20);
    refused(&mut desk, json!({"platformVersion": "2.0"}), "PlatformUnknownException", "platform version");
    let storage = |size: i64| json!({"ephemeralStorage": {"sizeInGiB": size}});
    let task = desk.run(with(run("f"), json!({"overrides": storage(50)})))[0].clone();
    assert_eq!(desk.describe(&task)["ephemeralStorage"]["sizeInGiB"], 50);
    refused(&mut desk, json!({"overrides": storage(20)}), INVALID, "between 21 and 200");
    let old = json!({"overrides": storage(50), "platformVersion": "1.3.0"});
    refused(&mut desk, old, "PlatformTaskDefinitionIncompatibilityException", "capabilities");
    refused(&mut desk, json!({"enableExecuteCommand": true}), INVALID, "taskRoleArn");
    let role = json!({"enableExecuteCommand": true, "overrides": {"taskRoleArn": "arn:aws:iam::123456789012:role/r"}});
    let task = desk.run(with(run("f"), role))[0].clone();
    assert_eq!(desk.describe(&task)["enableExecuteCommand"], true);
}

#[test]
fn the_cluster_must_be_there() {
    let mut desk = desk();
    let (code, _) = desk.refusal("RunTask", with(run("f"), json!({"cluster": "other"})));
    assert_eq!(code, "ClusterNotFoundException");
    accepted(&mut desk, json!({"cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/default"}));
}

#[test]
fn the_answer_describes_the_task() {
    let mut desk = desk();
    let more = json!({"startedBy": "run/state", "overrides": {"containerOverrides": [
        {"name": "flow", "environment": [{"name": "A", "value": "1"}]}]}});
    let answer = desk.call("RunTask", with(run("f"), more)).unwrap();
    assert_eq!(answer["failures"], json!([]));
    let task = &answer["tasks"][0];
    let arn = task["taskArn"].as_str().unwrap();
    let id = arn.strip_prefix("arn:aws:ecs:us-east-1:123456789012:task/default/").unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!((&task["lastStatus"], &task["desiredStatus"]), (&json!("PROVISIONING"), &json!("RUNNING")));
    assert_eq!(task["group"], "family:f");
    assert_eq!(task["startedBy"], "run/state");
    assert_eq!(task["version"], 1);
    assert_eq!(task["createdAt"], 1_700_000_000.0);
    assert_eq!(task["overrides"]["containerOverrides"][0]["environment"][0]["value"], "1");
    let attachment = &task["attachments"][0];
    assert_eq!(attachment["type"], "ElasticNetworkInterface");
    assert_eq!(attachment["details"][0], json!({"name": "subnetId", "value": "subnet-1"}));
    let container = &task["containers"][0];
    assert_eq!((&container["name"], &container["lastStatus"]), (&json!("flow"), &json!("PENDING")));
    assert_eq!(container["networkInterfaces"][0]["attachmentId"], attachment["id"]);
    // Containers without overrides are listed as well.
    let plain = desk.call("RunTask", run("f")).unwrap();
    assert_eq!(plain["tasks"][0]["overrides"]["containerOverrides"], json!([{"name": "flow"}]));
}
