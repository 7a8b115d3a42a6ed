use std::sync::{Arc, Mutex};

use diagnosis::{Diagnosis, PP0404};
use ecs::{
    Attempt, ClusterRef, Named, Run, Settings, TaskArn,
    launch::{LaunchError, Launched},
};
use serde_json::json;
use tokio::time::{Duration, Instant};
use uuid::Uuid;
use work_pool::{BaseJobTemplate, NoReferences, Object};

use super::*;
use crate::{
    dispatcher::Policy,
    message::RunQueue,
    outcome::Event,
    ports::{Claim, Delivery, Order, Settlement, Sink, Source, Waited},
    sqs_event::Record,
};

type Read = Box<dyn Fn() -> Reading + Send + Sync>;

/// A server with one reading of the run, what was started for it, and what was done to it.
struct Server {
    reading: Read,
    started: Started,
    done: Arc<Mutex<Vec<&'static str>>>,
}

impl ControlPlane for Server {
    async fn read(&self, deliveries: &[Delivery], _: RunQueue) -> Vec<Result<Reading, Failure>> {
        deliveries.iter().map(|_| Ok((self.reading)())).collect()
    }

    async fn claim(&self, _: &Delivery) -> Result<Claim, Failure> {
        self.done.lock().unwrap().push("claimed");
        Ok(Claim::Ours { again: false })
    }

    async fn started(&self, _: &ScheduledRun) -> Result<Started, Failure> {
        Ok(self.started.clone())
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        Ok(Waited { since: message.expected_start_time, hand_backs: 0 })
    }

    async fn settle(&self, _: &ScheduledRun, _: &Settlement) -> Result<(), Failure> {
        self.done.lock().unwrap().push("settled");
        Ok(())
    }
}

