//! Dead-letter queues, and the way back to the run queues.
//!
//! SQS's own redrive (StartMessageMoveTask) moves all messages or none, so messages are received, sent and deleted one by
//! one. Receiving hides a message for a while and changes nothing else: a dead-letter queue has no dead-letter queue.

use std::{collections::HashMap, time::Duration};

use aws::{SdkConfig, with_manner};
use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName,
        QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use dispatch::{message::RunQueue, ports::QueuedRun};
use jiff::Timestamp;

use super::trouble::Trouble;

/// Most messages of one request (SQS API reference, ReceiveMessage and the batch operations).
const BATCH: usize = 10;

/// Most bytes of the bodies of one SendMessageBatch. SQS takes 1 MiB; where that is not so yet, 256 KiB with attributes.
const BATCH_BYTES: usize = 200 * 1024;

/// What SQS answers for a queue that is not there: in its JSON protocol, and as older endpoints call it.
const MISSING: [&str; 2] = ["QueueDoesNotExist", "NonExistentQueue"];

/// A message of a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub message_id: String,
    /// Names this receive of it.
    pub receipt_handle: String,
    /// The body as it was sent.
    pub body: String,
    /// `ErrorCode`, if a function buried it. Without one SQS moved it here, after it had been delivered too often.
    pub code: Option<String>,
    /// `ErrorSummary`.
    pub summary: Option<String>,
    /// `ErrorDetail`.
    pub detail: Option<String>,
    /// The queue that SQS moved it from.
    pub source_arn: Option<String>,
    /// When it was first sent to a queue; for a buried copy, when it was buried.
    pub sent_at: Option<Timestamp>,
}

/// A dead-letter queue, or a queue that messages go back to.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue of that URL, or of that name. None if there is no such queue.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn find(config: &SdkConfig, queue: &str) -> Result<Option<Self>, Trouble> {
        let client = Client::new(config);
        Ok(url_of(&client, queue).await?.map(|url| Self { client, url }))
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// About how many messages it holds, those that somebody has just received included.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn depth(&self) -> Result<usize, Trouble> {
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let names = Some(vec![visible.clone(), hidden.clone()]);
        let get = self.client.get_queue_attributes().queue_url(&self.url).set_attribute_names(names);
        let attributes = match get.send().await {
            Ok(output) => output.attributes.unwrap_or_default(),
            // With a URL nobody has asked yet whether there is a queue.
            Err(error) => return Err(Trouble::of("sqs:GetQueueAttributes", &error)),
        };
        Ok([visible, hidden].iter().filter_map(|name| attributes.get(name)?.parse::<usize>().ok()).sum())
    }

    /// URLs of the queues whose messages end here.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn sources(&self) -> Result<Vec<String>, Trouble> {
        let listed = self.client.list_dead_letter_source_queues().queue_url(&self.url).send().await;
        listed.map(|output| output.queue_urls).map_err(|error| Trouble::of("sqs:ListDeadLetterSourceQueues", &error))
    }

    /// URL of the queue of that ARN, as the owner of this one sees it.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn url_of_arn(&self, arn: &str) -> Result<Option<String>, Trouble> {
        url_of(&self.client, arn.rsplit(':').next().unwrap_or(arn)).await
    }

    /// Receives up to ten messages, which nobody else sees for `hold`. None are left to receive when it returns none; of a
    /// FIFO queue those behind a message of their group that is held are not seen.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn receive(&self, hold: Duration) -> Result<Vec<Letter>, Trouble> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(10)
            .visibility_timeout(i32::try_from(hold.as_secs()).unwrap_or(i32::MAX))
            // Long polling asks all of SQS's servers; short polling may miss what is there.
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| Trouble::of("sqs:ReceiveMessage", &error))?;
        Ok(received.messages.unwrap_or_default().into_iter().map(letter).collect())
    }

    /// Shows held messages again at once. A hint: without it they are seen again when the hold is over.
    pub async fn give_back(&self, receipt_handles: &[String]) {
        for part in receipt_handles.chunks(BATCH) {
            let entries = part.iter().enumerate().filter_map(|(index, handle)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(handle).visibility_timeout(0).build().ok()
            });
            let change = self.client.change_message_visibility_batch().queue_url(&self.url);
            if let Err(error) = change.set_entries(Some(entries.collect())).send().await {
                let trouble = Trouble::of("sqs:ChangeMessageVisibility", &error);
                tracing::debug!(%trouble, "not shown again before the hold is over");
            }
        }
    }

    /// Deletes messages; for each, why it is still there, if it is.
    pub async fn delete(&self, receipt_handles: &[String]) -> Vec<Result<(), String>> {
        let mut all = Vec::with_capacity(receipt_handles.len());
        for part in receipt_handles.chunks(BATCH) {
            let entries = part.iter().enumerate().filter_map(|(index, handle)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
                entry.receipt_handle(handle).build().ok()
            });
            let delete = self.client.delete_message_batch().queue_url(&self.url);
            all.extend(match delete.set_entries(Some(entries.collect())).send().await {
                Ok(output) => outcomes(
                    part.len(),
                    output.successful().iter().map(|entry| entry.id()),
                    output.failed().iter().map(|entry| (entry.id(), entry.code(), entry.message())),
                ),
                Err(error) => vec![Err(Trouble::of("sqs:DeleteMessage", &error).to_string()); part.len()],
            });
        }
        all
    }

    /// Sends messages; for each, why the queue has not taken it, or is not known to have, if that is so.
    pub async fn send(&self, messages: &[QueuedRun]) -> Vec<Result<(), String>> {
        // Only FIFO queues have names that end so (SQS API reference, CreateQueue).
        let queue = if self.url.ends_with(".fifo") { RunQueue::Fifo } else { RunQueue::Standard };
        let mut all = Vec::with_capacity(messages.len());
        for part in parts(messages) {
            let entries = part.iter().enumerate().filter_map(|(index, message)| {
                let entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&message.body);
                with_manner(entry, queue, message).build().ok()
            });
            let send = self.client.send_message_batch().queue_url(&self.url);
            all.extend(match send.set_entries(Some(entries.collect())).send().await {
                Ok(output) => outcomes(
                    part.len(),
                    output.successful().iter().map(|entry| entry.id()),
                    output.failed().iter().map(|entry| (entry.id(), entry.code(), entry.message())),
                ),
                Err(error) => vec![Err(Trouble::of("sqs:SendMessage", &error).to_string()); part.len()],
            });
        }
        all
    }
}

