//! Fields of models, dataclasses, typed dictionaries and named tuples.

use std::rc::Rc;

use ruff_python_ast::Expr;
use ruff_text_size::{Ranged, TextSize};

use crate::{
    classes::{Ancestor, ClassKind, DATACLASS, PYDANTIC_DATACLASS, substitute},
    docstring,
    eval::{Args, CONSTRAINTS, END, put},
    names::Annotated,
    object::{Class, Exception, Fault, Field, Meta, NamedField, Obj, Outcome, Scope},
    session::Session,
};

/// One field, as its class declares it.
#[derive(Debug, Clone)]
pub(crate) struct FieldSpec<'p> {
    pub(crate) name: Rc<str>,
    /// The type without what `Annotated` adds.
    pub(crate) kind: Obj<'p>,
    pub(crate) field: Field<'p>,
    /// Names in the type are looked up here.
    pub(crate) scope: Scope<'p>,
    pub(crate) at: TextSize,
    /// Whether a dataclass takes it by keyword only.
    pub(crate) keyword_only: bool,
    /// For typed dictionaries.
    pub(crate) required: bool,
}

/// A type, taken apart: what `Annotated` says of it and which qualifiers stand around it.
pub(crate) struct Inspected<'p> {
    pub(crate) kind: Obj<'p>,
    pub(crate) metadata: Vec<Meta<'p>>,
    pub(crate) qualifiers: Vec<Rc<str>>,
}

const QUALIFIERS: &[&str] = &[
    "dataclasses.InitVar",
    "typing.ClassVar",
    "typing.Final",
    "typing.NotRequired",
    "typing.ReadOnly",
    "typing.Required",
];

impl<'p> Session<'p> {
    pub(crate) fn inspect(&self, annotation: Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Inspected<'p>> {
        let mut inspected = Inspected { kind: annotation, metadata: Vec::new(), qualifiers: Vec::new() };
        loop {
            match &inspected.kind {
                Obj::Applied(applied) => {
                    let Obj::Known(name) = &applied.origin else { return Ok(inspected) };
                    let Some(inner) = applied.args.first().cloned() else { return Ok(inspected) };
                    if **name == *"typing.Annotated" {
                        let mut metadata = self.metadata_of(&applied.args[1..], scope, at)?;
                        metadata.append(&mut inspected.metadata);
                        inspected.metadata = metadata;
                    } else if QUALIFIERS.contains(&&**name) {
                        inspected.qualifiers.push(Rc::clone(name));
                    } else {
                        return Ok(inspected);
                    }
                    inspected.kind = inner;
                }
                Obj::Known(name) if matches!(&**name, "typing.Final" | "typing.ClassVar") => {
                    inspected.qualifiers.push(Rc::clone(name));
                    inspected.kind = Obj::known("typing.Any");
                }
                Obj::Str(text) => {
                    let text = Rc::clone(text);
                    inspected.kind = self.eval_text(&text, at, scope, END)?;
                }
                _ => return Ok(inspected),
            }
        }
    }

    /// What stands beside a type in `Annotated`.
    pub(crate) fn metadata_of(&self, objects: &[Obj<'p>], scope: &Scope<'p>, at: TextSize) -> Outcome<Vec<Meta<'p>>> {
        objects.iter().map(|object| self.one_meta(object, scope, at)).collect()
    }

    fn one_meta(&self, object: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Meta<'p>> {
        Ok(match object {
            Obj::Field(field) => Meta::Field(Rc::clone(field)),
            Obj::Meta(meta) => (**meta).clone(),
            Obj::Known(name) if **name == *"pydantic.Strict" => Meta::Constraint("strict", Obj::Bool(true)),
            Obj::Instance(instance) => {
                if let Obj::Class(class) = &instance.class {
                    self.kind(class)?;
                }
                Meta::Harmless
            }
            Obj::Known(name) => {
                return Err(scope.doubt(at, format!("`{name}` in `Annotated` is not part of the project")));
            }
            Obj::Class(class) => {
                self.kind(class)?;
                Meta::Harmless
            }
            _ => Meta::Harmless,
        })
    }

