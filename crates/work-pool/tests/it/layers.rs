//! How the layers merge, and what runs of a deployment share.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences};

use crate::common::{Server, object, render};

fn template(env: Option<Value>, default: Option<Value>) -> BaseJobTemplate {
    let mut env_schema = object(json!({"type": "object"}));
    env_schema.extend(default.map(|default| ("default".to_owned(), default)));
    let mut configuration = object(json!({"labels": "{{ labels }}", "seen": "{{ env }}", "image": "{{ image }}"}));
    configuration.extend(env.map(|env| ("env".to_owned(), env)));
    BaseJobTemplate::from_value(&json!({
        "job_configuration": configuration,
        "variables": {"properties": {"env": env_schema, "image": {"default": "pool-image"}}}
    }))
    .unwrap()
}

fn plain() -> BaseJobTemplate {
    template(Some(json!("{{ env }}")), None)
}

#[test]
fn only_the_environment_of_run_and_deployment_merges() {
    let rendered = render(
        &plain(),
        json!({"env": {"A": "d", "B": "d"}, "labels": {"a": "d"}}),
        json!({"env": {"B": "r", "C": null}, "labels": {"b": "r"}}),
        &NoReferences,
    )
    .unwrap();
    assert_eq!(rendered.values["env"], json!({"A": "d", "B": "r", "C": null}));
    assert_eq!(rendered.values["labels"], json!({"b": "r"}));
    assert_eq!(Value::Object(rendered.shared_env), json!({"A": "d", "B": "d"}));
}

#[test]
fn an_environment_of_the_run_stands_alone_without_one_of_the_deployment() {
    let rendered = render(&plain(), json!({"env": null}), json!({"env": {"B": "r"}}), &NoReferences).unwrap();
    assert_eq!(rendered.values["env"], json!({"B": "r"}));
    assert!(rendered.shared_env.is_empty());
    let rendered = render(&plain(), json!({"env": {"A": "d"}}), json!({"env": []}), &NoReferences).unwrap();
    assert_eq!(rendered.values["env"], json!({"A": "d"}));
}

#[test]
fn an_environment_that_is_no_object_is_refused() {
    for (deployment, flow_run, place) in [
        (json!({"env": {}}), json!({"env": [["A", "1"]]}), "`env of the flow run` is an array"),
        (json!({"env": "x"}), json!({}), "`env of the job configuration` is a string"),
    ] {
        let diagnosis = render(&plain(), deployment, flow_run, &NoReferences).unwrap_err().diagnosis();
        assert_eq!(diagnosis.code, "PP0107");
        assert!(diagnosis.detail.starts_with(place), "{}", diagnosis.detail);
    }
    let pool = template(Some(json!("{{ env }}")), Some(json!({"A": "pool"})));
    let diagnosis = render(&pool, json!({"env": 5}), json!({}), &NoReferences).unwrap_err().diagnosis();
    assert_eq!((diagnosis.code.id(), diagnosis.detail.as_str()), ("PP0107", "`env` is an integer, not an object"));
}

#[test]
fn null_unsets_the_environment_and_the_labels() {
    let env = |deployment, flow_run| {
        render(&plain(), deployment, flow_run, &NoReferences).unwrap().values.get("env").cloned()
    };
    assert_eq!(env(json!({"env": null}), json!({})), None);
    assert_eq!(env(json!({"env": {"A": "1"}}), json!({"env": null})), Some(json!({"A": "1"})), "the run adds nothing");
    let built_in = BaseJobTemplate::built_in();
    let deployment = object(json!({"labels": null, "env": null, "launch_type": null, "network_configuration": null}));
    let layers = Layers { deployment: Some(&deployment), flow_run: None };
    built_in.validate(layers).unwrap();
    let rendered = built_in.render(layers, &NoReferences).unwrap();
    assert_eq!((rendered.values.get("labels"), rendered.values.get("env")), (None, None));
}

#[test]
fn an_environment_default_reaches_the_field_but_not_the_placeholder() {
    let pool = template(Some(json!({"T": "t", "A": "t"})), Some(json!({"A": "pool", "I": "{{ image }}"})));
    let rendered = render(&pool, json!({"env": {"D": "{{ image }}"}}), json!({}), &NoReferences).unwrap();
    assert_eq!(rendered.values["env"], json!({"T": "t", "A": "pool", "I": "pool-image", "D": "pool-image"}));
    assert_eq!(rendered.values["seen"], json!({"D": "{{ image }}"}), "elsewhere the variable replaces its default");
    // No `env` in the template at all: the default adds it.
    let pool = template(None, Some(json!({"A": "pool"})));
    let rendered = render(&pool, json!({}), json!({}), &NoReferences).unwrap();
    assert_eq!(rendered.values["env"], json!({"A": "pool"}));
    assert!(
        !render(&template(None, None), json!({"env": {"A": 1}}), json!({}), &NoReferences)
            .unwrap()
            .values
            .contains_key("env")
    );
}

