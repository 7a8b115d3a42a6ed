//! What the deployments of a project are on a server, in the words of a recording: ids, dates and folders of one run are
//! replaced, so that two servers can be compared field by field.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use pushpool_tests::rig::prefect::Api;
use regex_lite::{Captures, Regex};
use serde_json::{Map, Value, json};

/// Fields of a deployment that the tool decides on.
const FIELDS: [&str; 20] = [
    "version",
    "description",
    "paused",
    "schedules",
    "concurrency_limit",
    "global_concurrency_limit",
    "concurrency_options",
    "parameters",
    "tags",
    "labels",
    "work_pool_name",
    "work_queue_name",
    "job_variables",
    "entrypoint",
    "path",
    "enforce_parameter_schema",
    "pull_steps",
    "parameter_openapi_schema",
    "storage_document_id",
    "infrastructure_document_id",
];
const SCHEDULE: [&str; 4] = ["active", "parameters", "slug", "max_scheduled_runs"];
const LIMIT: [&str; 4] = ["limit", "active", "active_slots", "slot_decay_per_second"];
const AUTOMATION: [&str; 8] =
    ["name", "description", "enabled", "tags", "trigger", "actions", "actions_on_trigger", "actions_on_resolve"];

/// Lists whose order means nothing to the server.
const SETS: [&str; 3] = ["expect", "after", "for_each"];

/// A date this close to now is now: Prefect starts a schedule without an anchor when it is made.
const NOW: SignedDuration = SignedDuration::from_hours(48);

/// Deployments by `FLOW/NAME`.
pub(super) type Deployments = BTreeMap<String, Value>;

/// Deployments of a project.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) deployments: Deployments,
    /// Their ids by the same names.
    pub(super) ids: BTreeMap<String, String>,
}

/// Looks at all deployments whose flow's name starts with `prefix`; `folder` is where they were deployed from.
pub(super) async fn look(api: &Api, prefix: &str, folder: &Path) -> State {
    let filter = json!({"flows": {"name": {"like_": prefix}}});
    let mine = |name: &str| {
        name.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix))
            && !name[prefix.len()..].starts_with(|next: char| next.is_ascii_digit())
    };
    let flows: BTreeMap<String, String> = all(api, "/flows/filter", filter)
        .await
        .iter()
        .map(|flow| (text(flow, "id"), text(flow, "name")))
        .filter(|(_, name)| mine(name))
        .collect();
    if flows.is_empty() {
        return State::default();
    }
    let ids: Vec<&String> = flows.keys().collect();
    let found = all(api, "/deployments/filter", json!({"flows": {"id": {"any_": ids}}})).await;
    let name = |it: &Value| format!("{}/{}", flows[&text(it, "flow_id")], text(it, "name"));
    let ids: BTreeMap<String, String> = found.iter().map(|it| (name(it), text(it, "id"))).collect();
    let automations = found.iter().map(async |it| {
        let path = format!("/automations/related-to/prefect.deployment.{}", text(it, "id"));
        api.get(&path).await.ok()
    });
    let automations: Vec<Value> = stream::iter(automations).buffered(4).collect().await;
    let mut replaced: Vec<(String, String)> =
        ids.iter().map(|(name, id)| (id.clone(), format!("<deployment {name}>"))).collect();
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    replaced.extend([real.as_path(), folder].map(|it| (it.display().to_string(), "<PROJECT_DIR>".to_owned())));
    let described = |(deployment, automations)| replace(&describe(deployment, automations), &replaced);
    let deployments = found.iter().map(name).zip(found.iter().zip(&automations).map(described)).collect();
    State { deployments, ids }
}

async fn all(api: &Api, path: &str, mut filter: Value) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        filter["limit"] = json!(200);
        filter["offset"] = json!(found.len());
        let Value::Array(page) = api.post(path, filter.clone()).await.ok() else {
            panic!("{path} answers with a list")
        };
        let last = page.len() < 200;
        found.extend(page);
        if last {
            return found;
        }
    }
}

fn describe(deployment: &Value, automations: &Value) -> Value {
    let mut described = picked(deployment, &FIELDS);
    described["schedules"] = sorted(list(&deployment["schedules"]).map(schedule).collect());
    let limit = &deployment["global_concurrency_limit"];
    if limit.is_object() {
        described["global_concurrency_limit"] = picked(limit, &LIMIT);
    }
    for value in described["labels"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if *value == deployment["flow_id"] {
            *value = json!("<FLOW_ID>");
        }
    }
    described["automations"] = sorted(list(automations).map(|it| without_ids(&picked(it, &AUTOMATION))).collect());
    described
}

fn schedule(item: &Value) -> Value {
    static START: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"DTSTART:(\d{8}T\d{6})Z?").expect("a valid pattern"));
    let mut described = picked(item, &SCHEDULE);
    let mut schedule = item["schedule"].clone();
    if schedule["anchor_date"].as_str().is_some_and(is_now) {
        schedule["anchor_date"] = json!("<NOW>");
    }
    if let Some(rule) = schedule["rrule"].as_str() {
        let rule =
            START.replace_all(
                rule,
                |found: &Captures<'_>| {
                    if is_now(&found[1]) { "DTSTART:<NOW>".to_owned() } else { found[0].to_owned() }
                },
            );
        schedule["rrule"] = json!(rule);
    }
    described["schedule"] = schedule;
    described
}

/// A date without an offset is one of UTC.
fn is_now(date: &str) -> bool {
    let in_utc = |date: DateTime| TimeZone::UTC.to_timestamp(date).ok();
    let time = date.parse::<Timestamp>().ok().or_else(|| in_utc(date.parse().ok()?));
    time.is_some_and(|time| time.duration_since(Timestamp::now()).abs() < NOW)
}

fn without_ids(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !["id", "created", "updated"].contains(&key.as_str()))
            .map(|(key, value)| {
                let is_set = SETS.contains(&key.as_str()) && value.is_array();
                (key.clone(), if is_set { sorted(list(value).cloned().collect()) } else { without_ids(value) })
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_ids).collect(),
        _ => value.clone(),
    }
}

fn picked(value: &Value, keys: &[&str]) -> Value {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone()))).collect()
}

/// Items in the order of their text, keys sorted.
fn sorted(mut items: Vec<Value>) -> Value {
    items.sort_by_cached_key(|item| {
        let mut item = item.clone();
        item.sort_all_objects();
        item.to_string()
    });
    Value::Array(items)
}

fn replace(value: &Value, pairs: &[(String, String)]) -> Value {
    let replaced = |text: &str| pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    match value {
        Value::String(text) => Value::String(replaced(text)),
        Value::Array(items) => items.iter().map(|item| replace(item, pairs)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (replaced(key), replace(value, pairs))).collect(),
        _ => value.clone(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is text in {value}")).to_owned()
}

#[test]
fn a_date_is_now_with_an_offset_and_without() {
    let now = Timestamp::now();
    assert!(is_now(&now.to_string()) && is_now(&now.strftime("%Y%m%dT%H%M%S").to_string()));
    assert!(!is_now("2020-01-01T00:00:00Z") && !is_now("yesterday"));
}
