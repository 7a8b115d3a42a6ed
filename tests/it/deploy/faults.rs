//! A server that refuses, breaks off or is away.

use std::fs;

use hyper::Method;
use pushpool_tests::rig::prefect::{Fault, Proxy, Rule, Server, shared, unique};
use tempfile::TempDir;

use crate::cli::{Ended, finish, pushpool};

const FLOW: &str = "from prefect import flow\n\n\n@flow(name=\"NAME\")\ndef work(x: int = 1):\n    pass\n";

/// A project of its own with three deployments, behind a proxy.
struct Setup {
    server: &'static Server,
    proxy: Proxy,
    folder: TempDir,
    flow: String,
}

impl Setup {
    async fn new() -> Self {
        let server = shared().await;
        let (folder, flow, pool) = (TempDir::new().unwrap(), unique("faulty"), unique("faulty-pool"));
        server.api().create_pool(&pool, serde_json::json!({})).await;
        fs::write(folder.path().join("work.py"), FLOW.replace("NAME", &flow)).unwrap();
        let deployment = |name: &str| {
            format!("- name: {name}\n  entrypoint: work.py:work\n  pull: []\n  work_pool: {{name: {pool}}}\n")
        };
        let deployments = ["one", "two", "three"].map(deployment).concat();
        fs::write(folder.path().join("prefect.yaml"), format!("deployments:\n{deployments}")).unwrap();
        Self { server, proxy: Proxy::start(server.address()).await, folder, flow }
    }

    async fn deploy(&self, arguments: &[&str]) -> Ended {
        self.proxy.reset();
        let mut command = pushpool(self.server, &[&["deploy", "--all"], arguments].concat()).await;
        command.current_dir(self.folder.path()).env("PREFECT_API_URL", self.proxy.url());
        finish(command).await
    }

    /// Names of what is there, in their order.
    async fn deployed(&self) -> Vec<String> {
        let filter = serde_json::json!({"flows": {"name": {"any_": [self.flow]}}});
        let found = self.server.api().post("/deployments/filter", filter).await.ok();
        let mut names: Vec<String> =
            found.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_refused_deployment_does_not_keep_the_others_and_the_next_deploy_makes_it() {
    let setup = Setup::new().await;
    setup
        .proxy
        .inject(Rule::new(Fault::Status(409)).method(Method::POST).matching(|it| it == "/api/deployments/").times(1));
    let ended = setup.deploy(&["--parallel", "1"]).await;
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Failed") && ended.stderr.contains("1 of 3"), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(setup.deployed().await.len(), 2);

    let ended = setup.deploy(&["--detailed-exitcode"]).await;
    assert_eq!(ended.code, Some(2), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout.matches("Created deployment").count(), 1, "only the one that is missing: {}", ended.stdout);
    assert_eq!(setup.deployed().await, ["one", "three", "two"]);
}

#[tokio::test]
async fn lost_answers_and_a_busy_server_are_no_failures() {
    let setup = Setup::new().await;
    setup.proxy.inject(Rule::new(Fault::Unavailable { retry_after: Some(0) }).path("/work_pools").times(1));
    setup.proxy.inject(Rule::new(Fault::LostAnswer).method(Method::POST).matching(|it| it == "/api/flows/").times(1));
    setup
        .proxy
        .inject(Rule::new(Fault::LostAnswer).method(Method::POST).matching(|it| it == "/api/deployments/").times(1));
    setup.deploy(&[]).await.ok();
    assert_eq!(setup.deployed().await, ["one", "three", "two"]);
    setup.proxy.heal();
    assert_eq!(setup.deploy(&["--detailed-exitcode"]).await.code, Some(0));
}

#[tokio::test]
async fn a_server_that_is_away_is_named_before_anything_is_done() {
    let setup = Setup::new().await;
    let steps = "build:\n- prefect.deployments.steps.run_shell_script: {script: touch built}\n";
    let file = setup.folder.path().join("prefect.yaml");
    fs::write(&file, format!("{steps}{}", fs::read_to_string(&file).unwrap())).unwrap();
    let mut command = pushpool(setup.server, &["deploy", "--all"]).await;
    command.current_dir(setup.folder.path()).env("PREFECT_API_URL", "http://127.0.0.1:9/api");
    let refused = finish(command).await.refused();
    assert!(refused.contains("127.0.0.1:9"), "{refused}");
    assert!(!setup.folder.path().join("built").exists(), "no step has run");
}
