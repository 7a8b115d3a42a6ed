//! What the server makes of a proposed state.
//!
//! Facts: prefect 3.8.8 and 3.9.1, `server/orchestration/core_policy.py` and `global_policy.py`, rule by rule and in their order.
//! A rule applies while the proposal is still of the type that was proposed: once one has replaced or dropped it, the
//! rest are silent, but what earlier ones did may be undone (there: "fizzled", `cleanup`). Reasons are the server's words.

mod concurrency;
mod entering;
mod pauses;

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use prefect_api::models::{StateType, Verdict};

use self::entering::enter;
use super::ids::Ids;
use super::models::{Deployment, Details, Release, RetryType, Run, RunPolicy, State};
use super::slots::{NoSuchLimit, Slots, expiry};

/// Which rules govern a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// All of them.
    Core,
    /// Those of a forced proposal.
    Minimal,
    /// Those of the service that marks runs late.
    Late,
}

/// Who proposes, by the `User-Agent`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Caller {
    /// Anyone but Prefect's own client: pushpool, the user interface.
    #[default]
    Other,
    /// Prefect's client since 3.4.11, which renews leases: a container.
    Prefect,
}

/// What the server made of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) reason: Option<Cow<'static, str>>,
    pub(super) delay_seconds: Option<i64>,
    /// Whether the run has entered a state.
    pub(super) changed: bool,
}

/// What rules know besides the run.
pub(super) struct Surroundings<'a> {
    pub(super) release: Release,
    pub(super) now: Timestamp,
    pub(super) caller: Caller,
    pub(super) deployment: Option<&'a Deployment>,
    pub(super) slots: &'a mut Slots,
    pub(super) ids: &'a mut Ids,
}

impl Surroundings<'_> {
    /// A state that a rule puts in place of the proposed one.
    pub(super) fn state(&mut self, state_type: StateType, name: &str, message: Option<String>) -> State {
        State {
            id: self.ids.next(),
            state_type,
            name: name.to_owned(),
            timestamp: self.now,
            message,
            data: None,
            state_details: Details::default(),
        }
    }

    fn limit(&self) -> Option<uuid::Uuid> {
        self.deployment.and_then(|deployment| deployment.limit)
    }

    fn grace(&self) -> Timestamp {
        let options = self.deployment.and_then(|deployment| deployment.options);
        expiry(self.now, options.and_then(|options| options.grace_period_seconds))
    }
}

/// Governs a proposal and sets what comes of it.
///
/// # Errors
/// The server fails (500) and nothing has changed.
pub(super) fn propose(
    run: &mut Run,
    proposed: State,
    rules: Rules,
    world: &mut Surroundings<'_>,
) -> Result<Outcome, NoSuchLimit> {
    let policy = run.policy.clone();
    let mut transition = Transition::new(run, proposed);
    match rules {
        Rules::Core => transition.core(world),
        Rules::Minimal => {
            if world.release == Release::V3_9 {
                transition.preserve_lease();
            }
            transition.keep_result();
            transition.cancel_at_once(world);
        }
        Rules::Late => {
            transition.late_once();
            transition.cancel_late(world);
        }
    }
    if rules != Rules::Late
        && let Err(error) = transition.release(world)
    {
        run.policy = policy;
        return Err(error);
    }
    Ok(transition.finish(world))
}

struct Transition<'a> {
    run: &'a mut Run,
    from: Option<StateType>,
    to: StateType,
    /// None once nothing is to be set.
    proposed: Option<State>,
    verdict: Verdict,
    reason: Option<Cow<'static, str>>,
    delay_seconds: Option<i64>,
    /// To be restored if the proposal does not stand: what leaving a final state resets.
    policy_before: Option<RunPolicy>,
    /// To be given back if the proposal does not stand.
    acquired: Option<uuid::Uuid>,
    pause_key: Option<String>,
    /// Whether the run left PAUSED, or was refused to by the rule of that itself.
    resumed: bool,
    /// Whether it was paused in its process.
    was_blocked: bool,
    /// Whether its lease ends, because who proposes does not renew it.
    lease_ends: bool,
}

impl<'a> Transition<'a> {
    fn new(run: &'a mut Run, proposed: State) -> Self {
        Self {
            from: run.state_type(),
            to: proposed.state_type,
            run,
            proposed: Some(proposed),
            verdict: Verdict::Accept,
            reason: None,
            delay_seconds: None,
            policy_before: None,
            acquired: None,
            pause_key: None,
            resumed: false,
            was_blocked: false,
            lease_ends: false,
        }
    }

    /// Whether the proposal is still of the type that was proposed.
    fn stands(&self) -> bool {
        self.proposed.as_ref().is_some_and(|proposed| proposed.state_type == self.to)
    }

    /// The run's state and the proposal, if a rule from these types to these applies. A run without a state has no
    /// governed transitions.
    fn between(
        &mut self,
        from: impl FnOnce(StateType) -> bool,
        to: impl FnOnce(StateType) -> bool,
    ) -> Option<(&State, &mut State)> {
        if !(self.stands() && self.from.is_some_and(from) && to(self.to)) {
            return None;
        }
        Some((self.run.states.last()?, self.proposed.as_mut()?))
    }

