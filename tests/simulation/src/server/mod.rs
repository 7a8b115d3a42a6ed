//! A Prefect server for the simulation: the part of the API that pushpool, containers and users speak, as a state machine
//! without clock, input or output.
//!
//! It answers as prefect 3.8.8 or 3.9.1 does ([`Release`]) because it follows its rules one by one, traps included ([`rules`], [`slots`],
//! [`scheduling`]); `tests/it/simulated_server` plays random sequences to it and to the real server and compares what
//! they say. What it leaves out: schedules, task runs and subflows, tags, parameters, validation of anything but the
//! shape of a request, and that READY wears off.
//!
//! A request it does not know is answered 404 or 422 and noted ([`Server::not_understood`]): a simulation that meets one
//! proves nothing.

mod answer;
mod edge;
mod filter;
mod ids;
mod models;
mod rules;
mod scheduling;
mod slots;
#[cfg(test)]
mod tests;
mod users;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use prefect_api::models::StateType;
use serde_json::Value;
use uuid::Uuid;

pub use self::answer::Answer;
pub use self::models::{
    Change, Collision, ConcurrencyOptions, Deployment, Details, Flow, LogLine, Poison, Pool, Queue, Release, RetryType,
    Run, RunPolicy, State,
};
pub use self::rules::Caller;
pub use self::world::{NewDeployment, NewRun};

use self::ids::Ids;
use self::rules::{Outcome, Rules, Surroundings};
use self::slots::{NoSuchLimit, Slots};

/// A run is late that much after its time (`late_runs.after_seconds`).
const LATE: SignedDuration = SignedDuration::from_secs(15);
/// Expired leases are looked for that often (`repossessor.loop_seconds`).
const REAP: SignedDuration = SignedDuration::from_secs(15);
/// A run that is being cancelled for that long is cancelled by the server (`cancelling_timeout_seconds`).
const CANCELLING: SignedDuration = SignedDuration::from_secs(300);

/// The server.
#[derive(Debug, Clone)]
pub struct Server {
    release: Release,
    ids: Ids,
    pools: BTreeMap<Uuid, Pool>,
    queues: BTreeMap<Uuid, Queue>,
    flows: BTreeMap<Uuid, Flow>,
    deployments: BTreeMap<Uuid, Deployment>,
    runs: BTreeMap<Uuid, Run>,
    slots: Slots,
    reaped: Option<Timestamp>,
    variables: BTreeMap<String, Value>,
    /// Data of block documents by id, and the ids by type and name.
    blocks: BTreeMap<Uuid, Value>,
    block_names: BTreeMap<(String, String), Uuid>,
    /// Names of blocks whose reads fail.
    broken_blocks: BTreeSet<String>,
    logs: Vec<LogLine>,
    events: Vec<Value>,
    changes: Option<Vec<Change>>,
    arrived: Option<Timestamp>,
    not_understood: Vec<String>,
}

impl Server {
    /// An empty server of a release whose ids come from `seed`.
    #[must_use]
    pub fn new(release: Release, seed: u64) -> Self {
        Self {
            release,
            ids: Ids::new(seed),
            pools: BTreeMap::new(),
            queues: BTreeMap::new(),
            flows: BTreeMap::new(),
            deployments: BTreeMap::new(),
            runs: BTreeMap::new(),
            slots: Slots::default(),
            reaped: None,
            variables: BTreeMap::new(),
            blocks: BTreeMap::new(),
            block_names: BTreeMap::new(),
            broken_blocks: BTreeSet::new(),
            logs: Vec::new(),
            events: Vec::new(),
            changes: None,
            arrived: None,
            not_understood: Vec::new(),
        }
    }

    /// The requests that follow came at this time and are committed when they are handled. A state has the time of its request, so
    /// one that is committed later may have an earlier time (seen on a stalled server). None: the two are the same.
    pub fn arrived(&mut self, at: Option<Timestamp>) {
        self.arrived = at.map(to_microsecond);
    }

