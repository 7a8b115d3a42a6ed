//! The table of the launch protocol, row by row, over ports in memory; and what a batch promises its records.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use diagnosis::{Code, Diagnosis, PP0330, PP0331, PP0510};
use ecs::failure::Class;
use serde_json::{Value, json};

use super::*;
use crate::{
    pool::PoolCache,
    ports::{Look, NoBus, PoolDocuments, Schedules},
    standalone::Standalone,
};

const RUN: &str = "7f2c1f0e-0000-4000-8000-0000000000";

fn diagnosis(code: Code) -> Diagnosis {
    Diagnosis { code, summary: "s".into(), detail: "d".into(), resolution: "r".into() }
}

fn error(class: Class) -> LaunchError {
    LaunchError { class, diagnosis: diagnosis(PP0331) }
}

fn task(adopted: bool) -> Launched {
    Launched { task_arn: "arn:aws:ecs:eu-west-1:1:task/c/1".into(), definition_arn: None, cluster: "c".into(), adopted }
}

/// What the launcher answers for a run, by the last two digits of its id.
#[derive(Clone)]
enum Script {
    Answer(Result<Launched, LaunchError>),
    Panic,
    Hang,
}

#[derive(Default)]
struct Launcher {
    scripts: HashMap<u8, Script>,
    found: Option<Result<Option<Launched>, LaunchError>>,
    asked: Mutex<Vec<Value>>,
}

impl TaskLauncher for Launcher {
    async fn launch(&self, prepared: &Prepared) -> Result<Launched, LaunchError> {
        self.asked.lock().unwrap().push(prepared.run_task.clone());
        let started_by = prepared.run_task["startedBy"].as_str().unwrap();
        let run = started_by.split('/').next().unwrap();
        let key = u8::from_str_radix(&run[run.len() - 2..], 16).unwrap();
        match self.scripts.get(&key).cloned() {
            None => Ok(task(false)),
            Some(Script::Answer(answer)) => answer,
            Some(Script::Panic) => panic!("a defect"),
            Some(Script::Hang) => std::future::pending().await,
        }
    }

    async fn find(&self, _prepared: &Prepared) -> Result<Option<Launched>, LaunchError> {
        self.found.clone().expect("the task was looked for although nothing called for it")
    }
}

#[derive(Default)]
struct Queues {
    /// What is sent again: body, when, by what name.
    sent: Mutex<Vec<(Value, Look)>>,
    buried: Mutex<Vec<(String, &'static str)>>,
    hurried: Mutex<Vec<String>>,
    hidden: Mutex<Vec<u64>>,
    broken: bool,
}

impl Queues {
    fn outage(&self) -> Result<(), Failure> {
        if self.broken {
            return Err(Failure { class: Class::Transient, diagnosis: codes::queue_failed("queue", "outage") });
        }
        Ok(())
    }
}

impl Inbox for Queues {
    async fn dead_letter(&self, body: String, reason: &Diagnosis) -> Result<(), Failure> {
        self.outage()?;
        self.buried.lock().unwrap().push((body, reason.code.id()));
        Ok(())
    }

