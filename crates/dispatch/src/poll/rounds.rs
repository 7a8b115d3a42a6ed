//! Whose turn it is. A server may be too slow, or have too many work pools, for all of them to be polled before the function's
//! time ends. The next poll begins with those that were left, so that each has its turn.
//!
//! Why not a message for each pool, or for the rest: every tick would begin another chain of them while the last one is
//! under way, and Lambda cuts chains of more than sixteen. The order is kept in the process; a new one begins with any pool,
//! so that no pool depends on a process that lives.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How often a pool gets a heartbeat, like those of Prefect's own worker (3.8.8, `PREFECT_WORKER_HEARTBEAT_SECONDS`). The
/// server takes a worker for offline after three intervals without.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// When pools were last polled, and had their last heartbeat.
#[derive(Debug, Default)]
pub(super) struct Rounds(Mutex<HashMap<String, Turn>>);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    polled: Option<Timestamp>,
    heartbeat: Option<Timestamp>,
    /// How many runs its last page had that could be read.
    page: Option<usize>,
    /// Where looking past the head goes on.
    past: usize,
}

impl Rounds {
    /// Sorts pools by their names: those that have waited longest come first, and those that are not known in any order.
    /// `all` are all that there are.
    pub(super) fn sort<P>(&self, pools: &mut [P], name: impl Fn(&P) -> &str, all: bool) {
        fastrand::shuffle(pools);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.sort_by_key(|pool| turns.get(name(pool)).and_then(|turn| turn.polled));
        if all {
            let names: HashSet<&str> = pools.iter().map(name).collect();
            turns.retain(|known, _| names.contains(known.as_str()));
        }
    }

    fn change<R>(&self, pool: &str, change: impl FnOnce(&mut Turn) -> R) -> R {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.get_mut(pool) {
            Some(turn) => change(turn),
            None => change(turns.entry(pool.to_owned()).or_default()),
        }
    }

    /// The pool had its turn, whatever came of it.
    pub(super) fn polled(&self, pool: &str, now: Timestamp) {
        self.change(pool, |turn| turn.polled = Some(now));
    }

    /// Whether a heartbeat is due.
    pub(super) fn wants_heartbeat(&self, pool: &str, interval: Duration, now: Timestamp) -> bool {
        // A tick that comes a moment early is no reason to wait for another.
        let interval = interval.saturating_sub(Duration::from_secs(1)).as_secs_f64();
        self.change(pool, |turn| turn.heartbeat.is_none_or(|last| now.duration_since(last).as_secs_f64() >= interval))
    }

    /// The pool had a heartbeat.
    pub(super) fn heartbeat(&self, pool: &str, now: Timestamp) {
        self.change(pool, |turn| turn.heartbeat = Some(now));
    }

    /// How many runs to ask the pool for, of `most`.
    pub(super) fn page(&self, pool: &str, most: usize) -> usize {
        self.change(pool, |turn| turn.page.unwrap_or(most).clamp(1, most))
    }

    /// A page of so many runs of the pool could be read, or is the next to try.
    pub(super) fn set_page(&self, pool: &str, page: usize) {
        self.change(pool, |turn| turn.page = Some(page));
    }

    /// Where looking past the head of the pool goes on.
    pub(super) fn past(&self, pool: &str) -> usize {
        self.change(pool, |turn| turn.past)
    }

    /// It goes on there the next time.
    pub(super) fn set_past(&self, pool: &str, offset: usize) {
        self.change(pool, |turn| turn.past = offset);
    }
}
