//! Input that would grow or descend without end.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences, ResolveError, Resolver, references_in};

use crate::common::{object, render};

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("x"), |inner, _| json!([inner]))
}

fn template(configuration: Value) -> BaseJobTemplate {
    BaseJobTemplate::from_value(&json!({"job_configuration": configuration, "variables": {"type": "object"}})).unwrap()
}

/// Code of every way to use the template.
fn codes(template: &BaseJobTemplate, deployment: Value) -> [Option<&'static str>; 2] {
    let deployment = object(deployment);
    let layers = Layers { deployment: Some(&deployment), flow_run: None };
    let _ = template.sources(layers);
    let _ = template.references(layers);
    [
        template.render(layers, &NoReferences).err().map(|error| error.diagnosis().code.id()),
        template.validate(layers).err().map(|error| error.diagnosis().code.id()),
    ]
}

#[test]
fn deep_templates_are_refused() {
    for deep in [
        json!({"job_configuration": {"x": nested(1000)}}),
        json!({"job_configuration": {}, "variables": {"properties": {"a": {"default": nested(1000)}}}}),
    ] {
        assert_eq!(BaseJobTemplate::from_value(&deep).unwrap_err().diagnosis().code, "PP0112");
    }
    assert!(BaseJobTemplate::from_value(&json!({"job_configuration": {"x": nested(90)}})).is_ok());
}

#[test]
fn deep_job_variables_are_refused() {
    let pool = template(json!({"x": "{{ a }}", "y": "-{{ a }}"}));
    assert_eq!(codes(&pool, json!({"a": nested(90)})), [None, None]);
    assert_eq!(codes(&pool, json!({"a": nested(1000)})), [Some("PP0112"), Some("PP0112")]);
    let dots = "a.".repeat(5000) + "b";
    assert_eq!(codes(&pool, json!({dots: 1})), [Some("PP0112"), Some("PP0112")]);
    assert_eq!(codes(&pool, json!({"a.b": nested(1000), "a": {"b": nested(1000)}})), [Some("PP0112"), Some("PP0112")]);
    // Each fits alone, not one inside the other.
    let inside = template(json!({"x": {"y": {"z": {"env": ["{{ a }}"]}}}}));
    assert_eq!(codes(&inside, json!({"a": nested(99)})), [Some("PP0112"), None]);
}

#[test]
fn bombs_are_refused() {
    let text = template(json!({"x": "{{ a }}".repeat(100_000)}));
    assert_eq!(codes(&text, json!({"a": "x".repeat(100_000)})), [Some("PP0113"), None]);
    let list = template(json!({"x": vec!["{{ a }}"; 10_000]}));
    assert_eq!(codes(&list, json!({"a": vec![0; 10_000]})), [Some("PP0113"), None]);
    let empty = template(json!({"x": vec!["{{ a }}"; 200_000]}));
    assert_eq!(codes(&empty, json!({"a": {}})), [Some("PP0113"), None]);
    // Values of the environment are templates here, and become strings.
    let pool = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"env": {"A": "x"}}, "variables": {"properties": {}}
    }))
    .unwrap();
    let long = "{{ b }}".repeat(2000);
    assert_eq!(codes(&pool, json!({"env": {"A": long}, "b": "x".repeat(2000)})), [Some("PP0113"), None]);
    let quotes = json!({"env": {"A": ["\u{1}".repeat(400_000)]}});
    assert_eq!(codes(&pool, quotes), [Some("PP0113"), None]);
}

#[test]
fn searching_for_placeholders_takes_no_more_than_one_pass() {
    for text in
        ["{".repeat(500_000), "{{ ".repeat(150_000), "{{a".repeat(150_000), format!("{{{{{}", " ".repeat(500_000))]
    {
        assert_eq!(codes(&template(json!({"x": text})), json!({"a": 1})), [None, None]);
    }
}

struct Endless;

impl Resolver for Endless {
    fn block_document(&self, _: &str) -> Result<Value, ResolveError> {
        Ok(nested(1000))
    }

    fn block(&self, _: &str, _: &str) -> Result<Value, ResolveError> {
        Ok(json!({"value": nested(1000)}))
    }

    fn variable(&self, _: &str) -> Result<Option<Value>, ResolveError> {
        Ok(Some(json!("x".repeat(1000))))
    }
}

#[test]
fn what_the_server_puts_in_is_bounded_as_well() {
    for (value, code) in [
        (json!({"$ref": {"block_document_id": "x"}}), "PP0112"),
        (json!("{{ prefect.blocks.a.b }}"), "PP0112"),
        (json!("{{ prefect.variables.a }} ".repeat(2000)), "PP0113"),
    ] {
        let error = render(&template(json!({"x": value})), json!({}), json!({}), &Endless).unwrap_err();
        assert_eq!(error.diagnosis().code, code);
    }
    assert!(references_in(&nested(1000)).is_empty());
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {"A": {"$ref": "#/definitions/A"}}}),
        json!({"properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {
            "A": {"anyOf": [{"$ref": "#/definitions/B"}, {"type": "integer"}]}, "B": {"allOf": [{"$ref": "#/definitions/A"}]}
        }}),
        json!({"properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {
            "A": {"type": "array", "items": {"$ref": "#/definitions/A"}}
        }}),
    ] {
        let template =
            BaseJobTemplate::from_value(&json!({"job_configuration": {"x": 1}, "variables": schema})).unwrap();
        let deployment = object(json!({"a": nested(50)}));
        let _ = template.validate(Layers { deployment: Some(&deployment), flow_run: None });
    }
}
