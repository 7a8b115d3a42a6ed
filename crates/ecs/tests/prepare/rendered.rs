//! Whole requests.

use serde_json::{Value, json};

use crate::support::{both, container, container_override, custom, defaults, definition, prepared, typical, with};

#[test]
fn defaults_are_rendered() {
    insta::assert_json_snapshot!(both(&prepared(defaults())));
}

#[test]
fn a_typical_pool_is_rendered() {
    insta::assert_json_snapshot!(both(&prepared(typical())));
}

#[test]
fn spot_is_a_capacity_provider() {
    insta::assert_json_snapshot!(both(&prepared(with(
        defaults(),
        "/task_run_request/launchType",
        json!("FARGATE_SPOT")
    ))));
}

#[test]
fn ec2_sizes_the_container() {
    let values = with(defaults(), "/task_run_request/launchType", json!("EC2"));
    let definition = json!({"containerDefinitions": [{"image": "i"}], "cpu": 256});
    insta::assert_json_snapshot!(both(&prepared(with(values, "/task_definition", definition))));
}

#[test]
fn a_custom_template_keeps_what_it_has() {
    insta::assert_json_snapshot!(both(&prepared(custom())));
}

#[test]
fn an_existing_definition_is_used_as_it_is() {
    let values = with(typical(), "/task_run_request/taskDefinition", json!("theirs:3"));
    insta::assert_json_snapshot!(both(&prepared(values)));
}

#[test]
fn a_capacity_provider_strategy_replaces_the_launch_type() {
    let strategy = json!([
        {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0},
        {"capacityProvider": "FARGATE", "weight": 1, "base": 1}
    ]);
    let values = with(defaults(), "/task_run_request/capacityProviderStrategy", strategy.clone());
    let prepared = prepared(values);
    assert_eq!(prepared.run_task["capacityProviderStrategy"], strategy);
    assert_eq!(prepared.run_task.get("launchType"), None);
    assert_eq!(definition(&prepared)["requiresCompatibilities"], json!(["FARGATE"]));
}

#[test]
fn an_ec2_definition_leaves_the_choice_to_the_cluster() {
    let mut values = defaults();
    values["task_run_request"]["launchType"] = Value::Null;
    values["task_definition"]["requiresCompatibilities"] = json!(["EC2"]);
    values["task_definition"]["networkMode"] = json!("bridge");
    let prepared = prepared(values);
    assert_eq!(prepared.run_task.get("launchType"), None);
    assert_eq!(prepared.run_task.get("networkConfiguration"), None);
    assert_eq!(container(&prepared)["memory"], json!(2048));
}

#[test]
fn no_launch_type_means_fargate_for_both_requests() {
    for absent in [json!(null), json!("")] {
        let prepared = prepared(with(defaults(), "/task_run_request/launchType", absent));
        assert_eq!(prepared.run_task["launchType"], "FARGATE");
        assert_eq!(definition(&prepared)["networkMode"], "awsvpc");
    }
}

#[test]
fn external_instances_need_no_fargate() {
    let mut values = defaults();
    values["task_run_request"]["launchType"] = json!("EXTERNAL");
    values["task_definition"]["requiresCompatibilities"] = json!(["EXTERNAL"]);
    assert_eq!(prepared(values).run_task["launchType"], "EXTERNAL");
}

#[test]
fn null_in_the_run_request_is_nothing() {
    let mut values = typical();
    for pointer in ["/cluster", "/overrides/taskRoleArn", "/capacityProviderStrategy", "/taskDefinition", "/tags"] {
        values = with(values, &format!("/task_run_request{pointer}"), Value::Null);
    }
    values["cluster"] = Value::Null;
    let prepared = prepared(values);
    assert_eq!(prepared.run_task.get("cluster"), None);
    assert_eq!(prepared.run_task["overrides"].get("taskRoleArn"), None);
}

#[test]
fn the_container_is_the_named_one_else_prefect_else_the_first_else_a_new_one() {
    let name = |containers: Value, wanted: Value| {
        let mut values = with(defaults(), "/task_definition/containerDefinitions", containers);
        values["container_name"] = wanted;
        let prepared = prepared(values);
        assert_eq!(container(&prepared)["name"], *prepared.container_name);
        (prepared.container_name.clone(), definition(&prepared)["containerDefinitions"].as_array().map(Vec::len))
    };
    let two = json!([{"name": "a", "image": "i"}, {"name": "prefect", "image": "i"}]);
    assert_eq!(name(two.clone(), json!("a")), ("a".to_owned(), Some(2)));
    assert_eq!(name(two, json!(null)), ("prefect".to_owned(), Some(2)));
    assert_eq!(name(json!([{"name": "a"}, {"name": "b"}]), json!(null)), ("a".to_owned(), Some(2)));
    assert_eq!(name(json!([{"image": "i"}, {"name": "b"}]), json!(null)), ("prefect".to_owned(), Some(2)));
    assert_eq!(name(json!([{}, null, {"name": "b"}]), json!("")), ("b".to_owned(), Some(1)));
    assert_eq!(name(json!([{"name": "a"}]), json!("prefect")), ("prefect".to_owned(), Some(2)));
    assert_eq!(name(json!([]), json!(null)), ("prefect".to_owned(), Some(1)));
}

