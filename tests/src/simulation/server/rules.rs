//! What the server makes of a proposed state (prefect 3.8.8, `orchestration/core_policy.py`, `CoreFlowPolicy`).
//!
//! The rules stand in the order in which they are asked there; the first that rejects, aborts or delays has the last word.

use jiff::{SignedDuration, Timestamp};
use prefect_api::models::{StateDetails, StateType};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Server,
    model::{State, details},
};

/// How long a run waits for a slot of its deployment (`PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS`).
const SLOT_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// How long a slot is held for a run that has not started (`initial_deployment_lease_duration`).
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(300);

/// A proposed state.
#[derive(Debug, Clone, Deserialize)]
pub struct Proposal {
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name; the type's own if there is none.
    #[serde(default)]
    pub name: Option<String>,
    /// What is said about it.
    #[serde(default)]
    pub message: Option<String>,
    /// Details.
    #[serde(default)]
    pub state_details: StateDetails,
    /// Whether a result is kept with it.
    #[serde(default)]
    pub persisted: bool,
}

/// What became of a proposal. Of all but WAIT and ABORT, the state that holds is the run's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the run's state.
    Accept,
    /// Another one is, and why.
    Reject(String),
    /// Nothing has changed, and why.
    Abort(String),
    /// Nothing has changed: to be proposed again after so long.
    Wait(SignedDuration),
}

/// What becomes of a deployment's slot when a run goes out of the states that have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Released,
    Kept,
}

/// What a rule says of a proposal.
enum Say {
    Reject(Option<Proposal>, &'static str),
    Abort(String),
    Wait(SignedDuration),
}

impl Server {
    /// Takes a proposal. None if there is no such run.
    pub fn propose(&mut self, now: Timestamp, run: Uuid, mut proposal: Proposal) -> Option<Verdict> {
        let current = self.runs.get(&run)?.state().clone();
        if let Some(transition) = proposal.state_details.transition_id
            && current.state_details.transition_id == Some(transition)
        {
            return Some(Verdict::Reject("This run has already made this state transition.".to_owned()));
        }
        // A name that is missing is the type's.
        let verdict = match self.judge(now, run, &current, &mut proposal) {
            None => {
                self.set(now, run, proposal, Slot::Released);
                Verdict::Accept
            }
            Some(Say::Reject(instead, why)) => {
                if let Some(instead) = instead {
                    // A flow that is tried again in its process keeps its slot.
                    let retries = instead.name.as_deref() == Some("AwaitingRetry");
                    self.set(now, run, instead, if retries { Slot::Kept } else { Slot::Released });
                }
                Verdict::Reject(why.to_owned())
            }
            Some(Say::Abort(why)) => Verdict::Abort(why),
            Some(Say::Wait(time)) => Verdict::Wait(time),
        };
        Some(verdict)
    }

    /// The minimal policy of a forced proposal.
    pub fn force(&mut self, now: Timestamp, run: Uuid, proposal: Proposal) -> Option<Verdict> {
        self.runs.get(&run)?;
        self.set(now, run, proposal, Slot::Released);
        Some(Verdict::Accept)
    }

