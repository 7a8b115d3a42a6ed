//! Calls.

use ruff_python_ast::{Expr, ExprCall, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::{Args, END, method};
use crate::{
    object::{Function, Obj, Outcome, Scope},
    session::Session,
};

impl<'p> Session<'p> {
    pub(super) fn call(&self, call: &'p ExprCall, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        if let Expr::Attribute(attribute) = &*call.func {
            let value = self.eval(&attribute.value, scope, at)?;
            if let Some(outcome) = self.call_method(&value, &attribute.attr, call, scope, at) {
                return outcome;
            }
            let callee = self.attribute(&value, &attribute.attr, &*call.func, scope, at)?;
            return self.call_object(&callee, call, scope, at);
        }
        let callee = self.eval(&call.func, scope, at)?;
        self.call_object(&callee, call, scope, at)
    }

    /// A method of a value, if it is one that is followed.
    fn call_method(
        &self,
        value: &Obj<'p>,
        name: &str,
        call: &'p ExprCall,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Option<Outcome<Obj<'p>>> {
        match value {
            Obj::Flow(flow) if name == "with_options" => {
                let args = self.arguments(&call.arguments, scope, at);
                Some(Ok(self.with_options(flow, &args)))
            }
            Obj::Str(_) | Obj::Dict(_) | Obj::List(_) | Obj::Path(_) | Obj::Moment(_) => {
                let args = self.arguments(&call.arguments, scope, at);
                method::call(value, name, &args)
            }
            _ => None,
        }
    }

    fn call_object(&self, callee: &Obj<'p>, call: &'p ExprCall, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let args = self.arguments(&call.arguments, scope, at);
        let found = match callee {
            Obj::Known(name) => self.call_known(name, &args, call, scope),
            Obj::Class(_) | Obj::Made(_) | Obj::Applied(_) => self.instantiate(callee, &args, scope),
            Obj::Function(function) => self.call_function(function, &args),
            Obj::Lambda(body, inside) if args.is_empty() => Some(self.eval(body.0, inside, END)),
            Obj::Decorator(_) | Obj::Wrapped(_) => match args.positional.as_slice() {
                [] if matches!(callee, Obj::Decorator(_)) => Some(Ok(self.more_options(callee, &args))),
                [only] => Some(self.decorate(callee, only.clone()?, scope, call.start())),
                _ => None,
            },
            _ => None,
        };
        found.unwrap_or_else(|| Err(self.not_followed(call, scope)))
    }

    fn call_known(
        &self,
        name: &str,
        args: &Args<'p>,
        call: &'p ExprCall,
        scope: &Scope<'p>,
    ) -> Option<Outcome<Obj<'p>>> {
        match name {
            "prefect.flow" | "prefect.Flow" => Some(Ok(self.flow_call(args))),
            "functools.partial" => self.partial(args),
            "prefect.task" => match args.positional.first() {
                Some(Ok(Obj::Function(function))) => Some(Ok(Obj::Task(function.clone()))),
                _ => Some(Ok(Obj::known("prefect.task"))),
            },
            "enum.auto" => Some(Ok(Obj::Auto)),
            _ => self.builtin(name, args).or_else(|| self.make(name, args, call, scope)),
        }
    }

    /// A function of the project that only returns an expression. Anything else is not run.
    fn call_function(&self, function: &Function<'p>, args: &Args<'p>) -> Option<Outcome<Obj<'p>>> {
        let def = function.def.0;
        let body: Vec<&'p Stmt> = def.body.iter().filter(|statement| !is_text(statement)).collect();
        let parameters = &def.parameters;
        if def.is_async || !def.decorator_list.is_empty() || !function.scope.classes.is_empty() {
            return None;
        }
        match body.as_slice() {
            [Stmt::Return(returned)] if args.is_empty() && parameters.is_empty() => {
                let value = returned.value.as_deref()?;
                Some(self.eval(value, &function.scope, END))
            }
            _ => self.closure(function).map(Ok),
        }
    }
}

pub(super) fn is_text(statement: &Stmt) -> bool {
    statement.as_expr_stmt().is_some_and(|statement| statement.value.is_string_literal_expr())
}
