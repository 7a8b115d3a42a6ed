//! What has to change on the server for a deployment to be as wanted.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use manage::plan::Field;
use prefect_api::models::{AutomationDocument, Object};
use schedules::Schedule;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    json::{equal, same},
    shown::{Shown, without_secrets},
    wanted::Wanted,
};

/// Label of a deployment's project.
pub(crate) const PROJECT: &str = "pushpool.project";

/// Changes of a deployment that exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Members of the `PATCH`; empty if nothing but schedules or triggers changes.
    pub(crate) members: Object,
    pub(crate) schedules: Vec<ScheduleStep>,
    /// Whether the automations that the deployment owns are made anew.
    pub(crate) triggers: Triggers,
    /// Whether it gets the label of its project, which only a new `POST` can give.
    pub(crate) adopt: bool,
    pub(crate) fields: Vec<Field>,
}

/// What becomes of the automations that a deployment owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Triggers {
    /// They are as wanted.
    #[default]
    Keep,
    /// Some may be left from before: those that the deployment owns go, and it is not known whether there are any.
    Sweep,
    /// They are made anew.
    Replace,
}

/// A change of one schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ScheduleStep {
    /// It is new.
    Add(Value),
    /// It has other values.
    Change(Uuid, Object),
    /// It is not wanted any more.
    Remove(Uuid),
}

impl Changes {
    /// Whether nothing has to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.schedules.is_empty() && self.triggers == Triggers::Keep && !self.adopt
    }
}

/// Compares a deployment with what the server has.
pub(crate) fn changes(wanted: &Wanted, stored: &Object, automations: &[AutomationDocument], shown: &Shown) -> Changes {
    let mut changes = Changes::default();
    let mut compare = Compare { stored, shown, changes: &mut changes };
    compare.member("version", json!(wanted.version));
    compare.member("description", json!(wanted.description));
    compare.member("tags", json!(wanted.tags));
    compare.member("entrypoint", json!(wanted.entrypoint));
    compare.objects("parameters", &wanted.parameters);
    if let Some(enforce) = wanted.enforce {
        compare.member("enforce_parameter_schema", json!(enforce));
    }
    compare.schema(&wanted.schema);
    compare.member("pull_steps", Value::Array(wanted.pull_steps.clone()));
    if let Some(paused) = wanted.paused {
        compare.member("paused", json!(paused));
    }
    compare.limit(wanted);
    compare.pool(wanted);
    if changes.members.contains_key("version")
        && let Some(info) = &wanted.version_info
    {
        changes.members.insert("version_info".to_owned(), Value::Object(info.clone()));
    }
    if let Some(schedules) = &wanted.schedules {
        compare_schedules(schedules, stored, shown, &mut changes);
    }
    compare_triggers(wanted, stored, automations, &mut changes);
    if let Some(project) = &wanted.project {
        let label = stored.get("labels").and_then(|labels| labels.get(PROJECT));
        if label.and_then(Value::as_str) != Some(project) {
            changes.adopt = true;
            let old = label.map(|it| shown.value(it));
            changes.fields.push(Field::changed(format!("labels.{PROJECT}"), old, Some(project.clone())));
        }
    }
    changes
}

struct Compare<'a> {
    stored: &'a Object,
    shown: &'a Shown,
    changes: &'a mut Changes,
}

