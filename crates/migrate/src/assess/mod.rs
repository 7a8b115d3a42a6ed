//! From an estate to a plan.
//!
//! Each deployment is judged by itself, in the order of flow and name, so that the same estate gives the same plan. It ends in
//! one of four ways: it is migrated; *left*, because its infrastructure is none that a push pool replaces; *refused*, because its
//! settings fail today or cannot be carried; or *skipped*, because it is none of the upgrade's business.

mod agent;
mod options;
mod other;
mod pools;
mod prove;
mod references;
mod surroundings;
mod write;

pub use options::{Options, Sharing, Source};

use self::pools::{Pools, seen};
use crate::{
    estate::{AGENT_POOL, Block, Deployment, Estate, PUSH_POOL, WorkPool},
    fingerprint::digest,
    mapping::{ecs_task, findings::Findings, secret},
    plan::{
        Action, Current, Level, Note, PlannedDeployment, Proof, Risk, Seen, SeenKind, ServerSeen, Target, UpgradePlan,
        VERSION, Write,
    },
    proof::old::Old,
};

/// A deployment and what it is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub estate: &'a Estate,
    pub options: &'a Options,
    pub deployment: &'a Deployment,
}

impl<'a> Subject<'a> {
    pub(crate) fn full_name(&self) -> String {
        self.estate.full_name(self.deployment)
    }

    pub(crate) fn flow_name(&self) -> &'a str {
        self.estate.flows.get(&self.deployment.view.flow_id).map_or("?", String::as_str)
    }

    /// Its infrastructure block.
    fn infrastructure(&self) -> Option<&'a Block> {
        self.estate.blocks.get(&self.deployment.view.infrastructure_document_id?)
    }

    /// Its storage block.
    fn storage(&self) -> Option<&'a Block> {
        self.estate.blocks.get(&self.deployment.view.storage_document_id?)
    }
}

/// A deployment that can be moved.
struct Outcome {
    pool: usize,
    target: Target,
    old: Old,
    findings: Findings,
    /// Whether documents and path are cleared, and job variables written.
    clears: bool,
}

/// The judgement of a deployment.
struct Judged {
    action: Action,
    reasons: Vec<String>,
    target: Option<Target>,
    write: Option<Write>,
    findings: Findings,
    proof: Option<Proof>,
    pool: Option<usize>,
}

impl Judged {
    fn only(action: Action, reasons: Vec<String>) -> Self {
        Self { action, reasons, target: None, write: None, findings: Findings::default(), proof: None, pool: None }
    }

    fn reason(action: Action, reason: impl Into<String>) -> Self {
        Self::only(action, vec![reason.into()])
    }
}

