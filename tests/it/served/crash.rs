//! The functions die in the middle of their work.
//!
//! Measured on the ordinary worker, killed after 50 of 200 due runs: about 150 stay Pending for ever, a new worker or not.
//!
//! A Prefect server on SQLite has fifteen connections and one writer. Once more requests than that are under way, whoever
//! holds the write lock may wait for a connection itself, and all stand still until the lock times out after a minute,
//! again and again (seen on prefect 3.8.8; the numbers cannot be set for SQLite). Requests of a dispatcher that died are
//! still under way, so the proxy in front of the server lets [`AT_ONCE`] through, as a load balancer would that knows its
//! server. Containers go past it: the two hundred runs have tasks that report nothing, which is enough to see that each run
//! is claimed, launched and recorded once, and the runs that go all the way are twelve.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use local::ecs::Runner;
use pushpool_tests::{
    prefect::{Options, Proxy, Server},
    served::Setup,
};
use serde_json::json;

use super::World;

/// Requests of the functions that the server handles at once.
const AT_ONCE: usize = 8;

/// The server may stand still for a minute all the same.
const PATIENCE_WITH_LOCKS: Duration = Duration::from_secs(600);

/// A server of its own, and `count` due runs that nobody has taken yet. What a dispatcher that dies has sent reaches the
/// server, as behind a load balancer.
async fn start(count: usize, setup: Setup) -> (Server, Proxy, World, Vec<String>) {
    let server = Options::default().start().await;
    let proxy = Proxy::start_for(server.address(), AT_ONCE).await;
    let setup =
        Setup { functions: &["poller"], api_urls: vec![("dispatcher", proxy.url()), ("poller", proxy.url())], ..setup };
    let world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.light(0.0)).await;
    let runs = world.due(&deployment, count).await;
    (server, proxy, world, runs)
}

/// Kills every dispatcher each time another quarter of the runs has a task. A process that is killed is followed by a new
/// one.
async fn dispatch_and_kill(world: &mut World, count: usize) {
    world.served.start_function("dispatcher").await;
    let mut killed = 0;
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
}

#[tokio::test]
async fn all_of_200_runs_get_one_task_each_though_every_dispatcher_is_killed_after_50_100_and_150() {
    let count = 200;
    let (_server, _proxy, mut world, runs) =
        start(count, Setup { runner: Runner::Instant { exit_code: 0 }, ..Setup::default() }).await;
    dispatch_and_kill(&mut world, count).await;
    world.reach(&runs, "PENDING", count, PATIENCE_WITH_LOCKS).await;
    world.served.drained(&["runs"], PATIENCE_WITH_LOCKS).await;
    world.assert_one_task_each(&runs);
    for run in &runs {
        let recorded = world.api.run(run).await["infrastructure_pid"].clone();
        let task = &world.served.tasks_of(run)[0].task_arn;
        assert!(recorded.as_str().is_some_and(|recorded| recorded.ends_with(task)), "{run}: {recorded} is not {task}");
    }
    assert!(world.served.bodies("dlq").is_empty());
    world.served.stop().await;
}

#[tokio::test]
async fn flows_run_once_though_every_dispatcher_is_killed_after_each_quarter() {
    let count = 12;
    // Not all containers at once: see above.
    let environment = vec![("PUSHPOOL_RUN_TASK_RATE", "8".to_owned())];
    let setup = Setup { dispatchers: 1, environment, ..Setup::default() };
    let (_server, _proxy, mut world, runs) = start(count, setup).await;
    dispatch_and_kill(&mut world, count).await;
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
