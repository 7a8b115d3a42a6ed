//! What happens to a run while its message waits: paused, moved, deleted, cancelled.

use std::time::Duration;

use pushpool_tests::rig::served::Setup;
use serde_json::json;

use super::{PATIENCE, World};

/// Nobody dispatches and nothing ticks: the test decides when.
fn held() -> Setup {
    Setup { functions: &["poller"], ticks: false, ..Setup::default() }
}

/// Has the messages of due runs in the queue, changes something, and lets the dispatcher at them.
async fn after_a_change(world: &mut World, runs: usize, change: impl AsyncFnOnce(&World, &[String])) -> Vec<String> {
    let deployment = world.deploy(world.light(0.1).queue("slow")).await;
    let runs = world.due(&deployment, runs).await;
    world.served.poll().await;
    assert_eq!(world.served.bodies("run").len(), runs.len());
    change(world, &runs).await;
    world.served.start_function("dispatcher").await;
    world.served.drained(&["run"], PATIENCE).await;
    assert!(world.served.tasks().is_empty(), "{:#?}", world.served.tasks());
    assert!(world.served.bodies("run-dlq").is_empty());
    runs
}

#[tokio::test]
async fn a_paused_pool_holds_messages_that_are_already_queued_and_runs_them_when_it_is_resumed() {
    let mut world = World::start(held(), json!({})).await;
    let pause = async |world: &World, paused: bool| {
        let body = json!({"is_paused": paused});
        world.api.patch(&format!("/work_pools/{}", world.pool), body).await.ok();
    };
    let runs = after_a_change(&mut world, 2, async |world, _| pause(world, true).await).await;
    assert_eq!(world.count(&runs, "SCHEDULED").await, 2);
    world.served.poll().await;
    assert!(world.served.bodies("run").is_empty(), "a paused pool hands out nothing");
    pause(&world, false).await;
    poll_until_complete(&world, &runs).await;
    world.assert_one_task_each(&runs);
    world.served.stop().await;
}

#[tokio::test]
async fn a_paused_queue_holds_messages_that_are_already_queued_and_runs_them_when_it_is_resumed() {
    let mut world = World::start(held(), json!({})).await;
    let pause = async |world: &World, paused: bool| {
        let body = json!({"is_paused": paused});
        world.api.patch(&format!("/work_pools/{}/queues/slow", world.pool), body).await.ok();
    };
    let runs = after_a_change(&mut world, 2, async |world, _| pause(world, true).await).await;
    assert_eq!(world.count(&runs, "SCHEDULED").await, 2);
    pause(&world, false).await;
    poll_until_complete(&world, &runs).await;
    world.assert_one_task_each(&runs);
    world.served.stop().await;
}

/// The poller remembers for half a minute what it has sent, which is for how long a resumed pool may wait.
async fn poll_until_complete(world: &World, runs: &[String]) {
    let polls = async {
        loop {
            world.served.poll().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = world.all_complete(runs) => {}
        () = polls => {}
    }
}

#[tokio::test]
async fn a_run_that_is_moved_deleted_or_cancelled_while_its_message_waits_is_not_launched() {
    let mut world = World::start(held(), json!({})).await;
    let runs = after_a_change(&mut world, 4, async |world, runs| {
        let later = std::time::SystemTime::now() + Duration::from_secs(3_600);
        let later = later.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let moved = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": later}});
        world.api.set_state(&runs[0], moved).await;
        world.api.delete(&format!("/flow_runs/{}", runs[1])).await.ok();
        world.api.cancel(&runs[2]).await;
        // Taken by somebody else.
        world.api.set_state(&runs[3], json!({"type": "PENDING"})).await;
    })
    .await;
    assert_eq!(world.api.run(&runs[0]).await["state_type"], "SCHEDULED");
    assert_eq!(world.api.get(&format!("/flow_runs/{}", runs[1])).await.status, 404);
    assert_eq!(world.api.run(&runs[2]).await["state_type"], "CANCELLED");
    assert_eq!(world.api.state_names(&runs[3]).await, ["Scheduled", "Pending"]);
    world.served.stop().await;
}
