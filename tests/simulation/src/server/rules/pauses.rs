//! The rules about pauses.

use prefect_api::models::StateType;

use super::{Surroundings, Transition};

impl Transition<'_> {
    /// `HandlePausingFlows`.
    pub(super) fn pause(&mut self, world: &mut Surroundings<'_>) {
        let Some((initial, proposed)) = self.between(|_| true, |to| to == StateType::Paused) else { return };
        let verb = if proposed.name == "Suspended" { "suspend" } else { "pause" };
        if initial.state_type != StateType::Running {
            return self.reject(format!("Cannot {verb} flows that are not currently running."));
        }
        let key = proposed.state_details.pause_key.clone();
        let suspends = proposed.state_details.pause_reschedule;
        let key = key.unwrap_or_else(|| world.ids.next().to_string());
        if self.run.policy.pause_keys.contains(&key) {
            return self.reject(format!("This {verb} has already fired."));
        }
        if suspends && self.run.deployment.is_none() {
            return self.abort(format!("Cannot {verb} flows without a deployment."));
        }
        self.pause_key = Some(key);
    }

    /// `HandleResumingPausedFlows`.
    pub(super) fn resume(&mut self, world: &mut Surroundings<'_>) {
        let Some((initial, proposed)) = self.between(|from| from == StateType::Paused, |_| true) else { return };
        let to = proposed.state_type;
        let shown = proposed.name.to_lowercase();
        let (suspended, deadline) = (initial.state_details.pause_reschedule, initial.state_details.pause_timeout);
        let verb = if proposed.name == "Suspended" { "suspend" } else { "pause" };
        self.resumed = true;
        self.was_blocked = !suspended;
        let leaves = matches!(to, StateType::Running | StateType::Scheduled | StateType::Cancelling) || to.is_final();
        if !leaves {
            let to = to.name();
            self.reject(format!(
                "This run cannot transition to the StateType.{to} state from the StateType.PAUSED state."
            ));
        } else if suspended && self.run.deployment.is_none() {
            self.reject(format!("Cannot reschedule a {shown} flow run without a deployment."));
        } else if to != StateType::Cancelling && deadline.is_some_and(|deadline| deadline < world.now) {
            let message = format!("The flow was {shown} and never resumed.");
            let failed = world.state(StateType::Failed, "Failed", Some(message));
            self.replace(failed, format!("The flow run {verb} has timed out and can no longer resume."));
        }
    }
}
