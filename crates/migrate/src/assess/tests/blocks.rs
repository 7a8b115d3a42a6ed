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
        repaired.deployments[0].reasons[0].contains("only network mode awsvpc may have"),
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

/// The plan of a configuration of `block-requests.json`.
fn plan_of_configuration(name: &str, options: &Options) -> UpgradePlan {
    let table = corpus::read("block-requests.json");
    let case = table.as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
    let block = corpus::ecs_task(case["data"].clone());
    assess(&corpus::estate_of(&block, case["overrides"].clone(), corpus::account()), options)
}

#[test]
fn requests_that_ecs_refuses_are_repaired_only_when_told() {
    let repair = Options { repair: true, ..Options::default() };
    for (name, pointer, expected) in [
        ("a strategy beside the launch type", "/capacityProviderStrategy/0/capacityProvider", json!("FARGATE_SPOT")),
        ("a network without its wrapper", "/networkConfiguration/awsvpcConfiguration/subnets", json!(["subnet-3"])),
        ("no network", "/networkConfiguration/awsvpcConfiguration/subnets", json!(["subnet-0d1", "subnet-0d2"])),
    ] {
        let refused = &plan_of_configuration(name, &Options::default()).deployments[0];
        assert!(refused.reasons[0].contains("under the agent today"), "{name}: {:?}", refused.reasons);
        let repaired = plan_of_configuration(name, &repair);
        assert_eq!(repaired.deployments[0].action, Action::Migrate, "{name}: {:?}", repaired.deployments[0].reasons);
        assert_eq!(new(&repaired, pointer), Some(&expected), "{name}");
        assert_eq!(repaired.deployments[0].proof.as_ref().unwrap().unexplained().count(), 0, "{name}");
    }
}

#[test]
fn a_launch_type_that_patches_remove_is_left_to_the_cluster() {
    for (name, compatibilities) in [
        ("neither launch type nor strategy", json!(["EC2", "FARGATE"])),
        ("EC2 without a launch type by patch", json!(["EC2"])),
    ] {
        let plan = plan_of_configuration(name, &Options::default());
        assert_eq!((new(&plan, "/launchType"), new(&plan, "/capacityProviderStrategy")), (None, None), "{name}");
        assert_eq!(new(&plan, "/register/requiresCompatibilities"), Some(&compatibilities), "{name}");
        assert!(has_note(&plan, "launch_type_of_cluster"), "{name}");
    }
}

#[test]
fn a_region_of_a_deployment_is_a_job_variable() {
    let plan = plan_of_configuration("region of the credentials", &Options::default());
    let variables = &plan.deployments[0].target.as_ref().unwrap().job_variables;
    assert_eq!(variables["aws_credentials"], json!({"region_name": "us-west-2"}));
    assert!(default(&plan, "aws_credentials").is_null());
    let region = new(&plan, "/register/containerDefinitions/0/logConfiguration/options/awslogs-region");
    assert_eq!(region.unwrap(), "us-west-2");
    let mut options = Options::default();
    options.settings.region = "eu-west-1".to_owned();
    let refused = &plan_of_configuration("region of the credentials", &options).deployments[0];
    assert!(refused.reasons[0].contains("us-west-2"), "{:?}", refused.reasons);
}

#[test]
fn a_definition_that_the_account_does_not_have_is_refused_and_one_that_was_not_asked_for_is_not() {
    let block = corpus::ecs_task(json!({"task_definition_arn": "gone:1"}));
    let of = |account: Account| assess(&corpus::estate_of(&block, json!({}), account), &Options::default());
    let asked = &of(corpus::account()).deployments[0];
    assert!(asked.reasons[0].contains("no task definition gone:1 in eu-west-1"), "{:?}", asked.reasons);
    let plan = of(Account::default());
    assert_eq!(plan.deployments[0].action, Action::Migrate);
    assert!(has_note(&plan, "definition_not_read"));
}

/// Configurations that run as far as the block's own code goes, and no further: what the refusal says.
const REFUSED: [(&str, &str); 7] = [
    ("the container renamed by patch", "remove the override of the container"),
    ("two tasks", "count"),
    ("a strategy beside the launch type", "under the agent today: ECS refuses its RunTask request: Specifying both"),
    ("a network where there was none", "only network mode awsvpc may have"),
    ("no network", "which network mode awsvpc must have"),
    ("everything replaced", "under the agent today"),
    ("bridge network on Fargate", "PP0215"),
];

/// Configurations that pushpool cannot send as they are, so that the plan says where to look.
const DIFFERENT: [(&str, &str); 3] = [
    ("the command removed", "/run_task/overrides/containerOverrides/prefect/command"),
    ("the command empty by patch", "/run_task/overrides/containerOverrides/prefect/command"),
    ("an existing definition without a launch type", "/run_task/launchType"),
];

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
        let refusal = REFUSED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        if case.get("error").is_some() || refusal.is_some() {
            let says =
                planned.reasons.first().is_some_and(|it| it.contains(refusal.unwrap_or("under the agent today")));
            if planned.action != Action::Refuse || !says {
                wrong.push(format!("{name}: {:?} {:?}", planned.action, planned.reasons));
            }
            continue;
        }
        match &planned.proof {
            Some(proof) => {
                migrated += 1;
                let unexplained: Vec<_> = proof.unexplained().map(|it| it.pointer.as_str()).collect();
                let expected: Vec<_> = DIFFERENT.iter().filter(|(known, _)| *known == name).map(|it| it.1).collect();
                if unexplained != expected {
                    wrong.push(format!("{name}: {:#?}", proof.unexplained().collect::<Vec<_>>()));
                }
                if !expected.is_empty() && planned.risk.level != Level::High {
                    wrong.push(format!("{name}: risk {:?}", planned.risk));
                }
            }
            None => wrong.push(format!("{name}: {:?} {:?}", planned.action, planned.reasons)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(migrated >= 130, "{migrated}");
}
