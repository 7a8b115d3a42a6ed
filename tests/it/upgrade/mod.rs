//! `pushpool upgrade` on real servers: a plan, its deployments moved, a run of one of them, and the way back.

mod account;
mod agents;
mod kills;
mod shadow;
mod workers;

use std::{collections::BTreeMap, path::PathBuf};

use pushpool_tests::rig::prefect::{Api, Project, Server};
use serde_json::{Value, json};

use crate::cli::{Ended, finish, pushpool};

/// The dispatcher's settings, for every command that renders.
const SETTINGS: [&str; 4] = ["--region", "us-east-1", "--subnets", "subnet-9"];

/// A server before an upgrade, and the files of the upgrade.
struct Upgrade<'a> {
    server: &'a Server,
    api: Api,
    before: BTreeMap<String, Value>,
    queues: Vec<Value>,
    directory: tempfile::TempDir,
}

impl<'a> Upgrade<'a> {
    async fn of(server: &'a Server) -> Self {
        let api = server.api();
        let (before, queues) = (deployments(&api).await, queues(&api).await);
        Self { server, api, before, queues, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> String {
        let path: PathBuf = self.directory.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        finish(pushpool(self.server, &[&["upgrade"], arguments].concat()).await).await
    }

    /// Writes a plan; what becomes of each deployment.
    async fn plan(&self) -> Value {
        let file = self.file("plan.json");
        let planned = self.run(&[&["plan", "--out", &file, "--output", "json"], &SETTINGS[..]].concat()).await.json();
        assert_eq!(planned, serde_json::from_str::<Value>(&std::fs::read_to_string(&file).unwrap()).unwrap());
        planned["plan"].clone()
    }

    async fn apply(&self, more: &[&str]) -> Ended {
        self.run(&[&["apply", &self.file("plan.json"), "--yes"], more].concat()).await
    }

    async fn roll_back(&self, more: &[&str]) -> Ended {
        self.run(&[&["rollback", &self.file("plan.json.journal"), "--yes"], more].concat()).await
    }

    /// Runs a deployment through `pushpool dev`, in the project that the deployment's files are in.
    async fn completes(&self, deployment: &Value, project: &Project) {
        let id = self.api.create_run(deployment["id"].as_str().unwrap(), json!({})).await;
        let pool = deployment["work_pool_name"].as_str().unwrap();
        let arguments = ["dev", "--prefect", "--pool", pool, "--runs", "1", "--output", "json"];
        let mut command = pushpool(self.server, &arguments).await;
        command.current_dir(project.path());
        let told = finish(command).await.json();
        assert_eq!(told["counts"], json!({"runs": 1, "ended": 1, "failed": 0}), "{told:#}");
        assert_eq!(self.api.run(&id).await["state_type"], "COMPLETED");
    }

    async fn assert_as_before(&self) {
        assert_eq!(deployments(&self.api).await, self.before);
        assert_eq!(queues(&self.api).await, self.queues);
    }
}

/// Makes the pool `workers` of Prefect's ECS workers.
async fn pool_of_workers(server: &Server) {
    let create = ["pool", "create", "workers", "--type", "ecs", "--set", "cluster=etl", "--set", "cpu=256"];
    let create = [&create[..], &["--set", "memory=512", "--set", "image=registry.example.com/etl:1"]].concat();
    finish(pushpool(server, &create).await).await.ok();
}

/// All deployments by name, as the API gives them, but for times, and for what says when it was last asked for.
async fn deployments(api: &Api) -> BTreeMap<String, Value> {
    let all = api.post("/deployments/filter", json!({})).await.ok();
    let shown = |deployment: &Value| {
        let mut shown = deployment.clone();
        let members = shown.as_object_mut().unwrap();
        members.retain(|key, _| !["updated", "last_polled", "status"].contains(&key.as_str()));
        // How many slots are taken changes with every run.
        if let Some(Value::Object(limit)) = members.get_mut("global_concurrency_limit") {
            limit.retain(|key, _| !["updated", "active_slots"].contains(&key.as_str()));
        }
        for schedule in members["schedules"].as_array_mut().unwrap() {
            let is_old = deployment.get("infra_overrides").is_some();
            // 2.20 makes schedules anew.
            let ids = |key: &str| is_old && ["id", "created"].contains(&key);
            schedule.as_object_mut().unwrap().retain(|key, _| key != "updated" && !ids(key));
        }
        (deployment["name"].as_str().unwrap().to_owned(), shown)
    };
    all.as_array().unwrap().iter().map(shown).collect()
}

/// Queues of all pools: pool, name, priority, limit, pause.
async fn queues(api: &Api) -> Vec<Value> {
    let all = api.post("/work_queues/filter", json!({})).await.ok();
    let shown = |it: &Value| {
        json!([it["work_pool_name"], it["name"], it["priority"], it["concurrency_limit"], it["is_paused"]])
    };
    let mut queues: Vec<Value> = all.as_array().unwrap().iter().map(shown).collect();
    queues.sort_by_key(ToString::to_string);
    queues
}

/// What becomes of each deployment, by name.
fn actions(plan: &Value) -> BTreeMap<&str, &str> {
    let planned = plan["deployments"].as_array().unwrap().iter();
    planned.map(|it| (it["name"].as_str().unwrap(), it["action"].as_str().unwrap())).collect()
}
