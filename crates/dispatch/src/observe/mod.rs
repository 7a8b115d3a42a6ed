//! The observe use case: what ECS says about tasks becomes states of flow runs.
//!
//! Messages of the events queue are ECS Task State Change events, and *checks*, which ask to look at a run that is being
//! cancelled. They come in any order, late, and more than once; [`runs`](crate::runs) says why the run ends in the same state
//! all the same, [`decide`](mod@crate::runs::decide) what the end of a task means, `runs::cancelling` what a check does.
//!
//! Requests: one for all runs of a batch that a STOPPED event or a check is about. A run that ended by itself needs no
//! more; one that did not costs its history, a proposal, and its share of one request for the log lines. Whether its work
//! pool is limited is asked once a minute, in two. ECS is asked only by checks, and about the log of a container that
//! crashed. Tasks on their way, and those of others, cost nothing.

mod announce;
mod event;
#[cfg(test)]
mod tests;

use prefect_ids::FlowRunId;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use diagnosis::Diagnosis;
use ecs::launch::TaskControl;
use futures_util::future::join;
use prefect_api::{Client, Transport, models::FlowRun};
use tokio::time::Instant;

pub use self::event::{Body, TaskEvent, read};
use crate::{
    batch::{Batch, Fate},
    chain::{Chain, LONGEST},
    check::Check,
    outcome::{Change, Event, Finder, Observed},
    ports::{Clock, EventsQueue, Failure, Inbox, PollQueue, Sink, Source, TaskOutput},
    prefect::failure,
    ring::{PollMessage, Ring},
    runs::{Policy, Runs},
    sqs_event::{BatchResponse, Record},
};

/// What it does besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether the server is told of every state of a task, for one more request a batch.
    pub task_events: bool,
}

/// Handles messages of the events queue.
pub struct Observer<T, K, O, Q> {
    runs: Runs<T, K, O>,
    queues: Arc<Q>,
    options: Options,
    sink: Arc<dyn Sink>,
}

/// What a batch's messages are about, by id; a run that is gone is missing.
#[derive(Clone, Default)]
struct Found {
    runs: HashMap<FlowRunId, Arc<FlowRun>>,
    /// Those that cannot be read, though others can.
    unread: HashMap<FlowRunId, Failure>,
}

impl Found {
    fn get(&self, run: &FlowRunId) -> Option<&Arc<FlowRun>> {
        self.runs.get(run)
    }
}

/// How often a message comes back whose run cannot be read. Then it goes: the reconciler finds what it told of, once the run
/// can be read, and no other message waits for it.
const READS: u32 = 4;

impl<T: Transport, K: TaskControl, O: TaskOutput, Q: Inbox + PollQueue + EventsQueue> Observer<T, K, O, Q> {
    /// An observer over these.
    #[expect(clippy::too_many_arguments, reason = "each is a port or what the operator decides")]
    pub fn new(
        client: Client<T>,
        tasks: Arc<K>,
        output: O,
        queues: Arc<Q>,
        policy: Policy,
        options: Options,
        sink: Arc<dyn Sink>,
        clock: Clock,
    ) -> Self {
        Self { runs: Runs::new(client, tasks, output, policy, clock), queues, options, sink }
    }

