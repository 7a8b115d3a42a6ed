//! The decisions that differ between the documents that hold placeholders.

use std::fmt;

use crate::limits::Limits;

/// What placeholders may reach, and what becomes of those without a value.
///
/// | document, pass | `environment` | `undefined` | `unknown` |
/// | --- | --- | --- | --- |
/// | job configuration | hidden | remove | remove |
/// | deployment in `prefect.yaml`, before its steps run | given | refuse (Prefect: keep) | keep |
/// | the same, once the outputs of the steps are known | given | refuse (Prefect: remove) | remove |
/// | pull steps | given | refuse (Prefect: keep) | keep |
#[derive(Debug, Clone, Copy)]
pub struct Policy<'p> {
    /// Where `{{ $NAME }}` gets its value.
    pub environment: Environment<'p>,
    /// What becomes of `{{ $NAME }}` and `{{ prefect.variables.name }}` if there is no such variable. Both are text, so one
    /// that is removed leaves an empty string, as in Prefect, and the entry around it stays.
    pub undefined: Missing,
    /// What becomes of `{{ name }}` if the values have no such name, or nothing at its path. One that is removed takes
    /// the entry or item along that consists of it, and leaves nothing in other text.
    pub unknown: Missing,
    /// Beginnings of names that are left as they are written: another program replaces those later.
    pub kept: &'p [&'p str],
    /// Bounds of the document and of the result.
    pub limits: Limits,
}

/// Where `{{ $NAME }}` gets its value.
#[derive(Clone, Copy)]
pub enum Environment<'p> {
    /// From nowhere: every environment variable is undefined. For documents whose authors may not read the environment of
    /// the process that renders them.
    Hidden,
    /// From this function, by the name without `$`.
    From(&'p dyn Fn(&str) -> Option<String>),
}

impl Environment<'_> {
    pub(crate) fn get(self, name: &str) -> Option<String> {
        match self {
            Self::Hidden => None,
            Self::From(environment) => environment(name),
        }
    }
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Hidden) { "Hidden" } else { "From(..)" })
    }
}

/// What becomes of a placeholder without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It stays as it is written (Prefect's `remove_notset=False`).
    Keep,
    /// It goes.
    Remove,
    /// It is an error that names the placeholder and where it stands.
    Refuse,
}
