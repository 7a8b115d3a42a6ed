//! A fixed share of hostile input for every edge (`pushpool_tests::hostile`); the binary `hostile` runs as much as one likes.

use pushpool_tests::hostile::{TARGETS, keep_panics_quiet, on_small_stack};

/// Inputs of all edges together, in debug some 20 s.
const INPUTS: u32 = 8_000;

#[test]
fn every_edge_takes_or_refuses_what_it_is_given() {
    let failures = on_small_stack(|| {
        keep_panics_quiet();
        let mut failures = Vec::new();
        for target in TARGETS {
            for seed in 0..u64::from(INPUTS / 100 * target.share) {
                if let Err(problem) = target.try_input(&target.input(seed)) {
                    failures.push(format!("{}, seed {seed}: {problem:.500}", target.name));
                }
            }
        }
        let _ = std::panic::take_hook();
        failures
    });
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}
