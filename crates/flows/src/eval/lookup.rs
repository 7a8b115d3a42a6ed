//! Names and attributes.

use std::{path::Path, rc::Rc};

use ruff_python_ast::{Expr, StmtClassDef, StmtImportFrom, TypeParam};
use ruff_text_size::{Ranged, TextSize};

use super::{END, NAME_ERROR};
use crate::{
    classes::ClassKind,
    core::is_type_name,
    known::{canonical, is_builtin},
    names::{Binding, Names, What},
    object::{Class, Content, Fault, Function, Made, MadeKind, Member, Obj, Outcome, Same, Scope},
    session::{Import, Session},
    source::Module,
};

impl<'p> Session<'p> {
    pub(super) fn name(&self, name: &str, expr: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        if let Some((_, value)) = scope.locals.iter().find(|(local, _)| *local == name) {
            return Ok(value.clone());
        }
        if let Some(class) = scope.classes.last() {
            let names = self.names(&class.0.body);
            if let Some(found) = self.bound(&names, name, scope, at) {
                return found;
            }
        }
        if let Some(parameter) = scope.classes.iter().rev().find_map(|class| self.type_parameter(class.0, name, scope))
        {
            return Ok(parameter);
        }
        let global = Scope { classes: Rc::from([]), ..scope.clone() };
        match self.global(name, &global, at) {
            Some(found) => found,
            None if name == "__name__" => Ok(Obj::str(&scope.module.name)),
            None if is_builtin(name) => Ok(Obj::known(&format!("builtins.{name}"))),
            None if name.starts_with("__") => Err(self.not_followed(expr, scope)),
            None => Err(NAME_ERROR),
        }
    }

    /// A name of a module, as of a place in it.
    fn global(&self, name: &str, scope: &Scope<'p>, at: TextSize) -> Option<Outcome<Obj<'p>>> {
        let module = scope.module.0;
        if let Some(at) = module.volatile.get(name) {
            return Some(Err(scope.doubt(*at, format!("`{name}` is assigned inside of a function or an expression"))));
        }
        let names = self.names(module.body());
        let bound_at = names.before(name, at).next().map(|binding| binding.from);
        for star in names.stars.iter().rev().filter(|star| star.from <= at) {
            if bound_at.is_some_and(|bound| bound > star.from) {
                break;
            }
            if let Some(found) = self.starred(star, name, scope) {
                return Some(found);
            }
        }
        self.bound(&names, name, scope, at)
    }

    fn starred(&self, star: &Binding<'p>, name: &str, scope: &Scope<'p>) -> Option<Outcome<Obj<'p>>> {
        let What::From(import, _) = star.what else { return None };
        if self.is_made(star, scope) == Some(false) {
            return None;
        }
        match self.source_of(import, scope.module.0) {
            Import::Module(module) => {
                self.is_public(module, name).then(|| self.member_of(module, name, scope, star.at))?
            }
            Import::Folder(_) => None,
            Import::Broken(why) => Some(Err(scope.doubt(star.at, why))),
            Import::Outside => {
                let source = import.module.as_ref().map_or("", |module| module.as_str());
                let full = canonical(&format!("{source}.{name}"));
                if is_type_name(&full) {
                    return Some(Ok(Obj::known(&full)));
                }
                if is_understood(source) {
                    return None;
                }
                // The name may come from there; what Python itself calls so is more likely.
                let why = format!("`{name}` may come from `from {source} import *`, which is not part of the project");
                (!is_builtin(name)).then(|| Err(scope.doubt(star.at, why)))
            }
        }
    }

    /// Whether `from module import *` brings `name`.
    fn is_public(&self, module: &'p Module, name: &str) -> bool {
        let scope = Scope::of(module);
        let names = self.names(module.body());
        match self.bound(&names, "__all__", &scope, END) {
            Some(Ok(Obj::List(all) | Obj::Tuple(all))) => all.contains(&Obj::str(name)),
            _ => !name.starts_with('_'),
        }
    }

    /// A name of a body, as of a place in it; none if it is not bound there.
    pub(crate) fn bound(
        &self,
        names: &Names<'p>,
        name: &str,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Option<Outcome<Obj<'p>>> {
        let mut candidates: Vec<Outcome<Obj<'p>>> = Vec::new();
        for binding in names.before(name, at) {
            let made = self.is_made(binding, scope);
            if made == Some(false) {
                continue;
            }
            let mut value = self.bound_value(binding, scope);
            if value.as_ref().is_ok_and(is_mutable) && names.is_touched(name, binding.from, at) {
                value = Err(scope.doubt(binding.at, format!("`{name}` may change after it is assigned")));
            }
            candidates.push(value);
            if made == Some(true) {
                if candidates.iter().all(|candidate| *candidate == candidates[0]) {
                    return candidates.pop();
                }
                return Some(Err(scope.doubt(binding.at, format!("`{name}` depends on a condition"))));
            }
        }
        let first = candidates.first()?;
        let is_certain = candidates.len() > 1 && candidates.iter().all(|candidate| candidate == first);
        let place = names.before(name, at).next().map_or(at, |binding| binding.at);
        Some(if is_certain {
            first.clone()
        } else {
            Err(scope.doubt(place, format!("`{name}` depends on a condition")))
        })
    }

