//! The text of a recurrence rule: lines, parts and their values, as dateutil's `rrulestr` takes them apart.

use super::date::{self, Stamp};
use crate::value::shortened;

/// How often a rule looks for times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("YEARLY", Frequency::Yearly),
    ("MONTHLY", Frequency::Monthly),
    ("WEEKLY", Frequency::Weekly),
    ("DAILY", Frequency::Daily),
    ("HOURLY", Frequency::Hourly),
    ("MINUTELY", Frequency::Minutely),
    ("SECONDLY", Frequency::Secondly),
];

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Most values of one part.
const MAX_VALUES: usize = 1_000;

/// The parts of one rule. Weekdays count from 0 for Monday.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    pub(crate) freq: Option<Frequency>,
    pub(crate) interval: Option<i64>,
    pub(crate) count: Option<i64>,
    pub(crate) until: Option<Stamp>,
    pub(crate) wkst: i64,
    pub(crate) bysetpos: Option<Vec<i64>>,
    pub(crate) bymonth: Option<Vec<i64>>,
    pub(crate) bymonthday: Option<Vec<i64>>,
    pub(crate) byyearday: Option<Vec<i64>>,
    pub(crate) byweekno: Option<Vec<i64>>,
    pub(crate) byeaster: Option<Vec<i64>>,
    pub(crate) byhour: Option<Vec<i64>>,
    pub(crate) byminute: Option<Vec<i64>>,
    pub(crate) bysecond: Option<Vec<i64>>,
    /// Weekday and which of the month or year, 0 for all.
    pub(crate) byday: Option<Vec<(i64, i64)>>,
}

/// All lines of a recurrence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    pub(crate) dtstart: Option<Stamp>,
    pub(crate) rules: Vec<Parts>,
    pub(crate) exrules: Vec<Parts>,
    pub(crate) rdates: Vec<Stamp>,
    pub(crate) exdates: Vec<Stamp>,
    /// Whether it is more than a single rule.
    pub(crate) is_set: bool,
}

/// Takes a text apart.
pub(crate) fn parse(text: &str) -> Result<Lines, String> {
    let upper = text.to_uppercase();
    let lines: Vec<&str> = upper.split_whitespace().collect();
    let mut parsed = Lines::default();
    match lines[..] {
        [] => return Err("empty, wanted a rule such as FREQ=DAILY".to_owned()),
        [single] if !single.contains(':') || single.starts_with("RRULE:") => {
            parsed.rules.push(rule(single.strip_prefix("RRULE:").unwrap_or(single))?);
            return Ok(parsed);
        }
        _ => {}
    }
    let mut set = false;
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or(("RRULE", line));
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        match name {
            "RRULE" | "EXRULE" if !parameters.is_empty() => {
                return Err(format!("{name} takes no `{}`", shortened(parameters)));
            }
            "RRULE" => parsed.rules.push(rule(value.strip_prefix("RRULE:").unwrap_or(value))?),
            "EXRULE" => {
                set = true;
                parsed.exrules.push(rule(value)?);
            }
            "RDATE" if !matches!(parameters, "" | "VALUE=DATE-TIME") => {
                return Err(format!("RDATE takes no `{}`", shortened(parameters)));
            }
            "RDATE" => {
                set = true;
                parsed.rdates.extend(dates(value, false)?);
            }
            "EXDATE" => {
                set = true;
                parsed.exdates.extend(dates(value, has_zone(text, parameters)?)?);
            }
            "DTSTART" => match dates(value, has_zone(text, parameters)?)?[..] {
                [start] => parsed.dtstart = Some(start),
                _ => return Err(format!("DTSTART: found `{}`, wanted one date", shortened(value))),
            },
            _ => {
                return Err(format!(
                    "unknown line `{}`, wanted DTSTART, RRULE, RDATE, EXRULE or EXDATE",
                    shortened(name)
                ));
            }
        }
    }
    parsed.is_set = set || parsed.rules.len() > 1;
    if parsed.rules.is_empty() && !set {
        return Err("no rule, wanted a line such as RRULE:FREQ=DAILY".to_owned());
    }
    Ok(parsed)
}

/// Whether the parameters of a date name a zone; the text is needed because zones are written in both cases.
fn has_zone(text: &str, parameters: &str) -> Result<bool, String> {
    let mut zoned = false;
    for parameter in parameters.split(';').filter(|parameter| !parameter.is_empty()) {
        if let Some(upper) = parameter.strip_prefix("TZID=") {
            let written = text.split("TZID=").skip(1).filter_map(|rest| rest.split(':').next());
            zoned |= written.filter(|name| name.to_uppercase() == upper).any(|name| crate::zone::find(name).is_some());
        } else if !matches!(parameter, "VALUE=DATE-TIME" | "VALUE=DATE") {
            return Err(format!("a date takes no `{}`", shortened(parameter)));
        }
    }
    Ok(zoned)
}

fn dates(value: &str, in_zone: bool) -> Result<Vec<Stamp>, String> {
    value
        .split(',')
        .map(|text| match date::parse(text) {
            Some(stamp) if stamp.zoned && in_zone => Err(format!("`{}` has an offset beside TZID", shortened(text))),
            Some(stamp) => Ok(Stamp { zoned: stamp.zoned || in_zone, ..stamp }),
            None => Err(format!("found `{}`, wanted a date such as 20260131T090000", shortened(text))),
        })
        .collect()
}

