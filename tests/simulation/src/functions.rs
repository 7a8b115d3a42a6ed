//! The functions: event source mappings that receive messages and invoke the real use cases in processes of ours.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws::SdkConfig;
use aws_sdk_ecs::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, timeout::TimeoutConfig,
};
use dispatch::{
    dispatcher::{Dispatcher, Policy},
    hand_back::HAND_BACK_DELAY,
    observe::{self, Observer},
    outcome::{Change, Event, Observed, Outcome, Polling},
    poll::{self, Poller},
    ports::{self, NoOutput},
    prefect::control::{self, PrefectControl},
    reconcile::{self, Reconciler},
    runs,
    sqs_event::{BatchResponse, Record},
};
use ecs::launcher::EcsLauncher;
use local::lambda::Chain;
use prefect_api::{Client, PAGE, Patience};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    edges::{Http, Queues, Sdk},
    fault::Fault,
    ledger::Rule,
    mutation::Mutation,
    party::Party,
    world::{POLL, RUN, RUN_FIFO, Sim},
};

/// How long capacity may be missing in a simulated world before a run crashes.
const CAPACITY_TIMEOUT: Duration = Duration::from_secs(400);

/// RunTask calls a second of one dispatcher.
const RUN_TASK_RATE: f64 = 20.0;

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Function {
    /// Polls.
    Poller,
    /// Dispatches.
    Dispatcher,
    /// Observes.
    Observer,
    /// Reconciles.
    Reconciler,
}

enum Code {
    Poller(Box<Poller<Http, Queues>>),
    Dispatcher(Arc<Dispatcher<PrefectControl<Http, EcsLauncher>, Arc<EcsLauncher>, Queues>>),
    Observer(Arc<Observer<Http, EcsLauncher, NoOutput, Queues>>),
    Reconciler(Box<Reconciler<Http, EcsLauncher, NoOutput>>),
}

struct Instance {
    party: Party,
    code: Code,
}

/// All processes of all functions.
pub(super) struct Fleet {
    sim: Sim,
    idle: Mutex<BTreeMap<Function, Vec<Arc<Instance>>>>,
}

impl Fleet {
    /// No processes yet.
    pub(super) fn new(sim: &Sim) -> Arc<Self> {
        Arc::new(Self { sim: Arc::clone(sim), idle: Mutex::default() })
    }

