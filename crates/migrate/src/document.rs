//! A deployment's document: as it is to be after a write, how it differs from that, and the request that restores it.

use prefect_api::models::Object;
use serde_json::{Value, json};

use crate::{fingerprint::fingerprint, plan::Write};

/// Members that change by themselves, or follow from others.
const FOLLOWING: [&str; 7] =
    ["updated", "created_by", "updated_by", "last_polled", "status", "work_queue_id", "version_id"];

/// Members of a schedule that the server makes. An upsert on 2.20 makes schedules anew.
const MADE_BY_SERVER: [&str; 3] = ["id", "created", "updated"];

/// Members of a schedule that an upsert on 2.20 forgets (2.20.26, `server/models/deployments.py`).
const FORGOTTEN: [&str; 3] = ["max_active_runs", "max_scheduled_runs", "catchup"];

/// Members of a whole deployment that 2.20 takes, but for its schedules and job variables.
const WHOLE: [&str; 17] = [
    "name",
    "flow_id",
    "version",
    "description",
    "paused",
    "enforce_parameter_schema",
    "parameter_openapi_schema",
    "parameters",
    "tags",
    "pull_steps",
    "work_pool_name",
    "work_queue_name",
    "entrypoint",
    "path",
    "manifest_path",
    "storage_document_id",
    "infrastructure_document_id",
];

/// A deployment as it is to be after a write: what the body says, and everything else as it was. No write of an upgrade
/// changes schedules, so they are to be what they were, whatever the body repeats of them.
#[must_use]
pub(crate) fn expected(before: &Object, write: &Write) -> Object {
    let mut document = before.clone();
    for (member, value) in write.body() {
        match member.as_str() {
            "schedules" | "schedule" | "is_schedule_active" => {}
            "job_variables" | "infra_overrides" => {
                document.insert(variables_of(before).to_owned(), value.clone());
            }
            _ => {
                document.insert(member.clone(), value.clone());
            }
        }
    }
    document
}

/// Members in which two documents of a deployment differ, but for times and what follows from others.
#[must_use]
pub(crate) fn differences(wanted: &Object, found: &Object) -> Vec<String> {
    let mut members: Vec<&String> =
        wanted.keys().chain(found.keys().filter(|key| !wanted.contains_key(*key))).collect();
    members.retain(|member| !FOLLOWING.contains(&member.as_str()) && differ(member, wanted, found));
    members.into_iter().cloned().collect()
}

fn differ(member: &str, wanted: &Object, found: &Object) -> bool {
    if member == "schedules" {
        return schedules(wanted) != schedules(found);
    }
    // A concurrency limit holds how many slots are taken, which every run changes.
    let of = |document: &Object| fingerprint(&json!({member: document.get(member)}));
    of(wanted) != of(found)
}

fn schedules(document: &Object) -> Vec<Object> {
    listed(document).into_iter().map(own).collect()
}

/// A schedule without what the server makes.
fn own(schedule: &Object) -> Object {
    let kept = schedule.iter().filter(|(key, _)| !MADE_BY_SERVER.contains(&key.as_str()));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The request that makes a deployment what it was before a write.
#[must_use]
pub(crate) fn restoring(before: &Object, write: &Write) -> Write {
    match write {
        Write::Patch { body } => {
            let old = |member: &String| (member.clone(), before.get(member).cloned().unwrap_or(Value::Null));
            Write::Patch { body: body.keys().map(old).collect() }
        }
        Write::Post { .. } => Write::Post { body: whole(before) },
    }
}

/// Everything that 2.20 takes of a deployment.
pub(crate) fn whole(document: &Object) -> Object {
    let member = |name: &&str| Some(((*name).to_owned(), document.get(*name)?.clone()));
    let mut body: Object = WHOLE.iter().filter_map(member).collect();
    body.insert("job_variables".to_owned(), document.get(variables_of(document)).cloned().unwrap_or_else(|| json!({})));
    // 2.20 lists the schedule first that was made last.
    let schedules = schedules(document).into_iter().rev();
    let kept =
        schedules.map(|schedule| json!({"schedule": schedule.get("schedule"), "active": schedule.get("active")}));
    body.insert("schedules".to_owned(), kept.collect());
    body
}

/// What a deployment calls its job variables.
fn variables_of(document: &Object) -> &'static str {
    if document.contains_key("infra_overrides") { "infra_overrides" } else { "job_variables" }
}

