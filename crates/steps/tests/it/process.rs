//! Ends of processes.

use std::time::Duration;

use serde_json::json;

use crate::kit::{Project, block_on, step};

const SHELL: &str = "prefect.deployments.steps.run_shell_script";

/// Whether a process of this id runs.
fn runs(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    // A zombie has ended.
    !status.is_empty() && !status.contains(") Z ")
}

/// Waits for a file that a script writes.
async fn written(project: &Project, path: &str) -> String {
    loop {
        let text = std::fs::read_to_string(project.path().join(path)).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits for the end of the child. It got its signal, and the system takes its time.
async fn ended(project: &Project) {
    while runs(&project.read("child")) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A shell and its child, which wait for each other; both write their ids.
const TREE: &str = "echo $$ > shell; sh -c 'echo $$ > child; exec sleep 600' & wait";

#[test]
fn an_interrupt_ends_the_step_with_all_its_processes() {
    let project = Project::with(&[]);
    let context = project.context();
    let ran = block_on(async {
        let step = step(SHELL, json!({"script": TREE, "shell": true}));
        let interrupt = async {
            written(&project, "child").await;
            context.interrupt.cancel();
        };
        tokio::join!(steps::run(&step, &context), interrupt).0
    });
    assert_eq!(ran.unwrap_err().to_string(), "step `run_shell_script`: interrupted");
    assert!(!runs(&project.read("shell")));
    block_on(ended(&project));
}

#[test]
fn a_program_that_does_not_listen_is_killed() {
    let project = Project::with(&[]);
    let context = project.context();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let ran = runtime.block_on(async {
        let step =
            step(SHELL, json!({"script": "trap '' TERM; echo $$ > child; while :; do sleep 600; done", "shell": true}));
        let interrupt = async {
            written(&project, "child").await;
            context.interrupt.cancel();
        };
        tokio::join!(steps::run(&step, &context), interrupt).0
    });
    assert!(ran.unwrap_err().to_string().ends_with("interrupted"));
    block_on(ended(&project));
}

#[test]
fn a_step_that_is_dropped_leaves_no_process() {
    let project = Project::with(&[]);
    let context = project.context();
    block_on(async {
        let step = step(SHELL, json!({"script": TREE, "shell": true}));
        tokio::select! {
            _ = steps::run(&step, &context) => unreachable!(),
            _ = written(&project, "child") => {}
        }
        ended(&project).await;
    });
}

#[test]
fn nothing_starts_after_an_interrupt() {
    let project = Project::with(&[]);
    let context = project.context();
    context.interrupt.cancel();
    let ran = block_on(steps::run(&step(SHELL, json!({"script": "touch ran"})), &context));
    assert!(ran.is_err() && !project.path().join("ran").exists());
}

#[test]
fn a_program_that_wants_the_terminal_is_an_error_and_no_hang() {
    let project = Project::with(&[]);
    let error = project.run(SHELL, json!({"script": "kill -TTIN $$", "shell": true})).unwrap_err();
    assert!(error.to_string().contains("asks for input on the terminal"), "{error}");
}

#[test]
fn steps_have_an_empty_input() {
    let project = Project::with(&[]);
    let outputs = project.run(SHELL, json!({"script": "wc -c"})).unwrap();
    assert_eq!(outputs["stdout"], "0");
}

#[test]
fn long_output_comes_whole_and_an_error_repeats_its_end() {
    let project = Project::with(&[]);
    let outputs = project.run(SHELL, json!({"script": "seq 1 50000", "stream_output": false})).unwrap();
    assert_eq!(outputs["stdout"].as_str().unwrap().lines().count(), 50_000);
    let error = project.run(SHELL, json!({"script": "seq 1 100; exit 1", "shell": true})).unwrap_err().to_string();
    assert_eq!(error.lines().skip(1).collect::<Vec<_>>().join(" "), "91 92 93 94 95 96 97 98 99 100");
}
