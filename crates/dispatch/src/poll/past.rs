//! Looking past runs that cannot start.
//!
//! The server hands out the oldest runs first, no more than there are free slots, and no more than a page. A run that cannot
//! leave SCHEDULED stays at the head: in a pool with one slot, one such run would keep all others from starting; elsewhere
//! 200 would. Three kinds are known:
//!
//! * The concurrency limit of its deployment is 0. The server refuses every claim (ABORT), and the run is to wait until
//!   somebody raises the limit. The poller reads the deployments of the runs it is handed, once a minute, and sends none of
//!   these.
//! * It, or a block or variable it refers to, cannot be read. The dispatcher claims it and hands it back, which takes it from
//!   the head for minutes, and crashes it after `capacity_timeout` (`dispatch::prefect::control`). One that no request
//!   returns is sent by what its states say.
//! * Whatever else: it was sent several times and is still SCHEDULED. It goes on being sent, ever more seldom.
//!
//! For each run of the first and the third kind another one is looked for behind the head, in the list of all SCHEDULED
//! runs of the pool, oldest first, without those of deployments that are closed. Free slots are not counted here: the
//! dispatcher does so before it claims, and acknowledges what has none.
//!
//! Why not move such a run to a later time instead, as a hand back does: a run that is not claimed may be claimed by another
//! message at any time, and a late copy of the move would start its flow twice. Why not `scheduled_after`: it is a time, and
//! the head is sorted by the queues' priority first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ecs::Attempt;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Transport, Unread,
    filters::{DeploymentFilter, FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, ListedPool, StateType, WorkQueue},
};
use prefect_ids::FlowRunId;
use uuid::Uuid;

use super::{
    Poller,
    pools::Share,
    scheduled::{Head, attempt_of},
};
use crate::{
    outcome::Blocked,
    ports::{EventsQueue, PollQueue, RunQueues},
};

/// Most pages that one poll looks at behind the head of a pool; the next goes on there.
const PAGES: usize = 5;

/// How many runs of a queue are looked for where the server cannot write those it would hand out, and how many runs behind the
/// head are sent once more in one poll.
const INSTEAD: usize = 10;

impl<T: Transport, Q: RunQueues + PollQueue + EventsQueue> Poller<T, Q> {
    /// The runs that cannot start, and why.
    pub(super) async fn blocked(&self, runs: &[FlowRun], now: Timestamp) -> BTreeMap<FlowRunId, Blocked> {
        let closed = self.closed(runs, now).await;
        let why = |run: &FlowRun| {
            if run.deployment_id.is_some_and(|deployment| closed.contains(&deployment)) {
                return Some(Blocked::Closed);
            }
            attempt_of(run).is_some_and(|attempt| self.memory.is_stuck(&attempt)).then_some(Blocked::Stuck)
        };
        runs.iter().filter_map(|run| Some((run.id, why(run)?))).collect()
    }

    /// Deployments of the runs whose concurrency limit is 0.
    async fn closed(&self, runs: &[FlowRun], now: Timestamp) -> BTreeSet<Uuid> {
        let ids: BTreeSet<Uuid> = runs.iter().filter_map(|run| run.deployment_id).collect();
        let missing: Vec<Uuid> =
            ids.iter().filter(|id| self.closed.get(id, now, Timestamp::MIN).is_none()).copied().collect();
        if !missing.is_empty() {
            match self.client.deployments(&missing).await {
                Ok(deployments) => {
                    let closed: HashSet<Uuid> =
                        deployments.iter().filter(|it| it.is_closed()).map(|deployment| deployment.id).collect();
                    // One that is gone is kept as well: nobody need ask for it again and again.
                    missing.iter().for_each(|id| self.closed.put(*id, closed.contains(id), now));
                }
                // The dispatcher finds out.
                Err(error) => tracing::debug!(%error, "the limits of deployments are not known"),
            }
        }
        ids.into_iter().filter(|id| self.closed.get(id, now, Timestamp::MIN) == Some(true)).collect()
    }

