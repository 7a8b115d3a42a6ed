//! Where every value of a job configuration comes from, for the person who debugs a pool.
//!
//! The layers are merged by the same code a second time with every value replaced by the name of its layer, so that
//! what is said about the origin of a value cannot drift from how it was found.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use templating::{Budget, Node, Reference, References, Segment, Values, is_reference, placeholder::Path, pointer};

use crate::{
    Layers, Object, configuration,
    error::WorkPoolError,
    policy::{POLICY, budget, within_depth},
    template::{AWS_CREDENTIALS, EnvironmentEntry, LABELS, Slot},
    variables::{ENV, Variables},
};

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Written in the pool's `job_configuration`.
    Template,
    /// Default of a variable of the pool.
    PoolDefault,
    /// Job variable of the deployment.
    Deployment,
    /// Job variable of the flow run.
    FlowRun,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Template => "template",
            Self::PoolDefault => "pool default",
            Self::Deployment => "deployment",
            Self::FlowRun => "flow run",
        })
    }
}

/// One contribution to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// Who set it.
    pub layer: Layer,
    /// The job variable, as the placeholder names it; none for what stands in the template itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
}

/// Origin of one leaf: a scalar, an empty object or list, or an entry of `env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// JSON pointer into the job configuration.
    pub pointer: String,
    /// What contributed, in the order of the text; literal text around placeholders counts.
    pub origins: Vec<Origin>,
    /// What the server has to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
}

/// Origins of all leaves, in the order of the job configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Sources {
    leaves: Vec<Source>,
}

