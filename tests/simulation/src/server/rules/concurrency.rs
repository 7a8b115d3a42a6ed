//! The rules about a deployment's concurrency limit.

use jiff::SignedDuration;
use prefect_api::models::{StateType, Verdict};

use super::{Caller, Surroundings, Transition};
use crate::server::models::Collision;
use crate::server::slots::NoSuchLimit;

/// How long a run waits that found its deployment's limit full (`concurrency_slot_wait_seconds`).
const SLOT_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The server's words for that.
const FULL: &str = "Deployment concurrency limit reached.";

impl Transition<'_> {
    /// `PreserveDeploymentConcurrencyLeaseId`: the lease goes along, even from a final state.
    pub(super) fn preserve_lease(&mut self) {
        if let Some((initial, proposed)) = self.between(|_| true, |_| true) {
            let lease = &mut proposed.state_details.deployment_concurrency_lease_id;
            *lease = lease.or(initial.state_details.deployment_concurrency_lease_id);
        }
    }

    /// `ValidateDeploymentConcurrencyAtRunning`.
    pub(super) fn validate_lease(&mut self, world: &mut Surroundings<'_>) {
        let from_pending = |from| from == StateType::Pending;
        let Some((initial, proposed)) = self.between(from_pending, |to| to == StateType::Running) else { return };
        let lease = initial.state_details.deployment_concurrency_lease_id;
        proposed.state_details.deployment_concurrency_lease_id = lease;
        let (Some(lease), Caller::Prefect) = (lease, world.caller) else { return };
        let Some(limit) = world.limit() else { return };
        let expires = world.grace();
        if world.slots.renew(lease, expires) {
            return;
        }
        if world.slots.acquire(limit) {
            let lease = world.ids.next();
            world.slots.lease(lease, limit, expires);
            proposed.state_details.deployment_concurrency_lease_id = Some(lease);
            return;
        }
        let message = "Deployment concurrency slot lost during provisioning - no slots available to continue execution";
        let cancelled = world.state(StateType::Cancelled, "Cancelled", Some(message.to_owned()));
        self.replace(cancelled, "Deployment concurrency limit reached after lease expiry.");
    }

    /// `SecureFlowConcurrencySlots`.
    pub(super) fn secure_slot(&mut self, world: &mut Surroundings<'_>) {
        let free = |from| !matches!(from, StateType::Pending | StateType::Running | StateType::Cancelling);
        if self.run.deployment.is_none() || self.between(free, |to| to == StateType::Pending).is_none() {
            return;
        }
        let Some(deployment) = world.deployment else { return self.abort("Deployment not found.") };
        let Some(id) = deployment.limit else { return };
        let Some(limit) = world.slots.limit(id) else { return };
        if limit.limit == 0 {
            return self.abort("The deployment concurrency limit is 0. The flow will deadlock if submitted again.");
        }
        if world.slots.acquire(id) {
            let lease = world.ids.next();
            world.slots.lease(lease, id, world.grace());
            if let Some(proposed) = &mut self.proposed {
                proposed.state_details.deployment_concurrency_lease_id = Some(lease);
            }
            self.acquired = Some(lease);
            return;
        }
        let strategy = deployment.options.map(|options| options.collision_strategy).unwrap_or_default();
        let state = match strategy {
            Collision::Enqueue => {
                let mut state = world.state(StateType::Scheduled, "AwaitingConcurrencySlot", None);
                state.state_details.scheduled_time = Some(world.now + SLOT_WAIT);
                state
            }
            Collision::CancelNew => world.state(StateType::Cancelled, "Cancelled", Some(FULL.to_owned())),
        };
        self.replace(state, FULL);
    }

    /// `RemoveDeploymentConcurrencyLeaseForOldClientVersions`: done at the end, if the proposal stands.
    pub(super) fn end_lease(&mut self, world: &Surroundings<'_>) {
        let left = |to| matches!(to, StateType::Running | StateType::Cancelling);
        self.lease_ends =
            world.caller == Caller::Other && self.between(|from| from == StateType::Pending, left).is_some();
    }

    /// `EnforceDeploymentConcurrencyOnLate`.
    pub(super) fn cancel_late(&mut self, world: &mut Surroundings<'_>) {
        let is = |it| it == StateType::Scheduled;
        let strategy = world.deployment.and_then(|deployment| deployment.options).map(|it| it.collision_strategy);
        let full = world.limit().and_then(|id| world.slots.limit(id)).is_some_and(|it| it.active >= it.limit);
        if strategy != Some(Collision::CancelNew) || !full || self.between(is, is).is_none() {
            return;
        }
        let cancelled = world.state(StateType::Cancelled, "Cancelled", Some(FULL.to_owned()));
        self.replace(cancelled, "Deployment concurrency limit is full and uses the CANCEL_NEW strategy.");
    }

    /// `ReleaseFlowConcurrencySlots`: whoever leaves the busy states gives its slot back.
    pub(super) fn release(&mut self, world: &mut Surroundings<'_>) -> Result<(), NoSuchLimit> {
        let busy = |it| matches!(it, StateType::Pending | StateType::Running | StateType::Cancelling);
        let (Some(initial), Some(next)) = (self.run.states.last(), &self.proposed) else { return Ok(()) };
        if !busy(initial.state_type) || busy(next.state_type) || self.run.deployment.is_none() {
            return Ok(());
        }
        let retries_in_process =
            next.state_type == StateType::Scheduled && next.name == "AwaitingRetry" && self.verdict == Verdict::Reject;
        if retries_in_process {
            return Ok(());
        }
        match (initial.state_details.deployment_concurrency_lease_id, world.limit()) {
            (Some(lease), limit) => world.slots.release(lease, limit),
            (None, None) => Ok(()),
            (None, Some(limit)) if world.slots.give_back(limit) => Ok(()),
            (None, Some(_)) => Err(NoSuchLimit),
        }
    }
}
