use super::*;
use crate::trigger;

#[test]
fn entries_that_differ_are_named_by_their_path() {
    let object = |value: Value| value.as_object().cloned().expect("object");
    let stored = object(json!({"cpu": 256, "env": {"A": "1", "B": "2"}, "old": true}));
    let wanted = object(json!({"cpu": 512, "env": {"A": "1", "B": "3", "C": "4"}}));
    let shown: Vec<String> = differences(&stored, &wanted, &Shown::default())
        .iter()
        .map(|it| format!("{} {:?} {:?}", it.name, it.old.as_deref(), it.new.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"cpu Some("256") Some("512")"#,
            r#"env.B Some("2") Some("3")"#,
            r#"env.C None Some("4")"#,
            r#"old Some("true") None"#
        ]
    );
}

fn wanted(entry: &Value) -> Wanted {
    let entry = entry.as_object().expect("object");
    let declared = schedules::parse_all(entry, jiff::Timestamp::UNIX_EPOCH).expect("schedules");
    let triggers = entry.get("triggers").and_then(Value::as_array).cloned().unwrap_or_default();
    Wanted {
        flow: "etl".into(),
        name: "one".into(),
        label: "one".into(),
        entrypoint: "flow.py:etl".into(),
        version: Some("1".into()),
        version_info: None,
        description: None,
        tags: vec!["a".into()],
        parameters: Object::new(),
        schema: json!({"type": "object"}),
        enforce: None,
        paused: None,
        schedules: declared.schedules,
        limit: None,
        options: None,
        pull_steps: Vec::new(),
        pool: "p".into(),
        queue: None,
        job_variables: Object::new(),
        triggers: trigger::read(&triggers, "one", false).expect("triggers"),
        project: None,
    }
}

fn stored(more: Value) -> Object {
    let mut stored = json!({"id": Uuid::from_u128(1), "name": "one", "version": "1", "description": null, "tags": ["a"],
        "entrypoint": "flow.py:etl", "parameters": {}, "parameter_openapi_schema": {"type": "object"},
        "pull_steps": [], "paused": true, "enforce_parameter_schema": false, "work_pool_name": "p",
        "work_queue_name": "default", "job_variables": {}, "schedules": [], "labels": {}});
    stored.as_object_mut().expect("object").extend(more.as_object().cloned().expect("object"));
    stored.as_object().cloned().expect("object")
}

fn compared(entry: Value, more: Value, automations: &[AutomationDocument]) -> Changes {
    changes(&wanted(&entry), &stored(more), automations, &Shown::default())
}

#[test]
fn a_deployment_that_is_as_wanted_needs_nothing_and_stays_paused() {
    assert!(compared(json!({}), json!({}), &[]).is_empty());
    let of_another_hand =
        json!({"schedules": [{"id": Uuid::nil(), "schedule": {"cron": "* * * * *"}, "active": true}]});
    assert!(compared(json!({}), of_another_hand, &[]).is_empty());
}

#[test]
fn a_move_to_another_pool_brings_queue_and_job_variables_along() {
    let changes = compared(json!({}), json!({"work_pool_name": "old", "work_queue_name": "fast"}), &[]);
    assert_eq!(
        Value::Object(changes.members),
        json!({"work_pool_name": "p", "work_queue_name": null, "job_variables": {}})
    );
    let names: Vec<&str> = changes.fields.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["work_pool_name", "work_queue_name"]);
}

#[test]
fn a_schedule_keeps_its_id_and_its_switch() {
    let cron = |slug: Option<&str>, cron: &str, active: bool| {
        json!({"id": Uuid::from_u128(7), "schedule": {"cron": cron, "timezone": null, "day_or": true}, "active": active,
            "parameters": {}, "slug": slug, "max_scheduled_runs": null})
    };
    let one = json!({"schedules": [{"cron": "0 6 * * *"}]});
    assert!(compared(one.clone(), json!({"schedules": [cron(None, "0 6 * * *", false)]}), &[]).is_empty());
    let changed = compared(one, json!({"schedules": [cron(None, "0 7 * * *", true)]}), &[]);
    assert!(matches!(changed.schedules.as_slice(), [ScheduleStep::Remove(_), ScheduleStep::Add(_)]), "{changed:?}");
    let slug = json!({"schedules": [{"cron": "0 6 * * *", "slug": "s"}]});
    let changed = compared(slug, json!({"schedules": [cron(Some("s"), "0 7 * * *", false)]}), &[]);
    let [ScheduleStep::Change(id, members)] = changed.schedules.as_slice() else { panic!("{changed:?}") };
    assert_eq!((*id, members.get("active")), (Uuid::from_u128(7), None));
    let told = (changed.fields[0].old.as_deref(), changed.fields[0].new.as_deref());
    assert_eq!(told, (Some("s: cron 0 7 * * * UTC, off"), Some("s: cron 0 6 * * * UTC")));
    let none = compared(json!({"schedules": []}), json!({"schedules": [cron(None, "0 7 * * *", true)]}), &[]);
    assert_eq!(none.schedules, [ScheduleStep::Remove(Uuid::from_u128(7))]);
}

fn automation(name: &str, expect: &str) -> AutomationDocument {
    let trigger = json!({"type": "event", "match": {}, "match_related": {}, "after": [], "expect": [expect],
        "for_each": [], "posture": "Reactive", "threshold": 1, "within": 0.0});
    let action = json!({"type": "run-deployment", "source": "selected", "deployment_id": Uuid::from_u128(1),
        "parameters": null, "job_variables": null, "schedule_after": 0.0});
    AutomationDocument {
        id: Uuid::nil(),
        name: name.into(),
        description: Some(String::new()),
        enabled: true,
        trigger,
        actions: vec![action],
        created: Some(jiff::Timestamp::UNIX_EPOCH),
    }
}

#[test]
fn automations_are_made_anew_only_if_they_differ() {
    let entry = json!({"triggers": [{"expect": ["a"]}]});
    let same = automation("one__automation_1", "a");
    assert!(compared(entry.clone(), json!({}), std::slice::from_ref(&same)).is_empty());
    let triggers =
        |entry: &Value, automations: &[AutomationDocument]| compared(entry.clone(), json!({}), automations).triggers;
    assert_eq!(triggers(&entry, &[]), Triggers::Replace);
    assert_eq!(triggers(&entry, &[automation("one__automation_1", "b")]), Triggers::Replace);
    assert_eq!(triggers(&entry, &[same.clone(), automation("one__automation_2", "b")]), Triggers::Replace);
    // One with a name of its own that was made together with it, and one that was made by hand later.
    let mut other = automation("own name", "b");
    assert_eq!(triggers(&entry, &[same.clone(), other.clone()]), Triggers::Replace);
    other.created = "2026-01-01T00:00:00Z".parse().ok();
    assert_eq!(triggers(&entry, &[same, other.clone()]), Triggers::Keep);
    // Without one to compare with it may be either.
    assert_eq!(triggers(&json!({}), &[other]), Triggers::Sweep);
    assert_eq!(triggers(&json!({}), &[automation("one__automation_1", "a")]), Triggers::Replace);
}
