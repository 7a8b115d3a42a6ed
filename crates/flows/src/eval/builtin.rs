//! Pure functions of Python and its standard library.

use jiff::civil;

use super::{Args, MAX_ITEMS, as_number, distinct, method, put};
use crate::{
    object::{Obj, Outcome},
    session::Session,
    time::{Moment, UNITS},
};

impl<'p> Session<'p> {
    /// `name(args)`; none if that is not followed.
    pub(crate) fn builtin(&self, name: &str, args: &Args<'p>) -> Option<Outcome<Obj<'p>>> {
        if let Some(outcome) = self.collection(name, args) {
            return Some(outcome);
        }
        let result =
            match name {
                "builtins.range" => range(args),
                "builtins.sum" | "builtins.min" | "builtins.max" | "builtins.sorted" => self.over_numbers(name, args),
                "builtins.object" if args.is_empty() => Ok(Some(Obj::Opaque)),
                "builtins.len" | "builtins.int" | "builtins.float" | "builtins.str" | "builtins.bool"
                | "builtins.abs" => self.convert(name, args),
                "datetime.datetime" | "datetime.date" | "datetime.time" | "datetime.timedelta"
                | "datetime.timezone" => moment(name, args),
                "datetime.datetime.fromisoformat" | "datetime.date.fromisoformat" => from_iso(name, args),
                "zoneinfo.ZoneInfo" => first(args).map(|key| {
                    (matches!(&key, Some(Obj::Str(key)) if **key == *"UTC")).then_some(Obj::Moment(Moment::Zone(0)))
                }),
                "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath" => path(args),
                "uuid.UUID" => uuid(args),
                "decimal.Decimal" => first(args).map(|value| decimal(value?)),
                "pydantic.SecretStr" | "pydantic.SecretBytes" => first(args).map(|value| match value? {
                    Obj::Str(text) => Some(Obj::Secret(text.is_empty())),
                    Obj::Bytes(bytes) => Some(Obj::Secret(bytes.is_empty())),
                    _ => None,
                }),
                "pydantic.ConfigDict" | "pydantic_settings.SettingsConfigDict" => named(args),
                _ => return None,
            };
        result.transpose()
    }

    fn convert(&self, name: &str, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let Some(value) = first(args)? else { return Ok(None) };
        Ok(match (name, value) {
            ("builtins.len", Obj::Str(text)) => Some(Obj::Int(text.chars().count() as i128)),
            ("builtins.len", Obj::Bytes(bytes)) => Some(Obj::Int(bytes.len() as i128)),
            ("builtins.len", Obj::List(items) | Obj::Tuple(items) | Obj::Set(items)) => {
                Some(Obj::Int(items.len() as i128))
            }
            ("builtins.len", Obj::Dict(items)) => Some(Obj::Int(items.len() as i128)),
            ("builtins.int", Obj::Int(value)) => Some(Obj::Int(value)),
            ("builtins.int", Obj::Bool(value)) => Some(Obj::Int(i128::from(value))),
            ("builtins.int", Obj::Float(value)) if value.abs() < 9e15 => Some(Obj::Int(value.trunc() as i128)),
            ("builtins.int", Obj::Str(text)) if is_digits(&text) => text.parse().ok().map(Obj::Int),
            ("builtins.float", Obj::Str(text)) if is_decimal(&text) => text.parse().ok().map(Obj::Float),
            ("builtins.float", value) => as_number(&value).map(Obj::Float),
            ("builtins.str", value) => method::display(&value).map(|text| Obj::str(&text)),
            ("builtins.bool", value) => self.truth(&value).map(Obj::Bool),
            ("builtins.abs", Obj::Int(value)) => Some(Obj::Int(value.abs())),
            ("builtins.abs", Obj::Float(value)) => Some(Obj::Float(value.abs())),
            _ => None,
        })
    }

    /// Functions of a collection of integers, or of several.
    fn over_numbers(&self, name: &str, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let Some(values) = args.only_positional().transpose()? else { return Ok(None) };
        let items = match values.as_slice() {
            [only] => self.iterate(only),
            _ if matches!(name, "builtins.min" | "builtins.max") => Some(values),
            _ => None,
        };
        let number = |item: &Obj<'p>| if let Obj::Int(value) = item { Some(*value) } else { None };
        let numbers = items.and_then(|items| items.iter().map(number).collect::<Option<Vec<i128>>>());
        let Some(mut numbers) = numbers else { return Ok(None) };
        Ok(match name {
            "builtins.sum" => numbers.iter().try_fold(0_i128, |sum, number| sum.checked_add(*number)).map(Obj::Int),
            "builtins.min" => numbers.into_iter().min().map(Obj::Int),
            "builtins.max" => numbers.into_iter().max().map(Obj::Int),
            _ => {
                numbers.sort_unstable();
                Some(Obj::List(numbers.into_iter().map(Obj::Int).collect()))
            }
        })
    }

    fn collection(&self, name: &str, args: &Args<'p>) -> Option<Outcome<Obj<'p>>> {
        if matches!(name, "builtins.dict" | "collections.OrderedDict") {
            return dict(args).transpose();
        }
        let make: fn(Vec<Obj<'p>>) -> Obj<'p> = match name {
            "builtins.list" | "collections.deque" => |items| Obj::List(items.into()),
            "builtins.tuple" => |items| Obj::Tuple(items.into()),
            "builtins.set" | "builtins.frozenset" => |items| Obj::Set(distinct(items).into()),
            _ => return None,
        };
        match args.only_positional()?.as_deref() {
            Ok([]) => Some(Ok(make(Vec::new()))),
            Ok([Obj::Set(items)]) if matches!(make(Vec::new()), Obj::Set(_)) => Some(Ok(make(items.to_vec()))),
            Ok([items]) => self.iterate(items).map(make).map(Ok),
            Ok(_) => None,
            Err(fault) => Some(Err(fault.clone())),
        }
    }
}

/// The only argument, if it is positional.
fn first<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    match args.only_positional().transpose()?.map(<[_; 1]>::try_from) {
        Some(Ok([only])) => Ok(Some(only)),
        _ => Ok(None),
    }
}

fn range<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let Some(values) = args.only_positional().transpose()? else { return Ok(None) };
    let (start, stop, step) = match values.as_slice() {
        [Obj::Int(stop)] => (0, *stop, 1),
        [Obj::Int(start), Obj::Int(stop)] => (*start, *stop, 1),
        [Obj::Int(start), Obj::Int(stop), Obj::Int(step)] if *step > 0 => (*start, *stop, *step),
        _ => return Ok(None),
    };
    let Ok(step) = usize::try_from(step) else { return Ok(None) };
    let items: Vec<Obj<'p>> = (start..stop).step_by(step).take(MAX_ITEMS + 1).map(Obj::Int).collect();
    Ok((items.len() <= MAX_ITEMS).then(|| Obj::Range(items.into())))
}

/// `dict(a=1)`.
fn named<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    if !args.positional.is_empty() || args.open.is_some() {
        return Ok(None);
    }
    let items = args.keywords.iter().map(|(key, value)| Ok((Obj::str(key), value.clone()?)));
    Ok(Some(Obj::Dict(items.collect::<Outcome<Vec<_>>>()?.into())))
}

