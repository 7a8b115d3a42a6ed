//! What observer and reconciler do to a run, whichever of them found out first.
//!
//! A run is changed only on the ground of its history, read right before: which attempt holds it, whether the flow ran,
//! how long it waited. The *claim* in the history says which task is the run's, because an attempt has exactly one task
//! and `startedBy` names the attempt; `infrastructure_pid` may still be that of an earlier attempt, and decides only where
//! no claim of pushpool's is the last one. So an old event, a repeated one and one that comes after the next attempt find
//! that the task is not the run's, or that the run has moved on, and change nothing.

mod cancelling;
pub(crate) mod clusters;
pub mod decide;
mod ended;
mod held;
mod locate;
mod pools;
pub mod reasons;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use ecs::{Attempt, ClusterRef, launch::TaskControl, task::Task};
use installation::{timing::CLAIM_GRACE, variables};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{FlowRun, StateType, level},
};
use prefect_ids::FlowRunId;
use tokio::time::timeout;

pub(crate) use self::{
    cancelling::CANCELLED,
    held::{History, is_left_alone},
    locate::Located,
};
use self::{
    decide::{Action, Limits, Past, decide},
    held::{is_open, is_task_of},
};
use crate::{
    hand_back::{HAND_BACK_DELAY, hand_back_delay},
    infrastructure::{Infrastructure, SHOWN_AFTER, given_up},
    outcome::Change,
    ports::{Clock, Failure, TaskOutput, Waited},
    prefect::{
        cache::Kept,
        failure,
        history::{self, Wrong},
        logs::Logs,
        propose::{self, Proposed},
        references::References,
        states,
    },
    timing::between,
};

/// How many of a container's last lines go into the run's log.
const LINES: usize = 20;

/// Longest text of these lines, in characters.
const TAIL: usize = 8_000;

/// How long the lines may take to come.
const TAIL_TIME: Duration = Duration::from_secs(5);

/// What the operator decides about runs and their tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long after a run was first due it may wait for a task that starts, before it crashes.
    pub capacity_timeout: Duration,
    /// How long a run waits that is handed back for the first time, see [`HAND_BACK_DELAY`].
    pub hand_back_delay: Duration,
    /// How often a run may be interrupted while it runs (Spot, host failures) and start again.
    pub interruptions: u32,
    /// How long a flow that runs has to cancel itself before its task is stopped.
    pub cancel_grace: Duration,
    /// How long a claimed run may have no task: the time from the claim to RunTask and back.
    pub claim_grace: Duration,
    /// How long after RunTask ECS may not show a task, see [`SHOWN_AFTER`].
    pub shown_after: Duration,
    /// Clusters that tasks run in, besides those that pools, deployments and runs name.
    pub clusters: Vec<ClusterRef>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            capacity_timeout: variables::CAPACITY_TIMEOUT.default_seconds(),
            hand_back_delay: HAND_BACK_DELAY,
            interruptions: 10,
            cancel_grace: variables::CANCEL_GRACE.default_seconds(),
            claim_grace: CLAIM_GRACE,
            shown_after: SHOWN_AFTER,
            clusters: Vec::new(),
        }
    }
}

impl Policy {
    pub(crate) fn limits(&self) -> Limits {
        Limits { capacity_timeout: self.capacity_timeout, interruptions: self.interruptions }
    }
}

