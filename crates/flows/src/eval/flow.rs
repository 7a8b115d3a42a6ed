//! `@flow`: what decorators make of a function.

use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextSize};

use super::{Args, call::is_text};
use crate::{
    object::{Fault, FlowObject, Function, Obj, Options, Outcome, Same, Scope},
    session::Session,
};

impl<'p> Session<'p> {
    /// What a `def` binds: the function, or what its decorators make of it.
    pub(super) fn decorated(&self, function: Function<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let scope = function.scope.clone();
        let mut value = Ok(Obj::Function(function.clone()));
        for decorator in function.def.0.decorator_list.iter().rev() {
            let made = self.eval(&decorator.expression, &scope, at);
            value = match (made, value) {
                (Ok(callee), Ok(value)) => self.decorate(&callee, value, &scope, decorator.start()),
                (Ok(callee), Err(fault)) => self.decorate_unknown(&callee, fault, &function),
                (Err(fault), _) => Err(fault),
            };
        }
        value.map(|value| match value {
            // The `def` that stands below the decorators is the one to show to people.
            Obj::Flow(flow) if flow.written.is_none() => {
                Obj::Flow(Rc::new(FlowObject { written: Some(function), ..(*flow).clone() }))
            }
            value => value,
        })
    }

    /// `callee(value)`, as a decorator.
    pub(super) fn decorate(
        &self,
        callee: &Obj<'p>,
        value: Obj<'p>,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let unknown = || {
            let text = scope.module.text.get(at.to_usize()..).and_then(|text| text.lines().next());
            scope
                .doubt(at, format!("`{}` is not followed: it may change the function", text.unwrap_or_default().trim()))
        };
        match callee {
            Obj::Known(name) => match &**name {
                "prefect.flow" => Ok(new_flow(value, Options::default())),
                "prefect.task" => match value {
                    Obj::Function(function) => Ok(Obj::Task(function)),
                    _ => Err(unknown()),
                },
                "builtins.staticmethod" | "builtins.classmethod" => Ok(match value {
                    Obj::Flow(_) => value,
                    value => Obj::Method(Rc::new(value)),
                }),
                _ => Err(unknown()),
            },
            Obj::Decorator(options) => Ok(new_flow(value, (**options).clone())),
            Obj::Function(function) => self.apply(function, value).ok_or_else(unknown),
            Obj::Wrapped(closure) => self.apply(&closure.0, value).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    /// `@flow` above a decorator that is not followed: a flow of an unknown function.
    fn decorate_unknown(&self, callee: &Obj<'p>, fault: Fault, written: &Function<'p>) -> Outcome<Obj<'p>> {
        let options = match callee {
            Obj::Known(name) if **name == *"prefect.flow" => Options::default(),
            Obj::Decorator(options) => (**options).clone(),
            _ => return Err(fault),
        };
        Ok(Obj::Flow(Rc::new(FlowObject { function: Err(fault), options, written: Some(written.clone()) })))
    }

    /// `flow(…)` and `Flow(…)`: a flow if it is given a function, a decorator otherwise.
    pub(super) fn flow_call(&self, args: &Args<'p>) -> Obj<'p> {
        let options = options_of(args, Options::default());
        match args.positional.first().cloned().or_else(|| args.get(None, "fn")) {
            Some(Ok(function)) => new_flow(function, options),
            Some(Err(fault)) if !args.positional.is_empty() => {
                Obj::Flow(Rc::new(FlowObject { function: Err(fault), options, written: None }))
            }
            _ => Obj::Decorator(Rc::new(options)),
        }
    }

    /// Calling a decorator with more options: `partial(flow, …)(name="x")`.
    pub(super) fn more_options(&self, decorator: &Obj<'p>, args: &Args<'p>) -> Obj<'p> {
        let before = if let Obj::Decorator(options) = decorator { (**options).clone() } else { Options::default() };
        Obj::Decorator(Rc::new(options_of(args, before)))
    }

