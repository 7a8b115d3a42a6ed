//! The timings that depend on each other, and their relations as checks.
//!
//! A function may still be at work, and a request under way, when another one looks at the same run. Two limits bound how long:
//! an invocation works for [`WORK`] at most whatever the function's timeout is, and a request takes effect within [`LATE`] of
//! being sent or never. Everything that waits for "nobody can be at work on this any more" follows from these two, so none of
//! it is a setting.

use std::time::Duration;

use crate::{Function, Queue};

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// How long dispatcher and observer work on a batch at most. An invocation ends its work earlier when the timeout of its function
/// is shorter, and no later when it is longer.
pub const WORK: Duration = seconds(60);

/// How long after it was sent a request to a Prefect server may still take effect (docs/guarantees.md, "Assumptions").
pub const LATE: Duration = seconds(50);

/// Room for the clocks of functions and server, and for messages that are early.
const ROOM: Duration = seconds(10);

/// How long a run waits that is handed back for the first time, with a Prefect server.
///
/// A second copy of the hand back must not come when the run has started anew: the server takes SCHEDULED after any state. The
/// function that sends it has read the run before the first copy took effect, at most [`LATE`] after that was sent. It goes on
/// for [`WORK`], and its last copy takes effect within [`LATE`] of that.
pub const HAND_BACK_DELAY: Duration = seconds(2 * LATE.as_secs() + WORK.as_secs() + 2 * ROOM.as_secs());

/// How long a run waits that is handed back for the first time, without a server: two copies are two messages of one attempt, and
/// its client token makes the launch single.
pub const STANDALONE_HAND_BACK_DELAY: Duration = seconds(10);

/// How long a claimed run may have no task: a dispatcher that has read the run works on for [`WORK`], and what it asked for
/// last takes effect within [`LATE`].
pub const CLAIM_GRACE: Duration = seconds(WORK.as_secs() + LATE.as_secs() + ROOM.as_secs());

/// How long a flow that runs has to cancel itself before its task is stopped.
pub const CANCEL_GRACE: Duration = seconds(60);

/// How long a task may outlive its claim on a run.
pub const ORPHAN_GRACE: Duration = seconds(300);

/// The schedule's tick. Schedules keep to the minute.
pub const TICK: Duration = seconds(60);

/// Time between polls. The poller adds the ticks between two of the schedule.
pub const POLL_INTERVAL: Duration = seconds(20);

/// After how long without a poll the server takes a queue for abandoned (prefect 3.9.1, `WORK_QUEUE_LAST_POLLED_TIMEOUT`).
pub const ABANDONED: Duration = seconds(60);

/// Time between passes of the reconciler.
pub const PASSES: Duration = seconds(300);

/// How long the lease of a deployment's concurrency slot lives. A pass renews those of runs whose tasks come up slowly.
pub const LEASE: Duration = seconds(300);

/// A queue's visibility timeout in timeouts of its function (Lambda developer guide, "Using Lambda with Amazon SQS").
pub const VISIBILITY_IN_TIMEOUTS: u32 = 6;

/// How long a received message is hidden, for a function with that timeout and a mapping with that batching window.
#[must_use]
pub fn visibility(timeout: Duration, window: Duration) -> Duration {
    VISIBILITY_IN_TIMEOUTS * timeout + window
}

/// Timings of an installation that its operator can choose, or that a loopback shortens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// Timeout of the function and visibility timeout, for each queue.
    pub queues: Vec<(Queue, Duration, Duration)>,
    /// How long a mapping waits for a batch to fill.
    pub window: Duration,
    /// A visibility timeout is at least so many timeouts.
    pub visibility_in_timeouts: u32,
    /// Time between polls.
    pub poll_interval: Duration,
    /// Time between passes of the reconciler.
    pub passes: Duration,
    /// How long a task may outlive its claim.
    pub orphan_grace: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        let of = |queue: Queue| {
            let timeout = queue.consumer().timeout();
            (queue, timeout, visibility(timeout, Duration::ZERO))
        };
        Self {
            queues: Queue::ALL.map(of).to_vec(),
            window: Duration::ZERO,
            visibility_in_timeouts: VISIBILITY_IN_TIMEOUTS,
            poll_interval: POLL_INTERVAL,
            passes: PASSES,
            orphan_grace: ORPHAN_GRACE,
        }
    }
}

