//! Work pools in shadow: their runs are rendered and compared, and neither claimed nor launched.
//!
//! An operator who moves to pushpool sees what the installation would do, while the pool's worker still starts the runs. Two
//! lines tell of a run, as the reasons with which its message is acknowledged:
//!
//! * While the run is due and SCHEDULED, it is rendered with the dispatcher's settings and checked as before a launch. The line
//!   says what the launch would be, or why it would fail. The message comes back once, after [`LOOK_AGAIN`].
//! * As soon as the run has a task (`infrastructure_pid`), that task and its definition are read from ECS and compared with
//!   the rendered requests. The line says that they are the same, or which members differ.
//!
//! Nothing is written to the server. A run that no worker takes stays SCHEDULED: the poller sends it again, and the first poll
//! after the pool has left the shadow launches it. What an earlier delivery has claimed is launched all the same: no one else
//! would.

use std::time::Duration;

use ecs::{ClusterRef, Definition, Prepared, TaskArn, launch::TaskLauncher};
use serde_json::Value;

use super::Dispatcher;
use crate::{
    batch::Fate,
    message::ScheduledRun,
    outcome::Outcome,
    ports::{ControlPlane, Delivery, Failure, Inbox, Order, Reading, Started},
};

/// When a run is looked at again that its worker has not started yet. Workers ask for runs every 15 s by default, and ECS shows
/// a task some seconds after it was started.
const LOOK_AGAIN: Duration = Duration::from_secs(45);

impl<C: ControlPlane, L: TaskLauncher, Q: Inbox> Dispatcher<C, L, Q> {
    /// The same with work pools whose runs are only rendered. Only for runs that a server keeps: a message that carries its
    /// run would be lost.
    #[must_use]
    pub fn in_shadow(self, pools: impl IntoIterator<Item = String>) -> Self {
        Self { shadow: pools.into_iter().collect(), ..self }
    }

    /// Renders and compares a run, if its pool is in shadow. None if the run is to be handled.
    pub(super) async fn shadowed(&self, delivery: &Delivery, reading: &Result<Reading, Failure>) -> Option<Fate> {
        let message = &delivery.message;
        if !self.shadow.contains(&message.work_pool) {
            return None;
        }
        // Once: a message that keeps coming back is buried in the end.
        let may_return = !delivery.again;
        let reason = match reading {
            Ok(Reading::Due(order)) => match self.prepare(order) {
                Ok(prepared) => {
                    self.tell_of(message, &would_launch(&prepared));
                    return Some(if may_return { Fate::Returned(Some(LOOK_AGAIN)) } else { Fate::Acknowledged });
                }
                Err(failure) => would_fail(&failure),
            },
            Ok(Reading::Refused { claimed: false, reason } | Reading::Postponed { claimed: false, reason }) => {
                would_fail_with(reason)
            }
            Ok(Reading::NotOurs(_) | Reading::Unrecorded(_)) => match self.control.started(message).await {
                Ok(Started::NotYet) if may_return => return Some(Fate::Returned(Some(LOOK_AGAIN))),
                Ok(Started::Task { order, cluster, task_arn }) => self.compared(&order, &cluster, &task_arn).await,
                Ok(Started::NotYet | Started::Nothing) => return None,
                Err(failure) => format!("what was started for it cannot be told: {}", failure.diagnosis.summary),
            },
            _ => return None,
        };
        self.tell_of(message, &reason);
        Some(Fate::Acknowledged)
    }

    fn tell_of(&self, message: &ScheduledRun, reason: &str) {
        let reason = format!("its work pool is in shadow; {reason}");
        self.tell(Outcome::NotOurs { message, reason: &reason });
    }

    /// The task that runs beside the one that would.
    async fn compared(&self, order: &Order, cluster: &ClusterRef, task_arn: &TaskArn) -> String {
        let prepared = match self.prepare(order) {
            Ok(prepared) => prepared,
            Err(failure) => return format!("{}, while {task_arn} was started", would_fail(&failure)),
        };
        match self.launcher.differences(&prepared, cluster, task_arn).await {
            Ok(Some(places)) if places.is_empty() => format!("a launch would be the same as {task_arn}"),
            Ok(Some(places)) => format!("a launch would differ from {task_arn} in {}", places.join(", ")),
            Ok(None) => format!("{task_arn} was started, which ECS does not show"),
            Err(error) => format!("{task_arn} was started, and cannot be compared: {}", error.diagnosis.summary),
        }
    }
}

fn would_fail(failure: &Failure) -> String {
    would_fail_with(&failure.diagnosis)
}

fn would_fail_with(refused: &diagnosis::Diagnosis) -> String {
    format!("a launch would fail with {}: {}. {}", refused.code, refused.summary, refused.detail)
}

/// What a launch would be, without anything of the run's environment.
fn would_launch(prepared: &Prepared) -> String {
    let definition = match &prepared.definition {
        Definition::Existing(name) => name,
        Definition::Content { family, .. } => family,
    };
    let member = |name: &str| prepared.run_task.get(name).and_then(Value::as_str).unwrap_or("default").to_owned();
    let (cluster, launch_type) = (member("cluster"), member("launchType"));
    let mut text =
        format!("it would launch task definition {definition} in cluster {cluster} with launch type {launch_type}");
    for notice in &prepared.notices {
        text.push_str("; ");
        text.push_str(notice);
    }
    text
}

#[cfg(test)]
mod tests;
