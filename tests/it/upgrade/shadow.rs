//! A rehearsal: a pool of `ecs` workers in shadow, with Prefect's own worker beside it.

use std::time::{Duration, Instant};

use pushpool_tests::rig::{
    prefect::{Api, NewDeployment, Options, Project, Version, ecs_worker, environment, template_for_worker, unique},
    python::python,
    served::{Served, Setup},
};
use serde_json::json;

/// A message comes back after 45 s, and a worker takes some seconds to start.
const PATIENCE: Duration = Duration::from_secs(180);

/// Waits until the functions have written a line with all of these words, and returns it.
async fn told(served: &mut Served, log: &mut Vec<String>, words: &[&str]) -> String {
    let started = Instant::now();
    loop {
        log.extend(served.log());
        if let Some(line) = log.iter().find(|line| words.iter().all(|word| line.contains(word))) {
            return line.clone();
        }
        assert!(started.elapsed() < PATIENCE, "no line with {words:?}: {log:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until a worker has started a task for the run.
async fn started(api: &Api, run: &str) -> String {
    let begun = Instant::now();
    loop {
        if let Some(pid) = api.run(run).await["infrastructure_pid"].as_str() {
            return pid.rsplit("::").next().unwrap().to_owned();
        }
        assert!(begun.elapsed() < PATIENCE, "no worker takes {run}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_pool_in_shadow_launches_nothing_and_tells_how_a_launch_would_differ() {
    // The environment of this version has the worker.
    let server = Options::default().version(Version::V3_8).start().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("pool"));
    api.create_pool_with(json!({"name": pool, "type": "ecs", "base_job_template": template_for_worker()})).await;
    let shadow = vec![("PUSHPOOL_SHADOW_POOLS", pool.clone())];
    let setup = Setup { pools: vec![pool.clone()], environment: shadow, ..Setup::default() };
    let mut served = setup.start(&server, project.path()).await;
    let script = python().script("light_flow.py");
    let command = format!("python -I -S {} {} 0.1", script.display(), project.file("notes"));
    // A worker passes its own settings on to its tasks, and pushpool does not know them.
    let mut own = environment(&server);
    own.retain(|name, _| name.starts_with("PREFECT_") && name != "PREFECT_API_URL");
    let more = [("PREFECT_SERVER_EPHEMERAL_ENABLED", "true"), ("PASSWORD", "canary")];
    own.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let variables = json!({"command": command, "image": "flows:1", "env": own});
    let deploy = async || {
        let deployment = NewDeployment::new("quick", project.path(), &pool).job_variables(variables.clone());
        api.create_deployment(deployment).await.id
    };
    let (alike, changed) = (deploy().await, deploy().await);
    let runs = [api.create_run(&alike, json!({})).await, api.create_run(&changed, json!({})).await];

    // No worker is there yet: the runs wait, and nothing is launched.
    let mut log = Vec::new();
    for run in &runs {
        told(&mut served, &mut log, &[run, "in shadow; it would launch task definition", "FARGATE"]).await;
        assert_eq!(api.run(run).await["state_type"], "SCHEDULED");
    }
    assert!(served.tasks().is_empty(), "{:#?}", served.tasks());

    let endpoint = served.local.endpoint();
    let mut worker = ecs_worker(&server, &project, endpoint.as_ref(), &pool);
    let mut tasks = Vec::new();
    for run in &runs {
        tasks.push(started(&api, run).await);
    }
    // The settings of one change after its worker has read them.
    let mut more = variables.clone();
    more["memory"] = json!(4096);
    api.patch(&format!("/deployments/{changed}"), json!({"job_variables": more})).await.ok();

    let same = told(&mut served, &mut log, &[&runs[0], "a launch would "]).await;
    assert!(same.contains(&format!("a launch would be the same as {}", tasks[0])), "{same}");
    let differs = told(&mut served, &mut log, &[&runs[1], "a launch would "]).await;
    assert!(differs.contains(&format!("a launch would differ from {} in ", tasks[1])), "{differs}");
    assert!(differs.contains("memory"), "{differs}");
    for run in &runs {
        api.wait_for(run, &["COMPLETED"], PATIENCE).await;
    }
    worker.kill().await.ok();

    let launched: Vec<String> = served.tasks().into_iter().map(|task| task.task_arn).collect();
    assert_eq!(launched.len(), 2, "the worker's: {launched:#?}");
    assert!(runs.iter().all(|run| served.tasks_of(run).is_empty()), "none is ours");
    log.extend(served.log());
    assert!(!log.iter().any(|line| line.contains("canary")), "{log:#?}");
    served.stop().await;
}
