//! From a dead-letter queue to the end of the run, however often a message is sent.

use pushpool_tests::rig::{prefect::Options, served::Setup};
use serde_json::json;

use super::{PATIENCE, World};
use crate::cli::run_with_aws;

#[tokio::test]
async fn a_run_whose_messages_are_sent_back_starts_once() {
    let server = Options::default().start().await;
    // No poller: nobody else sends the run.
    let setup = Setup { functions: &["dispatcher", "observer"], ticks: false, ..Setup::default() };
    let world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let runs = world.due(&deployment, 1).await;
    let run = world.api.run(&runs[0]).await;
    let body = json!({"version": 1, "flow_run_id": run["id"], "state_id": run["state"]["id"],
        "expected_start_time": run["expected_start_time"], "work_pool": world.pool});
    for _ in 0..3 {
        world.served.send("run-dlq", &body.to_string()).await;
    }
    let arguments = ["redrive", "--queue", "pushpool-run-dlq", "--to", "pushpool-run", "--yes"];
    let endpoint = world.served.local.endpoint();
    let done = run_with_aws(&server, &endpoint, &arguments).await;
    assert!(done.stderr.contains("3 sent back"), "{}{}", done.stdout, done.stderr);
    world.all_complete(&runs).await;
    world.served.drained(&["run", "run-dlq"], PATIENCE).await;

    // Once more after its end: it is asked whether the run still wants to start, and the dispatcher would have done so, too.
    world.served.send("run-dlq", &body.to_string()).await;
    let shown = run_with_aws(&server, &endpoint, &["redrive", "--queue", "pushpool-run-dlq", "--to", "pushpool-run"])
        .await
        .ok();
    assert!(shown.contains("the run is COMPLETED"), "{shown}");
    world.served.send("run", &body.to_string()).await;
    world.served.drained(&["run"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    world.served.stop().await;
}
