//! Rings: the server's own automation, installed by the command line tool, at the doorbell function's URL.

use std::time::Duration;

use pushpool_tests::rig::{
    prefect::{Options, environment},
    served::Setup,
};
use serde_json::json;

use super::{PATIENCE, World};

const TOKEN: &str = "canary-token-0123456789";

/// Nothing ticks here, so what happens, happens because somebody rang.
#[tokio::test]
async fn runs_start_and_are_cancelled_because_the_server_rings() {
    let server = Options::default().start().await;
    let setup = Setup {
        functions: &["doorbell", "poller", "dispatcher", "observer"],
        ticks: false,
        environment: vec![("PUSHPOOL_DOORBELL_TOKEN", TOKEN.to_owned()), ("PUSHPOOL_CANCEL_GRACE", "1".to_owned())],
        ..Setup::default()
    };
    let mut world = World::on(&server, "ecs:push", setup, json!({})).await;
    let doorbell = world.served.url_of("doorbell").await;
    let binary = tokio::task::spawn_blocking(pushpool_tests::pushpool).await.unwrap();
    let mut install = tokio::process::Command::new(binary);
    install.args(["doorbell", "install", "--url", &doorbell.url(), "--token", TOKEN]);
    let installed = install.env_clear().envs(environment(&server)).output().await.unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));

    let quick = world.deploy(world.light(0.1)).await;
    let rung = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let run = world.due(&quick, 1).await.remove(0);
    world.api.wait_for(&run, &["COMPLETED"], PATIENCE).await;
    let launched = Duration::from_millis(world.served.tasks_of(&run)[0].created_at);
    eprintln!("from the request that makes a run to its RunTask: {:?}", launched.saturating_sub(rung));

    // It takes no notice of being cancelled, as a flow that hangs.
    let hung = world.deploy(world.light(600.0)).await;
    let run = world.due(&hung, 1).await.remove(0);
    world.api.wait_for(&run, &["RUNNING"], PATIENCE).await;
    world.api.cancel(&run).await;
    world.api.wait_for(&run, &["CANCELLED"], PATIENCE).await;
    assert!(world.served.tasks_of(&run)[0].stopped_at.is_some(), "its task is stopped first");

    let log = world.served.log().join("\n");
    assert!(log.contains("ring") && !log.contains(TOKEN), "the token is in a log");
    doorbell.stop().await;
    world.served.stop().await;
}
