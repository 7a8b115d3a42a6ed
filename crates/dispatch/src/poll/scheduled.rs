//! Which runs of a pool are sent, to which queue, and when they are to arrive.

use std::{sync::PoisonError, time::Duration};

use ecs::Attempt;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Transport,
    models::{FlowRun, ListedPool, StateType},
};

use super::{Call, Poller, memory::Fifo, pools::Share};
use crate::{
    chain::{AGAIN, Chain},
    message::{LONGEST_DELAY, RunQueue, ScheduledRun, VERSION},
    outcome::{Blocked, Polled},
    ports::{EventsQueue, PollQueue, QueuedRun, RunQueues},
    prefect::judge::lead_of,
    ring::{PollMessage, Ring},
};

/// How soon a pool is asked again that had more to give than one answer holds.
pub(super) const SOON: Duration = Duration::from_secs(4);

/// What the server handed out of a pool, and what was found behind it.
#[derive(Default)]
pub(super) struct Head {
    pub(super) runs: Vec<FlowRun>,
    /// Those that no request returns, and when they are due.
    pub(super) unread: Vec<(Attempt, Timestamp)>,
    /// Whether there may be more.
    pub(super) full: bool,
    /// Whether not even the first run can be read.
    pub(super) unreadable: bool,
}

impl<T: Transport, Q: RunQueues + PollQueue + EventsQueue> Poller<T, Q> {
    /// Unlimited: everything within the horizon, each message delayed until its run is due.
    pub(super) async fn send_ahead(
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
        self.send(RunQueue::Standard, attempts, messages, now, false, polled).await;
        Ok(())
    }

    /// Limited: what is due, as far as there are slots; and another tick when the next one is.
    pub(super) async fn send_due(
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
            self.send(RunQueue::Fifo, attempts, messages, now, fifo.may_hold_all(), polled).await;
        }
        // The dispatcher does not start a run before it is due, so the poller asks again then. This request leaves out runs
        // that are due already, because they would fill the page.
        let soon = self.before(now, self.options.interval);
        let coming = match self.head(pool, share, (Some(now), soon)).await {
            Ok(head) => head.runs,
            // One of them cannot be read. The next tick is soon enough for the others.
            Err(error) if error.is_of_its_content() => Vec::new(),
            Err(error) => return Err(error),
        };
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

    /// Sends messages of these attempts, which arrive at these times. `waiting`: the ones sent before may all wait still.
    async fn send(
        &self,
        queue: RunQueue,
        attempts: Vec<(Attempt, Timestamp)>,
        messages: Vec<QueuedRun>,
        now: Timestamp,
        waiting: bool,
        polled: &mut Polled,
    ) {
        let taken = if messages.is_empty() { Vec::new() } else { self.queues.send_runs(queue, &messages).await };
        polled.sent += taken.iter().filter(|taken| **taken).count();
        polled.not_sent += taken.iter().filter(|taken| !**taken).count();
        for (_, (attempt, arrives)) in taken.into_iter().zip(attempts).filter(|(taken, _)| *taken) {
            self.memory.note(attempt, arrives, now, waiting);
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

/// The attempt of a SCHEDULED run.
pub(super) fn attempt_of(run: &FlowRun) -> Option<Attempt> {
    let state_id = run.state_id.or_else(|| run.state.as_ref().map(|state| state.id))?;
    (run.state_type() == StateType::Scheduled).then_some(Attempt { flow_run_id: run.id, state_id })
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
