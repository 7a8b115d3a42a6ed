//! The clock of the shells. Engines have none: they are told the time.
//!
//! Wall-clock milliseconds that advance with tokio's timer, so that a test with paused time (`tokio::time::pause`)
//! moves visibility timeouts, delays and task lives along with its sleeps, and so that a correction of the machine's
//! clock never makes a deadline jump.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::{Duration, Instant};

/// Milliseconds since 1970-01-01T00:00:00Z, the unit of every time an engine sees.
pub type Millis = u64;

/// Wall-clock time as of its creation plus what tokio's timer says has passed since.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Millis,
    started: Instant,
}

impl Clock {
    /// A clock that shows the present time.
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { epoch: millis(since_epoch), started: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Millis {
        self.epoch + millis(self.started.elapsed())
    }

    /// The instant of the timer at which [`Clock::now`] shows `at`; the present if that has passed.
    pub fn instant(&self, at: Millis) -> Instant {
        self.started + Duration::from_millis(at.saturating_sub(self.epoch))
    }

    /// Waits until the clock shows `at`.
    pub async fn sleep_until(&self, at: Millis) {
        tokio::time::sleep_until(self.instant(at)).await;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
