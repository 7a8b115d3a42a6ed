//! Everything there is in one simulated world: the server, ECS, SQS, what goes wrong, and the ledger of what happened.
//!
//! One lock holds all of it, so each effect of a request is one step. Time is tokio's paused clock.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use installation::{Queue, timing};
use jiff::Timestamp;
use local::{
    clock::Millis,
    ecs, sqs,
    wire::{Account, AwsError},
};
use prefect_api::{Request, Response};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::{
    fault::Fault,
    ledger::{Ledger, Rule},
    scenario::Scenario,
    server::{Caller, Run as FlowRun, Server, State},
};

/// 2026-01-01T00:00:00Z, where every world begins.
const EPOCH: Millis = 1_767_225_600_000;

/// The queue of ticks and rings.
pub(super) const POLL: &str = Queue::Poll.name();

/// The queue of scheduled runs.
pub(super) const RUN: &str = Queue::Run.name();

/// That of pools with a limit.
pub(super) const RUN_FIFO: &str = Queue::RunFifo.name();

/// The queue of events.
pub(super) const EVENTS: &str = Queue::Events.name();

/// The queues, by name.
pub(super) const QUEUES: [&str; 4] = [POLL, RUN, RUN_FIFO, EVENTS];

/// The image of a stranger.
pub(super) const PLANTED: &str = "planted";

/// How often a message is received before it goes to the dead-letter queue.
pub(super) const MAX_RECEIVES: u64 = 10;

/// A world and who waits for what in it.
pub(super) struct Shared {
    world: Mutex<World>,
    /// ECS has something to do earlier than thought.
    pub ecs_changed: Notify,
    /// Messages of a queue may be receivable, in the order of [`QUEUES`].
    queues_changed: [Notify; QUEUES.len()],
}

/// A handle.
pub(super) type Sim = Arc<Shared>;

impl Shared {
    /// Who waits for messages of a queue. For a dead-letter queue nobody does.
    pub(super) fn changed(&self, queue: &str) -> Option<&Notify> {
        QUEUES.iter().position(|name| *name == queue).map(|at| &self.queues_changed[at])
    }

    /// Wakes who waits for messages of a queue.
    pub(super) fn wake(&self, queue: &str) {
        if let Some(changed) = self.changed(queue) {
            changed.notify_waiters();
        }
    }

    /// The world, for one step.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One world.
pub(super) struct World {
    /// Its plan.
    pub scenario: Scenario,
    /// The Prefect server.
    pub server: Server,
    /// ECS.
    pub ecs: ecs::Engine,
    /// SQS.
    pub sqs: sqs::Engine,
    /// What happened, and whether it may.
    pub ledger: Ledger,
    /// Decides what is not planned.
    pub rng: Rng,
    /// The runs of the plan as far as they were made.
    pub runs: Vec<Option<Uuid>>,
    /// Faults are over.
    pub calm: bool,
    /// The server cannot be reached until then.
    pub server_away: Option<Instant>,
    /// From when on the run queues feed the dispatcher again.
    pub dispatching_from: Option<Instant>,
    /// ECS and SQS cannot be reached until then.
    pub aws_away: Option<Instant>,
    start: Instant,
    trace: Option<Vec<String>>,
}

impl World {
    /// A world before anything happened.
    #[must_use]
    pub(super) fn start(scenario: Scenario, traced: bool) -> Sim {
        let account = Account { region: "us-east-1".into(), account_id: "000000000000".into() };
        let throttles = scenario.buckets.then(|| {
            // A world has some runs, not hundreds: a bucket that they can empty.
            let run_task = ecs::Bucket { burst: 2, rate: 1 };
            let others = ecs::Bucket { burst: 20, rate: 10 };
            ecs::Throttles { operations: [("RunTask".to_owned(), run_task)].into(), others }
        });
        let (provisioning, pending) = match (scenario.quick, scenario.slow) {
            (true, _) => (100, 100),
            // Within the start timeout, and longer than the shortest leases.
            (false, true) => (50_000, 60_000),
            (false, false) => (8_000, 12_000),
        };
        let config = ecs::Config {
            dwell: ecs::Dwell { provisioning, pending, activating: None, deactivating: None, deprovisioning: 4_000 },
            throttles,
            vcpu_quota: scenario.vcpu_quota,
            lag: ecs::Lag { tasks: scenario.lag.0, definitions: scenario.lag.1 },
            ..ecs::Config::default()
        };
        let ids = Box::new(ecs::SeededIds::new(scenario.seed));
        let mut sqs = sqs::Engine::new(account.clone(), "https://sqs", u128::from(scenario.seed));
        create_queues(&mut sqs, scenario.timeout);
        let world = Self {
            server: Server::new(scenario.release, scenario.seed),
            ecs: ecs::Engine::new(account, config, ids),
            sqs,
            ledger: Ledger::default(),
            rng: Rng::with_seed(scenario.seed ^ 0x5851_f42d_4c95_7f2d),
            runs: vec![None; scenario.runs.len()],
            calm: false,
            server_away: None,
            dispatching_from: None,
            aws_away: None,
            start: Instant::now(),
            trace: traced.then(Vec::new),
            scenario,
        };
        Arc::new(Shared { world: Mutex::new(world), ecs_changed: Notify::new(), queues_changed: Default::default() })
    }

