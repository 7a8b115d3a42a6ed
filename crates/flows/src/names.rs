//! Which names a module or a class body binds, where, and under which conditions.
//!
//! Python runs a body from top to bottom, so a name may mean different things at different places. Instead of running it,
//! every binding is listed with its place and its conditions; a reader asks for a name at a place and gets the bindings
//! that may hold there, latest first.

use std::collections::HashMap;

use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtClassDef, StmtFunctionDef, StmtImportFrom, StmtTypeAlias};
use ruff_text_size::{Ranged, TextSize};

/// What a binding gives to a name.
#[derive(Debug, Clone)]
pub(crate) enum What<'p> {
    /// `import a.b` binds `a`, `import a.b as c` binds all of it.
    Import(&'p str),
    /// `from a import b`, the name being `b`.
    From(&'p StmtImportFrom, &'p str),
    Function(&'p StmtFunctionDef),
    Class(&'p StmtClassDef),
    Value(&'p Expr),
    /// One element of an unpacked value.
    Element(&'p Expr, Vec<usize>),
    Alias(&'p StmtTypeAlias),
    /// Something that only running the source can tell.
    Opaque,
}

/// A condition on a binding.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Condition<'p> {
    /// The test of an `if` has this truth.
    Test(&'p Expr, bool),
    /// The body of this `try` ran to its end, or did not.
    Tried(&'p [Stmt], bool),
    /// A loop or a `match`.
    Perhaps,
}

#[derive(Debug, Clone)]
pub(crate) struct Binding<'p> {
    /// Where the statement ends: from here on the name is bound.
    pub(crate) from: TextSize,
    /// Where the statement starts: what it evaluates, it sees as of here.
    pub(crate) at: TextSize,
    pub(crate) conditions: Vec<Condition<'p>>,
    pub(crate) what: What<'p>,
}

/// A statement that annotates a name: `x: int = 1`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Annotated<'p> {
    pub(crate) name: &'p str,
    pub(crate) annotation: &'p Expr,
    pub(crate) value: Option<&'p Expr>,
    /// The text that follows the statement, which some libraries read as its documentation.
    pub(crate) doc: Option<&'p Expr>,
    pub(crate) at: TextSize,
}

/// The names of one body.
#[derive(Debug, Default)]
pub(crate) struct Names<'p> {
    pub(crate) bindings: HashMap<&'p str, Vec<Binding<'p>>>,
    pub(crate) stars: Vec<Binding<'p>>,
    /// Annotated names at the top of the body, in order.
    pub(crate) annotated: Vec<Annotated<'p>>,
    /// Names in the order of their first binding.
    pub(crate) order: Vec<&'p str>,
    /// Where the value of a name may have changed without a new binding: `x.append(1)`, `x[0] = 1`, `f(x)`.
    touched: HashMap<&'p str, Vec<TextSize>>,
}

impl<'p> Names<'p> {
    pub(crate) fn of(body: &'p [Stmt]) -> Self {
        let mut reader = Reader { names: Self::default(), conditions: Vec::new() };
        reader.body(body);
        reader.names
    }

    /// Bindings of `name` that are made before `at`, latest first.
    pub(crate) fn before(&self, name: &str, at: TextSize) -> impl Iterator<Item = &Binding<'p>> {
        self.bindings.get(name).into_iter().flatten().rev().filter(move |binding| binding.from <= at)
    }

    pub(crate) fn is_touched(&self, name: &str, from: TextSize, to: TextSize) -> bool {
        self.touched.get(name).into_iter().flatten().any(|at| from <= *at && *at < to)
    }
}

struct Reader<'p> {
    names: Names<'p>,
    conditions: Vec<Condition<'p>>,
}

impl<'p> Reader<'p> {
    fn body(&mut self, body: &'p [Stmt]) {
        for (index, statement) in body.iter().enumerate() {
            self.statement(statement, body.get(index + 1));
        }
    }

    fn under(&mut self, condition: Condition<'p>, body: &'p [Stmt]) {
        self.conditions.push(condition);
        self.body(body);
        self.conditions.pop();
    }

    fn bind(&mut self, name: &'p str, statement: &'p Stmt, what: What<'p>) {
        let conditions = self.conditions.clone();
        let binding = Binding { at: statement.start(), from: statement.end(), conditions, what };
        let bindings = self.names.bindings.entry(name).or_default();
        if bindings.is_empty() {
            self.names.order.push(name);
        }
        bindings.push(binding);
    }

    fn statement(&mut self, statement: &'p Stmt, next: Option<&'p Stmt>) {
        match statement {
            Stmt::FunctionDef(def) => self.bind(&def.name, statement, What::Function(def)),
            Stmt::ClassDef(def) => self.bind(&def.name, statement, What::Class(def)),
            Stmt::Import(import) => {
                for alias in &import.names {
                    let dotted = alias.name.as_str();
                    match &alias.asname {
                        Some(name) => self.bind(name, statement, What::Import(dotted)),
                        None => {
                            let root = dotted.split('.').next().unwrap_or(dotted);
                            self.bind(root, statement, What::Import(root));
                        }
                    }
                }
            }
            Stmt::ImportFrom(import) => self.import_from(import, statement),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.assign(target, &assign.value, &mut Vec::new(), statement);
                }
                self.touch_arguments(&assign.value);
            }
            Stmt::AnnAssign(assign) => {
                if let Expr::Name(name) = &*assign.target {
                    if let Some(value) = &assign.value {
                        self.bind(&name.id, statement, What::Value(value));
                    }
                    let doc = next.and_then(|next| next.as_expr_stmt()).map(|next| &*next.value);
                    self.names.annotated.push(Annotated {
                        name: &name.id,
                        annotation: &assign.annotation,
                        value: assign.value.as_deref(),
                        doc: doc.filter(|doc| doc.is_string_literal_expr()),
                        at: statement.start(),
                    });
                } else {
                    self.touch(&assign.target, statement.start());
                }
            }
            Stmt::TypeAlias(alias) => {
                if let Expr::Name(name) = &*alias.name {
                    self.bind(&name.id, statement, What::Alias(alias));
                }
            }
            Stmt::AugAssign(assign) => self.opaque(&assign.target, statement),
            Stmt::Delete(delete) => delete.targets.iter().for_each(|target| self.opaque(target, statement)),
            Stmt::Expr(expression) => self.touch_arguments(&expression.value),
            _ => self.block(statement),
        }
    }

    fn block(&mut self, statement: &'p Stmt) {
        match statement {
            Stmt::If(branch) => {
                self.under(Condition::Test(&branch.test, true), &branch.body);
                let depth = self.conditions.len();
                self.conditions.push(Condition::Test(&branch.test, false));
                for clause in &branch.elif_else_clauses {
                    match &clause.test {
                        Some(test) => {
                            self.under(Condition::Test(test, true), &clause.body);
                            self.conditions.push(Condition::Test(test, false));
                        }
                        None => self.body(&clause.body),
                    }
                }
                self.conditions.truncate(depth);
            }
            Stmt::Try(attempt) => {
                self.under(Condition::Tried(&attempt.body, true), &attempt.body);
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    self.under(Condition::Tried(&attempt.body, false), &handler.body);
                }
                self.under(Condition::Tried(&attempt.body, true), &attempt.orelse);
                self.body(&attempt.finalbody);
            }
            Stmt::With(with) => {
                for target in with.items.iter().filter_map(|item| item.optional_vars.as_deref()) {
                    self.opaque(target, statement);
                }
                self.body(&with.body);
            }
            Stmt::For(each) => {
                self.opaque(&each.target, statement);
                self.under(Condition::Perhaps, &each.body);
                self.under(Condition::Perhaps, &each.orelse);
            }
            Stmt::While(each) => {
                self.under(Condition::Perhaps, &each.body);
                self.under(Condition::Perhaps, &each.orelse);
            }
            Stmt::Match(choice) => {
                for case in &choice.cases {
                    self.under(Condition::Perhaps, &case.body);
                }
            }
            _ => {}
        }
    }

    fn import_from(&mut self, import: &'p StmtImportFrom, statement: &'p Stmt) {
        for alias in &import.names {
            let name = alias.name.as_str();
            if name == "*" {
                let conditions = self.conditions.clone();
                let what = What::From(import, name);
                self.names.stars.push(Binding { at: statement.start(), from: statement.end(), conditions, what });
            } else {
                self.bind(
                    alias.asname.as_ref().map_or(name, |name| name.as_str()),
                    statement,
                    What::From(import, name),
                );
            }
        }
    }

    fn assign(&mut self, target: &'p Expr, value: &'p Expr, path: &mut Vec<usize>, statement: &'p Stmt) {
        match target {
            Expr::Name(name) if path.is_empty() => self.bind(&name.id, statement, What::Value(value)),
            Expr::Name(name) => self.bind(&name.id, statement, What::Element(value, path.clone())),
            Expr::Tuple(targets) if !targets.elts.iter().any(Expr::is_starred_expr) => {
                self.assign_each(&targets.elts, value, path, statement);
            }
            Expr::List(targets) if !targets.elts.iter().any(Expr::is_starred_expr) => {
                self.assign_each(&targets.elts, value, path, statement);
            }
            _ => self.opaque(target, statement),
        }
    }

    fn assign_each(&mut self, targets: &'p [Expr], value: &'p Expr, path: &mut Vec<usize>, statement: &'p Stmt) {
        for (index, target) in targets.iter().enumerate() {
            path.push(index);
            self.assign(target, value, path, statement);
            path.pop();
        }
    }

    /// The names in a target get values that are not followed; the values of names that it reaches into change.
    fn opaque(&mut self, target: &'p Expr, statement: &'p Stmt) {
        match target {
            Expr::Name(name) => self.bind(&name.id, statement, What::Opaque),
            Expr::Tuple(targets) => targets.elts.iter().for_each(|target| self.opaque(target, statement)),
            Expr::List(targets) => targets.elts.iter().for_each(|target| self.opaque(target, statement)),
            Expr::Starred(starred) => self.opaque(&starred.value, statement),
            _ => self.touch(target, statement.start()),
        }
    }

    fn touch(&mut self, expression: &'p Expr, at: TextSize) {
        match expression {
            Expr::Name(name) => self.names.touched.entry(&name.id).or_default().push(at),
            Expr::Attribute(attribute) => self.touch(&attribute.value, at),
            Expr::Subscript(subscript) => self.touch(&subscript.value, at),
            _ => {}
        }
    }

    /// A call may change what it is called on and what it is given.
    fn touch_arguments(&mut self, expression: &'p Expr) {
        let Expr::Call(call) = expression else { return };
        if let Expr::Attribute(attribute) = &*call.func {
            self.touch(&attribute.value, call.start());
        }
        for argument in call.arguments.args.iter().chain(call.arguments.keywords.iter().map(|keyword| &keyword.value)) {
            self.touch(argument, call.start());
            self.touch_arguments(argument);
        }
    }
}
