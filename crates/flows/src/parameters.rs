//! A flow's parameters as Prefect describes them.
//!
//! Prefect makes a pydantic model of the parameters, one field each, and takes the schema of that. A parameter whose type
//! has no schema becomes one that accepts anything.

use std::rc::Rc;

use ruff_python_ast::{Expr, Parameter, ParameterWithDefault};
use ruff_text_size::{Ranged, TextSize};
use serde_json::{Value, json};

use crate::{
    Part, Unknown,
    core::{Builder, Core, FieldCore, Json, TYPE_ERROR, json as note},
    docstring,
    eval::{END, names_in},
    known::is_builtin,
    object::{Applied, Doubt, Fault, Field, Function, Obj, Outcome},
    schema::{Generator, NoJson},
    session::Session,
};

/// The schema of a function's parameters, and the parameters that it leaves open.
pub(crate) struct Parameters {
    pub(crate) schema: Value,
    pub(crate) unknown: Vec<Unknown>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    /// `*args`
    Positional,
    /// `**kwargs`
    Keyword,
}

struct Declared<'p> {
    parameter: &'p Parameter,
    default: Option<&'p Expr>,
    kind: Kind,
}

/// What the annotations of a function mean.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// As objects.
    Evaluated,
    /// Some annotation cannot be evaluated, so those that are text stay text.
    Text,
}

pub(crate) fn of<'p>(session: &Session<'p>, function: &Function<'p>, doc: Option<&str>) -> Parameters {
    let described = doc.map(docstring::parameters).unwrap_or_default();
    let mut builder = Builder::new(session);
    let mut made: Vec<(FieldCore, Option<Fault>)> = Vec::new();
    let reading = reading(session, function);
    for (position, declared) in declared(function).iter().enumerate() {
        let name = declared.parameter.name.as_str();
        if matches!(name, "self" | "cls") {
            continue;
        }
        let description = described.iter().rev().find(|(described, _)| described == name).map(|(_, text)| &**text);
        made.push(Maker { builder: &mut builder, function, reading }.field(declared, position, description));
    }
    assemble(&builder, made, function)
}

/// All parameters in the order of the signature.
fn declared<'p>(function: &Function<'p>) -> Vec<Declared<'p>> {
    let parameters = &*function.def.0.parameters;
    let plain = |with: &'p ParameterWithDefault| Declared {
        parameter: &with.parameter,
        default: with.default.as_deref(),
        kind: Kind::Plain,
    };
    let star = |parameter: &'p Parameter, kind| Declared { parameter, default: None, kind };
    let positional = parameters.posonlyargs.iter().chain(&parameters.args).map(plain);
    let rest = parameters.vararg.iter().map(|parameter| star(parameter, Kind::Positional));
    let keyword = parameters.kwonlyargs.iter().map(plain);
    let others = parameters.kwarg.iter().map(|parameter| star(parameter, Kind::Keyword));
    positional.chain(rest).chain(keyword).chain(others).collect()
}

/// Prefect evaluates annotations that are text. If one of them names what does not exist, all of them stay text.
fn reading<'p>(session: &Session<'p>, function: &Function<'p>) -> Reading {
    let def = function.def.0;
    let annotations = declared(function).into_iter().filter_map(|declared| declared.parameter.annotation.as_deref());
    for annotation in annotations.chain(def.returns.as_deref()) {
        let outcome = match annotation {
            Expr::StringLiteral(_) if function.scope.module.deferred => continue,
            Expr::StringLiteral(text) => {
                session.eval_text(text.value.to_str(), annotation.start(), &function.scope, END)
            }
            _ if function.scope.module.deferred => session.eval(annotation, &function.scope, END),
            _ => continue,
        };
        if let Err(Fault::Raises(_)) = outcome {
            return Reading::Text;
        }
    }
    Reading::Evaluated
}

struct Maker<'b, 's, 'p> {
    builder: &'b mut Builder<'s, 'p>,
    function: &'b Function<'p>,
    reading: Reading,
}

