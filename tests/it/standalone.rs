//! Waiting without a Prefect server, for days in virtual time: the dispatcher behind an event source mapping that counts
//! chains of invocations as Lambda does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use diagnosis::Diagnosis;
use dispatch::{
    dispatcher::{Dispatcher, Policy},
    outcome::Event,
    pool::{POOL_LIFE, PoolCache},
    ports::{self, Failure, Inbox, Look, NoBus, PoolDocuments, Schedules, Sink, Source},
    sqs_event,
    standalone::{HAND_BACK_DELAY, Standalone},
};
use ecs::{
    Prepared,
    failure::Class,
    launch::{LaunchError, Launched, TaskLauncher},
};
use jiff::Timestamp;
use local::{
    Clock,
    lambda::{Chain, EventSourceMapping, InProcess, Mapping},
    scheduler::Scheduler,
    sqs::Sqs,
    wire::Account,
};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

const DAY: Duration = Duration::from_secs(86_400);

/// What changes while runs wait.
struct Weather {
    clock: Clock,
    paused: Mutex<bool>,
    capacity: Mutex<bool>,
    launches: Mutex<Vec<Timestamp>>,
    outcomes: Mutex<Vec<String>>,
}

impl Weather {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().try_into().unwrap()).unwrap()
    }

    fn launches(&self) -> Vec<Timestamp> {
        self.launches.lock().unwrap().clone()
    }
}

struct Documents(Arc<Weather>);

impl PoolDocuments for Documents {
    async fn read(&self, work_pool: &str) -> Result<Option<Value>, Failure> {
        let paused = *self.0.paused.lock().unwrap();
        Ok(Some(json!({"name": work_pool, "is_paused": paused, "base_job_template": {}})))
    }
}

struct Launcher(Arc<Weather>);

impl TaskLauncher for Launcher {
    async fn launch(&self, _: &Prepared) -> Result<Launched, LaunchError> {
        if !*self.0.capacity.lock().unwrap() {
            let summary = "no capacity".to_owned();
            let diagnosis =
                Diagnosis { code: diagnosis::PP0303, summary, detail: String::new(), resolution: String::new() };
            return Err(LaunchError { class: Class::Capacity, diagnosis });
        }
        let now = self.0.now();
        self.0.launches.lock().unwrap().push(now);
        let task_arn = "arn:aws:ecs:eu-west-1:123456789012:task/c/1".into();
        Ok(Launched { task_arn, definition_arn: None, cluster: "c".into(), adopted: false })
    }

    async fn find(&self, _: &Prepared) -> Result<Option<Launched>, LaunchError> {
        Ok(None)
    }
}

impl Sink for Weather {
    fn emit(&self, event: &Event<'_>) {
        let Event::Message(outcome) = event else { return };
        self.outcomes.lock().unwrap().push(format!("{} {outcome:?}", self.now()));
    }
}

/// The queues as the SDK reaches them from inside an invocation: every call carries its trace header.
struct Queues {
    sqs: Sqs,
    trace: String,
}

impl Queues {
    async fn call(&self, operation: &str, mut input: Value) -> Result<(), Failure> {
        if operation == "SendMessage" {
            let header = json!({"DataType": "String", "StringValue": self.trace});
            input["MessageSystemAttributes"] = json!({"AWSTraceHeader": header});
        }
        self.sqs.call(operation, input).await.unwrap();
        Ok(())
    }
}

impl Inbox for Queues {
    async fn dead_letter(&self, body: String, _: &Diagnosis) -> Result<(), Failure> {
        self.call("SendMessage", json!({"QueueUrl": "dlq", "MessageBody": body})).await
    }

    async fn return_after(&self, _: Source, receipt_handle: &str, delay: Duration) {
        let input = json!({"QueueUrl": "run", "ReceiptHandle": receipt_handle, "VisibilityTimeout": delay.as_secs()});
        self.call("ChangeMessageVisibility", input).await.unwrap();
    }
}

/// Schedules as the adapter makes them.
struct Timers(Scheduler);

impl Schedules for Timers {
    async fn send_at(&self, look: &Look, body: String) -> Result<(), Failure> {
        let at = Timestamp::from_second(look.at.as_second() + 1).unwrap().to_string();
        let input = json!({
            "Name": look.name, "ScheduleExpression": format!("at({})", at.trim_end_matches('Z')),
            "FlexibleTimeWindow": {"Mode": "OFF"}, "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": "arn:aws:sqs:eu-west-1:123456789012:run", "RoleArn": "arn:aws:iam::123456789012:role/r",
                       "Input": body},
        });
        match self.0.call("CreateSchedule", &input) {
            Err(error) if error.code != "ConflictException" => panic!("{error}"),
            _ => Ok(()),
        }
    }
}

struct World {
    weather: Arc<Weather>,
    sqs: Sqs,
    scheduler: Scheduler,
    mapping: EventSourceMapping,
    _firing: JoinSet<()>,
}

