//! Which environment goes where, and that the container sees all of it.

use std::collections::BTreeMap;

use ecs::{Run, Settings, prepare};
use prefect_ids::FlowRunId;
use serde_json::{Value, json};

use crate::support::{
    configuration, container, container_override, defaults, definition, entries, environment, prepared, run, settings,
    with, with_run_env,
};

#[test]
fn runs_of_a_deployment_share_a_definition() {
    let shared = json!({"A": "1", "B": "2"});
    let one = prepare(&with_run_env(defaults(), shared.clone(), shared.clone()), &run(), &settings()).unwrap();
    let mut other_run = run();
    other_run.attempt.flow_run_id = FlowRunId::from_u128(77);
    other_run.name = Some("slow-dog".to_owned());
    other_run.environment = BTreeMap::from([("PUSHPOOL_PARAMETERS".to_owned(), "{}".to_owned())]);
    let changed = with_run_env(defaults(), shared, json!({"A": "1", "B": "3", "C": "4"}));
    let other = prepare(&changed, &other_run, &settings()).unwrap();
    assert_eq!(one.definition, other.definition);
    assert_ne!(one.run_task["clientToken"], other.run_task["clientToken"]);

    let literal: Vec<_> = entries(container_override(&other)).into_keys().collect();
    assert_eq!(literal, ["B", "C", "PREFECT__FLOW_RUN_ID", "PUSHPOOL_PARAMETERS"]);
    let seen = environment(&other);
    assert_eq!((&*seen["A"], &*seen["B"], &*seen["C"]), ("1", "3", "4"));
}

#[test]
fn null_unsets() {
    let shared = json!({"A": "1", "B": "2"});
    let unset = json!({"A": null, "B": "2", "PREFECT__FLOW_NAME": null, "PREFECT_API_URL": null});
    let prepared = prepare(&with_run_env(defaults(), shared, unset), &run(), &settings()).unwrap();
    let seen = environment(&prepared);
    for name in ["A", "PREFECT__FLOW_NAME", "PREFECT_API_URL"] {
        assert!(!seen.contains_key(name), "{name}");
    }
    assert_eq!(seen["B"], "2");
    assert_eq!(seen["PREFECT__DEPLOYMENT_NAME"], "dep one");
}

#[test]
fn configured_environment_wins_over_what_is_set_for_the_run() {
    let mut run = run();
    run.environment = BTreeMap::from([("X".to_owned(), "run".to_owned()), ("Y".to_owned(), "run".to_owned())]);
    let values = with_run_env(defaults(), json!({"X": "pool"}), json!({"X": "pool", "PREFECT__FLOW_NAME": "mine"}));
    let seen = environment(&prepare(&values, &run, &settings()).unwrap());
    assert_eq!((&*seen["X"], &*seen["Y"], &*seen["PREFECT__FLOW_NAME"]), ("pool", "run", "mine"));
}

#[test]
fn values_are_text() {
    let values = with(defaults(), "/env", json!({"A": true, "B": 5, "C": 1.5, "D": ""}));
    let seen = environment(&prepared(values));
    assert_eq!((&*seen["A"], &*seen["B"], &*seen["C"], &*seen["D"]), ("True", "5", "1.5", ""));
}

#[test]
fn literal_entries_stay_unless_the_same_name_is_configured() {
    let mut values = defaults();
    values["env"] = json!({"A": "env"});
    values["task_definition"]["containerDefinitions"][0] = json!({
        "environment": [{"name": "A", "value": "literal"}, {"name": "Z", "value": "z"}, {"name": "N", "value": null}]
    });
    values["task_run_request"]["overrides"]["containerOverrides"][0]["environment"] =
        json!([{"name": "Q", "value": "q"}, {"name": "A", "value": "override"}, {"name": "N", "value": null}]);
    let prepared = prepared(values);
    let defined = entries(container(&prepared));
    assert_eq!((&*defined["A"], &*defined["Z"]), ("env", "z"));
    let seen = environment(&prepared);
    assert_eq!((&*seen["A"], &*seen["Q"], seen.get("N")), ("env", "q", None));
    let names: Vec<_> = entries(container_override(&prepared)).into_keys().collect();
    assert_eq!(names, ["PREFECT__FLOW_RUN_ID", "Q"]);
}

/// ECS refuses a definition in which a secret and an environment variable share a name.
#[test]
fn what_a_secret_provides_stays_in_the_overrides() {
    let mut values = defaults();
    values["env"] = json!({"DB": "x"});
    values["task_definition"]["executionRoleArn"] = json!("r");
    values["task_definition"]["containerDefinitions"][0] = json!({"secrets": [{"name": "DB", "valueFrom": "arn"}]});
    let prepared = prepared(values);
    assert!(!entries(container(&prepared)).contains_key("DB"));
    assert_eq!(entries(container_override(&prepared))["DB"], "x");
}

#[test]
fn an_existing_definition_gets_everything_in_the_overrides() {
    let mut values = defaults();
    values["env"] = json!({"A": "1"});
    values["task_run_request"]["taskDefinition"] = json!("theirs:3");
    let seen = entries(container_override(&prepared(values)));
    assert_eq!((&*seen["A"], &*seen["PREFECT_API_URL"]), ("1", "http://127.0.0.1:4399/api"));
}

#[test]
fn a_run_without_deployment_and_server() {
    let run = Run { deployment: None, flow: None, name: None, ..run() };
    let settings = Settings { prefect_api_url: None, ..settings() };
    let prepared = prepare(&configuration(defaults()), &run, &settings).unwrap();
    let names: Vec<_> = environment(&prepared).into_keys().collect();
    assert_eq!(names, ["PREFECT__FLOW_RUN_ID"]);
    assert!(definition(&prepared)["family"].as_str().unwrap().starts_with("prefect_push-pool-1-"));
}

#[test]
fn a_run_on_spot_reschedules_itself_unless_the_pool_says_otherwise() {
    const NAME: &str = "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR";
    let on_spot = Settings { reschedule_on_spot: true, ..settings() };
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]);
    let seen = |launch_type: &str, strategy: Value, env: Value, settings: &Settings| {
        let mut values = defaults();
        values["task_run_request"]["launchType"] = json!(launch_type);
        values["task_run_request"]["capacityProviderStrategy"] = strategy;
        values["env"] = env;
        environment(&prepare(&configuration(values), &run(), settings).unwrap()).get(NAME).cloned()
    };
    assert_eq!(seen("FARGATE_SPOT", json!([]), json!({}), &on_spot).as_deref(), Some("reschedule"));
    assert_eq!(seen("FARGATE", strategy, json!({}), &on_spot).as_deref(), Some("reschedule"));
    assert_eq!(seen("FARGATE_SPOT", json!([]), json!({NAME: "relinquish"}), &on_spot).as_deref(), Some("relinquish"));
    assert_eq!(seen("FARGATE", json!([]), json!({}), &on_spot), None);
    assert_eq!(seen("FARGATE_SPOT", json!([]), json!({}), &settings()), None);
}
