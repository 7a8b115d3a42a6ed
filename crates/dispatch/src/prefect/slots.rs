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
//! Requests: five of the server, more for each further page of 200 runs and each run that cannot be read or whose task is yet to be
//! recorded, and one of ECS for each 100 tasks that were not seen to have stopped before. A task that has stopped stays so, which
//! this remembers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ecs::launch::TaskControl;
use jiff::{SignedDuration, Timestamp};
use prefect_api::{
    ApiError, Client, Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, State, StateType},
};
use uuid::Uuid;

use super::{history, judge::is_unrecorded, states::is_held};
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
pub struct Stopped(Mutex<HashSet<String>>);

impl Stopped {
    fn has(&self, task_arn: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(task_arn)
    }

    fn add(&self, task_arn: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(task_arn.to_owned());
    }
}

/// More runs of a pool than are active, or end, at one time: reading ends where a server's answers do not.
const MOST: usize = 20_000;

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
    pub living: HashSet<Uuid>,
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
    for _ in 0..candidates.unread {
        used.take(None, None, None);
    }
    for holder in holders(candidates, tasks, stopped, now).await {
        used.take(None, holder.run.work_queue_id, None);
        if holder.because != Because::State {
            used.living.insert(holder.run.id);
        }
    }
    Ok(used)
}

/// Runs of a work pool that may hold a slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// PENDING, RUNNING or CANCELLING: they do.
    pub busy: Vec<FlowRun>,
    /// Waiting or ended: they do if their task lives.
    pub maybe: Vec<FlowRun>,
    /// How many there are that cannot be read and may hold one.
    pub unread: usize,
}

impl Candidates {
    /// With those of an earlier reading that this one has not seen: they may hold a slot all the same.
    fn after(mut self, earlier: Self) -> Self {
        let seen: HashSet<Uuid> = self.busy.iter().chain(&self.maybe).map(|run| run.id).collect();
        self.busy.extend(earlier.busy.into_iter().filter(|run| !seen.contains(&run.id)));
        self.maybe.extend(earlier.maybe.into_iter().filter(|run| !seen.contains(&run.id)));
        self.unread = self.unread.max(earlier.unread);
        self
    }
}

/// Why a run holds a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// It is PENDING, RUNNING or CANCELLING.
    State,
    /// It waits or has ended, and its task lives.
    TaskLives,
    /// The same, and ECS did not say whether its task lives.
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

/// Asks the server for the runs of a work pool that may hold a slot.
///
/// A run may change sides between two of the requests: it pauses, goes on, ends, is scheduled anew. It is missed only if it left a side
/// before the first request for that side and came to another after the last request for that one. So they follow each other such
/// that from wherever a run with a process is (active, waiting, ended), the side that it may move to is asked for later: active,
/// waiting, ended, waiting, active. One that moves twice within the five requests may be missed, so [`used`] asks again if they took
/// long.
///
/// # Errors
/// [`ApiError`].
pub async fn candidates<T: Transport>(
    client: &Client<T>,
    work_pool: &str,
    now: Timestamp,
) -> Result<Candidates, ApiError> {
    use StateType::{Cancelled, Cancelling, Completed, Crashed, Failed, Paused, Pending, Running, Scheduled};
    let active = FlowRunFilter::of_states(&[Pending, Running, Cancelling]);
    // A run that never ran has no process that could wait.
    let waiting = FlowRunFilter::of_states(&[Paused, Scheduled]).that_ran();
    let ended = FlowRunFilter::of_states(&[Completed, Failed, Crashed, Cancelled]);
    let lately = now.checked_sub(LINGER).unwrap_or(now);
    let all = |_: &FlowRun| true;
    let before = pages(client, work_pool, active, FlowRunSort::IdDesc, all).await?;
    let waited = pages(client, work_pool, waiting, FlowRunSort::IdDesc, all).await?;
    // 2.20 has no filter by end, so the last ones are read until one ended too long ago.
    let is_late = |run: &FlowRun| run.end_time.is_none_or(|end| end > lately);
    let ended = pages(client, work_pool, ended, FlowRunSort::EndTimeDesc, is_late).await?;
    let waiting = pages(client, work_pool, waiting, FlowRunSort::IdDesc, all).await?;
    let after = pages(client, work_pool, active, FlowRunSort::IdDesc, all).await?;
    // What was read last is what holds.
    let (mut busy, mut seen) = (after.0, HashSet::new());
    seen.extend(busy.iter().map(|run| run.id));
    let mut maybe = waiting.0;
    maybe.extend(ended.0);
    maybe.extend(waited.0);
    maybe.retain(|run| seen.insert(run.id));
    let mut unclaimed = HashSet::new();
    for run in maybe.iter().filter(|run| is_unrecorded(run, now)) {
        // Tasks that others launched are theirs to count.
        let states = client.flow_run_states(run.id).await;
        if states.is_ok_and(|states| history::claim(run.id, &states).is_none()) {
            unclaimed.insert(run.id);
        }
    }
    maybe.retain(|run| !unclaimed.contains(&run.id));
    busy.extend(before.0.into_iter().filter(|run| seen.insert(run.id)));
    let unread: HashSet<Uuid> = [before.1, waited.1, ended.1, waiting.1, after.1].concat().into_iter().collect();
    let mut count = 0;
    for run in unread {
        count += usize::from(client.flow_run_states(run).await.map_or(true, |states| may_hold(&states, now)));
    }
    Ok(Candidates { busy, maybe, unread: count })
}

