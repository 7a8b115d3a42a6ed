//! Prefect's own ECS worker, beside which or in whose place pushpool serves a pool.

use std::{fs::File, process::Stdio};

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::{Project, Server, environment};

/// The template that pushpool creates pools with, and the network where a worker takes it from without asking EC2 for the
/// default VPC, which needs rights that pushpool does without.
///
/// # Panics
///
/// When the built-in template cannot be read.
#[must_use]
pub fn template_for_worker() -> Value {
    let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/work-pool/src/built_in.json");
    let built_in = std::fs::read_to_string(built_in).expect("the built-in template is there");
    let mut template: Value = serde_json::from_str(&built_in).expect("it is JSON");
    template["job_configuration"]["task_run_request"]["networkConfiguration"] =
        json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}});
    template
}

/// Starts a worker of type `ecs` for a pool, with AWS at `endpoint`; its log is `worker.log` of the project. The environment of
/// Prefect 3.8.8 has the worker. It is killed when it is dropped.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn ecs_worker(server: &Server, project: &Project, endpoint: &str, pool: &str) -> Child {
    let log = File::create(project.file("worker.log")).expect("a log can be written");
    Command::new(server.version().python().programs().join("prefect"))
        .args(["worker", "start", "--type", "ecs", "--pool", pool, "--name", "of-prefect"])
        .current_dir(project.path())
        .env_clear()
        .envs(environment(server))
        .env("AWS_ENDPOINT_URL", endpoint)
        .envs([("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a handle can be copied"))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the worker starts")
}
