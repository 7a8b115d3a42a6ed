//! The invariants, and the notes they are checked on.
//!
//! Those about a moment are checked in the step that could break them; those about the end when the world has come to
//! rest, see [`super::rest`].

use std::collections::{BTreeMap, BTreeSet};

use dispatch::{infrastructure::mark, prefect::states::HANDED_BACK, runs::decide::NOT_STARTED};
use ecs::Attempt;
use jiff::{SignedDuration, Timestamp};
use local::{ecs::Status, wire::AwsError};
use prefect_api::{Method, Request, models::StateType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ends::{is_second_copy, went_on_unheard},
    fault::Fault,
    server::State,
    world::{Counts, PLANTED, World},
};

/// Within that time after its claim is given up a dispatcher that did not see so may launch an attempt: an invocation, and a
/// request that is late.
const DISPATCHER_LIVES: SignedDuration = SignedDuration::from_secs(82);

/// How the server's words for that begin (`ValidateDeploymentConcurrencyAtRunning`).
const SLOT_LOST: &str = "Deployment concurrency slot lost during provisioning";

/// An invariant. ARCHITECTURE.md says each in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// At most one task per attempt.
    OneTaskPerAttempt,
    /// No task for an attempt that was not claimed, or no longer the run's when it was.
    ClaimedFirst,
    /// A flow that ended does not start again unless it was scheduled again, and an attempt runs once.
    NoSecondStart,
    /// A limited pool or queue has no more live tasks than its limit.
    WithinLimits,
    /// A message is acknowledged when its outcome is recorded, or its attempt is no longer the run's.
    RecordedFirst,
    /// When faults have stopped, every due run ends or has a live task.
    EndsOrLives,
    /// No run stays PENDING without a task.
    NoneLeftPending,
    /// A run that ended stays as it ended.
    FinalIsFinal,
    /// Every live task is recorded as its run's.
    EveryTaskKnown,
    /// No task is stopped that runs its run, unless it was cancelled.
    WorkGoesOn,
    /// What cannot be read, and nothing else, ends in the dead-letter queue.
    OnlyPoisonIsDead,
    /// A run that can start does, though others stand before it that cannot; those whose deployment's limit is 0 wait.
    NoStarvation,
    /// No run whose task comes up in time loses the slot of its deployment before its flow begins.
    NoSlotLost,
    /// Observer and reconciler can tell the cluster of every run whose blocks and variables exist.
    ClusterKnown,
    /// A task runs the definition that was made for it, whoever else registers revisions of its family.
    OwnDefinition,
    /// No chain of invocations becomes so long that Lambda refuses the next.
    ChainsEnd,
}

impl Rule {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::OneTaskPerAttempt,
        Self::ClaimedFirst,
        Self::NoSecondStart,
        Self::WithinLimits,
        Self::RecordedFirst,
        Self::EndsOrLives,
        Self::NoneLeftPending,
        Self::FinalIsFinal,
        Self::EveryTaskKnown,
        Self::WorkGoesOn,
        Self::OnlyPoisonIsDead,
        Self::NoStarvation,
        Self::NoSlotLost,
        Self::ClusterKnown,
        Self::OwnDefinition,
        Self::ChainsEnd,
    ];
}

/// What happened in a world.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Requests that were planned, of all parties.
    pub steps: u64,
    /// Faults that were drawn, injected or not.
    pub faults: u64,
    /// Faults that were injected.
    pub injected: Counts<Fault>,
    /// Requests to the Prefect server.
    pub requests: u64,
    /// Requests to ECS.
    pub ecs_calls: u64,
    /// RunTask calls that reached ECS.
    pub run_tasks: u64,
    /// How often each invariant was looked at.
    pub checked: Counts<Rule>,
    /// What was broken.
    pub violations: Vec<(Rule, String)>,
    /// Outcomes that functions reported, by their names.
    pub outcomes: Counts<String>,
    /// Tasks by `startedBy`.
    pub tasks: BTreeMap<String, BTreeSet<String>>,
    /// Attempts that a poller has sent, for a mutation.
    pub sent: BTreeSet<String>,
    /// Pools of the runs.
    pub pool_of: BTreeMap<Uuid, usize>,
    /// Pools whose limits users have changed: what holds for them depends on the moment.
    pub changed_limits: BTreeSet<usize>,
    /// Pools that users have paused at some time.
    pub paused: BTreeSet<usize>,
    /// Bodies that nobody can read.
    pub poison: BTreeSet<String>,
    /// Longest time from the last fault to rest, in seconds.
    pub rest_after: u64,
    claims: BTreeMap<(Uuid, Uuid), Claim>,
    starts: BTreeMap<(Uuid, Uuid), u32>,
    /// The latest attempt of a run that was given up, and since when: no clock but the world's.
    marked: BTreeMap<Uuid, (Uuid, Timestamp)>,
    /// How runs had ended that were handed back then, and nothing since.
    displaced: BTreeMap<Uuid, StateType>,
    /// Cancelled runs whose tasks an observer saw alive, and let be.
    pub(super) let_be: BTreeSet<Uuid>,
    /// States in which processes have reported that their runs ended.
    pub(super) reported: BTreeSet<Uuid>,
}

