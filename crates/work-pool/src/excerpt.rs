//! Single places of a job configuration, rendered on their own.
//!
//! A component that only has to know where a run goes must not fail because of what the run's environment refers to. So an
//! excerpt keeps the wanted places of the template and the job variables that their placeholders name, and nothing else
//! of the template, the deployment or the run is read.

use std::collections::HashSet;

use serde_json::Value;
use templating::{Budget, Node, Reference, References, Resolver, is_reference, placeholder, python, resolve};

use crate::{
    Layers, Object,
    error::WorkPoolError,
    policy::{POLICY, budget, check_depth},
    template,
    unused::name_variables,
    variables::{self, Variables},
};

/// Places of a base job template's `job_configuration`.
#[derive(Debug, Clone)]
pub struct Excerpt {
    places: Vec<Place>,
    /// Job variables that the places name.
    names: HashSet<String>,
    /// Defaults of these.
    defaults: Object,
}

/// A place, or what stands on the way to it.
#[derive(Debug, Clone)]
struct Place {
    node: Node,
    /// Members to go down in what that becomes.
    rest: Vec<String>,
}

impl Excerpt {
    /// The places of a template as the Prefect API returns it; null and `{}` are the built-in one. A place is a list of
    /// members to go down from `job_configuration`.
    ///
    /// # Errors
    ///
    /// `PP0101` to `PP0103` when the shape is wrong, `PP0112` when one of these places nests too deeply.
    pub fn of(template: &Value, places: &[&[&str]]) -> Result<Self, WorkPoolError> {
        let template = match template {
            Value::Null => template::built_in_json(),
            Value::Object(members) if members.is_empty() => template::built_in_json(),
            Value::Object(_) => template,
            other => return Err(WorkPoolError::ReadTemplate { found: python::kind_of(other) }),
        };
        let configuration = match template.get("job_configuration") {
            Some(configuration @ Value::Object(_)) => configuration,
            Some(other) => return Err(WorkPoolError::ReadJobConfiguration { found: python::kind_of(other) }),
            None => return Err(WorkPoolError::ReadJobConfiguration { found: "missing" }),
        };
        let places: Vec<Place> = places.iter().map(|way| Place::find(configuration, way)).collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        places.iter().for_each(|place| name_variables(&place.node, &mut names));
        let properties = template.pointer("/variables/properties").and_then(Value::as_object);
        let named = properties.into_iter().flatten().filter(|(name, _)| names.contains(*name));
        let named: Object = named.map(|(name, schema)| (name.clone(), schema.clone())).collect();
        Ok(Self { places, defaults: variables::defaults_of(&named)?, names })
    }

    /// The job variables that matter here; pass these on as layers.
    #[must_use]
    pub fn relevant(&self, variables: &Object) -> Object {
        let root = |key: &String| placeholder::split(key).into_iter().next().unwrap_or_default();
        let relevant = variables.iter().filter(|(key, _)| self.names.contains(*key) || self.names.contains(&root(key)));
        relevant.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// What a resolver will be asked for. Empty where rendering fails before it asks anything.
    #[must_use]
    pub fn references(&self, layers: Layers<'_>) -> Vec<Reference> {
        let mut references = References::default();
        for value in self.populate(layers, &mut budget()).into_iter().flatten().flatten() {
            references.collect(&value.value);
        }
        references.into_vec()
    }

    /// The value at each place, in the order in which they were asked for; none where there is none.
    ///
    /// # Errors
    ///
    /// `PP0106` to `PP0113`.
    pub fn render(&self, layers: Layers<'_>, resolver: &dyn Resolver) -> Result<Vec<Option<Value>>, WorkPoolError> {
        let mut budget = budget();
        let populated = self.populate(layers, &mut budget)?;
        populated.into_iter().map(|found| found.map_or(Ok(None), |it| it.resolve(resolver, &mut budget))).collect()
    }

    fn populate(&self, layers: Layers<'_>, budget: &mut Budget) -> Result<Vec<Option<Populated>>, WorkPoolError> {
        let variables = Variables::merge(&self.defaults, layers, budget)?;
        let found = self.places.iter().map(|place| {
            let value = place.node.render(&variables, budget, 1)?;
            Ok(value.and_then(|value| Populated { value, rest: place.rest.clone() }.descend()))
        });
        found.collect()
    }
}

impl Place {
    /// Goes down as far as the template itself leads.
    fn find(configuration: &Value, way: &[&str]) -> Result<Self, WorkPoolError> {
        let mut at = configuration;
        let mut way = way.iter();
        while let Value::Object(members) = at
            && !is_reference(at)
            && let Some(member) = way.next()
        {
            match members.get(*member) {
                Some(value) => at = value,
                None => return Ok(Self { node: Node::Literal(Value::Null), rest: Vec::new() }),
            }
        }
        let rest = way.map(|member| (*member).to_owned()).collect();
        check_depth(at, 1)?;
        Ok(Self { node: Node::compile(at, &POLICY, 1)?, rest })
    }
}

/// A place with job variables in it, and still with its references.
struct Populated {
    value: Value,
    rest: Vec<String>,
}

impl Populated {
    /// Goes down until something has to be resolved first. None if there is no such place.
    fn descend(mut self) -> Option<Self> {
        while !self.rest.is_empty() && !is_reference(&self.value) {
            let Value::Object(mut members) = self.value else { return None };
            self.value = members.remove(&self.rest.remove(0))?;
        }
        Some(self)
    }

    fn resolve(mut self, resolver: &dyn Resolver, budget: &mut Budget) -> Result<Option<Value>, WorkPoolError> {
        resolve(&mut self.value, resolver, &POLICY, budget, 1)?;
        let found = self.rest.iter().try_fold(&self.value, |value, member| value.get(member));
        Ok(found.cloned())
    }
}
