//! The facts as one screen.

use dispatch::prefect::slots::{Because, Holder};
use jiff::Timestamp;
use manage::{
    pool::status::{
        Crash, Facts, UNREAD,
        verdict::{self, Service, State},
        why,
    },
    times::{ago, span},
};
use prefect_api::models::{FlowRun, WorkQueue};
use prefect_ids::FlowRunId;

use crate::{
    grid::{self, Cell},
    output::{BAD, BUSY, DIM, GOOD, HEAD, ODD, paint},
};

/// The screen of one pool, the verdict first. On a terminal no other line is wider than it; what is too long is cut. Without a
/// width nothing is cut.
pub(super) fn of(facts: &Facts, now: Timestamp, width: Option<usize>) -> String {
    let pool = &facts.pool;
    let verdict = verdict::of(facts, now);
    let style = match verdict.state {
        State::Ready => GOOD,
        State::Waiting | State::Paused => ODD,
        State::NotServed => BAD,
    };
    let title = Cell::new(format!("{}  {}", pool.name, pool.pool_type)).styled(HEAD);
    let mut lines = grid::lines(&[vec![title]], width);
    lines.extend([format!("{}: {}", paint(style, verdict.word()), verdict.text), String::new()]);
    lines.extend(grid::lines(&overview(facts, now), width));
    let held = holders(facts, now);
    if !held.is_empty() {
        lines.extend([String::new(), paint(HEAD, "Slots are held by")]);
        lines.extend(grid::lines(&held, width));
    }
    lines.push(String::new());
    lines.extend(grid::lines(&queues(&facts.queues, now), width));
    if !facts.crashes.is_empty() {
        lines.extend([String::new(), paint(HEAD, "Last crashed runs")]);
        lines.extend(grid::lines(&crashes(facts, now, width.is_none()), width));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn overview(facts: &Facts, now: Timestamp) -> Vec<Vec<Cell>> {
    let fact = |label: &str, value: Cell| vec![Cell::new(label).styled(DIM), value];
    let polled = facts.last_polled().map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let limit = facts.pool.concurrency_limit.map_or_else(|| "no limit".to_owned(), |limit| format!("of {limit}"));
    let counts = format!(
        "{} due ({} late), {} pending, {} running{}",
        facts.due,
        facts.late,
        facts.pending,
        facts.running,
        if facts.cancelling > 0 { format!(", {} cancelling", facts.cancelling) } else { String::new() },
    );
    let busy = facts.due + facts.pending + facts.running > 0;
    let mut rows = vec![fact("Served by", served_by(facts, now)), fact("Last polled", Cell::new(polled))];
    rows.extend(otherwise(facts, now).map(|text| fact("Prefect says", text)));
    rows.extend([
        fact("Runs", Cell::new(counts).styled(if busy { BUSY } else { anstyle::Style::new() })),
        fact("Slots", Cell::new(format!("{} in use, {limit}", facts.used()))),
    ]);
    if let Some(run) = &facts.oldest_due
        && let Some(due) = run.due()
    {
        rows.push(fact("Oldest due", Cell::new(format!("{} has waited {}", called(run), span(due, now)))));
    }
    if let Some(run) = &facts.oldest_pending
        && let Some(state) = &run.state
    {
        let text = format!("{} for {}", called(run), span(state.timestamp, now));
        rows.push(fact("Longest pending", Cell::new(text)));
    }
    rows
}

/// By the same rule as the verdict. The server keeps the row of a worker, so `created` is when it was first seen.
fn served_by(facts: &Facts, now: Timestamp) -> Cell {
    match verdict::service(facts, now) {
        Service::By(workers) => {
            let named: Vec<String> = workers
                .iter()
                .map(|worker| match worker.created {
                    Some(since) => format!("{} (first seen {})", worker.name, ago(since, now)),
                    None => worker.name.clone(),
                })
                .collect();
            Cell::new(named.join(", ")).styled(GOOD)
        }
        Service::Unnamed => Cell::new("a client that sends no heartbeats").styled(ODD),
        Service::Nobody(Some(worker)) => {
            Cell::new(format!("no poller; {} sends heartbeats and does not poll", worker.name)).styled(BAD)
        }
        Service::Nobody(None) => {
            let last =
                facts.workers.iter().filter_map(|worker| Some((worker.last_heartbeat_time?, &worker.name))).max();
            let text = match last {
                Some((at, name)) => format!("no poller; {name} was last heard of {}", ago(at, now)),
                None => "no poller".to_owned(),
            };
            Cell::new(text).styled(BAD)
        }
    }
}

/// What the server calls the pool, where that is something else.
fn otherwise(facts: &Facts, now: Timestamp) -> Option<Cell> {
    let status = facts.pool.status.as_deref()?;
    let agrees = match verdict::of(facts, now).state {
        State::Ready | State::Waiting => status != "NOT_READY",
        State::NotServed => status != "READY",
        State::Paused => true,
    };
    (!agrees).then(|| Cell::new(format!("{status} (the server goes by heartbeats, pushpool by polls)")).styled(DIM))
}

fn called(run: &FlowRun) -> String {
    run.name.clone().unwrap_or_else(|| run.id.to_string())
}

fn holders(facts: &Facts, now: Timestamp) -> Vec<Vec<Cell>> {
    let row = |holder: &Holder| {
        let state = holder.run.state.as_ref();
        let name = state.and_then(|state| state.name.as_deref()).unwrap_or("-");
        let since = state.map_or_else(|| "-".to_owned(), |state| span(state.timestamp, now));
        let odd = if holder.because == Because::State { "" } else { why(holder) };
        vec![
            Cell::new(called(&holder.run)),
            Cell::new(holder.run.work_queue_name.as_deref().unwrap_or("-")),
            Cell::new(format!("{name} for {since}")),
            Cell::new(odd).styled(ODD),
        ]
    };
    let unread = |run: &FlowRunId| {
        vec![Cell::new(run.to_string()), Cell::new("-"), Cell::new("-"), Cell::new(UNREAD).styled(ODD)]
    };
    facts.holders.iter().flatten().map(row).chain(facts.unread.iter().map(unread)).collect()
}

fn queues(queues: &[WorkQueue], now: Timestamp) -> Vec<Vec<Cell>> {
    let headings = ["QUEUE", "PRIORITY", "LIMIT", "PAUSED", "STATUS", "LAST POLLED"];
    let mut rows = vec![headings.map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for queue in queues {
        let paused = if queue.is_paused { Cell::new("yes").styled(ODD) } else { Cell::new("no") };
        rows.push(vec![
            Cell::new(&queue.name),
            Cell::new(number(queue.priority)).right(),
            Cell::new(number(queue.concurrency_limit)).right(),
            paused,
            Cell::new(queue.status.as_deref().unwrap_or("-")),
            Cell::new(queue.last_polled.map_or_else(|| "never".to_owned(), |at| ago(at, now))),
        ]);
    }
    rows
}

/// A terminal has room for the first line of a message, which says it; a file or another program gets all of it in one line.
fn crashes(facts: &Facts, now: Timestamp, whole: bool) -> Vec<Vec<Cell>> {
    let row = |crash: &Crash| {
        let lines = crash.message.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.take(if whole { usize::MAX } else { 1 }).collect::<Vec<_>>().join(" ");
        vec![
            Cell::new(crash.at.map_or_else(|| "-".to_owned(), |at| ago(at, now))).right(),
            Cell::new(called(&crash.run)),
            Cell::new(message).styled(BAD),
        ]
    };
    facts.crashes.iter().map(row).collect()
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

    #[test]
    fn a_holder_that_the_server_cannot_read_is_shown_by_its_id() {
        let mut facts = facts(json!({"concurrency_limit": 2}), polled(1), beating());
        facts.unread = vec![FlowRunId::from_u128(7)];
        facts.holders = Some(Vec::new());
        let screen = of(&facts, NOW.parse().unwrap(), None);
        let screen = anstream::adapter::strip_str(&screen).to_string();
        assert!(screen.contains("1 in use, of 2"), "{screen}");
        assert!(
            screen.lines().any(|it| it.starts_with("00000000-") && it.ends_with("the server cannot read it")),
            "{screen}"
        );
    }

    /// A stalled server once gave a screen with NOT_READY, an empty "Served by", and READY.
    #[test]
    fn status_served_by_and_verdict_never_contradict_each_other() {
        for (server, seconds, workers) in [
            ("NOT_READY", 1, json!([])),
            ("NOT_READY", 1, json!([{"name": "pushpool", "status": "OFFLINE", "last_heartbeat_time": at(200)}])),
            ("READY", 1, beating()),
            ("READY", 300, beating()),
            ("NOT_READY", 300, json!([])),
        ] {
            let facts = facts(json!({"status": server}), polled(seconds), workers);
            let screen = of(&facts, NOW.parse().unwrap(), None);
            let screen = anstream::adapter::strip_str(&screen).to_string();
            let line = |start: &str| screen.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
            let verdict = screen.lines().nth(1).unwrap();
            let served = line("Served by");
            if seconds > 60 {
                assert!(verdict.starts_with("NOT SERVED: "), "{screen}");
                assert!(served.contains("no poller"), "{screen}");
            } else {
                assert!(verdict.starts_with("READY: polled 1 s ago"), "{screen}");
                assert!(!served.contains("no poller"), "{screen}");
            }
            // Where the server says otherwise, that is said, with the reason.
            let differs = (server == "READY") != (seconds < 60);
            assert_eq!(line("Prefect says").contains("goes by heartbeats"), differs, "{screen}");
        }
    }
}