impl World {
    async fn start() -> Self {
        let clock = Clock::new();
        let weather = Arc::new(Weather {
            clock,
            paused: Mutex::new(false),
            capacity: Mutex::new(true),
            launches: Mutex::default(),
            outcomes: Mutex::default(),
        });
        let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
        let sqs = Sqs::new(account.clone(), "http://localhost:1", clock);
        sqs.create_queue("dlq", json!({"MessageRetentionPeriod": "1209600"})).await.unwrap();
        let redrive = json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dlq", "maxReceiveCount": 10});
        // As the module makes it: four days, and six times the function's timeout.
        let attributes = json!({
            "MessageRetentionPeriod": "345600", "VisibilityTimeout": "360", "RedrivePolicy": redrive.to_string(),
        });
        let url = sqs.create_queue("run", attributes).await.unwrap();
        // Schedules keep to the minute and no better.
        let scheduler = Scheduler::new(account, Duration::from_secs(59), clock);
        let mut firing = JoinSet::new();
        firing.spawn(scheduler.clone().run(sqs.clone()));
        let function = {
            let (weather, sqs, scheduler) = (Arc::clone(&weather), sqs.clone(), scheduler.clone());
            InProcess::new(move |event, left| {
                let trace = Chain::of(&event).trace_header(weather.clock.now());
                let dispatcher = dispatcher(&weather, Queues { sqs: sqs.clone(), trace }, scheduler.clone());
                let records = sqs_event::records(event).unwrap();
                async move { Ok(serde_json::to_value(dispatcher.handle(records, Instant::now() + left).await).unwrap()) }
            })
        };
        let mapping = EventSourceMapping::start(sqs.clone(), Arc::new(function), Mapping::new(&url)).await.unwrap();
        Self { weather, sqs, scheduler, mapping, _firing: firing }
    }

    /// Sends runs that are due that much later.
    async fn send(&self, runs: u32, ahead: Duration) -> Timestamp {
        let due = self.weather.now() + ahead;
        self.send_at(runs, due).await;
        due
    }

    async fn send_at(&self, runs: u32, due: Timestamp) {
        for run in 0..runs {
            let body = json!({
                "version": 1, "flow_run_id": format!("run {run}"), "state_id": "1", "expected_start_time": due,
                "work_pool": "p", "run": {"flow": {"name": "f"}},
            });
            self.sqs.send("run", body.to_string()).await.unwrap();
        }
    }

    /// All messages are done with, none was given up, and no chain became too long.
    fn all_is_well(&self) {
        assert_eq!(self.mapping.counts().recursive_invocations_dropped, 0, "chains became too long");
        assert_eq!(self.sqs.bodies("dlq").unwrap(), Vec::<String>::new(), "{:#?}", self.weather.outcomes.lock());
        assert_eq!(self.sqs.bodies("run").unwrap(), Vec::<String>::new());
        assert_eq!(self.scheduler.waiting(), []);
    }
}

type StandaloneDispatcher = Dispatcher<Standalone<Documents, Queues, Timers, NoBus>, Launcher, Queues>;

fn dispatcher(weather: &Arc<Weather>, queues: Queues, scheduler: Scheduler) -> Arc<StandaloneDispatcher> {
    let queues = Arc::new(queues);
    let clock: ports::Clock = {
        let weather = Arc::clone(weather);
        Arc::new(move || weather.now())
    };
    let pools = PoolCache::new(Documents(Arc::clone(weather)), POOL_LIFE);
    let control = Standalone::new(pools, Arc::clone(&queues), Arc::new(Timers(scheduler)), NoBus, Arc::clone(&clock));
    let policy = Policy {
        requests: ecs::Settings {
            region: "eu-west-1".into(),
            subnets: vec!["subnet-1".into()],
            default_image: Some("image".into()),
            ..ecs::Settings::default()
        },
        capacity_timeout: DAY,
        hand_back_delay: HAND_BACK_DELAY,
    };
    let sink: Arc<dyn Sink> = Arc::clone(weather) as _;
    Arc::new(Dispatcher::new(control, Launcher(Arc::clone(weather)), queues, policy, sink, clock))
}

#[tokio::test(start_paused = true)]
async fn a_run_due_in_twenty_days_starts_then() {
    let world = World::start().await;
    let due = world.send(3, 20 * DAY).await;
    // SQS delivers twice now and then.
    world.send_at(3, due).await;
    sleep(20 * DAY - Duration::from_secs(1)).await;
    assert_eq!(world.weather.launches(), []);
    sleep(Duration::from_secs(10)).await;
    let launches = world.weather.launches();
    assert_eq!(launches.len(), 3, "{:#?}", world.weather.outcomes.lock());
    assert!(launches.iter().all(|at| at.duration_since(due).as_secs() < 5), "{launches:?}");
    world.all_is_well();
}

#[tokio::test(start_paused = true)]
async fn runs_of_a_pool_that_is_paused_for_a_day_start_when_it_is_resumed() {
    let world = World::start().await;
    *world.weather.paused.lock().unwrap() = true;
    world.send(20, Duration::ZERO).await;
    sleep(DAY).await;
    assert_eq!(world.weather.launches(), []);
    *world.weather.paused.lock().unwrap() = false;
    sleep(Duration::from_secs(17 * 60)).await;
    assert_eq!(world.weather.launches().len(), 20, "{:#?}", world.weather.outcomes.lock());
    world.all_is_well();
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_capacity_for_as_long_as_it_may() {
    let world = World::start().await;
    *world.weather.capacity.lock().unwrap() = false;
    world.send(2, Duration::ZERO).await;
    sleep(DAY / 2).await;
    *world.weather.capacity.lock().unwrap() = true;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(world.weather.launches().len(), 2, "{:#?}", world.weather.outcomes.lock());
    world.all_is_well();
}
