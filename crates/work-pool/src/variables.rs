//! Job variables of all layers, merged the way a Prefect worker merges them.
//!
//! Later layers win: pool default, deployment, flow run. Whole variables replace each other, except that the
//! *environment of the run is laid over that of the deployment* when the deployment has one (prefect 3.9.1,
//! `workers/base.py`, `resolve_for_flow_run`). A key with dots reaches into a variable (`env.FOO`); where the same
//! variable is also given in nested form, the two are merged deeply and the nested form wins
//! (`from_template_and_values`). An explicit null is a value: it replaces a default, while a default of null counts as
//! absent.
//!
//! Nothing is copied unless it is merged: a plain variable is looked up in its layer.

use serde_json::{Map, Value};
use templating::{Budget, Values, placeholder, python};

use crate::{
    Object,
    error::WorkPoolError,
    policy::{check_depth, within_depth},
};

/// The environment is the one variable that merges.
pub(crate) const ENV: &str = "env";

/// Job variables by who set them; later fields win.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'a> {
    /// `job_variables` of the deployment.
    pub deployment: Option<&'a Object>,
    /// `job_variables` of the flow run.
    pub flow_run: Option<&'a Object>,
}

impl<'a> Layers<'a> {
    /// The same without the flow run's own job variables.
    pub(crate) fn of_deployment(self) -> Self {
        Self { flow_run: None, ..self }
    }

    /// What the flow run or else the deployment says about a variable.
    fn get(self, name: &str) -> Option<&'a Value> {
        let layer = |layer: Option<&'a Object>| layer.and_then(|variables| look_up(variables, name));
        layer(self.flow_run).or_else(|| layer(self.deployment))
    }

    /// Names of all variables: those of the deployment, then what the flow run adds.
    pub(crate) fn names(self) -> impl Iterator<Item = &'a String> {
        let deployment = self.deployment;
        let added = move |name: &&String| !deployment.is_some_and(|variables| variables.contains_key(*name));
        let keys = |layer: Option<&'a Object>| layer.into_iter().flat_map(Map::keys);
        keys(self.deployment).chain(keys(self.flow_run).filter(added))
    }
}

/// All variables a placeholder may name.
pub(crate) struct Variables<'a> {
    defaults: &'a Object,
    layers: Layers<'a>,
    /// Variables that had to be put together; each hides the layers.
    merged: Object,
}

impl<'a> Variables<'a> {
    /// Merges the layers over the pool's defaults (those that are not null).
    pub(crate) fn merge(defaults: &'a Object, layers: Layers<'a>, budget: &mut Budget) -> Result<Self, WorkPoolError> {
        let environment = merge_environment(layers, budget)?;
        let mut merged = Object::new();
        for key in layers.names().filter(|key| key.contains('.')) {
            let value = layers.get(key).unwrap_or(&Value::Null);
            set_in(&mut merged, key, budget.copy(value, 1)?, budget)?;
        }
        for (root, dotted) in &mut merged {
            let nested = match (&environment, root.as_str()) {
                (Some(environment), ENV) => Some(environment),
                _ => layers.get(root),
            };
            match (dotted, nested) {
                (_, None) => {}
                (Value::Object(dotted), Some(Value::Object(nested))) => deep_merge(dotted, nested, budget, 1)?,
                (dotted, Some(nested)) => *dotted = budget.copy(nested, 1)?,
            }
        }
        if let Some(environment) = environment
            && !merged.contains_key(ENV)
        {
            merged.insert(ENV.to_owned(), environment);
        }
        Ok(Self { defaults, layers, merged })
    }

    /// The value of a variable unless it is only the pool's default.
    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        look_up(&self.merged, name).or_else(|| self.layers.get(name))
    }

    /// Names of environment variables that came as `env.NAME`.
    pub(crate) fn dotted_env_names(&self) -> impl Iterator<Item = &str> {
        self.layers.names().filter_map(|name| name.strip_prefix("env."))
    }

    /// Names of the variables that a layer gives, merged ones first.
    pub(crate) fn given_names(&self) -> impl Iterator<Item = &String> {
        let plain = |name: &&String| !name.contains('.') && !self.merged.contains_key(*name);
        self.merged.keys().chain(self.layers.names().filter(plain))
    }
}

impl Values for Variables<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.given(name).or_else(|| look_up(self.defaults, name))
    }
}

/// An entry of an object. Job variables are few, and comparing ten names costs less than hashing one: a placeholder is
/// looked for in up to four objects, which made hashing a quarter of a rendering.
fn look_up<'v>(object: &'v Object, name: &str) -> Option<&'v Value> {
    if object.len() > 16 {
        return object.get(name);
    }
    object.iter().find_map(|(key, value)| (key == name).then_some(value))
}

/// The environment of deployment and run together, where both have one.
fn merge_environment(layers: Layers<'_>, budget: &mut Budget) -> Result<Option<Value>, WorkPoolError> {
    let deployment = layers.deployment.and_then(|variables| variables.get(ENV));
    let run = layers.flow_run.and_then(|variables| variables.get(ENV));
    let (Some(Value::Object(deployment)), Some(run)) = (deployment, run) else {
        return Ok(None);
    };
    let mut merged = budget.copy_object(deployment, 1)?;
    match run {
        Value::Object(run) => {
            for (name, value) in run {
                budget.key(name)?;
                merged.insert(name.clone(), budget.copy(value, 2)?);
            }
        }
        // Null unsets what the run itself would add.
        Value::Null => {}
        // `dict.update` accepts anything that yields no pairs.
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        other => {
            return Err(WorkPoolError::MergeEnvironment {
                place: "env of the flow run",
                found: python::kind_of(other),
            });
        }
    }
    Ok(Some(Value::Object(merged)))
}

/// Puts a value at a dotted key, making the objects on the way.
fn set_in(object: &mut Object, key: &str, value: Value, budget: &mut Budget) -> Result<(), WorkPoolError> {
    let mut parts = placeholder::split(key);
    let last = parts.pop().unwrap_or_default();
    within_depth(parts.len() + 1)?;
    let mut at = object;
    for part in parts {
        budget.key(&part)?;
        let next = at.entry(part).or_insert_with(|| Value::Object(Map::new()));
        at = next.as_object_mut().ok_or_else(|| WorkPoolError::ExpandDotted { key: key.to_owned() })?;
    }
    at.insert(last, value);
    Ok(())
}

/// Lays `over` upon `base`, object by object.
fn deep_merge(base: &mut Object, over: &Object, budget: &mut Budget, depth: usize) -> Result<(), WorkPoolError> {
    within_depth(depth)?;
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => deep_merge(base, over, budget, depth + 1)?,
            (Some(place), value) => *place = budget.copy(value, depth + 1)?,
            (None, value) => {
                budget.key(key)?;
                base.insert(key.clone(), budget.copy(value, depth + 1)?);
            }
        }
    }
    Ok(())
}

/// The pool's defaults: those of the schema's properties that are not null (`_get_base_config_defaults`).
pub(crate) fn defaults_of(properties: &Object) -> Result<Object, WorkPoolError> {
    let default_of = |schema: &Value| schema.get("default").filter(|default| !default.is_null()).cloned();
    let defaults: Object =
        properties.iter().filter_map(|(name, schema)| Some((name.clone(), default_of(schema)?))).collect();
    defaults.values().try_for_each(|value| check_depth(value, 1))?;
    Ok(defaults)
}