    fn judge(&mut self, now: Timestamp, run: Uuid, from: &State, to: &mut Proposal) -> Option<Say> {
        use StateType::{Cancelled, Cancelling, Completed, Crashed, Failed, Paused, Pending, Running, Scheduled};
        let of = |state: StateType| matches!(state, Completed | Failed | Crashed | Cancelled);
        let lease = from.state_details.deployment_concurrency_lease_id;
        let kept = to.state_details.deployment_concurrency_lease_id.or(lease);
        to.state_details.deployment_concurrency_lease_id = kept;
        let to_type = to.state_type;
        let to_name = to.name.clone().unwrap_or_else(|| default_name(to_type).to_owned());
        if of(from.state_type) {
            if matches!(to_type, Cancelling | Paused | Crashed) {
                return Some(Say::Abort(format!("Run is already in terminal state {}.", from.state_type.name())));
            }
            if from.state_type == Completed && from.persisted && !of(to_type) {
                return Some(Say::Reject(None, "Run is already COMPLETED."));
            }
            if from.state_type == Completed && to_type == Completed && from.persisted && !to.persisted {
                let why =
                    "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not.";
                return Some(Say::Reject(None, why));
            }
        }
        if from.state_type == Cancelling && to_type != Cancelled {
            let why = "Cannot transition flows that are cancelling to a state other than Cancelled.";
            return Some(Say::Reject(None, why));
        }
        if from.state_type == Scheduled && to_type == Cancelling && self.runs[&run].infrastructure_pid.is_none() {
            let cancelled = plain(Cancelled, "Cancelled");
            return Some(Say::Reject(Some(cancelled), "Scheduled flow run has no infrastructure to terminate."));
        }
        if to_type == Pending && matches!(from.state_type, Pending | Cancelling | Running | Cancelled) {
            let onwards = from.state_type == Pending && from.name != to_name && to_name != "Pending";
            if !onwards {
                let from = from.state_type.name();
                return Some(Say::Abort(format!(
                    "This run is in a {from} state and cannot transition to a PENDING state."
                )));
            }
            to.state_details.scheduled_time = from.state_details.scheduled_time;
        }
        if from.state_type == Pending && to_type == Running {
            if let Some(say) = self.renew_at_running(now, run, to) {
                return Some(say);
            }
        }
        if to_type == Pending
            && !matches!(from.state_type, Pending | Running | Cancelling)
            && let Some(say) = self.secure_slot(now, run, to)
        {
            return Some(say);
        }
        if to_type == Scheduled && to_name == "Late" {
            if from.state_type != Scheduled {
                return Some(Say::Reject(None, "Only scheduled flows can be marked late."));
            }
            if from.name == "Late" {
                return Some(Say::Reject(None, "Already late."));
            }
        }
        if from.state_type == Scheduled && to_type == Pending {
            to.state_details.scheduled_time = from.state_details.scheduled_time;
        }
        if to_type == Running
            && matches!(from.state_type, Scheduled | Pending)
            && let Some(due) = from.state_details.scheduled_time
            && due > now
        {
            return Some(Say::Wait(due.duration_since(now)));
        }
        if from.state_type == Running && to_type == Failed {
            return self.retry(now, run, from, to);
        }
        None
    }

    fn retry(&mut self, now: Timestamp, run: Uuid, from: &State, to: &Proposal) -> Option<Say> {
        let run = self.runs.get_mut(&run)?;
        if run.run_count > run.retries {
            run.retry_type = None;
            return None;
        }
        run.retry_type = Some("in_process".to_owned());
        let mut retry = plain(StateType::Scheduled, "AwaitingRetry");
        retry.message.clone_from(&to.message);
        retry.state_details = details(Some(now), None);
        retry.state_details.deployment_concurrency_lease_id = from.state_details.deployment_concurrency_lease_id;
        Some(Say::Reject(Some(retry), "Retrying"))
    }

    fn secure_slot(&mut self, now: Timestamp, run: Uuid, to: &mut Proposal) -> Option<Say> {
        let id = self.runs[&run].deployment_id?;
        let Some(deployment) = self.deployments.get(&id) else {
            return Some(Say::Abort("Deployment not found.".to_owned()));
        };
        let (limit, cancel) = deployment.limit?;
        if limit == 0 {
            let why = "The deployment concurrency limit is 0. The flow will deadlock if submitted again.";
            return Some(Say::Abort(why.to_owned()));
        }
        if let Some(lease) = self.take_slot(now, id, limit) {
            to.state_details.deployment_concurrency_lease_id = Some(lease);
            return None;
        }
        let instead = if cancel {
            Proposal {
                message: Some("Deployment concurrency limit reached.".to_owned()),
                ..plain(StateType::Cancelled, "Cancelled")
            }
        } else {
            let mut waiting = plain(StateType::Scheduled, "AwaitingConcurrencySlot");
            waiting.state_details = details(Some(now + SLOT_WAIT), None);
            waiting
        };
        Some(Say::Reject(Some(instead), "Deployment concurrency limit reached."))
    }