/// Whether a run may hold a slot of which only the states can be read. What its task is stands in the run itself.
fn may_hold(states: &[State], now: Timestamp) -> bool {
    let Some(last) = states.last() else { return false };
    let may_have_task = states.iter().any(|state| match state.state_type {
        StateType::Pending => !is_held(state),
        StateType::Running => true,
        _ => false,
    });
    let ended_long_ago = last.state_type.is_final() && last.timestamp <= now.checked_sub(LINGER).unwrap_or(now);
    may_have_task && !ended_long_ago
}

/// Asks ECS which of them do.
pub async fn holders<K: TaskControl>(
    candidates: Candidates,
    tasks: &K,
    stopped: &Stopped,
    now: Timestamp,
) -> Vec<Holder> {
    let Candidates { busy, maybe, .. } = candidates;
    let mut holders: Vec<Holder> = busy.into_iter().map(|run| Holder { run, because: Because::State }).collect();
    let mut by_cluster: BTreeMap<String, Vec<(String, FlowRun)>> = BTreeMap::new();
    for run in maybe {
        match Infrastructure::of_run(&run) {
            Some(Infrastructure { task_arn, .. }) if stopped.has(&task_arn) => {}
            Some(Infrastructure { cluster, task_arn }) => by_cluster.entry(cluster).or_default().push((task_arn, run)),
            None if is_unrecorded(&run, now) => holders.push(Holder { run, because: Because::NotKnown }),
            None => {}
        }
    }
    for (cluster, runs) in by_cluster {
        let arns: Vec<String> = runs.iter().map(|(task_arn, _)| task_arn.clone()).collect();
        let described = match tasks.describe(&cluster, &arns).await {
            Ok(described) => described,
            Err(error) if error.is_no_cluster() => Vec::new(),
            Err(_) => {
                holders.extend(runs.into_iter().map(|(_, run)| Holder { run, because: Because::NotKnown }));
                continue;
            }
        };
        let lives: HashMap<&str, bool> =
            described.iter().map(|task| (task.task_arn.as_str(), task.is_live())).collect();
        for (task_arn, run) in runs {
            match lives.get(task_arn.as_str()) {
                Some(true) => holders.push(Holder { run, because: Because::TaskLives }),
                // Launched before the run came into its state.
                None if is_new(&run, now) => holders.push(Holder { run, because: Because::NotKnown }),
                Some(false) | None => stopped.add(&task_arn),
            }
        }
    }
    holders
}

/// Whether the run came into its state so lately that ECS need not show its task yet.
fn is_new(run: &FlowRun, now: Timestamp) -> bool {
    let since = run.state.as_ref().map(|state| state.timestamp);
    since.is_some_and(|since| since > now.checked_sub(SHOWN_AFTER).unwrap_or(now))
}

