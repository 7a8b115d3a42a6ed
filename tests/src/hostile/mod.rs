//! Hostile input for every edge of pushpool at which somebody else's bytes come in.
//!
//! A *target* is one edge: it makes inputs from a seed, and drives the real code with the bytes of one. What is asserted
//! of each is the same:
//!
//! * no panic, and no overflow of the 2 MiB of stack that a worker thread of tokio has;
//! * every rejection has a code that `docs/errors.md` lists, and texts of a bounded length;
//! * nothing that was put where secrets are ([`CANARY`]) is in what is said about a failure;
//! * memory: no more than a bound that grows with the input, at any moment and in total. The total stands for work, because
//!   what copies without end allocates without end, and unlike time it is the same on every machine.
//!
//! Two drivers use the list: `tests/it/hostile.rs` a fixed share of it, the binary `hostile` as many inputs as one likes, in
//! a process of its own, where an overflow, a memory limit and a loop without end are seen from outside. A third, guided by
//! coverage, can feed [`Target::drive`] any bytes.

mod answers;
mod dice;
mod documents;
mod odd;
mod projects;
mod queues;
mod rendering;
mod served;

use std::{
    cell::RefCell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use allocation_counter::AllocationInfo;
use diagnosis::Diagnosis;

pub use dice::Dice;

/// Stands where secrets stand.
pub const CANARY: &str = "hunter2-canary";

/// What became of an input that the edge dealt with as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// It was refused with this code, or in this way where the edge has no codes.
    Refused(&'static str),
}

/// One edge.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// How many of a hundred inputs it gets.
    pub share: u32,
    /// Makes an input.
    pub generate: fn(&mut Dice) -> Vec<u8>,
    /// Deals with an input. Panics where the edge does what it must not.
    pub drive: fn(&[u8]) -> Verdict,
    /// Bytes that may be allocated at any moment, whatever the input.
    pub memory: u64,
}

const MIB: u64 = 1 << 20;

/// All edges.
pub const TARGETS: &[Target] = &[
    Target { name: "run message", share: 16, generate: queues::message, drive: queues::drive_message, memory: MIB },
    Target { name: "poll message", share: 8, generate: queues::ring, drive: queues::drive_ring, memory: MIB },
    Target { name: "ECS event", share: 12, generate: queues::event, drive: queues::drive_event, memory: MIB },
    Target { name: "SQS event", share: 8, generate: queues::batch, drive: queues::drive_batch, memory: MIB },
    Target { name: "doorbell", share: 10, generate: queues::knock, drive: queues::drive_knock, memory: MIB },
    Target { name: "AWS answer", share: 5, generate: answers::aws, drive: answers::drive_aws, memory: MIB },
    Target {
        name: "Prefect answer",
        share: 9,
        generate: answers::prefect,
        drive: answers::drive_prefect,
        memory: 4 * MIB,
    },
    Target { name: "use cases", share: 4, generate: served::world, drive: served::drive, memory: 64 * MIB },
    Target { name: "dispatch", share: 4, generate: served::batch, drive: served::drive_batch, memory: 64 * MIB },
    Target {
        name: "template",
        share: 6,
        generate: rendering::template,
        drive: rendering::drive_template,
        memory: 32 * MIB,
    },
    Target {
        name: "job variables",
        share: 5,
        generate: rendering::variables,
        drive: rendering::drive_variables,
        memory: 64 * MIB,
    },
    Target { name: "schema", share: 3, generate: rendering::schema, drive: rendering::drive_schema, memory: 64 * MIB },
    Target {
        name: "pool document",
        share: 4,
        generate: documents::pool,
        drive: documents::drive_pool,
        memory: 64 * MIB,
    },
    Target {
        name: "deployment file",
        share: 3,
        generate: projects::file,
        drive: projects::drive_file,
        memory: 64 * MIB,
    },
    Target {
        name: "flow source",
        share: 1,
        generate: projects::source,
        drive: projects::drive_source,
        memory: 64 * MIB,
    },
    Target {
        name: "settings",
        share: 2,
        generate: documents::settings,
        drive: documents::drive_settings,
        memory: 8 * MIB,
    },
];

/// Bytes that may be allocated at a moment for each byte of the input: a tree of JSON values takes some 100.
const FOR_EACH_BYTE: u64 = 400;

/// How often what may be allocated at a moment may be allocated in total.
const TIMES: u64 = 40;

