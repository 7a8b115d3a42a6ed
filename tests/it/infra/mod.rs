//! The Terraform module against the code: what it grants, sets, draws and watches is what the functions call, read and emit.
//!
//! None of it needs Terraform: files are read as HCL, and expressions are looked at as they are written. What a plan makes
//! of them is asserted by the module's own tests (`infra/check`).

mod build;
mod calls;
mod cost;
mod installation;
mod metrics;
mod operator;
mod pages;
mod permissions;
mod readmes;
mod settings;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ::installation::Function;
use hcl::{
    Block, Body, Expression,
    expr::{ObjectKey, Operation, TemplateExpr, TraversalOperator},
};

/// Names of the functions.
const FUNCTIONS: [&str; 5] = {
    let [a, b, c, d, e] = Function::ALL;
    [a.name(), b.name(), c.name(), d.name(), e.name()]
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a directory with a name that ends so, in order.
fn files(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(end))
        .collect();
    files.sort();
    files
}

/// The blocks of a module's files.
fn module(path: &str) -> Vec<Block> {
    let texts = files(&root().join(path), ".tf").into_iter().map(|file| std::fs::read_to_string(file).unwrap());
    let bodies = texts.map(|text| hcl::parse(&text).unwrap_or_else(|error| panic!("{path}: {error}")));
    bodies.flat_map(Body::into_blocks).collect()
}

/// Every local of a module.
fn locals(blocks: &[Block]) -> BTreeMap<String, Expression> {
    let bodies = blocks.iter().filter(|block| block.identifier() == "locals").map(Block::body);
    bodies.flat_map(Body::attributes).map(|it| (it.key().to_owned(), it.expr().clone())).collect()
}

/// The resources of a type, by name.
fn resources<'a>(blocks: &'a [Block], of: &str) -> BTreeMap<&'a str, &'a Body> {
    blocks
        .iter()
        .filter(|block| block.identifier() == "resource" && block.labels()[0].as_str() == of)
        .map(|block| (block.labels()[1].as_str(), block.body()))
        .collect()
}

fn attribute<'a>(body: &'a Body, name: &str) -> Option<&'a Expression> {
    body.attributes().find(|attribute| attribute.key() == name).map(hcl::Attribute::expr)
}

/// A member of an object expression.
fn member<'a>(expression: &'a Expression, name: &str) -> Option<&'a Expression> {
    let Expression::Object(object) = expression else { return None };
    object.iter().find(|(key, _)| key_text(key).as_deref() == Some(name)).map(|(_, value)| value)
}

fn key_text(key: &ObjectKey) -> Option<String> {
    match key {
        ObjectKey::Identifier(name) => Some(name.to_string()),
        ObjectKey::Expression(expression) => text(expression),
        _ => None,
    }
}

/// A string as it is written, with its interpolations.
fn text(expression: &Expression) -> Option<String> {
    match expression {
        Expression::String(text) => Some(text.clone()),
        Expression::TemplateExpr(template) => match &**template {
            TemplateExpr::QuotedString(text) => Some(text.clone()),
            TemplateExpr::Heredoc(heredoc) => Some(heredoc.template.clone()),
        },
        _ => None,
    }
}

/// `local.NAME…`: the name.
fn local_name(expression: &Expression) -> Option<String> {
    let Expression::Traversal(traversal) = expression else { return None };
    let Expression::Variable(root) = &traversal.expr else { return None };
    match traversal.operators.first() {
        Some(TraversalOperator::GetAttr(name)) if root.as_str() == "local" => Some(name.to_string()),
        _ => None,
    }
}

/// Calls `visit` with the expression and everything inside it. What a `local` is is not inside.
fn walk(expression: &Expression, visit: &mut dyn FnMut(&Expression)) {
    visit(expression);
    match expression {
        Expression::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Expression::Object(object) => {
            for (key, value) in object {
                if let ObjectKey::Expression(key) = key {
                    walk(key, visit);
                }
                walk(value, visit);
            }
        }
        Expression::Traversal(traversal) => {
            walk(&traversal.expr, visit);
            for operator in &traversal.operators {
                if let TraversalOperator::Index(index) = operator {
                    walk(index, visit);
                }
            }
        }
        Expression::FuncCall(call) => call.args.iter().for_each(|argument| walk(argument, visit)),
        Expression::Parenthesis(inner) => walk(inner, visit),
        Expression::Conditional(conditional) => {
            for part in [&conditional.cond_expr, &conditional.true_expr, &conditional.false_expr] {
                walk(part, visit);
            }
        }
        Expression::Operation(operation) => match &**operation {
            Operation::Unary(unary) => walk(&unary.expr, visit),
            Operation::Binary(binary) => {
                walk(&binary.lhs_expr, visit);
                walk(&binary.rhs_expr, visit);
            }
        },
        Expression::ForExpr(each) => {
            walk(&each.collection_expr, visit);
            each.key_expr.iter().chain(&each.cond_expr).for_each(|part| walk(part, visit));
            walk(&each.value_expr, visit);
        }
        _ => {}
    }
}

/// Every attribute of the blocks, however deep, with its name.
fn attributes<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Vec<(&'a str, &'a Expression)> {
    let mut found = Vec::new();
    let mut open: Vec<&Body> = blocks.into_iter().map(Block::body).collect();
    while let Some(body) = open.pop() {
        found.extend(body.attributes().map(|attribute| (attribute.key(), attribute.expr())));
        open.extend(body.blocks().map(Block::body));
    }
    found
}

const PUSHPOOL: &str = "infra/modules/pushpool";
const FUNCTION: &str = "infra/modules/pushpool/function";
