//! Calls that make types: `NewType`, `TypeVar`, functional enums, `TypedDict`, `NamedTuple`, `Field` and its like.

use std::rc::Rc;

use ruff_python_ast::ExprCall;
use ruff_text_size::Ranged;

use super::Args;
use crate::{
    object::{Applied, Field, Made, MadeKind, Meta, NamedField, Obj, Outcome, Scope},
    session::Session,
};

/// Attributes of a `Field`, beyond its constraints.
const ATTRIBUTES: &[&str] = &[
    "default",
    "default_factory",
    "alias",
    "alias_priority",
    "validation_alias",
    "serialization_alias",
    "title",
    "description",
    "examples",
    "exclude",
    "discriminator",
    "deprecated",
    "json_schema_extra",
    "frozen",
    "validate_default",
    "repr",
    "init",
    "init_var",
    "kw_only",
    "field_title_generator",
    "exclude_if",
];

/// What `Field`, `conint` and their like say of values.
pub(crate) const CONSTRAINTS: &[&str] = &[
    "pattern",
    "coerce_numbers_to_str",
    "strict",
    "gt",
    "ge",
    "lt",
    "le",
    "multiple_of",
    "min_length",
    "max_length",
    "allow_inf_nan",
    "max_digits",
    "decimal_places",
    "union_mode",
    "fail_fast",
];

/// Keywords that pydantic refuses or that mean something else than they did.
const REMOVED: &[&str] = &["allow_mutation", "const", "include", "regex", "unique_items"];

/// `StringConstraints` knows these besides.
const TEXT_CONSTRAINTS: &[&str] =
    &["strip_whitespace", "to_upper", "to_lower", "strict", "min_length", "max_length", "pattern", "ascii_only"];

