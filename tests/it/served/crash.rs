//! The functions die in the middle of their work.
//!
//! A server on SQLite does not take that lightly: what it was doing for whoever died keeps the write lock, and all others
//! wait for up to a minute, each time (seen on prefect 3.8.8). So the test has a server of its own, and twelve runs. With two
//! hundred, which can take a quarter of an hour:
//!
//! ```console
//! $ PUSHPOOL_TEST_RUNS=200 cargo test -p pushpool-tests --test it -- served::crash
//! ```

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use pushpool_tests::{
    prefect::{Options, Proxy},
    served::Setup,
};
use serde_json::json;

use super::World;

/// With two hundred runs it takes that long.
const PATIENCE_WITH_LOCKS: Duration = Duration::from_secs(1_200);

/// A multiple of four: the dispatchers die after each quarter.
fn count() -> usize {
    std::env::var("PUSHPOOL_TEST_RUNS").map_or(12, |count| count.parse().unwrap())
}

/// Measured on the ordinary worker, killed after 50 of 200 due runs: about 150 stay Pending for ever, a new worker or not.
///
/// Light containers: it is their number that matters.
#[tokio::test]
async fn all_runs_run_once_though_every_dispatcher_is_killed_after_each_quarter() {
    // Polls go on: the server renames what waits for 15 s to Late, which makes another attempt of it.
    // One invocation at a time for each queue, and not all containers at once: the server has one writer.
    let setup = Setup {
        functions: &["poller"],
        dispatchers: 1,
        environment: vec![("PUSHPOOL_RUN_TASK_RATE", "8".to_owned())],
        ..Setup::default()
    };
    let count = count();
    let server = Options::default().start().await;
    let proxy = Proxy::start(server.address()).await;
    let setup = Setup { api_urls: vec![("dispatcher", proxy.url())], ..setup };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.light(0.0)).await;
    let runs = world.due(&deployment, count).await;
    world.served.start_function("dispatcher").await;
    let mut killed = 0;
    // A process that is killed is followed by a new one.
    for tasks in [1, 2, 3].map(|quarters| count * quarters / 4) {
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
    while world.notes().iter().filter(|note| !note.begun).count() < count {
        assert!(started.elapsed() < PATIENCE_WITH_LOCKS, "{} of {count} ran", world.order().len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.served.drained(&["runs"], PATIENCE_WITH_LOCKS).await;
    world.assert_one_task_each(&runs);
    let order = world.order();
    assert_eq!(order.iter().collect::<BTreeSet<_>>(), runs.iter().collect(), "every flow began");
    assert_eq!(order.len(), count, "and began once");
    for run in &runs {
        let names = world.api.state_names(run).await;
        assert!(names.contains(&"Completed".to_owned()), "{run}: {names:?}");
    }
    eprintln!("{} of {count} runs are COMPLETED", world.count(&runs, "COMPLETED").await);
    assert!(world.served.bodies("dlq").is_empty());
    world.served.stop().await;
}
