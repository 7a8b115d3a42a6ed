//! Recurrence rules as dateutil has them, which is the library inside Prefect's server.
//!
//! [`text`] takes a rule apart, [`rule`] fills in what it leaves to `DTSTART`, [`times`] runs one rule from period to period
//! ([`cursor`]) over the days of a [`year`], and [`set`] joins several with single dates and exceptions. All of them work with the times of a clock; the schedule's zone is applied at
//! the end, because Prefect drops every zone and offset that a rule names.

mod cursor;
mod date;
mod rule;
mod set;
mod text;
mod times;
mod year;

use jiff::{
    Timestamp, ToSpan as _,
    civil::{DateTime, date},
    tz::TimeZone,
};

use self::{
    rule::Rule,
    text::{Frequency, Lines, Parts},
};

pub(crate) use self::{cursor::Budget, set::Occurrences};

/// Longest rule that Prefect takes, `DTSTART` included.
pub(crate) const MAX_LENGTH: usize = 6_500;

/// Steps that a search may take.
const STEPS: u32 = 500_000;

/// Steps to find out whether a rule is over; one that takes longer counts as not over.
const QUICK: u32 = 50_000;

/// Where rules without `DTSTART` begin.
const START: DateTime = date(2020, 1, 1).at(0, 0, 0, 0);

/// A rule or a set of rules.
#[derive(Clone, Debug)]
pub(crate) struct Recurrence {
    rules: Vec<Rule>,
    exrules: Vec<Rule>,
    dates: Vec<DateTime>,
    exdates: Vec<DateTime>,
    has_start: bool,
    /// `UNTIL` with an offset and no `DTSTART`: Prefect stores such a rule, and its scheduler fails on it.
    fails: bool,
    is_set: bool,
}

impl Recurrence {
    /// Reads a rule. The error says which part is wrong and what it may hold.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if length > MAX_LENGTH {
            return Err(too_long(length));
        }
        let lines = text::parse(text)?;
        let has_start = text.to_uppercase().contains("DTSTART");
        let fails = Self::check_until(&lines)?;
        let start = lines.dtstart.map_or(START, |start| start.at);
        let fill = |rules: &[Parts]| rules.iter().map(|parts| Rule::new(parts, start)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            rules: fill(&lines.rules)?,
            exrules: fill(&lines.exrules)?,
            dates: lines.rdates.iter().map(|stamp| stamp.at).collect(),
            exdates: lines.exdates.iter().map(|stamp| stamp.at).collect(),
            has_start,
            fails,
            is_set: lines.is_set,
        })
    }

    /// Whether some `UNTIL` has an offset while `DTSTART` is missing; an error if it is there and differs.
    fn check_until(lines: &Lines) -> Result<bool, String> {
        let zoned: Vec<bool> =
            lines.rules.iter().chain(&lines.exrules).filter_map(|rule| Some(rule.until?.zoned)).collect();
        match lines.dtstart {
            None => Ok(zoned.contains(&true)),
            Some(start) if zoned.contains(&!start.zoned) => {
                Err("UNTIL and DTSTART both end in Z, or neither does: their digits are read in `timezone`".to_owned())
            }
            Some(_) => Ok(false),
        }
    }

    /// Whether the text names a `DTSTART`.
    pub(crate) fn has_start(&self) -> bool {
        self.has_start
    }

    /// Whether Prefect's scheduler fails on it.
    pub(crate) fn fails(&self) -> bool {
        self.fails
    }

    /// The text that Prefect stores: with a `DTSTART` line. Rules of minutes and seconds without a count begin at the last
    /// whole interval before `now`, so that the scheduler does not run through years of them.
    pub(crate) fn anchored(&self, text: &str, zone: &TimeZone, now: Timestamp) -> Result<String, String> {
        if self.has_start || self.fails {
            return Ok(text.to_owned());
        }
        let start = self.period().map_or(START, |period| {
            let elapsed = zone.to_datetime(now).duration_since(START).as_secs().max(0);
            START.checked_add((elapsed / period * period).seconds()).unwrap_or(START)
        });
        let anchored = format!("DTSTART:{}\n{text}", start.strftime("%Y%m%dT%H%M%S"));
        let length = anchored.chars().count();
        if length > MAX_LENGTH { Err(too_long(length)) } else { Ok(anchored) }
    }

    /// Whether a stored `DTSTART` has the same times as the one that [`Recurrence::anchored`] would choose.
    pub(crate) fn is_in_phase(&self, start: DateTime) -> bool {
        match self.period() {
            None => start == START,
            Some(period) => start.duration_since(START).as_secs().rem_euclid(period) == 0,
        }
    }

    /// The seconds of one interval, for a single rule of minutes or seconds without a count.
    fn period(&self) -> Option<i64> {
        let [rule] = &self.rules[..] else { return None };
        let unit = match rule.freq {
            Frequency::Minutely => 60,
            Frequency::Secondly => 1,
            _ => return None,
        };
        (!self.is_set && rule.count.is_none()).then(|| rule.interval * unit)
    }

    /// The times from about `from` on; earlier ones may be among them.
    pub(crate) fn times(&self, from: DateTime) -> Occurrences<'_> {
        Occurrences::new(&self.rules, &self.exrules, self.dates.clone(), self.exdates.clone(), from)
    }

    /// Whether it has any time at all; nothing if that takes too long to find out.
    pub(crate) fn has_times(&self) -> Option<bool> {
        let mut budget = Budget::new(STEPS);
        let starts = self.rules.iter().map(|rule| rule.start).chain(self.dates.iter().copied());
        let Some(first) = starts.min() else { return Some(false) };
        let found = self.times(first).next(&mut budget).is_some();
        if found || !budget.is_spent() { Some(found) } else { None }
    }

    /// What a search for the next times may cost.
    pub(crate) fn budget() -> Budget {
        Budget::new(STEPS)
    }

    /// What a look at whether there is a next time may cost.
    pub(crate) fn quick_budget() -> Budget {
        Budget::new(QUICK)
    }
}

fn too_long(length: usize) -> String {
    format!("{length} characters with DTSTART, at most {MAX_LENGTH} are allowed")
}
