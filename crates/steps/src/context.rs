//! Where steps run and where their output goes.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::secrets::Secrets;

/// Where steps run. One for all steps of a command.
#[derive(Clone)]
pub struct Context {
    /// The directory of the project, in which steps start. Absolute.
    pub directory: PathBuf,
    /// Variables for the steps' processes, over those of this process.
    pub environment: BTreeMap<String, String>,
    /// The project's Python interpreter.
    pub python: Option<PathBuf>,
    /// The version of Prefect for generated Dockerfiles and labels, if there is no Python to ask; the server's.
    pub prefect_version: Option<String>,
    /// `PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE` of a profile or file. The variable itself goes before it.
    pub build_namespace: Option<String>,
    /// Texts that must not appear in any output, such as values of Secret blocks.
    pub secrets: Secrets,
    /// Where output goes.
    pub output: Arc<dyn Output>,
    /// Ends running steps with all their processes.
    pub interrupt: CancellationToken,
}

impl Context {
    /// A context without Python.
    pub fn new(directory: impl Into<PathBuf>, output: Arc<dyn Output>) -> Self {
        Self {
            directory: directory.into(),
            environment: BTreeMap::new(),
            python: None,
            prefect_version: None,
            build_namespace: None,
            secrets: Secrets::default(),
            output,
            interrupt: CancellationToken::new(),
        }
    }

    /// A variable as a step's process has it.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned().or_else(|| std::env::var(name).ok())
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("directory", &self.directory)
            .field("python", &self.python)
            .finish_non_exhaustive()
    }
}

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// A program's output.
    Stdout,
    /// A program's errors, and the progress that many programs write there.
    Stderr,
    /// Something that the user should know about the step.
    Warning,
}

/// A line of a step, without its end and with secrets masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The step, see [`Step::label`](crate::Step::label).
    pub step: &'a str,
    /// Where it comes from.
    pub stream: Stream,
    /// The line.
    pub text: &'a str,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let warning = if self.stream == Stream::Warning { "warning: " } else { "" };
        write!(f, "{} │ {warning}{}", self.step, self.text)
    }
}

/// Takes the lines of steps while they run. Steps of several deployments may run at once.
pub trait Output: Send + Sync {
    /// Takes a line.
    fn line(&self, line: Line<'_>);
}

/// What runs a step: the context, the step's label and its directory.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) context: &'a Context,
    pub(crate) label: &'a str,
    pub(crate) directory: &'a std::path::Path,
}

impl Scene<'_> {
    /// Gives out a line, masked.
    pub(crate) fn line(&self, stream: Stream, text: &str) {
        let text = self.context.secrets.mask(text);
        self.context.output.line(Line { step: self.label, stream, text: &text });
    }

    /// A path of the step's inputs, relative to its directory.
    pub(crate) fn path(&self, given: &str) -> PathBuf {
        self.directory.join(given)
    }
}