/// Changes runs of a Prefect server on the ground of what became of their tasks.
pub(crate) struct Runs<T, K, O> {
    pub(crate) client: Client<T>,
    pub(crate) tasks: Arc<K>,
    output: O,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    logs: Logs,
    pools: Kept<String, Option<Arc<pools::Pool>>>,
    references: References,
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    pub(crate) fn new(client: Client<T>, tasks: Arc<K>, output: O, policy: Policy, clock: Clock) -> Self {
        let (pools, references) = (Kept::new(pools::POOL_LIFE), References::new());
        Self { client, tasks, output, policy, clock, logs: Logs::default(), pools, references }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Writes the lines for the runs' logs.
    pub(crate) async fn flush(&self) {
        self.logs.flush(&self.client).await;
    }

    /// Does what the end of a task asks for. `run` may be of a while ago.
    pub(crate) async fn task_ended(&self, run: &FlowRun, task: &Task) -> Result<Change, Failure> {
        if !is_open(run.state_type()) && !is_left_alone(run) {
            return Ok(Change::Nothing(format!("the run is {}", run.state_type().name())));
        }
        let history = self.history(run).await?;
        self.conclude(run, &history, task).await
    }

    /// Records the task a run runs on, if another one or none is recorded: a record that came late is of an earlier attempt.
    pub(crate) async fn record(&self, run: &FlowRun, task: &Task) -> Result<Option<Change>, Failure> {
        if Infrastructure::of_run(run).is_some_and(|recorded| recorded.task_arn == task.task_arn) {
            return Ok(None);
        }
        let infrastructure_pid = format!("{}::{}", task.cluster_arn, task.task_arn);
        match self.client.record_infrastructure(run.id, &infrastructure_pid).await {
            Ok(()) => Ok(Some(Change::Recorded(task.task_arn.clone()))),
            Err(error) if error.is_not_found() => Ok(Some(Change::nothing("the run is gone"))),
            Err(error) => Err(failure::of(&error)),
        }
    }

    /// Keeps every dispatcher from launching an attempt that was claimed.
    pub(crate) async fn give_up(&self, run: &FlowRun, attempt: Attempt) -> Result<Change, Failure> {
        match self.client.record_infrastructure(run.id, &given_up(attempt, self.now())).await {
            Ok(()) => Ok(Change::GivenUp),
            Err(error) if error.is_not_found() => Ok(Change::nothing("the run is gone")),
            Err(error) => Err(failure::of(&error)),
        }
    }

    /// Has a run handed out again whose process is gone.
    pub(crate) async fn release(&self, run: &FlowRun) -> Result<Change, Failure> {
        match self.client.release(run).await {
            Ok(()) => Ok(Change::Released),
            Err(error) if error.is_not_found() => Ok(Change::nothing("the run is gone")),
            Err(error) => Err(failure::of(&error)),
        }
    }

    /// The same with the history at hand.
    pub(crate) async fn conclude(&self, run: &FlowRun, history: &History, task: &Task) -> Result<Change, Failure> {
        let left_alone = is_left_alone(run) && history.state_type() == StateType::Scheduled;
        if !is_open(history.state_type()) && !left_alone {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        }
        if !is_task_of(run, history, task) {
            return Ok(Change::nothing("another task is the run's"));
        }
        let Some(attempt) = task.attempt() else {
            return Ok(Change::nothing("the task is not pushpool's"));
        };
        if left_alone {
            return self.release(run).await;
        }
        let action = match history.wrong() {
            Some(wrong @ Wrong::Displaced(_)) => return self.amend(run.id, wrong, attempt).await,
            Some(Wrong::Uncancelled) => Action::Cancel,
            None => decide(history.state_type(), task, self.past(history, attempt), self.policy.limits()),
        };
        self.settle(run, history, action, attempt, Some(task)).await
    }

    /// Sets right what is wrong with a run.
    pub(crate) async fn amend(&self, run: FlowRunId, wrong: Wrong<'_>, attempt: Attempt) -> Result<Change, Failure> {
        let proposal = states::amended(wrong, attempt);
        let proposed = propose::propose(&self.client, run, &proposal).await;
        match proposed.map_err(|error| failure::of(&error))? {
            Proposed::Set => Ok(Change::Restored(proposal.state_type)),
            Proposed::Not(why) => Ok(Change::Nothing(why)),
        }
    }

    pub(crate) fn past(&self, history: &History, attempt: Attempt) -> Past {
        let now = self.now();
        let Waited { since, hand_backs } = history.waited(attempt, now);
        Past { waited: between(since, now), hand_backs, interruptions: history::interruptions(&history.states) }
    }

    /// Proposes what was decided, and tells the run's owner.
    pub(crate) async fn settle(
        &self,
        run: &FlowRun,
        history: &History,
        action: Action,
        attempt: Attempt,
        task: Option<&Task>,
    ) -> Result<Change, Failure> {
        let in_process = Some(run).filter(|run| run.retries_in_process());
        self.carry_out((run.id, in_process), history, action, attempt, task).await
    }

    /// The same for a run of which only the id is known, or that its process tries again.
    pub(crate) async fn carry_out(
        &self,
        (run, in_process): (FlowRunId, Option<&FlowRun>),
        history: &History,
        action: Action,
        attempt: Attempt,
        task: Option<&Task>,
    ) -> Result<Change, Failure> {
        let failed = |error: ApiError| failure::of(&error);
        let (proposed, change) = match action {
            Action::Nothing => return Ok(Change::Nothing(format!("the run is {}", history.state_type().name()))),
            Action::Cancel => {
                let proposal = states::cancelled("The flow run was cancelled and its ECS task has ended.", attempt);
                let proposed = propose::propose(&self.client, run, &proposal).await.map_err(failed)?;
                (proposed, Change::Cancelled)
            }
            Action::HandBack(reason) => {
                if let Some(run) = in_process {
                    self.client.release(run).await.map_err(failed)?;
                }
                let hand_backs = history.waited(attempt, self.now()).hand_backs;
                let delay = hand_back_delay(self.policy.hand_back_delay, hand_backs);
                // A claim that overtook a user who moved the run to a later time does not bring it forward.
                let moved = history.current().and_then(|state| state.state_details.scheduled_time);
                let due = states::later(self.now(), delay).max(moved.unwrap_or(Timestamp::MIN));
                let proposed = propose::hand_back(&self.client, run, &reason, due, attempt).await.map_err(failed)?;
                (proposed, Change::HandedBack { reason, delay })
            }
            Action::Crash(reason) => {
                let proposed = propose::crash(&self.client, run, &reason, attempt).await.map_err(failed)?;
                (proposed, Change::Crashed(reason))
            }
        };
        match proposed {
            Proposed::Set => {
                self.tell(run, &change, task).await;
                Ok(change)
            }
            Proposed::Not(why) => Ok(Change::Nothing(why)),
        }
    }

    /// Lines for the run's log.
    async fn tell(&self, run: FlowRunId, change: &Change, task: Option<&Task>) {
        let now = self.now();
        match change {
            Change::HandedBack { reason, delay } => {
                let line = format!("{} Tried again in {} s.", states::text(reason), delay.as_secs());
                self.logs.add(run, level::WARNING, line, now);
            }
            Change::Crashed(reason) => self.logs.add(run, level::ERROR, states::text(reason), now),
            _ => return,
        }
        let container = task.filter(|task| task.has_started()).and_then(|task| Some((task, task.main_container()?)));
        if let Some((task, container)) = container {
            let tail = timeout(TAIL_TIME, self.output.tail(task, &container.name, LINES)).await.unwrap_or_default();
            if !tail.is_empty() {
                let line = format!("Last lines of the container {}:\n{}", container.name, last(&tail.join("\n"), TAIL));
                self.logs.info(run, line, now);
            }
        }
    }

    /// Tells a task to stop. One that is stopping already is left to it.
    pub(crate) async fn stop(&self, task: &Task, reason: &str) -> Result<Change, Failure> {
        if task.desired_status == "STOPPED" {
            return Ok(Change::nothing("its task is stopping"));
        }
        self.tasks.stop(&task.cluster_arn, &task.task_arn, reason).await.map_err(Failure::unanswered)?;
        Ok(Change::TaskStopped { task_arn: task.task_arn.clone(), reason: reason.to_owned() })
    }
}

/// The end of a text, of at most so many characters.
fn last(text: &str, most: usize) -> String {
    let length = text.chars().count();
    text.chars().skip(length.saturating_sub(most)).collect()
}
