//! Why there is no flow at an entrypoint.

use std::{fmt, io, path::PathBuf};

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

impl Kind {
    fn advice(self) -> &'static str {
        match self {
            Self::Function => "a function that is not decorated with @flow: add @flow above it",
            Self::Task => "a task: decorate a function with @flow that calls it",
            Self::Class => "a class: name one of its methods that is decorated with @flow",
            Self::Module => "a module: name a function in it that is decorated with @flow",
            Self::Value => "neither a flow nor a function: name a function that is decorated with @flow",
        }
    }
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
        /// Entrypoints of the file that it names.
        flows: Vec<String>,
    },
    /// There is no such file.
    #[error("entrypoint {entrypoint:?}: the file {} does not exist{}", .file.display(), meant(.nearest))]
    NoFile {
        /// As written.
        entrypoint: String,
        /// Relative to the root.
        file: PathBuf,
        /// A file nearby with a similar name.
        nearest: Option<String>,
    },
    /// The path is a folder.
    #[error("entrypoint {entrypoint:?}: {} is a folder, not a Python file{}", .folder.display(), such_as(.flows))]
    Folder {
        /// As written.
        entrypoint: String,
        /// Relative to the root.
        folder: PathBuf,
        /// Entrypoints of the files in it.
        flows: Vec<String>,
    },
    /// There is no such module below the root.
    #[error(
        "entrypoint {entrypoint:?}: there is no module {module:?} in the project; write a file as path/to/file.py:function{}",
        meant(.nearest)
    )]
    NoModule {
        /// As written.
        entrypoint: String,
        /// The module's dotted name.
        module: String,
        /// An entrypoint that exists.
        nearest: Option<String>,
    },
    /// The file exists and cannot be read.
    #[error("entrypoint {entrypoint:?}: cannot read {}", .file.display())]
    Unreadable {
        /// As written.
        entrypoint: String,
        /// Relative to the root.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not Python.
    #[error("entrypoint {entrypoint:?}: {place}: {message}")]
    Syntax {
        /// As written.
        entrypoint: String,
        /// Where the parser stopped.
        place: Place,
        /// What it found or wanted.
        message: String,
    },
    /// The file has no such function.
    #[error("entrypoint {entrypoint:?}: {} does not define {function:?}{}", .file.display(), meant_or(.nearest, .flows))]
    NoFunction {
        /// As written.
        entrypoint: String,
        /// Relative to the root.
        file: PathBuf,
        /// What the entrypoint names.
        function: String,
        /// A similar name in the file.
        nearest: Option<String>,
        /// Entrypoints that the file offers.
        flows: Vec<String>,
    },
    /// The name exists and is no flow.
    #[error("entrypoint {entrypoint:?}: {function:?} at {place} is {}", .kind.advice())]
    NotAFlow {
        /// As written.
        entrypoint: String,
        /// What the entrypoint names.
        function: String,
        /// What it is instead.
        kind: Kind,
        /// Where it is defined.
        place: Place,
    },
    /// The name is bound to something that only running the source could tell.
    #[error("entrypoint {entrypoint:?}: cannot tell from the source whether {function:?} at {place} is a flow: {why}")]
    Unclear {
        /// As written.
        entrypoint: String,
        /// What the entrypoint names.
        function: String,
        /// Where it is bound.
        place: Place,
        /// What was not understood.
        why: String,
    },
    /// The module leaves or raises on import, before the flow is defined.
    #[error("entrypoint {entrypoint:?}: importing the file stops at {place}: {text}")]
    Stops {
        /// As written.
        entrypoint: String,
        /// The statement that ends the import.
        place: Place,
        /// The statement.
        text: String,
    },
    /// Prefect refuses the flow's name.
    #[error(
        "entrypoint {entrypoint:?}: the flow name {name:?} at {place} holds one of the characters / % & > <: rename it"
    )]
    FlowName {
        /// As written.
        entrypoint: String,
        /// The flow's name.
        name: String,
        /// Where the flow is defined.
        place: Place,
    },
    /// Prefect refuses a parameter's name.
    #[error("entrypoint {entrypoint:?}: the parameter {parameter:?} at {place} {why}: rename it")]
    ParameterName {
        /// As written.
        entrypoint: String,
        /// The parameter.
        parameter: String,
        /// Where it is declared.
        place: Place,
        /// Why Prefect refuses it.
        why: &'static str,
    },
}

impl FlowError {
    /// Whether the project's Python may know better: the flow may be made when the code runs, or its module installed
    /// outside of the project. If Python finds no flow either, this error says more than Python's.
    pub fn may_python_know(&self) -> bool {
        matches!(self, Self::Unclear { .. } | Self::NoModule { .. })
    }
}

fn meant(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean {name:?}?")).unwrap_or_default()
}

fn such_as(flows: &[String]) -> String {
    match flows {
        [] => String::new(),
        [first, rest @ ..] => {
            let rest: String = rest.iter().take(2).map(|flow| format!(" or {flow}")).collect();
            format!(", such as {first}{rest}")
        }
    }
}

fn meant_or(nearest: &Option<String>, flows: &[String]) -> String {
    match (nearest, flows) {
        (Some(_), _) => meant(nearest),
        (None, []) => "; it defines no flow".to_owned(),
        (None, _) => format!("; its flows are {}", flows.join(", ")),
    }
}
