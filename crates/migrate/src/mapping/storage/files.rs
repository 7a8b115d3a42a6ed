//! Directories: of the image, of another machine, or none.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    Storage,
    place::{joined, resolved},
};
use crate::{
    mapping::{findings::Findings, literal::holds_reference, secret},
    plan::Level,
};

const HOME_DIRECTORY: &str = "The step does not know `~`: write the directory out.";

/// Without a block the agent's container copied the path into its working directory.
///
/// # Errors
/// There is no path either, which fails every run.
pub(super) fn without_block(path: Option<&str>, findings: &mut Findings) -> Result<Value, String> {
    let path = path.filter(|path| !path.is_empty());
    let path = path.ok_or("the deployment has neither storage nor a path: its runs find no code under the agent")?;
    // A relative path is resolved twice: as the base, and in it.
    let is_whole = path.starts_with(['/', '~']) || path == ".";
    let directory = if is_whole { path.to_owned() } else { format!("{path}/{path}") };
    if path.starts_with('~') {
        findings.risk(Level::High, "home_directory", HOME_DIRECTORY);
    } else if directory != path {
        findings.risk(
            Level::High,
            "relative_path",
            format!("The path `{path}` is relative, and Prefect 2 looked for it in itself (`{directory}`): check where the code is."),
        );
    } else if path != "." {
        findings.note(
            "directory_not_copied",
            format!(
                "The agent's container copied {path} into its working directory; the step changes into it. Files that lie \
                 beside it in the image are no longer neighbours."
            ),
        );
    }
    Ok(set_working_directory(&directory))
}

fn set_working_directory(directory: &str) -> Value {
    json!({"prefect.deployments.steps.set_working_directory": {"directory": directory}})
}

impl Storage<'_> {
    /// A directory that the container sees: in its image, or mounted.
    pub(super) fn local_file_system(&mut self) -> Result<Value, String> {
        let base = self.text("basepath").unwrap_or(".");
        let path = self.path.filter(|path| !path.is_empty() && *path != ".");
        let directory = match path {
            None => base.to_owned(),
            // A relative base is one of the container's working directory, which is not known here.
            Some(path) if path.starts_with('/') && base.starts_with('/') && !Path::new(path).starts_with(base) => {
                return Err(format!(
                    "the path {path} is outside of {} ({base}), which fails under the agent",
                    self.block.label()
                ));
            }
            Some(path) if path.starts_with('/') => path.to_owned(),
            Some(path) => joined(base, Some(path)),
        };
        if directory.starts_with('~') {
            self.findings.risk(Level::High, "home_directory", HOME_DIRECTORY);
        }
        self.findings.risk(
            Level::Medium,
            "directory_of_image",
            format!("{directory} has to be in the image or mounted into the container; the step changes into it and copies nothing."),
        );
        Ok(set_working_directory(&directory))
    }

    /// A file system of fsspec. The API does not mask its settings, and yet no key goes into a step.
    pub(super) fn remote_file_system(&mut self) -> Result<Value, String> {
        let base = self.place("basepath")?;
        let place = resolved(&base, self.path)?;
        let url = if place.ends_with('/') { place } else { format!("{place}/") };
        let mut inputs = Map::from_iter([("url".to_owned(), Value::from(url))]);
        let settings = self.block.data.get("settings").and_then(Value::as_object).cloned().unwrap_or_default();
        if settings.contains_key("url") {
            return Err(format!("{} has a setting `url`, which the step takes for its own", self.block.label()));
        }
        for (name, value) in &settings {
            let carried = self.setting(&["settings", name], name, value);
            inputs.extend(carried.map(|value| (name.clone(), value)));
        }
        Ok(json!({"prefect.deployments.steps.pull_from_remote_storage": inputs}))
    }

    /// A setting, with its secrets as references.
    fn setting(&mut self, place: &[&str], name: &str, value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => {
                let carry = |(member, value): (&String, &Value)| {
                    let inner = [place, &[member.as_str()]].concat();
                    Some((member.clone(), self.setting(&inner, member, value)?))
                };
                Some(Value::Object(members.iter().filter_map(carry).collect()))
            }
            value if secret::is_secret_setting(name, value) || secret::holds_mask(value) => {
                self.reference(place).map(Value::from)
            }
            value => {
                if holds_reference(value) {
                    self.findings.risk(
                        Level::High,
                        "text_becomes_reference",
                        format!(
                            "{}: {} names a block or variable, which the step puts in",
                            self.block.label(),
                            place.join(".")
                        ),
                    );
                }
                Some(value.clone())
            }
        }
    }
}
