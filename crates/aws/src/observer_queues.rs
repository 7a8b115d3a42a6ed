//! The queues an observer writes to, in SQS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use diagnosis::Diagnosis;
use dispatch::{check::Check, observe::ObserverQueues, ports::Failure, ring::PollMessage};

use crate::queues::{bury, describe, failed, seconds};

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

/// [`ObserverQueues`] in SQS.
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

impl ObserverQueues for SqsObserverQueues {
    async fn ring(&self, message: &PollMessage, hops: u32) -> Result<(), Failure> {
        let sent = self.client.send_message().queue_url(&self.urls.poll).message_body(message.body_after(hops));
        sent.send().await.map(drop).map_err(|error| failed("poll queue", &error))
    }

    async fn check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        // Rounded up: whoever looks early has to look again.
        let delay = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
        let sent = self.client.send_message().queue_url(&self.urls.events).message_body(check.body());
        let sent = sent.delay_seconds(seconds(delay)).send();
        sent.await.map(drop).map_err(|error| failed("events queue", &error))
    }

    async fn bury(&self, body: String, reason: &Diagnosis) -> Result<(), Failure> {
        bury(&self.client, &self.urls.dead_letter, body, reason).await
    }

    async fn hurry(&self, receipt_handle: &str, delay: Duration) {
        let change = self.client.change_message_visibility().queue_url(&self.urls.events);
        let changed = change.receipt_handle(receipt_handle).visibility_timeout(seconds(delay)).send();
        if let Err(error) = changed.await {
            tracing::debug!(error = describe(&error), "visibility not changed: the message comes back later");
        }
    }
}
