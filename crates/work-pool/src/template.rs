//! The base job template of a work pool, read once and rendered for every run.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::{Arc, LazyLock, OnceLock},
};

use serde_json::Value;
use templating::{Budget, Node, Reference, References, Resolver, names_block, python, render_value, resolve};

use crate::{
    JobConfiguration, Layers, Object, Sources, configuration,
    error::WorkPoolError,
    policy::{POLICY, budget, check_depth},
    private::Private,
    sources,
    validate::Validation,
    variables::{self, ENV, Variables},
};

/// Key of the job configuration for tags.
pub(crate) const LABELS: &str = "labels";

/// Key of the job configuration of which only facts remain.
pub(crate) const AWS_CREDENTIALS: &str = "aws_credentials";

/// What `{}` means: the template an ECS worker registers, with our own texts.
static BUILT_IN: LazyLock<BaseJobTemplate> = LazyLock::new(|| {
    BaseJobTemplate::from_value(&BUILT_IN_JSON).expect("the built-in template is read by this crate's tests")
});

static BUILT_IN_JSON: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("built_in.json")).expect("the built-in template is part of this crate")
});

/// The same as it is written.
pub(crate) fn built_in_json() -> &'static Value {
    &BUILT_IN_JSON
}

/// A base job template with its placeholders found. Cheap to clone.
#[derive(Clone)]
pub struct BaseJobTemplate {
    pub(crate) inner: Arc<Template>,
}

pub(crate) struct Template {
    /// `job_configuration`, key by key.
    pub(crate) entries: Vec<(String, Slot)>,
    /// Defaults that are not null.
    pub(crate) defaults: Object,
    /// `variables`, if there is any schema.
    pub(crate) schema: Option<Value>,
    validation: OnceLock<Result<Validation, WorkPoolError>>,
    /// Variables that the placeholders name.
    pub(crate) named: OnceLock<HashSet<String>>,
}

/// What stands at a key of the job configuration.
pub(crate) enum Slot {
    Node(Node),
    /// `env`, when it is no object: usually the placeholder of the variable. `from_pool` if the pool's default took
    /// its place.
    Environment {
        node: Node,
        from_pool: bool,
    },
    /// `env` as an object, into which the variable is merged.
    EnvironmentObject(EnvironmentObject),
}

/// An environment that is part of the template.
pub(crate) struct EnvironmentObject {
    pub(crate) entries: Vec<EnvironmentEntry>,
    names: HashSet<String>,
}

pub(crate) struct EnvironmentEntry {
    pub(crate) name: String,
    pub(crate) node: Node,
    /// From the default of the variable, not from the job configuration.
    pub(crate) from_pool: bool,
}

impl BaseJobTemplate {
    /// The template `{}` stands for: variables, types, defaults and job configuration of prefect-aws 0.7.12.
    pub fn built_in() -> Self {
        BUILT_IN.clone()
    }

    /// Reads a template as the Prefect API returns it in `base_job_template`; `{}` is the built-in one. Templates of
    /// any age and any customisation are accepted: what is missing is not rendered, what is unknown is rendered like
    /// everything else.
    ///
    /// # Errors
    ///
    /// `PP0101` to `PP0103` when the shape is wrong, `PP0112` when it nests too deeply.
    pub fn from_value(template: &Value) -> Result<Self, WorkPoolError> {
        let object =
            template.as_object().ok_or_else(|| WorkPoolError::ReadTemplate { found: python::kind_of(template) })?;
        if object.is_empty() {
            return Ok(Self::built_in());
        }
        check_depth(template, 0)?;
        let configuration = match object.get("job_configuration") {
            Some(Value::Object(configuration)) => configuration,
            Some(other) => return Err(WorkPoolError::ReadJobConfiguration { found: python::kind_of(other) }),
            None => return Err(WorkPoolError::ReadJobConfiguration { found: "missing" }),
        };
        let schema = part_of(object, "variables", "variables")?;
        let properties = match schema {
            Some(schema) => part_of(schema, "properties", "variables.properties")?,
            None => None,
        };
        let defaults = properties.map(variables::defaults_of).transpose()?.unwrap_or_default();
        let schema = schema.filter(|schema| !schema.is_empty()).cloned().map(Value::Object);
        let entries = compile(configuration, &defaults)?;
        let (validation, named) = (OnceLock::new(), OnceLock::new());
        Ok(Self { inner: Arc::new(Template { entries, defaults, schema, validation, named }) })
    }

