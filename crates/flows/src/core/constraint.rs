//! `Annotated`, `Field` and constraints.

use ruff_text_size::TextSize;
use serde_json::Value;

use super::{Builder, Core, Json, TYPE_ERROR, json, leaf};
use crate::{
    default,
    object::{Field, Meta, Obj, Outcome, Scope},
};

/// Constraints that only texts have; on other types they are checked after a conversion and do not show.
const TEXT_ONLY: &[&str] =
    &["pattern", "strip_whitespace", "to_lower", "to_upper", "coerce_numbers_to_str", "ascii_only"];

impl<'p> Builder<'_, 'p> {
    /// `Annotated[kind, metadata…]` anywhere but at the top of a field.
    pub(super) fn annotated(&mut self, args: &[Obj<'p>], scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let [kind, rest @ ..] = args else { return Err(TYPE_ERROR) };
        let metadata = self.session.metadata_of(rest, scope, at)?;
        let mut core = self.constrained(kind, &metadata, scope, at)?;
        for field in metadata.iter().filter_map(|meta| if let Meta::Field(field) = meta { Some(field) } else { None }) {
            core = with_default(core, field, scope, at)?;
        }
        Ok(core)
    }

    /// A type and what is said of it.
    pub(super) fn constrained(
        &mut self,
        kind: &Obj<'p>,
        metadata: &[Meta<'p>],
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        let mut core = self.build(kind, scope, at)?;
        for meta in metadata {
            core = self.apply(core, meta, scope, at)?;
        }
        Ok(core)
    }

    fn apply(&mut self, core: Core, meta: &Meta<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        match meta {
            Meta::Harmless => Ok(core),
            Meta::Validator => Ok(checked(core)),
            Meta::Constraint(name, value) => self.constrain(core, name, value, scope, at),
            Meta::Constraints(all) => {
                all.iter().try_fold(core, |core, (name, value)| self.constrain(core, name, value, scope, at))
            }
            Meta::Discriminator(field) => self.discriminate(core, field, scope, at),
            Meta::Field(field) => {
                let mut core = field.metadata.iter().try_fold(core, |core, meta| self.apply(core, meta, scope, at))?;
                if let Some(discriminator) = discriminator(field) {
                    core = match discriminator {
                        Obj::Str(name) => self.discriminate(core, name, scope, at)?,
                        _ => return Err(scope.doubt(at, "the discriminator is not followed")),
                    };
                }
                let (updates, extra) = self.notes(field, scope, at)?;
                Ok(noted(core, updates, extra))
            }
        }
    }

    /// What a field adds to the schema of its type: the keys that are written over it, and free ones.
    pub(crate) fn notes(&mut self, field: &Field<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<(Json, Json)> {
        let mut updates = Json::new();
        for name in ["title", "description", "deprecated", "examples"] {
            let value = match (name, field.get(name)) {
                (_, None | Some(Obj::None)) => continue,
                ("title" | "description", Some(Obj::Str(text))) => Value::String(text.to_string()),
                ("deprecated", Some(Obj::Bool(false))) => continue,
                ("deprecated", Some(Obj::Bool(true) | Obj::Str(_))) => Value::Bool(true),
                ("examples", Some(examples)) => {
                    default::encode(examples, scope, at)?.ok_or_else(|| scope.doubt(at, "the examples have no JSON"))?
                }
                (name, Some(_)) => return Err(scope.doubt(at, format!("the {name} of a field is not followed"))),
            };
            updates.insert(name.to_owned(), value);
        }
        let extra = match field.get("json_schema_extra") {
            None | Some(Obj::None) => Json::new(),
            Some(extra @ Obj::Dict(_)) => match default::encode(extra, scope, at)? {
                Some(Value::Object(extra)) => extra,
                _ => return Err(scope.doubt(at, "`json_schema_extra` has no JSON")),
            },
            Some(_) => return Err(scope.doubt(at, "`json_schema_extra` is a function")),
        };
        if let Some(generator) = field.get("field_title_generator")
            && *generator != Obj::None
        {
            return Err(scope.doubt(at, "the title of a field is made by a function"));
        }
        Ok((updates, extra))
    }

    fn constrain(
        &mut self,
        core: Core,
        name: &'static str,
        value: &Obj<'p>,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        match core {
            Core::Nullable(inner) => Ok(Core::Nullable(Box::new(self.constrain(*inner, name, value, scope, at)?))),
            Core::Noted { inner, updates, extra, function: false } => {
                let inner = Box::new(self.constrain(*inner, name, value, scope, at)?);
                Ok(Core::Noted { inner, updates, extra, function: false })
            }
            Core::Ref(_) => Err(scope.doubt(at, format!("`{name}` on a class is not followed"))),
            core => {
                let encoded = default::encode(value, scope, at)?;
                let value = encoded.ok_or_else(|| scope.doubt(at, format!("`{name}` has no JSON")))?;
                limit(core, name, value).ok_or_else(|| scope.doubt(at, format!("`{name}` does not fit the type")))
            }
        }
    }
}

/// A schema with the default that a field gives, if it gives one.
pub(super) fn with_default<'p>(core: Core, field: &Field<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
    let inner = Box::new(core);
    if field.get("default_factory").is_some_and(|factory| *factory != Obj::None) {
        return Ok(Core::Default { inner, value: None });
    }
    match field.get("default") {
        None => Ok(*inner),
        Some(default) => Ok(Core::Default { inner, value: default::encode(default, scope, at)? }),
    }
}

