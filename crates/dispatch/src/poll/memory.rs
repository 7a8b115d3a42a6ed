//! What was sent lately. It saves messages and decides nothing: an attempt that is sent twice is launched once, and a process
//! that has forgotten everything sends everything once more.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ecs::Attempt;
use jiff::Timestamp;

/// How long after its arrival a message may take before its attempt, still scheduled, is sent again.
const PATIENCE: Duration = Duration::from_secs(30);

/// The same for the FIFO queue. SQS's count of waiting messages may be a minute old, and the observer rings when a slot comes free.
const FIFO_PATIENCE: Duration = Duration::from_secs(60);

/// Longest time until it is sent again. Doubles up to here, so that a dispatcher that is away for an hour does not come
/// back to a hundred messages for each run.
const LONGEST: Duration = Duration::from_secs(900);

/// While as many messages wait as were sent, that time doubles as well, this often: every hour.
const MOST_DOUBLINGS: u32 = 2;

/// How soon at the earliest an attempt is sent again because a slot came free: a ring and a tick may come together.
const TOGETHER: Duration = Duration::from_secs(5);

/// An attempt that was sent so often and is SCHEDULED still cannot be claimed, for whatever reason.
const STUCK: u32 = 3;

/// With so many messages in it the FIFO queue gets no more: more than start within minutes, and a process that has forgotten
/// what it sent does not send it for ever.
pub(super) const FULL: u64 = 1_000;

/// Most attempts that are remembered; an entry has 80 bytes.
const ENTRIES: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Sent {
    arrives: Timestamp,
    /// How often, but for those times when the message before may have waited still: they say nothing about the run.
    times: u32,
    /// How often since then.
    waiting: u32,
}

/// What is known about the FIFO queue when something is to be sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fifo {
    /// Messages in it, if SQS says so.
    pub(super) backlog: Option<u64>,
    /// Attempts of the same pool that were sent before and are due still.
    pub(super) sent_before: u64,
    /// Whether a slot of the pool has come free.
    pub(super) slot_free: bool,
}

impl Fifo {
    /// Whether the queue may still hold every message that the pool was sent before: it has at least as many messages. They may also
    /// be those of other pools.
    pub(super) fn may_hold_all(self) -> bool {
        !self.slot_free && self.backlog.is_some_and(|backlog| backlog > 0 && backlog >= self.sent_before)
    }
}

/// Attempts that were sent, with when their messages arrive.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<Attempt, Sent>>);

impl Memory {
    fn sent(&self, attempt: &Attempt) -> Option<Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(attempt).copied()
    }

    /// Whether the attempt was sent before.
    pub(super) fn knows(&self, attempt: &Attempt) -> bool {
        self.sent(attempt).is_some()
    }

    /// Whether the attempt was sent several times. If it is SCHEDULED still, something keeps it there.
    pub(super) fn is_stuck(&self, attempt: &Attempt) -> bool {
        self.sent(attempt).is_some_and(|sent| sent.times >= STUCK)
    }

    /// Whether the attempt is to be sent at `now`.
    pub(super) fn is_new(&self, attempt: &Attempt, now: Timestamp) -> bool {
        self.sent(attempt).is_none_or(|sent| sent.is_over(doubled(PATIENCE, sent.times), now))
    }

    /// The same for the FIFO queue. Its messages are acknowledged when no slot is free, and one that was is to be sent again
    /// as soon as there is one; but while nobody receives messages, those that wait are enough. So it depends on what waits:
    /// nothing (all messages were handled), less than was sent (some were), or as much (theirs may be there still).
    pub(super) fn is_new_in_fifo(&self, attempt: &Attempt, fifo: Fifo, now: Timestamp) -> bool {
        if fifo.backlog.is_some_and(|backlog| backlog >= FULL) {
            return false;
        }
        self.sent(attempt).is_none_or(|sent| {
            let patience = match fifo.backlog {
                _ if fifo.slot_free => TOGETHER,
                Some(0) => FIFO_PATIENCE,
                _ if fifo.may_hold_all() => LONGEST * 2_u32.pow(sent.waiting.min(MOST_DOUBLINGS)),
                _ => doubled(FIFO_PATIENCE, sent.times),
            };
            sent.is_over(patience, now)
        })
    }

    /// Notes that a message for it was sent and arrives at `arrives`. `waiting`: the one before may wait still.
    pub(super) fn note(&self, attempt: Attempt, arrives: Timestamp, now: Timestamp, waiting: bool) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= ENTRIES {
            memory.retain(|_, sent| !sent.is_over(LONGEST * 2, now));
            if memory.len() >= ENTRIES {
                memory.clear();
            }
        }
        let sent = match memory.get(&attempt) {
            Some(sent) if waiting => Sent { arrives, waiting: sent.waiting.saturating_add(1), ..*sent },
            sent => Sent { arrives, times: sent.map_or(0, |sent| sent.times).saturating_add(1), waiting: 0 },
        };
        memory.insert(attempt, sent);
    }
}