    /// Whether the job variables fit the pool's JSON schema, as the server judges them when a run is created; see
    /// the crate's documentation for what is judged differently.
    ///
    /// # Errors
    ///
    /// `PP0105` naming every variable that does not fit, `PP0104` if the schema itself is invalid, and the errors of
    /// merging (`PP0106`, `PP0107`, `PP0112`, `PP0113`).
    pub fn validate(&self, layers: Layers<'_>) -> Result<(), WorkPoolError> {
        let Some(schema) = &self.inner.schema else { return Ok(()) };
        let validation = self.inner.validation.get_or_init(|| Validation::compile(schema, &self.inner.defaults));
        let mut budget = budget();
        let variables = self.variables(layers, &mut budget)?;
        validation.as_ref().map_err(WorkPoolError::clone)?.check(&variables, &mut budget)
    }

    /// What a resolver will be asked for, in the order in which it is met, each once. Empty where rendering fails
    /// before it asks anything.
    ///
    /// The data of a block may itself name Prefect variables; see [`references_in`].
    pub fn references(&self, layers: Layers<'_>) -> Vec<Reference> {
        let mut references = References::default();
        if let Ok(mut values) = self.populate(layers, &mut budget()) {
            if let Some(Credentials::Of(block)) = take_credentials(&mut values) {
                references.add(block);
            }
            values.values().for_each(|value| references.collect(value));
            if let Ok(Some(shared)) = self.populate_shared_env(layers, &mut budget()) {
                let shared = shared.as_object().into_iter().flatten().map(|(_, value)| value);
                shared.filter(|value| !names_block(value)).for_each(|value| references.collect(value));
            }
        }
        references.into_vec()
    }

    /// The job configuration of a run.
    ///
    /// # Errors
    ///
    /// `PP0106` to `PP0113`. Job variables the schema would refuse are rendered all the same, as a worker does.
    pub fn render(&self, layers: Layers<'_>, resolver: &dyn Resolver) -> Result<JobConfiguration, WorkPoolError> {
        let mut budget = budget();
        let mut values = self.populate(layers, &mut budget)?;
        let credentials = take_credentials(&mut values);
        // Null unsets. The other keys are read by those who know their types.
        for key in [ENV, LABELS] {
            if values.get(key).is_some_and(Value::is_null) {
                values.shift_remove(key);
            }
        }
        let env = values.get(ENV).filter(|_| budget.may_refer);
        let private = env.map(Private::of).unwrap_or_default();
        if budget.may_refer {
            for (key, value) in &mut values {
                resolve(value, resolver, &POLICY, &mut budget, 1).map_err(|error| error.within(key))?;
            }
        }
        if let Some(credentials) = credentials {
            values.insert(AWS_CREDENTIALS.to_owned(), credentials.facts(resolver));
        }
        configuration::check_fields(&mut values)?;
        configuration::coerce_env(&mut values, &mut budget)?;
        let env = values.get(ENV).and_then(Value::as_object);
        let private_env: BTreeSet<String> =
            env.into_iter().flat_map(Object::keys).filter(|name| private.has(name)).cloned().collect();
        let shared_env = if layers.flow_run.is_none_or(Object::is_empty) {
            let shared = env.into_iter().flatten().filter(|(name, _)| !private.has(name));
            shared.map(|(name, value)| (name.clone(), value.clone())).collect()
        } else {
            self.shared_env(layers, resolver)
        };
        Ok(JobConfiguration { values, shared_env, private_env })
    }

    /// Members of the job configuration with the job variables put in and the references left as they are written. What is equal
    /// here is rendered equal, whatever the server says about the references.
    ///
    /// # Errors
    ///
    /// `PP0106`, `PP0107`, `PP0112` and `PP0113`.
    pub fn unresolved(&self, layers: Layers<'_>, members: &[&str]) -> Result<Object, WorkPoolError> {
        self.populate_members(layers, &mut budget(), |key| members.contains(&key))
    }

    /// Where every leaf of the job configuration comes from, before references are resolved. Empty where rendering
    /// fails.
    pub fn sources(&self, layers: Layers<'_>) -> Sources {
        sources::trace(&self.inner.entries, &self.inner.defaults, layers).unwrap_or_default()
    }

