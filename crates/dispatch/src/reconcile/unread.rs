//! Runs that no request returns. A dispatcher claims such a run only to hand it back, and a copy of that claim may come after the
//! hand back: then the run is PENDING, and no message is left for it. Its states can be read, and are all it takes.

use ecs::launch::TaskControl;
use prefect_api::{Transport, Unread, models::StateType};

use super::{REDELIVERIES, Reconciler};
use crate::{
    outcome::Change,
    ports::{Failure, TaskOutput},
    prefect::{failure, history, states::is_held},
    runs::{History, decide::bounded},
    timing::between,
};

impl<T: Transport, K: TaskControl, O: TaskOutput> Reconciler<T, K, O> {
    /// Reports a run that cannot be read, and settles it if nothing else will.
    pub(super) async fn unread(&self, unread: &Unread) {
        self.failed(Some(unread.id), &failure::unreadable(&unread.error).diagnosis);
        match self.settle_unread(unread).await {
            Ok(change) => self.done(unread.id, None, &change),
            Err(failure) => self.failed(Some(unread.id), &failure.diagnosis),
        }
    }

    async fn settle_unread(&self, Unread { id, state_type, error }: &Unread) -> Result<Change, Failure> {
        let mut states = self.runs.client.flow_run_states(*id).await.map_err(|error| failure::of(&error))?;
        history::put_last(&mut states, *state_type);
        let now = self.runs.now();
        let held = states.last().filter(|state| state.state_type == StateType::Pending && is_held(state));
        // The message of the claim comes back first, as a rule.
        if held.is_none_or(|state| between(state.timestamp, now) < REDELIVERIES * self.policy.runs.claim_grace) {
            return Ok(Change::nothing("the run is not held, or was held just now"));
        }
        let Some(claim) = history::claim(*id, &states) else {
            return Ok(Change::nothing("the run is claimed by somebody else"));
        };
        let history = History { states, claim: Some(claim) };
        if let Some(wrong) = history.wrong() {
            return self.runs.amend(*id, wrong, claim.attempt).await;
        }
        let past = self.runs.past(&history, claim.attempt);
        let action = bounded(failure::unreadable(error).diagnosis, past, self.policy.runs.limits());
        self.runs.carry_out((*id, None), &history, action, claim.attempt, None).await
    }
}