impl Sent {
    fn is_over(&self, patience: Duration, now: Timestamp) -> bool {
        now.duration_since(self.arrives).as_secs_f64() > patience.as_secs_f64()
    }
}

fn doubled(patience: Duration, times: u32) -> Duration {
    patience.saturating_mul(2_u32.saturating_pow(times.saturating_sub(1))).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use prefect_ids::{FlowRunId, StateId};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn an_attempt_is_sent_again_ever_more_seldom() {
        let memory = Memory::default();
        let attempt = Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) };
        assert!(memory.is_new(&attempt, at(0)));
        memory.note(attempt, at(60), at(0), false);
        assert!(!memory.is_new(&attempt, at(40)), "on its way");
        assert!(!memory.is_new(&attempt, at(89)));
        assert!(memory.is_new(&attempt, at(91)));
        memory.note(attempt, at(91), at(91), false);
        assert!(!memory.is_new(&attempt, at(150)));
        assert!(memory.is_new(&attempt, at(152)));
        assert!(!memory.is_stuck(&attempt));
        memory.note(attempt, at(152), at(152), false);
        assert!(memory.is_stuck(&attempt));
        let other = Attempt { state_id: StateId::from_u128(3), ..attempt };
        assert!(memory.is_new(&other, at(0)), "another attempt of the same run");
    }

    #[test]
    fn what_waits_in_the_fifo_queue_is_not_sent_again_and_what_was_refused_is() {
        let memory = Memory::default();
        let attempt = Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) };
        let fifo = |backlog, slot_free| Fifo { backlog, sent_before: 5, slot_free };
        let is_new = |fifo, second| memory.is_new_in_fifo(&attempt, fifo, at(second));
        assert!(is_new(fifo(Some(40), false), 0), "never sent");
        assert!(!is_new(fifo(Some(FULL), false), 0), "enough wait");
        for second in [0, 60] {
            memory.note(attempt, at(second), at(second), false);
        }
        assert!(!is_new(fifo(Some(0), false), 119), "the count may be a minute old");
        assert!(is_new(fifo(Some(0), false), 121), "it was handled, and its run waits");
        assert!(!is_new(fifo(Some(5), false), 900), "theirs may be these");
        assert!(is_new(fifo(Some(5), false), 961), "in case they are not");
        assert!(!is_new(fifo(Some(3), false), 179));
        assert!(is_new(fifo(Some(3), false), 181), "some were handled");
        assert!(is_new(fifo(None, false), 181), "SQS does not say");
        assert!(is_new(fifo(Some(5), true), 66), "a slot came free");
        assert!(!is_new(fifo(Some(5), true), 64), "the ring and the tick come together");
        // While no dispatcher takes messages, copies become rarer, and the run does not count as stuck.
        for (second, next) in [(961, 2_761), (2_762, 6_362), (6_363, 9_963)] {
            memory.note(attempt, at(second), at(second), fifo(Some(5), false).may_hold_all());
            assert!(!is_new(fifo(Some(5), false), next) && is_new(fifo(Some(5), false), next + 1), "{second}");
        }
        assert!(!memory.is_stuck(&attempt));
        memory.note(attempt, at(10_000), at(10_000), fifo(Some(3), false).may_hold_all());
        assert!(memory.is_stuck(&attempt), "some were handled, and it is scheduled still");
    }
}
