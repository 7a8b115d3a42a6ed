//! What was sent lately. It saves messages and decides nothing: an attempt that is sent twice is launched once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ecs::Attempt;
use jiff::Timestamp;

/// How long after its arrival a message may take before its attempt, still scheduled, is sent again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest time until it is sent again. Doubles up to here, so that a dispatcher that is away for an hour does not come
/// back to a hundred messages for each run.
const LONGEST: Duration = Duration::from_secs(900);

/// Most attempts that are remembered; an entry has 80 bytes.
const ENTRIES: usize = 20_000;

#[derive(Debug, Clone, Copy)]
struct Sent {
    arrives: Timestamp,
    times: u32,
}

/// Attempts that were sent, with when their messages arrive.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<Attempt, Sent>>);

impl Memory {
    /// Whether the attempt is to be sent at `now`.
    pub(super) fn is_new(&self, attempt: &Attempt, now: Timestamp) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.get(attempt).is_none_or(|sent| {
            let patience = PATIENCE.saturating_mul(2_u32.saturating_pow(sent.times - 1)).min(LONGEST);
            now.duration_since(sent.arrives).as_secs_f64() > patience.as_secs_f64()
        })
    }

    /// Notes that a message for it was sent and arrives at `arrives`.
    pub(super) fn note(&self, attempt: Attempt, arrives: Timestamp, now: Timestamp) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= ENTRIES {
            let old = |sent: &Sent| now.duration_since(sent.arrives).as_secs_f64() > LONGEST.as_secs_f64() * 2.0;
            memory.retain(|_, sent| !old(sent));
            if memory.len() >= ENTRIES {
                memory.clear();
            }
        }
        let times = memory.get(&attempt).map_or(0, |sent| sent.times).saturating_add(1);
        memory.insert(attempt, Sent { arrives, times });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn an_attempt_is_sent_again_ever_more_seldom() {
        let memory = Memory::default();
        let attempt = Attempt { flow_run_id: Uuid::from_u128(1), state_id: Uuid::from_u128(2) };
        assert!(memory.is_new(&attempt, at(0)));
        memory.note(attempt, at(60), at(0));
        assert!(!memory.is_new(&attempt, at(40)), "on its way");
        assert!(!memory.is_new(&attempt, at(89)));
        assert!(memory.is_new(&attempt, at(91)));
        memory.note(attempt, at(91), at(91));
        assert!(!memory.is_new(&attempt, at(150)));
        assert!(memory.is_new(&attempt, at(152)));
        let other = Attempt { state_id: Uuid::from_u128(3), ..attempt };
        assert!(memory.is_new(&other, at(0)), "another attempt of the same run");
    }
}
