//! Attempts that another delivery has claimed.

use super::*;

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
        assert!(unknown.sent().is_empty() && unknown.buried().is_empty(), "{class:?}: the outcome is unknown");
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
