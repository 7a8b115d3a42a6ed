//! What the table of runs is told, and by whom.

use prefect_ids::FlowRunId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use diagnosis::Diagnosis;
use dispatch::{
    outcome::{Change, Event, Observed, Outcome, Polling},
    ports::Sink,
};
use prefect_api::models::FlowRun;
use tokio::{sync::mpsc::UnboundedSender, time::Instant};

use crate::dev::news::Task;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum News {
    /// A run was launched, so many seconds after it was due.
    Launched { run: FlowRunId, work_pool: String, due_to_launch: f64 },
    /// Something was done about a run that its owner should know.
    Noted { run: FlowRunId, work_pool: Option<String>, note: String },
    /// ECS told of a task.
    Task(Task),
    /// The server told of runs; those that it was asked about and did not tell of are gone. `called` is "flow/deployment" of
    /// those whose names are known.
    Runs { asked: Vec<FlowRunId>, found: Vec<FlowRun>, called: HashMap<FlowRunId, String> },
    /// The server told of all runs that are due or under way, and what those that are due wait for. `first`: it was asked
    /// before anything was launched from here.
    UnderWay {
        found: Vec<FlowRun>,
        called: HashMap<FlowRunId, String>,
        waiting: HashMap<FlowRunId, String>,
        first: bool,
    },
    /// The server does not answer; or does again, if that is none.
    Silence(Option<Silence>),
    /// Work pools were polled for the first time.
    Serving(String),
    /// Something does not work; it is tried again.
    Trouble(String),
}

/// A server that does not answer.
#[derive(Debug)]
pub(crate) struct Silence {
    pub(crate) since: Instant,
    pub(crate) why: String,
}

/// Passes on what the use cases tell.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    sender: UnboundedSender<News>,
    /// Pools that are known to be served, and trouble that has been told: the same is told once.
    told: Arc<Mutex<HashMap<String, ()>>>,
}

impl Teller {
    pub(crate) fn new(sender: UnboundedSender<News>) -> Self {
        Self { sender, told: Arc::default() }
    }

    /// This teller as the use cases take it.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }

    /// Tells; where nobody listens any more there is nothing left to tell.
    pub(crate) fn tell(&self, news: News) {
        let _ = self.sender.send(news);
    }

    fn once(&self, text: &str, news: impl FnOnce(String) -> News) {
        let first = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(text.to_owned(), ()).is_none()
        };
        if first {
            self.tell(news(text.to_owned()));
        }
    }

    fn note(&self, run: FlowRunId, work_pool: Option<&str>, what: &str, reason: &Diagnosis) {
        let note = format!("{what}: {} {}. {}", reason.code, reason.summary, reason.detail);
        self.tell(News::Noted { run, work_pool: work_pool.map(str::to_owned), note });
    }
}

impl Sink for Teller {
    fn emit(&self, event: &Event<'_>) {
        match event {
            Event::Message(outcome) => self.outcome(outcome),
            Event::Poll(Polling::Polled(polled)) => self.once(&polled.work_pool, News::Serving),
            Event::Poll(Polling::Failed(detail)) => self.once(detail, News::Trouble),
            Event::Poll(Polling::Ended) => {}
            Event::Run(observed) => self.observed(observed),
        }
    }
}

impl Teller {
    fn outcome(&self, outcome: &Outcome<'_>) {
        match *outcome {
            Outcome::Launched { message, due_to_launch, .. } => self.tell(News::Launched {
                run: message.flow_run_id,
                work_pool: message.work_pool.clone(),
                due_to_launch,
            }),
            Outcome::HandedBack { message, reason, delay } => {
                let what = format!("handed back for {} s", delay.as_secs());
                self.note(message.flow_run_id, Some(&message.work_pool), &what, reason);
            }
            Outcome::Crashed { message, reason } => {
                self.note(message.flow_run_id, Some(&message.work_pool), "crashed", reason);
            }
            Outcome::Malformed { reason, .. } => self.tell(News::Trouble(reason.detail.clone())),
            Outcome::Returned { reason, .. } => {
                self.once(&format!("{} {}: {}", reason.code, reason.summary, reason.detail), News::Trouble);
            }
            Outcome::NotOurs { .. } | Outcome::Deferred { .. } => {}
        }
    }

    fn observed(&self, observed: &Observed<'_>) {
        match *observed {
            Observed::Run { flow_run_id, run, change, .. } => {
                let work_pool = run.and_then(|run| run.work_pool_name.as_deref());
                match change {
                    Change::HandedBack { reason, .. } => self.note(flow_run_id, work_pool, "handed back", reason),
                    Change::Crashed(reason) => self.note(flow_run_id, work_pool, "crashed", reason),
                    _ => {}
                }
            }
            Observed::Returned { reason, .. } | Observed::Failed { reason, .. } => {
                self.once(&format!("{} {}: {}", reason.code, reason.summary, reason.detail), News::Trouble);
            }
            Observed::Running { .. } | Observed::Malformed { .. } => {}
        }
    }
}
