//! A schedule that passed the checks.

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::{
    NextError, anchor, cron::Cron, interval, interval::Interval, rrule::Recurrence, same, times, value::shortened, zone,
};

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
        /// Whether the date is a choice: the file's, or one that the server has already. Otherwise it is the time of the
        /// deploy, and any other is as good.
        anchored: bool,
        /// The zone whose days are counted.
        timezone: String,
    },
    /// At the times of a recurrence rule.
    Rrule {
        /// The rule as it is sent, with a `DTSTART`.
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
        match &self.kind {
            Kind::Cron { cron, timezone, day_or } => {
                json!({"cron": cron, "timezone": timezone, "day_or": day_or.unwrap_or(true)})
            }
            Kind::Interval { seconds, anchor_date, timezone, .. } => {
                json!({"interval": seconds, "anchor_date": anchor_date, "timezone": timezone})
            }
            Kind::Rrule { rrule, timezone, .. } => json!({"rrule": rrule, "timezone": timezone}),
        }
    }

    /// The item of `schedules` that `POST /deployments/` takes: every key, as the real tool sends it.
    #[must_use]
    pub fn to_create(&self) -> Value {
        json!({
            "schedule": self.to_wire(),
            "active": self.active.unwrap_or(true),
            "max_scheduled_runs": self.max_scheduled_runs,
            "parameters": self.parameters,
            "slug": self.slug,
            "replaces": self.replaces,
        })
    }

    /// The item of `schedules` that `PATCH /deployments/{id}` takes: keys that the file does not mention are left out, and
    /// the server leaves the switch as it is.
    #[must_use]
    pub fn to_update(&self) -> Value {
        let mut item = json!({"schedule": self.to_wire()});
        let unsaid: &[&str] = match &self.kind {
            Kind::Cron { timezone: None, day_or: None, .. } => &["timezone", "day_or"],
            Kind::Cron { timezone: None, .. } => &["timezone"],
            Kind::Cron { day_or: None, .. } => &["day_or"],
            Kind::Interval { anchored: false, .. } => &["anchor_date"],
            _ => &[],
        };
        if let Some(schedule) = item["schedule"].as_object_mut() {
            schedule.retain(|key, _| !unsaid.contains(&key.as_str()));
        }
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                item[key] = value;
            }
        };
        add("active", self.active.map(Value::from));
        add("max_scheduled_runs", self.max_scheduled_runs.map(Value::from));
        add("parameters", (!self.parameters.is_empty()).then(|| Value::from(self.parameters.clone())));
        add("slug", self.slug.clone().map(Value::from));
        add("replaces", self.replaces.clone().map(Value::from));
        item
    }

    /// Whether a schedule of the server (an item of a deployment's `schedules`) means the same, so that nothing needs to be
    /// sent. What the file does not mention (the switch, the anchor date) is not compared.
    #[must_use]
    pub fn same_as(&self, stored: &Value) -> bool {
        same::schedule(self, stored)
    }

    /// The same schedule with the anchor date that the server already has, where the file names none: sending it does not
    /// shift the times.
    #[must_use]
    pub fn anchored_as(mut self, stored: &Value) -> Self {
        same::keep_anchor(&mut self.kind, stored.get("schedule").unwrap_or(&Value::Null));
        self
    }

    /// The next `n` times at or after `after`, in the schedule's zone, as Prefect's `get_dates` finds them. Fewer if the
    /// schedule ends.
    ///
    /// # Errors
    /// If there is no time, or none within a bounded search.
    pub fn next(&self, after: Timestamp, n: usize) -> Result<Vec<ZonedDateTime>, NextError> {
        match &self.kind {
            Kind::Cron { cron, timezone, day_or } => {
                let cron = Cron::parse(cron, day_or.unwrap_or(true)).map_err(|_| NextError::Never)?;
                times::of_cron(&cron, &zone_of(timezone.as_deref()), after, n)
            }
            Kind::Interval { seconds, anchor_date, timezone, .. } => {
                let interval = Interval::from_seconds(*seconds).ok_or(NextError::Never)?;
                let anchor = anchor::parse(anchor_date).ok_or(NextError::OutOfRange)?;
                interval::next(interval, anchor.timestamp, &zone_of(Some(timezone)), after, n)
            }
            Kind::Rrule { rrule, timezone, .. } => {
                let rule = Recurrence::parse(rrule).map_err(|_| NextError::Never)?;
                times::of_rrule(&rule, &zone_of(Some(timezone)), after, n, Recurrence::budget())
            }
        }
    }

    /// A short text for a table: `cron 0 4 * * * Europe/Madrid`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = match &self.kind {
            Kind::Cron { cron, timezone, day_or } => {
                let days = if *day_or == Some(false) { " (both days)" } else { "" };
                format!("cron {}{days} {}", shortened(cron), timezone.as_deref().unwrap_or("UTC"))
            }
            Kind::Interval { seconds, timezone, .. } => {
                let interval = Interval::from_seconds(*seconds).map(Interval::summary).unwrap_or_default();
                format!("every {interval} {timezone}")
            }
            Kind::Rrule { written, timezone, .. } => format!("rrule {} {timezone}", shortened(written)),
        };
        if self.active == Some(false) {
            text.push_str(", off");
        }
        text
    }
}

fn zone_of(name: Option<&str>) -> TimeZone {
    name.and_then(zone::find).unwrap_or(TimeZone::UTC)
}