    async fn return_after(&self, _from: Source, receipt_handle: &str, delay: Duration) {
        self.hurried.lock().unwrap().push(receipt_handle.to_owned());
        self.hidden.lock().unwrap().push(delay.as_secs());
    }
}

impl Schedules for Queues {
    async fn send_at(&self, look: &Look, body: String) -> Result<(), Failure> {
        self.outage()?;
        self.sent.lock().unwrap().push((serde_json::from_str(&body).unwrap(), look.clone()));
        Ok(())
    }
}

struct Documents;

impl PoolDocuments for Documents {
    async fn read(&self, work_pool: &str) -> Result<Option<Value>, Failure> {
        match work_pool {
            "p" => Ok(Some(json!({"name": "p", "base_job_template": {}}))),
            "roles" => {
                let template = include_str!("../../../work-pool/src/built_in.json");
                let mut template: Value = serde_json::from_str(template).unwrap();
                template["variables"]["properties"]["task_role_arn"]["default"] = json!("arn:aws:iam::1:role/pool");
                Ok(Some(json!({"name": "roles", "base_job_template": template})))
            }
            "paused" => Ok(Some(json!({"name": "paused", "is_paused": true}))),
            "unreachable" => Err(crate::pool::unread("unreachable", "outage")),
            _ => Ok(None),
        }
    }
}

struct Quiet;

impl Sink for Quiet {
    fn emit(&self, event: &Event<'_>) {
        let _ = event.metrics(0);
    }
}

type Bench = Dispatcher<Standalone<Documents, Queues, Queues, NoBus>, Launcher, Queues>;

struct World {
    dispatcher: Arc<Bench>,
    queues: Arc<Queues>,
}

impl World {
    fn new(launcher: Launcher, queues: Queues) -> Self {
        Self::told(launcher, queues, |_| {})
    }

    /// With other settings of the operator's.
    fn told(launcher: Launcher, queues: Queues, tell: impl FnOnce(&mut Policy)) -> Self {
        let queues = Arc::new(queues);
        let clock: Clock = Arc::new(|| "2026-01-01T00:10:00Z".parse().unwrap());
        let pools = PoolCache::new(Documents, Duration::from_secs(60));
        let control = Standalone::new(pools, Arc::clone(&queues), Arc::clone(&queues), NoBus, Arc::clone(&clock));
        let mut policy = Policy {
            requests: Settings {
                region: "eu-west-1".into(),
                subnets: vec!["subnet-1".into()],
                default_image: Some("image".into()),
                ..Settings::default()
            },
            capacity_timeout: Duration::from_secs(3_600),
            hand_back_delay: Duration::from_secs(10),
        };
        tell(&mut policy);
        let dispatcher = Dispatcher::new(control, launcher, Arc::clone(&queues), policy, Arc::new(Quiet), clock);
        Self { dispatcher: Arc::new(dispatcher), queues }
    }

    async fn handle(&self, records: Vec<Record>) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let answer = self.dispatcher.handle(records, deadline).await;
        assert!(Instant::now() < deadline, "the answer came after the deadline");
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    fn sent(&self) -> MutexGuard<'_, Vec<(Value, Look)>> {
        self.queues.sent.lock().unwrap()
    }

    fn buried(&self) -> Vec<&'static str> {
        self.queues.buried.lock().unwrap().iter().map(|(_, code)| *code).collect()
    }

    fn asked(&self) -> usize {
        self.dispatcher.launcher.asked.lock().unwrap().len()
    }
}

fn body(run: u8) -> Value {
    json!({
        "version": 1,
        "flow_run_id": format!("{RUN}{run:02x}"),
        "state_id": "7f2c1f0e-0000-4000-8000-00000000ffff",
        "expected_start_time": "2026-01-01T00:00:00Z",
        "work_pool": "p",
        "run": {"name": "r", "flow": {"name": "f"}},
    })
}

fn record(id: &str, receive_count: u32, body: &str) -> Record {
    serde_json::from_value(json!({
        "messageId": id,
        "receiptHandle": format!("receipt-{id}"),
        "body": body,
        "attributes": {"ApproximateReceiveCount": receive_count.to_string()},
    }))
    .unwrap()
}

fn scripted(scripts: &[(u8, Script)]) -> Launcher {
    Launcher { scripts: scripts.iter().cloned().collect(), ..Launcher::default() }
}

fn failing(class: Class) -> Launcher {
    scripted(&[(1, Script::Answer(Err(error(class))))])
}