    /// Invokes a function in an idle process, or in a new one. None if it died or ran out of time.
    async fn invoke(&self, function: Function, records: Vec<Record>, chain: &Chain) -> Option<BatchResponse> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(function).or_default().pop();
        let instance = match idle {
            Some(instance) => instance,
            None => {
                sleep(Duration::from_millis(30)).await;
                Arc::new(self.start(function))
            }
        };
        instance.party.invoked(chain.length() - 1);
        let timeout = self.sim.world().scenario.timeout;
        let deadline = Instant::now() + Duration::from_secs(timeout);
        let dies = {
            let mut world = self.sim.world();
            world.fault(Fault::CrashSometime).then(|| Duration::from_millis(world.rng.u64(0..3_000)))
        };
        let working = Arc::clone(&instance);
        let handled = tokio::spawn(async move { working.handle(records, deadline).await });
        let dying = async {
            match dies {
                Some(after) => sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            answer = handled => answer.ok(),
            () = instance.party.death() => None,
            () = dying => None,
            () = sleep_until(deadline) => None,
        };
        match answer {
            Some(_) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(function).or_default().push(instance);
            }
            None => instance.party.die(),
        }
        answer
    }

    fn start(&self, function: Function) -> Instance {
        let number = {
            let mut world = self.sim.world();
            let count = world.ledger.outcomes.entry(format!("{function:?} started")).or_default();
            *count += 1;
            *count
        };
        let party = Party::start(&self.sim, format!("{function:?} {number}"));
        let (poll_interval, launch_lead) = {
            let world = self.sim.world();
            (Duration::from_secs(world.scenario.poll_interval), Duration::from_secs(world.scenario.launch_lead))
        };
        let page = self.sim.world().scenario.page.unwrap_or(PAGE);
        let client = Client::new(Http(party.clone()), Patience::FUNCTION).with_page(page);
        let queues = Arc::new(Queues(party.clone()));
        let runs = || runs_policy(&self.sim);
        let sink = Arc::new(Sink(Arc::clone(&self.sim)));
        let clock = party.clock();
        let launcher = || Arc::new(EcsLauncher::new(aws::ecs_client(&sdk_config(&party)), RUN_TASK_RATE));
        let code = match function {
            Function::Poller => {
                let options = poll::Options { interval: poll_interval, launch_lead, ..poll::Options::default() };
                Code::Poller(Box::new(Poller::new(client, queues, options, sink, clock)))
            }
            Function::Dispatcher => {
                let launcher = launcher();
                let options = control::Options { launch_lead, label_as: None };
                let control = PrefectControl::new(client, Arc::clone(&launcher), options, Arc::clone(&clock));
                let policy = Policy {
                    requests: requests(),
                    capacity_timeout: CAPACITY_TIMEOUT,
                    hand_back_delay: HAND_BACK_DELAY,
                };
                Code::Dispatcher(Arc::new(Dispatcher::new(control, launcher, queues, policy, sink, clock)))
            }
            Function::Observer => {
                let options = observe::Options::default();
                let observer = Observer::new(client, launcher(), NoOutput, queues, runs(), options, sink, clock);
                Code::Observer(Arc::new(observer))
            }
            Function::Reconciler => {
                let policy = reconcile::Policy {
                    runs: runs(),
                    task_start_timeout: Duration::from_secs(180),
                    sole_owner: true,
                    ..reconcile::Policy::default()
                };
                Code::Reconciler(Box::new(Reconciler::new(client, launcher(), NoOutput, policy, sink, clock)))
            }
        };
        Instance { party, code }
    }

    /// Receives messages of a queue and has them handled, one batch after the other.
    pub(super) async fn serve(self: Arc<Self>, queue: &'static str, function: Function) {
        loop {
            let Some(changed) = self.sim.changed(queue) else { return };
            let changed = changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(until) = self.disabled(queue) {
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(until) => {}
                }
                continue;
            }
            let (messages, next) = self.receive(queue);
            if messages.is_empty() {
                tokio::select! {
                    biased;
                    () = changed => {}
                    () = sleep_until(next) => {}
                }
                continue;
            }
            self.handle(queue, function, messages).await;
        }
    }

    /// Until when the mapping of a queue is disabled.
    fn disabled(&self, queue: &str) -> Option<Instant> {
        let until = self.sim.world().dispatching_from.filter(|_| [RUN, RUN_FIFO].contains(&queue));
        until.filter(|until| *until > Instant::now())
    }

    fn receive(&self, queue: &str) -> (Vec<Value>, Instant) {
        let mut world = self.sim.world();
        let input = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]});
        let mut answer = world.call_sqs("ReceiveMessage", input);
        let messages = match answer["Messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        };
        let now = world.millis();
        let next = world.sqs.next_change_of(now, queue).unwrap_or(now + 3_600_000).max(now + 50);
        (messages, world.instant(next))
    }

    async fn handle(self: &Arc<Self>, queue: &'static str, function: Function, messages: Vec<Value>) {
        let chain = chain(&messages);
        if self.is_too_long(function, &chain) {
            return;
        }
        let mutation = self.sim.world().scenario.mutation;
        let records = messages.iter().map(|message| self.record(mutation, message)).collect();
        // A FIFO queue hands out one batch of a group at a time.
        if queue != RUN_FIFO {
            messages.iter().for_each(|message| self.deliver_again(function, message));
        }
        if mutation == Some(Mutation::AcknowledgeFirst) {
            self.delete(queue, &messages, &BatchResponse::default());
        }
        let answer = self.invoke(function, records, &chain).await;
        let answer = match answer {
            Some(_) if mutation == Some(Mutation::AcknowledgeAll) => Some(BatchResponse::default()),
            answer => answer,
        };
        if let Some(answer) = answer {
            self.delete(queue, &messages, &answer);
        }
        self.sim.wake(queue);
    }

    /// Whether Lambda refuses the invocation. Then the messages come back, until they are dead letters.
    fn is_too_long(&self, function: Function, chain: &Chain) -> bool {
        let mut world = self.sim.world();
        world.checked(Rule::ChainsEnd);
        if chain.is_too_long() {
            let what = format!("Lambda refuses a {function:?} that is number {} of its chain", chain.length());
            world.violate(Rule::ChainsEnd, what);
        }
        chain.is_too_long()
    }

    fn record(&self, mutation: Option<Mutation>, message: &Value) -> Record {
        let mut body = message["Body"].clone();
        if let Some(mutation) = mutation {
            let text = body.as_str().unwrap_or_default();
            if let Some(changed) = self.sim.world().misread(mutation, text) {
                body = changed;
            }
        }
        let attributes = &message["Attributes"];
        let record = json!({
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": body,
            "attributes": attributes,
        });
        serde_json::from_value(record).expect("a record of the event's shape")
    }

    /// A standard queue delivers at least once: a copy under the same id, which counts for itself.
    fn deliver_again(self: &Arc<Self>, function: Function, message: &Value) {
        let chain = chain(std::slice::from_ref(message));
        let (wait, record) = {
            let mut world = self.sim.world();
            if !world.fault(Fault::Redelivered) {
                return;
            }
            let at_once = world.rng.bool();
            let wait = Duration::from_millis(world.rng.u64(0..if at_once { 2_000 } else { 400_000 }));
            let mut copy = message.clone();
            copy["ReceiptHandle"] = format!("copy-{}", world.rng.u64(..)).into();
            copy["Attributes"]["ApproximateReceiveCount"] = world.rng.u32(1..=3).to_string().into();
            let mutation = world.scenario.mutation;
            drop(world);
            (wait, self.record(mutation, &copy))
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            sleep(wait).await;
            this.invoke(function, vec![record], &chain).await;
        });
    }

    fn delete(&self, queue: &str, messages: &[Value], answer: &BatchResponse) {
        let mut world = self.sim.world();
        for message in messages {
            let id = message["MessageId"].as_str().unwrap_or_default();
            if answer.batch_item_failures.iter().any(|failure| failure.item_identifier == id) {
                continue;
            }
            if world.fault(Fault::NotDeleted) {
                continue;
            }
            let body = message["Body"].as_str().unwrap_or_default();
            world.acknowledged(id, body);
            world.call_sqs("DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}));
            if queue != RUN_FIFO && world.fault(Fault::DoubledMessage) {
                let delay = Duration::from_secs(world.rng.u64(0..=90));
                let lineage = chain(std::slice::from_ref(message)).length().checked_sub(2);
                world.send_from(lineage, queue, body, delay, None);
            }
        }
    }

    /// One pass after the other, every five minutes.
    pub(super) async fn reconcile(self: Arc<Self>) {
        if self.sim.world().scenario.mutation == Some(Mutation::NoReconciler) {
            return;
        }
        loop {
            sleep(Duration::from_secs(300)).await;
            self.invoke(Function::Reconciler, Vec::new(), &chain(&[])).await;
        }
    }

    /// The schedule of the poller.
    pub(super) async fn tick(self: Arc<Self>) {
        loop {
            {
                let mut world = self.sim.world();
                if !world.fault(Fault::LostTick) {
                    world.send(POLL, r#"{"version":1,"tick":"minute"}"#, Duration::ZERO, None);
                }
            }
            self.sim.wake(POLL);
            sleep(Duration::from_secs(60)).await;
        }
    }
}

impl Instance {
    async fn handle(&self, records: Vec<Record>, deadline: Instant) -> BatchResponse {
        match &self.code {
            Code::Poller(poller) => poller.handle(&records, deadline).await,
            Code::Dispatcher(dispatcher) => dispatcher.handle(records, deadline).await,
            Code::Observer(observer) => observer.handle(records, deadline).await,
            Code::Reconciler(reconciler) => {
                reconciler.pass(deadline).await;
                BatchResponse::default()
            }
        }
    }
}

/// The chain that messages continue.
fn chain(messages: &[Value]) -> Chain {
    let records: Vec<Value> = messages.iter().map(|it| json!({"attributes": it["Attributes"]})).collect();
    Chain::of(&json!({ "Records": records }))
}

fn requests() -> ecs::Settings {
    ecs::Settings {
        region: "us-east-1".to_owned(),
        prefect_api_url: Some("http://prefect.internal/api".to_owned()),
        subnets: vec!["subnet-0123456789abcdef0".to_owned()],
        ..ecs::Settings::default()
    }
}

fn runs_policy(sim: &Sim) -> runs::Policy {
    let told = !sim.world().scenario.untold_clusters;
    runs::Policy {
        capacity_timeout: CAPACITY_TIMEOUT,
        clusters: told.then(|| "default".into()).into_iter().collect(),
        ..runs::Policy::default()
    }
}

fn sdk_config(party: &Party) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "simulation")))
        .http_client(SharedHttpClient::new(Sdk(party.clone())))
        .sleep_impl(aws_smithy_async::rt::sleep::default_async_sleep().expect("tokio's"))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(8)).build())
        .build()
}

