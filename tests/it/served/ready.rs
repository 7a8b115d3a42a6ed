//! Pools, queues and deployments are READY for as long as they are served.
//!
//! The server calls a queue or a deployment NOT_READY when it was not polled for 60 s, and looks every 15 s. The test has
//! both a fifth as long, and polls that much more often. With real times, for three minutes:
//!
//! ```console
//! $ PUSHPOOL_TEST_REAL_TIME=1 cargo test -p pushpool-tests --test it -- served::ready
//! ```

use std::time::{Duration, Instant};

use pushpool_tests::rig::{prefect::Options, served::Setup};
use serde_json::{Value, json};

use super::{PATIENCE, World};

/// Seconds: between polls, until the server gives something up, between the server's looks, and of the test.
fn times() -> [u64; 4] {
    if std::env::var_os("PUSHPOOL_TEST_REAL_TIME").is_some() { [20, 60, 15, 180] } else { [4, 12, 3, 36] }
}

async fn statuses(world: &World, deployment: &str) -> [Value; 3] {
    let pool = world.api.get(&format!("/work_pools/{}", world.pool)).await.ok();
    let queue = world.api.get(&format!("/work_pools/{}/queues/default", world.pool)).await.ok();
    let deployment = world.api.get(&format!("/deployments/{deployment}")).await.ok();
    [pool, queue, deployment].map(|it| it["status"].clone())
}

#[tokio::test]
async fn what_is_served_is_ready_all_the_time_and_not_when_it_is_no_longer_served() {
    let [interval, timeout, looks, length] = times();
    let foreman = |name: &str| format!("PREFECT_SERVER_SERVICES_FOREMAN_{name}");
    let server = Options::default()
        .env(&foreman("LOOP_SECONDS"), looks.to_string())
        .env(&foreman("DEPLOYMENT_LAST_POLLED_TIMEOUT_SECONDS"), timeout.to_string())
        .env(&foreman("WORK_QUEUE_LAST_POLLED_TIMEOUT_SECONDS"), timeout.to_string());
    let server = server.start().await;
    // The schedule's tick once a minute; the poller makes those in between.
    let setup = Setup {
        functions: &["poller"],
        ticks: false,
        environment: vec![("PUSHPOOL_POLL_INTERVAL", interval.to_string())],
        ..Setup::default()
    };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let deployment = world.deploy(world.flow("quick")).await;
    let minute = async |world: &World| world.served.send("poll", r#"{"version":1,"tick":"minute"}"#).await;
    minute(&world).await;
    let ready = [json!("READY"), json!("READY"), json!("READY")];
    let started = Instant::now();
    while statuses(&world, &deployment).await != ready {
        assert!(started.elapsed() < PATIENCE, "{:?}", statuses(&world, &deployment).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (started, mut ticked) = (Instant::now(), Instant::now());
    while started.elapsed() < Duration::from_secs(length) {
        if ticked.elapsed() >= Duration::from_secs(60) {
            minute(&world).await;
            ticked = Instant::now();
        }
        assert_eq!(statuses(&world, &deployment).await, ready, "after {:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.served.stop_function("poller").await;
    let gone = [json!("NOT_READY"), json!("NOT_READY"), json!("NOT_READY")];
    let started = Instant::now();
    while statuses(&world, &deployment).await != gone {
        assert!(started.elapsed() < PATIENCE, "{:?}", statuses(&world, &deployment).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.served.stop().await;
}
