//! The queues.

use std::{fmt, time::Duration};

use crate::{Function, Mode, Variable, variables};

const HOUR: Duration = Duration::from_secs(3_600);

/// A queue of an installation. It has one name everywhere, [`Queue::name`]: behind the prefix on AWS, and as the key of the
/// Terraform module, `doctor`, `redrive`, `pushpool dev` and the tests. Where a name may have no dot, an underscore stands for
/// it ([`Queue::identifier`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Queue {
    /// Ticks and rings.
    Poll,
    /// Scheduled runs.
    Run,
    /// Scheduled runs of work pools and work queues with a concurrency limit, one batch of a pool at a time.
    RunFifo,
    /// What ECS says of tasks, and runs that have to be looked at again.
    Events,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Poll, Self::Run, Self::RunFifo, Self::Events];

    /// Its name without the prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Run => "run",
            Self::RunFifo => "run.fifo",
            Self::Events => "events",
        }
    }

    /// Its name where a dot is not allowed: attributes of Terraform's variables, and in upper case the environment variable
    /// with its URL.
    #[must_use]
    pub const fn identifier(self) -> &'static str {
        match self {
            Self::RunFifo => "run_fifo",
            _ => self.name(),
        }
    }

    /// Name of its dead-letter queue without the prefix.
    #[must_use]
    pub const fn dead_letters(self) -> &'static str {
        match self {
            Self::Poll => "poll-dlq",
            Self::Run => "run-dlq",
            Self::RunFifo => "run-dlq.fifo",
            Self::Events => "events-dlq",
        }
    }

    /// The queue of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// Its name on AWS.
    #[must_use]
    pub fn full_name(self, prefix: &str) -> String {
        format!("{prefix}-{}", self.name())
    }

    /// Name of its dead-letter queue on AWS.
    #[must_use]
    pub fn full_dead_letters(self, prefix: &str) -> String {
        format!("{prefix}-{}", self.dead_letters())
    }

    /// The variable with its URL.
    #[must_use]
    pub fn url_variable(self) -> &'static Variable {
        match self {
            Self::Poll => &variables::POLL_QUEUE_URL,
            Self::Run => &variables::RUN_QUEUE_URL,
            Self::RunFifo => &variables::RUN_FIFO_QUEUE_URL,
            Self::Events => &variables::EVENTS_QUEUE_URL,
        }
    }

    /// Whether it keeps the order within a group. Groups are work pools, and do not wait for one another.
    #[must_use]
    pub const fn is_fifo(self) -> bool {
        matches!(self, Self::RunFifo)
    }

    /// The function that it invokes.
    #[must_use]
    pub const fn consumer(self) -> Function {
        match self {
            Self::Poll => Function::Poller,
            Self::Run | Self::RunFifo => Function::Dispatcher,
            Self::Events => Function::Observer,
        }
    }

    /// Whether an installation in this mode has it.
    #[must_use]
    pub fn is_in(self, mode: Mode) -> bool {
        mode != Mode::Standalone || self == Self::Run
    }

    /// How long it keeps a message. An old tick is worth nothing.
    #[must_use]
    pub const fn retention(self) -> Duration {
        match self {
            Self::Poll => HOUR,
            _ => HOUR.saturating_mul(4 * 24),
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fifo_queues_end_as_sqs_asks() {
        for queue in Queue::ALL {
            for name in [queue.name(), queue.dead_letters()] {
                assert_eq!(name.ends_with(".fifo"), queue.is_fifo(), "{name}");
            }
            assert_eq!(queue.identifier(), queue.name().replace('.', "_"));
            assert_eq!(Queue::named(queue.name()), Some(queue));
        }
    }

    #[test]
    fn each_queue_invokes_one_function() {
        let sources: Vec<Queue> = Function::ALL.into_iter().flat_map(Function::sources).collect();
        assert_eq!(sources, Queue::ALL);
        assert_eq!(Function::Dispatcher.sources().collect::<Vec<_>>(), [Queue::Run, Queue::RunFifo]);
    }
}