    fn variables<'a>(&'a self, layers: Layers<'a>, budget: &mut Budget) -> Result<Variables<'a>, WorkPoolError> {
        Variables::merge(&self.inner.defaults, layers, budget)
    }

    /// The configuration with job variables, still with its references (`apply_values` over the merged template).
    fn populate(&self, layers: Layers<'_>, budget: &mut Budget) -> Result<Object, WorkPoolError> {
        self.populate_members(layers, budget, |_| true)
    }

    fn populate_members(
        &self,
        layers: Layers<'_>,
        budget: &mut Budget,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Object, WorkPoolError> {
        let variables = self.variables(layers, budget)?;
        let mut values = Object::with_capacity(self.inner.entries.len());
        for (key, slot) in self.inner.entries.iter().filter(|(key, _)| wanted(key)) {
            if let Some(value) = slot.render(&variables, budget)? {
                budget.key(key)?;
                values.insert(key.clone(), value);
            }
        }
        Ok(values)
    }

    /// `env` as [`Self::populate`] leaves it without the flow run's variables.
    fn populate_shared_env(&self, layers: Layers<'_>, budget: &mut Budget) -> Result<Option<Value>, WorkPoolError> {
        let Some((_, slot)) = self.inner.entries.iter().find(|(key, _)| key == ENV) else { return Ok(None) };
        slot.render(&self.variables(layers.of_deployment(), budget)?, budget)
    }

    /// What all runs of the deployment share. The flow run may have replaced what cannot be rendered without it, so
    /// an entry that fails is not shared, instead of failing the run.
    fn shared_env(&self, layers: Layers<'_>, resolver: &dyn Resolver) -> Object {
        let mut budget = budget();
        let Ok(Some(Value::Object(environment))) = self.populate_shared_env(layers, &mut budget) else {
            return Object::new();
        };
        let share = |(name, mut value): (String, Value)| {
            if names_block(&value) {
                return None;
            }
            resolve(&mut value, resolver, &POLICY, &mut budget, 2).ok()?;
            configuration::coerce_env_value(&mut value, &mut budget).ok()?;
            Some((name, value))
        };
        environment.into_iter().filter_map(share).collect()
    }
}

impl fmt::Debug for BaseJobTemplate {
    /// Keys only: defaults may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.inner.entries.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("BaseJobTemplate").field("job_configuration", &keys).finish_non_exhaustive()
    }
}

/// What stands at `aws_credentials`.
enum Credentials {
    /// What may be said about them.
    Facts(Value),
    /// The block that holds them.
    Of(Reference),
}

impl Credentials {
    /// Region and role, as far as they are known.
    fn facts(self, resolver: &dyn Resolver) -> Value {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Of(block) => resolver.credentials(&block).and_then(|data| configuration::credential_facts(&data)),
        }
        .unwrap_or_else(|| Value::Object(Object::new()))
    }
}

/// Takes `aws_credentials` out of a populated configuration: they are not resolved like the rest.
fn take_credentials(values: &mut Object) -> Option<Credentials> {
    let credentials = values.shift_remove(AWS_CREDENTIALS)?;
    match Reference::of_block(&credentials) {
        Some(block) => Some(Credentials::Of(Reference::Credentials { of: Box::new(block) })),
        None => configuration::credential_facts(&credentials).map(Credentials::Facts),
    }
}

/// Prefect variables inside the data of a block, which are resolved after the block is.
pub fn references_in(data: &Value) -> Vec<Reference> {
    if check_depth(data, 0).is_err() {
        return Vec::new();
    }
    let mut references = References::default();
    references.collect(data);
    let mut found = references.into_vec();
    found.retain(|reference| matches!(reference, Reference::Variable { .. }));
    found
}

fn part_of<'v>(object: &'v Object, key: &str, part: &'static str) -> Result<Option<&'v Object>, WorkPoolError> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(inner)) => Ok(Some(inner)),
        Some(other) => Err(WorkPoolError::ReadVariables { part, found: python::kind_of(other) }),
    }
}