    /// The server's own services, to be called every 5 s: late runs, leases that nobody renewed, cancellations that
    /// nobody finished.
    pub fn services(&mut self, now: Timestamp) {
        let now = to_microsecond(now);
        let mut late = Vec::new();
        let mut stuck = Vec::new();
        let mut expired = Vec::new();
        for run in self.runs.values() {
            let Some(state) = run.state() else { continue };
            match state.state_type {
                StateType::Scheduled if state.name == "Scheduled" => {
                    late.extend(
                        run.next_scheduled_start_time.filter(|due| *due + LATE <= now).map(|due| (run.id, due)),
                    );
                }
                StateType::Cancelling if state.timestamp + CANCELLING <= now => stuck.push(run.id),
                StateType::Paused if state.state_details.pause_timeout.is_some_and(|timeout| timeout < now) => {
                    expired.push(run.id);
                }
                _ => {}
            }
        }
        for (run, due) in late {
            let mut state = self.state(now, StateType::Scheduled, "Late", None);
            state.state_details.scheduled_time = Some(due);
            // A failure would be the service's own; the next round tries again.
            let _ = self.propose(now, run, state, Rules::Late, Caller::Other);
        }
        for run in stuck {
            let message = "Flow run cancellation timed out; marked this flow run as Cancelled.";
            let state = self.state(now, StateType::Cancelled, "Cancelled", Some(message.to_owned()));
            let _ = self.propose(now, run, state, Rules::Core, Caller::Other);
        }
        // `FailExpiredPauses`.
        for run in expired {
            let message = "The flow was paused and never resumed.";
            let state = self.state(now, StateType::Failed, "Failed", Some(message.to_owned()));
            let _ = self.propose(now, run, state, Rules::Minimal, Caller::Other);
        }
        if self.reaped.is_none_or(|last| last + REAP <= now) {
            self.reaped = Some(now);
            self.slots.reap(now);
        }
    }

    fn state(&mut self, now: Timestamp, state_type: StateType, name: &str, message: Option<String>) -> State {
        let (id, name) = (self.ids.next(), name.to_owned());
        State { id, state_type, name, timestamp: now, message, data: None, state_details: Details::default() }
    }

    /// Governs a proposal; none if there is no such run.
    fn propose(
        &mut self,
        now: Timestamp,
        run: Uuid,
        state: State,
        rules: Rules,
        caller: Caller,
    ) -> Option<Result<Outcome, NoSuchLimit>> {
        let run = self.runs.get_mut(&run)?;
        let deployment = run.deployment.and_then(|id| self.deployments.get(&id));
        let (release, slots, ids) = (self.release, &mut self.slots, &mut self.ids);
        let mut world = Surroundings { release, now, caller, deployment, slots, ids };
        let outcome = rules::propose(run, state, rules, &mut world);
        if let (Some(changes), Ok(Outcome { changed: true, .. }), Some(state)) =
            (&mut self.changes, &outcome, run.states.last())
        {
            let (state_type, name) = (state.state_type, state.name.clone());
            changes.push(Change { run: run.id, state: state.id, state_type, name, at: state.timestamp });
        }
        Some(outcome)
    }

    /// A run; none if it was deleted.
    #[must_use]
    pub fn run(&self, id: Uuid) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// All runs, in the order of their ids, which is none.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// The states of a run in the order in which they were committed, the current one last; none if it was deleted.
    #[must_use]
    pub fn states(&self, run: Uuid) -> &[State] {
        self.runs.get(&run).map_or(&[], |run| &run.states)
    }

    /// A deployment.
    #[must_use]
    pub fn deployment(&self, id: Uuid) -> Option<&Deployment> {
        self.deployments.get(&id)
    }

    /// A work pool.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&Pool> {
        self.pools.values().find(|pool| pool.name == name)
    }

    /// A work queue.
    #[must_use]
    pub fn queue(&self, id: Uuid) -> Option<&Queue> {
        self.queues.get(&id)
    }

    /// Slots of a deployment's concurrency limit that are taken; none if it has no limit.
    #[must_use]
    pub fn active_slots(&self, deployment: Uuid) -> Option<u32> {
        let limit = self.deployments.get(&deployment)?.limit?;
        self.slots.limit(limit).map(|limit| limit.active)
    }

    /// All lines of all logs, in the order they came.
    #[must_use]
    pub fn logs(&self) -> &[LogLine] {
        &self.logs
    }

    /// All events that were sent to the server, in the order they came.
    #[must_use]
    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// From now on, keeps what its automations would be told, for [`Server::take_changes`].
    pub fn watch_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// The states that runs have entered since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Requests the server did not know or could not read: method, path, and why. Stays empty in a simulation that means
    /// something.
    #[must_use]
    pub fn not_understood(&self) -> &[String] {
        &self.not_understood
    }

    fn pool_and_queue(&self, queue: Option<Uuid>) -> Option<(&Pool, &Queue)> {
        let queue = self.queues.get(&queue?)?;
        Some((self.pools.get(&queue.pool)?, queue))
    }
}

/// The server's clock and database have microseconds.
fn to_microsecond(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
