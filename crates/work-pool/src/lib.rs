//! What a Prefect work pool says about a run, without any I/O.

mod allowed;
mod configuration;
mod error;
mod limits;
mod node;
mod placeholder;
mod pointer;
mod python;
mod resolve;
mod sources;
mod template;
mod validate;
mod variables;

use serde_json::{Map, Value};

pub use crate::{
    configuration::JobConfiguration,
    error::{CODES, ResolveError, Violation, WorkPoolError},
    resolve::{NoReferences, Reference, Resolver},
    sources::{Layer, Origin, Source, Sources},
    template::{BaseJobTemplate, references_in},
    variables::Layers,
};

/// A JSON object, in the order its keys were written.
pub type Object = Map<String, Value>;

/// What a person is told when something cannot be done.
///
/// Every user-facing failure of pushpool carries one. No field may hold the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable code, `PP` and four digits; `docs/errors.md` has an entry for each.
    pub code: &'static str,
    /// One line: what failed.
    pub summary: String,
    /// What was seen: field, value, what is allowed, AWS's own words.
    pub detail: String,
    /// What to do about it.
    pub resolution: String,
}
