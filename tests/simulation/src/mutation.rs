//! Bugs put into the protocol on purpose: a checker that never failed proves nothing.
//!
//! Each is made at an edge of the use cases (what they send, what they are told, what becomes of a message), so the code
//! under test stays as it is shipped. `tests/simulation/tests/worlds.rs` says within how many seeds each is found.

use serde::{Deserialize, Serialize};

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mutation {
    /// Claims carry no `transition_id`: a repeated claim is not known as the same one.
    NoTransitionId,
    /// Each claim has another `transition_id`.
    FreshTransitionId,
    /// RunTask has another client token each time.
    FreshClientToken,
    /// RunTask has no `startedBy`: an event does not say whose task it is.
    NoStartedBy,
    /// The message is acknowledged before anything is done about it.
    AcknowledgeFirst,
    /// Every message is acknowledged, whatever the function answers.
    AcknowledgeAll,
    /// A message means whatever attempt its run is at.
    AnyStateId,
    /// An event is taken for one of the task that the run has now.
    AnyTask,
    /// The verdict on a claim is not looked at.
    ClaimAlways,
    /// Proposals are forced.
    Force,
    /// `infrastructure_pid` is not written.
    NoRecord,
    /// A run that is handed back stays PENDING.
    NoHandBack,
    /// A run is never crashed.
    NoCrash,
    /// Nobody reconciles, and events get lost.
    NoReconciler,
    /// Tasks are never stopped.
    NoStop,
    /// Nobody counts slots before claiming.
    NoSlots,
    /// An attempt is sent once and never again.
    SendOnce,
    /// A task that was refused is taken for one that runs.
    FailureIsSuccess,
    /// Dispatchers do not see that a claim is being given up.
    MarkUnseen,
    /// The reconciler takes runs that run for such as were handed back.
    OthersState,
    /// The last state by time is taken for the one that holds.
    LastByTime,
    /// Slots are counted by states alone, not by tasks.
    StatesOnly,
    /// Tasks that outlive their run are not stopped.
    OutlivesForEver,
    /// The poller sees no run but those it is handed out.
    NoLookingPast,
    /// How long a run has waited is counted from its last hand back.
    ForgetsWaiting,
    /// Leases of deployments' slots are not renewed.
    NoRenewal,
    /// Observer and reconciler do not find the blocks and variables that name clusters.
    NoReferences,
    /// RunTask names a family and no revision.
    NoRevision,
    /// Messages do not say how many invocations were before them.
    EndlessChains,
}

impl Mutation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::NoTransitionId,
        Self::FreshTransitionId,
        Self::FreshClientToken,
        Self::NoStartedBy,
        Self::AcknowledgeFirst,
        Self::AcknowledgeAll,
        Self::AnyStateId,
        Self::AnyTask,
        Self::ClaimAlways,
        Self::Force,
        Self::NoRecord,
        Self::NoHandBack,
        Self::NoCrash,
        Self::NoReconciler,
        Self::NoStop,
        Self::NoSlots,
        Self::SendOnce,
        Self::FailureIsSuccess,
        Self::MarkUnseen,
        Self::OthersState,
        Self::LastByTime,
        Self::StatesOnly,
        Self::OutlivesForEver,
        Self::NoLookingPast,
        Self::ForgetsWaiting,
        Self::NoRenewal,
        Self::NoReferences,
        Self::NoRevision,
        Self::EndlessChains,
    ];
}