/// A claim that the server accepted.
#[derive(Debug, Clone, Copy)]
struct Claim {
    /// Whether the run was at that attempt.
    current: bool,
}

/// A run's state before a proposal.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    state_id: Option<Uuid>,
    ended: Option<StateType>,
}

impl World {
    /// Notes the state of the run that a request is about to change.
    pub(super) fn before_proposal(&self, request: &Request) -> Option<(Uuid, Before)> {
        let run = proposed_run(request)?;
        let state = self.state_of(run);
        let ended = state.map(|state| state.state_type).filter(|it| is_final(*it));
        Some((run, Before { state_id: state.map(|state| state.id), ended }))
    }

    /// Looks at what a proposal did.
    pub(super) fn after_proposal(&mut self, who: &str, run: Uuid, before: Before) {
        let Some(state) = self.state_of(run).cloned() else { return };
        if before.state_id == Some(state.id) {
            return;
        }
        self.note(|| {
            format!("{run} is {} {:?} {:?}", state.state_type.name(), state.name, state.state_details.transition_id)
        });
        self.slot_kept(run, &state);
        if who == "container" && is_final(state.state_type) {
            self.ledger.reported.insert(state.id);
        }
        match state.state_type {
            StateType::Pending => {
                let Some(transition) = state.state_details.transition_id else { return };
                let ended = self.ledger.displaced.contains_key(&run);
                let claim = Claim { current: self.is_current(run, before, transition) && !ended };
                // A claim that held once holds, whatever a late copy of it did.
                self.ledger.claims.entry((run, transition)).or_insert(claim);
            }
            // A user lets a flow go on that its process has paused.
            StateType::Running if who == "user" => {}
            StateType::Running => self.flow_starts(run),
            // A late copy, then: only users schedule again what has ended. It is for nothing.
            StateType::Scheduled if state.name == HANDED_BACK => {
                if let Some(ended) = before.ended {
                    self.ledger.displaced.insert(run, ended);
                }
            }
            _ => {
                self.ledger.displaced.remove(&run);
            }
        }
    }

    /// Looks at a run that begins, or would have.
    fn slot_kept(&mut self, run: Uuid, state: &State) {
        let lost = state.state_type == StateType::Cancelled
            && state.message.as_deref().is_some_and(|text| text.starts_with(SLOT_LOST));
        let held =
            state.state_type == StateType::Running && state.state_details.deployment_concurrency_lease_id.is_some();
        if lost || held {
            self.checked(Rule::NoSlotLost);
        }
        if lost {
            self.violate(Rule::NoSlotLost, format!("{run} was cancelled when its flow began: its slot was lost"));
        }
    }

    /// Whether a claim is of the attempt that its run is at: of its SCHEDULED state, or of one of the same time, since a run
    /// becomes Late by a new state.
    fn is_current(&self, run: Uuid, before: Before, transition: Uuid) -> bool {
        let states = self.server.states(run);
        let time_of = |state_id: Uuid| {
            states.iter().find(|state| state.id == state_id).and_then(|state| state.state_details.scheduled_time)
        };
        let claimed = states
            .iter()
            .filter(|state| state.state_type == StateType::Scheduled)
            .find(|state| Attempt { flow_run_id: run.into(), state_id: state.id.into() }.transition_id() == transition);
        claimed.is_some_and(|claimed| {
            before.state_id == Some(claimed.id)
                || before.state_id.and_then(time_of) == claimed.state_details.scheduled_time
        })
    }

