//! What is refused before a run is launched, all of it at once, and what is told about a run that goes ahead.

use diagnosis::Diagnosis;
use ecs::{Prepared, Settings, prepare_to_launch};
use serde_json::{Value, json};

use crate::support::{configuration, container, defaults, definition, run, settings, with};

fn launched(values: Value) -> Prepared {
    prepare_to_launch(&configuration(values), &run(), &settings()).expect("it can be launched")
}

#[track_caller]
fn refused(values: Value) -> Vec<Diagnosis> {
    let refused = prepare_to_launch(&configuration(values), &run(), &settings()).expect_err("it is refused");
    refused.diagnoses().cloned().collect()
}

#[track_caller]
fn noted(values: Value, words: &[&str]) -> Prepared {
    let prepared = launched(values);
    for word in words {
        assert!(prepared.notices.iter().any(|note| note.contains(word)), "{word} in {:?}", prepared.notices);
    }
    prepared
}

fn codes(refusals: &[Diagnosis]) -> Vec<&str> {
    refusals.iter().map(|refusal| refusal.code.id()).collect()
}

const CONTAINERS: &str = "/task_definition/containerDefinitions";

#[test]
fn what_is_launched_has_no_notes_of_its_own() {
    assert_eq!(launched(defaults()).notices, Vec::<String>::new());
}

#[test]
fn every_reason_is_given_once() {
    let mut values = defaults();
    values["env"] = json!({"PREFECT_API_KEY": "canary"});
    values["task_run_request"]["overrides"]["containerOverrides"][0]["environment"] = values["env"].clone();
    values["configure_cloudwatch_logs"] = json!(true);
    values["cluster"] = json!("arn:aws:ecs:eu-central-1:111122223333:cluster/my-prefect");
    values["task_definition"]["cpu"] = json!(256);
    values["task_definition"]["memory"] = json!(8192);
    values["task_definition"]["executionRoleArn"] = json!(null);
    values["task_definition"]["containerDefinitions"] =
        json!([{"name": "my flow", "image": "{{ build.image }}"}, {"name": "side"}]);
    values["container_name"] = json!("my flow");
    values["network_configuration"] =
        json!({"subnets": ["foo", "bar"], "securityGroups": ["x"], "assignPublicIp": "maybe"});
    let refusals = refused(values);
    assert_eq!(
        codes(&refusals),
        ["PP0205", "PP0209", "PP0216", "PP0208", "PP0228", "PP0225", "PP0225", "PP0229", "PP0227", "PP0227"],
        "{refusals:#?}"
    );
    assert!(!format!("{refusals:?}").contains("canary"));
    let one = prepare_to_launch(
        &configuration(with(with(defaults(), "/task_definition/cpu", json!(1)), "/task_run_request/count", json!(2))),
        &run(),
        &settings(),
    );
    let one = one.expect_err("it is refused").diagnosis();
    assert!(one.code == "PP0216" && one.summary.ends_with("(and 1 more)"), "{one:?}");
    assert!(one.detail.contains("PP0221") && one.resolution.contains("PP0221"), "{one:?}");
}

#[test]
fn a_placeholder_that_nothing_replaced_is_named_with_its_place() {
    let refusals = refused(with(defaults(), CONTAINERS, json!([{"image": "{{ build.image }}"}])));
    assert_eq!(codes(&refusals), ["PP0228"], "and not also as an image with blanks: {refusals:?}");
    for word in ["task_definition.containerDefinitions[0].image", "{{ build.image }}"] {
        assert!(refusals[0].detail.contains(word), "{refusals:?}");
    }
    let command = json!(["docker", "ps", "--format", "{{ .Names }}"]);
    noted(with(defaults(), "/command", command), &["overrides.containerOverrides[0].command[3]", "{{ .Names }}"]);
    let env = json!({"T": "{{ left }}"});
    assert_eq!(launched(with(defaults(), "/env", env)).notices, Vec::<String>::new(), "a value is its owner's");
}

#[test]
fn an_image_in_ecr_needs_a_role_on_fargate_only() {
    let ecr = json!([{"image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/etl:7"}]);
    let refusals = refused(with(defaults(), CONTAINERS, ecr.clone()));
    assert_eq!(codes(&refusals), ["PP0224"]);
    assert!(refusals[0].resolution.contains("`execution_role_arn`"), "{refusals:?}");
    let on_ec2 = with(with(defaults(), CONTAINERS, ecr), "/task_run_request/launchType", json!("EC2"));
    launched(on_ec2);
}

#[test]
fn a_sidecar_without_memory_is_named_on_ec2() {
    let containers = json!([{"image": "i"}, {"name": "side", "image": "a/b:1", "essential": false}]);
    let values = with(with(defaults(), CONTAINERS, containers), "/task_run_request/launchType", json!("EC2"));
    let refusals = refused(values);
    assert_eq!(codes(&refusals), ["PP0225"]);
    assert!(refusals[0].resolution.contains("container \"side\""), "{refusals:?}");
}

