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
mod rounds;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ecs::Attempt;
use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{FlowRun, ListedPool, StateType, WorkQueue},
};
use tokio::time::Instant;
use uuid::Uuid;

use self::{
    memory::{Fifo, Memory},
    rounds::{HEARTBEAT, Rounds},
};
use crate::{
    chain::{AGAIN, Chain, LONGEST},
    check::Check,
    message::{LONGEST_DELAY, RunQueue, ScheduledRun, VERSION},
    outcome::{Blocked, Event, Polled, Polling},
    ports::{Clock, EventsQueue, PollQueue, QueuedRun, RunQueues, Sink},
    prefect::{cache::Kept, judge::lead_of},
    ring::{PollMessage, Ring, Tick},
    served::{PUSH_POOL, served_pools},
    sqs_event::{BatchResponse, Record},
    timing::stop_before,
};

/// How many work pools are asked at once.
const POOLS_AT_ONCE: usize = 8;

/// How soon a pool is asked again that had more to give than one answer holds.
const SOON: Duration = Duration::from_secs(4);

/// How long the queues of a pool are kept, and which deployments are closed.
const QUEUE_LIFE: Duration = Duration::from_secs(60);

/// What the operator decides about polling.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether all work pools of type [`PUSH_POOL`] are served.
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
    /// Whether the server is Prefect Cloud, which submits the runs of [`PUSH_POOL`]s itself. Two submitters would compete
    /// for each run, so these pools are refused there, named or not.
    pub cloud: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            push_pools: true,
            named_pools: Vec::new(),
            name: "pushpool".to_owned(),
            interval: Duration::from_secs(20),
            horizon: Duration::from_secs(60),
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

/// The part of a work pool that is asked for in one request.
struct Share {
    queues: Option<Vec<String>>,
    limited: bool,
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
        let runs: BTreeSet<Uuid> = messages
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

    /// The served pools, or those of these names. Rings come often, and are not worth a list of all pools.
    async fn pools(&self, only: &Option<HashSet<String>>) -> Result<Vec<ListedPool>, ApiError> {
        let Options { push_pools, named_pools, .. } = &self.options;
        let Some(only) = only else {
            return Ok(self.ours(served_pools(&self.client, *push_pools, named_pools).await?));
        };
        let names: Vec<String> = only.iter().cloned().collect::<BTreeSet<String>>().into_iter().collect();
        let mut pools = self.client.pools(&[], &names).await?;
        let served =
            |pool: &ListedPool| (*push_pools && pool.pool_type == PUSH_POOL) || named_pools.contains(&pool.name);
        pools.retain(|pool| only.contains(&pool.name) && served(pool));
        Ok(self.ours(pools))
    }

