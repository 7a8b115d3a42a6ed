//! The way back: every object as it was before the upgrade, from the journal.
//!
//! Deployments first, the last that was written first, then queues and pools that the upgrade made, if they are empty. A
//! deployment that was changed after the upgrade is left alone, unless the user insists: the change may be worth more
//! than the way back. The lines of a rollback go into the same journal, so it may be repeated, and goes on where it stopped.

mod queueless;

use diagnosis::{Diagnosis, PP0810, PP0811};
use manage::{
    Server,
    plan::{Change, Field, Kind, Plan},
    with_sources,
};
use prefect_api::{
    ApiError, Transport,
    filters::{DeploymentQuery, FlowRunFilter, FlowRunQuery, WorkPoolFilter, WorkQueueFilter},
    models::{Object as Document, StateType},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    apply::{
        Outcome, Report, check_server,
        step::{variables, variables_of},
        writer::{document_of, is_refusal, send, settled, took_effect},
    },
    document::{differences, restoring},
    error::UpgradeError,
    fingerprint::fingerprint,
    journal::{Event, Journal, Object, Record, Request, Stage},
    plan::Write,
    runs,
};

/// States of runs that a pool or queue is still needed for.
const UNFINISHED: [StateType; 5] =
    [StateType::Scheduled, StateType::Pending, StateType::Running, StateType::Paused, StateType::Cancelling];

/// A call that takes back a part of an upgrade.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    /// Writes a deployment as it was.
    Restore {
        /// The deployment.
        object: Object,
        /// As it was.
        before: Box<Document>,
        /// The request that makes it so.
        write: Box<Write>,
        /// As it was when the rollback was planned.
        now: Box<Document>,
    },
    /// Deletes a queue or a pool that the upgrade made, if it is empty.
    Remove {
        /// The queue or the pool.
        object: Object,
    },
}

/// What is left to take back.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The changes.
    pub plan: Plan<Undo>,
    /// Deployments that cannot be put back, each with the reason.
    pub refused: Vec<(String, Diagnosis)>,
}

/// Plans what is left to take back. Nothing is written.
///
/// # Errors
/// The journal is of another server, or the server does not answer.
pub async fn prepare<T: Transport>(
    server: &Server<T>,
    journal: &Journal,
    force: bool,
) -> Result<Prepared, UpgradeError> {
    check_server("the journal", journal.server(), server, is_same_major).await?;
    let mut prepared = Prepared { plan: Plan::new("rollback"), refused: Vec::new() };
    let open: Vec<&Record> = journal.records().iter().filter(|record| is_open(record.stage)).collect();
    for record in open.iter().rev() {
        if let (Some(before), Request::Write { write }) = (&record.before, &record.request) {
            deployment(&mut prepared, server, record, (before, write), force).await?;
        }
    }
    let made = |record: &&&Record| record.request == Request::Create;
    let is_queue = |record: &&&Record| matches!(record.object, Object::WorkQueue { .. });
    let (queues, pools): (Vec<&&Record>, Vec<&&Record>) = open.iter().rev().filter(made).partition(is_queue);
    for record in queues.into_iter().chain(pools) {
        let undo = Undo::Remove { object: record.object.clone() };
        prepared.plan = prepared.plan.with(Kind::Delete, record.object.to_string(), Vec::new(), undo);
    }
    Ok(prepared)
}

/// A server may have got a newer release since; one of the next major version has other documents.
fn is_same_major(one: &str, other: &str) -> bool {
    one.split('.').next() == other.split('.').next()
}

/// Whether something of an object may be left to take back.
fn is_open(stage: Stage) -> bool {
    matches!(stage, Stage::Writing | Stage::Written | Stage::Restoring)
}

