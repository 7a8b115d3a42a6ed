//! Job configurations as `BaseJobConfiguration.from_template_and_values` of prefect 3.9.1 built them.

use std::collections::BTreeMap;

use crate::common::{Server, object};
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, JobConfiguration, Layers, NoReferences, Resolver, WorkPoolError};

/// The four fields of the base class, with these differences.
fn template(configuration: Value, properties: Value) -> BaseJobTemplate {
    let mut job_configuration = object(json!({
        "command": "{{ command }}", "env": "{{ env }}", "labels": "{{ labels }}", "name": "{{ name }}"
    }));
    job_configuration.extend(object(configuration));
    let mut all = object(json!({
        "command": {"type": "string"}, "env": {"type": "object"}, "labels": {"type": "object"}, "name": {"type": "string"}
    }));
    all.extend(object(properties));
    BaseJobTemplate::from_value(&json!({
        "job_configuration": job_configuration, "variables": {"type": "object", "properties": all}
    }))
    .unwrap()
}

fn pool_env(default: Value) -> Value {
    json!({"env": {"type": "object", "default": default}})
}

fn render_with(
    template: &BaseJobTemplate,
    deployment: Value,
    resolver: &dyn Resolver,
) -> Result<JobConfiguration, WorkPoolError> {
    template.render(Layers { deployment: Some(&object(deployment)), flow_run: None }, resolver)
}

/// Renders and fills the fields that are absent as the base class does.
fn render(template: &BaseJobTemplate, deployment: Value) -> Value {
    let rendered = render_with(template, deployment, &NoReferences).unwrap();
    let mut all = object(json!({"command": null, "env": {}, "labels": {}, "name": null}));
    all.extend(rendered.values);
    all.into()
}

#[test]
fn case_1_nothing() {
    assert_eq!(
        render(&template(json!({}), json!({})), json!({})),
        json!({"command": null, "env": {}, "labels": {}, "name": null})
    );
}

/// Prefect puts the worker's own environment in here. We do not: see the crate's documentation.
#[test]
fn case_2_environment_values_are_templates_if_the_pool_has_a_default() {
    let rendered = render(
        &template(json!({}), pool_env(json!({"A": "pool", "B": "pool"}))),
        json!({"env": {"B": "dep", "C": "{{ $PATH }}", "D": "{{ name }}", "E": "x{{ $PATH }}y"}, "name": "nm"}),
    );
    assert_eq!(rendered["env"], json!({"A": "pool", "B": "dep", "C": "", "D": "nm", "E": "xy"}));
    assert_eq!(rendered["name"], json!("nm"));
}

#[test]
fn case_3_environment_values_are_not_templates_without_a_default() {
    let rendered = render(
        &template(json!({}), json!({})),
        json!({"env": {"C": "{{ $LAMBDA_SECRET }}", "D": "{{ name }}"}, "name": "nm"}),
    );
    assert_eq!(rendered["env"], json!({"C": "{{ $LAMBDA_SECRET }}", "D": "{{ name }}"}));
}

#[test]
fn case_4_dotted_keys_merge_and_the_nested_form_wins() {
    let rendered = render(
        &template(json!({}), pool_env(json!({"A": "pool"}))),
        json!({"env.X": "dotted", "env.Y": 2, "env": {"X": "nested-wins"}}),
    );
    assert_eq!(rendered["env"], json!({"A": "pool", "X": "nested-wins", "Y": "2"}));
}

#[test]
fn case_5_labels_are_replaced_not_merged() {
    let pool = template(json!({}), json!({"labels": {"type": "object", "default": {"p": "1"}}}));
    assert_eq!(render(&pool, json!({"labels": {"q": "2"}}))["labels"], json!({"q": "2"}));
    assert_eq!(render(&pool, json!({}))["labels"], json!({"p": "1"}));
}

#[test]
fn case_6_null_unsets_an_environment_variable() {
    let rendered = render(&template(json!({}), pool_env(json!({"A": "pool"}))), json!({"env": {"A": null}}));
    assert_eq!(rendered["env"], json!({"A": null}));
}

#[test]
fn case_7_an_environment_in_the_template_merges() {
    let pool = template(
        json!({"env": {"H": "h", "I": "{{ image }}"}}),
        json!({"image": {"type": "string", "default": "img"}}),
    );
    let rendered = render(&pool, json!({"env": {"H": "o", "Z": "z"}}));
    assert_eq!(rendered["env"], json!({"H": "o", "I": "img", "Z": "z"}));
}