/// Changes that give the schedules of `found` what an upsert has forgotten of those of `wanted`, and their order: 2.20 lists
/// the schedule first that was changed last, so the last one is sent first. Empty where nothing is to be done, or where
/// these are other schedules.
#[must_use]
pub(crate) fn forgotten(wanted: &Object, found: &Object) -> Vec<(String, Object)> {
    if schedules(wanted) == schedules(found) {
        return Vec::new();
    }
    let changes = pairs(&listed(wanted), &listed(found)).into_iter().rev().map(|(before, after)| {
        let id = after.get("id")?.as_str()?.to_owned();
        let member = |key: &&str| Some(((*key).to_owned(), before.get(*key).filter(|it| !it.is_null())?.clone()));
        // With nothing else to change, the schedule is touched for its place in the list.
        Some((id, ["active"].iter().chain(&FORGOTTEN).filter_map(member).collect()))
    });
    changes.collect::<Option<_>>().unwrap_or_default()
}

/// Each wanted schedule with the one that was found for it: the same, else one that only lacks what is forgotten. None if
/// there are others.
fn pairs<'a>(wanted: &[&'a Object], found: &[&'a Object]) -> Vec<(&'a Object, &'a Object)> {
    let mut left: Vec<&Object> = found.to_vec();
    let mut take = |alike: &dyn Fn(&Object) -> bool| {
        let place = left.iter().position(|it| alike(it))?;
        Some(left.remove(place))
    };
    let exact: Vec<Option<&Object>> = wanted.iter().map(|it| take(&|other| own(it) == own(other))).collect();
    let same_times =
        |one: &Object, other: &Object| ["schedule", "active"].iter().all(|it| one.get(*it) == other.get(*it));
    let pairs = wanted
        .iter()
        .zip(exact)
        .map(|(wanted, exact)| Some((*wanted, exact.or_else(|| take(&|other| same_times(wanted, other)))?)));
    let pairs: Option<Vec<(&Object, &Object)>> = pairs.collect();
    pairs.filter(|_| left.is_empty()).unwrap_or_default()
}

