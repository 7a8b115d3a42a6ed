//! What became of a message of the run queues.

use std::time::Duration;

use diagnosis::Diagnosis;
use ecs::{failure::Class, launch::Launched};
use serde_json::{Value, json};

use crate::{codes::is_unreadable, message::ScheduledRun, metrics};

/// What became of one message.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// A task runs for it.
    Launched {
        /// The message.
        message: &'a ScheduledRun,
        /// The task.
        launched: &'a Launched,
        /// From when the run was due to now, in seconds; negative when launched ahead.
        due_to_launch: f64,
    },
    /// No task could be had just now.
    HandedBack {
        /// The message.
        message: &'a ScheduledRun,
        /// Why.
        reason: &'a Diagnosis,
        /// When the next attempt follows.
        delay: Duration,
    },
    /// There will be no task.
    Crashed {
        /// The message.
        message: &'a ScheduledRun,
        /// Why.
        reason: &'a Diagnosis,
    },
    /// The body could not be read; a copy went to the dead-letter queue.
    Malformed {
        /// SQS message id.
        message_id: &'a str,
        /// Why.
        reason: &'a Diagnosis,
    },
    /// The run is not this message's to launch.
    NotOurs {
        /// The message.
        message: &'a ScheduledRun,
        /// Why.
        reason: &'a str,
    },
    /// Looked at again later: not due yet, or the pool is paused.
    Deferred {
        /// The message.
        message: &'a ScheduledRun,
        /// Why.
        reason: &'a str,
        /// How long.
        delay: Duration,
    },
    /// Left in the queue, to be delivered again.
    Returned {
        /// SQS message id.
        message_id: &'a str,
        /// The message, where it could be read.
        message: Option<&'a ScheduledRun>,
        /// Transient or Bug.
        class: Class,
        /// Why.
        reason: &'a Diagnosis,
    },
}

impl Outcome<'_> {
    pub(super) fn log(&self) {
        match *self {
            Self::Launched { message, launched, due_to_launch } => tracing::info!(
                flow_run_id = %message.flow_run_id,
                state_id = %message.state_id,
                work_pool = %message.work_pool,
                task_arn = %launched.task_arn,
                definition_arn = launched.definition_arn.as_deref(),
                adopted = launched.adopted,
                due_to_launch_seconds = due_to_launch,
                "launched"
            ),
            Self::HandedBack { message, reason, delay } => tracing::warn!(
                flow_run_id = %message.flow_run_id,
                state_id = %message.state_id,
                work_pool = %message.work_pool,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                hand_backs = message.hand_backs.saturating_add(1),
                delay_seconds = delay.as_secs(),
                "handed back"
            ),
            Self::Crashed { message, reason } => tracing::error!(
                flow_run_id = %message.flow_run_id,
                state_id = %message.state_id,
                work_pool = %message.work_pool,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                resolution = %reason.resolution,
                "crashed"
            ),
            Self::Malformed { message_id, reason } => tracing::error!(
                message_id,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                resolution = %reason.resolution,
                "malformed"
            ),
            Self::NotOurs { message, reason } => tracing::info!(
                flow_run_id = %message.flow_run_id,
                state_id = %message.state_id,
                reason,
                "not ours"
            ),
            Self::Deferred { message, reason, delay } => tracing::info!(
                flow_run_id = %message.flow_run_id,
                state_id = %message.state_id,
                reason,
                delay_seconds = delay.as_secs(),
                "deferred"
            ),
            Self::Returned { message_id, message, class, reason } => tracing::warn!(
                message_id,
                flow_run_id = message.map(|message| tracing::field::display(message.flow_run_id)),
                class = ?class,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                "returned to the queue"
            ),
        }
    }

    /// The EMF line, if the outcome counts anything; `now` in milliseconds since 1970.
    #[must_use]
    pub fn metrics(&self, now: i64) -> Option<Value> {
        let (work_pool, values): (Option<&str>, Vec<(&str, f64)>) = match *self {
            Self::Launched { message, launched, due_to_launch } => (
                Some(&message.work_pool),
                vec![(if launched.adopted { "Adopted" } else { "Launched" }, 1.0), ("DueToLaunch", due_to_launch)],
            ),
            Self::HandedBack { message, reason, .. } if is_unreadable(reason) => {
                (Some(&message.work_pool), vec![("Blocked", 1.0)])
            }
            Self::HandedBack { message, .. } => (Some(&message.work_pool), vec![("HandedBack", 1.0)]),
            Self::Crashed { message, .. } => (Some(&message.work_pool), vec![("Crashed", 1.0)]),
            Self::Malformed { .. } => (None, vec![("Malformed", 1.0)]),
            Self::NotOurs { message, .. } => (Some(&message.work_pool), vec![("NotOurs", 1.0)]),
            Self::Deferred { .. } => return None,
            Self::Returned { message, .. } => {
                (message.map(|message| message.work_pool.as_str()), vec![("Returned", 1.0)])
            }
        };
        let mut line = metrics::line(work_pool, &values, now);
        if let Self::HandedBack { reason, .. } | Self::Crashed { reason, .. } | Self::Returned { reason, .. } = self {
            // A property, not a dimension: it can be queried, and costs no metric of its own.
            line["Code"] = json!(reason.code.id());
        }
        Some(line)
    }
}
