//! Operators.

use std::rc::Rc;

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprBinOp, ExprBoolOp, ExprCompare, ExprUnaryOp, Operator, UnaryOp};
use ruff_text_size::TextSize;

use super::{MAX_ITEMS, as_number, equals, flatten_union, method::join_path, put};
use crate::{
    object::{Obj, Outcome, Scope},
    session::Session,
    time::Moment,
};

impl<'p> Session<'p> {
    pub(crate) fn truth(&self, value: &Obj<'p>) -> Option<bool> {
        match value {
            Obj::None => Some(false),
            Obj::Bool(value) => Some(*value),
            Obj::Int(value) => Some(*value != 0),
            Obj::Float(value) => Some(*value != 0.0),
            Obj::Str(text) => Some(!text.is_empty()),
            Obj::Bytes(bytes) => Some(!bytes.is_empty()),
            Obj::List(items) | Obj::Tuple(items) | Obj::Set(items) => Some(!items.is_empty()),
            Obj::Dict(items) => Some(!items.is_empty()),
            Obj::Path(_) | Obj::Uuid(_) | Obj::Class(_) | Obj::Function(_) | Obj::Module(_) => Some(true),
            Obj::Moment(Moment::Delta(micros)) => Some(*micros != 0),
            Obj::Moment(_) => Some(true),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, op: &'p ExprBoolOp, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let mut last = Obj::None;
        for operand in &op.values {
            last = self.eval(operand, scope, at)?;
            let truth = self.truth(&last).ok_or_else(|| self.not_followed(operand, scope))?;
            if truth == (op.op == BoolOp::Or) {
                return Ok(last);
            }
        }
        Ok(last)
    }

    pub(super) fn unary(
        &self,
        op: &'p ExprUnaryOp,
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let value = self.eval(&op.operand, scope, at)?;
        let result = match (op.op, value) {
            (UnaryOp::Not, value) => self.truth(&value).map(|truth| Obj::Bool(!truth)),
            (UnaryOp::USub, Obj::Int(value)) => value.checked_neg().map(Obj::Int),
            (UnaryOp::USub, Obj::Float(value)) => Some(Obj::Float(-value)),
            (UnaryOp::USub, Obj::Moment(Moment::Delta(micros))) => Moment::delta(-micros).map(Obj::Moment),
            (UnaryOp::UAdd, value @ (Obj::Int(_) | Obj::Float(_))) => Some(value),
            (UnaryOp::Invert, Obj::Int(value)) => Some(Obj::Int(!value)),
            _ => None,
        };
        result.ok_or_else(|| self.not_followed(expr, scope))
    }

    pub(super) fn binary(
        &self,
        op: &'p ExprBinOp,
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let (left, right) = (self.eval(&op.left, scope, at)?, self.eval(&op.right, scope, at)?);
        if op.op == Operator::BitOr && (self.is_type_like(&left) || self.is_type_like(&right)) {
            return self.type_union(left, right, expr, scope);
        }
        operate(op.op, &left, &right).ok_or_else(|| self.not_followed(expr, scope))
    }

    /// `int | None`.
    fn type_union(&self, left: Obj<'p>, right: Obj<'p>, expr: &'p Expr, scope: &Scope<'p>) -> Outcome<Obj<'p>> {
        if [&left, &right].into_iter().all(|side| self.is_type_like(side) || *side == Obj::None) {
            return Ok(flatten_union(vec![left, right]));
        }
        // `int | "Model"` raises a TypeError in Python before 3.14, unless the type is one of `typing`.
        Err(self.not_followed(expr, scope))
    }

    fn is_type_like(&self, value: &Obj<'p>) -> bool {
        matches!(value, Obj::Known(_) | Obj::Class(_) | Obj::Applied(_) | Obj::Union(_) | Obj::Made(_))
    }

