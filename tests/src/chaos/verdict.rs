//! What became of it all, by the records of those who are not pushpool.
//!
//! * AWS on loopback knows every task, and by `startedBy` its attempt.
//! * Containers note when a flow begins and when it ends.
//! * The Prefect server knows all states a run has had.
//!
//! # One thing that is told apart
//!
//! A Prefect server accepts PENDING after a final state, and no request can be made conditional: a claim that its sender has
//! given up on, because its dispatcher was killed or the answer did not come, may be carried out seconds later, when the
//! same claim, sent again, has long been accepted and the flow has run. Such a run is *opened again*: it is no second task and
//! no second execution, and the state it had has to be put back. Each is told; one that does not end as it had ended is a
//! violation of its own kind.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};

use local::ecs::{Status, TaskView};
use regex_lite::Regex;
use serde_json::{Value, json};

use super::{
    Made, Options, POISON, Report, Tally,
    plan::{FUNCTIONS, Kind},
    report::Violation,
    stage::Stage,
};
use crate::rig::served::log_of;

/// States that end a run.
const FINAL: [&str; 4] = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"];

/// Name of the SCHEDULED state of a run that was handed back.
const HANDED_BACK: &str = "AwaitingCapacity";

/// Most lines of the functions' log that are shown for a run.
const LINES: usize = 120;

/// How it came to an end.
pub(super) struct Ended {
    /// How long troubles went on.
    pub(super) troubled: Duration,
    /// How long it took after that until all was over; none if it never was.
    pub(super) over: Option<Duration>,
    /// Runs that moved on when all was over.
    pub(super) moved: BTreeSet<String>,
}

/// Ids and types of the states that runs are in.
pub(super) async fn states(stage: &Stage, made: &[Made]) -> BTreeMap<String, (String, String)> {
    let mut states = BTreeMap::new();
    for runs in made.chunks(200) {
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        let filter = json!({"flow_runs": {"id": {"any_": ids}}, "limit": 200});
        let found = stage.user.post("/flow_runs/filter", &filter).await;
        for run in found.as_array().into_iter().flatten() {
            states.insert(text(run, "id"), (text(run, "state_id"), text(run, "state_type")));
        }
    }
    states
}

/// How many runs are in no final state.
pub(super) async fn open(stage: &Stage, made: &[Made]) -> usize {
    let states = states(stage, made).await;
    made.iter().filter(|run| states.get(&run.id).is_none_or(|(_, it)| !FINAL.contains(&it.as_str()))).count()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// A run with everything that is known about it.
struct Seen<'a> {
    made: &'a Made,
    pid: String,
    /// All states, oldest first.
    states: Vec<Value>,
    tasks: Vec<TaskView>,
    begun: usize,
    ended: usize,
    /// What the container of a task says if it is not the run's fault that it ended early.
    gave_up: bool,
}

