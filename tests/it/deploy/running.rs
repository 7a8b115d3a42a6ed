//! A flow that `pushpool deploy` has deployed runs.

use pushpool_tests::rig::prefect::{Project, Proxy, Server, shared, unique};
use serde_json::json;

use crate::cli::{Ended, finish, pushpool};

async fn run(server: &Server, project: &Project, pool: &str, arguments: &[&str]) -> Ended {
    let mut command = pushpool(server, arguments).await;
    command.current_dir(project.path()).env("POOL", pool);
    finish(command).await
}

#[tokio::test]
async fn a_flow_runs_to_completed_on_this_machine() {
    let server = shared().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("deployed"));
    run(server, &project, &pool, &["pool", "create", &pool, "--set", "cluster=nowhere-yet"]).await.ok();
    run(server, &project, &pool, &["deploy", "--all", "--check"]).await.ok();
    run(server, &project, &pool, &["deploy", "-n", "quick", "--param", "x=5"]).await.ok();
    let deployment = api.get("/deployments/name/quick/quick").await.ok();
    assert_eq!((&deployment["work_pool_name"], &deployment["parameters"]), (&json!(pool), &json!({"x": 5})));
    let id = api.create_run(deployment["id"].as_str().unwrap(), json!({})).await;
    let dev = ["dev", "--prefect", "--pool", &pool, "--runs", "1", "--output", "json"];
    let told = run(server, &project, &pool, &dev).await.json();
    assert_eq!(told["counts"], json!({"runs": 1, "ended": 1, "failed": 0}), "{told}");
    assert_eq!(api.run(&id).await["state_name"], "Completed", "{told}");

    // Deployed again, it stands as it is: nothing that the run has left is taken for a change.
    let proxy = Proxy::start(server.address()).await;
    let mut command = pushpool(server, &["deploy", "-n", "quick", "--param", "x=5", "--detailed-exitcode"]).await;
    command.current_dir(project.path()).env("POOL", &pool).env("PREFECT_API_URL", proxy.url());
    finish(command).await.ok();
    assert_eq!(proxy.count("PATCH /deployments/{id}"), 0, "{:?}", proxy.counts());
}
