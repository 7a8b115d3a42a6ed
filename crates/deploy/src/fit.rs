//! Whether parameters fit the flow, and job variables the work pool; and text of the command line as the type wanted there.

use diagnosis::{PP0709, PP0710, PP0711};
use prefect_api::models::WorkPool;
use serde_json::{Map, Value};
use work_pool::{BaseJobTemplate, Layers, WorkPoolError, did_you_mean, near};

use crate::{
    actions::names_in,
    draft::Draft,
    flags::token,
    objection::Objection,
    problem::{Findings, Problem},
};

type Object = Map<String, Value>;

/// How many objections to the parameters of one deployment are told.
const MOST: usize = 20;

/// What `work-pool` says of a variable that is missing. A flow run may still give it.
const MISSING: &str = "missing, but required";

/// Text of a flag as what a schema wants. Text stays text where text is allowed.
pub(crate) fn convert(text: &str, schema: Option<&Value>, root: &Value, text_if_open: bool) -> Value {
    let kinds = schema.map(|schema| kinds_of(schema, root, 0)).unwrap_or_default();
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let keep = Value::String(text.to_owned());
    if kinds.is_empty() {
        return if text_if_open { keep } else { parsed.unwrap_or(keep) };
    }
    match parsed {
        Some(Value::Null) if kinds.contains(&"null") => Value::Null,
        Some(value) if !kinds.contains(&"string") && kinds.contains(&kind_of(&value)) => value,
        Some(value @ Value::Number(_)) if !kinds.contains(&"string") && kinds.contains(&"number") => value,
        // A text in quotes, where quotes are not part of it.
        Some(Value::String(inner)) if !text_if_open => Value::String(inner),
        _ if kinds.contains(&"string") => keep,
        _ if kinds.contains(&"boolean") => crate::draft::truth(text).map_or(keep, Value::Bool),
        Some(value) => value,
        None => keep,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Types that a schema allows; empty if it does not say.
pub(crate) fn kinds_of<'s>(schema: &'s Value, root: &'s Value, depth: usize) -> Vec<&'s str> {
    if depth > 8 {
        return Vec::new();
    }
    let mut kinds = Vec::new();
    match schema.get("type") {
        Some(Value::String(kind)) => kinds.push(kind.as_str()),
        Some(Value::Array(list)) => kinds.extend(list.iter().filter_map(Value::as_str)),
        _ => {}
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for part in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            kinds.extend(kinds_of(part, root, depth + 1));
        }
    }
    if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|it| root.pointer(it.strip_prefix('#')?))
    {
        kinds.extend(kinds_of(target, root, depth + 1));
    }
    kinds
}

/// Converts the texts that flags gave below `prefix`, a JSON pointer.
pub(crate) fn convert_texts(
    draft: &mut Draft,
    prefix: &str,
    properties: Option<&Value>,
    root: &Value,
    text_if_open: bool,
) {
    for pointer in draft.texts.clone() {
        let Some(key) = pointer.strip_prefix(prefix).and_then(|it| it.strip_prefix('/')) else { continue };
        let key = key.replace("~1", "/").replace("~0", "~");
        let schema = properties.and_then(|it| it.get(&key));
        let mut parts = prefix.split('/').skip(1);
        let first = parts.next().and_then(|part| draft.values.get_mut(part));
        let at = parts.fold(first, |at, part| at?.get_mut(part));
        if let Some(Value::Object(entries)) = at
            && let Some(value) = entries.get_mut(&key)
            && let Value::String(text) = value
            && !text.contains("{{")
        {
            *value = convert(text, schema, root, text_if_open);
        }
    }
}

