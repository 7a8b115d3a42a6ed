//! The functions.

use std::{fmt, time::Duration};

use crate::{Mode, Queue};

/// A Lambda function of an installation. Its name on AWS is the prefix, a hyphen, and [`Function::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Asks the Prefect server for scheduled runs and sends a message for each.
    Poller,
    /// Claims runs and launches their tasks.
    Dispatcher,
    /// Turns what ECS says of tasks into states of flow runs.
    Observer,
    /// Repairs what no event told.
    Reconciler,
    /// Lets the Prefect server ring for new runs.
    Doorbell,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Poller, Self::Dispatcher, Self::Observer, Self::Reconciler, Self::Doorbell];

    /// Its name without the prefix; also the name of its binary.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poller => "poller",
            Self::Dispatcher => "dispatcher",
            Self::Observer => "observer",
            Self::Reconciler => "reconciler",
            Self::Doorbell => "doorbell",
        }
    }

    /// The function of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Its name on AWS.
    #[must_use]
    pub fn full_name(self, prefix: &str) -> String {
        format!("{prefix}-{}", self.name())
    }

    /// Its log group in CloudWatch.
    #[must_use]
    pub fn log_group(self, prefix: &str) -> String {
        format!("/aws/lambda/{}", self.full_name(prefix))
    }

    /// Memory in MB, unless the operator chooses another size.
    #[must_use]
    pub const fn memory(self) -> u32 {
        match self {
            Self::Doorbell => 128,
            _ => 256,
        }
    }

    /// How long an invocation may take, unless the operator chooses another time.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        match self {
            Self::Doorbell => Duration::from_secs(10),
            Self::Reconciler => Duration::from_secs(120),
            _ => Duration::from_secs(30),
        }
    }

    /// Whether an installation in this mode has it; the doorbell is optional there.
    #[must_use]
    pub fn is_in(self, mode: Mode) -> bool {
        mode != Mode::Standalone || self == Self::Dispatcher
    }

    /// Whether the operator may leave it out.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Doorbell)
    }

    /// The queues that invoke it.
    pub fn sources(self) -> impl Iterator<Item = Queue> {
        Queue::ALL.into_iter().filter(move |queue| queue.consumer() == self)
    }

    /// The queue whose dead-letter queue takes the messages that it cannot read; none if it reads no messages of others.
    #[must_use]
    pub const fn buries_in(self) -> Option<Queue> {
        match self {
            Self::Dispatcher => Some(Queue::Run),
            Self::Observer => Some(Queue::Events),
            _ => None,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
