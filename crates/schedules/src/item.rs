//! One item of `schedules`.

use jiff::Timestamp;
use serde_json::Value;

use crate::{Schedule, ScheduleError, Warning};

/// The keys of a schedule, in the order in which they are named.
pub const KEYS: [&str; 11] = [
    "cron",
    "interval",
    "rrule",
    "timezone",
    "anchor_date",
    "day_or",
    "active",
    "parameters",
    "slug",
    "replaces",
    "max_scheduled_runs",
];

/// Checks one item of `schedules` (or the mapping of the legacy `schedule`), values already filled in.
///
/// # Errors
/// Every problem at once.
pub fn parse(item: &Value, now: Timestamp) -> Result<Schedule, Vec<ScheduleError>> {
    let _ = (item, now);
    Err(vec![ScheduleError::NoKind])
}

/// What is accepted in an item that [`parse`] accepts, and rarely meant.
#[must_use]
pub fn warnings(item: &Value) -> Vec<Warning> {
    let _ = item;
    Vec::new()
}

/// Names in backticks, joined by "and".
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}