impl<'p> Maker<'_, '_, 'p> {
    /// A parameter as a field; with the fault if it is left open.
    fn field(
        &mut self,
        declared: &Declared<'p>,
        position: usize,
        described: Option<&str>,
    ) -> (FieldCore, Option<Fault>) {
        let name = declared.parameter.name.as_str().to_owned();
        let default = self.default(declared);
        let mut fault = default.as_ref().err().cloned();
        let is_unknown = fault.is_some();
        let default = default.unwrap_or(None);
        let (own, given) = self.own_field(default, &name, position, described);

        let definitions = self.builder.definitions.len();
        let (core, field) = match self.typed(declared, &own) {
            Ok(typed) => typed,
            Err(failure) => {
                // What only this type has defined is not there for others to refer to.
                self.builder.definitions.truncate(definitions);
                if let Fault::Doubt(_) = failure {
                    fault = fault.or(Some(failure));
                }
                (self.untyped(&own, &mut fault), own.clone())
            }
        };
        let scope = &self.function.scope;
        let at = declared.parameter.start();
        let notes = self.builder.notes(&field, scope, at);
        let (updates, extra) = notes.unwrap_or_else(|doubt| {
            fault = fault.take().or(Some(doubt));
            (note([("title", name.clone().into())]), note([("position", position.into())]))
        });
        // A default that is not known, or has no JSON that is known, is still a default.
        let is_open = fault.is_some() && (is_unknown || given.is_some_and(|given| given != Obj::Ellipsis));
        let required = !matches!(core, Core::Default { .. }) && !is_open;
        (FieldCore { name, core, required, updates, extra }, fault)
    }

