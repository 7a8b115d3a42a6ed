//! What a Prefect work pool says about a run, without any I/O: the base job template, the job variables of its layers,
//! placeholders, and the job configuration that comes out.

use serde_json::{Map, Value};

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

/// The job configuration of one run: the template with its placeholders replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct JobConfiguration {
    /// Every key of `job_configuration`, rendered. Keys whose whole value was an unset placeholder are absent.
    pub values: Object,
    /// `env` as it would be without the flow run's own job variables: what all runs of the deployment share.
    pub shared_env: Object,
}
