//! The template `{}` means is the one of prefect-aws 0.7.12 in everything but its texts.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences};

/// Without `title` and `description` where those are keywords of a schema, not names of properties.
fn without_texts(value: &Value, is_names: bool) -> Value {
    match value {
        Value::Object(entries) => entries
            .iter()
            .filter(|(key, _)| is_names || !matches!(key.as_str(), "title" | "description"))
            .map(|(key, entry)| {
                let names = !is_names && matches!(key.as_str(), "properties" | "definitions");
                (key.clone(), without_texts(entry, names))
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| without_texts(item, false)).collect(),
        other => other.clone(),
    }
}

fn built_in() -> Value {
    serde_json::from_str(include_str!("../../src/built_in.json")).unwrap()
}

#[test]
fn names_types_defaults_and_configuration_are_those_of_prefect_aws() {
    let reference: Value = serde_json::from_str(include_str!("../prefect-aws-0.7.12.shape.json")).unwrap();
    let ours = built_in();
    assert_eq!(ours["job_configuration"], reference["job_configuration"]);
    assert_eq!(without_texts(&ours["variables"], false), reference["variables"]);
}

#[test]
fn every_variable_is_described() {
    for (name, schema) in built_in()["variables"]["properties"].as_object().unwrap() {
        for keyword in ["title", "description"] {
            assert!(schema[keyword].as_str().is_some_and(|text| text.len() >= 3), "{name} has no {keyword}");
        }
    }
}

#[test]
fn an_empty_template_means_it() {
    let read = |template: Value| BaseJobTemplate::from_value(&template).unwrap();
    let render = |template: BaseJobTemplate| template.render(Layers::default(), &NoReferences).unwrap();
    assert_eq!(render(read(json!({}))), render(BaseJobTemplate::built_in()));
    assert_eq!(render(read(built_in())), render(BaseJobTemplate::built_in()));
    BaseJobTemplate::built_in().validate(Layers::default()).unwrap();
}