    fn drop_proposal(&mut self, verdict: Verdict, reason: impl Into<Cow<'static, str>>) {
        self.proposed = None;
        self.verdict = verdict;
        self.reason = Some(reason.into());
    }

    fn reject(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.drop_proposal(Verdict::Reject, reason);
    }

    fn abort(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.drop_proposal(Verdict::Abort, reason);
    }

    fn replace(&mut self, state: State, reason: impl Into<Cow<'static, str>>) {
        self.proposed = Some(state);
        self.verdict = Verdict::Reject;
        self.reason = Some(reason.into());
    }

    fn core(&mut self, world: &mut Surroundings<'_>) {
        self.preserve_lease();
        self.no_duplicates();
        self.leave_final();
        self.cancelling_to_cancelled();
        self.cancel_at_once(world);
        self.claim_once();
        self.validate_lease(world);
        self.secure_slot(world);
        self.end_lease(world);
        self.late_once();
        self.pause(world);
        self.resume(world);
        self.copy_scheduled_time();
        self.wait(world.now);
        self.retry(world);
    }

    /// `PreventDuplicateTransitions`.
    fn no_duplicates(&mut self) {
        let Some((initial, proposed)) = self.between(|_| true, |_| true) else { return };
        let id = initial.state_details.transition_id;
        if id.is_some() && id == proposed.state_details.transition_id {
            self.reject("This run has already made this state transition.");
        }
    }

    /// `HandleFlowTerminalStateTransitions`.
    fn leave_final(&mut self) {
        let without_deployment = self.run.deployment.is_none();
        let Some((initial, proposed)) = self.between(StateType::is_final, |_| true) else { return };
        let was = initial.state_type;
        let kept = was == StateType::Completed && is_persisted(initial);
        let keeps = is_persisted_data(proposed);
        let to = proposed.state_type;
        match to {
            StateType::Cancelling | StateType::Paused | StateType::Crashed => {
                self.abort(format!("Run is already in terminal state {}.", was.name()));
            }
            _ if kept && !to.is_final() => self.reject("Run is already COMPLETED."),
            StateType::Completed if kept && !keeps => self.reject(OVERWRITES),
            StateType::Scheduled if without_deployment => {
                self.abort("Cannot reschedule a run without an associated deployment.");
            }
            _ => {
                self.policy_before = Some(self.run.policy.clone());
                if !to.is_final() {
                    let policy = &mut self.run.policy;
                    policy.resuming = false;
                    policy.pause_keys.clear();
                    policy.retry_type = (to == StateType::Scheduled).then_some(RetryType::Reschedule);
                }
            }
        }
    }

    /// `PreventResultDataLoss`, all that a forced proposal knows of the above.
    fn keep_result(&mut self) {
        let Some((initial, proposed)) =
            self.between(|from| from == StateType::Completed, |to| to == StateType::Completed)
        else {
            return;
        };
        if is_persisted(initial) && !is_persisted_data(proposed) {
            self.reject(OVERWRITES);
        }
    }

    /// `EnforceCancellingToCancelledTransition`.
    fn cancelling_to_cancelled(&mut self) {
        if self.between(|from| from == StateType::Cancelling, |to| to != StateType::Cancelled).is_some() {
            self.reject("Cannot transition flows that are cancelling to a state other than Cancelled.");
        }
    }

    /// `BypassCancellingFlowRunsWithNoInfra`.
    fn cancel_at_once(&mut self, world: &mut Surroundings<'_>) {
        let without = self.run.infrastructure_pid.as_ref().is_none_or(String::is_empty);
        let waits = |from| matches!(from, StateType::Scheduled | StateType::Paused);
        let Some((initial, _)) = self.between(waits, |to| to == StateType::Cancelling) else { return };
        if initial.state_type == StateType::Scheduled && without || initial.name == "Resuming" {
            let cancelled = world.state(StateType::Cancelled, "Cancelled", None);
            self.replace(cancelled, "Scheduled flow run has no infrastructure to terminate.");
        } else if initial.state_type == StateType::Paused && initial.state_details.pause_reschedule {
            let cancelled = world.state(StateType::Cancelled, "Cancelled", None);
            self.replace(cancelled, "Suspended flow run has no infrastructure to terminate.");
        }
    }

    /// `PreventPendingTransitions`. A final state other than CANCELLED is not in it: a finished run can be claimed.
    fn claim_once(&mut self) {
        let busy = |from| {
            use StateType::{Cancelled, Cancelling, Pending, Running};
            matches!(from, Pending | Cancelling | Running | Cancelled)
        };
        let Some((initial, proposed)) = self.between(busy, |to| to == StateType::Pending) else { return };
        let next_phase =
            initial.state_type == StateType::Pending && initial.name != proposed.name && proposed.name != "Pending";
        if next_phase {
            let (before, details) = (&initial.state_details, &mut proposed.state_details);
            details.scheduled_time = before.scheduled_time;
            details.deployment_concurrency_lease_id = before.deployment_concurrency_lease_id;
        } else {
            let was = initial.state_type.name();
            self.abort(format!("This run is in a {was} state and cannot transition to a PENDING state."));
        }
    }