#[test]
fn a_public_address_is_never_sent_outside_fargate() {
    let mut values = with(defaults(), "/task_run_request/launchType", json!("EC2"));
    values["task_definition"]["networkMode"] = json!("awsvpc");
    let network = |prepared: &Prepared| prepared.run_task["networkConfiguration"]["awsvpcConfiguration"].clone();
    // The settings ask for one in their subnets.
    assert_eq!(network(&launched(values.clone())), json!({"subnets": ["subnet-1", "subnet-2"], "securityGroups": []}));
    for public in [json!("ENABLED"), json!(true)] {
        values["network_configuration"] = json!({"subnets": ["subnet-a"], "assignPublicIp": public});
        let prepared = noted(values.clone(), &["`assignPublicIp` has no effect"]);
        assert_eq!(network(&prepared), json!({"subnets": ["subnet-a"]}));
    }
    values["task_run_request"]["launchType"] = json!("FARGATE");
    assert_eq!(network(&launched(values.clone()))["assignPublicIp"], "ENABLED");
    values["task_run_request"]["capacityProviderStrategy"] = json!([{"capacityProvider": "mine", "weight": 1}]);
    values["task_definition"]["requiresCompatibilities"] = json!(["EC2"]);
    assert_eq!(network(&launched(values))["assignPublicIp"], Value::Null);
}

#[test]
fn what_has_no_effect_beside_an_existing_definition_is_named() {
    let mut values = with(defaults(), "/task_run_request/taskDefinition", json!("base:4"));
    values["task_definition"] = json!({
        "containerDefinitions": [{"image": "ghcr.io/acme/etl:main", "name": "flow", "secrets": [{"name": "A", "valueFrom": "arn"}]}],
        "executionRoleArn": "arn:aws:iam::111122223333:role/exec", "family": "etl", "cpu": 512, "volumes": [],
    });
    values["task_run_request"]["overrides"]["cpu"] = json!(512);
    let prepared = noted(
        values,
        &["`execution_role_arn`, `family`, `image`, `secrets` have no effect beside `task_definition_arn`", "base:4"],
    );
    assert!(!format!("{:?}", prepared.notices).contains("cpu"), "which has one: {:?}", prepared.notices);
}

#[test]
fn a_network_configuration_for_an_existing_definition_is_an_assumption() {
    let mut values = with(defaults(), "/task_run_request/taskDefinition", json!("etl-on-ec2:3"));
    values["task_run_request"]["launchType"] = json!("EC2");
    values["network_configuration"] = json!({"subnets": ["subnet-a"]});
    noted(values.clone(), &["set `network_configuration` to {}"]);
    for unset in [json!({}), json!(null)] {
        values["network_configuration"] = unset;
        assert_eq!(launched(values.clone()).run_task.get("networkConfiguration"), None);
    }
}

#[test]
fn a_pasted_definition_is_taken_without_what_aws_has_added() {
    let mut values = defaults();
    let answer = json!({
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/etl-flow:7", "revision": 7,
        "containerDefinitions": [{"name": "prefect", "image": "i", "cpu": 0, "portMappings": [], "environment": []}],
        "status": "ACTIVE", "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
        "compatibilities": ["EC2", "FARGATE"], "requiresCompatibilities": ["FARGATE"],
        "registeredAt": "2026-01-05T10:00:00+00:00", "registeredBy": "arn:aws:iam::111122223333:root",
    });
    values["task_definition"] = answer.clone();
    let prepared = noted(values.clone(), &["`taskDefinitionArn`", "`registeredBy`"]);
    assert_eq!(definition(&prepared).get("status"), None);
    values["task_definition"] = json!({"taskDefinition": answer, "tags": []});
    let refusals = refused(values.clone());
    assert!(refusals[0].code == "PP0208" && refusals[0].resolution.contains("the inner object"), "{refusals:?}");
    values["task_definition"] = json!({"containerDefinitions": [{"image": "i"}], "one": 1, "two": 2, "three": 3});
    let refusals = refused(values);
    assert_eq!(codes(&refusals), ["PP0208"]);
    for word in ["task_definition.one", "\"two\"", "\"three\""] {
        assert!(refusals[0].detail.contains(word), "all at once: {refusals:?}");
    }
}

#[test]
fn numbers_become_text_where_ecs_wants_text() {
    let containers = json!([{
        "image": "i",
        "resourceRequirements": [{"type": "GPU", "value": 1}],
        "environment": [{"name": "PORT", "value": 5432}],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t", "size": 3}},
    }]);
    let values = with(with(defaults(), CONTAINERS, containers), "/task_run_request/launchType", json!("EC2"));
    let prepared = launched(values.clone());
    let sent = container(&prepared);
    assert_eq!(sent["resourceRequirements"], json!([{"type": "GPU", "value": "1"}]));
    assert!(sent["environment"].as_array().is_some_and(|it| it.contains(&json!({"name": "PORT", "value": "5432"}))));
    assert_eq!(sent["logConfiguration"]["options"]["size"], "3");
    let unset =
        with(values.clone(), "/task_definition/containerDefinitions/0/resourceRequirements", json!([{"type": "GPU"}]));
    assert_eq!(container(&noted(unset, &["asks for GPU without a `value`"])).get("resourceRequirements"), None);
    let on_fargate = with(values.clone(), "/task_run_request/launchType", json!("FARGATE"));
    assert_eq!(codes(&refused(on_fargate)), ["PP0225"], "Fargate has no GPU");
    let flag = json!([{"name": "DEBUG", "value": true}]);
    let refusals = refused(with(values, "/task_definition/containerDefinitions/0/environment", flag));
    assert!(refusals[0].resolution.contains("as text: in quotes"), "{refusals:?}");
}

