//! The text of the new `prefect.yaml`.

use prefect_api::models::Object;
use serde_json::{Value, json};
use yaml::{EditError, Editor, Step};

use super::{Deployment, Project, ProjectError, file::Base};
use crate::plan::Action;

/// Brings the base to its new content, or writes a new file. `first` is the first deployment that is not in the base.
pub(super) fn text(
    project: &Project<'_>,
    base: Option<&Base<'_>>,
    deployments: &mut [Deployment],
    first: usize,
) -> Result<Option<String>, ProjectError> {
    refuse_twins(deployments);
    match base {
        Some(base) => rewritten(base, deployments, first)
            .map(Some)
            .map_err(|source| ProjectError::Edit { path: base.file.path.clone(), source }),
        None if deployments.iter().all(|deployment| deployment.value.is_none()) => Ok(None),
        None => new_file(project, deployments)
            .map(Some)
            .map_err(|source| ProjectError::Edit { path: "prefect.yaml".to_owned(), source }),
    }
}

/// Of two deployments of one flow with one name, the server keeps the last. The first one stays in the file.
fn refuse_twins(deployments: &mut [Deployment]) {
    let identity = |deployment: &Deployment| {
        let value = deployment.value.as_ref()?;
        Some((value.get("name")?.clone(), value.get("entrypoint")?.clone()))
    };
    for index in 1..deployments.len() {
        let own = identity(&deployments[index]);
        let twin = deployments[..index].iter().find(|other| own.is_some() && identity(other) == own);
        if let Some(first) = twin.map(|twin| twin.file.clone()) {
            let deployment = &mut deployments[index];
            deployment.value = None;
            deployment.action = Action::Skip;
            deployment.reasons = vec![format!("{first} has a deployment of this name and entrypoint")];
        }
    }
}

fn rewritten(base: &Base<'_>, deployments: &[Deployment], first: usize) -> Result<String, EditError> {
    let old: &Object = &base.file.content;
    let mut content = base.content.clone();
    let values: Vec<Value> = deployments.iter().filter_map(|deployment| deployment.value.clone()).collect();
    if old.contains_key("deployments") || !values.is_empty() {
        content.insert("deployments".to_owned(), Value::Array(values));
    }
    let mut editor = Editor::new(base.file.text.as_str())?.through_aliases();
    for (index, deployment) in deployments.iter().enumerate().take(first) {
        rename_schedule(&mut editor, index, deployment)?;
    }
    editor.update(&[], &Value::Object(content))?;
    Ok(editor.into_text())
}

/// The comments of a single schedule stay with it in the list.
fn rename_schedule(editor: &mut Editor, index: usize, deployment: &Deployment) -> Result<(), EditError> {
    let is_listed = deployment.value.as_ref().is_some_and(|value| value.get("schedules").is_some());
    let path = [Step::Key("deployments"), Step::Index(index), Step::Key("schedule")];
    let node = yaml::read(editor.text())?;
    let deployment = node.at(&path[..2]);
    let is_single = deployment.is_some_and(|node| node.get("schedule").is_some() && node.get("schedules").is_none());
    if is_listed && is_single {
        // A schedule that comes from a merged mapping cannot be renamed here, and gets an entry of its own.
        let _ = editor.rename(&path, "schedules");
    }
    Ok(())
}

fn new_file(project: &Project<'_>, deployments: &[Deployment]) -> Result<String, EditError> {
    let mut editor = Editor::new("")?;
    editor.set(&[], &json!({"prefect-version": null, "name": project.name}))?;
    let head = format!("{}\nbuild: null\npush: null\npull: null\n\ndeployments:\n", editor.text());
    let mut editor = Editor::new(head)?;
    for value in deployments.iter().filter_map(|deployment| deployment.value.as_ref()) {
        editor.append(&[Step::Key("deployments")], value)?;
    }
    Ok(editor.into_text())
}