    /// The state of a run. None if there is no such run.
    #[must_use]
    pub(super) fn state_of(&self, run: Uuid) -> Option<&State> {
        self.server.run(run).and_then(FlowRun::state)
    }

    /// What a run is recorded to run on.
    #[must_use]
    pub(super) fn pid_of(&self, run: Uuid) -> Option<&str> {
        self.server.run(run)?.infrastructure_pid.as_deref()
    }

    /// The time, in milliseconds since 1970.
    #[must_use]
    pub(super) fn millis(&self) -> Millis {
        EPOCH + u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time.
    #[must_use]
    pub(super) fn now(&self) -> Timestamp {
        timestamp(self.millis())
    }

    /// The moment so many milliseconds after the beginning.
    #[must_use]
    pub(super) fn at(&self, millis: u64) -> Instant {
        self.start + Duration::from_millis(millis)
    }

    /// When the timer shows this time.
    #[must_use]
    pub(super) fn instant(&self, millis: Millis) -> Instant {
        self.start + Duration::from_millis(millis.saturating_sub(EPOCH))
    }

    /// Whether this fault happens now.
    pub(super) fn fault(&mut self, fault: Fault) -> bool {
        let rate = self.scenario.rates.of(fault);
        if rate == 0 || self.calm || self.rng.u32(..10_000) >= rate {
            return false;
        }
        let number = self.ledger.faults;
        self.ledger.faults += 1;
        if number >= self.scenario.budget || self.scenario.skip.contains(&number) {
            return false;
        }
        *self.ledger.injected.entry(fault).or_default() += 1;
        self.note(|| format!("FAULT {number} {fault:?}"));
        true
    }

    /// A line of the trace, if there is one.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        if self.trace.is_some() {
            let at = self.start.elapsed().as_secs_f64();
            let line = format!("{at:9.3} {}", line());
            self.trace.get_or_insert_default().push(line);
        }
    }

    /// The trace so far.
    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// A rule was broken.
    pub(super) fn violate(&mut self, rule: Rule, what: impl Into<String>) {
        let what = what.into();
        self.note(|| format!("VIOLATION {rule:?}: {what}"));
        self.ledger.violations.push((rule, what));
    }

    /// The server answers a request.
    pub(super) fn serve(&mut self, who: &str, request: &Request) -> Response {
        let now = self.now();
        let proposed = self.before_proposal(request);
        // Containers use Prefect's own client, which keeps its slot alive.
        let caller = if who == "container" { Caller::Prefect } else { Caller::Other };
        let body = request.body.as_deref();
        let answer = self.server.handle_from(caller, now, request.method, &request.path, body);
        self.ledger.requests += 1;
        self.note(|| {
            let body = request.body.as_deref().unwrap_or_default();
            let body: String = body.chars().take(300).collect();
            format!("{who}: {request:?} {body} -> {}", answer.status)
        });
        if let Some((run, before)) = proposed {
            self.after_proposal(who, run, before);
        }
        self.after_record(request);
        Response { status: answer.status, retry_after: None, body: answer.body.into_bytes() }
    }

