//! Help, usage errors, colours, pipes, completions.

use std::process::Stdio;

use super::{pushpool, run, stderr, stdout};

#[test]
fn every_command_explains_itself_with_examples_and_exit_codes() {
    let top = run(&["--help"]);
    assert_eq!(top.status.code(), Some(0));
    for word in ["dev", "render", "pool", "doorbell", "completions", "Exit codes:", "NO_COLOR"] {
        assert!(stdout(&top).contains(word), "{word} in: {}", stdout(&top));
    }
    for command in ["dev", "render"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        for word in ["Examples:", "Exit codes:", &format!("pushpool {command} ")] {
            assert!(stdout(&help).contains(word), "{word} in: {}", stdout(&help));
        }
        assert!(stderr(&help).is_empty());
    }
    let asking = [
        ["pool", "create"],
        ["pool", "ls"],
        ["pool", "inspect"],
        ["pool", "set-variable"],
        ["pool", "pause"],
        ["pool", "resume"],
        ["pool", "delete"],
        ["pool", "status"],
        ["doorbell", "install"],
        ["doorbell", "test"],
    ];
    for [group, command] in asking {
        let help = run(&[group, command, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        for word in ["Examples:", &format!("pushpool {group} "), "--prefect-api-url", "--profile"] {
            assert!(stdout(&help).contains(word), "{word} in: {}", stdout(&help));
        }
    }
    assert!(stdout(&run(&["completions", "--help"])).contains("Examples:"));
    assert!(stdout(&run(&["--version"])).starts_with("pushpool "));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_so_on_standard_error() {
    let wrong: [&[&str]; 13] = [
        &[],
        &["nonsense"],
        &["render"],
        &["dev", "--timeout", "soon"],
        &["render", "--pool", "-", "--deployment", "-"],
        &["dev", "--events", "-", "--events", "-"],
        &["pool"],
        &["pool", "create"],
        &["pool", "create", "p", "--set", "cpu"],
        &["pool", "set-variable", "p"],
        &["pool", "status", "--watch", "0"],
        &["doorbell", "install"],
        &["doorbell", "install", "--url", "example.com"],
    ];
    for line in wrong {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty() && !stderr(&output).is_empty(), "{line:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        for word in ["render", "explain", "bootstrap", "set-variable", "concurrency-limit"] {
            assert!(stdout(&output).contains(word), "{word} for {shell}");
        }
    }
}

#[test]
fn colours_are_for_terminals_and_for_who_insists() {
    let escapes = |variables: &[(&str, &str)]| {
        let output = pushpool(&["render", "--pool", "missing.json"]).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("missing.json"), "{}", stderr(&output));
        stderr(&output).contains('\u{1b}')
    };
    assert!(!escapes(&[]), "a pipe is no terminal");
    assert!(escapes(&[("CLICOLOR_FORCE", "1")]));
    assert!(!escapes(&[("NO_COLOR", "1")]));
    assert!(!escapes(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let help: [&[&str]; 3] = [
        &["completions", "bash"],
        &["render", "--pool", "events/pools/demo.json", "--deployment", "events/deployments/orders-report.json"],
        &["dev", "--help"],
    ];
    for line in help {
        let mut child = pushpool(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panic"), "{line:?}: {}", stderr(&output));
    }
}