    /// Runs behind the head, in place of those of the head that are blocked: as many for each queue that has a limit, and as
    /// many as all of those for each other one.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(super) async fn past(
        &self,
        pool: &ListedPool,
        share: &Share,
        head: &Head,
        blocked: &mut BTreeMap<FlowRunId, Blocked>,
        before: Timestamp,
    ) -> Result<Past, ApiError> {
        let now = (self.clock)();
        let queues = self.queues_of(pool).await?;
        let mut wanted = Wanted::new(&queues, share, head, blocked);
        let known: HashSet<FlowRunId> = head.runs.iter().map(|run| run.id).collect();
        let (mut found, mut again) = (Past::default(), 0);
        let closed: Vec<Uuid> = self.closed(&head.runs, now).await.into_iter().collect();
        let due = FlowRunFilter::of_states(&[StateType::Scheduled]).due_by(before);
        let mut filters = vec![FlowRunQuery {
            work_pools: Some(WorkPoolFilter::named([&pool.name])),
            flow_runs: Some(due),
            ..FlowRunQuery::default()
        }];
        if !closed.is_empty() {
            // A filter of deployments leaves out the runs that have none.
            filters.push(FlowRunQuery { flow_runs: Some(due.without_deployment()), ..filters[0].clone() });
            filters[0].deployments = Some(DeploymentFilter::except(&closed));
        }
        for (number, filter) in filters.iter().enumerate() {
            let mut offset = if number == 0 { self.rounds.past(&pool.name) } else { 0 };
            for _ in 0..PAGES {
                let page = self.client.flow_runs_page(filter, FlowRunSort::NextScheduledStartTimeAsc, offset).await?;
                let others: Vec<FlowRun> =
                    page.runs.into_iter().filter(|run| !known.contains(&run.id) && !run.retries_in_process()).collect();
                let stuck = self.blocked(&others, now).await;
                for run in others {
                    let is_wanted = match stuck.get(&run.id) {
                        None => wanted.take(&run),
                        // Sent several times, maybe when no slot was free: it must not keep the place of one that was not,
                        // and has its turn ever more seldom.
                        Some(Blocked::Stuck) => {
                            let has_turn = attempt_of(&run).is_some_and(|attempt| self.memory.is_new(&attempt, now));
                            again += usize::from(has_turn);
                            has_turn && again <= INSTEAD
                        }
                        Some(Blocked::Closed) => false,
                    };
                    if is_wanted {
                        found.runs.push(run);
                    }
                }
                blocked.extend(stuck);
                self.by_states(&page.unread, &mut found.unread).await;
                offset = page.next.unwrap_or(0);
                if offset == 0 || wanted.is_enough() {
                    break;
                }
            }
            if number == 0 {
                // With enough found, the next poll finds the same place by itself: what started is no longer in the list.
                self.rounds.set_past(&pool.name, if wanted.is_enough() { 0 } else { offset });
            }
        }
        found.runs.sort_by_key(|run| wanted.priority(run));
        Ok(found)
    }

    /// Adds the attempts of runs that no request returns. Their states can be read, and are all that a message takes: the
    /// dispatcher hands such a run back, and crashes it in the end.
    async fn by_states(&self, unread: &[Unread], found: &mut Vec<(Attempt, Timestamp)>) {
        for Unread { id, .. } in unread.iter().take(INSTEAD.saturating_sub(found.len())) {
            match self.client.flow_run_states(*id).await {
                Ok(states) => found.extend(states.last().and_then(|state| {
                    let due = state.state_details.scheduled_time?;
                    let attempt = Attempt { flow_run_id: *id, state_id: state.id };
                    (state.state_type == StateType::Scheduled).then_some((attempt, due))
                })),
                Err(error) => tracing::debug!(%error, flow_run_id = %id, "the states of a run are not known"),
            }
        }
    }
}

/// What was found behind the head.
#[derive(Default)]
pub(super) struct Past {
    pub(super) runs: Vec<FlowRun>,
    /// Runs that no request returns, and when they are due.
    pub(super) unread: Vec<(Attempt, Timestamp)>,
}

/// How many runs of which queue are to be found.
struct Wanted {
    left: HashMap<Uuid, usize>,
    priorities: HashMap<Uuid, u32>,
}

impl Wanted {
    fn new(queues: &[WorkQueue], share: &Share, head: &Head, blocked: &BTreeMap<FlowRunId, Blocked>) -> Self {
        let mut of_queue: HashMap<Uuid, usize> = HashMap::new();
        for run in head.runs.iter().filter(|run| blocked.contains_key(&run.id)) {
            if let Some(queue) = run.work_queue_id {
                *of_queue.entry(queue).or_default() += 1;
            }
        }
        let unreadable = if head.unreadable { INSTEAD } else { 0 };
        let all = blocked.len() + unreadable;
        let asked = |queue: &&WorkQueue| {
            !queue.is_paused && share.queues.as_ref().is_none_or(|names| names.contains(&queue.name))
        };
        let count = |queue: &WorkQueue| match queue.concurrency_limit {
            Some(_) => of_queue.get(&queue.id).copied().unwrap_or_default() + unreadable,
            None => all,
        };
        Self {
            left: queues.iter().filter(asked).map(|queue| (queue.id, count(queue))).collect(),
            priorities: queues.iter().map(|queue| (queue.id, queue.priority.unwrap_or(u32::MAX))).collect(),
        }
    }

    fn take(&mut self, run: &FlowRun) -> bool {
        let Some(left) = run.work_queue_id.and_then(|queue| self.left.get_mut(&queue)).filter(|left| **left > 0) else {
            return false;
        };
        *left -= 1;
        true
    }

    fn is_enough(&self) -> bool {
        self.left.values().all(|left| *left == 0)
    }

    fn priority(&self, run: &FlowRun) -> (u32, Option<Timestamp>) {
        let priority = run.work_queue_id.and_then(|queue| self.priorities.get(&queue).copied());
        (priority.unwrap_or(u32::MAX), run.due())
    }
}
