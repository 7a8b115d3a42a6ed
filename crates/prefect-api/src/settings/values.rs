//! From what stands somewhere to a value, with pydantic's idea of what may stand for it.

use std::time::Duration;

use serde_json::Value;

use super::{Origin, Secret, Setting, SettingsError, layer::Found};

fn bad(name: &'static str, expected: &'static str, origin: Origin) -> SettingsError {
    SettingsError::Value { name, expected, origin: Box::new(origin) }
}

pub(super) fn text(name: &'static str, found: Option<Found>) -> Result<Option<Setting<String>>, SettingsError> {
    match found {
        None => Ok(None),
        Some(Found { value: Value::String(value), origin }) => Ok(Some(Setting { value, origin })),
        Some(found) => Err(bad(name, "text", found.origin)),
    }
}

pub(super) fn switch(name: &'static str, found: Option<Found>) -> Result<Option<Setting<bool>>, SettingsError> {
    let Some(Found { value, origin }) = found else {
        return Ok(None);
    };
    let on = match &value {
        Value::Bool(on) => Some(*on),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    };
    match on {
        Some(value) => Ok(Some(Setting { value, origin })),
        None => Err(bad(name, "true or false", origin)),
    }
}

/// Seconds.
pub(super) fn number(name: &'static str, found: Option<Found>) -> Result<Option<Setting<Duration>>, SettingsError> {
    let Some(Found { value, origin }) = found else {
        return Ok(None);
    };
    let seconds = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|time| !time.is_zero()) {
        Some(value) => Ok(Some(Setting { value, origin })),
        None => Err(bad(name, "a number of seconds above zero", origin)),
    }
}

/// Headers of all places together; those found first win.
pub(super) fn headers(found: Vec<Found>) -> Result<Vec<(String, Setting<Secret>)>, SettingsError> {
    const NAME: &str = "PREFECT_CLIENT_CUSTOM_HEADERS";
    const EXPECTED: &str = "a JSON object of header names and texts";
    let mut merged: Vec<(String, Found)> = Vec::new();
    for Found { value, origin } in found.into_iter().rev() {
        // Only files can hold a table as it is; everywhere else, and in a profile always, it is JSON in a text.
        let value = match value {
            Value::String(json) => serde_json::from_str(&json).map_err(|_| bad(NAME, EXPECTED, origin.clone()))?,
            Value::Object(_) if matches!(origin, Origin::Profile { .. }) => return Err(bad(NAME, EXPECTED, origin)),
            value => value,
        };
        match value {
            Value::Null => {}
            Value::Object(table) => {
                for (name, value) in table {
                    let found = Found { value, origin: origin.clone() };
                    match merged.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => *known = found,
                        None => merged.push((name, found)),
                    }
                }
            }
            _ => return Err(bad(NAME, EXPECTED, origin)),
        }
    }
    let checked = |(name, Found { value, origin }): (String, Found)| match value {
        Value::String(value) => Ok((name, Setting { value: Secret(value), origin })),
        _ => Err(bad(NAME, EXPECTED, origin)),
    };
    merged.into_iter().map(checked).collect()
}
