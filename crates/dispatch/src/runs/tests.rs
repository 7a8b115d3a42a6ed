//! Stopped tasks as ECS tells of them, and what is made of each. The words are AWS's, the registries' and the agents', each
//! with where it was reported (`events/answers/stopped-tasks.json`).

use diagnosis::Diagnosis;
use ecs::task::Task;
use prefect_api::models::StateType;
use serde_json::{Value, json};

use super::decide::{Action, Limits, Past, decide};

const LIMITS: Limits = Limits { capacity_timeout: std::time::Duration::from_secs(3_600), interruptions: 3 };

fn recorded() -> Vec<Value> {
    serde_json::from_str(include_str!("../../../../events/answers/stopped-tasks.json")).unwrap()
}

fn task(recorded: &Value) -> Task {
    let mut task = recorded.clone();
    task["taskArn"] = "arn:aws:ecs:eu-west-1:123456789012:task/etl/0123456789abcdef0123456789abcdef".into();
    Task::of_json(&task).unwrap()
}

fn state(recorded: &Value) -> StateType {
    match recorded["run"].as_str() {
        Some("PENDING") => StateType::Pending,
        Some("RUNNING") => StateType::Running,
        other => panic!("{other:?}"),
    }
}

fn decided(recorded: &Value) -> (&'static str, Diagnosis) {
    match decide(state(recorded), &task(recorded), Past::default(), LIMITS) {
        Action::HandBack(reason) => ("handed back", reason),
        Action::Crash(reason) => ("crashed", reason),
        other => panic!("{other:?}"),
    }
}

/// What is said of the task with these words, for a run whose flow has not begun.
fn said(stop_code: &str, stopped_reason: &str, containers: Value) -> Diagnosis {
    decided(
        &json!({"run": "PENDING", "stopCode": stop_code, "stoppedReason": stopped_reason, "containers": containers}),
    )
    .1
}

