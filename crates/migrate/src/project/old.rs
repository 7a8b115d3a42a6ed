//! Files of Prefect 2 by what they are.

use prefect_api::models::Object;
use serde_json::Value;

use super::{ProjectError, ProjectFile};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `prefect.yaml`.
    Project,
    /// `deployment.yaml` of Prefect 2.10: a list of deployments beside a `prefect.yaml` without them.
    Deployments,
    /// `deployment.yaml` of Prefect 2.10.0: a single deployment.
    Single,
    /// What `prefect deployment build` or `Deployment.build_from_flow` wrote.
    Artefact,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(super) struct OldFile {
    pub path: String,
    pub text: String,
    pub kind: Kind,
    pub content: Object,
}

impl OldFile {
    pub(super) fn read(file: &ProjectFile) -> Result<Self, ProjectError> {
        let ProjectFile { path, text } = file.clone();
        let node = yaml::read(&text).map_err(|source| ProjectError::Yaml { path: path.clone(), source })?;
        let Value::Object(content) = node.to_json() else { return Err(ProjectError::Unknown { path }) };
        let kind = kind(&path, &content).ok_or_else(|| ProjectError::Unknown { path: path.clone() })?;
        Ok(Self { path, text, kind, content })
    }

    /// The deployments of a file that lists them.
    pub(super) fn deployments(&self) -> Result<Vec<Object>, ProjectError> {
        let wrong = |key: &str, wanted| ProjectError::Kind { path: self.path.clone(), key: key.to_owned(), wanted };
        if self.kind == Kind::Single {
            return Ok(vec![self.content.clone()]);
        }
        match self.content.get("deployments") {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    item.as_object().cloned().ok_or_else(|| wrong(&format!("deployments[{index}]"), "a mapping"))
                })
                .collect(),
            Some(_) => Err(wrong("deployments", "a list")),
        }
    }
}

/// Puts the list of a `deployment.yaml` behind the `prefect.yaml` that has none, so that the comments of both stay.
pub(super) fn joined(mut files: Vec<OldFile>) -> Vec<OldFile> {
    let of_kind = |kind| files.iter().position(|file| file.kind == kind);
    let (Some(project), Some(list)) = (of_kind(Kind::Project), of_kind(Kind::Deployments)) else { return files };
    let (first, second) = (&files[project], &files[list]);
    if first.content.keys().any(|key| second.content.contains_key(key)) {
        return files;
    }
    let text = format!("{}\n\n{}", first.text.trim_end(), second.text.trim_start());
    let joined = OldFile::read(&ProjectFile { path: first.path.clone(), text });
    let keys = first.content.len() + second.content.len();
    if let Ok(joined) = joined
        && joined.content.len() == keys
    {
        files[project] = joined;
        files.remove(list);
    }
    files
}

fn kind(path: &str, content: &Object) -> Option<Kind> {
    let has = |keys: &[&str]| keys.iter().any(|key| content.contains_key(*key));
    let file_name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let is_of_project = has(&["pull", "push", "build", "prefect-version"]);
    if is_of_project || (file_name.starts_with("prefect.") && has(&["deployments"])) {
        Some(Kind::Project)
    } else if has(&["deployments"]) {
        Some(Kind::Deployments)
    } else if has(&["infrastructure", "infra_overrides", "manifest_path"]) && has(&["entrypoint", "flow_name"]) {
        Some(Kind::Artefact)
    } else if has(&["work_pool"]) && has(&["entrypoint", "flow_name"]) {
        Some(Kind::Single)
    } else {
        None
    }
}
