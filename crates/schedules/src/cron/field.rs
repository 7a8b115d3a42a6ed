//! The text of a cron expression, field by field.

use std::collections::BTreeSet;

use crate::value::shortened;

/// The numbers that a field allows, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    every: bool,
    /// The last day of the month, in the field of days.
    pub(super) last: bool,
    pub(super) numbers: Vec<i32>,
}

impl Set {
    /// Whether the field restricts nothing.
    pub(super) fn is_every(&self) -> bool {
        self.every
    }
}

/// `mon#2` and `l5` in the field of weekdays: the weekday (0 is Sunday) and which of the month, 0 for the last.
pub(super) type Nth = BTreeSet<(i32, usize)>;

/// All fields of an expression.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) minute: Set,
    pub(super) hour: Set,
    pub(super) day: Set,
    pub(super) month: Set,
    pub(super) weekday: Set,
    pub(super) nth: Nth,
    pub(super) second: Option<Set>,
    pub(super) year: Option<Set>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
    Second,
    Year,
}

const ORDER: [Kind; 7] = [Kind::Minute, Kind::Hour, Kind::Day, Kind::Month, Kind::Weekday, Kind::Second, Kind::Year];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of month",
            Self::Month => "month",
            Self::Weekday => "day of week",
            Self::Second => "second",
            Self::Year => "year",
        }
    }

    fn range(self) -> (i32, i32) {
        match self {
            Self::Minute | Self::Second => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 6),
            Self::Year => (1970, 2099),
        }
    }

    /// What the field may hold, for people.
    fn wanted(self) -> &'static str {
        match self {
            Self::Minute | Self::Second => "0-59",
            Self::Hour => "0-23",
            Self::Day => "1-31 or L for the last day",
            Self::Month => "1-12 or JAN-DEC",
            Self::Weekday => "0-7 or SUN-SAT",
            Self::Year => "1970-2099",
        }
    }

    fn named(self, text: &str) -> Option<i32> {
        match self {
            Self::Month => MONTHS.iter().position(|name| *name == text).map(|index| index as i32 + 1),
            Self::Weekday => WEEKDAYS.iter().position(|name| *name == text).map(|index| index as i32),
            _ => None,
        }
    }
}

/// One field while it is read.
struct Field<'a> {
    kind: Kind,
    /// How many fields the expression has: Sunday is 7 only among five, and day 0 is day 1 only among six.
    count: usize,
    whole: &'a str,
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Fields, String> {
    let lower = text.to_lowercase();
    let expression = match lower.as_str() {
        "@midnight" | "@daily" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other => other,
    };
    if expression.starts_with('@') {
        return Err("unknown alias: use @hourly, @daily, @weekly, @monthly or @yearly".to_owned());
    }
    let texts: Vec<&str> = expression.split_whitespace().collect();
    if !(5..=7).contains(&texts.len()) {
        return Err(format!("{} fields, wanted 5: minute, hour, day of month, month, day of week", texts.len()));
    }
    let mut nth = Nth::new();
    let mut sets = Vec::with_capacity(texts.len());
    for (kind, whole) in ORDER.into_iter().zip(&texts) {
        sets.push(Field { kind, count: texts.len(), whole }.read(&texts, &mut nth)?);
    }
    let mut sets = sets.into_iter();
    let mut take = || sets.next().unwrap_or_default();
    let fields = Fields {
        minute: take(),
        hour: take(),
        day: take(),
        month: take(),
        weekday: take(),
        nth,
        second: (texts.len() > 5).then(&mut take),
        year: (texts.len() > 6).then(&mut take),
    };
    check_nth(&fields)?;
    Ok(fields)
}

/// croniter does not mix `mon` and `tue#1` in the field of weekdays.
fn check_nth(fields: &Fields) -> Result<(), String> {
    if fields.nth.is_empty() || fields.weekday.numbers.len() == 7 {
        return Ok(());
    }
    let plain = |day: &i32| !fields.nth.iter().any(|(weekday, _)| weekday == day);
    if fields.weekday.numbers.iter().any(plain) {
        return Err("day of week: plain days and days with `#` or `L` cannot stand together".to_owned());
    }
    Ok(())
}

