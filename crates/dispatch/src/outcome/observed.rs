//! What observer and reconciler saw of runs and their tasks, and did to them.

use prefect_ids::FlowRunId;
use std::time::Duration;

use diagnosis::{Code, Diagnosis};
use ecs::{TaskArn, failure::Class};
use prefect_api::models::{FlowRun, StateType};
use serde_json::Value;

use crate::metrics;

/// What was done to a run or its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing; the text says why.
    Nothing(String),
    /// It is CANCELLED.
    Cancelled,
    /// It is SCHEDULED again.
    HandedBack {
        /// Why.
        reason: Diagnosis,
        /// When it is due, from now.
        delay: Duration,
    },
    /// It is CRASHED.
    Crashed(Diagnosis),
    /// It is what it was before a late copy of a claim, or is being cancelled as it was before its process began: this type.
    Restored(StateType),
    /// What it runs on is recorded, which was not, or was that of an earlier attempt: the ARN of its task.
    Recorded(TaskArn),
    /// It was claimed and has no task. Dispatchers no longer launch it, and a later pass hands it back.
    GivenUp,
    /// Nothing, because its task may be in a cluster that cannot be told: the operator has to say more.
    ClusterUnknown(Diagnosis),
    /// It was waiting for its process to try it again, which is gone; the next poll finds it.
    Released,
    /// Its task was told to stop.
    TaskStopped {
        /// The task.
        task_arn: TaskArn,
        /// Why.
        reason: String,
    },
    /// Nothing yet: to be looked at again after this long.
    CheckAgain(Duration),
}

impl Change {
    pub(crate) fn nothing(why: &str) -> Self {
        Self::Nothing(why.to_owned())
    }
}

/// Who found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finder {
    /// The observer: an event or a check said it.
    Observer,
    /// The reconciler: no event had said it.
    Reconciler,
}

/// Something that was seen or done.
#[derive(Debug, Clone, Copy)]
pub enum Observed<'a> {
    /// A task is RUNNING.
    Running {
        /// Its run.
        flow_run_id: FlowRunId,
        /// Its ARN.
        task_arn: &'a TaskArn,
        /// Seconds from RunTask to the start of its containers.
        launch_to_running: f64,
    },
    /// A run was looked at.
    Run {
        /// Who looked.
        finder: Finder,
        /// The run; only its id may be known.
        flow_run_id: FlowRunId,
        /// The run.
        run: Option<&'a FlowRun>,
        /// What was done.
        change: &'a Change,
    },
    /// The body could not be read; a copy went to the dead-letter queue.
    Malformed {
        /// SQS message id.
        message_id: &'a str,
        /// Why.
        reason: &'a Diagnosis,
    },
    /// Left in the queue, to be delivered again.
    Returned {
        /// SQS message id.
        message_id: &'a str,
        /// The run, where it is known.
        flow_run_id: Option<FlowRunId>,
        /// Transient or Bug.
        class: Class,
        /// Why.
        reason: &'a Diagnosis,
    },
    /// Something that the reconciler could not look at or repair; the next pass does.
    Failed {
        /// The run, where it is about one.
        flow_run_id: Option<FlowRunId>,
        /// Why.
        reason: &'a Diagnosis,
    },
}

impl<'a> Observed<'a> {
    fn code(&self) -> Option<Code> {
        match *self {
            Self::Run {
                change: Change::HandedBack { reason, .. } | Change::Crashed(reason) | Change::ClusterUnknown(reason),
                ..
            }
            | Self::Returned { reason, .. }
            | Self::Failed { reason, .. } => Some(reason.code),
            _ => None,
        }
    }

    /// The EMF line, if it counts anything; `now` in milliseconds since 1970.
    #[must_use]
    pub fn metrics(&self, now: i64) -> Option<Value> {
        let (work_pool, values) = self.values();
        if values.is_empty() {
            return None;
        }
        let mut line = metrics::line(work_pool, &values, now);
        if let Some(code) = self.code() {
            line["Code"] = code.id().into();
        }
        Some(line)
    }

