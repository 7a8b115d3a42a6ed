//! Work pools in shadow: their runs are rendered, and neither claimed nor launched.
//!
//! An operator who moves to pushpool sees so what the installation would do, while workers, or no one yet, start the runs.
//! A run of such a pool that is due is rendered with the dispatcher's settings and checked as before a launch. The result
//! is the reason with which the message is acknowledged. Nothing is written to the server, so the run stays
//! SCHEDULED and belongs to whoever takes it; the poller sends it again as long as no one does, and the first poll after
//! the pool has left the shadow launches it.
//!
//! What an earlier delivery has claimed is launched all the same: no one else would.

use ecs::{Definition, Prepared, launch::TaskLauncher};
use serde_json::Value;

use super::Dispatcher;
use crate::{
    batch::Fate,
    message::ScheduledRun,
    outcome::Outcome,
    ports::{ControlPlane, Failure, Inbox, Reading},
};

impl<C: ControlPlane, L: TaskLauncher, Q: Inbox> Dispatcher<C, L, Q> {
    /// The same with work pools whose runs are only rendered. Only for runs that a server keeps: a message that carries its
    /// run would be lost.
    #[must_use]
    pub fn in_shadow(self, pools: impl IntoIterator<Item = String>) -> Self {
        Self { shadow: pools.into_iter().collect(), ..self }
    }

    /// Renders a run that is not claimed, if its pool is in shadow. None if the run is to be handled.
    pub(super) fn shadowed(&self, message: &ScheduledRun, reading: &Result<Reading, Failure>) -> Option<Fate> {
        if !self.shadow.contains(&message.work_pool) {
            return None;
        }
        let rendered = match reading {
            Ok(Reading::Due(order)) => self.prepare(order).map_err(|failure| failure.diagnosis),
            Ok(Reading::Refused { claimed: false, reason } | Reading::Postponed { claimed: false, reason }) => {
                Err(reason.clone())
            }
            _ => return None,
        };
        let reason = match rendered {
            Ok(prepared) => would_launch(&prepared),
            Err(refused) => format!(
                "its work pool is in shadow; a launch would fail with {}: {}. {}",
                refused.code, refused.summary, refused.detail
            ),
        };
        self.tell(Outcome::NotOurs { message, reason: &reason });
        Some(Fate::Acknowledged)
    }
}

/// What a launch would be, without anything of the run's environment.
fn would_launch(prepared: &Prepared) -> String {
    let definition = match &prepared.definition {
        Definition::Existing(name) => name,
        Definition::Content { family, .. } => family,
    };
    let member = |name: &str| prepared.run_task.get(name).and_then(Value::as_str).unwrap_or("default").to_owned();
    let (cluster, launch_type) = (member("cluster"), member("launchType"));
    let mut text = format!(
        "its work pool is in shadow; it would launch task definition {definition} in cluster {cluster} with launch type \
         {launch_type}"
    );
    for notice in &prepared.notices {
        text.push_str("; ");
        text.push_str(notice);
    }
    text
}

#[cfg(test)]
mod tests;