    fn renew_at_running(&mut self, now: Timestamp, run: Uuid, to: &mut Proposal) -> Option<Say> {
        let lease = to.state_details.deployment_concurrency_lease_id?;
        let id = self.runs[&run].deployment_id?;
        let (limit, _) = self.deployments.get(&id)?.limit?;
        if let Some((_, until)) = self.leases.get_mut(&lease) {
            *until = now + LEASE;
            return None;
        }
        match self.take_slot(now, id, limit) {
            Some(lease) => {
                to.state_details.deployment_concurrency_lease_id = Some(lease);
                None
            }
            None => {
                let why = "Deployment concurrency slot lost during provisioning.";
                Some(Say::Reject(Some(plain(StateType::Cancelled, "Cancelled")), why))
            }
        }
    }

    fn take_slot(&mut self, now: Timestamp, deployment: Uuid, limit: u32) -> Option<Uuid> {
        let held = self.leases.values().filter(|(of, _)| *of == deployment).count();
        if held >= limit as usize {
            return None;
        }
        let lease = self.id();
        self.leases.insert(lease, (deployment, now + LEASE));
        Some(lease)
    }

    /// Makes it the run's state, with what follows from that.
    pub(super) fn set(&mut self, now: Timestamp, run: Uuid, proposal: Proposal, slot: Slot) {
        use StateType::{Cancelling, Pending, Running, Scheduled};
        let id = self.id();
        let Some(run) = self.runs.get_mut(&run) else { return };
        let from = run.states.last().cloned();
        let Proposal { state_type, name, message, state_details, persisted } = proposal;
        let name = name.unwrap_or_else(|| default_name(state_type).to_owned());
        let state = State { id, state_type, name, timestamp: now, message, state_details, persisted };
        let was_final = from.as_ref().is_some_and(|from| is_final(from.state_type));
        if was_final && !is_final(state_type) {
            run.retry_type = (state_type == Scheduled).then(|| "reschedule".to_owned());
            if state.name == "AwaitingRetry" {
                run.run_count = 0;
            }
        }
        // The slot goes when the run leaves these for anything else.
        let holds = |state_type| matches!(state_type, Pending | Running | Cancelling);
        if let Some(from) = &from
            && holds(from.state_type)
            && !holds(state_type)
            && let Some(lease) = from.state_details.deployment_concurrency_lease_id
            && slot == Slot::Released
        {
            self.leases.remove(&lease);
        }
        run.next_scheduled_start_time =
            (state_type == Scheduled).then_some(state.state_details.scheduled_time.unwrap_or(now));
        if state_type == Running {
            run.run_count += 1;
            run.start_time.get_or_insert(now);
        }
        run.end_time = is_final(state_type).then_some(now);
        run.states.push(state);
    }
}

fn plain(state_type: StateType, name: &str) -> Proposal {
    Proposal {
        state_type,
        name: Some(name.to_owned()),
        message: None,
        state_details: StateDetails::default(),
        persisted: false,
    }
}

fn is_final(state: StateType) -> bool {
    matches!(state, StateType::Completed | StateType::Failed | StateType::Crashed | StateType::Cancelled)
}

/// What a state is called that was given no name.
fn default_name(state_type: StateType) -> &'static str {
    match state_type {
        StateType::Scheduled => "Scheduled",
        StateType::Pending => "Pending",
        StateType::Running => "Running",
        StateType::Completed => "Completed",
        StateType::Failed => "Failed",
        StateType::Cancelled => "Cancelled",
        StateType::Crashed => "Crashed",
        StateType::Paused => "Paused",
        StateType::Cancelling => "Cancelling",
        _ => "Unknown",
    }
}
