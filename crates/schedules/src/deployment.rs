//! All schedules of one deployment.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{Schedule, ScheduleError, Warning};

/// The schedules that a deployment of `prefect.yaml` declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// The schedules; nothing if the deployment does not mention them, an empty list if it wants none.
    pub schedules: Option<Vec<Schedule>>,
    /// What is rarely meant, each with the JSON pointer below the deployment (`/schedules/0/cron`).
    pub warnings: Vec<(String, Warning)>,
}

/// A problem and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The JSON pointer below the deployment (`/schedules/1/timezone`) of the nearest thing that is in the file.
    pub pointer: String,
    /// The problem.
    pub error: ScheduleError,
}

/// Checks `schedule` and `schedules` of a deployment, values already filled in.
///
/// # Errors
/// Every problem of every schedule at once.
pub fn parse_all(deployment: &Map<String, Value>, now: Timestamp) -> Result<Declared, Vec<Problem>> {
    let _ = (deployment, now);
    Ok(Declared::default())
}