impl Seen<'_> {
    fn last(&self) -> String {
        self.states.last().map(|state| text(state, "type")).unwrap_or_default()
    }

    fn is_final(&self) -> bool {
        FINAL.contains(&self.last().as_str())
    }

    fn hand_backs(&self) -> usize {
        self.states.iter().filter(|state| state["name"] == HANDED_BACK).count()
    }

    /// Whether its last task was never recorded: its dispatcher died, and when the message came again the run was over.
    fn is_unrecorded(&self) -> bool {
        self.tasks.last().is_some_and(|task| !self.pid.ends_with(&task.task_arn))
    }

    /// The state that ended the run first, if another one followed.
    fn opened_again(&self) -> Option<String> {
        let ended = self.states.iter().position(|state| FINAL.contains(&text(state, "type").as_str()))?;
        (ended + 1 < self.states.len()).then(|| text(&self.states[ended], "type"))
    }

    fn has_no_image(&self) -> bool {
        let reason = |task: &TaskView| task.stopped_reason.as_deref().unwrap_or_default().contains("CannotPull");
        self.tasks.iter().any(reason)
    }

    /// Code in the message of the last state.
    fn code(&self) -> String {
        self.states.last().map(code).unwrap_or_default()
    }

    /// What is wrong with it.
    fn wrongs(&self) -> Vec<(&'static str, String)> {
        let mut wrongs = Vec::new();
        let mut wrong = |kind: &'static str, what: String| wrongs.push((kind, what));
        if !self.is_final() {
            wrong("not over", format!("it is {}", self.last()));
        }
        let mut by_attempt: BTreeMap<&str, usize> = BTreeMap::new();
        for task in &self.tasks {
            *by_attempt.entry(task.started_by.as_deref().unwrap_or_default()).or_default() += 1;
        }
        if let Some((attempt, tasks)) = by_attempt.iter().find(|(_, tasks)| **tasks > 1) {
            wrong("two tasks for an attempt", format!("{attempt} has {tasks}"));
        }
        let (tasks, hand_backs) = (self.tasks.len(), self.hand_backs());
        let fewest = usize::from(!matches!(self.made.kind, Kind::Refused | Kind::Cancelled));
        let most = if self.made.kind == Kind::Refused { 0 } else { 1 + hand_backs };
        if !(fewest..=most).contains(&tasks) {
            wrong("number of tasks", format!("{tasks}, where {fewest} to {most} are right"));
        }
        if self.begun > 1 {
            wrong("executed twice", format!("its flow began {} times", self.begun));
        }
        match self.opened_again() {
            Some(first) if first != self.last() => {
                wrong("opened again and not put back", format!("it was {first} and is {}", self.last()));
            }
            _ if self.is_final() => {
                if let Some(why) = self.ended_wrong() {
                    wrong("ended wrong", why);
                }
            }
            _ => {}
        }
        // All runs are over, so nothing has a reason to live.
        for task in self.tasks.iter().filter(|task| task.status != Status::Stopped) {
            let known = self.pid.ends_with(&task.task_arn);
            wrong("a task is left", format!("{} is {:?}, recorded: {known}", task.task_arn, task.status));
        }
        wrongs
    }

    /// Why it should have ended otherwise.
    fn ended_wrong(&self) -> Option<String> {
        let (last, code) = (self.last(), self.code());
        if last == "CRASHED" && (self.has_no_image() && code == "PP0610" || self.gave_up) {
            return None;
        }
        let right = match self.made.kind {
            Kind::Completes | Kind::Python | Kind::Limited => last == "COMPLETED" && (self.begun, self.ended) == (1, 1),
            Kind::Fails => last == "FAILED" && (self.begun, self.ended) == (1, 1),
            Kind::Exits => last == "CRASHED" && code == "PP0625" && self.begun == 1,
            Kind::Never => last == "CRASHED" && code == "PP0625" && self.begun == 0,
            Kind::Cancelled => last == "CANCELLED" && self.ended == 0,
            Kind::Refused => last == "CRASHED" && code.starts_with("PP0") && self.begun == 0,
        };
        let (begun, ended) = (self.begun, self.ended);
        (!right).then(|| format!("it is {last} {code}; its flow began {begun} and ended {ended} times"))
    }

    /// All that is known, for whoever has to find out what happened.
    fn story(&self, log: &[String]) -> String {
        let mut story = format!("run {} ({:?}), recorded {:?}\n", self.made.id, self.made.kind, self.pid);
        for state in &self.states {
            let _ = writeln!(
                story,
                "  {} {} {} transition {} {}",
                text(state, "timestamp"),
                text(state, "name"),
                text(state, "id"),
                state["state_details"]["transition_id"],
                state["message"]
            );
        }
        for task in &self.tasks {
            let _ = writeln!(story, "  {task:?}");
        }
        let lines = log.iter().filter(|line| line.contains(&self.made.id) && !line.contains("\"_aws\""));
        for line in lines.take(LINES) {
            let _ = writeln!(story, "  {line}");
        }
        story
    }
}

/// `PP` and four digits in the message of a state.
fn code(state: &Value) -> String {
    static CODE: std::sync::LazyLock<Regex> =
        std::sync::LazyLock::new(|| Regex::new(r"\((PP\d{4})\)").expect("a valid pattern"));
    let message = text(state, "message");
    CODE.captures(&message).map(|found| found[1].to_owned()).unwrap_or_default()
}

/// Notes by run: how often its flow began and ended.
fn notes(stage: &Stage) -> BTreeMap<String, (usize, usize)> {
    let mut notes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let text = std::fs::read_to_string(stage.notes()).unwrap_or_default();
    for note in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (begun, ended) = notes.entry(self::text(&note, "run")).or_default();
        if note["note"] == "begun" { *begun += 1 } else { *ended += 1 }
    }
    notes
}

/// The server's description of a run, and its states, oldest first.
async fn history(stage: &Stage, run: &str) -> (Value, Vec<Value>) {
    let described = stage.user.get(&format!("/flow_runs/{run}")).await;
    let states = stage.user.get(&format!("/flow_run_states/?flow_run_id={run}")).await;
    let mut states = match states {
        Value::Array(states) => states,
        _ => Vec::new(),
    };
    states.sort_by_key(|state| text(state, "timestamp"));
    // The clock of the sender decides about a timestamp; which state holds is the server's to say.
    if let Some(current) = states.iter().position(|state| state["id"] == described["state_id"]) {
        let current = states.remove(current);
        states.push(current);
    }
    (described, states)
}

