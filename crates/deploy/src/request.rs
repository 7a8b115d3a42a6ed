//! What a user asks for, and why nothing came of it.

use std::{collections::BTreeMap, path::PathBuf};

use manage::ManageError;
use serde_json::{Map, Value};

use crate::{
    flags::Flags,
    problem::{Findings, Problem},
};

/// What to deploy.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder in which the command runs: entrypoints and steps are relative to it. Absolute.
    pub folder: PathBuf,
    /// The deployment file.
    pub file: PathBuf,
    /// Whether the user named the file. One that is not named need not exist.
    pub file_is_named: bool,
    /// The rest of the command line.
    pub flags: Flags,
    /// A deployment that no file has, with the keys of `prefect.yaml`; then no other is made.
    pub entry: Option<Map<String, Value>>,
    /// Variables of the process.
    pub environment: BTreeMap<String, String>,
    /// Whether a placeholder without a value counts as empty.
    pub allow_undefined: bool,
    /// Whether deployments of the project that the file has no more are deleted.
    pub prune: bool,
    /// The project's Python, for what its source alone does not say.
    pub python: Option<PathBuf>,
    /// Prefect's setting `PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE`: where images are built to that name no registry.
    pub build_namespace: Option<String>,
}

/// Why nothing was deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Checks found problems; nothing was written.
    #[error("{} problem(s) found", .0.problems.len())]
    Found(Findings),
    /// The server does not answer as hoped.
    #[error(transparent)]
    Manage(#[from] ManageError),
}

pub(crate) fn found(problem: Problem) -> DeployError {
    let mut findings = Findings::default();
    findings.problem(problem);
    DeployError::Found(findings)
}
