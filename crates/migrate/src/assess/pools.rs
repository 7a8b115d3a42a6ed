//! The pools that deployments go to: which, what they are called, and their queues.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::options::{Options, Sharing};
use crate::{
    estate::{Estate, PUSH_POOL, WorkPool, WorkQueue},
    mapping::{findings::Findings, shape::Shape},
    plan::{Level, MadeFrom, PlannedPool, PlannedQueue, PoolAction, Seen, SeenKind},
};

/// Name of the queue that every pool has.
const DEFAULT_QUEUE: &str = "default";

/// The pools of a plan while it is made.
pub(super) struct Pools<'a> {
    estate: &'a Estate,
    options: &'a Options,
    drafts: Vec<Draft>,
}

/// A pool of a plan while it is made.
pub(super) struct Draft {
    pub name: String,
    pub template: Value,
    action: PoolAction,
    /// Its shape, if it is made from blocks.
    pub shape: Option<Shape>,
    blocks: BTreeMap<Uuid, String>,
    /// The pool that it takes the place of.
    pool: Option<(String, String)>,
    /// Where its deployments come from: old pools, and queues by the new name.
    sources: BTreeSet<String>,
    queues: BTreeMap<String, PlannedQueue>,
    /// Queues that are paused because the pool that they come from is.
    paused_by_pool: BTreeSet<String>,
    seen: BTreeSet<Seen>,
    pub findings: Findings,
}

