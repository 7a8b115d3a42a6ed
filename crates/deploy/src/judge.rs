//! Whether one deployment can be: its parameters, schedules, triggers, limits and job variables.

use diagnosis::{PP0702, PP0704, PP0706, PP0707};
use flows::Flow;
use jiff::Timestamp;
use prefect_api::models::{ConcurrencyOptions, WorkPool};
use serde_json::Value;

use crate::{
    actions::{Known, names_in},
    draft::{Draft, Object, truth},
    fit,
    problem::{Findings, Problem},
    trigger, version,
    wanted::strategy,
};

/// Names of outputs that the deployment's own values use and no step gives.
pub(crate) fn names_without_step(draft: &Draft, known: &Known, findings: &mut Findings) {
    for (key, value) in &draft.values {
        for (pointer, name) in names_in(value) {
            let pointer = format!("/{key}{pointer}");
            // The parameters of a trigger are templates of the automation.
            let of_event = key == "triggers" && pointer.split('/').any(|part| part == "parameters");
            if of_event || known.has(&name) || draft.allows_undefined {
                continue;
            }
            let text = format!("`{{{{ {name} }}}}` has no value");
            let problem = draft.problem(PP0704, &pointer, text).help(known.help(&name));
            // Braces in prose are rarely meant for placeholders; Prefect cuts them out.
            if key == "description" { findings.warning(problem) } else { findings.problem(problem) }
        }
    }
}

/// Everything about one deployment that needs its flow and its pool.
pub(crate) fn judge(draft: &mut Draft, flow: &Flow, pool: Option<&WorkPool>, cloud: bool, findings: &mut Findings) {
    fit::convert_texts(draft, "/parameters", flow.schema.get("properties"), &flow.schema, false);
    let parameters = draft.values.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    let enforce = enforce(draft).unwrap_or(true);
    fit::parameters(draft, "/parameters", &parameters, &flow.schema, enforce, findings);
    match schedules::parse_all(&draft.values, Timestamp::now()) {
        Ok(declared) => {
            for (pointer, warning) in declared.warnings {
                findings.warning(draft.problem(PP0706, &pointer, warning.to_string()));
            }
            for (index, schedule) in declared.schedules.iter().flatten().enumerate() {
                let prefix = format!("/schedules/{index}/parameters");
                fit::parameters(draft, &prefix, &schedule.parameters, &flow.schema, enforce, findings);
            }
        }
        // A schedule that waits for outputs is judged when they are there.
        Err(errors) => {
            for error in errors.into_iter().filter(|it| !waits(draft, &it.pointer)) {
                findings.problem(draft.problem(PP0706, &error.pointer, error.error.to_string()));
            }
        }
    }
    if let Some(specs) = draft.values.get("triggers").and_then(Value::as_array)
        && names_in(&without_parameters(specs)).is_empty()
        && let Err(problems) = trigger::read(specs, &draft.label, cloud)
    {
        for (pointer, problem) in problems {
            findings.problem(draft.problem(PP0707, &pointer, problem.text).help(problem.help));
        }
    }
    sla(draft, findings);
    names(draft, findings);
    if let Err(problem) = limit(draft) {
        findings.problem(problem);
    }
    if let Some(kind) = draft.text("/version_type")
        && !version::TYPES.contains(&kind)
    {
        let text = format!("found \"{kind}\", wanted one of {}", version::TYPES.join(", "));
        findings.problem(draft.problem(PP0702, "/version_type", text));
    }
    let Some(pool) = pool else { return };
    let properties = pool.base_job_template.pointer("/variables/properties");
    fit::convert_texts(draft, "/work_pool/job_variables", properties, &pool.base_job_template, true);
    fit::variables(draft, &job_variables(draft), pool, findings);
}

fn waits(draft: &Draft, pointer: &str) -> bool {
    let top = pointer.split('/').nth(1).unwrap_or_default();
    draft.values.get(top).is_some_and(|value| !names_in(value).is_empty())
}

fn without_parameters(specs: &[Value]) -> Value {
    let stripped = |spec: &Value| {
        let mut spec = spec.clone();
        if let Value::Object(entries) = &mut spec {
            entries.shift_remove("parameters");
        }
        spec
    };
    Value::Array(specs.iter().map(stripped).collect())
}

