//! Job variables that change a role, whichever way they take, and those that do not.

use ecs::check_roles;
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers};

const POOL_ROLE: &str = "arn:aws:iam::111122223333:role/pool";
const OTHER_ROLE: &str = "arn:aws:iam::111122223333:role/other";

/// The built-in template with these defaults.
fn pool(defaults: &Value) -> BaseJobTemplate {
    let text = include_str!("../../../work-pool/src/built_in.json");
    let mut template: Value = serde_json::from_str(text).expect("a template");
    for (name, default) in defaults.as_object().expect("defaults by name") {
        template["variables"]["properties"][name]["default"] = default.clone();
    }
    BaseJobTemplate::from_value(&template).expect("a template of the pool")
}

/// Code and detail of the refusal, if there is one.
fn refusal(template: &BaseJobTemplate, deployment: &Value, flow_run: &Value) -> Option<(&'static str, String)> {
    let layers = Layers { deployment: deployment.as_object(), flow_run: flow_run.as_object() };
    check_roles(template, layers).err().map(|error| (error.diagnosis().code.id(), error.diagnosis().detail))
}

fn with_roles() -> BaseJobTemplate {
    pool(&json!({"task_role_arn": POOL_ROLE, "execution_role_arn": POOL_ROLE}))
}

#[test]
fn a_job_variable_that_changes_a_role_is_named() {
    let template = with_roles();
    let none = json!({});
    for (variable, place) in [
        ("task_role_arn", "task_run_request.overrides.taskRoleArn"),
        ("execution_role_arn", "task_definition.executionRoleArn"),
        ("task_definition_arn", "task_run_request.taskDefinition"),
    ] {
        let changed = json!({variable: OTHER_ROLE});
        for (deployment, flow_run, layer) in [(&changed, &none, "deployment"), (&none, &changed, "flow run")] {
            let (code, detail) = refusal(&template, deployment, flow_run).unwrap();
            assert_eq!(code, "PP0223");
            let said = [format!("`{variable}` of the {layer}"), place.to_owned()];
            assert!(said.iter().all(|part| detail.contains(part)), "{detail}");
            assert!(!detail.contains(OTHER_ROLE), "{detail}");
        }
    }
    for unset in [json!({"task_role_arn": null}), json!({"execution_role_arn": ""})] {
        assert_eq!(refusal(&template, &unset, &none).map(|it| it.0), Some("PP0223"), "{unset}");
    }
}

#[test]
fn a_job_variable_that_changes_no_role_is_fine() {
    let none = json!({});
    for harmless in [
        json!({"image": "flows:2", "cpu": 512, "env": {"A": "1"}, "env.B": "2"}),
        json!({"task_role_arn": POOL_ROLE, "execution_role_arn": POOL_ROLE}),
        json!({"image": "{{ prefect.variables.image }}"}),
    ] {
        assert_eq!(refusal(&with_roles(), &harmless, &none), None, "{harmless}");
        assert_eq!(refusal(&with_roles(), &none, &harmless), None, "{harmless}");
    }
    assert_eq!(refusal(&pool(&json!({})), &json!({"task_role_arn": null, "image": "a"}), &none), None);
    // A reference of the pool's own is the same in every run.
    let referring = pool(&json!({"task_role_arn": "{{ prefect.variables.role }}"}));
    assert_eq!(refusal(&referring, &json!({"cpu": 512}), &none), None);
}

#[test]
fn there_is_no_way_around_it() {
    let none = json!({});
    let custom = |configuration: Value, properties: Value| {
        let template = json!({"job_configuration": configuration, "variables": {"properties": properties}});
        BaseJobTemplate::from_value(&template).unwrap()
    };
    let of_object = custom(
        json!({"task_definition": "{{ definition }}", "task_run_request": {"overrides": "{{ overrides }}"}}),
        json!({"definition": {"default": {"taskRoleArn": POOL_ROLE}}, "overrides": {}}),
    );
    let of_parts = custom(
        json!({"task_definition": {"taskRoleArn": "arn:aws:iam::111122223333:role/{{ team }}"},
            "task_run_request": {"overrides": {"taskRoleArn": "{{ roles.task }}"}}}),
        json!({"team": {"default": "pool"}, "roles": {"default": {"task": POOL_ROLE}}}),
    );
    let block = json!({"$ref": {"block_document_id": "7f2c1f0e-0000-4000-8000-000000000001"}});
    for (template, variables) in [
        (&of_object, json!({"definition": {"taskRoleArn": OTHER_ROLE}})),
        (&of_object, json!({"definition": {"executionRoleArn": OTHER_ROLE, "taskRoleArn": POOL_ROLE}})),
        (&of_object, json!({"overrides": {"taskRoleArn": OTHER_ROLE}})),
        (&of_object, json!({"overrides": {"executionRoleArn": OTHER_ROLE}})),
        (&of_object, json!({"overrides.taskRoleArn": OTHER_ROLE})),
        (&of_object, json!({"overrides": "{{ prefect.blocks.json.overrides }}"})),
        (&of_object, json!({"overrides": block})),
        (&of_object, json!({"definition": block})),
        (&of_parts, json!({"team": "other"})),
        (&of_parts, json!({"roles": {"task": OTHER_ROLE}})),
        (&of_parts, json!({"roles.task": "{{ prefect.variables.role }}"})),
    ] {
        for (deployment, flow_run) in [(&variables, &none), (&none, &variables)] {
            assert_eq!(refusal(template, deployment, flow_run).map(|it| it.0), Some("PP0223"), "{variables}");
        }
        assert_eq!(refusal(template, &none, &none), None);
    }
}
