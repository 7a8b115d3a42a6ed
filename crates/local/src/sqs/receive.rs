//! ReceiveMessage, DeleteMessage, ChangeMessageVisibility and their batches (API reference, pages of these names).
//!
//! # Receipt handles
//!
//! Every receive gives a message a new handle. What an *older* handle may still do is where AWS is vague, and here
//! the answer is the one that is harder on the caller:
//!
//! * deleting on a standard queue succeeds and deletes nothing ("the request will succeed, but the message might not
//!   be deleted"); with the latest handle it deletes, also after the visibility timeout has ended;
//! * on a FIFO queue a handle is good only while its message is in flight: afterwards "The receipt handle has
//!   expired";
//! * changing the visibility of a message that is not in flight is `MessageNotInflight`, as the model has it. The
//!   service itself has been seen to accept it on standard queues shortly after the timeout; a caller must not rely
//!   on that.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::engine::{Engine, Receipt};
use super::message::{Message, Place};
use super::queue::{Queue, Taken};
use super::send::{batch_output, check_entry_ids};
use super::{digest, error};
use crate::clock::Millis;
use crate::wire::AwsError;

/// Longest a message can stay hidden, counted from its receive: 12 hours.
const MAX_VISIBILITY: Millis = 43_200_000;

/// System attributes that can be asked for (service model, `MessageSystemAttributeName`).
const SYSTEM_ATTRIBUTES: [&str; 10] = [
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReceiveMessage {
    queue_url: String,
    // The older name of the next one; both may be given.
    attribute_names: Option<Vec<String>>,
    message_system_attribute_names: Option<Vec<String>>,
    message_attribute_names: Option<Vec<String>>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteMessage {
    queue_url: String,
    receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibility {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Batch<E> {
    queue_url: String,
    entries: Vec<E>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeEntry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

impl Engine {
    /// How long a ReceiveMessage with this input may wait for a message: its own WaitTimeSeconds or the queue's.
    pub fn wait(&mut self, input: &Value) -> Millis {
        let queue_wait = input["QueueUrl"].as_str().and_then(|url| self.queue(url).ok()).map(|q| q.attributes.wait);
        let own = input["WaitTimeSeconds"].as_u64().map(|seconds| seconds * 1_000);
        own.or(queue_wait).unwrap_or_default().min(20_000)
    }

    pub(crate) fn receive_message(&mut self, now: Millis, input: ReceiveMessage) -> Result<Value, AwsError> {
        let account = self.account.account_id.clone();
        let queue = self.queue(&input.queue_url)?;
        let name = queue.name.clone();
        let max = in_range(input.max_number_of_messages, 1, 10, 1).map_err(|given| {
            error::invalid_value(given, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
        })?;
        in_range(input.wait_time_seconds, 0, 20, 0)
            .map_err(|given| error::invalid_value(given, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."))?;
        let visibility = match input.visibility_timeout {
            None => queue.attributes.visibility,
            Some(seconds) => visibility(seconds)?,
        };
        let mut system = input.attribute_names.unwrap_or_default();
        system.extend(input.message_system_attribute_names.unwrap_or_default());
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(error::unknown_attribute(unknown));
        }
        if queue.is_full() {
            return if queue.attributes.fifo { Ok(json!({})) } else { Err(error::over_limit()) };
        }
        let wanted = input.message_attribute_names.unwrap_or_default();

        let redrive = queue.attributes.redrive.clone();
        let target = redrive.as_ref().and_then(|redrive| self.queue_by_arn(&redrive.target_arn));
        let target = target.map(|queue| queue.name.clone());
        // Without its dead-letter queue a message stays where it is and is delivered on.
        let max_receive_count = redrive.filter(|_| target.is_some()).map(|redrive| redrive.max_receive_count);
        let Some(queue) = self.queues.get_mut(&name) else { return Err(error::queue_does_not_exist()) };
        let Taken { received, dead } = queue.take(now, max, visibility, max_receive_count);
        let messages: Vec<Value> = received
            .into_iter()
            .filter_map(|seq| {
                let message = queue.get(seq)?;
                let handle = Self::receipt_handle(&name, seq, message.receipt, &message.id);
                Some(render(message, handle, &account, &system, &wanted))
            })
            .collect();
        let source_arn = queue.arn.clone();
        if let Some(target) = target.and_then(|target| self.queues.get_mut(&target)) {
            for message in dead {
                bury(target, message, source_arn.clone(), now);
                self.buried = true;
            }
        }
        Ok(if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) })
    }

    pub(crate) fn delete_message(&mut self, input: DeleteMessage) -> Result<Value, AwsError> {
        delete(self.queue(&input.queue_url)?, &input.receipt_handle).map(|()| json!({}))
    }

    pub(crate) fn delete_message_batch(&mut self, input: Batch<DeleteEntry>) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        check_entry_ids(input.entries.iter().map(|entry| entry.id.as_str()))?;
        let delete = |entry: DeleteEntry| (entry.id, delete(queue, &entry.receipt_handle).map(|()| json!({})));
        Ok(batch_output(input.entries.into_iter().map(delete).collect()))
    }

    pub(crate) fn change_message_visibility(
        &mut self,
        now: Millis,
        input: ChangeMessageVisibility,
    ) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        change(queue, now, &input.receipt_handle, input.visibility_timeout).map(|()| json!({}))
    }

    pub(crate) fn change_message_visibility_batch(
        &mut self,
        now: Millis,
        input: Batch<ChangeEntry>,
    ) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        check_entry_ids(input.entries.iter().map(|entry| entry.id.as_str()))?;
        let change = |entry: ChangeEntry| {
            let outcome = match entry.visibility_timeout {
                Some(seconds) => change(queue, now, &entry.receipt_handle, seconds),
                None => Err(error::missing_parameter("VisibilityTimeout")),
            };
            (entry.id, outcome.map(|()| json!({})))
        };
        Ok(batch_output(input.entries.into_iter().map(change).collect()))
    }
}

fn in_range(given: Option<i64>, least: i64, most: i64, default: usize) -> Result<usize, i64> {
    match given {
        None => Ok(default),
        Some(number) if (least..=most).contains(&number) => usize::try_from(number).map_err(|_| number),
        Some(number) => Err(number),
    }
}

fn visibility(seconds: i64) -> Result<Millis, AwsError> {
    let millis = u64::try_from(seconds).ok().map(|seconds| seconds.saturating_mul(1_000));
    millis.filter(|millis| *millis <= MAX_VISIBILITY).ok_or_else(|| {
        error::invalid_value(seconds, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200")
    })
}

/// Puts a message into a dead-letter queue. Its receive count goes on (seen in recorded answers). On a standard queue
/// retention counts from when it was first sent, on a FIFO queue from now (developer guide, "Using dead-letter
/// queues", "message retention periods").
fn bury(target: &mut Queue, mut message: Message, source_arn: String, now: Millis) {
    if target.attributes.fifo {
        message.enqueued = now;
    }
    message.source_arn = Some(source_arn);
    message.place = Place::Waiting(now);
    target.insert(message);
}

/// A message as ReceiveMessage returns it.
fn render(message: &Message, handle: String, sender: &str, system: &[String], wanted: &[String]) -> Value {
    let mut output = Map::new();
    output.insert("MessageId".into(), message.id.clone().into());
    output.insert("ReceiptHandle".into(), handle.into());
    output.insert("MD5OfBody".into(), digest::of_body(&message.body).into());
    output.insert("Body".into(), message.body.clone().into());
    let mut attributes = message.system_attributes(sender);
    if !system.iter().any(|name| name == "All") {
        attributes.retain(|name, _| system.contains(name));
    }
    if !attributes.is_empty() {
        output.insert("Attributes".into(), attributes.into());
    }
    let chosen: BTreeMap<_, _> = message
        .attributes
        .iter()
        .filter(|(name, _)| wanted.iter().any(|pattern| is_wanted(pattern, name)))
        .map(|(name, attribute)| (name.clone(), attribute))
        .collect();
    if let Some(md5) = digest::of_attributes(&chosen) {
        // Over what is returned, not over what was sent, so that the client can check it.
        output.insert("MD5OfMessageAttributes".into(), md5.into());
        let rendered = chosen.into_iter().map(|(name, attribute)| (name, attribute.to_json()));
        output.insert("MessageAttributes".into(), Value::Object(rendered.collect()));
    }
    Value::Object(output)
}

/// `All`, `.*`, `prefix.*`, or a name (API reference, ReceiveMessage, `MessageAttributeNames`).
fn is_wanted(pattern: &str, name: &str) -> bool {
    match pattern {
        "All" | ".*" => true,
        _ => pattern.strip_suffix(".*").map_or(pattern == name, |prefix| name.starts_with(prefix)),
    }
}

fn expired(handle: &str) -> AwsError {
    error::invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
}

fn delete(queue: &mut Queue, handle: &str) -> Result<(), AwsError> {
    let receipt = Engine::receipt(&queue.name, handle)?;
    let Some(message) = message_of(queue, &receipt) else {
        // Deleted before, by this or another consumer: deleting is idempotent.
        return Ok(());
    };
    let latest = message.receipt == receipt.number;
    let in_flight = matches!(message.place, Place::InFlight(_));
    if queue.attributes.fifo && !(latest && in_flight) {
        return Err(expired(handle));
    }
    if latest {
        queue.remove(receipt.seq);
    }
    Ok(())
}

fn change(queue: &mut Queue, now: Millis, handle: &str, seconds: i64) -> Result<(), AwsError> {
    let timeout = visibility(seconds)?;
    let receipt = Engine::receipt(&queue.name, handle)?;
    let Some(message) = message_of(queue, &receipt) else {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        return Err(error::invalid_value(handle, "ReceiptHandle", reason));
    };
    if queue.attributes.fifo && message.receipt != receipt.number {
        return Err(expired(handle));
    }
    if !matches!(message.place, Place::InFlight(_)) {
        return Err(error::message_not_inflight());
    }
    if now + timeout > message.last_received + MAX_VISIBILITY {
        let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
        return Err(error::invalid_value(seconds, "VisibilityTimeout", reason));
    }
    let place = if timeout == 0 { Place::Waiting(now) } else { Place::InFlight(now + timeout) };
    queue.put(receipt.seq, place);
    Ok(())
}

fn message_of<'a>(queue: &'a Queue, receipt: &Receipt) -> Option<&'a Message> {
    queue.get(receipt.seq).filter(|message| message.id == receipt.message_id)
}