async fn deployment<T: Transport>(
    prepared: &mut Prepared,
    server: &Server<T>,
    record: &Record,
    (before, write): (&Document, &Write),
    force: bool,
) -> Result<(), UpgradeError> {
    let name = record.object.to_string();
    let Some(found) = document_of(server, &record.object).await? else {
        let detail = "It was deleted after the upgrade. A deployment that is made anew has another id.";
        prepared.refused.push((name, Diagnosis::of(PP0811, detail)));
        return Ok(());
    };
    if !force && let Some(changed) = changed_since(record, (before, write), &found) {
        let detail = format!("Changed since: {}.", changed.join(", "));
        prepared.refused.push((name, Diagnosis::of(PP0810, detail)));
        return Ok(());
    }
    let members = differences(before, &found).into_iter();
    let members = members.filter(|member| !["job_variables", "infra_overrides"].contains(&member.as_str()));
    let mut fields: Vec<Field> = members
        .map(|member| {
            let text = |document: &Document| document.get(&member).filter(|it| !it.is_null()).map(Value::to_string);
            Field::changed(member.clone(), text(&found), text(before))
        })
        .collect();
    fields.extend(variables(&variables_of(&found), &variables_of(before)));
    let undo = Undo::Restore {
        object: record.object.clone(),
        before: Box::new(before.clone()),
        write: Box::new(restoring(before, write)),
        now: Box::new(found),
    };
    let plan = std::mem::replace(&mut prepared.plan, Plan::new("rollback"));
    prepared.plan = plan.with(Kind::Update, name, fields, undo);
    Ok(())
}

/// Members in which a deployment is neither what the upgrade made of it nor what it was before.
fn changed_since(record: &Record, (before, write): (&Document, &Write), found: &Document) -> Option<Vec<String>> {
    let had_no_pool = before.get("work_pool_name").is_none_or(Value::is_null);
    let is_before = differences(before, found).iter().all(|member| match member.as_str() {
        "schedules" | "schedule" => true,
        "work_pool_name" | "work_queue_name" => had_no_pool,
        _ => false,
    });
    match (&record.after, record.stage) {
        // A rollback that was interrupted may have left schedules half put back, and a pool where there was none.
        (_, Stage::Restoring) if is_before => None,
        (Some(after), _) if same(after, found) => None,
        (None, _) if took_effect(before, write, found) || is_before => None,
        (after, _) => Some(differences(after.as_ref().unwrap_or(before), found)).filter(|it| !it.is_empty()),
    }
}

fn same(one: &Document, other: &Document) -> bool {
    fingerprint(&Value::Object(one.clone())) == fingerprint(&Value::Object(other.clone()))
}

/// Takes the changes back, and tells of each when its outcome is known.
///
/// # Errors
/// The server does not answer, or the journal cannot be written. What was done by then is in the journal.
pub async fn apply<T: Transport>(
    server: &Server<T>,
    plan: &Plan<Undo>,
    journal: &mut Journal,
    mut told: impl FnMut(&Change<Undo>, &Outcome),
) -> Result<Report, UpgradeError> {
    let mut report = Report::default();
    let mut gathered = false;
    plan.apply(async |change| {
        let outcome = match &change.step {
            Undo::Restore { object, before, write, now } => {
                restore(server, journal, object, (before, write, now)).await?
            }
            Undo::Remove { object } => {
                // Runs that were scheduled a moment ago must not keep a pool.
                if !std::mem::replace(&mut gathered, true) {
                    report.notes = runs::gather(server, journal).await?;
                }
                remove(server, journal, object).await?
            }
        };
        told(change, &outcome);
        report.outcomes.push((change.object.clone(), outcome));
        Ok::<(), UpgradeError>(())
    })
    .await?;
    if !gathered {
        report.notes = runs::gather(server, journal).await?;
    }
    Ok(report)
}

async fn restore<T: Transport>(
    server: &Server<T>,
    journal: &mut Journal,
    object: &Object,
    (before, write, now): (&Document, &Write, &Document),
) -> Result<Outcome, UpgradeError> {
    let found = document_of(server, object).await?.unwrap_or_default();
    if differences(before, &found).is_empty() {
        journal.append(Event::Restored { object: object.clone() })?;
        return Ok(Outcome::Already);
    }
    if !same(now, &found) {
        return Ok(not_restored("It was changed a moment ago."));
    }
    journal.append(Event::Restoring { object: object.clone() })?;
    if let Some(outcome) = sent(server, object, write).await? {
        return Ok(outcome);
    }
    let mut found = settled(server, object, before).await?;
    if let Some(pool) = queueless::pool(before, &found) {
        queueless::take_out(server, object, pool).await?;
        if let Some(outcome) = sent(server, object, write).await? {
            return Ok(outcome);
        }
        found = settled(server, object, before).await?;
    }
    let left = differences(before, &found);
    if left.is_empty() {
        journal.append(Event::Restored { object: object.clone() })?;
        return Ok(Outcome::Done);
    }
    Ok(not_restored(format!("The server keeps other values than there were: {}.", left.join(", "))))
}

