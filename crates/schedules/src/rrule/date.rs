//! Dates inside recurrence rules.

use jiff::civil::{Date, DateTime, Time};

/// A date of a rule: the digits of a clock, and whether they carry an offset. Prefect drops the offset and reads the digits
/// in the schedule's zone, yet checks that `DTSTART` and `UNTIL` both have one or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) at: DateTime,
    pub(crate) zoned: bool,
}

/// Reads `20260131T090000Z`, `20260131T090000`, `20260131` and the same with dashes and colons.
pub(crate) fn parse(text: &str) -> Option<Stamp> {
    if !text.is_ascii() || text.contains('.') {
        return None;
    }
    let (date, rest) = match text.split_once('T') {
        Some((date, rest)) => (date, rest),
        None => (text, ""),
    };
    let (time, zoned) = split_zone(rest)?;
    let (date, time) = if date.len() > 10 { date.split_at_checked(8)? } else { (date, time) };
    let date = parse_date(date)?;
    let time = if time.is_empty() && rest.is_empty() { Time::midnight() } else { parse_time(time)? };
    Some(Stamp { at: DateTime::from_parts(date, time), zoned })
}

fn split_zone(text: &str) -> Option<(&str, bool)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, true));
    }
    let Some((time, offset)) = text.split_once(['+', '-']) else { return Some((text, false)) };
    let digits = offset.replace(':', "");
    let fits = matches!(digits.len(), 2 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some((time, true))
}

fn parse_date(text: &str) -> Option<Date> {
    let digits = match text.len() {
        8 => text.to_owned(),
        10 => text.split('-').map(str::to_owned).collect::<Vec<_>>().concat(),
        _ => return None,
    };
    (digits.len() == 8).then_some(())?;
    Date::new(number(digits.get(..4)?)?, number(digits.get(4..6)?)?, number(digits.get(6..)?)?).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let digits = text.replace(':', "");
    if !matches!(digits.len(), 2 | 4 | 6) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), number);
    Time::new(number(digits.get(..2)?)?, part(2..4)?, part(4..6)?, 0).ok()
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_icalendar_and_of_iso_are_read() {
        for (text, at, zoned) in [
            ("20260131T090000Z", "2026-01-31T09:00:00", true),
            ("20260131T090000", "2026-01-31T09:00:00", false),
            ("20260131T0900", "2026-01-31T09:00:00", false),
            ("20260131", "2026-01-31T00:00:00", false),
            ("2026-01-31T09:00:00", "2026-01-31T09:00:00", false),
            ("2026-01-31T09:00:00+02:00", "2026-01-31T09:00:00", true),
            ("20260131090000", "2026-01-31T09:00:00", false),
        ] {
            assert_eq!(parse(text), Some(Stamp { at: at.parse().unwrap(), zoned }), "{text}");
        }
        for text in
            ["", "TOMORROW", "20260231", "20260131T250000", "2026-1-31", "20260131T09000", "Ü", "20260131T090000+X"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
