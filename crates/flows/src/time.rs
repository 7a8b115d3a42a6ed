//! Dates, times and durations, as Python makes them and as JSON shows them.

use jiff::{ToSpan, civil};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moment {
    Date(civil::Date),
    /// A time of day and its offset from UTC in seconds.
    Time(civil::Time, Option<i32>),
    Datetime(civil::DateTime, Option<i32>),
    /// In microseconds.
    Delta(i128),
    /// A time zone that is a fixed offset, in seconds.
    Zone(i32),
}

/// The units of `timedelta`, in microseconds, in the order of its parameters.
pub(crate) const UNITS: [(&str, i128); 7] = [
    ("days", 86_400_000_000),
    ("seconds", 1_000_000),
    ("microseconds", 1),
    ("milliseconds", 1_000),
    ("minutes", 60_000_000),
    ("hours", 3_600_000_000),
    ("weeks", 604_800_000_000),
];

/// Python's bound on a `timedelta`: 999999999 days.
const MAX_DELTA: i128 = 1_000_000_000 * 86_400_000_000;

impl Moment {
    pub(crate) fn delta(micros: i128) -> Option<Self> {
        (micros.abs() < MAX_DELTA).then_some(Self::Delta(micros))
    }

    /// The parts of a date, a time or both, as Python's constructors take them.
    pub(crate) fn date(year: i128, month: i128, day: i128) -> Option<civil::Date> {
        let date = civil::Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
        (date.year() > 0).then_some(date)
    }

    pub(crate) fn time(hour: i128, minute: i128, second: i128, micro: i128) -> Option<civil::Time> {
        if !(0..1_000_000).contains(&micro) || !(0..60).contains(&second) {
            return None;
        }
        let nanos = i32::try_from(micro * 1000).ok()?;
        civil::Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, nanos).ok()
    }

    /// `self + micros`.
    pub(crate) fn plus(self, micros: i128) -> Option<Self> {
        let micros64 = i64::try_from(micros).ok()?;
        match self {
            Self::Date(date) => {
                let days = micros.div_euclid(UNITS[0].1);
                let date = date.checked_add(i64::try_from(days).ok()?.days()).ok()?;
                (date.year() > 0).then_some(Self::Date(date))
            }
            Self::Datetime(datetime, offset) => {
                let sum = datetime.checked_add(micros64.microseconds()).ok()?;
                (sum.year() > 0).then_some(Self::Datetime(sum, offset))
            }
            Self::Delta(delta) => Self::delta(delta + micros),
            Self::Time(..) | Self::Zone(_) => None,
        }
    }

    /// As pydantic writes it; a time zone has no JSON.
    pub(crate) fn json(&self) -> Option<String> {
        match self {
            Self::Date(date) => Some(date.to_string()),
            Self::Time(time, offset) => Some(format!("{}{}", clock(*time), shift(*offset)?)),
            Self::Datetime(datetime, offset) => {
                Some(format!("{}T{}{}", datetime.date(), clock(datetime.time()), shift(*offset)?))
            }
            Self::Delta(micros) => Some(duration(*micros)),
            Self::Zone(_) => None,
        }
    }
}

fn clock(time: civil::Time) -> String {
    let text = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.subsec_nanosecond() / 1000 {
        0 => text,
        micros => format!("{text}.{micros:06}"),
    }
}

/// Offsets with seconds have no form that pydantic and Python agree on.
fn shift(offset: Option<i32>) -> Option<String> {
    match offset {
        None => Some(String::new()),
        Some(0) => Some("Z".to_owned()),
        Some(seconds) if seconds % 60 != 0 => None,
        Some(seconds) => {
            let sign = if seconds < 0 { '-' } else { '+' };
            let minutes = seconds.abs() / 60;
            Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
        }
    }
}

/// An ISO 8601 duration with years of 365 days.
fn duration(micros: i128) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.abs();
    let (days, rest) = (micros / UNITS[0].1, micros % UNITS[0].1);
    let (years, days) = (days / 365, days % 365);
    let (seconds, micros) = (rest / 1_000_000, rest % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);

    let part = |value: i128, unit: char| if value == 0 { String::new() } else { format!("{value}{unit}") };
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}").trim_end_matches('0').to_owned() };
    let seconds = if seconds == 0 && micros == 0 { String::new() } else { format!("{seconds}{fraction}S") };
    let date = format!("{}{}", part(years, 'Y'), part(days, 'D'));
    let time = format!("{}{}{seconds}", part(hours, 'H'), part(minutes, 'M'));
    match (date.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".to_owned(),
        (_, true) => format!("{sign}P{date}"),
        _ => format!("{sign}P{date}T{time}"),
    }
}
