//! Where the verdict on the job variables is not the server's.

use diagnosis::Diagnosis;
use serde_json::Value;

use super::{Difference, Effect, is_falsy};
use crate::oracle::{Answer, Case};

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "what a reference stands for is not judged",
        reason: "The server judges the text of a placeholder or the `$ref` object, which is not what will be rendered.",
        effect: Effect::Judge(is_about_a_reference),
    },
    Difference {
        name: "dotted variables are judged",
        reason: "The server takes `env.X` for an undeclared variable.",
        effect: Effect::Judge(is_about_a_dotted_variable),
    },
    Difference {
        name: "the environment is judged as it will be merged",
        reason: "The server replaces the deployment's environment by the run's before it judges; what is rendered has both.",
        effect: Effect::Judge(is_about_merged_environment),
    },
    Difference {
        name: "a required variable is missed whatever the defaults are",
        reason: "The server stops looking for required variables as soon as one default of the pool does not fit its own type.",
        effect: Effect::Judge(is_about_a_required_variable),
    },
    Difference {
        name: "null is not judged",
        reason: "It unsets a variable, whatever the schema says about its values. The server takes it for a value of an enumeration.",
        effect: Effect::Judge(is_about_null),
    },
];

/// The server refuses the null of a variable; ours does not mention it.
fn is_about_null(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let Some(refusal) = answer.schema_errors.first() else { return false };
    let layers = [&case.deployment_job_variables, &case.flow_run_job_variables];
    let mut variables = layers.into_iter().filter_map(Value::as_object).flatten();
    ours.is_none() && variables.any(|(name, value)| value.is_null() && refusal.contains(&format!("'{name}'")))
}

/// Ours misses a variable and has nothing else to say.
fn is_about_a_required_variable(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let requires = case.template.pointer("/variables/required").is_some();
    let only_misses = ours.is_some_and(|it| {
        let text = format!("{}{}", it.summary, it.detail);
        let (misses, objections) = (text.matches("missing, but required").count(), text.matches("allowed:").count());
        misses > 0 && misses == objections
    });
    answer.schema_errors.is_empty() && requires && only_misses
}

/// Ours refuses a value of the deployment's environment that the server does not look at, or the server refuses a run's
/// environment that adds nothing.
fn is_about_merged_environment(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let of = |variables: &'_ Value| variables.get("env").cloned();
    let (Some(deployment), Some(run)) = (of(&case.deployment_job_variables), of(&case.flow_run_job_variables)) else {
        return false;
    };
    match answer.schema_errors.first() {
        None => deployment.is_object() && run.is_object() && ours.is_some_and(|it| it.detail.contains("env.")),
        // What Python adds to a dictionary without complaint.
        Some(refusal) => ours.is_none() && refusal.contains("field 'env'") && is_falsy(&run),
    }
}

/// The server refuses a variable that holds a reference; ours does not mention it.
fn is_about_a_reference(case: &Case, answer: &Answer, ours: Option<&Diagnosis>) -> bool {
    let Some(refusal) = answer.schema_errors.first() else { return false };
    if refusal == "Block not found." {
        return ours.is_none();
    }
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
    let mut dotted =
        layers.into_iter().filter_map(Value::as_object).flat_map(|it| it.keys()).filter(|key| key.contains('.'));
    match answer.schema_errors.first() {
        None => ours.is_some() && dotted.next().is_some(),
        Some(refusal) => ours.is_none() && dotted.any(|key| refusal.contains(&format!("'{key}'"))),
    }
}