impl<'a> Pools<'a> {
    pub(super) fn new(estate: &'a Estate, options: &'a Options) -> Self {
        Self { estate, options, drafts: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.drafts.len()
    }

    pub(super) fn draft(&self, index: usize) -> &Draft {
        &self.drafts[index]
    }

    pub(super) fn draft_mut(&mut self, index: usize) -> &mut Draft {
        &mut self.drafts[index]
    }

    /// The pool of a block that deployments of this shape can share.
    pub(super) fn of_shape(&mut self, block: Uuid, label: &str, shape: &Shape) -> Option<usize> {
        let may_share = |draft: &Draft| self.options.sharing == Sharing::Shared || draft.blocks.contains_key(&block);
        let fits = |draft: &Draft| draft.shape.as_ref().is_some_and(|it| it.fits(shape));
        let index = self.drafts.iter().position(|draft| may_share(draft) && fits(draft))?;
        self.drafts[index].blocks.insert(block, label.to_owned());
        Some(index)
    }

    /// A pool for a shape.
    pub(super) fn add_shape(&mut self, base_name: &str, block: Uuid, label: &str, shape: Shape) -> usize {
        let template = shape.template();
        let findings = shape.findings.clone();
        let index = self.add(base_name, template, findings);
        self.drafts[index].blocks.insert(block, label.to_owned());
        self.drafts[index].shape = Some(shape);
        index
    }

    /// The pool that takes the place of another one.
    pub(super) fn of_pool(
        &mut self,
        pool: &WorkPool,
        make: impl FnOnce(&mut Findings) -> Result<Value, String>,
    ) -> Result<usize, String> {
        let is_meant = |draft: &Draft| draft.pool.as_ref().is_some_and(|(name, _)| *name == pool.name);
        if let Some(index) = self.drafts.iter().position(is_meant) {
            return Ok(index);
        }
        let mut findings = Findings::default();
        let template = make(&mut findings)?;
        let index = if pool.pool_type == PUSH_POOL {
            // It is on another server, so the name is free, and the files of its projects name it.
            self.drafts.push(Draft::new(pool.name.clone(), template, PoolAction::Create, findings));
            self.drafts.len() - 1
        } else {
            self.add(&pool.name, template, findings)
        };
        let draft = &mut self.drafts[index];
        draft.pool = Some((pool.name.clone(), pool.pool_type.clone()));
        draft.seen.insert(seen(SeenKind::WorkPool, pool.id, &pool.fingerprint));
        Ok(index)
    }

    /// The pool of a name that the user gave: one of the plan, one of the server, or a new one with the built-in template.
    pub(super) fn named(&mut self, name: &str) -> Result<usize, String> {
        if let Some(index) = self.drafts.iter().position(|draft| draft.name == name) {
            return Ok(index);
        }
        let existing = self.estate.work_pools.get(name);
        if let Some(other) = existing.filter(|pool| pool.pool_type != PUSH_POOL) {
            return Err(format!(
                "the pool {name} that it is mapped to is of type {} and no push pool",
                other.pool_type
            ));
        }
        let template = existing.map_or_else(manage::pool::template::built_in, |pool| pool.base_job_template.clone());
        let action = if existing.is_some() { PoolAction::Reuse } else { PoolAction::Create };
        self.drafts.push(Draft::new(name.to_owned(), template, action, Findings::default()));
        let index = self.drafts.len() - 1;
        if let Some(pool) = existing {
            self.drafts[index].seen.insert(seen(SeenKind::WorkPool, pool.id, &pool.fingerprint));
            self.drafts[index].pool = Some((pool.name.clone(), pool.pool_type.clone()));
        }
        Ok(index)
    }

    fn add(&mut self, base_name: &str, template: Value, findings: Findings) -> usize {
        let (name, action) = self.free_name(base_name, &template);
        self.drafts.push(Draft::new(name, template, action, findings));
        self.drafts.len() - 1
    }

    /// A name that no pool has, or that of a push pool with this very template: an earlier upgrade made it.
    fn free_name(&self, base_name: &str, template: &Value) -> (String, PoolAction) {
        let legal: String = base_name.chars().filter(|it| !"/%&><".contains(*it)).collect();
        // The server keeps names that begin so for itself.
        let reserved = legal.to_lowercase().starts_with("prefect");
        let base = if reserved { format!("ecs-{legal}-push") } else { format!("{legal}-push") };
        for number in 1_u32.. {
            let name = if number == 1 { base.clone() } else { format!("{base}-{number}") };
            if self.drafts.iter().any(|draft| draft.name == name) {
                continue;
            }
            match self.estate.work_pools.get(&name) {
                None => return (name, PoolAction::Create),
                Some(pool) if pool.pool_type == PUSH_POOL && pool.base_job_template == *template => {
                    return (name, PoolAction::Reuse);
                }
                Some(_) => {}
            }
        }
        (base, PoolAction::Create)
    }

    /// The queue of a pool for what came from an old queue.
    pub(super) fn queue(&mut self, index: usize, old_pool: Option<&str>, old_queue: Option<&str>) -> String {
        let estate = self.estate;
        let old = find_queue(estate, old_pool, old_queue);
        let name = old.map(|queue| queue.name.as_str()).or(old_queue).unwrap_or(DEFAULT_QUEUE);
        // A paused pool gives out no runs. The new one may take deployments of other pools, too.
        let pool_is_paused = old_pool.and_then(|name| estate.work_pools.get(name)).is_some_and(|pool| pool.is_paused);
        let own_pause = old.is_some_and(|queue| queue.is_paused);
        let wanted = PlannedQueue {
            name: name.to_owned(),
            description: old.and_then(|queue| queue.description.clone()).filter(|text| !text.is_empty()),
            priority: old.and_then(|queue| queue.priority),
            concurrency_limit: old.and_then(|queue| queue.concurrency_limit),
            is_paused: own_pause || pool_is_paused,
        };
        let draft = &mut self.drafts[index];
        draft.sources.extend(old_pool.map(str::to_owned));
        draft.seen.extend(old.map(|queue| seen(SeenKind::WorkQueue, queue.id, &queue.fingerprint)));
        let by_pool = pool_is_paused && !own_pause;
        let paused_by_pool = &draft.paused_by_pool;
        let same = |known: &PlannedQueue| {
            known.concurrency_limit == wanted.concurrency_limit
                && known.is_paused == wanted.is_paused
                && paused_by_pool.contains(&known.name) == by_pool
        };
        let other_name = format!("{name}-{}", old_pool.unwrap_or("other"));
        for candidate in [name, &other_name] {
            match draft.queues.get(candidate) {
                Some(known) if same(known) => return candidate.to_owned(),
                Some(_) => {}
                None => {
                    if by_pool {
                        draft.paused_by_pool.insert(candidate.to_owned());
                    }
                    draft.queues.insert(candidate.to_owned(), PlannedQueue { name: candidate.to_owned(), ..wanted });
                    if candidate != name {
                        draft.findings.note(
                            "queue_renamed",
                            format!(
                                "Two old queues are called `{name}` and differ in limit or pause: one is `{candidate}` here."
                            ),
                        );
                    }
                    return candidate.to_owned();
                }
            }
        }
        other_name
    }

    /// What changes for the runs of a deployment because its queue is there already: `apply` leaves such a queue as it is.
    pub(super) fn of_existing_queue(&self, index: usize, name: &str, findings: &mut Findings) {
        let draft = &self.drafts[index];
        if draft.action != PoolAction::Reuse {
            return;
        }
        let pool = self.estate.work_pools.get(&draft.name);
        let existing = find_queue(self.estate, Some(&draft.name), Some(name));
        let (Some(pool), Some(existing), Some(wanted)) = (pool, existing, draft.queues.get(name)) else { return };
        let stays = format!("The queue {name} of the pool {} is there and stays as it is", draft.name);
        match (pool.is_paused || existing.is_paused, wanted.is_paused) {
            (false, true) => findings.risk(
                Level::High,
                "queue_not_paused",
                format!("{stays}: not paused, as that of the deployment is. Its runs would start: pause the queue or the deployment before."),
            ),
            (true, false) => findings.risk(
                Level::High,
                "queue_paused",
                format!("{stays}: it is paused, or its pool is, and that of the deployment is not. Its runs would wait."),
            ),
            _ => {}
        }
        if existing.concurrency_limit != wanted.concurrency_limit {
            let limit =
                |limit: Option<u32>| limit.map_or_else(|| "no limit".to_owned(), |limit| format!("limit {limit}"));
            findings.risk(
                Level::Medium,
                "queue_limit",
                format!(
                    "{stays}, with {}; that of the deployment has {}.",
                    limit(existing.concurrency_limit),
                    limit(wanted.concurrency_limit)
                ),
            );
        }
    }

    /// The pools of the plan, by name.
    pub(super) fn finish(self) -> Vec<PlannedPool> {
        let mut feeds: BTreeMap<String, usize> = BTreeMap::new();
        for source in self.drafts.iter().flat_map(|draft| &draft.sources) {
            *feeds.entry(source.clone()).or_default() += 1;
        }
        let estate = self.estate;
        let mut pools: Vec<PlannedPool> = self.drafts.into_iter().map(|draft| draft.finish(estate, &feeds)).collect();
        pools.sort_by(|one, other| one.name.cmp(&other.name));
        pools
    }
}

impl Draft {
    fn new(name: String, template: Value, action: PoolAction, findings: Findings) -> Self {
        Self {
            name,
            template,
            action,
            shape: None,
            blocks: BTreeMap::new(),
            pool: None,
            sources: BTreeSet::new(),
            queues: BTreeMap::new(),
            paused_by_pool: BTreeSet::new(),
            seen: BTreeSet::new(),
            findings,
        }
    }

