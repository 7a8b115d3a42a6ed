//! The environment of the orchestration container, in one piece and then split between definition and overrides.
//!
//! The worker puts all of it into the overrides of each RunTask call. Overrides have 8,192 characters, so what all runs
//! of a deployment share belongs to the definition instead; what only this run has stays in the overrides. The container
//! sees the same either way, because ECS lets the overrides win and nothing but equal values is moved.
//!
//! Order of the layers (prefect 3.8.8, `workers/base.py`, `prepare_for_flow_run`; a later one wins): the API's URL, the
//! flow run, what identifies flow and deployment, the configured `env`. A name whose last value is null is not set.
//! Left out on purpose: the settings of the worker's own process, `PREFECT__WORKER_ID` and `PREFECT__WORKER_NAME`. There
//! is no worker.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use serde_json::Value;
use work_pool::Object;

use crate::{
    Run, Settings,
    configuration::Configuration,
    task::FLOW_RUN_VARIABLE,
    value::{filled, pair},
};

/// What `prefect flow-run execute` does when its task is to end (prefect 3.8.8, `cli/flow_run.py`).
pub(crate) const SIGTERM_BEHAVIOR: &str = "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR";

/// Environment by name.
pub(crate) type Entries<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

/// Environment of the orchestration container.
pub(crate) struct Environment<'a> {
    /// As the container is to see it.
    pub all: Entries<'a>,
    /// As every run of the deployment has it, but for names that this run unsets.
    pub shared: Entries<'a>,
}

impl<'a> Environment<'a> {
    pub(crate) fn of(configuration: &Configuration<'a>, run: &'a Run, settings: &'a Settings, on_spot: bool) -> Self {
        let mut shared = Entries::new();
        if on_spot && settings.reschedule_on_spot {
            shared.insert(SIGTERM_BEHAVIOR.into(), "reschedule".into());
        }
        let mut identity = |name: &'static str, value: Cow<'a, str>| {
            if !value.is_empty() {
                shared.insert(Cow::Borrowed(name), value);
            }
        };
        identity("PREFECT_API_URL", Cow::Borrowed(settings.prefect_api_url.as_deref().unwrap_or_default()));
        for (id, name, thing) in [
            ("PREFECT__FLOW_ID", "PREFECT__FLOW_NAME", &run.flow),
            ("PREFECT__DEPLOYMENT_ID", "PREFECT__DEPLOYMENT_NAME", &run.deployment),
        ] {
            if let Some(thing) = thing {
                identity(id, thing.id.map(|id| id.to_string()).unwrap_or_default().into());
                identity(name, Cow::Borrowed(&thing.name));
            }
        }
        let mut all = shared.clone();
        all.insert(FLOW_RUN_VARIABLE.into(), run.attempt.flow_run_id.to_string().into());
        all.extend(run.environment.iter().map(|(name, value)| (name.into(), value.into())));
        apply(&mut all, &configuration.env);
        apply(&mut shared, &configuration.shared_env);
        // The overrides can change a value but not take a name away.
        shared.retain(|name, _| all.contains_key(name));
        Self { all, shared }
    }

    /// Drops the variable without a name; whether there was one.
    pub(crate) fn drop_nameless(&mut self) -> bool {
        self.shared.remove("");
        self.all.remove("").is_some()
    }

    /// Takes a name out of all layers.
    pub(crate) fn remove(&mut self, name: &str) {
        self.all.remove(name);
        self.shared.remove(name);
    }

    /// Leaves a name to the overrides, whoever shares it.
    pub(crate) fn keep_out_of_definition(&mut self, name: &str) {
        self.shared.remove(name);
    }

    /// What the overrides have to say beyond the definition, given what [`Self::shared`] put there.
    pub(crate) fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        let differs = |name: &Cow<'a, str>, value: &Cow<'a, str>| self.shared.get(name) != Some(value);
        self.all
            .iter()
            .filter(move |(name, value)| differs(name, value))
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn apply<'a>(entries: &mut Entries<'a>, layer: &[(&'a str, Option<Cow<'a, str>>)]) {
    for (name, value) in layer {
        match value {
            Some(value) => entries.insert(Cow::Borrowed(name), value.clone()),
            None => entries.remove(*name),
        };
    }
}

/// One entry as ECS writes it.
pub(crate) fn entry(name: &str, value: &str) -> Value {
    static ENTRY: LazyLock<Object> = LazyLock::new(|| pair("name", "value"));
    filled(&ENTRY, name, value)
}

/// Name of an entry as ECS writes it.
pub(crate) fn name_of(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}
