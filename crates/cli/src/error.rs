//! What can go wrong in a command, the words for it, and the exit code.
//!
//! Errors of the use cases come from `manage` and pass through. Those of this crate are about files, the terminal and
//! processes. As there, no `Display` contains its own source, and [`with_sources`] tells each cause once.

use std::{io, path::PathBuf};

use diagnosis::Diagnosis;
use manage::{ManageError, with_sources};

use crate::output::{self, BAD, paint};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file or directory of the user cannot be read.
    #[error("cannot read {path}")]
    ReadFile { path: String, source: io::Error },
    /// It is not JSON. The content is not quoted: it may hold secrets.
    #[error("{path} is not JSON: line {line} column {column}")]
    ParseJson { path: String, line: usize, column: usize },
    /// It is JSON of another kind than wanted.
    #[error("{path}: {problem}")]
    WrongDocument { path: String, problem: String },
    /// Two arguments want standard input.
    #[error("only one argument can be -, which is standard input")]
    StandardInputTwice,
    /// No messages where they were looked for.
    #[error("{path} holds no messages")]
    NoMessages { path: String },
    /// A use case did not do what it was asked to.
    #[error(transparent)]
    Manage(#[from] ManageError),
    /// The user was asked and said no, or left the question.
    #[error("nothing was changed")]
    Declined,
    /// Ended by Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A setting cannot be used.
    #[error("{0}")]
    BadSetting(String),
    /// The endpoint of AWS on loopback cannot be opened.
    #[error("cannot listen on 127.0.0.1:{port}")]
    OpenEndpoint { port: u16, source: io::Error },
    /// AWS on loopback refused what `dev` asked of it.
    #[error("AWS on loopback: {operation} was refused: {reason}")]
    PrepareLoopback { operation: &'static str, reason: String },
    /// The function binary cannot be started.
    #[error("cannot start the function {}", path.display())]
    StartFunction { path: PathBuf, source: io::Error },
    /// The asynchronous runtime or the signal handlers cannot be set up.
    #[error("cannot {what}")]
    SetUp { what: &'static str, source: io::Error },
    /// Standard output does not take what is written.
    #[error("cannot write to standard output")]
    WriteOutput(#[source] io::Error),
}

impl CliError {
    /// The run cannot be rendered, for these reasons; never none.
    pub(crate) fn refused(reasons: Vec<Diagnosis>) -> Self {
        Self::Manage(ManageError::Refused(reasons))
    }

    /// 2 where another command line would help, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::StandardInputTwice => 2,
            Self::Declined | Self::Interrupted => 130,
            _ => 1,
        }
    }

    /// Tells the user on standard error.
    pub(crate) fn tell(&self) {
        match self {
            Self::Manage(error) => tell(error),
            Self::Interrupted => {}
            Self::Declined => {
                // A question hides it.
                let _ = dialoguer::console::Term::stderr().show_cursor();
                output::say(format_args!("\n{self}"));
            }
            other => output::say(format_args!("{} {}", paint(BAD, "error:"), with_sources(other))),
        }
    }
}

fn tell(error: &ManageError) {
    match error {
        ManageError::Refused(reasons) => reasons.iter().for_each(|it| output::say(output::explain(it))),
        ManageError::Crashing(reasons) => {
            reasons.iter().for_each(|it| output::say(output::explain(it)));
            output::say("Nothing was changed: runs with these defaults would crash. --force stores them all the same.");
        }
        ManageError::Explained { summary, detail, help } => {
            output::say(output::explained(&paint(BAD, "error:"), summary, detail, help));
        }
        other @ ManageError::FindWorkingDirectory(_) => {
            output::say(format_args!("{} {}", paint(BAD, "error:"), with_sources(other)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_contains_its_source_and_the_chain_tells_it_once() {
        let source = || io::Error::other("canary");
        let path = || "p".to_owned();
        for error in [
            CliError::ReadFile { path: path(), source: source() },
            CliError::OpenEndpoint { port: 1, source: source() },
            CliError::StartFunction { path: "p".into(), source: source() },
            CliError::SetUp { what: "start the runtime", source: source() },
            CliError::WriteOutput(source()),
            CliError::Manage(ManageError::FindWorkingDirectory(source())),
        ] {
            assert!(!error.to_string().contains("canary"), "{error}");
            assert_eq!(with_sources(&error), format!("{error}: canary"));
        }
    }
}
