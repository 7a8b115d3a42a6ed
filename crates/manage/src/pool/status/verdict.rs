//! The verdict on a pool, in one line, and who serves it.
//!
//! One rule for both: a pool is served if a client polled it within a minute. A worker that sends heartbeats and does not
//! poll serves nothing. The server itself marks queues NOT_READY 60 s after their last poll (prefect 3.8.8,
//! `server/services/foreman.py`). Its status of the pool goes by heartbeats alone, so the two may differ for a while.

use std::time::Duration;

use jiff::Timestamp;
use prefect_api::models::Worker;

use super::facts::Facts;
use crate::times::{ago, span};

/// A queue polled longer ago is not served.
pub const FRESH: Duration = Duration::from_secs(60);
/// A run that waits longer although the pool is served, or is pending longer, is worth a word.
const PATIENCE: Duration = Duration::from_secs(120);

/// How a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Served.
    Ready,
    /// Served, but runs wait for something.
    Waiting,
    /// Gives out no runs.
    Paused,
    /// Nobody polls.
    NotServed,
}

/// Who serves a pool.
#[derive(Debug, Clone, PartialEq)]
pub enum Service<'f> {
    /// It is polled, and these send heartbeats.
    By(Vec<&'f Worker>),
    /// It is polled by a client that sends no heartbeats.
    Unnamed,
    /// It was never polled, or not within a minute. Some worker may send heartbeats all the same.
    Nobody(Option<&'f Worker>),
}

impl<'f> Service<'f> {
    /// Those who serve it, as far as they say so.
    #[must_use]
    pub fn workers(&self) -> &[&'f Worker] {
        match self {
            Self::By(workers) => workers,
            Self::Unnamed | Self::Nobody(_) => &[],
        }
    }
}

/// Who serves a pool.
#[must_use]
pub fn service(facts: &Facts, now: Timestamp) -> Service<'_> {
    let fresh = facts.last_polled().is_some_and(|at| !older(at, now, FRESH));
    let online: Vec<&Worker> = facts.online().collect();
    match (fresh, online.first()) {
        (true, Some(_)) => Service::By(online),
        (true, None) => Service::Unnamed,
        (false, first) => Service::Nobody(first.copied()),
    }
}

/// How a pool is, and why it is thought so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it is.
    pub state: State,
    /// Why, in one line.
    pub text: String,
}

impl Verdict {
    /// Whether what is due starts.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready | State::Waiting)
    }

    /// The state in capitals, as the screen shows it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.state {
            State::Ready => "READY",
            State::Waiting => "WAITING",
            State::Paused => "PAUSED",
            State::NotServed => "NOT SERVED",
        }
    }
}

/// The verdict on a pool.
#[must_use]
pub fn of(facts: &Facts, now: Timestamp) -> Verdict {
    let verdict = |state, text: String| Verdict { state, text };
    if facts.pool.is_paused {
        let name = &facts.pool.name;
        return verdict(State::Paused, format!("it gives out no runs; `pushpool pool resume {name}` lets it go on"));
    }
    let Some(polled) = facts.last_polled() else {
        return verdict(State::NotServed, not_served("nobody has ever polled it", facts));
    };
    if older(polled, now, FRESH) {
        let silence = format!("nobody has polled for {}", span(polled, now));
        return verdict(State::NotServed, not_served(&silence, facts));
    }
    let by = if service(facts, now) == Service::Unnamed { " by a client that sends no heartbeats" } else { "" };
    let polled = format!("polled {}{by}", ago(polled, now));
    if let Some(limit) = facts.pool.concurrency_limit
        && facts.due > 0
        && facts.used() >= u64::from(limit)
    {
        let text = match limit {
            0 => format!("{polled}, but the concurrency limit is 0: nothing can start"),
            _ => format!("{polled}; {} for one of {limit} slots, all in use", runs_wait(facts.due)),
        };
        return verdict(State::Waiting, text);
    }
    if let Some(due) = facts.oldest_due.as_ref().and_then(|run| run.due())
        && older(due, now, PATIENCE)
    {
        let stopped = facts.queues.iter().filter(|queue| queue.is_paused || queue.concurrency_limit == Some(0));
        let stopped: Vec<&str> = stopped.map(|queue| queue.name.as_str()).collect();
        let why = match stopped.as_slice() {
            [] => "look at the limits of its queues and at the dispatcher's log".to_owned(),
            names => format!("these queues give out none: {}", names.join(", ")),
        };
        let text = format!("{polled}, yet {}, the oldest {}; {why}", runs_wait(facts.due), span(due, now));
        return verdict(State::Waiting, text);
    }
    let since = facts.oldest_pending.as_ref().and_then(|run| run.state.as_ref()).map(|state| state.timestamp);
    match since.filter(|since| older(*since, now, PATIENCE)) {
        Some(since) => {
            let text =
                format!("{polled}; a run has been pending for {}: its task starts slowly or not", span(since, now));
            verdict(State::Ready, text)
        }
        None => verdict(State::Ready, polled),
    }
}