/// Whether the parameters fit the flow's schema, as the server judges them. What still waits for outputs is not judged.
pub(crate) fn parameters(
    draft: &Draft,
    prefix: &str,
    parameters: &Object,
    schema: &Value,
    enforce: bool,
    findings: &mut Findings,
) {
    let properties = schema.get("properties").and_then(Value::as_object);
    // A flow that takes any keyword has no property for each.
    let open = schema.get("additionalProperties").is_some_and(|it| it != &Value::Bool(false));
    let names: Vec<&str> = properties.into_iter().flat_map(|it| it.keys().map(String::as_str)).collect();
    for name in parameters.keys().filter(|name| !open && !names.contains(&name.as_str())) {
        let pointer = format!("{prefix}/{}", token(name));
        let help = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| match names.is_empty() {
            true => "The flow takes no parameters.".to_owned(),
            false => format!("The flow takes: {}.", names.join(", ")),
        });
        let problem = draft.problem(PP0711, &pointer, "the flow has no such parameter").help(help);
        if enforce { findings.problem(problem) } else { findings.warning(problem) }
    }
    if !enforce {
        return;
    }
    let judged: Object = parameters
        .iter()
        .filter(|(_, value)| names_in(value).is_empty() && !is_hydrated(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let relaxed = without_required(schema.clone());
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).should_validate_formats(false);
    // A schema that cannot be compiled is the server's to judge.
    let Ok(validator) = options.build(&relaxed) else { return };
    let instance = Value::Object(judged);
    for error in validator.iter_errors(&instance).take(MOST) {
        let objection = Objection::of(&error);
        if objection.pointer.is_empty() {
            continue;
        }
        findings.problem(draft.problem(PP0711, &format!("{prefix}{}", objection.pointer), objection.text));
    }
}

/// A value that the server makes of a template.
fn is_hydrated(value: &Value) -> bool {
    value.get("__prefect_kind").is_some()
}

