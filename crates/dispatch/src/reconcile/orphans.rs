//! Tasks that nobody waits for.
//!
//! A task belongs to an attempt. It is an orphan when its run was deleted, or when another attempt holds the run: the run
//! was handed back and its task lives all the same (a StopTask that failed, a RunTask that took effect after all), or when its
//! run was cancelled. Such a task costs money, and may run the flow a second time.
//!
//! The run decides, never the absence of a record: two Prefect servers may share a cluster, and what one of them does not
//! know is the other's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use ecs::{
    ClusterRef, TaskArn,
    failure::Class,
    launch::{Page, TaskControl},
    task::Task,
};
use prefect_api::{
    PAGE, Transport,
    models::{FlowRun, State, StateType},
};
use prefect_ids::FlowRunId;

use super::Reconciler;
use crate::{
    infrastructure::Infrastructure,
    ports::{Failure, TaskOutput},
    prefect::{failure, history::Wrong, slots::LONGEST_GRACE, states::is_handed_back},
    runs::CANCELLED,
    timing::between,
};

/// Tasks of a cluster that are looked at, and held in memory, at once.
const TASKS: usize = 500;

/// Most goes at one cluster in a pass: 20,000 tasks, which take some 500 requests. The next pass goes on there.
const GOES: usize = 40;

/// Where the next look at a cluster's tasks begins, for the clusters that were not looked through to their ends.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<ClusterRef, String>>);

impl Places {
    pub(super) fn of(&self, cluster: &ClusterRef) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(cluster).cloned()
    }

    pub(super) fn set(&self, cluster: &ClusterRef, place: Option<String>) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match place {
            Some(place) => places.insert(cluster.clone(), place),
            None => places.remove(cluster),
        };
    }
}

/// Reason of a StopTask for a task whose run was deleted.
const DELETED: &str = "pushpool: its flow run was deleted";

/// Reason of a StopTask for a task of an attempt that holds its run no more.
const SUPERSEDED: &str = "pushpool: another attempt holds the flow run";

/// Reason of a StopTask for a task that goes on after its run has ended.
const OUTLIVED: &str = "pushpool: its flow run has ended";

