//! When the deployment runs.

use jiff::{Timestamp, ZonedDateTime};
use schedules::{Schedule, local_zone, parse, parse_all};
use serde_json::{Map, Value, json};

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
    let judged = |item: &Value| parse(item, now).map(drop).map_err(|errors| told(&errors));
    let text = ask.text(question, default, &|text| judged(&json!({key: value(text)})))?;
    let zone = ask.text("Time zone", &local_zone(), &|zone| judged(&json!({key: value(&text), "timezone": zone})))?;
    let item = json!({key: value(&text), "timezone": zone});
    for warning in warnings(&item, now) {
        ask.show(&warning);
    }
    let times = parse(&item, now).map(|schedule| next(&schedule, now)).unwrap_or_default();
    ask.show(&format!("The next runs: {}", times.join(", ")));
    Ok(ask.confirm("Is this the schedule you mean?", true)?.then_some(item))
}

fn told(errors: &[schedules::ScheduleError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn warnings(item: &Value, now: Timestamp) -> Vec<String> {
    let deployment = Map::from_iter([("schedules".to_owned(), json!([item]))]);
    let declared = parse_all(&deployment, now).unwrap_or_default();
    declared.warnings.iter().map(|(_, warning)| warning.to_string()).collect()
}

fn next(schedule: &Schedule, now: Timestamp) -> Vec<String> {
    match schedule.next(now, SHOWN) {
        Ok(times) => times.iter().map(shown).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn shown(time: &ZonedDateTime) -> String {
    let seconds = if time.second() == 0 { "" } else { ":%S" };
    time.strftime(&format!("%a %Y-%m-%d %H:%M{seconds} %Z")).to_string()
}
