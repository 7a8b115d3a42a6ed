//! Defaults and literals as JSON.

use ruff_text_size::TextSize;
use serde_json::{Map, Number, Value};

use crate::{
    core::is_type_name,
    eval::{display, uuid_text},
    known::is_builtin,
    object::{Content, Obj, Outcome, Scope},
};

/// The JSON of a value; none if Python cannot make any, in which case pydantic leaves the default out.
pub(crate) fn encode<'p>(value: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Option<Value>> {
    match encoded(value) {
        Ok(value) => Ok(Some(value)),
        Err(NoJson::None) => Ok(None),
        Err(NoJson::Unknown(why)) => Err(scope.doubt(at, why)),
    }
}

enum NoJson {
    /// Python raises an error.
    None,
    /// There is JSON, but it is not known.
    Unknown(&'static str),
}

fn encoded<'p>(value: &Obj<'p>) -> Result<Value, NoJson> {
    let inner = |items: &[Obj<'p>]| items.iter().map(encoded).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Obj::None => Value::Null,
        Obj::Bool(value) => Value::Bool(*value),
        Obj::Int(value) => integer(*value)?,
        Obj::Float(value) => {
            Value::Number(Number::from_f64(*value).ok_or(NoJson::Unknown("NaN and infinity have no JSON"))?)
        }
        Obj::Str(text) | Obj::Path(text) | Obj::Decimal(text) => Value::String(text.to_string()),
        Obj::Bytes(bytes) => Value::String(std::str::from_utf8(bytes).map_err(|_| NoJson::None)?.to_owned()),
        Obj::Moment(moment) => Value::String(moment.json().ok_or(NoJson::Unknown("a time zone is not followed"))?),
        Obj::Uuid(id) => Value::String(uuid_text(*id)),
        Obj::Secret(empty) => Value::String(if *empty { "" } else { "**********" }.to_owned()),
        Obj::List(items) | Obj::Tuple(items) => Value::Array(inner(items)?),
        Obj::Set(items) => Value::Array(inner(&sorted(items)?)?),
        Obj::Dict(items) => {
            let mut map = Map::new();
            for (key, value) in items.iter() {
                map.insert(key_of(key)?, encoded(value)?);
            }
            Value::Object(map)
        }
        Obj::Member(member) => encoded(&member.value)?,
        Obj::Instance(instance) => match &instance.content {
            Content::Fields(fields) => {
                let mut map = Map::new();
                for (key, _, value) in fields {
                    map.insert(key.to_string(), encoded(value)?);
                }
                Value::Object(map)
            }
            Content::Root(root) => encoded(root)?,
            Content::None => return Err(NoJson::None),
        },
        Obj::Ellipsis
        | Obj::Opaque
        | Obj::Lambda(..)
        | Obj::Range(_)
        | Obj::Class(_)
        | Obj::Function(_)
        | Obj::Flow(_)
        | Obj::Task(_) => {
            return Err(NoJson::None);
        }
        Obj::Module(_) | Obj::Folder(_) | Obj::Wrapped(_) | Obj::Decorator(_) | Obj::Method(_) => {
            return Err(NoJson::None);
        }
        Obj::Known(name) if is_unjson(name) => return Err(NoJson::None),
        Obj::Known(_) => return Err(NoJson::Unknown("the value is not part of the project")),
        Obj::Applied(_) | Obj::Union(_) | Obj::Made(_) => return Err(NoJson::Unknown("a type is used as a value")),
        Obj::Field(_) | Obj::Meta(_) | Obj::Auto => return Err(NoJson::Unknown("the value is not followed")),
    })
}

/// Built-in functions, types and modules.
fn is_unjson(name: &str) -> bool {
    let is_module = matches!(name, "sys" | "os" | "json" | "math" | "datetime" | "typing" | "logging" | "re");
    is_module || name.strip_prefix("builtins.").is_some_and(is_builtin) || is_type_name(name)
}

/// JSON numbers here are as wide as 64 bits.
fn integer(value: i128) -> Result<Value, NoJson> {
    let number = i64::try_from(value).map(Number::from).or_else(|_| u64::try_from(value).map(Number::from));
    number.map(Value::Number).map_err(|_| NoJson::Unknown("the number is wider than 64 bits"))
}

fn key_of(key: &Obj<'_>) -> Result<String, NoJson> {
    Ok(match key {
        Obj::None => "None".to_owned(),
        Obj::Bool(value) => value.to_string(),
        Obj::Int(value) => value.to_string(),
        Obj::Float(_) => display(key).ok_or(NoJson::Unknown("the key is not followed"))?,
        Obj::Str(text) | Obj::Path(text) | Obj::Decimal(text) => text.to_string(),
        Obj::Uuid(id) => uuid_text(*id),
        Obj::Moment(moment) => moment.json().ok_or(NoJson::Unknown("a time zone is not followed"))?,
        Obj::Member(member) => key_of(&member.value)?,
        Obj::Tuple(items) => items.iter().map(key_of).collect::<Result<Vec<_>, _>>()?.join(","),
        _ => return Err(NoJson::Unknown("the key is not followed")),
    })
}

/// Sets of more than one item come in Python's own order unless they can be sorted.
fn sorted<'p>(items: &[Obj<'p>]) -> Result<Vec<Obj<'p>>, NoJson> {
    let mut items = items.to_vec();
    let all = |is: fn(&Obj<'_>) -> bool| items.iter().all(is);
    if items.len() < 2 {
    } else if all(|item| matches!(item, Obj::Int(_))) {
        items.sort_by_key(|item| if let Obj::Int(value) = item { *value } else { 0 });
    } else if all(|item| matches!(item, Obj::Str(_))) {
        // Python compares by code point, as UTF-8 does.
        items.sort_by_key(|item| if let Obj::Str(text) = item { text.to_string() } else { String::new() });
    } else {
        return Err(NoJson::Unknown("the order of the set is not known"));
    }
    Ok(items)
}

/// The JSON type that all values have.
pub(crate) fn common_type(values: &[Value]) -> Option<&'static str> {
    let of = |value: &Value| match value {
        Value::Null => Some("null"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => None,
    };
    let first = values.first().and_then(of)?;
    values.iter().all(|value| of(value) == Some(first)).then_some(first)
}
