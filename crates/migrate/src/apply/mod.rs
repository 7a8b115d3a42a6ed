//! From a reviewed plan to the server.
//!
//! [`prepare`] reads the server and refuses the whole plan if anything that it relies on has changed. So an upgrade begins
//! on the server that was reviewed, or not at all. It returns the changes that are left, which the front end shows.
//! [`apply`] carries them out one at a time: pools, then their queues, then deployments with one write each.
//!
//! A deployment that the server refuses does not stop the others. What stops everything is a server that does not answer,
//! and a journal that cannot be written. Both commands may be repeated: what is written already is left alone, and
//! a write whose answer was lost is looked up before it is sent again.

mod facts;
mod outcome;
pub(crate) mod step;
pub(crate) mod writer;

use manage::{
    Server,
    plan::{Change, Plan},
    pool::{PUSH, cloud::refuse_push},
};
use prefect_api::{Transport, without_userinfo};
use serde_json::Value;

use self::{facts::Facts, writer::Writer};
pub use self::{
    outcome::{Outcome, Report},
    step::Step,
};
use crate::{
    document,
    error::UpgradeError,
    file::PlanFile,
    journal::{Journal, Object, Stage},
    plan::{Action, PlannedDeployment, PlannedPool, PlannedQueue, PoolAction, Seen, SeenKind, ServerSeen},
    read, runs,
};

/// What is left to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The changes.
    pub plan: Plan<Step>,
    /// Deployments that are as planned already, by `flow/deployment`.
    pub already: Vec<String>,
}

/// Plans what is left to do of an upgrade, for all of its deployments or for `only` some. Nothing is written.
///
/// # Errors
/// The server is Prefect Cloud, the plan is for another server, the server has changed since, a name is none of the plan's, a
/// pool's name is taken, or the server does not answer.
pub async fn prepare<T: Transport>(
    server: &Server<T>,
    file: &PlanFile,
    only: &[String],
    journal: Option<&Journal>,
) -> Result<Prepared, UpgradeError> {
    let plan = &file.plan;
    refuse_push(&server.url, PUSH)?;
    // Requests were made for this release.
    check_server("the plan", &plan.server, server, |wanted, found| wanted == found).await?;
    let chosen = chosen(&plan.deployments, only)?;
    let (written, left): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|it| stage(journal, &step::object_of(it)) == Some(Stage::Written));
    let pools: Vec<&PlannedPool> = plan.pools.iter().filter(|pool| is_needed(pool, &left, only)).collect();
    let seen: Vec<&Seen> =
        left.iter().flat_map(|it| &it.seen).chain(pools.iter().flat_map(|pool| &pool.seen)).collect();
    let ids: Vec<_> = left.iter().map(|it| it.id).collect();
    let facts = Facts::read(server, &ids, &seen).await?;

    let mut already: Vec<String> = written.iter().map(|it| full_name(it)).collect();
    let is_interrupted = |it: &PlannedDeployment| stage(journal, &step::object_of(it)) == Some(Stage::Writing);
    let (as_planned, left): (Vec<_>, Vec<_>) =
        left.into_iter().partition(|it| !is_interrupted(it) && is_as_planned(it, &facts));
    already.extend(as_planned.iter().map(|it| full_name(it)));
    check_unchanged(&facts, &left, &pools, journal)?;

    let mut changes = Plan::new("upgrade");
    for pool in pools.into_iter().filter(|pool| is_needed(pool, &left, only)) {
        changes = pool_changes(changes, pool, &facts, journal)?;
    }
    for deployment in left {
        if let (Some(target), Some(write), Some(found)) =
            (&deployment.target, &deployment.write, facts.deployment(deployment.id))
        {
            changes = step::write(changes, deployment, (target, write), found);
        }
    }
    Ok(Prepared { plan: changes, already })
}

/// Carries out the changes, and tells of each when its outcome is known.
///
/// # Errors
/// The server does not answer, or the journal cannot be written. What was done by then is in the journal.
pub async fn apply<T: Transport>(
    server: &Server<T>,
    plan: &Plan<Step>,
    journal: &mut Journal,
    mut told: impl FnMut(&Change<Step>, &Outcome),
) -> Result<Report, UpgradeError> {
    let mut report = Report::default();
    let mut writer = Writer::new(server, journal);
    plan.apply(async |change| {
        let outcome = writer.carry(&change.step).await?;
        told(change, &outcome);
        report.outcomes.push((change.object.clone(), outcome));
        Ok::<(), UpgradeError>(())
    })
    .await?;
    report.notes = runs::gather(server, journal).await?;
    Ok(report)
}

/// Refuses another server than the one that was read, and a release of it that does not fit.
pub(crate) async fn check_server<T: Transport>(
    what: &'static str,
    wanted: &ServerSeen,
    server: &Server<T>,
    fits: impl FnOnce(&str, &str) -> bool,
) -> Result<(), UpgradeError> {
    let address = |url: &str| without_userinfo(url).trim_end_matches('/').to_owned();
    let found = read::version(&server.client).await.map_err(|error| server.told(error))?;
    if address(&wanted.url) == address(&server.url) && fits(&wanted.version, &found) {
        return Ok(());
    }
    let called = |url: &str, version: &str| format!("{} (Prefect {version})", address(url));
    Err(UpgradeError::OtherServer {
        what,
        wanted: called(&wanted.url, &wanted.version),
        found: called(&server.url, &found),
    })
}

