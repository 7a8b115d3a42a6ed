//! Flows and their parameters from Python source, without running it.

mod classes;
mod config;
mod core;
mod default;
mod docstring;
mod entrypoint;
mod enums;
mod error;
mod eval;
mod fields;
mod find;
mod instances;
mod known;
mod names;
mod object;
mod parameters;
mod project;
pub mod python;
mod schema;
mod session;
mod source;
mod suggest;
mod time;

use std::path::{Path, PathBuf};

use serde_json::Value;

pub use crate::{
    error::{FlowError, Kind, Place},
    project::Project,
};

/// A flow as Prefect would register it.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The flow's name: `@flow(name=…)`, or the function's with `_` replaced by `-`.
    pub name: String,
    /// The function's name, with its class for a method (`Class.method`).
    pub function: String,
    /// The file that defines the function, relative to the project's root if it lies inside. Prefect's version of a flow
    /// without one is the MD5 of this file.
    pub file: Option<PathBuf>,
    /// Where the function is defined (1-based).
    pub line: Option<usize>,
    /// The decorator's description, or the docstring.
    pub description: Option<String>,
    /// The decorator's version.
    pub version: Option<String>,
    /// The deployment's `parameter_openapi_schema`.
    pub schema: Value,
    /// Parts that the source alone does not tell. They are left open in `schema`.
    pub unknown: Vec<Unknown>,
}

/// Something about a flow that could not be determined without running the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What of the flow is left open.
    pub part: Part,
    /// Why, as a clause: "`Frame` comes from `frames`, which is not part of the project".
    pub why: String,
    /// The line that was not understood.
    pub place: Place,
}

/// A part of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Its name; the function's name stands in for it.
    Name,
    /// Its description; none stands in for it.
    Description,
    /// Its version; none stands in for it.
    Version,
    /// Which parameters it has; those of the function as written stand in for them.
    Parameters,
    /// The type or the default of this parameter, which accepts anything meanwhile.
    Parameter(String),
}

/// A flow that a scan of the project found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `path/to/file.py:function`, relative to the root, with `/` on every system.
    pub entrypoint: String,
    /// The flow's name.
    pub name: String,
    /// Where the function is defined.
    pub place: Place,
}

impl Project {
    /// The flow at `entrypoint`: `path/to/file.py:function`, `module.path:function` or `module.path.function`, relative to
    /// the root.
    pub fn flow(&self, entrypoint: &str) -> Result<Flow, FlowError> {
        entrypoint::flow(self, entrypoint)
    }

    /// All flows of the project, by entrypoint.
    pub fn find(&self) -> Vec<Found> {
        find::find(self)
    }
}

/// The flow at `entrypoint` in the project at `root`. For several flows keep a [`Project`].
pub fn flow(root: &Path, entrypoint: &str) -> Result<Flow, FlowError> {
    Project::new(root).flow(entrypoint)
}

/// All flows of the project at `root`, by entrypoint.
pub fn find(root: &Path) -> Vec<Found> {
    Project::new(root).find()
}
