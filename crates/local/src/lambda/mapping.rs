//! The event source mapping: from a queue to a function and back.
//!
//! Each of the maximum of concurrent invocations is a worker that receives, invokes, and settles, one batch after the
//! other. A message is received only when a worker is free to pass it on: with MaximumConcurrency Lambda paces its
//! pollers the same way, and nothing loses a receive to waiting in line.
//!
//! What succeeded is deleted; what failed is left alone and becomes visible when its timeout ends, or at the time that
//! the function itself has set with ChangeMessageVisibility. On FIFO queues that alone keeps the order: what failed
//! blocks what is behind it in its group. As with Lambda, a function that reports a message of a group as failed must
//! report those behind it too, or they are deleted.
//!
//! A batch that is throttled is offered again, ever more slowly, until the visibility timeout of its messages is over; then it
//! is dropped and its messages have used up a receive (Lambda developer guide, "Using Lambda with Amazon SQS": "Lambda continues
//! to retry until the message's timestamp exceeds your queue's visibility timeout"). Lambda does not say how slowly.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::chain::Chain;
use super::event::{self, Outcome};
use super::function::{Function, FunctionError};
use crate::sqs::Sqs;
use crate::wire::AwsError;

/// Largest event in bytes that an invocation takes: 6 MB (Lambda quotas, "Invocation payload").
const MAX_EVENT: usize = 6 * 1024 * 1024;

/// How long a throttled batch waits at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a mapping is like (Lambda API reference, CreateEventSourceMapping).
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The queue.
    pub queue_url: String,
    /// Most messages in an event: 1 to 10,000, more than 10 only with a window; 10 for FIFO queues.
    pub batch_size: usize,
    /// How long messages are gathered after the first, at most 300 s; not for FIFO queues.
    pub window: Duration,
    /// Most invocations at a time: 1 to 1,000 here (Lambda: 2 to 1,000).
    pub maximum_concurrency: usize,
    /// The function's timeout; the queue's visibility timeout may not be shorter.
    pub timeout: Duration,
    /// FunctionResponseTypes has ReportBatchItemFailures: the answer is read. Otherwise any answer is a success.
    pub report_batch_item_failures: bool,
}

impl Mapping {
    /// Ten messages, no window, two invocations at a time, 30 s, ReportBatchItemFailures.
    pub fn new(queue_url: impl Into<String>) -> Self {
        Self {
            queue_url: queue_url.into(),
            batch_size: 10,
            window: Duration::ZERO,
            maximum_concurrency: 2,
            timeout: Duration::from_secs(30),
            report_batch_item_failures: true,
        }
    }
}

/// Why a mapping was not made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MappingError {
    /// The queue cannot be read.
    #[error("the queue's attributes cannot be read")]
    Queue(#[source] AwsError),
    /// A setting is out of its range.
    #[error("{0}")]
    Setting(String),
    /// The messages would come back while the function still works on them.
    #[error("Queue visibility timeout: {queue} seconds is less than Function timeout: {function} seconds")]
    Visibility {
        /// The queue's visibility timeout in seconds.
        queue: u64,
        /// The function's timeout in seconds.
        function: u64,
    },
}

/// What a mapping has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MappingCounts {
    /// Invocations begun.
    pub invocations: u64,
    /// Of them without a result, or with one that fails the whole batch.
    pub failed_invocations: u64,
    /// Messages passed to the function.
    pub records: u64,
    /// Of them left in the queue.
    pub failed_records: u64,
    /// How often no concurrency was left for a batch.
    pub throttles: u64,
    /// Invocations refused because their chain had become too long. Lambda: `RecursiveInvocationsDropped`.
    pub recursive_invocations_dropped: u64,
}

#[derive(Debug, Default)]
struct Counters {
    invocations: AtomicU64,
    failed_invocations: AtomicU64,
    records: AtomicU64,
    failed_records: AtomicU64,
    throttles: AtomicU64,
    dropped: AtomicU64,
    backoff: Backoff,
}

/// How many of the workers may work. "Lambda gradually backs off, reducing the amount of concurrency allocated to your Amazon
/// SQS event source mapping" (Lambda developer guide, "Backoff strategy for failed invocations"). By how much it does not say:
/// here half of them rest after each failure, and one more works after each success.
#[derive(Debug, Default)]
struct Backoff {
    resting: AtomicUsize,
    changed: Notify,
}

impl Backoff {
    fn failed(&self, workers: usize) {
        let rest = |resting: usize| Some(workers - (workers - resting.min(workers)).div_ceil(2));
        let _ = self.resting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }

    fn succeeded(&self) {
        let wake = |resting: usize| resting.checked_sub(1);
        if self.resting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, wake).is_ok() {
            self.changed.notify_waiters();
        }
    }

    /// Waits until the worker of this number may work; the first may always.
    async fn turn(&self, number: usize, workers: usize) {
        loop {
            let changed = self.changed.notified();
            if number < workers - self.resting.load(Ordering::Relaxed).min(workers - 1) {
                return;
            }
            changed.await;
        }
    }
}

