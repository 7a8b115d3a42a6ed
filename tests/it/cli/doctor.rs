//! An installation in an emulator of AWS, beside a real server: first as its module makes it, then spoilt.

use std::time::Duration;

use pushpool_tests::{
    conformance::moto,
    rig::{
        applied::{Applied, Iam, Roles},
        prefect::{Options, unique},
        python::python,
    },
};
use serde_json::{Value, json};

use super::{Ended, finish, pushpool, run_with_aws, with_aws};

/// Runs the script that makes or spoils the installation `pp`.
fn installation(endpoint: &str, api_url: &str, what: &str) -> String {
    let script = python().script("installation.py");
    let output = python().command([script.to_str().unwrap(), endpoint, "pp", api_url, what]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Status and text of a check.
#[track_caller]
fn found<'v>(shown: &'v Value, check: &str) -> (&'v str, &'v str) {
    let checks = shown["checks"].as_array().unwrap();
    let it = checks.iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("no check {check} in {shown:#}"));
    (it["status"].as_str().unwrap(), it["what"].as_str().unwrap())
}

/// Checks that did not end well, as names with their status.
fn not_ok(shown: &Value) -> Vec<(&str, &str)> {
    let checks = shown["checks"].as_array().unwrap().iter().filter(|it| it["status"] != "ok");
    checks.map(|it| (it["check"].as_str().unwrap(), it["status"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn a_good_installation_is_told_from_a_spoilt_one() {
    let server = Options::default().start().await;
    let (api, pool) = (server.api(), unique("served"));
    let emulator = tokio::task::spawn_blocking(moto).await.unwrap();
    let (endpoint, api_url) = (emulator.endpoint(), server.url());
    let subnets: Vec<String> = serde_json::from_str(&installation(&endpoint, &api_url, "make")).unwrap();
    api.create_pool(&pool, json!({})).await;
    // The installation serves it by name, as all pools on Prefect Cloud, and another one that is not there.
    let named = "by-name";
    api.create_pool_with(json!({"name": named, "type": "ecs"})).await;
    // Somebody polls all the while: a poll is good for a minute, and a machine with much to do is slow.
    let poll = {
        let (api, pool) = (server.api(), pool.clone());
        async move || {
            for pool in [&*pool, named] {
                api.post(&format!("/work_pools/{pool}/workers/heartbeat"), json!({"name": "pp"})).await.ok();
                api.scheduled_runs(pool, json!({})).await;
            }
        }
    };
    poll().await;
    let poller = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            poll().await;
        }
    });
    let doctor = async |arguments: &[&str]| -> Ended {
        let mut all = vec!["doctor", "--prefix", "pp"];
        all.extend(arguments);
        run_with_aws(&server, &endpoint, &all).await
    };

    let shown = doctor(&["--output", "json"]).await.json();
    // The emulator has no quota of Fargate, no recursion settings and simulates no policies, and nobody named a manifest: said,
    // not passed over.
    let roles = format!("roles of {pool}");
    assert_eq!(
        not_ok(&shown),
        [
            ("code", "not checked"),
            ("loops", "not checked"),
            ("pool gone", "warning"),
            ("quota", "not checked"),
            (&*roles, "not checked"),
            ("roles of by-name", "not checked")
        ],
        "{shown:#}"
    );
    assert!(found(&shown, &roles).1.contains("iam:SimulatePrincipalPolicy"), "{shown:#}");
    for check in [
        "prefect",
        "aws",
        "versions",
        "settings",
        "mapping run.fifo",
        "queue run",
        "dead letters of run.fifo",
        "cluster pp",
        "tasks of pp",
    ] {
        assert_eq!(found(&shown, check).0, "ok", "{check}");
    }
    for pool in [&*pool, named] {
        assert!(found(&shown, &format!("pool {pool}")).1.contains("served by pp"), "{shown:#}");
    }
    let (_, way) = found(&shown, &format!("subnet {}", subnets[0]));
    assert!(way.contains("25") && way.contains("out through nat-"), "{way}");
    let text = doctor(&[]).await.ok();
    assert!(text.contains("0 failed, 5 not checked"), "{text}");

    // With an IAM that knows the module's roles, and a pool whose tasks want one that the dispatcher may not pass on.
    let applied = Applied::served().at("123456789012", "us-east-1").with(":cluster/etl", ":cluster/pp");
    let applied = applied.with("pushpool-dispatcher-eu-central-1", "pp-dispatcher");
    let iam = Iam::start(Roles::new(&applied, "123456789012", "us-east-1")).await.unwrap();
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let variables =
        json!({"task_role_arn": {"default": role("admin")}, "execution_role_arn": {"default": role("etl-execution")}});
    let template =
        json!({"job_configuration": {"image": "flows:1"}, "variables": {"type": "object", "properties": variables}});
    let greedy = unique("greedy");
    api.create_pool(&greedy, template).await;
    let mut command = pushpool(&server, &["doctor", "--prefix", "pp", "--output", "json"]).await;
    with_aws(&mut command, &endpoint);
    command.env("AWS_ENDPOINT_URL_IAM", iam.url());
    let shown: Value = serde_json::from_str(&finish(command).await.stdout).unwrap();
    assert_eq!(found(&shown, &roles).0, "ok", "{shown:#}");
    let (status, what) = found(&shown, &format!("roles of {greedy}"));
    assert_eq!((status, what), ("failed", &*format!("the dispatcher may not iam:PassRole on {}", role("admin"))));
    api.delete(&format!("/work_pools/{greedy}")).await.ok();

    installation(&endpoint, &api_url, "break");
    let manifest = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(manifest.path(), json!({"functions": {"poller": {"sha256": "00"}}}).to_string()).unwrap();
    let ended = doctor(&["--output", "json", "--manifest", manifest.path().to_str().unwrap()]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    for (check, status, words) in [
        ("function reconciler", "failed", "there is no pp-reconciler"),
        ("versions", "failed", "0.0.9"),
        ("code", "warning", "poller"),
        ("settings", "failed", "http://elsewhere/api"),
        ("mapping poll", "failed", "nothing feeds the function"),
        ("queue run", "failed", "visibility is 30 s"),
        ("dead letters of run", "warning", "1 message"),
        ("queue events", "failed", "there is no pp-events"),
        ("cluster gone", "failed", "no such cluster"),
        (&format!("subnet {}", subnets[1]), "failed", "no way out"),
    ] {
        let (found_status, what) = found(&shown, check);
        assert!(found_status == status && what.contains(words), "{check}: {found_status}, {what}");
    }
    assert_eq!(found(&shown, "mapping run").0, "ok", "what is well stays so");
    poller.abort();
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let mut server = Options::default().start().await;
    server.api().create_pool("idle", json!({})).await;
    let ended = run_with_aws(&server, "http://127.0.0.1:9", &["doctor", "--output", "json"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(found(&shown, "prefect").0, "ok");
    let (status, what) = found(&shown, "pool idle");
    assert!(status == "failed" && what.contains("never polled"), "{what}");
    assert_eq!(found(&shown, "aws").0, "failed");

    server.stop();
    let mut command = pushpool(&server, &["doctor"]).await;
    with_aws(&mut command, "http://127.0.0.1:9");
    let ended = finish(command).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let line = ended.stdout.lines().find(|line| line.contains("prefect")).unwrap().to_owned();
    assert!(line.starts_with("failed") && line.contains("no answer"), "{line}");
}
