//! Whole plans: of the recorded server, and of single blocks.

use serde_json::{Value, json};

use super::{Options, Sharing, Source, assess};
use crate::{
    corpus,
    estate::Account,
    plan::{Action, Level, PlannedDeployment, PlannedPool, UpgradePlan, Write},
};

fn plan_of_server() -> UpgradePlan {
    assess(&corpus::estate(corpus::account()), &Options::default())
}

fn deployment<'a>(plan: &'a UpgradePlan, name: &str) -> &'a PlannedDeployment {
    plan.deployments.iter().find(|deployment| deployment.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn pool_of<'a>(plan: &'a UpgradePlan, deployment: &PlannedDeployment) -> &'a PlannedPool {
    let target = deployment.target.as_ref().unwrap();
    plan.pools.iter().find(|pool| pool.name == target.pool).unwrap_or_else(|| panic!("{}", target.pool))
}

#[test]
fn every_deployment_of_the_server_ends_as_its_target_says() {
    let plan = plan_of_server();
    if let Some(path) = std::env::var_os("DUMP_PLAN") {
        std::fs::write(path, serde_json::to_string_pretty(&plan).unwrap()).unwrap();
    }
    for case in corpus::names("upgrade-corpus/server") {
        let target = corpus::read(&format!("upgrade-corpus/server/{case}/target.json"));
        let planned = deployment(&plan, &case);
        assert_eq!(json!(planned.action), target["action"], "{case}: {:?}", planned.reasons);
        match planned.action {
            Action::Migrate => assert_migrated(&case, &target, &plan, planned),
            Action::Leave => {
                let mapped = planned.target.as_ref().unwrap();
                let expected = &target["if_mapped_to_a_pool"];
                assert_eq!(Value::Object(mapped.job_variables.clone()), expected["job_variables"], "{case}");
                assert_eq!(json!(mapped.pull_steps), expected["pull_steps"], "{case}");
                assert!(planned.write.is_none() && planned.proof.is_none());
            }
            Action::Refuse | Action::Skip => assert!(planned.target.is_none() && planned.write.is_none()),
        }
    }
}

fn assert_migrated(case: &str, expected: &Value, plan: &UpgradePlan, planned: &PlannedDeployment) {
    let target = planned.target.as_ref().unwrap();
    let pool = pool_of(plan, planned);
    assert_eq!(pool.pool_type, expected["pool"]["type"], "{case}");
    let made_from = json!(pool.made_from)["blocks"][0].as_str().unwrap().to_owned();
    assert_eq!(made_from, format!("ecs-task/{}", expected["pool"]["made_from_block"].as_str().unwrap()), "{case}");
    let queue = json!(pool.queues.iter().find(|queue| queue.name == target.queue).unwrap());
    for (member, value) in expected["queue"].as_object().unwrap() {
        assert_eq!(queue[member], *value, "{case}: queue {member}");
    }
    assert_eq!(Value::Object(target.job_variables.clone()), expected["job_variables"], "{case}");
    assert_eq!(json!(target.pull_steps), expected["pull_steps"], "{case}");
    let Some(Write::Post { body }) = &planned.write else { panic!("{case}: 2.20 takes whole deployments") };
    for (field, value) in expected["clear"].as_object().unwrap() {
        assert_eq!(body[field], *value, "{case}: {field}");
    }
    let original = corpus::read(&format!("upgrade-corpus/server/{case}/deployment.json"));
    for field in [
        "flow_id", "name", "tags", "description", "version", "parameters", "parameter_openapi_schema",
        "enforce_parameter_schema", "paused", "entrypoint",
    ] {
        assert_eq!(body[field], original[field], "{case}: {field}");
    }
    let schedules = |of: &Value| -> Vec<Value> {
        of.as_array().unwrap().iter().map(|it| json!([it["schedule"], it["active"]])).collect()
    };
    // 2.20.26 lists the schedule first that was made last.
    let written: Vec<Value> = schedules(&body["schedules"]).into_iter().rev().collect();
    assert_eq!(written, schedules(&original["schedules"]), "{case}");
    assert!(!body.contains_key("schedule"), "{case}: it repeats one of `schedules`");
    let proof = planned.proof.as_ref().unwrap_or_else(|| panic!("{case}: {:?}", planned.notes));
    let unexplained: Vec<_> = proof.unexplained().collect();
    assert!(unexplained.is_empty(), "{case}: {unexplained:#?}");
}