/// The deployments that are migrated: all of them, or those of these names.
fn chosen<'a>(all: &'a [PlannedDeployment], only: &[String]) -> Result<Vec<&'a PlannedDeployment>, UpgradeError> {
    if only.is_empty() {
        return Ok(all.iter().filter(|it| it.action == Action::Migrate).collect());
    }
    only.iter().map(|name| one(all, name)).collect()
}

fn one<'a>(all: &'a [PlannedDeployment], name: &str) -> Result<&'a PlannedDeployment, UpgradeError> {
    let refused = |problem: String| UpgradeError::Selection { name: name.to_owned(), problem };
    let found: Vec<&PlannedDeployment> = all.iter().filter(|it| it.name == name || full_name(it) == name).collect();
    match found.as_slice() {
        [one] if one.action == Action::Migrate => Ok(one),
        [one] => Err(refused(format!("the plan leaves it as it is: {}", one.reasons.join("; ")))),
        [] => Err(refused("the plan has no such deployment".to_owned())),
        many => {
            let names: Vec<String> = many.iter().map(|it| full_name(it)).collect();
            Err(refused(format!("several deployments have that name: {}", names.join(", "))))
        }
    }
}

fn full_name(deployment: &PlannedDeployment) -> String {
    format!("{}/{}", deployment.flow, deployment.name)
}

fn stage(journal: Option<&Journal>, object: &Object) -> Option<Stage> {
    Some(journal?.record(object)?.stage)
}

/// Whether a pool is made: for a deployment that goes there, or because the plan is for another server than the one that was
/// read, and deployments follow by themselves.
fn is_needed(pool: &PlannedPool, left: &[&PlannedDeployment], only: &[String]) -> bool {
    let goes_there = |it: &&PlannedDeployment| it.target.as_ref().is_some_and(|target| target.pool == pool.name);
    left.iter().any(goes_there) || (only.is_empty() && pool.is_of_other_server())
}

/// Whether the deployment is what the write would make of it. The journal may be lost.
fn is_as_planned(deployment: &PlannedDeployment, facts: &Facts) -> bool {
    let (Some(write), Some(found)) = (&deployment.write, facts.deployment(deployment.id)) else { return false };
    document::differences(&document::expected(found, write), found).is_empty()
}

/// Refuses if anything differs from what the plan was made from. A deployment whose write was interrupted may differ.
fn check_unchanged(
    facts: &Facts,
    left: &[&PlannedDeployment],
    pools: &[&PlannedPool],
    journal: Option<&Journal>,
) -> Result<(), UpgradeError> {
    let mut stale: Vec<String> = Vec::new();
    let mut compare = |seen: &Seen, whose: &str| {
        if let Some(difference) = facts.difference(seen) {
            let line = format!("{whose}: {difference}");
            if !stale.contains(&line) {
                stale.push(line);
            }
        }
    };
    for deployment in left {
        let interrupted = stage(journal, &step::object_of(deployment)) == Some(Stage::Writing);
        let own = |seen: &&Seen| seen.kind == SeenKind::Deployment && seen.id == deployment.id;
        for seen in deployment.seen.iter().filter(|seen| !(interrupted && own(seen))) {
            compare(seen, &full_name(deployment));
        }
    }
    for pool in pools {
        for seen in &pool.seen {
            compare(seen, &format!("work pool {}", pool.name));
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(UpgradeError::Stale(stale)) }
}

/// Adds what is left to do for a pool: the pool, its default queue, its other queues by priority.
fn pool_changes(
    mut changes: Plan<Step>,
    pool: &PlannedPool,
    facts: &Facts,
    journal: Option<&Journal>,
) -> Result<Plan<Step>, UpgradeError> {
    let object = Object::WorkPool { name: pool.name.clone() };
    let is_ours = matches!(stage(journal, &object), Some(Stage::Writing | Stage::Written));
    let found = facts.pool(&pool.name);
    match found {
        None => changes = step::create_pool(changes, pool),
        Some(found) => check_same(pool, found)?,
    }
    let mut queues: Vec<&PlannedQueue> = pool.queues.iter().collect();
    // A queue takes its priority from another one that has it, which then comes after.
    queues.sort_by_key(|queue| (queue.name != step::DEFAULT_QUEUE, queue.priority.unwrap_or(u32::MAX)));
    for queue in queues {
        let there = facts.queue(&pool.name, &queue.name);
        if queue.name == step::DEFAULT_QUEUE {
            // The default queue of a pool that others made is theirs.
            if found.is_none() || is_ours {
                changes = step::adjust_queue(changes, &pool.name, queue, there.map(as_queue).as_ref());
            }
        } else if there.is_none() {
            changes = step::create_queue(changes, &pool.name, queue);
        }
    }
    Ok(changes)
}

/// Refuses a pool of that name that is another one.
fn check_same(pool: &PlannedPool, found: &Value) -> Result<(), UpgradeError> {
    let difference = if found["type"] != pool.pool_type.as_str() {
        "with another type"
    } else if pool.action == PoolAction::Create && found["base_job_template"] != pool.base_job_template {
        "with another base job template"
    } else {
        return Ok(());
    };
    Err(UpgradeError::PoolTaken { name: pool.name.clone(), difference })
}

fn as_queue(document: &Value) -> PlannedQueue {
    let number = |name: &str| document[name].as_u64().and_then(|number| u32::try_from(number).ok());
    PlannedQueue {
        name: document["name"].as_str().unwrap_or_default().to_owned(),
        description: None,
        priority: number("priority"),
        concurrency_limit: number("concurrency_limit"),
        is_paused: document["is_paused"] == true,
    }
}

#[cfg(test)]
mod tests;
