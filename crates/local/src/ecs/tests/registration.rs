//! RegisterTaskDefinition and what is done with definitions.

use serde_json::{Value, json};

use super::{Desk, definition, ec2_definition, run, with};
use crate::ecs::Config;

const CLIENT: &str = "ClientException";

fn desk() -> Desk {
    Desk::new(Config::default())
}

/// A definition whose only container has these members as well.
fn container(more: Value) -> Value {
    let mut request = definition("f", &["true"]);
    request["containerDefinitions"][0] = with(request["containerDefinitions"][0].clone(), more);
    request
}

/// Each case is refused with ClientException and a message that contains the text.
fn refused(cases: impl IntoIterator<Item = (Value, &'static str)>) {
    for (request, text) in cases {
        let (code, message) = desk().refusal("RegisterTaskDefinition", request.clone());
        assert_eq!(code, CLIENT, "{message}");
        assert!(message.contains(text), "{message}\n{request}");
    }
}

fn accepted(cases: impl IntoIterator<Item = Value>) {
    for request in cases {
        desk().call("RegisterTaskDefinition", request.clone()).unwrap_or_else(|error| panic!("{error}\n{request}"));
    }
}

#[test]
fn revisions_count_up_per_family_and_never_come_back() {
    let mut desk = desk();
    let mut register = |family: &str| {
        let answer = desk.call("RegisterTaskDefinition", definition(family, &["true"])).unwrap();
        answer["taskDefinition"]["taskDefinitionArn"].as_str().unwrap().to_owned()
    };
    assert_eq!(register("a"), "arn:aws:ecs:us-east-1:123456789012:task-definition/a:1");
    assert_eq!(register("a"), "arn:aws:ecs:us-east-1:123456789012:task-definition/a:2");
    let second = register("b");
    assert_eq!(second, "arn:aws:ecs:us-east-1:123456789012:task-definition/b:1");
    desk.call("DeregisterTaskDefinition", json!({"taskDefinition": "b:1"})).unwrap();
    let answer = desk.call("RegisterTaskDefinition", definition("b", &["true"])).unwrap();
    assert_eq!(answer["taskDefinition"]["revision"], 2);
}

#[test]
fn the_answer_has_aws_defaults_and_units() {
    let request = with(
        definition("f", &["true"]),
        json!({"cpu": "1 vCPU", "memory": "2GB", "unknown": 1,
        "tags": [{"key": "a", "value": "b"}]}),
    );
    let answer = desk().call("RegisterTaskDefinition", request).unwrap();
    assert_eq!(answer["tags"], json!([{"key": "a", "value": "b"}]));
    let definition = &answer["taskDefinition"];
    assert_eq!((&definition["cpu"], &definition["memory"]), (&json!("1024"), &json!("2048")));
    assert_eq!(definition["status"], "ACTIVE");
    assert_eq!(definition["compatibilities"], json!(["EC2", "FARGATE"]));
    assert_eq!(definition["registeredAt"], 1_700_000_000.0);
    assert!(definition.get("unknown").is_none() && definition.get("tags").is_none());
    let container = &definition["containerDefinitions"][0];
    assert_eq!(
        (&container["essential"], &container["cpu"], &container["environment"]),
        (&json!(true), &json!(0), &json!([]))
    );

    let answer = desk().call("RegisterTaskDefinition", ec2_definition("g")).unwrap();
    assert_eq!(answer["taskDefinition"]["networkMode"], "bridge");
    assert_eq!(answer["taskDefinition"]["compatibilities"], json!(["EC2"]));
}

#[test]
fn families_and_containers_have_legal_names() {
    accepted([
        with(definition("f", &[]), json!({"family": "A-z_09".repeat(42)})),
        container(json!({"name": "x".repeat(255)})),
    ]);
    refused([
        (with(definition("f", &[]), json!({"family": "a b"})), "Family contains invalid characters"),
        (with(definition("f", &[]), json!({"family": "prefect_größe"})), "Family contains invalid characters"),
        (with(definition("f", &[]), json!({"family": "x".repeat(256)})), "Family"),
        (with(definition("f", &[]), json!({"family": ""})), "Family"),
        (with(definition("f", &[]), json!({"family": null})), "family"),
        (container(json!({"name": "a.b"})), "Container.name contains invalid characters"),
        (container(json!({"name": null})), "Container.name"),
        (container(json!({"image": null})), "Container.image should not be null or empty"),
        (container(json!({"image": "a image"})), "Container.image"),
    ]);
}

#[test]
fn containers_are_there_unique_and_one_is_essential() {
    let flow = json!({"name": "flow", "image": "flows:1"});
    let containers = |list: Value| with(definition("f", &[]), json!({"containerDefinitions": list}));
    let side = json!({"name": "side", "image": "side", "essential": false});
    accepted([containers(json!([flow, side]))]);
    refused([
        (containers(json!([])), "Container list cannot be empty"),
        (containers(json!([flow, flow])), "Duplicate container"),
        (containers(json!([side])), "at least one essential container"),
        (container(json!({"dependsOn": [{"containerName": "other", "condition": "START"}]})), "unknown container"),
        (container(json!({"mountPoints": [{"sourceVolume": "other"}]})), "Unknown volume"),
    ]);
}

#[test]
fn fargate_needs_awsvpc_and_one_of_its_sizes() {
    let size = |cpu: Value, memory: Value| with(definition("f", &[]), json!({"cpu": cpu, "memory": memory}));
    let mode = |mode: Value| with(definition("f", &[]), json!({"networkMode": mode}));
    accepted([size(json!("4096"), json!("30720")), size(json!(".5 vCPU"), json!("1 GB"))]);
    refused([
        (size(json!("256"), json!("8192")), "No Fargate configuration exists for given values: 256 CPU, 8192 memory"),
        (size(json!(null), json!("512")), "'cpu' be defined at the task level"),
        (size(json!("256"), json!(null)), "'memory' be defined at the task level"),
        (size(json!("lots"), json!("512")), "Invalid 'cpu'"),
        (size(json!("64"), json!("512")), "Invalid 'cpu'"),
        (size(json!("256"), json!("0")), "Invalid 'memory'"),
        (mode(json!("bridge")), "Fargate only supports network mode"),
        (mode(json!(null)), "Fargate only supports network mode"),
    ]);
}

#[test]
fn fargate_refuses_what_it_has_not() {
    let volume = |volume: Value| with(definition("f", &[]), json!({"volumes": [volume]}));
    accepted([volume(json!({"name": "v"})), container(json!({"stopTimeout": 120}))]);
    refused([
        (container(json!({"privileged": true})), "privileged"),
        (container(json!({"links": ["a"]})), "Links"),
        (container(json!({"stopTimeout": 1})), "stopTimeout"),
        (container(json!({"stopTimeout": 121})), "stopTimeout"),
        (container(json!({"logConfiguration": {"logDriver": "syslog"}})), "log driver syslog"),
        (with(definition("f", &[]), json!({"pidMode": "host"})), "pidMode"),
        (with(definition("f", &[]), json!({"placementConstraints": [{"type": "memberOf"}]})), "placement constraints"),
        (volume(json!({"name": "v", "host": {"sourcePath": "/"}})), "sourcePath"),
        (volume(json!({"name": "v", "dockerVolumeConfiguration": {}})), "dockerVolumeConfiguration"),
    ]);
}

#[test]
fn the_execution_role_is_needed_for_logs_secrets_and_ecr() {
    let role = |request: Value| with(request, json!({"executionRoleArn": "arn:aws:iam::123456789012:role/r"}));
    let options = json!({"awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"});
    let logs = container(json!({"logConfiguration": {"logDriver": "awslogs", "options": options}}));
    let secrets = container(json!({"secrets": [{"name": "A", "valueFrom": "arn"}]}));
    let ecr = container(json!({"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/flows:1"}));
    accepted([role(logs.clone()), role(secrets.clone()), role(ecr.clone())]);
    let mut no_region = role(logs.clone());
    no_region["containerDefinitions"][0]["logConfiguration"]["options"]
        .as_object_mut()
        .unwrap()
        .remove("awslogs-region");
    let on_ec2 = with(secrets.clone(), json!({"requiresCompatibilities": ["EC2"], "networkMode": null}));
    refused([
        (logs, "execution role ARN to support log driver awslogs"),
        (secrets, "executionRoleArn"),
        (on_ec2, "executionRoleArn"),
        (ecr, "execution role ARN to support ECR images"),
        (no_region, "awslogs-region"),
    ]);
}

#[test]
fn environment_names() {
    let named = |environment: Value, secrets: Value| {
        let role = json!({"executionRoleArn": "arn:aws:iam::123456789012:role/r"});
        with(container(json!({"environment": environment, "secrets": secrets})), role)
    };
    let secret = json!({"name": "A", "valueFrom": "arn"});
    accepted([named(json!([{"name": "A", "value": ""}]), json!([]))]);
    refused([
        (named(json!([{"name": "", "value": "x"}]), json!([])), "environment variable name"),
        (named(json!([{"value": "x"}]), json!([])), "environment variable name"),
        (named(json!([{"name": "A", "value": "x"}]), json!([secret])), "secret name must be unique"),
        (named(json!([]), json!([secret, secret])), "secret name must be unique"),
        (named(json!([]), json!([{"name": "A"}])), "valueFrom"),
    ]);
}

#[test]
fn memory_of_containers() {
    let limits =
        |memory: Value, reservation: Value| container(json!({"memory": memory, "memoryReservation": reservation}));
    accepted([limits(json!(512), json!(256)), limits(json!(null), json!(512))]);
    refused([
        (limits(json!(1024), json!(null)), "greater than for the task"),
        (limits(json!(128), json!(256)), "memoryReservation"),
        (container(json!({"cpu": 512})), "'cpu'"),
        (
            with(ec2_definition("f"), json!({"containerDefinitions": [{"name": "flow", "image": "i"}]})),
            "At least one of 'memory' or 'memoryReservation' must be specified",
        ),
    ]);
}

#[test]
fn ephemeral_storage_is_21_to_200_gib() {
    let storage = |size: i64| with(definition("f", &[]), json!({"ephemeralStorage": {"sizeInGiB": size}}));
    accepted([storage(21), storage(200)]);
    refused([(storage(20), "between 21 and 200"), (storage(201), "between 21 and 200")]);
}

#[test]
fn a_definition_has_at_most_64_kib() {
    let sized = |value: usize| {
        let request = container(json!({"environment": [{"name": "A", "value": "x".repeat(value)}]}));
        let bytes = request.to_string().len();
        (request, bytes)
    };
    let (_, overhead) = sized(0);
    accepted([sized(65_536 - overhead).0]);
    refused([(sized(65_537 - overhead).0, "Actual length: '65537'. Max allowed length is '65536' bytes.")]);
}

#[test]
fn types_tags_and_enumerations() {
    let (code, message) = desk().refusal("RegisterTaskDefinition", container(json!({"memory": "512"})));
    assert_eq!(code, "SerializationException");
    assert!(message.contains("containerDefinitions[0].memory"), "{message}");
    let (code, _) = desk().refusal("RegisterTaskDefinition", with(definition("f", &[]), json!({"cpu": 256})));
    assert_eq!(code, "SerializationException");
    let (code, message) =
        desk().refusal("RegisterTaskDefinition", with(definition("f", &[]), json!({"networkMode": "vpc"})));
    assert_eq!(code, CLIENT);
    assert!(message.contains("networkMode"), "{message}");
    let tags = json!({"tags": [{"key": "aws:x", "value": ""}]});
    let (code, _) = desk().refusal("RegisterTaskDefinition", with(definition("f", &[]), tags));
    assert_eq!(code, "InvalidParameterException");
}

#[test]
fn describe_by_family_by_revision_and_by_arn() {
    let mut desk = desk();
    for revision in ["one", "two", "three"] {
        let tags = json!({"tags": [{"key": "n", "value": revision}]});
        desk.call("RegisterTaskDefinition", with(definition("f", &[revision]), tags)).unwrap();
    }
    let revision = |desk: &mut Desk, reference: &str| {
        let answer = desk.call("DescribeTaskDefinition", json!({"taskDefinition": reference})).unwrap();
        assert!(answer.get("tags").is_none());
        answer["taskDefinition"]["revision"].as_u64().unwrap()
    };
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/f:2";
    assert_eq!([revision(&mut desk, "f"), revision(&mut desk, "f:1"), revision(&mut desk, arn)], [3, 1, 2]);
    let answer = desk.call("DescribeTaskDefinition", json!({"taskDefinition": "f:1", "include": ["TAGS"]})).unwrap();
    assert_eq!(answer["tags"], json!([{"key": "n", "value": "one"}]));
    desk.call("DeregisterTaskDefinition", json!({"taskDefinition": "f:3"})).unwrap();
    assert_eq!(revision(&mut desk, "f"), 2);
    let inactive = desk.call("DescribeTaskDefinition", json!({"taskDefinition": "f:3"})).unwrap();
    assert_eq!(inactive["taskDefinition"]["status"], "INACTIVE");
    assert!(inactive["taskDefinition"]["deregisteredAt"].is_number());
    for unknown in ["g", "f:4", "f:x", ""] {
        let (code, message) = desk.refusal("DescribeTaskDefinition", json!({"taskDefinition": unknown}));
        assert_eq!((code.as_str(), message.as_str()), (CLIENT, "Unable to describe task definition."), "{unknown}");
    }
}

#[test]
fn an_inactive_or_unknown_definition_can_not_be_run() {
    let mut desk = desk();
    desk.call("RegisterTaskDefinition", definition("f", &["true"])).unwrap();
    assert_eq!(desk.run(run("f:1")).len(), 1);
    desk.call("DeregisterTaskDefinition", json!({"taskDefinition": "f:1"})).unwrap();
    assert_eq!(desk.refusal("RunTask", run("f:1")).1, "TaskDefinition is inactive");
    assert_eq!(desk.refusal("RunTask", run("f")).1, "TaskDefinition not found.");
    assert_eq!(desk.refusal("RunTask", run("g")).1, "TaskDefinition not found.");
    assert_eq!(desk.refusal("DeregisterTaskDefinition", json!({"taskDefinition": "f"})).1, "Revision is missing.");
    assert_eq!(desk.refusal("DeregisterTaskDefinition", json!({"taskDefinition": "f:9"})).0, CLIENT);
}