impl Field<'_> {
    fn read(&self, texts: &[&str], nth: &mut Nth) -> Result<Set, String> {
        if self.whole.starts_with(['h', 'r']) && self.whole[1..].chars().all(|c| "()-/0123456789".contains(c)) {
            return Err("`H` and `R` are not supported: write the number".to_owned());
        }
        if *self.whole == *"?" && matches!(self.kind, Kind::Day | Kind::Weekday) {
            return Ok(Set { every: true, ..Set::default() });
        }
        let mut numbers = BTreeSet::new();
        let (mut star, mut last) = (false, false);
        for element in self.whole.split(',') {
            match self.element(element, nth)? {
                Element::Star => star = true,
                Element::Last => last = true,
                Element::Numbers(found) => numbers.extend(found),
            }
        }
        let (low, high) = self.kind.range();
        let full = numbers.len() + usize::from(last) + usize::from(star) == (high - low + 1) as usize;
        // A list of all days beside a restricted other day field stays a list, because `or` then means every day.
        let other = match self.kind {
            Kind::Day => texts.get(4),
            Kind::Weekday => texts.get(2),
            _ => None,
        };
        let every = star || (full && other.is_none_or(|other| other.contains('*')));
        Ok(Set { every, last, numbers: numbers.into_iter().collect() })
    }

    fn element(&self, text: &str, nth: &mut Nth) -> Result<Element, String> {
        if self.kind == Kind::Weekday {
            if let Some((days, which)) = split_nth(text) {
                let which: usize = which
                    .parse()
                    .ok()
                    .filter(|which| (1..=5).contains(which))
                    .ok_or_else(|| self.error(text, "1 to 5 after `#`"))?;
                let days = self.numbers(days)?.ok_or_else(|| self.error(text, self.kind.wanted()))?;
                nth.extend(days.iter().map(|day| (*day, which)));
                return Ok(Element::Numbers(days));
            }
            if let Some(day) = text.strip_prefix('l').filter(|day| is_number(day)) {
                let day = self.number(day)?;
                nth.insert((day, 0));
                return Ok(Element::Numbers(vec![day]));
            }
        }
        match text {
            "*" => Ok(Element::Star),
            "l" if self.kind == Kind::Day => Ok(Element::Last),
            _ => self.numbers(text)?.map(Element::Numbers).ok_or_else(|| self.error(text, self.kind.wanted())),
        }
    }

    /// A number, a name, a range or steps; nothing if it is none of them.
    fn numbers(&self, text: &str) -> Result<Option<Vec<i32>>, String> {
        let (low, high) = self.kind.range();
        let (body, step) = match text.split_once('/') {
            Some((body, step)) => {
                let step = is_number(step).then(|| step.parse::<usize>().unwrap_or(usize::MAX));
                let step = step.filter(|step| *step > 0);
                (body, Some(step.ok_or_else(|| self.error(text, "a step above 0"))?))
            }
            None => (text, None),
        };
        if body == "*" {
            return Ok(step.map(|step| (low..=high).step_by(step).collect()));
        }
        let (first, second) = match (body.split_once('-'), step) {
            (Some((first, second)), _) => {
                let second = if self.kind == Kind::Day && second == "l" { Some(high) } else { self.value(second)? };
                (self.value(first)?, second)
            }
            (None, Some(_)) => (self.value(body)?, Some(high)),
            (None, None) => {
                return Ok(self.value(body)?.map(|number| self.allowed(text, number)).transpose()?.map(|n| vec![n]));
            }
        };
        let (Some(first), Some(second)) = (first, second) else { return Ok(None) };
        if first.max(second) > high {
            return Err(self.error(text, self.kind.wanted()));
        }
        let range = range((first, second), (low, high), step.unwrap_or(1));
        range.into_iter().map(|number| self.allowed(text, self.alias(number))).collect::<Result<_, _>>().map(Some)
    }

    fn number(&self, text: &str) -> Result<i32, String> {
        let number = self.value(text)?.ok_or_else(|| self.error(text, self.kind.wanted()))?;
        self.allowed(text, number)
    }

    /// A number or a name.
    fn value(&self, text: &str) -> Result<Option<i32>, String> {
        if !is_number(text) {
            return Ok(self.kind.named(text));
        }
        let number: i32 = text.parse().map_err(|_| self.error(text, self.kind.wanted()))?;
        Ok(Some(self.alias(number)))
    }

    fn alias(&self, number: i32) -> i32 {
        match (self.kind, self.count, number) {
            (Kind::Weekday, 5, 7) => 0,
            (Kind::Day, 6, 0) => 1,
            _ => number,
        }
    }

    fn allowed(&self, text: &str, number: i32) -> Result<i32, String> {
        let (low, high) = self.kind.range();
        if (low..=high).contains(&number) { Ok(number) } else { Err(self.error(text, self.kind.wanted())) }
    }

    fn error(&self, text: &str, wanted: &str) -> String {
        if text.is_empty() {
            return format!("{}: empty element in `{}`, wanted {wanted}", self.kind.name(), shortened(self.whole));
        }
        let position = match self.count {
            5 => "",
            _ if matches!(self.kind, Kind::Second) => " (the sixth field is seconds)",
            _ => " (the first field is minutes and the sixth is seconds)",
        };
        format!("{}: found `{}`, wanted {wanted}{position}", self.kind.name(), shortened(text))
    }
}

enum Element {
    Star,
    Last,
    Numbers(Vec<i32>),
}

/// `mon#2` or `mon-fri#2`; a range of numbers is not taken there.
fn split_nth(text: &str) -> Option<(&str, &str)> {
    let (days, which) = text.split_once('#')?;
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let named = |text: &str| WEEKDAYS.contains(&text) || MONTHS.contains(&text);
    let range = days.split_once('-').is_some_and(|(first, second)| named(first) && named(second));
    (is_number(which) && (word(days) || range)).then_some((days, which))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers from `first` to `second`. A range that goes down wraps around the field's end, and one of a single number is
/// the whole field: that is how croniter reads `59/5` and `sun-sun`.
fn range((first, second): (i32, i32), (low, high): (i32, i32), step: usize) -> Vec<i32> {
    if first == second {
        return (low..=high).step_by(step).collect();
    }
    if first < second {
        return (first..=second).step_by(step).collect();
    }
    let mut numbers: Vec<i32> = (first..=high).step_by(step).collect();
    let reached = numbers.last().copied().unwrap_or(high);
    let rest = (high - reached) as usize;
    let position = (reached - low) as usize;
    let length = (high - low + 1) as usize;
    let skip = if position.saturating_add(step) > length && rest < step { step - rest } else { 0 };
    if let Ok(skip) = i32::try_from(skip) {
        numbers.extend((low.saturating_add(skip)..=second).step_by(step));
    }
    numbers
}
