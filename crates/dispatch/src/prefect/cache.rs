//! What is kept for a short while instead of being asked again.
//!
//! A run of a warm dispatcher should cost its own requests only: reading it, claiming it, recording it. What it shares
//! with others (pool, deployment, flow, blocks, variables) is read once for many. Two rules keep that honest. An entry has
//! a short life, which bounds how long an edit goes unnoticed. And an entry serves a run only if it was read after the run
//! got its current state: who edits a deployment and then starts a run sees that run with the edit.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// How much the clocks of server and function may differ.
const SKEW: Duration = Duration::from_secs(1);

/// Most entries of one kind; more are dropped together. An entry has some kilobytes.
const ENTRIES: usize = 2_000;

/// Values by key, each with the time it was read.
#[derive(Debug)]
pub struct Kept<K, V> {
    life: Duration,
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Kept<K, V> {
    /// Keeps each entry for `life`.
    #[must_use]
    pub fn new(life: Duration) -> Self {
        Self { life, entries: Mutex::default() }
    }

    /// The value, if it is young enough at `now` and was read after `since`.
    pub fn get(&self, key: &K, now: Timestamp, since: Timestamp) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, value) = entries.get(key)?;
        let young = now.duration_since(*read_at).unsigned_abs() < self.life;
        let after = read_at.duration_since(since) > jiff::SignedDuration::try_from(SKEW).unwrap_or_default();
        (young && after).then(|| value.clone())
    }

    /// The value of whatever age: what it says may still be used to save work.
    pub fn last(&self, key: &K) -> Option<V> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).map(|(_, value)| value.clone())
    }

    /// Keeps a value that was asked for at `read_at`.
    pub fn put(&self, key: K, value: V, read_at: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES && !entries.contains_key(&key) {
            entries.clear();
        }
        entries.insert(key, (read_at, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn an_entry_serves_runs_that_are_older_than_it_for_as_long_as_it_lives() {
        let kept = Kept::new(Duration::from_secs(30));
        kept.put("d", 1, at(10));
        assert_eq!(kept.get(&"d", at(20), at(5)), Some(1));
        assert_eq!(kept.get(&"d", at(40), at(5)), None, "its life is over");
        assert_eq!(kept.get(&"d", at(20), at(11)), None, "the run is younger");
        assert_eq!(kept.get(&"d", at(20), at(9)), None, "the clocks may differ");
        assert_eq!(kept.get(&"e", at(20), at(5)), None);
        assert_eq!(kept.last(&"d"), Some(1));
    }
}