fn without_required(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(entries) => {
            if entries.get("required").is_some_and(Value::is_array) {
                entries.shift_remove("required");
            }
            entries.values_mut().for_each(|value| *value = without_required(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = without_required(value.take())),
        _ => {}
    }
    schema
}

/// The template of a pool; none for types whose template the server leaves empty.
pub(crate) fn template(pool: &WorkPool) -> Option<BaseJobTemplate> {
    let is_empty = pool.base_job_template.as_object().is_none_or(Map::is_empty);
    if is_empty && !pool.pool_type.starts_with("ecs") {
        return None;
    }
    BaseJobTemplate::from_value(&pool.base_job_template).ok()
}

/// Whether the job variables fit the pool. What still waits for outputs is not judged.
pub(crate) fn variables(draft: &Draft, variables: &Object, pool: &WorkPool, findings: &mut Findings) {
    const PREFIX: &str = "/work_pool/job_variables";
    if pool.pool_type == "prefect-agent" {
        let text =
            format!("the work pool \"{}\" is for agents, which cannot run deployments of prefect.yaml", pool.name);
        findings.problem(
            draft
                .problem(PP0709, "/work_pool/name", text)
                .help("Take a pool of another type; `pushpool pool create` makes one of type ecs:push."),
        );
        return;
    }
    let Some(template) = template(pool) else { return };
    let judged: Object = variables
        .iter()
        .filter(|(_, value)| names_in(value).is_empty())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let layers = Layers { deployment: Some(&judged), flow_run: None };
    match template.validate(layers) {
        Ok(()) => {}
        Err(WorkPoolError::ValidateVariables { violations }) => {
            for violation in violations.iter().filter(|it| it.found != MISSING) {
                let pointer = format!("{PREFIX}/{}", violation.variable.replace('.', "/"));
                let text = format!("found {}; allowed: {}", violation.found, violation.allowed);
                findings.problem(
                    draft
                        .problem(PP0710, &pointer, text)
                        .key(format!("work_pool.job_variables.{}", violation.variable)),
                );
            }
        }
        Err(error) => findings.problem(draft.problem(PP0710, PREFIX, error.to_string())),
    }
    for unused in template.unused(layers).into_iter().filter(|it| judged.contains_key(&it.variable)) {
        let pointer = format!("{PREFIX}/{}", token(&unused.variable));
        let text = format!("the work pool \"{}\" has no such variable, so it has no effect", pool.name);
        let problem = draft.problem(PP0710, &pointer, text);
        match &unused.nearest {
            Some(nearest) if !unused.declared => findings.problem(problem.help(format!("Did you mean `{nearest}`?"))),
            _ => findings.warning(problem),
        }
    }
}

/// There is no pool of this name.
pub(crate) fn no_such_pool(draft: &Draft, name: &str, names: &[String]) -> Problem {
    let near = near(name, names.iter().map(String::as_str));
    let help = match near.first() {
        Some(nearest) => format!("Did you mean `{nearest}`?"),
        None => format!("`pushpool pool create {name}` makes one for ECS; the server has: {}.", listed(names)),
    };
    draft.problem(PP0709, "/work_pool/name", format!("there is no work pool \"{name}\"")).help(help)
}

fn listed(names: &[String]) -> String {
    match names.len() {
        0 => "none".to_owned(),
        1..=12 => names.join(", "),
        more => format!("{} and {} more", names[..12].join(", "), more - 12),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_a_flag_becomes_what_the_schema_wants() {
        let root = json!({"definitions": {"E": {"enum": ["1"], "type": "string"}}});
        let cases = [
            ("5", json!({"type": "integer"}), json!(5)),
            ("5", json!({"type": "number"}), json!(5)),
            ("5", json!({"type": "string"}), json!("5")),
            ("yes", json!({"type": "boolean"}), json!(true)),
            ("null", json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}), json!(null)),
            ("[1]", json!({"type": "array"}), json!([1])),
            ("1", json!({"$ref": "#/definitions/E"}), json!("1")),
            ("many", json!({"type": "integer"}), json!("many")),
        ];
        for (text, schema, expected) in cases {
            assert_eq!(convert(text, Some(&schema), &root, true), expected, "{text} {schema}");
        }
        assert_eq!(convert("5", None, &root, true), json!("5"));
        assert_eq!(convert("5", None, &root, false), json!(5));
    }

    fn judged(given: Value, schema: Value) -> Vec<String> {
        let mut findings = Findings::default();
        let draft = Draft::of_values(Object::new());
        parameters(&draft, "/parameters", given.as_object().expect("object"), &schema, true, &mut findings);
        findings
            .problems
            .iter()
            .map(|it| format!("{}: {} {}", it.subject.key.clone().unwrap_or_default(), it.text, it.help))
            .collect()
    }

    #[test]
    fn parameters_are_judged_by_name_and_type() {
        let schema = json!({"type": "object", "required": ["day"], "properties": {"batch": {"type": "integer"}, "day": {"type": "string"}}});
        assert_eq!(judged(json!({"batch": 1}), schema.clone()), [] as [&str; 0]);
        assert_eq!(
            judged(json!({"batch": "250", "dey": "x"}), schema.clone()),
            [
                "parameters.dey: the flow has no such parameter Did you mean `day`?",
                "parameters.batch: found text, wanted integer "
            ]
        );
        assert_eq!(judged(json!({"batch": "{{ build.n }}"}), schema.clone()), [] as [&str; 0]);
        assert_eq!(judged(json!({"batch": {"__prefect_kind": "json", "value": "1"}}), schema), [] as [&str; 0]);
    }

    fn pool(template: Value, kind: &str) -> WorkPool {
        serde_json::from_value(
            json!({"id": uuid::Uuid::nil(), "name": "p", "type": kind, "base_job_template": template}),
        )
        .expect("a pool")
    }

    #[test]
    fn job_variables_are_judged_by_the_template_of_the_pool() {
        let template = json!({"job_configuration": {"cpu": "{{ cpu }}", "image": "{{ image }}"},
            "variables": {"properties": {"cpu": {"type": "integer"}, "image": {"type": "string"}}, "required": ["image"]}});
        let judge = |given: Value, kind: &str| {
            let mut findings = Findings::default();
            variables(
                &Draft::of_values(Object::new()),
                given.as_object().expect("object"),
                &pool(template.clone(), kind),
                &mut findings,
            );
            let told =
                |it: &Problem| format!("{}: {} {}", it.subject.key.clone().unwrap_or_default(), it.text, it.help);
            (findings.problems.iter().map(told).collect::<Vec<_>>(), findings.warnings.len())
        };
        assert_eq!(judge(json!({"cpu": 512, "zebra": 1}), "ecs:push"), (vec![], 1));
        assert_eq!(judge(json!({"cpu": "{{ a.b }}"}), "ecs:push"), (vec![], 0));
        let (problems, _) = judge(json!({"cpu": "many", "imag": "x"}), "docker");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("work_pool.job_variables.cpu: found"), "{problems:?}");
        assert!(problems[1].ends_with("Did you mean `image`?"), "{problems:?}");
        assert!(judge(json!({}), "prefect-agent").0[0].contains("for agents"));
    }
}
