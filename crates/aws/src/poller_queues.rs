//! The queues a poller writes to, in SQS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{QueueAttributeName, SendMessageBatchRequestEntry, builders::SendMessageBatchRequestEntryBuilder},
};
use dispatch::{
    check::Check,
    message::RunQueue,
    ports::{EventsQueue, Failure, PollQueue, QueuedRun, RunQueues},
    ring::PollMessage,
};
use futures_util::future::join_all;

use crate::queues::{describe, seconds, send};

/// Most messages of one SendMessageBatch (SQS API reference).
const BATCH: usize = 10;

/// URLs of the queues a poller writes to.
#[derive(Debug, Clone)]
pub struct PollerQueueUrls {
    /// The poll queue: ticks and rings.
    pub poll: String,
    /// The standard run queue.
    pub run: String,
    /// The FIFO run queue, for work pools and queues with limits.
    pub fifo: String,
    /// The events queue: what the observer looks at.
    pub events: String,
}

/// [`RunQueues`], [`PollQueue`] and [`EventsQueue`] of a poller, in SQS.
#[derive(Debug, Clone)]
pub struct SqsPollerQueues {
    client: Client,
    urls: PollerQueueUrls,
}

impl SqsPollerQueues {
    /// The queues at these URLs.
    #[must_use]
    pub fn new(config: &SdkConfig, urls: PollerQueueUrls) -> Self {
        Self { client: Client::new(config), urls }
    }

    fn url(&self, queue: RunQueue) -> &str {
        match queue {
            RunQueue::Standard => &self.urls.run,
            RunQueue::Fifo => &self.urls.fifo,
        }
    }

    /// Up to ten messages; for each, whether it was taken.
    async fn send_batch(&self, queue: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        let url = self.url(queue);
        let entries = messages.iter().enumerate().map(|(index, message)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&message.body);
            with_manner(entry, queue, message).build()
        });
        let Ok(entries) = entries.collect::<Result<Vec<_>, _>>() else { return vec![false; messages.len()] };
        match self.client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await {
            Ok(answer) => {
                for failure in answer.failed() {
                    tracing::warn!(code = failure.code(), message = failure.message(), "a message was not taken");
                }
                let taken = |index: usize| answer.successful().iter().any(|entry| entry.id() == index.to_string());
                (0..messages.len()).map(taken).collect()
            }
            Err(error) => {
                tracing::warn!(error = describe(&error), "messages were not taken");
                vec![false; messages.len()]
            }
        }
    }
}

/// FIFO queues have no delay for single messages, standard ones no groups.
#[must_use]
pub fn with_manner(
    entry: SendMessageBatchRequestEntryBuilder,
    queue: RunQueue,
    message: &QueuedRun,
) -> SendMessageBatchRequestEntryBuilder {
    match queue {
        RunQueue::Standard => entry.delay_seconds(seconds(message.delay)),
        RunQueue::Fifo => entry.message_group_id(&message.group).message_deduplication_id(&message.deduplication_id),
    }
}

impl RunQueues for SqsPollerQueues {
    async fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        match queue {
            RunQueue::Standard => {
                join_all(messages.chunks(BATCH).map(|batch| self.send_batch(queue, batch))).await.concat()
            }
            // One after the other: the order is that of the server, by priority and time.
            RunQueue::Fifo => {
                let mut taken = Vec::with_capacity(messages.len());
                for batch in messages.chunks(BATCH) {
                    taken.extend(self.send_batch(queue, batch).await);
                }
                taken
            }
        }
    }

    async fn waiting(&self, queue: RunQueue) -> Option<u64> {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let asked = self.client.get_queue_attributes().queue_url(self.url(queue));
        match asked.set_attribute_names(Some(counts.to_vec())).send().await {
            Ok(answer) => {
                let attributes = answer.attributes()?;
                counts.iter().map(|name| attributes.get(name)?.parse::<u64>().ok()).sum()
            }
            Err(error) => {
                tracing::warn!(error = describe(&error), "the messages of the queue are not counted");
                None
            }
        }
    }
}

impl PollQueue for SqsPollerQueues {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        send(&self.client, ("poll queue", &self.urls.poll), message.body_after(hops), delay).await
    }
}

impl EventsQueue for SqsPollerQueues {
    async fn send_check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        send(&self.client, ("events queue", &self.urls.events), check.body(), delay).await
    }
}
