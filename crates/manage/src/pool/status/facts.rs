//! The facts about a pool that matter to a user who waits for runs.

use dispatch::{
    infrastructure::Infrastructure,
    prefect::slots::{self, Because, Holder, Stopped},
};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Page, Transport,
    filters::{FlowRunFilter, FlowRunList, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, StateType, WorkPool, WorkQueue, Worker},
};
use prefect_ids::FlowRunId;

use crate::account::{self, Tasks};
use crate::installation;

/// How many crashed runs are shown.
const CRASHED: usize = 5;

/// A crashed run.
#[derive(Debug, Clone, PartialEq)]
pub struct Crash {
    /// The run.
    pub run: FlowRun,
    /// When it crashed.
    pub at: Option<Timestamp>,
    /// The message of its state.
    pub message: String,
}

/// All about one pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The pool itself.
    pub pool: WorkPool,
    /// By priority.
    pub queues: Vec<WorkQueue>,
    /// All workers that ever sent a heartbeat for it.
    pub workers: Vec<Worker>,
    /// SCHEDULED and their time has come.
    pub due: u64,
    /// Those of them the server calls Late.
    pub late: u64,
    /// PENDING.
    pub pending: u64,
    /// RUNNING.
    pub running: u64,
    /// CANCELLING.
    pub cancelling: u64,
    /// Of those that are due, the one that has waited longest.
    pub oldest_due: Option<FlowRun>,
    /// Of those that are pending, the one that has been so longest.
    pub oldest_pending: Option<FlowRun>,
    /// Newest first.
    pub crashes: Vec<Crash>,
    /// Who holds the slots, where the pool or one of its queues has a limit.
    pub holders: Option<Vec<Holder>>,
    /// Runs that the server cannot read and that count as holders.
    pub unread: Vec<FlowRunId>,
}

/// Asks for everything about a pool.
///
/// # Errors
/// [`ApiError`].
pub async fn gather<T: Transport>(client: &Client<T>, pool: WorkPool, now: Timestamp) -> Result<Facts, ApiError> {
    use StateType::{Cancelling, Crashed, Pending, Running, Scheduled};
    let name = pool.name.as_str();
    let query = |filter| FlowRunQuery {
        work_pools: Some(WorkPoolFilter::named([name])),
        flow_runs: Some(filter),
        ..FlowRunQuery::default()
    };
    let runs = |filter: FlowRunFilter<'static>, sort| {
        let query = query(filter);
        async move { client.flow_runs_page(&query, sort, 0).await }
    };
    let due_filter = FlowRunFilter::of_states(&[Scheduled]).due_by(now);
    let late_filter = FlowRunFilter::default().in_state_named(&["Late"]);
    let (mut queues, workers, due, active, crashed) = tokio::try_join!(
        client.work_queues(&pool.name),
        client.workers(&pool.name),
        runs(due_filter, FlowRunSort::NextScheduledStartTimeAsc),
        runs(FlowRunFilter::of_states(&[Pending, Running, Cancelling]), FlowRunSort::ExpectedStartTimeAsc),
        crashed(client, query(FlowRunFilter::of_states(&[Crashed]))),
    )?;
    let is_whole = |page: &Page| page.next.is_none() && page.unread.is_empty();
    let (due_is_whole, active_is_whole) = (is_whole(&due), is_whole(&active));
    let (due, active) = (due.runs, active.runs);
    let in_state = |wanted: StateType| active.iter().filter(move |run| run.state_type() == wanted);
    let counted = |filter: FlowRunFilter<'static>| {
        let query = query(filter);
        async move { client.count_flow_runs(&query).await }
    };
    let is_late = |run: &&FlowRun| run.state.as_ref().is_some_and(|state| state.name.as_deref() == Some("Late"));
    let (due_count, late) = match due_is_whole {
        true => (due.len() as u64, due.iter().filter(is_late).count() as u64),
        false => tokio::try_join!(counted(due_filter), counted(late_filter))?,
    };
    let count = |wanted| in_state(wanted).count() as u64;
    let (pending, running, cancelling) = match active_is_whole {
        true => (count(StateType::Pending), count(StateType::Running), count(StateType::Cancelling)),
        false => tokio::try_join!(
            counted(FlowRunFilter::of_states(&[Pending])),
            counted(FlowRunFilter::of_states(&[Running])),
            counted(FlowRunFilter::of_states(&[Cancelling])),
        )?,
    };
    queues.sort_by(|one, other| (one.priority, &one.name).cmp(&(other.priority, &other.name)));
    let since = |run: &FlowRun| run.state.as_ref().map(|state| state.timestamp);
    let is_limited = pool.concurrency_limit.is_some() || queues.iter().any(|queue| queue.concurrency_limit.is_some());
    let (holders, unread) = match is_limited {
        true => holders(client, &pool.name, now).await.map(|(holders, unread)| (Some(holders), unread))?,
        false => (None, Vec::new()),
    };
    let oldest_pending = in_state(StateType::Pending).min_by_key(|run| since(run)).cloned();
    Ok(Facts {
        queues,
        workers,
        due: due_count,
        late,
        pending,
        running,
        cancelling,
        oldest_pending,
        oldest_due: due.into_iter().next(),
        crashes: crashed.into_iter().map(crash).collect(),
        holders,
        unread,
        pool,
    })
}