#[test]
fn there_is_always_an_override_for_the_container() {
    for overrides in
        [json!(null), json!({}), json!({"containerOverrides": []}), json!({"containerOverrides": [{"name": "x"}]})]
    {
        let prepared = prepared(with(defaults(), "/task_run_request/overrides", overrides));
        assert_eq!(container_override(&prepared)["command"], json!(["prefect", "flow-run", "execute"]));
    }
}

#[test]
fn commands_are_split_and_lists_kept() {
    let command =
        |command: Value| container_override(&prepared(with(defaults(), "/command", command)))["command"].clone();
    assert_eq!(command(json!("python -m x 'a b' # c")), json!(["python", "-m", "x", "a b", "#", "c"]));
    assert_eq!(command(json!(["python", "a b"])), json!(["python", "a b"]));
    assert_eq!(command(json!("")), json!(["prefect", "flow-run", "execute"]));
    assert_eq!(command(json!(null)), json!(["prefect", "flow-run", "execute"]));
}

#[test]
fn empty_members_of_the_definition_go_and_false_stays() {
    let mut values = defaults();
    values["task_definition"]["containerDefinitions"] = json!([{
        "name": "prefect", "entryPoint": [], "user": "", "privileged": false, "links": null,
        "portMappings": [{"containerPort": 80, "hostPort": 0}]
    }]);
    values["task_definition"]["volumes"] = json!([]);
    let prepared = prepared(values);
    let container = container(&prepared);
    for gone in ["entryPoint", "user", "links"] {
        assert_eq!(container.get(gone), None);
    }
    assert_eq!(container["privileged"], json!(false));
    assert_eq!(container["portMappings"], json!([{"containerPort": 80}]));
    assert_eq!(definition(&prepared).get("volumes"), None);
}

#[test]
fn what_has_no_effect_is_said() {
    let mut values = typical();
    values["auto_deregister_task_definition"] = json!(true);
    values["match_latest_revision_in_family"] = json!("yes");
    values["aws_credentials"] = json!({"region_name": "us-east-1"});
    values["task_run_request"]["startedBy"] = json!("me");
    values["task_run_request"]["clientToken"] = json!("token");
    let prepared = prepared(values);
    for word in ["auto_deregister", "match_latest", "aws_credentials", "startedBy", "clientToken"] {
        assert!(prepared.notices.iter().any(|notice| notice.contains(word)), "{word}: {:?}", prepared.notices);
    }
    assert_eq!(prepared.run_task["startedBy"], crate::support::run().attempt.started_by());
    assert!(!prepared.run_task.to_string().contains("degregister"));
}

#[test]
fn the_family_is_made_from_the_given_one() {
    let family = |family: Value| {
        let prepared = prepared(with(defaults(), "/task_definition/family", family));
        let family = definition(&prepared)["family"].as_str().expect("a family").to_owned();
        assert_eq!(prepared.run_task["taskDefinition"], *family);
        family
    };
    let hash = family(json!("fam")).strip_prefix("fam-").expect("the base comes first").to_owned();
    assert_eq!(hash.len(), 16);
    assert_eq!(family(json!("my flows!")), format!("my-flows--{hash}"));
    assert_eq!(family(json!(null)), format!("prefect_push-pool-1_11111111-1111-1111-1111-111111111111-{hash}"));
    assert_eq!(family(json!("x".repeat(300))).len(), 255);
}

#[test]
fn logs_are_awslogs_with_options_on_top() {
    let mut values = typical();
    values["task_definition"]["containerDefinitions"][0]["logConfiguration"] = json!({"logDriver": "json-file"});
    values["cloudwatch_logs_prefix"] = json!("mine");
    values["cloudwatch_logs_options"] = json!({"awslogs-region": "eu-west-1", "max-buffer-size": "1m"});
    assert_eq!(
        container(&prepared(values))["logConfiguration"],
        json!({"logDriver": "awslogs", "options": {
            "awslogs-create-group": "true", "awslogs-group": "prefect", "awslogs-region": "eu-west-1",
            "awslogs-stream-prefix": "mine", "max-buffer-size": "1m"
        }})
    );
}
