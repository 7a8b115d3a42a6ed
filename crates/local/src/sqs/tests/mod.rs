//! The engine, at times the test chooses.

mod batches;
mod fifo;
mod properties;
mod queues;
mod redrive;
mod shell;
mod standard;

use serde_json::{Value, json};

use super::Engine;
use super::queue::Depths;
use crate::clock::Millis;
use crate::wire::{Account, AwsError};

/// Noon of some day: times in tests count from here.
const T0: Millis = 1_700_000_000_000;

/// An engine and what a test does to it.
struct World(Engine);

impl World {
    fn new() -> Self {
        let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
        Self(Engine::new(account, "http://localhost:1", 7))
    }

    /// With one queue `q` of these attributes.
    fn with_queue(attributes: Value) -> Self {
        let mut world = Self::new();
        world.create("q", attributes);
        world
    }

    fn create(&mut self, name: &str, attributes: Value) -> String {
        let output = self.ok(0, "CreateQueue", json!({"QueueName": name, "Attributes": attributes}));
        output["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Calls at `T0 + at` seconds.
    fn call(&mut self, at: f64, operation: &str, mut input: Value) -> Result<Value, AwsError> {
        let needs_url = input.get("QueueUrl").is_none()
            && !["CreateQueue", "GetQueueUrl", "ListQueues"].contains(&operation)
            && !operation.ends_with("MoveTask")
            && !operation.ends_with("MoveTasks");
        if needs_url {
            input["QueueUrl"] = "q".into();
        }
        self.0.call(T0 + (at * 1_000.0) as Millis, operation, input)
    }

    #[track_caller]
    fn ok(&mut self, at: impl Into<f64>, operation: &str, input: Value) -> Value {
        self.call(at.into(), operation, input).unwrap()
    }

    /// The code of the error that a call must give.
    #[track_caller]
    fn code(&mut self, at: impl Into<f64>, operation: &str, input: Value) -> String {
        self.call(at.into(), operation, input).unwrap_err().code.into_owned()
    }

    #[track_caller]
    fn send(&mut self, at: impl Into<f64>, body: &str) {
        self.ok(at, "SendMessage", json!({"MessageBody": body}));
    }

    /// Receives up to ten.
    #[track_caller]
    fn receive(&mut self, at: impl Into<f64>) -> Vec<Value> {
        self.receive_with(at, json!({"MaxNumberOfMessages": 10}))
    }

    #[track_caller]
    fn receive_with(&mut self, at: impl Into<f64>, input: Value) -> Vec<Value> {
        let output = self.ok(at, "ReceiveMessage", input);
        output.get("Messages").map(|messages| messages.as_array().unwrap().clone()).unwrap_or_default()
    }

    /// Bodies of a receive of up to ten.
    #[track_caller]
    fn bodies(&mut self, at: impl Into<f64>) -> Vec<String> {
        self.receive(at).iter().map(body).collect()
    }

    fn depths(&mut self, at: impl Into<f64>, queue: &str) -> (usize, usize, usize) {
        let Depths { visible, in_flight, delayed } =
            self.0.depths(T0 + (at.into() * 1_000.0) as Millis, queue).unwrap();
        (visible, in_flight, delayed)
    }
}

fn body(message: &Value) -> String {
    message["Body"].as_str().unwrap().to_owned()
}

fn handle(message: &Value) -> Value {
    json!({"ReceiptHandle": message["ReceiptHandle"]})
}

fn change(message: &Value, seconds: i64) -> Value {
    json!({"ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": seconds})
}
