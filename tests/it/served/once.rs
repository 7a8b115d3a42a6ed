//! However often a message comes, its attempt has one task.

use pushpool_tests::rig::served::Setup;
use serde_json::json;

use super::{PATIENCE, World};

/// Light containers: it is their number that matters.
#[tokio::test]
async fn messages_that_come_three_times_to_two_dispatchers_start_one_task_an_attempt() {
    let setup = Setup { functions: &["poller"], ticks: false, ..Setup::default() };
    let mut world = World::start(setup, json!({})).await;
    let deployment = world.deploy(world.light(0.2)).await;
    let runs = world.due(&deployment, 20).await;
    world.served.poll().await;
    let messages = world.served.bodies("run");
    assert_eq!(messages.len(), runs.len());
    // Twice while the first is there: the same run in one batch, and in batches of both dispatchers at once.
    for message in messages.iter().chain(messages.iter().rev()) {
        world.served.send("run", message).await;
    }
    world.served.start_function("dispatcher").await;
    world.all_complete(&runs).await;
    world.served.drained(&["run"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    // And once when all is over, which the server would let run again.
    for message in &messages {
        world.served.send("run", message).await;
    }
    world.served.drained(&["run"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    assert_eq!(world.order().len(), runs.len(), "each flow began once");
    assert_eq!(world.count(&runs, "COMPLETED").await, runs.len());
    world.served.stop().await;
}
