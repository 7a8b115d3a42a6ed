//! The way of a run: deployed, scheduled, launched, completed.

use std::time::{Duration, Instant};

use pushpool_tests::rig::{
    prefect::{Options, deploy},
    served::Setup,
};
use serde_json::{Value, json};

use super::{PATIENCE, World};

/// On a server of its own, so with a pool of type `ecs:push` that nobody named.
#[tokio::test]
async fn a_deployed_flow_runs_to_its_end_without_a_worker() {
    let server = Options::default().start().await;
    let world = World::on(&server, "ecs:push", Setup::default(), json!({})).await;
    let (api, pool) = (&world.api, &world.pool);
    deploy(&server, world.project.path(), pool, &["--name", "quick"]).await;
    let deployment = api.get("/deployments/name/quick/quick").await.ok();
    let run = api.create_run(deployment["id"].as_str().unwrap(), json!({})).await;
    let ended = api.wait_for(&run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
    assert_eq!(ended["state_type"], "COMPLETED", "{ended}");
    assert_eq!(api.state_names(&run).await, ["Scheduled", "Pending", "Running", "Completed"]);
    let tasks = world.served.tasks_of(&run);
    assert_eq!(tasks.len(), 1);
    let recorded = ended["infrastructure_pid"].as_str().unwrap();
    assert!(recorded.ends_with(&format!("::{}", tasks[0].task_arn)), "{recorded}");
    let logs = api.logs(&run).await;
    let told = logs.iter().find(|line| line.contains(&tasks[0].task_arn)).unwrap_or_else(|| panic!("{logs:?}"));
    assert!(!told.contains("console.aws"), "AWS on loopback has no console: {told}");
    let pool = api.get(&format!("/work_pools/{pool}")).await.ok();
    assert_eq!(pool["status"], "READY");
    world.served.stop().await;
}

#[tokio::test]
async fn a_scheduled_run_starts_when_it_is_due() {
    let world = World::start(Setup::default(), json!({})).await;
    let deployment = world.deploy(world.light(0.0)).await;
    let due_in = Duration::from_secs(12);
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(world.api.create_run_later(&deployment, due_in, json!({})).await);
    }
    // And those that the server's own scheduler makes: three of them, five seconds apart.
    let schedule = json!([{"schedule": {"interval": 5}, "active": true}]);
    let interval = world.deploy(world.light(0.0).with("schedules", schedule)).await;
    world.all_complete(&runs).await;
    let filter =
        json!({"flow_runs": {"deployment_id": {"any_": [interval]}, "state": {"type": {"any_": ["COMPLETED"]}}}});
    let started = Instant::now();
    let scheduled = loop {
        let completed = world.api.post("/flow_runs/filter", filter.clone()).await.ok();
        match completed.as_array() {
            Some(completed) if completed.len() >= 3 => break completed.clone(),
            _ => assert!(started.elapsed() < PATIENCE, "the schedule's runs do not run"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    world.api.patch(&format!("/deployments/{interval}"), json!({"paused": true})).await.ok();
    let mut late = Vec::new();
    for run in runs.iter().map(String::as_str).chain(scheduled.iter().map(|run| run["id"].as_str().unwrap())) {
        let run = world.api.run(run).await;
        assert_eq!(world.served.tasks_of(run["id"].as_str().unwrap()).len(), 1);
        let [due, started] = ["expected_start_time", "start_time"].map(|key| timestamp(&run[key]));
        // The server has containers that are early wait, and lets them go within the second (`WaitForScheduledTime`).
        assert!(started > due - 1.0, "{run}");
        late.push(started - due);
    }
    late.sort_by(f64::total_cmp);
    eprintln!("seconds from due to RUNNING: {late:.2?}");
    world.served.stop().await;
}

/// Seconds since 1970.
fn timestamp(value: &Value) -> f64 {
    let timestamp: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    timestamp.as_duration().as_secs_f64()
}

#[tokio::test]
async fn a_run_that_goes_back_to_awaiting_retry_gets_another_task_and_one_that_retries_by_itself_does_not() {
    let world = World::start(Setup::default(), json!({})).await;
    let again = world.run("rescheduled", json!({"marker": world.project.file("again")})).await;
    let itself = world.run("retried", json!({"marker": world.project.file("itself")})).await;
    for run in [&again, &itself] {
        let ended = world.api.wait_for(run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
        assert_eq!(ended["state_type"], "COMPLETED", "{ended}");
        let names = world.api.state_names(run).await;
        assert!(names.contains(&"AwaitingRetry".to_owned()), "{names:?}");
    }
    assert_eq!(world.served.tasks_of(&again).len(), 2);
    assert_eq!(world.served.tasks_of(&itself).len(), 1);
    world.served.stop().await;
}