    fn flow_starts(&mut self, run: Uuid) {
        self.checked(Rule::NoSecondStart);
        let states = self.server.states(run);
        let Some(scheduled) = states.iter().rposition(|state| state.state_type == StateType::Scheduled) else { return };
        let key = (run, states[scheduled].id);
        let is_end = |place: &usize| is_final(states[*place].state_type) && !is_second_copy(&states[..=*place]);
        let ended = (scheduled..states.len()).find(is_end).map(|place| states[place].state_type);
        let starts = self.ledger.starts.entry(key).or_default();
        *starts += 1;
        let starts = *starts;
        let ended = ended.or_else(|| self.ledger.displaced.get(&run).copied());
        let unheard = went_on_unheard(states) && !self.ledger.let_be.contains(&run);
        if let Some(ended) = ended.filter(|_| !unheard) {
            self.violate(Rule::NoSecondStart, format!("{run} starts after it was {}", ended.name()));
        }
        if starts > 1 {
            self.violate(Rule::NoSecondStart, format!("{run} starts {starts} times for one attempt"));
        }
    }

    /// Decides what becomes of the next task.
    pub(super) fn inject_into_run_task(&mut self) {
        use local::ecs::{Failure, StartFailure, TaskFault, TaskRule};
        self.ledger.run_tasks += 1;
        let fault = if self.fault(Fault::NoCapacity) {
            let reason =
                "Capacity is unavailable at this time. Please try again later or in a different availability zone";
            TaskFault::RunTaskFailures(vec![Failure::new(reason)])
        } else if self.fault(Fault::FailsToStart) {
            let image = self.rng.bool();
            TaskFault::FailToStart(if image {
                StartFailure::cannot_pull("prefecthq/prefect")
            } else {
                StartFailure::network_interface()
            })
        } else if self.fault(Fault::StuckTask) {
            TaskFault::StuckProvisioning
        } else if self.fault(Fault::SpotInterruption) {
            TaskFault::InterruptSpot(self.rng.u64(0..60_000))
        } else {
            return;
        };
        self.ecs.inject(TaskRule::next(fault));
    }

    /// Looks at a task that is told to stop.
    pub(super) fn before_stop_task(&mut self, task_arn: &str, reason: &str) {
        let tasks = self.ecs.tasks();
        let Some(task) = tasks.iter().find(|task| task.task_arn == task_arn && task.status != Status::Stopped) else {
            return;
        };
        let Some(attempt) = task.started_by.as_deref().and_then(attempt) else { return };
        self.checked(Rule::WorkGoesOn);
        let states = self.server.states(attempt.flow_run_id.uuid());
        let runs = states.last().is_some_and(|state| state.state_type == StateType::Running) || is_second_copy(states);
        let claim = states.iter().rfind(|state| state.state_type == StateType::Pending);
        let its = claim.is_some_and(|claim| claim.state_details.transition_id == Some(attempt.transition_id()));
        // One that starts at the moment it is given up as one that does not is handed back.
        if runs && its && reason != NOT_STARTED {
            self.violate(Rule::WorkGoesOn, format!("{task_arn} runs its run and is stopped: {reason}"));
        }
    }

    /// Looks at what RunTask did.
    pub(super) fn after_run_task(&mut self, started_by: &str, answer: &Result<Value, AwsError>) {
        let Some(task_arn) = answer.as_ref().ok().and_then(|answer| answer["tasks"][0]["taskArn"].as_str()) else {
            return;
        };
        let tasks = self.ledger.tasks.entry(started_by.to_owned()).or_default();
        if !tasks.insert(task_arn.to_owned()) {
            return;
        }
        let count = tasks.len();
        self.checked(Rule::OneTaskPerAttempt);
        if count > 1 {
            self.violate(Rule::OneTaskPerAttempt, format!("{started_by} has {count} tasks"));
        }
        self.checked(Rule::OwnDefinition);
        if answer.as_ref().is_ok_and(|answer| answer["tasks"][0]["containers"][0]["image"] == PLANTED) {
            self.violate(Rule::OwnDefinition, format!("{started_by} runs a planted image"));
        }
        self.checked(Rule::ClaimedFirst);
        let Some(attempt) = attempt(started_by) else { return };
        match self.ledger.claims.get(&(attempt.flow_run_id.uuid(), attempt.transition_id())) {
            None => self.violate(Rule::ClaimedFirst, format!("{started_by} has a task and no claim")),
            Some(Claim { current: false }) => {
                self.violate(Rule::ClaimedFirst, format!("{started_by} was claimed when it was no longer the run's"));
            }
            Some(_) => {}
        }
        let now = self.now();
        let marked =
            self.ledger.marked.get(&attempt.flow_run_id.uuid()).filter(|(of, _)| *of == attempt.transition_id());
        if marked.is_some_and(|(_, since)| now.duration_since(*since) >= DISPATCHER_LIVES) {
            self.violate(Rule::ClaimedFirst, format!("{started_by} has a task though its claim was given up"));
        }
        self.within_limits(attempt.flow_run_id.uuid());
    }

