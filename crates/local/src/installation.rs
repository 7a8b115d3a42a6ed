//! An installation on loopback, put together from the data: its queues with their dead-letter queues, what feeds its functions, the
//! events of ECS, ticks and passes. `pushpool dev` and the end-to-end tests both start here.
//!
//! Which queues and functions there are, and what feeds what, is [`installation`]'s to say. What the functions *are* is the
//! caller's: closures of this process, or binaries behind the Runtime API. Only times are shorter than on AWS ([`Plan`]).

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use ::installation::{
    BATCH_SIZE, EXTRA_TICK, Function, MAX_RECEIVE_COUNT, Mode, PREFIX, Queue, RECEIVE_WAIT, Variable, variables,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    AwsError, Local,
    lambda::{self, EventSourceMapping, FunctionError, FunctionUrl, Mapping, MappingError},
    sqs::Sqs,
};

/// Name of the role that schedules send as. Nothing checks it here.
const SCHEDULE_ROLE: &str = "schedules";

/// What an operator decides, and what a loopback makes shorter.
#[derive(Debug, Clone)]
pub struct Plan {
    /// With a Prefect server or without one.
    pub mode: Mode,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long a received message is hidden; not shorter than `timeout`.
    pub visibility: Duration,
    /// Most invocations at once that a queue of the dispatcher causes.
    pub dispatchers: usize,
    /// Most invocations at once that the events queue causes.
    pub observers: usize,
}

/// Why an installation is not there.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A call was refused.
    #[error("{operation} was refused")]
    Refused {
        /// Which call.
        operation: &'static str,
        /// Why.
        source: AwsError,
    },
    /// A queue cannot feed its function.
    #[error("CreateEventSourceMapping was refused")]
    Mapping(#[from] MappingError),
}

/// A running installation. It ends with [`Installation::close`].
pub struct Installation {
    plan: Plan,
    sqs: Sqs,
    /// By the names of the queues.
    urls: BTreeMap<&'static str, String>,
    arn: String,
    account: String,
    functions: BTreeMap<Function, Arc<dyn lambda::Function>>,
    mappings: BTreeMap<Function, Vec<EventSourceMapping>>,
    timers: JoinSet<()>,
}

