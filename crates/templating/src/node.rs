//! A template with its placeholders found once, and what becomes of it with values (Prefect's `apply_values`).
//!
//! A text that is exactly one placeholder becomes the value with its type; without a value the entry or item around it
//! disappears, unless the policy says otherwise. Every other text gets `str()` of the values put in, in a single pass: what
//! is put in is not searched again (prefect 3.9; earlier ones could, in an order that changed from process to process).
//! Keys of objects are never templates. Blocks and Prefect variables come later, over the result.
//!
//! The policy is applied when the placeholders are found. So the environment is read then, and rendering knows of each
//! placeholder what to do without a value.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::{
    error::{Gathered, TemplatingError},
    limits::{Budget, may_hold_placeholder},
    placeholder::{self, Kind, Path},
    policy::{Missing, Policy},
    python,
};

/// The values that placeholders name.
pub trait Values {
    /// The value of a name without a path.
    fn get(&self, name: &str) -> Option<&Value>;

    /// The value at a path.
    fn find(&self, path: &Path) -> Option<Cow<'_, Value>> {
        path.follow(self.get(&path.root)?)
    }
}

impl Values for Map<String, Value> {
    fn get(&self, name: &str) -> Option<&Value> {
        Self::get(self, name)
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Nothing to replace in it.
    Literal(Value),
    /// Exactly one placeholder.
    Whole(Lookup),
    /// Text around placeholders.
    Text(Vec<Segment>),
    /// A list with placeholders in it.
    Array(Vec<Node>),
    /// An object with placeholders in it.
    Object(Vec<(String, Node)>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// As it stands.
    Literal(String),
    /// To be replaced.
    Lookup(Lookup),
}

/// A placeholder of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Where the value is.
    pub path: Path,
    otherwise: Otherwise,
}

/// What becomes of a placeholder without a value.
#[derive(Debug, Clone, PartialEq)]
enum Otherwise {
    Nothing,
    /// This text.
    Written(String),
    /// An error that names this text.
    Refused(String),
}

impl Lookup {
    fn new(name: &str, written: &str, missing: Missing) -> Self {
        let otherwise = match missing {
            Missing::Remove => Otherwise::Nothing,
            Missing::Keep => Otherwise::Written(written.to_owned()),
            Missing::Refuse => Otherwise::Refused(written.to_owned()),
        };
        Self { path: Path::parse(name), otherwise }
    }

    /// The value, or what takes its place; none if nothing does.
    fn find<'v, V: Values + ?Sized>(
        &self,
        values: &'v V,
        budget: &mut Budget,
    ) -> Result<Option<Cow<'v, Value>>, TemplatingError> {
        budget.look_up(&self.path)?;
        match (values.find(&self.path), &self.otherwise) {
            (Some(value), _) => Ok(Some(value)),
            (None, Otherwise::Nothing) => Ok(None),
            (None, Otherwise::Written(text)) => Ok(Some(Cow::Owned(Value::String(text.clone())))),
            (None, Otherwise::Refused(text)) => Err(TemplatingError::missing(text)),
        }
    }
}

