//! What Terraform makes, replayed on loopback: the queues, functions, mappings, schedules, rule, policies and pool documents of
//! `infra/applied`, as they stand there, carry real runs from the tick to the task and from the task's event to the run's state.
//!
//! Two things differ from the plan: where AWS is and where the Prefect server is. A function's access key is the name of its
//! role, so that the plan's policies judge every call ([`pushpool_tests::rig::applied`]); who sends for somebody else (EventBridge,
//! Scheduler, Lambda) is asked for here.

mod replay;

use std::time::{Duration, Instant};

use local::ecs::{HostImage, Status};
use pushpool_tests::rig::{
    applied::{ACCOUNT, Applied, REGION},
    prefect::{NewDeployment, Options, Project, Server, environment},
    python::python,
};
use serde_json::{Value, json};

use self::replay::Wired;
use crate::cli::{finish, pushpool};

const PATIENCE: Duration = Duration::from_secs(180);

/// `user:password` of the server, and the doorbell's token.
const AUTH: &str = "admin:open-sesame";
const TOKEN: &str = "canary-token-0123456789";

const POISON: &str = r#"{"version": 1, "#;

/// A pool as the module's outputs say, by the command line tool.
async fn create_pool(server: &Server, applied: &Applied, name: &str, more: &[&str]) {
    let arguments = applied.output("pool_create_arguments").as_str().unwrap();
    let arguments: Vec<&str> =
        ["pool", "create", name].into_iter().chain(arguments.split(' ')).chain(more.iter().copied()).collect();
    finish(pushpool(server, &arguments).await).await.ok();
}

#[tokio::test]
async fn what_terraform_makes_carries_runs_from_the_tick_to_the_task_and_back() {
    let server = Options::default().auth(AUTH).start().await;
    let (api, project) = (server.api(), Project::copy());
    let mut variables = environment(&server);
    // They come as the container's secret, from the pool that the outputs make.
    variables.remove("PREFECT_API_AUTH_STRING");
    variables.remove("PREFECT_API_URL");
    let image = HostImage {
        working_directory: Some(project.path().to_owned()),
        environment: variables,
        ..HostImage::default()
    };
    let mut wired = Wired::start(Applied::served(), image, &[("PREFECT_API_URL", server.url())]).await;
    create_pool(&server, &wired.applied, "etl", &[]).await;
    create_pool(&server, &wired.applied, "limited", &["--concurrency-limit", "1"]).await;
    let script = python().script("light_flow.py");
    let light = |seconds: f64| format!("python -I -S {} {} {seconds}", script.display(), project.file("notes"));
    let deployment = |name: &'static str, pool: &str, variables: Value| {
        let deployment = NewDeployment::new("quick", project.path(), pool).with("name", json!(name));
        api.create_deployment(deployment.job_variables(variables))
    };
    let quick = deployment("quick", "etl", json!({})).await.id;
    let mute = deployment("mute", "etl", json!({"command": "python -c exit(3)"})).await.id;
    let hung = deployment("hung", "etl", json!({"command": light(600.0)})).await.id;
    let limited = deployment("limited", "limited", json!({"command": light(0.1)})).await.id;

    // The tick finds what is due: a real flow, a container that dies without a word, and two runs that wait for one another.
    let due = [&quick, &mute, &limited, &limited].map(|deployment| api.create_run(deployment, json!({})));
    let runs = futures_util::future::join_all(due).await;
    wired.let_go().await;
    for (run, state) in runs.iter().zip(["COMPLETED", "CRASHED", "COMPLETED", "COMPLETED"]) {
        let ended = api.wait_for(run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
        assert_eq!(ended["state_type"], state, "{ended:#}");
    }
    let limited = wired.mappings["pushpool-run.fifo"].counts().records;
    assert!(limited > 1, "{limited} messages went the limited runs' way");
    let tasks = wired.local.ecs().tasks();
    assert_eq!(tasks.len(), 4, "{tasks:#?}");

    // The server rings for what somebody starts or cancels.
    let doorbell = wired.url().await;
    finish(pushpool(&server, &["doorbell", "install", "--url", &doorbell.url(), "--token", TOKEN]).await).await.ok();
    let run = api.create_run(&hung, json!({})).await;
    api.wait_for(&run, &["RUNNING"], PATIENCE).await;
    wired.firing("aws_scheduler_schedule.reconcile[0]")().await;
    api.cancel(&run).await;
    api.wait_for(&run, &["CANCELLED"], PATIENCE).await;
    assert!(wired.local.ecs().tasks().iter().all(|task| task.status == Status::Stopped));

    // What nobody can read is buried where its queue's dead letters are.
    for queue in ["run", "events"] {
        let url = wired.applied.all("aws_sqs_queue")[&*format!("aws_sqs_queue.this[\"{queue}\"]")].text("url");
        wired.local.sqs().send(url, POISON).await.unwrap();
        wired.buried(&format!("pushpool-{queue}-dlq"), POISON).await;
    }

    doorbell.stop().await;
    let allowed = wired.stop().await;
    let used = |function: &str| -> Vec<&str> {
        allowed[&format!("pushpool-{function}-{REGION}")].iter().map(String::as_str).collect()
    };
    let reads = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
    let uses = |function: &str, expected: &[&str]| {
        let used = used(function);
        let missing: Vec<_> = expected.iter().filter(|action| !used.contains(action)).collect();
        assert!(missing.is_empty(), "the {function} was not seen to call {missing:?}, but {used:?}");
    };
    uses("poller", &[&reads[..], &["secretsmanager:GetSecretValue", "sqs:SendMessage"]].concat());
    uses(
        "dispatcher",
        &[
            &reads[..],
            &["ecs:RunTask", "ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole", "sqs:SendMessage"],
        ]
        .concat(),
    );
    uses("observer", &[&reads[..], &["ecs:DescribeTasks", "ecs:StopTask", "sqs:SendMessage"]].concat());
    uses("reconciler", &["ecs:DescribeTasks", "secretsmanager:GetSecretValue"]);
    assert_eq!(used("doorbell"), ["sqs:SendMessage", "ssm:GetParameter"]);
    assert_eq!(used("schedules"), ["lambda:InvokeFunction", "sqs:SendMessage"]);
}