/// Sends the write of a deployment; an outcome if the server refuses it.
async fn sent<T: Transport>(
    server: &Server<T>,
    object: &Object,
    write: &Write,
) -> Result<Option<Outcome>, UpgradeError> {
    let Err(error) = send(server, object, write).await else { return Ok(None) };
    let refusal = is_refusal(&error);
    let told = server.told(error);
    if refusal { Ok(Some(not_restored(with_sources(&told)))) } else { Err(told.into()) }
}

fn not_restored(detail: impl Into<String>) -> Outcome {
    Outcome::Failed(Diagnosis::of(PP0811, detail))
}

async fn remove<T: Transport>(
    server: &Server<T>,
    journal: &mut Journal,
    object: &Object,
) -> Result<Outcome, UpgradeError> {
    let asked = |error: ApiError| UpgradeError::from(server.told(error));
    let removed = match object {
        Object::WorkPool { name } => {
            let of_pool = || Some(WorkPoolFilter::named([name.as_str()]));
            let deployments = DeploymentQuery { work_pools: of_pool(), ..DeploymentQuery::default() };
            let runs = FlowRunQuery { work_pools: of_pool(), ..FlowRunQuery::default() };
            if let Some(reason) = needed(server, deployments, runs).await.map_err(asked)? {
                return Ok(Outcome::Kept(reason));
            }
            journal.append(Event::Restoring { object: object.clone() })?;
            server.client.delete_work_pool(name).await
        }
        Object::WorkQueue { pool, name } => {
            let queues = server.client.work_queues(pool).await;
            let queues = match queues {
                Err(error) if error.is_not_found() => Vec::new(),
                queues => queues.map_err(asked)?,
            };
            let ids: Vec<Uuid> = queues.iter().filter(|it| it.name == *name).map(|it| it.id).collect();
            let of_queue = || Some(WorkQueueFilter::of_ids(&ids));
            let deployments = DeploymentQuery { work_queues: of_queue(), ..DeploymentQuery::default() };
            let runs = FlowRunQuery { work_queues: of_queue(), ..FlowRunQuery::default() };
            if let Some(reason) = needed(server, deployments, runs).await.map_err(asked)? {
                return Ok(Outcome::Kept(reason));
            }
            journal.append(Event::Restoring { object: object.clone() })?;
            server.client.delete_work_queue(pool, name).await
        }
        Object::Deployment { .. } => Ok(()),
    };
    match removed {
        Err(error) if is_refusal(&error) && !error.is_not_found() => {
            Ok(not_restored(with_sources(&server.told(error))))
        }
        Err(error) if !error.is_not_found() => Err(asked(error)),
        // A pool that is gone took its queues along.
        _ => {
            journal.append(Event::Restored { object: object.clone() })?;
            Ok(Outcome::Done)
        }
    }
}

/// Why a pool or queue has to stay, if it has to.
async fn needed<T: Transport>(
    server: &Server<T>,
    deployments: DeploymentQuery<'_>,
    runs: FlowRunQuery<'_>,
) -> Result<Option<String>, ApiError> {
    let runs = FlowRunQuery { flow_runs: Some(FlowRunFilter::of_states(&UNFINISHED)), ..runs };
    let (deployments, runs) =
        tokio::try_join!(server.client.count_deployments(&deployments), server.client.count_flow_runs(&runs))?;
    Ok(match (deployments, runs) {
        (0, 0) => None,
        (0, runs) => Some(format!("runs that have not ended: {runs}")),
        (deployments, _) => Some(format!("deployments that go there: {deployments}")),
    })
}

#[cfg(test)]
mod tests;
