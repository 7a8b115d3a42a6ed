//! What a plan learns from the AWS account that blocks refer to.

use pushpool_tests::{
    conformance::moto,
    rig::{
        prefect::{Options, Project, Version, environment},
        python::python_2_20,
    },
};
use serde_json::{Value, json};

use super::{SETTINGS, actions};
use crate::cli::{finish, pushpool, run_with_aws};

/// The deployments, by name.
fn deployments(plan: &Value) -> [&Value; 3] {
    plan["deployments"].as_array().unwrap().iter().collect::<Vec<_>>().try_into().unwrap()
}

/// Codes of the notes of a pool.
fn codes(pool: &Value) -> Vec<&str> {
    pool["notes"].as_array().unwrap().iter().map(|note| note["code"].as_str().unwrap()).collect()
}

fn sorted(texts: &Value) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test]
async fn a_plan_takes_task_definitions_and_subnets_from_the_account() {
    let server = Options::default().version(Version::V2_20).start().await;
    let emulator = tokio::task::spawn_blocking(moto).await.unwrap();
    let (project, endpoint) = (Project::copy(), emulator.endpoint());
    let python = python_2_20();
    let script = python.script("agents_aws.py");
    let mut fill = python.command([script.as_os_str(), project.path().as_os_str(), endpoint.as_ref()]);
    fill.envs(environment(&server));
    let subnets = finish(fill).await.json();

    let arguments = [&["upgrade", "plan", "--output", "json"], &SETTINGS[..]].concat();
    let blind = finish(pushpool(&server, &arguments).await).await;
    let asked = run_with_aws(&server, &endpoint, &[&arguments[..], &["--aws"]].concat()).await;
    let (blind, asked) = (blind.json()["plan"].take(), asked.json()["plan"].take());

    // Without the account: what it would have said is missing, and named.
    assert_eq!(actions(&blind), [("changed", "refuse"), ("existing", "migrate"), ("unknown", "refuse")].into());
    let pools = blind["pools"].as_array().unwrap();
    assert_eq!(codes(&pools[0]), ["definition_not_read", "subnets_of_dispatcher"]);
    let [changed, existing, unknown] = deployments(&blind);
    for refused in [changed, unknown] {
        assert!(refused["reasons"][0].as_str().unwrap().contains("Plan with --aws"), "{refused:#}");
    }
    assert_eq!(existing["risk"]["level"], "high", "{existing:#}");

    // With it: the definition and the subnets are those of the account, and a definition that is not there is named.
    assert_eq!(actions(&asked), [("changed", "migrate"), ("existing", "migrate"), ("unknown", "refuse")].into());
    let [changed, existing, unknown] = deployments(&asked);
    let reason = "the AWS account has no task definition gone in us-east-1";
    assert!(unknown["reasons"][0].as_str().unwrap().contains(reason), "{unknown:#}");
    let pools = asked["pools"].as_array().unwrap();
    assert_eq!(codes(&pools[0]), ["definition_copied", "subnets_frozen"]);
    assert_eq!(codes(&pools[1]), ["subnets_frozen"]);
    let definition = &changed["proof"]["new"]["register_task_definition"];
    let container = &definition["containerDefinitions"][0];
    assert_eq!(
        (&definition["cpu"], &definition["memory"], &container["image"]),
        (&json!("1024"), &json!("2048"), &json!("registry.example.com/etl:8"))
    );
    assert_eq!(existing["proof"]["new"]["run_task"]["taskDefinition"], "etl");
    for (deployment, wanted) in [(existing, "named"), (changed, "default")] {
        assert_eq!(deployment["risk"]["level"], "low", "{deployment:#}");
        let network = &deployment["proof"]["new"]["run_task"]["networkConfiguration"]["awsvpcConfiguration"];
        assert_eq!(sorted(&network["subnets"]), sorted(&subnets[wanted]), "{deployment:#}");
    }
}
