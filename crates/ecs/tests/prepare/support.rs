//! Job configurations to start from, and views of what comes out.

use std::collections::{BTreeMap, BTreeSet};

use ecs::{Attempt, Definition, Named, PrepareError, Prepared, Run, Settings, prepare};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::JobConfiguration;

pub(crate) fn id(digit: u128) -> Uuid {
    Uuid::from_u128(digit * 0x1111_1111_1111_1111_1111_1111_1111_1111)
}

/// The run of the recorded requests.
pub(crate) fn run() -> Run {
    let named = |digit, name: &str| Named { id: Some(id(digit)), name: name.to_owned() };
    Run {
        attempt: Attempt { flow_run_id: id(3).into(), state_id: id(6).into() },
        name: Some("fuzzy-cat".to_owned()),
        work_pool: named(4, "push pool 1"),
        flow: Some(named(2, "my flow")),
        deployment: Some(named(1, "dep one")),
        environment: BTreeMap::new(),
    }
}

pub(crate) fn settings() -> Settings {
    Settings {
        region: "us-east-1".to_owned(),
        prefect_api_url: Some("http://127.0.0.1:4399/api".to_owned()),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        assign_public_ip: true,
        ..Settings::default()
    }
}

/// A configuration whose `env` no flow run has touched.
pub(crate) fn configuration(values: Value) -> JobConfiguration {
    let Value::Object(values) = values else { panic!("an object") };
    let shared_env = values.get("env").and_then(Value::as_object).cloned().unwrap_or_default();
    JobConfiguration { values, shared_env, private_env: BTreeSet::new() }
}

/// The built-in template as it renders when nothing is set.
pub(crate) fn defaults() -> Value {
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
pub(crate) fn typical() -> Value {
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
pub(crate) fn prepared(values: Value) -> Prepared {
    prepare(&configuration(values), &run(), &settings()).expect("it can be prepared")
}

#[track_caller]
pub(crate) fn refused(values: Value) -> PrepareError {
    prepare(&configuration(values), &run(), &settings()).expect_err("it is refused")
}

pub(crate) fn both(prepared: &Prepared) -> Value {
    let definition = match &prepared.definition {
        Definition::Existing(_) => Value::Null,
        Definition::Content { request, .. } => request.clone(),
    };
    json!({"registerTaskDefinition": definition, "runTask": prepared.run_task})
}

/// What a template may hold beyond the built-in one: sidecars, volumes, placement, tags, and more.
pub(crate) fn custom() -> Value {
    json!({
        "env": {"POOL": "1", "A": "1"},
        "labels": {"team": "data"},
        "prefect_api_auth_string_secret_arn": "arn:aws:ssm:us-east-1:123456789012:parameter/prefect/auth",
        "task_definition": {
            "family": "flows",
            "cpu": "1 vCPU",
            "memory": "2 GB",
            "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
            "ephemeralStorage": {"sizeInGiB": 50},
            "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
            "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/"}}],
            "containerDefinitions": [
                {
                    "name": "prefect",
                    "image": "i",
                    "environment": [{"name": "X", "value": "1"}, {"name": "POOL", "value": "0"}],
                    "secrets": [{"name": "S", "valueFrom": "arn:s"}],
                    "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": false}],
                    "readonlyRootFilesystem": false
                },
                {
                    "name": "side", "image": "dd", "essential": false,
                    "portMappings": [{"containerPort": 8125, "protocol": "udp", "hostPort": 0}],
                    "dependsOn": [{"containerName": "prefect", "condition": "START"}]
                }
            ]
        },
        "task_run_request": {
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "overrides": {
                "containerOverrides": [
                    {"environment": {"POOL": "1", "A": "1"}},
                    {"name": "side", "command": "serve --name 'a b'", "environment": {"Q": "1", "GONE": null}}
                ],
                "ephemeralStorage": {"sizeInGiB": 100}
            },
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"], "assignPublicIp": false}},
            "enableExecuteCommand": true,
            "propagateTags": "TASK_DEFINITION",
            "group": "flows",
            "tags": [{"key": "cost centre", "value": "a/b"}, {"key": "team", "value": "template"}]
        }
    })
}

pub(crate) fn with(mut values: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = values.pointer_mut(parent).expect("the parent exists");
    match parent {
        Value::Array(items) => items[name.parse::<usize>().expect("an index")] = value,
        parent => parent[name] = value,
    }
    values
}

pub(crate) fn definition(prepared: &Prepared) -> &Value {
    match &prepared.definition {
        Definition::Content { request, .. } => request,
        Definition::Existing(arn) => panic!("the existing {arn}"),
    }
}

pub(crate) fn container(prepared: &Prepared) -> &Value {
    let containers = definition(prepared)["containerDefinitions"].as_array().expect("containers");
    containers.iter().find(|it| it["name"] == *prepared.container_name).expect("the orchestration container")
}

pub(crate) fn container_override(prepared: &Prepared) -> &Value {
    let containers = prepared.run_task["overrides"]["containerOverrides"].as_array().expect("overrides");
    containers.iter().find(|it| it["name"] == *prepared.container_name).expect("the orchestration container")
}

/// The environment a container of a request names, by name; of two entries with one name, the later one.
pub(crate) fn entries(container: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = container["environment"].as_array();
    list.into_iter().flatten().map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect()
}

/// What the orchestration container sees.
pub(crate) fn environment(prepared: &Prepared) -> BTreeMap<String, String> {
    let mut seen = match &prepared.definition {
        Definition::Content { .. } => entries(container(prepared)),
        Definition::Existing(_) => BTreeMap::new(),
    };
    seen.extend(entries(container_override(prepared)));
    seen
}

/// A configuration in which the flow run has changed `env`.
pub(crate) fn with_run_env(mut values: Value, shared: Value, env: Value) -> JobConfiguration {
    values["env"] = env.clone();
    values["task_run_request"]["overrides"]["containerOverrides"][0]["environment"] = env;
    let Value::Object(values) = values else { panic!("an object") };
    let Value::Object(shared_env) = shared else { panic!("an object") };
    JobConfiguration { values, shared_env, private_env: BTreeSet::new() }
}

/// Code and detail of a refusal.
#[track_caller]
pub(crate) fn code(values: Value) -> (&'static str, String) {
    let diagnosis = refused(values).diagnosis();
    (diagnosis.code.id(), diagnosis.detail)
}
