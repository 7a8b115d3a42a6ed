//! The launch protocol under every fault we can make: the real use cases in a world that follows from a seed.
//!
//! Real: poll, dispatch, observe and reconcile with their caches, the client of the Prefect server (retries, turns), the
//! AWS SDK and the launcher over it, the engines of ECS and SQS that [`local`] has on loopback. Simulated: the Prefect
//! server ([`server`], held against a real one by a test), the network, Lambda, EventBridge, containers, users, time.
//!
//! Why not a library: `turmoil` and `madsim` simulate hosts over a network of their own, where our edges are already one
//! method wide; `shuttle` and `loom` explore the interleavings of locks, and a violation here is one of messages;
//! `stateright` checks a model, and this is to check the code. What is left to have is a scheduler that repeats itself, and
//! tokio's single-threaded runtime with paused time is one: between two timers there is one order, and the seed decides
//! every timer.

pub mod fault;
pub mod ledger;
pub mod mutation;
pub mod scenario;
pub mod server;
pub mod shrink;

mod containers;
mod edges;
mod ends;
mod functions;
mod party;
mod rest;
mod users;
mod world;

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::sleep};

use self::{
    fault::Fault,
    functions::{Fleet, Function},
    ledger::Rule,
    scenario::Scenario,
    world::{Counts, EVENTS, POLL, RUN, RUN_FIFO, Sim, World},
};

/// How long a world may take to come to rest when faults have stopped.
const BOUND: Duration = Duration::from_secs(3_600);

/// How long it has to stay at rest: longer than anything that may still be under way.
const STILL: u32 = 4;

/// What became of one world.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests of all parties.
    pub steps: u64,
    /// Faults that were drawn.
    pub faults: u64,
    /// Faults that were injected.
    pub injected: Counts<Fault>,
    /// How often each invariant was looked at.
    pub checked: Counts<Rule>,
    /// What was broken.
    pub violations: Vec<(Rule, String)>,
    /// What the functions reported.
    pub outcomes: Counts<String>,
    /// Flow runs.
    pub runs: u64,
    /// Tasks.
    pub tasks: u64,
    /// Attempts that have a task.
    pub attempts: u64,
    /// RunTask calls that reached ECS.
    pub run_tasks: u64,
    /// Requests to the Prefect server.
    pub requests: u64,
    /// Seconds from the last fault to rest.
    pub rest_after: u64,
    /// Simulated seconds.
    pub seconds: u64,
    /// What happened, if that was wanted.
    pub trace: Vec<String>,
}

/// Runs a scenario to its end.
///
/// # Panics
/// When there is no runtime to be had.
#[must_use]
pub fn run(scenario: Scenario, traced: bool) -> Outcome {
    fastrand::seed(scenario.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    runtime.block_on(live(scenario, traced))
}

async fn live(scenario: Scenario, traced: bool) -> Outcome {
    let turbulence = Duration::from_secs(scenario.turbulence);
    let (dispatchers, poison) = (scenario.dispatchers, scenario.poison);
    let sim = World::start(scenario, traced);
    let place = Arc::new(users::set_up(&mut sim.world()));
    let fleet = Fleet::new(&sim);
    let mut tasks = JoinSet::new();
    tasks.spawn(containers::carry_out(Arc::clone(&sim)));
    tasks.spawn(Arc::clone(&fleet).tick());
    tasks.spawn(Arc::clone(&fleet).reconcile());
    tasks.spawn(Arc::clone(&fleet).serve(POLL, Function::Poller));
    for _ in 0..dispatchers {
        tasks.spawn(Arc::clone(&fleet).serve(RUN, Function::Dispatcher));
        tasks.spawn(Arc::clone(&fleet).serve(RUN_FIFO, Function::Dispatcher));
    }
    for _ in 0..2 {
        tasks.spawn(Arc::clone(&fleet).serve(EVENTS, Function::Observer));
    }
    tasks.spawn(serve_services(Arc::clone(&sim)));
    tasks.spawn(users::act(Arc::clone(&sim), Arc::clone(&place)));
    for number in 0..poison {
        let mut world = sim.world();
        let body = format!("{{\"poison\": {number}");
        world.ledger.poison.insert(body.clone());
        world.send(RUN, &body, Duration::from_secs(20), None);
    }
    sim.wake(RUN);
    sleep(turbulence).await;
    {
        let mut world = sim.world();
        world.calm = true;
        world.note(|| "PEACE".to_owned());
        users::resume(&mut world, &place);
    }
    let rested = come_to_rest(&sim).await;
    tasks.abort_all();
    let mut world = sim.world();
    world.check_end(rested);
    outcome(&mut world)
}

/// Waits until the world is at rest and stays so.
async fn come_to_rest(sim: &Sim) -> bool {
    let step = Duration::from_secs(15);
    let mut still = 0;
    let mut waited = Duration::ZERO;
    while waited < BOUND {
        sleep(step).await;
        waited += step;
        let mut world = sim.world();
        still = if world.is_at_rest() { still + 1 } else { 0 };
        if still > STILL {
            world.ledger.rest_after = (waited - step * still).as_secs();
            return true;
        }
    }
    sim.world().ledger.rest_after = BOUND.as_secs();
    false
}

async fn serve_services(sim: Sim) {
    loop {
        sleep(Duration::from_secs(5)).await;
        let mut world = sim.world();
        let now = world.now();
        world.server.services(now);
    }
}

fn outcome(world: &mut World) -> Outcome {
    let strange = world.server.not_understood();
    assert!(strange.is_empty(), "seed {}: the simulated server cannot answer {strange:?}", world.scenario.seed);
    let trace = world.take_trace();
    let seconds = (world.millis() / 1_000).saturating_sub(1_767_225_600);
    let ledger = std::mem::take(&mut world.ledger);
    Outcome {
        steps: ledger.steps,
        faults: ledger.faults,
        injected: ledger.injected,
        checked: ledger.checked,
        violations: ledger.violations,
        outcomes: ledger.outcomes,
        runs: ledger.pool_of.len() as u64,
        tasks: ledger.tasks.values().map(|tasks| tasks.len() as u64).sum(),
        attempts: ledger.tasks.len() as u64,
        run_tasks: ledger.run_tasks,
        requests: ledger.requests,
        rest_after: ledger.rest_after,
        seconds,
        trace,
    }
}
