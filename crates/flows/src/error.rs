//! Why there is no flow at an entrypoint.

use std::{fmt, path::PathBuf};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Relative to the project's root if the file lies inside.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// What an entrypoint names when it is no flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A function without `@flow`.
    Function,
    /// A function with `@task`.
    Task,
    /// A class.
    Class,
    /// A module.
    Module,
    /// Any other value.
    Value,
}

/// Why there is no flow at an entrypoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// The entrypoint is empty.
    #[error("the entrypoint is blank: write it as path/to/file.py:function")]
    Blank,
    /// The entrypoint names no function.
    #[error("entrypoint {entrypoint:?} names no function: write it as path/to/file.py:function{}", such_as(.flows))]
    Format {
        /// As written.
        entrypoint: String,
        /// Entrypoints that the file offers.
        flows: Vec<String>,
    },
    /// There is no such file.
    #[error("entrypoint {entrypoint:?}: there is no file {}{}", .file.display(), meant(.nearest))]
    NoFile {
        /// As written.
        entrypoint: String,
        /// Relative to the root.
        file: PathBuf,
        /// An entrypoint that exists.
        nearest: Option<String>,
    },
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

fn such_as(flows: &[String]) -> String {
    if flows.is_empty() { String::new() } else { format!(", such as {}", flows.join(" or ")) }
}
