//! The functions die in the middle of their work.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use pushpool_tests::served::Setup;
use serde_json::json;

use super::{LONG, PATIENCE, World};

const RUNS: usize = 200;

/// Measured on the ordinary worker, killed after 50 of 200 due runs: about 150 stay Pending for ever, a new worker or not.
///
/// Light containers: it is their number that matters.
#[tokio::test]
async fn all_runs_run_once_though_every_dispatcher_is_killed_after_50_of_200() {
    // Polls go on: the server renames what waits for 15 s to Late, which makes another attempt of it.
    // One invocation at a time for each queue, and not all containers at once: the server has one writer.
    let setup = Setup {
        functions: &["poller"],
        dispatchers: 1,
        environment: vec![("PUSHPOOL_RUN_TASK_RATE", "8".to_owned())],
        ..Setup::default()
    };
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
    // By the containers' own notes, and not by the state each run is in at the end. A claim is a request that outlives who
    // sent it: a busy server may carry it out seconds after the same claim, sent again, has been, and the flow has run. It
    // accepts PENDING after COMPLETED, and no request can be made conditional. Seen here for 2 of 200 runs on a machine with
    // four times as much to do as it can.
    let started = Instant::now();
    while world.notes().iter().filter(|note| !note.begun).count() < RUNS {
        assert!(started.elapsed() < LONG, "{} of {RUNS} ran", world.order().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.served.drained(&["runs"], PATIENCE).await;
    world.assert_one_task_each(&runs);
    let order = world.order();
    assert_eq!(order.iter().collect::<BTreeSet<_>>(), runs.iter().collect(), "every flow began");
    assert_eq!(order.len(), RUNS, "and began once");
    for run in &runs {
        let names = world.api.state_names(run).await;
        assert!(names.contains(&"Completed".to_owned()), "{run}: {names:?}");
    }
    eprintln!("{} of {RUNS} runs are COMPLETED", world.count(&runs, "COMPLETED").await);
    assert!(world.served.bodies("dlq").is_empty());
    world.served.stop().await;
}