/// Draws up the report.
pub(super) async fn report(stage: &mut Stage, options: &Options, tally: &Tally, ended: Ended) -> Report {
    let log = stage.served.log();
    let notes = notes(stage);
    let made = tally.made();
    let mut report = Report {
        seed: options.seed,
        troubled: ended.troubled,
        over: ended.over,
        made: made.len(),
        kills: tally.kills.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        unanswered: FUNCTIONS.map(|(name, _)| (name, stage.served.failed_invocations(name))).into(),
        passes: (tally.passes.load(Ordering::Relaxed), tally.failed_passes.load(Ordering::Relaxed)),
        troubles: troubles(stage, tally),
        ..Report::default()
    };
    report.unanswered.insert("doorbell", tally.unheard.load(Ordering::Relaxed));
    report.unanswered.insert("reconciler", tally.failed_passes.load(Ordering::Relaxed));
    let mut known = BTreeSet::new();
    for made in &made {
        let (described, states) = history(stage, &made.id).await;
        let (begun, ended_notes) = notes.get(&made.id).copied().unwrap_or_default();
        let tasks = stage.served.tasks_of(&made.id);
        known.extend(tasks.iter().map(|task| task.task_arn.clone()));
        let gave_up = |task: &TaskView| log_of(task, &stage.served.local).contains("the server does not answer");
        let gave_up = made.kind == Kind::Python && tasks.iter().any(gave_up);
        let pid = text(&described, "infrastructure_pid");
        let seen = Seen { made, pid, states, tasks, begun, ended: ended_notes, gave_up };
        report.add(&seen.made.kind, &seen.last());
        report.tasks += seen.tasks.len();
        report.begun += begun;
        report.unrecorded += usize::from(seen.is_unrecorded());
        let attempts = seen.states.iter().filter(|state| state["type"] == "SCHEDULED").count();
        report.scheduled_states += attempts;
        for state in &seen.states {
            match state["name"].as_str() {
                Some(HANDED_BACK) => *report.hand_backs.entry(code(state)).or_default() += 1,
                Some("Crashed") => *report.crashes.entry(code(state)).or_default() += 1,
                _ => {}
            }
        }
        let mut wrongs = seen.wrongs();
        if ended.moved.contains(&made.id) {
            wrongs.push(("moved on when all was over", format!("to {}", seen.last())));
        }
        if seen.opened_again().is_some() {
            report.opened_again.0 += 1;
            report.opened_again.1 += usize::from(!wrongs.iter().any(|(kind, _)| kind.starts_with("opened")));
        }
        for (kind, what) in wrongs {
            report.violations.push(Violation { kind, what: format!("{}: {what}", made.id), story: seen.story(&log) });
        }
    }
    for task in stage.served.tasks().iter().filter(|task| !known.contains(&task.task_arn)) {
        report.violate("a task of no run", format!("{task:?}"));
    }
    dead_letters(stage, tally, &mut report);
    if ended.over.is_none() {
        let left = ["run", "run.fifo", "events"].map(|queue| (queue, stage.served.bodies(queue)));
        report.violate("not over in time", format!("left in queues: {left:?}"));
    }
    report
}

/// What was done to requests and everything else, by what it was.
fn troubles(stage: &Stage, tally: &Tally) -> BTreeMap<String, u64> {
    let mut troubles: BTreeMap<String, u64> = BTreeMap::new();
    let counted = tally.troubles.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.extend(counted.iter().map(|(name, count)| ((*name).to_owned(), *count)));
    for (way, proxy) in
        [("to Prefect", &stage.prefect.1), ("to AWS", &stage.aws.1), ("of containers", &stage.containers)]
    {
        troubles.extend(proxy.faults().into_iter().map(|(name, count)| (format!("{way}: {name}"), count)));
    }
    troubles
}

/// What functions bury is what cannot be read, and nothing else. A message that can be read is here when it was delivered ten
/// times, every twenty seconds, to processes that were killed or had no server: then it is enough that its run is not lost.
fn dead_letters(stage: &Stage, tally: &Tally, report: &mut Report) {
    let sqs = stage.served.local.sqs();
    let queues = ["poll-dlq", "run-dlq", "run-dlq.fifo", "events-dlq"].map(|queue| &stage.served.queues[queue]);
    let all: Vec<String> = queues.iter().filter_map(|queue| sqs.bodies(queue)).flatten().collect();
    let buried: Vec<String> = queues.iter().filter_map(|queue| sqs.sent_bodies(queue)).flatten().collect();
    report.dead_letters = all.len();
    report.delivered_in_vain = all.len() - buried.len();
    let poison = all.iter().filter(|body| *body == POISON).count();
    let sent = usize::try_from(tally.poison.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
    if poison < sent {
        report.violate("dead letters", format!("{poison} of {sent} unreadable messages are there"));
    }
    for body in buried.iter().filter(|body| *body != POISON) {
        report.violate("dead letters", format!("buried, though it can be read: {body}"));
    }
}
