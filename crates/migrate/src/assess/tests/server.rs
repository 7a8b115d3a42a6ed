//! The plan of the recorded server.

use serde_json::{Value, json};

use super::{
    super::{Options, assess},
    deployment, pool_of,
};
use crate::{
    corpus,
    estate::Account,
    plan::{Action, PlannedDeployment, UpgradePlan, Write},
};

fn plan_of_server() -> UpgradePlan {
    assess(&corpus::estate(corpus::account()), &Options::default())
}

#[test]
fn every_deployment_of_the_server_ends_as_its_target_says() {
    let plan = plan_of_server();
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
        "flow_id",
        "name",
        "tags",
        "description",
        "version",
        "parameters",
        "parameter_openapi_schema",
        "enforce_parameter_schema",
        "paused",
        "entrypoint",
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

#[test]
fn no_secret_and_no_mask_is_written() {
    let plan = serde_json::to_string(&plan_of_server()).unwrap();
    for secret in ["****", "<aws-secret>", "<aws-key>", "<gitlab-token>", "<gcs-key>"] {
        assert!(!plan.contains(secret), "{secret}");
    }
    // Without masks, as a reader with other rights might see it.
    let server = corpus::read("upgrade-corpus/server/server.json");
    let mut estate = corpus::estate(corpus::account());
    for document in server["block_documents (include_secrets=true)"].as_array().unwrap() {
        let block = corpus::block(document.clone());
        estate.blocks.insert(block.id, block);
    }
    let plan = serde_json::to_string(&assess(&estate, &Options::default())).unwrap();
    for secret in ["<aws-secret>", "<aws-key>", "<gitlab-token>", "<gcs-key>"] {
        assert!(!plan.contains(secret), "{secret}");
    }
}

#[test]
fn a_plan_is_the_same_for_the_same_server_and_reads_back() {
    let plan = plan_of_server();
    assert_eq!(plan, plan_of_server());
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<UpgradePlan>(&text).unwrap(), plan);
    let mut estate = corpus::estate(corpus::account());
    estate.deployments[0].fingerprint = "other".to_owned();
    assert_ne!(assess(&estate, &Options::default()).digest, plan.digest);
}

#[test]
fn a_definition_that_a_block_changes_is_needed() {
    let plan = assess(&corpus::estate(Account::default()), &Options::default());
    let planned = deployment(&plan, "rfs-arn");
    assert_eq!(planned.action, Action::Refuse);
    assert!(planned.reasons[0].contains("reports:7 (image)"), "{:?}", planned.reasons);
    assert_eq!(deployment(&plan, "s3-nightly").action, Action::Migrate);
}

#[test]
fn a_server_of_3_gets_a_patch_of_what_moves() {
    let mut estate = corpus::estate(corpus::account());
    estate.version.0 = "3.4.11".to_owned();
    let plan = assess(&estate, &Options::default());
    let Some(Write::Patch { body }) = &deployment(&plan, "s3-nightly").write else { panic!("no patch") };
    let mut fields: Vec<&str> = body.keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = [
        "infrastructure_document_id",
        "job_variables",
        "path",
        "pull_steps",
        "storage_document_id",
        "work_pool_name",
        "work_queue_name",
    ];
    assert_eq!(fields, expected);
    assert!(body["path"].is_null() && body["storage_document_id"].is_null());
}

#[test]
fn runs_automations_and_queues_by_tag_are_told() {
    let mut estate = corpus::estate(corpus::account());
    let mut run = estate.flow_runs[0].clone();
    (run.state_type, run.name) = ("SCHEDULED".to_owned(), Some("by-hand".to_owned()));
    estate.flow_runs.push(run);
    let nightly = estate.deployments.iter_mut().find(|it| it.view.name == "s3-nightly").unwrap();
    nightly.document.insert("manifest_path".to_owned(), json!("nightly-manifest.json"));
    let plan = assess(&estate, &Options::default());
    let has = |name: &str, code: &str| deployment(&plan, name).notes.iter().any(|note| note.code == code);
    assert!(has("s3-nightly", "manifest") && !has("rfs-arn", "manifest"));
    assert!(has("s3-nightly", "run_stays_with_agent") && has("s3-nightly", "run_left_in_old_queue"));
    assert!(has("with-triggers", "automation_names_it") && has("with-triggers", "parameters_checked"));
    assert!(has("rfs-arn", "paused_stays") && has("gitlab-full-history", "schedules_stay_inactive"));
    let of_estate: Vec<&str> = plan.notes.iter().map(|note| note.code.as_str()).collect();
    assert_eq!(of_estate, ["queue_by_filter", "agents_by_queue_name"]);
}

#[test]
fn blocks_that_differ_in_variables_only_share_a_pool_if_the_user_wants() {
    let options = Options { sharing: super::super::Sharing::Shared, ..Options::default() };
    let mut estate = corpus::estate(corpus::account());
    // The same block once more, with other values.
    let prod = estate.blocks.values().find(|block| block.name.as_deref() == Some("prod-ecs")).unwrap();
    let mut other = prod.clone();
    other.id = uuid::Uuid::from_u128(7);
    other.name = Some("prod-two".to_owned());
    for (field, value) in [("cpu", json!(256)), ("env", json!({"STAGE": "two"})), ("cluster", json!(null))] {
        other.data.insert(field.to_owned(), value);
    }
    estate.blocks.insert(other.id, other);
    let triggers = estate.deployments.iter_mut().find(|it| it.view.name == "with-triggers").unwrap();
    triggers.view.infrastructure_document_id = Some(uuid::Uuid::from_u128(7));
    let apart = assess(&estate, &Options::default());
    assert_eq!(deployment(&apart, "with-triggers").target.as_ref().unwrap().pool, "prod-two-push");
    let plan = assess(&estate, &options);
    let planned = deployment(&plan, "with-triggers");
    let target = planned.target.as_ref().unwrap();
    let pool = pool_of(&plan, planned);
    assert_eq!(json!(pool.made_from)["blocks"], json!(["ecs-task/prod-two", "ecs-task/prod-ecs"]));
    assert_eq!(pool.name, "prod-two-push", "the first deployment names it");
    let nightly = deployment(&plan, "s3-nightly").target.as_ref().unwrap();
    assert_eq!(nightly.pool, target.pool);
    assert_eq!(nightly.job_variables["cluster"], "prod");
    assert_eq!(nightly.job_variables["env"], json!({"STAGE": "prod", "PREFECT_LOGGING_LEVEL": "INFO"}));
    for name in ["with-triggers", "s3-nightly"] {
        assert_eq!(deployment(&plan, name).proof.as_ref().unwrap().unexplained().count(), 0, "{name}");
    }
}
