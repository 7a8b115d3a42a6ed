//! The requests of a block against those that its own code made.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences};

use super::{
    compare::{Context, compare},
    old::block_requests,
    worker::{self, WorkerRun},
};
use crate::{
    corpus,
    estate::Account,
    mapping::{
        ecs_task::{EcsTask, Reading},
        overrides,
    },
    plan::Requests,
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
        assert_equal(
            &case,
            &infrastructure["data"],
            &deployment["infra_overrides"],
            &corpus::read(&of("requests")),
            &run,
        );
        compared += 1;
    }
    assert!(compared >= 7, "{compared}");
}

#[test]
fn the_requests_of_many_configurations_are_those_of_the_blocks_own_code() {
    let table = corpus::read("block-requests.json");
    let table = table.as_array().unwrap();
    assert!(table.len() >= 180);
    for case in table {
        let mut run = corpus::run("nightly report", "prod eu", None);
        // The client of the block is of the region that its credentials name.
        if let Some(region) = case["overrides"]["aws_credentials.region_name"].as_str() {
            run.region = region.to_owned();
        }
        assert_equal(case["name"].as_str().unwrap(), &case["data"], &case["overrides"], case, &run);
    }
}

/// The recorded requests of the ECS worker that have no template of their own: a worker's requests of the built-in template.
#[test]
fn the_requests_of_a_worker_are_those_that_were_recorded() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/goldens");
    let mut compared = 0;
    for name in
        ["01_defaults", "02_typical", "03_spot", "05_ec2", "09_api_key_secret", "13_command", "19_pool_name_plain"]
    {
        let text = std::fs::read_to_string(format!("{directory}/{name}.json")).unwrap();
        let golden: Value = serde_json::from_str(&text).unwrap();
        let request = |api: &str| {
            let calls = golden["calls"].as_array().unwrap().iter();
            calls.filter(|call| call["api"] == api).map(|call| call["request"].clone()).next().unwrap()
        };
        let (register, run_task) = (request("RegisterTaskDefinition"), request("RunTask"));
        let template = BaseJobTemplate::built_in();
        let variables = corpus::object(golden["deployment_job_variables"].clone());
        let layers = Layers { deployment: Some(&variables), flow_run: None };
        let configuration = template.render(layers, &NoReferences).unwrap();
        // What Prefect itself sets for the run is taken from the recording.
        let set = |list: &Value, name: &str, is_ours: &dyn Fn(&str) -> bool| -> Vec<(String, String)> {
            let pair = |it: &Value| Some((it[name].as_str()?.to_owned(), it["value"].as_str()?.to_owned()));
            list.as_array().unwrap().iter().filter_map(pair).filter(|(name, _)| is_ours(name)).collect()
        };
        let containers = &run_task["overrides"]["containerOverrides"][0]["environment"];
        let account = Account {
            default_vpc: Some("vpc-1".to_owned()),
            subnets: BTreeMap::from([("vpc-1".to_owned(), vec!["subnet-1".to_owned(), "subnet-2".to_owned()])]),
            ..Account::default()
        };
        let run = WorkerRun {
            pool: golden["work_pool"].as_str().unwrap(),
            deployment: "11111111-1111-1111-1111-111111111111".to_owned(),
            environment: set(containers, "name", &|name| name.starts_with("PREFECT")),
            labels: set(&run_task["tags"], "key", &|name| name.starts_with("prefect.io/")),
            region: "us-east-1".to_owned(),
            account: &account,
        };
        let mut made = worker::requests(&configuration.values, &run).unwrap();
        let family = register["family"].as_str().unwrap();
        let mut recorded = Requests { run_task, register_task_definition: Some(register.clone()) };
        recorded.run_task["taskDefinition"] = family.into();
        let image = "/containerDefinitions/0/image";
        if variables.get("image").is_none() {
            *made.register_task_definition.as_mut().unwrap().pointer_mut(image).unwrap() =
                register.pointer(image).unwrap().clone();
        }
        let differences = compare(&recorded, &made, Context::default());
        assert!(differences.is_empty(), "{name}: {differences:#?}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}