    /// Notes since when attempts are marked as given up.
    pub(super) fn after_record(&mut self, request: &Request) {
        let Some(run) = request.path.strip_prefix("/flow_runs/").and_then(|id| Uuid::try_parse(id).ok()) else {
            return;
        };
        if request.method != Method::Patch {
            return;
        }
        let pid = self.server.run(run).and_then(|run| run.infrastructure_pid.as_deref());
        let Some((transition_id, _)) = pid.and_then(mark) else { return };
        let now = self.now();
        if self.ledger.marked.get(&run).is_none_or(|(of, _)| *of != transition_id) {
            self.ledger.marked.insert(run, (transition_id, now));
        }
    }

    fn within_limits(&mut self, run: Uuid) {
        let Some(pool) = self.ledger.pool_of.get(&run).copied() else { return };
        if self.ledger.changed_limits.contains(&pool) {
            return;
        }
        let plan = self.scenario.pools[pool];
        let Some(limit) = [plan.limit, plan.queue_limit].into_iter().flatten().min() else { return };
        self.checked(Rule::WithinLimits);
        let live = self.ecs.tasks();
        let has_containers =
            |task: &&local::ecs::TaskView| !matches!(task.status, Status::Stopped | Status::Deprovisioning);
        let live = live.iter().filter(has_containers).filter_map(|task| {
            let run = attempt(task.started_by.as_deref()?)?.flow_run_id.uuid();
            // What a deleted run's task takes, nobody can count.
            (self.ledger.pool_of.get(&run) == Some(&pool) && self.server.run(run).is_some()).then_some(task)
        });
        let live = live.count();
        if live > limit as usize {
            self.violate(Rule::WithinLimits, format!("pool {pool} has {live} live tasks and a limit of {limit}"));
        }
    }

    /// Looks at a message that is deleted.
    pub(super) fn acknowledged(&mut self, message_id: &str, body: &str) {
        let Ok(body) = serde_json::from_str::<Value>(body) else { return };
        let id = |name: &str| body[name].as_str().and_then(|id| Uuid::try_parse(id).ok());
        let (Some(flow_run_id), Some(state_id)) = (id("flow_run_id"), id("state_id")) else { return };
        let attempt = Attempt { flow_run_id: flow_run_id.into(), state_id: state_id.into() };
        let Some(state) = self.state_of(flow_run_id).cloned() else { return };
        self.checked(Rule::RecordedFirst);
        // Another message's claim is that one's to launch; it is still in the queue.
        let claimed = state.state_details.transition_id == Some(attempt.transition_id())
            && state.message.as_ref().is_none_or(|text| text.contains(message_id));
        // A late copy of the claim, after its outcome was recorded, is the reconciler's.
        let claims = self.server.states(flow_run_id).iter().filter(|it| {
            it.state_type == StateType::Pending && it.state_details.transition_id == state.state_details.transition_id
        });
        if state.state_type == StateType::Pending && claimed && claims.count() == 1 {
            let recorded = self.pid_of(flow_run_id);
            let known = self.ledger.tasks.get(&attempt.started_by()).is_some_and(|tasks| {
                tasks.iter().any(|task| recorded.is_some_and(|recorded| recorded.ends_with(task)))
            });
            let marked = self.ledger.marked.get(&attempt.flow_run_id.uuid());
            if !known && marked.is_none_or(|(of, _)| *of != attempt.transition_id()) {
                let what = format!("{flow_run_id} is claimed, its message is gone and its record is {recorded:?}");
                self.violate(Rule::RecordedFirst, what);
            }
        }
    }

    /// An invariant was looked at.
    pub(super) fn checked(&mut self, rule: Rule) {
        *self.ledger.checked.entry(rule).or_default() += 1;
    }
}

/// Whether a run in this state has ended.
#[must_use]
pub fn is_final(state: StateType) -> bool {
    matches!(state, StateType::Completed | StateType::Failed | StateType::Crashed | StateType::Cancelled)
}

/// The attempt that `startedBy` names.
#[must_use]
pub fn attempt(started_by: &str) -> Option<Attempt> {
    let (run, state) = started_by.split_once('/')?;
    Some(Attempt { flow_run_id: run.parse().ok()?, state_id: state.parse().ok()? })
}

fn proposed_run(request: &Request) -> Option<Uuid> {
    if request.method != Method::Post {
        return None;
    }
    let id = request.path.strip_prefix("/flow_runs/")?.strip_suffix("/set_state")?;
    Uuid::try_parse(id).ok()
}
