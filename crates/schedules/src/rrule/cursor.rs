//! Where a rule stands, and the way to its next period.

use jiff::{ToSpan as _, civil::DateTime};

use super::{
    rule::{Rule, gcd},
    text::Frequency,
    year::{days_in_month, is_leap},
};

/// Where the calendar ends.
const LAST_YEAR: i64 = 9_999;

/// What a search may cost, shared by all rules of a recurrence.
pub(crate) struct Budget {
    left: u32,
}

impl Budget {
    pub(crate) fn new(steps: u32) -> Self {
        Self { left: steps }
    }

    /// Whether there was enough.
    pub(crate) fn spend(&mut self, steps: u32) -> bool {
        let enough = self.left >= steps;
        self.left = self.left.saturating_sub(steps);
        enough
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }
}

/// A moment in parts. Only those that the frequency of the rule counts in move.
pub(super) struct Cursor {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
}

impl Cursor {
    pub(super) fn new(at: DateTime) -> Self {
        Self {
            year: at.year().into(),
            month: at.month().into(),
            day: at.day().into(),
            hour: at.hour().into(),
            minute: at.minute().into(),
            second: at.second().into(),
        }
    }

    /// Moves whole intervals towards `from`, so far that one whole period before it is left.
    pub(super) fn jump(&mut self, rule: &Rule, from: DateTime) {
        let (start, interval) = (rule.start, rule.interval);
        let seconds = from.duration_since(start).as_secs();
        let whole = |distance: i64| whole((distance - interval).max(0), interval);
        match rule.freq {
            Frequency::Yearly => self.year += whole(i64::from(from.year()) - self.year),
            Frequency::Monthly => {
                let years = i64::from(from.year()) - self.year;
                let months = whole(years * 12 + i64::from(from.month()) - self.month) + self.month - 1;
                self.year += months / 12;
                self.month = months % 12 + 1;
            }
            Frequency::Weekly => self.jump_seconds(start, whole(seconds / 604_800) * 604_800),
            Frequency::Daily => self.jump_seconds(start, whole(seconds / 86_400) * 86_400),
            Frequency::Hourly => self.jump_seconds(start, whole(seconds / 3_600) * 3_600),
            Frequency::Minutely => self.jump_seconds(start, whole(seconds / 60) * 60),
            Frequency::Secondly => self.jump_seconds(start, whole(seconds)),
        }
    }

    fn jump_seconds(&mut self, start: DateTime, seconds: i64) {
        if let Ok(at) = start.checked_add(seconds.seconds()) {
            *self = Self::new(at);
        }
    }

    /// Goes to the next period. Whether there is one.
    ///
    /// `weekday` is the one of the present day, and `barren` whether no time of the day was allowed, so that the rest of it can
    /// be passed over.
    pub(super) fn step(&mut self, rule: &Rule, weekday: i64, barren: bool, budget: &mut Budget) -> bool {
        let interval = rule.interval;
        match rule.freq {
            Frequency::Yearly => {
                self.year += interval;
                return self.year <= LAST_YEAR;
            }
            Frequency::Monthly => {
                let months = self.month - 1 + interval;
                self.year += months / 12;
                self.month = months % 12 + 1;
                return self.year <= LAST_YEAR;
            }
            Frequency::Weekly => {
                // The first week begins at DTSTART, all others on WKST.
                self.day += interval * 7 - (weekday - rule.wkst).rem_euclid(7);
            }
            Frequency::Daily => self.day += interval,
            Frequency::Hourly => {
                if barren {
                    self.hour += whole(23 - self.hour, interval);
                }
                let Some((days, hour)) = advance(self.hour, interval, rule.byhour.as_deref(), 24, budget) else {
                    return false;
                };
                self.day += days;
                self.hour = hour;
            }
            Frequency::Minutely => {
                if barren {
                    self.minute += whole(1_439 - self.hour * 60 - self.minute, interval);
                }
                if !self.step_minutes(rule, budget) {
                    return false;
                }
            }
            Frequency::Secondly => {
                if barren {
                    let second = self.hour * 3_600 + self.minute * 60 + self.second;
                    self.second += whole(86_399 - second, interval);
                }
                if !self.step_seconds(rule, budget) {
                    return false;
                }
            }
        }
        self.carry_days()
    }

    fn step_minutes(&mut self, rule: &Rule, budget: &mut Budget) -> bool {
        for _ in 0..1_440 / gcd(rule.interval, 1_440) {
            let Some((hours, minute)) = advance(self.minute, rule.interval, rule.byminute.as_deref(), 60, budget)
            else {
                return false;
            };
            self.minute = minute;
            let hour = self.hour + hours;
            self.hour = hour % 24;
            self.day += hour / 24;
            if rule.byhour.as_ref().is_none_or(|hours| hours.contains(&self.hour)) {
                return true;
            }
            self.minute += whole(59 - self.minute, rule.interval);
        }
        false
    }

    fn step_seconds(&mut self, rule: &Rule, budget: &mut Budget) -> bool {
        for _ in 0..86_400 / gcd(rule.interval, 86_400) {
            let Some((minutes, second)) = advance(self.second, rule.interval, rule.bysecond.as_deref(), 60, budget)
            else {
                return false;
            };
            self.second = second;
            let minute = self.minute + minutes;
            self.minute = minute % 60;
            let hour = self.hour + minute / 60;
            self.hour = hour % 24;
            self.day += hour / 24;
            let fits = |part: &Option<Vec<i64>>, value| part.as_ref().is_none_or(|values| values.contains(&value));
            if !fits(&rule.byhour, self.hour) {
                self.second += whole(3_599 - self.minute * 60 - self.second, rule.interval);
            } else if !fits(&rule.byminute, self.minute) {
                self.second += whole(59 - self.second, rule.interval);
            } else {
                return true;
            }
        }
        false
    }

    /// Brings a day beyond the end of its month into the month that it belongs to.
    fn carry_days(&mut self) -> bool {
        loop {
            let days = days_in_month(is_leap(self.year), self.month);
            if self.day <= days {
                return true;
            }
            self.day -= days;
            self.month += 1;
            if self.month == 13 {
                self.month = 1;
                self.year += 1;
                if self.year > LAST_YEAR {
                    return false;
                }
            }
        }
    }
}

/// What of a distance is whole intervals.
fn whole(distance: i64, interval: i64) -> i64 {
    distance / interval * interval
}

/// The next value a whole number of intervals on that a part allows, and how often it went round.
fn advance(from: i64, interval: i64, allowed: Option<&[i64]>, base: i64, budget: &mut Budget) -> Option<(i64, i64)> {
    let mut value = from;
    let mut rounds = 0;
    for _ in 0..base {
        if !budget.spend(1) {
            return None;
        }
        rounds += (value + interval) / base;
        value = (value + interval) % base;
        if allowed.is_none_or(|allowed| allowed.contains(&value)) {
            return Some((rounds, value));
        }
    }
    None
}
