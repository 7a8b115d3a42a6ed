//! Runs are cancelled in every phase they can be in; each ends Cancelled, and no task of theirs is left.

use std::time::Duration;

use local::ecs::{Status, TaskFault, TaskRule};
use pushpool_tests::rig::served::Setup;
use serde_json::json;

use super::{PATIENCE, World};

/// A flow has two seconds to see to itself here.
fn setup() -> Setup {
    Setup { environment: vec![("PUSHPOOL_CANCEL_GRACE", "2".to_owned())], ..Setup::default() }
}

/// Asks for it as the user interface does, and rings as the server's automation would.
async fn cancel(world: &World, run: &str) {
    world.api.cancel(run).await;
    world
        .served
        .ring(json!({"event": "prefect.flow-run.Cancelling", "flow_run_id": run, "work_pool": world.pool}))
        .await;
}

async fn assert_ends_cancelled(world: &World, run: &str) {
    world.api.wait_for(run, &["CANCELLED"], PATIENCE).await;
    let live = || world.served.tasks_of(run).iter().any(|task| task.status != Status::Stopped);
    let started = std::time::Instant::now();
    while live() {
        assert!(started.elapsed() < PATIENCE, "{:#?}", world.served.tasks_of(run));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.api.run(run).await["state_type"], "CANCELLED");
}

#[tokio::test]
async fn a_scheduled_run_that_is_cancelled_gets_no_task() {
    let world = World::start(setup(), json!({})).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let run = world.api.create_run_later(&deployment, Duration::from_secs(5), json!({})).await;
    // Its message is on its way, delayed.
    while world.served.bodies("run").is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cancel(&world, &run).await;
    assert_ends_cancelled(&world, &run).await;
    world.served.drained(&["run"], PATIENCE).await;
    assert!(world.served.tasks().is_empty());
    world.served.stop().await;
}

/// Cancelled after the claim, while RunTask is on its way: the task is recorded, and stopped.
#[tokio::test]
async fn a_claimed_run_that_is_cancelled_ends_with_the_task_it_was_about_to_get() {
    let world = World::start(setup(), json!({})).await;
    let wait = local::Fault::Delay(Duration::from_secs(4));
    world.served.local.faults().add(local::Rule::new(local::Service::Ecs, "RunTask", wait));
    let deployment = world.deploy(world.light(600.0)).await;
    let run = world.due(&deployment, 1).await.remove(0);
    world.api.wait_for(&run, &["PENDING"], PATIENCE).await;
    assert!(world.served.tasks().is_empty());
    cancel(&world, &run).await;
    assert_ends_cancelled(&world, &run).await;
    world.served.stop().await;
}

#[tokio::test]
async fn a_run_whose_task_is_provisioning_is_cancelled_with_it() {
    let world = World::start(setup(), json!({})).await;
    world.served.local.ecs().inject(TaskRule::next(TaskFault::StuckProvisioning));
    let deployment = world.deploy(world.light(0.1)).await;
    let run = world.due(&deployment, 1).await.remove(0);
    while world.api.run(&run).await["infrastructure_pid"].is_null() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cancel(&world, &run).await;
    assert_ends_cancelled(&world, &run).await;
    assert_eq!(world.served.tasks_of(&run).len(), 1);
    world.served.stop().await;
}

/// A real flow process, which sees to itself: it gets the time it needs for that.
#[tokio::test]
async fn a_running_flow_cancels_itself() {
    let environment = vec![("PUSHPOOL_CANCEL_GRACE", "60".to_owned())];
    let world = World::start(Setup { environment, ..Setup::default() }, json!({})).await;
    let started = world.project.file("started");
    let run = world.run("sleeping", json!({"seconds": 600, "started": started})).await;
    world.api.wait_for(&run, &["RUNNING"], PATIENCE).await;
    while !std::path::Path::new(&started).exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cancel(&world, &run).await;
    assert_ends_cancelled(&world, &run).await;
    let tasks = world.served.tasks_of(&run);
    assert_eq!((tasks.len(), tasks[0].exit_code), (1, Some(0)), "{tasks:#?}");
    world.served.stop().await;
}

/// A container that takes no notice of anything, SIGTERM included.
#[tokio::test]
async fn a_hung_run_is_cancelled_and_its_task_killed() {
    let world = World::start(setup(), json!({})).await;
    let hang = world.light(600.0);
    let script = pushpool_tests::rig::python::python().script("light_flow.py");
    let command =
        format!("sh -c \"trap '' TERM; python -I -S {} {} 600\"", script.display(), world.project.file("notes"));
    let hang = hang.job_variables(json!({"command": command}));
    let deployment = world.deploy(hang).await;
    let run = world.due(&deployment, 1).await.remove(0);
    world.api.wait_for(&run, &["RUNNING"], PATIENCE).await;
    cancel(&world, &run).await;
    assert_ends_cancelled(&world, &run).await;
    let tasks = world.served.tasks_of(&run);
    assert_eq!((tasks.len(), tasks[0].exit_code), (1, Some(137)), "{tasks:#?}");
    world.served.stop().await;
}
