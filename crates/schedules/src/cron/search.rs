//! The next moment that all fields of a cron expression allow, found as croniter finds it.
//!
//! The search is croniter's, step for step, and not a better one: with `1,30` as days it goes from the second of February
//! over the first of March to the thirtieth, and so does the server's scheduler.

use jiff::{
    ToSpan as _,
    civil::{Date, DateTime, Weekday},
};

use super::field::{Fields, Set};

/// After this many years without a match croniter gives up.
const YEARS: i16 = 50;

/// The first moment after `now`; nothing if there is none within [`YEARS`].
pub(super) fn after(fields: &Fields, day_or: bool, now: DateTime) -> Option<DateTime> {
    if !day_or || fields.day.is_every() || fields.weekday.is_every() {
        return Search { fields, any_day: false, any_weekday: false }.run(now);
    }
    // Both searches have to succeed: croniter raises if one fails.
    let by_day = Search { fields, any_day: false, any_weekday: true }.run(now)?;
    let by_weekday = Search { fields, any_day: true, any_weekday: false }.run(now)?;
    Some(by_day.min(by_weekday))
}

struct Search<'a> {
    fields: &'a Fields,
    any_day: bool,
    any_weekday: bool,
}

/// What one field makes of a moment.
enum Step {
    Fits,
    /// The earliest moment at which this field may fit.
    Skip(DateTime),
}

impl Search<'_> {
    fn run(&self, now: DateTime) -> Option<DateTime> {
        let offset = if self.fields.second.is_some() { 1 } else { 60 };
        let mut at = whole_second(now).checked_add(offset.seconds()).ok()?;
        let limit = at.year().saturating_add(YEARS);
        let tests = [Self::year, Self::month, Self::day, Self::weekday, Self::hour, Self::minute, Self::second];
        'moments: while at.year() <= limit {
            for test in tests {
                if let Step::Skip(later) = test(self, at)? {
                    at = later;
                    continue 'moments;
                }
            }
            return Some(if self.fields.second.is_some() { at } else { at.with().second(0).build().ok()? });
        }
        None
    }

    fn year(&self, at: DateTime) -> Option<Step> {
        let Some(years) = self.fields.year.as_ref().filter(|years| !years.is_every()) else { return Some(Step::Fits) };
        let year = years.numbers.iter().find(|year| **year >= i32::from(at.year()))?;
        if *year == i32::from(at.year()) {
            return Some(Step::Fits);
        }
        Some(Step::Skip(Date::new(i16::try_from(*year).ok()?, 1, 1).ok()?.into()))
    }

    fn month(&self, at: DateTime) -> Option<Step> {
        let months = distance(&self.fields.month, i32::from(at.month()), 12);
        if months == 0 {
            return Some(Step::Fits);
        }
        Some(Step::Skip(at.date().first_of_month().checked_add(months.months()).ok()?.into()))
    }

    fn day(&self, at: DateTime) -> Option<Step> {
        let days = i32::from(at.days_in_month());
        if self.any_day || self.fields.day.last && i32::from(at.day()) == days {
            return Some(Step::Fits);
        }
        skip_days(at, distance(&self.fields.day, i32::from(at.day()), days))
    }

    fn weekday(&self, at: DateTime) -> Option<Step> {
        if !self.fields.nth.is_empty() {
            let today = i32::from(at.day());
            let next_month = i32::from(at.days_in_month()) + 1;
            let next = self.nth_days(at.date()).filter(|day| *day >= today).min().unwrap_or(next_month);
            return skip_days(at, next - today);
        }
        if self.any_weekday {
            return Some(Step::Fits);
        }
        skip_days(at, distance(&self.fields.weekday, i32::from(at.weekday().to_sunday_zero_offset()), 7))
    }

    /// The days of a month that `mon#2` and `l5` name.
    fn nth_days(&self, date: Date) -> impl Iterator<Item = i32> {
        self.fields.nth.iter().filter_map(move |(weekday, which)| {
            let weekday = Weekday::from_sunday_zero_offset(i8::try_from(*weekday).ok()?).ok()?;
            let which = if *which == 0 { -1 } else { i8::try_from(*which).ok()? };
            Some(i32::from(date.nth_weekday_of_month(which, weekday).ok()?.day()))
        })
    }

    fn hour(&self, at: DateTime) -> Option<Step> {
        match distance(&self.fields.hour, i32::from(at.hour()), 24) {
            0 => Some(Step::Fits),
            hours => {
                let hour = at.with().minute(0).second(0).build().ok()?;
                Some(Step::Skip(hour.checked_add(hours.hours()).ok()?))
            }
        }
    }

    fn minute(&self, at: DateTime) -> Option<Step> {
        match distance(&self.fields.minute, i32::from(at.minute()), 60) {
            0 => Some(Step::Fits),
            minutes => Some(Step::Skip(at.with().second(0).build().ok()?.checked_add(minutes.minutes()).ok()?)),
        }
    }

    fn second(&self, at: DateTime) -> Option<Step> {
        let Some(seconds) = &self.fields.second else { return Some(Step::Fits) };
        match distance(seconds, i32::from(at.second()), 60) {
            0 => Some(Step::Fits),
            seconds => Some(Step::Skip(at.checked_add(seconds.seconds()).ok()?)),
        }
    }
}

/// How far it is from `from` to the next number of a set; past the end it goes on at the first number.
fn distance(set: &Set, from: i32, length: i32) -> i32 {
    if set.is_every() {
        return 0;
    }
    let last = set.last.then_some(length);
    match set.numbers.iter().copied().chain(last).find(|number| *number >= from) {
        Some(number) => number - from,
        None => set.numbers.first().map_or(0, |first| first - from + length),
    }
}

fn skip_days(at: DateTime, days: i32) -> Option<Step> {
    if days == 0 {
        return Some(Step::Fits);
    }
    Some(Step::Skip(at.date().checked_add(days.days()).ok()?.into()))
}

fn whole_second(at: DateTime) -> DateTime {
    at.with().subsec_nanosecond(0).build().unwrap_or(at)
}
