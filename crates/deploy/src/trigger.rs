//! Triggers of a deployment: checked, and made into the automations that it owns.
//!
//! Shapes and defaults: prefect 3.9.1, `prefect/events/schemas/deployment_triggers` and `prefect/events/schemas/automations`. The server
//! fills in the same defaults, so what is built here can be compared with what it returns.

use diagnosis::{Code, PP0707};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use work_pool::did_you_mean;

use crate::{json::kind, problem::Problem};

type Object = Map<String, Value>;

const COMMON: [&str; 7] = ["type", "name", "description", "enabled", "parameters", "job_variables", "schedule_after"];
const RESOURCE: [&str; 8] = ["match", "match_related", "after", "expect", "for_each", "posture", "threshold", "within"];
const COMPOSITE: [&str; 3] = ["triggers", "within", "require"];

/// The automation of a trigger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) trigger: Value,
    parameters: Value,
    job_variables: Value,
    schedule_after: f64,
}

impl Trigger {
    /// The action that starts the deployment.
    pub(crate) fn action(&self, deployment: Uuid) -> Value {
        json!({"type": "run-deployment", "source": "selected", "deployment_id": deployment,
            "parameters": self.parameters, "job_variables": self.job_variables, "schedule_after": self.schedule_after})
    }
}

/// Reads the triggers of a deployment.
///
/// # Errors
/// Every problem, with its JSON pointer below the deployment.
pub(crate) fn read(specs: &[Value], deployment: &str, cloud: bool) -> Result<Vec<Trigger>, Vec<(String, Problem)>> {
    let mut reader = Reader { cloud, problems: Vec::new() };
    let mut triggers = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        triggers.extend(reader.trigger(
            spec,
            &format!("/triggers/{index}"),
            &format!("{deployment}__automation_{}", index + 1),
        ));
    }
    if reader.problems.is_empty() { Ok(triggers) } else { Err(reader.problems) }
}

struct Reader {
    cloud: bool,
    problems: Vec<(String, Problem)>,
}

const CODE: Code = PP0707;

impl Reader {
    fn refuse(&mut self, at: &str, text: impl Into<String>, help: impl Into<String>) {
        self.problems.push((at.to_owned(), Problem::new(CODE, text).help(help)));
    }

    fn trigger(&mut self, spec: &Value, at: &str, default_name: &str) -> Option<Trigger> {
        let Value::Object(spec) = spec else {
            self.refuse(at, format!("found {}, wanted a mapping", kind(spec)), "");
            return None;
        };
        let name = self.text(spec, "name", at).unwrap_or_else(|| default_name.to_owned());
        let description = self.text(spec, "description", at).unwrap_or_default();
        let enabled = self.truth(spec, "enabled", at);
        let parameters = self.mapping_or_null(spec, "parameters", at);
        let job_variables = self.mapping_or_null(spec, "job_variables", at);
        let schedule_after = self.duration(spec, "schedule_after", at).unwrap_or_default();
        if schedule_after < 0.0 {
            self.refuse(&format!("{at}/schedule_after"), "found a negative time, wanted 0 or more seconds", "");
        }
        let trigger = self.condition(spec, at, true)?;
        Some(Trigger { name, description, enabled, trigger, parameters, job_variables, schedule_after })
    }

    /// The part of an automation that makes it fire.
    fn condition(&mut self, spec: &Object, at: &str, outermost: bool) -> Option<Value> {
        match kind_of_trigger(spec) {
            "event" => self.event(spec, at, outermost),
            "compound" => self.composite(spec, at, outermost, true),
            "sequence" => self.composite(spec, at, outermost, false),
            "metric" if self.cloud => self.metric(spec, at),
            "metric" => {
                let text = "metric triggers exist on Prefect Cloud only, and this server is none";
                self.refuse(&format!("{at}/type"), text, "Use an event trigger, or remove it.");
                None
            }
            other => {
                let help = did_you_mean(other, ["event", "compound", "sequence", "metric"]);
                let help = help.unwrap_or_else(|| "There are event, compound, sequence and metric.".to_owned());
                self.refuse(&format!("{at}/type"), format!("there is no trigger of type \"{other}\""), help);
                None
            }
        }
    }

