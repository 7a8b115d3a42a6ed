//! Types of Python's and pydantic's own that have a schema without looking further.

use serde_json::{Value, json};

use super::{Core, Json, types::is_container};
use crate::known::is_plain_class;

/// The kind of types whose schema replaces whatever is said of them beside it.
pub(super) const OWN_SCHEMA: &str = "own-schema";

/// The schema of a known type without arguments.
pub(super) fn leaf(name: &str) -> Option<Core> {
    let (kind, schema) = plain(name).or_else(|| constrained(name)).or_else(|| special(name))?;
    let Value::Object(json) = schema else { return None };
    Some(Core::leaf(kind, json))
}

/// Whether a name from outside the project is a type that is understood.
pub(crate) fn is_type_name(name: &str) -> bool {
    leaf(name).is_some() || is_container(name) || is_plain_class(name) || is_form(name)
}

fn is_form(name: &str) -> bool {
    matches!(
        name,
        "typing.Any"
            | "typing.Optional"
            | "typing.Union"
            | "typing.Literal"
            | "typing.Annotated"
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
        "re.Pattern" => format(OWN_SCHEMA, "regex"),
        "zoneinfo.ZoneInfo" => format(OWN_SCHEMA, "zoneinfo"),
        "ipaddress.IPv4Address" => format(OWN_SCHEMA, "ipv4"),
        "ipaddress.IPv4Network" => format(OWN_SCHEMA, "ipv4network"),
        "ipaddress.IPv4Interface" => format(OWN_SCHEMA, "ipv4interface"),
        "ipaddress.IPv6Address" => format(OWN_SCHEMA, "ipv6"),
        "ipaddress.IPv6Network" => format(OWN_SCHEMA, "ipv6network"),
        "ipaddress.IPv6Interface" => format(OWN_SCHEMA, "ipv6interface"),
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

/// Pydantic's own types.
fn special(name: &str) -> Option<(&'static str, Value)> {
    let text = |kind, format: &str| Some((kind, json!({"type": "string", "format": format})));
    let url = |format: &str| Some(("pydantic", json!({"type": "string", "format": format, "minLength": 1})));
    match name.strip_prefix("pydantic.")? {
        "SecretStr" | "SecretBytes" => {
            Some(("pydantic", json!({"type": "string", "format": "password", "writeOnly": true})))
        }
        version @ ("UUID1" | "UUID3" | "UUID4" | "UUID5" | "UUID6" | "UUID7" | "UUID8") => {
            text("pydantic", &version.to_lowercase())
        }
        "FilePath" => text("pydantic", "file-path"),
        "DirectoryPath" => text("pydantic", "directory-path"),
        "NewPath" | "SocketPath" => text("pydantic", "path"),
        "ByteSize" => {
            let text = json!({"type": "string", "pattern": r"^\s*(\d*\.?\d+)\s*(\w+)?"});
            Some(("pydantic", json!({"anyOf": [text, {"type": "integer", "minimum": 0}]})))
        }
        "Base64Str" | "Base64Bytes" => text("pydantic", "base64"),
        "Base64UrlStr" | "Base64UrlBytes" => text("pydantic", "base64url"),
        "ImportString" => Some(("pydantic", json!({"type": "string"}))),
        "AwareDatetime" | "NaiveDatetime" | "PastDatetime" | "FutureDatetime" => text("datetime", "date-time"),
        "PastDate" | "FutureDate" => text("date", "date"),
        "HttpUrl" | "WebsocketUrl" => {
            Some(("pydantic", json!({"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083})))
        }
        "AnyUrl" | "AnyHttpUrl" | "FileUrl" | "FtpUrl" | "AnyWebsocketUrl" | "RedisDsn" | "KafkaDsn" | "AmqpDsn"
        | "MySQLDsn" | "MariaDBDsn" | "ClickHouseDsn" | "SnowflakeDsn" | "CockroachDsn" => url("uri"),
        "PostgresDsn" | "MongoDsn" | "NatsDsn" => url("multi-host-uri"),
        "EmailStr" => text("pydantic", "email"),
        "IPvAnyAddress" => text(OWN_SCHEMA, "ipvanyaddress"),
        "IPvAnyInterface" => text(OWN_SCHEMA, "ipvanyinterface"),
        "IPvAnyNetwork" => text(OWN_SCHEMA, "ipvanynetwork"),
        _ => None,
    }
}

/// `{"type": "null"}`.
pub(super) fn null() -> Core {
    let json: Json = super::json([("type", json!("null"))]);
    Core::leaf("none", json)
}
