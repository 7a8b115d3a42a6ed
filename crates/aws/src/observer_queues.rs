//! The queues an observer writes to, in SQS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use diagnosis::Diagnosis;
use dispatch::{
    check::Check,
    ports::{EventsQueue, Failure, Inbox, PollQueue, Source},
    ring::PollMessage,
};

use crate::queues::{dead_letter, return_after, send};

/// URLs of the queues an observer writes to.
#[derive(Debug, Clone)]
pub struct ObserverQueueUrls {
    /// The events queue: its own, for what it has to look at again.
    pub events: String,
    /// The poll queue: work pools with a free slot are polled.
    pub poll: String,
    /// Where copies of unreadable messages go.
    pub dead_letter: String,
}

/// [`Inbox`], [`PollQueue`] and [`EventsQueue`] of an observer, in SQS.
#[derive(Debug, Clone)]
pub struct SqsObserverQueues {
    client: Client,
    urls: ObserverQueueUrls,
}

impl SqsObserverQueues {
    /// The queues at these URLs.
    #[must_use]
    pub fn new(config: &SdkConfig, urls: ObserverQueueUrls) -> Self {
        Self { client: Client::new(config), urls }
    }
}

impl PollQueue for SqsObserverQueues {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        send(&self.client, ("poll queue", &self.urls.poll), message.body_after(hops), delay).await
    }
}

impl EventsQueue for SqsObserverQueues {
    async fn send_check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        // Rounded up: whoever looks early has to look again.
        let delay = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
        send(&self.client, ("events queue", &self.urls.events), check.body(), delay).await
    }
}

impl Inbox for SqsObserverQueues {
    async fn dead_letter(&self, body: String, reason: &Diagnosis) -> Result<(), Failure> {
        dead_letter(&self.client, &self.urls.dead_letter, body, reason).await
    }

    async fn return_after(&self, _: Source, receipt_handle: &str, delay: Duration) {
        return_after(&self.client, &self.urls.events, receipt_handle, delay).await;
    }
}
