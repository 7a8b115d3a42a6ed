//! Blocks and Prefect variables.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences, Reference, ResolveError, Resolver, references_in};

use crate::common::{Server, object, render};

fn server() -> Server {
    Server {
        documents: BTreeMap::from([
            ("doc-1", json!({"region": "eu", "note": "{{ prefect.variables.plain }}"})),
            (
                "nested",
                json!({"inner": {"$ref": {"block_document_id": "doc-1"}}, "b": "{{ prefect.blocks.secret.tok }}"}),
            ),
        ]),
        blocks: BTreeMap::from([
            (("secret", "tok"), json!({"value": "s3"})),
            (("json", "obj"), json!({"value": {"k": {"nested-key": "v"}, "list": [{"list-key": "x"}, 1]}})),
            (("s3-bucket", "b"), json!({"bucket_name": "data", "flags": [true, null], "value": 1})),
            (("string", "template"), json!({"value": "{{ prefect.variables.plain }}"})),
            (("odd", "values"), json!({"value": {"values": 7, "value": 8}})),
        ]),
        variables: BTreeMap::from([
            ("plain", json!("p")),
            ("number", json!(5)),
            ("list", json!([1, "a"])),
            ("loop", json!("{{ prefect.variables.loop }}")),
            ("null", json!(null)),
        ]),
    }
}

fn template(value: Value) -> BaseJobTemplate {
    BaseJobTemplate::from_value(&json!({"job_configuration": {"t": "{{ v }}", "given": value}})).unwrap()
}

fn resolve(value: Value) -> Value {
    render(&template(json!(null)), json!({"v": value}), json!({}), &server()).unwrap().values["t"].clone()
}

fn failure(value: Value) -> (&'static str, String) {
    let error = render(&template(json!(null)), json!({"v": value}), json!({}), &server()).unwrap_err();
    let diagnosis = error.diagnosis();
    (diagnosis.code.id(), diagnosis.detail)
}

#[test]
fn references_are_replaced() {
    for (value, expected) in [
        (json!("{{ prefect.blocks.secret.tok }}"), json!("s3")),
        (json!("{{ prefect.blocks.secret.tok.value }}"), json!("s3")),
        (json!("u:{{ prefect.blocks.secret.tok }}@{{ prefect.variables.plain }}"), json!("u:s3@p")),
        (json!("{{ prefect.blocks.secret.tok }}{{ prefect.blocks.secret.tok }}"), json!("s3s3")),
        (json!("{{ prefect.blocks.secret.tok[0] }}"), json!(null)),
        (json!("{{ prefect.blocks.json.obj.k }}"), json!({"nested-key": "v"})),
        (json!("{{ prefect.blocks.json.obj.value.k.nested-key }}"), json!("v")),
        (json!("{{ prefect.blocks.json.obj.value.list[0].list-key }}"), json!("x")),
        (json!("{{ prefect.blocks.json.obj.list[1] }}!"), json!("1!")),
        (json!("{{ prefect.blocks.s3-bucket.b }}"), json!({"bucket_name": "data", "flags": [true, null], "value": 1})),
        (json!("{{ prefect.blocks.s3-bucket.b.bucket_name }}/x"), json!("data/x")),
        (
            json!("{{ prefect.blocks.s3-bucket.b.flags[0] }}-{{ prefect.blocks.s3-bucket.b.flags[1] }}"),
            json!("True-None"),
        ),
        (json!("{{ prefect.blocks.odd.values.values }}"), json!(7)),
        (json!("{{ prefect.blocks.odd.values.value.value }}"), json!(8)),
        (json!("{{ prefect.variables.number }}"), json!(5)),
        (json!("{{ prefect.variables.list }}"), json!([1, "a"])),
        (json!("x{{ prefect.variables.list }}"), json!("x[1, 'a']")),
        (json!("{{ prefect.variables.null }}"), json!(null)),
        (json!("{{ prefect.variables.missing }}"), json!("")),
        (json!("x{{ prefect.variables.missing }}"), json!("x")),
        // Variables in blocks are resolved, blocks in blocks are not, and variables are not looked at again.
        (json!("{{ prefect.blocks.string.template }}"), json!("p")),
        (json!("{{ prefect.variables.loop }}"), json!("{{ prefect.variables.loop }}")),
        (json!({"$ref": {"block_document_id": "doc-1"}, "ignored": 1}), json!({"region": "eu", "note": "p"})),
        (
            json!([{"$ref": {"block_document_id": "nested"}}]),
            json!([{"inner": {"$ref": {"block_document_id": "doc-1"}}, "b": "{{ prefect.blocks.secret.tok }}"}]),
        ),
        // No reference after all.
        (
            json!({"$ref": {"block_document_id": null, "x": "{{ prefect.variables.plain }}"}}),
            json!({"$ref": {"block_document_id": null, "x": "p"}}),
        ),
        (json!({"{{ prefect.variables.plain }}": 1}), json!({"{{ prefect.variables.plain }}": 1})),
        (json!("{{ other }}"), json!("{{ other }}")),
    ] {
        if value == json!("{{ prefect.blocks.secret.tok[0] }}") {
            // `tok[0]` is the name of the block, not an index.
            assert_eq!(failure(value).0, "PP0109");
        } else {
            assert_eq!(resolve(value.clone()), expected, "{value}");
        }
    }
}

