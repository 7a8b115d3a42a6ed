//! The queues a poller writes to, and its messages for the run queues.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    check::Check,
    message::ScheduledRun,
    ports::{Failure, RunQueue},
    ring::PollMessage,
};

/// A message for a run queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedRun {
    /// The body.
    pub body: String,
    /// When it is to arrive, from now (standard queue).
    pub delay: Duration,
    /// One group is handed out one batch at a time (FIFO queue): the work pool.
    pub group: String,
    /// Messages with the same id are one for five minutes (FIFO queue): attempt and poll.
    pub deduplication_id: String,
}

impl QueuedRun {
    /// A message with this body, sent `now`.
    #[must_use]
    pub fn of(message: &ScheduledRun, body: String, delay: Duration, now: Timestamp) -> Self {
        Self {
            body,
            delay,
            group: group(&message.work_pool),
            // Of this poll: the same attempt may have to be sent again within the five minutes.
            deduplication_id: format!("{}-{}", message.attempt().client_token(), now.as_millisecond()),
        }
    }
}

/// The queues a poller writes to.
pub trait PollerQueues: Send + Sync + 'static {
    /// Sends messages to a run queue. The answer has, for each message, whether it was taken.
    fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> impl Future<Output = Vec<bool>> + Send;

    /// How many messages are in a run queue, received ones included, as SQS counts them. None if it cannot be told.
    fn waiting(&self, queue: RunQueue) -> impl Future<Output = Option<u64>> + Send;

    /// Sends a message to the poll queue, after so many `hops`, to arrive after `delay`.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn send_tick(
        &self,
        message: &PollMessage,
        hops: u32,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Has the observer look at a run that is being cancelled.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn send_check(&self, check: Check) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// SQS takes letters, digits and punctuation of ASCII, 128 of them; names of pools may be anything.
fn group(work_pool: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, work_pool.as_bytes()).to_string()
}