    /// The work pool, if known, and what is counted.
    fn values(&self) -> (Option<&'a str>, Vec<(&'static str, f64)>) {
        match *self {
            // Without the pool: it would have to be asked for.
            Self::Running { launch_to_running, .. } => (None, vec![("LaunchToRunning", launch_to_running)]),
            Self::Run { finder, run, change, .. } => {
                let name = match change {
                    Change::Nothing(_) | Change::CheckAgain(_) => return (None, Vec::new()),
                    Change::Cancelled => "Cancelled",
                    Change::HandedBack { .. } => "HandedBack",
                    Change::Crashed(_) => "Crashed",
                    Change::Restored(_) => "Restored",
                    Change::Released => "Released",
                    Change::GivenUp => "ClaimedWithoutTask",
                    Change::ClusterUnknown(_) => "ClusterUnknown",
                    Change::Recorded(_) => "Recorded",
                    Change::TaskStopped { .. } => "TaskStopped",
                };
                let mut values = vec![(name, 1.0)];
                if finder == Finder::Reconciler {
                    values.push(("Repaired", 1.0));
                }
                (run.and_then(|run| run.work_pool_name.as_deref()), values)
            }
            Self::Malformed { .. } => (None, vec![("Malformed", 1.0)]),
            Self::Returned { .. } => (None, vec![("Returned", 1.0)]),
            Self::Failed { .. } => (None, vec![("ReconcileFailed", 1.0)]),
        }
    }

    pub(super) fn log(&self) {
        match *self {
            Self::Running { flow_run_id, task_arn, launch_to_running } => {
                tracing::info!(%flow_run_id, %task_arn, launch_to_running_seconds = launch_to_running, "running");
            }
            Self::Run { finder, flow_run_id, run, change } => {
                let work_pool = run.and_then(|run| run.work_pool_name.as_deref());
                log_change(finder, flow_run_id, work_pool, change);
            }
            Self::Malformed { message_id, reason } => tracing::error!(
                message_id,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                resolution = %reason.resolution,
                "malformed"
            ),
            Self::Returned { message_id, flow_run_id, class, reason } => tracing::warn!(
                message_id,
                flow_run_id = flow_run_id.map(tracing::field::display),
                class = ?class,
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                "returned to the queue"
            ),
            Self::Failed { flow_run_id, reason } => tracing::error!(
                flow_run_id = flow_run_id.map(tracing::field::display),
                code = reason.code.id(),
                summary = %reason.summary,
                detail = %reason.detail,
                "not reconciled"
            ),
        }
    }
}

fn log_change(finder: Finder, flow_run_id: FlowRunId, work_pool: Option<&str>, change: &Change) {
    match change {
        Change::Nothing(reason) => tracing::info!(?finder, %flow_run_id, work_pool, reason, "nothing to do"),
        Change::CheckAgain(delay) => {
            tracing::info!(?finder, %flow_run_id, work_pool, delay_seconds = delay.as_secs(), "checked again");
        }
        Change::Cancelled => tracing::info!(?finder, %flow_run_id, work_pool, "cancelled"),
        Change::Recorded(task_arn) => tracing::warn!(?finder, %flow_run_id, work_pool, %task_arn, "recorded"),
        Change::GivenUp => {
            tracing::warn!(?finder, %flow_run_id, work_pool, "claimed and without a task: its claim is being given up");
        }
        Change::Released => {
            tracing::warn!(?finder, %flow_run_id, work_pool, "released: the process that was to try it again is gone");
        }
        Change::Restored(state) => {
            tracing::warn!(?finder, %flow_run_id, work_pool, state = state.name(), "restored after a late claim");
        }
        Change::TaskStopped { task_arn, reason } => {
            tracing::warn!(?finder, %flow_run_id, work_pool, %task_arn, reason, "task stopped");
        }
        Change::HandedBack { reason, delay } => tracing::warn!(
            ?finder,
            %flow_run_id,
            work_pool,
            code = reason.code.id(),
            summary = %reason.summary,
            detail = %reason.detail,
            delay_seconds = delay.as_secs(),
            "handed back"
        ),
        Change::ClusterUnknown(reason) => tracing::error!(
            ?finder,
            %flow_run_id,
            work_pool,
            code = reason.code.id(),
            summary = %reason.summary,
            detail = %reason.detail,
            resolution = %reason.resolution,
            "cluster unknown"
        ),
        Change::Crashed(reason) => tracing::error!(
            ?finder,
            %flow_run_id,
            work_pool,
            code = reason.code.id(),
            summary = %reason.summary,
            detail = %reason.detail,
            resolution = %reason.resolution,
            "crashed"
        ),
    }
}
