//! Methods of values, and how Python prints values.

use super::Args;
use crate::{
    object::{Obj, Outcome},
    time::Moment,
};

/// `value.name(args)`; none if that is not followed.
pub(super) fn call<'p>(value: &Obj<'p>, name: &str, args: &Args<'p>) -> Option<Outcome<Obj<'p>>> {
    let args = match args.only_positional()? {
        Ok(args) => args,
        Err(fault) => return Some(Err(fault)),
    };
    let result = match value {
        Obj::Str(text) => on_text(text, name, &args),
        Obj::Dict(items) => match (name, &*args) {
            ("get", [key]) => Some(find(items, key).unwrap_or(Obj::None)),
            ("get", [key, default]) => Some(find(items, key).unwrap_or_else(|| default.clone())),
            ("keys", []) => Some(Obj::List(items.iter().map(|(key, _)| key.clone()).collect())),
            ("values", []) => Some(Obj::List(items.iter().map(|(_, value)| value.clone()).collect())),
            ("copy", []) => Some(value.clone()),
            _ => None,
        },
        Obj::List(_) if name == "copy" && args.is_empty() => Some(value.clone()),
        Obj::Path(path) => match (name, &*args) {
            ("joinpath", parts) => parts.iter().try_fold(path.to_string(), |path, part| match part {
                Obj::Str(part) | Obj::Path(part) => Some(join_path(&path, part)),
                _ => None,
            }),
            ("as_posix", []) => return Some(Ok(Obj::Str(path.clone()))),
            _ => None,
        }
        .map(|path| Obj::Path(path.into())),
        Obj::Moment(Moment::Datetime(datetime, _)) if name == "date" && args.is_empty() => {
            Some(Obj::Moment(Moment::Date(datetime.date())))
        }
        Obj::Moment(Moment::Delta(micros)) if name == "total_seconds" && args.is_empty() => {
            (micros.unsigned_abs() < 1 << 53).then(|| Obj::Float(*micros as f64 / 1e6))
        }
        _ => None,
    };
    result.map(Ok)
}

fn find<'p>(items: &[(Obj<'p>, Obj<'p>)], key: &Obj<'p>) -> Option<Obj<'p>> {
    items.iter().find(|(old, _)| super::equals(old, key)).map(|(_, value)| value.clone())
}

fn on_text<'p>(text: &str, name: &str, args: &[Obj<'p>]) -> Option<Obj<'p>> {
    let is_ascii = text.is_ascii();
    let result = match (name, args) {
        ("upper", []) if is_ascii => text.to_ascii_uppercase(),
        ("lower", []) if is_ascii => text.to_ascii_lowercase(),
        ("strip", []) if is_ascii => text.trim_ascii().to_owned(),
        ("replace", [Obj::Str(from), Obj::Str(to)]) if !from.is_empty() && text.len() < 1 << 16 => {
            text.replace(&**from, to)
        }
        ("join", [Obj::List(parts) | Obj::Tuple(parts)]) => {
            let parts: Option<Vec<&str>> =
                parts.iter().map(|part| if let Obj::Str(part) = part { Some(&**part) } else { None }).collect();
            parts?.join(text)
        }
        ("split", [Obj::Str(separator)]) if !separator.is_empty() => {
            return Some(Obj::List(text.split(&**separator).map(Obj::str).collect()));
        }
        _ => return None,
    };
    Some(Obj::str(&result))
}

/// `str(value)`, where Python's form is plain.
pub(crate) fn display(value: &Obj<'_>) -> Option<String> {
    match value {
        Obj::None => Some("None".to_owned()),
        Obj::Bool(true) => Some("True".to_owned()),
        Obj::Bool(false) => Some("False".to_owned()),
        Obj::Int(value) => Some(value.to_string()),
        Obj::Float(value) if value.fract() == 0.0 && value.abs() < 1e16 => Some(format!("{value:.1}")),
        Obj::Float(value) if (1e-4..1e16).contains(&value.abs()) => Some(value.to_string()),
        Obj::Str(text) | Obj::Path(text) | Obj::Decimal(text) => Some(text.to_string()),
        Obj::Uuid(id) => Some(uuid(*id)),
        Obj::Moment(Moment::Date(date)) => Some(date.to_string()),
        _ => None,
    }
}

pub(crate) fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `Path(path)` on POSIX: single slashes, no `.`, no slash at the end.
pub(crate) fn clean_path(path: &str) -> String {
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if root.is_empty() && parts.is_empty() { ".".to_owned() } else { format!("{root}{}", parts.join("/")) }
}

pub(crate) fn join_path(path: &str, part: &str) -> String {
    if part.starts_with('/') { clean_path(part) } else { clean_path(&format!("{path}/{part}")) }
}
