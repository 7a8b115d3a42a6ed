//! Job variables that end up nowhere.
//!
//! A worker renders the placeholders there are and does not look at what is left over. So a misspelt name, or a template that
//! declares a variable and has no placeholder for it, goes unnoticed: the run starts with the default instead.

use std::{collections::HashSet, fmt};

use serde_json::Value;
use templating::{
    Node, Segment,
    placeholder::{self, Kind},
};

use crate::{BaseJobTemplate, Layer, Layers, Object, near::near, template::Slot, variables::ENV};

/// How many are told.
const MOST: usize = 20;

/// A job variable without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unused {
    /// Its name, as it was given.
    pub variable: String,
    /// Who gave it.
    pub layer: Layer,
    /// Whether the template declares it.
    pub declared: bool,
    /// The variable with an effect whose name is nearest.
    pub nearest: Option<String>,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, layer, declared, nearest } = self;
        write!(f, "The job variable `{variable}` ({layer}) has no effect: the base job template ")?;
        match (declared, nearest) {
            (true, _) => write!(f, "declares it, and its job_configuration has no {{{{ {variable} }}}}."),
            (false, None) => f.write_str("has no such variable."),
            (false, Some(nearest)) => write!(f, "has no such variable. Did you mean `{nearest}`?"),
        }
    }
}

impl BaseJobTemplate {
    /// Job variables of the layers, and defaults of the pool, that no placeholder of the template names. An explicit null
    /// unsets a variable, and what is not there needs no unsetting.
    pub fn unused(&self, layers: Layers<'_>) -> Vec<Unused> {
        let given = |layer: Layer, variables: Option<&Object>| -> Vec<Unused> {
            let names = variables.into_iter().flatten().filter(|(_, value)| !value.is_null()).map(|(name, _)| name);
            let without = names.filter(|name| !self.has_effect(name, layers));
            without.take(MOST).map(|name| self.describe(name, layer)).collect()
        };
        let mut unused = given(Layer::Deployment, layers.deployment);
        unused.extend(given(Layer::FlowRun, layers.flow_run));
        unused.extend(given(Layer::PoolDefault, Some(&self.inner.defaults)));
        unused.truncate(MOST);
        unused
    }

    fn describe(&self, name: &str, layer: Layer) -> Unused {
        let root = root_of(name);
        let declared = self.declared().any(|known| known == root);
        let useful = self.declared().filter(|known| self.named().contains(*known));
        let nearest = if declared { None } else { near(&root, useful).first().map(|it| (*it).to_owned()) };
        Unused { variable: name.to_owned(), layer, declared, nearest }
    }

    fn has_effect(&self, name: &str, layers: Layers<'_>) -> bool {
        // Nearly every variable is named as it stands.
        if self.named().contains(name) {
            return true;
        }
        let root = root_of(name);
        self.named().contains(&root) || in_environments(&root, layers)
    }

    fn declared(&self) -> impl Iterator<Item = &str> {
        let properties = self.inner.schema.as_ref().and_then(|schema| schema.get("properties"));
        properties.and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Variables that the job configuration names.
    fn named(&self) -> &HashSet<String> {
        self.inner.named.get_or_init(|| {
            let mut names = HashSet::new();
            for (_, slot) in &self.inner.entries {
                match slot {
                    Slot::Node(node) | Slot::Environment { node, .. } => name_variables(node, &mut names),
                    Slot::EnvironmentObject(object) => {
                        names.insert(ENV.to_owned());
                        object.entries.iter().for_each(|entry| name_variables(&entry.node, &mut names));
                    }
                }
            }
            names
        })
    }
}

/// Variables that the placeholders of a template name.
pub(crate) fn name_variables(node: &Node, names: &mut HashSet<String>) {
    match node {
        Node::Literal(_) => {}
        Node::Whole(lookup) => drop(names.insert(lookup.path.root.clone())),
        Node::Text(segments) => {
            for segment in segments {
                if let Segment::Lookup(lookup) = segment {
                    names.insert(lookup.path.root.clone());
                }
            }
        }
        Node::Array(nodes) => nodes.iter().for_each(|node| name_variables(node, names)),
        Node::Object(nodes) => nodes.iter().for_each(|(_, node)| name_variables(node, names)),
    }
}

/// What [`placeholder::split`] begins with, without the rest of a name of any length.
fn root_of(name: &str) -> String {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    name[..end].replace(']', "")
}

/// Whether a value of `env` names the variable: these values may be templates, too.
fn in_environments(root: &str, layers: Layers<'_>) -> bool {
    let variables = [layers.deployment, layers.flow_run].into_iter().flatten().flatten();
    variables.filter(|(name, _)| root_of(name) == ENV).any(|(_, value)| names(value, root))
}

fn names(value: &Value, root: &str) -> bool {
    match value {
        Value::String(text) => {
            placeholder::find(text).any(|found| matches!(found.kind(), Kind::Standard(name) if root_of(name) == root))
        }
        Value::Array(items) => items.iter().any(|item| names(item, root)),
        Value::Object(entries) => entries.values().any(|entry| names(entry, root)),
        _ => false,
    }
}