    /// Limits and pauses of the old pools, then the pool.
    fn finish(mut self, estate: &Estate, feeds: &BTreeMap<String, usize>) -> PlannedPool {
        let sources: Vec<&WorkPool> = self.sources.iter().filter_map(|name| estate.work_pools.get(name)).collect();
        for source in &sources {
            self.seen.insert(seen(SeenKind::WorkPool, source.id, &source.fingerprint));
        }
        let existing = estate.work_pools.get(&self.name).filter(|_| self.action == PoolAction::Reuse);
        let is_paused = existing.map_or_else(
            || !sources.is_empty() && sources.iter().all(|source| source.is_paused),
            |existing| existing.is_paused,
        );
        let concurrency_limit = match existing {
            Some(existing) => existing.concurrency_limit,
            None => limit(&sources, feeds, &mut self.findings),
        };
        for source in sources.iter().filter(|source| source.is_paused && !is_paused) {
            self.findings.note(
                "pool_was_paused",
                format!(
                    "The pool {} is paused, and others whose deployments come here are not: the queues for its deployments are \
                     paused instead.",
                    source.name
                ),
            );
        }
        if is_paused {
            // The pool itself holds their runs back.
            let by_pool = self.queues.values_mut().filter(|queue| self.paused_by_pool.contains(&queue.name));
            by_pool.for_each(|queue| queue.is_paused = false);
        }
        let made_from = match self.pool {
            Some((name, pool_type)) => MadeFrom::Pool { name, pool_type },
            None => MadeFrom::Blocks { blocks: self.blocks.into_values().collect() },
        };
        let mut queues: Vec<PlannedQueue> = self.queues.into_values().collect();
        queues.sort_by(|one, other| {
            let order = |queue: &PlannedQueue| (queue.priority.unwrap_or(u32::MAX), queue.name.clone());
            order(one).cmp(&order(other))
        });
        if existing.is_none() && make_distinct(&mut queues) {
            self.findings.note(
                "priorities_distinct",
                "Queues of several old pools come together here. Their priorities are made distinct, in the same order.",
            );
        }
        PlannedPool {
            description: match &made_from {
                MadeFrom::Blocks { blocks } if blocks.is_empty() => None,
                MadeFrom::Blocks { blocks } => Some(format!("Made by pushpool upgrade from {}", blocks.join(", "))),
                MadeFrom::Pool { name, .. } => Some(format!("Made by pushpool upgrade from work pool {name}")),
            },
            name: self.name,
            pool_type: PUSH_POOL.to_owned(),
            action: self.action,
            made_from,
            base_job_template: self.template,
            concurrency_limit,
            is_paused,
            queues,
            not_carried: self.findings.not_carried,
            notes: self.findings.notes,
            seen: self.seen.into_iter().collect(),
        }
    }
}

/// Gives each of the queues, which are sorted, a priority of its own. A server gives a new queue the priority that it asks for, and
/// moves the one that has it behind, so that queues could overtake each other. Whether one was changed.
fn make_distinct(queues: &mut [PlannedQueue]) -> bool {
    let (mut last, mut changed) = (0, false);
    for priority in queues.iter_mut().filter_map(|queue| queue.priority.as_mut()) {
        if *priority <= last {
            (*priority, changed) = (last + 1, true);
        }
        last = *priority;
    }
    changed
}

/// The limit of the old pools. A limit that several new pools shared cannot be kept for all of them together.
fn limit(sources: &[&WorkPool], feeds: &BTreeMap<String, usize>, findings: &mut Findings) -> Option<u32> {
    let limits: BTreeSet<Option<u32>> = sources.iter().map(|source| source.concurrency_limit).collect();
    for source in sources {
        if let Some(limit) = source.concurrency_limit
            && feeds.get(&source.name).is_some_and(|pools| *pools > 1)
        {
            findings.note(
                "limit_per_pool",
                format!(
                    "The limit {limit} of {} held for all of its deployments together. Each pool that takes some of them has it \
                     now: lower the limits, or plan with --shared-pool.",
                    source.name
                ),
            );
        }
    }
    if limits.len() > 1 {
        findings.note("limits_differ", "The old pools have other limits. The highest is taken.");
    }
    if limits.contains(&None) { None } else { limits.into_iter().flatten().max() }
}

/// The queue that a deployment names, or the default one of its pool.
fn find_queue<'a>(estate: &'a Estate, pool: Option<&str>, queue: Option<&str>) -> Option<&'a WorkQueue> {
    let in_pool = |it: &&WorkQueue| it.work_pool_name.as_deref() == pool;
    if let Some(name) = queue {
        return estate.work_queues.iter().filter(in_pool).find(|it| it.name == name);
    }
    let default = estate.work_pools.get(pool?)?.default_queue_id?;
    estate.work_queues.iter().find(|it| it.id == default)
}

/// A fingerprint that `apply` compares.
pub(super) fn seen(kind: SeenKind, id: Uuid, fingerprint: &str) -> Seen {
    Seen { kind, id, fingerprint: fingerprint.to_owned() }
}
