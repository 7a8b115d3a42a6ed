//! The queues that the functions write to, by what is sent. A dispatcher writes to none that it receives from: Lambda would
//! count every message as a step of a loop, and refuse the seventeenth (see [`chain`](crate::chain)).

use std::{future::Future, time::Duration};

use diagnosis::Diagnosis;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Failure, Look};
use crate::{
    check::Check,
    message::{RunQueue, ScheduledRun},
    ring::PollMessage,
};

/// The queue that a batch was received from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A run queue, a dispatcher's.
    Runs(RunQueue),
    /// The events queue, the observer's.
    Events,
}

/// What a function may do with the messages that it receives, besides handling them.
pub trait Inbox: Send + Sync + 'static {
    /// Copies a message that must not be delivered again to the dead-letter queue, with the reason as attributes.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn dead_letter(&self, body: String, reason: &Diagnosis) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Makes a message that is being returned visible again after `delay` instead of the queue's visibility timeout.
    /// A hint: a failure only means that it takes longer.
    fn return_after(&self, from: Source, receipt_handle: &str, delay: Duration) -> impl Future<Output = ()> + Send;
}

/// The run queues.
pub trait RunQueues: Send + Sync + 'static {
    /// Sends messages to a run queue. The answer has, for each message, whether it was taken.
    fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> impl Future<Output = Vec<bool>> + Send;

    /// How many messages are in a run queue, received ones included, as SQS counts them. None if it cannot be told.
    fn waiting(&self, queue: RunQueue) -> impl Future<Output = Option<u64>> + Send;
}

/// The poll queue.
pub trait PollQueue: Send + Sync + 'static {
    /// Sends a message to the poll queue, after so many `hops`, to arrive after `delay`.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn send_poll(
        &self,
        message: &PollMessage,
        hops: u32,
        delay: Duration,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The events queue.
pub trait EventsQueue: Send + Sync + 'static {
    /// Has the observer look at a run that is being cancelled, after `delay` (at most 900 s).
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    fn send_check(&self, check: Check, delay: Duration) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// One-time schedules, which send a message to the run queue and begin a new chain of invocations by it.
pub trait Schedules: Send + Sync + 'static {
    /// Has the body sent at `look.at` or within a minute after it. A schedule of that name that is there already is the same
    /// one.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been made.
    fn send_at(&self, look: &Look, body: String) -> impl Future<Output = Result<(), Failure>> + Send;
}

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

/// SQS takes letters, digits and punctuation of ASCII, 128 of them; names of pools may be anything.
fn group(work_pool: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, work_pool.as_bytes()).to_string()
}
