//! Hostile input guided by coverage: libFuzzer over the targets of `pushpool_tests::hostile`.
//!
//! Needs a C++ compiler and nothing else: the compiler's own coverage pass works on stable.
//!
//! ```text
//! cd tests/fuzz
//! export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
//!   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
//!   -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
//! cargo build --release --target x86_64-unknown-linux-gnu
//! HOSTILE_TARGET=schema ./target/x86_64-unknown-linux-gnu/release/pushpool-fuzz -max_len=20000 -max_total_time=600 CORPUS
//! ```
//!
//! One input in fifty is made by the target's own generator, which knows the grammar; libFuzzer changes the others.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use pushpool_tests::hostile::{TARGETS, Target, keep_panics_quiet};

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("HOSTILE_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("HOSTILE_TARGET={name} is no target"))
});

fuzz_target!(
    init: keep_panics_quiet(),
    |input: &[u8]| {
        if let Err(problem) = TARGET.try_input(input) {
            eprintln!("{}: {problem}", TARGET.name);
            std::process::abort();
        }
    }
);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(50) {
        let input = TARGET.input(u64::from(seed));
        if input.len() <= max_size {
            data[..input.len()].copy_from_slice(&input);
            return input.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});