fn listed(document: &Object) -> Vec<&Object> {
    document.get("schedules").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn schedule(id: &str, cron: &str, limit: Value) -> Value {
        json!({"id": id, "created": id, "updated": id, "schedule": {"cron": cron}, "active": cron == "1",
            "max_active_runs": null, "max_scheduled_runs": limit, "catchup": false})
    }

    /// As 2.20.26 answers, shortened.
    fn old() -> Object {
        object(json!({
            "id": "d", "updated": "1", "name": "nightly", "flow_id": "f", "infra_overrides": {"env.A": "1"},
            "paused": true, "is_schedule_active": false, "schedule": {"cron": "1"}, "path": "reports", "tags": ["x"],
            "schedules": [schedule("1", "1", json!(5)), schedule("2", "2", Value::Null)],
            "work_pool_name": "agents", "work_queue_name": "q", "infrastructure_document_id": "b", "manifest_path": null,
        }))
    }

    fn post() -> Write {
        Write::Post {
            body: object(
                json!({"name": "nightly", "job_variables": {"env": {"A": "1"}}, "path": null, "schedules": [],
                "work_pool_name": "push", "infrastructure_document_id": null, "pull_steps": [{"step": {}}]}),
            ),
        }
    }

    #[test]
    fn a_write_changes_what_its_body_says_and_nothing_else() {
        let mut wanted = expected(&old(), &post());
        assert_eq!((&wanted["infra_overrides"], &wanted["path"]), (&json!({"env": {"A": "1"}}), &Value::Null));
        assert_eq!((&wanted["schedules"], &wanted["tags"]), (&old()["schedules"], &json!(["x"])));
        let changed = ["infra_overrides", "path", "work_pool_name", "infrastructure_document_id", "pull_steps"];
        assert_eq!(differences(&old(), &wanted), changed);
        wanted.insert("updated".to_owned(), json!("2"));
        assert_eq!(differences(&expected(&old(), &post()), &wanted), Vec::<String>::new());
    }

    #[test]
    fn schedules_are_compared_but_for_what_the_server_makes() {
        let mut found = old();
        found.insert("schedules".to_owned(), json!([schedule("8", "1", json!(5)), schedule("9", "2", Value::Null)]));
        assert!(differences(&old(), &found).is_empty());
        for other in [
            json!([]),
            json!([schedule("9", "2", Value::Null), schedule("8", "1", json!(5))]),
            json!([schedule("8", "1", Value::Null), schedule("9", "2", Value::Null)]),
        ] {
            found.insert("schedules".to_owned(), other);
            assert_eq!(differences(&old(), &found), ["schedules"]);
        }
    }

    #[test]
    fn a_run_that_takes_a_slot_is_no_difference() {
        let with = |limit: u32, taken: u32| {
            object(json!({"global_concurrency_limit": {"limit": limit, "active_slots": taken, "updated": taken}}))
        };
        assert!(differences(&with(2, 0), &with(2, 1)).is_empty());
        assert_eq!(differences(&with(2, 0), &with(3, 0)), ["global_concurrency_limit"]);
    }

    #[test]
    fn a_patch_is_taken_back_by_the_members_that_it_changed() {
        let write = Write::Patch { body: object(json!({"path": null, "pull_steps": [], "job_variables": {}})) };
        let before = object(json!({"path": "p", "job_variables": {"cpu": 1}, "tags": []}));
        let Write::Patch { body } = restoring(&before, &write) else { panic!("another method") };
        assert_eq!(Value::Object(body), json!({"path": "p", "pull_steps": null, "job_variables": {"cpu": 1}}));
    }

    #[test]
    fn an_upsert_is_taken_back_by_the_whole_deployment() {
        let Write::Post { body } = restoring(&old(), &post()) else { panic!("another method") };
        assert_eq!(
            Value::Object(body),
            json!({"name": "nightly", "flow_id": "f", "paused": true, "tags": ["x"], "work_pool_name": "agents",
                "work_queue_name": "q", "path": "reports", "manifest_path": null, "infrastructure_document_id": "b",
                "job_variables": {"env.A": "1"},
                "schedules": [{"schedule": {"cron": "2"}, "active": false}, {"schedule": {"cron": "1"}, "active": true}]})
        );
    }

    #[test]
    fn what_an_upsert_forgets_of_schedules_is_given_back_from_the_last_to_the_first() {
        let mut found = old();
        found.insert("schedules".to_owned(), json!([schedule("8", "1", Value::Null), schedule("9", "2", Value::Null)]));
        let changes = forgotten(&old(), &found);
        assert_eq!(
            changes,
            [
                ("9".to_owned(), object(json!({"active": false, "catchup": false}))),
                ("8".to_owned(), object(json!({"active": true, "max_scheduled_runs": 5, "catchup": false}))),
            ]
        );
        assert!(forgotten(&old(), &old()).is_empty());
    }

    #[test]
    fn schedules_that_are_half_given_back_are_told_by_their_times() {
        let mut found = old();
        found.insert("schedules".to_owned(), json!([schedule("9", "2", Value::Null), schedule("8", "1", Value::Null)]));
        let ids: Vec<String> = forgotten(&old(), &found).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["9", "8"]);
        for others in [
            json!([schedule("9", "2", Value::Null)]),
            json!([schedule("9", "2", Value::Null), schedule("8", "3", Value::Null)]),
        ] {
            found.insert("schedules".to_owned(), others);
            assert!(forgotten(&old(), &found).is_empty());
        }
    }
}
