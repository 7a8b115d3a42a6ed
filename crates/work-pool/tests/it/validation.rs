//! What is refused, and in which words.

use insta::assert_snapshot;
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers};

use crate::common::object;

fn template(properties: Value, required: Value) -> BaseJobTemplate {
    BaseJobTemplate::from_value(&json!({
        "job_configuration": {"x": "{{ a }}"},
        "variables": {"type": "object", "properties": properties, "required": required}
    }))
    .unwrap()
}

/// Code and detail of what a template says to a deployment's job variables; "fits" if nothing.
fn verdict(template: &BaseJobTemplate, deployment: Value) -> String {
    let deployment = object(deployment);
    match template.validate(Layers { deployment: Some(&deployment), flow_run: None }) {
        Ok(()) => "fits".to_owned(),
        Err(error) => {
            let diagnosis = error.diagnosis();
            format!("{}\n{}", diagnosis.code, diagnosis.detail)
        }
    }
}

fn built_in(deployment: Value) -> String {
    verdict(&BaseJobTemplate::built_in(), deployment)
}

#[test]
fn names_variable_value_and_what_is_allowed() {
    assert_snapshot!(built_in(json!({"cpu": "1024", "launch_type": "FARGATE_CHEAP", "memory": 1.5, "image": {"a": 1}})), @r#"
    PP0105
    job variable `cpu` is "1024", a string; allowed: integer or null
    job variable `image` is an object; allowed: string or null
    job variable `launch_type` is "FARGATE_CHEAP", a string; allowed: "FARGATE", "EC2", "EXTERNAL", "FARGATE_SPOT"
    job variable `memory` is 1.5, a number; allowed: integer or null
    "#);
    assert_snapshot!(built_in(json!({"capacity_provider_strategy": [{"capacityProvider": "x", "weight": "1"}]})), @r#"
    PP0105
    job variable `capacity_provider_strategy[0].base` is missing, but required; allowed: integer
    job variable `capacity_provider_strategy[0].weight` is "1", a string; allowed: integer
    "#);
    assert_snapshot!(built_in(json!({"labels": {"team": 5}, "network_configuration": []})), @r"
    PP0105
    job variable `labels.team` is 5, an integer; allowed: string
    job variable `network_configuration` is an array; allowed: object or null
    ");
    let bounded = template(
        json!({
            "a": {"type": "integer", "minimum": 256, "maximum": 4096, "multipleOf": 256},
            "b": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 4},
            "c": {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 2}
        }),
        json!([]),
    );
    assert_snapshot!(verdict(&bounded, json!({"a": 100, "b": "ABCDE", "c": [true]})), @r#"
    PP0105
    job variable `a` is 100, an integer; allowed: integer, at least 256, at most 4096, a multiple of 256 or null
    job variable `b` is "ABCDE", a string; allowed: string, at most 4 characters, matching ^[a-z]+$ or null
    job variable `c` is an array; allowed: array of integer or string, at least 2 items or null
    job variable `c[0]` is true, a boolean; allowed: integer or string
    "#);
}

#[test]
fn never_shows_what_may_be_secret() {
    let canary = "canary-5up3r";
    let template = template(
        json!({
            "env": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}},
            "db_password": {"type": "integer"},
            "apiKey": {"type": "integer"},
            "nested": {"type": "object", "properties": {"token": {"type": "integer"}}},
            "hidden": {"type": "string", "writeOnly": true, "maxLength": 3},
            "blob": {"type": "integer"},
            "url": {"type": "integer"},
            "choice": {"enum": ["a", "b"]}
        }),
        json!([]),
    );
    let said = verdict(
        &template,
        json!({
            "env": {"NAME": canary, "N": 5},
            "db_password": canary,
            "apiKey": canary,
            "nested": {"token": canary},
            "hidden": canary,
            "blob": {"inner": canary},
            "url": format!("postgres://user:{canary}@host/db"),
            "choice": [canary]
        }),
    );
    assert!(!said.contains(canary), "{said}");
    assert_snapshot!(said, @r#"
    PP0105
    job variable `apiKey` is a string; allowed: integer or null
    job variable `blob` is an object; allowed: integer or null
    job variable `choice` is an array; allowed: "a", "b"
    job variable `db_password` is a string; allowed: integer or null
    job variable `env.N` is an integer; allowed: string, at most 3 characters
    job variable `env.NAME` is a string; allowed: string, at most 3 characters
    job variable `hidden` is a string; allowed: string, at most 3 characters or null
    job variable `nested.token` is a string; allowed: integer or null
    job variable `url` is a string; allowed: integer or null
    "#);
}

#[test]
fn null_unsets_a_variable_that_is_not_required() {
    // The server lets a typed variable that is not required be null, and asks an enumeration to list it. Here null unsets both.
    assert_eq!(
        built_in(json!({"env": null, "labels": null, "auto_deregister_task_definition": null, "cpu": null})),
        "fits"
    );
    assert_eq!(built_in(json!({"launch_type": null, "aws_credentials": null})), "fits");
    assert_snapshot!(built_in(json!({"env": {"A": 1}, "launch_type": null})), @r"
    PP0105
    job variable `env.A` is an integer; allowed: string or null
    ");
    let required = template(json!({"a": {"type": "string"}}), json!(["a"]));
    assert_snapshot!(verdict(&required, json!({"a": null})), @r"
    PP0105
    job variable `a` is null; allowed: string
    ");
}

#[test]
fn required_variables_must_be_given_by_some_layer() {
    let required = template(
        json!({"a": {"type": "string"}, "b": {"type": "string", "default": "x"}, "c": {"type": "integer", "default": "x"}}),
        json!(["a", "b", "c"]),
    );
    assert_snapshot!(verdict(&required, json!({})), @r"
    PP0105
    job variable `a` is missing, but required; allowed: string
    ");
    assert_eq!(verdict(&required, json!({"a": "x"})), "fits", "a default that does not fit counts as given");
    let (deployment, flow_run) = (object(json!({"a": 1})), object(json!({"a": "x"})));
    required.validate(Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) }).unwrap();
}

#[test]
fn what_the_server_will_put_in_is_not_judged() {
    assert_eq!(
        built_in(json!({
            "cpu": "{{ prefect.variables.cpu }}",
            "aws_credentials": {"$ref": {"block_document_id": "8f0b3f4e-0000-4000-8000-000000000001"}},
            "network_configuration": {"$ref": {"block_document_id": "x"}},
            "labels": "{{ prefect.blocks.json.labels }}",
            "capacity_provider_strategy": [{"capacityProvider": "x", "weight": "{{ prefect.variables.w }}", "base": 0}]
        })),
        "fits"
    );
    let choice = template(json!({"a": {"anyOf": [{"type": "array", "items": {"type": "integer"}}]}}), json!([]));
    assert_eq!(verdict(&choice, json!({"a": ["{{ prefect.variables.n }}"]})), "fits");
    // Job variables do not refer to each other: this stays a string.
    assert_snapshot!(built_in(json!({"cpu": "{{ memory }}"})), @r#"
    PP0105
    job variable `cpu` is "{{ memory }}", a string; allowed: integer or null
    "#);
}

#[test]
fn dotted_keys_are_judged_where_they_lead() {
    assert_eq!(built_in(json!({"env.N": 5, "env.B": true, "labels.team": "data"})), "fits");
    assert_snapshot!(built_in(json!({"labels.team": 5, "env.X": {"a": 1}})), @r"
    PP0105
    job variable `env.X` is an object; allowed: string or null
    job variable `labels.team` is 5, an integer; allowed: string
    ");
}

#[test]
fn unknown_variables_are_accepted_unless_the_schema_forbids_them() {
    assert_eq!(built_in(json!({"unknown": {"a": [1]}})), "fits");
    let closed = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"x": 1},
        "variables": {"type": "object", "properties": {"a": {}, "b": {}}, "additionalProperties": false}
    }))
    .unwrap();
    assert_snapshot!(verdict(&closed, json!({"c": 1, "a": 2})), @r"
    PP0105
    job variable `c` is not known; allowed: a, b
    ");
}

#[test]
fn schemas_of_old_templates_are_mended() {
    // pydantic 1 wrote optional fields without null and tuples as a list of items.
    let old = template(
        json!({
            "a": {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
            "b": {"type": "string"}
        }),
        json!([]),
    );
    assert_eq!(verdict(&old, json!({"a": ["x", 1], "b": null})), "fits");
    assert_snapshot!(verdict(&old, json!({"a": [1, "x"]})), @r#"
    PP0105
    job variable `a[0]` is 1, an integer; allowed: string
    job variable `a[1]` is "x", a string; allowed: integer
    "#);
}

#[test]
fn a_schema_that_is_none_is_refused_whatever_the_variables() {
    for schema in [
        json!({"type": "objekt"}),
        json!({"properties": {"a": {"$ref": "#/definitions/missing"}}}),
        json!({"properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}),
        json!({"properties": {"a": {"pattern": "("}}}),
    ] {
        let template =
            BaseJobTemplate::from_value(&json!({"job_configuration": {"x": 1}, "variables": schema})).unwrap();
        let said = verdict(&template, json!({"a": "x"}));
        assert!(said.starts_with("PP0104\n"), "{schema}: {said}");
    }
}

#[test]
fn a_template_without_variables_judges_nothing() {
    for template in [
        json!({"job_configuration": {"x": 1}}),
        json!({"job_configuration": {"x": 1}, "variables": {}}),
        json!({"job_configuration": {"x": 1}, "variables": null}),
        json!({"job_configuration": {"x": 1}, "variables": {"type": "object"}}),
    ] {
        assert_eq!(verdict(&BaseJobTemplate::from_value(&template).unwrap(), json!({"a": [1]})), "fits");
    }
}

#[test]
fn a_value_is_judged_by_its_own_place_before_it_is_shown() {
    // The validator reports the value of the property at the place of the object.
    let schema = json!({"allOf": [{"additionalProperties": false}]});
    let template = BaseJobTemplate::from_value(&json!({"job_configuration": {}, "variables": schema})).unwrap();
    let said = verdict(&template, json!({"password": "hunter2"}));
    assert!(said.starts_with("PP0105") && !said.contains("hunter2"), "{said}");
}

#[test]
fn what_is_said_is_bounded() {
    let a = |schema: Value| template(json!({"a": schema, "$x": {}}), json!([]));
    let options: Vec<u32> = (0..100_000).collect();
    let branches: Vec<Value> = (0..12).map(|title| json!({"$ref": "#/$defs/a", "title": title.to_string()})).collect();
    let described = json!({"job_configuration": {}, "variables": {
        "$defs": {"b": {"anyOf": branches}, "a": {"type": "array", "items": {"anyOf": [{"type": "string"}]}}},
        "properties": {"a": {"$ref": "#/$defs/b"}},
    }});
    for (template, variables) in [
        (a(json!({"enum": options})), json!({"a": "x"})),
        (a(json!({"pattern": "x".repeat(200_000)})), json!({"a": "y"})),
        (a(json!({"items": {"enum": options}})), json!({"a": vec!["x"; 1_000]})),
        (BaseJobTemplate::from_value(&described).unwrap(), json!({"a": 1})),
        (
            BaseJobTemplate::from_value(
                &json!({"job_configuration": {}, "variables": {"additionalProperties": false}}),
            )
            .unwrap(),
            Value::Object((0..50_000).map(|name| (format!("k{name}"), json!(1))).collect()),
        ),
    ] {
        let said = verdict(&template, variables);
        assert!(said.starts_with("PP0105") && said.len() < 33_000, "{} bytes: {said:.200}", said.len());
    }
    let said = verdict(&a(json!({"type": "hunter2".repeat(20_000)})), json!({}));
    assert!(said.starts_with("PP0104") && !said.contains("hunter2") && said.len() < 500, "{said:.300}");
}

/// What overflowed the stack or took gigabytes. Tests run on the 2 MiB of stack that a worker thread has.
#[test]
fn schemas_that_would_take_for_ever_are_refused() {
    let chain = |count: usize, of: &dyn Fn(Value) -> Value| {
        let mut definitions: serde_json::Map<String, Value> = (0..count)
            .map(|link| (format!("d{link}"), of(json!({"$ref": format!("#/$defs/d{}", link + 1)}))))
            .collect();
        definitions.insert(format!("d{count}"), json!({"type": "string"}));
        json!({"$defs": definitions, "properties": {"a": {"$ref": "#/$defs/d0"}}})
    };
    let required =
        |name: usize| json!({"anyOf": [{"required": [format!("y{name}")]}, {"required": [format!("z{name}")]}]});
    let many = json!({"allOf": (0..1_600).map(required).collect::<Vec<_>>()});
    let large: Vec<Value> = (0..20_000).map(|item| json!({"k": item})).collect();
    let mut deep = json!(1);
    for _ in 0..90 {
        deep = json!({"a": deep});
    }
    for (schema, variables, code) in [
        (chain(20_000, &|next| next), json!({"a": 1}), "PP0112"),
        (chain(40, &|next| json!({"allOf": [next, next]})), json!({"a": "x"}), "PP0112"),
        (chain(22, &|next| json!({"anyOf": [next, next]})), json!({"a": 1}), "PP0112"),
        (json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}]}}}), deep, "PP0112"),
        (json!({"anyOf": [{"$ref": "#"}]}), json!({"a": 1}), "PP0104"),
        (many, json!({"a": large}), "PP0104"),
    ] {
        let template = BaseJobTemplate::from_value(&json!({"job_configuration": {}, "variables": schema})).unwrap();
        let said = verdict(&template, variables);
        assert!(said.starts_with(code), "{said:.200}");
    }
}

/// As deep and as often as a schema may be: it still fits on the stack.
#[test]
fn the_deepest_schema_that_is_used_fits_on_the_stack() {
    let mut value = json!("x");
    for _ in 0..95 {
        value = json!({"a": value});
    }
    let node = json!({"anyOf": [{"allOf": [{"$ref": "#/$defs/object"}]}, {"type": "string"}]});
    let schema = json!({"$defs": {"node": node, "object": {"type": "object", "properties": {"a": {"$ref": "#/$defs/node"}},
        "additionalProperties": false}}, "properties": {"a": {"$ref": "#/$defs/node"}}});
    let template = BaseJobTemplate::from_value(&json!({"job_configuration": {}, "variables": schema})).unwrap();
    let said = verdict(&template, json!({"a": value}));
    assert!(said == "fits" || said.starts_with("PP0112"), "{said:.200}");
    let mut broken = json!(1);
    for _ in 0..70 {
        broken = json!({"a": broken});
    }
    let said = verdict(&template, json!({"a": broken}));
    assert!(said.starts_with("PP0105") || said.starts_with("PP0112"), "{said:.200}");
}
