//! The release binary of the dispatcher as an event source mapping drives it that was not written here: ministack's,
//! with ministack's SQS. ECS is ours, because ministack's has no clientToken.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use local::{Config, Local, ecs::Runner};
use pushpool_tests::{conformance::ministack, rig::python::python};
use serde_json::{Value, json};

fn run(number: u8) -> Value {
    json!({
        "version": 1,
        "flow_run_id": format!("00000000-0000-4000-8000-0000000000{number:02}"),
        "state_id": format!("00000000-0000-4000-9000-0000000000{number:02}"),
        "expected_start_time": "2026-01-01T00:00:00Z",
        "work_pool": "p",
        "run": {"flow": {"name": "f"}, "deployment": {"name": "d", "job_variables": {"vpc_id": null}}},
    })
}

/// A deployment package: the binary as `bootstrap`.
fn zip(binary: &Path, directory: &Path) -> PathBuf {
    std::fs::copy(binary, directory.join("bootstrap")).unwrap();
    let made = python().command(["-m", "zipfile", "-c", "dispatcher.zip", "bootstrap"]).current_dir(directory).status();
    assert!(made.unwrap().success());
    directory.join("dispatcher.zip")
}

fn drive(order: &Value) -> Value {
    let python = python();
    let mut script = python
        .command([python.script("event_source_mapping.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    script.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_release_binary_serves_an_event_source_mapping_of_ministack() {
    let mut config = Config::default();
    config.ecs.runner = Runner::Instant { exit_code: 0 };
    let local = Local::start(config).await.unwrap();
    let ecs_endpoint = local.endpoint();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("p.json"), r#"{"name": "p", "base_job_template": {}}"#).unwrap();
    let poison = r#"{"version": 1, "flow_run_id": "no"#;

    let (result, log) = tokio::task::spawn_blocking(move || {
        let archive = zip(&pushpool_tests::bootstrap(), directory.path());
        let emulator = ministack();
        let result = drive(&json!({
            "endpoint": emulator.endpoint(),
            "zip": archive,
            "environment": {
                "PUSHPOOL_POOL_DOCUMENTS": directory.path(),
                "PUSHPOOL_RUN_QUEUE_ARN": "arn:aws:sqs:us-east-1:000000000000:runs",
                "PUSHPOOL_SCHEDULE_GROUP": "pushpool",
                "PUSHPOOL_SCHEDULE_ROLE_ARN": "arn:aws:iam::000000000000:role/schedules",
                "PUSHPOOL_SUBNETS": "subnet-1",
                "AWS_ENDPOINT_URL_SQS": emulator.endpoint(),
                "AWS_ENDPOINT_URL_ECS": ecs_endpoint,
            },
            "messages": [run(1).to_string(), poison, run(2).to_string()],
            "dead_letters": 1,
        }));
        (result, emulator.log())
    })
    .await
    .unwrap();

    assert_eq!(result["settled"], true, "{result:#}\n{log}");
    let dead = &result["dead_letters"][0];
    assert_eq!(dead["Body"], poison);
    assert_eq!(dead["MessageAttributes"]["ErrorCode"]["StringValue"], "PP0401", "{dead:#}");
    let mut started: Vec<String> = local.ecs().tasks().into_iter().filter_map(|task| task.started_by).collect();
    started.sort();
    let expected = [run(1), run(2)].map(|run| format!("{}/{}", run["flow_run_id"], run["state_id"]).replace('"', ""));
    assert_eq!(started, expected);
    local.stop().await;
}