    /// Join what an annotation and an assigned default say, as pydantic does.
    pub(crate) fn merge(metadata: Vec<Meta<'p>>, default: Option<Obj<'p>>) -> Outcome<Field<'p>> {
        let mut field = Field::default();
        let mut metadata = metadata;
        let mut plain = None;
        match default {
            Some(Obj::Field(assigned)) => {
                // The constraints of the assigned field come first, its attributes last.
                field.metadata.extend(assigned.metadata.iter().cloned());
                let attributes = Field { metadata: Vec::new(), ..(*assigned).clone() };
                metadata.push(Meta::Field(Rc::new(attributes)));
            }
            Some(default) => plain = Some(default),
            None => {}
        }
        for meta in metadata {
            match meta {
                Meta::Field(other) => {
                    for (name, value) in &other.attributes {
                        field.set(name, merged_attribute(&field, name, value));
                    }
                    field.metadata.extend(other.metadata.iter().cloned());
                }
                other => field.metadata.push(other),
            }
        }
        if let Some(default) = plain {
            field.set("default", default);
        }
        let has_factory = field.get("default_factory").is_some_and(|factory| *factory != Obj::None);
        if has_factory && field.get("default").is_some() {
            return Err(Fault::Raises(Exception::Type));
        }
        Ok(field)
    }

    /// The fields of a class that pydantic reads fields from.
    pub(crate) fn fields(&self, class: &Class<'p>, kind: ClassKind) -> Outcome<Vec<FieldSpec<'p>>> {
        let ancestors = self.ancestors(class)?;
        let mut fields: Vec<FieldSpec<'p>> = Vec::new();
        for ancestor in ancestors.iter().rev() {
            if let ClassKind::Dataclass { .. } = kind
                && !self.is_dataclass(&ancestor.class)?
            {
                continue;
            }
            let own = self.own_fields(ancestor, class, kind)?;
            for field in own {
                match fields.iter_mut().find(|old| old.name == field.name) {
                    Some(old) => *old = field,
                    None => fields.push(field),
                }
            }
            if let ClassKind::Model { .. } = kind {
                self.check_overrides(&ancestor.class, &fields)?;
            }
        }
        Ok(fields)
    }

    fn is_dataclass(&self, class: &Class<'p>) -> Outcome<bool> {
        let decorators = self.decorators(class)?;
        Ok(decorators.iter().any(|(name, _)| matches!(&**name, DATACLASS | PYDANTIC_DATACLASS)))
    }

    /// A value for a field without an annotation: pydantic refuses the class.
    fn check_overrides(&self, class: &Class<'p>, fields: &[FieldSpec<'p>]) -> Outcome<()> {
        let names = self.names(&class.def.0.body);
        let annotated = |name: &str| names.annotated.iter().any(|annotated| annotated.name == name);
        match fields.iter().find(|field| names.bindings.contains_key(&*field.name) && !annotated(&field.name)) {
            None => Ok(()),
            Some(field) => {
                let why = format!("`{}.{}` is overridden without an annotation", class.name(), field.name);
                Err(class.scope.doubt(class.def.start(), why))
            }
        }
    }

    fn own_fields(&self, ancestor: &Ancestor<'p>, of: &Class<'p>, kind: ClassKind) -> Outcome<Vec<FieldSpec<'p>>> {
        let class = &ancestor.class;
        let scope = class.inside();
        let total = self.is_total(class)?;
        let (mut keyword_only, docs) = self.dataclass_options(class, of, kind)?;
        let mut fields = Vec::new();
        for annotated in &self.names(&class.def.0.body).annotated {
            if let ClassKind::Model { .. } = kind
                && (annotated.name.starts_with('_') || annotated.name == "model_config")
            {
                continue;
            }
            let annotation = self.annotation(annotated.annotation, &scope, annotated.at)?;
            let inspected = self.inspect(annotation, &scope, annotated.annotation.start())?;
            let has = |name: &str| inspected.qualifiers.iter().any(|qualifier| **qualifier == *name);
            if has("typing.ClassVar") || has("typing.Final") && annotated.value.is_some() && is_model(kind) {
                continue;
            }
            if inspected.kind.is_known("dataclasses.KW_ONLY") {
                keyword_only = true;
                continue;
            }
            let mut metadata = inspected.metadata;
            if let Some(doc) = annotated.doc.filter(|_| docs) {
                metadata.insert(0, described_by(doc));
            }
            let is_generic = ancestor.given.iter().any(|(parameter, given)| parameter != given);
            if is_generic && holds_text(&inspected.kind) {
                let why = format!("`{}.{}` is quoted in a generic class", class.name(), annotated.name);
                return Err(scope.doubt(annotated.at, why));
            }
            let default = self.field_default(annotated, &scope, kind)?;
            let is_dropped = default.as_ref().is_some_and(is_never_set);
            let mut field = Self::merge(metadata, default)?;
            let by_keyword = match field.get("kw_only") {
                Some(Obj::Bool(value)) => *value,
                _ => keyword_only,
            };
            if is_dropped {
                continue;
            }
            field.attributes.retain(|(name, value)| !(*name == "default_factory" && *value == Obj::None));
            fields.push(FieldSpec {
                name: annotated.name.into(),
                kind: substitute(&inspected.kind, &ancestor.given),
                field,
                scope: scope.clone(),
                at: annotated.at,
                keyword_only: by_keyword,
                required: (total || has("typing.Required")) && !has("typing.NotRequired"),
            });
        }
        Ok(fields)
    }

    /// An annotation in a class body. A deferred one is evaluated when everything is defined.
    pub(crate) fn annotation(&self, annotation: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let at = if scope.module.deferred { END } else { at };
        match annotation {
            Expr::StringLiteral(text) => self.eval_text(text.value.to_str(), annotation.start(), scope, END),
            _ => self.eval(annotation, scope, at),
        }
    }

    fn field_default(&self, annotated: &Annotated<'p>, scope: &Scope<'p>, kind: ClassKind) -> Outcome<Option<Obj<'p>>> {
        let Some(value) = annotated.value else { return Ok(None) };
        if let (ClassKind::Dataclass { .. }, Expr::Call(call)) = (kind, value) {
            let callee = self.eval(&call.func, scope, annotated.at)?;
            if callee.is_known("dataclasses.field") {
                let args = self.arguments(&call.arguments, scope, annotated.at);
                return self.dataclass_field(&args).map(|field| Some(Obj::Field(Rc::new(field))));
            }
        }
        self.eval(value, scope, annotated.at).map(Some)
    }

    /// `dataclasses.field(…)`.
    fn dataclass_field(&self, args: &Args<'p>) -> Outcome<Field<'p>> {
        if let Some(fault) = &args.open {
            return Err(fault.clone());
        }
        let mut field = Field::default();
        for name in ["default", "init", "kw_only"] {
            if let Some(value) = args.take(None, name)? {
                field.set(name, value);
            }
        }
        if let Some(factory) = args.get(None, "default_factory") {
            field.set("default_factory", factory.unwrap_or(Obj::Opaque));
        }
        // Pydantic reads its own attributes from a field's metadata.
        if let Some(Obj::Dict(items)) = args.take(None, "metadata")? {
            for (key, value) in items.iter() {
                let Obj::Str(key) = key else { continue };
                let known = ["title", "description", "examples", "deprecated", "json_schema_extra", "alias", "exclude"];
                if let Some(name) = known.iter().find(|name| **name == &**key) {
                    field.set(name, value.clone());
                } else if let Some(name) = CONSTRAINTS.iter().find(|name| **name == &**key) {
                    field.metadata.push(Meta::Constraint(name, value.clone()));
                }
            }
        }
        Ok(field)
    }

    /// `TypedDict`'s `total`.
    fn is_total(&self, class: &Class<'p>) -> Outcome<bool> {
        let keywords = class.def.0.arguments.iter().flat_map(|arguments| &arguments.keywords);
        let mut named = keywords.filter(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "total"));
        let Some(keyword) = named.next() else { return Ok(true) };
        let value = self.eval(&keyword.value, &class.scope, class.def.start())?;
        self.truth(&value).ok_or_else(|| self.not_followed(&keyword.value, &class.scope))
    }

    /// Whether a dataclass's fields are keyword-only, and whether the texts below fields describe them.
    fn dataclass_options(&self, class: &Class<'p>, of: &Class<'p>, kind: ClassKind) -> Outcome<(bool, bool)> {
        let docs = match kind {
            ClassKind::Model { .. } => self.config(of)?.docs,
            _ => false,
        };
        for (name, arguments) in self.decorators(class)? {
            if let (DATACLASS | PYDANTIC_DATACLASS, Some(arguments)) = (&*name, arguments) {
                let args = self.arguments(arguments, &class.scope, class.def.start());
                let keyword_only = args.take(None, "kw_only")? == Some(Obj::Bool(true));
                return Ok((keyword_only, docs));
            }
        }
        Ok((false, docs))
    }

    /// The fields of a `NamedTuple` class.
    pub(crate) fn named_fields(&self, class: &Class<'p>) -> Outcome<Vec<NamedField<'p>>> {
        let scope = class.inside();
        let names = self.names(&class.def.0.body);
        let each = names.annotated.iter().map(|annotated| {
            Ok(NamedField {
                name: annotated.name.into(),
                annotation: Some(self.annotation(annotated.annotation, &scope, annotated.at)?),
                default: annotated.value.map(|value| self.eval(value, &scope, annotated.at)).transpose()?,
            })
        });
        each.collect()
    }
}