/// What a run says about a task of one of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is the run's.
    Fine,
    /// The run has ended, or waits to be started anew.
    Outlived,
    /// Another attempt holds the run, or none does, and this one was given up.
    Superseded,
    /// The run was cancelled, maybe before anybody recorded the task.
    Cancelled,
    /// The history has to say who holds the run.
    Doubtful,
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Reconciler<T, K, O> {
    /// Stops tasks that nobody waits for.
    ///
    /// The clusters take turns, so a pass that ends early has looked at some tasks of each. A pass looks at 20,000 tasks of
    /// a cluster at most, and the next pass goes on where it ended. The process remembers that place; a new process begins
    /// with the first task.
    pub(super) async fn orphans(&self, clusters: &BTreeSet<ClusterRef>) {
        let mut left: Vec<&ClusterRef> = clusters.iter().collect();
        for _ in 0..GOES {
            let mut unfinished = Vec::new();
            for cluster in left {
                match self.orphans_of(cluster).await {
                    Ok(true) => {}
                    Ok(false) => unfinished.push(cluster),
                    Err(failure) => self.failed(None, &failure.diagnosis),
                }
            }
            left = unfinished;
        }
    }

    /// The next tasks of a cluster; whether they were the last ones.
    async fn orphans_of(&self, cluster: &ClusterRef) -> Result<bool, Failure> {
        let Page { task_arns, next } = self.next_tasks(cluster).await?;
        let last = next.is_none();
        // Set before the look: tasks that cannot be looked at must not hold up the others. The next round comes back to them.
        self.places.set(cluster, next);
        self.stop_orphans(cluster, &task_arns).await?;
        Ok(last)
    }

    async fn next_tasks(&self, cluster: &ClusterRef) -> Result<Page, Failure> {
        let place = self.places.of(cluster);
        let mut page = self.runs.tasks.running(cluster, place.as_deref(), TASKS).await;
        if let (Some(_), Err(error)) = (&place, &page) {
            // The API reference does not say for how long a place is one, nor what is answered then.
            self.places.set(cluster, None);
            if error.class == Class::Rejected {
                page = self.runs.tasks.running(cluster, None, TASKS).await;
            }
        }
        match page {
            Err(error) if error.is_no_cluster() => Ok(Page::default()),
            page => page.map_err(Failure::unanswered),
        }
    }

    async fn stop_orphans(&self, cluster: &ClusterRef, task_arns: &[TaskArn]) -> Result<(), Failure> {
        let now = self.runs.now();
        let tasks = self.runs.tasks.describe(cluster, task_arns).await.map_err(Failure::unanswered)?;
        let old = |task: &Task| {
            let created = task.created_at().and_then(|at| jiff::Timestamp::from_second(at).ok());
            created.is_some_and(|created| between(created, now) >= self.policy.orphan_grace)
        };
        let mut by_run: BTreeMap<FlowRunId, Vec<Task>> = BTreeMap::new();
        for task in tasks.into_iter().filter(|task| task.is_live() && old(task)) {
            if let Some(attempt) = task.attempt() {
                by_run.entry(attempt.flow_run_id).or_default().push(task);
            }
        }
        let ids: Vec<FlowRunId> = by_run.keys().copied().collect();
        for ids in ids.chunks(PAGE) {
            let found = self.runs.client.each_flow_run(ids).await.map_err(|error| failure::of(&error))?;
            for unread in &found.unread {
                self.failed(Some(unread.id), &failure::unreadable(&unread.error).diagnosis);
            }
            for id in ids.iter().filter(|id| !found.unread.iter().any(|unread| unread.id == **id)) {
                let run = found.runs.iter().find(|run| run.id == *id);
                for task in &by_run[id] {
                    match self.judge(run, task).await {
                        Ok(Some(reason)) => match self.runs.stop(task, reason).await {
                            Ok(change) => self.done(*id, run, &change),
                            Err(failure) => self.failed(Some(*id), &failure.diagnosis),
                        },
                        Ok(None) => {}
                        Err(failure) => self.failed(Some(*id), &failure.diagnosis),
                    }
                }
            }
        }
        Ok(())
    }

    /// Why the task is to be stopped; none if it is not.
    async fn judge(&self, run: Option<&FlowRun>, task: &Task) -> Result<Option<&'static str>, Failure> {
        let Some(run) = run else {
            return Ok(self.policy.sole_owner.then_some(DELETED));
        };
        let superseded = match standing(run, task) {
            Standing::Fine => false,
            Standing::Outlived if !self.outlives(run) => false,
            Standing::Outlived => return Ok((!self.is_at_it(run, task).await?).then_some(OUTLIVED)),
            Standing::Superseded => self.is_old(run.state.as_ref()),
            Standing::Cancelled => return Ok(self.is_old(run.state.as_ref()).then_some(CANCELLED)),
            Standing::Doubtful => {
                let history = self.runs.history(run).await?;
                let other = history.claim.filter(|claim| Some(claim.attempt) != task.attempt());
                let moved_on = history.current().map(|state| state.id) != run.state.as_ref().map(|state| state.id);
                let since = other.map(|claim| claim.at);
                !moved_on && since.is_some_and(|at| between(at, self.runs.now()) >= self.policy.orphan_grace)
            }
        };
        Ok(superseded.then_some(SUPERSEDED))
    }

    /// Whether the run ended so long ago that a process of it that goes on is stopped.
    fn outlives(&self, run: &FlowRun) -> bool {
        let grace = self.policy.outlive_grace.min(LONGEST_GRACE);
        let state = run.state.as_ref().map(|state| state.timestamp);
        // A state that was committed late has an early time.
        let ended = run.end_time.max(state);
        !grace.is_zero() && ended.is_some_and(|ended| between(ended, self.runs.now()) >= grace)
    }

    /// Whether the process is still at its run, which has ended only as the server has it: the end is that of an earlier attempt.
    async fn is_at_it(&self, run: &FlowRun, task: &Task) -> Result<bool, Failure> {
        let history = self.runs.history(run).await?;
        let late = matches!(history.wrong(), Some(Wrong::Displaced(displaced)) if !displaced.state_type.is_final());
        Ok(late && history.claim.is_some_and(|claim| Some(claim.attempt) == task.attempt()))
    }

    fn is_old(&self, state: Option<&State>) -> bool {
        state.is_some_and(|state| between(state.timestamp, self.runs.now()) >= self.policy.orphan_grace)
    }
}

