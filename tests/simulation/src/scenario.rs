//! What happens in one simulated world: everything follows from a seed, and everything can be taken out of it again.
//!
//! A scenario is data, so that a violation can be made smaller (see [`super::shrink`]) and kept as a file.

use std::collections::BTreeSet;

use fastrand::Rng;
use installation::{Function, timing::WORK};
use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, Rates},
    mutation::Mutation,
    server::{Poison, Release},
};

/// One world's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Seed of everything that is decided on the way.
    pub seed: u64,
    /// How many seconds things go wrong before they are left in peace.
    pub turbulence: u64,
    /// The work pools.
    pub pools: Vec<Pool>,
    /// The flow runs.
    pub runs: Vec<Run>,
    /// What users do.
    pub actions: Vec<Action>,
    /// How many invocations of one run queue's function go on at once.
    pub dispatchers: usize,
    /// Seconds between polls.
    pub poll_interval: u64,
    /// Seconds that dispatching may lead.
    pub launch_lead: u64,
    /// Largest difference of a party's clock from the server's, in milliseconds.
    pub skew: i64,
    /// Whether tasks come up and flows end within moments.
    pub quick: bool,
    /// Whether the ECS API has AWS's token buckets, small ones.
    pub buckets: bool,
    /// Fargate vCPUs that may be in use at once.
    pub vcpu_quota: Option<u32>,
    /// How much later a request may take effect at the server than it was sent, whoever has given up on it, in milliseconds.
    /// A server on PostgreSQL makes it wait for a connection and for rows (`tests/python/late_on_postgres.py`).
    pub late: u64,
    /// How often each kind of fault is injected.
    pub rates: Rates,
    /// At most so many faults are injected.
    pub budget: u64,
    /// The faults of these numbers are left out.
    pub skip: BTreeSet<u64>,
    /// Whether the server may take a request when it comes and commit it later, after others that came later.
    #[serde(default)]
    pub stalls: bool,
    /// Unreadable messages put into the run queue.
    pub poison: usize,
    /// A bug put into the protocol, to see that it is found.
    pub mutation: Option<Mutation>,
    /// The deployments with a concurrency limit of 0.
    #[serde(default)]
    pub closed: Option<Closed>,
    /// The pool whose deployment names a block that the server never gets to read.
    #[serde(default)]
    pub unreadable: Option<usize>,
    /// Most items of a page, if fewer than the server's 200: then a few runs are more than one.
    #[serde(default)]
    pub page: Option<usize>,
    /// Whether tasks take longer to come up than the leases of their deployments' slots live.
    #[serde(default)]
    pub slow: bool,
    /// Whether clusters and environments come out of blocks and variables.
    #[serde(default)]
    pub references: bool,
    /// Whether observer and reconciler are told no clusters.
    #[serde(default)]
    pub untold_clusters: bool,
    /// How much later reads of ECS see a task, and a task definition, than they were made, in milliseconds.
    #[serde(default)]
    pub lag: (u64, u64),
    /// Which Prefect's rules the server follows.
    #[serde(default)]
    pub release: Release,
    /// Timeout of the functions, in seconds. A message stays hidden for six times that.
    #[serde(default = "longest_timeout")]
    pub timeout: u64,
}

/// As long as an invocation works at most.
fn longest_timeout() -> u64 {
    WORK.as_secs()
}

/// Second deployments of all pools, with a concurrency limit of 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Whether their limits are raised when faults stop. Otherwise their runs wait for ever.
    pub opens: bool,
}

/// A work pool with one queue and one deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its concurrency limit.
    pub limit: Option<u32>,
    /// Its queue's.
    pub queue_limit: Option<u32>,
    /// Its deployment's, and whether runs over it are cancelled instead of waiting.
    pub deployment_limit: Option<(u32, bool)>,
    /// How many seconds a slot of that is held for a run that does not begin; the server's default if none.
    #[serde(default)]
    pub grace: Option<u32>,
}

/// A flow run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its pool.
    pub pool: usize,
    /// When it is made, in milliseconds.
    pub made: u64,
    /// When it is due, in milliseconds.
    pub due: u64,
    /// How often its flow is tried again when it fails.
    pub retries: u32,
    /// How many seconds its process waits before that.
    #[serde(default)]
    pub retry_delay: u32,
    /// Its flow pauses, in its process, for at most so many seconds.
    #[serde(default)]
    pub pause: Option<u32>,
    /// Whether it is of the deployment with a concurrency limit of 0.
    #[serde(default)]
    pub closed: bool,
    /// Which reads of it fail.
    #[serde(default)]
    pub poison: Poison,
}

