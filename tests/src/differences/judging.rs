//! Where the verdict on the job variables is not the server's.

use serde_json::Value;
use work_pool::Diagnosis;

use super::{Difference, Effect};
use crate::oracle::{Answer, Case};

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "what a reference stands for is not judged",
        reason: "The server judges the text of a placeholder or the `$ref` object, which is not what will be rendered.",
        effect: Effect::Judge(is_about_a_reference),
    },
    Difference {
        name: "dotted variables are judged",
        reason: "The server takes `env.X` for a variable nobody declared.",
        effect: Effect::Judge(is_about_a_dotted_variable),
    },
    Difference {
        name: "the environment is judged as it will be merged",
        reason: "The server replaces the deployment's environment by the run's before it judges; what is rendered has both.",
        effect: Effect::Judge(is_about_merged_environment),
    },
    Difference {
        name: "what cannot be merged is refused when it is judged",
        reason: "The server lets an environment of null pass, and the worker fails when it merges it.",
        effect: Effect::Judge(is_about_merging),
    },
];

/// Neither side can merge the layers.
fn is_about_merging(_: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let cannot_merge = ours.is_some_and(|it| ["PP0106", "PP0107"].contains(&it.code));
    answer.schema_errors.is_empty() && answer.error.is_some() && cannot_merge
}

/// Ours refuses a value of the deployment's environment that the server does not look at.
fn is_about_merged_environment(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let has = |variables: &Value| variables.get("env").is_some_and(Value::is_object);
    answer.schema_errors.is_empty()
        && ours.is_some_and(|it| it.summary.contains("`env.") || it.detail.contains("`env.") || it.detail.contains("env."))
        && has(&case.deployment_job_variables)
        && has(&case.flow_run_job_variables)
}

/// The server refuses a variable that holds a reference; ours does not mention it.
fn is_about_a_reference(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let Some(refusal) = answer.schema_errors.first() else { return false };
    let Some(field) = refusal.split('\'').nth(1) else { return false };
    let root = field.split(['.', '[']).next().unwrap_or_default();
    let holder = case.template.pointer("/variables/properties").and_then(|it| it.get(root)?.get("default"));
    let given = [case.deployment_job_variables.get(root), case.flow_run_job_variables.get(root), holder];
    let reference = |value: &Value| {
        let text = value.to_string();
        text.contains("\"$ref\"") || text.contains("{{ prefect.")
    };
    ours.is_none() && given.into_iter().flatten().any(reference)
}

/// Ours refuses something below a variable that was given by a dotted key, or the server refuses what the dotted key is
/// about.
fn is_about_a_dotted_variable(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let layers = [&case.deployment_job_variables, &case.flow_run_job_variables];
    let mut dotted = layers.into_iter().filter_map(Value::as_object).flat_map(|it| it.keys()).filter(|key| key.contains('.'));
    match answer.schema_errors.first() {
        None => ours.is_some() && dotted.next().is_some(),
        Some(refusal) => ours.is_none() && dotted.any(|key| refusal.contains(&format!("'{key}'"))),
    }
}
