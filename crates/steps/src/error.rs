//! What can be wrong with a step.

use std::{error::Error, fmt, io, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::{
    secrets::Secrets,
    words::{behind, kind_of, listed},
};

/// A step that is wrong or has failed.
#[derive(Debug, Clone)]
pub struct StepError {
    /// The step: its id, or the short name of its function.
    pub step: String,
    /// What is wrong.
    pub problem: Problem,
}

impl StepError {
    pub(crate) fn new(step: &str, problem: Problem) -> Self {
        Self { step: step.to_owned(), problem }
    }

    /// The input that is wrong, to point at it in the file.
    #[must_use]
    pub fn input(&self) -> Option<&str> {
        self.problem.input()
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step `{}`: {}", self.step, self.problem)
    }
}

/// The problem is part of the text, so only its source is one.
impl Error for StepError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong. No text holds the value of an input that may be secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Problem {
    /// An item of a list of steps is something else.
    #[error("a step is a mapping of a function's name to its inputs, not {found}")]
    NotAMapping {
        /// What it is.
        found: &'static str,
    },
    /// The name of a function without inputs.
    #[error("`{function}` is only a name; put a colon behind it and its inputs below, or write `{function}: {{}}`")]
    BareName {
        /// The name.
        function: String,
    },
    /// More than one key.
    #[error("a step has one function, and {} is one more; start a list item of its own for it", listed(others))]
    SeveralKeys {
        /// All keys but the first.
        others: Vec<String>,
    },
    /// The inputs are no mapping.
    #[error("the inputs of `{function}` are {found}, not a mapping; write `{function}: {{}}` if it has none")]
    Inputs {
        /// The function.
        function: String,
        /// What they are.
        found: &'static str,
    },
    /// A name without a module.
    #[error("`{function}` is not the full name of a function.{}", behind(hint.as_ref()))]
    Unqualified {
        /// The name.
        function: String,
        /// What it may mean.
        hint: Option<String>,
    },
    /// A module whose functions are known does not have it.
    #[error("there is no step `{function}`.{}", behind(hint.as_ref()))]
    UnknownFunction {
        /// Its full name.
        function: String,
        /// What it may mean.
        hint: Option<String>,
    },
    /// The function has no such argument.
    #[error("there is no input `{input}`.{}", behind(hint.as_ref()))]
    UnknownInput {
        /// The key.
        input: String,
        /// What it may mean, or what there is.
        hint: Option<String>,
    },
    /// A required argument is not given.
    #[error("the input `{input}` is missing")]
    MissingInput {
        /// The argument.
        input: &'static str,
    },
    /// An argument of a wrong type.
    #[error("`{input}` is {found}, not {wanted}{hint}")]
    WrongType {
        /// The argument, with the way to the place in it.
        input: String,
        /// What it has to be.
        wanted: &'static str,
        /// What it is.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// An argument that cannot be.
    #[error("`{input}`: {problem}")]
    Invalid {
        /// The argument.
        input: &'static str,
        /// Why.
        problem: String,
    },
    /// A line of a script that only a shell understands.
    #[error(
        "line {line} of the script, `{text}`, has {operator}, which only a shell understands; without one it is passed on as text. Set `shell: true`"
    )]
    NeedsShell {
        /// Its number, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What it has, as `a pipe (|)`.
        operator: &'static str,
    },
    /// A line of a script whose quotes do not close.
    #[error("line {line} of the script, `{text}`, {problem}; each line is a command of its own")]
    Quotes {
        /// Its number, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },

    /// A directory or file that is not as it has to be.
    #[error("cannot {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// A program that is not installed.
    #[error("there is no program `{program}`.{}", behind(hint.as_ref()))]
    NoProgram {
        /// Its name.
        program: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A program that does not start.
    #[error("cannot start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// Why not.
        #[source]
        source: Arc<io::Error>,
    },
    /// A program that failed.
    #[error("{command} {status}{}{}", below(tail), hint.map(|hint| format!("\n{hint}")).unwrap_or_default())]
    Exit {
        /// What it is.
        command: String,
        /// How it ended, as `exited with status 1`.
        status: String,
        /// Its last lines.
        tail: String,
        /// What to do.
        hint: Option<&'static str>,
    },
    /// A program stopped because it wants to read from the terminal.
    #[error(
        "{command} asks for input on the terminal, which steps do not have; give it what it needs as an input, a variable or a file"
    )]
    Terminal {
        /// What it is.
        command: String,
    },
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,

    /// A step in Python, and no Python.
    #[error("{why}, and there is no Python; activate the project's environment, or install Python and `prefect`")]
    NoPython {
        /// Why it needs Python.
        why: String,
    },
    /// A package in `requires` that is not installed.
    #[error("it requires `{requirement}`, which `{}` does not have; nothing is installed unasked. Run `{} -m pip install '{requirement}'`",
        python.display(),
        python.display())]
    MissingPackage {
        /// The package, as in the file.
        requirement: String,
        /// The interpreter.
        python: PathBuf,
    },
    /// A module that is not installed.
    #[error("there is no Python module `{module}` for `{}`; correct the name or install its package", python.display())]
    NoModule {
        /// The module.
        module: String,
        /// The interpreter.
        python: PathBuf,
    },
    /// A module without the function.
    #[error("the Python module `{module}` has no `{name}`.{}", behind(hint.as_ref()))]
    NoFunction {
        /// The module.
        module: String,
        /// The function.
        name: String,
        /// What it may mean.
        hint: Option<String>,
    },
    /// The function raised.
    #[error("`{function}` raised {exception}")]
    Raised {
        /// The function.
        function: String,
        /// Type and text of the exception.
        exception: String,
    },

    /// A call of S3 failed.
    #[error("cannot {action}: {reason}")]
    Storage {
        /// What was tried.
        action: String,
        /// What S3 says.
        reason: String,
    },
}

