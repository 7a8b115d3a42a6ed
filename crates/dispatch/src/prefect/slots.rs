//! Who holds the slots of a limited work pool and its queues.
//!
//! The server counts runs that are PENDING or RUNNING, and only when it hands runs out (prefect 3.8.8,
//! `get-runs-from-worker-queues.sql`). Between that and the claim a message waits in a queue, so the count is taken again,
//! for each batch of the FIFO queue, which hands out one batch of a pool at a time. And a limit is there for something that
//! the *tasks* of the pool use, so what counts here is tasks:
//!
//! * A run that is PENDING, RUNNING or CANCELLING holds its slot, whether or not its task is recorded by now.
//! * A run that waits in its process, to be tried again or in a pause, and one that has ended while its process goes on, hold
//!   their slot as long as ECS says that their task lives. A suspended run has no process and holds none.
//!
//! A task that outlives its run is stopped by the reconciler (`Policy::outlive_grace`), so runs that ended more than
//! [`LINGER`] ago are not looked at.
//!
//! The record of a run's task is of the last attempt unless its dispatcher died before it could write it: then the task of an earlier
//! one is recorded, which has stopped. If the run's process moved it after that, another task lives ([`may_live_elsewhere`]).
//!
//! Requests: five of the server, more for each further page of 200 runs and each run that cannot be read or whose task is yet to be
//! recorded, and one of ECS for each 100 tasks that were not seen to have stopped before. A task that has stopped stays so, which
//! this remembers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ecs::{Attempt, ClusterRef, TaskArn, launch::TaskControl, task::Task};
use jiff::{SignedDuration, Timestamp};
use prefect_api::{
    ApiError, Client, Transport,
    models::{FlowRun, StateType},
};
use prefect_ids::FlowRunId;
use uuid::Uuid;

mod candidates;

pub use self::candidates::{Candidates, candidates};
use super::{
    history,
    judge::{UNRECORDED, is_unrecorded, since},
};
use crate::{
    infrastructure::{Infrastructure, SHOWN_AFTER},
    ports::Clock,
};

/// How long after its end a run's task is looked at. The reconciler stops it `outlive_grace` (at most [`LONGEST_GRACE`]) after the
/// end, within two passes of five minutes, and a task takes at most 120 s to stop.
pub const LINGER: Duration = Duration::from_secs(1_800);

/// Longest time that a task may be allowed to outlive its run, so that its slot is counted until it has stopped.
pub const LONGEST_GRACE: Duration = Duration::from_secs(1_020);

/// A run does not move twice in less, as a rule: it would have to go on and end, or pause, within that time.
const STILL: SignedDuration = SignedDuration::from_secs(1);

/// How often the runs of a pool are asked for until the server answers within [`STILL`].
const READINGS: usize = 3;

/// Most tasks that are remembered as stopped; an entry has some 150 bytes.
const REMEMBERED: usize = 10_000;

/// Tasks that were seen to have stopped.
#[derive(Debug, Default)]
pub struct Stopped(Mutex<HashMap<TaskArn, Gone>>);

/// What is known of a task that has stopped; nothing of one that ECS no longer shows.
#[derive(Debug, Clone, Copy, Default)]
struct Gone {
    attempt: Option<Attempt>,
    at: Option<Timestamp>,
}

impl Stopped {
    fn get(&self, task_arn: &TaskArn) -> Option<Gone> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(task_arn).copied()
    }

    fn add(&self, task_arn: &TaskArn, gone: Gone) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(task_arn.clone(), gone);
    }
}

/// Slots in use. A run that cannot be read takes one of its pool if its states say that it may have a task; which queue it is in
/// is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Of the pool.
    pub pool: u32,
    /// Of each queue.
    pub queues: HashMap<Uuid, u32>,
    /// Runs that wait or have ended and whose task lives. None of them is started anew before that task has ended: of two tasks of
    /// a run only the last one is recorded, and counted.
    pub living: HashSet<FlowRunId>,
}

impl Used {
    /// Takes a slot of the pool and the queue, if both have one free.
    pub fn take(&mut self, pool_limit: Option<u32>, queue: Option<Uuid>, queue_limit: Option<u32>) -> bool {
        let of_queue = queue.map(|queue| self.queues.entry(queue).or_default());
        let full = pool_limit.is_some_and(|limit| self.pool >= limit)
            || queue_limit.zip(of_queue.as_deref()).is_some_and(|(limit, used)| *used >= limit);
        if full {
            return false;
        }
        self.pool += 1;
        if let Some(used) = of_queue {
            *used += 1;
        }
        true
    }
}