/// What an input cost, or what is wrong with how it was dealt with.
pub type Tried = Result<(Verdict, AllocationInfo), String>;

impl Target {
    /// The input of a seed.
    #[must_use]
    pub fn input(&self, seed: u64) -> Vec<u8> {
        (self.generate)(&mut Dice::of(seed))
    }

    /// Deals with an input and judges how that went. The caller provides the small stack.
    ///
    /// # Errors
    /// What is wrong: the panic's text, or how much memory it took.
    pub fn try_input(&self, input: &[u8]) -> Tried {
        let mut outcome = Err("it was not run".to_owned());
        let allocated = allocation_counter::measure(|| {
            outcome = catch_unwind(AssertUnwindSafe(|| (self.drive)(input)))
                .map_err(|_| PANIC.with_borrow_mut(std::mem::take));
        });
        let verdict = outcome?;
        let bound = self.memory + FOR_EACH_BYTE * input.len() as u64;
        if allocated.bytes_max > bound {
            return Err(format!("{} bytes at a moment for an input of {}", allocated.bytes_max, input.len()));
        }
        if allocated.bytes_total > TIMES * bound {
            return Err(format!("{} bytes in total for an input of {}", allocated.bytes_total, input.len()));
        }
        Ok((verdict, allocated))
    }
}

thread_local! {
    /// The last panic of this thread: its text and its place.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the text of panics for [`Target::try_input`] instead of printing it.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| PANIC.with_borrow_mut(|text| *text = panic.to_string())));
}

/// Runs on a thread with the stack of a tokio worker.
///
/// # Panics
/// With the panic of `work`.
pub fn on_small_stack<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread starts");
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Codes that `docs/errors.md` lists.
static CODES: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let page = include_str!("../../../docs/errors.md");
    page.lines().filter_map(|line| line.strip_prefix("| PP").map(|_| &line[2..8])).collect()
});

/// Longest text that may be said about a failure, in bytes: 8,000 characters of up to four.
const LONGEST: usize = 33_000;

/// Judges what is said about a failure.
fn refused(diagnosis: &Diagnosis) -> Verdict {
    assert!(CODES.contains(diagnosis.code.id()), "{} is not listed", diagnosis.code);
    // A defect that the use case has caught.
    assert_ne!(diagnosis.code, "PP0499", "{}", diagnosis.detail);
    for text in [&diagnosis.summary, &diagnosis.detail, &diagnosis.resolution] {
        assert!(text.len() <= LONGEST, "{}: a text of {} bytes", diagnosis.code, text.len());
        assert!(!text.contains(CANARY), "{}: it tells what may be secret: {text:.300}", diagnosis.code);
    }
    assert!(!diagnosis.summary.is_empty() && !diagnosis.resolution.is_empty(), "{diagnosis:?}");
    Verdict::Refused(diagnosis.code.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_of_a_hundred_and_codes_are_found() {
        assert_eq!(TARGETS.iter().map(|target| target.share).sum::<u32>(), 100);
        assert!(CODES.contains("PP0101") && CODES.contains("PP0630") && CODES.len() > 90, "{CODES:?}");
    }

    #[test]
    fn a_seed_is_an_input() {
        for target in TARGETS {
            assert_eq!(target.input(7), target.input(7), "{}", target.name);
        }
    }

    #[test]
    fn what_goes_wrong_is_seen() {
        keep_panics_quiet();
        let of =
            |drive: fn(&[u8]) -> Verdict| Target { drive, ..TARGETS[0] }.try_input(b"x").map(|(verdict, _)| verdict);
        assert_eq!(of(|_| Verdict::Accepted), Ok(Verdict::Accepted));
        assert!(of(|_| panic!("a defect")).unwrap_err().contains("a defect"));
        let large = of(|_| {
            assert!(std::hint::black_box(vec![1_u8; 4 << 20]).len() > 1);
            Verdict::Accepted
        });
        assert!(large.unwrap_err().contains("at a moment"));
        let told = |text: &str| Diagnosis {
            code: diagnosis::PP0401,
            summary: "s".to_owned(),
            detail: text.to_owned(),
            resolution: "r".to_owned(),
        };
        assert_eq!(refused(&told("d")), Verdict::Refused("PP0401"));
        assert!(catch_unwind(|| refused(&told(CANARY))).is_err());
        assert!(catch_unwind(|| refused(&told(&"x".repeat(40_000)))).is_err());
    }
}
