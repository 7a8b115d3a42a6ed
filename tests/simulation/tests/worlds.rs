//! The quick share of the simulation: some thousand worlds, and each bug that is put into the protocol on purpose.
//!
//! The long run, and what the numbers mean: `docs/proof.md`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use simulation::{ledger::Rule, mutation::Mutation, run, scenario::Scenario};

/// Worlds of the normal test.
const WORLDS: u64 = 2_000;

/// Runs worlds on all cores, until `ends` says that it has seen enough; what was broken, by seed.
fn worlds(
    seeds: std::ops::Range<u64>,
    scenario: impl Fn(u64) -> Scenario + Sync,
    ends: impl Fn(&[(Rule, String)]) -> bool + Sync,
) -> Vec<(u64, Rule, String)> {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    };
    let (next, stop, broken) = (AtomicU64::new(seeds.start), AtomicBool::new(false), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = run(scenario(seed), false);
                    if ends(&outcome.violations) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    let found = outcome.violations.into_iter().map(|(rule, what)| (seed, rule, what));
                    broken.lock().unwrap().extend(found);
                }
            });
        }
    });
    let mut broken = broken.into_inner().unwrap();
    broken.sort();
    broken
}

#[test]
fn no_invariant_breaks_in_some_thousand_worlds() {
    let broken = worlds(0..WORLDS, Scenario::of, |_| false);
    assert!(broken.is_empty(), "`simulate --trace SEED` shows what happened: {broken:#?}");
}

/// Worlds that have shown a defect once.
const ONCE_BROKEN: [(&str, &[u64]); 20] = [
    ("a late claim of a finished run, which a user cancelled before it was put back", &[68_503]),
    ("a cancelled container that is no longer counted before the reconciler stops it", &[161_731, 169_602]),
    ("CANCELLED in place of a hand back, and a late copy of that", &[472_466]),
    ("a run cancelled while a second copy of its hand back is under way", &[588_486, 830_923]),
    ("a second copy of a hand back that comes when the run has started anew", &[270_360, 454_819, 747_217]),
    ("a client token that an edited deployment made useless", &[216_213]),
    ("the unrecorded task of a cancelled run", &[260_327, 493_921]),
    ("a run that no request returns, held by a late copy of its claim", &[20_001_667]),
    ("a run that a user retries while its former process goes on", &[20_040_779, 21_013_625, 21_026_576]),
    ("a state committed out of the order of its time, of a run that no request returns", &[22_112_155]),
    ("a run that changes sides while slots are counted", &[22_102_302, 22_118_248, 31_014_557, 40_005_150]),
    ("an end that a claim without a slot displaced", &[30_013_803]),
    ("a slot of a run whose task is yet to be recorded", &[30_017_954, 30_029_191]),
    ("an end that a late claim displaced while the process went on", &[31_048_656]),
    ("a claim that gets its slot after a copy of it got none", &[32_026_318]),
    ("a record that comes after that of a later attempt", &[21_002_120, 34_006_108]),
    ("a hand back while a third delivery of the message launches", &[36_294_818]),
    ("a cancellation that the process of the run was not told of", &[36_034_597, 36_126_760, 36_312_219]),
    ("a second copy of an end that comes when a user has retried the run", &[50_018_611]),
    ("a task taken for gone that ECS did not show yet", &[20_012_416, 20_021_849, 20_030_733]),
];

#[test]
fn what_was_broken_once_stays_mended() {
    for (defect, seeds) in ONCE_BROKEN {
        for seed in seeds {
            let broken = run(Scenario::first_of(*seed), false).violations;
            assert!(broken.is_empty(), "{defect}, {seed}: {broken:#?}");
        }
    }
    for (defect, seeds) in BROKEN_SINCE {
        for seed in seeds {
            let broken = run(Scenario::of(*seed), false).violations;
            assert!(broken.is_empty(), "{defect}, {seed}: {broken:#?}");
        }
    }
}

/// The same in worlds as they are drawn today.
const BROKEN_SINCE: [(&str, &[u64]); 1] =
    [("a run that is admitted because an earlier message of it is looked for in the same batch", &[62_000_058])];

/// Scenarios that have shown a defect once, and that no seed draws.
#[test]
fn scenarios_that_broke_once_stay_mended() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut read = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let scenario: Scenario = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let broken = run(scenario, false).violations;
        assert!(broken.is_empty(), "`simulate --replay {}`: {broken:#?}", path.display());
        read += 1;
    }
    assert!(read > 0);
}

/// What a world does follows from its seed alone: else no violation could be looked at twice.
#[test]
fn a_world_repeats_itself() {
    for seed in 0..40 {
        let (first, second) = (run(Scenario::of(seed), true), run(Scenario::of(seed), true));
        for (one, other) in first.trace.iter().zip(&second.trace) {
            assert_eq!(one, other, "seed {seed}");
        }
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

/// Each bug, and within how many worlds it is found at the latest.
const FOUND: [(Mutation, u64); 29] = [
    (Mutation::NoTransitionId, 10),
    (Mutation::FreshTransitionId, 10),
    (Mutation::FreshClientToken, 1_000),
    (Mutation::NoStartedBy, 50),
    (Mutation::AcknowledgeFirst, 1_000),
    (Mutation::AcknowledgeAll, 100),
    (Mutation::AnyStateId, 100),
    (Mutation::AnyTask, 2_000),
    (Mutation::ClaimAlways, 200),
    (Mutation::Force, 10),
    (Mutation::NoRecord, 10),
    (Mutation::NoHandBack, 100),
    (Mutation::NoCrash, 100),
    (Mutation::NoReconciler, 200),
    (Mutation::NoStop, 200),
    (Mutation::NoSlots, 3_000),
    (Mutation::SendOnce, 300),
    (Mutation::FailureIsSuccess, 200),
    (Mutation::MarkUnseen, 3_000),
    (Mutation::OthersState, 1_000),
    (Mutation::LastByTime, 500),
    (Mutation::StatesOnly, 300),
    (Mutation::OutlivesForEver, 300),
    (Mutation::NoLookingPast, 200),
    (Mutation::ForgetsWaiting, 200),
    (Mutation::NoRenewal, 200),
    (Mutation::NoReferences, 1_000),
    (Mutation::NoRevision, 200),
    (Mutation::EndlessChains, 300),
];

#[test]
fn every_bug_on_purpose_is_found() {
    for (mutation, within) in FOUND {
        let broken = worlds(0..within, |seed| Scenario::of(seed).with(mutation), |violations| !violations.is_empty());
        assert!(!broken.is_empty(), "{mutation:?} is not found within {within} worlds");
    }
    let untried: Vec<&Mutation> =
        Mutation::ALL.iter().filter(|mutation| !FOUND.iter().any(|(tried, _)| tried == *mutation)).collect();
    assert!(untried.is_empty(), "not tried: {untried:?}");
}
