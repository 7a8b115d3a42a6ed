//! `pushpool dev --prefect`: a work pool served from this machine, with real flow processes.

use std::{path::Path, process::Stdio, time::Duration};

use pushpool_tests::rig::prefect::{Api, NewDeployment, Options, Project, Proxy, Server, shared, unique};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};

use super::{pushpool, run};

/// Until `dev` says something that it is to say.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_work_pool_is_served_from_this_machine() {
    let server = shared().await;
    let (api, project, pool) = (server.api(), Project::copy(), unique("dev"));
    run(server, &["pool", "create", &pool, "--set", "cluster=nowhere-yet"]).await.ok();
    let mut runs = Vec::new();
    for flow in ["quick", "failing"] {
        let deployment = api.create_deployment(NewDeployment::new(flow, project.path(), &pool)).await;
        runs.push(api.create_run(&deployment.id, json!({})).await);
    }
    let arguments = ["dev", "--prefect", "--pool", &pool, "--runs", "2", "--output", "json"];
    let mut command = tokio::process::Command::from(pushpool(server, &arguments).await);
    let ended = super::Ended::of(command.current_dir(project.path()).output().await.unwrap());
    assert!(ended.stderr.contains(&format!("serving work pool {pool}")), "{}", ended.stderr);
    let told = ended.json();
    assert_eq!(told["counts"], json!({"runs": 2, "ended": 2, "failed": 1}), "{told}");
    for (id, state) in runs.iter().zip(["Completed", "Failed"]) {
        let of_run = |it: &&Value| it["flow_run_id"] == **id;
        let row = told["runs"].as_array().unwrap().iter().find(of_run).unwrap();
        assert_eq!((row["state"].as_str(), row["tasks"].as_u64()), (Some(state), Some(1)), "{row}");
        assert!(row["name"].is_string() && row["log_file"].is_string(), "{row}");
        assert!(row["deployment"].as_str().is_some_and(|it| it.contains('/')), "flow/deployment: {row}");
    }

    // `dev` has ended; where its tasks wrote to is known all the same, and no console of AWS is named for an account that is none.
    let failed = &runs[1];
    let shown = run(server, &["logs", failed, "--output", "json"]).await.json();
    let file = shown["tasks"][0]["log_files"][0].as_str().unwrap_or_else(|| panic!("{shown:#}")).to_owned();
    assert!(std::fs::read_to_string(&file).unwrap().contains("Finished in state Failed"), "{file}");
    assert_eq!((&shown["tasks"][0]["link"], &shown["tasks"][0]["logs"]), (&Value::Null, &json!([])), "{shown:#}");
    let text = run(server, &["logs", failed]).await.ok();
    assert!(text.contains(&file) && !text.contains("aws logs tail") && !text.contains("console"), "{text}");
    for line in api.logs(failed).await {
        assert!(!line.contains("console.aws"), "{line}");
    }
}

/// `dev` with its lines.
struct Dev {
    process: tokio::process::Child,
    lines: Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Dev {
    async fn start(server: &Server, pool: &str) -> Self {
        let command = pushpool(server, &["dev", "--prefect", "--pool", pool, "--poll-interval", "2"]).await;
        let mut command = tokio::process::Command::from(command);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The next line that has all of these in it.
    async fn says(&mut self, parts: &[&str]) -> String {
        let mut all = Vec::new();
        let said = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                all.push(line);
                let line = all.last().unwrap();
                if parts.iter().all(|part| line.contains(part)) {
                    return Some(line.clone());
                }
            }
            None
        });
        let said = said.await.ok().flatten();
        said.unwrap_or_else(|| panic!("no line with {parts:?} in:\n{}", all.join("\n")))
    }

    async fn end(mut self) {
        let process = self.process.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").arg(process).status().unwrap().success());
        while let Ok(Some(_)) = self.lines.next_line().await {}
        self.process.wait().await.unwrap();
    }
}

