//! What many due runs cost the server, and who waits for whom.

use local::ecs::Runner;
use pushpool_tests::rig::{
    prefect::{Options, Proxy},
    served::Setup,
};
use serde_json::json;

use super::{LONG, World};

const RUNS: usize = 200;

/// Tasks end the moment they start: what is counted is over by then.
#[tokio::test]
async fn two_hundred_due_runs_cost_at_most_2_3_requests_each_and_the_first_does_not_wait_for_the_last() {
    // A run that is marked late has a new state, and its message is another's: nobody polls here to send that.
    let server = Options::default().env("PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED", "false").start().await;
    let (polling, dispatching) = (Proxy::start(server.address()).await, Proxy::start(server.address()).await);
    dispatching.record();
    let setup = Setup {
        functions: &["poller"],
        ticks: false,
        dispatchers: 1,
        runner: Runner::Instant { exit_code: 0 },
        api_urls: vec![("poller", polling.url()), ("dispatcher", dispatching.url())],
        ..Setup::default()
    };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.flow("quick")).await;
    let runs = world.due(&deployment, RUNS).await;
    world.served.poll().await;
    assert_eq!(world.served.bodies("run").len(), RUNS, "one message an attempt");
    // The queue is full before anyone takes from it, so that all batches are.
    world.served.start_function("dispatcher").await;
    world.served.drained(&["run"], LONG).await;

    world.assert_one_task_each(&runs);
    assert_eq!(world.count(&runs, "PENDING").await, RUNS);
    let (batches, counts) = (RUNS as u64 / 10, dispatching.counts());
    assert_eq!(dispatching.count("POST /flow_runs/filter"), batches, "{counts:#?}");
    let total: u64 = counts.values().sum();
    eprintln!("requests for {RUNS} runs: dispatcher {total} {counts:#?} poller {:#?}", polling.counts());
    assert!(total * 10 <= RUNS as u64 * 23, "{total} requests: {counts:#?}");
    let calls = world.served.local.calls();
    eprintln!("calls to AWS: {calls:#?}");
    assert!(calls["ecs:RunTask"] * 100 <= RUNS as u64 * 105, "{calls:#?}");

    // The dispatcher has a batch of ten; no other run is claimed before one of them has its task recorded.
    let exchanges = dispatching.exchanges();
    let recorded = exchanges.iter().position(|exchange| exchange.operation == "PATCH /flow_runs/{id}").unwrap();
    let claims = exchanges[..recorded].iter().filter(|it| it.operation.ends_with("/set_state")).count();
    assert!(claims <= 10, "{claims} runs were claimed before the first was recorded");
    world.served.stop().await;
}
