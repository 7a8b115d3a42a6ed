//! The corpus of the tests: blocks with the requests of their own code, and a server's answers.
//!
//! `tests/data/README.md` says where it comes from.

use std::{collections::BTreeMap, path::PathBuf};

use prefect_api::models::Object;
use serde_json::{Value, json};

use crate::{
    estate::{Account, Answers, Block, Estate},
    plan::Requests,
    proof::block::{BlockDeployment, BlockRun},
};

pub(crate) fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(relative)
}

pub(crate) fn read(relative: &str) -> Value {
    let text = std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Names of the directories in a directory, sorted.
pub(crate) fn names(relative: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(path(relative))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The account that the requests were recorded in.
pub(crate) fn account() -> Account {
    let subnets = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    Account {
        region: Some("eu-west-1".to_owned()),
        task_definitions: BTreeMap::from([(
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/reports:7".to_owned(),
            read("reports-7.json"),
        )]),
        default_vpc: Some("vpc-0default".to_owned()),
        subnets: BTreeMap::from([
            ("vpc-0default".to_owned(), subnets(&["subnet-0d1", "subnet-0d2"])),
            ("vpc-0blue".to_owned(), subnets(&["subnet-0b1", "subnet-0b2", "subnet-0b3"])),
        ]),
    }
}

/// The run that the requests were recorded for.
pub(crate) fn run(flow: &str, deployment: &str, updated: Option<&str>) -> BlockRun {
    BlockRun {
        agent_environment: vec![("PREFECT_API_URL".to_owned(), "http://prefect.example.com:4200/api".to_owned())],
        flow_run_id: "33333333-3333-3333-3333-333333333333".to_owned(),
        flow_run_name: "quiet-otter".to_owned(),
        version: "2.20.26".to_owned(),
        deployment: Some(BlockDeployment { name: deployment.to_owned(), updated: updated.map(str::to_owned) }),
        flow: Some(flow.to_owned()),
        region: "eu-west-1".to_owned(),
    }
}

/// A recorded pair of requests; none if the block's code failed. The definition is named by its family, as before it was registered.
pub(crate) fn recorded(requests: &Value) -> Option<Requests> {
    let calls = requests["calls"].as_array()?;
    let of = |api: &str| calls.iter().find(|call| call["api"] == api).map(|call| call["request"].clone());
    let register_task_definition = of("RegisterTaskDefinition");
    let mut run_task = of("RunTask")?;
    if let Some(family) = register_task_definition.as_ref().and_then(|it| it["family"].as_str()) {
        let arn = format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:1");
        // A patch may name another one.
        if run_task["taskDefinition"] == arn {
            run_task["taskDefinition"] = family.into();
        }
    }
    Some(Requests { register_task_definition, run_task })
}

/// A block document.
pub(crate) fn block(document: Value) -> Block {
    serde_json::from_value(document).unwrap()
}

/// The estate of the recorded server, secrets masked as the API masks them.
pub(crate) fn estate(account: Account) -> Estate {
    let server = read("upgrade-corpus/server/server.json");
    let list = |key: &str| server[key].as_array().cloned().unwrap_or_default();
    let masked = &server["block_documents data (secrets masked)"];
    let mut blocks = list("block_documents (include_secrets=true)");
    for block in &mut blocks {
        block["data"] = masked[block["id"].as_str().unwrap()].clone();
    }
    Estate::from_answers(Answers {
        version: server["GET /admin/version"].as_str().unwrap().to_owned(),
        flows: list("POST /flows/filter"),
        deployments: list("POST /deployments/filter"),
        work_pools: list("POST /work_pools/filter"),
        work_queues: list("POST /work_queues/filter"),
        block_documents: blocks,
        variables: Some(Vec::new()),
        automations: list("POST /automations/filter"),
        flow_runs: list("POST /flow_runs/filter (not auto_scheduled)"),
        account,
    })
    .unwrap()
}

/// An estate with one deployment of a block.
pub(crate) fn estate_of(block: &Value, overrides: Value, account: Account) -> Estate {
    let deployment = json!({
        "id": "22222222-2222-2222-2222-222222222222", "name": "prod eu", "flow_id": "11111111-1111-1111-1111-111111111111",
        "infra_overrides": overrides, "path": "/opt/prefect/flows", "entrypoint": "flow.py:flow", "schedules": [],
        "parameters": {}, "tags": [], "work_pool_name": "agents", "work_queue_name": "default", "paused": false,
        "infrastructure_document_id": block["id"], "storage_document_id": null, "enforce_parameter_schema": false,
    });
    let pool = json!({"id": "44444444-4444-4444-4444-444444444444", "name": "agents", "type": "prefect-agent"});
    Estate::from_answers(Answers {
        version: "2.20.26".to_owned(),
        flows: vec![json!({"id": "11111111-1111-1111-1111-111111111111", "name": "nightly report"})],
        deployments: vec![deployment],
        work_pools: vec![pool],
        block_documents: vec![block.clone()],
        account,
        ..Answers::default()
    })
    .unwrap()
}

/// A block document with this data.
pub(crate) fn ecs_task(data: Value) -> Value {
    json!({"id": "55555555-5555-5555-5555-555555555555", "name": "prod", "is_anonymous": false,
        "block_type": {"slug": "ecs-task"}, "data": data, "block_document_references": {}})
}

pub(crate) fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}
