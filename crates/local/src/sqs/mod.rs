//! Amazon SQS.

use serde_json::Value;

use crate::clock::Clock;
use crate::wire::{Account, AwsError, Service};

/// SQS: the engine with a clock. A handle: clones share the engine.
#[derive(Debug, Clone)]
pub struct Sqs {}

impl Sqs {
    /// An account without queues.
    pub fn new(_account: Account, _base_url: String, _clock: Clock) -> Self {
        Self {}
    }

    /// Executes one operation.
    pub async fn call(&self, operation: &str, _input: Value) -> Result<Value, AwsError> {
        Err(AwsError::unknown_operation(Service::Sqs, operation))
    }
}
