//! Generic classes and `type` statements with their type parameters filled in.

use std::rc::Rc;

use ruff_text_size::TextSize;

use super::{Body, Builder, Core};
use crate::{
    classes::ClassKind,
    eval::END,
    object::{Class, Made, MadeKind, Obj, Outcome, Scope},
};

/// What stands for the type parameters of a class, and how pydantic spells it.
#[derive(Debug, Clone, Default)]
pub(super) struct Generic<'p> {
    pub(super) given: Vec<(Obj<'p>, Obj<'p>)>,
    spelt: Vec<String>,
}

impl Generic<'_> {
    pub(super) fn key(&self) -> String {
        if self.spelt.is_empty() { String::new() } else { format!("[{}]", self.spelt.join(", ")) }
    }

    /// The title of the class.
    pub(super) fn shown(&self, name: &str) -> String {
        format!("{name}{}", self.key())
    }

    /// The short and the long name of the definition.
    pub(super) fn names(&self, name: &str, module: &str, qualified: &str) -> [String; 2] {
        let args = if self.spelt.is_empty() { String::new() } else { format!("[{}]", self.spelt.join("_")) };
        [normal(&format!("{name}{args}")), normal(&format!("{module}.{qualified}{args}"))]
    }
}

/// A name as a key of the definitions.
fn normal(name: &str) -> String {
    let is_kept = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let kept: String = name.chars().map(|c| if is_kept(c) { c } else { '_' }).collect();
    kept.replace('.', "__")
}

impl<'p> Builder<'_, 'p> {
    pub(super) fn generic_class(
        &mut self,
        class: &Class<'p>,
        args: &[Obj<'p>],
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        match self.session.kind(class)? {
            ClassKind::Plain => self.instance(scope, at),
            ClassKind::Model { root: false, .. } => {
                let parameters = self.session.parameters(class)?;
                if parameters == args {
                    return self.class(class, scope, at);
                }
                let spelt: Option<Vec<String>> = args.iter().map(spell).collect();
                let doubt = || scope.doubt(at, format!("the type arguments of `{}` are not followed", class.name()));
                let spelt = spelt.filter(|_| parameters.len() == args.len()).ok_or_else(doubt)?;
                let given = parameters.into_iter().zip(args.iter().cloned()).collect();
                self.class_of(class, &Generic { given, spelt }, scope, at)
            }
            _ => Err(scope.doubt(at, format!("`{}` with type arguments is not followed", class.name()))),
        }
    }

    /// A `type` statement, which pydantic keeps as a definition.
    pub(super) fn generic_alias(
        &mut self,
        made: &Rc<Made<'p>>,
        args: &[Obj<'p>],
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        let MadeKind::Alias { value, parameters } = &made.kind else {
            return Err(scope.doubt(at, format!("`{}` with type arguments is not followed", made.name)));
        };
        let spelt: Option<Vec<String>> = args.iter().map(spell).collect();
        let doubt = || scope.doubt(at, format!("the type arguments of `{}` are not followed", made.name));
        let spelt = spelt.filter(|_| parameters.len() == args.len()).ok_or_else(doubt)?;
        let generic = Generic { given: parameters.iter().cloned().zip(args.iter().cloned()).collect(), spelt };

        let key = format!("{}#{}{}", made.scope.module.path.display(), made.at.to_u32(), generic.key());
        let names = generic.names(&made.name, &made.scope.module.name, &made.name);
        let value = value.0;
        self.define(key, names, |builder| {
            let locals: Vec<_> = parameters.iter().filter_map(named).collect();
            let inside = Scope { locals: locals.into(), ..made.scope.clone() };
            let kind = builder.session.eval(value, &inside, END)?;
            let given = std::mem::replace(&mut builder.given, generic.given);
            let quotes = builder.quotes.replace(made.scope.clone());
            let core = builder.build(&kind, &inside, made.at);
            (builder.given, builder.quotes) = (given, quotes);
            match core? {
                // Pydantic may or may not join the two definitions.
                Core::Ref(_) => Err(scope.doubt(at, format!("`type {}` of a class is not followed", made.name))),
                core => Ok(Body::Core(core)),
            }
        })
    }
}

fn named<'p>(parameter: &Obj<'p>) -> Option<(&'p str, Obj<'p>)> {
    let Obj::Made(made) = parameter else { return None };
    // The name as the source spells it, which lives as long as the module.
    let text = made.scope.module.0.text.get(made.at.to_usize()..)?;
    Some((text.get(..made.name.len())?, parameter.clone()))
}

/// A type argument as pydantic spells it in a title; only plain names are followed.
fn spell(arg: &Obj<'_>) -> Option<String> {
    match arg {
        Obj::Class(class) if class.scope.classes.is_empty() => Some(class.name().to_owned()),
        Obj::Known(name) => match name.strip_prefix("builtins.") {
            Some(short @ ("int" | "str" | "float" | "bool" | "bytes")) => Some(short.to_owned()),
            _ => None,
        },
        _ => None,
    }
}
