//! `pushpool render`.

use std::fs;

use serde_json::{Value, json};

use super::{json as answer, pushpool, root, run, run_with_input, stderr, stdout};

const POOL: &str = "events/pools/demo.json";
const DEPLOYMENT: &str = "events/deployments/orders-report.json";

/// A directory of documents for one test.
struct Documents(tempfile::TempDir);

impl Documents {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, document: &Value) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn both_requests_are_printed_in_awss_own_names() {
    let documents = Documents::new();
    let flow_run = documents.write(
        "flow-run.json",
        &json!({
            "id": "834f6b44-af09-59a7-88a2-0ccb5f29ee02", "state_id": "882834ca-abc4-5ffb-9eff-8ca4e42256dc",
            "name": "amber-otter", "job_variables": {"env": {"CURRENCY": "USD"}},
        }),
    );
    let flow = documents.write("flow.json", &json!({"id": "58b9e4a1-5a3f-5a0c-9d7e-4a52c8e9f301", "name": "orders"}));
    let line = ["render", "--pool", POOL, "--deployment", DEPLOYMENT, "--flow-run", &flow_run, "--flow", &flow];
    let output = run(&line);
    let requests = answer(&output, 0);
    assert!(stderr(&output).is_empty(), "nothing was missing: {}", stderr(&output));
    let definition = &requests["registerTaskDefinition"];
    assert_eq!(definition["containerDefinitions"][0]["image"], "demo/orders:1");
    assert_eq!((&definition["cpu"], &definition["memory"]), (&json!("256"), &json!("1024")));
    let run_task = &requests["runTask"];
    assert_eq!(run_task["taskDefinition"], definition["family"]);
    assert_eq!(run_task["startedBy"], "834f6b44-af09-59a7-88a2-0ccb5f29ee02/882834ca-abc4-5ffb-9eff-8ca4e42256dc");
    assert_eq!(run_task["cluster"], "default");
    let overrides = &run_task["overrides"]["containerOverrides"][0];
    let has = |name: &str, value: &str| {
        overrides["environment"].as_array().unwrap().contains(&json!({"name": name, "value": value}))
    };
    assert!(has("CURRENCY", "USD") && has("PREFECT__FLOW_RUN_ID", "834f6b44-af09-59a7-88a2-0ccb5f29ee02"));
    assert_eq!(run(&line).stdout, output.stdout, "the same input is the same request");
}

#[test]
fn without_a_flow_run_placeholders_stand_for_its_ids_and_standard_error_says_so() {
    let output = run(&["render", "--pool", POOL, "--deployment", DEPLOYMENT]);
    let requests = answer(&output, 0);
    let nil = "00000000-0000-0000-0000-000000000000";
    assert_eq!(requests["runTask"]["startedBy"], format!("{nil}/{nil}"));
    assert!(stderr(&output).contains("--flow-run"), "{}", stderr(&output));
}

#[test]
fn any_document_may_come_from_standard_input() {
    let pool = fs::read_to_string(root().join(POOL)).unwrap();
    let deployment = fs::read_to_string(root().join(DEPLOYMENT)).unwrap();
    let expected = run(&["render", "--pool", POOL, "--deployment", DEPLOYMENT]);
    let by_pool = run_with_input(&["render", "--pool", "-", "--deployment", DEPLOYMENT], &pool);
    let by_deployment = run_with_input(&["render", "--pool", POOL, "--deployment", "-"], &deployment);
    assert_eq!(stdout(&expected), stdout(&by_pool), "{}", stderr(&by_pool));
    assert_eq!(stdout(&expected), stdout(&by_deployment));
}

#[test]
fn what_the_pool_refuses_ends_with_1_its_code_and_what_to_do() {
    let documents = Documents::new();
    let deployment = documents.write("d.json", &json!({"name": "d", "job_variables": {"command": "x", "cpu": 300}}));
    let output = run(&["render", "--pool", POOL, "--deployment", &deployment]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).is_empty());
    for part in ["error[PP0105]", "cpu", "300", "256, 512, 1024", "help:"] {
        assert!(stderr(&output).contains(part), "{part} in: {}", stderr(&output));
    }
}

#[test]
fn an_impossible_request_is_refused_by_its_code() {
    let documents = Documents::new();
    let variables = json!({"command": "x", "cpu": 256, "memory": 4096});
    let deployment = documents.write("d.json", &json!({"name": "d", "job_variables": variables}));
    let output = run(&["render", "--pool", POOL, "--deployment", &deployment]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("error[PP0216]"), "Fargate has no such size: {}", stderr(&output));
    let bare = documents.write("bare.json", &json!({"name": "bare", "base_job_template": {}}));
    let output = run(&["render", "--pool", &bare]);
    assert!(stderr(&output).contains("error[PP0213]"), "no subnets: {}", stderr(&output));
}

