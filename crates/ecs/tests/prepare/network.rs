//! Subnets and security groups.

use ecs::{Settings, prepare};
use serde_json::{Value, json};

use crate::support::{code, configuration, defaults, prepared, run, settings, with};

fn network(values: Value) -> Value {
    prepared(values).run_task["networkConfiguration"]["awsvpcConfiguration"].clone()
}

const IN_REQUEST: &str = "/task_run_request/networkConfiguration";

#[test]
fn both_shapes_in_both_places() {
    let inner = json!({"subnets": ["s"], "securityGroups": ["g"], "assignPublicIp": "DISABLED"});
    for place in ["/network_configuration", IN_REQUEST] {
        assert_eq!(network(with(defaults(), place, inner.clone())), inner);
        let whole = json!({"awsvpcConfiguration": inner});
        assert_eq!(network(with(defaults(), place, whole.clone())), inner);
        // The whole one as the value of a variable that the template has wrapped itself.
        assert_eq!(network(with(defaults(), place, json!({"awsvpcConfiguration": whole}))), inner);
    }
}

#[test]
fn the_variable_wins_over_the_template() {
    let values = with(defaults(), IN_REQUEST, json!({"subnets": ["template"]}));
    assert_eq!(
        network(with(values, "/network_configuration", json!({"subnets": ["variable"]})))["subnets"],
        json!(["variable"])
    );
}

#[test]
fn a_public_address_may_be_a_boolean() {
    for (flag, word) in [(true, "ENABLED"), (false, "DISABLED")] {
        let given = json!({"subnets": ["s"], "assignPublicIp": flag});
        assert_eq!(network(with(defaults(), "/network_configuration", given))["assignPublicIp"], word);
    }
}

#[test]
fn what_is_missing_comes_from_the_settings() {
    assert_eq!(
        network(defaults()),
        json!({"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED", "securityGroups": []})
    );
    let settings = Settings { security_groups: vec!["sg".to_owned()], assign_public_ip: false, ..settings() };
    let of = |given: Value| {
        let values = configuration(with(defaults(), "/network_configuration", given));
        prepare(&values, &run(), &settings).unwrap().run_task["networkConfiguration"]["awsvpcConfiguration"].clone()
    };
    assert_eq!(
        of(json!({"assignPublicIp": "ENABLED"})),
        json!({"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED", "securityGroups": ["sg"]})
    );
    assert_eq!(of(json!({"subnets": ["s"]})), json!({"subnets": ["s"]}));
}

#[test]
fn a_vpc_is_not_looked_up() {
    let prepared = prepared(with(defaults(), "/vpc_id", json!("vpc-1")));
    assert!(prepared.notices.iter().any(|notice| notice.contains("vpc-1")));
}

#[test]
fn no_subnet_is_refused_where_one_is_needed() {
    let settings = Settings { subnets: Vec::new(), ..settings() };
    let prepare = |values: Value| prepare(&configuration(values), &run(), &settings);
    let refusal = prepare(defaults()).unwrap_err().diagnosis();
    assert_eq!(refusal.code, "PP0213");
    assert!(refusal.resolution.contains("network_configuration"));
    assert!(prepare(with(defaults(), "/network_configuration", json!({"subnets": ["s"]}))).is_ok());
    let ec2 = with(defaults(), "/task_run_request/launchType", json!("EC2"));
    assert_eq!(prepare(ec2).unwrap().run_task.get("networkConfiguration"), None);
}

#[test]
fn other_network_modes_have_none() {
    let mut values = with(defaults(), "/task_run_request/launchType", json!("EC2"));
    values["task_definition"]["networkMode"] = json!("bridge");
    values["network_configuration"] = json!({"subnets": ["s"]});
    let prepared = prepared(values);
    assert_eq!(prepared.run_task.get("networkConfiguration"), None);
    assert!(prepared.notices.iter().any(|notice| notice.contains("network_configuration")));
}

#[test]
fn an_existing_definition_gets_one_on_fargate_or_when_it_is_given() {
    let existing = with(defaults(), "/task_run_request/taskDefinition", json!("theirs:3"));
    assert_eq!(network(existing.clone())["subnets"], json!(["subnet-1", "subnet-2"]));
    let ec2 = with(existing, "/task_run_request/launchType", json!("EC2"));
    assert_eq!(prepared(ec2.clone()).run_task.get("networkConfiguration"), None);
    assert_eq!(network(with(ec2, "/network_configuration", json!({"subnets": ["s"]}))), json!({"subnets": ["s"]}));
}

#[test]
fn what_is_wrong_in_it_is_named() {
    let (code, detail) =
        code(with(defaults(), "/network_configuration", json!({"subnets": ["s"], "security_groups": []})));
    assert_eq!(code, "PP0208");
    assert!(detail.contains("task_run_request.networkConfiguration.awsvpcConfiguration.security_groups"), "{detail}");
    assert!(detail.contains("securityGroups"), "{detail}");
}
