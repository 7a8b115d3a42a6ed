//! What is refused, with which code, naming what.

use std::collections::BTreeSet;

use ecs::{Settings, prepare};
use serde_json::{Value, json};

use crate::support::{code, configuration, defaults, prepared, refused, run, settings, typical, with};

#[track_caller]
fn refuses(pointer: &str, value: Value, expected: &str, words: &[&str]) {
    let values = with(defaults(), pointer, value);
    let (code, detail) = code(values);
    assert_eq!(code, expected, "{detail}");
    for word in words {
        assert!(detail.contains(word), "{detail} lacks {word}");
    }
}

#[test]
fn types_of_the_job_configuration() {
    for (field, value, found) in [
        ("labels", json!({"a": 1}), "an integer"),
        ("command", json!(1), "an integer"),
        ("container_name", json!([]), "a list"),
        ("cluster", json!({}), "an object"),
        ("task_run_request", json!("x"), "a string"),
        ("configure_cloudwatch_logs", json!("perhaps"), "a string"),
        ("match_latest_revision_in_family", json!(2), "an integer"),
        ("cloudwatch_logs_options", json!({"a": true}), "a boolean"),
        ("aws_credentials", json!("block"), "a string"),
    ] {
        refuses(&format!("/{field}"), value, "PP0201", &[field, found]);
    }
    for on in [json!("YES"), json!(1), json!(1.0), json!("t")] {
        refuses("/configure_cloudwatch_logs", on, "PP0205", &["execution_role_arn"]);
    }
    for off in [json!("No"), json!(0), json!(null), json!("0")] {
        prepared(with(defaults(), "/configure_cloudwatch_logs", off));
    }
}

#[test]
fn null_is_as_if_it_had_never_been_set() {
    let bare = prepared(defaults());
    for field in [
        "env",
        "labels",
        "command",
        "container_name",
        "cluster",
        "configure_cloudwatch_logs",
        "cloudwatch_logs_options",
        "cloudwatch_logs_prefix",
        "network_configuration",
        "vpc_id",
        "prefect_api_key_secret_arn",
        "auto_deregister_task_definition",
        "match_latest_revision_in_family",
        "aws_credentials",
    ] {
        assert_eq!(prepared(with(defaults(), &format!("/{field}"), json!(null))), bare, "{field}");
    }
    refuses("/task_definition", json!(null), "PP0202", &["task_definition"]);
}

#[test]
fn definitions() {
    let mut values = defaults();
    values["task_definition"] = json!({});
    assert_eq!(code(values).0, "PP0202");
    refuses("/container_name", json!("other"), "PP0203", &["other"]);
    let idle = json!([{"name": "a", "essential": false}]);
    refuses("/task_definition/containerDefinitions", idle, "PP0204", &["essential"]);
    refuses("/cloudwatch_logs_options", json!({"a": "b"}), "PP0206", &["configure_cloudwatch_logs"]);
    let mut values = typical();
    values["task_definition"]["executionRoleArn"] = json!(null);
    assert_eq!(code(values).0, "PP0205", "the definition itself needs the role");
}

#[test]
fn commands() {
    refuses("/command", json!("a 'b"), "PP0207", &["containerOverrides[0].command"]);
    refuses("/command", json!(["a", 1]), "PP0208", &["containerOverrides[0].command[1]", "an integer"]);
    let side = json!([{}, {"name": "side", "command": "a \\"}]);
    refuses("/task_run_request/overrides/containerOverrides", side, "PP0207", &["containerOverrides[1].command"]);
}

#[test]
fn shapes() {
    for (pointer, value, words) in [
        ("/task_definition/containers", json!([1]), ["task_definition.containers", "containerDefinitions"]),
        ("/task_definition/containerDefinitions", json!("x"), ["containerDefinitions: found a string", "a list"]),
        ("/task_definition/containerDefinitions", json!(["x"]), ["containerDefinitions[0]", "an object"]),
        (
            "/task_definition/containerDefinitions",
            json!([{"portMappings": [{"hostPort": "80"}]}]),
            ["task_definition.containerDefinitions[0].portMappings[0].hostPort: found a string", "an integer"],
        ),
        (
            "/task_definition/containerDefinitions",
            json!([{"environment": [{"name": "A"}]}]),
            ["containerDefinitions[0].environment[0].value: found nothing", "required"],
        ),
        ("/task_definition/family", json!(5), ["task_definition.family", "a string"]),
        ("/task_definition/requiresCompatibilities", json!("FARGATE"), ["requiresCompatibilities", "a list"]),
        ("/task_run_request/launchType", json!("LAMBDA"), ["launchType: found \"LAMBDA\"", "FARGATE, EXTERNAL"]),
        ("/task_run_request/launchType", json!(["FARGATE"]), ["launchType: found a list", "a string"]),
        ("/task_run_request/capacityProviderStrategy", json!("SPOT"), ["capacityProviderStrategy", "a list"]),
        ("/task_run_request/capacityProviderStrategy", json!(""), ["capacityProviderStrategy", "a list"]),
        ("/task_run_request/overrides", json!([1]), ["task_run_request.overrides: found a list", "an object"]),
        ("/task_run_request/overrides/containerOverrides", json!([1]), ["containerOverrides[0]", "an object"]),
        (
            "/task_run_request/overrides/containerOverrides",
            json!([{"environment": [{"name": "A"}]}]),
            ["containerOverrides[0].environment[0].value: found nothing", "required"],
        ),
        (
            "/task_run_request/overrides/containerOverrides",
            json!([{"cpu": "512"}]),
            ["task_run_request.overrides.containerOverrides[0].cpu: found a string", "an integer"],
        ),
        ("/task_run_request/taskDefinition", json!(["x"]), ["taskDefinition: found a list", "a string"]),
        ("/task_run_request/unheardOf", json!(1), ["task_run_request.unheardOf", "a member ECS does not know"]),
        (
            "/task_definition/containerDefinitions",
            json!([{"environment": [{"name": "A", "value": true}]}]),
            ["containerDefinitions[0].environment[0].value: found a boolean", "a string"],
        ),
    ] {
        refuses(pointer, value, "PP0208", &words);
    }
}

