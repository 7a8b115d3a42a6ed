//! What cannot be launched now, and what can never be.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use local::{
    Fault, Rule, Service,
    ecs::{Failure, TaskFault, TaskRule},
};
use pushpool_tests::rig::{prefect::Api, served::Setup};
use serde_json::{Value, json};

use super::{PATIENCE, World};

/// The state of that name that a run has had.
async fn state(api: &Api, run: &str, name: &str) -> Value {
    let states = api.states(run).await;
    states.iter().find(|state| state["name"] == name).cloned().unwrap_or_else(|| panic!("no {name} in {states:#?}"))
}

async fn assert_told(world: &World, run: &str, name: &str, words: &[&str]) {
    let state = state(&world.api, run, name).await;
    let message = state["message"].as_str().unwrap();
    let started = Instant::now();
    for word in words {
        assert!(message.contains(word), "{word} in {message}");
        // The lines of a batch are written when its last run is done.
        loop {
            let logs = world.api.logs(run).await;
            if logs.iter().any(|line| line.contains(word)) {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{word} in {logs:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn what_aws_has_no_capacity_for_is_handed_back_and_launched_later() {
    let environment = vec![("PUSHPOOL_TEST_HAND_BACK_DELAY", "5".to_owned())];
    let world = World::start(Setup { environment, ..Setup::default() }, json!({})).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let capacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
    world.served.local.ecs().inject(TaskRule::next(TaskFault::RunTaskFailures(vec![Failure::new(capacity)])));
    let run = world.due(&deployment, 1).await;
    world.all_complete(&run).await;
    assert_told(&world, &run[0], "AwaitingCapacity", &["Capacity is unavailable", "PP03"]).await;
    world.assert_one_task_each(&run);

    // The SDK tries a throttled call again by itself; what gets through to the run is a throttle that lasts.
    let throttle = Fault::Throttle { code: Cow::Borrowed("ThrottlingException"), message: "Rate exceeded".to_owned() };
    let rule = world.served.local.faults().add(Rule::new(Service::Ecs, "RunTask", throttle));
    let run = world.due(&deployment, 1).await;
    world.api.wait_for(&run[0], &["AwaitingCapacity"], PATIENCE).await;
    world.served.local.faults().remove(rule);
    world.all_complete(&run).await;
    assert_told(&world, &run[0], "AwaitingCapacity", &["Rate exceeded", "PP03"]).await;
    assert_eq!(world.served.tasks_of(&run[0]).len(), 1);
    world.served.stop().await;
}

#[tokio::test]
async fn what_can_never_be_launched_crashes_and_says_what_to_do() {
    let world = World::start(Setup::default(), json!({})).await;
    let sizes = world.deploy(world.flow("quick").job_variables(json!({"cpu": 256, "memory": 30_720}))).await;
    let sizes = world.due(&sizes, 1).await;
    let cluster = world.deploy(world.flow("quick").job_variables(json!({"cluster": "nowhere"}))).await;
    let cluster = world.due(&cluster, 1).await;
    let block = json!({"env": {"TOKEN": "{{ prefect.blocks.secret.no-such-block }}"}});
    let block = world.deploy(world.flow("quick").job_variables(block)).await;
    let block = world.due(&block, 1).await;
    for (run, words) in [
        (&sizes[0], ["30720", "PP"]),
        (&cluster[0], ["(cluster nowhere)", "PP0314"]),
        (&block[0], ["no-such-block", "PP"]),
    ] {
        world.api.wait_for(run, &["CRASHED"], PATIENCE).await;
        assert_told(&world, run, "Crashed", &words).await;
    }
    assert!(world.served.tasks().is_empty());
    world.served.drained(&["run"], PATIENCE).await;
    assert!(world.served.bodies("run-dlq").is_empty());
    world.served.stop().await;
}
