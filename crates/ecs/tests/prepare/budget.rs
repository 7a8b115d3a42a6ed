//! The 8,192 characters of the overrides and the 64 KiB of a definition.

use ecs::{PrepareError, Prepared, prepare};
use serde_json::{Value, json};
use work_pool::JobConfiguration;

use crate::support::{
    configuration, container, container_override, defaults, definition, entries, environment, refused, run, settings,
    with_run_env,
};

fn length(prepared: &Prepared) -> usize {
    prepared.run_task["overrides"].to_string().encode_utf16().count()
}

/// A run whose own environment makes the overrides `length` characters long.
fn of_length(length: usize) -> JobConfiguration {
    let with_value =
        |value: String| with_run_env(defaults(), json!({"A": "1"}), json!({"A": "1", "SMALL": "s", "LARGE": value}));
    let bare = prepare(&with_value(String::new()), &run(), &settings()).expect("it can be prepared");
    with_value("x".repeat(length - self::length(&bare)))
}

#[test]
fn what_fits_stays() {
    for length in [8_191, 8_192] {
        let prepared = prepare(&of_length(length), &run(), &settings()).unwrap();
        assert_eq!(self::length(&prepared), length);
        assert!(entries(container_override(&prepared)).contains_key("LARGE"));
        assert!(prepared.notices.is_empty());
    }
}

#[test]
fn the_largest_goes_first() {
    let prepared = prepare(&of_length(8_193), &run(), &settings()).unwrap();
    let (defined, overridden) = (entries(container(&prepared)), entries(container_override(&prepared)));
    assert!(defined.contains_key("LARGE") && !overridden.contains_key("LARGE"));
    assert!(overridden.contains_key("SMALL") && overridden.contains_key("PREFECT__FLOW_RUN_ID"));
    assert!(prepared.notices[0].contains("8193") && prepared.notices[0].contains("LARGE"), "{:?}", prepared.notices);
    assert_eq!(environment(&prepared)["SMALL"], "s");
}

#[test]
fn what_came_out_of_a_block_stays_in_the_overrides() {
    let env = json!({"LARGE": "x".repeat(7_000), "SECRET": "y".repeat(7_500)});
    let mut configuration = with_run_env(defaults(), json!({}), env);
    configuration.private_env.insert("SECRET".to_owned());
    let prepared = prepare(&configuration, &run(), &settings()).unwrap();
    let (defined, overridden) = (entries(container(&prepared)), entries(container_override(&prepared)));
    assert!(defined.contains_key("LARGE") && overridden.contains_key("SECRET"), "{:?}", prepared.notices);
    configuration.private_env.insert("LARGE".to_owned());
    assert!(matches!(prepare(&configuration, &run(), &settings()), Err(PrepareError::FitOverrides { .. })));
}

#[test]
fn characters_are_counted_not_bytes() {
    let env = |value: String| with_run_env(defaults(), json!({}), json!({"LARGE": value}));
    let prepared = prepare(&env("é".repeat(7_800)), &run(), &settings()).unwrap();
    assert!(prepared.notices.is_empty() && prepared.run_task["overrides"].to_string().len() > 15_000);
    // Beyond the basic plane a character is two code units, which is the cautious reading.
    let prepared = prepare(&env("🦀".repeat(7_800)), &run(), &settings()).unwrap();
    assert_eq!(prepared.notices.len(), 1);
}

#[test]
fn a_changed_value_of_the_pool_moves_too() {
    let values = with_run_env(defaults(), json!({"LARGE": "pool"}), json!({"LARGE": "x".repeat(9_000)}));
    let prepared = prepare(&values, &run(), &settings()).unwrap();
    assert_eq!(entries(container(&prepared))["LARGE"].len(), 9_000);
    assert!(!entries(container_override(&prepared)).contains_key("LARGE"));
}

#[test]
fn the_command_goes_last() {
    let mut values = defaults();
    values["command"] = json!(format!("run {}", "x".repeat(9_000)));
    let prepared = prepare(&configuration(values), &run(), &settings()).unwrap();
    assert_eq!(container_override(&prepared).get("command"), None);
    assert_eq!(container(&prepared)["command"][0], "run");
    assert!(prepared.notices[0].contains("the command"));
    assert!(length(&prepared) <= 8_192);
}

#[test]
fn an_existing_definition_takes_nothing() {
    let mut values = of_length(8_193);
    values.values["task_run_request"]["taskDefinition"] = json!("theirs:3");
    let error = prepare(&values, &run(), &settings()).unwrap_err();
    let diagnosis = error.diagnosis();
    assert_eq!(diagnosis.code, "PP0218");
    assert!(diagnosis.detail.contains("Largest: LARGE ("), "{}", diagnosis.detail);
    assert!(!diagnosis.detail.contains("xxxx") && !format!("{error:?}").contains("xxxx"));
}

#[test]
fn what_is_nobodys_to_move_is_named() {
    let mut values = defaults();
    values["task_run_request"]["overrides"]["containerOverrides"] =
        json!([{}, {"name": "side", "environment": {"HUGE": "y".repeat(9_000)}}]);
    let PrepareError::FitOverrides { largest, existing_definition: false, .. } = refused(values) else {
        panic!("the overrides cannot fit");
    };
    assert_eq!(largest[0].0, "containerOverrides[1].HUGE");
}

#[test]
fn a_definition_has_an_end_too() {
    let values = with_run_env(defaults(), json!({}), json!({"HUGE": "z".repeat(70_000)}));
    let diagnosis = prepare(&values, &run(), &settings()).unwrap_err().diagnosis();
    assert_eq!(diagnosis.code, "PP0219");
    assert!(diagnosis.detail.contains("Largest: HUGE ("), "{}", diagnosis.detail);
}

#[test]
fn the_definition_of_such_a_run_is_its_own() {
    let shared = prepare(&of_length(8_192), &run(), &settings()).unwrap();
    let own = prepare(&of_length(8_193), &run(), &settings()).unwrap();
    assert_ne!(definition(&shared)["family"], definition(&own)["family"]);
    let again = prepare(&of_length(8_193), &run(), &settings()).unwrap();
    assert_eq!(own, again);
    assert_eq!(Value::to_string(definition(&own)), definition(&again).to_string());
}

#[test]
fn a_large_value_that_the_run_replaces_does_not_count() {
    let values =
        with_run_env(defaults(), json!({"HUGE": "z".repeat(70_000), "A": "1"}), json!({"HUGE": "a", "A": "2"}));
    let prepared = prepare(&values, &run(), &settings()).unwrap();
    assert!(!entries(container(&prepared)).contains_key("HUGE"));
    let seen = environment(&prepared);
    assert_eq!((&*seen["HUGE"], &*seen["A"]), ("a", "2"));
}
