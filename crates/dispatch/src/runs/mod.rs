//! What observer and reconciler do to a run, whichever of them found out first.
//!
//! A run is changed only on the ground of its history, read right before: which attempt holds it, whether the flow ran,
//! how long it waited. The *claim* in the history says which task is the run's, because an attempt has exactly one task
//! and `startedBy` names the attempt; `infrastructure_pid` may still be that of an earlier attempt, and decides only where
//! no claim of pushpool's is the last one. So an old event, a repeated one and one that comes after the next attempt find
//! that the task is not the run's, or that the run has moved on, and change nothing.

mod cancelling;
mod clusters;
pub mod decide;
mod ended;
pub mod reasons;
#[cfg(test)]
mod stopped;

use std::{sync::Arc, time::Duration};

use diagnosis::Diagnosis;
use ecs::{Attempt, launch::TaskControl, task::Task};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{FlowRun, State, StateType, WorkPool, WorkQueue, level},
};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;
use work_pool::Object;

pub(crate) use self::cancelling::CANCELLED;
use self::{
    clusters::{Clusters, rendered},
    decide::{Action, Limits, Past, decide},
};
use crate::{
    hand_back::{HAND_BACK_DELAY, hand_back_delay},
    infrastructure::{Infrastructure, SHOWN_AFTER, given_up},
    outcome::Change,
    ports::{Clock, Failure, TaskOutput, Waited},
    prefect::{
        cache::Kept,
        failure,
        history::{self, Claimed, Wrong},
        logs::Logs,
        references::References,
        states::{self, Proposed},
    },
    timing::between,
};

/// How long pools and their queues are kept: only whether they have limits and where their tasks run is asked of them.
const POOL_LIFE: Duration = Duration::from_secs(60);

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
    pub clusters: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            capacity_timeout: Duration::from_secs(3_600),
            hand_back_delay: HAND_BACK_DELAY,
            interruptions: 10,
            cancel_grace: Duration::from_secs(60),
            claim_grace: Duration::from_secs(120),
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

/// The states a run has had, and what they say.
pub(crate) struct History {
    pub(crate) states: Vec<State>,
    /// The claim that holds, if it is pushpool's.
    pub(crate) claim: Option<Claimed>,
}

impl History {
    /// The state the run is in.
    pub(crate) fn current(&self) -> Option<&State> {
        self.states.last()
    }

    /// What is wrong with that state.
    pub(crate) fn wrong(&self) -> Option<Wrong<'_>> {
        history::wrong(&self.states)
    }

    pub(crate) fn state_type(&self) -> StateType {
        self.current().map_or(StateType::Unknown, |state| state.state_type)
    }

    /// How long the run has been waiting, for a task that was launched for `attempt`.
    fn waited(&self, attempt: Attempt, now: Timestamp) -> Waited {
        history::waited(&self.states, attempt.state_id).unwrap_or(Waited { since: now, hand_backs: 0 })
    }
}

/// The task of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Located {
    /// ECS knows it.
    Task(Box<Task>),
    /// There is none, or it is over: ECS has forgotten it, or more tasks have stopped than the search looks through. The
    /// run was read again after the search and had not changed.
    Nowhere,
    /// The run or its task is not pushpool's.
    Unknown(&'static str),
    /// Its task may be in a cluster that cannot be told; the operator has to say more.
    NoCluster(Box<Diagnosis>),
}

/// A work pool and its queues.
pub(crate) struct Pool {
    pub(crate) pool: WorkPool,
    pub(crate) queues: Vec<WorkQueue>,
}

