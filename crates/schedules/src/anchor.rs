//! Dates of `anchor_date`, and how the API writes a moment.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, ISOWeekDate, Time},
    fmt::temporal::DateTimeParser,
    tz::{Offset, TimeZone},
};

/// A moment with the offset that it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) timestamp: Timestamp,
    offset: Offset,
}

impl Moment {
    /// The moment in UTC, to the microsecond.
    pub(crate) fn utc(timestamp: Timestamp) -> Self {
        Self { timestamp: micros(timestamp), offset: Offset::UTC }
    }

    /// As the API writes it: `2026-01-01T00:00:00Z`, six digits if there are microseconds.
    pub(crate) fn to_wire(self) -> String {
        let local = self.offset.to_datetime(self.timestamp);
        let digits = if local.subsec_nanosecond() == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S.%6f" };
        let zone = if self.offset == Offset::UTC { "Z".to_owned() } else { offset_text(self.offset) };
        format!("{}{zone}", local.strftime(digits))
    }
}

fn offset_text(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// Reads a date or a date with time, ISO 8601; without an offset it is UTC, as Prefect has it.
pub(crate) fn parse(text: &str) -> Option<Moment> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    if !text.is_ascii() || text.contains(['[', 't', 'z']) || text.trim() != text {
        return None;
    }
    let text = if let Some(slashes) = plain_slashes(text) { slashes } else { text.to_owned() };
    if let Some((date, rest)) = text.split_once(['T', ' ']) {
        let date = parse_date(date)?;
        let (time, offset) = split_offset(rest)?;
        let time = parse_time(time, &PARSER)?;
        return moment(DateTime::from_parts(date, time), offset);
    }
    moment(DateTime::from_parts(parse_date(&text)?, Time::midnight()), Offset::UTC)
}

/// `2026/01/01` as `2026-01-01`.
fn plain_slashes(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    date.contains('/').then(|| format!("{}{rest}", date.replace('/', "-")))
}

/// A date: `2026-01-31`, `20260131`, `2026-01`, `2026`, `2026-W05-6`, `2026-031`.
fn parse_date(text: &str) -> Option<Date> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    if let Some((year, week)) = text.split_once("-W") {
        let week = if week.len() == 2 { format!("{year}-W{week}-1") } else { text.to_owned() };
        return week.parse::<ISOWeekDate>().ok().map(|week| week.date());
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let dashes = text.bytes().filter(|byte| *byte == b'-').count();
    if digits + dashes != text.len() {
        return None;
    }
    match (digits, dashes) {
        (4, 0) => Date::new(text.parse().ok()?, 1, 1).ok(),
        (6, 1) => PARSER.parse_date(format!("{text}-01")).ok(),
        (7, 1) => {
            let (year, day) = text.split_once('-')?;
            let first = Date::new(year.parse().ok()?, 1, 1).ok()?;
            first.with().day_of_year(day.parse().ok()?).build().ok()
        }
        (8, 0 | 2) => PARSER.parse_date(text).ok(),
        _ => None,
    }
}

/// A time: `09:30:00.5`, `09:30`, `0930`, `09`. Leap seconds are refused, as Prefect refuses them.
fn parse_time(text: &str, parser: &DateTimeParser) -> Option<Time> {
    if text.len() == 2 {
        return Time::new(text.parse().ok()?, 0, 0, 0).ok();
    }
    let second = text.replace(':', "");
    if second.get(4..6) == Some("60") {
        return None;
    }
    parser.parse_time(text).ok()
}

/// The time and its offset: `Z`, `+05:30`, `+0530`, `-05`, or none.
fn split_offset(text: &str) -> Option<(&str, Offset)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, Offset::UTC));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, Offset::UTC)) };
    let (time, offset) = text.split_at_checked(at)?;
    let digits: String = offset.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Some(0), |rest| rest.parse().ok())?;
    let seconds = (hours * 60 + minutes) * 60;
    let offset = Offset::from_seconds(if offset.starts_with('-') { -seconds } else { seconds }).ok()?;
    (hours < 24 && minutes < 60).then_some((time, offset))
}

fn moment(local: DateTime, offset: Offset) -> Option<Moment> {
    let timestamp = TimeZone::fixed(offset).to_timestamp(local).ok()?;
    (local.year() > 0).then_some(Moment { timestamp: micros(timestamp), offset })
}

/// Python's moments end at the microsecond.
fn micros(timestamp: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(timestamp.as_microsecond()).unwrap_or(timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written_as_prefect_does() {
        for (text, wire) in [
            ("2026-01-01", "2026-01-01T00:00:00Z"),
            ("2026-01-01 05:00", "2026-01-01T05:00:00Z"),
            ("2026-01-01T00:00:00-05:00", "2026-01-01T00:00:00-05:00"),
            ("2026-01-01T00:00:00+0530", "2026-01-01T00:00:00+05:30"),
            ("2026-01-01T00:00:00-05", "2026-01-01T00:00:00-05:00"),
            ("2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00.123456Z"),
            ("2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.500000Z"),
            ("20260101T000000Z", "2026-01-01T00:00:00Z"),
            ("20260101", "2026-01-01T00:00:00Z"),
            ("2026-W01-1", "2025-12-29T00:00:00Z"),
            ("2026-001", "2026-01-01T00:00:00Z"),
            ("2026-01", "2026-01-01T00:00:00Z"),
            ("2026", "2026-01-01T00:00:00Z"),
            ("2026-01-01T07", "2026-01-01T07:00:00Z"),
            ("2026/01/01", "2026-01-01T00:00:00Z"),
            ("0001-01-01", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text).map(Moment::to_wire).as_deref(), Some(wire), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday-ish",
            "now",
            "10:00",
            "P1D",
            "01/02/2026",
            "2026-1-1",
            "2026-02-30",
            "2026-01-01T24:00:00",
            "2026-01-01T23:59:60",
            " 2026-01-01",
            "2026-01-01T00:00:00 -05:00",
            "1767225600",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00[Europe/Paris]",
            "2026-01-01T00:00:00 Europe/Paris",
            "äöü",
            "2026-01-01T",
            "2026-W54-1",
            "-0001-01-01",
            "2026-13",
            "2026-367",
            "2026-01-01T00:00:00+99:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
