//! What can go wrong, and how often.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Fault {
            $($(#[doc = $doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

faults! {
    /// The process ends before it sends a request.
    CrashBefore,
    /// The process ends when its request has taken effect and before it has the answer.
    CrashAfter,
    /// The process ends at some moment of an invocation.
    CrashSometime,
    /// There is no connection: nothing is sent.
    Refused,
    /// The request is lost; the client waits for an answer in vain.
    LostRequest,
    /// The request takes effect and the answer is lost.
    LostAnswer,
    /// The request takes effect when the client may have given up on it.
    Late,
    /// The answer takes seconds.
    Slow,
    /// The service asks for patience: 503, 429, or a throttle.
    Throttled,
    /// The service fails: 500.
    Failed,
    /// A message is delivered twice.
    DoubledMessage,
    /// A message comes late.
    DelayedMessage,
    /// Messages that were handled are not deleted.
    NotDeleted,
    /// An ECS event never comes.
    LostEvent,
    /// An ECS event comes twice.
    DoubledEvent,
    /// An ECS event comes late, after others.
    DelayedEvent,
    /// A tick does not come.
    LostTick,
    /// RunTask answers with failures for want of capacity.
    NoCapacity,
    /// RunTask is refused for good.
    RefusedForGood,
    /// A task does not get to start.
    FailsToStart,
    /// A task stays in PROVISIONING.
    StuckTask,
    /// Spot capacity is taken back.
    SpotInterruption,
    /// A container ends before its flow runs, with an error.
    ExitsEarly,
    /// A container ends before its flow runs, as if all was well.
    ExitsEarlyWithZero,
    /// A flow's container ends without a word.
    Dies,
    /// A flow never ends and does not hear SIGTERM.
    Hangs,
    /// A flow fails.
    FlowFails,
    /// A message is delivered once more under the same id, at the same time or later, with any receive count.
    Redelivered,
    /// A flow's process goes on after its run has ended.
    Lingers,
    /// A stranger registers a revision of a family of ours, with an image of their own.
    PlantedRevision,
    /// More tasks have stopped than are looked through: the one that is looked for is not among those shown.
    HidesStopped,
    /// An ECS event says in words only why its task stopped.
    NoStopCode,
    /// A dispatcher's process ends when it has started a task, before it records it.
    DiesUnrecorded,
}

/// How many kinds there were at first. Later ones are drawn last, so that a seed keeps the rest of its scenario.
const FIRST: usize = Fault::FlowFails as usize + 1;

/// How many there were later, before those that have generators of their own.
const SECOND: usize = Fault::HidesStopped as usize + 1;

/// Chances of each kind, in ten thousandths. A kind that is missing does not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates(pub BTreeMap<Fault, u32>);

impl Rates {
    /// One world in ten is peaceful; in the others half of the kinds happen, each at a rate of its own.
    #[must_use]
    pub fn random(rng: &mut Rng) -> Self {
        if rng.u32(..10) == 0 {
            return Self::default();
        }
        let wild = if rng.u32(..4) == 0 { 3 } else { 1 };
        let of_kind = |fault: Fault, rng: &mut Rng| {
            // What can happen once in a run's life, against what can happen at each of some hundred requests.
            let most = match fault {
                Fault::CrashBefore | Fault::CrashAfter | Fault::Late | Fault::Refused => 150,
                Fault::LostRequest | Fault::LostAnswer | Fault::Slow | Fault::Throttled | Fault::Failed => 200,
                Fault::CrashSometime => 600,
                Fault::RefusedForGood => 200,
                _ => 1_200,
            };
            rng.u32(1..=most * wild)
        };
        let mut rates = BTreeMap::new();
        for fault in &Fault::ALL[..FIRST] {
            if rng.bool() {
                rates.insert(*fault, of_kind(*fault, rng));
            }
        }
        Self(rates)
    }

    /// Adds the kinds that came later, to worlds that are not peaceful. Drawn after everything else of a scenario.
    pub fn add_later_kinds(&mut self, rng: &mut Rng) {
        for fault in &Fault::ALL[FIRST..SECOND] {
            if !self.0.is_empty() && rng.bool() {
                // Stopped tasks are looked for in few worlds.
                let most = if *fault == Fault::HidesStopped { 10_000 } else { 1_200 };
                self.0.insert(*fault, rng.u32(1..=most));
            }
        }
    }

    /// The chance of a kind.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u32 {
        self.0.get(&fault).copied().unwrap_or_default()
    }
}
