//! Answers in a file, whose comments and layout stay.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde_json::{Value, json};
use yaml::{EditError, Editor, Step, YamlError};

use super::{Answers, Offer, code};

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
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            head(offer).map_err(|source| SaveError::Edit { file: file.clone(), source })?
        }
        Err(source) => return Err(SaveError::Write { file, source }),
    };
    let mut editor = Editor::new(text).map_err(|source| SaveError::Read { file: file.clone(), source })?;
    let deployment = Value::Object(answers.deployment.clone());
    editor
        .append(&[Step::Key("deployments")], &deployment)
        .map_err(|source| SaveError::Edit { file: file.clone(), source })?;
    replace(path, &editor.into_text()).map_err(|source| SaveError::Write { file, source })
}

/// What the user says about the deployment of a first file.
#[derive(Debug, Clone, Copy, Default)]
pub struct First<'a> {
    /// Its work pool.
    pub pool: Option<&'a str>,
    /// Its image.
    pub image: Option<&'a str>,
}

/// Writes a first file: the project's name, how runs get the code, and a deployment for the first flow that is found.
///
/// # Errors
/// [`SaveError`]; a file that exists is not changed.
pub fn first_file(path: &Path, offer: &Offer, said: &First<'_>) -> Result<String, SaveError> {
    let file = path.display().to_string();
    let text = first_text(offer, said).map_err(|source| SaveError::Edit { file: file.clone(), source })?;
    // Not even a file that appears at this moment is written over.
    let mut created = match fs::File::create_new(path) {
        Ok(created) => created,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(SaveError::Exists { file }),
        Err(source) => return Err(SaveError::Write { file, source }),
    };
    created.write_all(text.as_bytes()).map_err(|source| SaveError::Write { file, source })?;
    Ok(text)
}

fn first_text(offer: &Offer, said: &First<'_>) -> Result<String, EditError> {
    let mut text = head(offer)?;
    let (comment, pull) = match &offer.remote {
        Some(remote) => ("Runs clone the code; what is not pushed is not in them.", code::pull_of(remote)),
        None => ("How a run gets the code: an empty list if the image has it in its working directory.", json!([])),
    };
    text = filled(format!("{text}\n# {comment}\npull:\n"), "pull", &pull)?;
    let Some(flow) = offer.flows.first() else {
        return Ok(text + "\n# No flow was found; `pushpool deploy` asks for one.\ndeployments: []\n");
    };
    let mut work_pool = json!({"name": said.pool.unwrap_or("my-pool")});
    if let Some(image) = said.image {
        work_pool["job_variables"] = json!({"image": image});
    }
    let first = json!({"name": "default", "entrypoint": flow.entrypoint, "work_pool": work_pool});
    let text = filled(text + "\ndeployments:\n", "deployments", &json!([first]))?;
    Ok(text + "  # schedules:\n  # - cron: \"0 6 * * *\"\n  #   timezone: UTC\n  #   slug: morning\n")
}

/// The beginning of a new file.
fn head(offer: &Offer) -> Result<String, EditError> {
    let text = "# Deployments of this project; see docs/deploying.md of pushpool.\nname:\n";
    filled(text.to_owned(), "name", &json!(offer.folder))
}

/// The text with the value of a key that has none yet.
fn filled(text: String, key: &str, value: &Value) -> Result<String, EditError> {
    let mut editor = Editor::new(text)?;
    editor.set(&[Step::Key(key)], value)?;
    Ok(editor.into_text())
}

/// All of the new text or the old one: never half of it. A link stays one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = folder.join(name);
    let written =
        fs::File::create_new(&temporary).and_then(|mut file| file.write_all(text.as_bytes())).and_then(|()| {
            match fs::metadata(path) {
                Ok(metadata) => fs::set_permissions(&temporary, metadata.permissions()),
                Err(_) => Ok(()),
            }
        });
    written.and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
