//! The launch protocol over ports in memory, by subject.

mod batch;
mod claimed;
mod requests;
mod waiting;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use diagnosis::{Code, Diagnosis, PP0330, PP0331, PP0510};
use ecs::{
    Prepared,
    failure::Class,
    launch::{LaunchError, Launched},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    pool::PoolCache,
    ports::{Claim, Look, NoBus, Order, PoolDocuments, Schedules},
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
    /// Details of the reasons.
    details: Mutex<Vec<String>>,
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
        self.details.lock().unwrap().push(reason.detail.clone());
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
