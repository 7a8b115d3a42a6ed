//! Message move tasks: a dead-letter queue given back to its sources (API reference, StartMessageMoveTask,
//! ListMessageMoveTasks, CancelMessageMoveTask; developer guide, "Configuring a dead-letter queue redrive").
//!
//! A task moves what can be received when it gets to it, at the rate asked for, or at once when none is asked for.
//! Moved messages are new ones: new id, new time of sending, receive count zero.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::error;
use super::message::Place;
use crate::clock::Millis;
use crate::wire::AwsError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Completed,
    Cancelled,
    Failed,
}

#[derive(Debug)]
pub(crate) struct MoveTask {
    id: String,
    source_arn: String,
    destination_arn: Option<String>,
    /// Messages a second, 1 to 500.
    rate: Option<u64>,
    started: Millis,
    to_move: u64,
    moved: u64,
    status: Status,
    failure: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StartMessageMoveTask {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListMessageMoveTasks {
    source_arn: String,
    max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CancelMessageMoveTask {
    task_handle: String,
}

impl MoveTask {
    /// How many messages may have been moved by now.
    fn allowance(&self, now: Millis) -> u64 {
        self.rate.map_or(u64::MAX, |rate| (now - self.started) * rate / 1_000)
    }

    /// When the next message may be moved.
    pub(crate) fn next_change(&self, now: Millis) -> Option<Millis> {
        let rate = self.rate.filter(|_| self.status == Status::Running)?;
        Some((self.started + ((self.moved + 1) * 1_000).div_ceil(rate)).max(now + 1))
    }

    fn handle(&self) -> String {
        BASE64.encode(json!({"taskId": self.id, "sourceArn": self.source_arn}).to_string())
    }
}

impl Engine {
    pub(crate) fn start_message_move_task(
        &mut self,
        now: Millis,
        input: StartMessageMoveTask,
    ) -> Result<Value, AwsError> {
        let missing = |parameter: &str| {
            let message = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
            error::resource_not_found(message)
        };
        let source = self.queue_by_arn(&input.source_arn).ok_or_else(|| missing("SourceArn"))?;
        let to_move = source.depths(now).visible as u64;
        if self.sources_of(&input.source_arn).next().is_none() {
            return Err(error::invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
        }
        if input.destination_arn.as_ref().is_some_and(|arn| self.queue_by_arn(arn).is_none()) {
            return Err(missing("DestinationArn"));
        }
        let rate = match input.max_number_of_messages_per_second {
            None => None,
            Some(rate @ 1..=500) => u64::try_from(rate).ok(),
            Some(rate) => {
                let reason = "Must be between 1 and 500, if provided.";
                return Err(error::invalid_value(rate, "MaxNumberOfMessagesPerSecond", reason));
            }
        };
        let running = |task: &MoveTask| task.source_arn == input.source_arn && task.status == Status::Running;
        if self.tasks.iter().any(running) {
            return Err(error::invalid_parameter(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given \
                 time.",
            ));
        }
        let task = MoveTask {
            id: self.mint().to_string(),
            source_arn: input.source_arn,
            destination_arn: input.destination_arn,
            rate,
            started: now,
            to_move,
            moved: 0,
            status: Status::Running,
            failure: None,
        };
        let handle = task.handle();
        self.tasks.push(task);
        self.advance_tasks(now);
        Ok(json!({"TaskHandle": handle}))
    }

    pub(crate) fn list_message_move_tasks(&self, input: ListMessageMoveTasks) -> Result<Value, AwsError> {
        if self.queue_by_arn(&input.source_arn).is_none() {
            let message = "The resource that you specified for the SourceArn parameter doesn't exist.";
            return Err(error::resource_not_found(message));
        }
        let limit = match input.max_results {
            None => 1,
            Some(number @ 1..=10) => usize::try_from(number).unwrap_or(1),
            Some(number) => {
                return Err(error::invalid_value(number, "MaxResults", "Must be between 1 and 10, if provided."));
            }
        };
        let tasks = self.tasks.iter().rev().filter(|task| task.source_arn == input.source_arn).take(limit);
        Ok(json!({"Results": tasks.map(render).collect::<Vec<_>>()}))
    }

    pub(crate) fn cancel_message_move_task(&mut self, input: CancelMessageMoveTask) -> Result<Value, AwsError> {
        let text = BASE64.decode(&input.task_handle).ok();
        let handle: Option<Value> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let handle = handle.filter(|handle| handle["taskId"].is_string());
        let handle = handle.ok_or_else(|| error::invalid_parameter("Value for parameter TaskHandle is invalid."))?;
        if handle["sourceArn"].as_str().and_then(|arn| self.queue_by_arn(arn)).is_none() {
            let message = "The resource that you specified for the SourceArn parameter doesn't exist.";
            return Err(error::resource_not_found(message));
        }
        let cancelled = |task: &&mut MoveTask| handle["taskId"] == *task.id && task.status == Status::Running;
        let task = self.tasks.iter_mut().find(cancelled);
        let task = task.ok_or_else(|| error::resource_not_found("Task does not exist."))?;
        task.status = Status::Cancelled;
        Ok(json!({"ApproximateNumberOfMessagesMoved": task.moved}))
    }

    /// Lets every running task move what its rate allows by now.
    pub(crate) fn advance_tasks(&mut self, now: Millis) {
        let mut tasks = std::mem::take(&mut self.tasks);
        for task in tasks.iter_mut().filter(|task| task.status == Status::Running) {
            self.advance_task(task, now);
        }
        self.tasks = tasks;
    }

    fn advance_task(&mut self, task: &mut MoveTask, now: Millis) {
        let allowance = task.allowance(now);
        while task.moved < allowance {
            let name = self.queue_by_arn(&task.source_arn).map(|queue| queue.name.clone());
            let Some(source) = name.and_then(|name| self.queues.get_mut(&name)) else {
                task.fail();
                return;
            };
            let Some(mut message) = source.pop(now) else {
                task.status = Status::Completed;
                return;
            };
            let destination = task.destination_arn.as_ref().or(message.source_arn.as_ref()).cloned();
            let destination = destination.and_then(|arn| Some(self.queue_by_arn(&arn)?.name.clone()));
            let id = self.mint().to_string();
            let sequence_number = self.sequence_number();
            let Some(destination) = destination.and_then(|name| self.queues.get_mut(&name)) else {
                if let Some(source) = self.queues.values_mut().find(|queue| queue.arn == task.source_arn) {
                    source.insert(message);
                }
                task.fail();
                return;
            };
            message.id = id;
            message.sequence_number = destination.attributes.fifo.then_some(sequence_number);
            message.sent = now;
            message.enqueued = now;
            message.first_received = None;
            message.receive_count = 0;
            message.receipt = 0;
            message.source_arn = None;
            message.place = Place::Waiting(now + destination.attributes.delay);
            destination.insert(message);
            task.moved += 1;
            if task.moved >= task.to_move {
                task.status = Status::Completed;
                return;
            }
        }
    }
}

impl MoveTask {
    fn fail(&mut self) {
        self.status = Status::Failed;
        self.failure = Some("AWS.SimpleQueueService.NonExistentQueue");
    }
}

fn render(task: &MoveTask) -> Value {
    let mut output = Map::new();
    let status = match task.status {
        Status::Running => "RUNNING",
        Status::Completed => "COMPLETED",
        Status::Cancelled => "CANCELLED",
        Status::Failed => "FAILED",
    };
    output.insert("Status".into(), status.into());
    output.insert("SourceArn".into(), task.source_arn.clone().into());
    output.insert("ApproximateNumberOfMessagesMoved".into(), task.moved.into());
    output.insert("ApproximateNumberOfMessagesToMove".into(), task.to_move.into());
    output.insert("StartedTimestamp".into(), task.started.into());
    let optional = [
        // The handle of a task that has ended is of no use and is left out.
        ("TaskHandle", (task.status == Status::Running).then(|| task.handle().into())),
        ("DestinationArn", task.destination_arn.clone().map(Value::from)),
        ("MaxNumberOfMessagesPerSecond", task.rate.map(Value::from)),
        ("FailureReason", task.failure.map(Value::from)),
    ];
    output.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Value::Object(output)
}