impl Compare<'_> {
    fn member(&mut self, key: &str, wanted: Value) {
        let stored = self.stored.get(key).unwrap_or(&Value::Null);
        if !equal(stored, &wanted) {
            let old = (!stored.is_null()).then(|| self.shown.stored(key, stored));
            let new = (!wanted.is_null()).then(|| self.shown.value(&wanted));
            self.changes.fields.push(Field::changed(key, old, new));
            self.changes.members.insert(key.to_owned(), wanted);
        }
    }

    /// Each entry that differs is a field of its own; the server replaces the whole object.
    fn objects(&mut self, key: &str, wanted: &Object) -> bool {
        let empty = Map::new();
        let stored = self.stored.get(key).and_then(Value::as_object).unwrap_or(&empty);
        let differs = differences(stored, wanted, self.shown);
        if differs.is_empty() {
            return false;
        }
        self.changes.fields.extend(differs.into_iter().map(|mut field| {
            field.name = format!("{key}.{}", field.name);
            field
        }));
        self.changes.members.insert(key.to_owned(), Value::Object(wanted.clone()));
        true
    }

    fn schema(&mut self, wanted: &Value) {
        let key = "parameter_openapi_schema";
        let stored = self.stored.get(key).unwrap_or(&Value::Null);
        if equal(stored, wanted) {
            return;
        }
        let names = |schema: &Value| {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.map(|it| format!("({})", it.keys().cloned().collect::<Vec<_>>().join(", ")))
        };
        self.changes.fields.push(Field::changed(key, names(stored), names(wanted)));
        self.changes.members.insert(key.to_owned(), wanted.clone());
    }

    fn limit(&mut self, wanted: &Wanted) {
        let limit = self.stored.get("global_concurrency_limit").and_then(|it| it.get("limit")).and_then(Value::as_u64);
        if limit != wanted.limit.map(u64::from) {
            let text = |limit: Option<u64>| limit.map(|it| it.to_string());
            self.changes.fields.push(Field::changed(
                "concurrency_limit",
                text(limit),
                text(wanted.limit.map(u64::from)),
            ));
            self.changes.members.insert("concurrency_limit".to_owned(), json!(wanted.limit));
        }
        let options = json!(wanted.options);
        // The server spells out a grace period that is not given.
        if !same(self.stored.get("concurrency_options").unwrap_or(&Value::Null), &options) {
            self.member("concurrency_options", options);
        }
    }

    /// Pool and queue go together, and the server checks the job variables that come with a pool.
    fn pool(&mut self, wanted: &Wanted) {
        let text = |key: &str| self.stored.get(key).and_then(Value::as_str);
        let (pool, queue) = (text("work_pool_name").map(str::to_owned), text("work_queue_name").map(str::to_owned));
        let wanted_queue = wanted.queue.as_deref().unwrap_or("default");
        let mut moves = false;
        if pool.as_deref() != Some(&wanted.pool) {
            moves = true;
            self.changes.fields.push(Field::changed("work_pool_name", pool, Some(wanted.pool.clone())));
        }
        if queue.as_deref() != Some(wanted_queue) {
            moves = true;
            self.changes.fields.push(Field::changed("work_queue_name", queue, Some(wanted_queue.to_owned())));
        }
        let variables = self.objects("job_variables", &wanted.job_variables);
        if moves {
            let members = &mut self.changes.members;
            members.insert("work_pool_name".to_owned(), json!(wanted.pool));
            members.insert("work_queue_name".to_owned(), json!(wanted.queue));
            if !variables {
                members.insert("job_variables".to_owned(), Value::Object(wanted.job_variables.clone()));
            }
        }
    }
}

/// Entries of objects that differ, by their path.
fn differences(stored: &Object, wanted: &Object, shown: &Shown) -> Vec<Field> {
    let mut fields = Vec::new();
    for (key, value) in wanted {
        match (stored.get(key), value) {
            (Some(stored), value) if equal(stored, value) => {}
            (Some(Value::Object(stored)), Value::Object(value)) if !stored.is_empty() && !value.is_empty() => {
                fields.extend(differences(stored, value, shown).into_iter().map(|mut field| {
                    field.name = format!("{key}.{}", field.name);
                    field
                }));
            }
            (old, value) => {
                fields.push(Field::changed(key, old.map(|it| shown.stored(key, it)), Some(shown.value(value))));
            }
        }
    }
    let gone = stored.iter().filter(|(key, _)| !wanted.contains_key(*key));
    fields.extend(gone.map(|(key, old)| Field::changed(key, Some(shown.stored(key, old)), None)));
    fields
}

/// A schedule is found again by its slug, or by its times if it has none; so it keeps its id and its switch.
fn compare_schedules(wanted: &[Schedule], stored: &Object, shown: &Shown, changes: &mut Changes) {
    let empty = Vec::new();
    let mut left: Vec<&Value> = stored.get("schedules").and_then(Value::as_array).unwrap_or(&empty).iter().collect();
    let mut new = Vec::new();
    for schedule in wanted {
        match left.iter().position(|stored| is_of(schedule, stored)) {
            Some(at) => {
                let found = left.remove(at);
                if !schedule.same_as(found)
                    && let (Some(id), Value::Object(members)) =
                        (id_of(found), schedule.clone().anchored_as(found).to_update())
                {
                    let (old, new) = (summary_of(found, shown), summary(schedule, shown));
                    changes.fields.push(Field::changed("schedules", Some(old), Some(new)));
                    changes.schedules.push(ScheduleStep::Change(id, members));
                }
            }
            None => new.push(schedule),
        }
    }
    // Those that go make room for slugs of those that come.
    for stored in left {
        if let Some(id) = id_of(stored) {
            changes.fields.push(Field::changed("schedules", Some(summary_of(stored, shown)), None));
            changes.schedules.push(ScheduleStep::Remove(id));
        }
    }
    for schedule in new {
        changes.fields.push(Field::changed("schedules", None, Some(summary(schedule, shown))));
        changes.schedules.push(ScheduleStep::Add(schedule.to_create()));
    }
}

