//! The files, and which of them are there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    ActiveProfile, Place, SettingsError, dotenv,
    layer::{Layer, by_small_name},
};

/// All layers, the strongest first.
pub(super) fn layers(place: &Place) -> Result<(Vec<Layer>, Option<ActiveProfile>), SettingsError> {
    let mut layers = vec![Layer::environment(&place.variables)];
    let path = place.directory.join(".env");
    // A directory `.env`, as virtual environments are sometimes called, is none.
    let variables = match fs::metadata(&path) {
        Ok(file) if !file.is_dir() => dotenv::parse(&read(&path)?.unwrap_or_default(), &place.variables),
        _ => Vec::new(),
    };
    let values = by_small_name(variables.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))));
    layers.push(Layer::DotEnv { path, values });
    let mut tables = Vec::new();
    for (name, prefix) in [("prefect.toml", ""), ("pyproject.toml", "tool.prefect.")] {
        let path = place.directory.join(name);
        if let Some(root) = toml(&path)? {
            tables.push((prefix, root.clone()));
            layers.push(Layer::File { path, prefix, root });
        }
    }
    if TEST_MODES.iter().any(|name| variable(place, name).is_some()) {
        return Ok((layers, None));
    }
    let dotenv_path = variables.iter().rev().find(|(name, _)| name == "PREFECT_PROFILES_PATH");
    let dotenv_path = dotenv_path.and_then(|(_, value)| value.as_deref()).filter(|path| !path.is_empty());
    let (layer, profile) = profile(place, dotenv_path, &tables)?;
    layers.push(layer);
    Ok((layers, Some(profile)))
}

/// With one of these Prefect reads no profile (`settings/sources.py`, `_is_test_mode`).
const TEST_MODES: [&str; 4] =
    ["PREFECT_TEST_MODE", "PREFECT_UNIT_TEST_MODE", "PREFECT_TESTING_UNIT_TEST_MODE", "PREFECT_TESTING_TEST_MODE"];

/// The profiles Prefect has without a file, as far as they matter here (prefect 3.8.8, `settings/profiles.toml`).
fn built_in() -> Value {
    json!({
        "active": "ephemeral",
        "profiles": {
            "ephemeral": {},
            "local": {"PREFECT_API_URL": "http://127.0.0.1:4200/api"},
            "test": {},
            "cloud": {},
        },
    })
}

/// `settings/sources.py`, `ProfileSettingsTomlLoader` and `_get_profiles_path`.
fn profile(
    place: &Place,
    dotenv_path: Option<&str>,
    tables: &[(&str, Value)],
) -> Result<(Layer, ActiveProfile), SettingsError> {
    let path = profiles_path(place, dotenv_path, tables);
    let found = match &path {
        Some(path) => toml(path)?,
        None => Some(built_in()),
    };
    let wanted =
        place.profile.as_deref().filter(|name| !name.is_empty()).or_else(|| variable(place, "PREFECT_PROFILE"));
    let active = found.as_ref().and_then(|found| found["active"].as_str()).filter(|name| !name.is_empty());
    let Some(name) = wanted.or(active) else {
        return Ok(default_profile(None, path));
    };
    let values = found.as_ref().and_then(|found| found["profiles"].get(name));
    match values {
        None => Ok(default_profile(Some(name), path)),
        Some(values) if values.is_object() => {
            let profile = ActiveProfile { name: name.to_owned(), path: path.clone(), exists: true };
            Ok((Layer::Profile { name: name.to_owned(), path, values: values.clone() }, profile))
        }
        Some(_) => Err(SettingsError::File {
            path: path.unwrap_or_default(),
            problem: format!("`profiles.{name}` must be a table"),
        }),
    }
}

/// What Prefect uses where there is no profile of the name: one that sets nothing we read.
fn default_profile(missing: Option<&str>, path: Option<PathBuf>) -> (Layer, ActiveProfile) {
    let layer = Layer::Profile { name: "ephemeral".to_owned(), path: None, values: json!({}) };
    let profile = match missing {
        Some(name) => ActiveProfile { name: name.to_owned(), path, exists: false },
        None => ActiveProfile { name: "ephemeral".to_owned(), path: None, exists: true },
    };
    (layer, profile)
}

/// The file of profiles; none if Prefect's built-in ones are used.
fn profiles_path(place: &Place, dotenv_path: Option<&str>, tables: &[(&str, Value)]) -> Option<PathBuf> {
    let from_table = |(prefix, root): &(&str, Value)| {
        let mut at = root;
        for part in prefix.split('.').filter(|part| !part.is_empty()) {
            at = at.get(part)?;
        }
        at.get("profiles_path")?.as_str().filter(|path| !path.is_empty()).map(PathBuf::from)
    };
    let named = variable(place, "PREFECT_PROFILES_PATH")
        .or(dotenv_path)
        .map(PathBuf::from)
        .or_else(|| tables.iter().find_map(from_table))
        .or_else(|| variable(place, "PREFECT_HOME").map(|home| Path::new(home).join("profiles.toml")));
    match named {
        Some(path) => Some(place.directory.join(path)),
        None => {
            let usual = place.home.as_ref()?.join(".prefect").join("profiles.toml");
            usual.exists().then_some(usual)
        }
    }
}

fn variable<'a>(place: &'a Place, name: &str) -> Option<&'a str> {
    place.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn toml(path: &Path) -> Result<Option<Value>, SettingsError> {
    let Some(text) = read(path)? else {
        return Ok(None);
    };
    toml::from_str(&text).map(Some).map_err(|error| {
        // The parser's own text quotes the line, and that may hold a key.
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        SettingsError::File { path: path.to_owned(), problem: format!("line {line} is not TOML") }
    })
}

/// None if there is no such file.
fn read(path: &Path) -> Result<Option<String>, SettingsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SettingsError::File { path: path.to_owned(), problem: error.to_string() }),
    }
}