#[test]
fn every_recorded_task_has_its_code_and_its_end() {
    let recorded = recorded();
    assert!(recorded.len() > 60);
    let mut wrong = Vec::new();
    for it in &recorded {
        let (outcome, reason) = decided(it);
        if (it["outcome"].as_str(), it["code"].as_str()) != (Some(outcome), Some(reason.code.id())) {
            wrong.push(format!(
                "{}: {outcome} {}, expected {} {}",
                it["situation"], reason.code, it["outcome"], it["code"]
            ));
        }
        assert!(it["source"].as_str().unwrap().starts_with("https://"), "{it}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_code_has_one_end() {
    let recorded = recorded();
    for it in &recorded {
        for other in &recorded {
            assert!(it["code"] != other["code"] || it["outcome"] == other["outcome"], "{it} {other}");
        }
    }
}

#[test]
fn a_task_that_completed_its_run_is_left_alone_whatever_ecs_says() {
    for it in recorded() {
        let action = decide(StateType::Completed, &task(&it), Past::default(), LIMITS);
        assert_eq!(action, Action::Nothing, "{it}");
    }
}

#[test]
fn interruptions_are_told_by_the_stop_code_or_by_the_words() {
    let words = [
        "Your Spot Task was interrupted.",
        "ECS is performing maintenance on the underlying infrastructure hosting the task",
    ];
    for reason in words {
        for stop_code in ["", "ServiceSchedulerInitiated", "UserInitiated", "EssentialContainerExited", "SomethingNew"]
        {
            let mut it = json!({"run": "RUNNING", "stoppedReason": reason, "startedAt": "2026-01-05T08:00:00Z",
                "containers": [{"name": "prefect", "exitCode": 137}]});
            if !stop_code.is_empty() {
                it["stopCode"] = stop_code.into();
            }
            let (outcome, reason) = decided(&it);
            assert_eq!((outcome, reason.code.id()), ("handed back", "PP0620"), "{it}");
        }
    }
}

#[test]
fn four_causes_of_a_failed_initialization_have_four_pieces_of_advice() {
    let init =
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ";
    for (words, code, mentions, not) in [
        (
            "unable to retrieve ecr registry auth: service call has been retried 1 time(s): RequestError: send request \
             failed caused by: Post https://api.ecr....",
            "PP0603",
            "NAT gateway",
            "exists in this region",
        ),
        (
            "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:s \
             from secrets manager: AccessDeniedException: Access to KMS is not allowed status code: 400",
            "PP0629",
            "execution role",
            "NAT gateway",
        ),
        (
            "The task can't retrieve the secret with ARN 'arn:s' from Secrets Manager. Check whether the secret exists \
             in the specified Region.",
            "PP0611",
            "exists",
            "NAT gateway",
        ),
    ] {
        let reason = said("TaskFailedToStart", &format!("{init}{words}"), json!([{"name": "prefect"}]));
        assert_eq!(reason.code, code, "{words}");
        assert!(reason.resolution.contains(mentions) && !reason.resolution.contains(not), "{reason:?}");
    }
    let logs = "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch \
                log group defined in the task definition.";
    let reason = said("TaskFailedToStart", logs, json!([{"name": "prefect"}]));
    assert!(reason.code == "PP0612" && reason.resolution.contains("log group"), "{reason:?}");
}

#[test]
fn a_throttled_log_stream_is_tried_again() {
    let words = "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: failed to \
                 create Cloudwatch log stream: ThrottlingException: Rate exceeded";
    let it = json!({"run": "PENDING", "stopCode": "TaskFailedToStart", "stoppedReason": "Task failed to start",
        "containers": [{"name": "prefect", "reason": words}]});
    assert_eq!(decided(&it).0, "handed back");
}

#[test]
fn efs_is_named_where_efs_is_the_trouble() {
    let words = "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: \
                 mount.nfs4: Connection reset by peer : unsuccessful EFS utils command execution; code: 32";
    let advice = said("TaskFailedToStart", words, json!([{"name": "prefect"}])).resolution;
    assert!(advice.contains("mount target") && advice.contains("2049") && !advice.contains("ECR"), "{advice}");
}

/// A code says nothing about a name: images, secrets and accounts may be called as errors are.
#[test]
fn names_are_not_taken_for_words() {
    for (words, code) in [
        ("failed to resolve ref docker.io/me/flows:429: not found", "PP0610"),
        ("failed to resolve ref docker.io/acme/no-space-left:1: not found", "PP0610"),
        ("failed to resolve ref docker.io/acme/name-resolution:1: not found", "PP0610"),
        ("failed to resolve ref docker.io/acme/flows:503: not found", "PP0610"),
        (
            "failed to resolve ref r/x:1: unexpected status from HEAD request to https://r/v2/x/manifests/1: 502 Proxy Error",
            "PP0604",
        ),
        ("failed to copy: httpReadSeeker: received unexpected HTTP status: 503 Slow Down", "PP0604"),
        (
            "failed to resolve ref r/x:1: unexpected status from HEAD request to https://r/v2/x/manifests/1: 522",
            "PP0604",
        ),
        (
            "failed to resolve ref docker.io/acme/not-found:1: failed to do request: Head: dial tcp 1.2.3.4:443: i/o timeout",
            "PP0604",
        ),
    ] {
        let words = format!("CannotPullContainerError: pull image manifest has been retried 5 time(s): {words}");
        assert_eq!(said("TaskFailedToStart", &words, json!([{"name": "prefect"}])).code, code, "{words}");
    }
}

#[test]
fn a_container_that_took_the_flows_along_is_named() {
    let killed = |exit_code: i64, other: Value| {
        decided(&json!({"run": "RUNNING", "stopCode": "EssentialContainerExited", "startedAt": "2026-01-05T08:00:00Z",
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "prefect", "exitCode": exit_code}, other]}))
        .1
    };
    let ended = killed(137, json!({"name": "log_router", "exitCode": 1}));
    assert_eq!(ended.code, "PP0632");
    assert!(ended.summary.contains("log_router") && ended.summary.contains("exit code 1"), "{ended:?}");
    assert!(!ended.resolution.contains("Raise `memory`"), "{ended:?}");
    // SIGTERM comes from ECS, so another container ended before, however well.
    assert_eq!(killed(143, json!({"name": "log_router", "exitCode": 0})).code, "PP0632");
    // Its memory was used up, not the flow's.
    let memory = json!({"name": "log_router", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"});
    let ended = killed(137, memory);
    assert!(ended.code == "PP0632" && ended.resolution.contains("memory"), "{ended:?}");
    // A sidecar that ended well may have ended first, or of SIGTERM because the flow's container had no memory left.
    let ended = killed(137, json!({"name": "log_router", "exitCode": 0}));
    assert_eq!(ended.code, "PP0623");
    assert!(ended.summary.ends_with("it ran out of memory, or log_router ended first"), "{ended:?}");
    assert!(ended.resolution.contains("Raise `memory`") && ended.resolution.contains("`essential`"), "{ended:?}");
    assert_eq!(killed(137, json!({"name": "log_router", "exitCode": 143})).code, "PP0623");
    assert_eq!(killed(3, json!({"name": "log_router", "exitCode": 143})).code, "PP0625");
}

#[test]
fn a_container_that_never_ran_beside_one_that_did_is_judged_by_what_kept_it() {
    let beside = |main: Value| {
        decided(&json!({"run": "PENDING", "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited", "containers": [main, {"name": "init", "exitCode": 1}]}))
    };
    // The flow's container waits for `init` (dependsOn), which failed.
    let (outcome, reason) = beside(json!({"name": "prefect"}));
    assert_eq!((outcome, reason.code.id()), ("crashed", "PP0632"));
    assert!(reason.summary.contains("init ended with exit code 1 before the flow run began"), "{reason:?}");
    let pull = "CannotPullContainerError: Error response from daemon: Get https://registry-1.docker.io/v2/: EOF";
    let (outcome, reason) = beside(json!({"name": "prefect", "reason": pull}));
    assert_eq!((outcome, reason.code.id()), ("handed back", "PP0604"));
    // Docker did not say how it ended: it may have run.
    let inspect = "CannotInspectContainerError: Could not transition to inspecting; timed out after waiting 30s";
    let it = json!({"run": "PENDING", "stopCode": "EssentialContainerExited", "startedAt": "2026-01-05T08:00:00Z",
        "stoppedReason": "Essential container in task exited", "containers": [{"name": "prefect", "reason": inspect}]});
    assert_eq!(decided(&it).1.code, "PP0627");
}

#[test]
fn a_command_that_is_not_the_flows_is_explained() {
    let before = |exit_code: i64| {
        said(
            "EssentialContainerExited",
            "Essential container in task exited",
            json!([{"name": "prefect", "exitCode": exit_code}]),
        )
    };
    let unstartable = json!([{"name": "prefect", "reason": "CannotStartContainerError: ResourceInitializationError: failed \
        to create new container runtime task: exec: \"[prefect,flow-run,execute]\": executable file not found in $PATH"}]);
    for reason in [before(0), before(2), said("TaskFailedToStart", "Task failed to start", unstartable)] {
        for mention in ["entry point", "shell", "sh -c"] {
            assert!(reason.resolution.contains(mention), "{mention}: {reason:?}");
        }
    }
}
