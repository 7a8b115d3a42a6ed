//! `push_to_s3` and `pull_from_s3`, against a server in this process.

mod server;

use serde_json::{Value, json};
use steps::Context;

use self::server::Server;
use crate::kit::{Project, block_on, step, table};

const PUSH: &str = "prefect_aws.deployments.steps.push_to_s3";
const PULL: &str = "prefect_aws.deployments.steps.pull_from_s3";

/// Runs a step while the server answers.
fn run(server: &Server, context: &Context, function: &str, inputs: Value) -> Result<Value, String> {
    let mut inputs = inputs;
    let credentials = json!({
        "aws_access_key_id": "AKIATEST",
        "aws_secret_access_key": "very-secret-key",
        "region_name": "eu-west-1",
        "aws_client_parameters": {"endpoint_url": server.url()},
    });
    inputs.as_object_mut().unwrap().insert("credentials".to_owned(), credentials);
    let ran = block_on(steps::run(&step(function, inputs), context));
    ran.map(Value::Object).map_err(|error| error.to_string())
}

#[test]
fn the_ignore_file_may_have_another_name_or_be_switched_off() {
    let table = table("push_to_s3.json");
    let files: Vec<String> = serde_json::from_value(table["files"].clone()).unwrap();
    let server = Server::start();
    for (ignore_file, expected) in [(json!("README.md"), "other_file"), (json!(null), "no_file")] {
        let project = Project::with(&files.iter().map(|file| (file.as_str(), file.as_str())).collect::<Vec<_>>());
        project.write(".prefectignore", "*\n");
        let inputs = json!({"bucket": "bucket", "folder": "code", "ignore_file": ignore_file});
        let outputs = run(&server, &project.context(), PUSH, inputs).unwrap();
        assert_eq!(outputs, json!({"bucket": "bucket", "folder": "code"}));
        assert_eq!(json!(server.take_keys()), table[expected]);
    }
}

#[test]
fn a_bucket_in_another_region_is_found() {
    let server = Server::start();
    let here = Project::with(&[("flow.py", "flow\n")]);
    run(&server, &here.context(), PUSH, json!({"bucket": "elsewhere", "folder": "code"})).unwrap();
    let there = Project::with(&[]);
    run(&server, &there.context(), PULL, json!({"bucket": "elsewhere", "folder": "code"})).unwrap();
    assert_eq!(there.read("flow.py"), "flow\n");
}

#[test]
fn a_public_bucket_needs_no_credentials() {
    let server = Server::start();
    server.put("open/code/x", "x");
    let project = Project::with(&[]);
    let config = json!({"signature_version": "unsigned", "region_name": "eu-west-1"});
    let client = json!({"endpoint_url": server.url(), "config": config});
    let inputs = json!({"bucket": "open", "folder": "code", "client_parameters": client});
    crate::kit::run(&project.context(), PULL, inputs).unwrap();
    assert_eq!(project.read("x"), "x");
    assert!(server.authorizations().iter().all(String::is_empty));
}

#[test]
fn what_is_pushed_is_pulled() {
    let server = Server::start();
    let big = "0123456789abcdef".repeat(20_000);
    let here = Project::with(&[("flow.py", "flow\n"), ("a/b/c.txt", &big), ("a/empty", ""), ("grüße +&=.txt", "x")]);
    run(&server, &here.context(), PUSH, json!({"bucket": "b", "folder": "code"})).unwrap();
    assert!(here.lines().concat().contains("Uploaded 4 files to s3://b/code"));
    let there = Project::with(&[("a/b/c.txt", "old")]);
    let outputs = run(&server, &there.context(), PULL, json!({"bucket": "b", "folder": "code"})).unwrap();
    assert_eq!(outputs, json!({"bucket": "b", "folder": "code", "directory": there.path()}));
    for file in ["flow.py", "a/b/c.txt", "a/empty", "grüße +&=.txt"] {
        assert_eq!(there.read(file), here.read(file), "{file}");
    }
    assert!(server.pages() > 1, "the list comes in pages");
    let scope = |header: &String| header.contains("Credential=AKIATEST/") && header.contains("/eu-west-1/s3/");
    assert!(server.authorizations().iter().all(scope));
}

#[test]
fn folders_of_a_bucket_are_left_out_and_no_file_is_written_outside() {
    let server = Server::start();
    server.put("b/code/", "");
    server.put("b/code/sub/", "");
    server.put("b/code/sub/x", "x");
    server.put("b/codex/y", "y");
    let project = Project::with(&[]);
    run(&server, &project.context(), PULL, json!({"bucket": "b", "folder": "code/"})).unwrap();
    assert_eq!(project.read("sub/x"), "x");
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 1);
    server.put("b/code/../../evil", "x");
    let error = run(&server, &project.context(), PULL, json!({"bucket": "b", "folder": "code"})).unwrap_err();
    assert!(error.contains("would be written outside of the directory"), "{error}");
}

#[test]
fn an_error_of_s3_names_the_object_and_the_code() {
    let server = Server::start();
    let project = Project::with(&[("flow.py", "")]);
    let error = run(&server, &project.context(), PUSH, json!({"bucket": "denied", "folder": "code"})).unwrap_err();
    assert_eq!(error, "step `push_to_s3`: cannot upload to s3://denied/code/flow.py: AccessDenied: not yours");
    let error = run(&server, &project.context(), PULL, json!({"bucket": "denied", "folder": "code"})).unwrap_err();
    assert_eq!(error, "step `pull_from_s3`: cannot list s3://denied/code/: AccessDenied: not yours");
}

#[test]
fn a_link_to_nothing_is_an_error_and_a_linked_directory_is_left_out() {
    let server = Server::start();
    let project = Project::with(&[("real/x", "x")]);
    std::os::unix::fs::symlink("real", project.path().join("linked")).unwrap();
    std::os::unix::fs::symlink("real/x", project.path().join("file")).unwrap();
    run(&server, &project.context(), PUSH, json!({"bucket": "b", "folder": ""})).unwrap();
    assert_eq!(server.take_keys(), ["file", "real/x"]);
    std::os::unix::fs::symlink("gone", project.path().join("broken")).unwrap();
    let error = run(&server, &project.context(), PUSH, json!({"bucket": "b", "folder": ""})).unwrap_err();
    assert!(error.contains("cannot upload") && error.contains("broken"), "{error}");
}