/// Characters in names that the server answers with an error or, for `&`, with an internal one.
fn names(draft: &Draft, findings: &mut Findings) {
    const BANNED: [char; 5] = ['/', '%', '&', '>', '<'];
    for pointer in ["/name", "/work_pool/work_queue_name"] {
        let Some(name) = draft.text(pointer).filter(|name| !name.contains("{{")) else { continue };
        if let Some(found) = name.chars().find(|it| BANNED.contains(it)) {
            let text = format!("found `{found}` in \"{name}\"");
            findings.problem(draft.problem(PP0702, pointer, text).help("The server takes no name with / % & > or <."));
        }
    }
}

/// Service level agreements exist on Prefect Cloud only.
fn sla(draft: &Draft, findings: &mut Findings) {
    let given = draft.values.get("sla").is_some_and(|it| !it.is_null() && it != &Value::Array(Vec::new()));
    if given {
        let text = "service level agreements are not deployed by pushpool";
        findings.problem(
            draft.problem(PP0702, "/sla", text).help("Remove it, or use `prefect deploy` with Prefect Cloud."),
        );
    }
}

/// Its job variables.
pub(crate) fn job_variables(draft: &Draft) -> Object {
    let pool = draft.values.get("work_pool").and_then(Value::as_object);
    pool.and_then(|it| it.get("job_variables")).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A truth value at the top of the deployment.
pub(crate) fn flag(draft: &Draft, key: &str) -> Option<bool> {
    match draft.values.get(key)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) => truth(text),
        Value::Number(number) => truth(&number.to_string()),
        _ => None,
    }
}

/// Whether the server enforces the schema of the parameters, as far as the file says so.
pub(crate) fn enforce(draft: &Draft) -> Option<bool> {
    flag(draft, "enforce_parameter_schema")
}

/// The limit of a deployment, and what becomes of runs beyond it.
pub(crate) fn limit(draft: &Draft) -> Result<(Option<u32>, Option<ConcurrencyOptions>), Problem> {
    const AT: &str = "/concurrency_limit";
    let number = |value: &Value, at: &str| match value {
        Value::Null => Ok(None),
        value => {
            let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            match number.and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0) {
                Some(number) => Ok(Some(number)),
                None if value.as_str().is_some_and(|text| text.contains("{{")) => Ok(None),
                None => Err(draft.problem(PP0702, at, format!("found {value}, wanted a whole number above 0"))),
            }
        }
    };
    match draft.values.get("concurrency_limit") {
        None => Ok((None, None)),
        Some(Value::Object(entries)) => {
            for key in entries.keys() {
                const KEYS: [&str; 3] = ["limit", "collision_strategy", "grace_period_seconds"];
                if !KEYS.contains(&key.as_str()) {
                    let help =
                        work_pool::did_you_mean(key, KEYS).unwrap_or_else(|| format!("There are {}.", KEYS.join(", ")));
                    return Err(draft.problem(PP0702, &format!("{AT}/{key}"), "unknown key").help(help));
                }
            }
            let Some(limit) = number(entries.get("limit").unwrap_or(&Value::Null), "/concurrency_limit/limit")? else {
                return Err(draft.problem(PP0702, AT, "`limit` is missing"));
            };
            let word = entries.get("collision_strategy").filter(|it| !it.is_null());
            let strategy = match word {
                None => None,
                Some(word) => Some(word.as_str().and_then(strategy).ok_or_else(|| {
                    draft.problem(
                        PP0702,
                        "/concurrency_limit/collision_strategy",
                        format!("found {word}, wanted ENQUEUE or CANCEL_NEW"),
                    )
                })?),
            };
            let grace = entries.get("grace_period_seconds").filter(|it| !it.is_null());
            let grace = match grace {
                None => None,
                Some(value) => Some(
                    value
                        .as_u64()
                        .and_then(|it| u32::try_from(it).ok())
                        .filter(|it| (60..=86_400).contains(it))
                        .ok_or_else(|| {
                            draft.problem(
                                PP0702,
                                "/concurrency_limit/grace_period_seconds",
                                format!("found {value}, wanted 60 to 86400 seconds"),
                            )
                        })?,
                ),
            };
            let options = strategy
                .map(|collision_strategy| ConcurrencyOptions { collision_strategy, grace_period_seconds: grace });
            Ok((Some(limit), options))
        }
        Some(value) => Ok((number(value, AT)?, None)),
    }
}
