//! Whatever stands in a file, a check ends soon and without a panic.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use proptest::prelude::*;
use schedules::{parse, parse_all};
use serde_json::{Value, json};

/// Far more than a check takes, also on a busy machine and without optimisation.
const SOON: Duration = Duration::from_secs(20);

fn run(item: &Value, now: Timestamp) {
    let start = Instant::now();
    match parse(item, now) {
        Ok(schedule) => {
            let times = schedule.next(now, 3).unwrap_or_default();
            assert!(times.iter().all(|time| time.timestamp() >= now), "{item}");
            assert!(times.is_sorted(), "{item}");
            let _ = schedule.summary();
            assert!(schedule.same_as(&schedule.to_create()), "{item}");
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| error.to_string().len() < 1_000), "{item}");
        }
    }
    assert!(start.elapsed() < SOON, "{item} took {:?}", start.elapsed());
}

/// Texts made of the words of cron, durations and rules.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "*",
        "/",
        "-",
        ",",
        " ",
        "0",
        "1",
        "5",
        "59",
        "99999999999",
        "l",
        "L",
        "#",
        "mon",
        "jan",
        "?",
        "@daily",
        "h",
        "r",
        "(",
        ")",
        "P",
        "T",
        "1H",
        "D",
        ":",
        "00",
        "FREQ=",
        "DAILY",
        "SECONDLY",
        "YEARLY",
        "MONTHLY",
        ";",
        "INTERVAL=",
        "COUNT=",
        "UNTIL=",
        "BYDAY=",
        "MO",
        "-1FR",
        "BYHOUR=",
        "BYSETPOS=",
        "BYMONTH=",
        "BYMONTHDAY=",
        "BYYEARDAY=",
        "BYWEEKNO=",
        "BYEASTER=",
        "=",
        "RRULE:",
        "EXRULE:",
        "RDATE:",
        "EXDATE:",
        "DTSTART:",
        "20260101T000000",
        "Z",
        "\n",
        "TZID=UTC",
        "é",
        "２",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

/// Rules whose parts are right and whose combinations may have no time at all.
fn rule() -> impl Strategy<Value = String> {
    let freq = prop::sample::select(vec!["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]);
    let part = prop_oneof![
        prop::sample::select(vec![1, 2, 7, 59, 60, 86_399, 1_000_000, i32::MAX]).prop_map(|n| format!("INTERVAL={n}")),
        prop::sample::select(vec![1, 1_000, 1_000_000, i32::MAX]).prop_map(|n| format!("COUNT={n}")),
        (1..=12).prop_map(|n| format!("BYMONTH={n}")),
        (28..=31).prop_map(|n| format!("BYMONTHDAY={n}")),
        (-5..=5).prop_filter("not 0", |n| *n != 0).prop_map(|n| format!("BYSETPOS={n}")),
        (-5..=5).prop_filter("not 0", |n| *n != 0).prop_map(|n| format!("BYDAY={n}MO,TU")),
        (1..=53).prop_map(|n| format!("BYWEEKNO={n}")),
        (360..=366).prop_map(|n| format!("BYYEARDAY={n}")),
        (0..=23).prop_map(|n| format!("BYHOUR={n}")),
        (0..=59).prop_map(|n| format!("BYMINUTE={n}")),
        (0..=59).prop_map(|n| format!("BYSECOND={n}")),
        Just(format!("BYHOUR={}", (0..24).map(|n| n.to_string()).collect::<Vec<_>>().join(","))),
        Just(format!("BYMINUTE={}", (0..60).map(|n| n.to_string()).collect::<Vec<_>>().join(","))),
        Just(format!("BYSECOND={}", (0..60).map(|n| n.to_string()).collect::<Vec<_>>().join(","))),
        Just("BYEASTER=0".to_owned()),
        Just("UNTIL=20400101".to_owned()),
    ];
    let start = prop::option::of(prop::sample::select(vec![
        "00010101T000000",
        "19700101",
        "20260101T235959",
        "99991231T235959",
    ]));
    (start, freq, prop::collection::vec(part, 0..5), prop::bool::weighted(0.15)).prop_map(
        |(start, freq, parts, itself)| {
            let rule = std::iter::once(format!("FREQ={freq}")).chain(parts).collect::<Vec<_>>().join(";");
            let start = start.map(|start| format!("DTSTART:{start}\n")).unwrap_or_default();
            let except = if itself { format!("\nEXRULE:{rule}") } else { String::new() };
            format!("{start}RRULE:{rule}{except}")
        },
    )
}

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Etc/GMT+12"])
}

fn moment() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => 1_700_000_000_i64..2_000_000_000,
        1 => Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
        1 => Just(Timestamp::MAX.as_second()),
        1 => Just(Timestamp::MIN.as_second()),
    ]
    .prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn texts_of_all_sorts_are_read_or_refused(text in words(), zone in zone(), now in moment()) {
        for key in ["cron", "interval", "rrule", "anchor_date", "timezone", "slug"] {
            let mut item = json!({"interval": 60, "timezone": zone});
            item[key] = text.clone().into();
            if key != "anchor_date" && key != "timezone" && key != "slug" {
                item = json!({key: text, "timezone": zone});
            }
            run(&item, now);
        }
        run(&text.clone().into(), now);
        let _ = parse_all(json!({"schedules": [text]}).as_object().unwrap(), now);
    }

    #[test]
    fn intervals_of_all_lengths_have_times(micros in 1_i64..i64::MAX, shift in 0_u32..63, anchor in moment(), zone in zone(), now in moment()) {
        let seconds = ((micros >> shift).max(1)) as f64 / 1e6;
        run(&json!({"interval": seconds, "anchor_date": anchor.to_string(), "timezone": zone}), now);
    }

    #[test]
    fn cron_fields_of_all_sorts_are_searched(fields in prop::collection::vec("(\\*|[0-9]{1,2})(-[0-9]{1,2})?(/[0-9]{1,2})?(,[0-9]{1,2})?", 5..8), day_or: bool, zone in zone(), now in moment()) {
        run(&json!({"cron": fields.join(" "), "day_or": day_or, "timezone": zone}), now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn rules_of_all_sorts_are_searched(rule in rule(), zone in zone(), now in moment()) {
        run(&json!({"rrule": rule, "timezone": zone}), now);
    }
}

#[test]
fn long_texts_are_refused() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    for key in ["cron", "interval", "rrule", "anchor_date", "timezone"] {
        let item = json!({key: "1,".repeat(1 << 20)});
        assert!(parse(&item, now).is_err(), "{key}");
    }
}
