//! Steps that are Python functions, in the project's interpreter.
//!
//! A short program, `python/run_step.py`, imports the function and calls it. The inputs go through its standard input and
//! the outputs through a file: neither shows in a list of processes, and the function may print what it likes.

pub(crate) mod pip;

use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::{
    context::Scene,
    error::Problem,
    process::Program,
    step::{Object, Step},
};

const RUN_STEP: &str = include_str!("python/run_step.py");

const VERSIONS: &str = include_str!("python/versions.py");

/// Versions of the project's packages.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Versions {
    pub(crate) prefect: Option<String>,
    /// The minor version of Python, as `3.12`.
    pub(crate) python: Option<String>,
}

/// What `run_step.py` reports.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    Outputs(Option<Object>),
    MissingPackage(String),
    NoModule(String),
    NoFunction { module: String, name: String, near: Vec<String> },
    Raised(String),
}

/// Runs the function of a step.
pub(crate) async fn run(step: &Step, scene: Scene<'_>) -> Result<Object, Problem> {
    let python = interpreter(scene, || step.needs_python().unwrap_or_default())?;
    let directory =
        tempfile::tempdir().map_err(|source| Problem::file("make a directory in", std::env::temp_dir(), source))?;
    let path = directory.path().join("report");
    let request = json!({"function": step.function, "inputs": step.inputs, "requires": step.requires});
    let ended = Program::new(python, scene)
        .args(["-c", RUN_STEP])
        .args([&path])
        .env("PYTHONUNBUFFERED", "1")
        .input(request.to_string())
        .run(scene)
        .await
        .map_err(|problem| at(problem, python))?;
    let report = tokio::fs::read(&path).await.ok().and_then(|text| serde_json::from_slice(&text).ok());
    // A function that ends the process writes none.
    let Some(report) = report else { return Err(ended.failure(&format!("`{}`", step.function))) };
    outputs_of(report, step, python)
}

fn outputs_of(report: Report, step: &Step, python: &Path) -> Result<Object, Problem> {
    let python = python.to_owned();
    Err(match report {
        // What is no mapping is no output, as in Prefect.
        Report::Outputs(outputs) => return Ok(outputs.unwrap_or_default()),
        Report::MissingPackage(requirement) => Problem::MissingPackage { requirement, python },
        Report::NoModule(module) => Problem::NoModule { module, python },
        Report::NoFunction { module, name, near } => {
            let hint = near.first().map(|near| format!("Did you mean `{near}`?"));
            Problem::NoFunction { module, name, hint }
        }
        Report::Raised(exception) => Problem::Raised { function: step.function.clone(), exception },
    })
}

/// The interpreter, or an error that says what needs it.
fn interpreter<'a>(scene: Scene<'a>, why: impl FnOnce() -> String) -> Result<&'a Path, Problem> {
    scene.context.python.as_deref().ok_or_else(|| Problem::NoPython { why: why() })
}

/// An interpreter that is not there is no program of the user's.
fn at(problem: Problem, python: &Path) -> Problem {
    match problem {
        Problem::NoProgram { .. } => Problem::NoProgram {
            program: python.display().to_string(),
            hint: Some("Give the path of the project's Python interpreter".to_owned()),
        },
        other => other,
    }
}

/// The versions in the project's Python; that of the context where it has no Prefect.
pub(crate) async fn versions(scene: Scene<'_>) -> Versions {
    let found = match &scene.context.python {
        Some(python) => Program::new(python, scene).args(["-c", VERSIONS]).streamed(false).run(scene).await.ok(),
        None => None,
    };
    let found: Versions = found.and_then(|ended| serde_json::from_str(&ended.stdout).ok()).unwrap_or_default();
    Versions { prefect: found.prefect.or_else(|| scene.context.prefect_version.clone()), python: found.python }
}
