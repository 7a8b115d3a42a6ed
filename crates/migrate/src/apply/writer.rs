//! One change after the other: a line in the journal, the request, a look at what came of it, a line in the journal.

use std::collections::BTreeSet;

use diagnosis::{Diagnosis, PP0806, PP0808, PP0809};
use manage::{Server, with_sources};
use prefect_api::{
    ApiError, Transport,
    models::{Object as Document, WorkPoolCreate, WorkQueueCreate, WorkQueueFields},
};
use serde_json::{Value, json};

use super::{
    outcome::Outcome,
    step::{DEFAULT_QUEUE, Step},
};
use crate::{
    document::{differences, expected, forgotten},
    error::UpgradeError,
    fingerprint::fingerprint,
    journal::{Event, Journal, Object, Request, Stage},
    plan::Write,
};

/// Carries out steps.
pub(super) struct Writer<'a, T> {
    server: &'a Server<T>,
    journal: &'a mut Journal,
    /// Pools that are not as they are to be: no deployment goes there.
    broken: BTreeSet<String>,
}

impl<'a, T: Transport> Writer<'a, T> {
    /// Carries out steps on a server, and keeps a journal.
    pub(super) fn new(server: &'a Server<T>, journal: &'a mut Journal) -> Self {
        Self { server, journal, broken: BTreeSet::new() }
    }

    /// Carries out a step.
    pub(super) async fn carry(&mut self, step: &Step) -> Result<Outcome, UpgradeError> {
        if self.broken.contains(step.pool()) {
            let detail = format!("Work pool \"{}\" is not as it is to be.", step.pool());
            return Ok(Outcome::Failed(Diagnosis::of(PP0808, detail)));
        }
        let outcome = match step {
            Step::CreatePool(pool) => self.create_pool(pool).await?,
            Step::AdjustQueue { pool, changes } => self.adjust_queue(pool, changes).await?,
            Step::CreateQueue { pool, queue } => self.create_queue(pool, queue).await?,
            Step::Write { object, write, seen, .. } => return self.write(object, write, seen).await,
        };
        if outcome.failure().is_some() {
            self.broken.insert(step.pool().to_owned());
        }
        Ok(outcome)
    }

    async fn create_pool(&mut self, pool: &WorkPoolCreate) -> Result<Outcome, UpgradeError> {
        let object = Object::WorkPool { name: pool.name.clone() };
        self.writing(&object, Request::Create, None)?;
        let created = self.server.client.create_work_pool(pool).await;
        if let Err(error) = created.map(drop)
            && !error.is_conflict()
        {
            return self.failed(&object, error);
        }
        // A conflict may be with the pool that a lost answer was about.
        let found = self.server.client.work_pool_document(&pool.name).await.map_err(|error| self.server.told(error))?;
        let Value::Object(after) = found else { return Ok(other_pool(&pool.name)) };
        if after.get("base_job_template") != Some(&pool.base_job_template) {
            return Ok(other_pool(&pool.name));
        }
        self.written(object, after)
    }

    async fn create_queue(&mut self, pool: &str, queue: &WorkQueueCreate) -> Result<Outcome, UpgradeError> {
        let object = Object::WorkQueue { pool: pool.to_owned(), name: queue.name.clone() };
        self.writing(&object, Request::Create, None)?;
        let created = self.server.client.create_work_queue(pool, queue).await;
        match created.map(drop) {
            Err(error) if !error.is_conflict() => self.failed(&object, error),
            _ => self.written(object, members(&json!(queue))),
        }
    }

    async fn adjust_queue(&mut self, pool: &str, changes: &WorkQueueFields) -> Result<Outcome, UpgradeError> {
        let object = Object::WorkQueue { pool: pool.to_owned(), name: DEFAULT_QUEUE.to_owned() };
        self.writing(&object, Request::Adjust, None)?;
        match self.server.client.update_work_queue(pool, DEFAULT_QUEUE, changes).await {
            Err(error) => self.failed(&object, error),
            Ok(()) => self.written(object, members(&json!(changes))),
        }
    }

    async fn write(&mut self, object: &Object, write: &Write, seen: &str) -> Result<Outcome, UpgradeError> {
        let Some(found) = self.deployment(object).await? else {
            return Ok(refused("It was deleted since the plan was made."));
        };
        let interrupted = self.journal.record(object).filter(|record| record.stage == Stage::Writing);
        let before = match interrupted.and_then(|record| record.before.clone()) {
            Some(before) => before,
            None if is(&found, seen) => found.clone(),
            None => return Ok(refused("It was changed since the plan was made.")),
        };
        if fingerprint(&Value::Object(found.clone())) == fingerprint(&Value::Object(before.clone())) {
            self.writing(object, Request::Write { write: write.clone() }, Some(before.clone()))?;
            if let Err(error) = send(self.server, object, write).await
                && let Some(outcome) = self.lost(object, write, &before, error).await?
            {
                return Ok(outcome);
            }
        } else if !took_effect(&before, write, &found) {
            return Ok(refused("A write was interrupted, and the deployment was changed since."));
        }
        self.finish(object, write, &before).await
    }

