//! The changes of an upgrade, as they are shown and carried out.

use manage::{
    plan::{Field, Kind, Plan},
    pool::shown::shown,
};
use prefect_api::models::{Object as Document, WorkPoolCreate, WorkQueueCreate, WorkQueueFields};
use serde_json::Value;

use crate::{
    journal::Object,
    plan::{PlannedDeployment, PlannedPool, PlannedQueue, Target, Write},
};

/// The queue that every pool has.
pub(super) const DEFAULT_QUEUE: &str = "default";

/// A call that carries out a part of an upgrade.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Makes a work pool.
    CreatePool(Box<WorkPoolCreate>),
    /// Changes the default queue of a pool that the upgrade made.
    AdjustQueue {
        /// The pool.
        pool: String,
        /// The changes.
        changes: WorkQueueFields,
    },
    /// Makes a queue.
    CreateQueue {
        /// The pool.
        pool: String,
        /// The queue.
        queue: WorkQueueCreate,
    },
    /// Writes a deployment.
    Write {
        /// The deployment.
        object: Object,
        /// Its new pool.
        pool: String,
        /// The request.
        write: Box<Write>,
        /// Fingerprint of the deployment that the plan was made from.
        seen: String,
    },
}

impl Step {
    /// The pool that it makes or needs.
    pub(super) fn pool(&self) -> &str {
        match self {
            Self::CreatePool(pool) => &pool.name,
            Self::AdjustQueue { pool, .. } | Self::CreateQueue { pool, .. } | Self::Write { pool, .. } => pool,
        }
    }
}

/// Adds the pool itself.
pub(super) fn create_pool(plan: Plan<Step>, pool: &PlannedPool) -> Plan<Step> {
    let mut fields = vec![Field::new("type", &pool.pool_type)];
    fields.extend(pool.concurrency_limit.map(|limit| Field::new("concurrency limit", limit.to_string())));
    fields.extend(pool.is_paused.then(|| Field::new("paused", "yes")));
    let object = Object::WorkPool { name: pool.name.clone() };
    let create = WorkPoolCreate {
        name: pool.name.clone(),
        pool_type: pool.pool_type.clone(),
        base_job_template: pool.base_job_template.clone(),
        description: pool.description.clone(),
        is_paused: pool.is_paused,
        concurrency_limit: pool.concurrency_limit,
    };
    plan.with(Kind::Create, object.to_string(), fields, Step::CreatePool(Box::new(create)))
}

/// Adds a change of the default queue, as it is in a new pool or as `found`, if it is to be another.
pub(super) fn adjust_queue(
    plan: Plan<Step>,
    pool: &str,
    queue: &PlannedQueue,
    found: Option<&PlannedQueue>,
) -> Plan<Step> {
    let of_new_pool = PlannedQueue {
        name: DEFAULT_QUEUE.to_owned(),
        description: None,
        priority: Some(1),
        concurrency_limit: None,
        is_paused: false,
    };
    let found = found.unwrap_or(&of_new_pool);
    let priority = queue.priority.filter(|priority| Some(*priority) != found.priority);
    let limits = queue.concurrency_limit != found.concurrency_limit;
    let paused = queue.is_paused != found.is_paused;
    if priority.is_none() && !limits && !paused {
        return plan;
    }
    let text = |value: Option<u32>| value.map(|value| value.to_string());
    let mut fields = Vec::new();
    fields.extend(priority.map(|new| Field::changed("priority", text(found.priority), text(Some(new)))));
    if limits {
        fields.push(Field::changed("concurrency limit", text(found.concurrency_limit), text(queue.concurrency_limit)));
    }
    if paused {
        let word = |paused: bool| Some(if paused { "yes" } else { "no" }.to_owned());
        fields.push(Field::changed("paused", word(found.is_paused), word(queue.is_paused)));
    }
    let changes = WorkQueueFields {
        is_paused: paused.then_some(queue.is_paused),
        concurrency_limit: if limits { queue.concurrency_limit.into() } else { Default::default() },
        priority,
        ..WorkQueueFields::default()
    };
    let object = Object::WorkQueue { pool: pool.to_owned(), name: queue.name.clone() };
    plan.with(Kind::Update, object.to_string(), fields, Step::AdjustQueue { pool: pool.to_owned(), changes })
}