#[test]
fn references_that_cannot_be_used_are_refused_with_their_place() {
    for (value, code, detail) in [
        (
            json!({"a": ["{{ prefect.blocks.secret.gone }}"]}),
            "PP0109",
            "block `gone` of type `secret`, named at `/t/a/0` of the job configuration: it does not exist",
        ),
        (
            json!({"a/b": {"$ref": {"block_document_id": "00000000-0000-4000-8000-00000000dead"}}}),
            "PP0109",
            "block document 00000000-0000-4000-8000-00000000dead, named at `/t/a~1b` of the job configuration: it does not exist",
        ),
        (
            // Perhaps a placeholder has put it there.
            json!({"$ref": {"block_document_id": "hunter2"}}),
            "PP0109",
            "a block document whose id is no UUID, named at `/t` of the job configuration: it does not exist",
        ),
        (
            json!("{{ prefect.blocks.secret }}"),
            "PP0110",
            "the reference at `/t` of the job configuration cannot be used: `prefect.blocks.secret` lacks the name of the block",
        ),
        (
            json!("{{ prefect.blocks.secret.tok.k }}"),
            "PP0110",
            "the reference at `/t` of the job configuration cannot be used: block `tok` of type `secret` has nothing at `k`",
        ),
        (
            json!("x{{ prefect.blocks.json.obj }}"),
            "PP0110",
            "the reference at `/t` of the job configuration cannot be used: `prefect.blocks.json.obj` is an object and stands inside other text",
        ),
        (
            json!({"$ref": "#/definitions/x"}),
            "PP0110",
            "the reference at `/t` of the job configuration cannot be used: `$ref` is not an object",
        ),
        (
            json!({"$ref": {"block_document_id": 5}}),
            "PP0110",
            "the reference at `/t` of the job configuration cannot be used: `block_document_id` is not a string",
        ),
    ] {
        assert_eq!(failure(value), (code, detail.to_owned()));
    }
}

#[test]
fn standalone_mode_says_that_a_server_is_needed() {
    for value in [
        json!("{{ prefect.blocks.secret.tok }}"),
        json!("{{ prefect.variables.x }}"),
        json!({"$ref": {"block_document_id": "doc-1"}}),
    ] {
        let error = render(&template(value), json!({}), json!({}), &NoReferences).unwrap_err();
        let diagnosis = error.diagnosis();
        assert_eq!(diagnosis.code, "PP0111");
        assert_eq!(diagnosis.summary, "Blocks and variables need a Prefect server");
    }
}

/// Records what it is asked for.
struct Recorder {
    server: Server,
    asked: RefCell<Vec<Reference>>,
}

impl Resolver for Recorder {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.asked.borrow_mut().push(Reference::BlockDocument { id: id.to_owned() });
        self.server.block_document(id)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        self.asked.borrow_mut().push(Reference::Block { type_slug: type_slug.to_owned(), name: name.to_owned() });
        self.server.block(type_slug, name)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        self.asked.borrow_mut().push(Reference::Variable { name: name.to_owned() });
        self.server.variable(name)
    }

    fn credentials(&self, credentials: &Reference) -> Option<Value> {
        self.asked.borrow_mut().push(credentials.clone());
        None
    }
}

#[test]
fn references_names_what_rendering_asks_for() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {
            "env": {"T": "{{ prefect.variables.plain }}"},
            "aws_credentials": "{{ aws_credentials }}",
            "a": "{{ a }}",
            "list": ["{{ prefect.blocks.s3-bucket.b.bucket_name }}", {"$ref": {"block_document_id": "nested"}}, "{{ a }}"]
        }
    }))
    .unwrap();
    let deployment = object(json!({
        "a": "{{ prefect.blocks.secret.tok }}-{{ prefect.variables.number }}",
        "aws_credentials": {"$ref": {"block_document_id": "credentials"}},
        "env": {"S": "{{ prefect.variables.list }}", "U": "{{ prefect.blocks.json.obj.k }}"},
        "unused": "{{ prefect.variables.unused }}"
    }));
    let flow_run = object(json!({"env": {"S": "plain", "U": "plain"}}));
    let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
    let named = template.references(layers);
    let block =
        |type_slug: &str, name: &str| Reference::Block { type_slug: type_slug.to_owned(), name: name.to_owned() };
    let variable = |name: &str| Reference::Variable { name: name.to_owned() };
    assert_eq!(
        named,
        [
            Reference::Credentials { of: Box::new(Reference::BlockDocument { id: "credentials".to_owned() }) },
            variable("plain"),
            block("secret", "tok"),
            variable("number"),
            block("s3-bucket", "b"),
            Reference::BlockDocument { id: "nested".to_owned() },
            // Only what the runs of the deployment share needs it. What comes out of a block they do not share.
            variable("list"),
        ]
    );
    let recorder = Recorder { server: server(), asked: RefCell::default() };
    template.render(layers, &recorder).unwrap();
    let mut asked = recorder.asked.into_inner();
    asked.sort();
    asked.dedup();
    let mut expected = named;
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn variables_inside_blocks_can_be_found() {
    let data =
        json!({"a": "{{ prefect.variables.x }}", "b": ["{{ prefect.blocks.secret.tok }}-{{ prefect.variables.y }}"]});
    let variable = |name: &str| Reference::Variable { name: name.to_owned() };
    assert_eq!(references_in(&data), [variable("x"), variable("y")]);
}

