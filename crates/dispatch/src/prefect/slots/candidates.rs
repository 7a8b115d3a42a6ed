//! Which runs of a work pool may hold a slot, as far as the server says.

use prefect_ids::FlowRunId;
use std::collections::HashSet;

use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, State, StateType},
};

use super::LINGER;
use crate::prefect::{history, judge::is_unrecorded, states::is_held};

/// More runs of a pool than are active, or end, at one time: reading ends where a server's answers do not.
const MOST: usize = 20_000;

/// Runs of a work pool that may hold a slot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// PENDING, RUNNING or CANCELLING: they do.
    pub busy: Vec<FlowRun>,
    /// Waiting or ended: they do if their task lives.
    pub maybe: Vec<FlowRun>,
    /// Those that cannot be read and may hold one.
    pub unread: Vec<FlowRunId>,
}

impl Candidates {
    /// With those of an earlier reading that this one has not seen: they may hold a slot all the same.
    pub(super) fn after(mut self, earlier: Self) -> Self {
        let seen: HashSet<FlowRunId> = self.busy.iter().chain(&self.maybe).map(|run| run.id).collect();
        self.busy.extend(earlier.busy.into_iter().filter(|run| !seen.contains(&run.id)));
        self.maybe.extend(earlier.maybe.into_iter().filter(|run| !seen.contains(&run.id)));
        let missed = |run: &FlowRunId| !seen.contains(run) && !self.unread.contains(run);
        let missed: Vec<FlowRunId> = earlier.unread.into_iter().filter(missed).collect();
        self.unread.extend(missed);
        self
    }
}

/// Asks the server for the runs of a work pool that may hold a slot.
///
/// A run may change sides between two of the requests: it pauses, goes on, ends, is scheduled anew. It is missed only if it left a side
/// before the first request for that side and came to another after the last request for that one. So they follow each other such
/// that from wherever a run with a process is (active, waiting, ended), the side that it may move to is asked for later: active,
/// waiting, ended, waiting, active. One that moves twice within the five requests may be missed, so
/// [`used`](super::used) asks again if they took long.
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
    let listed: HashSet<FlowRunId> = [before.1, waited.1, ended.1, waiting.1, after.1].concat().into_iter().collect();
    let mut unread = Vec::new();
    for run in listed {
        if client.flow_run_states(run).await.map_or(true, |states| may_hold(&states, now)) {
            unread.push(run);
        }
    }
    Ok(Candidates { busy, maybe, unread })
}

/// Whether a run may hold a slot of which only the states can be read. What its task is stands in the run itself.
pub(super) fn may_hold(states: &[State], now: Timestamp) -> bool {
    let Some(last) = states.last() else { return false };
    let may_have_task = states.iter().any(|state| match state.state_type {
        StateType::Pending => !is_held(state),
        StateType::Running => true,
        _ => false,
    });
    let ended_long_ago = last.state_type.is_final() && last.timestamp <= now.checked_sub(LINGER).unwrap_or(now);
    may_have_task && !ended_long_ago
}

/// Runs of the pool that a filter names, page by page, as long as they are `wanted`; and those of them that cannot be read.
async fn pages<T: Transport>(
    client: &Client<T>,
    work_pool: &str,
    filter: FlowRunFilter<'_>,
    sort: FlowRunSort,
    wanted: impl Fn(&FlowRun) -> bool,
) -> Result<(Vec<FlowRun>, Vec<FlowRunId>), ApiError> {
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
