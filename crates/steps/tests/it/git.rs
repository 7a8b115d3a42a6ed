//! `git_clone`, of repositories that the tests make.

use std::process::Command;

use serde_json::{Value, json};
use steps::Context;

use crate::kit::{Project, block_on, run, step};

const FUNCTION: &str = "prefect.deployments.steps.git_clone";

/// A repository `origin` with a library as its submodule, and an empty `work` to clone into.
fn project() -> (Project, Context) {
    let project = Project::with(&[("library/lib.py", "lib\n"), ("work/.keep", "")]);
    commit(&project, "library", "first");
    project.write("origin/flow.py", "one\n");
    project.write("origin/app/a.py", "a\n");
    project.write("origin/docs/b.md", "b\n");
    commit(&project, "origin", "first");
    let library = project.path().join("library").display().to_string();
    git(&project, "origin", &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &library, "lib"]);
    commit(&project, "origin", "second");
    git(&project, "origin", &["branch", "feature/x"]);
    project.write("origin/flow.py", "two\n");
    commit(&project, "origin", "third");
    let mut context = project.context();
    context.directory = project.path().join("work");
    context.environment.extend(environment().map(|(name, value)| (name.to_owned(), value.to_owned())));
    context.environment.insert("GIT_ALLOW_PROTOCOL".to_owned(), "file:https".to_owned());
    (project, context)
}

/// No configuration of the user's, and names for commits.
fn environment() -> [(&'static str, &'static str); 7] {
    [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("GIT_AUTHOR_NAME", "a"),
        ("GIT_AUTHOR_EMAIL", "a@test"),
        ("GIT_COMMITTER_NAME", "a"),
        ("GIT_COMMITTER_EMAIL", "a@test"),
        ("LC_ALL", "C"),
    ]
}

fn git(project: &Project, directory: &str, arguments: &[&str]) -> String {
    let done = Command::new("git")
        .args(arguments)
        .current_dir(project.path().join(directory))
        .envs(environment())
        .output()
        .expect("the tests need git");
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn commit(project: &Project, directory: &str, message: &str) -> String {
    git(project, directory, &["init", "--quiet", "--initial-branch", "main"]);
    git(project, directory, &["add", "--all"]);
    git(project, directory, &["commit", "--quiet", "--message", message]);
    git(project, directory, &["rev-parse", "HEAD"])
}

fn origin(project: &Project) -> String {
    format!("file://{}/origin", project.path().display())
}

#[test]
fn the_default_branch_is_cloned_and_followed() {
    let (project, context) = project();
    let inputs = json!({"repository": origin(&project)});
    assert_eq!(run(&context, FUNCTION, inputs.clone()).unwrap(), json!({"directory": "origin"}));
    assert_eq!(project.read("work/origin/flow.py"), "two\n");
    assert_eq!(git(&project, "work/origin", &["rev-list", "--count", "HEAD"]), "1");
    assert!(!project.path().join("work/origin/lib/lib.py").exists());
    project.write("origin/flow.py", "three\n");
    commit(&project, "origin", "fourth");
    run(&context, FUNCTION, inputs).unwrap();
    assert_eq!(project.read("work/origin/flow.py"), "three\n");
}

#[test]
fn a_branch_with_submodules_is_cloned_into_a_directory_of_its_own() {
    let (project, context) = project();
    let inputs = json!({"repository": origin(&project), "branch": "feature/x", "include_submodules": true});
    assert_eq!(run(&context, FUNCTION, inputs.clone()).unwrap(), json!({"directory": "origin-feature-x"}));
    assert_eq!(project.read("work/origin-feature-x/flow.py"), "one\n");
    assert_eq!(project.read("work/origin-feature-x/lib/lib.py"), "lib\n");
    run(&context, FUNCTION, inputs).unwrap();
}

#[test]
fn a_commit_is_checked_out_also_in_an_older_clone() {
    let (project, context) = project();
    let first = git(&project, "origin", &["rev-list", "--max-parents=0", "HEAD"]);
    let third = git(&project, "origin", &["rev-parse", "HEAD"]);
    let inputs =
        |commit: &str| json!({"repository": origin(&project), "commit_sha": commit, "clone_directory_name": "code"});
    assert_eq!(run(&context, FUNCTION, inputs(&first)).unwrap(), json!({"directory": "code"}));
    assert_eq!(project.read("work/code/flow.py"), "one\n");
    run(&context, FUNCTION, inputs(&third)).unwrap();
    assert_eq!(project.read("work/code/flow.py"), "two\n");
    let fourth = {
        project.write("origin/flow.py", "four\n");
        commit(&project, "origin", "fourth")
    };
    run(&context, FUNCTION, inputs(&fourth)).unwrap();
    run(&context, FUNCTION, inputs(&fourth)).unwrap();
    assert_eq!(project.read("work/code/flow.py"), "four\n");
}

#[test]
fn directories_narrow_the_clone() {
    let (project, context) = project();
    run(&context, FUNCTION, json!({"repository": origin(&project), "directories": ["app"]})).unwrap();
    assert_eq!(project.read("work/origin/app/a.py"), "a\n");
    assert!(!project.path().join("work/origin/docs").exists());
}

#[test]
fn a_clone_of_another_repository_is_left_alone() {
    let (project, context) = project();
    let library = format!("file://{}/library", project.path().display());
    run(&context, FUNCTION, json!({"repository": library, "clone_directory_name": "code"})).unwrap();
    let inputs = json!({"repository": origin(&project), "clone_directory_name": "code"});
    let error = run(&context, FUNCTION, inputs).unwrap_err();
    assert!(error.to_string().contains("is a clone of another one"), "{error}");
    assert_eq!(project.read("work/code/lib.py"), "lib\n");
}

#[test]
fn a_failure_says_what_git_says() {
    let (project, context) = project();
    let error = run(&context, FUNCTION, json!({"repository": origin(&project), "branch": "nope"})).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("step `git_clone`: `git clone` exited with status 128:"), "{text}");
    assert!(text.contains("Remote branch nope not found") && text.contains("Check the name of the branch"), "{text}");
}