    /// Handles a batch. Returns before `deadline` with the records that have to be delivered again.
    pub async fn handle(self: &Arc<Self>, records: Vec<Record>, deadline: Instant) -> BatchResponse {
        let batch = Batch::new(records, deadline);
        let records = &batch.records;
        let chain = Chain::of(records);
        let bodies: Vec<Result<Body, Diagnosis>> = records.iter().map(|record| read(&record.body)).collect();
        let found = batch.in_time(self.find(&bodies)).await.and_then(|found| found);
        let handling = records.iter().zip(&bodies).enumerate().map(|(index, (record, body))| {
            let (this, record, body, found) = (Arc::clone(self), record.clone(), body.clone(), found.clone());
            (index, async move { this.observe(&record, body, found, chain).await.map(|()| Fate::Acknowledged) })
        });
        let returned = |index: usize, failure: Failure| {
            self.observed(&Observed::Returned {
                message_id: &records[index].message_id,
                flow_run_id: bodies[index].as_ref().ok().and_then(about),
                class: failure.class,
                reason: &failure.diagnosis,
            });
            Fate::Returned(None)
        };
        let fates: Vec<Fate> = batch.each(handling, returned).await.into_iter().map(|(_, fate)| fate).collect();
        let acknowledged = bodies.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Acknowledged);
        let events = self.events(acknowledged.filter_map(|(it, _)| it.as_ref().ok()), found.as_ref().ok());
        let extras = async {
            join(self.runs.flush(), self.announce(&events)).await;
        };
        batch.end(&fates, (&*self.queues, Source::Events), extras).await
    }

    /// Reads the runs that a batch is about, in one request.
    async fn find(&self, bodies: &[Result<Body, Diagnosis>]) -> Result<Found, Failure> {
        let wanted: BTreeSet<FlowRunId> = bodies.iter().flatten().filter_map(about).collect();
        let wanted: Vec<FlowRunId> = wanted.into_iter().collect();
        let each = self.runs.client.each_flow_run(&wanted).await.map_err(|error| failure::of(&error))?;
        Ok(Found {
            runs: each.runs.into_iter().map(|run| (run.id, Arc::new(run))).collect(),
            unread: each.unread.into_iter().map(|unread| (unread.id, failure::unreadable(&unread.error))).collect(),
        })
    }

    async fn observe(
        &self,
        record: &Record,
        body: Result<Body, Diagnosis>,
        found: Result<Found, Failure>,
        chain: Chain,
    ) -> Result<(), Failure> {
        let run = body.as_ref().ok().and_then(about);
        if let (Ok(found), Some(run)) = (&found, run)
            && let Some(failure) = found.unread.get(&run)
        {
            if record.receive_count() < READS {
                return Err(failure.clone());
            }
            self.observed(&Observed::Failed { flow_run_id: Some(run), reason: &failure.diagnosis });
            return Ok(());
        }
        match body {
            Ok(Body::Foreign) => Ok(()),
            Ok(Body::Task(event)) if event.task.is_stopped() => self.stopped(&event, &found?, chain).await,
            Ok(Body::Task(event)) => {
                self.seen(&event);
                Ok(())
            }
            Ok(Body::Check(check)) => self.check(check, &found?, chain).await,
            Err(reason) => {
                self.queues.dead_letter(record.body.clone(), &reason).await?;
                self.observed(&Observed::Malformed { message_id: &record.message_id, reason: &reason });
                Ok(())
            }
        }
    }

    async fn stopped(&self, event: &TaskEvent, found: &Found, chain: Chain) -> Result<(), Failure> {
        let Some(run) = found.get(&event.attempt.flow_run_id) else {
            self.tell(event.attempt.flow_run_id, None, &Change::nothing("the run is gone"));
            return Ok(());
        };
        let change = self.runs.task_ended(run, &event.task).await?;
        self.tell(run.id, Some(run), &change);
        // Its slot is free; a run that was handed back is due later and comes by itself.
        if self.runs.is_limited(run).await {
            self.ring(run, chain).await;
        }
        Ok(())
    }

    /// A task on its way: nothing to decide.
    fn seen(&self, event: &TaskEvent) {
        let running = event.task.last_status == "RUNNING" && event.task.desired_status == "RUNNING";
        if let Some(launch_to_running) = event.task.seconds_to_start().filter(|_| running) {
            self.observed(&Observed::Running {
                flow_run_id: event.attempt.flow_run_id,
                task_arn: &event.task.task_arn,
                launch_to_running,
            });
        }
    }

    async fn check(&self, check: Check, found: &Found, chain: Chain) -> Result<(), Failure> {
        let Some(run) = found.get(&check.flow_run_id) else {
            self.tell(check.flow_run_id, None, &Change::nothing("the run is gone"));
            return Ok(());
        };
        let change = self.runs.check(run).await?;
        // At the end of a chain the reconciler goes on; on the way there it is looked at ever more seldom.
        if let Change::CheckAgain(delay) = &change
            && let Some(hops) = chain.next(LONGEST)
        {
            let delay = (*delay).max(Duration::from_secs(1 << hops.min(9)));
            self.queues.send_check(Check { hops, ..check }, delay).await?;
        }
        self.tell(run.id, Some(run), &change);
        Ok(())
    }

    fn observed(&self, observed: &Observed<'_>) {
        self.sink.emit(&Event::Run(*observed));
    }

    fn tell(&self, flow_run_id: FlowRunId, run: Option<&FlowRun>, change: &Change) {
        self.observed(&Observed::Run { finder: Finder::Observer, flow_run_id, run, change });
    }

    /// Has the run's work pool polled. A shortcut: the next tick polls it, too.
    async fn ring(&self, run: &FlowRun, chain: Chain) {
        let Some(hops) = chain.next(LONGEST) else { return };
        let ring = PollMessage::Ring(Ring::about_a_slot(run.work_pool_name.clone()));
        if let Err(failure) = self.queues.send_poll(&ring, hops, Duration::ZERO).await {
            tracing::warn!(detail = %failure.diagnosis.detail, "not rung: the next tick polls");
        }
    }

    /// Events for the server, of the messages that are done with.
    fn events<'a>(
        &self,
        bodies: impl Iterator<Item = &'a Body>,
        found: Option<&Found>,
    ) -> Vec<prefect_api::models::Event> {
        if !self.options.task_events {
            return Vec::new();
        }
        let now = self.runs.now();
        bodies
            .filter_map(|body| match body {
                Body::Task(event) => {
                    let run = found.and_then(|found| found.get(&event.attempt.flow_run_id));
                    Some(announce::event(event, run.map(|run| &**run), now))
                }
                _ => None,
            })
            .collect()
    }

    async fn announce(&self, events: &[prefect_api::models::Event]) {
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.runs.client.emit(events).await {
            tracing::warn!(%error, events = events.len(), "events were not emitted");
        }
    }
}

/// The run that has to be read for a message.
fn about(body: &Body) -> Option<FlowRunId> {
    match body {
        Body::Check(check) => Some(check.flow_run_id),
        Body::Task(event) if event.task.is_stopped() => Some(event.attempt.flow_run_id),
        Body::Task(_) | Body::Foreign => None,
    }
}
