//! Several rules and single dates, joined in order and without the exceptions.

use jiff::civil::DateTime;

use super::{cursor::Budget, rule::Rule, times::Times};

/// Rules and dates in one order.
struct Merged<'a> {
    rules: Vec<(Times<'a>, Option<DateTime>)>,
    /// The last date first.
    dates: Vec<DateTime>,
    started: bool,
}

impl<'a> Merged<'a> {
    fn new(rules: &'a [Rule], mut dates: Vec<DateTime>, from: DateTime) -> Self {
        dates.sort_unstable_by(|a, b| b.cmp(a));
        Self { rules: rules.iter().map(|rule| (Times::new(rule, from), None)).collect(), dates, started: false }
    }

    fn next(&mut self, budget: &mut Budget) -> Option<DateTime> {
        if !self.started {
            self.started = true;
            for (times, next) in &mut self.rules {
                *next = times.next(budget);
            }
        }
        let earliest =
            self.rules.iter().enumerate().filter_map(|(index, (_, next))| Some((next.as_ref().copied()?, index)));
        match (earliest.min(), self.dates.last().copied()) {
            (Some((time, index)), date) if date.is_none_or(|date| time < date) => {
                let (times, next) = self.rules.get_mut(index)?;
                *next = times.next(budget);
                Some(time)
            }
            _ => self.dates.pop(),
        }
    }
}

/// The times of a recurrence, in order, each once.
pub(crate) struct Occurrences<'a> {
    times: Merged<'a>,
    exceptions: Merged<'a>,
    exception: Option<DateTime>,
    last: Option<DateTime>,
}

impl<'a> Occurrences<'a> {
    pub(super) fn new(
        rules: &'a [Rule],
        exrules: &'a [Rule],
        dates: Vec<DateTime>,
        exdates: Vec<DateTime>,
        from: DateTime,
    ) -> Self {
        Self {
            times: Merged::new(rules, dates, from),
            exceptions: Merged::new(exrules, exdates, from),
            exception: None,
            last: None,
        }
    }

    /// The next time; nothing at the end, or when the budget is spent.
    pub(crate) fn next(&mut self, budget: &mut Budget) -> Option<DateTime> {
        loop {
            let time = self.times.next(budget)?;
            if self.last == Some(time) {
                continue;
            }
            self.last = Some(time);
            while self.exception.is_none_or(|exception| exception < time) {
                match self.exceptions.next(budget) {
                    Some(exception) => self.exception = Some(exception),
                    None => break,
                }
            }
            if self.exception != Some(time) {
                return Some(time);
            }
        }
    }
}
