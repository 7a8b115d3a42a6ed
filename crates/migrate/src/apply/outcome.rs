//! What became of each change.

use diagnosis::Diagnosis;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is made.
    Done,
    /// It was made already.
    Already,
    /// It was not made on purpose, for this reason: a pool that is not empty stays.
    Kept(String),
    /// It was not made, or not as it was to be.
    Failed(Diagnosis),
}

impl Outcome {
    /// Why it was not made, or not as it was to be.
    #[must_use]
    pub fn failure(&self) -> Option<&Diagnosis> {
        match self {
            Self::Failed(diagnosis) => Some(diagnosis),
            Self::Done | Self::Already | Self::Kept(_) => None,
        }
    }
}

/// What became of all changes, in the order in which they were tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Each object, as a user calls it, with its outcome.
    pub outcomes: Vec<(String, Outcome)>,
    /// What the user should know of scheduled runs, see [`gather()`](crate::runs::gather()).
    pub notes: Vec<String>,
}

impl Report {
    /// How many changes failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.outcomes.iter().filter(|(_, outcome)| outcome.failure().is_some()).count()
    }
}