impl Timings {
    /// The relations that do not hold, a sentence each.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut hold = |holds: bool, says: String| {
            if !holds {
                broken.push(says);
            }
        };
        for (queue, timeout, visibility) in &self.queues {
            let least = self.visibility_in_timeouts * *timeout + self.window;
            hold(
                *visibility >= least,
                format!(
                    "the visibility timeout of {queue} is {} s, less than {} times the timeout of the {} and the batching window \
                     ({} s): messages come again while they are handled",
                    visibility.as_secs(),
                    self.visibility_in_timeouts,
                    queue.consumer(),
                    least.as_secs()
                ),
            );
        }
        hold(
            self.poll_interval < ABANDONED,
            format!(
                "polls are {} s apart, and the server takes a queue for abandoned after {} s",
                self.poll_interval.as_secs(),
                ABANDONED.as_secs()
            ),
        );
        hold(
            self.passes <= LEASE,
            format!(
                "passes of the reconciler are {} s apart, and a lease lives for {} s",
                self.passes.as_secs(),
                LEASE.as_secs()
            ),
        );
        hold(
            self.orphan_grace >= CLAIM_GRACE,
            format!(
                "a task may outlive its claim for {} s, less than a dispatcher may be about to record it ({} s)",
                self.orphan_grace.as_secs(),
                CLAIM_GRACE.as_secs()
            ),
        );
        broken
    }
}

/// Whether a message of the dispatcher comes back before the reconciler gives its claim up, which it does after `redeliveries`
/// times [`CLAIM_GRACE`].
#[must_use]
pub fn comes_back_first(timeout: Duration, redeliveries: u32) -> bool {
    visibility(timeout, Duration::ZERO) < redeliveries * CLAIM_GRACE
}

// Of what no operator can choose.
const _: () = {
    assert!(
        HAND_BACK_DELAY.as_secs() > 2 * LATE.as_secs() + WORK.as_secs(),
        "a copy of a hand back could start a run again"
    );
    assert!(
        CLAIM_GRACE.as_secs() > WORK.as_secs() + LATE.as_secs(),
        "a dispatcher could still launch a run that is given up"
    );
    assert!(POLL_INTERVAL.as_secs() <= TICK.as_secs(), "the schedule ticks less often than polls are due");
    assert!(
        Function::Dispatcher.timeout().as_secs() <= WORK.as_secs()
            && Function::Observer.timeout().as_secs() <= WORK.as_secs()
    );
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_preset_fits_together() {
        assert_eq!(Timings::default().broken(), Vec::<String>::new());
        assert_eq!((HAND_BACK_DELAY, CLAIM_GRACE), (seconds(180), seconds(120)));
    }

    #[test]
    fn each_relation_is_named_that_does_not_hold() {
        type Change = fn(&mut Timings);
        let broken = |change: Change| {
            let mut timings = Timings::default();
            change(&mut timings);
            timings.broken()
        };
        let cases: [(Change, &str); 5] = [
            (|it| it.queues[1].2 = seconds(179), "visibility timeout of run is 179 s"),
            (|it| it.window = seconds(1), "visibility timeout of poll"),
            (|it| it.poll_interval = seconds(60), "polls are 60 s apart"),
            (|it| it.passes = seconds(301), "passes of the reconciler"),
            (|it| it.orphan_grace = seconds(119), "outlive its claim"),
        ];
        for (change, says) in cases {
            let broken = broken(change);
            assert!(broken.iter().any(|it| it.contains(says)), "{says} in {broken:?}");
        }
    }

    #[test]
    fn a_message_comes_back_before_its_claim_is_given_up() {
        assert!(comes_back_first(Function::Dispatcher.timeout(), 4));
        assert!(!comes_back_first(seconds(90), 4));
    }
}
