//! Names of the world outside the project: where Python's and pydantic's objects really live.

/// Modules that Prefect has loaded before it loads a flow: a file of the project with such a name does not hide them.
const LOADED: &[&str] = &[
    "abc",
    "annotated_types",
    "argparse",
    "ast",
    "asyncio",
    "base64",
    "builtins",
    "collections",
    "concurrent",
    "contextlib",
    "contextvars",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "importlib",
    "inspect",
    "io",
    "ipaddress",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "platform",
    "prefect",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "random",
    "re",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "traceback",
    "types",
    "typing",
    "typing_extensions",
    "urllib",
    "uuid",
    "warnings",
    "weakref",
    "zoneinfo",
];

/// Built-in functions and types that a schema or a default may use.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "Exception",
    "ImportError",
    "IndexError",
    "KeyError",
    "LookupError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "PermissionError",
    "RuntimeError",
    "StopIteration",
    "TypeError",
    "ValueError",
    "abs",
    "all",
    "any",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "hash",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

/// Names that are classes but not types that pydantic treats in a way of its own: instances are accepted as they are.
const PLAIN_CLASSES: &[&str] = &[
    "abc.ABC",
    "builtins.bytearray",
    "collections.ChainMap",
    "collections.UserDict",
    "collections.UserList",
    "collections.abc.AsyncIterable",
    "collections.abc.AsyncIterator",
    "collections.abc.Awaitable",
    "collections.abc.Collection",
    "collections.abc.Container",
    "collections.abc.Coroutine",
    "collections.abc.Iterator",
    "collections.abc.Reversible",
    "collections.abc.Sized",
    "geopandas.GeoDataFrame",
    "io.BytesIO",
    "io.StringIO",
    "logging.Logger",
    "numpy.ndarray",
    "pandas.DataFrame",
    "pandas.Series",
    "pandas.Timestamp",
    "polars.DataFrame",
    "polars.LazyFrame",
    "polars.Series",
    "pyarrow.Table",
    "types.ModuleType",
    "types.SimpleNamespace",
];

pub(crate) fn is_loaded(root: &str) -> bool {
    LOADED.binary_search(&root).is_ok()
}

pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

/// Whether values of this class are taken as they are, whatever they are.
pub(crate) fn is_plain_class(name: &str) -> bool {
    PLAIN_CLASSES.binary_search(&name).is_ok() || is_exception(name)
}

pub(crate) fn is_exception(name: &str) -> bool {
    name.strip_prefix("builtins.").is_some_and(|name| name.ends_with("Error") || name.ends_with("Exception"))
}

/// The one name of an object that several modules offer.
pub(crate) fn canonical(name: &str) -> String {
    const MODULES: &[(&str, &str)] = &[
        ("typing_extensions.", "typing."),
        ("prefect.flows.", "prefect."),
        ("prefect.main.", "prefect."),
        ("prefect.tasks.", "prefect."),
        ("pydantic.config.", "pydantic."),
        ("pydantic.fields.", "pydantic."),
        ("pydantic.functional_serializers.", "pydantic."),
        ("pydantic.functional_validators.", "pydantic."),
        ("pydantic.json_schema.", "pydantic."),
        ("pydantic.main.", "pydantic."),
        ("pydantic.networks.", "pydantic."),
        ("pydantic.root_model.", "pydantic."),
        ("pydantic.types.", "pydantic."),
    ];
    let moved = MODULES.iter().find_map(|(from, to)| name.strip_prefix(from).map(|rest| format!("{to}{rest}")));
    let name = moved.unwrap_or_else(|| name.to_owned());
    match name.strip_prefix("typing.").and_then(typing_alias) {
        Some(target) => target.to_owned(),
        None => name,
    }
}

/// Aliases in `typing` of classes that live elsewhere.
fn typing_alias(name: &str) -> Option<&'static str> {
    Some(match name {
        "AbstractSet" => "collections.abc.Set",
        "AsyncIterable" => "collections.abc.AsyncIterable",
        "AsyncIterator" => "collections.abc.AsyncIterator",
        "Awaitable" => "collections.abc.Awaitable",
        "Callable" => "collections.abc.Callable",
        "Collection" => "collections.abc.Collection",
        "Container" => "collections.abc.Container",
        "Coroutine" => "collections.abc.Coroutine",
        "Counter" => "collections.Counter",
        "DefaultDict" => "collections.defaultdict",
        "Deque" => "collections.deque",
        "Dict" => "builtins.dict",
        "FrozenSet" => "builtins.frozenset",
        "Generator" => "collections.abc.Generator",
        "Hashable" => "collections.abc.Hashable",
        "Iterable" => "collections.abc.Iterable",
        "Iterator" => "collections.abc.Iterator",
        "List" => "builtins.list",
        "Mapping" => "collections.abc.Mapping",
        "MutableMapping" => "collections.abc.MutableMapping",
        "MutableSequence" => "collections.abc.MutableSequence",
        "MutableSet" => "collections.abc.MutableSet",
        "OrderedDict" => "collections.OrderedDict",
        "Pattern" => "re.Pattern",
        "Sequence" => "collections.abc.Sequence",
        "Set" => "builtins.set",
        "Sized" => "collections.abc.Sized",
        "Text" => "builtins.str",
        "Tuple" => "builtins.tuple",
        "Type" => "builtins.type",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(LOADED.is_sorted());
        assert!(BUILTINS.is_sorted());
        assert!(PLAIN_CLASSES.is_sorted());
    }

    #[test]
    fn an_object_has_one_name() {
        assert_eq!(canonical("typing_extensions.List"), "builtins.list");
        assert_eq!(canonical("pydantic.fields.Field"), "pydantic.Field");
        assert_eq!(canonical("prefect.flows.flow"), "prefect.flow");
        assert_eq!(canonical("decimal.Decimal"), "decimal.Decimal");
    }
}
