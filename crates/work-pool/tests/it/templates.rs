//! Templates of every age, and what is no template.

use serde_json::json;
use work_pool::{BaseJobTemplate, Layers, NoReferences};

use crate::common::render;

#[test]
fn what_is_no_template_is_refused() {
    for (template, code, detail) in [
        (json!(null), "PP0101", "the base job template is null, not an object"),
        (json!([{}]), "PP0101", "the base job template is an array, not an object"),
        (json!({"variables": {}}), "PP0102", "`job_configuration` of the base job template is missing, not an object"),
        (
            json!({"job_configuration": "{{ x }}"}),
            "PP0102",
            "`job_configuration` of the base job template is a string, not an object",
        ),
        (
            json!({"job_configuration": {}, "variables": 5}),
            "PP0103",
            "`variables` of the base job template is an integer, not an object",
        ),
        (
            json!({"job_configuration": {}, "variables": {"properties": []}}),
            "PP0103",
            "`variables.properties` of the base job template is an array, not an object",
        ),
        (
            json!({"job_configuration": {"env": {}}, "variables": {"properties": {"env": {"default": "x"}}}}),
            "PP0107",
            "`env default of the pool` is a string, not an object",
        ),
    ] {
        let diagnosis = BaseJobTemplate::from_value(&template).unwrap_err().diagnosis();
        assert_eq!((diagnosis.code.id(), diagnosis.detail.as_str()), (code, detail), "{template}");
        assert_eq!(diagnosis.summary, diagnosis.code.summary());
    }
}

/// The template in the server's bundled collection is from the time of pydantic 1: no `anyOf`, `stream_output` and
/// two timeouts as variables, no secret ARNs.
#[test]
fn an_old_template_renders_what_it_has() {
    let old = BaseJobTemplate::from_value(&json!({
        "job_configuration": {
            "command": "{{ command }}", "env": "{{ env }}", "labels": "{{ labels }}", "name": "{{ name }}",
            "stream_output": "{{ stream_output }}",
            "task_start_timeout_seconds": "{{ task_start_timeout_seconds }}",
            "task_definition": {"cpu": "{{ cpu }}", "family": "{{ family }}"}
        },
        "variables": {
            "type": "object",
            "properties": {
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "cpu": {"type": "integer"},
                "stream_output": {"type": "boolean"},
                "task_start_timeout_seconds": {"type": "integer", "default": 300}
            }
        }
    }))
    .unwrap();
    let rendered = render(&old, json!({"cpu": 256, "prefect_api_key_secret_arn": "arn"}), json!({}), &NoReferences);
    assert_eq!(
        serde_json::Value::Object(rendered.unwrap().values),
        json!({"task_start_timeout_seconds": 300, "task_definition": {"cpu": 256}})
    );
}

#[test]
fn anything_a_template_puts_in_comes_through() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"task_run_request": {"enableExecuteCommand": "{{ exec }}", "x": ["{{ a }}-{{ a[0] }}"]}},
        "variables": {"properties": {"exec": {"default": true}, "odd": true}},
        "unknown": {"key": 1}
    }))
    .unwrap();
    let rendered = template.render(Layers::default(), &NoReferences).unwrap();
    assert_eq!(
        serde_json::Value::Object(rendered.values),
        json!({"task_run_request": {"enableExecuteCommand": true, "x": ["-"]}})
    );
    let rendered = render(&template, json!({"a": ["é"]}), json!({"exec": false}), &NoReferences).unwrap();
    assert_eq!(rendered.values["task_run_request"], json!({"enableExecuteCommand": false, "x": ["['é']-é"]}));
}