struct Worker {
    number: usize,
    sqs: Sqs,
    function: Arc<dyn Function>,
    mapping: Mapping,
    queue_arn: String,
    region: String,
    visibility: Duration,
    counters: Arc<Counters>,
    stopped: watch::Receiver<bool>,
}

/// A running mapping. Dropping it ends the workers where they are; [`EventSourceMapping::stop`] lets them finish.
#[derive(Debug)]
pub struct EventSourceMapping {
    workers: JoinSet<()>,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
}

impl EventSourceMapping {
    /// Checks the settings as CreateEventSourceMapping does and starts the workers.
    ///
    /// # Errors
    ///
    /// The queue does not exist, or a setting is not allowed for it.
    pub async fn start(sqs: Sqs, function: Arc<dyn Function>, mapping: Mapping) -> Result<Self, MappingError> {
        let input = json!({"QueueUrl": mapping.queue_url, "AttributeNames": ["All"]});
        let output = sqs.call("GetQueueAttributes", input).await.map_err(MappingError::Queue)?;
        let attributes = &output["Attributes"];
        check(&mapping, attributes)?;
        let queue_arn = attributes["QueueArn"].as_str().unwrap_or_default().to_owned();
        let region = queue_arn.split(':').nth(3).unwrap_or_default().to_owned();
        let visibility = Duration::from_secs(seconds(&attributes["VisibilityTimeout"]));
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = watch::channel(false);
        let mut workers = JoinSet::new();
        for number in 0..mapping.maximum_concurrency {
            let worker = Worker {
                number,
                sqs: sqs.clone(),
                function: Arc::clone(&function),
                mapping: mapping.clone(),
                queue_arn: queue_arn.clone(),
                region: region.clone(),
                visibility,
                counters: Arc::clone(&counters),
                stopped: stopped.clone(),
            };
            workers.spawn(worker.run());
        }
        Ok(Self { workers, stop, counters })
    }

    /// What it has done so far.
    pub fn counts(&self) -> MappingCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MappingCounts {
            invocations: read(&self.counters.invocations),
            failed_invocations: read(&self.counters.failed_invocations),
            records: read(&self.counters.records),
            failed_records: read(&self.counters.failed_records),
            throttles: read(&self.counters.throttles),
            recursive_invocations_dropped: read(&self.counters.dropped),
        }
    }

    /// Receives no more, lets the invocations under way end and settles their messages.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.workers.join_next().await.is_some() {}
    }
}