fn dict<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let rest = Args { positional: Vec::new(), ..args.clone() };
    let Some(Obj::Dict(named)) = named(&rest)? else { return Ok(None) };
    let mut pairs: Vec<_> = match args.positional.as_slice() {
        [] => Vec::new(),
        [only] => match only.clone()? {
            Obj::Dict(items) => items.to_vec(),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    named.iter().for_each(|(key, value)| put(&mut pairs, key.clone(), value.clone()));
    Ok(Some(Obj::Dict(pairs.into())))
}

fn integer(args: &Args<'_>, index: usize, name: &str) -> Outcome<Option<i128>> {
    Ok(match args.take(Some(index), name)? {
        None => Some(0),
        Some(Obj::Int(value)) => Some(value),
        Some(_) => None,
    })
}

fn zone(args: &Args<'_>, index: usize) -> Outcome<Option<Option<i32>>> {
    Ok(match args.take(Some(index), "tzinfo")? {
        None | Some(Obj::None) => Some(None),
        Some(Obj::Moment(Moment::Zone(offset))) => Some(Some(offset)),
        Some(Obj::Known(name)) if matches!(&*name, "datetime.timezone.utc" | "datetime.UTC") => Some(Some(0)),
        Some(_) => None,
    })
}

fn moment<'p>(name: &str, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let clock = |from: usize| -> Outcome<Option<civil::Time>> {
        let (hour, minute) = (integer(args, from, "hour")?, integer(args, from + 1, "minute")?);
        let (second, micro) = (integer(args, from + 2, "second")?, integer(args, from + 3, "microsecond")?);
        Ok(hour.zip(minute).zip(second.zip(micro)).and_then(|((h, m), (s, us))| Moment::time(h, m, s, us)))
    };
    let date = || -> Outcome<Option<civil::Date>> {
        let (year, month, day) = (integer(args, 0, "year")?, integer(args, 1, "month")?, integer(args, 2, "day")?);
        Ok(year.zip(month).zip(day).and_then(|((year, month), day)| Moment::date(year, month, day)))
    };
    let names = ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo"];
    let result = match name {
        "datetime.datetime" if args.has_only(8, &names) => date()?
            .zip(clock(3)?)
            .zip(zone(args, 7)?)
            .map(|((date, time), offset)| Moment::Datetime(civil::DateTime::from_parts(date, time), offset)),
        "datetime.date" if args.has_only(3, &names[..3]) => date()?.map(Moment::Date),
        "datetime.time" if args.has_only(5, &names[3..]) => {
            clock(0)?.zip(zone(args, 4)?).map(|(time, offset)| Moment::Time(time, offset))
        }
        "datetime.timedelta" => delta(args)?,
        "datetime.timezone" => match first(args)? {
            Some(Obj::Moment(Moment::Delta(micros))) if micros % 1_000_000 == 0 => {
                i32::try_from(micros / 1_000_000).ok().filter(|offset| offset.abs() < 86_400).map(Moment::Zone)
            }
            _ => None,
        },
        _ => None,
    };
    Ok(result.map(Obj::Moment))
}

