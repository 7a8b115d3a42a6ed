//! One place with values, and how a setting is called there.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use super::{Origin, SettingsError};

/// What a layer has for a setting.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Values by names of variables in small letters, with the name as it is written.
type Variables = BTreeMap<String, (String, String)>;

#[cfg_attr(not(feature = "settings"), expect(dead_code, reason = "a function has variables only"))]
pub(super) enum Layer {
    Environment(Variables),
    DotEnv {
        path: PathBuf,
        values: Variables,
    },
    /// A TOML file whose settings are under `prefix`: nothing, or `tool.prefect.`.
    File {
        path: PathBuf,
        prefix: &'static str,
        root: Value,
    },
    Profile {
        name: String,
        path: Option<PathBuf>,
        values: Value,
    },
}

impl Layer {
    pub(super) fn environment(variables: &BTreeMap<String, String>) -> Self {
        Self::Environment(by_small_name(variables.iter().map(|(name, value)| (name.clone(), value.clone()))))
    }

    /// The value of a setting; `section` is empty for the settings of no section. `table`: whether it may be a table.
    pub(super) fn get(&self, section: &str, name: &str, table: bool) -> Result<Option<Found>, SettingsError> {
        let variable = if section.is_empty() { format!("PREFECT_{name}") } else { format!("PREFECT_{section}_{name}") };
        match self {
            Self::Environment(values) => Ok(values.get(&variable.to_lowercase()).map(|(written, value)| Found {
                value: Value::from(value.as_str()),
                origin: Origin::Variable(written.clone()),
            })),
            Self::DotEnv { path, values } => Ok(values.get(&variable.to_lowercase()).map(|(written, value)| Found {
                value: Value::from(value.as_str()),
                origin: Origin::DotEnv { variable: written.clone(), path: path.clone() },
            })),
            Self::File { path, prefix, root } => {
                let mut at = root;
                let mut key = String::new();
                for part in prefix.split('.').chain([section]).filter(|part| !part.is_empty()) {
                    key = format!("{key}{part}.");
                    at = match at.get(part) {
                        None => return Ok(None),
                        Some(below) if below.is_object() => below,
                        Some(_) => {
                            let problem = format!("`{}` must be a table", key.trim_end_matches('.'));
                            return Err(SettingsError::File { path: path.clone(), problem });
                        }
                    };
                }
                let origin = || Origin::File { key: format!("{key}{name}"), path: path.clone() };
                // A table where a value belongs is taken for a section by Prefect, and passed over.
                let value = at.get(name).filter(|value| table || !value.is_object());
                Ok(value.map(|value| Found { value: value.clone(), origin: origin() }))
            }
            Self::Profile { name: profile, path, values } => Ok(values.get(variable.to_uppercase()).map(|value| {
                Found { value: value.clone(), origin: Origin::Profile { name: profile.clone(), path: path.clone() } }
            })),
        }
    }
}

pub(super) fn by_small_name(variables: impl Iterator<Item = (String, String)>) -> Variables {
    variables.map(|(name, value)| (name.to_lowercase(), (name, value))).collect()
}
