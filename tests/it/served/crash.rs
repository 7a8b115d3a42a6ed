//! The functions die in the middle of their work.
//!
//! Measured on the ordinary worker, killed after 50 of 200 due runs: about 150 stay Pending for ever, a new worker or not.

use std::{collections::BTreeSet, process::Command, time::Duration};

use pushpool_tests::rig::{prefect::Options, served::Setup};
use serde_json::json;

use super::{LONG, World};

const RUNS: usize = 200;

/// The dispatcher is started last: when all runs are due.
const FUNCTIONS: [&str; 4] = ["poller", "observer", "reconciler", "dispatcher"];

#[tokio::test]
async fn all_of_200_runs_complete_once_though_every_dispatcher_is_killed_after_50_100_and_150() {
    let server = Options::default().start().await;
    let setup = Setup { functions: &FUNCTIONS[..3], ..Setup::default() };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let container = env!("CARGO_BIN_EXE_chaos");
    let command = format!("{container} container {} completes 0.1", world.project.file("notes"));
    let deployment = world.deploy(world.flow("quick").job_variables(json!({"command": command}))).await;
    let runs = world.due(&deployment, RUNS).await;

    world.served.start_function("dispatcher").await;
    let mut killed = 0;
    for tasks in [50, 100, 150] {
        while world.served.tasks().len() < tasks {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Each that is killed is followed by a new one.
        let processes = world.served.processes("dispatcher");
        assert!(!processes.is_empty(), "the dispatchers' processes are found");
        for process in processes {
            killed += u32::from(Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap().success());
        }
    }
    assert!(killed >= 3, "{killed} processes were killed");

    world.reach(&runs, "COMPLETED", RUNS, LONG).await;
    world.served.drained(&["run"], LONG).await;
    world.assert_one_task_each(&runs);
    let order = world.order();
    assert_eq!(order.iter().collect::<BTreeSet<_>>(), runs.iter().collect(), "every flow began");
    assert_eq!(order.len(), RUNS, "and began once");
    for run in &runs {
        let recorded = world.api.run(run).await["infrastructure_pid"].clone();
        let task = &world.served.tasks_of(run)[0].task_arn;
        // A flow that is over before its dispatcher's message comes back is not recorded any more.
        let right = recorded.as_str().map_or_else(|| recorded.is_null(), |recorded| recorded.ends_with(task));
        assert!(right, "{run}: {recorded} is not {task}");
    }
    world.served.stop().await;
}
