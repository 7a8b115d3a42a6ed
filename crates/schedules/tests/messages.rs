//! Errors and warnings as a user reads them.

#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use schedules::parse_all;
use serde_json::{Value, json};

fn check(deployment: Value) -> String {
    let now: Timestamp = "2026-06-15T10:20:30Z".parse().unwrap();
    match parse_all(deployment.as_object().unwrap(), now) {
        Ok(declared) => {
            let count = declared.schedules.map_or_else(|| "none declared".to_owned(), |list| list.len().to_string());
            let warnings = declared.warnings.iter().map(|(pointer, warning)| format!("warning {pointer}: {warning}\n"));
            warnings.collect::<String>() + &count
        }
        Err(problems) => {
            problems.iter().map(|problem| format!("{}: {}\n", problem.pointer, problem.error)).collect::<String>()
        }
    }
}

/// The text of one item's problems.
fn item(item: Value) -> String {
    check(json!({"schedules": [item]})).replace("/schedules/0", "").trim().to_owned()
}

#[test]
fn every_fault_of_a_schedule_is_told_with_its_key_and_what_is_wanted() {
    let faults = [
        json!("0 4 * * *"),
        json!("PT1H"),
        json!(["0 4 * * *"]),
        json!(null),
        json!({}),
        json!({"timezone": "UTC"}),
        json!({"cron": "0 4 * * *", "interval": 60}),
        json!({"cron": "0 4 * * *", "tz": "UTC"}),
        json!({"cron": "0 4 * * *", "actve": true}),
        json!({"cron": "0 4 * * *", "colour": "red"}),
        json!({"cron": "61 4 * * *"}),
        json!({"cron": "0 4 * *"}),
        json!({"cron": "0 0 4 * * *"}),
        json!({"cron": "0 0 4 * * MON"}),
        json!({"cron": "0 0 30 2 *"}),
        json!({"cron": "H 4 * * *"}),
        json!({"cron": "@reboot"}),
        json!({"cron": "*/0 * * * *"}),
        json!({"cron": "1,,2 * * * *"}),
        json!({"cron": "0 0 * * mon,tue#1"}),
        json!({"cron": 5}),
        json!({"cron": ""}),
        json!({"cron": "0 4 * * *", "timezone": "Mars/Olympus"}),
        json!({"cron": "0 4 * * *", "timezone": "Europe/Madird"}),
        json!({"cron": "0 4 * * *", "active": "maybe", "slug": true, "parameters": [1], "max_scheduled_runs": 0}),
        json!({"interval": 0}),
        json!({"interval": -5}),
        json!({"interval": "1 hour"}),
        json!({"interval": "P1M"}),
        json!({"interval": [60]}),
        json!({"interval": 60, "anchor_date": "yesterday-ish"}),
        json!({"rrule": "FREQ=SOMETIMES"}),
        json!({"rrule": "FREQ=DAILY;BYDAY=XX"}),
        json!({"rrule": "FREQ=DAILY;BYMONTHDY=3"}),
        json!({"rrule": "FREQ=DAILY;BYHOUR=25"}),
        json!({"rrule": "FREQ=DAILY;"}),
        json!({"rrule": "COUNT=3"}),
        json!({"rrule": "DTSTART:tomorrow\nFREQ=DAILY"}),
        json!({"rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;UNTIL=20301231T000000Z"}),
        json!({"rrule": "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"}),
        json!({"rrule": "{\"rule\": \"FREQ=DAILY\"}"}),
        json!({"rrule": "FREQ=DAILY", "timezone": "utc"}),
    ];
    let texts: Vec<String> = faults.iter().map(|fault| format!("{fault}\n{}", item(fault.clone()))).collect();
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn what_is_rarely_meant_is_warned_of() {
    let odd = [
        json!({"cron": "0 4 * * *", "timezone": "Europe/Madrid", "day_or": true, "max_active_runs": null, "catchup": false}),
        json!({"cron": "0 4 * * * 30"}),
        json!({"cron": "0 4 * * * 0 2020"}),
        json!({"cron": "0 4 * * *", "anchor_date": "2026-01-01"}),
        json!({"interval": 60, "day_or": false}),
        json!({"interval": 60, "max_scheduled_runs": 5}),
        json!({"rrule": "FREQ=DAILY;UNTIL=20301231T000000Z"}),
        json!({"rrule": "FREQ=DAILY;COUNT=3"}),
        json!({"rrule": "FREQ=DAILY;UNTIL=20250101"}),
    ];
    let texts: Vec<String> = odd.iter().map(|odd| format!("{odd}\n{}", item(odd.clone()))).collect();
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn a_deployment_has_one_list() {
    let cron = json!({"cron": "0 4 * * *"});
    let slug = json!({"cron": "0 4 * * *", "slug": "s", "replaces": "r"});
    let forms = [
        json!({}),
        json!({"schedules": null}),
        json!({"schedules": []}),
        json!({"schedules": [cron, cron]}),
        json!({"schedules": cron}),
        json!({"schedules": "0 4 * * *"}),
        json!({"schedules": [slug, cron, slug]}),
        json!({"schedules": [{"cron": "61 * * * *"}, {"interval": 0}]}),
        json!({"schedule": null}),
        json!({"schedule": {}}),
        json!({"schedule": null, "schedules": [cron]}),
        json!({"schedule": {}, "schedules": [cron]}),
        json!({"schedule": cron}),
        json!({"schedule": "0 4 * * *"}),
        json!({"schedule": [cron]}),
        json!({"schedule": cron, "schedules": [cron]}),
        json!({"schedule": cron, "schedules": null}),
    ];
    let texts: Vec<String> = forms.iter().map(|form| format!("{form}\n{}", check(form.clone()).trim())).collect();
    insta::assert_snapshot!(texts.join("\n\n"));
}
