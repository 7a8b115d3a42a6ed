//! Back to the ordinary worker: it takes over a pool that pushpool has served.

use std::process::Stdio;

use pushpool_tests::rig::{
    prefect::{Options, Version, environment},
    served::Setup,
};
use serde_json::{Value, json};

use super::{PATIENCE, World};

/// The template that pushpool creates pools with, and the network where a worker takes it from without asking EC2 for the
/// default VPC, which needs rights that pushpool does without.
fn template() -> Value {
    let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/work-pool/src/built_in.json");
    let mut template: Value = serde_json::from_str(&std::fs::read_to_string(built_in).unwrap()).unwrap();
    template["job_configuration"]["task_run_request"]["networkConfiguration"] =
        json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}});
    template
}

#[tokio::test]
async fn the_ordinary_worker_takes_over_the_pool() {
    // The environment of this version has the worker.
    let server = Options::default().version(Version::V3_8).start().await;
    let options = json!({"base_job_template": template()});
    let mut world = World::on(&server, "ecs:push", Setup::default(), options).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let before = world.due(&deployment, 1).await;
    world.all_complete(&before).await;
    for function in ["poller", "dispatcher", "observer", "reconciler"] {
        world.served.stop_function(function).await;
    }

    let log = std::fs::File::create(world.project.file("worker.log")).unwrap();
    let worker = tokio::process::Command::new(server.version().python().programs().join("prefect"))
        .args(["worker", "start", "--type", "ecs", "--pool", &world.pool, "--name", "rolled-back"])
        .current_dir(world.project.path())
        .env_clear()
        .envs(environment(&server))
        .env("AWS_ENDPOINT_URL", world.served.local.endpoint())
        .envs([("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn();
    let mut worker = worker.unwrap();
    let after = world.due(&deployment, 2).await;
    let complete = async {
        for run in &after {
            world.api.wait_for(run, &["COMPLETED", "CRASHED"], PATIENCE).await;
        }
    };
    tokio::select! {
        () = complete => {}
        status = worker.wait() => eprintln!("the worker ended: {status:?}"),
    }
    worker.kill().await.ok();
    let log = std::fs::read_to_string(world.project.file("worker.log")).unwrap();
    assert_eq!(world.count(&after, "COMPLETED").await, 2, "{log}");
    assert_eq!(world.served.tasks().len(), 3, "{log}");
    world.served.stop().await;
}