    pub(super) fn compare(
        &self,
        compare: &'p ExprCompare,
        expr: &'p Expr,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Obj<'p>> {
        let (&[op], [right]) = (&*compare.ops, &*compare.comparators) else {
            return Err(self.not_followed(expr, scope));
        };
        let (left, right) = (self.eval(&compare.left, scope, at)?, self.eval(right, scope, at)?);
        let numbers = as_number(&left).zip(as_number(&right));
        let result = match op {
            CmpOp::Eq if is_comparable(&left) && is_comparable(&right) => Some(equals(&left, &right)),
            CmpOp::NotEq if is_comparable(&left) && is_comparable(&right) => Some(!equals(&left, &right)),
            CmpOp::Is if right == Obj::None && !matches!(left, Obj::Known(_)) => Some(left == Obj::None),
            CmpOp::IsNot if right == Obj::None && !matches!(left, Obj::Known(_)) => Some(left != Obj::None),
            CmpOp::Lt => numbers.map(|(left, right)| left < right),
            CmpOp::LtE => numbers.map(|(left, right)| left <= right),
            CmpOp::Gt => numbers.map(|(left, right)| left > right),
            CmpOp::GtE => numbers.map(|(left, right)| left >= right),
            _ => None,
        };
        result.map(Obj::Bool).ok_or_else(|| self.not_followed(expr, scope))
    }
}

fn is_comparable(value: &Obj<'_>) -> bool {
    matches!(value, Obj::None | Obj::Bool(_) | Obj::Int(_) | Obj::Float(_) | Obj::Str(_) | Obj::Bytes(_))
}

fn operate<'p>(op: Operator, left: &Obj<'p>, right: &Obj<'p>) -> Option<Obj<'p>> {
    match (left, right) {
        (Obj::Int(left), Obj::Int(right)) => integers(op, *left, *right),
        (Obj::Str(left), Obj::Str(right)) if op == Operator::Add => {
            (left.len() + right.len() < 1 << 20).then(|| Obj::str(&format!("{left}{right}")))
        }
        (Obj::Str(text), Obj::Int(times)) | (Obj::Int(times), Obj::Str(text)) if op == Operator::Mult => {
            Some(Obj::str(&text.repeat(count(*times, text.len())?)))
        }
        (Obj::List(items), Obj::Int(times)) | (Obj::Int(times), Obj::List(items)) if op == Operator::Mult => {
            Some(Obj::List(repeat(items, count(*times, items.len())?)))
        }
        (Obj::Tuple(items), Obj::Int(times)) | (Obj::Int(times), Obj::Tuple(items)) if op == Operator::Mult => {
            Some(Obj::Tuple(repeat(items, count(*times, items.len())?)))
        }
        (Obj::List(left), Obj::List(right)) if op == Operator::Add => Some(Obj::List(chain(left, right)?)),
        (Obj::Tuple(left), Obj::Tuple(right)) if op == Operator::Add => Some(Obj::Tuple(chain(left, right)?)),
        (Obj::Dict(left), Obj::Dict(right)) if op == Operator::BitOr => {
            let mut pairs = left.to_vec();
            right.iter().for_each(|(key, value)| put(&mut pairs, key.clone(), value.clone()));
            Some(Obj::Dict(pairs.into()))
        }
        (Obj::Path(path), Obj::Str(part) | Obj::Path(part)) if op == Operator::Div => {
            Some(Obj::Path(join_path(path, part).into()))
        }
        (Obj::Moment(left), right) if matches!(op, Operator::Add | Operator::Sub) => moments(op, *left, right),
        (Obj::Moment(Moment::Delta(micros)), Obj::Int(times))
        | (Obj::Int(times), Obj::Moment(Moment::Delta(micros)))
            if op == Operator::Mult =>
        {
            Moment::delta(micros.checked_mul(*times)?).map(Obj::Moment)
        }
        _ => floats(op, as_number(left)?, as_number(right)?),
    }
}

fn count(times: i128, size: usize) -> Option<usize> {
    let times = usize::try_from(times.max(0)).ok()?;
    (times.checked_mul(size)? <= MAX_ITEMS).then_some(times)
}

fn repeat<'p>(items: &[Obj<'p>], times: usize) -> Rc<[Obj<'p>]> {
    std::iter::repeat_n(items, times).flatten().cloned().collect()
}

fn chain<'p>(left: &[Obj<'p>], right: &[Obj<'p>]) -> Option<Rc<[Obj<'p>]>> {
    (left.len() + right.len() <= MAX_ITEMS).then(|| left.iter().chain(right).cloned().collect())
}

fn moments<'p>(op: Operator, left: Moment, right: &Obj<'p>) -> Option<Obj<'p>> {
    match (left, right) {
        (left, Obj::Moment(Moment::Delta(micros))) => {
            left.plus(if op == Operator::Add { *micros } else { -micros }).map(Obj::Moment)
        }
        (Moment::Delta(micros), Obj::Moment(right)) if op == Operator::Add => right.plus(micros).map(Obj::Moment),
        _ => None,
    }
}

fn integers<'p>(op: Operator, left: i128, right: i128) -> Option<Obj<'p>> {
    let shift = |right: i128| u32::try_from(right).ok().filter(|bits| *bits < 100);
    let result = match op {
        Operator::Add => left.checked_add(right)?,
        Operator::Sub => left.checked_sub(right)?,
        Operator::Mult => left.checked_mul(right)?,
        Operator::FloorDiv if right != 0 => {
            let quotient = left.checked_div(right)?;
            if left % right != 0 && (left < 0) != (right < 0) { quotient - 1 } else { quotient }
        }
        Operator::Mod if right != 0 => {
            let rest = left.checked_rem(right)?;
            if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }
        }
        Operator::Pow if right >= 0 => left.checked_pow(u32::try_from(right).ok()?)?,
        Operator::LShift => left.checked_mul(1_i128.checked_shl(shift(right)?)?)?,
        Operator::RShift => left >> shift(right)?,
        Operator::BitAnd => left & right,
        Operator::BitOr => left | right,
        Operator::BitXor => left ^ right,
        Operator::Div => return floats(op, as_number(&Obj::Int(left))?, as_number(&Obj::Int(right))?),
        _ => return None,
    };
    Some(Obj::Int(result))
}

fn floats<'p>(op: Operator, left: f64, right: f64) -> Option<Obj<'p>> {
    let result = match op {
        Operator::Add => left + right,
        Operator::Sub => left - right,
        Operator::Mult => left * right,
        Operator::Div if right != 0.0 => left / right,
        _ => return None,
    };
    result.is_finite().then_some(Obj::Float(result))
}
