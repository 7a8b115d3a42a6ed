//! Types of Python's and pydantic's own that have a schema without looking further.

use serde_json::{Value, json};

use super::{Core, Json};

/// The schema of a known type without arguments.
pub(super) fn leaf(name: &str) -> Option<Core> {
    let (kind, schema) = plain(name).or_else(|| constrained(name)).or_else(|| special(name))?;
    let Value::Object(json) = schema else { return None };
    Some(Core::leaf(kind, json))
}

/// Whether a name from outside the project is a type that is understood.
pub(crate) fn is_type_name(name: &str) -> bool {
    leaf(name).is_some() || super::types::is_container(name) || crate::known::is_plain_class(name) || is_form(name)
}

fn is_form(name: &str) -> bool {
    matches!(
        name,
        "typing.Any"
            | "typing.Optional"
            | "typing.Union"
            | "typing.Literal"
            | "typing.Annotated"
            | "typing.TYPE_CHECKING"
            | "typing.TypeVar"
            | "typing.Generic"
            | "typing.NamedTuple"
            | "typing.TypedDict"
            | "typing.NewType"
            | "typing.ClassVar"
            | "typing.Final"
            | "pydantic.BaseModel"
            | "pydantic.Field"
            | "pydantic.ConfigDict"
            | "enum.Enum"
            | "enum.IntEnum"
            | "enum.StrEnum"
            | "enum.auto"
            | "dataclasses.dataclass"
            | "dataclasses.field"
            | "prefect.flow"
            | "prefect.task"
    )
}

fn plain(name: &str) -> Option<(&'static str, Value)> {
    let format = |kind, format: &str| (kind, json!({"type": "string", "format": format}));
    Some(match name {
        "builtins.str" => ("str", json!({"type": "string"})),
        "builtins.int" => ("int", json!({"type": "integer"})),
        "builtins.float" => ("float", json!({"type": "number"})),
        "builtins.bool" => ("bool", json!({"type": "boolean"})),
        "builtins.bytes" => format("bytes", "binary"),
        "builtins.complex" => ("complex", json!({"type": "string"})),
        "types.NoneType" => ("none", json!({"type": "null"})),
        "datetime.datetime" => format("datetime", "date-time"),
        "datetime.date" => format("date", "date"),
        "datetime.time" => format("time", "time"),
        "datetime.timedelta" => format("timedelta", "duration"),
        "uuid.UUID" => format("uuid", "uuid"),
        "decimal.Decimal" => ("decimal", json!({"anyOf": [{"type": "number"}, {"type": "string"}]})),
        "fractions.Fraction" => {
            ("fraction", json!({"anyOf": [{"type": "number"}, {"type": "string", "format": "fraction"}]}))
        }
        "pathlib.Path"
        | "pathlib.PurePath"
        | "pathlib.PosixPath"
        | "pathlib.WindowsPath"
        | "pathlib.PurePosixPath"
        | "pathlib.PureWindowsPath"
        | "os.PathLike" => format("lax-or-strict", "path"),
        "re.Pattern" => format("function-plain", "regex"),
        "zoneinfo.ZoneInfo" => format("function-plain", "zoneinfo"),
        "ipaddress.IPv4Address" => format("lax-or-strict", "ipv4"),
        "ipaddress.IPv4Network" => format("lax-or-strict", "ipv4network"),
        "ipaddress.IPv4Interface" => format("lax-or-strict", "ipv4interface"),
        "ipaddress.IPv6Address" => format("lax-or-strict", "ipv6"),
        "ipaddress.IPv6Network" => format("lax-or-strict", "ipv6network"),
        "ipaddress.IPv6Interface" => format("lax-or-strict", "ipv6interface"),
        "collections.abc.Hashable" | "builtins.type" => ("custom-error", json!({})),
        _ => return None,
    })
}

/// Pydantic's names for constrained built-in types.
fn constrained(name: &str) -> Option<(&'static str, Value)> {
    let int = |json: Value| Some(("int", json));
    let float = |json: Value| Some(("float", json));
    match name.strip_prefix("pydantic.")? {
        "PositiveInt" => int(json!({"type": "integer", "exclusiveMinimum": 0})),
        "NegativeInt" => int(json!({"type": "integer", "exclusiveMaximum": 0})),
        "NonNegativeInt" => int(json!({"type": "integer", "minimum": 0})),
        "NonPositiveInt" => int(json!({"type": "integer", "maximum": 0})),
        "StrictInt" => int(json!({"type": "integer"})),
        "PositiveFloat" => float(json!({"type": "number", "exclusiveMinimum": 0})),
        "NegativeFloat" => float(json!({"type": "number", "exclusiveMaximum": 0})),
        "NonNegativeFloat" => float(json!({"type": "number", "minimum": 0})),
        "NonPositiveFloat" => float(json!({"type": "number", "maximum": 0})),
        "FiniteFloat" | "StrictFloat" => float(json!({"type": "number"})),
        "StrictBool" => Some(("bool", json!({"type": "boolean"}))),
        "StrictStr" => Some(("str", json!({"type": "string"}))),
        "StrictBytes" => Some(("bytes", json!({"type": "string", "format": "binary"}))),
        _ => None,
    }
}

/// Pydantic's own types. None of them takes constraints that would show.
fn special(name: &str) -> Option<(&'static str, Value)> {
    let schema = match name.strip_prefix("pydantic.")? {
        "SecretStr" | "SecretBytes" => json!({"type": "string", "format": "password", "writeOnly": true}),
        "UUID1" => json!({"type": "string", "format": "uuid1"}),
        "UUID3" => json!({"type": "string", "format": "uuid3"}),
        "UUID4" => json!({"type": "string", "format": "uuid4"}),
        "UUID5" => json!({"type": "string", "format": "uuid5"}),
        "FilePath" => json!({"type": "string", "format": "file-path"}),
        "DirectoryPath" => json!({"type": "string", "format": "directory-path"}),
        "NewPath" => json!({"type": "string", "format": "path"}),
        "ByteSize" => json!({
            "anyOf": [{"type": "string", "pattern": r"^\s*(\d*\.?\d+)\s*(\w+)?"}, {"type": "integer", "minimum": 0}]
        }),
        "Base64Str" | "Base64Bytes" => json!({"type": "string", "format": "base64"}),
        "ImportString" => json!({"type": "string"}),
        "AwareDatetime" | "NaiveDatetime" | "PastDatetime" | "FutureDatetime" => {
            json!({"type": "string", "format": "date-time"})
        }
        "PastDate" | "FutureDate" => json!({"type": "string", "format": "date"}),
        "HttpUrl" => json!({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083}),
        "AnyUrl" | "AnyHttpUrl" | "FileUrl" | "FtpUrl" | "WebsocketUrl" | "AnyWebsocketUrl" => {
            json!({"type": "string", "format": "uri", "minLength": 1})
        }
        "PostgresDsn" => json!({"type": "string", "format": "multi-host-uri", "minLength": 1}),
        "EmailStr" => json!({"type": "string", "format": "email"}),
        _ => return None,
    };
    Some(("pydantic", schema))
}

/// `{"type": "null"}`.
pub(super) fn null() -> Core {
    let json: Json = super::json([("type", json!("null"))]);
    Core::leaf("none", json)
}
