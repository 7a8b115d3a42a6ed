//! The same placeholders under the policies that `prefect.yaml` needs; those of a job configuration are tested by `work-pool`.

use std::collections::HashMap;

use serde_json::{Value, json};
use templating::{
    Environment, Limits, Missing, Policy, Reference, References, ResolveError, Resolver, TemplatingError, Unfilled,
    apply, resolve_all,
};

const LIMITS: Limits = Limits { depth: 20, bytes: 4_000 };

fn environment(name: &str) -> Option<String> {
    [("MYENV", "envval"), ("EMPTY", ""), ("TRICK", "{{ a }}")]
        .into_iter()
        .find_map(|(known, value)| (known == name).then(|| value.to_owned()))
}

/// A deployment before its steps have run: their outputs are not known yet.
fn before_steps() -> Policy<'static> {
    Policy {
        environment: Environment::From(&environment),
        undefined: Missing::Refuse,
        unknown: Missing::Keep,
        kept: &["ctx."],
        limits: LIMITS,
    }
}

/// The same once they are, with mistakes refused.
fn after_steps() -> Policy<'static> {
    Policy { unknown: Missing::Refuse, ..before_steps() }
}

/// The same as Prefect does it: what has no value goes.
fn lenient() -> Policy<'static> {
    Policy { unknown: Missing::Remove, undefined: Missing::Remove, kept: &[], ..before_steps() }
}

/// Prefect's `remove_notset=False`.
fn keeping() -> Policy<'static> {
    Policy { unknown: Missing::Keep, undefined: Missing::Keep, kept: &[], ..before_steps() }
}

fn filled(document: &Value, values: &Value, policy: &Policy<'_>) -> Result<Option<Value>, TemplatingError> {
    apply(document, values.as_object().expect("values are an object"), policy)
}

fn missing(at: &str, placeholder: &str) -> Unfilled {
    Unfilled { at: at.to_owned(), placeholder: placeholder.to_owned() }
}

/// Server with a few blocks and variables.
struct Known {
    variables: HashMap<&'static str, Value>,
}

fn known() -> Known {
    Known {
        variables: HashMap::from([
            ("tag", json!("1.2")),
            ("limits", json!({"cpu": 4})),
            ("trick", json!("{{ $MYENV }}")),
        ]),
    }
}

impl Resolver for Known {
    fn block_document(&self, _: &str) -> Result<Value, ResolveError> {
        Err(ResolveError::NotFound)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        match (type_slug, name) {
            ("secret", "token") => Ok(json!({"value": "hunter2"})),
            ("json", "site") => Ok(json!({"value": {"host": "h", "tag": "{{ prefect.variables.tag }}"}})),
            _ => Err(ResolveError::NotFound),
        }
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.variables.get(name).cloned())
    }
}

/// Lines of what prefect 3.8.8's `apply_values` was seen to do with `remove_notset=True`.
#[test]
fn the_lenient_policy_is_prefects_default() {
    for (document, values, expected) in [
        (json!("{{ a }}"), json!({"a": {"k": 1}}), Some(json!({"k": 1}))),
        (json!("{{ a }}"), json!({"a": null}), Some(json!(null))),
        (json!("{{ a }}"), json!({}), None),
        (json!("x-{{ a }}-y"), json!({}), Some(json!("x--y"))),
        (json!("x-{{ a }}"), json!({"a": true}), Some(json!("x-True"))),
        (
            json!({"k": "{{ a }}", "l": ["{{ a }}", "{{ b }}", 1]}),
            json!({"a": [1]}),
            Some(json!({"k": [1], "l": [[1], 1]})),
        ),
        (json!("{{ $MYENV }}"), json!({}), Some(json!("envval"))),
        (json!("{{ $$MYENV }}"), json!({}), Some(json!("envval"))),
        (json!("{{ $NOPE }}"), json!({}), Some(json!(""))),
        (json!("v={{ $MYENV }}"), json!({}), Some(json!("v=envval"))),
        (json!("v={{ $NOPE }}"), json!({"NOPE": 1, "$NOPE": 2}), Some(json!("v="))),
        (json!({"image": "{{ $NOPE }}"}), json!({}), Some(json!({"image": ""}))),
        (json!("{{ prefect.blocks.secret.x }}"), json!({}), Some(json!("{{ prefect.blocks.secret.x }}"))),
        (json!("{{ a }}-{{ prefect.variables.x }}"), json!({"a": 1}), Some(json!("1-{{ prefect.variables.x }}"))),
        (json!({"x": {"y": "{{ n }}"}}), json!({}), Some(json!({"x": {}}))),
        (json!("{{ ctx.flow_run.name }}-{{ a }}"), json!({"a": 1}), Some(json!("-1"))),
    ] {
        assert_eq!(filled(&document, &values, &lenient()).unwrap(), expected, "{document}");
    }
}

