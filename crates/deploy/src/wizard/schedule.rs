//! When the deployment runs.

use jiff::{Timestamp, ZonedDateTime};
use schedules::{Schedule, parse};
use serde_json::{Value, json};

use super::{Ask, Left};

/// Times that are shown of a schedule.
const SHOWN: usize = 3;

/// Asks for schedules until there are enough.
pub(super) fn ask(ask: &mut dyn Ask, now: Timestamp) -> Result<Vec<Value>, Left> {
    let mut schedules = Vec::new();
    let kinds = ["no schedule", "cron", "interval", "recurrence rule"].map(str::to_owned);
    loop {
        let kind = match ask.choose(if schedules.is_empty() { "Schedule" } else { "Another schedule" }, &kinds)? {
            0 => return Ok(schedules),
            1 => ("cron", "Cron expression", "0 6 * * *"),
            2 => ("interval", "Seconds between runs", "3600"),
            _ => ("rrule", "Recurrence rule", "FREQ=DAILY;BYHOUR=6;BYMINUTE=0"),
        };
        if let Some(schedule) = one(ask, kind, now)? {
            schedules.push(schedule);
        }
    }
}

/// A schedule that the user has seen the next times of; none if these were not meant.
fn one(ask: &mut dyn Ask, (key, question, default): (&str, &str, &str), now: Timestamp) -> Result<Option<Value>, Left> {
    let value = |text: &str| match text.parse::<u64>() {
        Ok(seconds) if key == "interval" => json!(seconds),
        _ => json!(text),
    };
    let judged = |item: &Value| parse(item, now).map(drop).map_err(|errors| first(&errors));
    let text = ask.text(question, default, &|text| judged(&json!({key: value(text)})))?;
    let zone = ask.text("Time zone", &local_zone(), &|zone| judged(&json!({key: value(&text), "timezone": zone})))?;
    let item = json!({key: value(&text), "timezone": zone});
    let times = parse(&item, now).map(|schedule| next(&schedule, now)).unwrap_or_default();
    ask.show(&format!("The next runs: {}", times.join(", ")));
    Ok(ask.confirm("Is this the schedule you mean?", true)?.then_some(item))
}

fn first(errors: &[schedules::ScheduleError]) -> String {
    errors.first().map(ToString::to_string).unwrap_or_default()
}

fn next(schedule: &Schedule, now: Timestamp) -> Vec<String> {
    let shown = |time: &ZonedDateTime| time.strftime("%a %Y-%m-%d %H:%M %Z").to_string();
    match schedule.next(now, SHOWN) {
        Ok(times) => times.iter().map(shown).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// The zone of this machine, if it has a name.
fn local_zone() -> String {
    jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}
