//! What can happen to a server, by chance but not at random: a proposal is as often as not the one that would come next,
//! or runs would never get anywhere.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

/// Deployments of a world.
pub(super) const DEPLOYMENTS: usize = 5;
/// Queues of its pool, by the order they are made; the first is `default`.
pub(super) const QUEUES: [&str; 3] = ["default", "second", "third"];
/// Most runs of a world.
const RUNS: usize = 16;
/// Questions for things that never were.
pub(super) const STRANGERS: usize = 11;
/// Transition ids are out of so many.
pub(super) const TRANSITIONS: usize = 3;

/// Minutes from now, told apart from now and from each other for as long as a world lasts.
pub(super) type Minutes = i64;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A run is made; `retries` of its flow.
    Create { deployment: usize, due: Minutes, retries: Option<u32> },
    /// A state is proposed, `due` and `timeout` being times in its details, `transition` and `lease` known ids.
    Propose {
        run: usize,
        state: Map<String, Value>,
        due: Option<Minutes>,
        timeout: Option<Minutes>,
        transition: Option<usize>,
        lease: Option<usize>,
        by_prefect: bool,
        force: bool,
    },
    /// Members of a run are changed.
    Patch { run: usize, changes: Value },
    /// A run gets labels.
    Label { run: usize, labels: Value },
    /// A run is deleted.
    Delete { run: usize },
    /// A worker asks for runs.
    Poll { queues: Vec<&'static str>, after: Option<Minutes>, before: Option<Minutes>, limit: Option<usize> },
    /// The pool is changed.
    Pool(Value),
    /// A queue is changed.
    Queue { queue: &'static str, changes: Value },
    /// A deployment is changed.
    Deployment { deployment: usize, changes: Value },
    /// A deployment is deleted.
    DeleteDeployment { deployment: usize },
    /// A lease that was seen is renewed for so many seconds.
    Renew { lease: usize, seconds: u32 },
    /// Runs are looked for.
    Filter { types: Vec<&'static str>, sort: &'static str, limit: Option<usize>, offset: usize },
    /// Something that never was is asked for, one of so many.
    Stranger(usize),
}

/// What a step may speak of.
pub(super) struct Known<'a> {
    /// States of the runs, as far as they exist.
    pub runs: &'a [Option<&'static str>],
    /// How many leases were seen.
    pub leases: usize,
}

/// A seeded source of steps.
pub(super) struct Steps(SmallRng);

impl Steps {
    /// The steps of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// Below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0.random_range(0..n)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.0.random_ratio(1, n)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// One of a list.
    fn json(&mut self, of: Value) -> Value {
        let Value::Array(mut of) = of else { panic!("{of} is no list") };
        of.swap_remove(self.below(of.len()))
    }

    fn maybe<T>(&mut self, n: u32, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(n).then(|| make(self))
    }

    /// Any time of twenty minutes' grid within two hours; never now, and mostly past, or runs would not start.
    fn minutes(&mut self) -> Minutes {
        let away = 20 * self.0.random_range(1..=6);
        if self.one_in(3) { away } else { -away }
    }

    /// The next step.
    pub(super) fn next(&mut self, known: &Known<'_>) -> Step {
        if known.runs.len() < 3 {
            return self.create();
        }
        let mut run = self.below(known.runs.len());
        if known.runs[run].is_none() && !self.one_in(8) {
            // It is gone: there is little to ask of it.
            run = (0..known.runs.len()).rev().find(|run| known.runs[*run].is_some()).unwrap_or(run);
        }
        match self.below(100) {
            0..4 if known.runs.len() < RUNS => self.create(),
            0..63 => self.propose(run, known),
            63..66 => {
                let pid = self.json(json!(["cluster::arn:1", "cluster::arn:2", "", null]));
                Step::Patch { run, changes: json!({"infrastructure_pid": pid}) }
            }
            66 => Step::Patch { run, changes: json!({"job_variables": {"cpu": self.below(3)}}) },
            67 => Step::Label { run, labels: json!({"a": self.below(2), "b": "x"}) },
            68 => Step::Delete { run },
            69..81 => self.poll(),
            81..84 => Step::Pool(self.limits(&["is_paused", "concurrency_limit"])),
            84..88 => {
                let changes = self.limits(&["is_paused", "concurrency_limit", "priority"]);
                Step::Queue { queue: self.pick(&QUEUES), changes }
            }
            88..91 => self.deployment(),
            91 if self.one_in(3) => Step::DeleteDeployment { deployment: self.below(DEPLOYMENTS) },
            92..95 if known.leases > 0 => {
                Step::Renew { lease: self.below(known.leases), seconds: self.pick(&[60, 300, 86_400, 59]) }
            }
            95..99 => self.filter(),
            99 => Step::Stranger(self.below(STRANGERS)),
            _ => self.propose(run, known),
        }
    }

    fn create(&mut self) -> Step {
        let retries = self.maybe(2, |it| it.0.random_range(0..3));
        Step::Create { deployment: self.below(DEPLOYMENTS), due: self.minutes(), retries }
    }