pub(super) async fn url_of(client: &Client, queue: &str) -> Result<Option<String>, Trouble> {
    if queue.contains("://") {
        return Ok(Some(queue.to_owned()));
    }
    match client.get_queue_url().queue_name(queue).send().await {
        Ok(output) => Ok(output.queue_url),
        Err(error) => {
            let trouble = Trouble::of("sqs:GetQueueUrl", &error);
            if trouble.is(&MISSING) { Ok(None) } else { Err(trouble) }
        }
    }
}

fn letter(message: Message) -> Letter {
    let text = |name: &str| {
        let attribute = message.message_attributes.as_ref()?.get(name)?;
        attribute.string_value().map(str::to_owned)
    };
    let system = |name: MessageSystemAttributeName| message.attributes.as_ref()?.get(&name).cloned();
    let milliseconds = system(MessageSystemAttributeName::SentTimestamp).and_then(|text| text.parse().ok());
    Letter {
        code: text("ErrorCode"),
        summary: text("ErrorSummary"),
        detail: text("ErrorDetail"),
        source_arn: system(MessageSystemAttributeName::DeadLetterQueueSourceArn),
        sent_at: milliseconds.and_then(|at| Timestamp::from_millisecond(at).ok()),
        message_id: message.message_id.unwrap_or_default(),
        receipt_handle: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
    }
}

/// What became of each entry of a batch, by its index. What the answer does not name has no known outcome.
fn outcomes<'a>(
    count: usize,
    successful: impl Iterator<Item = &'a str>,
    failed: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)>,
) -> Vec<Result<(), String>> {
    let mut known: HashMap<&str, Result<(), String>> = successful.map(|id| (id, Ok(()))).collect();
    known.extend(failed.map(|(id, code, message)| (id, Err(format!("{code}: {}", message.unwrap_or("no message"))))));
    let unknown = || Err("the answer does not say what became of it".to_owned());
    (0..count).map(|index| known.remove(index.to_string().as_str()).unwrap_or_else(unknown)).collect()
}

/// Messages as they go together into one request.
fn parts(messages: &[QueuedRun]) -> Vec<&[QueuedRun]> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, message) in messages.iter().enumerate() {
        if index > start && (index - start == BATCH || bytes + message.body.len() > BATCH_BYTES) {
            parts.push(&messages[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += message.body.len();
    }
    if start < messages.len() {
        parts.push(&messages[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> QueuedRun {
        QueuedRun {
            body: "x".repeat(bytes),
            delay: Duration::ZERO,
            group: String::new(),
            deduplication_id: String::new(),
        }
    }

    #[test]
    fn requests_hold_ten_messages_and_no_more_than_sqs_takes() {
        let lengths = |messages: &[QueuedRun]| parts(messages).iter().map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&vec![of(100); 23]), [10, 10, 3]);
        // One that is too large goes alone, and SQS says so.
        assert_eq!(lengths(&[of(150_000), of(60_000), of(300_000), of(1)]), [1, 1, 1, 1]);
        assert_eq!(lengths(&[of(100_000), of(100_000), of(10)]), [3]);
    }

    #[test]
    fn what_an_answer_does_not_name_is_not_done() {
        let all = outcomes(3, ["2"].into_iter(), [("0", "Busy", None)].into_iter());
        assert_eq!(all[0], Err("Busy: no message".to_owned()));
        assert!(all[1].is_err() && all[2].is_ok());
    }
}