    fn event(&mut self, spec: &Object, at: &str, outermost: bool) -> Option<Value> {
        self.keys(spec, at, &RESOURCE, outermost);
        let posture = self.text(spec, "posture", at).unwrap_or_else(|| "Reactive".to_owned());
        if !matches!(posture.as_str(), "Reactive" | "Proactive") {
            let text = format!("found \"{posture}\", wanted Reactive or Proactive");
            self.refuse(&format!("{at}/posture"), text, "");
            return None;
        }
        let mut within = self.duration(spec, "within", at).unwrap_or_default();
        if spec.get("within").is_some_and(Value::is_null) || within < 0.0 {
            self.refuse(&format!("{at}/within"), "wanted 0 or more seconds", "");
        }
        if posture == "Proactive" {
            if within == 0.0 {
                within = 10.0;
            } else if within < 10.0 {
                self.refuse(
                    &format!("{at}/within"),
                    "a Proactive trigger waits at least 10 seconds",
                    "Set it to 10 or more.",
                );
            }
        }
        let threshold = match spec.get("threshold") {
            None => 1,
            Some(value) => value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| {
                self.refuse(&format!("{at}/threshold"), format!("found {}, wanted a whole number", kind(value)), "");
                1
            }),
        };
        Some(json!({
            "type": "event",
            "match": self.matching(spec, "match", at),
            "match_related": self.matching(spec, "match_related", at),
            "after": self.texts(spec, "after", at),
            "expect": self.texts(spec, "expect", at),
            "for_each": self.texts(spec, "for_each", at),
            "posture": posture,
            "threshold": threshold,
            "within": within,
        }))
    }

    fn composite(&mut self, spec: &Object, at: &str, outermost: bool, compound: bool) -> Option<Value> {
        self.keys(spec, at, &COMPOSITE, outermost);
        let mut triggers = Vec::new();
        match spec.get("triggers") {
            Some(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = format!("{at}/triggers/{index}");
                    match item {
                        Value::Object(item) => triggers.extend(self.condition(item, &at, false)),
                        other => self.refuse(&at, format!("found {}, wanted a mapping", kind(other)), ""),
                    }
                }
            }
            _ => self.refuse(&format!("{at}/triggers"), "wanted a list of triggers", ""),
        }
        let within = match spec.get("within") {
            None | Some(Value::Null) => Value::Null,
            Some(_) => self.duration(spec, "within", at).map_or(Value::Null, |within| json!(within)),
        };
        if !compound {
            return Some(json!({"type": "sequence", "triggers": triggers, "within": within}));
        }
        let require = spec.get("require").cloned().unwrap_or(Value::Null);
        let most = triggers.len() as u64;
        match &require {
            Value::String(word) if word == "any" || word == "all" => {}
            Value::Number(number) if number.as_u64().is_some_and(|it| (1..=most).contains(&it)) => {}
            Value::Number(_) => {
                self.refuse(&format!("{at}/require"), format!("wanted 1 to {most}: the trigger has that many"), "");
            }
            other => {
                self.refuse(
                    &format!("{at}/require"),
                    format!("found {}, wanted any, all or a number", kind(other)),
                    "",
                );
            }
        }
        Some(json!({"type": "compound", "triggers": triggers, "within": within, "require": require}))
    }

    /// A query of Prefect Cloud.
    fn metric(&mut self, spec: &Object, at: &str) -> Option<Value> {
        self.keys(spec, at, &["match", "match_related", "posture", "metric"], true);
        let Some(Value::Object(query)) = spec.get("metric") else {
            self.refuse(&format!("{at}/metric"), "wanted a mapping with name, operator and threshold", "");
            return None;
        };
        let place = format!("{at}/metric");
        let name = self.text(query, "name", &place);
        let operator = self.text(query, "operator", &place);
        if !operator.as_deref().is_some_and(|it| ["<", "<=", ">", ">="].contains(&it)) {
            self.refuse(&format!("{place}/operator"), "wanted <, <=, > or >=", "");
        }
        let Some(threshold) = query.get("threshold").and_then(Value::as_f64) else {
            self.refuse(&format!("{place}/threshold"), "wanted a number", "");
            return None;
        };
        let mut time = |key: &str| {
            let time = self.duration(query, key, &place).unwrap_or(300.0);
            if time < 300.0 {
                self.refuse(&format!("{place}/{key}"), "wanted 300 seconds or more", "");
            }
            time
        };
        let (range, firing_for) = (time("range"), time("firing_for"));
        Some(json!({
            "type": "metric",
            "match": self.matching(spec, "match", at),
            "match_related": self.matching(spec, "match_related", at),
            "posture": "Metric",
            "metric": {"name": name, "threshold": threshold, "operator": operator, "range": range, "firing_for": firing_for},
        }))
    }

    fn keys(&mut self, spec: &Object, at: &str, own: &[&str], outermost: bool) {
        let common: &[&str] = if outermost { &COMMON } else { &COMMON[..1] };
        for key in spec.keys() {
            let known = || own.iter().chain(common).copied();
            if known().any(|it| it == key) {
                continue;
            }
            // Prefect ignores it; a near miss of a known key would be lost.
            if let Some(help) = did_you_mean(key, known()) {
                self.refuse(&format!("{at}/{key}"), "a trigger of this type has no such key", help);
            }
        }
    }

    fn text(&mut self, spec: &Object, key: &str, at: &str) -> Option<String> {
        match spec.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => {
                self.refuse(&format!("{at}/{key}"), format!("found {}, wanted text", kind(other)), "");
                None
            }
        }
    }

    fn truth(&mut self, spec: &Object, key: &str, at: &str) -> bool {
        match spec.get(key) {
            None => true,
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) if crate::draft::truth(text).is_some() => crate::draft::truth(text) == Some(true),
            Some(Value::Number(number)) if crate::draft::truth(&number.to_string()).is_some() => {
                crate::draft::truth(&number.to_string()) == Some(true)
            }
            Some(other) => {
                self.refuse(&format!("{at}/{key}"), format!("found {}, wanted true or false", kind(other)), "");
                true
            }
        }
    }

    fn mapping_or_null(&mut self, spec: &Object, key: &str, at: &str) -> Value {
        match spec.get(key) {
            None | Some(Value::Null) => Value::Null,
            Some(Value::Object(entries)) => Value::Object(entries.clone()),
            Some(other) => {
                self.refuse(&format!("{at}/{key}"), format!("found {}, wanted a mapping", kind(other)), "");
                Value::Null
            }
        }
    }

    /// A specification of resources: values are text or lists of text.
    fn matching(&mut self, spec: &Object, key: &str, at: &str) -> Value {
        let is_list = |value: &Value| value.is_object();
        match spec.get(key) {
            None | Some(Value::Null) => json!({}),
            Some(Value::Object(entries)) => {
                for (name, value) in entries {
                    let texts = |items: &Vec<Value>| items.iter().all(Value::is_string);
                    if !(value.is_string() || value.as_array().is_some_and(texts)) {
                        let text = format!("found {}, wanted text or a list of texts", kind(value));
                        self.refuse(&format!("{at}/{key}/{name}"), text, "");
                    }
                }
                Value::Object(entries.clone())
            }
            // Several specifications of related resources.
            Some(Value::Array(items)) if key == "match_related" && items.iter().all(is_list) => {
                Value::Array(items.clone())
            }
            Some(other) => {
                self.refuse(&format!("{at}/{key}"), format!("found {}, wanted a mapping", kind(other)), "");
                json!({})
            }
        }
    }

    fn texts(&mut self, spec: &Object, key: &str, at: &str) -> Value {
        match spec.get(key) {
            None => json!([]),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                let mut items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.sort_unstable();
                items.dedup();
                json!(items)
            }
            Some(other) => {
                let text = format!("found {}, wanted a list of texts", kind(other));
                let help = other.as_str().map(|word| format!("Write [{word}].")).unwrap_or_default();
                self.refuse(&format!("{at}/{key}"), text, help);
                json!([])
            }
        }
    }

    /// A time in seconds: a number, ISO 8601 (`PT1H`) or `[D days,] HH:MM:SS`.
    fn duration(&mut self, spec: &Object, key: &str, at: &str) -> Option<f64> {
        let value = spec.get(key)?;
        let seconds = match value {
            Value::Null => return None,
            Value::Number(number) => number.as_f64(),
            Value::String(text) => seconds(text),
            _ => None,
        };
        if seconds.is_none() {
            let text = format!("found {}, wanted seconds, HH:MM:SS or an ISO 8601 duration such as PT1H", kind(value));
            self.refuse(&format!("{at}/{key}"), text, "");
        }
        seconds
    }
}

/// A time as Prefect's models read text.
fn seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    if text.contains(':') && !text.contains(|it: char| it.is_alphabetic()) {
        let parts: Option<Vec<f64>> = text.split(':').map(|part| part.parse().ok()).collect();
        return match parts?.as_slice() {
            [hours, minutes] => Some(hours * 3600.0 + minutes * 60.0),
            [hours, minutes, seconds] => Some(hours * 3600.0 + minutes * 60.0 + seconds),
            _ => None,
        };
    }
    let span: jiff::Span = text.parse().ok()?;
    span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).ok()
}

/// As Prefect guesses the type of a trigger that names none.
fn kind_of_trigger(spec: &Object) -> &str {
    if let Some(kind) = spec.get("type") {
        return kind.as_str().unwrap_or("");
    }
    if spec.get("posture").is_some_and(|it| it == "Metric") {
        return "metric";
    }
    match (spec.contains_key("triggers"), spec.contains_key("require")) {
        (true, true) => "compound",
        (true, false) => "sequence",
        _ => "event",
    }
}

#[cfg(test)]
mod tests;
