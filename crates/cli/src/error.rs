//! What can go wrong in a command, and the exit code it ends with.

use std::{io, path::PathBuf};

use work_pool::Diagnosis;

use crate::output::{self, BAD, paint};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// A file or directory of the user cannot be read.
    #[error("cannot read {path}: {source}")]
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
    /// The run cannot be rendered.
    #[error("{}: {}", .0.code, .0.summary)]
    Refused(Diagnosis),
    /// The same, for several reasons; never none.
    #[error("{}", .0.iter().map(|it| format!("{}: {}", it.code, it.summary)).collect::<Vec<_>>().join("\n"))]
    AllRefused(Vec<Diagnosis>),
    /// What is to be stored would crash the runs; never none.
    #[error("runs would crash: {}", .0.iter().map(|it| it.summary.as_str()).collect::<Vec<_>>().join("; "))]
    Crashing(Vec<Diagnosis>),
    /// It cannot be done, for a reason that takes more than a line to tell.
    #[error("{summary}{}{detail}", if .detail.is_empty() { "" } else { ": " })]
    Explained { summary: String, detail: String, help: String },
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
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    OpenEndpoint { port: u16, source: io::Error },
    /// AWS on loopback refused what `dev` asked of it.
    #[error("AWS on loopback: {operation} was refused: {reason}")]
    PrepareLoopback { operation: &'static str, reason: String },
    /// The function binary cannot be started.
    #[error("cannot start the function {}: {source}", path.display())]
    StartFunction { path: PathBuf, source: io::Error },
    /// The asynchronous runtime or the signal handlers cannot be set up.
    #[error("cannot {what}: {source}")]
    SetUp { what: &'static str, source: io::Error },
    /// Standard output does not take what is written.
    #[error("cannot write to standard output: {0}")]
    WriteOutput(#[source] io::Error),
}

impl CliError {
    /// All reasons at once.
    pub(crate) fn all(mut reasons: Vec<Diagnosis>) -> Self {
        if reasons.len() == 1 { Self::Refused(reasons.remove(0)) } else { Self::AllRefused(reasons) }
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
            Self::Refused(diagnosis) => output::say(output::explain(diagnosis)),
            Self::AllRefused(reasons) => reasons.iter().for_each(|it| output::say(output::explain(it))),
            Self::Crashing(reasons) => {
                reasons.iter().for_each(|it| output::say(output::explain(it)));
                output::say(
                    "Nothing was changed: runs with these defaults would crash. --force stores them all the same.",
                );
            }
            Self::Interrupted => {}
            Self::Declined => {
                // A question hides it.
                let _ = dialoguer::console::Term::stderr().show_cursor();
                output::say(format_args!("\n{self}"));
            }
            Self::Explained { summary, detail, help } => {
                output::say(output::explained(&paint(BAD, "error:"), summary, detail, help));
            }
            other => output::say(format_args!("{} {other}", paint(BAD, "error:"))),
        }
    }
}
