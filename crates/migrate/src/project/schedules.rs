//! Schedules, which Prefect 2 wrote in three ways.

use prefect_api::models::Object;
use serde_json::{Value, json};

use crate::mapping::findings::Findings;

/// Keys that a schedule of `prefect.yaml` may have today. Any other is refused.
const KEYS: [&str; 10] =
    ["cron", "interval", "rrule", "timezone", "anchor_date", "day_or", "active", "parameters", "slug", "replaces"];

/// The schedules of a deployment as they are written today.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Schedules {
    /// None if the old file says nothing about schedules.
    pub items: Option<Vec<Value>>,
    /// Whether the deployment itself is paused.
    pub is_paused: bool,
}

/// Reads `schedule`, `schedules` and `is_schedule_active`.
pub(super) fn of(deployment: &Object, findings: &mut Findings) -> Schedules {
    let is_active = deployment.get("is_schedule_active").and_then(Value::as_bool);
    let is_paused = is_active == Some(false);
    let list = deployment.get("schedules").and_then(Value::as_array).filter(|list| !list.is_empty());
    let single = deployment.get("schedule").and_then(Value::as_object).filter(|schedule| !is_blank(schedule));
    let items = match (list, single) {
        (Some(list), single) => {
            if single.is_some() {
                findings.lost(
                    "schedule",
                    "the deployment has `schedules` as well, and Prefect takes one of the two keys only",
                );
            }
            Some(list.iter().filter_map(Value::as_object).map(|item| of_list(item, findings)).collect())
        }
        (None, Some(schedule)) => Some(vec![of_single(schedule, !is_paused, findings)]),
        (None, None) => None,
    };
    if is_paused {
        findings.note("paused", "`is_schedule_active: false` paused the deployment as well: `paused: true`.");
    }
    Schedules { items, is_paused }
}

fn is_blank(schedule: &Object) -> bool {
    schedule.values().all(Value::is_null)
}

/// An item of a list, whose timing may stand in a `schedule` of its own.
fn of_list(item: &Object, findings: &mut Findings) -> Value {
    let Some(inner) = item.get("schedule").and_then(Value::as_object) else {
        return Value::Object(known(item, findings));
    };
    let mut schedule = known(inner, findings);
    let outer = item.iter().filter(|(key, _)| *key != "schedule");
    let outer: Object = outer.map(|(key, value)| (key.clone(), value.clone())).collect();
    schedule.extend(known(&outer, findings));
    Value::Object(schedule)
}

fn of_single(schedule: &Object, is_active: bool, findings: &mut Findings) -> Value {
    let mut schedule = known(schedule, findings);
    schedule.entry("active").or_insert_with(|| json!(is_active));
    Value::Object(schedule)
}

fn known(schedule: &Object, findings: &mut Findings) -> Object {
    let given = schedule.iter().filter(|(_, value)| !value.is_null());
    let (known, other): (Vec<_>, Vec<_>) = given.partition(|(key, _)| KEYS.contains(&key.as_str()));
    for (key, _) in other {
        findings.lost(format!("schedule: {key}"), "schedules have no such key today");
    }
    known.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(deployment: Value) -> Schedules {
        of(deployment.as_object().unwrap(), &mut Findings::default())
    }

    #[test]
    fn a_single_schedule_is_active_unless_it_was_switched_off() {
        let cron = json!({"cron": "0 2 * * *", "timezone": null});
        assert_eq!(read(json!({"schedule": cron})).items, Some(vec![json!({"cron": "0 2 * * *", "active": true})]));
        let paused = read(json!({"schedule": cron, "is_schedule_active": false}));
        assert_eq!(paused.items, Some(vec![json!({"cron": "0 2 * * *", "active": false})]));
        assert!(paused.is_paused);
    }

    #[test]
    fn nested_schedules_are_flattened_and_keep_their_own_flags() {
        let list = json!([{"schedule": {"interval": 60.0, "anchor_date": "2024-01-01"}, "active": false},
            {"cron": "@daily", "max_active_runs": 3}]);
        assert_eq!(
            read(json!({"schedules": list, "is_schedule_active": null})).items,
            Some(vec![
                json!({"interval": 60.0, "anchor_date": "2024-01-01", "active": false}),
                json!({"cron": "@daily"})
            ])
        );
    }

    #[test]
    fn what_says_nothing_about_schedules_stays_silent() {
        for nothing in [json!({}), json!({"schedule": null}), json!({"schedule": {}, "schedules": []})] {
            assert_eq!(read(nothing), Schedules::default());
        }
    }
}