    fn default(&self, declared: &Declared<'p>) -> Outcome<Option<Obj<'p>>> {
        match (declared.kind, declared.default) {
            (Kind::Positional, _) => Ok(Some(Obj::List([].into()))),
            (Kind::Keyword, _) => Ok(Some(Obj::Dict([].into()))),
            (Kind::Plain, None) => Ok(None),
            (Kind::Plain, Some(default)) => {
                let at = self.function.def.0.range.start();
                self.builder.session.eval(default, &self.function.scope, at).map(Some)
            }
        }
    }

    /// The field that Prefect makes of a parameter. Of a `Field()` that is the default, it keeps little.
    fn own_field(
        &self,
        default: Option<Obj<'p>>,
        name: &str,
        position: usize,
        described: Option<&str>,
    ) -> (Field<'p>, Option<Obj<'p>>) {
        let existing = if let Some(Obj::Field(field)) = &default { Some(Rc::clone(field)) } else { None };
        let value = match &existing {
            Some(field) => field.get("default").cloned(),
            None => default.filter(|default| *default != Obj::Ellipsis),
        };
        let own_description = existing.as_ref().and_then(|field| field.get("description").cloned());
        let description = match own_description {
            Some(Obj::Str(text)) if !text.is_empty() => Obj::Str(text),
            _ => described.map_or(Obj::None, Obj::str),
        };
        let position_key = Obj::str("position");
        let mut extra = match existing.as_ref().and_then(|field| field.get("json_schema_extra").cloned()) {
            Some(Obj::Dict(items)) => items.to_vec(),
            _ => Vec::new(),
        };
        if !extra.iter().any(|(key, _)| *key == position_key) {
            extra.push((position_key, Obj::Int(position as i128)));
        }
        let mut field = Field::default();
        if let Some(value) = value.clone() {
            field.set("default", value);
        }
        for alias in ["alias", "validation_alias", "serialization_alias"] {
            field.set(alias, Obj::None);
        }
        field.set("title", Obj::str(name));
        field.set("description", description);
        field.set("json_schema_extra", Obj::Dict(extra.into()));
        (field, value)
    }

    /// The parameter with its type. Raises where Prefect falls back to anything.
    fn typed(&mut self, declared: &Declared<'p>, own: &Field<'p>) -> Outcome<(Core, Field<'p>)> {
        let (scope, at) = (self.function.scope.clone(), declared.parameter.start());
        let kind = self.annotation(declared)?;
        let applied = |origin: &str, args| {
            Obj::Applied(Rc::new(Applied { origin: Obj::known(&format!("builtins.{origin}")), args }))
        };
        let kind = match declared.kind {
            Kind::Plain => kind,
            Kind::Positional => applied("list", vec![kind]),
            Kind::Keyword => applied("dict", vec![Obj::known("builtins.str"), kind]),
        };
        let session = self.builder.session;
        let kind = match &kind {
            Obj::Str(text) => self.builder.prefect_text(text, &scope, at)?,
            _ => kind,
        };
        let inspected = session.inspect(kind, &scope, at)?;
        if let Some(qualifier) = inspected.qualifiers.first() {
            return Err(scope.doubt(at, format!("`{qualifier}` on a parameter is not followed")));
        }
        let field = Session::merge(inspected.metadata, Some(Obj::Field(own.clone().into())))?;
        let core = self.builder.field_core(&inspected.kind, &field, &scope, at)?;
        // Like Prefect, see whether the schema can be made at all.
        match Generator::new(&self.builder.definitions).core(&core) {
            Ok(_) => Ok((core, field)),
            Err(NoJson::Invalid | NoJson::InvalidClass) => Err(TYPE_ERROR),
            Err(NoJson::Unsure) => Err(scope.doubt(at, "a member of the union has no JSON schema")),
            Err(NoJson::Fault(fault)) => Err(fault),
        }
    }

    fn annotation(&self, declared: &Declared<'p>) -> Outcome<Obj<'p>> {
        let Some(annotation) = declared.parameter.annotation.as_deref() else { return Ok(Obj::known("typing.Any")) };
        let scope = &self.function.scope;
        let session = self.builder.session;
        let deferred = scope.module.deferred;
        match (annotation, self.reading) {
            (Expr::StringLiteral(text), Reading::Text) if !deferred => Ok(Obj::str(text.value.to_str())),
            // A quoted annotation is text twice over, and is evaluated once.
            (Expr::StringLiteral(text), Reading::Evaluated) if deferred => Ok(Obj::str(text.value.to_str())),
            (_, Reading::Text) if deferred => Ok(Obj::str(&source_of(annotation, &scope.module.text))),
            (Expr::StringLiteral(text), _) => session.eval_text(text.value.to_str(), annotation.start(), scope, END),
            _ if deferred => session.eval(annotation, scope, END),
            _ => session.eval(annotation, scope, self.function.def.0.range.start()).map_err(|fault| match fault {
                // Importing the module raises this, so there is no flow at all.
                Fault::Raises(_) => self.undefined(annotation),
                doubt => doubt,
            }),
        }
    }

    fn undefined(&self, annotation: &Expr) -> Fault {
        let scope = &self.function.scope;
        let names = names_in(annotation);
        let missing = names.iter().find(|name| !is_builtin(name)).copied().unwrap_or_default();
        scope.doubt(annotation.start(), format!("`{missing}` in the annotation is not defined"))
    }

    /// The parameter without its type.
    fn untyped(&mut self, own: &Field<'p>, fault: &mut Option<Fault>) -> Core {
        let any = Obj::known("typing.Any");
        let scope = &self.function.scope;
        let core = self.builder.field_core(&any, own, scope, TextSize::default());
        core.unwrap_or_else(|doubt| {
            let _ = fault.get_or_insert(doubt);
            Core::Any
        })
    }
}

/// The source of a deferred annotation, which Python keeps as text.
fn source_of(annotation: &Expr, text: &str) -> String {
    let range = annotation.range();
    text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default().to_owned()
}

fn assemble<'p>(
    builder: &Builder<'_, 'p>,
    made: Vec<(FieldCore, Option<Fault>)>,
    function: &Function<'p>,
) -> Parameters {
    let mut generator = Generator::new(&builder.definitions);
    let mut properties = Json::new();
    let mut required: Vec<Value> = Vec::new();
    let mut unknown = Vec::new();
    for (field, fault) in made {
        let json = generator.field(&field).unwrap_or_else(|_| field.updates.clone());
        if field.required {
            required.push(field.name.clone().into());
        }
        if let Some(fault) = fault {
            unknown.push(Unknown::of(Part::Parameter(field.name.clone()), &fault, function));
        }
        properties.insert(field.name, json.into());
    }
    let mut schema = json!({"title": "Parameters", "type": "object", "properties": properties});
    let definitions = generator.finish(&mut schema["properties"]);
    sort(&mut schema["properties"], true);
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    if !definitions.is_empty() {
        let mut definitions = Value::from(definitions);
        sort(&mut definitions, false);
        schema["definitions"] = definitions;
    }
    Parameters { schema, unknown }
}

/// Keys in the order in which pydantic writes them: by name, except for properties and defaults.
fn sort(value: &mut Value, keep: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| sort(item, keep)),
        Value::Object(map) => {
            if !keep {
                map.sort_keys();
            }
            map.iter_mut().for_each(|(key, value)| sort(value, matches!(key.as_str(), "properties" | "default")));
        }
        _ => {}
    }
}

impl Unknown {
    pub(crate) fn of(part: Part, fault: &Fault, function: &Function<'_>) -> Self {
        let (why, place) = match fault {
            Fault::Doubt(doubt) => {
                let Doubt { why, place } = &**doubt;
                (why.clone(), place.clone())
            }
            Fault::Raises(_) => ("Python raises an error here".to_owned(), function.place()),
        };
        Self { part, why, place }
    }
}
