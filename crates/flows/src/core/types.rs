//! Type expressions.

use std::rc::Rc;

use ruff_text_size::TextSize;
use serde_json::Value;

use super::{Builder, Core, Json, TYPE_ERROR, leaf};
use crate::{
    classes::substitute,
    default,
    eval::{END, names_in},
    known,
    object::{Applied, Class, Fault, Made, MadeKind, Obj, Outcome, Scope},
};

/// Whether a known type holds others.
pub(super) fn is_container(name: &str) -> bool {
    items(name).is_some() || mapping(name).is_some() || matches!(name, "builtins.tuple" | "collections.Counter")
}

/// Collections of items: the kind of the core schema, and whether the items are unique.
fn items(name: &str) -> Option<(&'static str, bool)> {
    Some(match name {
        "builtins.list" | "collections.abc.MutableSequence" => ("list", false),
        "builtins.set" | "collections.abc.MutableSet" => ("set", true),
        "builtins.frozenset" | "collections.abc.Set" => ("frozenset", true),
        "collections.deque" => ("deque", false),
        "collections.abc.Sequence" => ("json-or-python", false),
        "collections.abc.Iterable" | "collections.abc.Generator" => ("generator", false),
        _ => return None,
    })
}

fn mapping(name: &str) -> Option<&'static str> {
    Some(match name {
        "builtins.dict" => "dict",
        "collections.OrderedDict" => "ordered-dict",
        "collections.abc.Mapping" | "collections.abc.MutableMapping" => "dict",
        "collections.defaultdict" => "lax-or-strict",
        _ => return None,
    })
}