#[test]
fn order_is_that_of_writing() {
    let pool = template(Some(json!({"Z": "1", "A": "{{ env }}"})), Some(json!({"M": "2", "Z": "3"})));
    let rendered = render(&pool, json!({"env": {"y": 1, "b": {"q": 1, "a": 2}}}), json!({}), &NoReferences).unwrap();
    let names: Vec<&String> = rendered.values["env"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["Z", "A", "M", "y", "b"]);
    assert_eq!(rendered.values["env"]["A"], json!("{'y': 1, 'b': {'q': 1, 'a': 2}}"));
}

#[test]
fn dotted_keys_of_both_layers_come_before_nested_ones_of_either() {
    let rendered = render(
        &plain(),
        json!({"env": {"A": "deployment"}, "env.B": "d", "labels.x": "1"}),
        json!({"env.A": "run", "env.B": "r", "labels": {"y": "2"}}),
        &NoReferences,
    )
    .unwrap();
    assert_eq!(rendered.values["env"], json!({"A": "deployment", "B": "r"}));
    assert_eq!(rendered.values["labels"], json!({"x": "1", "y": "2"}));
    assert_eq!(Value::Object(rendered.shared_env), json!({"A": "deployment", "B": "d"}));
}

#[test]
fn a_dotted_key_through_a_value_is_refused() {
    let diagnosis = render(&plain(), json!({"labels.a": "1", "labels.a.b": "2"}), json!({}), &NoReferences)
        .unwrap_err()
        .diagnosis();
    assert_eq!(diagnosis.code, "PP0106");
    assert_eq!(diagnosis.detail, "job variable `labels.a.b` reaches into a value that is not an object");
    // The other way round the later key replaces the object.
    let rendered = render(&plain(), json!({"labels.a.b": "2", "labels.a": "1"}), json!({}), &NoReferences).unwrap();
    assert_eq!(rendered.values["labels"], json!({"a": "1"}));
    // A plain value wins over dotted keys altogether.
    let rendered = render(&plain(), json!({"image.tag": "x"}), json!({"image": "i"}), &NoReferences).unwrap();
    assert_eq!(rendered.values["image"], json!("i"));
}

#[test]
fn shared_environment_is_what_another_run_would_have() {
    let pool = template(Some(json!({"I": "{{ image }}"})), Some(json!({"P": "pool"})));
    let deployment = json!({"env": {"D": 1, "N": null}});
    let one =
        render(&pool, deployment.clone(), json!({"image": "other", "env": {"D": 2, "R": "x"}}), &NoReferences).unwrap();
    let other = render(&pool, deployment.clone(), json!({}), &NoReferences).unwrap();
    assert_eq!(one.values["env"], json!({"I": "other", "P": "pool", "D": "2", "N": null, "R": "x"}));
    assert_eq!(Value::Object(one.shared_env.clone()), json!({"I": "pool-image", "P": "pool", "D": "1", "N": null}));
    assert_eq!(one.shared_env, other.shared_env);
    assert_eq!(other.values["env"], Value::Object(other.shared_env.clone()));
    let deployment = object(deployment);
    let without = pool.render(Layers { deployment: Some(&deployment), flow_run: None }, &NoReferences).unwrap();
    assert_eq!(without, other);
}

/// A run may replace what the deployment cannot render; that must not fail the run.
#[test]
fn what_cannot_be_shared_is_left_out() {
    let deployment = json!({"env": {"S": "{{ prefect.blocks.secret.gone }}", "A": "a"}});
    let rendered = render(&plain(), deployment, json!({"env": {"S": "mine"}}), &Server::default()).unwrap();
    assert_eq!(rendered.values["env"], json!({"S": "mine", "A": "a"}));
    assert_eq!(Value::Object(rendered.shared_env), json!({"A": "a"}));
}

#[test]
fn debug_output_shows_no_values() {
    let deployment = json!({"env": {"NAME": "canary-5up3r"}});
    let pool = template(Some(json!({})), Some(json!({"P": "canary-5up3r"})));
    let rendered = render(&pool, deployment, json!({}), &NoReferences).unwrap();
    let debug = format!("{rendered:?} {pool:?}");
    assert!(debug.contains("env") && debug.contains("NAME") && !debug.contains("canary"), "{debug}");
}