    /// Without those whose runs Prefect Cloud submits.
    fn ours(&self, pools: Vec<ListedPool>) -> Vec<ListedPool> {
        if !self.options.cloud {
            return pools;
        }
        let (clouds, ours): (Vec<ListedPool>, Vec<ListedPool>) =
            pools.into_iter().partition(|pool| pool.pool_type == PUSH_POOL);
        for pool in clouds {
            self.failed(&format!(
                "work pool {} is of type {PUSH_POOL}, and Prefect Cloud submits the runs of such pools itself, so pushpool \
                 does not serve it. Create a pool of type ecs, name it in PUSHPOOL_POOLS, and set PUSHPOOL_PUSH_POOLS to \
                 false (the module's prefect.pools and prefect.push_pools)",
                pool.name
            ));
        }
        ours
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

    async fn queues_of(&self, pool: &ListedPool) -> Result<Vec<WorkQueue>, ApiError> {
        let now = (self.clock)();
        if let Some(queues) = self.work_queues.get(&pool.name, now, Timestamp::MIN) {
            return Ok(queues);
        }
        let queues = self.client.work_queues(&pool.name).await?;
        self.work_queues.put(pool.name.clone(), queues.clone(), now);
        Ok(queues)
    }

    /// All queues together, unless some of them are limited and others are not.
    async fn shares(&self, pool: &ListedPool) -> Result<Vec<Share>, ApiError> {
        if pool.concurrency_limit.is_some() {
            return Ok(vec![Share { queues: None, limited: true }]);
        }
        let queues = self.queues_of(pool).await?;
        let (limited, free): (Vec<WorkQueue>, Vec<WorkQueue>) =
            queues.into_iter().partition(|queue| queue.concurrency_limit.is_some());
        let names = |queues: Vec<WorkQueue>| Some(queues.into_iter().map(|queue| queue.name).collect());
        if limited.is_empty() {
            return Ok(vec![Share { queues: None, limited: false }]);
        }
        let mut shares = vec![Share { queues: names(limited), limited: true }];
        if !free.is_empty() {
            shares.push(Share { queues: names(free), limited: false });
        }
        Ok(shares)
    }

    /// Unlimited: everything within the horizon, each message delayed until its run is due.
    async fn send_ahead(
        &self,
        pool: &ListedPool,
        share: &Share,
        call: Call,
        polled: &mut Polled,
    ) -> Result<(), ApiError> {
        let now = (self.clock)();
        let before = self.before(now, self.options.horizon);
        let mut head = self.head(pool, share, (None, before)).await?;
        if head.full {
            self.look_past(pool, share, call, &mut head, before, polled).await?;
        }
        self.note_found(&head.runs, now, polled);
        let (mut attempts, mut messages) = (Vec::new(), Vec::new());
        for (attempt, message, wait) in self.messages(pool, &head, now) {
            if !self.memory.is_new(&attempt, now) {
                continue;
            }
            let delay = whole_seconds(wait).min(LONGEST_DELAY);
            attempts.push((attempt, now.checked_add(delay).unwrap_or(now)));
            messages.push(queued(&message, delay, now));
        }
        self.send(RunQueue::Standard, attempts, messages, now, polled).await;
        Ok(())
    }

    /// Limited: what is due, as far as there are slots; and another tick when the next one is.
    async fn send_due(
        &self,
        pool: &ListedPool,
        share: &Share,
        call: Call,
        polled: &mut Polled,
    ) -> Result<(), ApiError> {
        let now = (self.clock)();
        let before = self.before(now, Duration::ZERO);
        let mut head = self.head(pool, share, (None, before)).await?;
        self.look_past(pool, share, call, &mut head, before, polled).await?;
        self.note_found(&head.runs, now, polled);
        let messages = self.messages(pool, &head, now);
        let due: Vec<(Attempt, ScheduledRun)> =
            messages.filter(|(_, _, wait)| wait.is_zero()).map(|(attempt, message, _)| (attempt, message)).collect();
        if !due.is_empty() {
            let sent_before = due.iter().filter(|(attempt, _)| self.memory.knows(attempt)).count() as u64;
            let fifo =
                Fifo { backlog: self.queues.waiting(RunQueue::Fifo).await, sent_before, slot_free: call.slot_free };
            let due = due.into_iter().filter(|(attempt, _)| self.memory.is_new_in_fifo(attempt, fifo, now));
            let (attempts, messages) =
                due.map(|(attempt, message)| ((attempt, now), queued(&message, Duration::ZERO, now))).unzip();
            self.send(RunQueue::Fifo, attempts, messages, now, polled).await;
        }
        // What is due soon is no business of the dispatcher yet, but somebody has to ask for it then. Runs that are due
        // already would take the places of those that come.
        let soon = self.before(now, self.options.interval);
        let coming = self.head(pool, share, (Some(now), soon)).await?.runs;
        let next = coming.iter().filter_map(|run| self.waits(run, now)).filter(|wait| !wait.is_zero()).min();
        if let Some(wait) = next {
            // Rounded up: whoever asks early is told of nothing.
            let seconds = wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX);
            self.again(pool, call.chain, Duration::from_secs(seconds)).await;
        }
        Ok(())
    }

    /// Takes the runs that are to wait out of the head, and adds others for all that cannot start. Has the pool polled again
    /// soon if there is more than one answer holds.
    async fn look_past(
        &self,
        pool: &ListedPool,
        share: &Share,
        call: Call,
        head: &mut Head,
        before: Timestamp,
        polled: &mut Polled,
    ) -> Result<(), ApiError> {
        let mut blocked = self.blocked(&head.runs, (self.clock)()).await;
        if !blocked.is_empty() || head.unreadable {
            let more = self.past(pool, share, head, &mut blocked, before).await?;
            head.runs.retain(|run| blocked.get(&run.id) != Some(&Blocked::Closed));
            head.runs.extend(more.runs);
            head.unread = more.unread;
        }
        if head.full && head.runs.iter().any(|run| !blocked.contains_key(&run.id)) {
            self.again(pool, call.chain, SOON).await;
        }
        polled.blocked.extend(blocked);
        Ok(())
    }

    /// How long it is until the run is to be launched; none if it has no time.
    fn waits(&self, run: &FlowRun, now: Timestamp) -> Option<Duration> {
        Some(until(run.due()?, now).saturating_sub(lead_of(run, self.options.launch_lead)))
    }

    /// The end of a time that begins at `now`.
    fn before(&self, now: Timestamp, ahead: Duration) -> Timestamp {
        now.checked_add(ahead + self.options.launch_lead).unwrap_or(now)
    }