#[tokio::test]
async fn what_terraform_makes_without_a_prefect_server_carries_a_message_to_its_task() {
    let image = HostImage { command: vec!["true".to_owned()], ..HostImage::default() };
    let mut wired = Wired::start(Applied::standalone(), image, &[]).await;
    wired.let_go().await;
    let url = wired.applied.all("aws_sqs_queue")["aws_sqs_queue.this[\"run\"]"].text("url").to_owned();
    let message = json!({
        "version": 1, "flow_run_id": "834f6b44-af09-59a7-88a2-0ccb5f29ee02", "state_id": "882834ca-abc4-5ffb-9eff-8ca4e42256dc",
        "expected_start_time": "2026-01-05T06:00:00Z", "work_pool": "demo",
        "run": {"name": "amber-otter", "flow": {"name": "orders"}, "deployment": {"name": "orders-report",
            "job_variables": {"cluster": "etl", "command": "true", "execution_role_arn": "arn:aws:iam::111122223333:role/etl-execution"}}},
    });
    let mut later = message.clone();
    (later["flow_run_id"], later["expected_start_time"]) = ("later".into(), "2099-01-05T06:00:00Z".into());
    for body in [message.to_string(), POISON.to_owned(), later.to_string()] {
        wired.local.sqs().send(&url, body).await.unwrap();
    }
    wired.buried("pushpool-run-dlq", POISON).await;
    let started = Instant::now();
    let done = |wired: &Wired| {
        let (published, tasks) = (wired.local.published(), wired.local.ecs().tasks());
        !(published.is_empty() || tasks.is_empty() || wired.local.scheduler().waiting().is_empty())
    };
    while !done(&wired) {
        assert!(started.elapsed() < PATIENCE, "nothing is launched");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        wired.local.published()[0]["EventBusName"],
        format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/outcomes")
    );
    let allowed = wired.stop().await.remove(&format!("pushpool-dispatcher-{REGION}")).unwrap();
    for action in [
        "ecs:RunTask",
        "ssm:GetParameter",
        "events:PutEvents",
        "sqs:SendMessage",
        "iam:PassRole",
        "scheduler:CreateSchedule",
    ] {
        assert!(allowed.contains(action), "{action} was not called: {allowed:?}");
    }
}
