//! How long a run waits that is handed back, and how often it is.

use std::time::Duration;

pub use installation::timing::HAND_BACK_DELAY;

/// How often a run is handed back however long it has waited already: an outage or a backlog must not use up the time in
/// which a passing trouble passes.
const FEWEST_HAND_BACKS: u32 = 2;

/// Whether a run that could not be started for a passing reason is handed back once more. Zero allows no waiting.
pub(crate) fn may_wait(waited: Duration, hand_backs: u32, capacity_timeout: Duration) -> bool {
    !capacity_timeout.is_zero() && (waited < capacity_timeout || hand_backs < FEWEST_HAND_BACKS)
}

/// What the first delay is, doubling to four minutes, and up to half of that on top, so that runs do not come back together.
pub(crate) fn hand_back_delay(first: Duration, hand_backs: u32) -> Duration {
    let longest = Duration::from_secs(240).max(first);
    let delay = first.saturating_mul(1 << hand_backs.min(16)).min(longest);
    delay.mul_f64(1.0 + 0.5 * fastrand::f64())
}