/// The plan of one deployment of a block of the corpus.
fn plan_of_block(case: &str, options: &Options) -> UpgradePlan {
    let block = corpus::read(&format!("upgrade-corpus/ecstask/{case}/block.json"));
    assess(&corpus::estate_of(&block, json!({}), corpus::account()), options)
}

fn template(plan: &UpgradePlan) -> &Value {
    &plan.pools[0].base_job_template
}

fn default<'a>(plan: &'a UpgradePlan, variable: &str) -> &'a Value {
    &template(plan)["variables"]["properties"][variable]["default"]
}

fn has_note(plan: &UpgradePlan, code: &str) -> bool {
    let deployments = plan.deployments.iter().flat_map(|it| &it.notes);
    deployments.chain(plan.pools.iter().flat_map(|it| &it.notes)).any(|note| note.code == code)
}

#[test]
fn every_block_that_runs_is_proven_equal() {
    for case in corpus::names("upgrade-corpus/ecstask") {
        let plan = plan_of_block(&case, &Options::default());
        let planned = &plan.deployments[0];
        let fails = matches!(case.as_str(), "09-patch-missing-parents" | "25-command-string");
        let expected = if fails { Action::Refuse } else { Action::Migrate };
        assert_eq!(planned.action, expected, "{case}: {:?}", planned.reasons);
        if fails {
            assert!(planned.reasons[0].contains("under the agent today"), "{case}: {:?}", planned.reasons);
            continue;
        }
        let proof = planned.proof.as_ref().unwrap();
        let unexplained: Vec<_> = proof.unexplained().collect();
        assert!(unexplained.is_empty(), "{case}: {unexplained:#?}");
    }
}

#[test]
fn the_requests_of_many_configurations_stay_the_same() {
    let table = corpus::read("block-requests.json");
    let mut migrated = 0;
    let mut wrong = Vec::new();
    for case in table.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let block = corpus::ecs_task(case["data"].clone());
        let plan = assess(&corpus::estate_of(&block, case["overrides"].clone(), corpus::account()), &Options::default());
        let planned = &plan.deployments[0];
        if case.get("error").is_some() {
            assert_eq!(planned.action, Action::Refuse, "{name}");
            continue;
        }
        match &planned.proof {
            Some(proof) => {
                migrated += 1;
                let unexplained: Vec<_> = proof.unexplained().collect();
                if !unexplained.is_empty() {
                    wrong.push(format!("{name}: {unexplained:#?}"));
                }
            }
            None => wrong.push(format!("{name}: {:?} {:?}", planned.action, planned.reasons)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(migrated >= 40, "{migrated}");
}

#[test]
fn dump_all() {
    let Some(path) = std::env::var_os("DUMP_PLAN") else { return };
    let mut plans = vec![];
    let table = corpus::read("block-requests.json");
    for case in table.as_array().unwrap() {
        let block = corpus::ecs_task(case["data"].clone());
        let plan = assess(&corpus::estate_of(&block, case["overrides"].clone(), corpus::account()), &Options::default());
        plans.push(json!({"name": case["name"], "plan": plan}));
    }
    for case in corpus::names("upgrade-corpus/ecstask") {
        plans.push(json!({"name": case, "plan": plan_of_block(&case, &Options::default())}));
    }
    std::fs::write(format!("{}.all", path.display()), serde_json::to_string(&plans).unwrap()).unwrap();
}
