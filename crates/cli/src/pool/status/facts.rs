//! What a server knows about a pool that matters to whoever waits for runs.

use aws::operator::Tasks;
use dispatch::{
    infrastructure::Infrastructure,
    prefect::slots::{self, Because, Holder, Stopped},
};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, PAGE, Transport,
    models::{FlowRun, StateType, WorkPool, WorkQueue, Worker},
};
use serde_json::{Value, json};

use crate::aws_side;

/// How many crashed runs are shown.
const CRASHED: usize = 5;

/// A crashed run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crash {
    pub(crate) run: FlowRun,
    pub(crate) at: Option<Timestamp>,
    pub(crate) message: String,
}

/// All about one pool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) pool: WorkPool,
    /// By priority.
    pub(crate) queues: Vec<WorkQueue>,
    pub(crate) workers: Vec<Worker>,
    /// SCHEDULED and their time has come.
    pub(crate) due: u64,
    /// Those of them the server calls Late.
    pub(crate) late: u64,
    pub(crate) pending: u64,
    pub(crate) running: u64,
    pub(crate) cancelling: u64,
    /// Of those that are due, the one that has waited longest.
    pub(crate) oldest_due: Option<FlowRun>,
    /// Of those that are pending, the one that has been so longest.
    pub(crate) oldest_pending: Option<FlowRun>,
    /// Newest first.
    pub(crate) crashes: Vec<Crash>,
    /// Who holds the slots, where the pool or one of its queues has a limit.
    pub(crate) holders: Option<Vec<Holder>>,
}

/// Asks for everything about a pool.
///
/// # Errors
/// [`ApiError`].
pub(super) async fn gather<T: Transport>(
    client: &Client<T>,
    pool: WorkPool,
    now: Timestamp,
) -> Result<Facts, ApiError> {
    let of_pool = json!({"name": {"any_": [pool.name]}});
    let runs = |filter: Value, sort: &str, limit: usize| {
        let body = json!({"work_pools": of_pool, "flow_runs": filter, "sort": sort, "limit": limit});
        async move { client.flow_runs(&body).await }
    };
    let due_filter = json!({"state": {"type": {"any_": ["SCHEDULED"]}}, "next_scheduled_start_time": {"before_": now}});
    let of_types = |types: &[&str]| json!({"state": {"type": {"any_": types}}});
    let (mut queues, workers, due, active, crashed) = tokio::try_join!(
        client.work_queues(&pool.name),
        client.workers(&pool.name),
        runs(due_filter.clone(), "NEXT_SCHEDULED_START_TIME_ASC", PAGE),
        runs(of_types(&["PENDING", "RUNNING", "CANCELLING"]), "EXPECTED_START_TIME_ASC", PAGE),
        runs(of_types(&["CRASHED"]), "END_TIME_DESC", CRASHED),
    )?;
    let in_state = |wanted: StateType| active.iter().filter(move |run| run.state_type() == wanted);
    let counted = |filter: Value| {
        let body = json!({"work_pools": of_pool, "flow_runs": filter});
        async move { client.count_flow_runs(&body).await }
    };
    let is_late = |run: &&FlowRun| run.state.as_ref().is_some_and(|state| state.name.as_deref() == Some("Late"));
    let (due_count, late) = match due.len() < PAGE {
        true => (due.len() as u64, due.iter().filter(is_late).count() as u64),
        false => tokio::try_join!(counted(due_filter), counted(json!({"state": {"name": {"any_": ["Late"]}}})))?,
    };
    let count = |wanted| in_state(wanted).count() as u64;
    let (pending, running, cancelling) = match active.len() < PAGE {
        true => (count(StateType::Pending), count(StateType::Running), count(StateType::Cancelling)),
        false => tokio::try_join!(
            counted(of_types(&["PENDING"])),
            counted(of_types(&["RUNNING"])),
            counted(of_types(&["CANCELLING"])),
        )?,
    };
    queues.sort_by(|one, other| (one.priority, &one.name).cmp(&(other.priority, &other.name)));
    let since = |run: &FlowRun| run.state.as_ref().map(|state| state.timestamp);
    let is_limited = pool.concurrency_limit.is_some() || queues.iter().any(|queue| queue.concurrency_limit.is_some());
    let holders = if is_limited { Some(holders(client, &pool.name, now).await?) } else { None };
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
        pool,
    })
}

