//! Flows and their parameters from Python source, without running it.
//!
//! Prefect learns a flow's parameters by importing the flow's file: it needs an environment with all of the flow's
//! dependencies, it runs the project's code, and it takes seconds. Most of what it learns stands in the source. This crate
//! reads it there, with ruff's parser, in less than a millisecond a flow:
//!
//! ```
//! use flows::Project;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::fs::write(folder.path().join("etl.py"), r#"
//! # from typing import Optional
//! # from prefect import flow
//! # from frames import Frame
//! #
//! # @flow(name="Load")
//! # def load(path: str, limit: Optional[int] = None, frame: Frame = None):
//! #     """Load a file.
//! #
//! #     Args:
//! #         path: where it lies
//! #     """
//! # "#)?;
//! let project = Project::new(folder.path());
//! let flow = project.flow("etl.py:load")?;
//! assert_eq!(flow.name, "Load");
//! assert_eq!(flow.schema["properties"]["path"]["description"], "where it lies");
//! assert_eq!(flow.schema["required"], serde_json::json!(["path"]));
//! assert_eq!(flow.unknown[0].why, "`Frame` comes from `frames`, which is not part of the project");
//! # Ok(())
//! # }
//! ```
//!
//! # Equal or open, never wrong
//!
//! The schema is the one that Prefect would send, key by key; where the source does not tell, the parameter is left open
//! and listed in [`Flow::unknown`] with the place and the reason. There is no third case: a schema that is nearly right
//! would make the server refuse a run's parameters, or accept them wrongly, and would change back and forth with the tool
//! that deploys. The caller asks the project's Python about open parts ([`python`]) or deploys them open.
//!
//! Being equal means following three programs, one after the other:
//!
//! 1. **Python** gives names their meaning. `eval` follows names, imports inside of the project, literals, types, constants
//!    and a few pure functions. It does not run statements: `names` lists what a body binds, with the place and the
//!    conditions, and a name is looked up as of the place where it is used. Anything that may change a value between
//!    (a condition, a loop, `append`, `global`) makes it unknown.
//! 2. **Pydantic** turns types into schemas, in two steps that are kept apart here as well: `core` builds what pydantic
//!    calls core schemas, because constraints are applied to those, and `schema` makes JSON of them.
//! 3. **Prefect** makes a model of the parameters and falls back to "anything" where pydantic raises an error. Its
//!    corners are in `parameters`: a `Field()` as the default loses its limits, and one annotation that names what does not
//!    exist leaves all quoted ones unresolved, because Prefect looks for those in a module of its own.
//!
//! `tests/corpus` holds the proof: flows with what Prefect 3.9.1 and pydantic 2.14 make of them.
//!
//! # What stays open
//!
//! * Classes from outside of the project, except those of Python, pydantic and a few libraries whose classes pydantic takes
//!   as they are; classes with a metaclass, with pydantic's hooks for schemas, or with decorators that are not known.
//! * Generic classes other than models, and models with other type arguments than plain names.
//! * Defaults that run code: functions with parameters, the environment, the clock, files, most methods.
//! * Instances whose making converts or validates something.
//! * Values under a condition, in a loop, or changed after they are assigned.
//! * Settings of models that are functions (`alias_generator`, a callable `json_schema_extra`), and aliases by choice.
//! * A union of which a member has no JSON schema because a class inside of it has none; a class that takes its settings
//!   from different models; a `type` statement that only renames a class.
//! * Flows behind decorators that are neither Prefect's nor plain `functools.wraps` wrappers of the project.
//!
//! # Hostile source
//!
//! The source is the user's own, but it may be generated, and a tool must not hang or crash on it. Files are bounded in
//! size and nesting, evaluation in depth and in steps, texts and collections in length; stack grows where recursion follows
//! the source. Definitions refer to each other by name, so recursive models end.

mod classes;
mod config;
mod core;
mod default;
mod describe;
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
mod needs;
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
    /// Packages from outside of the project that the file imports in any case, itself or through others, by their
    /// top-level names; not those of Python and Prefect. If one of them is missing, Prefect cannot import the file and
    /// gives the flow no version.
    pub needs: Vec<String>,
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
