//! From a work pool of ECS workers on Prefect 3.

use pushpool_tests::rig::prefect::{NewDeployment, Options, Project};
use serde_json::{Value, json};

use super::{Upgrade, actions, deployments, pool_of_workers};

#[tokio::test]
async fn a_pool_of_ecs_workers_moves_runs_and_goes_back() {
    // One of its own: a plan is of all deployments of a server.
    let server = Options::default().start().await;
    let (api, project) = (server.api(), Project::copy());
    pool_of_workers(&server).await;
    api.create_queue("workers", "urgent", Some(2)).await;
    let schedules = json!([
        {"schedule": {"cron": "15 6 * * 1-5", "timezone": "Europe/Berlin"}, "active": true, "slug": "mornings",
            "parameters": {"x": 4}},
        {"schedule": {"interval": 3600}, "active": false, "slug": "hourly"},
    ]);
    let busy = NewDeployment::new("quick", project.path(), "workers").queue("urgent").with("schedules", schedules);
    let busy = busy.job_variables(json!({"env": {"STAGE": "prod"}})).with("concurrency_limit", json!(3));
    let busy = api.create_deployment(busy.with("tags", json!(["b", "a"]))).await;
    let paused = NewDeployment::new("quick", project.path(), "workers").with("paused", json!(true));
    let paused = api.create_deployment(paused).await;
    api.create_pool_with(json!({"name": "others", "type": "process"})).await;
    let other = api.create_deployment(NewDeployment::new("quick", project.path(), "others")).await;

    let upgrade = Upgrade::of(&server).await;
    let plan = upgrade.plan().await;
    let actions = actions(&plan);
    let expected = [(&busy, "migrate"), (&paused, "migrate"), (&other, "skip")];
    for (deployment, action) in expected {
        assert_eq!(actions[deployment.name.as_str()], action, "{plan:#}");
    }
    upgrade.apply(&[]).await.ok();
    let now = deployments(&upgrade.api).await;
    assert_eq!(now[&other.name], upgrade.before[&other.name]);
    for deployment in [&busy, &paused] {
        let (before, after) = (&upgrade.before[&deployment.name], &now[&deployment.name]);
        let members = before.as_object().unwrap().keys();
        let changed: Vec<&String> = members.filter(|member| before[*member] != after[*member]).collect();
        assert_eq!(changed, ["work_queue_id", "work_pool_name"], "{after:#}");
    }
    let pool: Value = api.get("/work_pools/workers-push").await.ok();
    assert_eq!(pool["type"], "ecs:push");
    upgrade.completes(&now[&busy.name], &project).await;

    upgrade.roll_back(&[]).await.ok();
    upgrade.assert_as_before().await;
}