impl<'p> Session<'p> {
    pub(super) fn make(
        &self,
        name: &str,
        args: &Args<'p>,
        call: &'p ExprCall,
        scope: &Scope<'p>,
    ) -> Option<Outcome<Obj<'p>>> {
        let made = match name {
            "typing.NewType" => self.new_type(args).transpose()?.map(|(name, base)| (name, MadeKind::NewType(base))),
            "typing.TypeVar" => self.type_variable(args).transpose()?,
            "typing.TypedDict" => typed_dict(args).transpose()?,
            "typing.NamedTuple" | "collections.namedtuple" => self.named_tuple(args).transpose()?,
            "enum.Enum" | "enum.IntEnum" | "enum.StrEnum" => self.functional_enum(name, args).transpose()?,
            _ => return self.metadata(name, args).transpose(),
        };
        Some(made.map(|(name, kind)| Obj::Made(Rc::new(Made { name, scope: scope.clone(), at: call.start(), kind }))))
    }

    fn new_type(&self, args: &Args<'p>) -> Outcome<Option<(Rc<str>, Obj<'p>)>> {
        Ok(match (args.take(Some(0), "name")?, args.take(Some(1), "tp")?) {
            (Some(Obj::Str(name)), Some(base)) => Some((name, base)),
            _ => None,
        })
    }

    fn type_variable(&self, args: &Args<'p>) -> Outcome<Option<(Rc<str>, MadeKind<'p>)>> {
        let Some(Obj::Str(name)) = args.take(Some(0), "name")? else { return Ok(None) };
        let constraints = args.positional.iter().skip(1).cloned().collect::<Outcome<Vec<_>>>()?;
        let (bound, default) = (args.get(None, "bound"), args.get(None, "default"));
        Ok(Some((name, MadeKind::TypeVar { bound, constraints: constraints.into(), default })))
    }

    fn named_tuple(&self, args: &Args<'p>) -> Outcome<Option<(Rc<str>, MadeKind<'p>)>> {
        let Some(Obj::Str(name)) = args.take(Some(0), "typename")? else { return Ok(None) };
        if !args.has_only(2, &["field_names", "fields", "defaults"]) {
            return Ok(None);
        }
        let fields = match (args.take(Some(1), "field_names")?, args.take(None, "fields")?) {
            (Some(fields), None) | (None, Some(fields)) => fields,
            _ => return Ok(None),
        };
        let field = |name: &str, annotation| NamedField { name: name.into(), annotation, default: None };
        let mut fields: Vec<NamedField<'p>> = match fields {
            Obj::Str(names) => names.replace(',', " ").split_whitespace().map(|name| field(name, None)).collect(),
            Obj::List(items) | Obj::Tuple(items) => {
                let each = items.iter().map(|item| match item {
                    Obj::Str(name) => Some(field(name, None)),
                    Obj::Tuple(pair) => match &**pair {
                        [Obj::Str(name), annotation] => Some(field(name, Some(annotation.clone()))),
                        _ => None,
                    },
                    _ => None,
                });
                let Some(fields) = each.collect() else { return Ok(None) };
                fields
            }
            _ => return Ok(None),
        };
        if let Some(defaults) = args.take(None, "defaults")? {
            let Some(defaults) = self.iterate(&defaults) else { return Ok(None) };
            for (field, default) in fields.iter_mut().rev().zip(defaults.into_iter().rev()) {
                field.default = Some(default);
            }
        }
        Ok(Some((name, MadeKind::NamedTuple(fields.into()))))
    }

    fn functional_enum(&self, kind: &str, args: &Args<'p>) -> Outcome<Option<(Rc<str>, MadeKind<'p>)>> {
        if !args.has_only(2, &["names", "type", "module", "qualname"]) || kind == "enum.StrEnum" {
            return Ok(None);
        }
        let (Some(Obj::Str(name)), Some(names)) = (args.take(Some(0), "value")?, args.take(Some(1), "names")?) else {
            return Ok(None);
        };
        let mixin: Option<Rc<str>> = match args.take(None, "type")? {
            None if kind == "enum.IntEnum" => Some("builtins.int".into()),
            None => None,
            Some(Obj::Known(mixin)) => Some(mixin),
            Some(_) => return Ok(None),
        };
        let counted = |names: Vec<Rc<str>>| -> Vec<(Rc<str>, Obj<'p>)> {
            names.into_iter().zip(1..).map(|(name, value)| (name, Obj::Int(value))).collect()
        };
        let members = match names {
            Obj::Str(names) => counted(names.replace(',', " ").split_whitespace().map(Into::into).collect()),
            Obj::Dict(items) => {
                let each = items.iter().map(|(key, value)| pair(key, value));
                let Some(members) = each.collect() else { return Ok(None) };
                members
            }
            Obj::List(items) | Obj::Tuple(items) => {
                let texts: Option<Vec<Rc<str>>> = items
                    .iter()
                    .map(|item| if let Obj::Str(name) = item { Some(name.clone()) } else { None })
                    .collect();
                let pairs = || {
                    items.iter().map(|item| match item {
                        Obj::Tuple(items) | Obj::List(items) => match &**items {
                            [key, value] => pair(key, value),
                            _ => None,
                        },
                        _ => None,
                    })
                };
                let Some(members) = texts.map(counted).or_else(|| pairs().collect()) else { return Ok(None) };
                members
            }
            _ => return Ok(None),
        };
        Ok(Some((name, MadeKind::Enum { members: members.into(), mixin })))
    }

    fn metadata(&self, name: &str, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let constrained = |base: Obj<'p>, names: &[&'static str]| -> Outcome<Option<Obj<'p>>> {
            if !args.positional.is_empty() || args.open.is_some() {
                return Ok(None);
            }
            let Some(constraints) = constraints(args, names)? else { return Ok(None) };
            let args = vec![base, Obj::Meta(Rc::new(Meta::Constraints(constraints)))];
            Ok(Some(Obj::Applied(Rc::new(Applied { origin: Obj::known("typing.Annotated"), args }))))
        };
        match name {
            "pydantic.Field" => Ok(field(args)?.map(|field| Obj::Field(Rc::new(field)))),
            "pydantic.conint" => constrained(Obj::known("builtins.int"), CONSTRAINTS),
            "pydantic.confloat" => constrained(Obj::known("builtins.float"), CONSTRAINTS),
            "pydantic.condecimal" => constrained(Obj::known("decimal.Decimal"), CONSTRAINTS),
            "pydantic.constr" => constrained(Obj::known("builtins.str"), TEXT_CONSTRAINTS),
            "pydantic.conbytes" => constrained(Obj::known("builtins.bytes"), CONSTRAINTS),
            "pydantic.conlist" | "pydantic.conset" | "pydantic.confrozenset" => {
                let Some(item) = args.take(Some(0), "item_type")? else { return Ok(None) };
                let origin = match name {
                    "pydantic.conlist" => "builtins.list",
                    "pydantic.conset" => "builtins.set",
                    _ => "builtins.frozenset",
                };
                let names: &[&'static str] = &["min_length", "max_length"];
                let Some(constraints) = constraints(args, names)? else { return Ok(None) };
                let base = Obj::Applied(Rc::new(Applied { origin: Obj::known(origin), args: vec![item] }));
                let args = vec![base, Obj::Meta(Rc::new(Meta::Constraints(constraints)))];
                Ok(Some(Obj::Applied(Rc::new(Applied { origin: Obj::known("typing.Annotated"), args }))))
            }
            _ => Ok(meta(name, args)?.map(|meta| Obj::Meta(Rc::new(meta)))),
        }
    }
}

fn pair<'p>(key: &Obj<'p>, value: &Obj<'p>) -> Option<(Rc<str>, Obj<'p>)> {
    if let Obj::Str(key) = key { Some((Rc::clone(key), value.clone())) } else { None }
}

fn typed_dict<'p>(args: &Args<'p>) -> Outcome<Option<(Rc<str>, MadeKind<'p>)>> {
    let (Some(Obj::Str(name)), Some(Obj::Dict(items))) =
        (args.take(Some(0), "typename")?, args.take(Some(1), "fields")?)
    else {
        return Ok(None);
    };
    let total = match args.take(None, "total")? {
        None => true,
        Some(Obj::Bool(total)) => total,
        Some(_) => return Ok(None),
    };
    let fields: Option<Vec<_>> = items.iter().map(|(key, value)| pair(key, value)).collect();
    let is_plain = args.has_only(2, &["total"]);
    Ok(fields.filter(|_| is_plain).map(|fields| (name, MadeKind::TypedDict { fields: fields.into(), total })))
}

