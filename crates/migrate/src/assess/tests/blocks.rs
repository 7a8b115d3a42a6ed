//! The blocks of the corpus, one by one.

use serde_json::{Value, json};

use super::super::{Options, assess};
use crate::{
    corpus,
    estate::Account,
    plan::{Action, Level, UpgradePlan},
};

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

/// The plan of a case, with the account and nothing else.
fn plan(case: &str) -> UpgradePlan {
    plan_of_block(case, &Options::default())
}

/// What the new requests say at a place.
fn new<'a>(plan: &'a UpgradePlan, pointer: &str) -> Option<&'a Value> {
    let proof = plan.deployments[0].proof.as_ref().unwrap();
    match pointer.strip_prefix("/register") {
        Some(rest) => proof.new.register_task_definition.as_ref()?.pointer(rest),
        None => proof.new.run_task.pointer(pointer),
    }
}

fn lost(plan: &UpgradePlan) -> Vec<&str> {
    plan.deployments[0].not_carried.iter().map(|lost| lost.setting.as_str()).collect()
}

#[test]
fn case_01_the_image_is_frozen_and_the_role_is_the_dispatchers() {
    let plan = plan("01-default");
    assert!(has_note(&plan, "image_frozen") && has_note(&plan, "role_of_dispatcher"));
    assert!(default(&plan, "aws_credentials").is_null());
}

#[test]
fn case_03_a_literal_definition_keeps_everything_and_has_variables() {
    let plan = plan("03-taskdef-dict");
    let definition = &template(&plan)["job_configuration"]["task_definition"];
    assert_eq!(definition["runtimePlatform"]["cpuArchitecture"], "ARM64");
    assert_eq!(definition["ephemeralStorage"], json!({"sizeInGiB": 60}));
    assert_eq!(definition["containerDefinitions"][1]["name"], "log-router");
    assert_eq!(definition["containerDefinitions"][0]["image"], "{{ image }}");
    assert_eq!((&definition["cpu"], &definition["memory"]), (&json!("{{ cpu }}"), &json!("{{ memory }}")));
    assert_eq!((default(&plan, "cpu"), default(&plan, "memory")), (&json!(1024), &json!(4096)));
    assert_eq!(default(&plan, "image"), "registry.example.com/etl:5");
}

#[test]
fn case_05_the_flow_runs_in_the_container_that_the_block_adds() {
    let plan = plan("05-taskdef-no-prefect-container");
    assert_eq!(default(&plan, "container_name"), "prefect");
    let names: Vec<&Value> = new(&plan, "/register/containerDefinitions")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["app", "prefect"]);
    assert!(has_note(&plan, "container_added"));
}

#[test]
fn case_07_a_changed_definition_becomes_literal_or_is_refused() {
    let plan = plan("07-taskdef-arn-changed");
    assert_eq!(new(&plan, "/register/containerDefinitions/0/image").unwrap(), "registry.example.com/reports:8");
    assert_eq!(new(&plan, "/register/executionRoleArn").unwrap(), "arn:aws:iam::123456789012:role/other-exec");
    assert_eq!(default(&plan, "env"), &json!({"STAGE": "prod", "OLD_FLAG": null, "NEW_FLAG": "1"}));
    assert!(!json!(new(&plan, "")).to_string().contains("OLD_FLAG"));
    let block = corpus::read("upgrade-corpus/ecstask/07-taskdef-arn-changed/block.json");
    let blind = assess(&corpus::estate_of(&block, json!({}), Account::default()), &Options::default());
    assert_eq!(blind.deployments[0].action, Action::Refuse);
    assert!(blind.deployments[0].reasons[0].contains("image, cpu, memory, configure_cloudwatch_logs, env with null"));
}

#[test]
fn case_09_missing_parents_are_made_only_when_told() {
    let refused = plan("09-patch-missing-parents");
    assert!(refused.deployments[0].reasons[0].contains("patch add /networkConfiguration/awsvpcConfiguration/subnets"));
    assert!(refused.pools.is_empty());
    let repair = Options { repair: true, ..Options::default() };
    // A definition of the block for EC2 has bridge networks, so ECS would refuse what the patch means.
    let repaired = plan_of_block("09-patch-missing-parents", &repair);
    assert!(
        repaired.deployments[0].reasons[0].contains("found one for network mode bridge"),
        "{:?}",
        repaired.deployments[0].reasons
    );
    let mut block = corpus::read("upgrade-corpus/ecstask/09-patch-missing-parents/block.json");
    block["data"]["launch_type"] = json!("FARGATE");
    let repaired = assess(&corpus::estate_of(&block, json!({}), corpus::account()), &repair);
    let request = &template(&repaired)["job_configuration"]["task_run_request"];
    assert_eq!(request["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-0b1"]));
    assert_eq!(request["overrides"]["ephemeralStorage"], json!({"sizeInGiB": 80}));
}

#[test]
fn case_11_all_subnets_of_the_vpc_or_those_of_the_dispatcher() {
    let known = plan("11-vpc");
    let network = new(&known, "/networkConfiguration/awsvpcConfiguration").unwrap();
    assert_eq!(network["subnets"], json!(["subnet-0b1", "subnet-0b2", "subnet-0b3"]));
    assert_eq!(network["assignPublicIp"], "ENABLED");
    assert!(has_note(&known, "subnets_frozen"));
    let block = corpus::read("upgrade-corpus/ecstask/11-vpc/block.json");
    let blind = assess(&corpus::estate_of(&block, json!({}), Account::default()), &Options::default());
    assert_eq!(blind.deployments[0].risk.level, Level::High);
    let network = &template(&blind)["job_configuration"]["task_run_request"]["networkConfiguration"];
    assert_eq!(*network, json!({"awsvpcConfiguration": {"assignPublicIp": "ENABLED"}}));
    assert_eq!(blind.deployments[0].proof.as_ref().unwrap().unexplained().count(), 0);
}