#[tokio::test(start_paused = true)]
async fn each_record_of_a_batch_goes_its_own_way() {
    let world = World::new(
        scripted(&[
            (2, Script::Panic),
            (3, Script::Answer(Err(error(Class::Transient)))),
            (4, Script::Answer(Err(error(Class::Rejected)))),
        ]),
        Queues::default(),
    );
    let mut invalid = body(5);
    invalid["run"]["job_variables"] = json!({"cpu": "lots"});
    let mut unknown = body(6);
    unknown["work_pool"] = json!("nobody's");
    let mut unreachable = body(7);
    unreachable["work_pool"] = json!("unreachable");
    let kept = world
        .handle(vec![
            record("good", 1, &body(1).to_string()),
            record("panic", 1, &body(2).to_string()),
            record("transient", 1, &body(3).to_string()),
            record("rejected", 1, &body(4).to_string()),
            record("invalid", 1, &invalid.to_string()),
            record("unknown-pool", 1, &unknown.to_string()),
            record("unreachable", 1, &unreachable.to_string()),
            record("poison", 1, "{"),
            record("empty", 1, ""),
            record("version", 1, r#"{"version": 2}"#),
        ])
        .await;
    assert_eq!(kept, ["panic", "transient", "unreachable"]);
    let mut buried = world.buried();
    buried.sort_unstable();
    assert_eq!(buried[1..4], ["PP0331", "PP0401", "PP0401"], "{buried:?}");
    assert!(buried[0].starts_with("PP01"), "the refused job variable is named by work-pool: {buried:?}");
    assert_eq!(buried[4..], ["PP0402", "PP0404"]);
    let mut hurried = world.queues.hurried.lock().unwrap().clone();
    hurried.sort_unstable();
    assert_eq!(hurried, ["receipt-panic", "receipt-transient", "receipt-unreachable"]);
}

#[tokio::test(start_paused = true)]
async fn roles_come_from_the_pool_alone_where_the_operator_says_so() {
    let run = |number: u8, of_run: Value, of_deployment: Value| {
        let mut body = body(number);
        body["work_pool"] = json!("roles");
        body["run"]["job_variables"] = of_run;
        body["run"]["deployment"] = json!({"name": "d", "job_variables": of_deployment});
        record(&number.to_string(), 1, &body.to_string())
    };
    let role = json!({"task_role_arn": "arn:aws:iam::1:role/admin"});
    let records = || {
        vec![run(1, role.clone(), json!({})), run(2, json!({}), role.clone()), run(3, json!({}), json!({"cpu": 512}))]
    };
    let open = World::new(Launcher::default(), Queues::default());
    assert!(open.handle(records()).await.is_empty());
    assert_eq!((open.asked(), open.buried().len()), (3, 0), "by default a deployment may choose its role");
    let closed =
        World::told(Launcher::default(), Queues::default(), |policy| policy.requests.roles_of_pool_only = true);
    assert!(closed.handle(records()).await.is_empty());
    assert_eq!((closed.asked(), closed.buried()), (1, vec!["PP0223"; 2]));
}

#[tokio::test(start_paused = true)]
async fn no_capacity_hands_back_a_new_attempt_of_the_same_run() {
    for class in [Class::Throttled, Class::Capacity] {
        let world = World::new(failing(class), Queues::default());
        assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
        let (again, look) = world.sent()[0].clone();
        let delay = look.at.duration_since("2026-01-01T00:10:00Z".parse().unwrap());
        assert_eq!(again["flow_run_id"], body(1)["flow_run_id"]);
        assert_ne!(again["state_id"], body(1)["state_id"], "a new attempt has a new token");
        assert_eq!(again["first_due"], "2026-01-01T00:00:00Z");
        assert_eq!(again["hand_backs"], 1);
        assert!((7..=15).contains(&delay.as_secs()), "{delay:?}");
        assert!(world.buried().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn capacity_that_never_comes_crashes_the_run() {
    let world = World::new(failing(Class::Capacity), Queues::default());
    let mut late = body(1);
    late["first_due"] = json!("2025-12-31T23:00:00Z");
    late["hand_backs"] = json!(2);
    assert!(world.handle(vec![record("a", 1, &late.to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0410"]);
    assert!(world.sent().is_empty());
}

/// An outage before the first attempt, or a backlog, is no missing capacity.
#[tokio::test(start_paused = true)]
async fn a_late_run_is_handed_back_twice_before_it_crashes_for_want_of_capacity() {
    for hand_backs in [0, 1] {
        let world = World::new(failing(Class::Throttled), Queues::default());
        let mut late = body(1);
        late["first_due"] = json!("2025-12-31T12:00:00Z");
        late["hand_backs"] = json!(hand_backs);
        assert!(world.handle(vec![record("a", 1, &late.to_string())]).await.is_empty());
        assert_eq!((world.sent().len(), world.buried().len()), (1, 0), "{hand_backs}");
    }
    let world =
        World::told(failing(Class::Capacity), Queues::default(), |policy| policy.capacity_timeout = Duration::ZERO);
    assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0410"], "0 allows no waiting");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_keeps_the_token_and_the_message() {
    for class in [Class::Transient, Class::Bug] {
        let world = World::new(failing(class), Queues::default());
        assert_eq!(world.handle(vec![record("a", 1, &body(1).to_string())]).await, ["a"]);
        assert!(world.sent().is_empty() && world.buried().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn stale_is_acknowledged_and_nothing_else() {
    let world = World::new(failing(Class::Stale), Queues::default());
    assert!(world.handle(vec![record("a", 1, &body(1).to_string())]).await.is_empty());
    assert!(world.sent().is_empty() && world.buried().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_redelivery_looks_for_the_task_of_the_lost_answer() {
    for class in [Class::Throttled, Class::Capacity, Class::Rejected] {
        let found = |found| World::new(Launcher { found: Some(found), ..failing(class) }, Queues::default());
        let again = || vec![record("a", 2, &body(1).to_string())];

        let adopting = found(Ok(Some(task(true))));
        assert!(adopting.handle(again()).await.is_empty());
        assert!(adopting.sent().is_empty() && adopting.buried().is_empty(), "{class:?} with a live task");

        let none = found(Ok(None));
        assert!(none.handle(again()).await.is_empty());
        assert_eq!(none.sent().len() + none.buried().len(), 1, "{class:?} without a task");

        let unknown = found(Err(error(Class::Throttled)));
        assert_eq!(unknown.handle(again()).await, ["a"]);
        assert!(unknown.sent().is_empty() && unknown.buried().is_empty(), "{class:?} and nobody knows");
    }
}

/// A control plane on which an earlier delivery has claimed every run, or another one holds it.
struct Claimed(Standalone<Documents, Queues, Queues, NoBus>, Option<Duration>, Mutex<Vec<Code>>);

impl ControlPlane for Claimed {
    async fn read(&self, deliveries: &[Delivery], queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        let readings = self.0.read(deliveries, queue).await.into_iter();
        let claimed = |reading| match (reading, self.1) {
            (Ok(Reading::Due(_)), Some(wait)) => Ok(Reading::InHand(wait)),
            (Ok(Reading::Due(order)), None) => Ok(Reading::Claimed(order)),
            (other, _) => other,
        };
        readings.map(claimed).collect()
    }

    async fn claim(&self, _: &Delivery) -> Result<Claim, Failure> {
        panic!("it is claimed already")
    }

    async fn give_up(&self, _: &ScheduledRun, reason: &Diagnosis) -> Result<bool, Failure> {
        self.2.lock().unwrap().push(reason.code);
        Ok(true)
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        self.0.waited(message).await
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        self.0.settle(message, settlement).await
    }
}

/// A dispatcher of runs that another delivery has claimed.
fn of_claimed(launcher: Launcher, wait: Option<Duration>) -> (Arc<Dispatcher<Claimed, Launcher, Queues>>, Arc<Queues>) {
    let World { dispatcher, queues } = World::new(launcher, Queues::default());
    let Dispatcher { control, launcher, policy, sink, clock, .. } =
        Arc::into_inner(dispatcher).unwrap_or_else(|| panic!("the dispatcher is shared"));
    let control = Claimed(control, wait, Mutex::default());
    (Arc::new(Dispatcher::new(control, launcher, Arc::clone(&queues), policy, sink, clock)), queues)
}

/// The receive count is approximate: the claim says that there was an earlier delivery.
#[tokio::test(start_paused = true)]
async fn a_claimed_run_is_looked_for_whatever_the_receive_count_says() {
    let world = |found, wait| of_claimed(Launcher { found: Some(Ok(found)), ..failing(Class::Throttled) }, wait);
    let deadline = || Instant::now() + Duration::from_secs(30);
    let first = || vec![record("a", 1, &body(1).to_string())];

    let (adopting, queues) = world(Some(task(true)), None);
    assert_eq!(adopting.handle(first(), deadline()).await, BatchResponse::default());
    assert!(queues.sent.lock().unwrap().is_empty(), "handed back although it has a task");
    assert!(adopting.control.2.lock().unwrap().is_empty(), "given up although it has a task");

    let (in_hand, queues) = world(None, Some(Duration::from_secs(70)));
    assert_eq!(in_hand.handle(first(), deadline()).await.batch_item_failures.len(), 1);
    assert_eq!(in_hand.launcher.asked.lock().unwrap().len(), 0, "another delivery may be launching it");
    assert_eq!(*queues.hurried.lock().unwrap(), ["receipt-a"]);
}

/// A third delivery may have read the run before and be about to launch it.
#[tokio::test(start_paused = true)]
async fn a_delivery_gives_up_what_another_one_claimed_and_it_cannot_launch() {
    let unpreparable = json!({"cpu": "many"});
    for (class, variables) in [
        (Class::Throttled, json!({})),
        (Class::Capacity, json!({})),
        (Class::Rejected, json!({})),
        (Class::Transient, unpreparable),
    ] {
        let (dispatcher, queues) = of_claimed(Launcher { found: Some(Ok(None)), ..failing(class) }, None);
        let mut body = body(1);
        body["run"]["job_variables"] = variables;
        let deadline = Instant::now() + Duration::from_secs(30);
        let answer = dispatcher.handle(vec![record("a", 1, &body.to_string())], deadline).await;
        assert_eq!(answer, BatchResponse::default(), "{class:?}: the reconciler goes on");
        assert_eq!(dispatcher.control.2.lock().unwrap().len(), 1, "{class:?}");
        assert!(queues.sent.lock().unwrap().is_empty() && queues.buried.lock().unwrap().is_empty(), "{class:?}");
    }
}

/// A control plane whose runs have moved on since they were claimed.
struct Moved(Standalone<Documents, Queues, Queues, NoBus>);

impl ControlPlane for Moved {
    async fn read(&self, deliveries: &[Delivery], queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        self.0.read(deliveries, queue).await
    }

    async fn claim(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        self.0.claim(delivery).await
    }

    async fn give_up(&self, _: &ScheduledRun, reason: &Diagnosis) -> Result<bool, Failure> {
        Err(Failure { class: Class::Transient, diagnosis: reason.clone() })
    }

    async fn is_to_record(&self, _: &ScheduledRun) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        self.0.waited(message).await
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        assert!(!matches!(settlement, Settlement::Launched(_)), "what is recorded is the later attempt's task");
        self.0.settle(message, settlement).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_a_task_may_have_run_since_is_judged_anew() {
    for class in [Class::Throttled, Class::Capacity, Class::Rejected] {
        let World { dispatcher, queues } =
            World::new(Launcher { found: Some(Ok(None)), ..failing(class) }, Queues::default());
        let Dispatcher { control, launcher, policy, sink, clock, .. } =
            Arc::into_inner(dispatcher).unwrap_or_else(|| panic!("the dispatcher is shared"));
        let moved = Arc::new(Dispatcher::new(Moved(control), launcher, Arc::clone(&queues), policy, sink, clock));
        let deadline = Instant::now() + Duration::from_secs(30);
        let answer = moved.handle(vec![record("a", 2, &body(1).to_string())], deadline).await;
        assert_eq!(answer.batch_item_failures.len(), 1, "{class:?}");
        assert!(queues.sent.lock().unwrap().is_empty() && queues.buried.lock().unwrap().is_empty(), "{class:?}");
    }
}

#[tokio::test]
async fn a_launch_that_took_long_is_recorded_only_if_no_later_attempt_was_launched() {
    let World { dispatcher, queues } = World::new(Launcher::default(), Queues::default());
    let Dispatcher { control, launcher, policy, sink, .. } =
        Arc::into_inner(dispatcher).unwrap_or_else(|| panic!("the dispatcher is shared"));
    let second = std::sync::atomic::AtomicI64::new(0);
    // Each look at it finds it three seconds later.
    let clock: Clock = Arc::new(move || {
        let later = second.fetch_add(3, std::sync::atomic::Ordering::Relaxed);
        "2026-01-01T00:10:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(later)
    });
    let slow = Arc::new(Dispatcher::new(Moved(control), launcher, Arc::clone(&queues), policy, sink, clock));
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = slow.handle(vec![record("a", 1, &body(1).to_string())], deadline).await;
    assert_eq!(answer, BatchResponse::default(), "the message is done with");
    assert_eq!(slow.launcher.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_used_up_is_given_up_once_nothing_can_be_under_way() {
    let conflict = LaunchError { class: Class::Transient, diagnosis: diagnosis(PP0330) };
    let world = |found| {
        let launcher = scripted(&[(1, Script::Answer(Err(conflict.clone())))]);
        World::new(Launcher { found: Some(found), ..launcher }, Queues::default())
    };
    let delivered = |count| vec![record("a", count, &body(1).to_string())];

    let first = world(Ok(None));
    assert_eq!(first.handle(delivered(1)).await, ["a"], "an earlier copy of the request may be about to start it");
    let adopting = world(Ok(Some(task(true))));
    assert!(adopting.handle(delivered(2)).await.is_empty() && adopting.sent().is_empty(), "it has started it");
    let none = world(Ok(None));
    assert!(none.handle(delivered(2)).await.is_empty());
    assert_eq!((none.sent()[0].0["hand_backs"].clone(), none.buried().len()), (json!(1), 0));
}

#[tokio::test]
async fn a_claim_without_its_slot_launches_nothing() {
    let lost = || diagnosis(PP0510);
    let order = |since: &str| Order {
        run: ecs::Run {
            attempt: ScheduledRun::parse(&body(1).to_string()).unwrap().attempt(),
            name: None,
            work_pool: ecs::Named { id: None, name: "p".into() },
            flow: None,
            deployment: None,
            environment: std::collections::BTreeMap::new(),
        },
        template: work_pool::BaseJobTemplate::built_in(),
        deployment_variables: work_pool::Object::new(),
        flow_run_variables: work_pool::Object::new(),
        since: since.parse().unwrap(),
        resolver: Arc::new(work_pool::NoReferences),
    };
    let world = |found| World::new(Launcher { found: Some(found), ..Launcher::default() }, Queues::default());
    let (just_now, before) = ("2026-01-01T00:09:30Z", "2026-01-01T00:03:00Z");
    for (found, since, class) in [
        (Ok(None), just_now, Some(Class::Transient)),
        (Ok(None), before, Some(Class::Capacity)),
        (Err(error(Class::Throttled)), before, Some(Class::Transient)),
        (Ok(Some(task(true))), before, None),
    ] {
        let world = world(found);
        let message = ScheduledRun::parse(&body(1).to_string()).unwrap();
        let answer = world.dispatcher.without_slot(&order(since), &message, lost()).await;
        assert_eq!(answer.as_ref().err().map(|failure| failure.class), class, "{since}");
        assert_eq!(matches!(answer, Ok(Came::Task(..))), class.is_none(), "{since}");
        assert_eq!(world.asked(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_not_acknowledged() {
    for launcher in [failing(Class::Capacity), failing(Class::Rejected)] {
        let world = World::new(launcher, Queues { broken: true, ..Queues::default() });
        let kept = world.handle(vec![record("a", 1, &body(1).to_string()), record("poison", 1, "{")]).await;
        assert_eq!(kept, ["a", "poison"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_before_the_deadline_is_returned() {
    let world = World::new(scripted(&[(2, Script::Hang)]), Queues::default());
    let kept = world.handle(vec![record("a", 1, &body(1).to_string()), record("slow", 1, &body(2).to_string())]).await;
    assert_eq!(kept, ["slow"]);
    assert_eq!(world.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn early_and_paused_runs_wait_as_the_same_attempt() {
    let world = World::new(Launcher::default(), Queues::default());
    let mut early = body(1);
    early["expected_start_time"] = json!("2026-01-01T00:10:20.5Z");
    let mut far = body(2);
    far["expected_start_time"] = json!("2026-01-22T00:00:00Z");
    let mut paused = body(3);
    paused["work_pool"] = json!("paused");
    let records = || {
        let bodies = [&early, &far, &paused].into_iter().enumerate();
        bodies.map(|(i, it)| record(&i.to_string(), 1, &it.to_string())).collect()
    };
    assert_eq!(world.handle(records()).await, ["0"], "the last stretch is waited out in the queue");
    assert_eq!(*world.queues.hidden.lock().unwrap(), [22], "a second longer, so that it is not early");
    assert_eq!(world.asked(), 0);
    let first: Vec<(Value, Look)> = world.sent().drain(..).collect();
    let mut times: Vec<String> = first.iter().map(|(_, look)| look.at.to_string()).collect();
    times.sort_unstable();
    assert_eq!(times, ["2026-01-01T00:15:00Z", "2026-01-21T23:58:00Z"], "ten minutes late, and two ahead");
    assert!(first.iter().all(|(again, _)| again["state_id"] == early["state_id"]));
    world.handle(records()).await;
    assert_eq!(*world.sent(), first, "another delivery asks for the same schedules");
}

/// What EventBridge Scheduler does not take stays in the queue.
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_not_scheduled_is_not_acknowledged() {
    let world = World::new(Launcher::default(), Queues { broken: true, ..Queues::default() });
    let mut far = body(2);
    far["expected_start_time"] = json!("2026-01-22T00:00:00Z");
    assert_eq!(world.handle(vec![record("a", 1, &far.to_string())]).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_run_is_buried() {
    let world = World::new(Launcher::default(), Queues::default());
    let mut bare = body(1);
    bare.as_object_mut().unwrap().remove("run");
    assert!(world.handle(vec![record("a", 1, &bare.to_string())]).await.is_empty());
    assert_eq!(world.buried(), ["PP0408"]);
}

#[tokio::test(start_paused = true)]
async fn every_delivery_of_an_attempt_sends_the_same_request() {
    let world = World::new(Launcher::default(), Queues::default());
    for count in 1..4 {
        world.handle(vec![record("a", count, &body(1).to_string()), record("b", 1, &body(9).to_string())]).await;
    }
    let asked = world.dispatcher.launcher.asked.lock().unwrap();
    let of_first: Vec<&Value> =
        asked.iter().filter(|it| it["startedBy"].as_str().unwrap().starts_with(&format!("{RUN}01"))).collect();
    assert_eq!(of_first.len(), 3);
    assert!(of_first.iter().all(|request| request == &of_first[0]));
}

#[test]
fn hand_backs_wait_longer_each_time_up_to_four_minutes() {
    for (first, hand_backs, shortest) in
        [(120, 0, 120), (120, 1, 240), (10, 4, 160), (120, 2, 240), (10, 40, 240), (300, 1, 300)]
    {
        let shortest = Duration::from_secs(shortest);
        for _ in 0..50 {
            let delay = hand_back_delay(Duration::from_secs(first), hand_backs);
            assert!(shortest <= delay && delay <= shortest * 3 / 2, "{delay:?}");
        }
    }
}

/// A control plane that keeps what a run's owner is told.
struct Told(Standalone<Documents, Queues, Queues, NoBus>, Arc<Mutex<Vec<String>>>);

impl ControlPlane for Told {
    async fn read(&self, deliveries: &[Delivery], queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        self.0.read(deliveries, queue).await
    }

    async fn claim(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        self.0.claim(delivery).await
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        self.0.waited(message).await
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        self.0.settle(message, settlement).await
    }

    fn note(&self, _: &ScheduledRun, notes: Vec<String>) {
        self.1.lock().unwrap().extend(notes);
    }
}

/// What a run with these job variables is told, and how often a task was asked for.
async fn told(job_variables: Value, adopted: bool) -> (Vec<String>, usize, Vec<&'static str>) {
    let launcher = scripted(&[(1, Script::Answer(Ok(task(adopted))))]);
    let World { dispatcher, queues } = World::new(launcher, Queues::default());
    let Dispatcher { control, launcher, policy, sink, clock, .. } =
        Arc::into_inner(dispatcher).unwrap_or_else(|| panic!("the dispatcher is shared"));
    let notes = Arc::default();
    let control = Told(control, Arc::clone(&notes));
    let dispatcher = Arc::new(Dispatcher::new(control, launcher, Arc::clone(&queues), policy, sink, clock));
    let mut body = body(1);
    body["run"]["deployment"] = json!({"name": "d", "job_variables": job_variables});
    let deadline = Instant::now() + Duration::from_secs(30);
    dispatcher.handle(vec![record("a", 1, &body.to_string())], deadline).await;
    let asked = dispatcher.launcher.asked.lock().unwrap().len();
    let buried = queues.buried.lock().unwrap().iter().map(|(_, code)| *code).collect();
    let notes = std::mem::take(&mut *notes.lock().unwrap());
    (notes, asked, buried)
}

#[tokio::test(start_paused = true)]
async fn settings_without_effect_are_told_once_the_run_is_launched() {
    let variables = json!({"memroy": 8192, "image": "a/b:1"});
    let (notes, asked, _) = told(variables.clone(), false).await;
    assert_eq!((notes.len(), asked), (1, 1), "{notes:?}");
    assert!(notes[0].contains("`memroy`") && notes[0].contains("Did you mean `memory`?"), "{notes:?}");
    assert_eq!(told(variables, true).await.0, Vec::<String>::new(), "an earlier delivery has told them");
}

#[tokio::test(start_paused = true)]
async fn what_ecs_would_refuse_is_refused_before_it_is_asked() {
    for (variables, code) in [
        (json!({"image": "{{ build.image }}"}), "PP0228"),
        (json!({"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/etl:7"}), "PP0224"),
        (json!({"container_name": "my flow"}), "PP0225"),
        (json!({"execution_role_arn": "arn:aws:iam::1:user/x"}), "PP0226"),
        (json!({"network_configuration": {"subnets": ["foo"]}}), "PP0227"),
        (json!({"cluster": "arn:aws:ecs:us-east-1:111122223333:cluster/etl"}), "PP0229"),
    ] {
        assert_eq!(told(variables.clone(), false).await, (Vec::new(), 0, vec![code]), "{variables}");
    }
}
