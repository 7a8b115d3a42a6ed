//! SendMessage and SendMessageBatch (API reference, pages of these names).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::attributes::Attributes;
use super::engine::Engine;
use super::message::{Attribute, AttributeInput, Message, Place, is_allowed, size};
use super::{digest, error};
use crate::clock::Millis;
use crate::wire::AwsError;

/// Most entries in a batch.
const MAX_ENTRIES: usize = 10;

/// Largest batch in bytes, whatever the queue's own MaximumMessageSize.
const MAX_BATCH: usize = 1_048_576;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendMessage {
    queue_url: String,
    #[serde(flatten)]
    entry: Entry,
}

/// What SendMessage and an entry of SendMessageBatch share.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, AttributeInput>>,
    message_system_attributes: Option<BTreeMap<String, AttributeInput>>,
    message_deduplication_id: Option<String>,
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SendMessageBatch {
    queue_url: String,
    entries: Vec<BatchEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchEntry {
    id: String,
    #[serde(flatten)]
    entry: Entry,
}

/// An entry that has passed the checks.
#[derive(Debug)]
struct Checked {
    body: String,
    attributes: BTreeMap<String, Attribute>,
    trace_header: Option<Attribute>,
    delay: Millis,
    group: Option<String>,
    deduplication: Option<String>,
}

impl Engine {
    pub(crate) fn send_message(&mut self, now: Millis, input: SendMessage) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        let name = queue.name.clone();
        let fifo = queue.attributes.fifo;
        if fifo && input.entry.message_group_id.is_none() {
            return Err(error::missing_parameter("MessageGroupId"));
        }
        let checked = check(input.entry, &queue.attributes)?;
        Ok(self.enqueue(now, &name, checked))
    }

    pub(crate) fn send_message_batch(&mut self, now: Millis, input: SendMessageBatch) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        let name = queue.name.clone();
        let attributes = queue.attributes.clone();
        check_entry_ids(input.entries.iter().map(|entry| entry.id.as_str()))?;
        for BatchEntry { entry, .. } in &input.entries {
            // These two fail the request and not the entry, with an error of another name than SendMessage gives.
            if attributes.fifo && entry.message_group_id.is_none() {
                return Err(error::invalid_parameter("The request must contain the parameter MessageGroupId."));
            }
            if attributes.fifo && entry.message_deduplication_id.is_none() && !attributes.content_based_deduplication {
                return Err(no_deduplication_id());
            }
        }
        let sent = input.entries.iter().map(|entry| entry.entry.raw_size()).sum();
        if sent > MAX_BATCH {
            return Err(error::batch_too_long(MAX_BATCH, sent));
        }
        let outcomes = input.entries.into_iter().map(|BatchEntry { id, entry }| {
            let outcome = check(entry, &attributes).map(|checked| self.enqueue(now, &name, checked));
            (id, outcome)
        });
        Ok(batch_output(outcomes.collect()))
    }

    /// Puts a message into the queue, unless it is a duplicate, and answers as SendMessage does.
    fn enqueue(&mut self, now: Millis, queue: &str, checked: Checked) -> Value {
        let id = self.mint().to_string();
        let fifo_number = self.sequence_number();
        let mut output = Map::new();
        output.insert("MD5OfMessageBody".into(), digest::of_body(&checked.body).into());
        let by_name = checked.attributes.iter().map(|(name, attribute)| (name.clone(), attribute)).collect();
        if let Some(md5) = digest::of_attributes(&by_name) {
            output.insert("MD5OfMessageAttributes".into(), md5.into());
        }
        let system = checked.trace_header.iter().map(|header| ("AWSTraceHeader".to_owned(), header)).collect();
        if let Some(md5) = digest::of_attributes(&system) {
            output.insert("MD5OfMessageSystemAttributes".into(), md5.into());
        }
        // Present: the caller has just looked it up.
        let Some(queue) = self.queues.get_mut(queue) else { return Value::Object(output) };
        let fifo = queue.attributes.fifo;
        let delay = if fifo { queue.attributes.delay } else { checked.delay };
        let trace_header = checked.trace_header.and_then(|header| match header.value {
            super::message::Datum::Text(text) => Some(text),
            super::message::Datum::Binary(_) => None,
        });
        let message = Message {
            id,
            body: checked.body,
            attributes: checked.attributes,
            trace_header,
            sent: now,
            enqueued: now,
            group: checked.group,
            deduplication: checked.deduplication,
            sequence_number: fifo.then_some(fifo_number),
            first_received: None,
            receive_count: 0,
            last_received: 0,
            receipt: 0,
            source_arn: None,
            place: Place::Waiting(now + delay),
        };
        let (message_id, sequence_number) = match (&message.group, &message.deduplication) {
            (Some(group), Some(deduplication)) if fifo => match queue.duplicate(group, deduplication, now) {
                Some(first) => (first.message_id.clone(), Some(first.sequence_number.clone())),
                None => {
                    queue.accept(group, deduplication, now, &message);
                    let answer = (message.id.clone(), message.sequence_number.clone());
                    queue.insert(message);
                    answer
                }
            },
            _ => {
                let id = message.id.clone();
                queue.insert(message);
                (id, None)
            }
        };
        output.insert("MessageId".into(), message_id.into());
        if let Some(number) = sequence_number {
            output.insert("SequenceNumber".into(), number.into());
        }
        Value::Object(output)
    }
}

