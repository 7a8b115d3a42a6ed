//! Why an upgrade, or its rollback, did not do what it was asked to.

use std::{io, path::PathBuf};

use diagnosis::{Diagnosis, PP0801, PP0802, PP0803, PP0804, PP0805, PP0806, PP0807};
use manage::{ManageError, with_sources};

use crate::estate::EstateError;

/// Why nothing more was written. What concerns a single deployment is an outcome of that deployment and no error.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// The server does not answer, or refuses a question.
    #[error(transparent)]
    Server(#[from] ManageError),
    /// A document of the server cannot be read.
    #[error(transparent)]
    Estate(#[from] EstateError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of a plan is none.
    #[error("{} is not a plan: {problem}", path.display())]
    NoPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without values.
        problem: String,
    },
    /// The server is not the one that the plan or the journal names.
    #[error("{what} is for the server at {wanted}, and this is {found}")]
    OtherServer {
        /// `the plan` or `the journal`.
        what: &'static str,
        /// Where it was made.
        wanted: String,
        /// Where it was to be used.
        found: String,
    },
    /// Objects differ from what the plan was made from; never empty.
    #[error("{}", .0.join("\n"))]
    Stale(Vec<String>),
    /// The journal cannot be used.
    #[error("{}: {problem}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file of a journal cannot be read or written.
    #[error("cannot use the journal {}", path.display())]
    JournalFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A pool that is to be made exists and is another one.
    #[error("work pool \"{name}\" exists{difference}")]
    PoolTaken {
        /// Its name.
        name: String,
        /// How it differs.
        difference: &'static str,
    },
    /// A name does not name a deployment that is changed.
    #[error("{name}: {problem}")]
    Selection {
        /// What the user wrote.
        name: String,
        /// Why it is none.
        problem: String,
    },
}

impl UpgradeError {
    /// What a user is told; none where the error of the server says it all.
    #[must_use]
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        let code = match self {
            Self::Server(_) => return None,
            Self::Estate(_) => PP0801,
            Self::Read { .. } | Self::Write { .. } | Self::NoPlan { .. } => PP0802,
            Self::OtherServer { .. } => PP0803,
            Self::Stale(_) => PP0804,
            Self::Journal { .. } | Self::JournalFile { .. } => PP0805,
            Self::PoolTaken { .. } => PP0806,
            Self::Selection { .. } => PP0807,
        };
        Some(Diagnosis::of(code, with_sources(self)))
    }
}

/// The error of the server as it is, and every other one with its code.
impl From<UpgradeError> for ManageError {
    fn from(error: UpgradeError) -> Self {
        match (error.diagnosis(), error) {
            (_, UpgradeError::Server(error)) => error,
            (Some(diagnosis), _) => Self::Refused(vec![diagnosis]),
            (None, other) => {
                Self::Explained { summary: with_sources(&other), detail: String::new(), help: String::new() }
            }
        }
    }
}
