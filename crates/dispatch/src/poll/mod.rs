//! The poll use case: what is to start soon goes into the run queues.
//!
//! A poll asks each served work pool for the runs that are due within the *horizon* and sends one message per attempt, so
//! delayed that it arrives when the run is due. Asking is also what keeps the pool READY: the server takes queues and
//! deployments that nobody asked for 60 s for abandoned, and a pool without heartbeats as well.
//!
//! Pools and queues with a concurrency limit are another matter. The server hands out no more runs than there are free
//! slots, so asking ahead would let a run of tomorrow take the place of one of today; they are asked for due runs only,
//! and their messages go through the FIFO queue, one batch of a pool at a time. When the next of their runs is due,
//! another tick comes. The queue holds what can start and no more: an attempt is sent again only when its message was
//! handled (see [`memory`]).
//!
//! Runs that cannot start do not keep others from starting (see [`past`]). A page that is too large to be read, or holds what
//! the server cannot write, is asked for by halves. And a poll that runs out of time is gone on with by the next one (see
//! [`rounds`]).
//!
//! Requests: one for each 200 pools, and for each pool the scheduled runs, every 30 s a heartbeat, and every minute its queues
//! (not where the pool itself has a limit) and the deployments of the due runs of limited pools.

mod memory;
mod past;
mod pools;
mod rounds;
mod scheduled;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use installation::variables;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{ListedPool, WorkQueue},
};
use prefect_ids::FlowRunId;
use tokio::time::Instant;
use uuid::Uuid;

use self::{
    memory::Memory,
    pools::{slots_free, wanted},
    rounds::{HEARTBEAT, Rounds},
};
use crate::{
    chain::{Chain, LONGEST},
    check::Check,
    outcome::{Event, Polled, Polling},
    ports::{Clock, EventsQueue, PollQueue, RunQueues, Sink},
    prefect::cache::Kept,
    ring::{PollMessage, Tick},
    sqs_event::{BatchResponse, Record},
    timing::stop_before,
};

/// How many work pools are asked at once.
const POOLS_AT_ONCE: usize = 8;

/// How long the queues of a pool are kept, and which deployments are closed.
const QUEUE_LIFE: Duration = Duration::from_secs(60);

/// What the operator decides about polling.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether all work pools of type [`PUSH_POOL`](crate::served::PUSH_POOL) are served.
    pub push_pools: bool,
    /// Work pools to serve by name, whatever their type.
    pub named_pools: Vec<String>,
    /// The name of whoever serves the pools, where Prefect shows a worker's.
    pub name: String,
    /// Time between polls. Less than 60 s, after which the server takes queues for abandoned.
    pub interval: Duration,
    /// How far ahead runs are asked for.
    pub horizon: Duration,
    /// How long before its time a run is launched.
    pub launch_lead: Duration,
    /// Whether the server is Prefect Cloud, which submits the runs of push pools itself. Two submitters would compete
    /// for each run, so these pools are refused there, named or not.
    pub cloud: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            push_pools: true,
            named_pools: Vec::new(),
            name: "pushpool".to_owned(),
            interval: variables::POLL_INTERVAL.default_seconds(),
            horizon: variables::HORIZON.default_seconds(),
            launch_lead: Duration::ZERO,
            cloud: false,
        }
    }
}

/// Polls work pools.
pub struct Poller<T, Q> {
    client: Client<T>,
    queues: Arc<Q>,
    options: Options,
    sink: Arc<dyn Sink>,
    clock: Clock,
    memory: Memory,
    rounds: Rounds,
    work_queues: Kept<String, Vec<WorkQueue>>,
    /// Whether the concurrency limit of a deployment is 0.
    closed: Kept<Uuid, bool>,
    /// When pools are to be polled next, besides the ticks.
    asked: Mutex<HashMap<String, Timestamp>>,
}

/// What a pool is polled for.
#[derive(Clone, Copy)]
struct Call {
    /// Whether a slot of it came free.
    slot_free: bool,
    chain: Chain,
}

/// How far a poll has got.
#[derive(Default)]
struct Progress {
    pools: AtomicUsize,
    polled: AtomicUsize,
}

impl<T: Transport, Q: RunQueues + PollQueue + EventsQueue> Poller<T, Q> {
    /// A poller over these.
    pub fn new(client: Client<T>, queues: Arc<Q>, options: Options, sink: Arc<dyn Sink>, clock: Clock) -> Self {
        Self {
            client,
            queues,
            options,
            sink,
            clock,
            memory: Memory::default(),
            rounds: Rounds::default(),
            work_queues: Kept::new(QUEUE_LIFE),
            closed: Kept::new(QUEUE_LIFE),
            asked: Mutex::default(),
        }
    }