impl Sources {
    /// All leaves.
    pub fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.leaves.iter()
    }

    /// The leaf at a JSON pointer, or the one above it whose reference was replaced by something with parts.
    pub fn get(&self, pointer: &str) -> Option<&Source> {
        self.leaves.iter().find(|leaf| {
            pointer.strip_prefix(&leaf.pointer).is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }
}

impl<'a> IntoIterator for &'a Sources {
    type Item = &'a Source;
    type IntoIter = std::slice::Iter<'a, Source>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

const DEPLOYMENT: &str = "deployment";
const FLOW_RUN: &str = "flow_run";

struct Tracer<'a> {
    variables: &'a Variables<'a>,
    /// The same variables with the name of its layer in place of every value.
    layers: &'a Variables<'a>,
    budget: Budget,
    leaves: Vec<Source>,
}

pub(crate) fn trace(
    entries: &[(String, Slot)],
    defaults: &Object,
    layers: Layers<'_>,
) -> Result<Sources, WorkPoolError> {
    let mut budget = budget();
    let variables = Variables::merge(defaults, layers, &mut budget)?;
    let deployment = layers.deployment.map(|layer| shadow_layer(layer, DEPLOYMENT, false)).transpose()?;
    let merges = layers.deployment.is_some_and(|layer| layer.get(ENV).is_some_and(Value::is_object));
    let flow_run = layers.flow_run.map(|layer| shadow_layer(layer, FLOW_RUN, merges)).transpose()?;
    let none = Object::new();
    let shadows = Layers { deployment: deployment.as_ref(), flow_run: flow_run.as_ref() };
    let names = Variables::merge(&none, shadows, &mut budget)?;
    let mut tracer = Tracer { variables: &variables, layers: &names, budget, leaves: Vec::new() };
    for (key, slot) in entries {
        let before = tracer.leaves.len();
        tracer.slot(slot, &pointer::token(key))?;
        match key.as_str() {
            // Null unsets them.
            ENV | LABELS if slot.render(&variables, &mut tracer.budget)? == Some(Value::Null) => {
                tracer.leaves.truncate(before);
            }
            ENV => fold_entries(&mut tracer.leaves, before),
            AWS_CREDENTIALS => {
                let value = slot.render(&variables, &mut tracer.budget)?;
                let facts = value.as_ref().and_then(configuration::credential_facts);
                let is_fact = |leaf: &Source| facts.as_ref().is_some_and(|facts| has_leaf(facts, &leaf.pointer));
                let kept: Vec<Source> = tracer.leaves.drain(before..).filter(is_fact).collect();
                tracer.leaves.extend(kept);
            }
            _ => {}
        }
    }
    Ok(Sources { leaves: tracer.leaves })
}

impl Tracer<'_> {
    fn slot(&mut self, slot: &Slot, at: &str) -> Result<(), WorkPoolError> {
        let object = match slot {
            Slot::Node(node) => return self.node(node, at, &own(Layer::Template)).map(drop),
            Slot::Environment { node, from_pool } => return self.node(node, at, &environment(*from_pool)).map(drop),
            Slot::EnvironmentObject(object) => object,
        };
        let before = self.leaves.len();
        let variables = self.variables;
        let given = object.given(variables)?;
        for EnvironmentEntry { name, node, from_pool } in &object.entries {
            let at = at.to_owned() + &pointer::token(name);
            match given.and_then(|given| given.get(name)) {
                Some(value) => self.given_entry(name, value, &at)?,
                None => self.node(node, &at, &environment(*from_pool)).map(drop)?,
            }
        }
        for (name, value) in given.into_iter().flatten().filter(|(name, _)| !object.has(name)) {
            self.given_entry(name, value, &(at.to_owned() + &pointer::token(name)))?;
        }
        if self.leaves.len() == before {
            self.leaf(at, vec![own(Layer::Template)], &Value::Null)?;
        }
        Ok(())
    }

    fn given_entry(&mut self, name: &str, value: &Value, at: &str) -> Result<(), WorkPoolError> {
        let layer = self.layer_of(ENV, &[name.to_owned()]);
        let node = Node::compile(value, &POLICY, 2)?;
        self.node(&node, at, &Origin { layer, variable: Some(ENV.to_owned()) }).map(drop)
    }

    /// Adds the leaves of a template; false if it disappears.
    fn node(&mut self, node: &Node, at: &str, own: &Origin) -> Result<bool, WorkPoolError> {
        match node {
            Node::Literal(value) => self.value(value, at, &mut |_| own.clone(), &mut Vec::new()),
            Node::Whole(lookup) => {
                let path = &lookup.path;
                let variables = self.variables;
                let layers = self.layers;
                let Some(value) = variables.find(path) else { return Ok(false) };
                let mut tokens: Vec<String> = path.rest.iter().map(|key| key.name.clone()).collect();
                let mut origin = |tokens: &[String]| Origin {
                    layer: layer_of(layers, &path.root, tokens),
                    variable: Some(path.name()),
                };
                self.value(&value, at, &mut origin, &mut tokens)
            }
            Node::Text(segments) => {
                let rendered = node.render(self.variables, &mut self.budget, 1)?.unwrap_or_default();
                let mut origins: Vec<Origin> = Vec::new();
                for segment in segments {
                    let origin = match segment {
                        Segment::Literal(_) => Some(own.clone()),
                        Segment::Lookup(lookup) => {
                            self.variables.find(&lookup.path).map(|_| self.origin_of(&lookup.path))
                        }
                    };
                    origins.extend(origin.filter(|origin| !origins.contains(origin)));
                }
                if origins.is_empty() {
                    origins.push(own.clone());
                }
                self.leaf(at, origins, &rendered)?;
                Ok(true)
            }
            Node::Array(nodes) => {
                let mut count = 0_usize;
                for node in nodes {
                    if self.node(node, &format!("{at}/{count}"), own)? {
                        count += 1;
                    }
                }
                self.container(count, at, own)
            }
            Node::Object(nodes) => {
                let mut count = 0;
                for (key, node) in nodes {
                    count += usize::from(self.node(node, &(at.to_owned() + &pointer::token(key)), own)?);
                }
                self.container(count, at, own)
            }
        }
    }

    fn container(&mut self, count: usize, at: &str, own: &Origin) -> Result<bool, WorkPoolError> {
        if count == 0 {
            self.leaf(at, vec![own.clone()], &Value::Null)?;
        }
        Ok(true)
    }

    fn origin_of(&self, path: &Path) -> Origin {
        let tokens: Vec<String> = path.rest.iter().map(|key| key.name.clone()).collect();
        Origin { layer: self.layer_of(&path.root, &tokens), variable: Some(path.name()) }
    }

    fn layer_of(&self, root: &str, tokens: &[String]) -> Layer {
        layer_of(self.layers, root, tokens)
    }

    /// Adds the leaves of a value; `tokens` is the way to it inside its variable.
    fn value(
        &mut self,
        value: &Value,
        at: &str,
        origin: &mut dyn FnMut(&[String]) -> Origin,
        tokens: &mut Vec<String>,
    ) -> Result<bool, WorkPoolError> {
        within_depth(tokens.len())?;
        self.budget.text(at.len())?;
        let inner: Vec<(String, &Value)> = match value {
            Value::Array(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
            // A reference is replaced as a whole.
            Value::Object(entries) if !is_reference(value) => {
                entries.iter().map(|(key, entry)| (key.clone(), entry)).collect()
            }
            _ => Vec::new(),
        };
        if inner.is_empty() {
            self.leaf(at, vec![origin(tokens)], value)?;
        }
        for (token, value) in inner {
            let at = at.to_owned() + &pointer::token(&token);
            tokens.push(token);
            self.value(value, &at, origin, tokens)?;
            tokens.pop();
        }
        Ok(true)
    }

    fn leaf(&mut self, at: &str, origins: Vec<Origin>, value: &Value) -> Result<(), WorkPoolError> {
        // A thousand leaves below one long key have it a thousand times.
        self.budget.text(at.len())?;
        let mut references = References::default();
        references.collect(value);
        self.leaves.push(Source { pointer: at.to_owned(), origins, references: references.into_vec() });
        Ok(())
    }
}

fn own(layer: Layer) -> Origin {
    Origin { layer, variable: None }
}

fn environment(from_pool: bool) -> Origin {
    if from_pool { Origin { layer: Layer::PoolDefault, variable: Some(ENV.to_owned()) } } else { own(Layer::Template) }
}

/// The layer that gave the value at a place in a variable.
fn layer_of(layers: &Variables<'_>, root: &str, tokens: &[String]) -> Layer {
    let Some(mut at) = layers.given(root) else { return Layer::PoolDefault };
    for token in tokens {
        at = at.get(token).unwrap_or(at);
    }
    first_name(at).unwrap_or(Layer::Deployment)
}

fn first_name(value: &Value) -> Option<Layer> {
    match value {
        Value::String(name) => Some(if name == FLOW_RUN { Layer::FlowRun } else { Layer::Deployment }),
        Value::Object(entries) => entries.values().find_map(first_name),
        _ => None,
    }
}

/// A layer with its name in place of every value that is not an object. `merges`: its environment is merged into that of the layer
/// below.
fn shadow_layer(layer: &Object, name: &str, merges: bool) -> Result<Object, WorkPoolError> {
    layer
        .iter()
        .map(|(key, value)| {
            // An empty text or list in place of an environment counts as none when merged, and so does null.
            let is_none = value == "" || value.as_array().is_some_and(Vec::is_empty) || (merges && value.is_null());
            let keep = key == ENV && is_none;
            Ok((key.clone(), if keep { value.clone() } else { shadow(value, name, 1)? }))
        })
        .collect()
}

fn shadow(value: &Value, name: &str, depth: usize) -> Result<Value, WorkPoolError> {
    within_depth(depth)?;
    match value {
        // An empty object keeps a name, too, or nobody would have set it.
        Value::Object(entries) if !entries.is_empty() => {
            let shadowed = entries.iter().map(|(key, entry)| Ok((key.clone(), shadow(entry, name, depth + 1)?)));
            shadowed.collect::<Result<Object, WorkPoolError>>().map(Value::Object)
        }
        Value::Object(_) => Ok(Value::Object(Object::from_iter([(String::new(), Value::String(name.to_owned()))]))),
        _ => Ok(Value::String(name.to_owned())),
    }
}

/// An entry of `env` is one leaf, for it becomes one string.
fn fold_entries(leaves: &mut Vec<Source>, from: usize) {
    let mut folded: Vec<Source> = Vec::new();
    for mut leaf in leaves.drain(from..) {
        if let Some((end, _)) = leaf.pointer.match_indices('/').nth(2) {
            leaf.pointer.truncate(end);
        }
        match folded.last_mut().filter(|last| last.pointer == leaf.pointer) {
            Some(last) => {
                let origins: Vec<Origin> = leaf.origins.into_iter().filter(|it| !last.origins.contains(it)).collect();
                last.origins.extend(origins);
                last.references.extend(leaf.references);
            }
            None => folded.push(leaf),
        }
    }
    leaves.append(&mut folded);
}

/// Whether `/aws_credentials/<fact>` is one of the facts.
fn has_leaf(facts: &Value, pointer: &str) -> bool {
    pointer.strip_prefix(&pointer::token(AWS_CREDENTIALS)).is_some_and(|below| facts.pointer(below).is_some())
}
