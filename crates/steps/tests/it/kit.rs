//! What the tests share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use steps::{Context, Line, Object, Output, Step, StepError};
use tempfile::TempDir;

/// A project's folder, and what its steps have written.
pub(crate) struct Project {
    pub(crate) root: TempDir,
    pub(crate) lines: Arc<Lines>,
}

/// The lines of steps, as they are shown.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Output for Lines {
    fn line(&self, line: Line<'_>) {
        self.0.lock().unwrap().push(line.to_string());
    }
}

impl Project {
    /// A folder with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let project = Self { root, lines: Arc::default() };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// The folder without links.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(self.path(), self.lines.clone())
    }

    /// A context in which the programs of the tests stand before all others.
    pub(crate) fn with_stand_ins(&self) -> Context {
        let mut context = self.context();
        let notes = self.path().join("notes").display().to_string();
        let path = format!("{}:{}", data("bin").display(), std::env::var("PATH").unwrap());
        context.environment.extend([("PATH".to_owned(), path), ("NOTES".to_owned(), notes)]);
        context
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.0.lock().unwrap().clone()
    }

    /// Runs one step of a function that all tests of a file share.
    pub(crate) fn run(&self, function: &str, inputs: Value) -> Result<Value, StepError> {
        run(&self.context(), function, inputs)
    }
}

/// Runs a step to its end.
pub(crate) fn run(context: &Context, function: &str, inputs: Value) -> Result<Value, StepError> {
    block_on(steps::run(&step(function, inputs), context)).map(Value::Object)
}

pub(crate) fn step(function: &str, inputs: Value) -> Step {
    Step::parse(&json!({function: inputs})).unwrap().unwrap()
}

pub(crate) fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

/// Runs on one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A file beside the tests.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// A table that real Prefect has made.
pub(crate) fn table(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(data(name)).unwrap()).unwrap()
}

/// The cases of a table, at least that many.
pub(crate) fn cases(table: &Value, name: &str, least: usize) -> Vec<Value> {
    let cases = table[name].as_array().unwrap().clone();
    assert!(cases.len() >= least, "{name} has {} cases", cases.len());
    cases
}
