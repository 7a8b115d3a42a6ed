//! Intervals: lengths of time as pydantic reads them, and the times that lie whole intervals from an anchor.

use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime, tz::TimeZone};
use serde_json::Number;

use crate::NextError;

/// Longest interval: Python's `timedelta` ends there.
const MAX_DAYS: i128 = 999_999_999;
const TOO_LONG: &str = "longer than 999999999 days";
const DAY: i128 = 86_400_000_000;

/// How many times Prefect looks at before it gives up.
const MAX_ITERATIONS: usize = 1_000;

/// Steps over changes of the clock between the anchor and now; the years that a calendar holds have fewer.
const MAX_SEEK: usize = 100_000;

/// A length of time in microseconds, above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval(i128);

impl Interval {
    /// A number of seconds.
    pub(crate) fn from_number(number: &Number) -> Result<Self, String> {
        if let Some(seconds) = number.as_i64() {
            return Self::new(i128::from(seconds) * 1_000_000);
        }
        let seconds = number.as_f64().unwrap_or(f64::INFINITY);
        if !seconds.is_finite() || seconds.abs() > 1e15 {
            return Err(TOO_LONG.to_owned());
        }
        let fraction = (seconds.fract() * 1e6).round_ties_even();
        Self::new(seconds.trunc() as i128 * 1_000_000 + fraction as i128)
    }

    /// Seconds, `HH:MM:SS`, `1 day, 02:00:00` or ISO 8601, as pydantic reads a `timedelta`.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        if let Some(number) = text.trim().parse::<f64>().ok().and_then(Number::from_f64) {
            return Self::from_number(&number);
        }
        if let Some(advice) = calendar_unit(text) {
            return Err(advice.to_owned());
        }
        let duration = speedate::Duration::parse_str(text)
            .map_err(|_| "wanted seconds (3600), HH:MM:SS (01:00:00) or an ISO 8601 duration (PT1H)".to_owned())?;
        let micros =
            i128::from(duration.day) * DAY + i128::from(duration.second) * 1_000_000 + i128::from(duration.microsecond);
        Self::new(if duration.positive { micros } else { -micros })
    }

    /// The seconds of a stored schedule.
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        Self::from_number(&Number::from_f64(seconds)?).ok()
    }

    pub(crate) fn seconds(self) -> f64 {
        // Whole seconds are exact however many they are.
        if self.0 % 1_000_000 == 0 { (self.0 / 1_000_000) as f64 } else { self.0 as f64 / 1e6 }
    }

    fn new(micros: i128) -> Result<Self, String> {
        match micros {
            ..=0 => Err("wanted a length above 0".to_owned()),
            _ if micros / DAY > MAX_DAYS => Err(TOO_LONG.to_owned()),
            _ => Ok(Self(micros)),
        }
    }

    /// `1h 30m`, `2d`, `0.5s`.
    pub(crate) fn summary(self) -> String {
        let seconds = self.0 / 1_000_000;
        let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m")];
        let mut texts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
        let rest = (self.0 % 60_000_000) as f64 / 1e6;
        if rest > 0.0 {
            texts.push(format!("{rest}s"));
        }
        texts.join(" ")
    }
}

/// Months and years in an ISO 8601 duration: pydantic takes them for 30 and 365 days.
fn calendar_unit(text: &str) -> Option<&'static str> {
    let date = text.trim_start_matches(['+', '-']).strip_prefix('P')?.split('T').next()?;
    if date.contains('Y') {
        return Some("a year is not 365 days: use `rrule: FREQ=YEARLY`, or write the days (P365D)");
    }
    date.contains('M').then_some("a month is not 30 days: use `rrule: FREQ=MONTHLY`, or write the days (P30D)")
}

/// The next `n` times at or after `after`.
///
/// Whole days are counted by the clock of the zone and everything below by elapsed time, so that a daily schedule keeps its
/// hour when the clock changes.
pub(crate) fn next(
    interval: Interval,
    anchor: Timestamp,
    zone: &TimeZone,
    after: Timestamp,
    n: usize,
) -> Result<Vec<ZonedDateTime>, NextError> {
    let series = Series {
        total: interval.0,
        days: interval.0 / DAY,
        micros: interval.0 % DAY,
        anchor: anchor.to_zoned_datetime(zone.clone()),
    };
    let mut step = series.first(after)?;
    let mut times: Vec<ZonedDateTime> = Vec::new();
    for _ in 0..=MAX_ITERATIONS {
        if times.len() >= n {
            break;
        }
        if step.at.timestamp() >= after && times.last() != Some(&step.at) {
            times.push(step.at.clone());
        }
        match series.following(&step) {
            Some(later) => step = later,
            None => break,
        }
    }
    if times.is_empty() && n > 0 { Err(NextError::OutOfRange) } else { Ok(times) }
}

struct Series {
    total: i128,
    days: i128,
    micros: i128,
    anchor: ZonedDateTime,
}

/// One time of a series.
struct Step {
    at: ZonedDateTime,
    /// How many intervals before the anchor, if it is counted from there.
    before: Option<i128>,
}