/// Finds the placeholders, and gives `env` its shape: a default of the pool replaces a placeholder and is merged into
/// an object. From then on its values are templates, too.
fn compile(configuration: &Object, defaults: &Object) -> Result<Vec<(String, Slot)>, WorkPoolError> {
    let default = defaults.get(ENV).filter(|default| python::is_truthy(default));
    let mut entries = Vec::with_capacity(configuration.len() + 1);
    for (key, value) in configuration {
        let slot =
            if key == ENV { environment(Some(value), default)? } else { Slot::Node(Node::compile(value, &POLICY, 1)?) };
        entries.push((key.clone(), slot));
    }
    if default.is_some() && !configuration.contains_key(ENV) {
        entries.push((ENV.to_owned(), environment(None, default)?));
    }
    Ok(entries)
}

fn environment(value: Option<&Value>, default: Option<&Value>) -> Result<Slot, WorkPoolError> {
    let (own, pool) = match (value, default) {
        (Some(Value::Object(own)), None) => (Some(own), None),
        (Some(Value::Object(own)), Some(Value::Object(pool))) => (Some(own), Some(pool)),
        (Some(Value::Object(_)), Some(other)) => {
            return Err(WorkPoolError::MergeEnvironment {
                place: "env default of the pool",
                found: python::kind_of(other),
            });
        }
        (_, Some(Value::Object(pool))) => (None, Some(pool)),
        (_, Some(other)) => return Ok(Slot::Environment { node: Node::compile(other, &POLICY, 1)?, from_pool: true }),
        (value, None) => {
            let node = Node::compile(value.unwrap_or(&Value::Null), &POLICY, 1)?;
            return Ok(Slot::Environment { node, from_pool: false });
        }
    };
    let mut entries: Vec<EnvironmentEntry> = Vec::new();
    let of_pool = |name: &String| pool.and_then(|pool| pool.get(name));
    for (name, value) in own.into_iter().flatten() {
        let from_pool = of_pool(name).is_some();
        let node = Node::compile(of_pool(name).unwrap_or(value), &POLICY, 2)?;
        entries.push(EnvironmentEntry { name: name.clone(), node, from_pool });
    }
    for (name, value) in pool.into_iter().flatten() {
        if !own.is_some_and(|own| own.contains_key(name)) {
            entries.push(EnvironmentEntry {
                name: name.clone(),
                node: Node::compile(value, &POLICY, 2)?,
                from_pool: true,
            });
        }
    }
    let names = entries.iter().map(|entry| entry.name.clone()).collect();
    Ok(Slot::EnvironmentObject(EnvironmentObject { entries, names }))
}

impl Slot {
    pub(crate) fn render(
        &self,
        variables: &Variables<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Value>, WorkPoolError> {
        match self {
            Self::Node(node) | Self::Environment { node, .. } => Ok(node.render(variables, budget, 1)?),
            Self::EnvironmentObject(object) => object.render(variables, budget).map(Value::Object).map(Some),
        }
    }
}

impl EnvironmentObject {
    /// The variable as far as it changes the template. An empty one, whatever its type, changes nothing.
    pub(crate) fn given<'v>(&self, variables: &'v Variables<'_>) -> Result<Option<&'v Object>, WorkPoolError> {
        match variables.given(ENV).filter(|given| python::is_truthy(given)) {
            None => Ok(None),
            Some(Value::Object(given)) => Ok(Some(given)),
            Some(other) => Err(WorkPoolError::MergeEnvironment { place: "env", found: python::kind_of(other) }),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn render(&self, variables: &Variables<'_>, budget: &mut Budget) -> Result<Object, WorkPoolError> {
        let given = self.given(variables)?;
        budget.value(0, 1)?;
        let mut rendered = Object::with_capacity(self.entries.len() + given.map_or(0, Object::len));
        let mut put = |name: &String, value: Option<Value>| {
            if let Some(value) = value {
                rendered.insert(name.clone(), value);
            }
        };
        for EnvironmentEntry { name, node, .. } in &self.entries {
            budget.key(name)?;
            put(
                name,
                match given.and_then(|given| given.get(name)) {
                    Some(value) => render_value(value, variables, &POLICY, budget, 2)?,
                    None => node.render(variables, budget, 2)?,
                },
            );
        }
        for (name, value) in given.into_iter().flatten().filter(|(name, _)| !self.has(name)) {
            budget.key(name)?;
            put(name, render_value(value, variables, &POLICY, budget, 2)?);
        }
        Ok(rendered)
    }
}
