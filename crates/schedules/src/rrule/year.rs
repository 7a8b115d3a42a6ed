//! The days of one year as a rule sees them: dateutil's masks.
//!
//! Days are counted from the first of January, and the first week of the next year is counted on, because a week may begin
//! in one year and end in the next.

use std::ops::Range;

use jiff::{ToSpan as _, civil::Date};

use super::{rule::Rule, text::Frequency};

/// One year, and in it the month that rules with numbered weekdays look at.
pub(super) struct Year {
    first: Date,
    pub(super) length: i64,
    next_length: i64,
    weeks: Option<Vec<bool>>,
    numbered: Option<Vec<bool>>,
    easter: Option<Vec<i64>>,
}

impl Year {
    /// Nothing after the year 9999.
    pub(super) fn new(rule: &Rule, year: i64, month: i64) -> Option<Self> {
        let first = Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
        let mut this = Self {
            first,
            length: i64::from(first.days_in_year()),
            next_length: if is_leap(year + 1) { 366 } else { 365 },
            weeks: None,
            numbered: None,
            easter: None,
        };
        this.weeks = rule.byweekno.as_ref().map(|numbers| this.weeks(numbers, rule.wkst));
        this.numbered = (!rule.bynweekday.is_empty()).then(|| this.numbered(rule, month)).flatten();
        this.easter = rule.byeaster.as_ref().map(|offsets| {
            let easter = easter(year) + first_of_month(&this, 3) - 1;
            offsets.iter().map(|offset| easter + offset).collect()
        });
        Some(this)
    }

    /// The date of a day.
    pub(super) fn date(&self, day: i64) -> Option<Date> {
        self.first.checked_add(day.days()).ok()
    }

    /// The day of a date of this year.
    pub(super) fn day(&self, month: i64, day: i64) -> i64 {
        first_of_month(self, month) + day - 1
    }

    /// The days of a month.
    pub(super) fn month(&self, month: i64) -> Range<i64> {
        let end = if month == 12 { self.length } else { first_of_month(self, month + 1) };
        first_of_month(self, month)..end
    }

    /// 0 for Monday.
    pub(super) fn weekday(&self, day: i64) -> i64 {
        (weekday(self.first) + day).rem_euclid(7)
    }

    /// Whether the parts that speak of days allow a day.
    pub(super) fn allows(&self, rule: &Rule, day: i64) -> bool {
        let (month, of_month) = self.in_month(day);
        let holds = |part: &Option<Vec<i64>>, value: i64| part.as_ref().is_none_or(|values| values.contains(&value));
        let mask = |mask: &Option<Vec<bool>>| {
            let index = usize::try_from(day).unwrap_or(usize::MAX);
            mask.as_ref().is_none_or(|mask| mask.get(index).copied().unwrap_or(false))
        };
        let from_end = of_month - days_in_month(self.length == 366, month) - 1;
        holds(&rule.bymonth, month)
            && mask(&self.weeks)
            && holds(&rule.byweekday, self.weekday(day))
            && mask(&self.numbered)
            && self.easter.as_ref().is_none_or(|days| days.contains(&day))
            && rule.bymonthday.as_ref().is_none_or(|days| days.contains(&of_month) || days.contains(&from_end))
            && rule.byyearday.as_ref().is_none_or(|days| self.in_year(day).iter().any(|day| days.contains(day)))
    }

    /// The month and the day of the month, both from 1. Days of the next year are in its January.
    fn in_month(&self, day: i64) -> (i64, i64) {
        if day >= self.length {
            return (1, day - self.length + 1);
        }
        // No month is longer than 31 days, so the quotient is the month or the one before it.
        let guess = day / 31 + 1;
        let month = if guess < 12 && first_of_month(self, guess + 1) <= day { guess + 1 } else { guess };
        (month, day - first_of_month(self, month) + 1)
    }

    /// A day counted from the beginning and from the end of its year.
    fn in_year(&self, day: i64) -> [i64; 2] {
        if day < self.length {
            [day + 1, day - self.length]
        } else {
            [day + 1 - self.length, day - self.length - self.next_length]
        }
    }

    /// The days in the weeks of `BYWEEKNO`, week 1 being the first with four days in the year.
    fn weeks(&self, numbers: &[i64], wkst: i64) -> Vec<bool> {
        let mut mask = vec![false; usize::try_from(self.length + 7).unwrap_or_default()];
        let first_start = (7 - weekday(self.first) + wkst).rem_euclid(7);
        let (start, days) = if first_start >= 4 {
            (0, self.length + (weekday(self.first) - wkst).rem_euclid(7))
        } else {
            (first_start, self.length - first_start)
        };
        let count = days / 7 + days % 7 / 4;
        let begin = |number: i64| {
            let shift = if start == first_start { 0 } else { 7 - first_start };
            if number > 1 { start + (number - 1) * 7 - shift } else { start }
        };
        for number in numbers {
            let number = if *number < 0 { number + count + 1 } else { *number };
            if (1..=count).contains(&number) {
                self.mark_week(&mut mask, begin(number), wkst);
            }
        }
        if numbers.contains(&1) && begin(count + 1) < self.length {
            self.mark_week(&mut mask, begin(count + 1), wkst);
        }
        if start > 0 && numbers.contains(&self.last_week_before(numbers, start, wkst)) {
            mask.iter_mut().take(usize::try_from(start).unwrap_or_default()).for_each(|day| *day = true);
        }
        mask
    }

