//! `pushpool dev` as a job of a shell: in the foreground a table that redraws itself, in the background lines.

use std::process::Command;

use serde_json::{Value, json};

use super::{dev::message, pushpool, root};

/// What a script of `tests/python` prints that runs something on a terminal, in the environment of `like`.
fn on_a_terminal(script: &str, arguments: &[&str], like: &Command) -> String {
    let mut job = Command::new("python3");
    job.arg(root().join("tests/python").join(script)).args(arguments);
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => job.env(name, value),
            None => job.env_remove(name),
        };
    }
    let output = job.env("TERM", "xterm").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a terminal shows of `dev` in the background, in the foreground, and in the background again.
fn as_a_job(ready: &str, arguments: &[&str]) -> Value {
    let all = [&[ready, env!("CARGO_BIN_EXE_pushpool")], arguments].concat();
    serde_json::from_str(&on_a_terminal("jobs.py", &all, &pushpool(&[]))).unwrap()
}

/// Whether it moves the cursor or clears a part of the screen, other than to set colours.
fn redraws(shown: &str) -> bool {
    shown.split("\u{1b}[").skip(1).any(|sequence| {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| !sequence[end..].starts_with('m'))
    })
}

#[test]
fn a_background_job_prints_lines_and_leaves_the_screen_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let events = directory.path().join("events.json");
    std::fs::write(&events, message(1, &json!({"command": "sleep 30"})).to_string()).unwrap();
    let shown = as_a_job("running", &["dev", "--events", events.to_str().unwrap()]);
    let of = |part: &str| shown[part].as_str().unwrap().to_owned();
    let pid = shown["pid"].as_u64().unwrap();

    let background = of("background");
    assert!(!redraws(&background), "{background:?}");
    assert!(background.contains("queued") && background.contains("running"), "a line for each step: {background:?}");

    let foreground = of("foreground");
    assert!(redraws(&foreground) && foreground.contains("0 of 1 done"), "{foreground:?}");

    // What the shell has printed meanwhile stands where the table was.
    let again = of("again");
    assert!(!redraws(&again), "{again:?}");
    assert!(again.contains(&format!("kill {pid}")) && again.contains("fg"), "how it ends is said: {again:?}");
    assert!(!redraws(&of("end")), "{shown:#}");
}

#[test]
fn ctrl_c_is_named_only_where_it_ends_something() {
    let line = ["dev", "--keep", "--events", "events/sqs/single.json", "--pools", "events/pools"];
    let shown = as_a_job("AWS_ENDPOINT_URL", &line);
    let background = shown["background"].as_str().unwrap();
    let pid = shown["pid"].as_u64().unwrap();
    assert!(background.contains(&format!("kill {pid}")), "{background:?}");
    assert!(!background.contains("until Ctrl-C"), "{background:?}");
}

/// A shell without job control leaves what it starts with `&` in its own process group, which is the terminal's.
#[test]
fn what_a_script_starts_in_the_background_prints_lines_too() {
    let line = "\"$0\" dev --events events/sqs/single.json --pools events/pools & wait";
    let program = ["[]", "/bin/sh", "-c", line, env!("CARGO_BIN_EXE_pushpool")];
    let shown = on_a_terminal("converse.py", &program, &pushpool(&[]));
    assert!(!redraws(&shown), "{shown:?}");
    assert!(shown.contains("running") && shown.contains("Every message reached"), "{shown:?}");
    // In the foreground of the same script it is the table.
    let program = ["[]", "/bin/sh", "-c", &line.replace("& wait", ""), env!("CARGO_BIN_EXE_pushpool")];
    assert!(redraws(&on_a_terminal("converse.py", &program, &pushpool(&[]))));
}