/// Runs of the pool that a filter names, page by page, as long as they are `wanted`; and those of them that cannot be read.
async fn pages<T: Transport>(
    client: &Client<T>,
    work_pool: &str,
    filter: FlowRunFilter<'_>,
    sort: FlowRunSort,
    wanted: impl Fn(&FlowRun) -> bool,
) -> Result<(Vec<FlowRun>, Vec<Uuid>), ApiError> {
    let work_pools = Some(WorkPoolFilter::named([work_pool]));
    let query = FlowRunQuery { work_pools, flow_runs: Some(filter), ..FlowRunQuery::default() };
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let mut next = Some(0);
    while let Some(offset) = next.filter(|offset| *offset < MOST) {
        let page = client.flow_runs_page(&query, sort, offset).await?;
        let count = page.runs.len();
        let before = found.len();
        found.extend(page.runs.into_iter().filter(&wanted));
        let all = found.len() - before == count;
        unread.extend(page.unread.into_iter().map(|unread| unread.id));
        next = page.next.filter(|_| all);
    }
    Ok((found, unread))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ecs::task::Task;
    use serde_json::json;

    use super::*;
    use crate::fake::{Ecs, NOW, Server, arn, clock, task};

    #[tokio::test]
    async fn a_process_that_waits_or_goes_on_after_the_end_holds_its_slot_while_its_task_lives() {
        let ran = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
        let server = Server::default();
        let mut tasks = Vec::new();
        let states = [
            ("PAUSED", "Paused", "RUNNING", true),
            ("PAUSED", "Suspended", "STOPPED", false),
            ("SCHEDULED", "AwaitingRetry", "RUNNING", true),
            ("COMPLETED", "Completed", "RUNNING", true),
            ("COMPLETED", "Completed", "STOPPED", false),
            ("CANCELLED", "Cancelled", "RUNNING", true),
        ];
        let mut expected = Vec::new();
        for (number, (state_type, name, status, holds)) in (1..).zip(states) {
            let attempt = server.add(number, &[ran[0], ran[1], ran[2], (state_type, name, 5)]);
            server.record(attempt, &format!("c::{}", arn(attempt)));
            tasks.push(Task::of_json(&task(attempt, status, json!({}))).unwrap());
            if holds {
                expected.push(attempt.flow_run_id);
            }
        }
        expected.push(server.add(90, &ran[..2]).flow_run_id);
        // ECS does not show these: one may be too new for that, the other is gone.
        for (number, minutes) in [(91, 0), (92, 5)] {
            let attempt = server.add(number, &[ran[0], ran[1], ran[2], ("COMPLETED", "Completed", minutes)]);
            server.record(attempt, &format!("c::{}", arn(attempt)));
            if minutes == 0 {
                expected.push(attempt.flow_run_id);
            }
        }
        let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
        let (client, stopped) = (server.client(), Stopped::default());
        let now: Timestamp = NOW.parse().unwrap();
        let found = candidates(&client, "p", now).await.unwrap();
        let mut holding: Vec<Uuid> =
            holders(found.clone(), &ecs, &stopped, now).await.into_iter().map(|holder| holder.run.id).collect();
        holding.sort();
        assert_eq!(holding, expected);
        // ECS is not asked again about tasks that have stopped, and a task that it says nothing about holds its slot.
        let silent = Ecs { broken: true, ..Ecs::default() };
        let unknown = holders(found, &silent, &stopped, now).await;
        assert_eq!(unknown.iter().filter(|holder| holder.because == Because::NotKnown).count(), 5);
    }

    #[tokio::test]
    async fn a_run_that_changes_sides_while_slots_are_counted_is_counted() {
        let states = |state_type: &'static str| {
            [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), (state_type, state_type, 7)]
        };
        let moves = [
            ("RUNNING", "PAUSED"),
            ("PAUSED", "RUNNING"),
            ("SCHEDULED", "RUNNING"),
            ("RUNNING", "SCHEDULED"),
            ("RUNNING", "COMPLETED"),
            ("PAUSED", "CANCELLING"),
            ("PAUSED", "FAILED"),
            ("SCHEDULED", "CANCELLED"),
            ("COMPLETED", "SCHEDULED"),
        ];
        for (from, to) in moves {
            for lists in 1..=5 {
                let server = Server::default();
                let attempt = server.add(1, &states(from));
                server.record(attempt, &format!("c::{}", arn(attempt)));
                server.move_on(lists, attempt, to);
                let tasks = vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()];
                let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
                let used = used(&server.client(), &ecs, &Stopped::default(), "p", &clock()).await;
                assert_eq!(used.unwrap().pool, 1, "{from} to {to} after {lists} lists");
            }
        }
    }

    #[tokio::test]
    async fn slots_are_counted_again_if_the_server_was_slow() {
        let server = Server::default();
        let paused = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("PAUSED", "Paused", 7)];
        let attempt = server.add(1, &paused);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        // No list of the first count has it.
        server.move_on(1, attempt, "RUNNING");
        server.move_on(4, attempt, "COMPLETED");
        let tasks = vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()];
        let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
        let (start, of_server): (Timestamp, Server) = (NOW.parse().unwrap(), server.clone());
        let slow: Clock = Arc::new(move || match of_server.asked("/flow_runs/filter").len() {
            0 => start,
            _ => start + SignedDuration::from_secs(10),
        });
        let used = used(&server.client(), &ecs, &Stopped::default(), "p", &slow).await.unwrap();
        assert_eq!((used.pool, server.asked("/flow_runs/filter").len()), (1, 10));
    }

    #[tokio::test]
    async fn a_run_whose_task_is_yet_to_be_recorded_holds_its_slot() {
        let server = Server::default();
        let now: Timestamp = NOW.parse().unwrap();
        for (number, claimed, minutes) in [(1, "Pending", 1), (2, "Pending", 20), (3, "Theirs", 1)] {
            let states = [("SCHEDULED", "Scheduled", 9), ("PENDING", claimed, 8), ("COMPLETED", "Completed", 0)];
            let attempt = server.add(number, &states);
            server.start(attempt, now - jiff::SignedDuration::from_mins(minutes));
        }
        let used = used(&server.client(), &Ecs::default(), &Stopped::default(), "p", &clock()).await.unwrap();
        assert_eq!((used.pool, used.living), (1, HashSet::from([Uuid::from_u128(1)])));
    }

    #[test]
    fn a_run_that_cannot_be_read_holds_a_slot_while_it_may_have_a_task() {
        let now: Timestamp = NOW.parse().unwrap();
        let held = "Held by pushpool to be handed back for message m, delivery d";
        type Had<'a> = &'a [(&'a str, &'a str, i64)];
        let cases: [(Had<'_>, bool); 7] = [
            (&[("SCHEDULED", "", 9)], false),
            (&[("SCHEDULED", "", 9), ("PENDING", "Claimed by pushpool for message m", 8)], true),
            (&[("SCHEDULED", "", 9), ("PENDING", held, 8)], false),
            (&[("SCHEDULED", "", 9), ("PENDING", held, 8), ("SCHEDULED", "", 7), ("CRASHED", "", 5)], false),
            (&[("PENDING", "", 9), ("RUNNING", "", 8), ("COMPLETED", "", 5)], true),
            (&[("PENDING", "", 90), ("RUNNING", "", 80), ("COMPLETED", "", 31)], false),
            (&[("PENDING", "", 90), ("RUNNING", "", 80), ("PAUSED", "", 70)], true),
        ];
        for (states, holds) in cases {
            let state = |(state_type, message, minutes): &(&str, &str, i64)| {
                let at = now - jiff::SignedDuration::from_mins(*minutes);
                let state = json!({"id": Uuid::nil(), "type": state_type, "timestamp": at, "message": message});
                serde_json::from_value::<State>(state).unwrap()
            };
            let read: Vec<State> = states.iter().map(state).collect();
            assert_eq!(may_hold(&read, now), holds, "{states:?}");
        }
    }

    #[test]
    fn a_slot_is_taken_where_pool_and_queue_have_one() {
        let (a, b) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let mut used = Used::default();
        assert!(used.take(Some(3), a, Some(1)));
        assert!(!used.take(Some(3), a, Some(1)), "the queue is full");
        assert!(used.take(Some(3), b, None));
        assert!(used.take(Some(3), b, None));
        assert!(!used.take(Some(3), b, None), "the pool is full");
        assert_eq!(used.pool, 3);
        assert!(!Used::default().take(Some(0), None, None), "a limit of 0 is no slot");
    }
}
