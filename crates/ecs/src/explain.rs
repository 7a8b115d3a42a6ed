//! Where each value of the two requests comes from, for the person who debugs a pool.
//!
//! The requests are walked leaf by leaf and each leaf is led back to the key of the job configuration it was made from;
//! `work_pool` knows which layer gave that key its value. What leads back to no key is pushpool's own or the settings'.
//! Nothing here takes part in a launch, and no value is ever shown, only where it is from.

use serde_json::Value;
use work_pool::{JobConfiguration, Layer, Sources};

use crate::{
    Definition, Prepared,
    configuration::Configuration,
    environment::{SIGTERM_BEHAVIOR, name_of},
    names::{shortened, slug},
    tags::KEY_LENGTH,
    value::is_empty,
};

/// Says of every leaf of `{"registerTaskDefinition": ..., "runTask": ...}`, by JSON pointer and in the order of the
/// requests, where its value comes from. Without `registerTaskDefinition` when an existing definition is used.
///
/// `configuration` and `sources` are those that `prepared` was made from.
#[must_use]
pub fn explain(prepared: &Prepared, configuration: &JobConfiguration, sources: &Sources) -> Vec<(String, String)> {
    let makes_logs = Configuration::read(configuration, &mut Vec::new()).is_ok_and(|read| read.configure_logs);
    let explainer = Explainer { prepared, configuration, sources, makes_logs };
    let mut leaves = Vec::new();
    if let Definition::Content { request, .. } = &prepared.definition {
        walk(request, &mut Vec::new(), &mut |way, _| {
            leaves.push((pointer("registerTaskDefinition", way), explainer.definition(way)));
        });
    }
    walk(&prepared.run_task, &mut Vec::new(), &mut |way, _| {
        leaves.push((pointer("runTask", way), explainer.run_task(way)));
    });
    leaves
}

/// Calls `leaf` with the way to every scalar and every empty container.
fn walk(value: &Value, way: &mut Vec<String>, leaf: &mut dyn FnMut(&[String], &Value)) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                way.push(name.clone());
                walk(member, way, leaf);
                way.pop();
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                way.push(index.to_string());
                walk(item, way, leaf);
                way.pop();
            }
        }
        _ => leaf(way, value),
    }
}

fn pointer<T: AsRef<str>>(root: &str, way: &[T]) -> String {
    let mut pointer = format!("/{root}");
    for token in way {
        pointer.push('/');
        pointer.push_str(&token.as_ref().replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// Steps into a JSON value.
fn at<'a>(value: Option<&'a Value>, way: &[&str]) -> Option<&'a Value> {
    way.iter().try_fold(value?, |value, token| match value {
        Value::Object(members) => members.get(*token),
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        _ => None,
    })
}

/// What is in the job configuration and in no variable.
fn template() -> String {
    Layer::Template.to_string()
}

struct Explainer<'a> {
    prepared: &'a Prepared,
    configuration: &'a JobConfiguration,
    sources: &'a Sources,
    /// Whether `configure_cloudwatch_logs` is on.
    makes_logs: bool,
}

const PUSHPOOL: &str = "pushpool";
const SETTINGS: &str = "settings of the dispatcher";
const DEFAULT: &str = "pushpool (default)";
const THIS_RUN: &str = "pushpool (this run)";
const OVERRIDES: [&str; 2] = ["overrides", "containerOverrides"];