/// The same with `remove_notset=False`. A document that is one unknown placeholder stays, too; `apply_values` answers `NotSet`
/// there, and its callers never ask.
#[test]
fn the_keeping_policy_leaves_unknown_placeholders_as_they_are_written() {
    for (document, values, expected) in [
        (json!("x-{{ a }}-y"), json!({}), json!("x-{{ a }}-y")),
        (json!("x-{{a}}-{{ b  }}"), json!({"b": 1}), json!("x-{{a}}-1")),
        (json!({"k": "{{ a }}", "l": ["{{ b }}"]}), json!({"a": 1}), json!({"k": 1, "l": ["{{ b }}"]})),
        (json!("{{ $NOPE }}"), json!({}), json!("{{ $NOPE }}")),
        (json!("{{ $NOPE }}{{ $MYENV }}{{ a }}"), json!({"a": 1}), json!("{{ $NOPE }}envval1")),
        (json!("{{a}}"), json!({}), json!("{{a}}")),
    ] {
        assert_eq!(filled(&document, &values, &keeping()).unwrap(), Some(expected), "{document}");
    }
}

#[test]
fn outputs_of_steps_come_in_once_they_are_known() {
    let deployment = json!({
        "work_pool": {"name": "{{ $MYENV }}", "job_variables": {"image": "{{ build-image.image }}", "tags": "{{ build-image.tags[0] }}"}},
        "version": "{{ get-commit-hash.stdout }}-{{ $MYENV }}",
        "flow_run_name": "{{ ctx.flow_run.name }}",
    });
    let early = filled(&deployment, &json!({}), &before_steps()).unwrap().unwrap();
    assert_eq!(
        early,
        json!({
            "work_pool": {"name": "envval", "job_variables": {"image": "{{ build-image.image }}", "tags": "{{ build-image.tags[0] }}"}},
            "version": "{{ get-commit-hash.stdout }}-envval",
            "flow_run_name": "{{ ctx.flow_run.name }}",
        })
    );
    let outputs =
        json!({"build-image": {"image": "flows:1", "tags": ["a", "b"]}, "get-commit-hash": {"stdout": "abc"}});
    assert_eq!(
        filled(&early, &outputs, &after_steps()).unwrap(),
        Some(json!({
            "work_pool": {"name": "envval", "job_variables": {"image": "flows:1", "tags": "a"}},
            "version": "abc-envval",
            "flow_run_name": "{{ ctx.flow_run.name }}",
        }))
    );
}

#[test]
fn every_undefined_variable_is_named_with_its_place() {
    let deployment = json!({
        "work_pool": {"job_variables": {"image": "{{ $IMG }}", "a/b": ["ok", "{{ $ONE }}:{{ $EMPTY }}{{ $TWO }}"]}},
        "version": "{{ $MYENV }}",
    });
    let error = filled(&deployment, &json!({}), &before_steps()).unwrap_err();
    assert_eq!(
        error,
        TemplatingError::Missing {
            places: vec![
                missing("/work_pool/job_variables/image", "{{ $IMG }}"),
                missing("/work_pool/job_variables/a~1b/1", "{{ $ONE }}"),
                missing("/work_pool/job_variables/a~1b/1", "{{ $TWO }}"),
            ]
        }
    );
    assert!(
        error.to_string().starts_with("`{{ $IMG }}` at `/work_pool/job_variables/image` has no value\n"),
        "{error}"
    );
    assert_eq!(
        filled(&deployment, &json!({}), &lenient()).unwrap().unwrap()["work_pool"]["job_variables"],
        json!({"image": "", "a/b": ["ok", ":"]})
    );
}

#[test]
fn every_unknown_output_is_named_with_its_place() {
    let deployment =
        json!({"image": "{{ build.image }}", "tags": ["{{ build.tag }}", "v{{ build.digest }}{{ nope }}"]});
    assert_eq!(
        filled(&deployment, &json!({"build": {"tag": "1"}}), &after_steps()),
        Err(TemplatingError::Missing {
            places: vec![
                missing("/image", "{{ build.image }}"),
                missing("/tags/1", "{{ build.digest }}"),
                missing("/tags/1", "{{ nope }}"),
            ]
        })
    );
}

