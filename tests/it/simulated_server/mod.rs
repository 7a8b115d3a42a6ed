//! The simulation's Prefect server, held against the real one.
//!
//! Both get the same random sequences of requests, and after every step what they said and what they then know must be the
//! same: the verdict, the state, its history, the slots, the order of a poll. A fixed seed, so that a change is not failed
//! by a sequence nobody has seen; `PUSHPOOL_SEED=n` plays another one's, `PUSHPOOL_STEPS=n` more or fewer.

mod pair;
mod steps;

use pushpool_tests::prefect::Options;

use self::pair::Pair;

/// Seed of every run.
const SEED: u64 = 20_261_124;
/// Steps of every run: half a minute.
const STEPS: usize = 300;
/// Steps of one world. Its times are told apart by minutes, so it must not last.
const WORLD: usize = 60;

#[tokio::test]
async fn the_simulated_server_says_what_the_real_one_says() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("PUSHPOOL_SEED").unwrap_or(SEED);
    let steps = number("PUSHPOOL_STEPS").map_or(STEPS, |steps| usize::try_from(steps).expect("a number of steps"));
    // Its services act on their own, at times of their own.
    let services = ["LATE_RUNS", "REPOSSESSOR", "SCHEDULER", "FOREMAN", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS"];
    let options = services.iter().fold(Options::default(), |options, service| {
        options.env(&format!("PREFECT_SERVER_SERVICES_{service}_ENABLED"), "false")
    });
    let server = options.start().await;
    let mut tally = pair::Tally::default();
    for world in 0..steps.div_ceil(WORLD) {
        let seed = (seed << 24) + world as u64;
        let mut pair = Pair::start(&server, seed).await;
        for _ in 0..WORLD.min(steps - world * WORLD) {
            pair.step(&mut tally).await;
        }
    }
    println!("seed {seed}: {steps} steps; {tally:#?}");
    if std::env::var_os("PUSHPOOL_SEED").is_none() && steps >= STEPS {
        tally.check_that_it_proves_something();
    }
}