/// Adds a queue of a pool.
pub(super) fn create_queue(plan: Plan<Step>, pool: &str, queue: &PlannedQueue) -> Plan<Step> {
    let mut fields = Vec::new();
    fields.extend(queue.priority.map(|priority| Field::new("priority", priority.to_string())));
    fields.extend(queue.concurrency_limit.map(|limit| Field::new("concurrency limit", limit.to_string())));
    fields.extend(queue.is_paused.then(|| Field::new("paused", "yes")));
    let object = Object::WorkQueue { pool: pool.to_owned(), name: queue.name.clone() };
    let create = WorkQueueCreate {
        name: queue.name.clone(),
        description: queue.description.clone(),
        is_paused: queue.is_paused,
        concurrency_limit: queue.concurrency_limit,
        priority: queue.priority,
    };
    plan.with(Kind::Create, object.to_string(), fields, Step::CreateQueue { pool: pool.to_owned(), queue: create })
}

/// Adds the write of a deployment, which is now as `found`.
pub(super) fn write(
    plan: Plan<Step>,
    deployment: &PlannedDeployment,
    (target, write): (&Target, &Write),
    found: &Document,
) -> Plan<Step> {
    let object = object_of(deployment);
    let step = Step::Write {
        object: object.clone(),
        pool: target.pool.clone(),
        write: Box::new(write.clone()),
        seen: deployment.seen.first().map(|seen| seen.fingerprint.clone()).unwrap_or_default(),
    };
    plan.with(Kind::Update, object.to_string(), fields(deployment, target, found), step)
}

/// The object of a planned deployment.
pub(super) fn object_of(deployment: &PlannedDeployment) -> Object {
    Object::Deployment { id: deployment.id, name: format!("{}/{}", deployment.flow, deployment.name) }
}

fn fields(deployment: &PlannedDeployment, target: &Target, found: &Document) -> Vec<Field> {
    let from = &deployment.from;
    let mut fields = vec![
        Field::changed("work pool", from.pool.clone(), Some(target.pool.clone())),
        Field::changed("work queue", from.queue.clone(), Some(target.queue.clone())),
        Field::changed("infrastructure block", from.infrastructure.clone(), None),
        Field::changed("storage block", from.storage.clone(), None),
        Field::changed("pull steps", steps(found.get("pull_steps")), steps(Some(&target.pull_steps.clone().into()))),
    ];
    fields.retain(|field| field.old != field.new);
    fields.extend(variables(&variables_of(found), &target.job_variables));
    fields
}

/// The job variables of a deployment.
pub(crate) fn variables_of(document: &Document) -> Document {
    let found = ["job_variables", "infra_overrides"].iter().find_map(|name| document.get(*name)?.as_object());
    found.cloned().unwrap_or_default()
}

/// Names of pull steps.
fn steps(steps: Option<&Value>) -> Option<String> {
    let steps = steps?.as_array()?.iter();
    let names: Vec<&str> = steps.filter_map(|step| step.as_object()?.keys().next().map(String::as_str)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Job variables that differ, with values masked whose names sound like secrets.
pub(crate) fn variables(old: &Document, new: &Document) -> Vec<Field> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let text = |variables: &Document, name: &String| {
        let value = variables.get(name)?;
        // `env.TOKEN` is an override of 2.x for one variable of the environment.
        match name.strip_prefix("env.") {
            Some(variable) => {
                let one: Document = [(variable.to_owned(), value.clone())].into_iter().collect();
                Some(shown("env", &Value::Object(one), &Value::Null))
            }
            None => Some(shown(name, value, &Value::Null)),
        }
    };
    let changed = names.iter().filter(|name| old.get(**name) != new.get(**name));
    changed.map(|name| Field::changed(format!("job variable {name}"), text(old, name), text(new, name))).collect()
}