#[test]
fn case_8_references_are_resolved_in_values() {
    let server = Server {
        blocks: BTreeMap::from([(("secret", "tok"), json!({"value": "tok123"}))]),
        variables: BTreeMap::from([("v", json!("plain"))]),
        ..Server::default()
    };
    let rendered = render_with(
        &template(json!({}), json!({})),
        json!({
            "name": "{{ prefect.variables.v }}",
            "env": {
                "S": "{{ prefect.blocks.secret.tok }}",
                "U": "u-{{ prefect.blocks.secret.tok }}-{{ prefect.variables.missing }}"
            }
        }),
        &server,
    )
    .unwrap();
    assert_eq!(rendered.values["env"], json!({"S": "tok123", "U": "u-tok123-"}));
    assert_eq!(rendered.values["name"], json!("plain"));
}

#[test]
fn case_9_a_missing_block_is_an_error() {
    let pool = template(json!({}), json!({}));
    let error = render_with(&pool, json!({"env": {"S": "{{ prefect.blocks.secret.nope }}"}}), &Server::default());
    let diagnosis = error.unwrap_err().diagnosis();
    assert_eq!(diagnosis.code, "PP0109");
    assert_eq!(
        diagnosis.detail,
        "block `nope` of type `secret`, named at `/env/S` of the job configuration: it does not exist"
    );
}

#[test]
fn cases_10_and_11_unknown_variables_and_null_defaults_change_nothing() {
    let pool = template(json!({}), json!({"name": {"default": null}}));
    assert_eq!(
        render(&pool, json!({"unknown": 1, "also": {"x": "{{ y }}"}})),
        json!({"command": null, "env": {}, "labels": {}, "name": null})
    );
    // Absent rather than null: nobody gave a value.
    assert!(!render_with(&pool, json!({}), &NoReferences).unwrap().values.contains_key("name"));
}

#[test]
fn case_12_explicit_null_overrides_a_default() {
    let pool = template(json!({"x": "{{ name }}", "y": "-{{ name }}-"}), json!({"name": {"default": "n"}}));
    let rendered = render(&pool, json!({"name": null}));
    assert_eq!((&rendered["name"], &rendered["x"], &rendered["y"]), (&json!(null), &json!(null), &json!("-None-")));
}

#[test]
fn case_13_environment_values_become_strings_as_in_python() {
    let rendered = render(
        &template(json!({"raw": "{{ env }}"}), json!({})),
        json!({"env": {"N": 5, "B": true, "F": 1.0, "D": {"a": [null]}, "Z": null}}),
    );
    assert_eq!(rendered["env"], json!({"N": "5", "B": "True", "F": "1.0", "D": "{'a': [None]}", "Z": null}));
    assert_eq!(rendered["raw"]["N"], json!(5), "only the field `env` itself is coerced");
}

#[test]
fn case_14_labels_must_be_strings() {
    let error = render_with(&template(json!({}), json!({})), json!({"labels": {"a": 5}}), &NoReferences);
    let diagnosis = error.unwrap_err().diagnosis();
    assert_eq!(diagnosis.code, "PP0108");
    assert_eq!(diagnosis.detail, "`labels.a` of the job configuration is an integer; allowed: string");
}

#[test]
fn case_15_an_empty_environment_leaves_the_default() {
    let rendered = render(&template(json!({}), pool_env(json!({"A": "pool"}))), json!({"env": {}}));
    assert_eq!(rendered["env"], json!({"A": "pool"}));
}

/// The last block of the record: the built-in template with a handful of variables.
#[test]
fn the_built_in_template_renders_as_in_prefect() {
    let rendered = render_with(
        &BaseJobTemplate::from_value(&json!({})).unwrap(),
        json!({"env": {"A": "1"}, "labels": {"l": "v"}, "image": "i:1", "cpu": 512, "memory": 1024, "cluster": "c"}),
        &NoReferences,
    )
    .unwrap();
    assert_eq!(
        Value::Object(rendered.values),
        json!({
            "env": {"A": "1"},
            "labels": {"l": "v"},
            "task_definition": {"containerDefinitions": [{"image": "i:1"}], "cpu": 512, "memory": 1024},
            "task_run_request": {
                "cluster": "c",
                "launchType": "FARGATE",
                "overrides": {
                    "containerOverrides": [{"cpu": 512, "environment": {"A": "1"}, "memory": 1024}],
                    "cpu": 512,
                    "memory": 1024
                },
                "tags": {"l": "v"}
            },
            "stream_output": false,
            "task_start_timeout_seconds": 0,
            "task_watch_poll_interval": 0,
            "auto_deregister_task_definition": false,
            "cluster": "c",
            "match_latest_revision_in_family": false
        })
    );
}