    /// What the server hands out: a full page, or less of one that cannot be read as a whole.
    async fn head(
        &self,
        pool: &ListedPool,
        share: &Share,
        time: (Option<Timestamp>, Timestamp),
    ) -> Result<Head, ApiError> {
        let most = self.client.page();
        loop {
            let limit = self.rounds.page(&pool.name, most);
            match self.client.scheduled_flow_runs(&pool.name, share.queues.as_deref(), time, limit).await {
                Ok(found) => {
                    let full = found.len() >= limit;
                    if full && limit < most {
                        self.rounds.set_page(&pool.name, limit.saturating_mul(2).min(most));
                    }
                    let runs = found.into_iter().map(|it| it.flow_run).collect();
                    return Ok(Head { runs, full, ..Head::default() });
                }
                Err(error) if error.is_of_its_content() && limit > 1 => {
                    tracing::debug!(%error, work_pool = pool.name, limit, "a page of scheduled runs failed");
                    self.rounds.set_page(&pool.name, limit / 2);
                }
                Err(error) if error.is_of_its_content() && time.0.is_none() => {
                    self.failed(&format!("work pool {}, its first run: {error}", pool.name));
                    return Ok(Head { full: true, unreadable: true, ..Head::default() });
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn note_found(&self, runs: &[FlowRun], now: Timestamp, polled: &mut Polled) {
        polled.found += runs.len();
        for due in runs.iter().filter_map(FlowRun::due) {
            polled.oldest_due_seconds = polled.oldest_due_seconds.max(now.duration_since(due).as_secs_f64());
        }
    }

    /// The messages for what is to start, and how long each is to wait.
    fn messages(
        &self,
        pool: &ListedPool,
        head: &Head,
        now: Timestamp,
    ) -> impl Iterator<Item = (Attempt, ScheduledRun, Duration)> {
        let read = head.runs.iter().filter_map(move |run| {
            let wait = self.waits(run, now).unwrap_or_default();
            Some((attempt_of(run)?, run.due()?, wait))
        });
        let unread = head.unread.iter().map(move |(attempt, due)| (*attempt, *due, until(*due, now)));
        read.chain(unread).map(|(attempt, due, wait)| {
            let message = ScheduledRun {
                version: VERSION,
                flow_run_id: attempt.flow_run_id,
                state_id: attempt.state_id,
                expected_start_time: due,
                work_pool: pool.name.clone(),
                first_due: None,
                hand_backs: 0,
                run: None,
            };
            (attempt, message, wait)
        })
    }

    /// Sends messages of these attempts, which arrive at these times.
    async fn send(
        &self,
        queue: RunQueue,
        attempts: Vec<(Attempt, Timestamp)>,
        messages: Vec<QueuedRun>,
        now: Timestamp,
        polled: &mut Polled,
    ) {
        let taken = if messages.is_empty() { Vec::new() } else { self.queues.send_runs(queue, &messages).await };
        polled.sent += taken.iter().filter(|taken| **taken).count();
        polled.not_sent += taken.iter().filter(|taken| !**taken).count();
        for (_, (attempt, arrives)) in taken.into_iter().zip(attempts).filter(|(taken, _)| *taken) {
            self.memory.note(attempt, arrives, now);
        }
    }

    /// Has the pool polled again after `delay`, unless that is on its way. One at a time: if every poll asked for another
    /// for each thing it saw coming, polls would multiply. At the end of a chain the next tick goes on.
    async fn again(&self, pool: &ListedPool, chain: Chain, delay: Duration) {
        let Some(hops) = chain.next(AGAIN) else { return };
        let now = (self.clock)();
        // A server that names a run of next year has been asked for those of the next minute.
        let delay = delay.min(LONGEST_DELAY);
        let at = now.checked_add(delay).unwrap_or(now);
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.get(&pool.name).is_some_and(|known| now < *known && *known <= at) {
                return;
            }
            asked.insert(pool.name.clone(), at);
        }
        let ring = PollMessage::Ring(Ring { work_pool: Some(pool.name.clone()), ..Ring::default() });
        if let Err(failure) = self.queues.send_poll(&ring, hops, delay).await {
            self.failed(&failure.diagnosis.detail);
        }
    }
}

/// What the server handed out of a pool, and what was found behind it.
#[derive(Default)]
struct Head {
    runs: Vec<FlowRun>,
    /// Those that no request returns, and when they are due.
    unread: Vec<(Attempt, Timestamp)>,
    /// Whether there may be more.
    full: bool,
    /// Whether not even the first run can be read.
    unreadable: bool,
}

/// The attempt of a SCHEDULED run.
fn attempt_of(run: &FlowRun) -> Option<Attempt> {
    let state_id = run.state_id.or_else(|| run.state.as_ref().map(|state| state.id))?;
    (run.state_type() == StateType::Scheduled).then_some(Attempt { flow_run_id: run.id, state_id })
}

/// The pools that messages ask for; none is all of them.
fn wanted(messages: &[PollMessage]) -> Option<HashSet<String>> {
    messages
        .iter()
        .map(|message| match message {
            PollMessage::Ring(Ring { work_pool, .. }) => work_pool.clone(),
            PollMessage::Tick(_) => None,
        })
        .collect()
}

/// The pools that a slot came free in.
fn slots_free(messages: &[PollMessage]) -> HashSet<String> {
    let pool = |message: &PollMessage| match message {
        PollMessage::Ring(ring) if ring.is_about_a_slot() => ring.work_pool.clone(),
        _ => None,
    };
    messages.iter().filter_map(pool).collect()
}

fn queued(message: &ScheduledRun, delay: Duration, now: Timestamp) -> QueuedRun {
    QueuedRun::of(message, serde_json::to_string(message).unwrap_or_default(), delay, now)
}

fn until(due: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(due.duration_since(now)).unwrap_or_default()
}

/// SQS knows whole seconds. Rounded down: a run that is a fraction of a second early waits for its time itself.
fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.as_secs())
}

#[cfg(test)]
mod tests;
