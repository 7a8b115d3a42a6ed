//! Back to the ordinary worker: it takes over a pool that pushpool has served.

use pushpool_tests::rig::{
    prefect::{Options, Version, ecs_worker, template_for_worker},
    served::Setup,
};
use serde_json::json;

use super::{PATIENCE, World};

#[tokio::test]
async fn the_ordinary_worker_takes_over_the_pool() {
    // The environment of this version has the worker.
    let server = Options::default().version(Version::V3_8).start().await;
    let options = json!({"base_job_template": template_for_worker()});
    let mut world = World::on(&server, "ecs:push", Setup::default(), options).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let before = world.due(&deployment, 1).await;
    world.all_complete(&before).await;
    for function in ["poller", "dispatcher", "observer", "reconciler"] {
        world.served.stop_function(function).await;
    }

    let endpoint = world.served.local.endpoint();
    let mut worker = ecs_worker(&server, &world.project, endpoint.as_ref(), &world.pool);
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
