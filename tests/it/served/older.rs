//! The same on a server of Prefect 2.20.

use std::{path::Path, time::Duration};

use pushpool_tests::rig::{
    prefect::{Options, Version},
    served::Setup,
};
use serde_json::json;

use super::{PATIENCE, World};

#[tokio::test]
async fn runs_of_a_2_20_server_are_served_and_cancelled() {
    let server = Options::default().version(Version::V2_20).start().await;
    let environment = vec![("PUSHPOOL_CANCEL_GRACE", "60".to_owned())];
    let world = World::on(&server, "ecs:push", Setup { environment, ..Setup::default() }, json!({})).await;
    let run = world.run("quick", json!({"x": 3})).await;
    let ended = world.api.wait_for(&run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
    assert_eq!(ended["state_type"], "COMPLETED", "{ended}");
    let tasks = world.served.tasks_of(&run);
    assert_eq!(tasks.len(), 1);
    assert!(ended["infrastructure_pid"].as_str().unwrap().ends_with(&tasks[0].task_arn), "{ended}");
    assert!(world.api.logs(&run).await.iter().any(|line| line.contains(&tasks[0].task_arn)));

    let started = world.project.file("started");
    let run = world.run("sleeping", json!({"seconds": 600, "started": started})).await;
    while !Path::new(&started).exists() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.api.cancel(&run).await;
    let cancelled = world.api.wait_for(&run, &["CANCELLED"], PATIENCE);
    // These servers have no automations: it is the reconciler that looks, here more often than every five minutes.
    let look = async {
        loop {
            world.served.invoke("reconciler", json!({})).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    tokio::select! {
        _ = cancelled => {}
        () = look => {}
    }
    while world.served.tasks_of(&run)[0].stopped_at.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.served.stop().await;
}