/// What the run alone says. A run that was cancelled before its task was recorded is known here alone. One that is being
/// cancelled is looked at elsewhere. A process that tries its run again by itself says so; any other that goes on while the run is
/// scheduled anew (by a user, or because the flow asked for it) has outlived what it ran.
fn standing(run: &FlowRun, task: &Task) -> Standing {
    let (Some(state), Some(attempt)) = (&run.state, task.attempt()) else { return Standing::Fine };
    match state.state_type {
        StateType::Pending if state.state_details.transition_id == Some(attempt.transition_id()) => Standing::Fine,
        StateType::Pending => Standing::Doubtful,
        StateType::Running => {
            let recorded = Infrastructure::of_run(run);
            let same = recorded.is_some_and(|recorded| recorded.task_arn == task.task_arn);
            if same { Standing::Fine } else { Standing::Doubtful }
        }
        StateType::Scheduled if is_handed_back(state) => Standing::Superseded,
        StateType::Scheduled if state.id == attempt.state_id || run.retries_in_process() => Standing::Fine,
        StateType::Scheduled => Standing::Outlived,
        StateType::Cancelled => Standing::Cancelled,
        state if state.is_final() => Standing::Outlived,
        _ => Standing::Fine,
    }
}

#[cfg(test)]
mod tests {
    use ecs::Attempt;
    use prefect_ids::StateId;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn attempt(state: u128) -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(state) }
    }

    fn run(state: Value, pid: Option<&str>) -> FlowRun {
        let mut state = state;
        state["id"] = json!(Uuid::from_u128(99));
        state["timestamp"] = "2026-01-01T00:00:00Z".into();
        serde_json::from_value(json!({"id": Uuid::from_u128(1), "flow_id": Uuid::from_u128(2), "state": state,
            "infrastructure_pid": pid}))
        .unwrap()
    }

    #[test]
    fn the_run_says_whose_task_it_is() {
        let arn = "arn:aws:ecs:r:1:task/c/t";
        let started_by = attempt(5).started_by();
        let task = Task::of_json(&json!({"taskArn": arn, "startedBy": started_by, "lastStatus": "RUNNING"})).unwrap();
        let pending =
            |attempt: Attempt| json!({"type": "PENDING", "state_details": {"transition_id": attempt.transition_id()}});
        let recorded = format!("c::{arn}");
        for (state, pid, expected) in [
            (pending(attempt(5)), None, Standing::Fine),
            (pending(attempt(6)), Some(recorded.as_str()), Standing::Doubtful),
            (json!({"type": "RUNNING"}), Some(recorded.as_str()), Standing::Fine),
            (json!({"type": "RUNNING"}), Some("c::arn:aws:ecs:r:1:task/c/u"), Standing::Doubtful),
            (json!({"type": "RUNNING"}), None, Standing::Doubtful),
            (json!({"type": "SCHEDULED", "name": "AwaitingCapacity"}), Some(recorded.as_str()), Standing::Superseded),
            (json!({"type": "SCHEDULED", "name": "AwaitingRetry"}), Some(recorded.as_str()), Standing::Outlived),
            (json!({"type": "COMPLETED"}), None, Standing::Outlived),
            (json!({"type": "CANCELLING"}), None, Standing::Fine),
            (json!({"type": "CANCELLED"}), None, Standing::Cancelled),
        ] {
            assert_eq!(standing(&run(state.clone(), pid), &task), expected, "{state} {pid:?}");
        }
        let mut by_itself = run(json!({"type": "SCHEDULED", "name": "AwaitingRetry"}), Some(&recorded));
        by_itself.empirical_policy = serde_json::from_value(json!({"retry_type": "in_process"})).unwrap();
        assert_eq!(standing(&by_itself, &task), Standing::Fine);
    }
}
