//! One item of `schedules`.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use crate::{
    Kind, NextError, Schedule, ScheduleError, Warning,
    anchor::{self, Moment},
    cron::{Cron, Seconds},
    interval::Interval,
    rrule::Recurrence,
    times,
    value::{Keys, describe, shortened},
    zone,
};

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

const KINDS: [&str; 3] = ["cron", "interval", "rrule"];

/// Keys that `prefect deploy` of the first 3.0 versions wrote into files.
const OLD_KEYS: [&str; 2] = ["max_active_runs", "catchup"];

/// Keys that people write for others.
const MEANT: [(&str, &str); 16] = [
    ("anchor", "anchor_date"),
    ("crontab", "cron"),
    ("enabled", "active"),
    ("every", "interval"),
    ("id", "slug"),
    ("is_active", "active"),
    ("name", "slug"),
    ("params", "parameters"),
    ("period", "interval"),
    ("rule", "rrule"),
    ("seconds", "interval"),
    ("start", "anchor_date"),
    ("start_date", "anchor_date"),
    ("time_zone", "timezone"),
    ("tz", "timezone"),
    ("zone", "timezone"),
];

/// Checks one item of `schedules` (or the mapping of the legacy `schedule`), values already filled in.
///
/// # Errors
/// Every problem at once.
pub fn parse(item: &Value, now: Timestamp) -> Result<Schedule, Vec<ScheduleError>> {
    read(item, now).map(|(schedule, _)| schedule)
}

/// Like [`parse`], with what is accepted and rarely meant.
pub(crate) fn read(item: &Value, now: Timestamp) -> Result<(Schedule, Vec<Warning>), Vec<ScheduleError>> {
    let Value::Object(map) = item else {
        return Err(vec![ScheduleError::NotAMapping { found: describe(item), advice: advice(item) }]);
    };
    let mut reader = Reader { keys: Keys::new(map), warnings: Vec::new(), now };
    reader.unknown_keys(map);
    let kind = reader.kind();
    let schedule = Schedule {
        kind: kind.unwrap_or_else(|| Kind::Cron { cron: String::new(), timezone: None, day_or: None }),
        active: reader.keys.flag("active"),
        parameters: reader.keys.mapping("parameters").cloned().unwrap_or_default(),
        slug: reader.keys.text("slug").map(str::to_owned),
        replaces: reader.keys.text("replaces").map(str::to_owned),
        max_scheduled_runs: reader.keys.count("max_scheduled_runs"),
    };
    if schedule.max_scheduled_runs.is_some() && schedule.slug.is_none() {
        reader.warnings.push(Warning::LimitWithoutSlug);
    }
    if reader.keys.errors.is_empty() { Ok((schedule, reader.warnings)) } else { Err(reader.keys.errors) }
}

/// A text that would be right one level deeper.
fn advice(item: &Value) -> Option<String> {
    let text = item.as_str()?;
    if Cron::parse(text, true).is_ok() {
        return Some(format!("write `cron: \"{}\"`", shortened(text)));
    }
    if Recurrence::parse(text).is_ok() {
        return Some(format!("write `rrule: \"{}\"`", shortened(text)));
    }
    Interval::from_text(text).is_ok().then(|| format!("write `interval: {}`", shortened(text)))
}

struct Reader<'a> {
    keys: Keys<'a>,
    warnings: Vec<Warning>,
    now: Timestamp,
}

