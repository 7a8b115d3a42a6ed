//! A schedule that passed the checks.

use jiff::{Timestamp, ZonedDateTime};
use serde_json::{Map, Value};

use crate::NextError;

/// One schedule of a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// When it fires.
    pub kind: Kind,
    /// Whether it is switched on; nothing if the file does not say, and then a redeploy leaves the switch as it is.
    pub active: Option<bool>,
    /// Values for the flow's parameters that differ from the deployment's.
    pub parameters: Map<String, Value>,
    /// The name under which a redeploy finds it again.
    pub slug: Option<String>,
    /// The slug that it had before.
    pub replaces: Option<String>,
    /// How many runs the scheduler plans ahead.
    pub max_scheduled_runs: Option<u32>,
}

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// At the times of a cron expression.
    Cron {
        /// The expression as written.
        cron: String,
        /// The zone of its fields; UTC if there is none.
        timezone: Option<String>,
        /// Whether the day of the month *or* the day of the week suffices, as cron has it; nothing if not said (then it does).
        day_or: Option<bool>,
    },
    /// At equal distances from a date.
    Interval {
        /// The distance in seconds, to the microsecond.
        seconds: f64,
        /// The date, RFC 3339 with its offset.
        anchor_date: String,
        /// Whether the file names the date; otherwise it is the time of the deploy, and a stored one is as good.
        anchored: bool,
        /// The zone whose days are counted.
        timezone: String,
    },
    /// At the times of a recurrence rule.
    Rrule {
        /// The rule, always with a `DTSTART`.
        rrule: String,
        /// The rule as written.
        written: String,
        /// The zone of its times.
        timezone: String,
    },
}

impl Schedule {
    /// The `schedule` object of the API.
    #[must_use]
    pub fn to_wire(&self) -> Value {
        Value::Null
    }

    /// The item of `schedules` that `POST /deployments/` takes: every key, as the real tool sends it.
    #[must_use]
    pub fn to_create(&self) -> Value {
        Value::Null
    }

    /// The item of `schedules` that `PATCH /deployments/{id}` takes: keys that the file does not mention are left out.
    #[must_use]
    pub fn to_update(&self) -> Value {
        Value::Null
    }

    /// Whether a schedule of the server (an item of a deployment's `schedules`) means the same, so that nothing needs to be
    /// sent. What the file does not mention (the switch, the anchor date) is not compared.
    #[must_use]
    pub fn same_as(&self, stored: &Value) -> bool {
        let _ = stored;
        false
    }

    /// The same schedule with the anchor date that the server already has, where the file names none: sending it does not
    /// shift the times.
    #[must_use]
    pub fn anchored_as(self, stored: &Value) -> Self {
        let _ = stored;
        self
    }

    /// The next `n` times at or after `after`, in the schedule's zone. Fewer if the schedule ends.
    ///
    /// # Errors
    /// If there is no time, or none within a bounded search.
    pub fn next(&self, after: Timestamp, n: usize) -> Result<Vec<ZonedDateTime>, NextError> {
        let _ = (after, n);
        Err(NextError::Never)
    }

    /// A short text for a table: `cron 0 4 * * * Europe/Madrid`.
    #[must_use]
    pub fn summary(&self) -> String {
        String::new()
    }
}
