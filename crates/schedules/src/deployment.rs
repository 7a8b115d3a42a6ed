//! All schedules of one deployment.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{Schedule, ScheduleError, Warning, item, value::describe};

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
    let legacy = deployment.get("schedule").filter(|value| !is_blank(value));
    if let Some(legacy) = legacy
        && deployment.contains_key("schedules")
    {
        let mut found = Found::default();
        found.add("/schedule", legacy, now);
        found.problems.insert(0, Problem { pointer: "/schedule".to_owned(), error: ScheduleError::BothKeys });
        return Err(found.problems);
    }
    let mut found = Found::default();
    match (legacy, deployment.get("schedules")) {
        (Some(legacy), _) => found.add("/schedule", legacy, now),
        (None, None | Some(Value::Null)) => return Ok(Declared::default()),
        (None, Some(Value::Array(items))) => {
            for (index, item) in items.iter().enumerate() {
                found.add(&format!("/schedules/{index}"), item, now);
            }
            found.same("slug", items, |slug, other| ScheduleError::SameSlug { slug, other });
            found.same("replaces", items, |slug, other| ScheduleError::SameReplaces { slug, other });
        }
        (None, Some(other)) => found.problems.push(Problem {
            pointer: "/schedules".to_owned(),
            error: ScheduleError::NotAList { found: describe(other), mapping: other.is_object() },
        }),
    }
    if found.problems.is_empty() {
        Ok(Declared { schedules: Some(found.schedules), warnings: found.warnings })
    } else {
        Err(found.problems)
    }
}

/// Forms of the legacy key that Prefect takes for "not said".
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[derive(Default)]
struct Found {
    schedules: Vec<Schedule>,
    warnings: Vec<(String, Warning)>,
    problems: Vec<Problem>,
}

impl Found {
    fn add(&mut self, pointer: &str, item: &Value, now: Timestamp) {
        let below = |key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        match item::read(item, now) {
            Ok((schedule, warnings)) => {
                self.schedules.push(schedule);
                self.warnings.extend(warnings.into_iter().map(|warning| (below(warning.key()), warning)));
            }
            Err(errors) => self.problems.extend(
                errors
                    .into_iter()
                    .map(|error| Problem { pointer: error.key().map_or_else(|| pointer.to_owned(), below), error }),
            ),
        }
    }

    /// Texts that must differ between the items.
    fn same(&mut self, key: &str, items: &[Value], error: impl Fn(String, usize) -> ScheduleError) {
        for (index, item) in items.iter().enumerate() {
            let Some(text) = item.get(key).and_then(Value::as_str) else { continue };
            let first = items.iter().take(index).position(|other| other.get(key).and_then(Value::as_str) == Some(text));
            if let Some(other) = first {
                let pointer = format!("/schedules/{index}/{key}");
                self.problems.push(Problem { pointer, error: error(text.to_owned(), other) });
            }
        }
    }
}
