//! The times of one rule, in order: dateutil's loop over years, months, weeks, days or moments.
//!
//! Times are those of a clock, without a zone. Every step spends from a [`Budget`], because a rule may have no time at all, or
//! its first one after billions of steps.

use jiff::civil::{Date, DateTime, Time};

use super::{
    cursor::{Budget, Cursor},
    rule::Rule,
    text::Frequency,
    year::Year,
};

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
        let mut times = Self {
            rule,
            year: None,
            at: Cursor::new(rule.start),
            left: rule.count,
            floor: None,
            pending: Pending::default(),
            started: false,
            barren: 0,
        };
        if rule.count.is_none() {
            times.floor = from.date().yesterday().ok();
            times.at.jump(rule, from);
        }
        times.year = Year::new(rule, times.at.year, times.at.month);
        times
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
            if self.started && !self.step(budget) {
                self.year = None;
                return None;
            }
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
    fn step(&mut self, budget: &mut Budget) -> bool {
        let before = (self.at.year, self.at.month);
        let weekday = self.year.as_ref().map_or(0, |year| year.weekday(year.day(self.at.month, self.at.day)));
        if !self.at.step(self.rule, weekday, self.pending.days.is_empty(), budget) {
            return false;
        }
        if before != (self.at.year, self.at.month) {
            self.year = Year::new(self.rule, self.at.year, self.at.month);
        }
        self.year.is_some()
    }
}
