//! The times of one rule, in order: dateutil's loop over years, months, weeks, days or moments.
//!
//! Times are those of a clock, without a zone. Every step spends from a [`Budget`], because a rule may have no time at all, or
//! its first one after billions of steps.

use jiff::{
    ToSpan as _,
    civil::{Date, DateTime, Time},
};

use super::{
    rule::{Rule, gcd},
    text::Frequency,
    year::Year,
};

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

/// Where a rule stands.
struct Cursor {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

/// The times of one period that are still to come.
#[derive(Default)]
struct Pending {
    /// Days of the year, each with every time of the day.
    days: Vec<i64>,
    hours: Vec<i64>,
    minutes: Vec<i64>,
    seconds: Vec<i64>,
    /// Which day and which of its times is next.
    next: (usize, usize),
    /// Picked by `BYSETPOS`, the last one first.
    picked: Vec<DateTime>,
}

impl Pending {
    fn times_a_day(&self) -> usize {
        self.hours.len() * self.minutes.len() * self.seconds.len()
    }

    fn time(&self, index: usize) -> Option<Time> {
        let (seconds, minutes) = (self.seconds.len(), self.minutes.len());
        let part = |values: &[i64], index: usize| i8::try_from(*values.get(index)?).ok();
        let hour = part(&self.hours, index / (seconds * minutes))?;
        Time::new(hour, part(&self.minutes, index / seconds % minutes)?, part(&self.seconds, index % seconds)?, 0).ok()
    }
}

/// An iterator over the times of a rule.
pub(crate) struct Times<'a> {
    rule: &'a Rule,
    /// Nothing after the last year.
    year: Option<Year>,
    at: Cursor,
    /// Whether a week has been stepped already; the first one begins at `DTSTART`, all others on `WKST`.
    in_step: bool,
    left: Option<i64>,
    /// Times before this day are of no interest. Only for rules without a count.
    floor: Option<Date>,
    pending: Pending,
    started: bool,
    /// Periods without a time since the last one.
    barren: u32,
}

impl<'a> Times<'a> {
    /// The times of a rule; without a count those long before `from` are jumped over.
    pub(crate) fn new(rule: &'a Rule, from: DateTime) -> Self {
        let start = rule.start;
        let mut times = Self {
            rule,
            year: None,
            at: Cursor {
                year: start.year().into(),
                month: start.month().into(),
                day: start.day().into(),
                hour: start.hour().into(),
                minute: start.minute().into(),
                second: start.second().into(),
            },
            in_step: false,
            left: rule.count,
            floor: None,
            pending: Pending::default(),
            started: false,
            barren: 0,
        };
        if rule.count.is_none() {
            times.floor = from.date().yesterday().ok();
            times.jump(from);
        }
        times.year = Year::new(rule, times.at.year, times.at.month);
        times
    }

    /// Moves whole intervals towards `from`, so far that one whole period before it is left.
    fn jump(&mut self, from: DateTime) {
        let (start, interval) = (self.rule.start, self.rule.interval);
        let seconds = from.duration_since(start).as_secs();
        let whole = |distance: i64| (distance / interval - 1).max(0) * interval;
        match self.rule.freq {
            Frequency::Yearly => self.at.year += whole(i64::from(from.year()) - self.at.year),
            Frequency::Monthly => {
                let years = i64::from(from.year()) - self.at.year;
                let months = whole(years * 12 + i64::from(from.month()) - self.at.month) + self.at.month - 1;
                self.at.year += months / 12;
                self.at.month = months % 12 + 1;
            }
            Frequency::Weekly => self.jump_seconds(whole(seconds / 604_800) * 604_800),
            Frequency::Daily => self.jump_seconds(whole(seconds / 86_400) * 86_400),
            Frequency::Hourly => self.jump_seconds(whole(seconds / 3_600) * 3_600),
            Frequency::Minutely => self.jump_seconds(whole(seconds / 60) * 60),
            Frequency::Secondly => self.jump_seconds(whole(seconds)),
        }
    }

    fn jump_seconds(&mut self, seconds: i64) {
        if let Ok(at) = self.rule.start.checked_add(seconds.seconds()) {
            self.at = Cursor {
                year: at.year().into(),
                month: at.month().into(),
                day: at.day().into(),
                hour: at.hour().into(),
                minute: at.minute().into(),
                second: at.second().into(),
            };
        }
    }