#[test]
fn case_13_every_patch_survives() {
    let plan = plan("13-network-plus-other-patches");
    assert_eq!(new(&plan, "/platformVersion").unwrap(), "1.4.0");
    assert_eq!(new(&plan, "/overrides/ephemeralStorage/sizeInGiB").unwrap(), 80);
    let network = new(&plan, "/networkConfiguration/awsvpcConfiguration").unwrap();
    assert_eq!(
        *network,
        json!({"assignPublicIp": "DISABLED", "securityGroups": ["sg-0001", "sg-0002"], "subnets": ["subnet-0b3"]})
    );
}

#[test]
fn case_15_spot_is_a_strategy() {
    let plan = plan("15-fargate-spot");
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    assert_eq!(new(&plan, "/capacityProviderStrategy"), Some(&strategy));
    assert_eq!(new(&plan, "/launchType"), None);
}

#[test]
fn case_17_and_29_without_fargate_nothing_of_fargate_creeps_in() {
    let external = plan("17-external");
    assert_eq!(new(&external, "/launchType").unwrap(), "EXTERNAL");
    assert_eq!(new(&external, "/register/containerDefinitions/0/memory").unwrap(), 2048);
    assert!(has_note(&external, "launch_type_external"));
    let none = plan("29-launch-null");
    assert_eq!(new(&none, "/launchType"), None);
    assert!(has_note(&none, "launch_type_none"));
    for plan in [external, none] {
        for absent in [
            "/networkConfiguration",
            "/register/networkMode",
            "/register/cpu",
            "/register/memory",
            "/register/containerDefinitions/0/cpu",
        ] {
            assert_eq!(new(&plan, absent), None, "{absent}");
        }
        assert_eq!(plan.deployments[0].risk.level, Level::Medium);
    }
}

#[test]
fn case_19_texts_stay_texts_and_secrets_stay_in_the_block() {
    let plan = plan("19-env-secrets");
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("<secret:db-password>"));
    let environment = default(&plan, "env");
    assert_eq!(environment["DB_PASSWORD"], "{{ prefect.blocks.ecs-task.corpus-19-env-secrets.env.DB_PASSWORD }}");
    assert_eq!((&environment["UNSET"], &environment["EMPTY"]), (&Value::Null, &json!("")));
    assert!(has_note(&plan, "secret_by_reference"));
    let proof = plan.deployments[0].proof.as_ref().unwrap();
    let everything = serde_json::to_string(&proof.new).unwrap();
    for kept in [r#""{{ image }}""#, r#""{{ $HOME }}""#, "ÜMLAUT"] {
        assert!(everything.contains(kept), "{kept}");
    }
    assert_eq!(proof.unexplained().count(), 0);
}

#[test]
fn case_21_the_log_prefix_is_fixed_and_told() {
    let plan = plan("21-logs-default-prefix");
    let prefix = new(&plan, "/register/containerDefinitions/0/logConfiguration/options/awslogs-stream-prefix").unwrap();
    assert!(prefix.as_str().unwrap().starts_with("prefect-logs_corpus-21-logs-default-prefix-push_"), "{prefix}");
    assert!(lost(&plan).contains(&"awslogs-stream-prefix"));
}

#[test]
fn case_23_names_are_made_legal() {
    let plan = plan("23-labels-family");
    assert_eq!(default(&plan, "family"), "nightly-reports-v2-eu");
    let tags = new(&plan, "/tags").unwrap().to_string();
    for tag in [
        r#"{"key":"team","value":"data-ml"}"#,
        r#"{"key":"nit","value":"gr-e"}"#,
        r#"{"key":"cost/center","value":"47-11"}"#,
    ] {
        assert!(tags.contains(tag), "{tag} in {tags}");
    }
}

#[test]
fn case_25_a_command_as_text_is_taken_only_when_told() {
    assert!(plan("25-command-string").deployments[0].reasons[0].contains("`command` must be a list"));
    let taken = plan_of_block("25-command-string", &Options { repair: true, ..Options::default() });
    assert_eq!(default(&taken, "command"), "python -m prefect.engine");
}

#[test]
fn case_27_a_profile_is_listed_and_the_block_is_referred_to_by_id() {
    let plan = plan("27-credentials-profile");
    assert!(lost(&plan).iter().any(|lost| lost.contains("profile_name analytics")), "{:?}", lost(&plan));
    assert_eq!(default(&plan, "aws_credentials")["$ref"]["block_document_id"], "a1716b51-b1d7-5078-9a3f-2e6082dc84c7");
}

#[test]
fn the_requests_of_many_configurations_stay_the_same() {
    let table = corpus::read("block-requests.json");
    let mut migrated = 0;
    let mut wrong = Vec::new();
    for case in table.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let block = corpus::ecs_task(case["data"].clone());
        let plan =
            assess(&corpus::estate_of(&block, case["overrides"].clone(), corpus::account()), &Options::default());
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