/// The constraints among the keywords; none if there are other keywords.
fn constraints<'p>(args: &Args<'p>, names: &[&'static str]) -> Outcome<Option<Vec<(&'static str, Obj<'p>)>>> {
    let mut found = Vec::new();
    for (key, value) in &args.keywords {
        let Some(name) = names.iter().find(|name| **name == key) else {
            if matches!(key.as_str(), "item_type") {
                continue;
            }
            return Ok(None);
        };
        match value.clone()? {
            Obj::None => {}
            value => found.push((*name, value)),
        }
    }
    Ok(Some(found))
}

/// `Field(default, …)`.
fn field<'p>(args: &Args<'p>) -> Outcome<Option<Field<'p>>> {
    if args.positional.len() > 1 || args.open.is_some() {
        return Ok(None);
    }
    let mut field = Field::default();
    if let Some(default) = args.positional.first() {
        field.set("default", default.clone()?);
    }
    let mut extra = Vec::new();
    for (key, value) in &args.keywords {
        if let Some(name) = ATTRIBUTES.iter().find(|name| *name == key) {
            field.set(name, value.clone().or_else(|fault| if is_needed(name) { Err(fault) } else { Ok(Obj::Opaque) })?);
        } else if let Some(name) = constraint(key) {
            match value.clone()? {
                Obj::None => {}
                value => field.metadata.push(Meta::Constraint(name, value)),
            }
        } else if REMOVED.contains(&key.as_str()) {
            return Ok(None);
        } else {
            extra.push((Obj::str(key), value.clone()?));
        }
    }
    // Other keywords land in the schema, unless it has extra keys already.
    let is_free = field.get("json_schema_extra").is_none_or(|extra| *extra == Obj::None);
    if !extra.is_empty() && is_free {
        field.set("json_schema_extra", Obj::Dict(extra.into()));
    }
    // `Field(...)` says that there is no default.
    field.attributes.retain(|(name, value)| *name != "default" || *value != Obj::Ellipsis);
    // An alias counts for input and output unless these have their own.
    if let Some(alias) = field.get("alias").cloned() {
        for name in ["validation_alias", "serialization_alias"] {
            if field.get(name).is_none() {
                field.set(name, alias.clone());
            }
        }
    }
    Ok(Some(field))
}

/// A constraint by its name of today or of pydantic 1.
fn constraint(key: &str) -> Option<&'static str> {
    let name = match key {
        "min_items" => "min_length",
        "max_items" => "max_length",
        name => name,
    };
    CONSTRAINTS.iter().find(|constraint| **constraint == name).copied()
}

/// Whether an attribute shows in the schema or in defaults.
fn is_needed(attribute: &str) -> bool {
    !matches!(attribute, "alias_priority" | "exclude_if" | "frozen" | "validate_default" | "repr" | "default_factory")
}

fn meta<'p>(name: &str, args: &Args<'p>) -> Outcome<Option<Meta<'p>>> {
    let one = |constraint: &'static str| -> Outcome<Option<Meta<'p>>> {
        Ok(args.take(Some(0), constraint)?.map(|value| Meta::Constraint(constraint, value)))
    };
    match name {
        "annotated_types.Gt" => one("gt"),
        "annotated_types.Ge" => one("ge"),
        "annotated_types.Lt" => one("lt"),
        "annotated_types.Le" => one("le"),
        "annotated_types.MultipleOf" => one("multiple_of"),
        "annotated_types.MinLen" => one("min_length"),
        "annotated_types.MaxLen" => one("max_length"),
        "annotated_types.Len" => {
            let mut found = Vec::new();
            // A minimum of zero says nothing.
            if let Some(min) = args.take(Some(0), "min_length")?
                && min != Obj::Int(0)
            {
                found.push(("min_length", min));
            }
            if let Some(max) = args.take(Some(1), "max_length")?
                && max != Obj::None
            {
                found.push(("max_length", max));
            }
            Ok(Some(Meta::Constraints(found)))
        }
        "annotated_types.Interval" => Ok(constraints(args, &["gt", "ge", "lt", "le"])?.map(Meta::Constraints)),
        "pydantic.StringConstraints" => Ok(constraints(args, TEXT_CONSTRAINTS)?.map(Meta::Constraints)),
        "pydantic.Strict" => Ok(Some(Meta::Constraint("strict", Obj::Bool(true)))),
        "pydantic.Discriminator" => match args.take(Some(0), "discriminator")? {
            Some(Obj::Str(field)) => Ok(Some(Meta::Discriminator(field))),
            _ => Ok(None),
        },
        "typing.Doc" | "pydantic.PlainSerializer" | "pydantic.WrapSerializer" => Ok(Some(Meta::Harmless)),
        "pydantic.AfterValidator" => Ok(Some(Meta::Validator)),
        "pydantic.BeforeValidator" | "pydantic.WrapValidator" if args.has_only(1, &["func"]) => {
            Ok(Some(Meta::Validator))
        }
        _ => Ok(None),
    }
}
