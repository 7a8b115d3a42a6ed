//! The binary as people and programs meet it: what it prints where, and how it ends.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod background;
mod deploy;
mod dev;
mod elsewhere;
mod manners;
mod render;
mod reports;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// Root of the workspace, where `events/` is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The binary in the root of the workspace, with nothing in its environment that could change what it does.
fn pushpool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushpool"));
    command.args(arguments).current_dir(root()).stdin(Stdio::null()).env("TMPDIR", env!("CARGO_TARGET_TMPDIR"));
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let meddles =
            ["PUSHPOOL_", "AWS_", "CLICOLOR", "NO_COLOR", "COLUMNS"].iter().any(|start| name.starts_with(start));
        if meddles {
            command.env_remove(&name);
        }
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    pushpool(arguments).output().unwrap()
}

fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child =
        pushpool(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output as JSON, after the exit code was as expected.
fn json(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stdout(output)))
}