    /// Handles messages of the poll queue: one poll for all of them. Every message is acknowledged: ticks come again, and a
    /// ring is a shortcut to what the next tick finds.
    pub async fn handle(&self, records: &[Record], deadline: Instant) -> BatchResponse {
        let stop = stop_before(deadline);
        let messages: Vec<PollMessage> = records.iter().map(|record| PollMessage::parse(&record.body)).collect();
        let chain = Chain::of(records);
        if let Some(hops) = chain.next(LONGEST) {
            if messages.contains(&PollMessage::Tick(Tick::Minute)) {
                self.tick_on(hops).await;
            }
            self.pass_checks_on(&messages, hops).await;
        }
        let progress = Progress::default();
        let (wanted, slots_free) = (wanted(&messages), slots_free(&messages));
        let polling = self.poll(&wanted, &slots_free, chain, &progress);
        if tokio::time::timeout_at(stop, polling).await.is_err() {
            let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
            let (polled, pools) = (count(&progress.polled), count(&progress.pools));
            self.failed(&format!(
                "the poll did not end in time: {polled} of {pools} work pools were polled, and the next poll begins with \
                 the others. The Prefect server answers late, or there are more pools than a poll can serve within the \
                 function's timeout"
            ));
        }
        BatchResponse::default()
    }

    fn tell(&self, polling: Polling<'_>) {
        self.sink.emit(&Event::Poll(polling));
    }

    fn failed(&self, detail: &str) {
        self.tell(Polling::Failed(detail));
    }

    /// The ticks until the schedule's next one.
    async fn tick_on(&self, hops: u32) {
        let interval = self.options.interval.max(Duration::from_secs(1));
        let delays = (1..).map(|number| interval * number).take_while(|delay| *delay < Duration::from_secs(60));
        let sends = delays.map(async |delay| {
            if let Err(failure) = self.queues.send_poll(&PollMessage::Tick(Tick::Extra), hops, delay).await {
                self.failed(&failure.diagnosis.detail);
            }
        });
        join_all(sends).await;
    }

    /// Runs that are being cancelled may have a task to stop, which is the observer's. What is not passed on is the
    /// reconciler's.
    async fn pass_checks_on(&self, messages: &[PollMessage], hops: u32) {
        let runs: BTreeSet<FlowRunId> = messages
            .iter()
            .filter_map(|message| match message {
                PollMessage::Ring(ring) if ring.is_about_cancelling() => ring.flow_run_id,
                _ => None,
            })
            .collect();
        join_all(runs.into_iter().map(async |run| {
            if let Err(failure) = self.queues.send_check(Check { flow_run_id: run, hops }, Duration::ZERO).await {
                self.failed(&failure.diagnosis.detail);
            }
        }))
        .await;
    }

    /// Polls the work pools of these names, or all that are served. `slots_free` are those that a slot came free in.
    async fn poll(
        &self,
        only: &Option<HashSet<String>>,
        slots_free: &HashSet<String>,
        chain: Chain,
        progress: &Progress,
    ) {
        let mut pools = match self.pools(only).await {
            Ok(pools) => pools,
            Err(error) => return self.failed(&error.to_string()),
        };
        self.rounds.sort(&mut pools, |pool| &pool.name, only.is_none());
        progress.pools.store(pools.len(), Ordering::Relaxed);
        stream::iter(pools)
            .for_each_concurrent(POOLS_AT_ONCE, async |pool| {
                let call = Call { slot_free: slots_free.contains(&pool.name), chain };
                match self.poll_pool(&pool, call).await {
                    Ok(polled) => self.tell(Polling::Polled(&polled)),
                    // Deleted since it was listed.
                    Err(error) if error.is_not_found() => {}
                    Err(error) => self.failed(&format!("work pool {}: {error}", pool.name)),
                }
                self.rounds.polled(&pool.name, (self.clock)());
                progress.polled.fetch_add(1, Ordering::Relaxed);
            })
            .await;
        self.tell(Polling::Ended);
    }

    async fn poll_pool(&self, pool: &ListedPool, call: Call) -> Result<Polled, ApiError> {
        let (heartbeat, polled) = join(self.heartbeat(pool), self.send_scheduled(pool, call)).await;
        heartbeat?;
        polled
    }

    async fn heartbeat(&self, pool: &ListedPool) -> Result<(), ApiError> {
        let interval = self.options.interval.clamp(HEARTBEAT, Duration::from_secs(60));
        let now = (self.clock)();
        if !self.rounds.wants_heartbeat(&pool.name, interval, now) {
            return Ok(());
        }
        let seconds = u32::try_from(interval.as_secs()).unwrap_or(60);
        self.client.heartbeat(&pool.name, &self.options.name, seconds).await?;
        self.rounds.heartbeat(&pool.name, now);
        Ok(())
    }

    async fn send_scheduled(&self, pool: &ListedPool, call: Call) -> Result<Polled, ApiError> {
        let mut polled = Polled { work_pool: pool.name.clone(), ..Polled::default() };
        for share in self.shares(pool).await? {
            if share.limited {
                self.send_due(pool, &share, call, &mut polled).await?;
            } else {
                self.send_ahead(pool, &share, call, &mut polled).await?;
            }
        }
        Ok(polled)
    }
}

#[cfg(test)]
mod tests;
