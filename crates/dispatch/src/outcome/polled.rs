//! What a poll found and did.

use prefect_ids::FlowRunId;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::metrics;

/// How many of the runs of a pool that cannot start are named in the log of a poll.
const NAMED: usize = 5;

/// What a poll tells.
#[derive(Debug, Clone, Copy)]
pub enum Polling<'a> {
    /// A work pool was polled.
    Polled(&'a Polled),
    /// Something could not be polled or sent; the next poll does it. The text says what.
    Failed(&'a str),
    /// A poll got through: every work pool was asked, or said why it could not be.
    Ended,
}

impl Polling<'_> {
    pub(super) fn log(&self) {
        match *self {
            Self::Polled(polled) => polled.log(),
            Self::Failed(detail) => tracing::error!(detail, "poll failed"),
            Self::Ended => {}
        }
    }

    /// The EMF line, if it counts anything; `now` in milliseconds since 1970.
    #[must_use]
    pub fn metrics(&self, now: i64) -> Option<Value> {
        match self {
            Self::Polled(polled) => {
                let values = polled.metrics();
                (!values.is_empty()).then(|| metrics::line(Some(&polled.work_pool), &values, now))
            }
            Self::Failed(_) => Some(metrics::line(None, &[("PollFailed", 1.0)], now)),
            Self::Ended => Some(metrics::line(None, &[("Polls", 1.0)], now)),
        }
    }
}

/// What a poll of one work pool found and did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polled {
    /// The work pool.
    pub work_pool: String,
    /// Runs that the server handed out.
    pub found: usize,
    /// Messages that were sent.
    pub sent: usize,
    /// Messages that a queue did not take; their runs are sent with the next poll.
    pub not_sent: usize,
    /// How long the run that waits longest has been due, in seconds. Runs of closed deployments are to wait, and do not count.
    pub oldest_due_seconds: f64,
    /// Due runs that cannot start, and why.
    pub blocked: BTreeMap<FlowRunId, Blocked>,
}

impl Polled {
    fn log(&self) {
        let Self { work_pool, found, sent, not_sent, oldest_due_seconds, blocked } = self;
        tracing::info!(work_pool, found, sent, not_sent, oldest_due_seconds, blocked = blocked.len(), "polled");
        for (flow_run_id, why) in blocked.iter().take(NAMED) {
            let reason = why.says();
            tracing::warn!(work_pool, %flow_run_id, reason, of = blocked.len(), "a due run cannot start");
        }
    }

    /// What a poll counts. Zeros are not sent: each metric costs in every hour in which it is sent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        let counted = [
            ("Found", self.found as f64),
            ("Sent", self.sent as f64),
            ("OldestDue", self.oldest_due_seconds),
            ("Blocked", self.blocked.len() as f64),
        ];
        counted.into_iter().filter(|(_, value)| *value > 0.0).collect()
    }
}

/// Why a run that was handed out cannot start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The concurrency limit of its deployment is 0.
    Closed,
    /// Dispatchers were sent it several times and could not claim it.
    Stuck,
}

impl Blocked {
    /// For people.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::Closed => "the concurrency limit of its deployment is 0: raise it, or cancel the run",
            Self::Stuck => "it was sent several times and is still SCHEDULED: look for it in the dispatcher's log",
        }
    }
}
