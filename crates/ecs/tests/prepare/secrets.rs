//! The Prefect API's key and auth string.

use ecs::{Settings, prepare};
use serde_json::{Value, json};

use crate::support::{
    both, code, configuration, container, custom, defaults, environment, prepared, run, settings, with,
};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:prefect-abcdef";
const CANARY: &str = "pnu_canary";

fn with_role(mut values: Value) -> Value {
    values["task_definition"]["executionRoleArn"] = json!("r");
    values
}

#[test]
fn an_arn_becomes_a_secret_and_plain_values_go() {
    let mut values = with_role(defaults());
    values["prefect_api_key_secret_arn"] = json!(ARN);
    values["env"] = json!({"PREFECT_API_KEY": CANARY, "A": "1"});
    values["task_definition"]["containerDefinitions"][0] = json!({
        "environment": [{"name": "PREFECT_API_KEY", "value": CANARY}],
        "secrets": [{"name": "S", "valueFrom": "arn:s"}, {"name": "PREFECT_API_KEY", "valueFrom": "arn:old"}]
    });
    values["task_run_request"]["overrides"]["containerOverrides"][0]["environment"] =
        json!([{"name": "PREFECT_API_KEY", "value": CANARY}]);
    let prepared = prepared(values);
    assert_eq!(
        container(&prepared)["secrets"],
        json!([{"name": "PREFECT_API_KEY", "valueFrom": ARN}, {"name": "S", "valueFrom": "arn:s"}])
    );
    assert!(!environment(&prepared).contains_key("PREFECT_API_KEY"));
    assert!(!both(&prepared).to_string().contains(CANARY));
}

#[test]
fn the_pools_arn_wins_over_the_settings() {
    let settings = Settings {
        api_key_secret_arn: Some(ARN.to_owned()),
        api_auth_string_secret_arn: Some(ARN.replace("prefect", "auth")),
        ..settings()
    };
    let mut values = with_role(defaults());
    values["prefect_api_key_secret_arn"] = json!(ARN.replace("prefect", "pool"));
    let prepared = prepare(&configuration(values), &run(), &settings).unwrap();
    assert_eq!(
        container(&prepared)["secrets"],
        json!([
            {"name": "PREFECT_API_AUTH_STRING", "valueFrom": ARN.replace("prefect", "auth")},
            {"name": "PREFECT_API_KEY", "valueFrom": ARN.replace("prefect", "pool")}
        ])
    );
}

#[test]
fn a_plain_value_that_the_environment_replaces_by_nothing_is_gone() {
    let mut values = defaults();
    values["env"] = json!({"PREFECT_API_KEY": ""});
    values["task_run_request"]["overrides"]["containerOverrides"][0]["environment"] =
        json!([{"name": "PREFECT_API_KEY", "value": CANARY}]);
    assert!(!both(&prepared(values)).to_string().contains(CANARY));
}

#[test]
fn a_plain_value_is_refused_wherever_it_stands() {
    let entry = json!([{"name": "prefect_api_auth_string", "value": CANARY}]);
    let side = json!([{"name": "prefect", "image": "i"}, {"name": "side", "image": "i", "environment": entry}]);
    let places = [
        ("/env", json!({"PREFECT_API_KEY": CANARY}), "`env`"),
        (
            "/task_definition/containerDefinitions",
            json!([{"environment": entry}]),
            "containerDefinitions[0].environment",
        ),
        ("/task_definition/containerDefinitions", side, "containerDefinitions[1].environment"),
        (
            "/task_run_request/overrides/containerOverrides",
            json!([{"environment": {"PREFECT_API_KEY": CANARY}}]),
            "containerOverrides[0].environment",
        ),
        (
            "/task_run_request/overrides/containerOverrides",
            json!([{}, {"name": "side", "environment": entry}]),
            "containerOverrides[1].environment",
        ),
    ];
    for (pointer, value, place) in places {
        for existing in [json!(null), json!("theirs:3")] {
            if existing.is_string() && pointer.starts_with("/task_definition") {
                continue;
            }
            let values = with(with_role(defaults()), "/task_run_request/taskDefinition", existing);
            let (code, detail) = code(with(values, pointer, value.clone()));
            assert_eq!(code, "PP0209");
            assert!(detail.contains(place), "{detail} lacks {place}");
            assert!(!detail.contains(CANARY));
        }
    }
}

#[test]
fn an_arn_does_not_excuse_a_sidecar() {
    let mut values = custom();
    values["task_definition"]["containerDefinitions"][1]["environment"] =
        json!([{"name": "PREFECT_API_AUTH_STRING", "value": CANARY}]);
    assert_eq!(code(values).0, "PP0209");
}

#[test]
fn an_empty_value_is_no_secret() {
    let prepared = prepared(with(defaults(), "/env", json!({"PREFECT_API_KEY": ""})));
    assert_eq!(environment(&prepared)["PREFECT_API_KEY"], "");
}

#[test]
fn an_existing_definition_cannot_take_one() {
    let mut values = defaults();
    values["task_run_request"]["taskDefinition"] = json!("theirs:3");
    values["prefect_api_key_secret_arn"] = json!(ARN);
    let (code, detail) = code(values.clone());
    assert_eq!(code, "PP0210");
    assert!(detail.contains("theirs:3") && detail.contains("PREFECT_API_KEY"), "{detail}");

    values["prefect_api_key_secret_arn"] = Value::Null;
    let settings = Settings { api_key_secret_arn: Some(ARN.to_owned()), ..settings() };
    let prepared = prepare(&configuration(values), &run(), &settings).unwrap();
    assert!(prepared.notices.iter().any(|notice| notice.contains("PREFECT_API_KEY")), "{:?}", prepared.notices);
    assert!(!prepared.run_task.to_string().contains(ARN));
}

#[test]
fn what_is_no_arn_is_refused_and_not_shown() {
    let (code, detail) = code(with(with_role(defaults()), "/prefect_api_key_secret_arn", json!(CANARY)));
    assert_eq!(code, "PP0211");
    assert!(!detail.contains(CANARY));
}

#[test]
fn fargate_needs_a_role_to_read_them() {
    let values = with(defaults(), "/prefect_api_key_secret_arn", json!(ARN));
    assert_eq!(code(values.clone()).0, "PP0212");
    let ec2 = with(values, "/task_run_request/launchType", json!("EC2"));
    assert_eq!(container(&prepared(ec2))["secrets"][0]["valueFrom"], ARN);
}