/// With the stand-in for git.
fn stand_in(inputs: Value, fail: &str) -> (Project, Result<Value, String>) {
    let project = Project::with(&[]);
    let mut context = project.with_stand_ins();
    context.environment.insert("FAIL".to_owned(), fail.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let ran = runtime.block_on(steps::run(&step(FUNCTION, inputs), &context));
    (project, ran.map(Value::Object).map_err(|error| error.to_string()))
}

#[test]
fn a_token_is_in_no_argument_and_no_line() {
    let inputs = json!({"repository": "https://gitlab.test/a/b.git", "access_token": "s3cret/token"});
    let (project, ran) = stand_in(inputs, "");
    ran.unwrap();
    assert_eq!(project.read("notes.rewriting"), "url.https://oauth2:s3cret%2Ftoken@gitlab.test/a/b.git.insteadOf");
    let notes = project.read("notes");
    assert!(notes.contains("https://gitlab.test/a/b.git") && !notes.contains("s3cret"), "{notes}");
    let lines = project.lines().join("\n");
    assert!(lines.contains("https://oauth2:***@gitlab.test") && !lines.contains("s3cret"), "{lines}");
}

#[test]
fn a_token_in_the_url_or_in_the_credentials_is_masked_in_errors() {
    for inputs in [
        json!({"repository": "https://s3cret-token@h.test/a/b.git"}),
        json!({"repository": "https://me:s3cret-token@h.test/a/b.git"}),
        json!({"repository": "https://h.test/a/b.git", "credentials": {"username": "me", "password": "s3cret-token"}}),
    ] {
        let (project, ran) = stand_in(inputs, "fatal: cannot read https://me:s3cret-token@h.test and s3cret-token");
        let error = ran.unwrap_err();
        assert!(error.contains("***") && !error.contains("s3cret"), "{error}");
        assert!(!project.lines().join("\n").contains("s3cret"));
    }
}

#[test]
fn only_a_fault_of_the_network_is_tried_again() {
    for (fail, tries) in [("fatal: early EOF", 3), ("fatal: Authentication failed", 1)] {
        let (project, ran) = stand_in(json!({"repository": "https://h.test/a/b.git"}), fail);
        ran.unwrap_err();
        assert_eq!(project.read("notes").split_terminator("\0\0").count(), tries, "{fail}");
    }
}

#[test]
fn a_repository_without_a_name_needs_one() {
    let project = Project::with(&[]);
    let ran = block_on(steps::run(&step(FUNCTION, json!({"repository": "https://h.test/a/"})), &project.context()));
    assert!(ran.unwrap_err().to_string().contains("give `clone_directory_name`"));
}
