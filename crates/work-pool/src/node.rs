//! A template with its placeholders found once, and what becomes of it with values (Prefect's `apply_values`).
//!
//! A text that is exactly one placeholder becomes the value with its type; without a value the entry or item around it
//! disappears. Every other text gets `str()` of the values put in, nothing for missing ones, in a single pass: what is
//! put in is not searched again (prefect 3.9; earlier ones could, in an order that changed from process to process).
//! Keys of objects are never templates. Blocks and Prefect variables come later, over the result.

use serde_json::{Map, Value};

use crate::{
    error::WorkPoolError,
    limits::{Budget, may_hold_placeholder, within_depth},
    placeholder::{self, Kind, Path},
    python,
    variables::Variables,
};

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Nothing to replace in it.
    Literal(Value),
    /// Exactly one placeholder.
    Whole(Path),
    /// Text around placeholders.
    Text(Vec<Segment>),
    /// A list with placeholders in it.
    Array(Vec<Node>),
    /// An object with placeholders in it.
    Object(Vec<(String, Node)>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    /// As it stands.
    Literal(String),
    /// To be replaced.
    Lookup(Path),
}

impl Node {
    /// Finds the placeholders of a template `depth` levels down.
    pub(crate) fn compile(template: &Value, depth: usize) -> Result<Self, WorkPoolError> {
        within_depth(depth)?;
        Ok(match template {
            Value::String(text) => Self::compile_text(text),
            Value::Array(items) => {
                let nodes: Vec<Self> =
                    items.iter().map(|item| Self::compile(item, depth + 1)).collect::<Result<_, _>>()?;
                if nodes.iter().any(Self::is_open) {
                    Self::Array(nodes)
                } else {
                    Self::Literal(nodes.into_iter().filter_map(Self::into_literal).collect())
                }
            }
            Value::Object(entries) => {
                let nodes: Vec<(String, Self)> = entries
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), Self::compile(value, depth + 1)?)))
                    .collect::<Result<_, WorkPoolError>>()?;
                if nodes.iter().any(|(_, node)| node.is_open()) {
                    Self::Object(nodes)
                } else {
                    let entries = nodes.into_iter().filter_map(|(key, node)| Some((key, node.into_literal()?)));
                    Self::Literal(Value::Object(entries.collect()))
                }
            }
            other => Self::Literal(other.clone()),
        })
    }

    fn compile_text(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut copied = 0;
        for found in placeholder::find(text) {
            let lookup = match found.kind() {
                Kind::Standard(name) if found.is_whole(text) => return Self::Whole(Path::parse(name)),
                Kind::Standard(name) => Some(Path::parse(name)),
                Kind::Environment => None,
                Kind::Block(_) | Kind::Variable(_) => continue,
            };
            literal.push_str(&text[copied..found.start]);
            copied = found.end;
            if let Some(path) = lookup {
                if !literal.is_empty() {
                    segments.push(Segment::Literal(std::mem::take(&mut literal)));
                }
                segments.push(Segment::Lookup(path));
            }
        }
        literal.push_str(&text[copied..]);
        if segments.is_empty() {
            return Self::Literal(Value::String(literal));
        }
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        Self::Text(segments)
    }

    fn is_open(&self) -> bool {
        !matches!(self, Self::Literal(_))
    }

    fn into_literal(self) -> Option<Value> {
        if let Self::Literal(value) = self { Some(value) } else { None }
    }

    /// The template with values, to stand `depth` levels down; none if it disappears.
    pub(crate) fn render(
        &self,
        variables: &Variables<'_>,
        budget: &mut Budget,
        depth: usize,
    ) -> Result<Option<Value>, WorkPoolError> {
        match self {
            Self::Literal(value) => budget.copy(value, depth).map(Some),
            Self::Whole(path) => {
                budget.text(path.effort())?;
                variables.find(path).map(|value| budget.copy(&value, depth)).transpose()
            }
            Self::Text(segments) => render_text(segments, variables, budget, depth).map(Some),
            Self::Array(nodes) => {
                budget.value(0, depth)?;
                let mut items = Vec::with_capacity(nodes.len());
                for node in nodes {
                    items.extend(node.render(variables, budget, depth + 1)?);
                }
                Ok(Some(Value::Array(items)))
            }
            Self::Object(nodes) => {
                budget.value(0, depth)?;
                let mut entries = Map::with_capacity(nodes.len());
                for (key, node) in nodes {
                    if let Some(value) = node.render(variables, budget, depth + 1)? {
                        budget.key(key)?;
                        entries.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(entries)))
            }
        }
    }
}

/// Renders a template that is used only once.
pub(crate) fn render_value(
    template: &Value,
    variables: &Variables<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Option<Value>, WorkPoolError> {
    match template {
        Value::String(text) if !may_hold_placeholder(text) => budget.copy(template, depth).map(Some),
        other => Node::compile(other, depth)?.render(variables, budget, depth),
    }
}

fn render_text(
    segments: &[Segment],
    variables: &Variables<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value, WorkPoolError> {
    budget.value(0, depth)?;
    let mut out = String::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => {
                budget.text(text.len())?;
                out.push_str(text);
            }
            Segment::Lookup(path) => {
                budget.text(path.effort())?;
                if let Some(value) = variables.find(path) {
                    python::push_str(&value, &mut out, budget)?;
                }
            }
        }
    }
    budget.may_refer |= may_hold_placeholder(&out);
    Ok(Value::String(out))
}