impl Explainer<'_> {
    fn definition(&self, way: &[String]) -> String {
        let way: Vec<&str> = way.iter().map(String::as_str).collect();
        match &way[..] {
            ["family"] => match self.configured("task_definition", &["family"]) {
                Some(origin) => format!("{origin}, made legal, and the definition's hash"),
                None => "pushpool (pool, deployment and the definition's hash)".to_owned(),
            },
            ["containerDefinitions", index, rest @ ..] => self.container(index, rest),
            ["requiresCompatibilities", ..] => self
                .configured("task_definition", &way)
                .unwrap_or_else(|| "pushpool (what the launch type needs)".to_owned()),
            ["networkMode"] => self
                .configured("task_definition", &way)
                .unwrap_or_else(|| "pushpool (what the launch type needs)".to_owned()),
            _ => self.configured("task_definition", &way).unwrap_or_else(|| DEFAULT.to_owned()),
        }
    }

    /// A leaf of the container at `index` of the definition.
    fn container(&self, index: &str, rest: &[&str]) -> String {
        // Empty ones were dropped on the way.
        let kept = self.key("task_definition", &["containerDefinitions"]).and_then(Value::as_array).and_then(|list| {
            let kept = list.iter().enumerate().filter(|(_, container)| !is_empty(container));
            Some(kept.map(|(index, _)| index).nth(index.parse().ok()?)?.to_string())
        });
        let origin = |rest: &[&str]| {
            let place = ["containerDefinitions", kept.as_deref()?];
            self.configured("task_definition", &[&place[..], rest].concat())
        };
        let request = match &self.prepared.definition {
            Definition::Content { request, .. } => Some(request),
            Definition::Existing(_) => None,
        };
        let orchestration = at(request, &["containerDefinitions", index]).and_then(name_of)
            == Some(self.prepared.container_name.as_str());
        let here = |identity: &str, list: &str, item: &str| -> Option<String> {
            let wanted = at(request, &["containerDefinitions", index, list, item, identity])?;
            let originals =
                self.key("task_definition", &["containerDefinitions", kept.as_deref()?, list])?.as_array()?;
            let position = originals.iter().rposition(|original| original.get(identity) == Some(wanted))?;
            origin(&[list, &position.to_string(), identity])
        };
        match rest {
            ["environment", item, ..] => {
                let entry = at(request, &["containerDefinitions", index, "environment", item]);
                let name = entry.and_then(name_of).filter(|_| orchestration);
                let ours = name.and_then(|name| self.environment(name, at(entry, &["value"])));
                ours.or_else(|| here("name", "environment", item)).unwrap_or_else(|| PUSHPOOL.to_owned())
            }
            ["secrets", item, ..] => {
                let name = at(request, &["containerDefinitions", index, "secrets", item]).and_then(name_of);
                let ours = name.filter(|_| orchestration).and_then(|name| self.secret(name));
                ours.or_else(|| here("name", "secrets", item)).unwrap_or_else(|| SETTINGS.to_owned())
            }
            ["environmentFiles", item, ..] => here("value", "environmentFiles", item).unwrap_or_else(template),
            ["logConfiguration", rest @ ..] if orchestration => self
                .logs(rest)
                .or_else(|| origin(&[&["logConfiguration"], rest].concat()))
                .unwrap_or_else(|| PUSHPOOL.to_owned()),
            ["image"] => origin(rest).unwrap_or_else(|| "settings of the dispatcher, or pushpool (default)".to_owned()),
            ["command", ..] if orchestration => origin(rest)
                .or_else(|| self.configured("command", &[]))
                .unwrap_or_else(|| "pushpool (default, moved out of the overrides)".to_owned()),
            ["cpu" | "memory"] => {
                origin(rest).or_else(|| self.configured("task_definition", rest)).unwrap_or_else(|| DEFAULT.to_owned())
            }
            _ => origin(rest).unwrap_or_else(|| PUSHPOOL.to_owned()),
        }
    }

    fn run_task(&self, way: &[String]) -> String {
        let way: Vec<&str> = way.iter().map(String::as_str).collect();
        let plain = || self.configured("task_run_request", &way);
        match &way[..] {
            ["clientToken" | "startedBy"] => "pushpool (the attempt)".to_owned(),
            ["taskDefinition"] if matches!(self.prepared.definition, Definition::Content { .. }) => {
                "pushpool (the definition's content)".to_owned()
            }
            ["tags", index, ..] => self.tag(index),
            ["overrides", "containerOverrides", index, rest @ ..] => self.container_override(index, rest),
            ["networkConfiguration", "awsvpcConfiguration", rest @ ..] => self.network(rest),
            ["cluster"] => plain().or_else(|| self.configured("cluster", &[])).unwrap_or_else(|| PUSHPOOL.to_owned()),
            ["launchType"] => plain().unwrap_or_else(|| DEFAULT.to_owned()),
            ["capacityProviderStrategy", ..] => plain()
                .or_else(|| self.configured("task_run_request", &["launchType"]))
                .unwrap_or_else(|| PUSHPOOL.to_owned()),
            _ => plain().unwrap_or_else(|| PUSHPOOL.to_owned()),
        }
    }

    /// A leaf of the container override at `index`.
    fn container_override(&self, index: &str, rest: &[&str]) -> String {
        let place = [&OVERRIDES[..], &[index]].concat();
        let request = at(Some(&self.prepared.run_task), &place);
        let orchestration = request.and_then(name_of) == Some(self.prepared.container_name.as_str());
        let origin = |rest: &[&str]| self.configured("task_run_request", &[&place[..], rest].concat());
        match rest {
            ["environment", item, ..] => {
                let entry = at(request, &["environment", item]);
                let name = entry.and_then(name_of).unwrap_or_default();
                let ours = if orchestration { self.environment(name, at(entry, &["value"])) } else { None };
                let original = self.key("task_run_request", &[&place[..], &["environment"]].concat());
                let theirs = match original {
                    Some(Value::Array(list)) => list
                        .iter()
                        .rposition(|entry| name_of(entry) == Some(name))
                        .and_then(|position| origin(&["environment", &position.to_string(), "value"])),
                    Some(Value::Object(_)) => origin(&["environment", name]),
                    _ => None,
                };
                ours.or(theirs).unwrap_or_else(|| THIS_RUN.to_owned())
            }
            ["command", ..] if orchestration => self.configured("command", &[]).unwrap_or_else(|| DEFAULT.to_owned()),
            ["command", ..] => origin(&["command"]).unwrap_or_else(template),
            _ => origin(rest).unwrap_or_else(|| PUSHPOOL.to_owned()),
        }
    }

    /// An entry of the orchestration container's environment that is not the template's own.
    fn environment(&self, name: &str, value: Option<&Value>) -> Option<String> {
        let shared = self.configuration.shared_env.get(name).filter(|value| !value.is_null());
        match name {
            _ if self.key("env", &[name]).is_some_and(|own| Some(own) == value || shared.is_none()) => {
                self.configured("env", &[name])
            }
            _ if shared.is_some() => Some("`env` without the flow run's variables".to_owned()),
            "PREFECT_API_URL" | SIGTERM_BEHAVIOR => Some(SETTINGS.to_owned()),
            "PREFECT__FLOW_ID" | "PREFECT__FLOW_NAME" | "PREFECT__DEPLOYMENT_ID" | "PREFECT__DEPLOYMENT_NAME" => {
                Some("pushpool (flow and deployment)".to_owned())
            }
            "PREFECT__FLOW_RUN_ID" => Some(THIS_RUN.to_owned()),
            _ => None,
        }
    }

    fn secret(&self, name: &str) -> Option<String> {
        match name {
            "PREFECT_API_KEY" => self.configured("prefect_api_key_secret_arn", &[]),
            "PREFECT_API_AUTH_STRING" => self.configured("prefect_api_auth_string_secret_arn", &[]),
            _ => None,
        }
    }

    /// A leaf of the log configuration that `configure_cloudwatch_logs` makes.
    fn logs(&self, rest: &[&str]) -> Option<String> {
        if !self.makes_logs {
            return None;
        }
        let prefix = || self.configured("cloudwatch_logs_prefix", &[]);
        let ours = match rest {
            ["options", option] => self.configured("cloudwatch_logs_options", &[option]).or_else(|| match *option {
                "awslogs-region" => Some(SETTINGS.to_owned()),
                "awslogs-stream-prefix" => prefix(),
                _ => None,
            }),
            _ => None,
        };
        ours.or_else(|| {
            let switch = self.configured("configure_cloudwatch_logs", &[])?;
            Some(format!("pushpool (`configure_cloudwatch_logs`: {switch})"))
        })
    }

    fn tag(&self, index: &str) -> String {
        let key =
            at(Some(&self.prepared.run_task), &["tags", index, "key"]).and_then(Value::as_str).unwrap_or_default();
        let same = |label: &str| shortened(&slug(label), KEY_LENGTH) == key;
        let labels = self.key("labels", &[]).and_then(Value::as_object);
        if let Some((label, _)) = labels.into_iter().flatten().find(|(label, _)| same(label)) {
            return self.configured("labels", &[label]).unwrap_or_else(template);
        }
        let place = match self.key("task_run_request", &["tags"]) {
            Some(Value::Object(tags)) => tags.keys().find(|label| same(label)).cloned(),
            Some(Value::Array(tags)) => tags
                .iter()
                .position(|tag| tag.get("key").and_then(Value::as_str).is_some_and(same))
                .map(|position| position.to_string()),
            _ => None,
        };
        match place {
            Some(place) => self.configured("task_run_request", &["tags", &place]).unwrap_or_else(template),
            None => THIS_RUN.to_owned(),
        }
    }

    fn network(&self, rest: &[&str]) -> String {
        let member = &rest[..rest.len().min(1)];
        let places: [(&str, &[&str]); 4] = [
            ("network_configuration", &["awsvpcConfiguration"]),
            ("network_configuration", &[]),
            ("task_run_request", &["networkConfiguration", "awsvpcConfiguration"]),
            ("task_run_request", &["networkConfiguration"]),
        ];
        let variable = self.key("network_configuration", &[]).is_some_and(|value| !is_empty(value));
        for (key, place) in places {
            if variable && key != "network_configuration" {
                break;
            }
            let way = [place, member].concat();
            if self.key(key, &way).is_some_and(|value| !is_empty(value) || member != ["subnets"]) {
                return self.configured(key, &[place, rest].concat()).unwrap_or_else(template);
            }
        }
        SETTINGS.to_owned()
    }

    /// The value of the job configuration at a place, unless it is null.
    fn key(&self, key: &str, way: &[&str]) -> Option<&Value> {
        at(self.configuration.values.get(key), way).filter(|value| !value.is_null())
    }

    /// Where a value of the job configuration comes from.
    fn configured(&self, key: &str, way: &[&str]) -> Option<String> {
        self.key(key, way)?;
        let Some(source) = self.sources.get(&pointer(key, way)).or_else(|| self.first_below(&pointer(key, way))) else {
            return Some(template());
        };
        let mut parts: Vec<String> = Vec::new();
        for origin in &source.origins {
            parts.push(match &origin.variable {
                Some(variable) => format!("{} (`{variable}`)", origin.layer),
                None => origin.layer.to_string(),
            });
        }
        parts.extend(source.references.iter().map(ToString::to_string));
        Some(parts.join(", "))
    }

    /// The first leaf below a place that is none itself.
    fn first_below(&self, pointer: &str) -> Option<&work_pool::Source> {
        let below =
            |leaf: &&work_pool::Source| leaf.pointer.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
        self.sources.iter().find(below)
    }
}
