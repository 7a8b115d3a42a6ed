//! `build_docker_image` and `push_docker_image`, with a stand-in for docker.

use serde_json::{Value, json};
use steps::Context;

use crate::kit::{Project, cases, data, run, table};

const BUILD: &str = "prefect_docker.deployments.steps.build_docker_image";
const PUSH: &str = "prefect_docker.deployments.steps.push_docker_image";

/// A project in which docker is the stand-in and Prefect is 3.9.1.
fn project() -> (Project, Context) {
    let project = Project::with(&[("project/requirements.txt", "pandas\n")]);
    let mut context = project.with_stand_ins();
    context.directory = project.path().join("project");
    context.python = Some(data("bin/python"));
    (project, context)
}

/// The calls of docker so far, each with its words.
fn calls(project: &Project) -> Vec<Vec<String>> {
    let Ok(notes) = std::fs::read_to_string(project.path().join("notes")) else { return Vec::new() };
    let calls = notes.split_terminator("\0\0").map(|call| call.split('\0').map(str::to_owned).collect());
    calls.collect()
}

/// The words with options in alphabetical order, each with its value; the last word is the context.
fn options(mut words: Vec<String>) -> (Option<String>, Vec<String>) {
    let context = words.pop();
    let mut options: Vec<String> = Vec::new();
    for word in words {
        match options.last_mut() {
            Some(option) if !word.starts_with("--") && option.starts_with("--") && !option.contains(' ') => {
                *option += &format!(" {word}");
            }
            _ => options.push(word),
        }
    }
    options.sort();
    (context, options)
}

/// Words in which paths have names, as in the table.
fn named(words: &[String], context: &Context) -> Vec<String> {
    let root = context.directory.display().to_string();
    let mut named: Vec<String> = words.iter().map(|word| word.replace(&root, "<ROOT>")).collect();
    if let Some(at) = named.iter().position(|word| word == "--iidfile") {
        named[at + 1] = "<ID>".to_owned();
    }
    named
}

fn expected(case: &Value) -> Vec<Vec<String>> {
    serde_json::from_value(case["docker"].clone()).unwrap()
}

#[test]
fn a_build_with_docker_py_is_the_same_build_on_the_command_line() {
    for case in cases(&table("docker_steps.json"), "builds", 20) {
        let (project, context) = project();
        let outputs = run(&context, BUILD, case["inputs"].clone()).unwrap();
        assert_eq!(outputs, case["outputs"], "{case}");
        let [call] = calls(&project).try_into().unwrap();
        let [expected] = expected(&case).try_into().unwrap();
        assert_eq!(options(named(&call, &context)), options(expected), "{case}");
        assert_eq!(project.read("notes.stdin"), case["stdin"].as_str().unwrap_or_default());
    }
}

#[test]
fn a_build_with_buildx_has_the_arguments_of_the_real_step_in_its_order() {
    for case in cases(&table("docker_steps.json"), "buildx", 15) {
        let (project, context) = project();
        let outputs = run(&context, BUILD, case["inputs"].clone()).unwrap();
        assert_eq!(outputs, case["outputs"], "{case}");
        let [call] = calls(&project).try_into().unwrap();
        // A path stays relative in Python.
        let words = named(&call, &context).into_iter().map(|word| word.replace("<ROOT>/docker", "docker"));
        assert_eq!([words.collect::<Vec<_>>()], *expected(&case), "{case}");
    }
}

#[test]
fn a_push_is_that_of_the_real_step() {
    let table = table("docker_steps.json");
    for case in [cases(&table, "pushes", 4), cases(&table, "buildx_pushes", 3)].concat() {
        let (project, context) = project();
        let outputs = run(&context, PUSH, case["inputs"].clone()).unwrap();
        let mut wanted = case["outputs"].clone();
        if wanted["tag"].is_null() {
            // Prefect writes Python's `None` behind the name.
            wanted["image"] = wanted["image_name"].clone();
        }
        assert_eq!(outputs, wanted);
        assert_eq!(calls(&project), expected(&case), "{case}");
        let password = if case["inputs"]["credentials"].is_null() { "" } else { "secret" };
        assert_eq!(project.read("notes.stdin"), password);
        assert!(!project.lines().concat().contains("secret"));
    }
}