fn seconds(attribute: &Value) -> u64 {
    attribute.as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn check(mapping: &Mapping, attributes: &Value) -> Result<(), MappingError> {
    let setting = |text: &str| Err(MappingError::Setting(text.to_owned()));
    let fifo = attributes["FifoQueue"] == "true";
    let visibility = seconds(&attributes["VisibilityTimeout"]);
    if !(1..=10_000).contains(&mapping.batch_size) {
        return setting("BatchSize must be between 1 and 10000");
    }
    if fifo && mapping.batch_size > 10 {
        return setting("BatchSize must be at most 10 for a FIFO queue");
    }
    if fifo && !mapping.window.is_zero() {
        return setting("Batching window is not supported for FIFO queues");
    }
    if mapping.window > Duration::from_secs(300) {
        return setting("MaximumBatchingWindowInSeconds must be at most 300");
    }
    if mapping.batch_size > 10 && mapping.window < Duration::from_secs(1) {
        return setting(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        );
    }
    if !(1..=1_000).contains(&mapping.maximum_concurrency) {
        return setting("MaximumConcurrency must be between 1 and 1000");
    }
    let function = mapping.timeout.as_secs();
    if visibility < function {
        return Err(MappingError::Visibility { queue: visibility, function });
    }
    Ok(())
}

impl Worker {
    async fn run(mut self) {
        loop {
            let counters = Arc::clone(&self.counters);
            let turn = counters.backoff.turn(self.number, self.mapping.maximum_concurrency);
            tokio::select! {
                () = turn => {}
                _ = self.stopped.changed() => {}
            }
            let batch = self.gather().await;
            let until = Instant::now() + self.visibility;
            for event in split(batch) {
                self.process(event, until).await;
            }
            if *self.stopped.borrow() {
                return;
            }
        }
    }

    /// Receives up to a batch: until it is full, the window is over, or the mapping stops.
    async fn gather(&mut self) -> Vec<Value> {
        let mut batch: Vec<Value> = Vec::new();
        let mut until: Option<Instant> = None;
        loop {
            let wanted = self.mapping.batch_size - batch.len();
            let window_over = until.is_some_and(|until| Instant::now() >= until);
            if wanted == 0 || window_over || *self.stopped.borrow() {
                return batch;
            }
            let input = json!({
                "QueueUrl": self.mapping.queue_url,
                "MaxNumberOfMessages": wanted.min(10),
                "WaitTimeSeconds": 20,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            });
            let window = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let received = tokio::select! {
                received = self.sqs.call("ReceiveMessage", input) => received,
                () = window => continue,
                _ = self.stopped.changed() => continue,
            };
            match received {
                Ok(mut output) => {
                    if let Value::Array(messages) = output["Messages"].take() {
                        until.get_or_insert_with(|| Instant::now() + self.mapping.window);
                        batch.extend(messages);
                    }
                }
                // For instance the queue was deleted: Lambda keeps trying too.
                Err(error) => {
                    tracing::warn!(queue = self.mapping.queue_url, %error, "receiving failed");
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                        _ = self.stopped.changed() => {}
                    }
                }
            }
        }
    }

    /// Invokes the function with one event and deletes what succeeded.
    async fn process(&self, messages: Vec<Value>, until: Instant) {
        let records: Vec<Value> =
            messages.iter().map(|message| event::record(message, &self.queue_arn, &self.region)).collect();
        let count = |counter: &AtomicU64, by: usize| counter.fetch_add(by as u64, Ordering::Relaxed);
        let event = json!({"Records": records});
        let chain = Chain::of(&event);
        if chain.is_too_long() {
            let length = chain.length();
            tracing::warn!(queue = self.mapping.queue_url, length, "an invocation was refused as a recursive loop");
            count(&self.counters.dropped, 1);
            self.counters.backoff.failed(self.mapping.maximum_concurrency);
            return;
        }
        count(&self.counters.invocations, 1);
        count(&self.counters.records, messages.len());
        let result = self.invoke(event, until).await;
        let failed = match self.failed(&messages, result) {
            Ok(failed) => failed,
            Err(reason) => {
                tracing::warn!(queue = self.mapping.queue_url, records = messages.len(), reason, "a batch failed");
                count(&self.counters.failed_invocations, 1);
                count(&self.counters.failed_records, messages.len());
                self.counters.backoff.failed(self.mapping.maximum_concurrency);
                return;
            }
        };
        count(&self.counters.failed_records, failed.len());
        self.counters.backoff.succeeded();
        let done: Vec<&Value> = messages.iter().filter(|message| !failed.contains(message_id(message))).collect();
        for chunk in done.chunks(10) {
            self.delete(chunk).await;
        }
    }

    /// The function's result. While it is throttled it is asked again, for as long as the messages are invisible.
    async fn invoke(&self, event: Value, until: Instant) -> Result<Value, FunctionError> {
        let mut pause = FIRST_PAUSE;
        let mut stopped = self.stopped.clone();
        loop {
            let result = self.function.invoke(event.clone(), self.mapping.timeout).await;
            if !matches!(result, Err(FunctionError::Throttled(_))) {
                return result;
            }
            self.counters.throttles.fetch_add(1, Ordering::Relaxed);
            if Instant::now() + pause >= until || *stopped.borrow() {
                return result;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.changed() => {}
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Message ids that failed, or why all did.
    fn failed(&self, messages: &[Value], result: Result<Value, FunctionError>) -> Result<BTreeSet<String>, String> {
        let answer = result.map_err(|error| error.to_string())?;
        if !self.mapping.report_batch_item_failures {
            return Ok(BTreeSet::new());
        }
        let ids = messages.iter().map(|message| message_id(message).to_owned()).collect();
        match event::outcome(&answer, &ids) {
            Outcome::Failed(failed) => Ok(failed),
            Outcome::AllFailed(reason) => Err(reason),
        }
    }

    async fn delete(&self, messages: &[&Value]) {
        let entries: Vec<Value> = messages
            .iter()
            .enumerate()
            .map(|(index, message)| json!({"Id": index.to_string(), "ReceiptHandle": message["ReceiptHandle"]}))
            .collect();
        let input = json!({"QueueUrl": self.mapping.queue_url, "Entries": entries});
        let failure = match self.sqs.call("DeleteMessageBatch", input).await {
            Ok(output) => output.get("Failed").map(ToString::to_string),
            Err(error) => Some(error.to_string()),
        };
        if let Some(failure) = failure {
            // They come back, as they would at Lambda: delivery is at least once.
            tracing::warn!(queue = self.mapping.queue_url, failure, "messages were not deleted");
        }
    }
}

fn message_id(message: &Value) -> &str {
    message["MessageId"].as_str().unwrap_or_default()
}

/// Parts of a batch that each fit into one event.
fn split(batch: Vec<Value>) -> Vec<Vec<Value>> {
    let mut events: Vec<Vec<Value>> = Vec::new();
    let mut size = 0;
    for message in batch {
        // Rendering adds the names of members and the queue's ARN: half a kilobyte is more than that.
        let own = message.to_string().len() + 512;
        match events.last_mut() {
            Some(event) if size + own <= MAX_EVENT => {
                event.push(message);
                size += own;
            }
            _ => {
                events.push(vec![message]);
                size = own;
            }
        }
    }
    events
}