fn delta(args: &Args<'_>) -> Outcome<Option<Moment>> {
    if !args.has_only(UNITS.len(), &UNITS.map(|(name, _)| name)) {
        return Ok(None);
    }
    let mut sum: i128 = 0;
    for (index, (name, unit)) in UNITS.iter().enumerate() {
        let part = match args.take(Some(index), name)? {
            None => Some(0),
            Some(Obj::Int(value)) => value.checked_mul(*unit),
            // Halves and their like; other fractions round in ways of their own.
            Some(Obj::Float(value)) if (value * 64.0).fract() == 0.0 && value.abs() < 1e9 => {
                let micros = value * 64.0 * (*unit as f64);
                (micros % 64.0 == 0.0).then_some((micros / 64.0) as i128)
            }
            Some(_) => None,
        };
        match part.and_then(|part| sum.checked_add(part)) {
            Some(total) => sum = total,
            None => return Ok(None),
        }
    }
    Ok(Moment::delta(sum))
}

fn from_iso<'p>(name: &str, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let Some(Obj::Str(text)) = first(args)? else { return Ok(None) };
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-T: ".contains(&byte));
    Ok(match name {
        "datetime.date.fromisoformat" if text.len() == 10 && is_plain => {
            text.parse().ok().map(|date| Obj::Moment(Moment::Date(date)))
        }
        "datetime.datetime.fromisoformat" if text.len() == 19 && is_plain => {
            text.parse().ok().map(|datetime| Obj::Moment(Moment::Datetime(datetime, None)))
        }
        _ => None,
    })
}

fn path<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let Some(parts) = args.only_positional().transpose()? else { return Ok(None) };
    let mut path = ".".to_owned();
    for part in &parts {
        match part {
            Obj::Str(part) | Obj::Path(part) => path = method::join_path(&path, part),
            _ => return Ok(None),
        }
    }
    Ok(Some(Obj::Path(path.into())))
}

fn uuid<'p>(args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
    let id = match (args.take(Some(0), "hex")?, args.take(None, "int")?) {
        (Some(Obj::Str(hex)), None) => {
            let digits: String = hex.chars().filter(|c| !"{}-".contains(*c)).collect();
            let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex.then(|| u128::from_str_radix(&digits, 16).ok()).flatten()
        }
        (None, Some(Obj::Int(value))) => u128::try_from(value).ok(),
        _ => None,
    };
    Ok(id.map(Obj::Uuid))
}

/// `Decimal(value)` for plain numbers, as `str()` shows it.
fn decimal(value: Obj<'_>) -> Option<Obj<'_>> {
    let text = match value {
        Obj::Int(value) => value.to_string(),
        Obj::Str(text) if is_decimal(&text) => {
            let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
            let digits = digits.strip_prefix('+').unwrap_or(digits);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let whole = whole.trim_start_matches('0');
            // From the seventh leading zero on, Python writes an exponent.
            let leading = fraction.len() - fraction.trim_start_matches('0').len();
            if whole.is_empty() && leading > 5 {
                return None;
            }
            let whole = if whole.is_empty() { "0" } else { whole };
            if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
        }
        _ => return None,
    };
    Some(Obj::Decimal(text.into()))
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole) && is_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}
