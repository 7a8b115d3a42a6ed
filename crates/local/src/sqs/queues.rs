//! Operations on queues: create, look up, configure, tag, purge, delete (API reference, pages of these names).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::attributes::{Attributes, COMPUTED};
use super::engine::Engine;
use super::error;
use super::queue::Queue;
use crate::clock::Millis;
use crate::wire::{AwsError, Service};

/// After DeleteQueue its name is free again, and after PurgeQueue the next purge is allowed: 60 s.
const PAUSE: Millis = 60_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    queue_name: String,
    attributes: Option<BTreeMap<String, String>>,
    // The one member of SQS's model that starts with a small letter.
    #[serde(rename = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueName {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueUrl {
    queue_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    queue_name_prefix: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueAttributes {
    queue_url: String,
    attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetQueueAttributes {
    queue_url: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TagQueue {
    queue_url: String,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UntagQueue {
    queue_url: String,
    tag_keys: Vec<String>,
}

impl Engine {
    pub(crate) fn create_queue(&mut self, now: Millis, input: CreateQueue) -> Result<Value, AwsError> {
        let name = input.queue_name;
        let given = input.attributes.unwrap_or_default();
        let fifo = given.get("FifoQueue").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        check_name(&name, fifo)?;
        if let Some(existing) = self.queues.get(&name) {
            return match existing.attributes.difference(&given)? {
                Some(attribute) => Err(error::queue_name_exists(&attribute)),
                None => Ok(json!({"QueueUrl": existing.url})),
            };
        }
        if self.deleted.get(&name).is_some_and(|at| at + PAUSE > now) {
            return Err(error::queue_deleted_recently());
        }
        let arn = self.account.arn(Service::Sqs, &name);
        let attributes = Attributes::new(fifo, &given)?;
        self.check_redrive(&arn, &attributes, &given)?;
        let url = self.url(&name);
        let mut queue = Queue::new(&name, arn, url.clone(), attributes, now);
        queue.tags = input.tags.unwrap_or_default();
        self.queues.insert(name, queue);
        Ok(json!({"QueueUrl": url}))
    }

    pub(crate) fn delete_queue(&mut self, now: Millis, input: QueueUrl) -> Result<Value, AwsError> {
        let name = self.queue(&input.queue_url)?.name.clone();
        self.queues.remove(&name);
        self.deleted.insert(name, now);
        Ok(json!({}))
    }

    pub(crate) fn get_queue_url(&mut self, input: QueueName) -> Result<Value, AwsError> {
        if input.owner.is_some_and(|owner| owner != self.account.account_id) {
            return Err(error::queue_does_not_exist());
        }
        let queue = self.queues.get(&input.queue_name).ok_or_else(error::queue_does_not_exist)?;
        Ok(json!({"QueueUrl": queue.url}))
    }

    pub(crate) fn list_queues(&self, input: ListQueues) -> Result<Value, AwsError> {
        let prefix = input.queue_name_prefix.unwrap_or_default();
        let found = self.queues.values().filter(|queue| queue.name.starts_with(&prefix));
        let urls = found.map(|queue| queue.url.clone()).collect();
        page("QueueUrls", urls, input.max_results, input.next_token)
    }

    pub(crate) fn list_dead_letter_source_queues(&mut self, input: Value) -> Result<Value, AwsError> {
        let url = input["QueueUrl"].as_str().ok_or_else(|| error::missing_parameter("QueueUrl"))?;
        let arn = self.queue(url)?.arn.clone();
        let urls = self.sources_of(&arn).map(|queue| queue.url.clone()).collect();
        let token = input["NextToken"].as_str().map(str::to_owned);
        let mut output = page("queueUrls", urls, input["MaxResults"].as_i64(), token)?;
        // Required in the output, unlike `QueueUrls` of ListQueues.
        if output["queueUrls"].is_null() {
            output["queueUrls"] = json!([]);
        }
        Ok(output)
    }

    /// Queues whose dead-letter queue is the one with this ARN.
    pub(crate) fn sources_of(&self, arn: &str) -> impl Iterator<Item = &Queue> {
        self.queues
            .values()
            .filter(move |queue| queue.attributes.redrive.as_ref().is_some_and(|redrive| redrive.target_arn == arn))
    }

    pub(crate) fn get_queue_attributes(&mut self, now: Millis, input: GetQueueAttributes) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        let names = input.attribute_names.unwrap_or_default();
        if let Some(unknown) = names.iter().find(|name| *name != "All" && !Attributes::is_known(name)) {
            return Err(error::unknown_attribute(unknown));
        }
        let depths = queue.depths(now);
        let mut all = queue.attributes.values().clone();
        all.extend(COMPUTED.map(|name| {
            let value = match name {
                "ApproximateNumberOfMessages" => depths.visible.to_string(),
                "ApproximateNumberOfMessagesDelayed" => depths.delayed.to_string(),
                "ApproximateNumberOfMessagesNotVisible" => depths.in_flight.to_string(),
                "CreatedTimestamp" => (queue.created / 1_000).to_string(),
                "LastModifiedTimestamp" => (queue.modified / 1_000).to_string(),
                _ => queue.arn.clone(),
            };
            (name.to_owned(), value)
        }));
        if !names.iter().any(|name| name == "All") {
            all.retain(|name, _| names.contains(name));
        }
        Ok(if all.is_empty() { json!({}) } else { json!({"Attributes": all}) })
    }

    pub(crate) fn set_queue_attributes(&mut self, now: Millis, input: SetQueueAttributes) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        let name = queue.name.clone();
        let arn = queue.arn.clone();
        let attributes = queue.attributes.with(&input.attributes)?;
        self.check_redrive(&arn, &attributes, &input.attributes)?;
        if let Some(queue) = self.queues.get_mut(&name) {
            let delay_changed = queue.attributes.delay != attributes.delay;
            queue.attributes = attributes;
            queue.modified = now;
            if delay_changed {
                queue.delay_changed();
            }
        }
        Ok(json!({}))
    }

    /// A dead-letter queue must exist, be of the same type, and admit the source (API reference, CreateQueue,
    /// `RedrivePolicy` and `RedriveAllowPolicy`).
    fn check_redrive(
        &self,
        source_arn: &str,
        attributes: &Attributes,
        given: &BTreeMap<String, String>,
    ) -> Result<(), AwsError> {
        let (Some(redrive), Some(policy)) = (&attributes.redrive, given.get("RedrivePolicy")) else { return Ok(()) };
        let invalid = |reason: &str| Err(error::invalid_value(policy, "RedrivePolicy", reason));
        if redrive.target_arn == source_arn {
            return invalid("Dead-letter queue must not be the source queue itself.");
        }
        match self.queue_by_arn(&redrive.target_arn) {
            None => invalid("Dead letter target does not exist."),
            Some(target) if target.attributes.fifo != attributes.fifo => {
                invalid("Dead-letter queue must be same type of queue as the source.")
            }
            Some(target) if !target.attributes.redrive_allow.admits(source_arn) => {
                invalid("The redrive allow policy of the dead-letter queue does not admit this queue.")
            }
            Some(_) => Ok(()),
        }
    }

    pub(crate) fn purge_queue(&mut self, now: Millis, input: QueueUrl) -> Result<Value, AwsError> {
        let queue = self.queue(&input.queue_url)?;
        if queue.purged.is_some_and(|at| at + PAUSE > now) {
            return Err(error::purge_in_progress(&queue.name));
        }
        queue.purged = Some(now);
        queue.clear();
        Ok(json!({}))
    }

    pub(crate) fn tag_queue(&mut self, input: TagQueue) -> Result<Value, AwsError> {
        self.queue(&input.queue_url)?.tags.extend(input.tags);
        Ok(json!({}))
    }

    pub(crate) fn untag_queue(&mut self, input: UntagQueue) -> Result<Value, AwsError> {
        self.queue(&input.queue_url)?.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(json!({}))
    }

    pub(crate) fn list_queue_tags(&mut self, input: QueueUrl) -> Result<Value, AwsError> {
        let tags = &self.queue(&input.queue_url)?.tags;
        Ok(if tags.is_empty() { json!({}) } else { json!({"Tags": tags}) })
    }
}

/// Up to 80 letters, digits, hyphens and underscores; `.fifo` ends the names of FIFO queues and of no others.
fn check_name(name: &str, fifo: bool) -> Result<(), AwsError> {
    let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let legal = |stem: &str| stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if name.len() <= 80 && stem.is_some_and(|stem| !stem.is_empty() && legal(stem)) {
        return Ok(());
    }
    Err(error::invalid_parameter(if fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with \
         .fifo suffix and be 1 to 80 in length"
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    }))
}

/// One page of a list; the token is the last entry of the page before.
fn page(
    member: &str,
    entries: Vec<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
) -> Result<Value, AwsError> {
    let limit = match max_results {
        None => 1_000,
        Some(number @ 1..=1_000) => usize::try_from(number).unwrap_or(1_000),
        Some(number) => {
            return Err(error::invalid_value(number, "MaxResults", "Value for MaxResults must be between 1 and 1000."));
        }
    };
    let mut rest: Vec<String> =
        entries.into_iter().filter(|entry| next_token.as_ref().is_none_or(|token| entry > token)).collect();
    let more = rest.len() > limit;
    rest.truncate(limit);
    let mut output = Map::new();
    if more && max_results.is_some() {
        output.insert("NextToken".into(), rest.last().cloned().into());
    }
    if !rest.is_empty() {
        output.insert(member.into(), rest.into());
    }
    Ok(Value::Object(output))
}