fn rule(text: &str) -> Result<Parts, String> {
    let mut parts = Parts::default();
    for pair in text.split(';') {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(format!("found `{}`, wanted NAME=VALUE separated by `;`", shortened(pair)));
        };
        part(&mut parts, name, value)?;
    }
    if parts.freq.is_none() {
        return Err(format!("no FREQ, wanted one of {}", frequencies()));
    }
    Ok(parts)
}

fn part(parts: &mut Parts, name: &str, value: &str) -> Result<(), String> {
    match name {
        "FREQ" => {
            let known = FREQUENCIES.iter().find(|(text, _)| *text == value).map(|(_, freq)| *freq);
            parts.freq = Some(
                known.ok_or_else(|| format!("FREQ: found `{}`, wanted one of {}", shortened(value), frequencies()))?,
            );
        }
        "INTERVAL" => parts.interval = Some(number(name, value, (1, i64::from(i32::MAX)))?),
        "COUNT" => parts.count = Some(number(name, value, (1, i64::from(i32::MAX)))?),
        "UNTIL" => {
            let until = date::parse(value);
            parts.until = Some(until.ok_or_else(|| {
                format!("UNTIL: found `{}`, wanted a date such as 20260131T090000", shortened(value))
            })?);
        }
        "WKST" => parts.wkst = weekday(name, value)?,
        "BYSETPOS" => parts.bysetpos = Some(signed(name, value, (1, 366))?),
        "BYMONTH" => parts.bymonth = Some(numbers(name, value, (1, 12))?),
        "BYMONTHDAY" => parts.bymonthday = Some(signed(name, value, (1, 31))?),
        "BYYEARDAY" => parts.byyearday = Some(signed(name, value, (1, 366))?),
        "BYWEEKNO" => parts.byweekno = Some(signed(name, value, (1, 53))?),
        "BYEASTER" => parts.byeaster = Some(signed(name, value, (0, 200))?),
        "BYHOUR" => parts.byhour = Some(numbers(name, value, (0, 23))?),
        "BYMINUTE" => parts.byminute = Some(numbers(name, value, (0, 59))?),
        "BYSECOND" => parts.bysecond = Some(numbers(name, value, (0, 59))?),
        "BYDAY" | "BYWEEKDAY" => {
            parts.byday = Some(split(name, value)?.map(|day| nth_weekday(name, day)).collect::<Result<_, _>>()?);
        }
        _ => return Err(format!("unknown part `{}`{}", shortened(name), suggestion(name))),
    }
    Ok(())
}

const NAMES: [&str; 15] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYSETPOS",
    "BYMONTH",
    "BYMONTHDAY",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYEASTER",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYDAY",
];

fn suggestion(name: &str) -> String {
    // A long name resembles none.
    let near = |known: &&&str| name.len() < 20 && strsim::levenshtein(known, name) <= 2;
    let nearest = NAMES.iter().filter(near).min_by_key(|known| strsim::levenshtein(known, name));
    nearest.map(|known| format!(": did you mean {known}?")).unwrap_or_default()
}

fn frequencies() -> String {
    FREQUENCIES.map(|(name, _)| name).join(", ")
}

fn split<'a>(name: &str, value: &'a str) -> Result<std::str::Split<'a, char>, String> {
    if value.split(',').nth(MAX_VALUES).is_some() {
        return Err(format!("{name}: more than {MAX_VALUES} values"));
    }
    Ok(value.split(','))
}

fn numbers(name: &str, value: &str, range: (i64, i64)) -> Result<Vec<i64>, String> {
    split(name, value)?.map(|text| number(name, text, range)).collect()
}

fn number(name: &str, text: &str, (low, high): (i64, i64)) -> Result<i64, String> {
    let number = text.parse::<i64>().ok().filter(|number| (low..=high).contains(number));
    number.ok_or_else(|| format!("{name}: found `{}`, wanted {low} to {high}", shortened(text)))
}

/// Numbers that count from the end if they are negative.
fn signed(name: &str, value: &str, (low, high): (i64, i64)) -> Result<Vec<i64>, String> {
    let wanted = |number: &i64| (low..=high).contains(&number.abs());
    split(name, value)?
        .map(|text| {
            let number = text.parse::<i64>().ok().filter(wanted);
            number.ok_or_else(|| format!("{name}: found `{}`, wanted {low} to {high}, or negative", shortened(text)))
        })
        .collect()
}

fn weekday(name: &str, text: &str) -> Result<i64, String> {
    let index = WEEKDAYS.iter().position(|day| *day == text);
    index
        .map(|index| index as i64)
        .ok_or_else(|| format!("{name}: found `{}`, wanted {}", shortened(text), WEEKDAYS.join(", ")))
}

/// `MO`, `+1MO`, `-1FR`, `MO(+1)`.
fn nth_weekday(name: &str, text: &str) -> Result<(i64, i64), String> {
    let wrong =
        || format!("{name}: found `{}`, wanted {} or with a number such as -1FR", shortened(text), WEEKDAYS.join(", "));
    let (day, which) = match text.split_once('(') {
        Some((day, which)) => (day, which.strip_suffix(')').ok_or_else(wrong)?),
        None => {
            let at = text.find(|c: char| !"+-0123456789".contains(c)).ok_or_else(wrong)?;
            (text.get(at..).unwrap_or_default(), text.get(..at).unwrap_or_default())
        }
    };
    let day = weekday(name, day).map_err(|_| wrong())?;
    if which.is_empty() && !text.contains('(') {
        return Ok((day, 0));
    }
    let which = which.parse::<i64>().ok().filter(|which| (1..=53).contains(&which.abs())).ok_or_else(wrong)?;
    Ok((day, which))
}
