//! The run queue and the dead-letter queue in SQS.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::MessageAttributeValue,
};
use diagnosis::Diagnosis;
use dispatch::{
    codes,
    message::RunQueue,
    ports::{Failure, Inbox, PollQueue, Source},
    ring::PollMessage,
};
use ecs::failure::Class;

/// The queues a dispatcher writes to.
#[derive(Debug, Clone)]
pub struct SqsQueues {
    client: Client,
    run_queue_url: String,
    fifo_queue_url: Option<String>,
    dead_letter_queue_url: String,
}

impl SqsQueues {
    /// The queues at these URLs.
    #[must_use]
    pub fn new(
        client: Client,
        run_queue_url: String,
        fifo_queue_url: Option<String>,
        dead_letter_queue_url: String,
    ) -> Self {
        Self { client, run_queue_url, fifo_queue_url, dead_letter_queue_url }
    }

    fn url(&self, queue: RunQueue) -> Option<&str> {
        match queue {
            RunQueue::Standard => Some(&self.run_queue_url),
            RunQueue::Fifo => self.fifo_queue_url.as_deref(),
        }
    }
}

impl Inbox for SqsQueues {
    async fn dead_letter(&self, body: String, reason: &Diagnosis) -> Result<(), Failure> {
        dead_letter(&self.client, &self.dead_letter_queue_url, body, reason).await
    }

    async fn return_after(&self, from: Source, receipt_handle: &str, delay: Duration) {
        let Source::Runs(queue) = from else { return };
        if let Some(queue_url) = self.url(queue) {
            return_after(&self.client, queue_url, receipt_handle, delay).await;
        }
    }
}

/// Sends to one queue.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    queue_url: String,
}

impl Sender {
    /// The queue at this URL.
    #[must_use]
    pub fn new(config: &SdkConfig, queue_url: String) -> Self {
        Self { client: Client::new(config), queue_url }
    }

    /// Sends a body to the queue, which failures call `what`.
    ///
    /// # Errors
    /// [`Failure`] when it is not known to have been taken.
    pub async fn send(&self, what: &str, body: String) -> Result<(), Failure> {
        send(&self.client, (what, &self.queue_url), body, Duration::ZERO).await
    }
}

impl PollQueue for Sender {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        send(&self.client, ("poll queue", &self.queue_url), message.body_after(hops), delay).await
    }
}

/// Sends a body to a queue, of this name for failures and at this URL.
pub(crate) async fn send(
    client: &Client,
    (what, queue_url): (&str, &str),
    body: String,
    delay: Duration,
) -> Result<(), Failure> {
    let delay = Some(seconds(delay)).filter(|delay| *delay > 0);
    let sent = client.send_message().queue_url(queue_url).message_body(body).set_delay_seconds(delay).send();
    sent.await.map(drop).map_err(|error| failed(what, &error))
}

/// Makes a message visible again after `delay`, a hint.
pub(crate) async fn return_after(client: &Client, queue_url: &str, receipt_handle: &str, delay: Duration) {
    let change = client.change_message_visibility().queue_url(queue_url).receipt_handle(receipt_handle);
    let seconds = i32::try_from(delay.as_secs()).unwrap_or(900);
    if let Err(error) = change.visibility_timeout(seconds).send().await {
        tracing::debug!(error = describe(&error), "visibility not changed: the message comes back later");
    }
}

/// Copies a message to a dead-letter queue, with the reason as attributes.
pub(crate) async fn dead_letter(
    client: &Client,
    queue_url: &str,
    body: String,
    reason: &Diagnosis,
) -> Result<(), Failure> {
    // SQS takes no empty body, and an empty one is one of the things that end there.
    let body = if body.is_empty() { "(empty)".to_owned() } else { body };
    let mut message = client.send_message().queue_url(queue_url).message_body(body);
    for (name, value) in
        [("ErrorCode", reason.code.id()), ("ErrorSummary", &reason.summary), ("ErrorDetail", &reason.detail)]
    {
        if let Some(value) = attribute(value) {
            message = message.message_attributes(name, value);
        }
    }
    message.send().await.map(drop).map_err(|error| failed("dead-letter queue", &error))
}

/// A delay as SQS takes it: at most 900 s.
pub(crate) fn seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_secs()).unwrap_or(900).min(900)
}

/// A string attribute of at most 1,000 characters, without what SQS does not take.
fn attribute(text: &str) -> Option<MessageAttributeValue> {
    let text: String = text.chars().filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r')).take(1_000).collect();
    if text.is_empty() {
        return None;
    }
    MessageAttributeValue::builder().data_type("String").string_value(text).build().ok()
}

pub(crate) fn failed<E: ProvideErrorMetadata, R>(queue: &str, error: &SdkError<E, R>) -> Failure {
    Failure { class: Class::Transient, diagnosis: codes::queue_failed(queue, &describe(error)) }
}

pub(crate) fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(service) => {
            let error = service.err();
            format!("{}: {}", error.code().unwrap_or("unknown"), error.message().unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "no answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "the connection failed".to_owned(),
        _ => "the call could not be made or its answer not be read".to_owned(),
    }
}
