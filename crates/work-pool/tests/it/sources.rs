//! Where values come from.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, Source};

use crate::common::object;

/// One line per leaf, as `render --explain` may print it.
fn explain(template: &BaseJobTemplate, deployment: Value, flow_run: Value) -> String {
    let (deployment, flow_run) = (object(deployment), object(flow_run));
    let sources = template.sources(Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) });
    let line = |source: &Source| {
        let origins = source.origins.iter().map(|origin| match &origin.variable {
            Some(variable) => format!("{variable} of {}", origin.layer),
            None => origin.layer.to_string(),
        });
        let references = source.references.iter().map(ToString::to_string);
        format!("{}: {}\n", source.pointer, origins.chain(references).collect::<Vec<_>>().join(", "))
    };
    sources.iter().map(line).collect()
}

#[test]
fn a_null_environment_adds_nothing_to_that_of_the_deployment() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {"env": "{{ env }}"}, "variables": {"properties": {"env": {"default": {"P": "p"}}}}
    }));
    let template = template.unwrap();
    // What the pool sets stays below both, as in Prefect's worker.
    let of_pool = "/env/P: env of pool default\n";
    let both = format!("{of_pool}/env/D: env of deployment\n");
    assert_eq!(explain(&template, json!({"env": {"D": "d"}}), json!({"env": null})), both);
    assert_eq!(explain(&template, json!({"env": {}}), json!({"env": null})), of_pool);
}

#[test]
fn every_leaf_names_its_layers() {
    let template = BaseJobTemplate::from_value(&json!({
        "job_configuration": {
            "env": {"T": "t", "P": "t", "I": "{{ image }}:{{ tag }}", "M": "{{ missing }}"},
            "cpu": "{{ cpu }}",
            "label": "{{ labels.team }}",
            "labels": "{{ labels }}",
            "gone": "{{ gone }}",
            "list": ["{{ gone }}", "{{ subnets }}", "literal", "{{ nested.a }}"],
            "nested": "{{ nested }}",
            "empty": {"x": "{{ gone }}"},
            "secret": "{{ token }}",
            "aws_credentials": "{{ aws_credentials }}"
        },
        "variables": {"properties": {
            "env": {"default": {"P": "p", "Q": "{{ image }}", "R": "p"}},
            "cpu": {"default": 256}, "image": {"default": "i"}, "labels": {"default": {"team": "pool"}}
        }}
    }))
    .unwrap();
    insta::assert_snapshot!(
        explain(
            &template,
            json!({
                "env": {"R": "d", "D": {"k": ["{{ image }}", 1]}}, "env.X": "dotted", "tag": "1", "subnets": ["a", "b"],
                "nested": {"b": 1}, "token": "{{ prefect.blocks.secret.tok }}",
                "aws_credentials": {"region_name": "eu", "aws_secret_access_key": "x"}
            }),
            json!({"env": {"D2": "r"}, "env.Y": 1, "cpu": 512, "nested.a": {}, "nested.b": 2, "nested.c": 3})
        ),
        @r"
    /env/T: template
    /env/P: env of pool default
    /env/I: image of pool default, template, tag of deployment
    /env/Q: image of pool default
    /env/R: env of deployment
    /env/X: env of deployment
    /env/Y: env of flow run
    /env/D: image of pool default, env of deployment
    /env/D2: env of flow run
    /cpu: cpu of flow run
    /label: labels.team of pool default
    /labels/team: labels of pool default
    /list/0/0: subnets of deployment
    /list/0/1: subnets of deployment
    /list/1: template
    /list/2: nested.a of flow run
    /nested/a: nested of flow run
    /nested/b: nested of deployment
    /nested/c: nested of flow run
    /empty: template
    /secret: token of deployment, block `tok` of type `secret`
    /aws_credentials/region_name: aws_credentials of deployment
    "
    );
}

#[test]
fn a_leaf_below_a_reference_belongs_to_the_reference() {
    let template = BaseJobTemplate::from_value(&json!({"job_configuration": {"a": "{{ a }}", "ab": 1}})).unwrap();
    let deployment = object(json!({"a": {"$ref": {"block_document_id": "x"}}}));
    let sources = template.sources(Layers { deployment: Some(&deployment), flow_run: None });
    assert_eq!(sources.get("/a/region/x").unwrap().pointer, "/a");
    assert_eq!(sources.get("/ab").unwrap().pointer, "/ab");
    assert_eq!(sources.get("/abc"), None);
    assert_eq!(
        serde_json::to_value(&sources).unwrap(),
        json!([
            {
                "pointer": "/a",
                "origins": [{"layer": "deployment", "variable": "a"}],
                "references": [{"kind": "block_document", "id": "x"}]
            },
            {"pointer": "/ab", "origins": [{"layer": "template"}]}
        ])
    );
}
