//! Steps under their names of today.

use prefect_api::models::Object;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    estate::{Block, Estate},
    mapping::{findings::Findings, storage},
    plan::Level,
};

/// Functions that lost the word `project` when projects became deployments.
const RENAMED: [(&str, &str); 7] = [
    ("git_clone_project", "git_clone"),
    ("push_project_to_s3", "push_to_s3"),
    ("pull_project_from_s3", "pull_from_s3"),
    ("push_project_to_gcs", "push_to_gcs"),
    ("pull_project_from_gcs", "pull_from_gcs"),
    ("push_project_to_azure_blob_storage", "push_to_azure_blob_storage"),
    ("pull_project_from_azure_blob_storage", "pull_from_azure_blob_storage"),
];

/// Blocks whose classes are gone from Prefect 3.
const GONE: [&str; 4] = ["s3", "gcs", "azure", "github"];

/// The full name of a step today.
pub(super) fn current_name(name: &str) -> String {
    if !name.starts_with("prefect") {
        return name.to_owned();
    }
    let name = name.replacen(".projects.steps", ".deployments.steps", 1);
    let (module, function) = name.rsplit_once('.').unwrap_or(("", &name));
    match RENAMED.iter().find(|(old, _)| *old == function) {
        Some((_, new)) => format!("{module}.{new}"),
        None => name,
    }
}

/// Steps of a `build`, `push` or `pull`, each under its name of today.
pub(super) fn modernise(steps: &Value, estate: Option<&Estate>, findings: &mut Findings) -> Value {
    match steps {
        Value::Array(items) => items.iter().map(|step| current(step, estate, findings)).collect(),
        Value::Object(_) => current(steps, estate, findings),
        other => other.clone(),
    }
}

fn current(step: &Value, estate: Option<&Estate>, findings: &mut Findings) -> Value {
    let Some((name, inputs)) = step.as_object().filter(|step| step.len() == 1).and_then(|step| step.iter().next())
    else {
        return step.clone();
    };
    let current = current_name(name);
    if current != *name {
        findings.note("step_renamed", format!("The step {name} is called {current} today."));
    }
    let renamed = json!({current.as_str(): inputs});
    if current.ends_with(".pull_with_block") {
        return with_block(inputs, estate, findings).unwrap_or(renamed);
    }
    renamed
}

/// A step that needs no class, in place of `pull_with_block`.
fn with_block(inputs: &Value, estate: Option<&Estate>, findings: &mut Findings) -> Option<Value> {
    let input = |name: &str| inputs.get(name).and_then(Value::as_str);
    let (slug, name) = (input("block_type_slug")?, input("block_document_name")?);
    if !GONE.contains(&slug) {
        findings.note(
            "pull_with_block",
            format!("The step loads {slug}/{name} itself: the image needs the class of that block."),
        );
        return None;
    }
    let Some(block) = estate.and_then(|estate| named(estate, slug, name)) else {
        findings.risk(
            Level::High,
            "block_class_gone",
            format!("The class of {slug}/{name} is gone from Prefect 3, and the block is not known here: translate with the server at hand."),
        );
        return None;
    };
    pull(Some(block), None, findings).into_iter().next()
}

/// The block of a type and name.
pub(super) fn named<'a>(estate: &'a Estate, slug: &str, name: &str) -> Option<&'a Block> {
    estate.blocks.values().find(|block| block.block_type.slug == slug && block.usable_name() == Some(name))
}

/// The pull steps for a storage block and a path in it, or for a path alone.
pub(super) fn pull(block: Option<&Block>, path: Option<&str>, findings: &mut Findings) -> Vec<Value> {
    let deployment =
        json!({"id": Uuid::nil(), "flow_id": Uuid::nil(), "name": "", "entrypoint": "flow.py:flow", "path": path});
    let pulled = serde_json::from_value(deployment)
        .map_err(|error| error.to_string())
        .and_then(|deployment| storage::pull(&deployment, block));
    match pulled {
        Ok(pull) => {
            findings.extend(pull.findings);
            pull.steps
        }
        Err(reason) => {
            findings.risk(Level::High, "storage_not_carried", format!("No step can pull the code: {reason}."));
            Vec::new()
        }
    }
}

/// Whether a section has no step.
pub(super) fn is_empty(steps: Option<&Value>) -> bool {
    match steps {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(step)) => Object::is_empty(step),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_become_those_of_today() {
        for (old, new) in [
            ("prefect.projects.steps.git_clone_project", "prefect.deployments.steps.git_clone"),
            ("prefect.deployments.steps.git_clone_project", "prefect.deployments.steps.git_clone"),
            ("prefect.projects.steps.set_working_directory", "prefect.deployments.steps.set_working_directory"),
            ("prefect_aws.projects.steps.push_project_to_s3", "prefect_aws.deployments.steps.push_to_s3"),
            ("prefect_docker.projects.steps.build_docker_image", "prefect_docker.deployments.steps.build_docker_image"),
            ("prefect.deployments.steps.git_clone", "prefect.deployments.steps.git_clone"),
            ("mine.projects.steps.x", "mine.projects.steps.x"),
        ] {
            assert_eq!(current_name(old), new);
        }
    }
}
