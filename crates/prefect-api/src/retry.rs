//! When a call is tried again, and after how long.
//!
//! The rules are those of Prefect's own client (prefect 3.8.8, `client/base.py`, `PrefectHttpxAsyncClient._send_with_retry`):
//! 408, 429, 502, 503 and broken connections are tried again, POST too. That is safe for proposals of states because each
//! carries a `transition_id`, by which the server knows a repeated one. Added: 500 and 504 answer a proxy's or a
//! database's trouble just as well, and a failed connection is tried again from the start. The sum of all waiting is
//! bounded, because a function has a deadline and the message that brought the work comes back anyway.

use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

use crate::transport::{Response, TransportError};

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Most tries of one call.
    pub tries: u32,
    /// Longest time all waiting of one call may take together.
    pub total: Duration,
    /// Wait before the second try; doubles from try to try.
    pub first: Duration,
}

/// How often a page is asked for that fails by itself.
const PAGE_TRIES: u32 = 2;

impl Patience {
    /// For functions: done or given up well before a timeout of 30 s.
    pub const FUNCTION: Self = Self { tries: 8, total: Duration::from_secs(15), first: Duration::from_millis(200) };

    /// For people: an answer soon, also if it is that nobody answers.
    pub const PERSON: Self = Self { tries: 5, total: Duration::from_secs(8), first: Duration::from_millis(200) };

    /// For many writes at once: a server on SQLite answers "busy" until it has caught up.
    pub const BULK: Self = Self { tries: 14, total: Duration::from_secs(90), first: Duration::from_millis(200) };

    /// For pages: a page that holds what the server cannot write fails each time (500), and one that is too large takes
    /// too long each time. The caller asks for less instead.
    pub(crate) fn wait_for_page(
        &self,
        tries: u32,
        waited: Duration,
        outcome: &Result<Response, TransportError>,
        now: Timestamp,
    ) -> Option<Duration> {
        let of_the_page =
            matches!(outcome, Ok(Response { status: 500, .. }) | Err(TransportError::Timeout)) && tries >= PAGE_TRIES;
        if of_the_page { None } else { self.wait(tries, waited, outcome, now) }
    }

    /// How long to wait after try number `tries` (from 1) ended like this; none if it was the last.
    pub(crate) fn wait(
        &self,
        tries: u32,
        waited: Duration,
        outcome: &Result<Response, TransportError>,
        now: Timestamp,
    ) -> Option<Duration> {
        if tries >= self.tries {
            return None;
        }
        let asked = match outcome {
            Ok(response) if is_passing(response.status) => {
                response.retry_after.as_deref().and_then(|header| retry_after(header, now))
            }
            Ok(_) | Err(TransportError::Setting(_) | TransportError::TooLarge(_)) => return None,
            Err(_) => None,
        };
        let backoff = self.first.saturating_mul(2_u32.saturating_pow(tries - 1)).min(Duration::from_secs(4));
        // Whoever asks for more than there is gets nothing; and it may be more than can be reckoned with.
        if asked.is_some_and(|asked| asked > self.total) {
            return None;
        }
        // At least what the server asks for; jitter so that those it turned away together do not come back together.
        let wait = match asked {
            Some(asked) => asked.mul_f64(1.0 + 0.2 * fastrand::f64()),
            None => backoff.mul_f64(0.5 + 0.5 * fastrand::f64()),
        };
        (waited + wait <= self.total).then_some(wait)
    }
}

fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = rfc2822::parse(header.trim()).ok()?.timestamp();
    Duration::try_from(date.duration_since(now)).ok().or(Some(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Response, TransportError> {
        Ok(Response { status, retry_after: retry_after.map(str::to_owned), body: Vec::new() })
    }

    fn wait(outcome: &Result<Response, TransportError>) -> Option<Duration> {
        Patience::FUNCTION.wait(1, Duration::ZERO, outcome, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_passes_is_tried_again_and_what_is_refused_is_not() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(wait(&answer(status, None)).is_some(), "{status}");
        }
        for status in [200, 201, 204, 400, 401, 404, 409, 422] {
            assert!(wait(&answer(status, None)).is_none(), "{status}");
        }
        assert!(wait(&Err(TransportError::Timeout)).is_some());
        assert!(wait(&Err(TransportError::Connect("x".into()))).is_some());
        assert!(wait(&Err(TransportError::Setting("x".into()))).is_none());
    }

    #[test]
    fn the_server_says_how_long_at_least() {
        for header in ["3", "3.0", "Thu, 01 Jan 2026 00:00:03 GMT"] {
            let wait = wait(&answer(429, Some(header))).unwrap();
            assert!(wait >= Duration::from_secs(3) && wait < Duration::from_secs(4), "{header}: {wait:?}");
        }
        assert_eq!(wait(&answer(429, Some("600"))), None, "longer than a function has");
        assert_eq!(wait(&answer(429, Some("18446744073709549568"))), None, "the longest time there is, and then some");
        assert_eq!(wait(&answer(503, Some("Wed, 31 Dec 2025 23:00:00 GMT"))), Some(Duration::ZERO));
    }

    #[test]
    fn patience_ends() {
        let busy = answer(503, None);
        let now = Timestamp::UNIX_EPOCH;
        assert!(Patience::FUNCTION.wait(Patience::FUNCTION.tries, Duration::ZERO, &busy, now).is_none());
        assert!(Patience::FUNCTION.wait(1, Patience::FUNCTION.total, &busy, now).is_none());
    }
}
