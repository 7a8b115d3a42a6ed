//! Real processes behind [`Ecs::call`].

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{definition, run, with};
use crate::clock::Clock;
use crate::ecs::{Config, Dwell, Ecs, HostImage, Secrets, Status, StopCode, TaskView};
use crate::wire::Account;

struct Room {
    ecs: Ecs,
    directory: TempDir,
}

impl Room {
    fn new(change: impl FnOnce(&mut Config, &Path)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Config {
            log_directory: Some(directory.path().join("logs")),
            dwell: Dwell { provisioning: 1, pending: 1, deprovisioning: 1, ..Dwell::ZERO },
            ..Config::default()
        };
        change(&mut config, directory.path());
        let account = Account { region: "eu-west-1".into(), account_id: "000000000000".into() };
        Self { ecs: Ecs::new(account, config, Clock::new()), directory }
    }

    async fn call(&self, operation: &str, input: Value) -> Value {
        self.ecs.call(operation, input).await.unwrap()
    }

    /// Registers a definition of this command and runs it; the task's ARN.
    async fn run(&self, command: &[&str], more: Value) -> String {
        self.call("RegisterTaskDefinition", definition("f", command)).await;
        let answer = self.call("RunTask", with(run("f"), more)).await;
        answer["tasks"][0]["taskArn"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn describe(&self, task: &str) -> Value {
        self.call("DescribeTasks", json!({"tasks": [task]})).await["tasks"][0].clone()
    }

    async fn until(&self, task: &str, wanted: impl Fn(&TaskView) -> bool) -> TaskView {
        let waiting = async {
            loop {
                let view = self.ecs.tasks().into_iter().find(|view| view.task_arn == task).unwrap();
                if wanted(&view) {
                    return view;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap_or_else(|_| panic!("{:?}", self.ecs.tasks()))
    }

    async fn until_stopped(&self, task: &str) -> TaskView {
        self.until(task, |view| view.status == Status::Stopped).await
    }

    fn log(&self, task: &str) -> String {
        std::fs::read_to_string(self.ecs.log_path(task).unwrap()).unwrap()
    }

    /// Waits until the process has written this: it is up and has set its traps.
    async fn until_logged(&self, task: &str, text: &str) {
        let waiting = async {
            while !std::fs::read_to_string(self.ecs.log_path(task).unwrap()).unwrap_or_default().contains(text) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    }
}

/// Waits until the process is gone; a zombie that nobody has reaped yet is.
async fn until_gone(pid: &str) {
    let stat = format!("/proc/{pid}/stat");
    let waiting = async {
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap_or_else(|_| panic!("{pid} is still there"));
}

#[tokio::test]
async fn a_container_runs_as_a_process_and_its_exit_code_is_the_tasks() {
    let room = Room::new(|_, _| {});
    let mut events = room.ecs.subscribe();
    let task = room.run(&["sh", "-c", "echo out; echo err >&2; exit 3"], json!({})).await;
    let view = room.until_stopped(&task).await;
    assert_eq!((view.exit_code, view.stop_code), (Some(3), Some(StopCode::EssentialContainerExited)));
    assert_eq!(view.stopped_reason.as_deref(), Some("Essential container in task exited"));
    assert_eq!(room.log(&task), "out\nerr\n");
    let described = room.describe(&task).await;
    assert_eq!(described["containers"][0]["exitCode"], 3);
    assert_eq!(described["lastStatus"], "STOPPED");
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        assert_eq!(event["detail"]["version"], seen.len() + 1);
        seen.push(event["detail"]["lastStatus"].as_str().unwrap().to_owned());
    }
    assert_eq!(seen, ["PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"]);
}

#[tokio::test]
async fn overrides_replace_the_command_and_add_to_the_environment() {
    let room = Room::new(|config, _| {
        config.environment.insert("FROM_CONFIG".into(), "c".into());
        config.environment.insert("A".into(), "config".into());
    });
    let mut request = definition("f", &["false"]);
    request["containerDefinitions"][0]["environment"] =
        json!([{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}]);
    room.call("RegisterTaskDefinition", request).await;
    let overrides = json!({"containerOverrides": [{
        "name": "flow",
        "command": ["sh", "-c", "echo $A $B $C $FROM_CONFIG $AWS_REGION $CARGO_MANIFEST_DIR"],
        "environment": [{"name": "B", "value": "run"}, {"name": "C", "value": "x y"}],
    }]});
    let answer = room.call("RunTask", with(run("f"), json!({"overrides": overrides}))).await;
    let task = answer["tasks"][0]["taskArn"].as_str().unwrap();
    assert_eq!(room.until_stopped(task).await.exit_code, Some(0));
    // The host's own variables stay outside: cargo sets the last one for this test.
    assert_eq!(room.log(task), "definition run x y c eu-west-1\n");
}

#[tokio::test]
async fn an_image_has_a_working_directory_a_wrapper_and_a_command() {
    let room = Room::new(|config, directory| {
        let image = HostImage {
            working_directory: Some(directory.to_owned()),
            wrapper: vec!["env".into(), "WRAPPED=yes".into()],
            command: vec!["sh".into(), "-c".into(), "pwd; echo $WRAPPED".into()],
            ..HostImage::default()
        };
        config.images.insert("flows".into(), image);
    });
    let task = room.run(&[], json!({})).await;
    assert_eq!(room.until_stopped(&task).await.exit_code, Some(0));
    let directory = room.directory.path().canonicalize().unwrap();
    assert_eq!(room.log(&task), format!("{}\nyes\n", directory.display()));
}

#[tokio::test]
async fn stop_task_terminates_the_whole_group() {
    let room = Room::new(|_, _| {});
    let script = "trap 'echo bye; exit 7' TERM; sleep 600 & echo child $!; echo ready; wait";
    let task = room.run(&["sh", "-c", script], json!({"tags": [{"key": "a", "value": "b"}]})).await;
    room.until_logged(&task, "ready").await;
    let stopped = room.call("StopTask", json!({"task": task, "reason": "enough"})).await;
    assert_eq!(stopped["task"]["desiredStatus"], "STOPPED");
    let view = room.until_stopped(&task).await;
    assert_eq!((view.exit_code, view.stop_code), (Some(7), Some(StopCode::UserInitiated)));
    assert_eq!(view.stopped_reason.as_deref(), Some("enough"));
    let log = room.log(&task);
    assert!(log.contains("bye"), "{log}");
    let child = log.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    until_gone(child).await;
    let described = room.call("DescribeTasks", json!({"tasks": [task], "include": ["TAGS"]})).await;
    assert_eq!(described["tasks"][0]["tags"], json!([]));
}

#[tokio::test]
async fn who_ignores_sigterm_is_killed_after_the_stop_timeout() {
    let room = Room::new(|_, _| {});
    let mut request = definition("f", &["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]);
    request["containerDefinitions"][0]["stopTimeout"] = json!(2);
    room.call("RegisterTaskDefinition", request).await;
    let answer = room.call("RunTask", run("f")).await;
    let task = answer["tasks"][0]["taskArn"].as_str().unwrap();
    room.until_logged(task, "ready").await;
    room.call("StopTask", json!({"task": task})).await;
    assert_eq!(room.until_stopped(task).await.exit_code, Some(137));
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_to_start() {
    let room = Room::new(|_, _| {});
    let task = room.run(&["no-such-program-4711"], json!({})).await;
    let view = room.until_stopped(&task).await;
    assert_eq!((view.exit_code, view.stop_code), (None, Some(StopCode::TaskFailedToStart)));
    let described = room.describe(&task).await;
    let reason = described["containers"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("CannotStartContainerError"), "{reason}");
    assert!(reason.contains("no-such-program-4711"), "{reason}");
}

#[tokio::test]
async fn secrets_are_injected_and_missing_ones_keep_the_task_from_starting() {
    let arn = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:key-AbCdEf";
    let room = Room::new(|config, _| config.secrets = Secrets::new([(arn.to_owned(), "canary".to_owned())]));
    for (family, value_from) in [("known", arn), ("unknown", "/no/such/parameter")] {
        let mut request = definition(family, &["sh", "-c", "test \"$KEY\" = canary"]);
        request["executionRoleArn"] = json!("arn:aws:iam::000000000000:role/execution");
        request["containerDefinitions"][0]["secrets"] = json!([{"name": "KEY", "valueFrom": value_from}]);
        room.call("RegisterTaskDefinition", request).await;
    }
    let mut tasks = Vec::new();
    for family in ["known", "unknown"] {
        let answer = room.call("RunTask", run(family)).await;
        tasks.push(answer["tasks"][0]["taskArn"].as_str().unwrap().to_owned());
    }
    assert_eq!(room.until_stopped(&tasks[0]).await.exit_code, Some(0));
    let view = room.until_stopped(&tasks[1]).await;
    assert_eq!((view.exit_code, view.stop_code), (None, Some(StopCode::TaskFailedToStart)));
    let reason = view.stopped_reason.unwrap();
    assert!(reason.starts_with("ResourceInitializationError"), "{reason}");
    let described = room.describe(&tasks[0]).await;
    assert!(!described.to_string().contains("canary"));
}

#[tokio::test]
async fn spot_interruption_terminates_a_running_task() {
    let room = Room::new(|_, _| {});
    let mut request = run("f");
    request.as_object_mut().unwrap().remove("launchType");
    request["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    room.call("RegisterTaskDefinition", definition("f", &["sleep", "600"])).await;
    let answer = room.call("RunTask", request).await;
    let task = answer["tasks"][0]["taskArn"].as_str().unwrap();
    assert_eq!(answer["tasks"][0]["capacityProviderName"], "FARGATE_SPOT");
    room.until(task, |view| view.status == Status::Running).await;
    assert!(room.ecs.interrupt_spot(task));
    let view = room.until_stopped(task).await;
    assert_eq!((view.exit_code, view.stop_code), (Some(143), Some(StopCode::SpotInterruption)));
    assert!(!room.ecs.interrupt_spot(task));
}

#[tokio::test]
async fn stop_ends_everything_that_runs() {
    let room = Room::new(|_, _| {});
    let task = room.run(&["sh", "-c", "sleep 600 & echo child $!; wait"], json!({"count": 3})).await;
    room.until_logged(&task, "child").await;
    let child = room.log(&task).trim().strip_prefix("child ").unwrap().to_owned();
    assert!(Path::new("/proc").join(&child).exists());
    room.ecs.stop().await;
    assert_eq!(room.ecs.tasks().len(), 3);
    assert!(room.ecs.tasks().iter().all(|view| view.status == Status::Stopped));
    until_gone(&child).await;
}

#[tokio::test]
async fn processes_end_with_the_last_handle() {
    let room = Room::new(|_, _| {});
    let task = room.run(&["sh", "-c", "sleep 600 & echo child $!; wait"], json!({})).await;
    room.until_logged(&task, "child").await;
    let child = room.log(&task).trim().strip_prefix("child ").unwrap().to_owned();
    drop(room);
    until_gone(&child).await;
}
