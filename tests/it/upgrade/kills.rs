//! `pushpool upgrade` killed at each of its writes, on real servers: the same command goes on to the same end.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use hyper::Method;
use pushpool_tests::rig::prefect::{Fault, NewDeployment, Options, Project, Proxy, Rule, Server, Version};
use serde_json::{Value, json};

use super::{SETTINGS, Upgrade, agents::populate, deployments, pool_of_workers, queues};
use crate::cli::{finish, pushpool};

/// Longer than any test: the server never gets the write.
const NEVER: Fault = Fault::Delay(Duration::from_secs(3600));

/// The server acts on the write, and the process does not live to see the answer.
const ACTED: Fault = Fault::LateAnswer(Duration::from_millis(500));

/// An upgrade of one deployment, whose commands go through a proxy.
struct Killed<'a> {
    upgrade: Upgrade<'a>,
    proxy: Proxy,
    deployment: &'static str,
}

impl<'a> Killed<'a> {
    async fn of(server: &'a Server, deployment: &'static str) -> Self {
        let proxy = Proxy::start(server.address()).await;
        proxy.record();
        Self { upgrade: Upgrade::of(server).await, proxy, deployment }
    }

    async fn command(&self, arguments: &[&str]) -> Command {
        let url = self.proxy.url();
        pushpool(self.upgrade.server, &[&["upgrade"], arguments, &["--prefect-api-url", &url]].concat()).await
    }

    async fn plan(&self) {
        // A journal belongs to its plan.
        std::fs::remove_file(self.upgrade.file("plan.json.journal")).ok();
        let file = self.upgrade.file("plan.json");
        let arguments = ["plan", "--out", &file, "--deployment", self.deployment];
        finish(self.command(&[&arguments[..], &SETTINGS[..]].concat()).await).await.ok();
    }

    async fn write(&self, command: &str) -> Command {
        let file = self.upgrade.file(if command == "apply" { "plan.json" } else { "plan.json.journal" });
        self.command(&[command, &file, "--yes"]).await
    }

    async fn done(&self, command: &str) {
        finish(self.write(command).await).await.ok();
    }

    /// Kills the command at its write number `skipped` + 1 of this method; false if it has no such write, and ends.
    async fn kill(&self, command: &str, method: &Method, skipped: u32, when: Fault) -> bool {
        let is_write = |path: &str| !["/filter", "/count", "/csrf-token"].iter().any(|end| path.ends_with(end));
        self.proxy.reset();
        self.proxy.inject(Rule::new(when).method(method.clone()).matching(is_write).after(skipped).times(1));
        let mut command = self.write(command).await;
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let killed = loop {
            if !self.proxy.faults().is_empty() {
                process.kill().unwrap();
                break true;
            }
            if process.try_wait().unwrap().is_some() {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let status = process.wait().unwrap();
        assert!(killed || status.success(), "{status}");
        // The proxy passes on what the process has sent, and keeps the exchange when it is over.
        while killed && when == ACTED && !self.proxy.exchanges().iter().any(|it| it.fault.is_some()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.proxy.heal();
        killed
    }

    /// What an upgrade changes, without the ids that are new each time.
    async fn state(&self) -> Value {
        let mut deployments = deployments(&self.upgrade.api).await;
        for deployment in deployments.values_mut() {
            deployment.as_object_mut().unwrap().remove("work_queue_id");
        }
        let pools = self.upgrade.api.post("/work_pools/filter", json!({})).await.ok();
        let pool = |it: &Value| json!([it["name"], it["type"], it["concurrency_limit"], it["base_job_template"]]);
        let pools: Vec<Value> = pools.as_array().unwrap().iter().map(pool).collect();
        json!({"deployments": deployments, "queues": queues(&self.upgrade.api).await, "pools": pools})
    }

    async fn survives(&self) {
        let before = self.state().await;
        self.plan().await;
        self.done("apply").await;
        let after = self.state().await;
        assert_ne!(after, before);
        self.done("rollback").await;
        assert_eq!(self.state().await, before);
        let mut kills = 0;
        for (command, methods) in [
            ("apply", &[Method::POST, Method::PATCH][..]),
            ("rollback", &[Method::POST, Method::PATCH, Method::DELETE]),
        ] {
            for (method, when) in methods.iter().flat_map(|method| [NEVER, ACTED].map(|when| (method, when))) {
                for skipped in 0.. {
                    self.plan().await;
                    if command == "rollback" {
                        self.done("apply").await;
                    }
                    let killed = self.kill(command, method, skipped, when).await;
                    if killed {
                        self.done(command).await;
                    }
                    let at = format!("{command}, {method} {skipped}, {when:?}");
                    if command == "apply" {
                        assert_eq!(self.state().await, after, "{at}");
                        self.done("rollback").await;
                    }
                    assert_eq!(self.state().await, before, "{at}");
                    if !killed {
                        break;
                    }
                    kills += 1;
                }
            }
        }
        assert!(kills >= 10, "{kills}");
        self.upgrade.assert_as_before().await;
    }
}

#[tokio::test]
async fn an_upgrade_from_agents_that_is_killed_at_any_write_goes_on_to_the_same_end() {
    let server = Options::default().version(Version::V2_20).start().await;
    let project = Project::copy();
    populate(&server, &project).await;
    Killed::of(&server, "quick/github").await.survives().await;
}

#[tokio::test]
async fn an_upgrade_from_workers_that_is_killed_at_any_write_goes_on_to_the_same_end() {
    let server = Options::default().start().await;
    let (api, project) = (server.api(), Project::copy());
    pool_of_workers(&server).await;
    api.create_queue("workers", "urgent", Some(2)).await;
    let schedules = json!([{"schedule": {"cron": "15 6 * * 1-5", "timezone": "Europe/Berlin"}, "active": false}]);
    let busy = NewDeployment::new("quick", project.path(), "workers").queue("urgent").with("schedules", schedules);
    api.create_deployment(busy.with("tags", json!(["b", "a"]))).await;
    Killed::of(&server, "quick/*").await.survives().await;
}
