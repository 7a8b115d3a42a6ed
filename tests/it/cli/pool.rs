//! Making, showing, changing and deleting pools.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use pushpool_tests::rig::prefect::{NewDeployment, Options, Project, Server, Version, shared, unique};
use serde_json::{Value, json};

use super::{Ended, pushpool, run};

async fn with_input(server: &Server, arguments: &[&str], input: String) -> Ended {
    let mut command: Command = pushpool(server, arguments).await;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let end = move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    };
    tokio::task::spawn_blocking(end).await.unwrap()
}

fn default<'v>(pool: &'v Value, variable: &str) -> &'v Value {
    &pool["base_job_template"]["variables"]["properties"][variable]["default"]
}

#[tokio::test]
async fn a_pool_is_made_with_the_defaults_that_were_given() {
    let (server, name) = (shared().await, unique("made"));
    let made = run(
        server,
        &[
            "pool",
            "create",
            &name,
            "--set",
            "cluster=etl",
            "--set",
            "subnets=subnet-a,subnet-b",
            "--set",
            "security_groups=sg-1",
            "--set",
            "assign_public_ip=true",
            "--set",
            "cpu=1024",
            "--set",
            "memory=2048",
            "--set",
            "env.STAGE=prod",
            "--concurrency-limit",
            "3",
            "--description",
            "for tests",
            "--paused",
        ],
    )
    .await;
    assert!(made.stderr.contains("pool status") && made.stderr.contains("pool resume"), "{}", made.stderr);
    assert!(!made.stderr.contains("warning"), "{}", made.stderr);
    made.ok();
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    assert_eq!(pool["type"], "ecs:push");
    assert_eq!((&pool["concurrency_limit"], &pool["is_paused"]), (&json!(3), &json!(true)));
    assert_eq!((&pool["description"], &pool["status"]), (&json!("for tests"), &json!("PAUSED")));
    assert_eq!(default(&pool, "cpu"), 1024);
    assert_eq!(default(&pool, "env"), &json!({"STAGE": "prod"}));
    let network = json!({"subnets": ["subnet-a", "subnet-b"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"});
    assert_eq!(default(&pool, "network_configuration"), &network);

    let inspected = run(server, &["pool", "inspect", &name, "--output", "json"]).await.json();
    assert_eq!(inspected["base_job_template"], pool["base_job_template"]);
    let summary = run(server, &["pool", "inspect", &name]).await.ok();
    assert!(summary.contains("PAUSED") && summary.contains("subnet-b") && !summary.contains('\u{1b}'), "{summary}");
    let rendered = with_input(server, &["render", "--pool", "-"], inspected.to_string()).await.json();
    let awsvpc = &rendered["runTask"]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(awsvpc["assignPublicIp"], "ENABLED", "what was made can be launched");
}

#[tokio::test]
async fn what_would_not_work_is_refused_before_the_server_is_asked() {
    let (server, name) = (shared().await, unique("refused"));
    for (set, words) in [
        ("cpu=lots", &["PP0105", "`cpu`", "lots", "integer"][..]),
        ("launch_type=MOON", &["PP0105", "FARGATE_SPOT"]),
        ("memmory=1", &["no variable `memmory`", "`memory`"]),
    ] {
        let error = run(server, &["pool", "create", &name, "--set", set]).await.refused();
        words.iter().for_each(|word| assert!(error.contains(word), "{word} in {error}"));
    }
    let reserved = run(server, &["pool", "create", "prefect-pool"]).await;
    assert_eq!(reserved.code, Some(2), "{}", reserved.stderr);
    let gone = server.api().get(&format!("/work_pools/{name}")).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn a_template_may_be_given_and_the_server_has_the_last_word() {
    let (server, name) = (shared().await, unique("template"));
    let template = json!({"job_configuration": {"command": "{{ command }}", "cpu": "{{ size }}"}, "variables": {
        "properties": {"command": {"type": "string"}, "size": {"type": "integer", "default": 1}}}});
    let from = ["pool", "create", &name, "--base-job-template", "-", "--set", "command=a b", "--set", "size=2"];
    with_input(server, &from, json!({"name": "x", "base_job_template": template}).to_string()).await.ok();
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    assert_eq!((default(&pool, "command"), default(&pool, "size")), (&json!("a b"), &json!(2)));

    let error = with_input(server, &["pool", "create", "x", "--base-job-template", "-"], "[1]".into()).await.refused();
    assert!(error.contains("PP0101"), "{error}");
    let mut undeclared = template;
    undeclared["job_configuration"]["x"] = json!("{{ nowhere }}");
    let other = unique("template");
    let from = ["pool", "create", &other, "--base-job-template", "-"];
    let error = with_input(server, &from, undeclared.to_string()).await.refused();
    assert!(error.contains("422") && error.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_pool_that_exists_is_replaced_only_on_request_and_keeps_its_type() {
    let (server, name) = (shared().await, unique("there"));
    run(server, &["pool", "create", &name, "--set", "cpu=256", "--concurrency-limit", "3"]).await.ok();
    let error = run(server, &["pool", "create", &name]).await.refused();
    assert!(error.contains("--overwrite"), "{error}");
    run(server, &["pool", "create", &name, "--overwrite", "--set", "image=new"]).await.ok();
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    assert_eq!((default(&pool, "image"), default(&pool, "cpu")), (&json!("new"), &Value::Null));
    assert_eq!(pool["concurrency_limit"], 3, "what was not said stays");

    let process = unique("process");
    server.api().create_pool_with(json!({"name": process, "type": "process"})).await;
    let error = run(server, &["pool", "create", &process, "--overwrite"]).await.refused();
    assert!(error.contains("process") && error.contains("never"), "{error}");
}

#[tokio::test]
async fn defaults_are_changed_one_by_one() {
    let (server, name) = (shared().await, unique("changed"));
    server.api().create_pool(&name, json!({})).await;
    let lines = run(server, &["pool", "set-variable", &name, "cpu=512", "memory=1024", "env.TOKEN=canary"]).await.ok();
    assert!(lines.lines().any(|line| line.split_whitespace().eq(["cpu", "(none)", "->", "512"])), "{lines}");
    assert!(!lines.contains("canary"), "secrets are not shown: {lines}");
    let lines = run(server, &["pool", "set-variable", &name, "memory=2048", "--unset", "cpu"]).await.ok();
    assert!(lines.lines().any(|line| line.split_whitespace().eq(["memory", "1024", "->", "2048"])), "{lines}");
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    assert_eq!((default(&pool, "cpu"), default(&pool, "memory")), (&Value::Null, &json!(2048)));
    assert_eq!(default(&pool, "env"), &json!({"TOKEN": "canary"}));

    let error = run(server, &["pool", "set-variable", &name, "cpu=much"]).await.refused();
    assert!(error.contains("PP0105"), "{error}");
    let again = run(server, &["pool", "set-variable", &name, "memory=2048"]).await;
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    let odd = ["pool", "set-variable", &name, "cpu=256", "memory=16384"];
    let error = run(server, &odd).await.refused();
    assert!(error.contains("error[PP0216]") && error.contains("--force"), "{error}");
    let forced = run(server, &[&odd[..], &["--force"]].concat()).await;
    assert!(forced.stderr.contains("warning[PP0216]"), "{}", forced.stderr);
    forced.ok();
    let other = run(server, &["pool", "set-variable", &name, "image=a/b:1"]).await;
    assert!(other.stderr.contains("warning[PP0216]"), "what was so before does not stop it: {}", other.stderr);
    other.ok();
}

#[tokio::test]
async fn null_unsets_a_default_of_any_type() {
    let (server, name) = (shared().await, unique("nulls"));
    let made = ["--set", "cluster=default", "--set", "subnets=subnet-1", "--set", "image=a/b:1", "--set", "env.X=1"];
    run(server, &[&["pool", "create", &name][..], &made].concat()).await.ok();
    let nulls = ["image=null", "env.X=null", "launch_type=null", "cluster=null"];
    let lines = run(server, &[&["pool", "set-variable", &name][..], &nulls].concat()).await.ok();
    assert!(lines.lines().any(|line| line.split_whitespace().eq(["image", "a/b:1", "->", "(none)"])), "{lines}");
    let pool = server.api().get(&format!("/work_pools/{name}")).await.ok();
    let schema = &pool["base_job_template"]["variables"]["properties"];
    assert_eq!((default(&pool, "image"), default(&pool, "env")), (&Value::Null, &json!({})));
    assert_eq!(schema["launch_type"].get("default"), None);
}

#[tokio::test]
async fn all_that_would_crash_is_refused_at_once_and_stored_only_on_request() {
    let (server, name) = (shared().await, unique("crashing"));
    let mut create = vec!["pool", "create", name.as_str()];
    for set in [
        "env.PREFECT_API_KEY=pnu_canary",
        "cpu=256",
        "memory=8192",
        "assign_public_ip=maybe",
        "cluster=",
        "subnets=foo,bar",
        "execution_role_arn=execution",
    ] {
        create.extend(["--set", set]);
    }
    let error = run(server, &create).await.refused();
    for word in ["PP0209", "PP0216", "PP0208", "`cluster` is empty", "\"foo\"", "`execution_role_arn`", "--force"] {
        assert!(error.contains(word), "{word} in {error}");
    }
    assert!(!error.contains("canary"), "{error}");
    assert_eq!(server.api().get(&format!("/work_pools/{name}")).await.status, 404);
    create.push("--force");
    let forced = run(server, &create).await;
    assert!(forced.stderr.contains("warning[PP0209]"), "{}", forced.stderr);
    forced.ok();
    assert_eq!(server.api().get(&format!("/work_pools/{name}")).await.status, 200);

    let process = unique("process");
    let error = run(server, &["pool", "create", &process, "--type", "process"]).await.refused();
    assert!(error.contains("for ECS") && error.contains("process"), "{error}");
    assert_eq!(server.api().get(&format!("/work_pools/{process}")).await.status, 404);
}

#[tokio::test]
async fn pools_are_listed_paused_and_deleted() {
    let (server, name) = (shared().await, unique("life"));
    let (api, project) = (server.api(), Project::copy());
    run(server, &["pool", "create", &name]).await.ok();
    let deployment = api.create_deployment(NewDeployment::new("echo", project.path(), &name)).await;
    api.create_run(&deployment.id, json!({})).await;

    run(server, &["pool", "pause", &name]).await.ok();
    let again = run(server, &["pool", "pause", &name]).await;
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    let listed = run(server, &["pool", "ls", "--output", "json"]).await.json();
    let of = |listed: &Value, name: &str| listed.as_array().unwrap().iter().find(|pool| pool["name"] == name).cloned();
    let pool = of(&listed, &name).unwrap();
    assert_eq!((&pool["is_paused"], &pool["status"]), (&json!(true), &json!("PAUSED")));
    run(server, &["pool", "resume", &name]).await.ok();
    api.post(&format!("/work_pools/{name}/workers/heartbeat"), json!({"name": "pushpool"})).await.ok();
    let line = run(server, &["pool", "ls"]).await.ok();
    let line = line.lines().find(|line| line.starts_with(&name)).unwrap();
    assert!(line.split_whitespace().eq([&name, "ecs:push", "READY", "no", "-", "never", "1"]), "{line}");

    let process = unique("process");
    api.create_pool_with(json!({"name": process, "type": "process"})).await;
    let push_only = run(server, &["pool", "ls", "--output", "json"]).await.json();
    assert_eq!(of(&push_only, &process), None);
    let all = run(server, &["pool", "ls", "--all", "--output", "json"]).await.json();
    assert!(of(&all, &process).is_some());

    let error = run(server, &["pool", "delete", &name]).await.refused();
    assert!(error.contains("1 scheduled run,") && error.contains("1 deployment") && error.contains("--yes"), "{error}");
    run(server, &["pool", "delete", &name, "--yes"]).await.ok();
    let similar = format!("{}x", &name);
    run(server, &["pool", "create", &similar]).await.ok();
    let error = run(server, &["pool", "inspect", &name]).await.refused();
    assert!(error.contains(&format!("Did you mean `{similar}`")), "{error}");
}

#[tokio::test]
async fn prefect_2_has_such_pools_too() {
    let server = Options::default().version(Version::V2_20).start().await;
    run(&server, &["pool", "create", "old", "--set", "cpu=256", "--set", "memory=512"]).await.ok();
    run(&server, &["pool", "set-variable", "old", "memory=1024"]).await.ok();
    let status = run(&server, &["pool", "status"]).await.ok();
    assert!(status.contains("NOT SERVED"), "{status}");
    let error = run(&server, &["doorbell", "install", "--url", "http://127.0.0.1:9/"]).await.refused();
    assert!(error.contains("no automations") && error.contains("2.20"), "{error}");
    run(&server, &["pool", "delete", "old", "--yes"]).await.ok();
}
