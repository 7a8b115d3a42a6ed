//! The state of SQS and the way from an operation's name to its function.
//!
//! Nothing in here reads a clock, waits, or draws a random number: identifiers come from a seed and a counter, and
//! every function is told the time. A ReceiveMessage looks once; waiting for messages is the shell's business.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::error;
use super::queue::{Depths, Queue, Seq};
use super::redrive::MoveTask;
use crate::clock::Millis;
use crate::wire::{Account, AwsError, Service};

/// All queues of an account.
#[derive(Debug)]
pub struct Engine {
    pub(crate) account: Account,
    base_url: String,
    seed: Uuid,
    minted: u64,
    pub(crate) queues: BTreeMap<String, Queue>,
    /// When queues that exist no longer were deleted.
    pub(crate) deleted: BTreeMap<String, Millis>,
    /// Oldest first.
    pub(crate) tasks: Vec<MoveTask>,
    /// A receive has put messages into a dead-letter queue since [`Engine::take_buried`] was last asked.
    pub(crate) buried: bool,
}

/// What a receipt handle says once decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) seq: Seq,
    pub(crate) number: u64,
    pub(crate) message_id: String,
}

impl Engine {
    /// An account without queues. Queue URLs start with `base_url`; equal seeds give equal identifiers.
    pub fn new(account: Account, base_url: impl Into<String>, seed: u128) -> Self {
        Self {
            account,
            base_url: base_url.into(),
            seed: Uuid::from_u128(seed),
            minted: 0,
            queues: BTreeMap::new(),
            deleted: BTreeMap::new(),
            tasks: Vec::new(),
            buried: false,
        }
    }

    /// Executes one operation at time `now`, which never goes back.
    ///
    /// # Errors
    ///
    /// What the service answers: input of the wrong shape, and the errors of the operation's model.
    pub fn call(&mut self, now: Millis, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.advance(now);
        match operation {
            "CreateQueue" => self.create_queue(now, parse(input)?),
            "DeleteQueue" => self.delete_queue(now, parse(input)?),
            "GetQueueUrl" => self.get_queue_url(parse(input)?),
            "ListQueues" => self.list_queues(parse(input)?),
            "ListDeadLetterSourceQueues" => self.list_dead_letter_source_queues(parse(input)?),
            "GetQueueAttributes" => self.get_queue_attributes(now, parse(input)?),
            "SetQueueAttributes" => self.set_queue_attributes(now, parse(input)?),
            "PurgeQueue" => self.purge_queue(now, parse(input)?),
            "TagQueue" => self.tag_queue(parse(input)?),
            "UntagQueue" => self.untag_queue(parse(input)?),
            "ListQueueTags" => self.list_queue_tags(parse(input)?),
            "SendMessage" => self.send_message(now, parse(input)?),
            "SendMessageBatch" => self.send_message_batch(now, parse(input)?),
            "ReceiveMessage" => self.receive_message(now, parse(input)?),
            "DeleteMessage" => self.delete_message(parse(input)?),
            "DeleteMessageBatch" => self.delete_message_batch(parse(input)?),
            "ChangeMessageVisibility" => self.change_message_visibility(now, parse(input)?),
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(now, parse(input)?),
            "StartMessageMoveTask" => self.start_message_move_task(now, parse(input)?),
            "ListMessageMoveTasks" => self.list_message_move_tasks(parse(input)?),
            "CancelMessageMoveTask" => self.cancel_message_move_task(parse(input)?),
            _ => Err(AwsError::unknown_operation(Service::Sqs, operation)),
        }
    }

    /// Whether an operation can make a message receivable for someone who waits. A receive can too, through a
    /// dead-letter queue: see [`Engine::take_buried`].
    pub fn wakes(operation: &str) -> bool {
        !operation.starts_with("Get") && !operation.starts_with("List") && operation != "ReceiveMessage"
    }

    /// Whether receives have put messages into a dead-letter queue since this was last asked.
    pub fn take_buried(&mut self) -> bool {
        std::mem::take(&mut self.buried)
    }