/// The last runs that crashed. A page is longer than they are, and asked for only if one of them cannot be read.
async fn crashed<T: Transport>(client: &Client<T>, query: FlowRunQuery<'_>) -> Result<Vec<FlowRun>, ApiError> {
    let list = FlowRunList { query, sort: FlowRunSort::EndTimeDesc, limit: CRASHED };
    match client.flow_runs(&list).await {
        Err(error) if error.is_of_its_content() => {
            let mut page = client.flow_runs_page(&list.query, list.sort, 0).await?;
            page.runs.truncate(CRASHED);
            Ok(page.runs)
        }
        answer => answer,
    }
}

/// Who holds the slots of a pool, as the dispatcher counts, and the runs among them that cannot be read. ECS is asked only about
/// runs that wait or have ended, where the first of them runs.
async fn holders<T: Transport>(
    client: &Client<T>,
    pool: &str,
    now: Timestamp,
) -> Result<(Vec<Holder>, Vec<FlowRunId>), ApiError> {
    let mut candidates = slots::candidates(client, pool, now).await?;
    let unread = std::mem::take(&mut candidates.unread);
    let task = candidates.maybe.iter().find_map(Infrastructure::of_run).map(|recorded| recorded.task_arn);
    let config = match &task {
        Some(arn) => installation::config_of_task(arn).await,
        None => None,
    };
    let config = match config {
        Some(config) => config,
        // Nothing that could be asked knows the task; that it was not reached is said with the holder.
        None => account::operator_config(None).await,
    };
    let tasks = Tasks::new(&config);
    Ok((slots::holders(client, candidates, tasks.control(), &Stopped::default(), now).await, unread))
}

fn crash(run: FlowRun) -> Crash {
    let state = run.state.as_ref();
    let message = state.and_then(|state| state.message.clone()).unwrap_or_default();
    Crash { at: state.map(|state| state.timestamp), message, run }
}

impl Facts {
    /// The last poll of any of its queues.
    #[must_use]
    pub fn last_polled(&self) -> Option<Timestamp> {
        self.queues.iter().filter_map(|queue| queue.last_polled).max()
    }

    /// Those whose heartbeat is fresh, as the server judges.
    pub fn online(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(|worker| worker.status.as_deref() == Some("ONLINE"))
    }

    /// Runs that hold a slot: with a limit those that the dispatcher counts, without one those that the server does.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.holders.as_ref().map_or(self.pending + self.running, |holders| (holders.len() + self.unread.len()) as u64)
    }
}

/// Why a run that cannot be read counts as a holder of a slot, in a few words.
pub const UNREAD: &str = "the server cannot read it";

/// Why a run holds its slot, in a few words.
#[must_use]
pub fn why(holder: &Holder) -> &'static str {
    match holder.because {
        Because::State => "its state",
        Because::TaskLives => "its task still runs",
        Because::NotKnown => "its task may still run: ECS was not reached",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prefect_api::{Patience, Request, Response, TransportError};
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T12:00:00Z";

    /// A server with two runs, of which it cannot read the second: no page that holds it, and not the run itself.
    struct Server;

    fn id(number: u128) -> FlowRunId {
        FlowRunId::from_u128(number)
    }

    impl Transport for Server {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            let state = |name| json!({"id": id(9), "type": name, "timestamp": NOW});
            let run = json!({"id": id(1), "flow_id": id(0), "state": state("RUNNING"), "state_type": "RUNNING"});
            let body: Value =
                request.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
            let asks_for_busy = body["flow_runs"].to_string().contains("RUNNING");
            let unreadable = format!("/flow_runs/{}", id(2));
            let (status, answer) = match request.path.as_str() {
                "/flow_runs/filter" if asks_for_busy => (500, json!({})),
                "/flow_runs/count" => (200, json!(if body.to_string().contains("RUNNING") { 2 } else { 0 })),
                "/ui/flow_runs/history" => {
                    (200, json!([{"id": id(1), "state_type": "RUNNING"}, {"id": id(2), "state_type": "RUNNING"}]))
                }
                path if path == unreadable => (500, json!({})),
                path if path.starts_with("/flow_runs/") && path != "/flow_runs/filter" => (200, run),
                path if path.starts_with("/flow_run_states/") => (200, json!([state("RUNNING")])),
                _ => (200, json!([])),
            };
            Ok(Response { status, retry_after: None, body: answer.to_string().into_bytes() })
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_run_that_the_server_cannot_read_is_counted_and_named() {
        let once = Patience { tries: 1, total: Duration::ZERO, first: Duration::ZERO };
        let client = Client::new(Server, once);
        let pool = json!({"id": uuid::Uuid::nil(), "name": "p", "type": "ecs:push", "concurrency_limit": 2});
        let facts = gather(&client, serde_json::from_value(pool).unwrap(), NOW.parse().unwrap()).await.unwrap();
        assert_eq!((facts.running, facts.used()), (2, 2), "{facts:?}");
        assert_eq!(facts.unread, [id(2)]);
        assert_eq!(facts.holders.unwrap().iter().map(|holder| holder.run.id).collect::<Vec<_>>(), [id(1)]);
    }
}
