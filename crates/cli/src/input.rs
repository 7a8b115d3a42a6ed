//! Reading what the user names: files, and `-` for standard input.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use serde_json::Value;

use crate::error::CliError;

/// The path that means standard input.
pub(crate) const STANDARD_INPUT: &str = "-";

/// Whether the path means standard input.
pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// How the path is called towards the user.
pub(crate) fn name_of(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Refuses that two arguments read standard input: the second would find nothing.
pub(crate) fn check_standard_input<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), CliError> {
    match paths.into_iter().filter(|path| is_standard_input(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(CliError::StandardInputTwice),
    }
}

/// The bytes of a file or of standard input as text; what is not UTF-8 is replaced, as SQS takes text only.
pub(crate) fn text(path: &Path) -> Result<String, CliError> {
    let read = || -> io::Result<Vec<u8>> {
        if is_standard_input(path) {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        fs::read(path)
    };
    let bytes = read().map_err(|source| CliError::ReadFile { path: name_of(path), source })?;
    // A byte order mark, which some editors write, is no part of the text.
    let text = String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A JSON document.
pub(crate) fn json(path: &Path) -> Result<Value, CliError> {
    serde_json::from_str(&text(path)?).map_err(|error| CliError::ParseJson {
        path: name_of(path),
        line: error.line(),
        column: error.column(),
    })
}