    /// The next time; nothing at the end of the rule or of the budget.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Option<DateTime> {
        loop {
            while let Some(time) = self.take() {
                if !budget.spend(1) || self.rule.until.is_some_and(|until| time > until) {
                    self.year = None;
                    return None;
                }
                self.barren = 0;
                if time < self.rule.start {
                    continue;
                }
                if let Some(left) = &mut self.left {
                    *left -= 1;
                    if *left < 0 {
                        self.year = None;
                        return None;
                    }
                }
                return Some(time);
            }
            if self.started && !self.step(self.pending.days.is_empty(), budget) {
                self.year = None;
            }
            self.year.as_ref()?;
            self.started = true;
            self.barren += 1;
            if self.barren > self.cycle() || !self.fill(budget) {
                self.year = None;
                return None;
            }
        }
    }

    /// The periods after which the calendar repeats itself, 400 years: a rule without a time in them has none.
    fn cycle(&self) -> u32 {
        match self.rule.freq {
            Frequency::Yearly => 400,
            Frequency::Monthly => 4_800,
            Frequency::Weekly => 20_871,
            _ => 146_097,
        }
    }

    /// The next time of this period.
    fn take(&mut self) -> Option<DateTime> {
        if !self.rule.bysetpos.is_empty() {
            return self.pending.picked.pop();
        }
        let year = self.year.as_ref()?;
        let pending = &mut self.pending;
        loop {
            let (day, index) = pending.next;
            let date = year.date(*pending.days.get(day)?)?;
            if index >= pending.times_a_day() || self.floor.is_some_and(|floor| date < floor) {
                pending.next = (day + 1, 0);
                continue;
            }
            pending.next.1 += 1;
            return Some(DateTime::from_parts(date, pending.time(index)?));
        }
    }

    /// Works out the times of the present period.
    fn fill(&mut self, budget: &mut Budget) -> bool {
        let Some(year) = &self.year else { return false };
        let rule = self.rule;
        let days = match rule.freq {
            Frequency::Yearly => 0..year.length,
            Frequency::Monthly => year.month(self.at.month),
            Frequency::Weekly => {
                let first = year.day(self.at.month, self.at.day);
                let rest = (rule.wkst - year.weekday(first) - 1).rem_euclid(7) + 1;
                first..first + rest
            }
            _ => {
                let day = year.day(self.at.month, self.at.day);
                day..day + 1
            }
        };
        if !budget.spend(u32::try_from(days.end - days.start).unwrap_or(u32::MAX)) {
            return false;
        }
        self.pending.days.clear();
        self.pending.days.extend(days.filter(|day| year.allows(rule, *day)));
        self.pending.next = (0, 0);
        self.fill_times();
        if !rule.bysetpos.is_empty() {
            self.pick();
        }
        true
    }

    /// The times of a day. From hours on, the parts above the frequency hold one value each: where the rule stands.
    fn fill_times(&mut self) {
        let (rule, at) = (self.rule, &self.at);
        let part = |values: &Option<Vec<i64>>, own: Frequency, now: i64| match values {
            Some(values) if rule.freq < own => values.clone(),
            Some(values) if !values.contains(&now) => Vec::new(),
            _ => vec![now],
        };
        self.pending.hours = part(&rule.byhour, Frequency::Hourly, at.hour);
        self.pending.minutes = part(&rule.byminute, Frequency::Minutely, at.minute);
        self.pending.seconds = part(&rule.bysecond, Frequency::Secondly, at.second);
    }

    /// `BYSETPOS`: positions among all times of the period.
    fn pick(&mut self) {
        self.pending.picked.clear();
        let (Some(year), Ok(times), Ok(days)) =
            (&self.year, i64::try_from(self.pending.times_a_day()), i64::try_from(self.pending.days.len()))
        else {
            return;
        };
        if times == 0 {
            return;
        }
        for position in &self.rule.bysetpos {
            let index = if *position < 0 { *position } else { position - 1 };
            let day = index.div_euclid(times);
            let day = usize::try_from(if day < 0 { day + days } else { day }).ok();
            let time = usize::try_from(index.rem_euclid(times)).ok();
            let date = day.and_then(|day| self.pending.days.get(day)).and_then(|day| year.date(*day));
            if let (Some(date), Some(time)) = (date, time.and_then(|time| self.pending.time(time))) {
                self.pending.picked.push(DateTime::from_parts(date, time));
            }
        }
        self.pending.picked.sort_unstable_by(|a, b| b.cmp(a));
        self.pending.picked.dedup();
    }

    /// Goes to the next period. Whether there is one.
    fn step(&mut self, filtered: bool, budget: &mut Budget) -> bool {
        let interval = self.rule.interval;
        match self.rule.freq {
            Frequency::Yearly => {
                self.at.year += interval;
                return self.rebuild();
            }
            Frequency::Monthly => {
                let months = self.at.month - 1 + interval;
                self.at.year += months / 12;
                self.at.month = months % 12 + 1;
                return self.rebuild();
            }
            Frequency::Weekly => {
                let back = if self.in_step { 0 } else { self.days_into_week() };
                self.in_step = true;
                self.at.day += interval * 7 - back;
            }
            Frequency::Daily => self.at.day += interval,
            Frequency::Hourly => {
                if filtered {
                    self.at.hour += (23 - self.at.hour) / interval * interval;
                }
                let Some((days, hour)) = advance(self.at.hour, interval, self.rule.byhour.as_deref(), 24, budget)
                else {
                    return false;
                };
                self.at.day += days;
                self.at.hour = hour;
            }
            Frequency::Minutely => {
                if filtered {
                    self.at.minute += (1_439 - self.at.hour * 60 - self.at.minute) / interval * interval;
                }
                if !self.step_minutes(budget) {
                    return false;
                }
            }
            Frequency::Secondly => {
                if filtered {
                    let second = self.at.hour * 3_600 + self.at.minute * 60 + self.at.second;
                    self.at.second += (86_399 - second) / interval * interval;
                }
                if !self.step_seconds(budget) {
                    return false;
                }
            }
        }
        self.carry_days()
    }

    fn days_into_week(&self) -> i64 {
        let weekday = self.year.as_ref().map_or(0, |year| year.weekday(year.day(self.at.month, self.at.day)));
        (weekday - self.rule.wkst).rem_euclid(7)
    }

    fn step_minutes(&mut self, budget: &mut Budget) -> bool {
        for _ in 0..1_440 / gcd(self.rule.interval, 1_440) {
            let Some((hours, minute)) =
                advance(self.at.minute, self.rule.interval, self.rule.byminute.as_deref(), 60, budget)
            else {
                return false;
            };
            self.at.minute = minute;
            let hour = self.at.hour + hours;
            self.at.hour = hour % 24;
            self.at.day += hour / 24;
            if self.rule.byhour.as_ref().is_none_or(|hours| hours.contains(&self.at.hour)) {
                return true;
            }
        }
        false
    }

    fn step_seconds(&mut self, budget: &mut Budget) -> bool {
        for _ in 0..86_400 / gcd(self.rule.interval, 86_400) {
            let Some((minutes, second)) =
                advance(self.at.second, self.rule.interval, self.rule.bysecond.as_deref(), 60, budget)
            else {
                return false;
            };
            self.at.second = second;
            let minute = self.at.minute + minutes;
            self.at.minute = minute % 60;
            let hour = self.at.hour + minute / 60;
            self.at.hour = hour % 24;
            self.at.day += hour / 24;
            let fits = |part: &Option<Vec<i64>>, value| part.as_ref().is_none_or(|values| values.contains(&value));
            if fits(&self.rule.byhour, self.at.hour) && fits(&self.rule.byminute, self.at.minute) {
                return true;
            }
        }
        false
    }

    /// Brings a day beyond the end of its month into the month that it belongs to.
    fn carry_days(&mut self) -> bool {
        let year = self.at.year;
        loop {
            let Some(days) = days_in_month(self.at.year, self.at.month) else { return false };
            if self.at.day <= days {
                break;
            }
            self.at.day -= days;
            self.at.month += 1;
            if self.at.month == 13 {
                self.at.month = 1;
                self.at.year += 1;
            }
        }
        year == self.at.year || self.rebuild()
    }

    fn rebuild(&mut self) -> bool {
        self.year = Year::new(self.rule, self.at.year, self.at.month);
        self.year.is_some()
    }
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

fn days_in_month(year: i64, month: i64) -> Option<i64> {
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    Some(first.days_in_month().into())
}