/// Whether a type holds a quoted one.
fn holds_text(kind: &Obj<'_>) -> bool {
    match kind {
        Obj::Str(_) => true,
        Obj::Union(args) => args.iter().any(holds_text),
        Obj::Applied(applied) => !applied.origin.is_known("typing.Literal") && applied.args.iter().any(holds_text),
        _ => false,
    }
}

fn is_model(kind: ClassKind) -> bool {
    matches!(kind, ClassKind::Model { .. })
}

/// `json_schema_extra` of several fields is joined key by key.
fn merged_attribute<'p>(field: &Field<'p>, name: &str, value: &Obj<'p>) -> Obj<'p> {
    match (name, field.get(name), value) {
        ("json_schema_extra", Some(Obj::Dict(old)), Obj::Dict(new)) => {
            let mut pairs = old.to_vec();
            new.iter().for_each(|(key, value)| put(&mut pairs, key.clone(), value.clone()));
            Obj::Dict(pairs.into())
        }
        _ => value.clone(),
    }
}

fn described_by<'p>(doc: &'p Expr) -> Meta<'p> {
    let text = doc.as_string_literal_expr().map(|doc| docstring::clean(doc.value.to_str())).unwrap_or_default();
    let field = Field { attributes: vec![("description", Obj::str(&text))], metadata: Vec::new() };
    Meta::Field(Rc::new(field))
}

/// A dataclass's field that the constructor does not take and that has no default is never set.
fn is_never_set(default: &Obj<'_>) -> bool {
    let Obj::Field(field) = default else { return false };
    field.get("init") == Some(&Obj::Bool(false))
        && field.get("default").is_none()
        && field.get("default_factory").is_none()
}
