//! Holds calls under the rate that an AWS token bucket refills with.
//!
//! RunTask on Fargate is limited to 20 calls a second for an account and region, burst and sustained (AWS Fargate
//! throttling quotas). A throttled call costs a hand back and another attempt, so it is cheaper to wait for a slot here.
//!
//! Why not a library: the well-kept ones (`governor`) read their own clock, and the launch protocol is proven on
//! tokio's paused one. The generic cell rate algorithm needs one instant of state.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Lets calls through at a steady rate, with a burst of half a second's worth.
#[derive(Debug)]
pub struct Pacer {
    interval: Duration,
    burst: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pacer {
    /// A pacer of `rate` calls a second; not finite or not above zero means no limit.
    #[must_use]
    pub fn per_second(rate: f64) -> Self {
        let interval =
            if rate.is_finite() && rate > 0.0 { Duration::from_secs_f64(1.0 / rate) } else { Duration::ZERO };
        // Two dispatchers (the event source mapping's maximum concurrency) then stay within one bucket of 20.
        Self { interval, burst: Duration::from_millis(500), next: Mutex::new(None) }
    }

    /// Waits until the next call may go out.
    pub async fn turn(&self) {
        if self.interval.is_zero() {
            return;
        }
        let slot = self.reserve(Instant::now());
        sleep_until(slot).await;
    }

    /// Moves all later calls away by `pause`: AWS has just said that the bucket is empty.
    pub fn back_off(&self, pause: Duration) {
        if self.interval.is_zero() {
            return;
        }
        let until = Instant::now() + pause + self.burst;
        let mut next = self.lock();
        *next = Some(next.map_or(until, |next| next.max(until)));
    }

    /// Takes the next slot: never earlier than `now`, `burst` early at most.
    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.lock();
        let theoretical = next.map_or(now, |next| next.max(now));
        *next = Some(theoretical + self.interval);
        theoretical.checked_sub(self.burst).map_or(now, |early| early.max(now))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // The guarded value is one instant, whole at every moment: a panic elsewhere cannot have left it half written.
        self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_lets_the_rate_and_the_burst_through() {
        let pacer = Pacer::per_second(20.0);
        let start = Instant::now();
        let mut within_a_second = 0;
        for _ in 0..60 {
            pacer.turn().await;
            if start.elapsed() < Duration::from_secs(1) {
                within_a_second += 1;
            }
        }
        // 20 a second, and half a second's worth of burst at the start.
        assert!((28..=31).contains(&within_a_second), "{within_a_second} calls in the first second");
        assert!(start.elapsed() >= Duration::from_millis(2_400), "60 calls took {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_moves_the_next_call_away() {
        let pacer = Pacer::per_second(20.0);
        pacer.turn().await;
        let start = Instant::now();
        pacer.back_off(Duration::from_secs(2));
        pacer.turn().await;
        assert!(start.elapsed() >= Duration::from_secs(2), "waited only {:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_is_no_limit() {
        let pacer = Pacer::per_second(0.0);
        let start = Instant::now();
        for _ in 0..1_000 {
            pacer.turn().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