#[test]
fn a_variable_without_a_name_is_left_out() {
    let containers =
        json!([{"image": "i", "environment": [{"name": "", "value": "x"}, {"name": "A=B", "value": "1"}]}]);
    let prepared = noted(
        with(defaults(), CONTAINERS, containers),
        &["`task_definition.containerDefinitions[0].environment` has a variable whose name is empty", "\"A=B\""],
    );
    assert!(!container(&prepared).to_string().contains("\"x\""));
    let prepared = noted(with(defaults(), "/env", json!({"": "x"})), &["`env` has a variable whose name is empty"]);
    assert!(!prepared.run_task.to_string().contains(r#""name":"""#));
}

#[test]
fn an_empty_role_is_not_sent() {
    let mut values = with(defaults(), "/task_run_request/overrides/taskRoleArn", json!(""));
    values["task_definition"]["executionRoleArn"] = json!("");
    assert!(
        !format!("{}{}", definition(&launched(values.clone())), launched(values.clone()).run_task).contains("RoleArn")
    );
    values["task_run_request"]["taskDefinition"] = json!("theirs:3");
    assert!(!launched(values).run_task.to_string().contains("RoleArn"));
    let role = with(defaults(), "/task_run_request/overrides/taskRoleArn", json!("etl"));
    noted(role, &["`task_role_arn` is \"etl\", no ARN"]);
}

#[test]
fn a_command_for_a_shell_gets_a_note() {
    for (command, word) in [
        ("pip install s3fs && prefect flow-run execute", "`&&`"),
        ("echo $HOME", "`$`"),
        ("cd /app; prefect flow-run execute", "`;`"),
        ("prefect flow-run execute > log", "`>`"),
        (r#"["prefect","flow-run","execute"]"#, "JSON list"),
    ] {
        noted(with(defaults(), "/command", json!(command)), &[word]);
    }
    for command in ["prefect flow-run execute", "sh -c 'a && b'", "/bin/bash -c 'echo $X'", "run --price 5$ a&b", "[x]"]
    {
        assert_eq!(launched(with(defaults(), "/command", json!(command))).notices, Vec::<String>::new(), "{command}");
    }
}

#[test]
fn a_flow_that_slips_into_a_sidecar_is_named() {
    let containers = json!([{}, {"name": "log_router", "image": "amazon/aws-for-fluent-bit:2"}]);
    let prepared = noted(
        with(defaults(), CONTAINERS, containers.clone()),
        &["container \"log_router\" (image amazon/aws-for-fluent-bit:2)"],
    );
    assert_eq!(prepared.container_name, "log_router", "as with the worker");
    let named = with(with(defaults(), CONTAINERS, containers), "/container_name", json!("log_router"));
    assert_eq!(launched(named).notices, Vec::<String>::new());
}

#[test]
fn containers_of_nulls_are_left_out() {
    let containers = json!([{"name": "prefect", "image": "i", "secrets": null}, {"name": null, "image": null}]);
    let prepared = launched(with(defaults(), CONTAINERS, containers));
    assert_eq!(definition(&prepared)["containerDefinitions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn misspelt_members_of_the_network_are_named() {
    let settings = Settings { subnets: Vec::new(), ..settings() };
    let capitals = json!({"Subnets": ["subnet-aa"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "ENABLED"});
    let values = configuration(with(defaults(), "/network_configuration", capitals));
    let refused = prepare_to_launch(&values, &run(), &settings).expect_err("it is refused");
    let detail = &refused.diagnoses().next().expect("a reason").detail;
    for word in ["awsvpcConfiguration.AssignPublicIp", "\"Subnets\"", "\"SecurityGroups\"", "allowed: assignPublicIp"] {
        assert!(detail.contains(word), "{word} in {detail}");
    }
}

#[test]
fn credentials_of_another_region_or_role_are_refused_wherever_they_come_from() {
    // Literal ones, and what is known of a block, arrive in the same shape.
    let values = with(
        defaults(),
        "/aws_credentials",
        json!({"region_name": "eu-west-1", "assume_role_arn": "arn:aws:iam::444455556666:role/launcher"}),
    );
    let refusals = refused(values);
    assert_eq!(codes(&refusals), ["PP0220", "PP0220"], "both at once");
    noted(with(defaults(), "/aws_credentials", json!({})), &["`aws_credentials` are not used"]);
}