impl Problem {
    pub(crate) fn wrong_type(input: &str, wanted: &'static str, value: &Value) -> Self {
        let text = wanted.starts_with("a text") && matches!(value, Value::Number(_) | Value::Bool(_));
        let hint = if text { "; put it into quotes" } else { "" };
        Self::WrongType { input: input.to_owned(), wanted, found: kind_of(value), hint }
    }

    pub(crate) fn invalid(input: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { input, problem: problem.into() }
    }

    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { action, path: path.into(), source: Arc::new(source) }
    }

    /// Without secrets in its texts.
    pub(crate) fn masked(mut self, secrets: &Secrets) -> Self {
        let texts: &mut [&mut String] = match &mut self {
            Self::NeedsShell { text, .. } | Self::Quotes { text, .. } => &mut [text],
            Self::Invalid { problem, .. } => &mut [problem],
            Self::NoProgram { program, hint: Some(hint) } => &mut [program, hint],
            Self::NoProgram { program, hint: None } | Self::Start { program, .. } => &mut [program],
            Self::Exit { command, tail, .. } => &mut [command, tail],
            Self::Terminal { command } => &mut [command],
            Self::Raised { exception, .. } => &mut [exception],
            Self::Storage { action, reason } => &mut [action, reason],
            _ => &mut [],
        };
        for text in texts {
            **text = secrets.mask(text).into_owned();
        }
        self
    }

    /// With what to do about a failed program.
    pub(crate) fn with_hint(mut self, told: Option<&'static str>) -> Self {
        if let Self::Exit { hint, .. } = &mut self {
            *hint = told;
        }
        self
    }

    fn input(&self) -> Option<&str> {
        match self {
            Self::UnknownInput { input, .. } | Self::WrongType { input, .. } => {
                Some(input.split(['.', '[']).next().unwrap_or(input))
            }
            Self::MissingInput { input } | Self::Invalid { input, .. } => Some(input),
            Self::NeedsShell { .. } | Self::Quotes { .. } => Some("script"),
            _ => None,
        }
    }
}

/// Last lines of a program, each in a line of its own.
fn below(tail: &str) -> String {
    if tail.is_empty() { String::new() } else { format!(":\n{}", tail.trim_end()) }
}