    /// `functools.partial(flow, …)`.
    pub(super) fn partial(&self, args: &Args<'p>) -> Option<Outcome<Obj<'p>>> {
        let [Ok(first)] = args.positional.as_slice() else { return None };
        (first.is_known("prefect.flow") || matches!(first, Obj::Decorator(_)))
            .then(|| Ok(self.more_options(first, args)))
    }

    pub(super) fn with_options(&self, flow: &FlowObject<'p>, args: &Args<'p>) -> Obj<'p> {
        let given = options_of(args, Options::default());
        // An option that is given and empty counts as not given.
        let pick = |new: Option<Outcome<Obj<'p>>>, old: &Option<Outcome<Obj<'p>>>| match new {
            Some(Ok(value)) if self.truth(&value) == Some(false) => old.clone(),
            Some(value) => Some(value),
            None => old.clone(),
        };
        let options = Options {
            name: pick(given.name, &flow.options.name),
            description: pick(given.description, &flow.options.description),
            version: pick(given.version, &flow.options.version),
        };
        Obj::Flow(Rc::new(FlowObject { options, ..flow.clone() }))
    }

    /// A function of the project that returns a function that it defines.
    pub(super) fn closure(&self, function: &Function<'p>) -> Option<Obj<'p>> {
        // Decorators inside may read names of the function around them.
        let inner = returned_function(function.def.0).filter(|inner| inner.decorator_list.is_empty())?;
        let inner = Function { scope: function.scope.clone(), def: Same(inner) };
        Some(Obj::Wrapped(Rc::new((inner, Obj::None))))
    }

    /// A decorator of the project: it returns what it is given, or a function that it defines around it.
    fn apply(&self, decorator: &Function<'p>, value: Obj<'p>) -> Option<Obj<'p>> {
        let def = decorator.def.0;
        let parameter = only_parameter(def)?;
        if returned_name(def)? == parameter {
            return Some(value);
        }
        let inner = returned_function(def)?;
        let function = Function { scope: decorator.scope.clone(), def: Same(inner) };
        match inner.decorator_list.as_slice() {
            [] => Some(Obj::Function(function)),
            [only] => {
                let Expr::Call(call) = &only.expression else { return None };
                let wraps = self.eval(&call.func, &decorator.scope, super::END).ok()?;
                let [Expr::Name(wrapped)] = &*call.arguments.args else { return None };
                let is_plain = wraps.is_known("functools.wraps") && call.arguments.keywords.is_empty();
                (is_plain && wrapped.id.as_str() == parameter).then(|| Obj::Wrapped(Rc::new((function, value))))
            }
            _ => None,
        }
    }
}

impl Clone for FlowObject<'_> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), options: self.options.clone(), written: self.written.clone() }
    }
}

fn new_flow<'p>(value: Obj<'p>, options: Options<'p>) -> Obj<'p> {
    let function = match value {
        Obj::Method(inner) => (*inner).clone(),
        value => value,
    };
    Obj::Flow(Rc::new(FlowObject { function: Ok(function), options, written: None }))
}

fn options_of<'p>(args: &Args<'p>, before: Options<'p>) -> Options<'p> {
    Options {
        name: args.get(None, "name").or(before.name),
        description: args.get(None, "description").or(before.description),
        version: args.get(None, "version").or(before.version),
    }
}

fn only_parameter(def: &StmtFunctionDef) -> Option<&str> {
    let parameters = &def.parameters;
    let is_single = parameters.args.len() + parameters.posonlyargs.len() == 1
        && parameters.kwonlyargs.is_empty()
        && parameters.vararg.is_none()
        && parameters.kwarg.is_none();
    let mut named = parameters.posonlyargs.iter().chain(&parameters.args);
    named.next().filter(|_| is_single).map(|parameter| parameter.parameter.name.as_str())
}

/// The name that a function returns, if its body is no more than definitions and a return at the end.
fn returned_name(def: &StmtFunctionDef) -> Option<&str> {
    let (last, before) = def.body.split_last()?;
    let is_plain = before.iter().all(|statement| statement.is_function_def_stmt() || is_text(statement));
    let Stmt::Return(returned) = last else { return None };
    match returned.value.as_deref()? {
        Expr::Name(name) if is_plain => Some(name.id.as_str()),
        _ => None,
    }
}

fn returned_function(def: &StmtFunctionDef) -> Option<&StmtFunctionDef> {
    let name = returned_name(def)?;
    let mut inner = def.body.iter().filter_map(|statement| statement.as_function_def_stmt());
    inner.rfind(|inner| inner.name.as_str() == name)
}