    /// Looks whether a write that failed took effect. None if it did.
    async fn lost(
        &mut self,
        object: &Object,
        write: &Write,
        before: &Document,
        error: ApiError,
    ) -> Result<Option<Outcome>, UpgradeError> {
        if is_refusal(&error) {
            return self.failed(object, error).map(Some);
        }
        let found = self.deployment(object).await?.unwrap_or_default();
        match error {
            _ if took_effect(before, write, &found) => Ok(None),
            ApiError::Busy { .. } if found == *before => self.refused(object, error).map(Some),
            // The server may still be at it.
            _ => Err(self.server.told(error).into()),
        }
    }

    /// Gives schedules back what an upsert forgets of them, and compares the deployment with what it is to be.
    async fn finish(&mut self, object: &Object, write: &Write, before: &Document) -> Result<Outcome, UpgradeError> {
        let wanted = expected(before, write);
        let found = settled(self.server, object, &wanted).await?;
        let differing = differences(&wanted, &found);
        let outcome = self.written(object.clone(), found)?;
        if differing.is_empty() {
            return Ok(outcome);
        }
        let detail = format!("The server keeps other values than were sent: {}.", differing.join(", "));
        Ok(Outcome::Failed(Diagnosis::of(PP0809, detail)))
    }

    async fn deployment(&self, object: &Object) -> Result<Option<Document>, UpgradeError> {
        document_of(self.server, object).await
    }

    fn writing(&mut self, object: &Object, request: Request, before: Option<Document>) -> Result<(), UpgradeError> {
        self.journal.append(Event::Writing { object: object.clone(), request, before })
    }

    fn written(&mut self, object: Object, after: Document) -> Result<Outcome, UpgradeError> {
        self.journal.append(Event::Written { object, after })?;
        Ok(Outcome::Done)
    }

    /// A refusal concerns one object. Without an answer nothing is known, and nothing more is sent.
    fn failed(&mut self, object: &Object, error: ApiError) -> Result<Outcome, UpgradeError> {
        match is_refusal(&error) {
            true => self.refused(object, error),
            false => Err(self.server.told(error).into()),
        }
    }

    fn refused(&mut self, object: &Object, error: ApiError) -> Result<Outcome, UpgradeError> {
        let why = with_sources(&self.server.told(error));
        self.journal.append(Event::Refused { object: object.clone(), why: why.clone() })?;
        Ok(refused(why))
    }
}

/// Whether the server said no, so that the write had no effect.
pub(crate) fn is_refusal(error: &ApiError) -> bool {
    matches!(error, ApiError::Refused { .. } | ApiError::NotFound { .. } | ApiError::Unauthorised { .. })
}

/// A deployment as the server has it now.
pub(crate) async fn document_of<T: Transport>(
    server: &Server<T>,
    object: &Object,
) -> Result<Option<Document>, UpgradeError> {
    let Object::Deployment { id, .. } = object else { return Ok(None) };
    Ok(server.client.deployment_document(*id).await.map_err(|error| server.told(error))?)
}

/// Sends the write of a deployment.
pub(crate) async fn send<T: Transport>(server: &Server<T>, object: &Object, write: &Write) -> Result<(), ApiError> {
    match (write, object) {
        (Write::Patch { body }, Object::Deployment { id, .. }) => server.client.patch_deployment(*id, body).await,
        (Write::Patch { .. }, _) => Ok(()),
        (Write::Post { body }, _) => server.client.put_deployment(body).await.map(drop),
    }
}

/// The deployment after its schedules got back what an upsert forgot of them.
pub(crate) async fn settled<T: Transport>(
    server: &Server<T>,
    object: &Object,
    wanted: &Document,
) -> Result<Document, UpgradeError> {
    let found = document_of(server, object).await?.unwrap_or_default();
    let changes = forgotten(wanted, &found);
    let Object::Deployment { id, .. } = object else { return Ok(found) };
    if changes.is_empty() {
        return Ok(found);
    }
    for (schedule, members) in changes {
        let changed = server.client.patch_schedule(*id, &schedule, &members).await;
        changed.map_err(|error| server.told(error))?;
    }
    Ok(document_of(server, object).await?.unwrap_or_default())
}

/// Whether a deployment is what a write makes of it. Schedules may still lack what an upsert forgets.
pub(crate) fn took_effect(before: &Document, write: &Write, found: &Document) -> bool {
    let differing = differences(&expected(before, write), found);
    differing.iter().all(|member| matches!(member.as_str(), "schedules" | "schedule"))
}

fn is(found: &Document, seen: &str) -> bool {
    fingerprint(&Value::Object(found.clone())) == seen
}

fn members(value: &Value) -> Document {
    value.as_object().cloned().unwrap_or_default()
}

fn refused(detail: impl Into<String>) -> Outcome {
    Outcome::Failed(Diagnosis::of(PP0808, detail))
}

fn other_pool(name: &str) -> Outcome {
    Outcome::Failed(Diagnosis::of(PP0806, format!("Work pool \"{name}\" was made by another user meanwhile.")))
}