impl Reader<'_> {
    fn unknown_keys(&mut self, map: &Map<String, Value>) {
        for key in map.keys() {
            if let Some(old) = OLD_KEYS.iter().find(|old| **old == key) {
                self.warnings.push(Warning::OldKey { key: old });
            } else if !KEYS.contains(&key.as_str()) {
                self.keys.errors.push(ScheduleError::UnknownKey { key: shortened(key), nearest: nearest_key(key) });
            }
        }
    }

    /// The kind; nothing after an error.
    fn kind(&mut self) -> Option<Kind> {
        let found: Vec<&'static str> = KINDS.into_iter().filter(|kind| self.keys.get(kind).is_some()).collect();
        match found[..] {
            [] => self.keys.errors.push(ScheduleError::NoKind),
            [_] => {}
            _ => self.keys.errors.push(ScheduleError::SeveralKinds { found: found.clone() }),
        }
        let zone = self.timezone();
        let anchor = self.anchor_date();
        let day_or = self.keys.flag("day_or");
        for (key, kind) in [("day_or", "cron"), ("anchor_date", "interval")] {
            if found.len() == 1 && self.keys.get(key).is_some() && found != [kind] {
                self.warnings.push(Warning::Misplaced { key, kind });
            }
        }
        let mut kind = None;
        for name in &found {
            kind = match *name {
                "cron" => self.cron(zone.as_ref(), day_or),
                "interval" => self.interval(zone.as_ref(), anchor),
                _ => self.rrule(zone.clone()),
            };
        }
        kind
    }

    fn timezone(&mut self) -> Option<Zone> {
        let name = self.keys.text("timezone")?;
        self.zone(name)
    }

    fn zone(&mut self, name: &str) -> Option<Zone> {
        let zone = zone::find(name).map(|zone| Zone { name: name.to_owned(), zone });
        if zone.is_none() {
            self.keys.errors.push(ScheduleError::Zone { name: shortened(name), nearest: zone::nearest(name) });
        }
        zone
    }

    fn anchor_date(&mut self) -> Option<Moment> {
        let text = self.keys.text("anchor_date")?;
        let moment = anchor::parse(text);
        if moment.is_none() {
            let reason = "wanted an ISO 8601 date such as 2026-01-01T00:00:00Z".to_owned();
            self.keys.errors.push(ScheduleError::AnchorDate { text: shortened(text), reason });
        }
        moment
    }

    fn cron(&mut self, zone: Option<&Zone>, day_or: Option<bool>) -> Option<Kind> {
        let text = self.keys.text("cron")?;
        match self.check_cron(text, zone, day_or.unwrap_or(true)) {
            Ok(()) => Some(Kind::Cron { cron: text.to_owned(), timezone: zone.map(|zone| zone.name.clone()), day_or }),
            Err(reason) => {
                self.keys.errors.push(ScheduleError::Cron { text: shortened(text), reason });
                None
            }
        }
    }

    fn check_cron(&mut self, text: &str, zone: Option<&Zone>, day_or: bool) -> Result<(), String> {
        let cron = Cron::parse(text, day_or)?;
        match cron.seconds() {
            Seconds::None => {}
            Seconds::Every => return Err(every_second(text)),
            Seconds::Some => self.warnings.push(Warning::Seconds { text: shortened(text) }),
        }
        let now = zone.map_or(TimeZone::UTC, |zone| zone.zone.clone()).to_datetime(self.now);
        if cron.after(now).is_none() {
            if !cron.has_years() {
                return Err("no date in the next 50 years matches it".to_owned());
            }
            self.warnings.push(Warning::Over { key: "cron", unanchored: false });
        }
        Ok(())
    }

    fn interval(&mut self, zone: Option<&Zone>, anchor: Option<Moment>) -> Option<Kind> {
        let value = self.keys.get("interval")?;
        let interval = match value {
            Value::Number(number) => Interval::from_number(number),
            Value::String(text) => Interval::from_text(text),
            other => {
                let wanted = "seconds, HH:MM:SS or an ISO 8601 duration";
                self.keys.errors.push(ScheduleError::WrongType { key: "interval", wanted, found: describe(other) });
                return None;
            }
        };
        match interval {
            Ok(interval) => Some(Kind::Interval {
                seconds: interval.seconds(),
                anchor_date: anchor.unwrap_or_else(|| Moment::utc(self.now)).to_wire(),
                anchored: anchor.is_some(),
                timezone: zone.map_or_else(|| "UTC".to_owned(), |zone| zone.name.clone()),
            }),
            Err(reason) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.keys.errors.push(ScheduleError::Interval { text: shortened(&text), reason });
                None
            }
        }
    }

    fn rrule(&mut self, zone: Option<Zone>) -> Option<Kind> {
        let text = self.keys.text("rrule")?;
        let (written, inner_zone) = match unwrap_json(text) {
            Ok(unwrapped) => unwrapped,
            Err(reason) => {
                self.keys.errors.push(ScheduleError::Rrule { text: shortened(text), reason });
                return None;
            }
        };
        let inner_zone = inner_zone.and_then(|name| self.zone(&name));
        let zone = zone.or(inner_zone).unwrap_or_else(|| Zone { name: "UTC".to_owned(), zone: TimeZone::UTC });
        match self.check_rrule(&written, &zone) {
            Ok(rrule) => Some(Kind::Rrule { rrule, written, timezone: zone.name }),
            Err(reason) => {
                self.keys.errors.push(ScheduleError::Rrule { text: shortened(&written), reason });
                None
            }
        }
    }

    fn check_rrule(&mut self, text: &str, zone: &Zone) -> Result<String, String> {
        let rule = Recurrence::parse(text)?;
        if rule.has_times() == Some(false) {
            return Err("no date matches it".to_owned());
        }
        let anchored = rule.anchored(text, &zone.zone, self.now)?;
        if rule.fails() {
            self.warnings.push(Warning::UntilWithoutStart);
        } else {
            let next = times::of_rrule(&rule, &zone.zone, self.now, 1, Recurrence::quick_budget());
            if next == Err(NextError::Never) {
                self.warnings.push(Warning::Over { key: "rrule", unanchored: !rule.has_start() });
            }
        }
        Ok(anchored)
    }
}