/// Knows the credentials in blocks.
struct Credentials(Value);

impl Resolver for Credentials {
    fn block_document(&self, _: &str) -> Result<Value, ResolveError> {
        panic!("credentials are asked for without secrets")
    }

    fn block(&self, _: &str, _: &str) -> Result<Value, ResolveError> {
        panic!("credentials are asked for without secrets")
    }

    fn variable(&self, _: &str) -> Result<Option<Value>, ResolveError> {
        Ok(None)
    }

    fn credentials(&self, _: &Reference) -> Option<Value> {
        Some(self.0.clone())
    }
}

#[test]
fn of_credentials_only_the_region_and_the_role_remain() {
    let template = BaseJobTemplate::built_in();
    let data = json!({
        "aws_access_key_id": "AKIA", "aws_secret_access_key": "canary", "region_name": "eu-west-1",
        "assume_role_arn": "arn:role", "aws_session_token": null
    });
    let facts = json!({"region_name": "eu-west-1", "assume_role_arn": "arn:role"});
    let block = Reference::Block { type_slug: "aws-credentials".to_owned(), name: "prod".to_owned() };
    let document = Reference::BlockDocument { id: "any".to_owned() };
    for (credentials, of, unknown, known) in [
        (json!({"$ref": {"block_document_id": "any"}}), Some(document), Some(json!({})), Some(&facts)),
        (json!("{{ prefect.blocks.aws-credentials.prod }}"), Some(block), Some(json!({})), Some(&facts)),
        (json!(null), None, None, None),
        (data.clone(), None, Some(facts.clone()), Some(&facts)),
        (
            json!({"region_name": "{{ prefect.variables.region }}", "assume_role_arn": null}),
            None,
            Some(json!({})),
            Some(&json!({})),
        ),
    ] {
        let deployment = object(json!({"aws_credentials": credentials}));
        let layers = Layers { deployment: Some(&deployment), flow_run: None };
        let wanted: Vec<Reference> = of.map(|of| Reference::Credentials { of: Box::new(of) }).into_iter().collect();
        assert_eq!(template.references(layers), wanted);
        let rendered = template.render(layers, &NoReferences).unwrap();
        assert_eq!(rendered.values.get("aws_credentials"), unknown.as_ref(), "a run does not fail for want of them");
        let rendered = template.render(layers, &Credentials(data.clone())).unwrap();
        assert_eq!(rendered.values.get("aws_credentials"), known);
    }
}

#[test]
fn what_comes_out_of_blocks_is_not_shared() {
    let env = |value: Value| BaseJobTemplate::from_value(&json!({"job_configuration": {"env": value}})).unwrap();
    let pool = env(json!("{{ env }}"));
    let deployment = json!({"env": {
        "TOKEN": "{{ prefect.blocks.secret.tok }}", "URL": "u:{{ prefect.blocks.secret.tok.value }}@h",
        "ID": {"$ref": {"block_document_id": "doc-1"}}, "PLAIN": "{{ prefect.variables.plain }}", "A": "1",
    }});
    for flow_run in [json!({}), json!({"env": {"B": "2", "OWN": "{{ prefect.blocks.secret.tok }}"}})] {
        let own = flow_run != json!({});
        let rendered = render(&pool, deployment.clone(), flow_run, &server()).unwrap();
        assert_eq!(rendered.values["env"]["TOKEN"], "s3");
        assert_eq!(Value::Object(rendered.shared_env), json!({"PLAIN": "p", "A": "1"}));
        let private: Vec<&str> = rendered.private_env.iter().map(String::as_str).collect();
        assert_eq!(private, if own { vec!["ID", "OWN", "TOKEN", "URL"] } else { vec!["ID", "TOKEN", "URL"] });
    }
    let rendered = render(&env(json!("{{ prefect.blocks.json.obj.k }}")), json!({}), json!({}), &server()).unwrap();
    assert_eq!(rendered.values["env"], json!({"nested-key": "v"}));
    assert!(rendered.shared_env.is_empty() && rendered.private_env.contains("nested-key"));
}