/// Counts what the functions report.
struct Sink(Sim);

impl Sink {
    fn count(&self, outcome: String) {
        let mut world = self.0.world();
        world.note(|| outcome.clone());
        *world.ledger.outcomes.entry(outcome).or_default() += 1;
    }
}

impl ports::Sink for Sink {
    fn emit(&self, event: &Event<'_>) {
        match event {
            Event::Message(outcome) => self.message(outcome),
            Event::Poll(Polling::Failed(_)) => self.count("poll failed".to_owned()),
            Event::Poll(_) => {}
            Event::Run(observed) => self.observed(observed),
        }
    }
}

impl Sink {
    fn message(&self, outcome: &Outcome<'_>) {
        self.count(match outcome {
            Outcome::Launched { launched, .. } => format!("launched, adopted {}", launched.adopted),
            Outcome::HandedBack { reason, .. } => format!("handed back {}", reason.code),
            Outcome::Crashed { reason, .. } => format!("crashed {}", reason.code),
            Outcome::Deferred { .. } => "deferred".to_owned(),
            Outcome::NotOurs { reason, .. } => format!("not ours: {reason}"),
            Outcome::Malformed { .. } => "malformed".to_owned(),
            Outcome::Returned { reason, .. } => format!("returned {}", reason.code),
        });
    }