    /// The number of the week that the days before week 1 belong to.
    fn last_week_before(&self, numbers: &[i64], start: i64, wkst: i64) -> i64 {
        if numbers.contains(&-1) {
            return -1;
        }
        let Some(before) = self.first.checked_sub(1.year()).ok() else { return 52 };
        let first_start = (7 - weekday(before) + wkst).rem_euclid(7);
        if first_start >= 4 {
            let length = i64::from(before.days_in_year());
            52 + (length + (weekday(before) - wkst).rem_euclid(7)) % 7 / 4
        } else {
            52 + (self.length - start) % 7 / 4
        }
    }

    /// From a day to the end of its week.
    fn mark_week(&self, mask: &mut [bool], from: i64, wkst: i64) {
        for day in from..from + 7 {
            if let Some(marked) = usize::try_from(day).ok().and_then(|day| mask.get_mut(day)) {
                *marked = true;
            }
            if self.weekday(day + 1) == wkst {
                break;
            }
        }
    }

    /// The days of numbered weekdays in the months or the year that they are counted in.
    fn numbered(&self, rule: &Rule, month: i64) -> Option<Vec<bool>> {
        let ranges: Vec<Range<i64>> = match (rule.freq, &rule.bymonth) {
            (Frequency::Yearly, Some(months)) => months.iter().map(|month| self.month(*month)).collect(),
            (Frequency::Yearly, None) => std::iter::once(0..self.length).collect(),
            (Frequency::Monthly, _) => std::iter::once(self.month(month)).collect(),
            _ => return None,
        };
        let mut mask = vec![false; usize::try_from(self.length).unwrap_or_default()];
        for range in ranges {
            for (wanted, which) in &rule.bynweekday {
                let day = if *which < 0 {
                    let day = range.end - 1 + (which + 1) * 7;
                    day - (self.weekday(day) - wanted).rem_euclid(7)
                } else {
                    let day = range.start + (which - 1) * 7;
                    day + (7 - self.weekday(day) + wanted).rem_euclid(7)
                };
                if range.contains(&day)
                    && let Some(marked) = usize::try_from(day).ok().and_then(|day| mask.get_mut(day))
                {
                    *marked = true;
                }
            }
        }
        Some(mask)
    }
}

fn first_of_month(year: &Year, month: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let index = usize::try_from(month - 1).unwrap_or_default();
    let leap = i64::from(month > 2 && year.length == 366);
    BEFORE.get(index).copied().unwrap_or_default() + leap
}

/// The length of a month, from 1.
pub(super) fn days_in_month(leap: bool, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn weekday(date: Date) -> i64 {
    i64::from(date.weekday().to_monday_zero_offset())
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Easter Sunday of the western churches, as a day of March counted from 1 (so 32 is the first of April).
fn easter(year: i64) -> i64 {
    let golden = year % 19;
    let century = year / 100;
    let moon = (century - century / 4 - (8 * century + 13) / 25 + 19 * golden + 15) % 30;
    let moon = moon - (moon / 28) * (1 - (moon / 28) * (29 / (moon + 1)) * ((21 - golden) / 11));
    let weekday = (year + year / 4 + moon + 2 - century + century / 4) % 7;
    28 + moon - weekday
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rrule::text;

    #[test]
    fn days_of_the_year_have_the_month_and_day_of_the_calendar() {
        for first in [2027, 2028] {
            let parts = text::parse("FREQ=DAILY").unwrap().rules.remove(0);
            let rule = Rule::new(&parts, jiff::civil::date(2020, 1, 1).at(0, 0, 0, 0)).unwrap();
            let year = Year::new(&rule, first, 1).unwrap();
            for day in 0..year.length + 7 {
                let date = year.date(day).unwrap();
                assert_eq!(year.in_month(day), (i64::from(date.month()), i64::from(date.day())), "{date}");
                assert_eq!(year.weekday(day), i64::from(date.weekday().to_monday_zero_offset()), "{date}");
            }
        }
    }

    #[test]
    fn easter_is_where_it_was() {
        for (year, day) in [(2024, 31), (2025, 31 + 20), (2026, 31 + 5), (2027, 28), (2038, 31 + 25), (2285, 22)] {
            assert_eq!(easter(year), day, "{year}");
        }
    }
}
