//! One rule with everything that its text leaves to `DTSTART` filled in.

use jiff::civil::DateTime;

use super::text::{Frequency, Parts};

/// The numbers that one part allows; nothing if the text does not have the part.
type Part = Option<Vec<i64>>;

/// A rule that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) start: DateTime,
    pub(crate) freq: Frequency,
    pub(crate) interval: i64,
    pub(crate) count: Option<i64>,
    pub(crate) until: Option<DateTime>,
    pub(crate) wkst: i64,
    pub(crate) bysetpos: Vec<i64>,
    pub(crate) bymonth: Part,
    pub(crate) bymonthday: Part,
    pub(crate) byyearday: Part,
    pub(crate) byweekno: Part,
    pub(crate) byeaster: Part,
    pub(crate) byweekday: Part,
    /// Weekdays with their number in the month or year.
    pub(crate) bynweekday: Vec<(i64, i64)>,
    pub(crate) byhour: Part,
    pub(crate) byminute: Part,
    pub(crate) bysecond: Part,
}

impl Rule {
    /// Fills a rule in.
    pub(crate) fn new(parts: &Parts, start: DateTime) -> Result<Self, String> {
        let freq = parts.freq.unwrap_or(Frequency::Daily);
        let interval = parts.interval.unwrap_or(1);
        let mut rule = Self {
            start,
            freq,
            interval,
            count: parts.count,
            until: parts.until.map(|until| until.at),
            wkst: parts.wkst,
            bysetpos: parts.bysetpos.clone().unwrap_or_default(),
            bymonth: sorted(parts.bymonth.as_ref()),
            bymonthday: sorted(parts.bymonthday.as_ref()),
            byyearday: sorted(parts.byyearday.as_ref()),
            byweekno: sorted(parts.byweekno.as_ref()),
            byeaster: sorted(parts.byeaster.as_ref()),
            byweekday: None,
            bynweekday: Vec::new(),
            byhour: sorted(parts.byhour.as_ref()),
            byminute: sorted(parts.byminute.as_ref()),
            bysecond: sorted(parts.bysecond.as_ref()),
        };
        rule.weekdays(parts);
        rule.default_days(parts);
        rule.default_times()?;
        Ok(rule)
    }

    /// Below months a number before a weekday has no meaning and is dropped.
    fn weekdays(&mut self, parts: &Parts) {
        let days = parts.byday.iter().flatten().copied();
        let (plain, numbered): (Vec<_>, Vec<_>) =
            days.partition(|(_, which)| *which == 0 || self.freq > Frequency::Monthly);
        let plain: Vec<i64> = plain.into_iter().map(|(day, _)| day).collect();
        self.byweekday = (!plain.is_empty()).then(|| sorted(Some(&plain)).unwrap_or_default());
        self.bynweekday = numbered;
    }

    fn default_days(&mut self, parts: &Parts) {
        let any =
            [&parts.byweekno, &parts.byyearday, &parts.bymonthday, &parts.byeaster].iter().any(|part| part.is_some());
        if any || parts.byday.is_some() {
            return;
        }
        let day = Some(vec![i64::from(self.start.day())]);
        match self.freq {
            Frequency::Yearly => {
                self.bymonth.get_or_insert_with(|| vec![i64::from(self.start.month())]);
                self.bymonthday = day;
            }
            Frequency::Monthly => self.bymonthday = day,
            Frequency::Weekly => {
                self.byweekday = Some(vec![i64::from(self.start.weekday().to_monday_zero_offset())]);
            }
            _ => {}
        }
    }

    fn default_times(&mut self) -> Result<(), String> {
        let (hour, minute, second) =
            (i64::from(self.start.hour()), i64::from(self.start.minute()), i64::from(self.start.second()));
        let (freq, interval) = (self.freq, self.interval);
        let fill = |part: &mut Part, own: Frequency, name: &str, start: i64, base: i64| {
            match part {
                None if freq < own => *part = Some(vec![start]),
                Some(values) if freq == own => {
                    values.retain(|value| (value - start).rem_euclid(gcd(interval, base)) == 0);
                    if values.is_empty() {
                        return Err(format!("{name}: no value is a whole number of intervals after DTSTART"));
                    }
                }
                _ => {}
            }
            Ok(())
        };
        fill(&mut self.byhour, Frequency::Hourly, "BYHOUR", hour, 24)?;
        fill(&mut self.byminute, Frequency::Minutely, "BYMINUTE", minute, 60)?;
        fill(&mut self.bysecond, Frequency::Secondly, "BYSECOND", second, 60)
    }
}

fn sorted(values: Option<&Vec<i64>>) -> Part {
    let mut values = values?.clone();
    values.sort_unstable();
    values.dedup();
    Some(values)
}

/// The greatest common divisor.
pub(crate) fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
