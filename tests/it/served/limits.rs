//! Limits of pools, queues and deployments.

use std::collections::BTreeSet;

use pushpool_tests::rig::served::Setup;
use serde_json::json;

use super::{LONG, PATIENCE, World};

/// Light containers: it is their number that matters.
#[tokio::test]
async fn a_pool_with_three_slots_never_has_more_than_three_live_tasks() {
    let setup = Setup { dispatchers: 4, ..Setup::default() };
    let world = World::start(setup, json!({"concurrency_limit": 3})).await;
    let deployment = world.deploy(world.light(0.3)).await;
    let runs = world.due(&deployment, 30).await;
    world.all_complete(&runs).await;
    world.assert_one_task_each(&runs);
    // Of the tasks as ECS has them, from PROVISIONING to STOPPED, and by the containers' own clock.
    assert!((1..=3).contains(&world.most_live_tasks()), "{} tasks were live", world.most_live_tasks());
    assert!((1..=3).contains(&world.most_running()), "{} containers ran", world.most_running());
    world.served.stop().await;
}

#[tokio::test]
async fn a_queue_with_one_slot_has_one_task_and_holds_up_no_other_queue() {
    let world = World::start(Setup::default(), json!({})).await;
    world.api.create_queue(&world.pool, "narrow", Some(1)).await;
    let narrow = world.deploy(world.light(0.5).queue("narrow")).await;
    let wide = world.deploy(world.light(0.5)).await;
    let (one_by_one, free) = (world.due(&narrow, 4).await, world.due(&wide, 4).await);
    world.all_complete(&one_by_one).await;
    world.all_complete(&free).await;
    let mut running = 0;
    let mut notes = world.notes();
    notes.sort_by(|a, b| a.at.total_cmp(&b.at));
    for note in notes.iter().filter(|note| one_by_one.contains(&note.run)) {
        running += if note.begun { 1 } else { -1 };
        assert!(running <= 1, "two runs of the queue at once");
    }
    // The free ones did not wait for the others: they are not last.
    assert!(one_by_one.contains(world.order().last().unwrap()), "{:?}", world.order());
    world.served.stop().await;
}

#[tokio::test]
async fn of_a_limited_pool_the_queue_of_higher_priority_comes_first() {
    // Nobody polls until all runs are due.
    let setup = Setup { functions: &["dispatcher", "observer"], ..Setup::default() };
    let mut world = World::start(setup, json!({"concurrency_limit": 1})).await;
    world.api.create_queue(&world.pool, "urgent", None).await;
    // The server gives a new queue the next free number; 1 is the highest.
    let body = json!({"priority": 1});
    world.api.patch(&format!("/work_pools/{}/queues/urgent", world.pool), body).await.ok();
    let later = world.deploy(world.light(0.2)).await;
    let first = world.deploy(world.light(0.2).queue("urgent")).await;
    let (waiting, urgent) = (world.due(&later, 3).await, world.due(&first, 3).await);
    world.served.start_function("poller").await;
    world.all_complete(&waiting).await;
    world.all_complete(&urgent).await;
    let order = world.order();
    assert_eq!(order.len(), 6);
    let begun: BTreeSet<&String> = order[..3].iter().collect();
    assert_eq!(begun, urgent.iter().collect(), "{order:?}: first {urgent:?}");
    world.served.stop().await;
}

#[tokio::test]
async fn a_deployment_that_enqueues_runs_one_after_the_other() {
    // The wait for a slot is the server's setting; 30 s unless set.
    let world = World::start(Setup::default(), json!({})).await;
    let options = json!({"collision_strategy": "ENQUEUE"});
    let deployment = world.light(2.0).with("concurrency_limit", json!(1)).with("concurrency_options", options);
    let deployment = world.deploy(deployment).await;
    let runs = world.due(&deployment, 2).await;
    world.reach(&runs, "COMPLETED", 2, LONG).await;
    world.assert_one_task_each(&runs);
    assert_eq!(world.most_running(), 1);
    let names = [world.api.state_names(&runs[0]).await, world.api.state_names(&runs[1]).await].concat();
    assert!(names.iter().any(|name| name == "AwaitingConcurrencySlot"), "{names:?}");
    world.served.stop().await;
}

#[tokio::test]
async fn a_deployment_that_cancels_new_runs_has_them_cancelled_without_a_task() {
    let world = World::start(Setup::default(), json!({})).await;
    let options = json!({"collision_strategy": "CANCEL_NEW"});
    let deployment = world.light(5.0).with("concurrency_limit", json!(1)).with("concurrency_options", options);
    let deployment = world.deploy(deployment).await;
    let first = world.due(&deployment, 1).await;
    world.api.wait_for(&first[0], &["RUNNING"], PATIENCE).await;
    let second = world.due(&deployment, 1).await;
    world.api.wait_for(&second[0], &["CANCELLED"], PATIENCE).await;
    world.all_complete(&first).await;
    world.assert_one_task_each(&first);
    world.served.stop().await;
}
