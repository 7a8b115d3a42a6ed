//! Answers in a file, whose comments and layout stay.

use std::{fs, io, path::Path};

use serde_json::{Value, json};
use yaml::{EditError, Editor, Step, YamlError};

use super::{Answers, Offer};

/// Why the answers are not in the file.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is a file already.
    #[error("{file} exists; nothing was changed")]
    Exists {
        /// The file.
        file: String,
    },
    /// It cannot be read or written.
    #[error("cannot write {file}")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is not YAML.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: YamlError,
    },
    /// The editor cannot add to it.
    #[error("{file} cannot be changed without changing more than the deployment")]
    Edit {
        /// The file.
        file: String,
        /// Why.
        source: EditError,
    },
}

/// Adds the deployment to the file, which is created if there is none.
///
/// # Errors
/// [`SaveError`]; the file is as it was.
pub fn save(path: &Path, offer: &Offer, answers: &Answers) -> Result<(), SaveError> {
    let file = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => head(offer),
        Err(source) => return Err(SaveError::Write { file, source }),
    };
    let mut editor = Editor::new(text).map_err(|source| SaveError::Read { file: file.clone(), source })?;
    let deployment = Value::Object(answers.deployment.clone());
    editor
        .append(&[Step::Key("deployments")], &deployment)
        .map_err(|source| SaveError::Edit { file: file.clone(), source })?;
    replace(path, &editor.into_text()).map_err(|source| SaveError::Write { file, source })
}

/// Writes a first file: the project's name, how runs get the code, and a deployment for the first flow that is found.
///
/// # Errors
/// [`SaveError`]; a file that exists is not changed.
pub fn first_file(path: &Path, offer: &Offer, pool: Option<&str>) -> Result<String, SaveError> {
    let file = path.display().to_string();
    if path.exists() {
        return Err(SaveError::Exists { file });
    }
    let mut text = head(offer);
    text.push_str("\n# How a run gets the code. `pull: []` means that the image has it in its working directory.\n");
    match &offer.remote {
        Some(remote) => {
            text.push_str("pull:\n- prefect.deployments.steps.git_clone:\n");
            for (key, value) in remote.step() {
                text.push_str(&format!("    {key}: {value}\n"));
            }
        }
        None => text.push_str("pull: []\n"),
    }
    text.push_str("\ndeployments:\n");
    let entrypoint = offer.flows.first().map_or("path/to/file.py:function", |flow| flow.entrypoint.as_str());
    text.push_str(&format!("- name: default\n  entrypoint: {}\n", json!(entrypoint)));
    text.push_str(&format!("  work_pool:\n    name: {}\n", json!(pool.unwrap_or("my-pool"))));
    text.push_str("  # schedules:\n  # - cron: \"0 6 * * *\"\n  #   timezone: UTC\n  #   slug: morning\n");
    replace(path, &text).map_err(|source| SaveError::Write { file, source })?;
    Ok(text)
}

fn head(offer: &Offer) -> String {
    format!("# Deployments of this project; see docs/deploying.md of pushpool.\nname: {}\n", json!(offer.folder))
}

/// All of the new text or the old one: never half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = folder.join(name);
    fs::write(&temporary, text)?;
    if let Ok(metadata) = fs::metadata(path) {
        fs::set_permissions(&temporary, metadata.permissions())?;
    }
    fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
