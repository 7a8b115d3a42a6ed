//! The plan of a deploy: what is created, what changes field by field, what goes.

use std::collections::BTreeSet;

use manage::plan::{Field, Kind, Plan};
use prefect_api::{
    ApiError, Client, Transport,
    models::{Documents, Object},
};
use schedules::Schedule;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    compare::{self, Changes, PROJECT},
    shown::Shown,
    snapshot::Snapshot,
    wanted::Wanted,
};

/// One write, or several of one deployment.
#[derive(Debug, Clone)]
pub enum Step {
    /// A new deployment.
    Create(Box<Wanted>),
    /// Changes of one that exists.
    Update {
        /// Its id.
        id: Uuid,
        /// As it shall be.
        wanted: Box<Wanted>,
        /// What differs.
        changes: Box<Changes>,
        /// As it is, for a deployment that is written whole.
        stored: Box<Object>,
    },
    /// A deployment of the project that the file has no more.
    Delete(Uuid),
}

/// A plan, and the deployments that need no change.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is about to change.
    pub plan: Plan<Step>,
    /// Full names of the deployments that are as wanted.
    pub unchanged: Vec<String>,
    /// Deployments that may have automations left from before, which only the server knows to be theirs.
    pub sweep: Vec<(String, Uuid)>,
}

impl Planned {
    /// How many deployments it deletes.
    #[must_use]
    pub fn deletes(&self) -> usize {
        self.plan.changes.iter().filter(|change| change.kind == Kind::Delete).count()
    }
}

/// Compares what is wanted with the server.
pub(crate) fn plan(wanted: &[Wanted], snapshot: &Snapshot, shown: &Shown, subject: &str) -> Planned {
    let mut planned = Planned { plan: Plan::new(subject), unchanged: Vec::new(), sweep: Vec::new() };
    for wanted in wanted {
        let name = wanted.full_name();
        let object = format!("deployment \"{name}\"");
        let Some(stored) = snapshot.deployment(&wanted.flow, &wanted.name) else {
            planned.plan =
                planned.plan.with(Kind::Create, object, fields(wanted, shown), Step::Create(Box::new(wanted.clone())));
            continue;
        };
        let Some(id) = id_of(stored) else { continue };
        let mut changes = compare::changes(wanted, stored, snapshot.automations(id), shown);
        if changes.triggers == compare::Triggers::Sweep {
            changes.triggers = compare::Triggers::Keep;
            planned.sweep.push((name.clone(), id));
        }
        if changes.is_empty() {
            planned.unchanged.push(name);
            continue;
        }
        let shown = changes.fields.clone();
        let step = Step::Update {
            id,
            wanted: Box::new(wanted.clone()),
            changes: Box::new(changes),
            stored: Box::new(stored.clone()),
        };
        planned.plan = planned.plan.with(Kind::Update, object, shown, step);
    }
    planned
}

/// Adds the deletion of the project's deployments that are not wanted any more.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn prune<T: Transport>(
    planned: Planned,
    client: &Client<T>,
    wanted: &[Wanted],
    project: &str,
) -> Result<Planned, ApiError> {
    let documents = client.documents(Documents::Deployments).await?;
    let stored: Vec<Object> = documents.into_iter().filter_map(|it| it.as_object().cloned()).collect();
    let of_project =
        |it: &&Object| it.get("labels").and_then(|labels| labels.get(PROJECT)).and_then(Value::as_str) == Some(project);
    let candidates: Vec<&Object> = stored.iter().filter(of_project).collect();
    let uuid = |it: &Object, key: &str| it.get(key).and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
    let ids: BTreeSet<Uuid> = candidates.iter().filter_map(|it| uuid(it, "flow_id")).collect();
    let flows = client.flows(&ids.into_iter().collect::<Vec<_>>()).await?;
    let mut planned = planned;
    for stored in candidates {
        let (Some(id), Some(flow_id)) = (id_of(stored), uuid(stored, "flow_id")) else { continue };
        let name = stored.get("name").and_then(Value::as_str).unwrap_or_default();
        let flow = flows.iter().find(|flow| flow.id == flow_id).map_or("?", |flow| flow.name.as_str());
        if wanted.iter().any(|it| it.flow == flow && it.name == name) {
            continue;
        }
        let field = Field::changed("project", Some(project.to_owned()), None);
        let object = format!("deployment \"{flow}/{name}\"");
        planned.plan = planned.plan.with(Kind::Delete, object, vec![field], Step::Delete(id));
    }
    Ok(planned)
}