struct Launcher(Arc<Mutex<Vec<&'static str>>>, Option<Vec<String>>);

impl TaskLauncher for Launcher {
    async fn launch(&self, _: &Prepared) -> Result<Launched, LaunchError> {
        self.0.lock().unwrap().push("launched");
        Ok(Launched { task_arn: "t".into(), definition_arn: None, cluster: "c".into(), adopted: false })
    }

    async fn find(&self, _: &Prepared) -> Result<Option<Launched>, LaunchError> {
        Ok(None)
    }

    async fn differences(&self, _: &Prepared, _: &ClusterRef, _: &TaskArn) -> Result<Option<Vec<String>>, LaunchError> {
        Ok(self.1.clone())
    }
}

struct NoQueues;

impl Inbox for NoQueues {
    async fn dead_letter(&self, _: String, _: &Diagnosis) -> Result<(), Failure> {
        panic!("nothing is unreadable")
    }

    async fn return_after(&self, _: Source, _: &str, _: Duration) {}
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Sink for Told {
    fn emit(&self, event: &Event<'_>) {
        if let Event::Message(Outcome::NotOurs { reason, .. }) = event {
            self.0.lock().unwrap().push((*reason).to_owned());
        }
    }
}

fn order(cpu: u32) -> Box<Order> {
    let template: Value = serde_json::from_str(include_str!("../../../../work-pool/src/built_in.json")).unwrap();
    let variables = json!({"cpu": cpu, "memory": 512, "cluster": "etl", "env": {"PASSWORD": "canary"}});
    let Value::Object(deployment_variables) = variables else { panic!("no object") };
    Box::new(Order {
        run: Run {
            attempt: Attempt::OF_NO_RUN,
            name: None,
            work_pool: Named { id: None, name: "etl".into() },
            flow: None,
            deployment: None,
            environment: Default::default(),
        },
        template: BaseJobTemplate::from_value(&template).unwrap(),
        deployment_variables,
        flow_run_variables: Object::new(),
        since: jiff::Timestamp::UNIX_EPOCH,
        resolver: Arc::new(NoReferences),
    })
}

/// A run, and what is known of it.
struct Case {
    reading: Read,
    started: Started,
    differences: Option<Vec<String>>,
    /// Whether its message has come before.
    again: bool,
}

impl Case {
    fn of(reading: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { reading: Box::new(reading), started: Started::Nothing, differences: None, again: false }
    }

    /// A run that a worker has started.
    fn started() -> Self {
        let started = Started::Task { order: order(256), cluster: "etl".into(), task_arn: "arn:task/1".into() };
        Self { started, differences: Some(Vec::new()), ..Self::of(|| Reading::NotOurs("the run is RUNNING".into())) }
    }

    /// What is done to the run, what is told, and whether the message comes back, with `pools` in shadow.
    async fn handled(self, pools: &[&str]) -> (Vec<&'static str>, Vec<String>, bool) {
        let (done, told) = (Arc::new(Mutex::default()), Arc::new(Told::default()));
        let server = Server { reading: self.reading, started: self.started, done: Arc::clone(&done) };
        let requests = Settings { region: "eu-west-1".into(), subnets: vec!["subnet-1".into()], ..Settings::default() };
        let policy = Policy { requests, capacity_timeout: Duration::ZERO, hand_back_delay: Duration::ZERO };
        let (launcher, sink) = (Launcher(Arc::clone(&done), self.differences), Arc::clone(&told));
        let dispatcher =
            Dispatcher::new(server, launcher, Arc::new(NoQueues), policy, sink, Arc::new(jiff::Timestamp::now));
        let dispatcher = Arc::new(dispatcher.in_shadow(pools.iter().map(|it| (*it).to_owned())));
        let body = json!({"version": 1, "flow_run_id": Uuid::nil(), "state_id": Uuid::nil(), "work_pool": "etl",
            "expected_start_time": "2026-01-01T00:00:00Z"});
        let received = if self.again { "2" } else { "1" };
        let record: Record = serde_json::from_value(json!({"messageId": "m", "receiptHandle": "r",
            "body": body.to_string(), "attributes": {"ApproximateReceiveCount": received}}))
        .unwrap();
        let kept = dispatcher.handle(vec![record], Instant::now() + Duration::from_secs(30)).await;
        let (done, told) = (done.lock().unwrap().clone(), told.0.lock().unwrap().clone());
        (done, told, !kept.batch_item_failures.is_empty())
    }
}

async fn handled(
    pools: &[&str],
    reading: impl Fn() -> Reading + Send + Sync + 'static,
) -> (Vec<&'static str>, Vec<String>) {
    let (done, told, _) = Case::of(reading).handled(pools).await;
    (done, told)
}

#[tokio::test(start_paused = true)]
async fn a_run_of_a_pool_in_shadow_is_told_and_left_alone() {
    let (done, told) = handled(&["etl"], || Reading::Due(order(256))).await;
    let [reason] = told.as_slice() else { panic!("{told:?}") };
    assert!(done.is_empty(), "{done:?}");
    for word in ["in shadow", "it would launch task definition", "cluster etl", "FARGATE"] {
        assert!(reason.contains(word), "{word} in {reason}");
    }
    assert!(!reason.contains("canary"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_is_told_with_its_code_and_not_crashed() {
    let refused = || Reading::Refused { claimed: false, reason: Diagnosis::of(PP0404, "no such pool") };
    let cases: [(Read, &str); 2] = [(Box::new(|| Reading::Due(order(257))), "PP0216"), (Box::new(refused), "PP0404")];
    for (reading, code) in cases {
        let (done, told) = handled(&["etl"], reading).await;
        assert!(done.is_empty() && told[0].contains(code), "{done:?} {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_claimed_and_what_is_of_other_pools_is_launched() {
    assert_eq!(handled(&["etl"], || Reading::Claimed(order(256))).await.0, ["launched", "settled"]);
    assert_eq!(handled(&["other"], || Reading::Due(order(256))).await.0, ["claimed", "launched", "settled"]);
    assert_eq!(handled(&[], || Reading::Due(order(256))).await.0, ["claimed", "launched", "settled"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_no_worker_has_started_comes_back_once() {
    for (again, returned) in [(false, true), (true, false)] {
        let due = Case { again, ..Case::of(|| Reading::Due(order(256))) };
        let (done, told, kept) = due.handled(&["etl"]).await;
        assert_eq!((done.len(), told.len(), kept), (0, 1, returned), "{told:?}");
        let claimed = Case { again, started: Started::NotYet, ..Case::started() };
        assert_eq!(claimed.handled(&["etl"]).await.2, returned);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_started_is_compared_with_what_would_be_launched() {
    let told = async |case: Case| {
        let (done, told, kept) = case.handled(&["etl"]).await;
        assert!(done.is_empty() && !kept && told.len() == 1, "{done:?} {told:?}");
        told.into_iter().next().unwrap()
    };
    let same = told(Case::started()).await;
    assert_eq!(same, "its work pool is in shadow; a launch would be the same as arn:task/1");
    let differences = Some(vec!["cpu".to_owned(), "container prefect.image".to_owned()]);
    let other = told(Case { differences, ..Case::started() }).await;
    assert!(other.ends_with("a launch would differ from arn:task/1 in cpu, container prefect.image"), "{other}");
    let gone = told(Case { differences: None, ..Case::started() }).await;
    assert!(gone.ends_with("arn:task/1 was started, which ECS does not show"), "{gone}");
    let started = Started::Task { order: order(257), cluster: "etl".into(), task_arn: "arn:task/1".into() };
    let fails = told(Case { started, ..Case::started() }).await;
    assert!(fails.contains("PP0216") && fails.ends_with("while arn:task/1 was started"), "{fails}");
    assert!(!fails.contains("canary"), "{fails}");
}
