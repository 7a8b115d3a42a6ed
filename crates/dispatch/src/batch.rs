//! How a batch of messages is handled, whatever they ask for.
//!
//! Every record goes its own way, as a task of its own: a failure, a panic or a record that takes too long does not touch the
//! others. What is not done [`RESERVE`] before the function's deadline is given up, so that the batch has its answer. A record
//! that is not done with stays in the queue and comes back, soon and not together with others.

use std::time::Duration;

use ecs::failure::Class;
use futures_util::future::{join, join_all};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    codes,
    ports::{Failure, Inbox, Source},
    sqs_event::{BatchItemFailure, BatchResponse, Record},
    timing::{RESERVE, stop_before},
};

/// How the handling of one record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done with.
    Acknowledged,
    /// To be delivered again, after this long if that matters.
    Returned(Option<Duration>),
}

/// The records of one invocation.
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    stop: Instant,
}

impl Batch {
    /// Records that are to be handled before `deadline`.
    pub(crate) fn new(records: Vec<Record>, deadline: Instant) -> Self {
        Self { records, stop: stop_before(deadline) }
    }

    /// What a future comes to, if it does before the time is over.
    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, Failure> {
        timeout_at(self.stop, future).await.map_err(|_| Failure::transient(codes::out_of_time()))
    }

    /// Handles records, by their places in the batch. `returned` is told of each that failed, panicked or took too long, and
    /// says what becomes of it.
    pub(crate) async fn each<F>(
        &self,
        handling: impl IntoIterator<Item = (usize, F)>,
        returned: impl Fn(usize, Failure) -> Fate,
    ) -> Vec<(usize, Fate)>
    where
        F: Future<Output = Result<Fate, Failure>> + Send + 'static,
    {
        let returned = &returned;
        let handled = handling.into_iter().map(|(index, future)| async move {
            let task = tokio::spawn(future);
            let abort = task.abort_handle();
            let failure = match timeout_at(self.stop, task).await {
                Ok(Ok(Ok(fate))) => return (index, fate),
                Ok(Ok(Err(failure))) => failure,
                Ok(Err(ended)) => {
                    // The panic's own text may quote data; the default hook has written it to standard error already.
                    let detail = if ended.is_panic() {
                        "a panic while the record was handled"
                    } else {
                        "its task was cancelled"
                    };
                    Failure { class: Class::Bug, diagnosis: codes::bug(detail) }
                }
                Err(_) => {
                    abort.abort();
                    Failure::transient(codes::out_of_time())
                }
            };
            (index, returned(index, failure))
        });
        join_all(handled).await
    }

    /// Ends the batch: has what is returned come back soon, beside `extras`, and answers. None of that decides anything, so it
    /// may take half of the reserve.
    pub(crate) async fn end<Q: Inbox>(
        &self,
        fates: &[Fate],
        (queues, from): (&Q, Source),
        extras: impl Future<Output = ()>,
    ) -> BatchResponse {
        let returned = self.records.iter().zip(fates).filter_map(|(record, fate)| match fate {
            Fate::Returned(wait) => Some((record, *wait)),
            Fate::Acknowledged => None,
        });
        let returned: Vec<(&Record, Option<Duration>)> = returned.collect();
        let _ = timeout(RESERVE / 2, join(extras, return_soon(queues, from, &returned))).await;
        let failure = |record: &Record| BatchItemFailure { item_identifier: record.message_id.clone() };
        BatchResponse { batch_item_failures: returned.into_iter().map(|(record, _)| failure(record)).collect() }
    }
}

/// Returned records shall not wait out the queue's visibility timeout, nor come back all at once.
async fn return_soon<Q: Inbox>(queues: &Q, from: Source, returned: &[(&Record, Option<Duration>)]) {
    let changes = returned.iter().filter(|(record, _)| !record.receipt_handle.is_empty()).map(|(record, wait)| {
        let ceiling = 5_u64 << record.receive_count().min(5);
        // SQS knows whole seconds.
        let wait = wait.map(|wait| wait.as_secs() + 1);
        let delay = wait.unwrap_or_else(|| fastrand::u64(ceiling / 2..=ceiling));
        queues.return_after(from, &record.receipt_handle, Duration::from_secs(delay))
    });
    join_all(changes).await;
}