impl<'p> Builder<'_, 'p> {
    /// The core schema of a type. `scope` and `at` place doubts.
    pub(crate) fn build(&mut self, kind: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let session = self.session;
        let deeper = session.deeper(|| self.build_inner(kind, scope, at));
        deeper.unwrap_or_else(|| Err(scope.doubt(at, "the type is too complex to follow")))
    }

    fn build_inner(&mut self, kind: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        if !self.given.is_empty() {
            let given = substitute(kind, &self.given);
            if given != *kind {
                let kept = std::mem::take(&mut self.given);
                let core = self.build(&given, scope, at);
                self.given = kept;
                return core;
            }
        }
        match kind {
            Obj::None => Ok(leaf::null()),
            Obj::Ellipsis => Ok(Core::Invalid),
            Obj::Str(text) => self.quoted(text, scope, at),
            Obj::Known(name) => self.known(name, scope, at),
            Obj::Union(args) => self.union(args, scope, at),
            Obj::Applied(applied) => self.applied(applied, scope, at),
            Obj::Class(class) => self.class(class, scope, at),
            Obj::Made(made) => self.made(made, kind, scope, at),
            Obj::Function(_) | Obj::Flow(_) | Obj::Task(_) => Err(scope.doubt(at, "a function is used as a type")),
            _ => Err(scope.doubt(at, "the annotation is no type")),
        }
    }

    /// A quoted type inside another. Prefect leaves those to pydantic, which sees neither the flow's module nor its names.
    fn quoted(&mut self, text: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let kind = match self.quotes.clone() {
            Some(quotes) => self.session.eval_text(text, at, &quotes, END)?,
            None => self.prefect_text(text, scope, at)?,
        };
        self.build(&kind, scope, at)
    }

    /// A type as Prefect's own module sees it: built-in names, `typing` and `pydantic`.
    pub(crate) fn prefect_text(&mut self, text: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let modules = ["typing", "t", "pydantic", "inspect"];
        let is_seen = |name: &str| modules.contains(&name) || known::is_builtin(name);
        let names = self.session.snippet(text).map(names_in).unwrap_or_default();
        if !names.iter().all(|name| is_seen(name)) {
            return Err(if names.iter().any(|name| PREFECT_NAMES.contains(name)) {
                scope.doubt(at, format!("the quoted type {text:?} is not followed"))
            } else {
                TYPE_ERROR
            });
        }
        let locals = [("typing", "typing"), ("t", "typing"), ("pydantic", "pydantic"), ("inspect", "inspect")];
        let locals = locals.map(|(name, module)| (name, Obj::known(module)));
        let seen = Scope { locals: Rc::new(locals), classes: Rc::from([]), ..scope.clone() };
        self.session.eval_text(text, at, &seen, TextSize::default()).map_err(|fault| match fault {
            Fault::Raises(_) => TYPE_ERROR,
            doubt => doubt,
        })
    }

    fn known(&mut self, name: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        if let Some(mut core) = leaf::leaf(name) {
            if let Core::Leaf { kind: "str", json } = &mut core {
                // The settings of the class around limit all of its texts.
                json.extend(self.config.min_length.map(|limit| ("minLength".to_owned(), limit_json(limit))));
                json.extend(self.config.max_length.map(|limit| ("maxLength".to_owned(), limit_json(limit))));
            }
            return Ok(core);
        }
        match name {
            "typing.Any" | "builtins.object" => Ok(Core::Any),
            "collections.abc.Callable" | "types.EllipsisType" => Ok(Core::Invalid),
            "pydantic.Json" => Ok(Core::Json(Box::new(Core::Any))),
            "pydantic.BaseModel" => self.base_model(),
            "typing.Self" => self.itself(scope, at),
            _ if is_container(name) => self.container(name, None, scope, at),
            _ if known::is_plain_class(name) => self.instance(scope, at),
            _ => {
                let (module, object) = name.rsplit_once('.').unwrap_or(("", name));
                let why = match module {
                    "builtins" | "typing" | "pydantic" => format!("`{object}` of {module} is not followed"),
                    "" => format!("the module `{object}` is used as a type"),
                    _ => format!("`{object}` comes from `{module}`, which is not part of the project"),
                };
                Err(scope.doubt(at, why))
            }
        }
    }

    /// `Self` in a class.
    fn itself(&mut self, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let inside = self.quotes.clone().filter(|_| self.given.is_empty());
        match inside.as_ref().and_then(|inside| inside.classes.split_last().map(|split| (inside, split))) {
            Some((inside, (def, outer))) => {
                let scope = Scope { classes: outer.into(), ..inside.clone() };
                let class = Class { scope, def: *def };
                self.class(&class, inside, at)
            }
            None => Err(scope.doubt(at, "`Self` is not followed here")),
        }
    }

    /// A class whose instances are taken as they are: only where arbitrary types are allowed, as for flows.
    pub(super) fn instance(&mut self, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        if self.config.arbitrary {
            Ok(Core::leaf("is-instance", Json::new()))
        } else {
            Err(scope.doubt(at, "pydantic does not accept the class unless `arbitrary_types_allowed` is set"))
        }
    }

    fn applied(&mut self, applied: &Applied<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let args = &applied.args;
        let name = match &applied.origin {
            Obj::Known(name) => name,
            Obj::Class(class) => return self.generic_class(class, args, scope, at),
            Obj::Made(made) => return self.generic_alias(made, args, scope, at),
            _ => return Err(scope.doubt(at, "the annotation is no type")),
        };
        match &**name {
            "typing.Annotated" => self.annotated(args, scope, at),
            "typing.Literal" => self.literal(args, scope, at),
            "collections.abc.Callable" => Ok(Core::Invalid),
            "builtins.type" => Ok(Core::leaf("is-subclass", Json::new())),
            "re.Pattern" | "os.PathLike" => self.known(name, scope, at),
            "pydantic.Json" => match args.as_slice() {
                [inner] => Ok(Core::Json(Box::new(self.build(inner, scope, at)?))),
                _ => Err(TYPE_ERROR),
            },
            "typing.Final" | "typing.ClassVar" => Err(scope.doubt(at, format!("`{name}` is not followed here"))),
            "pydantic.RootModel" => Err(scope.doubt(at, "a root model without a class is not followed")),
            _ if is_container(name) => self.container(name, Some(args), scope, at),
            _ if known::is_plain_class(name) => self.instance(scope, at),
            _ => self.known(name, scope, at),
        }
    }

    /// A type that holds others; without arguments, anything.
    fn container(&mut self, name: &str, given: Option<&[Obj<'p>]>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let limits = Json::new();
        let args = given.unwrap_or_default();
        let mut build = |arg: Option<&Obj<'p>>| match arg {
            Some(arg) => self.build(arg, scope, at).map(Box::new),
            None => Ok(Box::new(Core::Any)),
        };
        if let Some((kind, unique)) = items(name) {
            return Ok(Core::Items { kind, items: build(args.first())?, unique, limits });
        }
        if name == "collections.Counter" {
            let integer = leaf::leaf("builtins.int").map(Box::new).unwrap_or_else(|| Box::new(Core::Any));
            return Ok(Core::Mapping { kind: "counter", keys: build(args.first())?, values: integer, limits });
        }
        if let Some(kind) = mapping(name) {
            // One argument is too few.
            if args.len() == 1 {
                return Err(TYPE_ERROR);
            }
            return Ok(Core::Mapping { kind, keys: build(args.first())?, values: build(args.get(1))?, limits });
        }
        self.tuple(given, scope, at)
    }

    fn tuple(&mut self, given: Option<&[Obj<'p>]>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let limits = Json::new();
        let Some(args) = given else {
            return Ok(Core::Tuple { items: vec![Core::Any], variadic: true, limits });
        };
        match args {
            [item, Obj::Ellipsis] => {
                Ok(Core::Tuple { items: vec![self.build(item, scope, at)?], variadic: true, limits })
            }
            [.., Obj::Ellipsis] => Err(TYPE_ERROR),
            items => {
                let items = items.iter().map(|item| self.build(item, scope, at)).collect::<Outcome<_>>()?;
                Ok(Core::Tuple { items, variadic: false, limits })
            }
        }
    }

    fn literal(&mut self, args: &[Obj<'p>], scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let values = self.literal_values(args, scope, at)?;
        let mut json: Vec<Value> = Vec::with_capacity(values.len());
        for value in &values {
            let value = if let Obj::Member(member) = value { &member.value } else { value };
            let encoded = default::encode(value, scope, at)?;
            json.push(encoded.ok_or_else(|| scope.doubt(at, "the literal has no JSON"))?);
        }
        let kind = default::common_type(&json);
        let mut schema = match <[Value; 1]>::try_from(json) {
            Ok([only]) => super::json([("const", only)]),
            Err(all) => super::json([("enum", Value::Array(all))]),
        };
        schema.extend(kind.map(|kind| ("type".to_owned(), kind.into())));
        Ok(Core::leaf("literal", schema))
    }

    /// The values of a literal, without duplicates; literals inside are unpacked.
    pub(super) fn literal_values(
        &mut self,
        args: &[Obj<'p>],
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Vec<Obj<'p>>> {
        let mut values: Vec<Obj<'p>> = Vec::new();
        for arg in args {
            let inner = match arg {
                Obj::Applied(inner) if inner.origin.is_known("typing.Literal") => {
                    self.literal_values(&inner.args, scope, at)?
                }
                Obj::Made(_) | Obj::Applied(_) | Obj::Known(_) | Obj::Class(_) => {
                    return Err(scope.doubt(at, "a literal of a type is not followed"));
                }
                value => vec![value.clone()],
            };
            for value in inner {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
        }
        Ok(values)
    }

    fn made(&mut self, made: &Rc<Made<'p>>, kind: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        match &made.kind {
            MadeKind::NewType(base) => self.build(base, scope, at),
            MadeKind::TypeVar { bound, constraints, default } => {
                if let Some(default) = default {
                    return self.build(&default.clone()?, scope, at);
                }
                match (bound, &**constraints) {
                    (_, [_, ..]) => self.union(constraints, scope, at),
                    (Some(bound), _) => self.build(&bound.clone()?, scope, at),
                    (None, _) => Ok(Core::Any),
                }
            }
            MadeKind::Alias { .. } => self.generic_alias(made, &[], scope, at),
            MadeKind::Enum { .. } => self.enumeration(kind, scope, at),
            MadeKind::TypedDict { fields, total } => self.made_typed_dict(made, fields, *total),
            MadeKind::NamedTuple(fields) => self.named_tuple(&made.name, &made.scope, made.at, fields),
        }
    }
}

fn limit_json(limit: i128) -> Value {
    i64::try_from(limit).map_or(Value::Null, Value::from)
}

/// Names of the module that Prefect makes schemas in, which hide those of a flow.
const PREFECT_NAMES: &[&str] = &[
    "V2BaseModel",
    "ConfigDict",
    "PydanticUndefinedAnnotation",
    "create_model",
    "PydanticUserError",
    "FieldInfo",
    "TypeAdapter",
    "GenerateEmptySchemaForUserClasses",
];
