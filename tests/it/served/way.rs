//! The way of a run: deployed, scheduled, launched, completed.

use pushpool_tests::{
    prefect::{Options, deploy},
    served::Setup,
};
use serde_json::json;

use super::{PATIENCE, World};

/// On a server of its own, so with a pool of type `ecs:push` that nobody named.
#[tokio::test]
async fn a_deployed_flow_runs_to_its_end_without_a_worker() {
    let server = Options::default().start().await;
    let world = World::on(&server, "ecs:push", Setup::default(), json!({})).await;
    let (api, pool) = (&world.api, &world.pool);
    deploy(&server, world.project.path(), pool, &["--name", "quick"]).await;
    let deployment = api.get("/deployments/name/quick/quick").await.ok();
    let run = api.create_run(deployment["id"].as_str().unwrap(), json!({})).await;
    let ended = api.wait_for(&run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
    assert_eq!(ended["state_type"], "COMPLETED", "{ended}");
    assert_eq!(api.state_names(&run).await, ["Scheduled", "Pending", "Running", "Completed"]);
    let tasks = world.served.tasks_of(&run);
    assert_eq!(tasks.len(), 1);
    let recorded = ended["infrastructure_pid"].as_str().unwrap();
    assert!(recorded.ends_with(&format!("::{}", tasks[0].task_arn)), "{recorded}");
    let logs = api.logs(&run).await;
    assert!(logs.iter().any(|line| line.contains(&tasks[0].task_arn) && line.contains("console.aws")), "{logs:?}");
    let pool = api.get(&format!("/work_pools/{pool}")).await.ok();
    assert_eq!(pool["status"], "READY");
    world.served.stop().await;
}
