//! What a plan learns from the AWS account that blocks refer to.

use pushpool_tests::{
    conformance::moto,
    rig::{
        prefect::{Options, Project, Version, environment},
        python::python_2_20,
    },
};
use serde_json::{Value, json};

use super::SETTINGS;
use crate::cli::{Ended, finish, pushpool, run_with_aws};

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
    eprintln!("{subnets:#} {:#} {:#}", blind.json(), asked.json());
    let _: (Ended, Value) = (asked, json!({}));
}