#[test]
fn settings_come_from_options_or_from_the_functions_variables() {
    let documents = Documents::new();
    let pool = documents.write("bare.json", &json!({"name": "bare", "base_job_template": {}}));
    let by_option = run(&["render", "--pool", &pool, "--subnets", "subnet-1,subnet-2", "--default-image", "mine:2"]);
    let requests = answer(&by_option, 0);
    let interface = &requests["runTask"]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(interface["subnets"], json!(["subnet-1", "subnet-2"]));
    assert_eq!(requests["registerTaskDefinition"]["containerDefinitions"][0]["image"], "mine:2");
    let by_variable = pushpool(&["render", "--pool", &pool])
        .envs([("PUSHPOOL_SUBNETS", "subnet-1, subnet-2"), ("PUSHPOOL_DEFAULT_IMAGE", "mine:2")])
        .output()
        .unwrap();
    assert_eq!(stdout(&by_option), stdout(&by_variable), "{}", stderr(&by_variable));
}

#[test]
fn an_existing_definition_is_not_registered() {
    let documents = Documents::new();
    let arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/mine:3";
    let pool = documents.write("bare.json", &json!({"name": "bare", "base_job_template": {}}));
    let deployment = documents.write("d.json", &json!({"job_variables": {"task_definition_arn": arn}}));
    let output = run(&["render", "--pool", &pool, "--deployment", &deployment, "--subnets", "subnet-1"]);
    let requests = answer(&output, 0);
    assert_eq!(requests["registerTaskDefinition"], Value::Null);
    assert_eq!(requests["runTask"]["taskDefinition"], arn);
}

#[test]
fn references_are_answered_from_a_file_or_need_a_server() {
    let documents = Documents::new();
    let variables = json!({"command": "x", "env": {"TEAM": "{{ prefect.variables.team }}"}});
    let deployment = documents.write("d.json", &json!({"job_variables": variables}));
    let line = ["render", "--pool", POOL, "--deployment", &deployment];
    let without = run(&line);
    assert_eq!(without.status.code(), Some(1));
    assert!(stderr(&without).contains("error[PP0111]"), "{}", stderr(&without));
    let references = documents.write("references.json", &json!({"variables": {"team": "orders"}}));
    let output = run(&[&line[..], &["--references", &references]].concat());
    assert!(answer(&output, 0).to_string().contains(r#"{"name":"TEAM","value":"orders"}"#));
}

#[test]
fn what_cannot_be_read_is_named_and_not_quoted() {
    let documents = Documents::new();
    let directory = documents.0.path().to_str().unwrap().to_owned();
    fs::write(documents.0.path().join("broken.json"), "{\"secret\": \"hunter2\", ").unwrap();
    let broken = format!("{directory}/broken.json");
    let list = documents.write("list.json", &json!(["hunter2"]));
    for (path, part) in [(&broken, "line 1"), (&list, "not a JSON object"), (&directory, "cannot read")] {
        let output = run(&["render", "--pool", path]);
        assert_eq!(output.status.code(), Some(1), "{path}");
        let said = stderr(&output);
        assert!(said.contains(part) && !said.contains("hunter2"), "{path}: {said}");
    }
}

#[test]
fn an_explanation_says_of_each_value_where_it_comes_from() {
    let line = ["render", "--pool", POOL, "--deployment", DEPLOYMENT, "--explain"];
    let origins = answer(&run(&[&line[..], &["--output", "json"]].concat()), 0);
    let requests = answer(&run(&line[..5]), 0);
    let origin = |pointer: &str| {
        let found = origins.as_array().unwrap().iter().find(|origin| origin["pointer"] == pointer);
        found.unwrap_or_else(|| panic!("{pointer} in {origins:#}"))["origin"].as_str().unwrap().to_owned()
    };
    for origin in origins.as_array().unwrap() {
        let pointer = origin["pointer"].as_str().unwrap();
        assert_eq!(requests.pointer(pointer), Some(&origin["value"]), "{pointer}");
        assert!(!origin["origin"].as_str().unwrap().is_empty(), "{pointer}");
    }
    for (pointer, words) in [
        ("/registerTaskDefinition/memory", "deployment (`memory`)"),
        ("/registerTaskDefinition/cpu", "pool default (`cpu`)"),
        ("/registerTaskDefinition/containerDefinitions/0/name", "template"),
        ("/runTask/clientToken", "pushpool"),
    ] {
        assert!(origin(pointer).contains(words), "{pointer}: {}", origin(pointer));
    }
    let table = run(&line);
    assert_eq!(table.status.code(), Some(0));
    let text = stdout(&table);
    let of_memory = text.lines().find(|line| line.starts_with("registerTaskDefinition/memory ")).unwrap();
    assert!(of_memory.contains("deployment (`memory`)") && of_memory.ends_with("\"1024\""), "{of_memory}");
}

#[test]
fn a_run_that_is_refused_is_explained_by_its_job_configuration() {
    let documents = Documents::new();
    let variables = json!({"command": "x", "cpu": 256, "memory": 4096});
    let deployment = documents.write("d.json", &json!({"job_variables": variables}));
    let output = run(&["render", "--pool", POOL, "--deployment", &deployment, "--explain", "--output", "json"]);
    let origins = answer(&output, 1);
    assert!(stderr(&output).contains("error[PP0216]"), "{}", stderr(&output));
    let memory = json!({
        "pointer": "/jobConfiguration/task_definition/memory", "value": 4096, "origin": "deployment (`memory`)",
    });
    assert!(origins.as_array().unwrap().contains(&memory), "{origins:#}");
}