    /// ECS answers a request.
    ///
    /// # Errors
    /// What AWS answers.
    pub(super) fn call_ecs(&mut self, who: &str, operation: &str, input: &Value) -> Result<Value, AwsError> {
        let now = self.millis();
        let answer = self.ecs.call(now, operation, input);
        self.ledger.ecs_calls += 1;
        self.note(|| match &answer {
            Ok(answer) => {
                let tasks: Vec<&str> =
                    answer["tasks"].as_array().into_iter().flatten().filter_map(|it| it["taskArn"].as_str()).collect();
                format!("{who}: {operation} {} -> {tasks:?} {}", input["startedBy"], answer["failures"])
            }
            Err(error) => format!("{who}: {operation} {} -> {error}", input["startedBy"]),
        });
        answer
    }

    /// A stranger, who may register task definitions and pass no role, registers a revision of a family that exists.
    pub(super) fn plant(&mut self, definition: &str) {
        let family = definition.split(':').next().unwrap_or_default();
        let now = self.millis();
        if self.ecs.call(now, "DescribeTaskDefinition", &json!({"taskDefinition": family})).is_err() {
            return;
        }
        let planted = json!({"family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "prefect", "image": PLANTED}]});
        let registered = self.ecs.call(now, "RegisterTaskDefinition", &planted);
        self.note(|| match registered {
            Ok(answer) => format!("a stranger: {}", answer["taskDefinition"]["taskDefinitionArn"]),
            Err(error) => format!("a stranger: {error}"),
        });
    }

    /// SQS answers a request. What it refuses is a mistake of the simulation.
    pub(super) fn call_sqs(&mut self, operation: &str, input: Value) -> Value {
        let now = self.millis();
        match self.sqs.call(now, operation, input) {
            Ok(answer) => answer,
            // The receipt of a message that has been received again since.
            Err(_) => Value::Null,
        }
    }

    /// Puts a message into a queue, as no function does.
    pub(super) fn send(&mut self, queue: &str, body: &str, delay: Duration, group: Option<(&str, &str)>) {
        self.send_from(None, queue, body, delay, group);
    }

    /// Puts a message into a queue, from an invocation of that lineage.
    pub(super) fn send_from(
        &mut self,
        lineage: Option<u32>,
        queue: &str,
        body: &str,
        delay: Duration,
        group: Option<(&str, &str)>,
    ) {
        let mut input = json!({"QueueUrl": queue, "MessageBody": body});
        match group {
            Some((group, deduplication_id)) => {
                input["MessageGroupId"] = group.into();
                input["MessageDeduplicationId"] = deduplication_id.into();
            }
            None => input["DelaySeconds"] = delay.as_secs().min(900).into(),
        }
        if let Some(before) = lineage {
            let header = json!({"DataType": "String", "StringValue": format!("Root=1-0-0;Lineage=s:{before}")});
            input["MessageSystemAttributes"] = json!({"AWSTraceHeader": header});
        }
        self.call_sqs("SendMessage", input);
    }
}

/// As a time of the server.
#[must_use]
pub(super) fn timestamp(millis: Millis) -> Timestamp {
    i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or(Timestamp::MAX)
}

fn create_queues(sqs: &mut sqs::Engine, timeout: u64) {
    let visibility = timing::visibility(Duration::from_secs(timeout), Duration::ZERO).as_secs();
    let mut create = |name: &str, attributes: Value| {
        sqs.call(EPOCH, "CreateQueue", json!({"QueueName": name, "Attributes": attributes}))
            .expect("a queue can be made");
    };
    create("dlq", json!({}));
    create("dlq.fifo", json!({"FifoQueue": "true"}));
    for queue in QUEUES {
        let fifo = queue == RUN_FIFO;
        let dead = if fifo { "dlq.fifo" } else { "dlq" };
        let target = format!("arn:aws:sqs:us-east-1:000000000000:{dead}");
        let redrive = json!({"deadLetterTargetArn": target, "maxReceiveCount": MAX_RECEIVES}).to_string();
        let mut attributes = json!({"VisibilityTimeout": visibility.to_string(), "RedrivePolicy": redrive});
        if fifo {
            attributes["FifoQueue"] = "true".into();
        }
        create(queue, attributes);
    }
}

/// How often things happened.
pub(super) type Counts<K> = BTreeMap<K, u64>;
