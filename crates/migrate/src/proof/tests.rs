//! The requests of a block against those that its own code made.

use serde_json::{Value, json};

use super::old::block_requests;
use crate::{
    corpus,
    mapping::{
        ecs_task::{EcsTask, Reading},
        overrides,
    },
};

const READING: Reading<'_> = Reading { repair: false, prefect_version: "2.20.26" };

/// Compares with a recorded case: `none` if both fail.
fn assert_equal(case: &str, data: &Value, overrides: &Value, recorded: &Value, run: &crate::proof::block::BlockRun) {
    let made = overrides::apply(&corpus::object(data.clone()), &corpus::object(overrides.clone()))
        .and_then(|data| EcsTask::read(&data, READING))
        .map_err(|reasons| reasons.join("; "))
        .and_then(|task| block_requests(&task, &corpus::account(), run, false));
    let recorded_requests = corpus::recorded(recorded);
    match (made, recorded_requests) {
        (Ok(made), Some(recorded)) => {
            assert_eq!(made.register_task_definition, recorded.register_task_definition, "{case}");
            assert_eq!(made.run_task, recorded.run_task, "{case}");
        }
        (Err(_), None) => {}
        (Ok(_), None) => panic!("{case}: the real code failed: {}", recorded["error"]),
        (Err(error), Some(_)) => panic!("{case}: {error}"),
    }
}

#[test]
fn the_requests_of_every_block_of_the_corpus_are_those_of_its_own_code() {
    let cases = corpus::names("upgrade-corpus/ecstask");
    assert!(cases.len() >= 15);
    for case in cases {
        let block = corpus::read(&format!("upgrade-corpus/ecstask/{case}/block.json"));
        let recorded = corpus::read(&format!("upgrade-corpus/ecstask/{case}/requests.json"));
        assert_equal(&case, &block["data"], &json!({}), &recorded, &corpus::run("nightly report", "prod eu", None));
    }
}

#[test]
fn the_requests_of_every_deployment_of_the_corpus_are_those_of_its_agent() {
    let flows = corpus::read("upgrade-corpus/server/server.json")["POST /flows/filter"].clone();
    let mut compared = 0;
    for case in corpus::names("upgrade-corpus/server") {
        let of = |file: &str| format!("upgrade-corpus/server/{case}/{file}.json");
        if !corpus::path(&of("requests")).exists() {
            continue;
        }
        let infrastructure = corpus::read(&of("infrastructure"));
        if infrastructure["block_type"]["slug"] != "ecs-task" {
            continue;
        }
        let deployment = corpus::read(&of("deployment"));
        let flow = flows.as_array().unwrap().iter().find(|flow| flow["id"] == deployment["flow_id"]).unwrap();
        let updated = deployment["updated"].as_str().unwrap().replace("+00:00", "Z");
        let run = corpus::run(flow["name"].as_str().unwrap(), deployment["name"].as_str().unwrap(), Some(&updated));
        assert_equal(&case, &infrastructure["data"], &deployment["infra_overrides"], &corpus::read(&of("requests")), &run);
        compared += 1;
    }
    assert!(compared >= 7, "{compared}");
}

#[test]
fn the_requests_of_many_configurations_are_those_of_the_blocks_own_code() {
    let table = corpus::read("block-requests.json");
    let table = table.as_array().unwrap();
    assert!(table.len() >= 40);
    for case in table {
        let run = corpus::run("nightly report", "prod eu", None);
        assert_equal(case["name"].as_str().unwrap(), &case["data"], &case["overrides"], case, &run);
    }
}
