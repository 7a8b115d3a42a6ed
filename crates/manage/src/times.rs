//! Time spans in words, as verdicts and screens show them.

use jiff::Timestamp;

/// How long before `now`: "7 s", "5 min", "3 h", "2 days". A time to come counts as now.
#[must_use]
pub fn span(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// "7 s ago".
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(at, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let at = Timestamp::from_second(1_000_000_000).unwrap();
        for (seconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(at, Timestamp::from_second(1_000_000_000 + seconds).unwrap()), expected);
        }
    }
}