fn is_of(schedule: &Schedule, stored: &Value) -> bool {
    let slug = stored.get("slug").and_then(Value::as_str);
    if schedule.slug.is_some() || schedule.replaces.is_some() {
        return slug.is_some() && (slug == schedule.slug.as_deref() || slug == schedule.replaces.as_deref());
    }
    slug.is_none() && Schedule { active: None, ..schedule.clone() }.same_as(stored)
}

fn id_of(stored: &Value) -> Option<Uuid> {
    stored.get("id")?.as_str()?.parse().ok()
}

/// A schedule in one line: `night: cron 0 1 * * * UTC, off, parameters {"n":1}`.
pub(crate) fn summary(schedule: &Schedule, shown: &Shown) -> String {
    let slug = schedule.slug.as_ref().map(|slug| format!("{slug}: ")).unwrap_or_default();
    let mut text = format!("{slug}{}", schedule.summary());
    if let Some(limit) = schedule.max_scheduled_runs {
        let _ = write!(text, ", at most {limit} scheduled run(s)");
    }
    if !schedule.parameters.is_empty() {
        let _ = write!(text, ", parameters {}", shown.value(&Value::Object(schedule.parameters.clone())));
    }
    text
}

/// The same of one that the server has.
fn summary_of(stored: &Value, shown: &Shown) -> String {
    let mut item = stored.get("schedule").and_then(Value::as_object).cloned().unwrap_or_default();
    for key in ["active", "slug", "max_scheduled_runs", "parameters"] {
        item.extend(stored.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    item.retain(|_, value| !value.is_null());
    let item = without_secrets("schedules", &Value::Object(item));
    match schedules::parse(&item, Timestamp::now()) {
        Ok(schedule) => summary(&schedule, shown),
        // One that this version does not understand.
        Err(_) => shown.value(&item),
    }
}

/// A deploy makes all automations of a deployment within this time.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(30);

/// The server does not say which automations a deployment owns. Its own are those with a name that deploy gives, and those
/// made at the same time as one that is wanted; others that start the deployment may have been made by hand.
fn compare_triggers(wanted: &Wanted, stored: &Object, automations: &[AutomationDocument], changes: &mut Changes) {
    let Some(id) = id_of(&json!({"id": stored.get("id")})) else { return };
    let mut left: Vec<&AutomationDocument> = automations.iter().collect();
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for trigger in &wanted.triggers {
        let same = |it: &&AutomationDocument| {
            it.name == trigger.name
                && it.enabled == trigger.enabled
                && it.description.as_deref().unwrap_or_default() == trigger.description
                && same(&it.trigger, &trigger.trigger)
                && same(&it.actions[0], &trigger.action(id))
        };
        match left.iter().position(same) {
            Some(at) => found.push(left.remove(at)),
            None => missing.push(trigger.name.as_str()),
        }
    }
    let prefix = format!("{}__automation_", wanted.name);
    let at_once = |it: &AutomationDocument| found.iter().any(|own| made_at_once(own, it));
    let certain =
        left.iter().any(|it| it.name.starts_with(&prefix) || missing.contains(&it.name.as_str()) || at_once(it));
    if missing.is_empty() && left.is_empty() {
        return;
    }
    if missing.is_empty() && !certain {
        changes.triggers = if found.is_empty() { Triggers::Sweep } else { Triggers::Keep };
        return;
    }
    changes.triggers = Triggers::Replace;
    let names = |names: Vec<&str>| (!names.is_empty()).then(|| names.join(", "));
    let old: Vec<&str> = automations.iter().map(|it| it.name.as_str()).collect();
    let new: Vec<&str> = wanted.triggers.iter().map(|it| it.name.as_str()).collect();
    changes.fields.push(Field::changed("triggers", names(old), names(new)));
}

fn made_at_once(one: &AutomationDocument, other: &AutomationDocument) -> bool {
    matches!((one.created, other.created), (Some(one), Some(other)) if one.duration_since(other).abs() <= AT_ONCE)
}

#[cfg(test)]
mod tests;