    fn bound_value(&self, binding: &Binding<'p>, scope: &Scope<'p>) -> Outcome<Obj<'p>> {
        match &binding.what {
            What::Import(dotted) => self.imported(self.import(dotted), dotted, scope, binding.at),
            What::From(import, name) => self.imported_from(import, name, scope, binding.at),
            What::Class(def) => Ok(Obj::Class(Class { scope: scope.clone(), def: Same(def) })),
            What::Function(def) => {
                let function = Function { scope: scope.clone(), def: Same(def) };
                self.decorated(function, binding.at)
            }
            What::Value(value) => self.eval(value, scope, binding.at),
            What::Element(value, path) => {
                let mut value = self.eval(value, scope, binding.at)?;
                for index in path {
                    let items = self.iterate(&value).unwrap_or_default();
                    let item = items.get(*index).cloned();
                    value = item.ok_or_else(|| scope.doubt(binding.at, "the unpacked value is not known"))?;
                }
                Ok(value)
            }
            What::Alias(alias) => {
                let parameters = alias.type_params.iter().flat_map(|parameters| &parameters.type_params);
                let parameters = parameters.map(|parameter| self.parameter(parameter, scope)).collect();
                let name = alias.name.as_name_expr().map_or("", |name| name.id.as_str());
                Ok(Obj::Made(Rc::new(Made {
                    name: name.into(),
                    scope: scope.clone(),
                    at: alias.range.start(),
                    kind: MadeKind::Alias { value: Same(&alias.value), parameters },
                })))
            }
            What::Opaque => Err(scope.doubt(binding.at, "the value is only known when the code runs")),
        }
    }

    fn imported(&self, import: Import<'p>, dotted: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        match import {
            Import::Module(module) => Ok(Obj::Module(Same(module))),
            Import::Folder(path) => Ok(Obj::Folder(path)),
            Import::Outside => Ok(outside(dotted)),
            Import::Broken(why) => Err(scope.doubt(at, why)),
        }
    }

    fn source_of(&self, import: &StmtImportFrom, module: &'p Module) -> Import<'p> {
        let dotted = import.module.as_ref().map_or("", |module| module.as_str());
        if import.level > 0 { self.import_relative(module, import.level, dotted) } else { self.import(dotted) }
    }

    fn imported_from(&self, import: &StmtImportFrom, name: &str, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let dotted = import.module.as_ref().map_or("", |module| module.as_str());
        match self.source_of(import, scope.module.0) {
            Import::Outside if import.level > 0 => {
                Err(scope.doubt(at, format!("`{}{dotted}` is not in the project", ".".repeat(import.level as usize))))
            }
            Import::Outside => Ok(outside(&format!("{dotted}.{name}"))),
            Import::Broken(why) => Err(scope.doubt(at, why)),
            Import::Folder(path) => self.part_of_folder(&path, dotted, name, scope, at),
            // A package that imports its own modules.
            Import::Module(module) if module.path == scope.module.path => {
                let folder = module.path.parent().unwrap_or(&module.path);
                self.part_of_folder(folder, &module.name, name, scope, at)
            }
            Import::Module(module) => self.member_of(module, name, scope, at).unwrap_or_else(|| {
                Err(scope.doubt(at, format!("{} does not define `{name}`", module.shown.display())))
            }),
        }
    }

    /// `module.name`, after the module has run.
    fn member_of(&self, module: &'p Module, name: &str, scope: &Scope<'p>, at: TextSize) -> Option<Outcome<Obj<'p>>> {
        let found = self.deeper(|| self.global(name, &Scope::of(module), END));
        let Some(found) = found else { return Some(Err(scope.doubt(at, "the imports are too deep to follow"))) };
        found.or_else(|| {
            let folder = module.path.parent().filter(|_| module.path.ends_with("__init__.py"))?;
            match self.submodule(folder, &module.name, name) {
                Import::Outside => None,
                found => Some(self.imported(found, name, scope, at)),
            }
        })
    }

    fn part_of_folder(
        &self,
        folder: &Path,
        package: &str,
        name: &str,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        match self.submodule(folder, package, name) {
            Import::Outside => Err(scope.doubt(at, format!("{} holds no module {name:?}", folder.display()))),
            found => self.imported(found, name, scope, at),
        }
    }

    pub(super) fn attribute(
        &self,
        value: &Obj<'p>,
        name: &str,
        expr: &impl Ranged,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let found = self.attribute_at(value, name, expr.start(), scope, at);
        found.unwrap_or_else(|| Err(self.not_followed(expr, scope)))
    }

    /// `value.name`, written at `start`; none if there is no such attribute or it is not followed.
    pub(crate) fn attribute_at(
        &self,
        value: &Obj<'p>,
        name: &str,
        start: TextSize,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Option<Outcome<Obj<'p>>> {
        match value {
            Obj::Module(module) => self.member_of(module.0, name, scope, start),
            Obj::Folder(path) => Some(self.part_of_folder(path, "", name, scope, start)),
            Obj::Known(known) => Some(Ok(outside(&format!("{known}.{name}")))),
            Obj::Class(class) => self.class_attribute(class, name, self.within(class, scope, at)),
            Obj::Made(made) if matches!(made.kind, MadeKind::Enum { .. }) => self.member(value, name),
            Obj::Member(member) => member_attribute(member, name),
            Obj::Instance(instance) => match (&instance.content, &instance.class) {
                (Content::Fields(fields), _) if fields.iter().any(|(_, field, _)| **field == *name) => {
                    fields.iter().find(|(_, field, _)| **field == *name).map(|(_, _, value)| Ok(value.clone()))
                }
                (_, Obj::Class(class)) => {
                    let found = self.class_attribute(class, name, self.within(class, scope, at));
                    found.filter(|found| is_flow(found.as_ref()))
                }
                _ => None,
            },
            Obj::Applied(applied) => self.attribute_at(&applied.origin, name, start, scope, at),
            _ => None,
        }
    }

    /// The place up to which a class's body has run when code in `scope` has run up to `at`.
    fn within(&self, class: &Class<'p>, scope: &Scope<'p>, at: TextSize) -> TextSize {
        if class.scope.module == scope.module { at } else { END }
    }

    /// An attribute of a class: an enum's member, or what the body of the class or of one of its bases binds.
    fn class_attribute(&self, class: &Class<'p>, name: &str, at: TextSize) -> Option<Outcome<Obj<'p>>> {
        match self.kind(class) {
            Ok(ClassKind::Enum) => {
                let member = self.member(&Obj::Class(class.clone()), name);
                if member.is_some() {
                    return member;
                }
            }
            Ok(ClassKind::Model { .. }) if !self.is_nested(class, name) => return None,
            _ => {}
        }
        let bases = match self.ancestors(class) {
            Ok(bases) => bases,
            Err(fault) => return Some(Err(fault)),
        };
        bases.iter().find_map(|base| {
            let names = self.names(&base.class.def.0.body);
            // The class's own body may still be running; its bases are complete.
            let at = if base.class == *class { at } else { END };
            self.bound(&names, name, &base.class.inside(), at)
        })
    }

    /// A parameter of `class C[T]`.
    fn type_parameter(&self, class: &'p StmtClassDef, name: &str, scope: &Scope<'p>) -> Option<Obj<'p>> {
        let parameters = &class.type_params.as_ref()?.type_params;
        let parameter = parameters.iter().find(|parameter| parameter.name().as_str() == name)?;
        Some(self.parameter(parameter, scope))
    }

    /// A parameter of `class C[T]` or `type A[T]`.
    pub(crate) fn parameter(&self, parameter: &'p TypeParam, scope: &Scope<'p>) -> Obj<'p> {
        let scope = Scope { classes: Rc::from([]), ..scope.clone() };
        let bound = parameter.as_type_var().and_then(|variable| variable.bound.as_deref());
        let default = parameter.as_type_var().and_then(|variable| variable.default.as_deref());
        let evaluate = |expr: &'p Expr| self.eval(expr, &scope, END);
        let (bound, default) = (bound.map(evaluate), default.map(evaluate));
        let kind = MadeKind::TypeVar { bound, constraints: Rc::from([]), default };
        Obj::Made(Rc::new(Made { name: parameter.name().as_str().into(), at: parameter.start(), scope, kind }))
    }

    /// Whether a class binds `name` to a class or a function, which no library takes away.
    fn is_nested(&self, class: &Class<'p>, name: &str) -> bool {
        let names = self.names(&class.def.0.body);
        names.before(name, END).any(|binding| matches!(binding.what, What::Class(_) | What::Function(_)))
    }
}

/// A name from outside the project.
fn outside<'p>(name: &str) -> Obj<'p> {
    match &*canonical(name) {
        "typing.TYPE_CHECKING" => Obj::Bool(false),
        name => Obj::known(name),
    }
}

/// Modules whose every type is known, so that a star import brings nothing else that matters.
fn is_understood(module: &str) -> bool {
    matches!(
        module,
        "dataclasses" | "datetime" | "decimal" | "enum" | "pathlib" | "typing" | "typing_extensions" | "uuid"
    )
}

fn is_flow<'p>(found: Result<&Obj<'p>, &Fault>) -> bool {
    matches!(found, Ok(Obj::Flow(_)))
}

fn member_attribute<'p>(member: &Member<'p>, name: &str) -> Option<Outcome<Obj<'p>>> {
    match name {
        "value" | "_value_" => Some(Ok(member.value.clone())),
        "name" | "_name_" => Some(Ok(Obj::Str(Rc::clone(&member.name)))),
        _ => None,
    }
}

fn is_mutable(value: &Obj<'_>) -> bool {
    matches!(value, Obj::List(_) | Obj::Dict(_) | Obj::Set(_) | Obj::Instance(_))
}
