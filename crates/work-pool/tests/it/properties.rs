//! What holds for any input.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use work_pool::{BaseJobTemplate, Layers, Object, ResolveError, Resolver, WorkPoolError};

/// Answers everything, with something to resolve further.
struct Anything;

impl Resolver for Anything {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        Ok(json!({"id": id, "v": "{{ prefect.variables.a }}"}))
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        if name == "c" { Err(ResolveError::NotFound) } else { Ok(json!({"value": [type_slug, name]})) }
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok((name != "b").then(|| json!(name)))
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{{ a }}".to_owned()),
        Just("{{ env }}".to_owned()),
        Just("x{{ b.a }}{{ c[0] }}".to_owned()),
        Just("{{ $PATH }}".to_owned()),
        Just("{{ prefect.variables.a }}".to_owned()),
        Just("-{{ prefect.variables.b }}{{ a }}".to_owned()),
        Just("{{ prefect.blocks.a.b }}".to_owned()),
        Just("{{ prefect.blocks.a.c }}".to_owned()),
        Just("{{ prefect.blocks.a.b[1] }}".to_owned()),
        "[a-c{} .$\\[\\]0é'\"\\\\]{0,12}",
        any::<String>(),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[abc]",
        2 => Just("env".to_owned()),
        1 => "env\\.[abc]",
        1 => "[abc]\\.[abc](\\.[abc])?",
        1 => prop::sample::select(vec!["$ref", "block_document_id", "aws_credentials", "labels", "default", "type", "a/b~c", ""])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Object> {
    prop::collection::vec((key(), value()), 0..6).prop_map(|entries| entries.into_iter().collect::<Map<_, _>>())
}

/// A schema that is often one.
fn schema() -> impl Strategy<Value = Value> {
    let property = prop_oneof![
        prop::sample::select(vec!["string", "integer", "object", "array", "boolean"])
            .prop_map(|name| json!({"type": name})),
        value().prop_map(|default| json!({"default": default})),
        (value(), Just("object")).prop_map(|(default, name)| json!({"type": name, "default": default})),
        value(),
    ];
    let properties = prop::collection::vec((key(), property), 0..5);
    let properties = properties.prop_map(|entries| Value::Object(entries.into_iter().collect()));
    prop_oneof![
        4 => properties.prop_map(|properties| json!({"type": "object", "properties": properties})),
        1 => value(),
    ]
}

fn template() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (object(), schema()).prop_map(|(job_configuration, variables)| {
            json!({"job_configuration": job_configuration, "variables": variables})
        }),
        1 => Just(json!({})),
        1 => value(),
    ]
}

fn check_code(error: &WorkPoolError) {
    let diagnosis = error.diagnosis();
    assert!(diagnosis.code.id().starts_with("PP01"), "{diagnosis:?}");
    assert_eq!(diagnosis.summary, diagnosis.code.summary());
    assert!(!diagnosis.resolution.is_empty());
}

/// Pointers of the leaves of a configuration, an entry of `env` being one leaf.
fn leaves(at: &str, value: &Value, out: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        Value::Object(entries) => {
            entries.iter().map(|(key, entry)| (key.replace('~', "~0").replace('/', "~1"), entry)).collect()
        }
        _ => Vec::new(),
    };
    if inner.is_empty() && !at.is_empty() {
        out.push(at.to_owned());
    }
    inner.into_iter().for_each(|(token, entry)| leaves(&format!("{at}/{token}"), entry, out));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_an_answer_or_a_coded_error(template in template(), deployment in object(), flow_run in object()) {
        let template = match BaseJobTemplate::from_value(&template) {
            Ok(template) => template,
            Err(error) => {
                check_code(&error);
                return Ok(());
            }
        };
        let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
        if let Err(error) = template.validate(layers) {
            check_code(&error);
        }
        let rendered = template.render(layers, &Anything);
        match &rendered {
            Err(error) => check_code(error),
            Ok(configuration) => {
                for environment in [configuration.values.get("env").and_then(Value::as_object), Some(&configuration.shared_env)] {
                    prop_assert!(environment.into_iter().flatten().all(|(_, value)| value.is_string() || value.is_null()));
                }
                // Every rendered leaf has a source, and every source is at or above a leaf.
                let sources = template.sources(layers);
                let mut found = Vec::new();
                leaves("", &Value::Object(configuration.values.clone()), &mut found);
                for pointer in found.iter().filter(|pointer| *pointer != "/aws_credentials") {
                    prop_assert!(sources.get(pointer).is_some(), "{pointer} has no source: {sources:?}");
                }
                for source in &sources {
                    prop_assert!(
                        Value::Object(configuration.values.clone()).pointer(&source.pointer).is_some(),
                        "{} is not in {:?}", source.pointer, configuration.values
                    );
                }
            }
        }
    }

    #[test]
    fn rendering_depends_on_nothing_but_its_input(
        template in template(), one in (object(), object()), other in (object(), object())
    ) {
        let Ok(first) = BaseJobTemplate::from_value(&template) else { return Ok(()) };
        let render = |template: &BaseJobTemplate, (deployment, flow_run): &(Object, Object)| {
            template.render(Layers { deployment: Some(deployment), flow_run: Some(flow_run) }, &Anything)
        };
        let before = render(&first, &one);
        let _ = render(&first, &other);
        prop_assert_eq!(&render(&first, &one), &before);
        // The order of keys, too: a task definition is named by its content.
        let again = BaseJobTemplate::from_value(&template).unwrap();
        let written = |rendered: &Result<work_pool::JobConfiguration, WorkPoolError>| {
            rendered.as_ref().ok().map(|it| serde_json::to_string(&(&it.values, &it.shared_env)).unwrap())
        };
        prop_assert_eq!(written(&render(&again, &one)), written(&before));
    }

    #[test]
    fn what_is_shared_does_not_depend_on_the_run(template in template(), deployment in object(), flow_run in object()) {
        let Ok(template) = BaseJobTemplate::from_value(&template) else { return Ok(()) };
        let of = |flow_run: Option<&Object>| template.render(Layers { deployment: Some(&deployment), flow_run }, &Anything);
        if let (Ok(with), Ok(without)) = (of(Some(&flow_run)), of(None)) {
            prop_assert_eq!(&with.shared_env, &without.shared_env);
            let mut env = without.values.get("env").and_then(Value::as_object).cloned().unwrap_or_default();
            env.retain(|name, _| !without.private_env.contains(name));
            prop_assert_eq!(env, without.shared_env);
        }
    }
}
