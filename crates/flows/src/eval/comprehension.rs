//! Comprehensions with a single loop over a single name.

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::TextSize;

use super::put;
use crate::{
    object::{Obj, Outcome, Scope},
    session::Session,
};

impl<'p> Session<'p> {
    /// The scopes of the turns that a comprehension takes.
    fn turns(
        &self,
        generators: &'p [Comprehension],
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Vec<Scope<'p>>> {
        let [Comprehension { target: Expr::Name(target), iter, ifs, is_async: false, .. }] = generators else {
            return Err(self.not_followed(expr, scope));
        };
        let items = self.eval(iter, scope, at)?;
        let items = self.iterate(&items).ok_or_else(|| self.not_followed(iter, scope))?;
        let mut turns = Vec::with_capacity(items.len());
        for item in items {
            let locals = [(target.id.as_str(), item)].into_iter().chain(scope.locals.iter().cloned()).collect();
            let turn = Scope { locals, ..scope.clone() };
            let mut kept = true;
            for test in ifs {
                let value = self.eval(test, &turn, at)?;
                kept &= self.truth(&value).ok_or_else(|| self.not_followed(test, scope))?;
            }
            if kept {
                turns.push(turn);
            }
        }
        Ok(turns)
    }

    pub(super) fn each(
        &self,
        element: &'p Expr,
        generators: &'p [Comprehension],
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Vec<Obj<'p>>> {
        self.turns(generators, expr, scope, at)?.iter().map(|turn| self.eval(element, turn, at)).collect()
    }

    pub(super) fn each_pair(
        &self,
        key: &'p Expr,
        value: &'p Expr,
        generators: &'p [Comprehension],
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let mut pairs = Vec::new();
        for turn in self.turns(generators, expr, scope, at)? {
            put(&mut pairs, self.eval(key, &turn, at)?, self.eval(value, &turn, at)?);
        }
        Ok(Obj::Dict(pairs.into()))
    }
}
