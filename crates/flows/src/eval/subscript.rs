//! `value[…]`: a type with arguments, or an element.

use std::rc::Rc;

use ruff_python_ast::{Expr, ExprSubscript};
use ruff_text_size::{Ranged, TextSize};

use super::equals;
use crate::{
    object::{Applied, Obj, Outcome, Scope},
    session::Session,
};

impl<'p> Session<'p> {
    pub(super) fn subscript(&self, subscript: &'p ExprSubscript, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let value = self.eval(&subscript.value, scope, at)?;
        match &value {
            Obj::Known(name) => self.special(name, &value, subscript, scope, at),
            Obj::Class(_) | Obj::Made(_) => {
                if let Some(member) = self.member_by_key(&value, &subscript.slice, scope, at) {
                    return member;
                }
                let args = self.arguments_of(&subscript.slice, scope, at)?;
                Ok(Obj::Applied(Rc::new(Applied { origin: value, args })))
            }
            _ if subscript.slice.is_slice_expr() => Err(self.not_followed(subscript, scope)),
            _ => {
                let index = self.eval(&subscript.slice, scope, at)?;
                element(&value, &index).ok_or_else(|| self.not_followed(subscript, scope))
            }
        }
    }

    /// `Colour["RED"]`.
    fn member_by_key(
        &self,
        value: &Obj<'p>,
        slice: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Option<Outcome<Obj<'p>>> {
        let Expr::StringLiteral(_) = slice else { return None };
        let Ok(Obj::Str(name)) = self.eval(slice, scope, at) else { return None };
        self.is_enum(value).then(|| self.member(value, &name))?
    }

    fn special(
        &self,
        name: &str,
        value: &Obj<'p>,
        subscript: &'p ExprSubscript,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let args = self.arguments_of(&subscript.slice, scope, at)?;
        match name {
            "typing.Optional" => match <[_; 1]>::try_from(args) {
                Ok([inner]) => Ok(flatten_union(vec![inner, Obj::None])),
                Err(_) => Err(self.not_followed(subscript, scope)),
            },
            "typing.Union" => Ok(flatten_union(args)),
            "typing.Annotated" => {
                let mut args = args;
                if args.len() < 2 {
                    return Err(self.not_followed(subscript, scope));
                }
                if let Obj::Applied(inner) = &args[0]
                    && inner.origin.is_known("typing.Annotated")
                {
                    let inner = inner.args.clone();
                    args.splice(0..1, inner);
                }
                Ok(Obj::Applied(Rc::new(Applied { origin: value.clone(), args })))
            }
            "os.environ" => Err(scope.doubt(subscript.start(), "the value comes from the environment")),
            _ => Ok(Obj::Applied(Rc::new(Applied { origin: value.clone(), args }))),
        }
    }

    fn arguments_of(&self, slice: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Outcome<Vec<Obj<'p>>> {
        match slice {
            // `tuple[()]` has no arguments.
            Expr::Tuple(tuple) => tuple.elts.iter().map(|element| self.eval(element, scope, at)).collect(),
            _ => Ok(vec![self.eval(slice, scope, at)?]),
        }
    }
}

/// A union of its arguments, without nested unions and duplicates. One argument is no union.
pub(crate) fn flatten_union(args: Vec<Obj<'_>>) -> Obj<'_> {
    let mut kept: Vec<Obj<'_>> = Vec::with_capacity(args.len());
    for arg in args {
        let inner = if let Obj::Union(inner) = &arg { inner.to_vec() } else { vec![arg] };
        for arg in inner {
            let arg = if arg.is_known("types.NoneType") { Obj::None } else { arg };
            if !kept.contains(&arg) {
                kept.push(arg);
            }
        }
    }
    match <[_; 1]>::try_from(kept) {
        Ok([only]) => only,
        Err(kept) => Obj::Union(kept.into()),
    }
}

fn element<'p>(value: &Obj<'p>, index: &Obj<'p>) -> Option<Obj<'p>> {
    match (value, index) {
        (Obj::List(items) | Obj::Tuple(items), Obj::Int(index)) => {
            let length = i128::try_from(items.len()).ok()?;
            let index = if *index < 0 { index + length } else { *index };
            items.get(usize::try_from(index).ok()?).cloned()
        }
        (Obj::Dict(items), key) => items.iter().find(|(old, _)| equals(old, key)).map(|(_, value)| value.clone()),
        _ => None,
    }
}