/// Counts the slots in use in a work pool.
///
/// # Errors
/// [`ApiError`]. Tasks that cannot be looked at hold their slot.
pub async fn used<T: Transport, K: TaskControl>(
    client: &Client<T>,
    tasks: &K,
    stopped: &Stopped,
    work_pool: &str,
    clock: &Clock,
) -> Result<Used, ApiError> {
    let mut asked = clock();
    let mut candidates = candidates(client, work_pool, asked).await?;
    for _ in 1..READINGS {
        let now = clock();
        if now.duration_since(asked) <= STILL {
            break;
        }
        asked = now;
        candidates = self::candidates(client, work_pool, asked).await?.after(candidates);
    }
    let now = clock();
    let mut used = Used::default();
    for _ in &candidates.unread {
        used.take(None, None, None);
    }
    for holder in holders(client, candidates, tasks, stopped, now).await {
        used.take(None, holder.run.work_queue_id, None);
        if holder.because != Because::State {
            used.living.insert(holder.run.id);
        }
    }
    Ok(used)
}

/// Why a run holds a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It is PENDING, RUNNING or CANCELLING.
    State,
    /// It waits or has ended, and its task lives.
    TaskLives,
    /// The same, and it is not known whether its task lives.
    NotKnown,
}

/// A run that holds a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// The run.
    pub run: FlowRun,
    /// Why.
    pub because: Because,
}

/// Asks ECS which of them do.
pub async fn holders<T: Transport, K: TaskControl>(
    client: &Client<T>,
    candidates: Candidates,
    tasks: &K,
    stopped: &Stopped,
    now: Timestamp,
) -> Vec<Holder> {
    let Candidates { busy, maybe, .. } = candidates;
    let mut holders: Vec<Holder> = busy.into_iter().map(|run| Holder { run, because: Because::State }).collect();
    let mut by_cluster: BTreeMap<ClusterRef, Vec<(TaskArn, FlowRun)>> = BTreeMap::new();
    let mut without_task: Vec<(FlowRun, Gone)> = Vec::new();
    for run in maybe {
        match Infrastructure::of_run(&run) {
            Some(Infrastructure { cluster, task_arn }) => match stopped.get(&task_arn) {
                Some(gone) => without_task.push((run, gone)),
                None => by_cluster.entry(cluster).or_default().push((task_arn, run)),
            },
            None if is_unrecorded(&run, now) => holders.push(Holder { run, because: Because::NotKnown }),
            None => without_task.push((run, Gone::default())),
        }
    }
    for (cluster, runs) in by_cluster {
        let arns: Vec<TaskArn> = runs.iter().map(|(task_arn, _)| task_arn.clone()).collect();
        let described = match tasks.describe(&cluster, &arns).await {
            Ok(described) => described,
            Err(error) if error.is_no_cluster() => Vec::new(),
            Err(_) => {
                holders.extend(runs.into_iter().map(|(_, run)| Holder { run, because: Because::NotKnown }));
                continue;
            }
        };
        let shown: HashMap<&str, &Task> = described.iter().map(|task| (task.task_arn.as_str(), task)).collect();
        for (task_arn, run) in runs {
            let gone = match shown.get(task_arn.as_str()) {
                Some(task) if task.is_live() => {
                    holders.push(Holder { run, because: Because::TaskLives });
                    continue;
                }
                Some(task) => Gone { attempt: task.attempt(), at: task.stopped_at() },
                // Launched before the run came into its state.
                None if is_new(&run, now) => {
                    holders.push(Holder { run, because: Because::NotKnown });
                    continue;
                }
                None => Gone::default(),
            };
            stopped.add(&task_arn, gone);
            without_task.push((run, gone));
        }
    }
    for (run, gone) in without_task {
        if may_live_elsewhere(client, &run, gone, now).await {
            holders.push(Holder { run, because: Because::NotKnown });
        }
    }
    holders
}

/// Whether a task of the run may live that is not recorded, where the recorded one has stopped. Only a run that was moved by its
/// process after that is worth a request: it has one.
async fn may_live_elsewhere<T: Transport>(client: &Client<T>, run: &FlowRun, gone: Gone, now: Timestamp) -> bool {
    use StateType::{Cancelled, Completed, Failed, Paused, Scheduled};
    let Some(state) = &run.state else { return false };
    let by_process = match state.state_type {
        Scheduled => run.retries_in_process(),
        Paused | Completed | Failed | Cancelled => run.run_count > 0,
        _ => false,
    };
    if !by_process || since(state.timestamp, now) >= UNRECORDED || gone.at.is_some_and(|at| at >= state.timestamp) {
        return false;
    }
    let Ok(states) = client.flow_run_states(run.id).await else { return true };
    let claim = history::claim(run.id, &states);
    claim.is_some_and(|claim| Some(claim.attempt) != gone.attempt && since(claim.at, now) < UNRECORDED)
}

/// Whether the run came into its state so lately that ECS need not show its task yet.
fn is_new(run: &FlowRun, now: Timestamp) -> bool {
    let since = run.state.as_ref().map(|state| state.timestamp);
    since.is_some_and(|since| since > now.checked_sub(SHOWN_AFTER).unwrap_or(now))
}

#[cfg(test)]
mod tests;
