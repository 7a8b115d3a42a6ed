//! What `apply_values` of prefect 3.9.1 made of templates, line by line, as a worker calls it (missing values removed).

use crate::common::object;
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences, ResolveError, Resolver};

/// Leaves every reference as it was written, to see what the first pass does to it.
struct Untouched;

impl Resolver for Untouched {
    fn block_document(&self, _: &str) -> Result<Value, ResolveError> {
        Err(ResolveError::NotFetched)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        Ok(json!(format!("{{{{ prefect.blocks.{type_slug}.{name} }}}}")))
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(Some(json!(format!("{{{{ prefect.variables.{name} }}}}"))))
    }
}

/// The template at the key `t`, with these values as job variables; none if the key disappeared.
fn apply(template: Value, values: Value, resolver: &dyn Resolver) -> Option<Value> {
    let template = BaseJobTemplate::from_value(&json!({"job_configuration": {"t": template}})).unwrap();
    let values = object(values);
    let layers = Layers { deployment: Some(&values), flow_run: None };
    template.render(layers, resolver).unwrap().values.get("t").cloned()
}

#[test]
fn values_replace_placeholders() {
    for (template, values, expected) in [
        (json!("{{ a }}"), json!({"a": 1}), json!(1)),
        (json!("{{ a }}"), json!({"a": null}), json!(null)),
        (json!("x-{{ a }}-y"), json!({"a": 1}), json!("x-1-y")),
        (json!("x-{{ a }}-y"), json!({}), json!("x--y")),
        (json!("x-{{ a }}"), json!({"a": null}), json!("x-None")),
        (json!("x-{{ a }}"), json!({"a": {"k": 1}}), json!("x-{'k': 1}")),
        (json!("x-{{ a }}"), json!({"a": true}), json!("x-True")),
        (json!("{{ a }}"), json!({"a": true}), json!(true)),
        (
            json!({"k": "{{ a }}", "l": ["{{ a }}", "{{ b }}", 1]}),
            json!({"a": {"z": [1]}}),
            json!({"k": {"z": [1]}, "l": [{"z": [1]}, 1]}),
        ),
        (json!("{{ a.b }}"), json!({"a": {"b": [5]}}), json!([5])),
        (json!("{{ a.b[0] }}"), json!({"a": {"b": [5]}}), json!(5)),
        (json!("{{a}}{{b}}"), json!({"a": 1, "b": 2}), json!("12")),
        (json!({"{{ a }}": "v"}), json!({"a": "key"}), json!({"{{ a }}": "v"})),
        (json!("{{ a-b }}"), json!({"a-b": 3}), json!(3)),
        (json!("{{ get-commit-hash.stdout }}"), json!({"get-commit-hash": {"stdout": "abc"}}), json!("abc")),
        (json!("{{ a | upper }}"), json!({"a": "x"}), json!("{{ a | upper }}")),
        (json!("{{ 'lit' }}"), json!({}), json!("{{ 'lit' }}")),
        (json!("{{ a b }}"), json!({"a": 1}), json!("{{ a b }}")),
        (json!("{{ a }}"), json!({"a": "{{ b }}", "b": 2}), json!("{{ b }}")),
        (json!([{"x": "{{ n }}"}]), json!({}), json!([{}])),
        (json!({"x": {"y": "{{ n }}"}}), json!({}), json!({"x": {}})),
        (json!(null), json!({}), json!(null)),
        (json!("  {{ a }}  "), json!({"a": 1}), json!("  1  ")),
        (json!("{{ a }}\n"), json!({"a": 1}), json!("1\n")),
        (json!("${a}"), json!({"a": 1}), json!("${a}")),
        (json!({"image": "{{ image }}"}), json!({"image": ""}), json!({"image": ""})),
        (json!(["{{ a }}", "{{ n }}"]), json!({"a": "{{ n }}"}), json!(["{{ n }}"])),
    ] {
        assert_eq!(apply(template.clone(), values, &NoReferences), Some(expected), "{template}");
    }
}

#[test]
fn a_whole_placeholder_without_a_value_removes_what_holds_it() {
    for (template, values) in [("{{ a }}", json!({})), ("{{ a.c }}", json!({"a": {"b": 5}}))] {
        assert_eq!(apply(json!(template), values, &NoReferences), None, "{template}");
    }
    assert_eq!(apply(json!({"x": "{{ a }}"}), json!({}), &NoReferences), Some(json!({})));
}

/// On purpose not as in Prefect, which reads the environment of the worker's process: see the crate's documentation.
#[test]
fn the_environment_of_the_process_is_never_read() {
    for (template, expected) in
        [("{{ $PATH }}", ""), ("v={{ $PATH }}", "v="), ("{{ $NOPE }}", ""), ("{{ $$PATH }}", "")]
    {
        let rendered = apply(json!(template), json!({"PATH": "x", "$PATH": "y"}), &NoReferences);
        assert_eq!(rendered, Some(json!(expected)), "{template}");
    }
}

#[test]
fn references_are_left_to_the_second_pass() {
    for (template, expected) in [
        ("{{ prefect.blocks.secret.x }}", "{{ prefect.blocks.secret.x }}"),
        ("{{ prefect.variables.x }}", "{{ prefect.variables.x }}"),
        ("{{ a }}-{{ prefect.variables.x }}", "1-{{ prefect.variables.x }}"),
        ("{{ prefect.variables.{{ a }} }}", "{{ prefect.variables.1 }}"),
    ] {
        assert_eq!(apply(json!(template), json!({"a": 1}), &Untouched), Some(json!(expected)), "{template}");
    }
}

/// Prefect 3.8 would go on replacing in what it has just put in, in an order that changes from process to process.
#[test]
fn what_is_put_in_is_not_searched_again() {
    let values = json!({"a": "{{ b }}", "b": "{{ a }}"});
    assert_eq!(apply(json!("{{ a }}{{ b }}"), values, &NoReferences), Some(json!("{{ b }}{{ a }}")));
}

#[test]
fn integers_are_those_of_64_bits() {
    let values: Value =
        serde_json::from_str(r#"{"a": 18446744073709551615, "b": 18446744073709551616, "c": -0}"#).unwrap();
    let rendered = apply(json!("{{ a }} {{ b }} {{ c }}"), values, &NoReferences);
    assert_eq!(rendered, Some(json!("18446744073709551615 1.8446744073709552e+19 -0.0")));
}
