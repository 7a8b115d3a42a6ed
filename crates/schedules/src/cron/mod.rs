//! Cron expressions as croniter has them, which is the library inside Prefect's server.
//!
//! An expression has five fields, six (the sixth is seconds) or seven (the seventh is years). [`field`] turns the text into
//! the numbers that each field allows, [`search`] finds the next moment that all fields allow.

mod field;
mod search;

use jiff::civil::DateTime;

use self::field::Fields;

/// Longest expression that is read; the longest sensible one has a few hundred characters.
const MAX_LENGTH: usize = 2_000;

/// A cron expression.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    fields: Fields,
    /// Whether a day matches if the day of the month *or* the day of the week does.
    day_or: bool,
}

/// Whether the expression names seconds, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seconds {
    /// Five fields: the beginning of the minute.
    None,
    /// More fields, and every second of the minute.
    Every,
    /// More fields, and some seconds.
    Some,
}

impl Cron {
    /// Reads an expression. The error says which field is wrong and what it may hold.
    pub(crate) fn parse(text: &str, day_or: bool) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("longer than {MAX_LENGTH} characters"));
        }
        let fields = field::parse(text)?;
        Ok(Self { fields, day_or })
    }

    /// Which seconds it names.
    pub(crate) fn seconds(&self) -> Seconds {
        match &self.fields.second {
            None => Seconds::None,
            Some(set) if set.is_every() => Seconds::Every,
            Some(_) => Seconds::Some,
        }
    }

    /// Whether years are named.
    pub(crate) fn has_years(&self) -> bool {
        self.fields.year.as_ref().is_some_and(|years| !years.is_every())
    }

    /// The first moment after `now` that the expression allows; nothing if there is none in fifty years.
    pub(crate) fn after(&self, now: DateTime) -> Option<DateTime> {
        search::after(&self.fields, self.day_or, now)
    }
}