#[test]
fn without_an_environment_its_variables_are_undefined() {
    let hidden = Policy { environment: Environment::Hidden, ..before_steps() };
    assert_eq!(
        filled(&json!("{{ $MYENV }}"), &json!({"MYENV": 1}), &hidden),
        Err(TemplatingError::Missing { places: vec![missing("", "{{ $MYENV }}")] })
    );
}

#[test]
fn nothing_that_was_put_in_is_searched_again() {
    let document = json!(["{{ $TRICK }}", "{{ b }}", "x{{ b }}"]);
    let values = json!({"a": 1, "b": "{{ $MYENV }}"});
    assert_eq!(
        filled(&document, &values, &lenient()).unwrap(),
        Some(json!(["{{ a }}", "{{ $MYENV }}", "x{{ $MYENV }}"]))
    );
}

#[test]
fn blocks_and_variables_come_in_and_all_else_stays() {
    let mut deployment = json!({
        "tags": ["{{ prefect.variables.tag }}", "v{{ prefect.variables.tag }}"],
        "limits": "{{ prefect.variables.limits }}",
        "site": "{{ prefect.blocks.json.site }}",
        "url": "https://{{ prefect.blocks.json.site.host }}/{{ prefect.variables.tag }}",
        "trick": "{{ prefect.variables.trick }}",
        "image": "{{ build.image }}:{{ $MYENV }}",
    });
    let mut references = References::default();
    references.collect(&deployment);
    assert!(
        references.into_vec().contains(&Reference::Block { type_slug: "json".to_owned(), name: "site".to_owned() })
    );
    resolve_all(&mut deployment, &known(), &before_steps()).unwrap();
    assert_eq!(
        deployment,
        json!({
            "tags": ["1.2", "v1.2"],
            "limits": {"cpu": 4},
            "site": {"host": "h", "tag": "1.2"},
            "url": "https://h/1.2",
            "trick": "{{ $MYENV }}",
            "image": "{{ build.image }}:{{ $MYENV }}",
        })
    );
}

#[test]
fn undefined_prefect_variables_follow_the_policy() {
    let document =
        json!({"a": "{{ prefect.variables.nope }}", "b": ["x{{ prefect.variables.nope }}{{ prefect.variables.tag }}"]});
    let resolved = |policy: &Policy<'_>| {
        let mut document = document.clone();
        resolve_all(&mut document, &known(), policy).map(|()| document)
    };
    assert_eq!(
        resolved(&before_steps()),
        Err(TemplatingError::Missing {
            places: vec![
                missing("/a", "{{ prefect.variables.nope }}"),
                missing("/b/0", "{{ prefect.variables.nope }}"),
            ]
        })
    );
    assert_eq!(resolved(&lenient()), Ok(json!({"a": "", "b": ["x1.2"]})));
    assert_eq!(
        resolved(&keeping()),
        Ok(json!({"a": "{{ prefect.variables.nope }}", "b": ["x{{ prefect.variables.nope }}1.2"]}))
    );
}

#[test]
fn a_block_that_does_not_exist_is_named_with_its_place_and_no_error_tells_a_secret() {
    let failing = |document: Value| {
        let mut document = document;
        resolve_all(&mut document, &known(), &before_steps()).unwrap_err().to_string()
    };
    assert_eq!(
        failing(json!({"steps": [{"token": "{{ prefect.blocks.secret.nope }}"}]})),
        "block `nope` of type `secret`, named at `/steps/0/token`: it does not exist"
    );
    let unusable = failing(json!({"a": "{{ prefect.blocks.secret.token.path }}"}));
    assert_eq!(unusable, "the reference at `/a` cannot be used: block `token` of type `secret` has nothing at `path`");
    assert!(
        failing(json!({"a": "x{{ prefect.blocks.json.site }}"})).contains("is an object and stands inside other text")
    );
}

#[test]
fn depth_and_size_are_bounded() {
    let mut deep = json!("{{ a }}");
    for _ in 0..21 {
        deep = json!([deep]);
    }
    assert_eq!(filled(&deep, &json!({}), &lenient()), Err(TemplatingError::Depth { limit: 20 }));
    assert_eq!(resolve_all(&mut deep, &known(), &lenient()), Err(TemplatingError::Depth { limit: 20 }));
    let values = json!({"a": "x".repeat(1_000)});
    assert!(filled(&json!(["{{ a }}", "{{ a }}", "{{ a }}"]), &values, &lenient()).is_ok());
    let four = json!(["{{ a }}", "{{ a }}", "{{ a }}", "{{ a }}"]);
    assert_eq!(filled(&four, &values, &lenient()), Err(TemplatingError::Size { limit: 4_000 }));
}
