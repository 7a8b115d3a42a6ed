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
];

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

/// Ours refuses something below a variable that was given by a dotted key.
fn is_about_a_dotted_variable(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let dotted = |variables: &Value| variables.as_object().is_some_and(|it| it.keys().any(|key| key.contains('.')));
    answer.schema_errors.is_empty()
        && ours.is_some()
        && (dotted(&case.deployment_job_variables) || dotted(&case.flow_run_job_variables))
}
