//! A deploy that changes nothing sends nothing.

#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use schedules::{Kind, Schedule, parse};
use serde_json::{Value, json};

fn read(item: Value) -> Schedule {
    parse(&item, now()).unwrap()
}

fn now() -> Timestamp {
    "2026-06-15T10:20:30Z".parse().unwrap()
}

/// A schedule as a server answers it.
fn stored(schedule: Value) -> Value {
    json!({"id": "0", "deployment_id": "1", "schedule": schedule, "active": true, "max_scheduled_runs": null,
        "parameters": {}, "slug": null, "replaces": null})
}

#[test]
fn other_spellings_of_the_same_schedule_are_the_same() {
    for (ours, theirs) in [
        (json!({"cron": "0 4 * * *"}), json!({"cron": "0 4 * * *", "timezone": null, "day_or": true})),
        (json!({"cron": "0 4 * * *"}), json!({"cron": "0 4 * * *", "timezone": "UTC", "day_or": true})),
        (json!({"cron": "0 4 * * *", "timezone": "UTC"}), json!({"cron": "0 4 * * *"})),
        (
            json!({"interval": 3600}),
            json!({"interval": 3600.0, "anchor_date": "2025-01-01T00:00:00Z", "timezone": "UTC"}),
        ),
        (
            json!({"interval": 3600}),
            json!({"interval": "PT1H", "anchor_date": "2025-01-01T00:00:00Z", "timezone": null}),
        ),
        (
            json!({"interval": 60, "anchor_date": "2026-01-01T01:00:00+01:00"}),
            json!({"interval": 60.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"}),
        ),
        (json!({"rrule": "FREQ=DAILY"}), json!({"rrule": "FREQ=DAILY", "timezone": "UTC"})),
        (json!({"rrule": "FREQ=DAILY"}), json!({"rrule": "DTSTART:20200101T000000\nFREQ=DAILY", "timezone": "UTC"})),
        (
            json!({"rrule": "FREQ=MINUTELY;INTERVAL=7"}),
            json!({"rrule": "DTSTART:20200101T000700\nFREQ=MINUTELY;INTERVAL=7", "timezone": "UTC"}),
        ),
    ] {
        assert!(read(ours.clone()).same_as(&stored(theirs.clone())), "{ours} {theirs}");
    }
}

#[test]
fn other_times_are_not_the_same() {
    for (ours, theirs) in [
        (json!({"cron": "0 4 * * *"}), json!({"cron": "0 5 * * *"})),
        (json!({"cron": "0 4 * * *"}), json!({"cron": "0 4 * * *", "timezone": "Europe/Madrid"})),
        (json!({"cron": "0 4 * * *"}), json!({"cron": "0 4 * * *", "day_or": false})),
        (json!({"cron": "0 4 * * *"}), json!({"interval": 60.0, "anchor_date": "2026-01-01T00:00:00Z"})),
        (
            json!({"interval": 3600}),
            json!({"interval": 3601.0, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"}),
        ),
        (
            json!({"interval": 60, "anchor_date": "2026-01-01"}),
            json!({"interval": 60.0, "anchor_date": "2026-01-02T00:00:00Z", "timezone": "UTC"}),
        ),
        (json!({"rrule": "FREQ=DAILY"}), json!({"rrule": "DTSTART:20210101T000000\nFREQ=DAILY", "timezone": "UTC"})),
        (
            json!({"rrule": "FREQ=MINUTELY;INTERVAL=7"}),
            json!({"rrule": "DTSTART:20200101T000800\nFREQ=MINUTELY;INTERVAL=7", "timezone": "UTC"}),
        ),
        (json!({"rrule": "FREQ=DAILY"}), json!({})),
    ] {
        assert!(!read(ours.clone()).same_as(&stored(theirs.clone())), "{ours} {theirs}");
    }
}

#[test]
fn a_switch_that_the_file_does_not_mention_is_left_alone() {
    let mut theirs = stored(json!({"cron": "0 4 * * *"}));
    theirs["active"] = json!(false);
    assert!(read(json!({"cron": "0 4 * * *"})).same_as(&theirs));
    assert!(read(json!({"cron": "0 4 * * *", "active": false})).same_as(&theirs));
    assert!(!read(json!({"cron": "0 4 * * *", "active": true})).same_as(&theirs));
    assert_eq!(read(json!({"cron": "0 4 * * *"})).to_update(), json!({"schedule": {"cron": "0 4 * * *"}}));
}

#[test]
fn slug_parameters_and_limit_are_compared() {
    let mut theirs = stored(json!({"cron": "0 4 * * *"}));
    theirs["slug"] = json!("s");
    theirs["parameters"] = json!({"n": 1});
    theirs["max_scheduled_runs"] = json!(3);
    let ours = |more: Value| {
        let mut item = json!({"cron": "0 4 * * *"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(item).same_as(&theirs)
    };
    assert!(ours(json!({"slug": "s", "parameters": {"n": 1}, "max_scheduled_runs": 3})));
    assert!(ours(json!({"slug": "s", "parameters": {"n": 1}, "replaces": "old"})));
    assert!(!ours(json!({"slug": "s"})));
    assert!(!ours(json!({"parameters": {"n": 1}})));
    assert!(!ours(json!({"slug": "s", "parameters": {"n": 1}, "max_scheduled_runs": 4})));
}

#[test]
fn an_anchor_that_the_file_does_not_name_is_kept() {
    let theirs = stored(json!({"interval": 60.0, "anchor_date": "2025-01-01T08:00:00+02:00", "timezone": "UTC"}));
    let kept = read(json!({"interval": 90})).anchored_as(&theirs);
    assert_eq!(kept.to_wire()["anchor_date"], "2025-01-01T08:00:00+02:00");
    assert_eq!(kept.to_update()["schedule"]["anchor_date"], "2025-01-01T08:00:00+02:00");
    let named = read(json!({"interval": 90, "anchor_date": "2026-01-01"})).anchored_as(&theirs);
    assert_eq!(named.to_wire()["anchor_date"], "2026-01-01T00:00:00Z");

    let rule = "DTSTART:20200101T000700\nFREQ=MINUTELY;INTERVAL=7";
    let kept = read(json!({"rrule": "FREQ=MINUTELY;INTERVAL=7"})).anchored_as(&stored(json!({"rrule": rule})));
    assert!(matches!(kept.kind, Kind::Rrule { rrule, .. } if rrule == rule));
}

#[test]
fn a_summary_fits_a_table() {
    for (item, summary) in [
        (json!({"cron": "0 4 * * *", "timezone": "Europe/Madrid"}), "cron 0 4 * * * Europe/Madrid"),
        (json!({"cron": "0 4 13 * 5", "day_or": false, "active": false}), "cron 0 4 13 * 5 (both days) UTC, off"),
        (json!({"interval": 5400}), "every 1h 30m UTC"),
        (
            json!({"rrule": "RRULE:FREQ=DAILY\nEXDATE:20260702T000000"}),
            "rrule RRULE:FREQ=DAILY EXDATE:20260702T000000 UTC",
        ),
    ] {
        assert_eq!(read(item).summary(), summary);
    }
}