#[test]
fn the_namespace_goes_before_a_name_without_one() {
    for case in cases(&table("docker_steps.json"), "names", 12) {
        let (_project, mut context) = project();
        context.environment.insert("PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE".to_owned(), String::new());
        context.environment.insert("PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE".to_owned(), String::new());
        context.build_namespace = case[1].as_str().map(str::to_owned);
        let outputs = run(&context, PUSH, json!({"image_name": case[0], "tag": "t"})).unwrap();
        assert_eq!(outputs["image_name"], case[2]);
    }
}

#[test]
fn the_variable_goes_before_the_namespace_of_a_profile() {
    let (_project, mut context) = project();
    context.build_namespace = Some("profile".to_owned());
    context.environment.insert("PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE".to_owned(), "variable".to_owned());
    let outputs = run(&context, PUSH, json!({"image_name": "app", "tag": "t"})).unwrap();
    assert_eq!(outputs["image"], "variable/app:t");
}

#[test]
fn the_default_tag_is_the_time() {
    let (_project, context) = project();
    let outputs = run(&context, BUILD, json!({"image_name": "app"})).unwrap();
    let tag = outputs["tag"].as_str().unwrap();
    let digits = tag.replace(|character: char| character.is_ascii_digit(), "9");
    assert!(["9999-99-99t99-99-99-999999-99-99", "9999-99-99t99-99-99-99-99"].contains(&digits.as_str()), "{tag}");
    assert_eq!(outputs["image"], format!("app:{tag}"));
}

#[test]
fn a_generated_dockerfile_can_be_kept() {
    let (project, context) = project();
    let inputs = json!({"image_name": "app", "tag": "t", "dockerfile": "auto", "persist_dockerfile": true});
    run(&context, BUILD, inputs).unwrap();
    assert_eq!(project.read("project/Dockerfile.generated"), project.read("notes.stdin"));
    assert!(!context.directory.join("Dockerfile").exists());
}

#[test]
fn a_generated_dockerfile_does_not_replace_ones_own() {
    let (project, context) = project();
    project.write("project/Dockerfile", "FROM mine\n");
    let error = run(&context, BUILD, json!({"image_name": "app", "dockerfile": "auto"})).unwrap_err();
    assert!(error.to_string().contains("write `dockerfile: Dockerfile`"), "{error}");
    assert_eq!(calls(&project), [[""; 0]; 0]);
}

#[test]
fn without_python_the_servers_version_is_used() {
    let (project, mut context) = project();
    context.python = None;
    let inputs = json!({"image_name": "app", "tag": "t", "dockerfile": "auto"});
    let error = run(&context, BUILD, inputs.clone()).unwrap_err();
    assert!(error.to_string().contains("there is no Python with `prefect`"), "{error}");
    context.prefect_version = Some("3.4.5+local".to_owned());
    run(&context, BUILD, inputs).unwrap();
    assert!(project.read("notes.stdin").starts_with("FROM prefecthq/prefect:3.4.5-python3.12\n"));
}

#[test]
fn a_failure_shows_dockers_last_lines_and_what_to_do() {
    let (_project, mut context) = project();
    context.environment.insert("FAIL".to_owned(), "ERROR: pull access denied for base, t0ken".to_owned());
    let inputs = json!({"image_name": "app", "buildargs": {"PIP_TOKEN": "t0ken"}});
    let error = run(&context, BUILD, inputs).unwrap_err().to_string();
    assert!(
        error.starts_with("step `build_docker_image`: `docker build` exited with status 1:\nERROR: pull"),
        "{error}"
    );
    assert!(error.contains("docker login") && !error.contains("t0ken"), "{error}");
}

#[test]
fn a_missing_docker_is_named() {
    let (_project, mut context) = project();
    context.environment.insert("PATH".to_owned(), "/nowhere".to_owned());
    let error = run(&context, PUSH, json!({"image_name": "app", "tag": "t"})).unwrap_err();
    assert!(error.to_string().contains("there is no program `docker`. Install Docker"), "{error}");
}