    /// Nobody deletes blocks or variables in these worlds.
    fn check_cluster(&self, observed: &Observed<'_>) {
        let (run, unknown) = match observed {
            Observed::Run { flow_run_id, change: Change::ClusterUnknown(_), .. } => (*flow_run_id, true),
            Observed::Failed { flow_run_id: Some(run), reason } => (*run, reason.code == "PP0608"),
            Observed::Run { flow_run_id, .. } => (*flow_run_id, false),
            _ => return,
        };
        let mut world = self.0.world();
        world.checked(Rule::ClusterKnown);
        if unknown {
            world.violate(Rule::ClusterKnown, format!("nobody can tell in which cluster the task of {run} is"));
        }
    }

    fn observed(&self, observed: &Observed<'_>) {
        self.check_cluster(observed);
        if let Observed::Run { flow_run_id, change: Change::CheckAgain(_), .. } = observed {
            self.0.world().let_be(flow_run_id.uuid());
        }
        let outcome = match observed {
            Observed::Run { finder, change, .. } => {
                let change = match change {
                    Change::Nothing(why) => format!("nothing: {why}"),
                    Change::HandedBack { reason, .. } => format!("handed back {}", reason.code),
                    Change::Crashed(reason) => format!("crashed {}", reason.code),
                    Change::TaskStopped { .. } => "stopped a task".to_owned(),
                    Change::CheckAgain(_) => "check again".to_owned(),
                    other => format!("{other:?}"),
                };
                format!("{finder:?} {change}")
            }
            Observed::Failed { reason, .. } => format!("failed {}", reason.code),
            _ => return,
        };
        self.count(outcome);
    }
}
