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
    let wrong: [&[&str]; 15] = [
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
        &["dev", "--prefect", "--poll-interval", "0"],
        &["dev", "--prefect", "--poll-interval", "0.2"],
        &["doorbell", "install"],
        &["doorbell", "install", "--url", "example.com"],
    ];
    for line in wrong {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {}", stderr(&output));
        assert!(stdout(&output).is_empty() && !stderr(&output).is_empty(), "{line:?}");
    }
}

/// The options below a heading of a help text.
fn options_under(help: &str, heading: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != format!("{heading}:")).skip(1);
    let section = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    // Descriptions stand further to the right, and may begin with an option as well.
    let options = section.filter(|line| line.starts_with("      --") || line.starts_with("  -"));
    let words = options.filter_map(|line| line.split([' ', '[', '=']).find(|word| word.starts_with("--")));
    words.map(str::to_owned).collect()
}

#[test]
fn options_of_dev_stand_under_the_mode_that_takes_them() {
    let help = stdout(&run(&["dev", "--help"]));
    let prefect = options_under(&help, "With --prefect");
    assert_eq!(prefect, ["--profile", "--pool", "--env-dir", "--poll-interval", "--doorbell-port", "--runs"], "{help}");
    let messages = options_under(&help, "Without --prefect");
    assert_eq!(messages, ["--events", "--pools", "--bootstrap", "--timeout", "--strict", "--keep"], "{help}");
    let both = options_under(&help, "Options");
    for option in ["--prefect", "--images", "--port", "--logs", "--output", "--help"] {
        assert!(both.iter().any(|it| it == option), "{option} in {both:?}");
    }
}

#[test]
fn what_people_type_for_the_same_is_understood() {
    let version = stdout(&run(&["--version"]));
    assert_eq!(stdout(&run(&["-V"])), version);
    assert_eq!(stdout(&run(&["-v"])), version);
    for (name, other) in [("ls", "list"), ("delete", "rm"), ("inspect", "show")] {
        let help = run(&["pool", other, "--help"]);
        assert_eq!(help.status.code(), Some(0), "{other}: {}", stderr(&help));
        assert!(stdout(&help).contains(&format!("pushpool pool {name}")), "{}", stdout(&help));
    }
    for other in ["rm", "delete"] {
        assert_eq!(run(&["doorbell", other, "--help"]).status.code(), Some(0), "{other}");
    }
    assert!(stdout(&run(&["pool", "status", "--help"])).contains("-w, --watch"));
    assert!(stdout(&run(&["pool", "--help"])).contains("list"), "aliases are shown");
}

/// Nothing is asked of the server, which is not there.
#[test]
fn a_token_does_not_travel_in_plain_text() {
    let server = ["--prefect-api-url", "http://127.0.0.1:9/api"];
    let plain = ["--url", "http://doorbell.example.com/", "--token", "canary"];
    for command in ["install", "test"] {
        let output = run(&[&["doorbell", command][..], &plain, &server].concat());
        assert_eq!(output.status.code(), Some(1), "{command}");
        let told = stderr(&output);
        assert!(told.contains("https://") && told.contains("--allow-http"), "{command}: {told}");
        assert!(!told.contains("canary"), "{told}");
    }
    let output = run(&[&["doorbell", "install", "--allow-http"][..], &plain, &server].concat());
    assert!(stderr(&output).contains("127.0.0.1:9"), "it goes on: {}", stderr(&output));
    let loopback = ["--url", "http://localhost:9/", "--token", "canary"];
    let output = run(&[&["doorbell", "test"][..], &loopback, &server].concat());
    assert!(stderr(&output).contains("127.0.0.1:9"), "on this machine nobody reads it: {}", stderr(&output));
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

/// Nothing is asked: Prefect Cloud would submit the runs of such a pool itself.
#[test]
fn a_push_pool_on_prefect_cloud_is_refused_with_what_to_do_instead() {
    let url = "https://api.prefect.cloud/api/accounts/a/workspaces/w";
    let refused = run(&["pool", "create", "etl", "--set", "cluster=etl", "--prefect-api-url", url, "--no-input"]);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    for words in ["Prefect Cloud", "--type ecs", "push_pools"] {
        assert!(stderr(&refused).contains(words), "{words} in: {}", stderr(&refused));
    }
}