impl Series {
    /// A time at or shortly before `after`.
    fn first(&self, after: Timestamp) -> Result<Step, NextError> {
        let utc = self.anchor.time_zone().iana_name() == Some("UTC");
        if after >= self.anchor.timestamp() && self.days != 0 && self.micros == 0 && !utc {
            return Ok(Step { at: self.seek(after)?, before: None });
        }
        let distance = i128::from(after.as_microsecond()) - i128::from(self.anchor.timestamp().as_microsecond());
        let mut count = distance / self.total;
        let mut at = self.jump(count).ok_or(NextError::OutOfRange)?;
        while at.timestamp() > after {
            count -= 1;
            at = self.jump(count).ok_or(NextError::OutOfRange)?;
        }
        let counted = after < self.anchor.timestamp() && self.days != 0 && self.micros == 0;
        Ok(Step { at, before: counted.then_some(count) })
    }

    fn following(&self, step: &Step) -> Option<Step> {
        match step.before {
            Some(count) if count < 0 => Some(Step { at: self.jump(count + 1)?, before: Some(count + 1) }),
            before => Some(Step { at: add(&step.at, self.days, self.micros)?, before }),
        }
    }

    /// The anchor and `count` intervals.
    fn jump(&self, count: i128) -> Option<ZonedDateTime> {
        if self.days == 0 || self.micros == 0 {
            add(&self.anchor, self.days.checked_mul(count)?, self.micros.checked_mul(count)?)
        } else {
            add(&self.anchor, 0, self.total.checked_mul(count)?)
        }
    }

    /// Goes over whole days from the anchor to the last time before `after` or the first one not before it.
    ///
    /// A time that the clock skips moves all later times of the series, so the way leads over each change of the clock; in
    /// between it is one addition.
    fn seek(&self, after: Timestamp) -> Result<ZonedDateTime, NextError> {
        let zone = self.anchor.time_zone();
        let mut current = self.anchor.clone();
        for _ in 0..MAX_SEEK {
            if current.timestamp() >= after {
                return Ok(current);
            }
            let change = zone.following(current.timestamp()).next().map(|change| change.timestamp());
            let boundary = change.filter(|change| *change < after).unwrap_or(after).to_zoned_datetime(zone.clone());
            let distance = boundary.date().duration_since(current.date()).as_hours() / 24;
            let count = (i128::from(distance).div_euclid(self.days) - 1).max(1);
            current = add(&current, self.days * count, 0).ok_or(NextError::OutOfRange)?;
        }
        Err(NextError::TooFar)
    }
}

fn add(at: &ZonedDateTime, days: i128, micros: i128) -> Option<ZonedDateTime> {
    let days = Span::new().try_days(i64::try_from(days).ok()?).ok()?;
    let moved = at.checked_add(days).ok()?;
    moved.checked_add(SignedDuration::from_micros(i64::try_from(micros).ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_pydantic_reads_them() {
        for (text, seconds) in [
            ("PT1H", 3600.0),
            ("1:30:00", 5400.0),
            ("01:30", 5400.0),
            ("1 day", 86400.0),
            ("1 days, 00:30:00", 88200.0),
            ("P1DT2H", 93600.0),
            ("P2W", 1_209_600.0),
            ("PT0.5S", 0.5),
            ("1d", 86400.0),
            ("+1 day 00:00:01", 86401.0),
            ("PT90M", 5400.0),
            ("00:00:30.5", 30.5),
            ("25:00:00", 90000.0),
            ("P1W2D", 777_600.0),
            ("P1.5D", 129_600.0),
            ("+PT1H", 3600.0),
            ("999999999 days", 86_399_999_913_600.0),
            ("90", 90.0),
            ("1.5", 1.5),
        ] {
            assert_eq!(Interval::from_text(text).map(Interval::seconds), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "P",
            "pt1h",
            "-PT5M",
            "PT1H30",
            " PT1H",
            "PT1H ",
            "00:60:00",
            "00:00",
            "1 day 2:00",
            "1h",
            "5 minutes",
            "P1M",
            "P1Y",
            "P1Y2M",
            "86400000000000",
            "nan",
            "inf",
            "-1",
            "0",
        ] {
            assert!(Interval::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_seconds_to_the_microsecond() {
        let read = |value: serde_json::Value| Interval::from_number(value.as_number().unwrap()).map(Interval::seconds);
        assert_eq!(read(60.into()), Ok(60.0));
        assert_eq!(read(1.000_001_4.into()), Ok(1.000_001));
        assert_eq!(read(0.000_001.into()), Ok(0.000_001));
        for refused in
            [serde_json::json!(0), (-5).into(), 0.000_000_1.into(), 1e15.into(), 1e300.into(), i64::MAX.into()]
        {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_length_is_summarised_in_units() {
        for (text, summary) in [("PT1H30M", "1h 30m"), ("P2D", "2d"), ("0.5", "0.5s"), ("90061", "1d 1h 1m 1s")] {
            assert_eq!(Interval::from_text(text).unwrap().summary(), summary);
        }
    }
}