/// Plans the upgrade of an estate.
#[must_use]
pub fn assess(estate: &Estate, options: &Options) -> UpgradePlan {
    let mut deployments: Vec<&Deployment> = estate.deployments.iter().collect();
    deployments.sort_by_key(|deployment| (estate.full_name(deployment), deployment.view.id));
    let mut pools = Pools::new(estate, options);
    let mut judged: Vec<(Subject<'_>, Judged)> = Vec::new();
    for deployment in deployments {
        let subject = Subject { estate, options, deployment };
        let judgement = judge(&subject, &mut pools);
        judged.push((subject, judgement));
    }
    let moves = judged.iter().any(|(_, judgement)| judgement.action == Action::Migrate);
    let mut notes = surroundings::of_estate(estate, moves);
    if options.source == Source::Elsewhere {
        for pool in estate.work_pools.values().filter(|pool| pool.pool_type == PUSH_POOL) {
            let refused = mirrored(estate, pool, &mut pools).err();
            notes.extend(refused.map(|text| Note { code: "pool_refused".to_owned(), text }));
        }
    }
    let notes_of_pools: Vec<_> = (0..pools.len()).map(|index| pools.draft(index).findings.notes.clone()).collect();
    let planned = judged.into_iter().map(|(subject, judgement)| {
        let of_pool = judgement.pool.and_then(|index| notes_of_pools.get(index)).map_or(&[][..], Vec::as_slice);
        planned(&subject, judgement, of_pool)
    });
    let deployments: Vec<PlannedDeployment> = planned.collect();
    let pools = pools.finish();
    let mut fingerprints: Vec<&Seen> = deployments.iter().flat_map(|it| &it.seen).collect();
    fingerprints.extend(pools.iter().flat_map(|pool| &pool.seen));
    fingerprints.sort();
    fingerprints.dedup();
    let digest = digest(fingerprints.iter().map(|seen| seen.fingerprint.as_str()));
    UpgradePlan {
        version: VERSION,
        server: ServerSeen { url: options.server_url.clone(), version: estate.version.0.clone() },
        digest,
        notes,
        pools,
        deployments,
    }
}

/// Decides what happens to a deployment.
fn judge(subject: &Subject<'_>, pools: &mut Pools<'_>) -> Judged {
    let view = &subject.deployment.view;
    let pool = view.work_pool_name.as_deref().and_then(|name| subject.estate.work_pools.get(name));
    match pool.map(|pool| pool.pool_type.as_str()) {
        Some(PUSH_POOL) if subject.options.source == Source::Elsewhere => match pool {
            Some(pool) => to_other_server(subject, pool, pools),
            None => Judged::reason(Action::Skip, "its pool is gone"),
        },
        Some(PUSH_POOL) => Judged::reason(Action::Skip, "already on a push pool (type ecs:push)"),
        Some("ecs") => match pool {
            Some(pool) => moved(subject, other::from_worker(subject, pool, subject.storage(), pools), pools),
            None => Judged::reason(Action::Skip, "its pool is gone"),
        },
        Some(AGENT_POOL) => of_agent(subject, pools),
        Some(other) => {
            let steps = view.pull_steps.as_ref().is_some_and(|steps| !steps.is_empty());
            let steps = if steps { ", has pull steps" } else { "" };
            Judged::reason(Action::Skip, format!("already on a worker pool (type {other}){steps}"))
        }
        None if view.work_pool_name.is_none() && view.work_queue_name.is_none() => without_queue(subject, pools),
        None if view.work_pool_name.is_some() => Judged::reason(Action::Skip, "the server does not list its work pool"),
        None => of_agent(subject, pools),
    }
}

/// A deployment that an agent runs.
fn of_agent(subject: &Subject<'_>, pools: &mut Pools<'_>) -> Judged {
    let view = &subject.deployment.view;
    let missing = |kind: &str| {
        Judged::reason(
            Action::Refuse,
            format!("its {kind} block does not exist any more: no run of it can start under the agent today"),
        )
    };
    if view.storage_document_id.is_some() && subject.storage().is_none() {
        return missing("storage");
    }
    let block = match (view.infrastructure_document_id, subject.infrastructure()) {
        (Some(_), None) => return missing("infrastructure"),
        (_, block) => block,
    };
    match block {
        Some(block) if block.block_type.slug == ecs_task::SLUG => {
            moved(subject, agent::migrate(subject, block, subject.storage(), pools), pools)
        }
        block => of_other_infrastructure(subject, block, pools),
    }
}

/// Process, Docker, Kubernetes and the like: left, unless the user maps them.
fn of_other_infrastructure(subject: &Subject<'_>, block: Option<&Block>, pools: &mut Pools<'_>) -> Judged {
    let what = block.map_or_else(
        || "no infrastructure block, so it runs as a process of its agent".to_owned(),
        |block| format!("infrastructure block {}", block.label()),
    );
    let (mut target, findings) = match other::mapped(subject, block, subject.storage()) {
        Ok(mapped) => mapped,
        Err(reasons) => return Judged::only(Action::Leave, [vec![format!("{what}: not ECS")], reasons].concat()),
    };
    let Some(pool) = other::pool_of(subject, block) else {
        return Judged {
            target: Some(target),
            findings,
            ..Judged::reason(
                Action::Leave,
                format!(
                    "{what}: tasks on ECS are no replacement that can be assumed. Map it to a push pool (--map) to move it"
                ),
            )
        };
    };
    let index = match pools.named(pool) {
        Ok(index) => index,
        Err(reason) => return Judged::reason(Action::Refuse, reason),
    };
    let view = &subject.deployment.view;
    target.pool = pool.to_owned();
    target.queue = pools.queue(index, view.work_pool_name.as_deref(), view.work_queue_name.as_deref());
    let old =
        Old { requests: Err("it did not run on ECS".to_owned()), context: crate::proof::compare::Context::default() };
    moved(subject, Ok(Outcome { pool: index, target, old, findings, clears: true }), pools)
}

/// A deployment without a queue waits for ever: no agent asks for its runs. In a pool it would start.
fn without_queue(subject: &Subject<'_>, pools: &mut Pools<'_>) -> Judged {
    let view = &subject.deployment.view;
    let has_blocks = view.infrastructure_document_id.is_some() || view.storage_document_id.is_some();
    if !has_blocks && view.pull_steps.as_ref().is_some_and(|steps| !steps.is_empty()) {
        return Judged::reason(
            Action::Skip,
            "it has no work pool: it is served by its own process (flow.serve), or by nothing",
        );
    }
    if subject.options.without_queue {
        return of_agent(subject, pools);
    }
    Judged::reason(
        Action::Leave,
        "it has no work queue, so no agent runs it. In a push pool its schedules and waiting runs would start at once; --without-queue moves it all the same",
    )
}

/// A deployment on a push pool of another server stays there; its pool is made on the new server.
fn to_other_server(subject: &Subject<'_>, pool: &WorkPool, pools: &mut Pools<'_>) -> Judged {
    let index = match mirrored(subject.estate, pool, pools) {
        Err(reason) => return Judged::reason(Action::Refuse, reason),
        Ok(index) => index,
    };
    let queue = pools.queue(index, Some(&pool.name), subject.deployment.view.work_queue_name.as_deref());
    let reason = format!(
        "it lives on another server. Deploy it to the new one, to work pool {}, queue {queue}; blocks and variables that it \
         names have to be there",
        pools.draft(index).name
    );
    Judged { pool: Some(index), ..Judged::reason(Action::Leave, reason) }
}

/// A push pool of another server with all its queues, which deployments may name later.
fn mirrored(estate: &Estate, pool: &WorkPool, pools: &mut Pools<'_>) -> Result<usize, String> {
    let make = |findings: &mut Findings| {
        let template = crate::mapping::worker::template(pool, true, &estate.account, findings)?;
        references::of_pool(estate, &template, findings);
        Ok(template)
    };
    let index = pools.of_pool(pool, make)?;
    for queue in estate.work_queues.iter().filter(|queue| queue.work_pool_name.as_deref() == Some(&pool.name)) {
        pools.queue(index, Some(&pool.name), Some(&queue.name));
    }
    Ok(index)
}

/// Completes what can be moved: write, proof and surroundings.
fn moved(subject: &Subject<'_>, outcome: Result<Outcome, Vec<String>>, pools: &mut Pools<'_>) -> Judged {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(reasons) => return Judged::only(Action::Refuse, reasons),
    };
    let Outcome { pool, target, old, mut findings, clears } = outcome;
    surroundings::of_deployment(subject.estate, subject.deployment, &mut findings);
    let write = write::write(subject.deployment, &target, clears, &subject.estate.version, &mut findings);
    references::of_deployment(subject.estate, &pools.draft(pool).template, &target, &mut findings);
    pools.of_existing_queue(pool, &target.queue, &mut findings);
    let proof = prove::prove(subject, &pools.draft(pool).template, &target, old, &mut findings);
    let body = serde_json::Value::Object(write.body().clone());
    if secret::holds_mask(&body) || secret::holds_mask(&pools.draft(pool).template) {
        return Judged::reason(Action::Refuse, "the API masks a value that would have to be written: write it by hand");
    }
    match proof {
        Ok(proof) => Judged {
            action: Action::Migrate,
            reasons: Vec::new(),
            target: Some(target),
            write: Some(write),
            findings,
            proof,
            pool: Some(pool),
        },
        Err(reasons) => Judged { findings, ..Judged::only(Action::Refuse, reasons) },
    }
}

