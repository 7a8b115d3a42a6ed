//! The environment of a block as the default of `env`.
//!
//! The block's own container may have an environment in its task definition. That moves to `env` too: the container sees the
//! same, and a deployment can unset a variable of it by null, as it can under the agent.

use prefect_api::models::Object;
use serde_json::Value;

use crate::{
    mapping::{
        ecs_task::{CONTAINER, EcsTask, SLUG},
        findings::Findings,
        literal::holds_reference,
        secret,
    },
    plan::Level,
};

/// Variables that the dispatcher sets itself, and refuses as plain text.
const OF_DISPATCHER: [(&str, &str); 2] = [
    ("PREFECT_API_KEY", "prefect_api_key_secret_arn"),
    ("PREFECT_API_AUTH_STRING", "prefect_api_auth_string_secret_arn"),
];

/// What a variable of the environment is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// Text as it is.
    Text(String),
    /// The placeholder of a place in a block.
    Reference(String),
    /// Nothing, and what is set elsewhere is taken away.
    Unset,
}

impl Given {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Unset,
            value => Self::Text(crate::proof::block::text_of(value)),
        }
    }
}

/// Where the values of an environment come from.
#[derive(Debug, Clone)]
pub(crate) struct Environment<'a> {
    /// The block, as people call it.
    pub label: String,
    /// Its name, if placeholders can use it.
    pub name: Option<&'a str>,
    /// Its own data, without overrides.
    pub data: &'a Object,
}

impl Environment<'_> {
    /// The environment that a container of the block sees, beyond the run's own. `definition` is what the block was given.
    pub(super) fn of(
        &self,
        task: &EcsTask,
        definition: Option<&Object>,
        findings: &mut Findings,
    ) -> Vec<(String, Given)> {
        let mut environment: Vec<(String, Given)> = Vec::new();
        let mut put = |name: &str, given: Given| match environment.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = given,
            None => environment.push((name.to_owned(), given)),
        };
        for (place, name, value) in definition.map(entries).unwrap_or_default() {
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            if let Some(given) = self.given(name, value, &place, task.task_definition_arn.is_none(), findings) {
                put(name, given);
            }
        }
        for (name, value) in &task.env {
            let from_block = self.data.get("env").and_then(|env| env.get(name)) == Some(value);
            if let Some(given) = self.given(name, value, &["env", name], from_block, findings) {
                put(name, given);
            }
        }
        environment
    }

    /// An entry that a patch of the block adds. One of a deployment's own patches stays as it is.
    pub(super) fn patched(&self, name: &str, value: &Value, findings: &mut Findings) -> Option<Given> {
        let patches = self.data.get("task_customizations").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let adds = |patch: &Value| {
            let entry = patch.get("value");
            entry.and_then(|it| it.get("name")).is_some_and(|it| it == name)
                && entry.and_then(|it| it.get("value")) == Some(value)
        };
        match patches.iter().position(adds) {
            Some(index) => {
                let patch = format!("task_customizations[{index}]");
                self.given(name, value, &[&patch, "value", "value"], true, findings)
            }
            None => self.given(name, value, &[], false, findings),
        }
    }

    /// Replaces secrets in the environment of the definition's other containers by references.
    pub(super) fn hide_others(&self, definition: &mut Object, in_block: bool, findings: &mut Findings) {
        let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        for (container, value) in containers.into_iter().flatten().enumerate() {
            let environment = value.get_mut("environment").and_then(Value::as_array_mut);
            for (index, entry) in environment.into_iter().flatten().filter_map(Value::as_object_mut).enumerate() {
                let (Some(Value::String(name)), Some(value)) =
                    (entry.get("name").cloned(), entry.get("value").cloned())
                else {
                    continue;
                };
                let place = [format!("containerDefinitions[{container}]"), format!("environment[{index}]")];
                let place = ["task_definition", &place[0], &place[1], "value"];
                if secret::is_secret(&name, &value)
                    && let Some(Given::Reference(reference)) = self.given(&name, &value, &place, in_block, findings)
                {
                    entry.insert("value".to_owned(), reference.into());
                }
            }
        }
    }

    /// A value as it may be written; none if it may not.
    fn given(
        &self,
        name: &str,
        value: &Value,
        place: &[&str],
        in_block: bool,
        findings: &mut Findings,
    ) -> Option<Given> {
        let setting = || format!("{}: env.{name}", self.label);
        if let Some((_, variable)) = OF_DISPATCHER.iter().find(|(known, _)| *known == name && !value.is_null()) {
            findings.lost(
                setting(),
                format!(
                    "pushpool never sends it in clear text: set `{variable}` of the pool, or the dispatcher's setting"
                ),
            );
            return None;
        }
        if holds_reference(value) {
            findings.risk(
                Level::High,
                "text_becomes_reference",
                format!(
                    "{}: its text names a block or Prefect variable, which the pool puts in and the agent did not",
                    setting()
                ),
            );
        }
        if !secret::is_secret(name, value) {
            return Some(Given::of(value));
        }
        if !in_block {
            findings.note(
                "secret_in_clear",
                format!(
                    "{}: it looks like a secret and stays in clear text where it was; better make it a Secret block",
                    setting()
                ),
            );
            return Some(Given::of(value)).filter(|_| !secret::is_masked(value));
        }
        match self.name.and_then(|block| secret::reference(SLUG, block, place)) {
            Some(reference) => {
                findings.note(
                    "secret_by_reference",
                    format!(
                        "{}: it looks like a secret, and the pool's template is not encrypted. The template refers to the \
                         block, which has to stay; better move the value to a Secret block or to `secrets` of the container.",
                        setting()
                    ),
                );
                Some(Given::Reference(reference))
            }
            None => {
                findings.lost(setting(), "it looks like a secret, and no placeholder can refer to it: set it by hand");
                findings.risk(Level::High, "secret_not_carried", format!("{} is not carried", setting()));
                None
            }
        }
    }
}

/// Entries of the orchestration container, with their place in the data of the block.
fn entries(definition: &Object) -> Vec<([String; 4], &str, &Value)> {
    let containers = definition.get("containerDefinitions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let ours = |container: &Value| container.get("name").is_some_and(|name| name == CONTAINER);
    let Some(container) = containers.iter().position(ours) else { return Vec::new() };
    let environment = containers[container].get("environment").and_then(Value::as_array);
    let mut found = Vec::new();
    for (index, entry) in environment.into_iter().flatten().enumerate() {
        let (Some(name), Some(value)) = (entry.get("name").and_then(Value::as_str), entry.get("value")) else {
            continue;
        };
        let place = [
            "task_definition".to_owned(),
            format!("containerDefinitions[{container}]"),
            format!("environment[{index}]"),
            "value".to_owned(),
        ];
        found.push((place, name, value));
    }
    found
}
