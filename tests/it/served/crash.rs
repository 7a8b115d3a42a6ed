//! The functions die in the middle of their work.

use std::{process::Command, time::Duration};

use pushpool_tests::served::Setup;
use serde_json::json;

use super::{PATIENCE, World};

const RUNS: usize = 200;

/// Measured on the ordinary worker, killed after 50 of 200 due runs: about 150 stay Pending for ever, a new worker or not.
///
/// Light containers: it is their number that matters.
#[tokio::test]
async fn all_runs_run_once_though_every_dispatcher_is_killed_after_50_of_200() {
    // Polls go on: the server renames what waits for 15 s to Late, which makes another attempt of it.
    let setup = Setup { functions: &["poller"], ..Setup::default() };
    let mut world = World::start(setup, json!({})).await;
    let deployment = world.deploy(world.light(0.0)).await;
    let runs = world.due(&deployment, RUNS).await;
    world.served.start_function("dispatcher").await;
    let mut killed = 0;
    // Every time fifty more have a task. A process that is killed is followed by a new one.
    for tasks in [50, 100, 150] {
        while world.served.tasks().len() < tasks {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let processes = world.served.processes("dispatcher");
        assert!(!processes.is_empty(), "the dispatchers' processes are found");
        for process in processes {
            killed += u32::from(Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success());
        }
    }
    assert!(killed >= 3, "{killed} processes were killed");
    world.all_complete(&runs).await;
    world.served.drained(&["runs"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    assert_eq!(world.order().len(), RUNS, "each flow began once");
    assert!(world.served.bodies("dlq").is_empty());
    world.served.stop().await;
}
