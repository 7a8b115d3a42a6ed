//! Whether a conditional binding holds.

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBoolOp, Stmt, UnaryOp};
use ruff_text_size::TextSize;

use crate::{
    known::is_loaded,
    names::{Binding, Condition},
    object::{Obj, Outcome, Scope},
    session::{Import, Session},
};

/// The oldest Python that Prefect 3 runs on is 3.10.
const OLDEST_MINOR: i128 = 10;

impl<'p> Session<'p> {
    /// Whether a binding is made; none if that depends on more than the source.
    pub(crate) fn is_made(&self, binding: &Binding<'p>, scope: &Scope<'p>) -> Option<bool> {
        let mut made = Some(true);
        for condition in &binding.conditions {
            match self.holds(condition, scope, binding.at) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => made = None,
            }
        }
        made
    }

    fn holds(&self, condition: &Condition<'p>, scope: &Scope<'p>, at: TextSize) -> Option<bool> {
        match condition {
            Condition::Test(test, expected) => {
                let value = self.test(test, scope, at)?;
                Some(value == *expected)
            }
            Condition::Tried(body, expected) => {
                body.iter().all(|statement| self.is_safe(statement, scope)).then_some(*expected)
            }
            Condition::Perhaps => None,
        }
    }

    /// The truth of a test. Unlike a value, it may rest on what every supported Python has in common.
    pub(super) fn test(&self, test: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Option<bool> {
        match test {
            Expr::Compare(compare) if compare.ops.len() == 1 => {
                let left = self.eval(&compare.left, scope, at).ok()?;
                if left.is_known("sys.version_info") {
                    let Obj::Tuple(version) = self.eval(&compare.comparators[0], scope, at).ok()? else { return None };
                    return compare_version(compare.ops[0], &version);
                }
                let value = self.eval(test, scope, at).ok()?;
                self.truth(&value)
            }
            Expr::UnaryOp(not) if not.op == UnaryOp::Not => self.test(&not.operand, scope, at).map(|truth| !truth),
            Expr::BoolOp(ExprBoolOp { op: BoolOp::And, values, .. }) => {
                let truths: Vec<_> = values.iter().map(|value| self.test(value, scope, at)).collect();
                if truths.contains(&Some(false)) {
                    Some(false)
                } else {
                    truths.iter().all(Option::is_some).then_some(true)
                }
            }
            Expr::BoolOp(ExprBoolOp { op: BoolOp::Or, values, .. }) => {
                let truths: Vec<_> = values.iter().map(|value| self.test(value, scope, at)).collect();
                if truths.contains(&Some(true)) {
                    Some(true)
                } else {
                    truths.iter().all(Option::is_some).then_some(false)
                }
            }
            _ => {
                let value: Outcome<Obj<'p>> = self.eval(test, scope, at);
                self.truth(&value.ok()?)
            }
        }
    }

    /// Whether a statement cannot fail.
    fn is_safe(&self, statement: &'p Stmt, scope: &Scope<'p>) -> bool {
        match statement {
            Stmt::Pass(_) | Stmt::FunctionDef(_) => true,
            Stmt::Expr(expression) => expression.value.is_literal_expr(),
            Stmt::Assign(assign) => assign.value.is_literal_expr(),
            Stmt::AnnAssign(assign) => assign.value.as_ref().is_none_or(|value| value.is_literal_expr()),
            Stmt::Import(import) => import.names.iter().all(|alias| self.is_importable(&alias.name)),
            Stmt::ImportFrom(import) if import.level == 0 => {
                import.module.as_ref().is_some_and(|module| self.is_importable(module))
            }
            Stmt::ImportFrom(import) => {
                let dotted = import.module.as_ref().map_or("", |module| module.as_str());
                matches!(
                    self.import_relative(&scope.module, import.level, dotted),
                    Import::Module(_) | Import::Folder(_)
                )
            }
            _ => false,
        }
    }

    fn is_importable(&self, dotted: &str) -> bool {
        let root = dotted.split('.').next().unwrap_or(dotted);
        is_loaded(root) || matches!(self.import(dotted), Import::Module(_) | Import::Folder(_))
    }
}

fn compare_version(op: CmpOp, version: &[Obj<'_>]) -> Option<bool> {
    let (Some(Obj::Int(3)), Some(Obj::Int(minor))) = (version.first(), version.get(1)) else { return None };
    match op {
        CmpOp::GtE if *minor <= OLDEST_MINOR => Some(true),
        CmpOp::Gt if *minor < OLDEST_MINOR => Some(true),
        CmpOp::Lt if *minor <= OLDEST_MINOR => Some(false),
        CmpOp::LtE if *minor < OLDEST_MINOR => Some(false),
        _ => None,
    }
}