    fn propose(&mut self, run: usize, known: &Known<'_>) -> Step {
        const TYPES: [&str; 9] =
            ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"];
        let next: &[&str] = match known.runs[run] {
            Some("SCHEDULED") => &["PENDING"],
            Some("PENDING") => &["PENDING", "RUNNING", "RUNNING", "CRASHED", "SCHEDULED"],
            Some("RUNNING") => &["COMPLETED", "FAILED", "FAILED", "PAUSED", "CANCELLING", "CRASHED"],
            Some("PAUSED") => &["SCHEDULED", "RUNNING", "FAILED", "CANCELLING"],
            Some("CANCELLING") => &["CANCELLED"],
            _ => &["SCHEDULED", "SCHEDULED", "PENDING", "COMPLETED"],
        };
        let state_type = if self.one_in(3) { self.pick(&TYPES) } else { self.pick(next) };
        let names: &[&str] = match state_type {
            "SCHEDULED" => &["Scheduled", "Late", "AwaitingRetry", "AwaitingCapacity", "Resuming"],
            "PENDING" => &["Pending", "Submitting", "InfrastructurePending"],
            "RUNNING" => &["Running", "Retrying"],
            "PAUSED" => &["Paused", "Suspended"],
            "COMPLETED" => &["Completed", "Cached"],
            "FAILED" => &["Failed", "TimedOut"],
            _ => &[],
        };
        let mut state = Map::new();
        state.insert("type".to_owned(), json!(state_type));
        if !names.is_empty() && !self.one_in(3) {
            state.insert("name".to_owned(), json!(self.pick(names)));
        }
        if self.one_in(4) {
            state.insert("message".to_owned(), json!("said"));
        }
        if self.one_in(if state_type == "COMPLETED" { 2 } else { 8 }) {
            let persisted = json!({"type": "reference", "storage_key": "k", "serializer": {"type": "json"}});
            let data = self.json(json!([persisted, {"type": "unpersisted"}, {}, "text", {"other": 1}]));
            state.insert("data".to_owned(), data);
        }
        if state_type == "PAUSED" {
            let key = self.json(json!(["a", "b", null]));
            state.insert("state_details".to_owned(), json!({"pause_reschedule": self.one_in(2), "pause_key": key}));
        }
        Step::Propose {
            run,
            due: self.maybe(if state_type == "SCHEDULED" { 2 } else { 8 }, Self::minutes),
            timeout: if state_type == "PAUSED" { self.maybe(2, Self::minutes) } else { None },
            transition: self.maybe(3, |it| it.below(TRANSITIONS)),
            lease: if known.leases > 0 { self.maybe(12, |it| it.below(known.leases)) } else { None },
            state,
            by_prefect: self.one_in(2),
            force: self.one_in(12),
        }
    }

    fn poll(&mut self) -> Step {
        let queues = QUEUES.into_iter().filter(|_| self.one_in(3)).collect();
        Step::Poll {
            queues,
            after: self.maybe(6, |it| it.minutes() + 10),
            before: self.maybe(2, |it| it.minutes() + 10),
            limit: self.maybe(4, |it| it.pick(&[0, 1, 2, 5, 200, 201])),
        }
    }

    fn limits(&mut self, members: &[&str]) -> Value {
        let member = self.pick(members);
        let value = match member {
            // Mostly off again, or nothing would be handed out.
            "is_paused" => json!(self.one_in(4)),
            "priority" => json!(self.0.random_range(1..5)),
            _ => self.json(json!([null, null, null, 0, 1, 2, 5])),
        };
        json!({member: value})
    }

    fn deployment(&mut self) -> Step {
        let changes = match self.below(3) {
            0 => json!({"concurrency_options": self.json(json!([
                null,
                {"collision_strategy": "ENQUEUE"},
                {"collision_strategy": "CANCEL_NEW"},
                {"collision_strategy": "CANCEL_NEW", "grace_period_seconds": 600},
            ]))}),
            1 => json!({"job_variables": {"cpu": self.below(3)}}),
            _ => json!({"concurrency_limit": self.json(json!([null, 0, 1, 1, 2]))}),
        };
        Step::Deployment { deployment: self.below(DEPLOYMENTS), changes }
    }

    fn filter(&mut self) -> Step {
        let sort = self.pick(&["ID_DESC", "END_TIME_DESC", "EXPECTED_START_TIME_ASC"]);
        let types: &[&str] = match sort {
            // Of those, each has its own time.
            "END_TIME_DESC" => &["COMPLETED", "FAILED", "CANCELLED", "CRASHED"],
            _ => &["SCHEDULED", "PENDING", "RUNNING", "CANCELLING", "CANCELLED", "COMPLETED"],
        };
        let types = types.iter().copied().filter(|_| self.one_in(2)).collect();
        let (limit, offset) = match sort {
            "ID_DESC" => (None, 0),
            _ => (self.maybe(3, |it| it.below(4)), self.below(3) / 2),
        };
        Step::Filter { types, sort, limit, offset }
    }
}
