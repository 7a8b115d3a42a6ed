//! The result of a check: how it ended, what it saw, and advice.

use crate::account::Trouble;
use crate::installation::help;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// As it has to be.
    Ok,
    /// Runs start, but not as well as they could.
    Warning,
    /// Runs do not start, or some do not.
    Failed,
    /// These credentials may not look, or there is no way to look from here.
    NotChecked,
}

impl Status {
    /// The status in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check.
    pub check: String,
    /// How it ended.
    pub status: Status,
    /// What it saw.
    pub what: String,
    /// Advice; empty if there is nothing to do.
    pub todo: String,
}

/// The results of all checks, in the order in which they were made.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds the result of a check.
    pub fn add(&mut self, status: Status, check: &str, what: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check: check.to_owned(), status, what: what.into(), todo: todo.into() });
    }

    /// Adds a check that found all as it has to be.
    pub fn ok(&mut self, check: &str, what: impl Into<String>) {
        self.add(Status::Ok, check, what, "");
    }

    /// AWS did not let us look.
    pub(super) fn not_checked(&mut self, check: &str, trouble: &Trouble) {
        self.add(Status::NotChecked, check, trouble.to_string(), help(trouble));
    }

    /// How many checks ended so.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }
}
