//! A deployment as it shall be on the server.

use prefect_api::models::{CollisionStrategy, ConcurrencyOptions};
use schedules::Schedule;
use serde_json::{Map, Value};

use crate::{trigger::Trigger, version::Version};

type Object = Map<String, Value>;

/// A deployment with every placeholder filled.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Name of its flow.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// What messages call it: its name as it is written in the file.
    pub label: String,
    pub(crate) entrypoint: String,
    pub(crate) version: Option<String>,
    pub(crate) version_info: Option<Object>,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Object,
    pub(crate) schema: Value,
    /// None if nobody says; then a new deployment enforces it, and one that exists keeps what it has.
    pub(crate) enforce: Option<bool>,
    /// None if the file does not say; then one that exists stays as it is.
    pub(crate) paused: Option<bool>,
    /// None if the file does not mention schedules; then those that exist stay.
    pub(crate) schedules: Option<Vec<Schedule>>,
    pub(crate) limit: Option<u32>,
    pub(crate) options: Option<ConcurrencyOptions>,
    pub(crate) pull_steps: Vec<Value>,
    pub(crate) pool: String,
    /// None for the default queue of the pool.
    pub(crate) queue: Option<String>,
    pub(crate) job_variables: Object,
    pub(crate) triggers: Vec<Trigger>,
    /// The project that the deployment belongs to, if it carries one.
    pub(crate) project: Option<String>,
}

impl Wanted {
    /// `flow/name`
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.flow, self.name)
    }

    pub(crate) fn set_version(&mut self, version: Option<Version>) {
        if let Some(version) = version {
            self.version = Some(version.version);
            self.version_info = Some(version.info);
        }
    }
}

/// A strategy as the file writes it.
pub(crate) fn strategy(text: &str) -> Option<CollisionStrategy> {
    match text {
        "ENQUEUE" => Some(CollisionStrategy::Enqueue),
        "CANCEL_NEW" => Some(CollisionStrategy::CancelNew),
        _ => None,
    }
}
