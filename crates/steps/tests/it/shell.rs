//! `run_shell_script`.

use serde_json::{Value, json};

use crate::kit::{Project, cases, run, table};

const FUNCTION: &str = "prefect.deployments.steps.run_shell_script";

#[test]
fn scripts_give_what_prefect_gives() {
    let table = table("run_shell_script.json");
    let project = Project::with(&[("sub/file.txt", "in the file\n")]);
    let mut context = project.context();
    context.environment.insert("STEP_ENVIRONMENT".to_owned(), "given".to_owned());
    for case in cases(&table, "scripts", 45) {
        let ran = run(&context, FUNCTION, case["inputs"].clone());
        let script = case["inputs"]["script"].as_str().unwrap();
        // The one difference that is meant.
        if script == "echo >&2 to-stdout-as-words" {
            assert!(ran.unwrap_err().to_string().contains("redirection"));
            continue;
        }
        match (case.get("outputs"), case.get("error")) {
            (Some(outputs), None) => assert_eq!(ran.as_ref().unwrap(), outputs, "{script}"),
            (None, Some(error)) => is_same_error(&ran.unwrap_err().to_string(), error.as_str().unwrap(), script),
            _ => unreachable!("{case}"),
        }
    }
}

fn is_same_error(ours: &str, prefects: &str, script: &str) {
    let wanted = match prefects.rsplit_once(' ').and_then(|(_, status)| status.parse::<i32>().ok()) {
        Some(signal @ ..0) => format!("was killed by signal {}", -signal),
        Some(status) => format!("exited with status {status}"),
        None if prefects == "FileNotFoundError" && ours.contains("run in the directory") => return,
        None if prefects == "FileNotFoundError" => "there is no program".to_owned(),
        None => "of the script".to_owned(),
    };
    assert!(ours.contains(&wanted), "{script}: {ours}");
}

#[test]
fn a_failure_names_step_line_status_and_errors() {
    let project = Project::with(&[]);
    let inputs = json!({"script": "echo before\nsh -c \"echo oops >&2; exit 3\"\necho after"});
    let error = project.run(FUNCTION, inputs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `run_shell_script`: line 2 of the script, `sh -c \"echo oops >&2; exit 3\"`, exited with status 3:\noops"
    );
    assert_eq!(project.lines(), ["run_shell_script │ before", "run_shell_script │ oops"]);
}

#[test]
fn lines_of_a_step_bear_its_id() {
    let project = Project::with(&[]);
    project.run(FUNCTION, json!({"id": "say", "script": "printf 'a\\r\\n50%%\\r100%%\\n\\nend'"})).unwrap();
    assert_eq!(project.lines(), ["say │ a", "say │ 50%", "say │ 100%", "say │ ", "say │ end"]);
}

#[test]
fn a_quiet_step_writes_nothing() {
    let project = Project::with(&[]);
    let outputs = project.run(FUNCTION, json!({"script": "echo hidden", "stream_output": false})).unwrap();
    assert_eq!(outputs["stdout"], "hidden");
    assert_eq!(project.lines(), [""; 0]);
}

#[test]
fn a_missing_program_is_named_with_what_to_do() {
    let project = Project::with(&[]);
    for (script, wanted) in [
        ("no-such-program --now", "there is no program `no-such-program`. It is the first word of"),
        ("NAME=1 echo", "Set variables in the step's `env`"),
        ("export NAME=1", "Each line is a process of its own"),
    ] {
        let error = project.run(FUNCTION, json!({"script": script})).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_stays_text_without_a_shell_is_warned_of() {
    let project = Project::with(&[]);
    project.run(FUNCTION, json!({"script": "echo '$A' \\$B\necho \"$HOME\"\necho $(date)"})).unwrap();
    let warnings: Vec<String> = project.lines().into_iter().filter(|line| line.contains("warning: ")).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("line 2") && warnings[0].contains("expand_env_vars"), "{warnings:?}");
    assert!(warnings[1].contains("line 3") && warnings[1].contains("$(…)"), "{warnings:?}");
}

#[test]
fn secrets_are_masked_in_output_and_errors_and_not_in_outputs() {
    let project = Project::with(&[]);
    let context = project.context();
    context.secrets.add("hunter22");
    let inputs = json!({
        "script": "echo hunter22 t0ken",
        "env": {"API_TOKEN": "t0ken"},
    });
    let outputs = run(&context, FUNCTION, inputs).unwrap();
    assert_eq!(outputs["stdout"], "hunter22 t0ken");
    assert_eq!(project.lines(), ["run_shell_script │ *** ***"]);
    let error = run(&context, FUNCTION, json!({"script": "sh -c 'echo hunter22 >&2; exit 1'"})).unwrap_err();
    assert!(!error.to_string().contains("hunter22"), "{error}");
    assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
}

#[test]
fn a_line_for_a_shell_is_refused_before_anything_runs() {
    let project = Project::with(&[]);
    let refused = [
        "echo hello | tr a-z A-Z",
        "echo a&& echo b",
        "echo a || echo b",
        "echo a; echo b",
        "echo a > file",
        "echo a >file",
        "echo a 2>&1",
        "cat <file",
        "sleep 1 &",
        "echo {{ step.out }} | cat",
    ];
    for line in refused {
        let script = format!("touch ran\n{line}");
        let error = crate::kit::step(FUNCTION, json!({"script": script})).check().unwrap_err();
        let text = error[0].to_string();
        assert!(text.contains("line 2") && text.contains("`shell: true`"), "{text}");
        assert_eq!(error[0].input(), Some("script"));
        assert!(project.run(FUNCTION, json!({"script": script})).is_err());
    }
    assert!(!project.path().join("ran").exists());
    for line in ["pip install 'x|y' a>=3", "grep -E a|b file", "curl http://h/?a=1&b=2", "find . -exec rm {} \\;"] {
        crate::kit::step(FUNCTION, json!({"script": line})).check().unwrap();
        crate::kit::step(FUNCTION, json!({"script": format!("{line} | x"), "shell": Value::Bool(true)}))
            .check()
            .unwrap();
    }
}