/// A time zone and its name.
#[derive(Clone)]
struct Zone {
    name: String,
    zone: TimeZone,
}

/// Seconds are the last field in Prefect and the first in some other schedulers.
fn every_second(text: &str) -> String {
    let without_first = text.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    let meant = Cron::parse(&without_first, true).is_ok_and(|cron| cron.seconds() == Seconds::None);
    let advice =
        if meant { format!(": did you mean `{}`?", shortened(&without_first)) } else { ": write 0 there".to_owned() };
    format!("the sixth field is seconds and allows every second of the minute{advice}")
}

/// A rule may be JSON with `rrule` and `timezone`.
fn unwrap_json(text: &str) -> Result<(String, Option<String>), String> {
    let wanted = || "as JSON, wanted {\"rrule\": \"FREQ=…\", \"timezone\": \"…\"}".to_owned();
    match serde_json::from_str(text) {
        Err(_) => Ok((text.to_owned(), None)),
        Ok(Value::Object(mut map)) => {
            let rule = map.remove("rrule").and_then(|rule| rule.as_str().map(str::to_owned)).ok_or_else(wanted)?;
            let zone = match map.remove("timezone") {
                None | Some(Value::Null) => None,
                Some(Value::String(zone)) => Some(zone),
                Some(_) => return Err(wanted()),
            };
            if map.is_empty() { Ok((rule, zone)) } else { Err(wanted()) }
        }
        Ok(_) => Err(wanted()),
    }
}

fn nearest_key(key: &str) -> Option<&'static str> {
    if key.len() > 60 {
        return None;
    }
    let lower = key.to_lowercase();
    if let Some((_, meant)) = MEANT.iter().find(|(written, _)| *written == lower) {
        return Some(meant);
    }
    let similar = KEYS.into_iter().map(|known| (strsim::jaro_winkler(known, &lower), known));
    similar.filter(|(similarity, _)| *similarity >= 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// Names in backticks, joined by "and".
pub(crate) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}
