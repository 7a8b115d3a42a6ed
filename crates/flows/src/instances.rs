//! Calls of classes: enum members by value, models, dataclasses and other instances.
//!
//! Pydantic converts what a model is given, so only values that need no conversion are followed.

use std::rc::Rc;

use crate::{
    classes::ClassKind,
    eval::{Args, END, equals},
    fields::FieldSpec,
    known::is_exception,
    object::{Class, Content, Instance, MadeKind, Obj, Outcome, Scope},
    session::Session,
    time::Moment,
};

/// Methods of a class that change how its instances are made or written.
const MAKERS: &[&str] =
    &["__init__", "__new__", "__post_init__", "model_post_init", "__getattribute__", "__init_subclass__"];

/// Decorators of methods that change instances.
const CHANGING: &[&str] = &[
    "pydantic.computed_field",
    "pydantic.field_serializer",
    "pydantic.field_validator",
    "pydantic.model_serializer",
    "pydantic.model_validator",
    "pydantic.root_validator",
    "pydantic.validator",
];

impl<'p> Session<'p> {
    /// `class(args)`; none if that is not followed.
    pub(crate) fn instantiate(&self, callee: &Obj<'p>, args: &Args<'p>, scope: &Scope<'p>) -> Option<Outcome<Obj<'p>>> {
        match callee {
            Obj::Class(class) => self.call_class(class, args, scope).transpose(),
            Obj::Made(made) => match &made.kind {
                MadeKind::NewType(_) => args.positional.first().cloned(),
                MadeKind::Enum { .. } => self.member_by_value(callee, args).transpose(),
                MadeKind::NamedTuple(_) => {
                    let items = args.only_positional()?;
                    Some(items.map(|items| Obj::Tuple(items.into())))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn call_class(&self, class: &Class<'p>, args: &Args<'p>, scope: &Scope<'p>) -> Outcome<Option<Obj<'p>>> {
        let kind = self.kind(class)?;
        match kind {
            ClassKind::Enum => self.member_by_value(&Obj::Class(class.clone()), args),
            ClassKind::TypedDict if args.positional.is_empty() && args.open.is_none() => {
                let items = args.keywords.iter().map(|(key, value)| Ok((Obj::str(key), value.clone()?)));
                Ok(Some(Obj::Dict(items.collect::<Outcome<Vec<_>>>()?.into())))
            }
            ClassKind::NamedTuple => self.named_tuple_of(class, args),
            ClassKind::Plain => self.plain_instance(class, args),
            ClassKind::Model { settings: false, .. } | ClassKind::Dataclass { .. } if !self.is_custom(class)? => {
                self.fielded_instance(class, kind, args, scope)
            }
            _ => Ok(None),
        }
    }

    fn member_by_value(&self, of: &Obj<'p>, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let Some(values) = args.only_positional().transpose()? else { return Ok(None) };
        let [value] = values.as_slice() else { return Ok(None) };
        let found = self.members(of)?.into_iter().find(|member| equals(&member.value, value));
        Ok(found.map(Obj::Member))
    }

    fn named_tuple_of(&self, class: &Class<'p>, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let fields = self.named_fields(class)?;
        let mut values = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            match args.take(Some(index), &field.name)?.or_else(|| field.default.clone()) {
                Some(value) => values.push(value),
                None => return Ok(None),
            }
        }
        Ok((args.positional.len() <= fields.len()).then(|| Obj::Tuple(values.into())))
    }

    /// An instance of a class that pydantic does not know: it has no JSON, unless it is a text or a number.
    fn plain_instance(&self, class: &Class<'p>, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let lineage = self.lineage(class)?;
        let built_in = lineage.known.iter().find(|(name, _)| {
            !matches!(&**name, "abc.ABC" | "typing.Generic" | "builtins.object") && !is_exception(name)
        });
        match built_in {
            None => {
                let class = Obj::Class(class.clone());
                Ok(Some(Obj::Instance(Rc::new(Instance { class, content: Content::None }))))
            }
            Some((name, _)) if !self.is_custom(class)? => {
                let values = args.only_positional().transpose()?;
                Ok(match (&**name, values.as_deref()) {
                    ("builtins.str", Some([Obj::Str(text)])) => Some(Obj::Str(Rc::clone(text))),
                    ("builtins.int", Some([Obj::Int(value)])) => Some(Obj::Int(*value)),
                    ("builtins.float", Some([Obj::Float(value)])) => Some(Obj::Float(*value)),
                    _ => None,
                })
            }
            Some(_) => Ok(None),
        }
    }

    /// Whether a class or one of its ancestors has a say in how its instances are made or written.
    fn is_custom(&self, class: &Class<'p>) -> Outcome<bool> {
        for ancestor in self.ancestors(class)? {
            if MAKERS.iter().any(|maker| self.defines(&ancestor.class, maker)) {
                return Ok(true);
            }
            let scope = ancestor.class.inside();
            let methods = ancestor.class.def.0.body.iter().filter_map(|statement| statement.as_function_def_stmt());
            for decorator in methods.flat_map(|method| &method.decorator_list) {
                let callee = decorator.expression.as_call_expr().map_or(&decorator.expression, |call| &*call.func);
                match self.eval(callee, &scope, END) {
                    Ok(Obj::Known(name)) if CHANGING.contains(&&*name) => return Ok(true),
                    Ok(_) => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        Ok(false)
    }

    fn fielded_instance(
        &self,
        class: &Class<'p>,
        kind: ClassKind,
        args: &Args<'p>,
        scope: &Scope<'p>,
    ) -> Outcome<Option<Obj<'p>>> {
        let config = self.config(class)?;
        let is_model = matches!(kind, ClassKind::Model { .. });
        if config.converts || config.extra.as_deref() == Some("allow") || args.open.is_some() {
            return Ok(None);
        }
        if let ClassKind::Model { root: true, .. } = kind {
            return self.root_instance(class, args);
        }
        let fields = self.fields(class, kind)?;
        let positions = positions(&fields, kind);
        let is_converting = kind != ClassKind::Dataclass { pydantic: false };
        let mut content = Vec::with_capacity(fields.len());
        let mut taken = 0;
        for field in &fields {
            let position = positions.iter().position(|name| *name == field.name).filter(|_| !is_model);
            let alias = text_of(field, "validation_alias");
            let given = match &alias {
                Some(alias) if is_model => {
                    args.take(None, alias)?.or(if config.by_name { args.take(None, &field.name)? } else { None })
                }
                _ => args.take(position, &field.name)?,
            };
            taken += usize::from(given.is_some());
            let value = match given {
                Some(value) if is_converting => match self.fitting(&field.kind, &value, scope) {
                    Some(value) => value,
                    None => return Ok(None),
                },
                Some(value) => value,
                None => match self.initial(field, scope)? {
                    Some(value) => value,
                    None => return Ok(None),
                },
            };
            if field.field.get("exclude") == Some(&Obj::Bool(true)) {
                continue;
            }
            let key = text_of(field, "serialization_alias").unwrap_or_else(|| Rc::clone(&field.name));
            content.push((key, Rc::clone(&field.name), value));
        }
        let is_used_up = taken == args.positional.len() + args.keywords.len();
        let class = Obj::Class(class.clone());
        let instance = Instance { class, content: Content::Fields(content) };
        Ok(is_used_up.then(|| Obj::Instance(Rc::new(instance))))
    }

    fn root_instance(&self, class: &Class<'p>, args: &Args<'p>) -> Outcome<Option<Obj<'p>>> {
        let Some(values) = args.only_positional().transpose()? else { return Ok(None) };
        let [Obj::List(items)] = values.as_slice() else { return Ok(None) };
        let is_plain = items.iter().all(|item| matches!(item, Obj::Str(_)));
        let root = self.lineage(class)?.known.into_iter().find(|(name, _)| **name == *"pydantic.RootModel");
        let root = root.and_then(|(_, args)| args.into_iter().next());
        let is_texts = matches!(root, Some(Obj::Applied(list)) if list.origin.is_known("builtins.list")
            && matches!(list.args.as_slice(), [only] if only.is_known("builtins.str")));
        let class = Obj::Class(class.clone());
        let content = Content::Root(Obj::List(Rc::clone(items)));
        Ok((is_plain && is_texts).then(|| Obj::Instance(Rc::new(Instance { class, content }))))
    }

    /// The value of a field that is not given.
    fn initial(&self, field: &FieldSpec<'p>, scope: &Scope<'p>) -> Outcome<Option<Obj<'p>>> {
        match (field.field.get("default"), field.field.get("default_factory")) {
            (Some(default), _) => Ok(Some(default.clone())),
            (None, Some(factory)) => {
                let none = Args { positional: Vec::new(), keywords: Vec::new(), open: None };
                match factory {
                    Obj::Known(name) => self.builtin(name, &none).transpose(),
                    Obj::Lambda(body, inside) => self.eval(body.0, inside, END).map(Some),
                    factory => self.instantiate(factory, &none, scope).transpose(),
                }
            }
            (None, None) => Ok(None),
        }
    }

    /// The value as pydantic keeps it in a field of this type, if it needs no conversion but the plainest.
    fn fitting(&self, kind: &Obj<'p>, value: &Obj<'p>, scope: &Scope<'p>) -> Option<Obj<'p>> {
        let fits = match (kind, value) {
            (Obj::None, value) => *value == Obj::None,
            (Obj::Known(name), value) => match (&**name, value) {
                ("typing.Any", Obj::Instance(_)) => false,
                ("typing.Any", _) => true,
                ("builtins.int", Obj::Int(_)) | ("builtins.str", Obj::Str(_)) | ("builtins.bool", Obj::Bool(_)) => true,
                ("builtins.float", Obj::Float(_)) => true,
                ("builtins.float", Obj::Int(int)) => return Some(Obj::Float(*int as f64)),
                ("builtins.list", Obj::List(_)) | ("builtins.dict", Obj::Dict(_)) => true,
                ("pathlib.Path", Obj::Path(_)) | ("uuid.UUID", Obj::Uuid(_)) => true,
                ("datetime.datetime", Obj::Moment(Moment::Datetime(..))) => true,
                ("datetime.date", Obj::Moment(Moment::Date(_))) => true,
                ("datetime.timedelta", Obj::Moment(Moment::Delta(_))) => true,
                _ => false,
            },
            (Obj::Class(class), Obj::Member(member)) => member.of == Obj::Class(class.clone()),
            (Obj::Class(class), Obj::Instance(instance)) => instance.class == Obj::Class(class.clone()),
            (Obj::Union(choices), value) => {
                let found = choices.iter().find_map(|choice| self.fitting(choice, value, scope))?;
                // Several members may fit; the one that keeps the value as it is wins.
                found == *value
            }
            (Obj::Applied(applied), Obj::List(items)) if applied.origin.is_known("builtins.list") => {
                let [kind] = applied.args.as_slice() else { return None };
                let kept: Option<Vec<_>> =
                    items.iter().map(|item| self.fitting(&self.unquoted(kind, scope), item, scope)).collect();
                return kept.map(|items| Obj::List(items.into()));
            }
            (Obj::Applied(applied), Obj::Dict(items)) if applied.origin.is_known("builtins.dict") => {
                let [key, kind] = applied.args.as_slice() else { return None };
                let each = items.iter().map(|(name, value)| {
                    Some((self.fitting(key, name, scope)?, self.fitting(&self.unquoted(kind, scope), value, scope)?))
                });
                return each.collect::<Option<Vec<_>>>().map(|items| Obj::Dict(items.into()));
            }
            (Obj::Applied(applied), value) if applied.origin.is_known("typing.Literal") => applied.args.contains(value),
            _ => false,
        };
        fits.then(|| value.clone())
    }

    fn unquoted(&self, kind: &Obj<'p>, scope: &Scope<'p>) -> Obj<'p> {
        match kind {
            Obj::Str(text) => self.eval_text(text, 0.into(), scope, END).unwrap_or_else(|_| kind.clone()),
            kind => kind.clone(),
        }
    }
}

fn text_of(field: &FieldSpec<'_>, attribute: &str) -> Option<Rc<str>> {
    match field.field.get(attribute) {
        Some(Obj::Str(text)) => Some(Rc::clone(text)),
        _ => None,
    }
}

/// The names of the fields that a dataclass takes by position.
fn positions(fields: &[FieldSpec<'_>], kind: ClassKind) -> Vec<Rc<str>> {
    if !matches!(kind, ClassKind::Dataclass { .. }) {
        return Vec::new();
    }
    let by_position =
        |field: &&FieldSpec<'_>| !field.keyword_only && field.field.get("init") != Some(&Obj::Bool(false));
    fields.iter().filter(by_position).map(|field| Rc::clone(&field.name)).collect()
}
