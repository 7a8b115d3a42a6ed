//! Why a use case did not do what it was asked to.
//!
//! One rule for all errors of this crate and of the command line: a `Display` never contains its own source. A reader who
//! wants the whole story asks [`with_sources`], which walks the chain, so each cause is said once.

use std::{error::Error, io};

use diagnosis::Diagnosis;

/// Why a use case did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// A template cannot be rendered or stored; never empty.
    #[error("{}", .0.iter().map(|it| format!("{}: {}", it.code, it.summary)).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Diagnosis>),
    /// The change would make runs crash; never empty.
    #[error("runs would crash: {}", .0.iter().map(|it| it.summary.as_str()).collect::<Vec<_>>().join("; "))]
    Crashing(Vec<Diagnosis>),
    /// It cannot be done, for a reason that takes more than a line to tell.
    #[error("{summary}{}{detail}", if .detail.is_empty() { "" } else { ": " })]
    Explained {
        /// What failed, in one line.
        summary: String,
        /// Why, as far as that is known; may be empty.
        detail: String,
        /// What to do about it; may be empty.
        help: String,
    },
    /// Prefect's settings are looked for from the working directory on, and the process has none.
    #[error("cannot find the working directory")]
    FindWorkingDirectory(#[source] io::Error),
}

/// An error with its causes, from the outermost to the innermost: "cannot read a.json: No such file or directory".
#[must_use]
pub fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = ManageError::FindWorkingDirectory(io::Error::other("canary"));
        assert!(!error.to_string().contains("canary"));
        assert_eq!(with_sources(&error), "cannot find the working directory: canary");
    }

    #[test]
    fn an_explanation_is_one_line_where_it_has_to_be() {
        let explained = |detail: &str| ManageError::Explained {
            summary: "it failed".to_owned(),
            detail: detail.to_owned(),
            help: "Do it right.".to_owned(),
        };
        assert_eq!(with_sources(&explained("")), "it failed");
        assert_eq!(with_sources(&explained("too hot")), "it failed: too hot");
    }
}