fn older(at: Timestamp, now: Timestamp, than: Duration) -> bool {
    now.duration_since(at) > jiff::SignedDuration::try_from(than).unwrap_or_default()
}

fn runs_wait(count: u64) -> String {
    if count == 1 { "1 run waits".to_owned() } else { format!("{count} runs wait") }
}

/// Heartbeats without polls mean that the poller runs and fails; neither, that it does not run.
fn not_served(silence: &str, facts: &Facts) -> String {
    let waiting = if facts.due > 0 { format!("; {}", runs_wait(facts.due)) } else { String::new() };
    match facts.online().next() {
        Some(worker) => {
            format!("{silence}, though \"{}\" sends heartbeats; look at its log{waiting}", worker.name)
        }
        None => format!("{silence}; is the poller running?{waiting}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn at(seconds_ago: i64) -> String {
        let now: Timestamp = NOW.parse().unwrap();
        (now - jiff::SignedDuration::from_secs(seconds_ago)).to_string()
    }

    fn run(state: &str, seconds: i64) -> Value {
        let id = uuid::Uuid::nil();
        json!({"id": id, "flow_id": id, "expected_start_time": at(seconds),
            "state": {"id": id, "type": state, "timestamp": at(seconds)}})
    }

    fn facts(pool: Value, queues: Value, workers: Value) -> Facts {
        let mut document = json!({"id": uuid::Uuid::nil(), "name": "p", "type": "ecs:push"});
        document.as_object_mut().unwrap().extend(pool.as_object().unwrap().clone());
        Facts {
            pool: serde_json::from_value(document).unwrap(),
            queues: serde_json::from_value(queues).unwrap(),
            workers: serde_json::from_value(workers).unwrap(),
            due: 0,
            late: 0,
            pending: 0,
            running: 0,
            cancelling: 0,
            oldest_due: None,
            oldest_pending: None,
            crashes: Vec::new(),
            holders: None,
            unread: Vec::new(),
        }
    }

    fn polled(seconds: i64) -> Value {
        json!([{"id": uuid::Uuid::nil(), "name": "default", "last_polled": at(seconds)}])
    }

    fn beating() -> Value {
        json!([{"name": "pushpool", "status": "ONLINE"}])
    }

    fn judged(facts: &Facts) -> String {
        let verdict = of(facts, NOW.parse().unwrap());
        format!("{}: {}", verdict.word(), verdict.text)
    }

    #[test]
    fn polls_decide() {
        let pool = json!({});
        assert_eq!(judged(&facts(pool.clone(), polled(7), beating())), "READY: polled 7 s ago");
        let silent = facts(pool.clone(), polled(300), json!([]));
        assert_eq!(judged(&silent), "NOT SERVED: nobody has polled for 5 min; is the poller running?");
        let never = json!([{"id": uuid::Uuid::nil(), "name": "default"}]);
        let mut waiting = facts(pool.clone(), never, json!([{"name": "old", "status": "OFFLINE"}]));
        waiting.due = 3;
        assert_eq!(judged(&waiting), "NOT SERVED: nobody has ever polled it; is the poller running?; 3 runs wait");
        let beating = facts(pool, polled(61), beating());
        assert!(judged(&beating).starts_with("NOT SERVED") && judged(&beating).contains("\"pushpool\""));
    }

    #[test]
    fn a_paused_pool_is_paused_whoever_polls() {
        let paused = facts(json!({"is_paused": true}), polled(1), json!([]));
        assert!(judged(&paused).starts_with("PAUSED: "), "{}", judged(&paused));
    }

    #[test]
    fn what_runs_wait_for_is_said() {
        let mut full = facts(json!({"concurrency_limit": 2}), polled(1), beating());
        (full.due, full.running, full.pending) = (4, 1, 1);
        assert_eq!(judged(&full), "WAITING: polled 1 s ago; 4 runs wait for one of 2 slots, all in use");
        full.running = 0;
        assert_eq!(judged(&full), "READY: polled 1 s ago");

        let queues = json!([
            {"id": uuid::Uuid::nil(), "name": "default", "last_polled": at(1)},
            {"id": uuid::Uuid::nil(), "name": "slow", "is_paused": true},
        ]);
        let mut stopped = facts(json!({}), queues, beating());
        stopped.due = 1;
        stopped.oldest_due = Some(serde_json::from_value(run("SCHEDULED", 600)).unwrap());
        assert_eq!(
            judged(&stopped),
            "WAITING: polled 1 s ago, yet 1 run waits, the oldest 10 min; these queues give out none: slow"
        );
        let mut pending = facts(json!({}), polled(1), json!([]));
        pending.oldest_pending = Some(serde_json::from_value(run("PENDING", 600)).unwrap());
        assert!(judged(&pending).contains("pending for 10 min"), "{}", judged(&pending));
    }
}