fn id_of(stored: &Object) -> Option<Uuid> {
    stored.get("id")?.as_str()?.parse().ok()
}

/// What a new deployment has to show.
fn fields(wanted: &Wanted, shown: &Shown) -> Vec<Field> {
    let mut fields = vec![Field::new("entrypoint", &wanted.entrypoint), Field::new("work_pool_name", &wanted.pool)];
    let mut add = |name: &str, value: Option<String>| fields.extend(value.map(|value| Field::new(name, value)));
    add("work_queue_name", wanted.queue.clone());
    add("version", wanted.version.clone());
    add("tags", (!wanted.tags.is_empty()).then(|| wanted.tags.join(", ")));
    for (prefix, entries) in [("parameters", &wanted.parameters), ("job_variables", &wanted.job_variables)] {
        for (key, value) in entries {
            add(&format!("{prefix}.{key}"), Some(shown.value(value)));
        }
    }
    for schedule in wanted.schedules.iter().flatten() {
        add("schedules", Some(compare::summary(schedule, shown)));
    }
    for trigger in &wanted.triggers {
        add("triggers", Some(trigger.name.clone()));
    }
    add("concurrency_limit", wanted.limit.map(|limit| limit.to_string()));
    fields
}

/// The body that makes a deployment, as `prefect deploy` of 3.9.1 sends it. `stored` is what it has already, if it is written anew.
pub(crate) fn body(wanted: &Wanted, flow: Uuid, stored: Option<&Object>) -> Object {
    let of_stored = |key: &str| stored.and_then(|it| it.get(key)).cloned();
    let schedules = match (&wanted.schedules, stored) {
        (Some(schedules), _) => schedules.iter().map(Schedule::to_create).collect(),
        (None, Some(stored)) => kept_schedules(stored),
        (None, None) => Vec::new(),
    };
    let mut labels = of_stored("labels").and_then(|it| it.as_object().cloned()).unwrap_or_default();
    if let Some(project) = &wanted.project {
        labels.insert(PROJECT.to_owned(), json!(project));
    }
    let enforce = wanted.enforce.or_else(|| of_stored("enforce_parameter_schema")?.as_bool()).unwrap_or(true);
    let paused = wanted.paused.or_else(|| of_stored("paused")?.as_bool()).unwrap_or(false);
    let mut body = json!({
        "name": wanted.name,
        "flow_id": flow,
        "paused": paused,
        "schedules": schedules,
        "concurrency_limit": wanted.limit,
        "concurrency_options": wanted.options,
        "enforce_parameter_schema": enforce,
        "parameter_openapi_schema": wanted.schema,
        "parameters": wanted.parameters,
        "tags": wanted.tags,
        "labels": labels,
        "pull_steps": wanted.pull_steps,
        "work_queue_name": wanted.queue,
        "work_pool_name": wanted.pool,
        "storage_document_id": null,
        "infrastructure_document_id": null,
        "description": wanted.description,
        "path": null,
        "entrypoint": wanted.entrypoint,
        "job_variables": wanted.job_variables,
        "version": wanted.version,
    });
    if let Some(info) = &wanted.version_info {
        body["version_info"] = Value::Object(info.clone());
    }
    match body {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

/// Schedules of a deployment as they have to be sent to stay, for a new `POST` deletes them.
fn kept_schedules(stored: &Object) -> Vec<Value> {
    let schedules = stored.get("schedules").and_then(Value::as_array);
    let members = ["schedule", "active", "max_scheduled_runs", "parameters", "slug"];
    let kept = |schedule: &Value| {
        let member = |key: &&str| Some(((*key).to_owned(), schedule.get(*key)?.clone()));
        Value::Object(members.iter().filter_map(member).collect())
    };
    schedules.into_iter().flatten().map(kept).collect()
}
