//! Whether a schedule of the file and one of the server mean the same.

use jiff::civil::DateTime;
use serde_json::Value;

use crate::{Kind, Schedule, anchor, interval::Interval, rrule::Recurrence};

/// Compares with an item of a deployment's `schedules`.
pub(crate) fn schedule(ours: &Schedule, stored: &Value) -> bool {
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    let Some(schedule) = stored.get("schedule") else { return false };
    let no_parameters = serde_json::Map::new();
    let parameters = stored.get("parameters").and_then(Value::as_object).unwrap_or(&no_parameters);
    ours.slug.as_deref() == text("slug")
        && ours.active.is_none_or(|active| stored.get("active") == Some(&Value::Bool(active)))
        && &ours.parameters == parameters
        && same_limit(ours, stored)
        && kind(&ours.kind, schedule)
}

/// A server drops the limit of a schedule without a slug, so it cannot be compared there.
fn same_limit(ours: &Schedule, stored: &Value) -> bool {
    match ours.max_scheduled_runs {
        Some(limit) if ours.slug.is_some() => {
            stored.get("max_scheduled_runs").and_then(Value::as_u64) == Some(u64::from(limit))
        }
        _ => true,
    }
}

fn kind(ours: &Kind, stored: &Value) -> bool {
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    let stored_zone = text("timezone").filter(|zone| !zone.is_empty()).unwrap_or("UTC");
    match ours {
        Kind::Cron { cron, timezone, day_or } => {
            text("cron") == Some(cron)
                && timezone.as_deref().unwrap_or("UTC") == stored_zone
                && day_or.unwrap_or(true) == stored.get("day_or").and_then(Value::as_bool).unwrap_or(true)
        }
        Kind::Interval { seconds, anchor_date, anchored, timezone } => {
            stored.get("interval").and_then(length) == Interval::from_seconds(*seconds)
                && timezone == stored_zone
                && (!anchored || moment(Some(anchor_date)) == moment(text("anchor_date")))
        }
        Kind::Rrule { rrule, written, timezone } => {
            timezone == stored_zone && text("rrule").is_some_and(|stored| stored == rrule || same_rule(written, stored))
        }
    }
}

/// An interval as a server answers it: a number of seconds or an ISO 8601 duration.
fn length(stored: &Value) -> Option<Interval> {
    match stored {
        Value::Number(number) => Interval::from_number(number).ok(),
        Value::String(text) => Interval::from_text(text).ok(),
        _ => None,
    }
}

fn moment(text: Option<&str>) -> Option<jiff::Timestamp> {
    anchor::parse(text?).map(|moment| moment.timestamp)
}

/// Whether a stored rule is the written one with a `DTSTART` that Prefect put before it, then or at an earlier deploy.
fn same_rule(written: &str, stored: &str) -> bool {
    if stored == written {
        return true;
    }
    let Some((start, rule)) = split_start(stored) else { return false };
    rule == written && Recurrence::parse(written).is_ok_and(|parsed| parsed.is_in_phase(start))
}

/// The first line, if it is a `DTSTART` as Prefect writes it, and the rest.
fn split_start(rule: &str) -> Option<(DateTime, &str)> {
    let (line, rest) = rule.split_once('\n')?;
    let start = DateTime::strptime("%Y%m%dT%H%M%S", line.strip_prefix("DTSTART:")?).ok()?;
    Some((start, rest))
}

/// Takes the anchor over that a server already has, if the file names none.
pub(crate) fn keep_anchor(ours: &mut Kind, stored: &Value) {
    let text = |key: &str| stored.get(key).and_then(Value::as_str);
    match ours {
        Kind::Interval { anchor_date, anchored, .. } if !*anchored => {
            if let Some(moment) = text("anchor_date").and_then(anchor::parse) {
                *anchor_date = moment.to_wire();
                *anchored = true;
            }
        }
        Kind::Rrule { rrule, written, .. } => {
            if let Some(stored) = text("rrule").filter(|stored| *rrule != *written && same_rule(written, stored)) {
                *rrule = stored.to_owned();
            }
        }
        _ => {}
    }
}