impl Entry {
    /// Bytes before any check: text counts as sent, binary by its decoded length.
    fn raw_size(&self) -> usize {
        let body = self.message_body.as_ref().map_or(0, String::len);
        let attributes = self.message_attributes.iter().flatten();
        body + attributes.map(|(name, value)| name.len() + value.raw_size()).sum::<usize>()
    }
}

fn check(entry: Entry, queue: &Attributes) -> Result<Checked, AwsError> {
    let body = entry.message_body.filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| error::missing_parameter("MessageBody"))?;
    if !body.chars().all(is_allowed) {
        return Err(error::invalid_message_contents());
    }
    let attributes = Attribute::parse_all(entry.message_attributes.unwrap_or_default())?;
    if size(&body, &attributes) > queue.max_size {
        return Err(error::invalid_parameter(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
            queue.max_size
        )));
    }
    let trace_header = check_system_attributes(entry.message_system_attributes.unwrap_or_default())?;
    let other_type = "The request include parameter that is not valid for this queue type.";
    let delay = match entry.delay_seconds {
        None => queue.delay,
        // On FIFO queues the delay is the queue's; zero is let pass.
        Some(0) => 0,
        Some(seconds) if queue.fifo => return Err(error::invalid_value(seconds, "DelaySeconds", other_type)),
        Some(seconds @ 1..=900) => u64::try_from(seconds).unwrap_or_default() * 1_000,
        Some(seconds) => {
            return Err(error::invalid_value(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
        }
    };
    check_id("MessageGroupId", entry.message_group_id.as_deref())?;
    check_id("MessageDeduplicationId", entry.message_deduplication_id.as_deref())?;
    let deduplication = match entry.message_deduplication_id {
        Some(id) if !queue.fifo => return Err(error::invalid_value(id, "MessageDeduplicationId", other_type)),
        None if queue.fifo && !queue.content_based_deduplication => return Err(no_deduplication_id()),
        // The body alone counts, not the attributes.
        None if queue.fifo => Some(Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()),
        id => id,
    };
    Ok(Checked { body, attributes, trace_header, delay, group: entry.message_group_id, deduplication })
}

/// Of the system attributes a sender may set `AWSTraceHeader`, a string.
fn check_system_attributes(mut input: BTreeMap<String, AttributeInput>) -> Result<Option<Attribute>, AwsError> {
    let header = input.remove("AWSTraceHeader");
    if let Some(name) = input.keys().next() {
        return Err(error::invalid_value(name, "MessageSystemAttributes", "It is not a system attribute to be sent."));
    }
    let mut parsed =
        Attribute::parse_all(header.map(|value| ("AWSTraceHeader".to_owned(), value)).into_iter().collect())?;
    let header = parsed.remove("AWSTraceHeader");
    match header {
        Some(header) if header.data_type != "String" => {
            Err(error::invalid_value(header.data_type, "AWSTraceHeader", "Its DataType must be String."))
        }
        header => Ok(header),
    }
}

/// Group and deduplication ids: 1 to 128 letters, digits and ASCII punctuation.
fn check_id(parameter: &str, id: Option<&str>) -> Result<(), AwsError> {
    let legal = |id: &str| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match id {
        Some(id) if !legal(id) => Err(error::invalid_value(
            id,
            parameter,
            &format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."),
        )),
        _ => Ok(()),
    }
}

fn no_deduplication_id() -> AwsError {
    error::invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    )
}

/// Rules that all batches share: 1 to 10 entries, legal and distinct ids.
pub(crate) fn check_entry_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), AwsError> {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() {
        return Err(error::empty_batch());
    }
    if ids.len() > MAX_ENTRIES {
        return Err(error::too_many_entries(ids.len()));
    }
    let legal = |id: &str| {
        (1..=80).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !ids.iter().all(|id| legal(id)) {
        return Err(error::invalid_batch_entry_id());
    }
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(**id)) {
        Some(repeated) => Err(error::batch_ids_not_distinct(repeated)),
        None => Ok(()),
    }
}

/// The answer to a batch: what succeeded and what failed, each absent when empty.
pub(crate) fn batch_output(outcomes: Vec<(String, Result<Value, AwsError>)>) -> Value {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for (id, outcome) in outcomes {
        match outcome {
            Ok(mut output) => {
                output["Id"] = id.into();
                successful.push(output);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": !error.is_server_fault(),
                "Code": error.query_code.as_ref().unwrap_or(&error.code),
                "Message": error.message,
            })),
        }
    }
    let mut output = Map::new();
    for (member, entries) in [("Successful", successful), ("Failed", failed)] {
        if !entries.is_empty() {
            output.insert(member.into(), entries.into());
        }
    }
    Value::Object(output)
}