impl Installation {
    /// Makes the queues, and has ECS tell the events queue of tasks.
    ///
    /// # Errors
    /// There are queues of these names with other attributes.
    pub async fn open(local: &Local, plan: Plan) -> Result<Self, OpenError> {
        let sqs = local.sqs().clone();
        let mut urls = BTreeMap::new();
        let mut run_arn = String::new();
        for queue in Queue::ALL.into_iter().filter(|queue| queue.is_in(plan.mode)) {
            let create = async |name: String, attributes: Value| {
                let created = sqs.create_queue(&name, attributes).await;
                created.map_err(|source| OpenError::Refused { operation: "CreateQueue", source })
            };
            let dead = create(queue.full_dead_letters(PREFIX), fifo(queue)).await?;
            let redrive = json!({"deadLetterTargetArn": arn(&sqs, &dead).await?, "maxReceiveCount": MAX_RECEIVE_COUNT});
            let mut attributes = fifo(queue);
            attributes["VisibilityTimeout"] = plan.visibility.as_secs().to_string().into();
            attributes["MessageRetentionPeriod"] = queue.retention().as_secs().to_string().into();
            attributes["ReceiveMessageWaitTimeSeconds"] = RECEIVE_WAIT.as_secs().to_string().into();
            attributes["RedrivePolicy"] = redrive.to_string().into();
            let url = create(queue.full_name(PREFIX), attributes).await?;
            match queue {
                Queue::Run => run_arn = arn(&sqs, &url).await?,
                Queue::Events => local.route_ecs_events_to(&*url),
                Queue::Poll | Queue::RunFifo => {}
            }
            urls.insert(queue.dead_letters(), dead);
            urls.insert(queue.name(), url);
        }
        local.scheduler().create_group(PREFIX);
        let account = run_arn.split(':').nth(4).unwrap_or_default().to_owned();
        let (functions, mappings) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { plan, sqs, urls, arn: run_arn, account, functions, mappings, timers: JoinSet::new() })
    }

    /// URL of a queue. Empty without a server for the queues that only installations with one have.
    #[must_use]
    pub fn url(&self, queue: Queue) -> &str {
        self.named(queue.name())
    }

    /// URL of the dead-letter queue of a queue, likewise.
    #[must_use]
    pub fn dead_letters(&self, queue: Queue) -> &str {
        self.named(queue.dead_letters())
    }

    fn named(&self, name: &str) -> &str {
        self.urls.get(name).map(String::as_str).unwrap_or_default()
    }

    /// URLs of all queues and dead-letter queues, by their names.
    #[must_use]
    pub fn urls(&self) -> &BTreeMap<&'static str, String> {
        &self.urls
    }

    /// The variables that name parts of the installation to a function: queues, and standalone the schedules.
    #[must_use]
    pub fn variables(&self, function: Function) -> BTreeMap<String, String> {
        let has_server = self.plan.mode != Mode::Standalone;
        let queues = Queue::ALL.map(|queue| (queue.url_variable(), self.url(queue).to_owned()));
        let own = [
            (
                &variables::DLQ_URL,
                function.buries_in().map(|queue| self.dead_letters(queue)).unwrap_or_default().to_owned(),
            ),
            (&variables::RUN_QUEUE_ARN, self.arn.clone()),
            (&variables::SCHEDULE_GROUP, PREFIX.to_owned()),
            (&variables::SCHEDULE_ROLE_ARN, format!("arn:aws:iam::{}:role/{PREFIX}-{SCHEDULE_ROLE}", self.account)),
        ];
        let read = |variable: &Variable, value: &str| {
            variable.is_read_by(function) && variable.is_for(has_server) && !value.is_empty()
        };
        let all = queues.into_iter().chain(own).filter(|(variable, value)| read(variable, value));
        all.map(|(variable, value)| (variable.name.to_owned(), value)).collect()
    }

    /// Has a function's queues invoke it, unless it is only to be invoked by hand.
    ///
    /// # Errors
    /// The messages of a queue would come back while the function works on them.
    pub async fn connect(
        &mut self,
        function: Function,
        code: Arc<dyn lambda::Function>,
        fed: bool,
    ) -> Result<(), OpenError> {
        let mut mappings = Vec::new();
        for queue in function.sources().filter(|queue| fed && queue.is_in(self.plan.mode)) {
            let maximum_concurrency = match queue {
                Queue::Poll => 1,
                Queue::Run | Queue::RunFifo => self.plan.dispatchers,
                Queue::Events => self.plan.observers,
            };
            let batch_size = usize::try_from(BATCH_SIZE).unwrap_or(usize::MAX);
            let mapping = Mapping {
                timeout: self.plan.timeout,
                maximum_concurrency,
                batch_size,
                ..Mapping::new(self.url(queue))
            };
            mappings.push(EventSourceMapping::start(self.sqs.clone(), Arc::clone(&code), mapping).await?);
        }
        self.functions.insert(function, code);
        self.mappings.insert(function, mappings);
        Ok(())
    }

    /// Stops what feeds a function: what it is at is finished.
    pub async fn disconnect(&mut self, function: Function) {
        for mapping in self.mappings.remove(&function).into_iter().flatten() {
            mapping.stop().await;
        }
        self.functions.remove(&function);
    }

    /// What feeds a function.
    pub fn mappings(&self, function: Function) -> impl Iterator<Item = &EventSourceMapping> {
        self.mappings.get(&function).into_iter().flatten()
    }

    /// Gives a connected function a URL. None if it is not connected.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn listen(&self, function: Function, address: SocketAddr) -> io::Result<Option<FunctionUrl>> {
        let Some(code) = self.functions.get(&function) else { return Ok(None) };
        FunctionUrl::start(address, Arc::clone(code), self.plan.timeout).await.map(Some)
    }

    /// Invokes a connected function beside what feeds it.
    ///
    /// # Errors
    /// It gives no result, or is not connected.
    pub async fn invoke(&self, function: Function, event: Value) -> Result<Value, FunctionError> {
        match self.functions.get(&function) {
            Some(code) => code.invoke(event, self.plan.timeout).await,
            None => Err(FunctionError::Start(format!("the {function} is not connected"))),
        }
    }

    /// Ticks the poll queue again and again. On AWS a schedule ticks once a minute and the poller in between.
    pub fn tick(&mut self, every: Duration) {
        let (sqs, url) = (self.sqs.clone(), self.url(Queue::Poll).to_owned());
        self.timers.spawn(async move {
            loop {
                if let Err(error) = sqs.send(&url, EXTRA_TICK).await {
                    tracing::warn!(%error, "the poll queue took no tick");
                }
                tokio::time::sleep(every).await;
            }
        });
    }

    /// Has the reconciler pass again and again, if it is connected. On AWS a schedule invokes it.
    pub fn pass(&mut self, every: Duration) {
        let Some(reconciler) = self.functions.get(&Function::Reconciler).cloned() else { return };
        let timeout = self.plan.timeout;
        self.timers.spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                if let Err(error) = reconciler.invoke(json!({}), timeout).await {
                    tracing::warn!(%error, "a pass of the reconciler failed");
                }
            }
        });
    }

    /// Ends ticks and passes, and what feeds the functions: what they are at is finished.
    pub async fn close(mut self) {
        self.timers.shutdown().await;
        for function in Function::ALL {
            self.disconnect(function).await;
        }
    }
}

impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation").field("plan", &self.plan).field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// What only FIFO queues have: groups that do not wait for one another.
fn fifo(queue: Queue) -> Value {
    if !queue.is_fifo() {
        return json!({});
    }
    let name = queue.name();
    debug_assert!(name.ends_with(".fifo"), "{name}");
    json!({"FifoQueue": "true", "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})
}

async fn arn(sqs: &Sqs, url: &str) -> Result<String, OpenError> {
    let operation = "GetQueueAttributes";
    let asked = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let answer = sqs.call(operation, asked).await.map_err(|source| OpenError::Refused { operation, source })?;
    Ok(answer["Attributes"]["QueueArn"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, lambda::InProcess};

    fn plan(mode: Mode) -> Plan {
        let timeout = Duration::from_secs(5);
        Plan { mode, timeout, visibility: 2 * timeout, dispatchers: 2, observers: 1 }
    }

    #[tokio::test]
    async fn a_function_is_fed_by_its_queues_and_told_of_those_it_reads() {
        let local = Local::start(Config::default()).await.unwrap();
        let mut installation = Installation::open(&local, plan(Mode::Server)).await.unwrap();
        assert_eq!(installation.urls().len(), 2 * Queue::ALL.len());
        let told = installation.variables(Function::Observer);
        let names: Vec<&str> = told.keys().map(String::as_str).collect();
        assert_eq!(names, ["PUSHPOOL_DLQ_URL", "PUSHPOOL_EVENTS_QUEUE_URL", "PUSHPOOL_POLL_QUEUE_URL"]);
        assert!(told["PUSHPOOL_DLQ_URL"].ends_with("/pushpool-events-dlq"), "{told:?}");
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let code = InProcess::new(move |event: Value, _| {
            let _ = sender.send(event["Records"][0]["body"].clone());
            async { Ok(json!({"batchItemFailures": []})) }
        });
        installation.connect(Function::Poller, Arc::new(code), true).await.unwrap();
        installation.tick(Duration::from_secs(60));
        assert_eq!(seen.recv().await, Some(EXTRA_TICK.into()));
        installation.close().await;
        local.stop().await;
    }

    #[tokio::test]
    async fn without_a_server_there_is_the_run_queue_and_what_schedules_need() {
        let local = Local::start(Config::default()).await.unwrap();
        let installation = Installation::open(&local, plan(Mode::Standalone)).await.unwrap();
        assert_eq!(installation.urls().keys().copied().collect::<Vec<_>>(), ["run", "run-dlq"]);
        let told = installation.variables(Function::Dispatcher);
        for variable in variables::of(Function::Dispatcher).filter(|it| it.is_required_by(Function::Dispatcher)) {
            // Where documents and the region are is the caller's to say.
            let elsewhere = ["PUSHPOOL_POOL_DOCUMENTS", "AWS_REGION"].contains(&variable.name);
            assert_ne!(told.contains_key(variable.name), elsewhere, "{}", variable.name);
        }
        installation.close().await;
        local.stop().await;
    }

    #[tokio::test]
    async fn messages_may_not_come_back_while_they_are_handled() {
        let local = Local::start(Config::default()).await.unwrap();
        let short = Plan { visibility: Duration::from_secs(4), ..plan(Mode::Server) };
        let mut installation = Installation::open(&local, short).await.unwrap();
        let code = Arc::new(InProcess::new(|_, _| async { Ok(json!({})) }));
        let error = installation.connect(Function::Dispatcher, code, true).await.unwrap_err();
        let why = std::error::Error::source(&error).unwrap();
        assert!(why.to_string().contains("visibility timeout"), "{why}");
        local.stop().await;
    }
}