    /// When, unless something is called before, a message becomes receivable next.
    pub fn next_change(&self, now: Millis) -> Option<Millis> {
        let queues = self.queues.values().filter_map(|queue| queue.next_change(now));
        let tasks = self.tasks.iter().filter_map(|task| task.next_change(now));
        queues.chain(tasks).min()
    }

    /// The same for one queue, by name, URL or ARN.
    pub fn next_change_of(&self, now: Millis, queue: &str) -> Option<Millis> {
        self.queues.get(name_of(queue))?.next_change(now)
    }

    /// How many messages a queue holds; the queue by name, URL or ARN.
    pub fn depths(&mut self, now: Millis, queue: &str) -> Option<Depths> {
        self.advance(now);
        Some(self.queues.get(name_of(queue))?.depths(now))
    }

    /// Bodies in a queue, whatever their visibility, in order of arrival; the queue by name, URL or ARN.
    pub fn bodies(&mut self, now: Millis, queue: &str) -> Option<Vec<String>> {
        self.advance(now);
        Some(self.queues.get(name_of(queue))?.iter().map(|message| message.body.clone()).collect())
    }

    /// Of those, the ones that somebody sent to it, and not the queue whose dead-letter queue it is.
    pub fn sent_bodies(&mut self, now: Millis, queue: &str) -> Option<Vec<String>> {
        self.advance(now);
        let sent = self.queues.get(name_of(queue))?.iter().filter(|message| message.source_arn.is_none());
        Some(sent.map(|message| message.body.clone()).collect())
    }

    fn advance(&mut self, now: Millis) {
        self.queues.values_mut().for_each(|queue| queue.advance(now));
        self.advance_tasks(now);
    }

    /// A new identifier.
    pub(crate) fn mint(&mut self) -> Uuid {
        self.minted += 1;
        Uuid::new_v5(&self.seed, &self.minted.to_be_bytes())
    }

    /// A new sequence number: 20 digits, growing (API reference, SendMessage).
    pub(crate) fn sequence_number(&mut self) -> String {
        self.minted += 1;
        format!("{:020}", (1_u128 << 64) + u128::from(self.minted) * 256)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.base_url, self.account.account_id)
    }

    /// The queue a URL names. Only its path counts, so an endpoint reached by another host name works; a bare name
    /// does too, as it does at AWS.
    pub(crate) fn queue(&mut self, url: &str) -> Result<&mut Queue, AwsError> {
        let mut segments = url.rsplit('/');
        let name = segments.next().unwrap_or_default();
        let account = segments.next().filter(|segment| segment.len() == 12);
        if account.is_some_and(|account| account != self.account.account_id) {
            return Err(error::queue_does_not_exist());
        }
        self.queues.get_mut(name).ok_or_else(error::queue_does_not_exist)
    }

    /// The queue an ARN names.
    pub(crate) fn queue_by_arn(&self, arn: &str) -> Option<&Queue> {
        self.queues.get(name_of(arn)).filter(|queue| queue.arn == arn)
    }

    pub(crate) fn receipt_handle(queue: &str, seq: Seq, number: u64, message_id: &str) -> String {
        BASE64.encode(format!("{queue}/{seq}/{number}/{message_id}"))
    }

    /// Decodes a handle that this queue gave out.
    pub(crate) fn receipt(queue: &str, handle: &str) -> Result<Receipt, AwsError> {
        let invalid = || error::receipt_handle_is_invalid(handle);
        let text = BASE64.decode(handle).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [own, seq, number, message_id] if own == queue => Ok(Receipt {
                seq: seq.parse().map_err(|_| invalid())?,
                number: number.parse().map_err(|_| invalid())?,
                message_id: message_id.to_owned(),
            }),
            _ => Err(invalid()),
        }
    }
}

/// The name in a queue's URL or ARN, or the name itself.
pub(crate) fn name_of(queue: &str) -> &str {
    queue.rsplit(['/', ':']).next().unwrap_or(queue)
}

/// Reads an input. An absent required member gets the service's own error for it.
pub(crate) fn parse<T: DeserializeOwned>(input: Value) -> Result<T, AwsError> {
    serde_json::from_value(input).map_err(|failure| {
        let text = failure.to_string();
        match text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
            Some(member) => error::missing_parameter(member),
            None => AwsError::serialization(text),
        }
    })
}
