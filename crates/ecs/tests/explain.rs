//! Where the values of the two requests come from.

use std::collections::{BTreeMap, BTreeSet};

use ecs::{Attempt, Definition, Named, Prepared, Run, Settings, explain, prepare};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::{BaseJobTemplate, Layers, NoReferences, Object};

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("an object") };
    object
}

fn run() -> Run {
    let named = |digit, name: &str| Named { id: Some(Uuid::from_u128(digit)), name: name.to_owned() };
    Run {
        attempt: Attempt { flow_run_id: FlowRunId::from_u128(3), state_id: StateId::from_u128(6) },
        name: Some("fuzzy-cat".to_owned()),
        work_pool: named(4, "pool"),
        flow: Some(named(2, "my flow")),
        deployment: Some(named(1, "dep one")),
        environment: BTreeMap::from([("PUSHPOOL_PARAMETERS".to_owned(), "{}".to_owned())]),
    }
}

fn settings() -> Settings {
    Settings {
        region: "us-east-1".to_owned(),
        prefect_api_url: Some("http://api".to_owned()),
        subnets: vec!["subnet-1".to_owned()],
        ..Settings::default()
    }
}

fn explained(template: &Value, deployment: Value, flow_run: Value) -> (Prepared, Vec<(String, String)>) {
    let template = BaseJobTemplate::from_value(template).expect("a template");
    let (deployment, flow_run) = (object(deployment), object(flow_run));
    let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
    let configuration = template.render(layers, &NoReferences).expect("it renders");
    let prepared = prepare(&configuration, &run(), &settings()).expect("it can be prepared");
    let leaves = explain(&prepared, &configuration, &template.sources(layers));
    (prepared, leaves)
}

/// Pointers of all scalars and empty containers.
fn leaves(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                leaves(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{at}/{index}"), found);
            }
        }
        _ => drop(found.insert(at.to_owned())),
    }
}

#[track_caller]
fn covers_every_leaf(prepared: &Prepared, explained: &[(String, String)]) {
    let mut expected = BTreeSet::new();
    if let Definition::Content { request, .. } = &prepared.definition {
        leaves(request, "/registerTaskDefinition", &mut expected);
    }
    leaves(&prepared.run_task, "/runTask", &mut expected);
    let found: BTreeSet<String> = explained.iter().map(|(pointer, _)| pointer.clone()).collect();
    assert_eq!(found, expected);
    assert!(explained.iter().all(|(_, source)| !source.is_empty()));
}

fn shown(prepared: &Prepared, explained: &[(String, String)]) -> String {
    let requests = match &prepared.definition {
        Definition::Content { request, .. } => json!({"registerTaskDefinition": request, "runTask": prepared.run_task}),
        Definition::Existing(_) => json!({"runTask": prepared.run_task}),
    };
    let line = |(pointer, source): &(String, String)| {
        format!("{pointer} = {}  <-  {source}\n", requests.pointer(pointer).expect("a leaf"))
    };
    explained.iter().map(line).collect()
}

#[test]
fn the_built_in_template() {
    let deployment = json!({
        "image": "repo/img:1", "cpu": 512, "cluster": "prod", "execution_role_arn": "arn:aws:iam::1:role/exec",
        "env": {"A": "1", "B": "2"}, "labels": {"team": "data eng"}, "configure_cloudwatch_logs": true,
        "cloudwatch_logs_options": {"awslogs-group": "/x"},
        "network_configuration": {"subnets": ["subnet-9"]},
        "prefect_api_key_secret_arn": "arn:aws:secretsmanager:us-east-1:1:secret:x"
    });
    let flow_run = json!({"env": {"B": "3", "C": "4"}, "memory": 4096});
    let (prepared, explained) = explained(&json!({}), deployment, flow_run);
    covers_every_leaf(&prepared, &explained);
    insta::assert_snapshot!(shown(&prepared, &explained));
}

#[test]
fn a_template_of_ones_own() {
    let template = json!({
        "job_configuration": {
            "env": "{{ env }}",
            "labels": "{{ labels }}",
            "task_definition": {
                "containerDefinitions": [
                    {},
                    {"name": "side", "image": "dd", "essential": false},
                    {
                        "name": "prefect",
                        "image": "{{ image }}:{{ tag }}",
                        "environment": [{"name": "Z", "value": "1"}, {"name": "X", "value": "{{ image }}"}],
                        "secrets": [{"name": "S", "valueFrom": "arn:s"}, {"name": "R", "valueFrom": "arn:r"}]
                    }
                ],
                "executionRoleArn": "arn:aws:iam::1:role/exec",
                "runtimePlatform": {"cpuArchitecture": "ARM64"}
            },
            "task_run_request": {
                "launchType": "FARGATE_SPOT",
                "enableExecuteCommand": true,
                "tags": {"cost centre": "{{ tag }}"},
                "networkConfiguration": {"subnets": ["subnet-7"], "assignPublicIp": false},
                "overrides": {
                    "containerOverrides": [
                        {"name": "side", "command": "run 'it now'", "environment": {"Q": "{{ tag }}"}}
                    ]
                }
            }
        },
        "variables": {
            "type": "object",
            "properties": {
                "image": {"type": "string", "default": "i"}, "tag": {"type": "string"},
                "env": {"type": "object", "default": {"POOL": "1"}}, "labels": {"type": "object"}
            }
        }
    });
    let (prepared, explained) = explained(&template, json!({"tag": "7"}), json!({"labels": {"a/b~c": "d"}}));
    covers_every_leaf(&prepared, &explained);
    insta::assert_snapshot!(shown(&prepared, &explained));
}

#[test]
fn an_existing_definition() {
    let (prepared, explained) =
        explained(&json!({}), json!({"task_definition_arn": "theirs:3", "env": {"A": "1"}}), json!({}));
    covers_every_leaf(&prepared, &explained);
    insta::assert_snapshot!(shown(&prepared, &explained));
}
