//! Schedules are checked, sent and run as Prefect 3.9.1 does it. The tables come from `prefect/tables.py`.

#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use schedules::{Schedule, ScheduleError, parse};
use serde_json::{Map, Value};

const ITEMS: &str = include_str!("prefect/items.json");
const TIMES: &str = include_str!("prefect/times.json");
const OLDER: &str = include_str!("prefect/times-older.json");

/// The moment at which `items.json` was made.
const NOW: &str = "2026-06-15T10:20:30.123456Z";

fn rows(table: &str) -> Vec<Value> {
    serde_json::from_str(table).unwrap()
}

fn read(row: &Value) -> (Result<Schedule, Vec<ScheduleError>>, Timestamp, usize) {
    let keys = ["cron", "day_or", "interval", "anchor_date", "rrule", "timezone"];
    let item: Map<String, Value> =
        keys.iter().filter_map(|key| Some(((*key).to_owned(), row.get(*key)?.clone()))).collect();
    let after: Timestamp = row["after"].as_str().unwrap().parse().unwrap();
    (parse(&item.into(), after), after, row["n"].as_u64().unwrap() as usize)
}

fn times(row: &Value) -> Option<Vec<String>> {
    let (schedule, after, n) = read(row);
    let times = schedule.ok()?.next(after, n).ok()?;
    Some(times.iter().map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()).collect())
}

/// The times of a row before 2038, where the library that Prefect asks about zones knows no changes of the clock any more.
fn known(times: Option<Vec<String>>) -> Option<Vec<String>> {
    let times: Vec<String> = times?.into_iter().filter(|time| time.as_str() < "2038").collect();
    (!times.is_empty()).then_some(times)
}

fn expected(row: &Value) -> Option<Vec<String>> {
    let times: Vec<String> = serde_json::from_value(row.get("times")?.clone()).unwrap();
    // Python writes all six digits of a fraction.
    Some(times.iter().map(|time| time.replace(".500000", ".5")).collect())
}

#[test]
fn the_next_times_are_those_of_prefect() {
    let rows = rows(TIMES);
    assert!(rows.len() > 1_800);
    let mut wrong = Vec::new();
    for row in &rows {
        let ours = times(row);
        if known(ours.clone()) != known(expected(row)) {
            wrong.push(format!("{row}\n  ours: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn servers_on_older_pythons_differ_only_in_intervals_around_a_change_of_the_clock() {
    let rows = rows(OLDER);
    assert_eq!(rows.len(), 31);
    assert!(rows.iter().all(|row| row.get("interval").is_some() && row["timezone"] != "UTC"));
}

/// Items that Prefect takes and ours does not, with the reason.
const REFUSED: [(&str, &str); 18] = [
    (r#"{"cron":"0 0 4 * * *"}"#, "fires every second of a minute"),
    (r#"{"cron":"0 0 4 * * * 2030"}"#, "fires every second of a minute"),
    (r#"{"cron":"0 0 30 2 *"}"#, "never fires, and the scheduler fails on it"),
    (r#"{"cron":"0 0 15 * mon#1"}"#, "the scheduler fails on it, because it asks for both days as well"),
    (r#"{"cron":"R(0-5) * * * *"}"#, "another time at every look; plain R is refused by Prefect too"),
    (r#"{"cron":"0 4 * * *","timezone":""}"#, "an empty name, from an empty variable"),
    (r#"{"cron":"0 4 * * *","timezone":"Factory"}"#, "not a place"),
    (r#"{"interval":"P1M"}"#, "30 days, which a month is not"),
    (r#"{"interval":"P1Y"}"#, "365 days, which a year is not"),
    (r#"{"interval":true}"#, "one second"),
    (r#"{"interval":3600,"anchor_date":20260101}"#, "a moment of August 1970"),
    (r#"{"rrule":"FREQ=DAILY;INTERVAL=0"}"#, "the scheduler never comes back from it"),
    (r#"{"rrule":"FREQ=DAILY;INTERVAL=-1"}"#, "the scheduler fails on it"),
    (r#"{"rrule":"FREQ=DAILY;COUNT=0"}"#, "never fires"),
    (r#"{"rrule":"FREQ=MONTHLY;BYMONTHDAY=32"}"#, "never fires"),
    (r#"{"rrule":"FREQ=HOURLY;BYHOUR=25"}"#, "the scheduler fails on it"),
    (r#"{"rrule":"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}"#, "never fires"),
    (r#"{"rrule":"EXDATE:20260702T000000"}"#, "never fires"),
];

/// Items that ours takes and Prefect does not, with the reason.
const TAKEN: [(&str, &str); 5] = [
    (r#"{"cron":"0 4 * * *","catchup":false}"#, "written by older versions of Prefect, with a warning"),
    (r#"{"cron":"0 4 * * *","max_active_runs":null}"#, "written by older versions of Prefect, with a warning"),
    (r#"{"cron":"0 4 * * *","parameters":null}"#, "a null is a key that is not there"),
    (
        r#"{"cron":"0 4 * * *","max_scheduled_runs":5,"slug":"s"}"#,
        "a field of the API that the file cannot set otherwise",
    ),
    (r#"{"interval":"90"}"#, "a number from the environment is always text"),
];

#[test]
fn what_is_sent_and_kept_is_what_prefect_sends_and_keeps() {
    let now: Timestamp = NOW.parse().unwrap();
    let known = |list: &[(&str, &str)], item: &Value| {
        list.iter().any(|(known, _)| serde_json::from_str::<Value>(known).unwrap() == *item)
    };
    let mut wrong = Vec::new();
    for row in rows(ITEMS) {
        let item = &row["item"];
        let ours = parse(item, now);
        let right = match (&ours, row.get("error")) {
            (Ok(schedule), None) => {
                schedule.to_create() == row["create"]
                    && schedule.to_update() == row["update"]
                    && schedule.to_wire() == row["stored"]
            }
            (Ok(_), Some(_)) => known(&TAKEN, item),
            (Err(_), None) => known(&REFUSED, item),
            (Err(_), Some(_)) => true,
        };
        if !right {
            wrong.push(format!("{row}\n  ours: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_prefect_keeps_is_the_same_at_the_next_deploy() {
    let later: Timestamp = "2027-02-03T04:05:06Z".parse().unwrap();
    for row in rows(ITEMS) {
        let (Ok(schedule), None) = (parse(&row["item"], later), row.get("error")) else { continue };
        assert!(schedule.same_as(&row["create"]), "{row}");
        let again = schedule.anchored_as(&row["create"]);
        assert_eq!(again.to_wire(), row["stored"], "{row}");
    }
}