/// Changes runs of a Prefect server on the ground of what became of their tasks.
pub(crate) struct Runs<T, K, O> {
    pub(crate) client: Client<T>,
    pub(crate) tasks: Arc<K>,
    output: O,
    pub(crate) policy: Policy,
    pub(crate) clock: Clock,
    logs: Logs,
    pools: Kept<String, Option<Arc<Pool>>>,
    references: References,
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    pub(crate) fn new(client: Client<T>, tasks: Arc<K>, output: O, policy: Policy, clock: Clock) -> Self {
        let (pools, references) = (Kept::new(POOL_LIFE), References::new());
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
    pub(crate) async fn amend(&self, run: Uuid, wrong: Wrong<'_>, attempt: Attempt) -> Result<Change, Failure> {
        let proposal = states::amended(wrong, attempt);
        let proposed = states::propose(&self.client, run, &proposal).await;
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
        (run, in_process): (Uuid, Option<&FlowRun>),
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
                let proposed = states::propose(&self.client, run, &proposal).await.map_err(failed)?;
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
                let proposed = states::hand_back(&self.client, run, &reason, due, attempt).await.map_err(failed)?;
                (proposed, Change::HandedBack { reason, delay })
            }
            Action::Crash(reason) => {
                let proposed = states::crash(&self.client, run, &reason, attempt).await.map_err(failed)?;
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
    async fn tell(&self, run: Uuid, change: &Change, task: Option<&Task>) {
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

    /// The run's history; empty if the run is gone.
    pub(crate) async fn history(&self, run: &FlowRun) -> Result<History, Failure> {
        let holds = run.state_id.or_else(|| run.state.as_ref().map(|state| state.id));
        let states = history::read(&self.client, run.id, holds).await.map_err(|error| failure::of(&error))?;
        let claim = history::claim(run.id, &states);
        Ok(History { states, claim })
    }

    /// The task of the claim that holds.
    pub(crate) async fn locate(&self, run: &FlowRun, history: &History) -> Result<Located, Failure> {
        let recorded = Infrastructure::of_run(run);
        if let Some(Infrastructure { cluster, task_arn }) = &recorded {
            let described = match self.tasks.describe(cluster, std::slice::from_ref(task_arn)).await {
                Ok(described) => described,
                Err(error) if error.is_no_cluster() => Vec::new(),
                Err(error) => return Err(Failure::unanswered(error)),
            };
            for task in described {
                if task.attempt().is_none() {
                    return Ok(Located::Unknown("its task is not pushpool's"));
                }
                if is_task_of(run, history, &task) {
                    return Ok(Located::Task(Box::new(task)));
                }
            }
        }
        let Some(claim) = history.claim else {
            return Ok(match recorded {
                Some(_) => Located::Nowhere,
                None => Located::Unknown("it is claimed by somebody else"),
            });
        };
        let clusters = self.clusters(run, recorded.as_ref()).await?;
        for cluster in &clusters.names {
            match self.tasks.started_by(cluster, &claim.attempt.started_by()).await {
                Ok(tasks) => {
                    if let Some(task) = tasks.into_iter().next() {
                        return Ok(Located::Task(Box::new(task)));
                    }
                }
                Err(error) if error.is_no_cluster() => {}
                Err(error) => return Err(Failure::unanswered(error)),
            }
        }
        if let Some(reason) = clusters.unknown {
            return Ok(Located::NoCluster(Box::new(reason)));
        }
        // A task that has stopped, or was told to, may be missed there. If it ran the flow, the run says so by now.
        let holds = match self.client.flow_run(run.id).await {
            Ok(latest) => latest.state_id.or_else(|| latest.state.map(|state| state.id)),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(failure::of(&error)),
        };
        let moved_on = holds != history.current().map(|state| state.id);
        Ok(if moved_on { Located::Unknown("the run has moved on") } else { Located::Nowhere })
    }

    /// Where a run's task may be.
    async fn clusters(&self, run: &FlowRun, recorded: Option<&Infrastructure>) -> Result<Clusters, Failure> {
        let mut clusters = Clusters::default();
        if let Some(Infrastructure { cluster, .. }) = recorded {
            clusters.add(cluster);
        }
        match self.cluster_of(run).await? {
            Ok(cluster) => clusters.add(&cluster),
            // An operator who lists clusters lists all that a block may name.
            Err(_) if !self.policy.clusters.is_empty() => {}
            Err(why) => clusters.unknown = Some(clusters::unknown(run, &why)),
        }
        for cluster in &self.policy.clusters {
            clusters.add(cluster);
        }
        Ok(clusters)
    }

    /// The cluster that a run is launched in, by its pool, deployment and job variables; or why it cannot be told.
    pub(crate) async fn cluster_of(&self, run: &FlowRun) -> Result<Result<String, String>, Failure> {
        let deployment = match run.deployment_id {
            None => None,
            Some(id) => {
                let found = self.client.deployments(&[id]).await.map_err(|error| failure::of(&error))?;
                // A deployment that is gone may have named a cluster.
                let Some(deployment) = found.into_iter().next() else {
                    return Ok(Err(format!("The server has no deployment {id}, which may have named a cluster.")));
                };
                Some(deployment)
            }
        };
        let pool = match &run.work_pool_name {
            Some(name) => self.pool(name).await?,
            None => None,
        };
        let Some(pool) = pool else {
            return Ok(Err("The work pool of the run does not exist.".to_owned()));
        };
        let of_deployment = deployment.and_then(|deployment| deployment.job_variables).unwrap_or_default();
        let of_run = run.job_variables.clone().unwrap_or_default();
        let template = &pool.pool.base_job_template;
        match rendered(&self.client, &self.references, template, &of_deployment, &of_run, self.now()).await {
            Ok(rendered) => Ok(rendered),
            // A block that the server fails to read for ever must not keep a run from its end where the settings suffice.
            Err(failure) if !self.policy.clusters.is_empty() => Ok(Err(clusters::text(failure.diagnosis))),
            Err(failure) => Err(failure),
        }
    }

    /// The same of a run that has no job variables.
    pub(crate) async fn cluster_of_pool(&self, template: &Value) -> Result<Result<String, String>, Failure> {
        let none = Object::new();
        rendered(&self.client, &self.references, template, &none, &none, self.now()).await
    }

    /// A work pool with its queues. None if there is no such pool.
    pub(crate) async fn pool(&self, name: &str) -> Result<Option<Arc<Pool>>, Failure> {
        let now = self.now();
        if let Some(pool) = self.pools.get(&name.to_owned(), now, Timestamp::MIN) {
            return Ok(pool);
        }
        let read = futures_util::future::try_join(self.client.work_pool(name), self.client.work_queues(name)).await;
        let pool = match read {
            Ok((pool, queues)) => Some(Arc::new(Pool { pool, queues })),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(failure::of(&error)),
        };
        self.pools.put(name.to_owned(), pool.clone(), now);
        Ok(pool)
    }

    /// Whether runs of the run's work pool or queue are counted, so that its end makes room for another.
    pub(crate) async fn is_limited(&self, run: &FlowRun) -> bool {
        let Some(name) = &run.work_pool_name else { return false };
        match self.pool(name).await {
            Ok(Some(pool)) => {
                let queue = pool.queues.iter().find(|queue| Some(queue.id) == run.work_queue_id);
                pool.pool.concurrency_limit.is_some() || queue.is_some_and(|queue| queue.concurrency_limit.is_some())
            }
            // Not known: a poll too many does no harm.
            Ok(None) | Err(_) => true,
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

/// Whether the end of its task says something about a run.
pub(crate) fn is_open(state: StateType) -> bool {
    matches!(state, StateType::Pending | StateType::Running | StateType::Cancelling)
}

/// Whether a run waits for its process to try it again, and nobody else will.
pub(crate) fn is_left_alone(run: &FlowRun) -> bool {
    run.state_type() == StateType::Scheduled && run.retries_in_process()
}

/// Whether a task is the one that the run runs on.
fn is_task_of(run: &FlowRun, history: &History, task: &Task) -> bool {
    match history.claim {
        Some(claim) => task.attempt() == Some(claim.attempt),
        // Claimed by somebody else, whose record is still to come.
        None if history.state_type() == StateType::Pending => false,
        None => Infrastructure::of_run(run).is_some_and(|recorded| recorded.task_arn == task.task_arn),
    }
}

/// The end of a text, of at most so many characters.
fn last(text: &str, most: usize) -> String {
    let length = text.chars().count();
    text.chars().skip(length.saturating_sub(most)).collect()
}
