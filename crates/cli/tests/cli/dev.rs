//! `pushpool dev`: the whole way, over the samples and over messages of one's own.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::{json as answer, pushpool, run, run_with_input, stderr, stdout};

/// The row of the message with this source.
pub(super) fn row<'a>(report: &'a Value, source: &str) -> &'a Value {
    let runs = report["runs"].as_array().unwrap();
    runs.iter().find(|run| run["source"] == source).unwrap_or_else(|| panic!("{source} in {report:#}"))
}

pub(super) fn message(run: u128, variables: &Value) -> Value {
    json!({
        "version": 1, "flow_run_id": id(run), "state_id": id(run + 1),
        "expected_start_time": "2026-01-05T06:00:00Z", "work_pool": "demo",
        "run": {"name": format!("run-{run}"), "job_variables": variables},
    })
}

fn id(number: u128) -> String {
    let hex = format!("{number:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[test]
fn every_sample_ends_as_its_description_says() {
    let output = run(&["dev", "--output", "json"]);
    let report = answer(&output, 0);
    assert_eq!(report["ending"], "complete");
    for source in ["mixed.json #1", "mixed.json #4"] {
        let run = row(&report, source);
        assert_eq!((&run["state"], &run["exit_code"]), (&json!("stopped"), &json!(0)), "{run:#}");
    }
    for number in 1..=10 {
        let run = row(&report, &format!("batch-of-10.json #{number}"));
        assert_eq!((&run["state"], &run["exit_code"]), (&json!("stopped"), &json!(0)), "{run:#}");
        assert!(run["due_to_launch_seconds"].is_f64());
    }
    let failed = row(&report, "failing-job.json");
    assert_eq!(
        (&failed["state"], &failed["exit_code"], &failed["failed"]),
        (&json!("stopped"), &json!(3), &json!(true))
    );
    let log = fs::read_to_string(failed["log_file"].as_str().unwrap()).unwrap();
    assert!(log.contains("orders-of-tomorrow.csv"), "{log}");
    for (source, state, code) in [
        ("invalid-job-variable.json", "crashed", "PP0105"),
        ("unknown-pool.json", "crashed", "PP0404"),
        ("mixed.json #3", "crashed", "PP0105"),
        ("poison-body.json", "buried", "PP0401"),
        ("mixed.json #2", "buried", "PP0401"),
        ("unknown-version.json", "buried", "PP0402"),
    ] {
        let run = row(&report, source);
        assert_eq!((&run["state"], &run["code"]), (&json!(state), &json!(code)), "{run:#}");
        assert_eq!(run["task_arn"], Value::Null);
        assert!(run["resolution"].as_str().is_some_and(|text| !text.is_empty()), "{run:#}");
    }

    // Two messages of one attempt: one task, and whichever came second adopted it.
    let (first, second) = (row(&report, "single.json"), row(&report, "redelivered.json"));
    let mut states = [&first["state"], &second["state"]].map(|state| state.as_str().unwrap());
    states.sort_unstable();
    assert_eq!(states, ["adopted", "stopped"]);
    assert_eq!(first["task_arn"], second["task_arn"]);

    // 14 attempts have a task: single, ten of the batch, the failing job, two of the mixed batch.
    let tasks: std::collections::BTreeSet<&str> =
        report["runs"].as_array().unwrap().iter().filter_map(|run| run["task_arn"].as_str()).collect();
    assert_eq!(tasks.len(), 14);
    let calls = &report["calls"];
    assert_eq!(calls["ecs:RunTask"], 15, "one for each attempt and one that adopts: {calls}");
    let definitions: std::collections::BTreeSet<&str> =
        report["runs"].as_array().unwrap().iter().filter_map(|run| run["task_definition_arn"].as_str()).collect();
    assert_eq!(calls["ecs:RegisterTaskDefinition"], definitions.len(), "{calls}");
    assert!(definitions.len() <= 2, "all runs of the deployment share: {definitions:?}");
    assert_eq!(calls["sqs:SendMessage"], 6, "one burial each: {calls}");
    let known = ["ecs:RunTask", "ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "sqs:SendMessage"];
    let others: Vec<&String> =
        calls.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");

    let mut codes: Vec<&str> =
        report["dead_letters"].as_array().unwrap().iter().map(|letter| letter["code"].as_str().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["PP0105", "PP0105", "PP0401", "PP0401", "PP0402", "PP0404"]);
    assert_eq!(report["counts"]["messages"], 21);
    assert_eq!(report["counts"]["without_outcome"], 0);
}

#[test]
fn strict_wants_every_job_to_succeed() {
    let failing = ["dev", "--strict", "--events", "events/sqs/failing-job.json"];
    let output = run(&failing);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    for part in ["Failed tasks", "late-quail", "exit code 3", "cannot read the orders"] {
        assert!(stdout(&output).contains(part), "{part} in: {}", stdout(&output));
    }
    assert_eq!(run(&["dev", "--strict", "--events", "events/sqs/single.json"]).status.code(), Some(0));
    assert_eq!(run(&failing.map(|word| if word == "--strict" { "--timeout=60" } else { word })).status.code(), Some(0));
}

#[test]
fn a_run_starts_on_a_bad_day_too() {
    let report = answer(&run(&["dev", "--bad-day", "--events", "events/sqs/single.json", "--output", "json"]), 0);
    let run = row(&report, "single.json");
    assert_eq!((&run["state"], &run["exit_code"]), (&json!("stopped"), &json!(0)), "{run:#}");
    let calls = &report["calls"];
    assert!(calls["ecs:RunTask"].as_u64() > Some(1), "ECS does not know the new definition at first: {calls}");
}

#[test]
fn the_summary_shows_the_dead_letter_queue_and_what_to_do() {
    let output = run_with_input(&["dev", "--events", "-"], "this is no JSON\n");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for part in
        ["Dead-letter queue", "PP0401", "this is no JSON", "1 buried", "Every message reached a recorded outcome"]
    {
        assert!(stdout(&output).contains(part), "{part} in: {}", stdout(&output));
    }
    assert!(!stdout(&output).contains('\u{1b}'), "no colours into a pipe");
    for step in ["queued", "claimed", "buried"] {
        assert!(stderr(&output).contains(step), "{step} in: {}", stderr(&output));
    }
}

#[test]
fn a_list_on_standard_input_runs_with_its_own_variables() {
    let list = json!([
        message(1, &json!({"command": "sh -c 'exit 7'"})),
        message(3, &json!({"command": "no-such-program-anywhere"})),
        "poison",
    ]);
    let report = answer(&run_with_input(&["dev", "--events", "-", "--output", "json"], &list.to_string()), 0);
    assert_eq!(row(&report, "standard input #1")["exit_code"], 7);
    let not_started = row(&report, "standard input #2");
    assert_eq!((&not_started["state"], &not_started["stop_code"]), (&json!("stopped"), &json!("TaskFailedToStart")));
    assert_eq!(not_started["failed"], true);
    assert_eq!(row(&report, "standard input #3")["code"], "PP0401");
}

#[test]
fn a_run_that_is_due_later_is_without_an_outcome_when_time_is_over() {
    let mut later = message(1, &json!({"command": "true"}));
    later["expected_start_time"] = json!("2126-01-05T06:00:00Z");
    let line = ["dev", "--events", "-", "--timeout", "1", "--output", "json"];
    let report = answer(&run_with_input(&line, &later.to_string()), 1);
    assert_eq!(report["ending"], "timed_out");
    assert_eq!(report["counts"]["without_outcome"], 1);
    assert!(report["runs"][0]["note"].as_str().unwrap().contains("not due yet"), "{report:#}");
}

#[test]
fn what_cannot_be_started_says_what_is_missing() {
    for (line, part) in [
        (&["dev", "--events", "nowhere"][..], "nowhere"),
        (&["dev", "--pools", "nowhere"][..], "nowhere"),
        (&["dev", "--images", "nowhere.json"][..], "nowhere.json"),
        (&["dev", "--bootstrap", "nowhere"][..], "nowhere"),
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        assert!(stderr(&output).contains(part) && stdout(&output).is_empty(), "{line:?}: {}", stderr(&output));
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&["dev", "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&port), "{}", stderr(&output));
}

/// Processes whose command line contains this.
fn processes_with(marker: &str) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let commands = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    commands.filter(|command| String::from_utf8_lossy(command).contains(marker)).count()
}

pub(super) fn send_signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([format!("-{name}"), process.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn ctrl_c_stops_the_tasks_and_leaves_no_process_behind() {
    let directory = tempfile::tempdir().unwrap();
    // A process that ignores SIGTERM, with a child of its own: neither may be left. The marker is unique to this test.
    let marker = format!("{}.25", 100_000 + std::process::id());
    let command = format!("sh -c 'trap \"\" TERM; sleep {marker}; sleep {marker}'");
    let events = directory.path().join("events.json");
    fs::write(&events, message(1, &json!({"command": command})).to_string()).unwrap();
    let mut child = pushpool(&["dev", "--events", events.to_str().unwrap(), "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut steps = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(steps.any(|step| step.contains("running")), "the task runs");
    // RUNNING is told when the process has been started, not when it has got anywhere.
    while processes_with(&marker) < 2 {
        std::thread::yield_now();
    }
    send_signal("INT", child.id());
    steps.for_each(drop);
    let output = child.wait_with_output().unwrap();
    let report = answer(&output, 130);
    assert_eq!(report["ending"], "interrupted");
    assert_eq!(processes_with(&marker), 0);
}

#[test]
fn kept_up_it_goes_on_dispatching_what_others_send() {
    let mut child = pushpool(&["dev", "--keep", "--events", "events/sqs/single.json", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut steps = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let endpoint = steps.find_map(|step| {
        let (_, endpoint) = step.split_once("AWS_ENDPOINT_URL=")?;
        Some(endpoint.split(' ').next()?.to_owned())
    });
    let endpoint = endpoint.expect("the endpoint is told");
    let queue = steps.find_map(|step| Some(step.trim().strip_prefix("run queue")?.trim().to_owned()));
    let body = message(9, &json!({"command": "true"})).to_string();
    let request = json!({"QueueUrl": queue.expect("the queue is told"), "MessageBody": body}).to_string();
    post(&endpoint, "AmazonSQS.SendMessage", &request);
    assert!(steps.any(|step| step.contains("run-9") && step.contains("stopped")), "the other's run is dispatched");
    send_signal("TERM", child.id());
    steps.for_each(drop);
    let output = child.wait_with_output().unwrap();
    let report = answer(&output, 0);
    assert_eq!(report["counts"]["messages"], 1, "the summary is of the messages that were fed");
}

/// A call without an SDK, for any client may make it.
fn post(endpoint: &str, target: &str, body: &str) {
    use std::io::{Read, Write};

    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nx-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.0\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A function in Python that speaks the Runtime API, and says of every record that it is not ours. It wants its settings
/// in its environment.
const FUNCTION: &str = r#"#!/usr/bin/env python3
import json, os, urllib.request

for name in ["PUSHPOOL_RUN_QUEUE_URL", "PUSHPOOL_DLQ_URL", "PUSHPOOL_POOL_DOCUMENTS", "AWS_REGION", "AWS_ENDPOINT_URL"]:
    assert os.environ[name], name
assert os.environ["PUSHPOOL_SUBNETS"] == "subnet-1,subnet-2"
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as invocation:
        id, event = invocation.headers["Lambda-Runtime-Aws-Request-Id"], json.load(invocation)
    for record in event["Records"]:
        run = json.loads(record["body"])
        ids = {name: run[name] for name in ["flow_run_id", "state_id"]}
        print(json.dumps({"message": "not ours", "reason": "said the function", **ids}), flush=True)
    urllib.request.urlopen(f"{api}/{id}/response", data=b"{}").close()
"#;

fn function(directory: &tempfile::TempDir, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;

    let path = directory.path().join("bootstrap");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_function_binary_is_invoked_with_its_settings_and_its_log_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let binary = function(&directory, FUNCTION);
    let logs = directory.path().join("logs");
    let messages = ["dev", "--bootstrap", &binary, "--events", "events/sqs/single.json", "--output", "json"];
    let settings = ["--subnets", "subnet-1,subnet-2", "--logs", logs.to_str().unwrap()];
    let report = answer(&run(&[&messages[..], &settings].concat()), 0);
    let run = row(&report, "single.json");
    assert_eq!((&run["state"], &run["note"]), (&json!("not_ours"), &json!("said the function")));
    assert!(fs::read_to_string(logs.join("dispatcher.log")).unwrap().contains("said the function"));
}

#[test]
fn a_function_binary_that_does_not_work_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let binary = function(&directory, "#!/bin/sh\nexit 5\n");
    let line = ["dev", "--bootstrap", &binary, "--events", "events/sqs/single.json", "--timeout", "2"];
    let output = run(&line);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("dispatcher: the function did not start"), "{}", stderr(&output));
    assert!(stdout(&output).contains("1 without an outcome"), "{}", stdout(&output));
}
