//! From agents on a server of Prefect 2.20: an estate with a deployment over each type of block.

use std::collections::BTreeMap;

use pushpool_tests::rig::{
    prefect::{Options, Project, Server, Version, environment},
    python::python_2_20,
};
use serde_json::{Value, json};

use super::{Upgrade, actions, deployments, queues};

/// Fills the server, see `tests/python/agents.py`.
pub(super) async fn populate(server: &Server, project: &Project) {
    let python = python_2_20();
    let mut command = python.command([python.script("agents.py").as_path(), project.path()]);
    command.envs(environment(server));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn keeps(before: &Value, after: &Value) {
    for member in [
        "id",
        "flow_id",
        "name",
        "version",
        "description",
        "tags",
        "parameters",
        "parameter_openapi_schema",
        "enforce_parameter_schema",
        "paused",
        "is_schedule_active",
        "schedule",
        "schedules",
        "entrypoint",
        "created",
    ] {
        assert_eq!(after[member], before[member], "{member} of {}", before["name"]);
    }
}

#[tokio::test]
async fn an_estate_of_agents_moves_runs_and_goes_back() {
    let server = Options::default().version(Version::V2_20).start().await;
    let project = Project::copy();
    populate(&server, &project).await;
    let upgrade = Upgrade::of(&server).await;
    assert_eq!(upgrade.before.len(), 13);

    let plan = upgrade.plan().await;
    let migrated = ["azure", "baked", "gcs", "github", "literal", "local", "remote", "s3", "s3-bucket", "whole-env"];
    let left = ["docker", "kubernetes", "process"];
    let expected: BTreeMap<&str, &str> =
        migrated.map(|name| (name, "migrate")).into_iter().chain(left.map(|name| (name, "leave"))).collect();
    assert_eq!(actions(&plan), expected);
    for written in ["plan.json"].map(|name| std::fs::read_to_string(upgrade.file(name)).unwrap()) {
        assert!(!written.contains("<secret>") && !written.contains("<token>") && !written.contains("****"));
    }

    // One goes first, and runs.
    upgrade.apply(&["--only", "quick/baked"]).await.ok();
    let now = deployments(&upgrade.api).await;
    let changed: Vec<&String> = now.keys().filter(|name| now[*name] != upgrade.before[*name]).collect();
    assert_eq!(changed, ["baked"]);
    let baked = &now["baked"];
    keeps(&upgrade.before["baked"], baked);
    assert_eq!(baked["infra_overrides"], json!({"env": {"STAGE": "prod"}, "cpu": 512, "memory": 1024}));
    assert_eq!((&baked["infrastructure_document_id"], &baked["path"]), (&Value::Null, &Value::Null));
    upgrade.completes(baked, &project).await;

    // The others follow. What is written already is left alone.
    let applied = upgrade.apply(&[]).await;
    assert!(applied.stderr.contains("as planned already: quick/baked"), "{}", applied.stderr);
    applied.ok();
    let now = deployments(&upgrade.api).await;
    for name in migrated {
        let pool = now[name]["work_pool_name"].as_str().unwrap();
        assert!(pool.ends_with("-push"), "{name}: {pool}");
        assert_eq!(now[name]["work_queue_name"], upgrade.before[name]["work_queue_name"], "{name}");
        assert!(now[name]["storage_document_id"].is_null() && !now[name]["pull_steps"].is_null(), "{name}");
        keeps(&upgrade.before[name], &now[name]);
    }
    for name in left {
        assert_eq!(now[name], upgrade.before[name], "{name}");
    }
    let all = queues(&upgrade.api).await;
    assert!(all.contains(&json!(["patched-push", "bulk", 9, null, true])), "{all:#?}");
    assert!(all.contains(&json!(["plain-push", "urgent", 1, 2, false])), "{all:#?}");
    let again = upgrade.apply(&[]).await;
    assert!(again.stderr.contains("Nothing is left to do"), "{}", again.stderr);

    upgrade.roll_back(&[]).await.ok();
    upgrade.assert_as_before().await;
    assert!(upgrade.roll_back(&[]).await.stderr.contains("Nothing is left to put back"));
}

#[tokio::test]
async fn a_server_that_has_changed_is_refused_and_so_is_a_rollback_over_a_change() {
    let server = Options::default().version(Version::V2_20).start().await;
    let project = Project::copy();
    populate(&server, &project).await;
    let upgrade = Upgrade::of(&server).await;
    upgrade.plan().await;
    let id = |name: &str| upgrade.before[name]["id"].as_str().unwrap().to_owned();
    let patch = async |name: &str, body: Value| {
        upgrade.api.patch(&format!("/deployments/{}", id(name)), body).await.ok();
    };

    patch("s3", json!({"tags": ["changed"]})).await;
    let refused = upgrade.apply(&[]).await.refused();
    assert!(refused.contains("PP0804") && refused.contains("quick/s3: deployment \"s3\" was changed"), "{refused}");
    patch("s3", json!({"tags": []})).await;
    assert_eq!(deployments(&upgrade.api).await, upgrade.before, "nothing was written");

    upgrade.apply(&["--only", "baked", "--only", "whole-env"]).await.ok();
    patch("baked", json!({"tags": ["mine"]})).await;
    let refused = upgrade.roll_back(&[]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("PP0810") && refused.stderr.contains("tags"), "{}", refused.stderr);
    let now = deployments(&upgrade.api).await;
    assert_eq!((&now["baked"]["tags"], &now["whole-env"]), (&json!(["mine"]), &upgrade.before["whole-env"]));
    upgrade.roll_back(&["--force"]).await.ok();
    upgrade.assert_as_before().await;
}
