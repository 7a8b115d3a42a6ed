//! What `prepare` makes of job configurations.

use std::collections::BTreeMap;

use ecs::{Attempt, Definition, Named, PrepareError, Prepared, Run, Settings, prepare};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::JobConfiguration;

fn id(digit: u128) -> Uuid {
    Uuid::from_u128(digit * 0x1111_1111_1111_1111_1111_1111_1111_1111)
}

/// The run of the recorded requests.
fn run() -> Run {
    let named = |digit, name: &str| Named { id: Some(id(digit)), name: name.to_owned() };
    Run {
        attempt: Attempt { flow_run_id: id(3), state_id: id(6) },
        name: Some("fuzzy-cat".to_owned()),
        work_pool: named(4, "push pool 1"),
        flow: Some(named(2, "my flow")),
        deployment: Some(named(1, "dep one")),
        environment: BTreeMap::new(),
    }
}

fn settings() -> Settings {
    Settings {
        region: "us-east-1".to_owned(),
        prefect_api_url: Some("http://127.0.0.1:4399/api".to_owned()),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        assign_public_ip: true,
        ..Settings::default()
    }
}

/// A configuration whose `env` no flow run has touched.
fn configuration(values: Value) -> JobConfiguration {
    let Value::Object(values) = values else { panic!("an object") };
    let shared_env = values.get("env").and_then(Value::as_object).cloned().unwrap_or_default();
    JobConfiguration { values, shared_env }
}

/// The built-in template as it renders when nothing is set.
fn defaults() -> Value {
    json!({
        "env": {},
        "labels": {},
        "task_definition": {"containerDefinitions": [{}]},
        "task_run_request": {"launchType": "FARGATE", "overrides": {"containerOverrides": [{}]}},
        "stream_output": false,
        "auto_deregister_task_definition": false,
        "match_latest_revision_in_family": false
    })
}

/// The built-in template with the job variables of the recording `02_typical`.
fn typical() -> Value {
    json!({
        "env": {"A": "1", "EMPTY": null},
        "labels": {"team": "data eng"},
        "cluster": "prod",
        "vpc_id": "vpc-1",
        "execution_role_arn": "arn:aws:iam::1:role/exec",
        "configure_cloudwatch_logs": true,
        "cloudwatch_logs_options": {"awslogs-group": "/x"},
        "network_configuration": {
            "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"
        },
        "task_definition": {
            "containerDefinitions": [{"image": "repo/img:1"}],
            "cpu": 512,
            "memory": 1024,
            "executionRoleArn": "arn:aws:iam::1:role/exec"
        },
        "task_run_request": {
            "launchType": "FARGATE",
            "cluster": "prod",
            "overrides": {
                "containerOverrides": [
                    {"environment": {"A": "1", "EMPTY": null}, "cpu": 512, "memory": 1024}
                ],
                "cpu": 512,
                "memory": 1024,
                "taskRoleArn": "arn:aws:iam::1:role/task"
            },
            "tags": {"team": "data eng"}
        }
    })
}

#[track_caller]
fn prepared(values: Value) -> Prepared {
    prepare(&configuration(values), &run(), &settings()).expect("it can be prepared")
}

#[track_caller]
fn refused(values: Value) -> PrepareError {
    prepare(&configuration(values), &run(), &settings()).expect_err("it is refused")
}

fn both(prepared: &Prepared) -> Value {
    let definition = match &prepared.definition {
        Definition::Existing(_) => Value::Null,
        Definition::Content { request, .. } => request.clone(),
    };
    json!({"registerTaskDefinition": definition, "runTask": prepared.run_task})
}

#[test]
fn defaults_are_rendered() {
    insta::assert_json_snapshot!(both(&prepared(defaults())));
}

#[test]
fn a_typical_pool_is_rendered() {
    insta::assert_json_snapshot!(both(&prepared(typical())));
}