#[test]
fn launch_types() {
    refuses("/task_definition/networkMode", json!("bridge"), "PP0215", &["bridge", "FARGATE"]);
    let mut values = with(defaults(), "/task_run_request/launchType", json!("MANAGED_INSTANCES"));
    values["task_definition"]["requiresCompatibilities"] = json!(["EC2"]);
    assert_eq!(code(values).0, "PP0214");
}

#[test]
fn sizes() {
    let sized = |cpu: Value, memory: Value| {
        with(with(defaults(), "/task_definition/cpu", cpu), "/task_definition/memory", memory)
    };
    let (code_of, detail) = code(sized(json!(256), json!(4096)));
    assert_eq!(code_of, "PP0216");
    assert!(detail.contains("cpu 256 with memory 2048; cpu 512 with memory 4096"), "{detail}");
    assert_eq!(code(sized(json!(true), json!(null))).0, "PP0216");
    prepared(sized(json!("16 vCPU"), json!("120 GB")));
    prepared(sized(json!(8192), json!(61440)));

    let overridden = |size: Value| with(defaults(), "/task_run_request/overrides", size);
    prepared(overridden(json!({"cpu": 2048, "memory": "4 GB"})));
    let (code_of, detail) = code(overridden(json!({"cpu": 4096})));
    assert_eq!(code_of, "PP0216");
    assert!(detail.starts_with("task_run_request.overrides: cpu 4096, memory 2048"), "{detail}");

    let ec2 = with(sized(json!(100), json!(100)), "/task_run_request/launchType", json!("EC2"));
    prepared(ec2);
    let ec2 = with(sized(json!("1 vCPU"), json!(100)), "/task_run_request/launchType", json!("EC2"));
    assert_eq!(code(ec2).0, "PP0222");
}

#[test]
fn ephemeral_storage() {
    for (size, fits) in [(20, false), (21, true), (200, true), (201, false)] {
        let storage = json!({"sizeInGiB": size});
        for pointer in ["/task_definition/ephemeralStorage", "/task_run_request/overrides/ephemeralStorage"] {
            let values = configuration(with(defaults(), pointer, storage.clone()));
            let result = prepare(&values, &run(), &settings());
            assert_eq!(result.as_ref().err().map(|error| error.diagnosis().code.id()), (!fits).then_some("PP0217"));
        }
    }
}

#[test]
fn credentials_of_the_pool() {
    refuses("/aws_credentials", json!({"region_name": "eu-west-1"}), "PP0220", &["eu-west-1", "us-east-1"]);
    let role = json!({"region_name": "us-east-1", "assume_role_arn": "arn:aws:iam::1:role/x"});
    refuses("/aws_credentials", role, "PP0220", &["assume_role_arn", "role/x"]);
    prepared(with(defaults(), "/aws_credentials", json!(null)));
}

#[test]
fn a_run_is_one_task() {
    refuses("/task_run_request/count", json!(2), "PP0221", &["2"]);
    assert_eq!(prepared(with(defaults(), "/task_run_request/count", json!(1))).run_task.get("count"), None);
}

#[test]
fn every_code_is_told_apart() {
    let codes: BTreeSet<&str> = diagnosis::codes().map(diagnosis::Code::id).collect();
    assert_eq!(codes.len(), diagnosis::codes().count(), "a code twice");
    assert!(diagnosis::codes().is_sorted());
    let error = refused(with(defaults(), "/container_name", json!("other")));
    let diagnosis = error.diagnosis();
    assert!(codes.contains(diagnosis.code.id()));
    assert_eq!(diagnosis.summary, "There is no container named \"other\" in the task definition");
    assert!(!diagnosis.resolution.is_empty());
}

#[test]
fn settings_can_be_empty() {
    let values = with(defaults(), "/network_configuration", json!({"subnets": ["s"]}));
    prepare(&configuration(values), &run(), &Settings::default()).unwrap();
}
