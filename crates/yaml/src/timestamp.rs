//! Dates and times, as YAML 1.1 writes them and as pydantic does.

use std::fmt::Write as _;

/// Whether a plain word is read as a date or a time.
pub(crate) fn is_timestamp(word: &str) -> bool {
    parse(word).is_some_and(|time| time.clock.is_some() || word.len() == "2026-01-01".len())
}

/// A date or time in ISO 8601, or nothing if it is none or does not exist, as the 30th of February does not.
pub(crate) fn iso(word: &str) -> Option<String> {
    let time = parse(word)?;
    if !(1..=12).contains(&time.month) || !(1..=days_of(time.year, time.month)).contains(&time.day) || time.year == 0 {
        return None;
    }
    let mut text = format!("{:04}-{:02}-{:02}", time.year, time.month, time.day);
    let Some(clock) = time.clock else { return Some(text) };
    if clock.hour > 23 || clock.minute > 59 || clock.second > 59 {
        return None;
    }
    let _ = write!(text, "T{:02}:{:02}:{:02}", clock.hour, clock.minute, clock.second);
    if clock.microsecond > 0 {
        let _ = write!(text, ".{:06}", clock.microsecond);
    }
    if let Some(offset) = clock.offset {
        if offset.abs() >= 24 * 60 {
            return None;
        }
        if offset == 0 {
            text.push('Z');
            return Some(text);
        }
        let sign = if offset < 0 { '-' } else { '+' };
        let _ = write!(text, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60);
    }
    Some(text)
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

struct Timestamp {
    year: u32,
    month: u32,
    day: u32,
    clock: Option<Clock>,
}

struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    microsecond: u32,
    /// Minutes east of Greenwich.
    offset: Option<i32>,
}

fn parse(word: &str) -> Option<Timestamp> {
    let mut rest = Rest(word);
    let year = rest.number(4, 4)?;
    rest.literal("-")?;
    let month = rest.number(1, 2)?;
    rest.literal("-")?;
    let day = rest.number(1, 2)?;
    let clock = if rest.0.is_empty() { None } else { Some(clock(&mut rest)?) };
    rest.0.is_empty().then_some(Timestamp { year, month, day, clock })
}

fn clock(rest: &mut Rest<'_>) -> Option<Clock> {
    if !rest.one_of(&['T', 't']) && !rest.blanks() {
        return None;
    }
    let hour = rest.number(1, 2)?;
    rest.literal(":")?;
    let minute = rest.number(2, 2)?;
    rest.literal(":")?;
    let second = rest.number(2, 2)?;
    let microsecond = if rest.one_of(&['.']) { rest.microseconds() } else { 0 };
    let offset = offset(rest)?;
    Some(Clock { hour, minute, second, microsecond, offset })
}

/// The inner nothing is a time without an offset.
fn offset(rest: &mut Rest<'_>) -> Option<Option<i32>> {
    if rest.0.is_empty() {
        return Some(None);
    }
    rest.blanks();
    if rest.one_of(&['Z']) {
        return Some(Some(0));
    }
    let sign = if rest.one_of(&['-']) {
        -1
    } else {
        rest.literal("+")?;
        1
    };
    let hours = rest.number(1, 2)?;
    let minutes = if rest.one_of(&[':']) { rest.number(2, 2)? } else { 0 };
    Some(Some(sign * i32::try_from(hours * 60 + minutes).ok()?))
}

/// What is left to read of a word.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    fn one_of(&mut self, letters: &[char]) -> bool {
        let rest = self.0.strip_prefix(letters);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn blanks(&mut self) -> bool {
        let rest = self.0.trim_start_matches([' ', '\t']);
        let is_some = rest.len() < self.0.len();
        self.0 = rest;
        is_some
    }

    /// Any number of digits, the first six of which count.
    fn microseconds(&mut self) -> u32 {
        let end = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        let digits = &digits[..digits.len().min(6)];
        format!("{digits:0<6}").parse().unwrap_or(0)
    }
}
