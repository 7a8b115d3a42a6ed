//! Writing a plan to a server: several deployments at once, each for itself.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, stream};
use manage::plan::{Change, Kind};
use prefect_api::{
    ApiError, Client, Transport,
    models::{AutomationSpec, Object},
};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Mutex, OnceCell};
use uuid::Uuid;

use crate::{
    compare::{ScheduleStep, Triggers},
    plan::{Planned, Step, body},
    snapshot::Snapshot,
    wanted::Wanted,
};

/// What became of one change.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What was to happen.
    pub kind: Kind,
    /// `deployment "flow/name"`
    pub object: String,
    /// Id of the deployment, if it exists.
    pub id: Option<Uuid>,
    /// Why it was not written; none if it was.
    pub error: Option<String>,
}

/// Carries out a plan, `at_once` deployments at a time. A failure stops its own deployment only. `told` hears of each as it ends.
pub(crate) async fn write<T: Transport>(
    client: &Client<T>,
    planned: &Planned,
    snapshot: &Snapshot,
    at_once: usize,
    told: &(dyn Fn(&Outcome) + Sync),
) -> Vec<Outcome> {
    let writer = Writer { client, flows: Flows::of(snapshot) };
    let written = stream::iter(planned.plan.changes.iter().enumerate()).map(|(index, change)| {
        let writer = &writer;
        async move {
            let outcome = writer.outcome(change).await;
            told(&outcome);
            (index, outcome)
        }
    });
    let mut outcomes: Vec<(usize, Outcome)> = written.buffer_unordered(at_once.max(1)).collect().await;
    outcomes.sort_by_key(|(index, _)| *index);
    for (_, id) in &planned.sweep {
        // What the deployment does not own is left alone by the server. A failure is found again by the next deploy.
        let _ = client.delete_automations_of_deployment(*id).await;
    }
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

struct Writer<'c, T> {
    client: &'c Client<T>,
    flows: Flows,
}

impl<T: Transport> Writer<'_, T> {
    async fn outcome(&self, change: &Change<Step>) -> Outcome {
        let (id, error) = match self.carry(&change.step).await {
            Ok(id) => (id, None),
            Err(error) => (None, Some(error.to_string())),
        };
        Outcome { kind: change.kind, object: change.object.clone(), id, error }
    }

    async fn carry(&self, step: &Step) -> Result<Option<Uuid>, ApiError> {
        match step {
            Step::Create(wanted) => {
                let id = self.put(wanted, None).await?;
                self.triggers(id, wanted).await?;
                Ok(Some(id))
            }
            Step::Update { id, wanted, changes, stored } => {
                if changes.adopt {
                    self.put(wanted, Some(stored)).await?;
                } else {
                    if !changes.members.is_empty() {
                        self.client.patch_deployment(*id, &changes.members).await?;
                    }
                    self.schedules(*id, &changes.schedules).await?;
                }
                if changes.triggers == Triggers::Replace {
                    self.client.delete_automations_of_deployment(*id).await?;
                    self.triggers(*id, wanted).await?;
                }
                Ok(Some(*id))
            }
            Step::Delete(id) => {
                self.client.delete_automations_of_deployment(*id).await?;
                match self.client.delete_deployment(*id).await {
                    Err(error) if error.is_not_found() => Ok(None),
                    other => other.map(|()| None),
                }
            }
        }
    }

    async fn put(&self, wanted: &Wanted, stored: Option<&Object>) -> Result<Uuid, ApiError> {
        let flow = self.flows.id(self.client, &wanted.flow).await?;
        let body = body(wanted, flow, stored);
        let made = self.client.put_deployment(&body).await?;
        let id = made.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| ApiError::Unreadable {
            operation: "POST /deployments/".into(),
            detail: "the answer has no id".into(),
        })?;
        for (schedule, members) in lost_limits(&body, &made) {
            self.client.patch_schedule(id, &schedule, &members).await?;
        }
        Ok(id)
    }

    async fn schedules(&self, id: Uuid, steps: &[ScheduleStep]) -> Result<(), ApiError> {
        let mut new = Vec::new();
        for step in steps {
            match step {
                ScheduleStep::Remove(schedule) => self.client.delete_schedule(id, *schedule).await?,
                ScheduleStep::Change(schedule, members) => {
                    self.client.patch_schedule(id, &schedule.to_string(), members).await?;
                }
                ScheduleStep::Add(schedule) => new.push(schedule.clone()),
            }
        }
        if new.is_empty() { Ok(()) } else { self.client.add_schedules(id, &new).await }
    }

    async fn triggers(&self, id: Uuid, wanted: &Wanted) -> Result<(), ApiError> {
        for trigger in &wanted.triggers {
            let spec = AutomationSpec {
                name: trigger.name.clone(),
                description: trigger.description.clone(),
                enabled: trigger.enabled,
                trigger: trigger.trigger.clone(),
                actions: vec![trigger.action(id)],
            };
            self.client.create_automation_of_deployment(id, &spec).await?;
        }
        Ok(())
    }
}

/// Limits of schedules, which the server drops when it makes a deployment, by the ids of the schedules that it made.
fn lost_limits(sent: &Object, made: &Object) -> Vec<(String, Object)> {
    const LIMIT: &str = "max_scheduled_runs";
    let schedules = |of: &Object| of.get("schedules").and_then(Value::as_array).cloned().unwrap_or_default();
    let made = schedules(made);
    let lost = |schedule: &Value| {
        let slug = schedule.get("slug").filter(|slug| !slug.is_null())?;
        let limit = schedule.get(LIMIT).filter(|limit| !limit.is_null())?;
        let made = made.iter().find(|it| it.get("slug") == Some(slug) && it.get(LIMIT) != Some(limit))?;
        Some((made.get("id")?.as_str()?.to_owned(), Object::from_iter([(LIMIT.to_owned(), limit.clone())])))
    };
    schedules(sent).iter().filter_map(lost).collect()
}

/// Ids of flows: each is made at most once, though many deployments wait for it.
struct Flows {
    known: HashMap<String, Uuid>,
    made: Mutex<HashMap<String, Arc<OnceCell<Uuid>>>>,
}

impl Flows {
    fn of(snapshot: &Snapshot) -> Self {
        Self { known: snapshot.flows.clone(), made: Mutex::default() }
    }

    async fn id<T: Transport>(&self, client: &Client<T>, name: &str) -> Result<Uuid, ApiError> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let cell = Arc::clone(self.made.lock().await.entry(name.to_owned()).or_default());
        cell.get_or_try_init(|| async { Ok(client.create_flow(name).await?.id) }).await.copied()
    }
}
