//! Job variables that end up nowhere.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers};

use crate::common::object;

fn unused(template: &BaseJobTemplate, deployment: Value, flow_run: Value) -> Vec<String> {
    let (deployment, flow_run) = (object(deployment), object(flow_run));
    let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
    template.unused(layers).iter().map(ToString::to_string).collect()
}

#[test]
fn a_misspelt_variable_is_named_with_the_nearest_that_has_an_effect() {
    let template = BaseJobTemplate::built_in();
    assert_eq!(
        unused(
            &template,
            json!({"memroy": 8192, "image": "acme/etl:9", "env.A": "1"}),
            json!({"blaa": 1, "memory": null})
        ),
        [
            "The job variable `memroy` (deployment) has no effect: the base job template has no such variable. Did you mean \
             `memory`?",
            "The job variable `blaa` (flow run) has no effect: the base job template has no such variable.",
        ]
    );
    assert_eq!(unused(&template, json!({"cpu": 256, "gone": null}), json!({})), Vec::<String>::new());
}

#[test]
fn a_variable_that_is_declared_and_named_nowhere_has_no_effect() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"task_definition": {"containerDefinitions": [{"name": "{{ container_name }}"}]}},
        "variables": {"properties": {"image": {}, "container_name": {}, "cluster": {"default": "etl"}}}
    }))
    .unwrap();
    assert_eq!(
        unused(&template, json!({"image": "acme/etl:9", "container_name": "a"}), json!({})),
        [
            "The job variable `image` (deployment) has no effect: the base job template declares it, and its \
             job_configuration has no {{ image }}.",
            "The job variable `cluster` (pool default) has no effect: the base job template declares it, and its \
             job_configuration has no {{ cluster }}.",
        ]
    );
}

#[test]
fn values_of_the_environment_are_templates_too() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"env": {"A": "{{ a }}"}},
        "variables": {"properties": {}}
    }))
    .unwrap();
    let given = json!({"a": 1, "b": 2, "c": 3, "env": {"B": "x-{{ b[0] }}"}, "env.C": "{{ c }}"});
    assert_eq!(unused(&template, given, json!({})), Vec::<String>::new());
    let without =
        BaseJobTemplate::from_value(&json!({"job_configuration": {"command": "x"}, "variables": {}})).unwrap();
    assert_eq!(unused(&without, json!({"env": {"A": "1"}}), json!({})).len(), 1, "a template without `env` drops it");
}

#[test]
fn names_of_any_length_are_answered_in_no_time() {
    let long = "é".repeat(10_000);
    let mut given = object(json!({}));
    for index in 0..100 {
        given.insert(format!("{long}{index}"), json!(1));
    }
    let layers = Layers { deployment: Some(&given), flow_run: None };
    assert_eq!(BaseJobTemplate::built_in().unused(layers).len(), 20);
}