#[tokio::test]
async fn what_waits_what_is_in_flight_and_what_is_wrong_is_shown() {
    let mut server = Options::default().start().await;
    let (api, pool) = (server.api(), unique("seen"));
    run(&server, &["pool", "create", &pool, "--set", "cluster=c", "--concurrency-limit", "1"]).await.ok();
    let deployment = NewDeployment::new("quick", Path::new("/"), &pool).job_variables(json!({"command": "sleep 600"}));
    let deployment = api.create_deployment(deployment).await.id;
    api.create_run(&deployment, json!({"name": "first"})).await;
    api.create_run(&deployment, json!({"name": "second"})).await;
    let mut dev = Dev::start(&server, &pool).await;
    let process = dev.process.id().unwrap();
    dev.says(&["Ends with"]).await;
    let waits = dev.says(&["waits for the slot of the work pool"]).await;
    assert!(waits.contains("quick/"), "flow and deployment are named: {waits}");

    let mut other = Dev::start(&server, &pool).await;
    other.says(&["another `pushpool dev`", &format!("process {process}")]).await;
    other.end().await;

    dev.end().await;
    let mut dev = Dev::start(&server, &pool).await;
    dev.says(&["launched before this `dev` started", "quick/"]).await;
    server.stop();
    dev.says(&["trouble:", &server.url(), "does not answer"]).await;
    server.restart().await;
    dev.says(&["answered after"]).await;
    dev.end().await;
}

#[tokio::test]
async fn somebody_elses_work_pools_are_not_taken_without_being_asked() {
    // One of its own: what is served by whom counts for the whole server.
    let server = pushpool_tests::rig::prefect::Options::default().start().await;
    let (api, pool) = (server.api(), unique("served"));
    api.create_pool(&pool, json!({})).await;
    api.post(&format!("/work_pools/{pool}/workers/heartbeat"), json!({"name": "pushpool"})).await.ok();
    let refused = run(&server, &["dev", "--prefect", "--runs", "0"]).await.refused();
    assert!(refused.contains("is served by \"pushpool\" already") && refused.contains("--pool"), "{refused}");
    let refused = run(&server, &["dev", "--prefect", "--pool", "nowhere"]).await.refused();
    assert!(refused.contains("there is no work pool \"nowhere\""), "{refused}");
}

/// Automations that ring for a pool.
async fn bells(api: &Api, pool: &str) -> usize {
    let automations = api.post("/automations/filter", json!({})).await.ok();
    let rings = |it: &&Value| it["trigger"]["match_related"]["prefect.resource.name"] == json!([pool]);
    automations.as_array().unwrap().iter().filter(rings).count()
}

/// A server on SQLite stands still for a minute when it writes for several requests at once, most of all beside a poll
/// (`tests/python/stillness.py` measures it). And runs start although no poll is due for an hour: the server rings.
#[tokio::test]
async fn a_server_gets_one_request_at_a_time_and_rings_for_new_runs_until_dev_ends() {
    let server = shared().await;
    let (api, pool) = (server.api(), unique("calm"));
    let proxy = Proxy::start(server.address()).await;
    api.create_pool_with(json!({"name": pool, "type": "ecs", "base_job_template": {}})).await;
    let deployment = NewDeployment::new("quick", Path::new("/"), &pool).job_variables(json!({"command": "true"}));
    let deployment = api.create_deployment(deployment).await.id;
    let arguments = ["dev", "--prefect", "--pool", &pool, "--poll-interval", "3600", "--runs", "3"];
    let mut command = tokio::process::Command::from(pushpool(server, &arguments).await);
    command.env("PREFECT_API_URL", proxy.url()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let dev = command.spawn().unwrap();
    let ended = tokio::spawn(dev.wait_with_output());
    while bells(&api, &pool).await == 0 {
        assert!(!ended.is_finished(), "{:?}", ended.await);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    for _ in 0..3 {
        api.create_run(&deployment, json!({})).await;
    }
    let ended = super::Ended::of(ended.await.unwrap().unwrap());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(proxy.count("POST /work_pools/{name}/get_scheduled_flow_runs") > 0);
    assert_eq!(proxy.most_at_once(), 1, "{:#?}", proxy.counts());
    assert_eq!(bells(&api, &pool).await, 0, "the doorbell is removed: {}", ended.stderr);
}
