//! Tests of the engine by rule, and of the shell with real processes.

mod processes;

use serde_json::{Value, json};

/// A definition Fargate takes, of one container `flow` that runs `command`.
fn definition(family: &str, command: &[&str]) -> Value {
    json!({
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "flow", "image": "flows:1", "command": command}],
    })
}

/// A RunTask request for it.
fn run(family: &str) -> Value {
    json!({
        "taskDefinition": family,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    })
}

/// `base` with the members of `more` in place of its own.
fn with(mut base: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}
