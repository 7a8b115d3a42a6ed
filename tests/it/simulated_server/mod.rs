//! The simulation's Prefect server, held against the real ones: prefect 3.8.8 and 3.9.1.
//!
//! Both get the same random sequences of requests, and after every step what they said and what they then know must be the
//! same: the verdict, the state, its history, the slots, the order of a poll. First come the known traps, then chance, from
//! a fixed seed, so that a change is not failed by a sequence nobody has seen; `PUSHPOOL_SEED=n` plays another one's,
//! `PUSHPOOL_STEPS=n` more or fewer.

mod pair;
mod script;
mod steps;
mod tally;

use std::time::Duration;

use jiff::SignedDuration;
use pushpool_tests::rig::prefect::{Options, Version};
use serde_json::json;

use self::pair::Pair;
use self::steps::Step;
use self::tally::Tally;

/// Seed of every run.
const SEED: u64 = 20_261_124;
/// Steps by chance, of every run.
const STEPS: usize = 260;
/// Steps of one world. Its times are told apart by minutes, so it must not last.
const WORLD: usize = 60;

#[tokio::test]
async fn the_simulated_server_says_what_prefect_3_8_says() {
    says_what_the_real_one_says(Version::V3_8).await;
}

#[tokio::test]
async fn the_simulated_server_says_what_prefect_3_9_says() {
    says_what_the_real_one_says(Version::V3_9).await;
}

async fn says_what_the_real_one_says(version: Version) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("PUSHPOOL_SEED").unwrap_or(SEED);
    let steps = number("PUSHPOOL_STEPS").map_or(STEPS, |steps| usize::try_from(steps).expect("a number of steps"));
    // Its services act on their own, at times of their own.
    let services = ["LATE_RUNS", "REPOSSESSOR", "SCHEDULER", "FOREMAN", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS"];
    let options = services.iter().fold(Options::default().version(version), |options, service| {
        options.env(&format!("PREFECT_SERVER_SERVICES_{service}_ENABLED"), "false")
    });
    let server = options.start().await;
    let mut tally = Tally::default();
    let mut pair = Pair::start(&server, seed).await;
    for step in script::traps() {
        pair.step(step, &mut tally).await;
    }
    tally.check_that_it_proves_something();
    for world in 0..steps.div_ceil(WORLD) {
        let seed = (seed << 24) + world as u64;
        let mut pair = Pair::start(&server, seed).await;
        for _ in 0..WORLD.min(steps - world * WORLD) {
            pair.any_step(&mut tally).await;
        }
    }
    println!("seed {seed}: {steps} steps; {tally:#?}");
}

#[tokio::test]
async fn the_services_do_what_those_of_prefect_3_8_do() {
    services_do_what_the_real_ones_do(Version::V3_8).await;
}

#[tokio::test]
async fn the_services_do_what_those_of_prefect_3_9_do() {
    services_do_what_the_real_ones_do(Version::V3_9).await;
}

/// What its services do on their own: late runs, leases that expire, cancellations that nobody finishes. The real one is
/// set to be impatient; the simulated one has its plain times and a clock that is put forward.
async fn services_do_what_the_real_ones_do(version: Version) {
    let patience = Duration::from_secs(120);
    let settings = [
        ("SERVICES_LATE_RUNS_LOOP_SECONDS", "1"),
        // Runs that were due twenty minutes ago are late soon, but not before the steps are played.
        ("SERVICES_LATE_RUNS_AFTER_SECONDS", "1215"),
        ("SERVICES_REPOSSESSOR_LOOP_SECONDS", "1"),
        ("SERVICES_CANCELLATION_CLEANUP_LOOP_SECONDS", "1"),
        ("SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS", "20"),
        ("CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION", "30"),
    ];
    let options = settings.iter().fold(Options::default().version(version), |options, (name, value)| {
        options.env(&format!("PREFECT_SERVER_{name}"), *value)
    });
    let server = options.start().await;
    let mut pair = Pair::start(&server, SEED).await;
    let mut tally = Tally::default();
    let [plain, enqueues, cancels] = [0, 1, 2];
    let [late, handed_back, cancelling, losing, gaining, holding, refused] = [0, 1, 2, 3, 4, 5, 6];
    for deployment in [plain, plain, plain, enqueues, enqueues, cancels, cancels] {
        pair.play(Step::Create { deployment, due: 20, retries: None }, &mut tally).await;
    }
    let propose = |run, state, due, by_prefect| Step::Propose {
        run,
        state: serde_json::from_value(state).unwrap(),
        due,
        timeout: None,
        transition: None,
        lease: None,
        by_prefect,
        force: false,
    };
    for (run, state, due) in [
        (cancelling, json!({"type": "PENDING"}), None),
        (cancelling, json!({"type": "CANCELLING"}), None),
        (losing, json!({"type": "PENDING"}), None),
        (holding, json!({"type": "PENDING"}), None),
        (late, json!({"type": "SCHEDULED"}), Some(-20)),
        (handed_back, json!({"type": "SCHEDULED", "name": "AwaitingCapacity"}), Some(-20)),
        (refused, json!({"type": "SCHEDULED"}), Some(-20)),
    ] {
        pair.play(propose(run, state, due, false), &mut tally).await;
    }
    pair.wait_for(late, "Late", patience).await;
    pair.wait_for(refused, "Cancelled", patience).await;
    pair.services();
    pair.wait_for(cancelling, "Cancelled", patience).await;
    // Each has a lease of its own, and that of the second one ends later.
    for run in [losing, holding] {
        pair.wait_for_slots(run, 0, patience).await;
    }
    pair.put_forward(SignedDuration::from_secs(301));
    pair.services();
    for run in [late, handed_back, cancelling, losing, gaining, holding, refused] {
        pair.compare_history(run).await;
        pair.compare_slots(run).await;
    }
    // The slot that was given away is somebody else's when its run starts.
    for (run, state) in [(gaining, "PENDING"), (losing, "RUNNING"), (gaining, "COMPLETED")] {
        pair.play(propose(run, json!({"type": state}), None, true), &mut tally).await;
    }
    let lost = "REJECT Deployment concurrency limit reached after lease expiry.";
    assert!(tally.verdicts().any(|it| it == lost), "{tally:#?}");
}
