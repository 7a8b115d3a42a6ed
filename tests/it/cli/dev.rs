//! `pushpool dev --prefect`: a work pool served from this machine, with real flow processes.

use pushpool_tests::prefect::{NewDeployment, Project, shared, unique};
use serde_json::{Value, json};

use super::{pushpool, run};

#[tokio::test]
async fn a_work_pool_is_served_from_this_machine() {
    let server = shared().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("dev"));
    run(server, &["pool", "create", &pool, "--set", "cluster=nowhere-yet"]).await.ok();
    let mut runs = Vec::new();
    for flow in ["quick", "failing"] {
        let deployment = api.create_deployment(NewDeployment::new(flow, project.path(), &pool)).await;
        runs.push(api.create_run(&deployment.id, json!({})).await);
    }
    let arguments = ["dev", "--prefect", "--pool", &pool, "--runs", "2", "--output", "json"];
    let mut command = tokio::process::Command::from(pushpool(server, &arguments).await);
    let ended = super::Ended::of(command.current_dir(project.path()).output().await.unwrap());
    assert!(ended.stderr.contains(&format!("serving work pool {pool}")), "{}", ended.stderr);
    let told = ended.json();
    assert_eq!(told["counts"], json!({"runs": 2, "ended": 2, "failed": 1}), "{told}");
    for (id, state) in runs.iter().zip(["Completed", "Failed"]) {
        let of_run = |it: &&Value| it["flow_run_id"] == **id;
        let row = told["runs"].as_array().unwrap().iter().find(of_run).unwrap();
        assert_eq!((row["state"].as_str(), row["tasks"].as_u64()), (Some(state), Some(1)), "{row}");
        assert!(row["name"].is_string() && row["log_file"].is_string(), "{row}");
    }
}

#[tokio::test]
async fn somebody_elses_work_pools_are_not_taken_without_being_asked() {
    // One of its own: what is served by whom counts for the whole server.
    let server = pushpool_tests::prefect::Options::default().start().await;
    let (api, pool) = (server.api(), unique("served"));
    api.create_pool(&pool, json!({})).await;
    api.post(&format!("/work_pools/{pool}/workers/heartbeat"), json!({"name": "pushpool"})).await.ok();
    let refused = run(&server, &["dev", "--prefect", "--runs", "0"]).await.refused();
    assert!(refused.contains("is served by \"pushpool\" already") && refused.contains("--pool"), "{refused}");
    let refused = run(&server, &["dev", "--prefect", "--pool", "nowhere"]).await.refused();
    assert!(refused.contains("there is no work pool \"nowhere\""), "{refused}");
}