/// Who holds the slots of a pool, as the dispatcher counts. ECS is asked only about runs that wait or have ended, where the
/// first of them runs.
async fn holders<T: Transport>(client: &Client<T>, pool: &str, now: Timestamp) -> Result<Vec<Holder>, ApiError> {
    let candidates = slots::candidates(client, pool, now).await?;
    let task = candidates.maybe.iter().find_map(Infrastructure::of_run).map(|recorded| recorded.task_arn);
    let config = match &task {
        Some(arn) => aws_side::config_of_task(arn).await,
        None => None,
    };
    let config = match config {
        Some(config) => config,
        // Nothing that could be asked knows the task; that it was not reached is said with the holder.
        None => aws::operator::operator_config(None).await,
    };
    let tasks = Tasks::new(&config);
    Ok(slots::holders(candidates, tasks.control(), &Stopped::default(), now).await)
}

fn crash(run: FlowRun) -> Crash {
    let state = run.state.as_ref();
    let message = state.and_then(|state| state.message.clone()).unwrap_or_default();
    Crash { at: state.map(|state| state.timestamp), message, run }
}

impl Facts {
    /// When somebody last asked any queue for runs.
    pub(crate) fn last_polled(&self) -> Option<Timestamp> {
        self.queues.iter().filter_map(|queue| queue.last_polled).max()
    }

    /// Those whose heartbeat is fresh, as the server judges.
    pub(crate) fn online(&self) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(|worker| worker.status.as_deref() == Some("ONLINE"))
    }

    /// Runs that hold a slot: with a limit those that the dispatcher counts, without one those that the server does.
    pub(crate) fn used(&self) -> u64 {
        self.holders.as_ref().map_or(self.pending + self.running, |holders| holders.len() as u64)
    }

    /// For programs.
    pub(super) fn document(&self, now: Timestamp) -> Value {
        let verdict = super::verdict::of(self, now);
        let run = |run: &FlowRun| {
            json!({
                "id": run.id,
                "name": run.name,
                "due": run.due(),
                "state": run.state.as_ref().and_then(|state| state.name.clone()),
                "since": run.state.as_ref().map(|state| state.timestamp),
            })
        };
        json!({
            "name": self.pool.name,
            "type": self.pool.pool_type,
            "status": self.pool.status,
            "is_paused": self.pool.is_paused,
            "verdict": {"ready": verdict.is_ready(), "state": verdict.word(), "text": verdict.text},
            "last_polled": self.last_polled(),
            "served_by": super::verdict::service(self, now).workers().iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            "workers": self.workers.iter().map(|worker| json!({
                "name": worker.name,
                "status": worker.status,
                "created": worker.created,
                "last_heartbeat_time": worker.last_heartbeat_time,
            })).collect::<Value>(),
            "slots": {
                "used": self.used(),
                "limit": self.pool.concurrency_limit,
                "holders": self.holders.iter().flatten().map(|holder| json!({
                    "id": holder.run.id,
                    "name": holder.run.name,
                    "queue": holder.run.work_queue_name,
                    "state": holder.run.state.as_ref().and_then(|state| state.name.clone()),
                    "since": holder.run.state.as_ref().map(|state| state.timestamp),
                    "because": why(holder),
                    "infrastructure": holder.run.infrastructure_pid,
                })).collect::<Value>(),
            },
            "runs": {
                "due": self.due,
                "late": self.late,
                "pending": self.pending,
                "running": self.running,
                "cancelling": self.cancelling,
            },
            "oldest_due": self.oldest_due.as_ref().map(run),
            "oldest_pending": self.oldest_pending.as_ref().map(run),
            "queues": self.queues.iter().map(|queue| json!({
                "name": queue.name,
                "priority": queue.priority,
                "concurrency_limit": queue.concurrency_limit,
                "is_paused": queue.is_paused,
                "status": queue.status,
                "last_polled": queue.last_polled,
            })).collect::<Value>(),
            "crashed": self.crashes.iter().map(|crash| json!({
                "id": crash.run.id,
                "name": crash.run.name,
                "at": crash.at,
                "message": crash.message,
            })).collect::<Value>(),
        })
    }
}

/// Why a run holds its slot, in a few words.
pub(crate) fn why(holder: &Holder) -> &'static str {
    match holder.because {
        Because::State => "its state",
        Because::TaskLives => "its task still runs",
        Because::NotKnown => "its task may still run: ECS was not reached",
    }
}

/// How long before `now`: "7 s", "5 min", "3 h", "2 days". What is to come counts as now.
pub(crate) fn span(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// "7 s ago".
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(at, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let at = Timestamp::from_second(1_000_000_000).unwrap();
        for (seconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(at, Timestamp::from_second(1_000_000_000 + seconds).unwrap()), expected);
        }
    }
}