impl Node {
    /// Finds the placeholders of a template `depth` levels down.
    ///
    /// # Errors
    ///
    /// [`TemplatingError::Depth`], and [`TemplatingError::Missing`] if the policy refuses undefined variables and there are some.
    pub fn compile(template: &Value, policy: &Policy<'_>, depth: usize) -> Result<Self, TemplatingError> {
        policy.limits.within_depth(depth)?;
        Ok(match template {
            Value::String(text) => Self::compile_text(text, policy)?,
            Value::Array(items) => {
                let mut gathered = Gathered::default();
                let mut nodes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let node = Self::compile(item, policy, depth + 1);
                    nodes.extend(gathered.take(node, || index.to_string())?);
                }
                gathered.finish()?;
                if nodes.iter().any(Self::is_open) {
                    Self::Array(nodes)
                } else {
                    Self::Literal(nodes.into_iter().filter_map(Self::into_literal).collect())
                }
            }
            Value::Object(entries) => {
                let mut gathered = Gathered::default();
                let mut nodes = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let node = Self::compile(value, policy, depth + 1);
                    nodes.extend(gathered.take(node, || key.clone())?.map(|node| (key.clone(), node)));
                }
                gathered.finish()?;
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

    fn compile_text(text: &str, policy: &Policy<'_>) -> Result<Self, TemplatingError> {
        let mut segments = Vec::new();
        let mut literal = String::new();
        let mut copied = 0;
        let mut gathered = Gathered::default();
        for found in placeholder::find(text) {
            if policy.kept.iter().any(|prefix| found.name.starts_with(prefix)) {
                continue;
            }
            let written = found.written(text);
            match found.kind() {
                Kind::Standard(name) => {
                    let lookup = Lookup::new(name, written, policy.unknown);
                    if found.is_whole(text) {
                        return Ok(Self::Whole(lookup));
                    }
                    literal.push_str(&text[copied..found.start]);
                    if !literal.is_empty() {
                        segments.push(Segment::Literal(std::mem::take(&mut literal)));
                    }
                    segments.push(Segment::Lookup(lookup));
                }
                Kind::Environment(name) => {
                    literal.push_str(&text[copied..found.start]);
                    match (policy.environment.get(name), policy.undefined) {
                        (Some(value), _) => literal.push_str(&value),
                        (None, Missing::Remove) => {}
                        (None, Missing::Keep) => literal.push_str(written),
                        (None, Missing::Refuse) => gathered.add(written),
                    }
                }
                Kind::Block(_) | Kind::Variable(_) => continue,
            }
            copied = found.end;
        }
        gathered.finish()?;
        literal.push_str(&text[copied..]);
        if segments.is_empty() {
            return Ok(Self::Literal(Value::String(literal)));
        }
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal));
        }
        Ok(Self::Text(segments))
    }

    fn is_open(&self) -> bool {
        !matches!(self, Self::Literal(_))
    }

    fn into_literal(self) -> Option<Value> {
        if let Self::Literal(value) = self { Some(value) } else { None }
    }

    /// The template with values, to stand `depth` levels down; none if it disappears.
    ///
    /// # Errors
    ///
    /// [`TemplatingError::Size`], [`TemplatingError::Depth`], and [`TemplatingError::Missing`] if the policy refuses unknown names and there are some.
    pub fn render<V: Values + ?Sized>(
        &self,
        values: &V,
        budget: &mut Budget,
        depth: usize,
    ) -> Result<Option<Value>, TemplatingError> {
        match self {
            Self::Literal(value) => budget.copy(value, depth).map(Some),
            Self::Whole(lookup) => lookup.find(values, budget)?.map(|value| budget.copy(&value, depth)).transpose(),
            Self::Text(segments) => render_text(segments, values, budget, depth).map(Some),
            Self::Array(nodes) => {
                budget.value(0, depth)?;
                let mut gathered = Gathered::default();
                let mut items = Vec::with_capacity(nodes.len());
                for (index, node) in nodes.iter().enumerate() {
                    let item = node.render(values, budget, depth + 1);
                    items.extend(gathered.take(item, || index.to_string())?.flatten());
                }
                gathered.finish()?;
                Ok(Some(Value::Array(items)))
            }
            Self::Object(nodes) => {
                budget.value(0, depth)?;
                let mut gathered = Gathered::default();
                let mut entries = Map::with_capacity(nodes.len());
                for (key, node) in nodes {
                    let entry = node.render(values, budget, depth + 1);
                    if let Some(value) = gathered.take(entry, || key.clone())?.flatten() {
                        budget.key(key)?;
                        entries.insert(key.clone(), value);
                    }
                }
                gathered.finish()?;
                Ok(Some(Value::Object(entries)))
            }
        }
    }
}

/// Renders a template that is used only once.
///
/// # Errors
///
/// Those of [`Node::compile`] and [`Node::render`].
pub fn render_value<V: Values + ?Sized>(
    template: &Value,
    values: &V,
    policy: &Policy<'_>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Option<Value>, TemplatingError> {
    match template {
        Value::String(text) if !may_hold_placeholder(text) => budget.copy(template, depth).map(Some),
        other => Node::compile(other, policy, depth)?.render(values, budget, depth),
    }
}

fn render_text<V: Values + ?Sized>(
    segments: &[Segment],
    values: &V,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value, TemplatingError> {
    budget.value(0, depth)?;
    let mut gathered = Gathered::default();
    let mut out = String::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => {
                budget.text(text.len())?;
                out.push_str(text);
            }
            Segment::Lookup(lookup) => {
                let found = lookup.find(values, budget);
                if let Some(value) = gathered.take_here(found)?.flatten() {
                    python::push_str(&value, &mut out, budget)?;
                }
            }
        }
    }
    gathered.finish()?;
    budget.may_refer |= may_hold_placeholder(&out);
    Ok(Value::String(out))
}
