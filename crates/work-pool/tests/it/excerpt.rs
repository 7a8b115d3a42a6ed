//! Places of a template that are rendered on their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use work_pool::{Excerpt, Layers, NoReferences, Object, Reference, ResolveError, Resolver};

const CLUSTER: &[&[&str]] = &[&["task_run_request", "cluster"], &["cluster"]];

struct Blocks(BTreeMap<&'static str, Value>);

impl Resolver for Blocks {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.0.get(id).cloned().ok_or(ResolveError::NotFound)
    }

    fn block(&self, _: &str, name: &str) -> Result<Value, ResolveError> {
        self.0.get(name).cloned().ok_or(ResolveError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.0.get(name).cloned())
    }
}

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn rendered(template: &Value, deployment: Value, resolver: &dyn Resolver) -> Vec<Option<Value>> {
    let excerpt = Excerpt::of(template, CLUSTER).unwrap();
    let deployment = excerpt.relevant(&object(deployment));
    excerpt.render(Layers { deployment: Some(&deployment), flow_run: None }, resolver).unwrap()
}

#[test]
fn the_built_in_template_has_its_places() {
    for template in [json!(null), json!({})] {
        let seen = rendered(&template, json!({"cluster": "prod"}), &NoReferences);
        assert_eq!(seen, [Some(json!("prod")), Some(json!("prod"))]);
        assert_eq!(rendered(&template, json!({}), &NoReferences), [None, None]);
    }
}

#[test]
fn what_the_places_do_not_name_is_not_read() {
    let template = json!({
        "job_configuration": {
            "env": {"TOKEN": "{{ prefect.blocks.secret.gone }}"}, "labels": "{{ labels }}",
            "task_run_request": {"cluster": "{{ place.name }}-{{ stage }}", "tags": "{{ prefect.variables.tags }}"},
        },
        "variables": {"properties": {
            "env": {"default": "{{ prefect.blocks.secret.gone }}"},
            "labels": {"default": {"$ref": 5}},
            "stage": {"default": "test"},
        }},
    });
    let deployment = json!({"env": 5, "env.X": 1, "labels.a": 1, "labels": 7, "place.name": "c", "image": "{{ prefect.blocks.a.b }}"});
    let excerpt = Excerpt::of(&template, CLUSTER).unwrap();
    let relevant = excerpt.relevant(&object(deployment.clone()));
    assert_eq!(relevant, object(json!({"place.name": "c"})));
    assert_eq!(excerpt.references(Layers { deployment: Some(&relevant), flow_run: None }), []);
    assert_eq!(rendered(&template, deployment, &NoReferences), [Some(json!("c-test")), Some(Value::Null)]);
}

#[test]
fn references_of_the_places_are_named_and_resolved() {
    let template = json!({"job_configuration": {"cluster": "{{ cluster }}"},
        "variables": {"properties": {"cluster": {"default": "{{ prefect.variables.cluster }}"}}}});
    let excerpt = Excerpt::of(&template, CLUSTER).unwrap();
    assert_eq!(excerpt.references(Layers::default()), [Reference::Variable { name: "cluster".to_owned() }]);
    let blocks = Blocks([("cluster", json!("prod")), ("aws", json!({"region": "r", "cluster": "other"}))].into());
    assert_eq!(rendered(&template, json!({}), &blocks)[1], Some(json!("prod")));
    let of_block = json!({"cluster": "{{ prefect.blocks.json.aws.cluster }}"});
    assert_eq!(rendered(&template, of_block, &blocks)[1], Some(json!("other")));
    assert!(excerpt.render(Layers::default(), &NoReferences).is_err());
}

#[test]
fn a_place_may_lie_within_what_a_placeholder_or_a_reference_becomes() {
    let template = json!({"job_configuration": {"task_run_request": "{{ request }}", "cluster": "unused"}});
    let blocks = Blocks([("r", json!({"cluster": "of-block"}))].into());
    for (request, cluster) in [
        (json!({"cluster": "c", "tags": "{{ prefect.blocks.a.gone }}"}), Some(json!("c"))),
        (json!({"$ref": {"block_document_id": "r"}}), Some(json!("of-block"))),
        (json!("{{ prefect.blocks.json.r }}"), Some(json!("of-block"))),
        (json!({"tags": []}), None),
        (json!("text"), None),
    ] {
        assert_eq!(rendered(&template, json!({"request": request}), &blocks)[0], cluster, "{request}");
    }
    assert!(Excerpt::of(&json!([]), CLUSTER).is_err());
    assert!(Excerpt::of(&json!({"variables": {}}), CLUSTER).is_err());
}