/// Something a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When, in milliseconds.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Cancels a run.
    Cancel(usize),
    /// Deletes a run.
    Delete(usize),
    /// Moves a scheduled run by so many seconds from now.
    Reschedule(usize, u64),
    /// Retries a finished run.
    Retry(usize),
    /// Pauses a work pool, or lets it go on.
    PausePool(usize, bool),
    /// Pauses a queue, or lets it go on.
    PauseQueue(usize, bool),
    /// Edits the base job template of a pool.
    EditTemplate(usize),
    /// Edits the job variables of a pool's deployment.
    EditDeployment(usize),
    /// Raises or takes away the limit of a pool.
    RaiseLimit(usize, Option<u32>),
    /// The server restarts and is away for so many seconds.
    RestartServer(u64),
    /// ECS and SQS cannot be reached for so many seconds.
    CutAws(u64),
    /// The event source mappings of the run queues are disabled for so many seconds.
    StopDispatching(u64),
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut scenario = Self::first_of(seed);
        scenario.draw_timeout();
        scenario.draw_interrupted_waits();
        scenario
    }

    /// What it was before there were other timeouts and many interruptions: seeds that broke something before that stand for it so.
    #[must_use]
    pub fn first_of(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed);
        let turbulence = rng.u64(60..=300);
        let limited = rng.u32(..3) == 0;
        let pools: Vec<Pool> = (0..rng.usize(1..=2))
            .map(|_| Pool {
                limit: (limited && rng.bool()).then(|| rng.u32(1..=3)),
                queue_limit: (limited && rng.u32(..3) == 0).then(|| rng.u32(1..=2)),
                deployment_limit: (rng.u32(..6) == 0).then(|| (rng.u32(1..=2), rng.u32(..4) == 0)),
                grace: None,
            })
            .collect();
        let runs: Vec<Run> = (0..rng.usize(1..=7))
            .map(|_| {
                let made = if rng.bool() { 0 } else { rng.u64(0..turbulence * 1_000) };
                let due = made + if rng.bool() { 0 } else { rng.u64(0..90_000) };
                let retries = if rng.u32(..5) == 0 { rng.u32(1..=2) } else { 0 };
                let pool = rng.usize(..pools.len());
                Run { pool, made, due, retries, retry_delay: 0, pause: None, closed: false, poison: Poison::None }
            })
            .collect();
        let mut actions = Vec::new();
        if rng.u32(..3) > 0 {
            for _ in 0..rng.usize(1..=5) {
                let at = rng.u64(0..turbulence * 1_000);
                let (run, pool) = (rng.usize(..runs.len()), rng.usize(..pools.len()));
                let what = match rng.u32(..20) {
                    0..6 => What::Cancel(run),
                    6..8 => What::Delete(run),
                    8..11 => What::Reschedule(run, rng.u64(0..120)),
                    11..13 => What::Retry(run),
                    13 => What::PausePool(pool, rng.bool()),
                    14 => What::PauseQueue(pool, rng.bool()),
                    15 => What::EditTemplate(pool),
                    16 => What::EditDeployment(pool),
                    17 => What::RaiseLimit(pool, rng.bool().then(|| rng.u32(3..=4))),
                    18 => What::RestartServer(rng.u64(2..=45)),
                    _ => What::CutAws(rng.u64(2..=45)),
                };
                actions.push(Action { at, what });
            }
        }
        let mut scenario = Self {
            seed,
            turbulence,
            pools,
            runs,
            actions,
            dispatchers: rng.usize(1..=3),
            poll_interval: rng.choice([20, 30, 50]).unwrap_or(20),
            launch_lead: if rng.u32(..4) == 0 { rng.u64(1..=30) } else { 0 },
            skew: if rng.bool() { rng.i64(0..=3_000) } else { 0 },
            quick: rng.u32(..4) == 0,
            buckets: rng.u32(..4) == 0,
            vcpu_quota: (rng.u32(..8) == 0).then(|| rng.u32(1..=4)),
            late: rng.u64(2_000..=50_000),
            rates: Rates::random(rng),
            budget: u64::MAX,
            skip: BTreeSet::new(),
            stalls: false,
            poison: usize::from(rng.u32(..8) == 0),
            mutation: None,
            closed: None,
            unreadable: None,
            page: None,
            slow: false,
            references: false,
            untold_clusters: false,
            lag: (0, 0),
            release: Release::default(),
            timeout: longest_timeout(),
        };
        // Drawn last, so that the rest of a scenario stays what it was before there was this. Long enough for claims to be
        // given up, whose messages come back all the same.
        if rng.u32(..8) == 0 {
            let at = rng.u64(0..turbulence * 1_000);
            let seconds = rng.u64(400..=1_500);
            scenario.actions.push(Action { at, what: What::StopDispatching(seconds) });
            scenario.turbulence = turbulence.max(at / 1_000 + seconds);
        }
        scenario.rates.add_later_kinds(rng);
        scenario.stalls = rng.bool();
        for run in &mut scenario.runs {
            if run.retries > 0 && rng.bool() {
                run.retry_delay = rng.u32(1..=120);
            }
            if rng.u32(..8) == 0 {
                run.pause = Some(rng.u32(5..=240));
            }
        }
        scenario.draw_what_cannot_start(rng);
        scenario.draw_slow_starts();
        scenario.draw_references();
        scenario.draw_eventual_consistency();
        if rng.bool() {
            scenario.release = Release::V3_9;
        }
        scenario.actions.sort_by_key(|action| action.at);
        scenario
    }

    /// Runs that cannot be claimed, read or rendered, which stand before others that can. Drawn last, too.
    fn draw_what_cannot_start(&mut self, rng: &mut Rng) {
        if rng.u32(..6) == 0 {
            self.closed = Some(Closed { opens: rng.bool() });
            for _ in 0..rng.usize(1..=3) {
                let (pool, made) = (rng.usize(..self.pools.len()), 0);
                self.runs.push(Run {
                    pool,
                    made,
                    due: 0,
                    retries: 0,
                    retry_delay: 0,
                    pause: None,
                    closed: true,
                    poison: Poison::None,
                });
            }
        }
        if rng.u32(..10) == 0 {
            self.unreadable = Some(rng.usize(..self.pools.len()));
        }
        if rng.u32(..8) == 0 {
            let number = rng.usize(..self.runs.len());
            self.runs[number].poison = if rng.u32(..3) == 0 { Poison::Everything } else { Poison::Pages };
        }
        self.page = (rng.u32(..4) == 0).then(|| rng.usize(2..=4));
    }

    /// Slots on short leases, and tasks that come up slowly. From a generator of its own, so that nothing else changes.
    fn draw_slow_starts(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x6c65_6173_6573);
        let limited = self.pools.iter_mut().filter(|pool| pool.deployment_limit.is_some());
        limited.for_each(|pool| pool.grace = rng.bool().then(|| rng.u32(60..=300)));
        if rng.u32(..8) == 0 {
            (self.slow, self.quick) = (true, false);
            for pool in &mut self.pools {
                pool.deployment_limit.get_or_insert_with(|| (rng.u32(1..=2), false));
                pool.grace = Some(rng.u32(60..=120));
            }
        }
    }

    /// Blocks and variables, and functions that are told no clusters. From a generator of its own, too.
    fn draw_references(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x636c_7573_7465_7273);
        self.references = rng.u32(..4) == 0;
        self.untold_clusters = rng.u32(..if self.references { 2 } else { 8 }) == 0;
    }

    /// ECS as it is at times: reads that see writes late, and events without stop codes. From a generator of its own, too.
    fn draw_eventual_consistency(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x636f_6e73_6973_7465);
        if rng.u32(..4) == 0 {
            self.lag = (rng.u64(0..=10_000), rng.u64(0..=5_000));
        }
        if !self.rates.0.is_empty() && rng.u32(..4) == 0 {
            self.rates.0.insert(Fault::NoStopCode, rng.u32(1..=5_000));
        }
    }

    /// The timeout that the module sets, in every other world.
    fn draw_timeout(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x7469_6d65_6f75_7473);
        if rng.bool() {
            self.timeout = Function::Dispatcher.timeout().as_secs();
        }
    }

    /// Limited pools whose runs are interrupted, tried again in their process after a while, and launched by dispatchers that die.
    fn draw_interrupted_waits(&mut self) {
        let rng = &mut Rng::with_seed(self.seed ^ 0x7761_6974_696e_6773);
        if rng.u32(..16) > 0 {
            return;
        }
        // Every other pool runs on Spot.
        self.pools.resize(2, self.pools[0]);
        self.pools[1] = Pool { limit: Some(1), queue_limit: None, deployment_limit: None, grace: None };
        for run in &mut self.runs {
            (run.pool, run.retries, run.retry_delay, run.due) = (1, 1, rng.u32(200..=900), run.made);
        }
        // For long, and nothing else: all of it has to happen to one run while another one waits.
        self.turbulence = self.turbulence.max(600);
        (self.quick, self.slow) = (false, false);
        let often = [(Fault::SpotInterruption, 5_000), (Fault::FlowFails, 5_000), (Fault::DiesUnrecorded, 3_000)];
        self.rates = Rates(often.into());
    }

    /// The same with a bug in it, in a world that calls for what the bug breaks.
    #[must_use]
    pub fn with(mut self, mutation: Mutation) -> Self {
        self.mutation = Some(mutation);
        let often: &[(Fault, u32)] = match mutation {
            Mutation::LastByTime => {
                self.stalls = true;
                &[(Fault::Late, 1_500), (Fault::DoubledMessage, 4_000), (Fault::RefusedForGood, 3_000)]
            }
            _ => &[],
        };
        self.rates.0.extend(often.iter().copied());
        self
    }
}
