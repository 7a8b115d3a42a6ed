//! The times that several use cases count with.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// No new work is taken this long before the function's deadline.
pub(crate) const RESERVE: Duration = Duration::from_secs(2);

/// When to stop, for a function that ends at `deadline`.
pub(crate) fn stop_before(deadline: Instant) -> Instant {
    deadline.checked_sub(RESERVE).unwrap_or(deadline)
}

/// From one moment to another; nothing if it is the other way round.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
