//! Steps of several deployments.

use serde_json::{Value, json};
use steps::{Progress, Runner, Step};

use crate::kit::{Project, block_on, step};

const SHELL: &str = "prefect.deployments.steps.run_shell_script";

fn shell(script: &str) -> Step {
    step(SHELL, json!({"script": script}))
}

fn with_id(id: &str, script: &str) -> Step {
    step(SHELL, json!({"id": id, "script": script}))
}

/// Runs the steps of one deployment.
fn deployment(runner: &Runner, steps: &[Step]) -> Result<Progress, String> {
    let mut progress = Progress::new(runner.context());
    for step in steps {
        block_on(runner.run(step, &mut progress)).map_err(|error| error.to_string())?;
    }
    Ok(progress)
}

#[test]
fn outputs_are_merged_by_id_and_flattened() {
    let project = Project::with(&[]);
    let runner = Runner::new(project.context());
    let progress =
        deployment(&runner, &[with_id("a", "echo one"), with_id("b", "echo two"), shell("echo three")]).unwrap();
    let expected = json!({
        "a": {"stdout": "one", "stderr": ""},
        "b": {"stdout": "two", "stderr": ""},
        "stdout": "three",
        "stderr": "",
    });
    assert_eq!(Value::Object(progress.outputs), expected);
}

#[test]
fn deployments_share_the_steps_with_which_they_begin() {
    let project = Project::with(&[]);
    let runner = Runner::new(project.context());
    let log = |word: &str| step(SHELL, json!({"script": format!("echo {word} >> log"), "shell": true}));
    deployment(&runner, &[log("clean"), log("make"), log("clean")]).unwrap();
    deployment(&runner, &[log("clean"), log("make"), log("clean"), log("a")]).unwrap();
    deployment(&runner, &[log("clean"), log("other"), log("clean")]).unwrap();
    assert_eq!(project.read("log"), "clean\nmake\nclean\na\nother\nclean\n");
}

#[test]
fn a_shared_step_gives_its_outputs_under_each_id() {
    let project = Project::with(&[]);
    let runner = Runner::new(project.context());
    let first = deployment(&runner, &[with_id("a", "date +%N")]).unwrap();
    let second = deployment(&runner, &[with_id("b", "date +%N")]).unwrap();
    assert_eq!(first.outputs["a"], second.outputs["b"]);
    assert!(!second.outputs.contains_key("a"));
}

#[test]
fn a_shared_failure_happens_once_and_bears_each_label() {
    let project = Project::with(&[]);
    let runner = Runner::new(project.context());
    let fails = |id: &str| step(SHELL, json!({"id": id, "script": "echo x >> log; exit 1", "shell": true}));
    assert!(deployment(&runner, &[fails("a")]).unwrap_err().starts_with("step `a`: "));
    assert!(deployment(&runner, &[fails("b")]).unwrap_err().starts_with("step `b`: "));
    assert_eq!(project.read("log"), "x\n");
}

#[test]
fn the_working_directory_is_that_of_one_deployment() {
    let project = Project::with(&[("sub/x", ""), ("sub/deeper/y", "")]);
    let runner = Runner::new(project.context());
    let set =
        |directory: &str| step("prefect.deployments.steps.set_working_directory", json!({"directory": directory}));
    let progress = deployment(&runner, &[set("sub"), set("deeper"), shell("pwd")]).unwrap();
    let deeper = project.path().join("sub/deeper").display().to_string();
    assert_eq!((&progress.outputs["stdout"], &progress.outputs["directory"]), (&json!(deeper), &json!(deeper)));
    let other = deployment(&runner, &[shell("pwd")]).unwrap();
    assert_eq!(other.outputs["stdout"], json!(project.path()));
    for (directory, wanted) in [("gone", "cannot use the directory"), ("sub/x", "cannot use the directory")] {
        assert!(deployment(&runner, &[set(directory)]).unwrap_err().contains(wanted));
    }
}

#[test]
fn a_step_that_ignores_the_cache_runs_each_time() {
    let project = Project::with(&[]);
    let runner = Runner::new(project.with_stand_ins());
    let push = |ignore: bool| {
        let inputs = json!({"image_name": "app", "tag": "t", "ignore_cache": ignore});
        step("prefect_docker.deployments.steps.push_docker_image", inputs)
    };
    for ignore in [false, false, true, true] {
        deployment(&runner, &[push(ignore)]).unwrap();
    }
    assert_eq!(project.read("notes").split_terminator("\0\0").count(), 3);
}
