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

#[cfg(test)]
mod tests {
    use installation::{Preset, variables};

    use super::*;

    /// With the shortest delays, so that a run is started most often.
    #[test]
    fn a_run_starts_as_often_as_the_page_of_errors_says() {
        let Preset::Number(timeout) = variables::CAPACITY_TIMEOUT.preset else { panic!("it is a number of seconds") };
        let (mut waited, mut hand_backs) = (Duration::ZERO, 0);
        while may_wait(waited, hand_backs, Duration::from_secs_f64(timeout)) {
            let delays = std::iter::repeat_with(|| hand_back_delay(HAND_BACK_DELAY, hand_backs)).take(200);
            waited += Duration::from_secs(delays.min().unwrap().as_secs());
            hand_backs += 1;
        }
        let starts = format!("at most {} starts", hand_backs + 1);
        assert!(diagnosis::page().contains(&starts), "crates/diagnosis/src/page.rs has to say: {starts}");
    }
}