fn planned(subject: &Subject<'_>, judged: Judged, notes_of_pool: &[crate::plan::Note]) -> PlannedDeployment {
    let view = &subject.deployment.view;
    let pool = view.work_pool_name.as_deref().and_then(|name| subject.estate.work_pools.get(name));
    let blocks = [subject.infrastructure(), subject.storage()];
    let mut seen_objects = vec![seen(SeenKind::Deployment, view.id, &subject.deployment.fingerprint)];
    seen_objects
        .extend(blocks.iter().flatten().map(|block| seen(SeenKind::BlockDocument, block.id, &block.fingerprint)));
    let risk = match judged.action {
        Action::Migrate => judged.findings.risk_of_all(),
        _ => Risk { level: Level::Low, reasons: Vec::new() },
    };
    PlannedDeployment {
        id: view.id,
        flow: subject.flow_name().to_owned(),
        name: view.name.clone(),
        action: judged.action,
        reasons: judged.reasons,
        from: Current {
            pool: view.work_pool_name.clone(),
            pool_type: pool.map(|pool| pool.pool_type.clone()),
            queue: view.work_queue_name.clone(),
            infrastructure: subject.infrastructure().map(Block::label),
            storage: subject.storage().map(Block::label),
        },
        target: judged.target,
        write: judged.write,
        risk,
        notes: judged.findings.notes.into_iter().filter(|note| !notes_of_pool.contains(note)).collect(),
        not_carried: judged.findings.not_carried,
        proof: judged.proof,
        seen: seen_objects,
    }
}

#[cfg(test)]
mod tests;
