//! What an expression is worth, as far as the source tells.
//!
//! This is no interpreter. Names, literals, types, constants and a few pure functions of the standard library are followed;
//! everything else is a [`Fault::Doubt`](crate::object::Fault) with the place and the reason, and never a guess.

mod arguments;
mod builtin;
mod call;
mod comprehension;
mod condition;
mod flow;
mod lookup;
mod make;
mod method;
mod operate;
mod subscript;

use ruff_python_ast::{
    DictItem, Expr, ExprFString, FStringPart, InterpolatedStringElement, Number,
    visitor::{self, Visitor},
};
use ruff_text_size::{Ranged, TextSize};

pub(crate) use self::arguments::Args;
pub(crate) use self::make::CONSTRAINTS;
pub(crate) use self::method::{display, uuid as uuid_text};
pub(crate) use self::subscript::flatten_union;
use crate::{
    object::{Exception, Fault, Obj, Outcome, Same, Scope},
    session::Session,
    source::on_enough_stack,
};

/// After everything that the module runs on import.
pub(crate) const END: TextSize = TextSize::new(u32::MAX);

/// Longer texts and collections are not computed.
const MAX_ITEMS: usize = 20_000;

impl<'p> Session<'p> {
    /// The value of `expr` in `scope`, evaluated when the module has run up to `at`.
    pub(crate) fn eval(&self, expr: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let deeper = self.deeper(|| self.eval_inner(expr, scope, at));
        deeper.unwrap_or_else(|| Err(scope.doubt(expr.start(), "the expression is too complex to follow")))
    }

    fn eval_inner(&self, expr: &'p Expr, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        match expr {
            Expr::NoneLiteral(_) => Ok(Obj::None),
            Expr::EllipsisLiteral(_) => Ok(Obj::Ellipsis),
            Expr::BooleanLiteral(literal) => Ok(Obj::Bool(literal.value)),
            Expr::StringLiteral(literal) => Ok(Obj::str(literal.value.to_str())),
            Expr::BytesLiteral(literal) => Ok(Obj::Bytes(literal.value.bytes().collect())),
            Expr::NumberLiteral(literal) => number(&literal.value).ok_or_else(|| self.not_followed(expr, scope)),
            Expr::Name(name) => self.name(&name.id, expr, scope, at),
            Expr::Attribute(attribute) => {
                let value = self.eval(&attribute.value, scope, at)?;
                self.attribute(&value, &attribute.attr, expr, scope, at)
            }
            Expr::Subscript(subscript) => self.subscript(subscript, scope, at),
            Expr::Call(call) => self.call(call, scope, at),
            Expr::List(list) => Ok(Obj::List(self.elements(&list.elts, scope, at)?.into())),
            Expr::Tuple(tuple) => Ok(Obj::Tuple(self.elements(&tuple.elts, scope, at)?.into())),
            Expr::Set(set) => Ok(Obj::Set(distinct(self.elements(&set.elts, scope, at)?).into())),
            Expr::Dict(dict) => Ok(Obj::Dict(self.items(&dict.items, scope, at)?.into())),
            Expr::ListComp(list) => Ok(Obj::List(self.each(&list.elt, &list.generators, expr, scope, at)?.into())),
            Expr::SetComp(set) => Ok(Obj::Set(distinct(self.each(&set.elt, &set.generators, expr, scope, at)?).into())),
            Expr::DictComp(dict) => {
                let key = dict.key.as_deref().ok_or_else(|| self.not_followed(expr, scope))?;
                self.each_pair(key, &dict.value, &dict.generators, expr, scope, at)
            }
            Expr::FString(text) => self.interpolated(text, scope, at),
            Expr::Lambda(lambda) if lambda.parameters.is_none() => Ok(Obj::Lambda(Same(&lambda.body), scope.clone())),
            Expr::Lambda(_) => Ok(Obj::Opaque),
            Expr::If(branch) => {
                let test = self.eval(&branch.test, scope, at)?;
                match self.truth(&test) {
                    Some(true) => self.eval(&branch.body, scope, at),
                    Some(false) => self.eval(&branch.orelse, scope, at),
                    None => Err(self.not_followed(&*branch.test, scope)),
                }
            }
            Expr::BoolOp(op) => self.boolean(op, scope, at),
            Expr::UnaryOp(op) => self.unary(op, expr, scope, at),
            Expr::BinOp(op) => self.binary(op, expr, scope, at),
            Expr::Compare(compare) => self.compare(compare, expr, scope, at),
            _ => Err(self.not_followed(expr, scope)),
        }
    }

    pub(crate) fn not_followed(&self, expr: &impl Ranged, scope: &Scope<'p>) -> Fault {
        scope.doubt(expr.start(), format!("`{}` is only known when the code runs", scope.module.snippet(expr)))
    }

    /// A quoted annotation. Errors are placed at `quote`, because the text has no places of its own.
    pub(crate) fn eval_text(&self, text: &str, quote: TextSize, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let Some(expr) = self.snippet(text) else {
            return Err(scope.doubt(quote, format!("the annotation {text:?} is no expression")));
        };
        self.eval(expr, scope, at).map_err(|fault| match fault {
            Fault::Doubt(doubt) if doubt.place.file == scope.module.shown => {
                let why = if doubt.why.ends_with("is only known when the code runs") {
                    format!("the annotation {text:?} is only known when the code runs")
                } else {
                    doubt.why.clone()
                };
                scope.doubt(quote, why)
            }
            fault => fault,
        })
    }

    fn elements(&self, elements: &'p [Expr], scope: &Scope<'p>, at: TextSize) -> Outcome<Vec<Obj<'p>>> {
        let mut values = Vec::with_capacity(elements.len().min(MAX_ITEMS));
        for element in elements {
            match element {
                Expr::Starred(starred) => {
                    let value = self.eval(&starred.value, scope, at)?;
                    let items = self.iterate(&value).ok_or_else(|| self.not_followed(element, scope))?;
                    values.extend(items);
                }
                _ => values.push(self.eval(element, scope, at)?),
            }
            if values.len() > MAX_ITEMS {
                return Err(scope.doubt(element.start(), "the collection is too large to follow"));
            }
        }
        Ok(values)
    }

    fn items(&self, items: &'p [DictItem], scope: &Scope<'p>, at: TextSize) -> Outcome<Vec<(Obj<'p>, Obj<'p>)>> {
        let mut pairs = Vec::with_capacity(items.len().min(MAX_ITEMS));
        for item in items {
            let value = self.eval(&item.value, scope, at)?;
            match (&item.key, value) {
                (Some(key), value) => put(&mut pairs, self.eval(key, scope, at)?, value),
                (None, Obj::Dict(more)) => {
                    more.iter().for_each(|(key, value)| put(&mut pairs, key.clone(), value.clone()));
                }
                (None, _) => return Err(self.not_followed(&item.value, scope)),
            }
            if pairs.len() > MAX_ITEMS {
                return Err(scope.doubt(item.start(), "the dictionary is too large to follow"));
            }
        }
        Ok(pairs)
    }

    fn interpolated(&self, text: &'p ExprFString, scope: &Scope<'p>, at: TextSize) -> Outcome<Obj<'p>> {
        let mut result = String::new();
        for part in &text.value {
            let FStringPart::FString(string) = part else {
                result.extend(part.as_literal().map(|literal| &*literal.value));
                continue;
            };
            for element in &string.elements {
                match element {
                    InterpolatedStringElement::Literal(literal) => result.push_str(&literal.value),
                    InterpolatedStringElement::Interpolation(inner)
                        if inner.format_spec.is_none() && inner.conversion.is_none() && inner.debug_text.is_none() =>
                    {
                        let value = self.eval(&inner.expression, scope, at)?;
                        let shown = method::display(&value);
                        result.push_str(&shown.ok_or_else(|| self.not_followed(&*inner.expression, scope))?);
                    }
                    InterpolatedStringElement::Interpolation(inner) => return Err(self.not_followed(inner, scope)),
                }
            }
        }
        Ok(Obj::str(&result))
    }

    /// The items that Python would iterate over.
    pub(crate) fn iterate(&self, value: &Obj<'p>) -> Option<Vec<Obj<'p>>> {
        match value {
            Obj::List(items) | Obj::Tuple(items) | Obj::Range(items) => Some(items.to_vec()),
            Obj::Set(items) if items.len() < 2 => Some(items.to_vec()),
            Obj::Dict(items) => Some(items.iter().map(|(key, _)| key.clone()).collect()),
            Obj::Str(text) => Some(text.chars().map(|c| Obj::str(c.encode_utf8(&mut [0; 4]))).collect()),
            Obj::Class(_) | Obj::Made(_) => {
                let members = self.members(value).ok()?;
                Some(members.into_iter().map(Obj::Member).collect())
            }
            _ => None,
        }
    }
}