pub(super) fn discriminator<'a, 'p>(field: &'a Field<'p>) -> Option<&'a Obj<'p>> {
    field.get("discriminator").filter(|discriminator| **discriminator != Obj::None)
}

pub(super) fn noted(core: Core, updates: Json, extra: Json) -> Core {
    // A type that writes its own schema writes it over what is said of it.
    if updates.is_empty() && extra.is_empty() || core.kind() == leaf::OWN_SCHEMA {
        return core;
    }
    Core::Noted { inner: Box::new(core), updates, extra, function: false }
}

/// One constraint on a core schema, as pydantic applies it: into the schema if the type knows it, or by a check around it.
fn limit(core: Core, name: &'static str, value: Value) -> Option<Core> {
    let is_numeric = matches!(name, "gt" | "ge" | "lt" | "le" | "multiple_of");
    let is_length = matches!(name, "min_length" | "max_length");
    let mut core = core;
    match (&mut core, name) {
        (_, "fail_fast" | "union_mode") => return Some(core),
        (_, "strict") => {
            let knows_strict = !matches!(core.kind(), "union" | "tagged-union" | "any" | "literal" | "json-or-python");
            return knows_strict.then_some(core);
        }
        (_, "allow_inf_nan") => return Some(core),
        (Core::Leaf { kind: "int" | "float", json }, _) if is_numeric => {
            json.insert(numeric_key(name).to_owned(), value);
            return Some(core);
        }
        (Core::Leaf { kind: "decimal" | "fraction", json }, _) if is_numeric => {
            let number = json.get_mut("anyOf")?.get_mut(0)?.as_object_mut()?;
            number.insert(numeric_key(name).to_owned(), value.as_f64()?.into());
            return Some(core);
        }
        (Core::Leaf { kind: "decimal", .. }, "max_digits" | "decimal_places") => return Some(core),
        (Core::Leaf { kind: "date" | "time" | "datetime" | "timedelta", .. }, _) if is_numeric => {
            return value.is_string().then_some(core);
        }
        (Core::Leaf { kind: "str", json }, _) if is_length || name == "pattern" => {
            let key = match name {
                "min_length" => "minLength",
                "max_length" => "maxLength",
                name => name,
            };
            json.insert(key.to_owned(), value);
            return Some(core);
        }
        (Core::Leaf { kind: "bytes", json }, _) if is_length => {
            json.insert(if name == "min_length" { "minLength" } else { "maxLength" }.to_owned(), value);
            return Some(core);
        }
        (Core::Items { kind: "list" | "set" | "frozenset" | "deque" | "generator", limits, .. }, _) if is_length => {
            limits.insert(item_key(name).to_owned(), value);
            return Some(core);
        }
        (Core::Tuple { limits, .. }, _) if is_length => {
            limits.insert(item_key(name).to_owned(), value);
            return Some(core);
        }
        (Core::Mapping { kind: "dict" | "ordered-dict" | "counter", limits, .. }, _) if is_length => {
            limits.insert(if name == "min_length" { "minProperties" } else { "maxProperties" }.to_owned(), value);
            return Some(core);
        }
        // On other types this is a check of the text form.
        _ if TEXT_ONLY.contains(&name) => return Some(if core.kind() == "str" { core } else { checked(core) }),
        _ => {}
    }
    let key = if is_length { length_key(&core, name) } else { name };
    let updates = json([(key, value)]);
    Some(Core::Noted { inner: Box::new(core), updates, extra: Json::new(), function: true })
}

/// A check around a schema that does not show.
fn checked(core: Core) -> Core {
    Core::Noted { inner: Box::new(core), updates: Json::new(), extra: Json::new(), function: true }
}

fn numeric_key(name: &str) -> &'static str {
    match name {
        "gt" => "exclusiveMinimum",
        "ge" => "minimum",
        "lt" => "exclusiveMaximum",
        "le" => "maximum",
        _ => "multipleOf",
    }
}

fn item_key(name: &str) -> &'static str {
    if name == "min_length" { "minItems" } else { "maxItems" }
}

/// How a check of the length around a schema shows.
fn length_key(core: &Core, name: &str) -> &'static str {
    let mut inner = core;
    while let Core::Noted { inner: next, .. } = inner {
        inner = next;
    }
    match (inner.kind(), name) {
        ("list" | "json-or-python", name) => item_key(name),
        (_, "min_length") => "minLength",
        _ => "maxLength",
    }
}