    /// `EnsureOnlyScheduledFlowsMarkedLate`.
    fn late_once(&mut self) {
        let Some((initial, proposed)) = self.between(|_| true, |to| to == StateType::Scheduled) else { return };
        if proposed.name != "Late" {
            return;
        }
        if initial.state_type != StateType::Scheduled {
            self.reject("Only scheduled flows can be marked late.");
        } else if initial.name == "Late" {
            self.reject("This flow run is already marked late.");
        }
    }

    /// `CopyScheduledTime`.
    fn copy_scheduled_time(&mut self) {
        let scheduled = |from| from == StateType::Scheduled;
        if let Some((initial, proposed)) = self.between(scheduled, |to| to == StateType::Pending) {
            let time = &mut proposed.state_details.scheduled_time;
            *time = time.or(initial.state_details.scheduled_time);
        }
    }

    /// `WaitForScheduledTime`.
    fn wait(&mut self, now: Timestamp) {
        let early = |from| matches!(from, StateType::Scheduled | StateType::Pending);
        let Some((initial, _)) = self.between(early, |to| to == StateType::Running) else { return };
        let Some(due) = initial.state_details.scheduled_time else { return };
        let microseconds = due.duration_since(now).as_micros();
        let (whole, part) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
        // Python rounds a half to the even number: down to 0.
        let seconds = whole + i128::from(part > 500_000);
        if seconds > 0 {
            self.drop_proposal(Verdict::Wait, "Scheduled time is in the future");
            self.delay_seconds = i64::try_from(seconds).ok();
        }
    }

    /// `RetryFailedFlows`.
    fn retry(&mut self, world: &mut Surroundings<'_>) {
        let from_running = |from| from == StateType::Running;
        let Some((initial, proposed)) = self.between(from_running, |to| to == StateType::Failed) else { return };
        let lease = initial.state_details.deployment_concurrency_lease_id;
        let (message, data) = (proposed.message.clone(), proposed.data.clone());
        let policy = &mut self.run.policy;
        if policy.retries.is_none_or(|retries| self.run.run_count > retries) {
            policy.retry_type = None;
            return;
        }
        policy.resuming = false;
        policy.pause_keys.clear();
        policy.retry_type = Some(RetryType::InProcess);
        let delay = SignedDuration::from_secs(i64::from(policy.retry_delay.unwrap_or(0)));
        let mut state = world.state(StateType::Scheduled, "AwaitingRetry", message);
        state.data = data;
        state.state_details.scheduled_time = Some(world.now + delay);
        state.state_details.deployment_concurrency_lease_id = lease;
        self.replace(state, "Retrying");
    }

    /// Sets the state, and what hangs on whether the proposal stands.
    fn finish(mut self, world: &mut Surroundings<'_>) -> Outcome {
        let stands = self.stands();
        if let (Some(before), false) = (self.policy_before.take(), stands) {
            self.run.policy = before;
        }
        if let (Some(lease), false) = (self.acquired, stands) {
            // Just taken, so its limit exists.
            let _ = world.slots.release(lease, None);
        }
        let lease = self.run.state().and_then(|state| state.state_details.deployment_concurrency_lease_id);
        if let (Some(lease), true, true) = (lease, self.lease_ends, stands) {
            world.slots.revoke(lease);
        }
        let changed = self.proposed.is_some();
        let to = self.proposed.as_ref().map(|state| state.state_type);
        if let Some(state) = self.proposed.take() {
            enter(self.run, state);
        }
        if let (Some(key), true) = (self.pause_key.take(), stands) {
            self.run.policy.pause_keys.insert(key);
        }
        if self.resumed && self.was_blocked && to == Some(StateType::Scheduled) && world.release == Release::V3_9 {
            // Its process is gone, so it starts from the beginning.
            self.run.policy.resuming = false;
            self.run.policy.pause_keys.clear();
            self.run.policy.retry_type = Some(RetryType::Reschedule);
        } else if self.resumed {
            // Set after the run count was, and left by a refusal too.
            self.run.policy.resuming = true;
        }
        Outcome { verdict: self.verdict, reason: self.reason, delay_seconds: self.delay_seconds, changed }
    }
}

const OVERWRITES: &str =
    "Cannot overwrite a COMPLETED state that carries persisted result data with one that does not.";

/// Whether a state that is set carries a result that counts as persisted.
fn is_persisted(state: &State) -> bool {
    state.data.as_ref().and_then(serde_json::Value::as_object).is_some_and(|data| !data.is_empty())
        && is_persisted_data(state)
}

fn is_persisted_data(state: &State) -> bool {
    let data = state.data.as_ref().and_then(serde_json::Value::as_object);
    data.is_some_and(|data| data.get("type").is_none_or(|it| it != "unpersisted"))
}
