//! Amazon SQS: the engine, and the shell that gives it a clock and lets receivers wait.
//!
//! The engine ([`Engine`]) answers at once and never waits. Long polling is the shell's: a ReceiveMessage that finds
//! nothing sleeps until something changed that could bring a message, the next visibility timeout or delay ends, or
//! its own wait time is over (API reference, ReceiveMessage, `WaitTimeSeconds`). Nothing is ever handed to a caller
//! that has hung up: the look at the queue and the answer are one step.
//!
//! What is not modelled is listed at the crate; of SQS also: `ReceiveRequestAttemptId` (a repeated receive is a new
//! one), AddPermission and RemovePermission, throughput quotas, the fair ordering of standard queues by
//! `MessageGroupId` (accepted and returned; order is by age), the FIFO look-ahead limit.

mod attributes;
mod digest;
mod engine;
mod error;
mod message;
mod queue;
mod queues;
mod receive;
mod redrive;
mod send;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

pub use engine::Engine;
pub use queue::Depths;

use crate::clock::Clock;
use crate::wire::{Account, AwsError};

#[derive(Debug)]
struct Shared {
    engine: Mutex<Engine>,
    clock: Clock,
    /// Woken after every call that could make a message receivable.
    changed: Notify,
}

/// SQS: the engine with a clock. A handle: clones share the engine.
#[derive(Debug, Clone)]
pub struct Sqs(Arc<Shared>);

impl Sqs {
    /// An account without queues, whose queue URLs start with `base_url`.
    pub fn new(account: Account, base_url: impl Into<String>, clock: Clock) -> Self {
        let engine = Engine::new(account, base_url, Uuid::new_v4().as_u128());
        Self(Arc::new(Shared { engine: Mutex::new(engine), clock, changed: Notify::new() }))
    }

    /// Executes one operation, in AWS's names and shapes; ReceiveMessage waits as it was asked to.
    ///
    /// # Errors
    ///
    /// What the service answers.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        if operation == "ReceiveMessage" {
            return self.receive(input).await;
        }
        let outcome = self.engine().call(self.0.clock.now(), operation, input);
        if Engine::wakes(operation) {
            self.0.changed.notify_waiters();
        }
        outcome
    }

    async fn receive(&self, input: Value) -> Result<Value, AwsError> {
        let deadline = self.0.clock.now() + self.engine().wait(&input);
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed, even before the first poll of the future.
            changed.as_mut().enable();
            let (outcome, buried, now, next) = {
                let mut engine = self.engine();
                let now = self.0.clock.now();
                let outcome = engine.call(now, "ReceiveMessage", input.clone());
                (outcome, engine.take_buried(), now, engine.next_change(now))
            };
            if buried {
                self.0.changed.notify_waiters();
            }
            let output = outcome?;
            if output.get("Messages").is_some() || now >= deadline {
                return Ok(output);
            }
            let until = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = changed => {}
                () = self.0.clock.sleep_until(until) => {}
            }
        }
    }

    /// Creates a queue with these attributes, or finds the one there is, and returns its URL.
    ///
    /// # Errors
    ///
    /// What CreateQueue answers.
    pub async fn create_queue(&self, name: &str, attributes: Value) -> Result<String, AwsError> {
        let output = self.call("CreateQueue", json!({"QueueName": name, "Attributes": attributes})).await?;
        Ok(output["QueueUrl"].as_str().unwrap_or_default().to_owned())
    }

    /// Sends a message without attributes and returns its id.
    ///
    /// # Errors
    ///
    /// What SendMessage answers.
    pub async fn send(&self, queue_url: &str, body: impl Into<String>) -> Result<String, AwsError> {
        let output = self.call("SendMessage", json!({"QueueUrl": queue_url, "MessageBody": body.into()})).await?;
        Ok(output["MessageId"].as_str().unwrap_or_default().to_owned())
    }

    /// How many messages a queue holds; the queue by name, URL or ARN. None where there is no such queue.
    pub fn depths(&self, queue: &str) -> Option<Depths> {
        let now = self.0.clock.now();
        self.engine().depths(now, queue)
    }

    /// Bodies in a queue, whatever their visibility, in order of arrival; the queue by name, URL or ARN. Looking
    /// counts as no receive.
    pub fn bodies(&self, queue: &str) -> Option<Vec<String>> {
        let now = self.0.clock.now();
        self.engine().bodies(now, queue)
    }

    /// Of those, the ones that somebody sent to it, and not the queue whose dead-letter queue it is.
    pub fn sent_bodies(&self, queue: &str) -> Option<Vec<String>> {
        let now = self.0.clock.now();
        self.engine().sent_bodies(now, queue)
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