fn number<'p>(value: &Number) -> Option<Obj<'p>> {
    match value {
        Number::Int(int) => match int.as_u64() {
            Some(small) => Some(Obj::Int(i128::from(small))),
            None => int.to_string().replace('_', "").parse().ok().map(Obj::Int),
        },
        Number::Float(float) => Some(Obj::Float(*float)),
        Number::Complex { .. } => None,
    }
}

/// A dictionary's assignment: a key that is there keeps its place.
pub(crate) fn put<'p>(pairs: &mut Vec<(Obj<'p>, Obj<'p>)>, key: Obj<'p>, value: Obj<'p>) {
    match pairs.iter_mut().find(|(old, _)| equals(old, &key)) {
        Some((_, old)) => *old = value,
        None => pairs.push((key, value)),
    }
}

fn distinct(values: Vec<Obj<'_>>) -> Vec<Obj<'_>> {
    let mut kept: Vec<Obj<'_>> = Vec::new();
    for value in values {
        if !kept.iter().any(|old| equals(old, &value)) {
            kept.push(value);
        }
    }
    kept
}

/// Python's `==` for what may be a key: numbers are equal across their types.
pub(crate) fn equals(left: &Obj<'_>, right: &Obj<'_>) -> bool {
    match (as_number(left), as_number(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

pub(crate) fn as_number(value: &Obj<'_>) -> Option<f64> {
    match value {
        Obj::Bool(value) => Some(f64::from(u8::from(*value))),
        Obj::Int(value) if value.unsigned_abs() <= 1 << 53 => Some(*value as f64),
        Obj::Float(value) => Some(*value),
        _ => None,
    }
}

/// The names that an expression reads.
pub(crate) fn names_in(expr: &Expr) -> Vec<&str> {
    #[derive(Default)]
    struct Reader<'a>(Vec<&'a str>);
    impl<'a> Visitor<'a> for Reader<'a> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(name) = expr {
                self.0.push(&name.id);
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut reader = Reader::default();
    on_enough_stack(|| reader.visit_expr(expr));
    reader.0
}

/// Raised where Python raises a `NameError`.
pub(crate) const NAME_ERROR: Fault = Fault::Raises(Exception::Name);
