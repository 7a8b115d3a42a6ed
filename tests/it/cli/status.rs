//! `pool status` over what a server knows about real runs.

use std::time::Duration;

use pushpool_tests::rig::{
    prefect::{Fault, NewDeployment, Project, Proxy, Rule, Server, environment, shared, unique},
    python::python,
};
use serde_json::{Value, json};

use super::{finish, pushpool, run, wizard::conversation};

async fn status(server: &Server, name: &str) -> Value {
    let mut all = run(server, &["pool", "status", name, "--output", "json"]).await.json();
    all[0].take()
}

#[tokio::test]
async fn it_says_what_waits_what_runs_and_what_went_wrong() {
    let (server, name) = (shared().await, unique("status"));
    let (api, project) = (server.api(), Project::copy());
    run(server, &["pool", "create", &name, "--concurrency-limit", "2"]).await.ok();
    api.create_queue(&name, "slow", Some(1)).await;
    let deployment = api.create_deployment(NewDeployment::new("echo", project.path(), &name)).await.id;
    let empty = status(server, &name).await;
    assert_eq!(empty["verdict"]["state"], "NOT SERVED");
    assert_eq!(empty["runs"], json!({"due": 0, "late": 0, "pending": 0, "running": 0, "cancelling": 0}));

    let first = api.create_run(&deployment, json!({"name": "first"})).await;
    let second = api.create_run(&deployment, json!({"name": "second"})).await;
    let waiting = api.create_run(&deployment, json!({"name": "waiting"})).await;
    api.create_run_later(&deployment, Duration::from_secs(3600), json!({"name": "tomorrow"})).await;
    let crashed = api.create_run(&deployment, json!({"name": "crashed"})).await;
    let message = "PP0314: The cluster does not exist\nand more";
    api.force_state(&crashed, json!({"type": "CRASHED", "message": message})).await;
    api.set_state(&first, json!({"type": "PENDING"})).await;
    api.set_state(&second, json!({"type": "PENDING"})).await;
    api.set_state(&second, json!({"type": "RUNNING"})).await;

    let seen = status(server, &name).await;
    assert_eq!(seen["verdict"]["ready"], false);
    assert!(seen["verdict"]["text"].as_str().unwrap().contains("1 run waits"), "{}", seen["verdict"]);
    assert_eq!(
        (&seen["runs"]["due"], &seen["runs"]["pending"], &seen["runs"]["running"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!((&seen["slots"]["used"], &seen["slots"]["limit"]), (&json!(2), &json!(2)));
    let mut holders: Vec<&str> =
        seen["slots"]["holders"].as_array().unwrap().iter().map(|holder| holder["name"].as_str().unwrap()).collect();
    holders.sort_unstable();
    assert_eq!(holders, ["first", "second"]);
    assert_eq!(seen["oldest_due"]["id"], waiting.as_str());
    assert_eq!(seen["oldest_pending"]["id"], first.as_str());
    assert_eq!(seen["crashed"][0]["message"], message);
    assert_eq!(seen["queues"].as_array().unwrap().len(), 2, "{}", seen["queues"]);

    // Somebody polls: heartbeat and request, as the poller does. The server notes when it has answered, or does not get to it.
    api.post(&format!("/work_pools/{name}/workers/heartbeat"), json!({"name": "pushpool"})).await.ok();
    let mut served = Value::Null;
    for _ in 0..60 {
        api.scheduled_runs(&name, json!({"limit": 1})).await;
        served = status(server, &name).await;
        if served["verdict"]["state"] != "NOT SERVED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(served["verdict"]["state"], "WAITING", "both slots are in use: {}", served["verdict"]);
    assert_eq!(served["workers"][0]["status"], "ONLINE");
    api.set_state(&second, json!({"type": "COMPLETED"})).await;
    let ready = status(server, &name).await;
    assert_eq!((&ready["verdict"]["state"], &ready["verdict"]["ready"]), (&json!("READY"), &json!(true)));

    let screen = run(server, &["pool", "status", &name]).await.ok();
    for part in ["pushpool (first seen", "1 due", "1 pending", "1 in use, of 2", "slow", "crashed", "PP0314"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert!(screen.contains("PP0314: The cluster does not exist and more"), "nothing is cut for a program: {screen}");
    assert!(screen.lines().nth(1).unwrap().starts_with("READY: polled "), "the verdict comes first: {screen}");
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_no_status() {
    let server = shared().await;
    let error = run(server, &["pool", "status", &unique("nothing")]).await.refused();
    assert!(error.contains("no work pool"), "{error}");
}

#[tokio::test]
async fn watching_in_the_background_of_a_terminal_redraws_nothing() {
    let (server, name) = (shared().await, unique("apart"));
    run(server, &["pool", "create", &name]).await.ok();
    let watch = pushpool(server, &["pool", "status", &name, "--watch", "1"]).await;
    let mut job = std::process::Command::new(python().interpreter());
    job.arg(python().script("jobs.py")).arg("NOT SERVED").arg(watch.get_program()).args(watch.get_args());
    job.env_clear().envs(environment(server)).env("NO_COLOR", "1").env("TERM", "xterm");
    let shown = finish(job).await.json();
    let redraws = |part: &str| shown[part].as_str().unwrap().contains("\u{1b}[");
    assert_eq!((redraws("background"), redraws("foreground"), redraws("again")), (false, true, false), "{shown:#}");
}

/// Otherwise what was last seen would stand there as if it still held.
#[tokio::test]
async fn a_server_that_stands_still_is_named_while_it_is_watched() {
    let (server, name) = (shared().await, unique("still"));
    run(server, &["pool", "create", &name]).await.ok();
    let proxy = Proxy::start(server.address()).await;
    proxy.inject(Rule::new(Fault::LateAnswer(Duration::from_secs(20))).path(&name).method(hyper::Method::GET).after(1));
    let steps = [("NOT SERVED", ""), ("NO ANSWER", ""), ("has not answered for 6 s", "\u{3}")];
    let mut command = conversation(server, &["pool", "status", &name, "--watch", "1"], &steps).await;
    command.env("PREFECT_API_URL", proxy.url());
    let ended = finish(command).await;
    assert_eq!(ended.code, Some(130), "{}", ended.stdout);
    assert!(ended.stdout.contains(&proxy.url()), "{}", ended.stdout);
}
