//! The overrides of the RunTask request, and their 8,192 characters.
//!
//! Semantics of `_prepare_task_run_request` (prefect-aws 0.7.12, `ecs_worker.py`), with one difference: there is always
//! an override for the orchestration container. The worker only fills in one that the template has; without it the
//! container would start without knowing its flow run.
//!
//! "A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting characters of the
//! override structure" (AWS ECS API reference, RunTask). Characters are counted as UTF-16 code units of the compact JSON,
//! which is never less than any other reading of "character" but bytes of non-ASCII text gives.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    io,
};

use serde::Serialize;
use serde_json::{Value, json};
use work_pool::Object;

use crate::{
    PrepareError,
    command::split,
    configuration::Configuration,
    definition::{Draft, check_size, check_storage},
    environment::{Environment, entry, name_of},
    findings::Findings,
    lenient,
    locate::{not_allowed, require},
    secrets::Secrets,
    value::{is_true, to_text, true_member},
};

/// Characters of `overrides`.
const LONGEST: usize = 8_192;

/// Command when nothing else is said (prefect 3.8.8, `workers/base.py`, `_base_flow_run_command`).
const DEFAULT_COMMAND: [&str; 3] = ["prefect", "flow-run", "execute"];

/// How many parts an error names.
const NAMED: usize = 5;

/// Overrides being written.
pub(crate) struct Overrides {
    object: Object,
    containers: Vec<Object>,
    /// Index of the orchestration container's.
    container: usize,
}

impl Overrides {
    /// Takes them out of the request and completes them.
    pub(crate) fn prepare(
        request: &mut Object,
        configuration: &Configuration<'_>,
        container_name: &str,
        findings: &mut Findings,
    ) -> Result<Self, PrepareError> {
        let mut object = match request.remove("overrides") {
            None => Object::new(),
            Some(Value::Object(object)) => object,
            Some(other) => return Err(refused("task_run_request.overrides", &other, "an object")),
        };
        for member in ["cpu", "memory"] {
            if let Some(size) = object.get_mut(member).filter(|size| is_true(size)) {
                *size = to_text(size).into_owned().into();
            }
        }
        // An empty role is none, and RegisterTaskDefinition refuses it.
        for member in ["taskRoleArn", "executionRoleArn"] {
            if object.get(member).is_some_and(|role| role == "") {
                object.shift_remove(member);
            }
        }
        let mut containers = containers(&mut object)?;
        if let Some(first) = containers.first_mut().filter(|first| true_member(first, "name").is_none()) {
            first.insert("name".to_owned(), container_name.into());
        }
        let named = |container: &Object| container.get("name").is_some_and(|name| name == container_name);
        let container = containers.iter().position(named).unwrap_or_else(|| {
            containers.push(Object::from_iter([("name".to_owned(), container_name.into())]));
            containers.len() - 1
        });
        let command = configuration.command.cloned().unwrap_or_else(|| json!(DEFAULT_COMMAND));
        containers[container].insert("command".to_owned(), command);
        for (index, container) in containers.iter_mut().enumerate() {
            let place = |member| format!("task_run_request.overrides.containerOverrides[{index}].{member}");
            split_command(container, || place("command"))?;
            list_environment(container);
            if let Some(Value::Array(variables)) = container.get_mut("environment") {
                lenient::drop_nameless(variables, || place("environment"), findings);
            }
            let entries = container.get("environment").and_then(Value::as_array);
            require(entries, "value", "RunTask", || place("environment"))?;
        }
        let entries = containers[container].get("environment").and_then(Value::as_array);
        require(entries, "name", "RunTask", || {
            format!("task_run_request.overrides.containerOverrides[{container}].environment")
        })?;
        Ok(Self { object, containers, container })
    }

    /// Keeps the Prefect API's secrets out, then adds what the definition does not say of the environment.
    pub(crate) fn add_environment(
        &mut self,
        environment: &Environment<'_>,
        secrets: &Secrets<'_>,
        findings: &mut Findings,
    ) {
        for (index, container) in self.containers.iter_mut().enumerate() {
            let Some(list) = container.get_mut("environment").and_then(Value::as_array_mut) else { continue };
            let is_orchestration = index == self.container;
            if is_orchestration {
                // First, so that a plain secret which the environment replaces by nothing is not complained about.
                list.retain(|entry| name_of(entry).is_none_or(|name| !environment.all.contains_key(name)));
            }
            let place = || format!("task_run_request.overrides.containerOverrides[{index}].environment");
            secrets.keep_out_of_list(list, is_orchestration, place, findings);
            if is_orchestration {
                list.extend(environment.overrides().map(|(name, value)| entry(name, value)));
                // Stable: of two entries with one name, the later one still wins.
                list.sort_by(|one, other| name_of(one).cmp(&name_of(other)));
            }
        }
    }

    /// Moves what is too much into the definition, largest first: environment, then the command.
    /// What came out of blocks (`private`) stays where it is.
    pub(crate) fn fit(&mut self, draft: Option<&mut Draft>, private: &BTreeSet<String>, findings: &mut Findings) {
        let length = self.length();
        if length <= LONGEST {
            return;
        }
        let too_long = |overrides: &Self, existing_definition| PrepareError::FitOverrides {
            length: overrides.length(),
            largest: overrides.largest(),
            existing_definition,
        };
        let Some(draft) = draft else { return findings.refuse(too_long(self, true)) };
        let mut moved = self.move_environment(draft, private, length - LONGEST);
        if self.length() > LONGEST
            && let Some(command) = self.containers[self.container].remove("command")
        {
            draft.take_command(command);
            moved.push("the command".to_owned());
        }
        if self.length() > LONGEST {
            return findings.refuse(too_long(self, false));
        }
        findings.notes.push(format!(
            "The overrides had {length} of at most {LONGEST} characters; {} went into the task definition, which is \
             therefore this run's own.",
            moved.join(", ")
        ));
    }

    /// Checks the sizes that the overrides change on Fargate.
    pub(crate) fn check_sizes(&self, definition: Option<&Draft>, findings: &mut Findings) {
        let place = "task_run_request.overrides";
        findings.check(check_storage(place, &self.object));
        let given = |member: &str| self.object.get(member).and_then(Value::as_str);
        if given("cpu").is_none() && given("memory").is_none() {
            return;
        }
        // The built-in template writes the same sizes into the definition, of which they are said already.
        let of_definition = |member: &str| definition.and_then(|draft| draft.size(member));
        let size = |member: &str| given(member).or_else(|| of_definition(member));
        let changed = ["cpu", "memory"].iter().any(|member| given(member) != of_definition(member));
        let said = !changed && findings.refusals.iter().any(|it| matches!(it, PrepareError::SizeTask { .. }));
        if !said {
            findings.check(check_size(place, size("cpu"), size("memory")));
        }
    }

    /// Names of the environment that the orchestration container's overrides set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let list = self.containers[self.container].get("environment").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(name_of)
    }

    /// Puts them back into the request.
    pub(crate) fn finish(self, request: &mut Object) {
        let mut object = self.object;
        let containers = self.containers.into_iter().map(Value::Object).collect();
        object.insert("containerOverrides".to_owned(), Value::Array(containers));
        request.insert("overrides".to_owned(), Value::Object(object));
    }

    fn move_environment(&mut self, draft: &mut Draft, private: &BTreeSet<String>, mut surplus: usize) -> Vec<String> {
        let secret = draft.secret_names();
        let Some(list) = self.containers[self.container].get_mut("environment").and_then(Value::as_array_mut) else {
            return Vec::new();
        };
        let mut order: Vec<(Reverse<usize>, String)> = list
            .iter()
            .filter_map(|entry| Some((Reverse(units(&entry.to_string()) + 1), name_of(entry)?.to_owned())))
            .filter(|(_, name)| !secret.contains(name) && !private.contains(name))
            .collect();
        order.sort();
        let mut moved = BTreeSet::new();
        for (Reverse(size), name) in order {
            if surplus == 0 {
                break;
            }
            surplus = surplus.saturating_sub(size);
            moved.insert(name);
        }
        // Of two entries with one name the later one wins, in either place.
        let is_moved = |entry: &Value| name_of(entry).is_some_and(|name| moved.contains(name));
        let (taken, left): (Vec<Value>, Vec<Value>) = std::mem::take(list).into_iter().partition(is_moved);
        *list = left;
        draft.take_entries(taken);
        moved.into_iter().collect()
    }

    fn length(&self) -> usize {
        // `"containerOverrides":` and a comma, unless it stands alone; `object` has no such member.
        let comma = usize::from(!self.object.is_empty());
        length(&self.object) + r#""containerOverrides":"#.len() + comma + length(&self.containers)
    }

    /// The largest parts: environment entries by name, other members by path.
    fn largest(&self) -> Vec<(String, usize)> {
        let mut parts: Vec<(String, usize)> = Vec::new();
        let member = |(name, value): (&String, &Value)| (name.clone(), units(&value.to_string()));
        parts.extend(self.object.iter().map(member));
        for (index, container) in self.containers.iter().enumerate() {
            let place = if index == self.container { String::new() } else { format!("containerOverrides[{index}].") };
            for (name, value) in container {
                match value.as_array().filter(|_| name == "environment") {
                    Some(entries) => parts.extend(entries.iter().map(|entry| {
                        (format!("{place}{}", name_of(entry).unwrap_or_default()), units(&entry.to_string()))
                    })),
                    None => parts.push((format!("{place}{name}"), units(&value.to_string()))),
                }
            }
        }
        parts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        parts.truncate(NAMED);
        parts
    }
}

/// UTF-16 code units of the compact JSON.
fn length(json: &impl Serialize) -> usize {
    let mut counter = Units(0);
    // Neither writing to a counter nor a JSON value fails.
    let _ = serde_json::to_writer(&mut counter, json);
    counter.0
}

/// Counts UTF-16 code units of the UTF-8 written to it: one for each character, one more beyond the basic plane.
struct Units(usize);

impl io::Write for Units {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.iter().map(|byte| usize::from(byte & 0xC0 != 0x80) + usize::from(*byte >= 0xF0)).sum::<usize>();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// UTF-16 code units.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

fn refused(path: &str, found: &Value, allowed: &str) -> PrepareError {
    not_allowed("RunTask", path, found, allowed)
}

fn containers(overrides: &mut Object) -> Result<Vec<Object>, PrepareError> {
    let list = match overrides.remove("containerOverrides") {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(other) => return Err(refused("task_run_request.overrides.containerOverrides", &other, "a list")),
    };
    list.into_iter()
        .enumerate()
        .map(|(index, container)| match container {
            Value::Object(container) => Ok(container),
            other => {
                Err(refused(&format!("task_run_request.overrides.containerOverrides[{index}]"), &other, "an object"))
            }
        })
        .collect()
}

fn split_command(container: &mut Object, path: impl Fn() -> String) -> Result<(), PrepareError> {
    if let Some(command) = container.get_mut("command")
        && let Value::String(text) = command
    {
        let words = split(text).map_err(|error| PrepareError::SplitCommand { path: path(), problem: error.into() })?;
        *command = json!(words);
    }
    Ok(())
}

/// Drops the environment entries whose value is explicitly null: they are not set.
pub(crate) fn drop_unset(request: &mut Object) {
    let containers = request.get_mut("overrides").and_then(|overrides| overrides.get_mut("containerOverrides"));
    for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(entries) = container.get_mut("environment").and_then(Value::as_array_mut) {
            entries.retain(|entry| entry.get("value") != Some(&Value::Null));
        }
    }
}

/// The environment as ECS writes it: in the order of the names, so that the request does not depend on that of the keys.
fn list_environment(container: &mut Object) {
    let environment = container.entry("environment").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Object(entries) = environment {
        let sorted: BTreeMap<String, Value> = std::mem::take(entries).into_iter().collect();
        *environment = sorted.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_length_is_that_of_the_whole(name in ".{0,8}", text in ".{0,40}", others in 0_usize..3) {
            let object: Object = (0..others).map(|index| (format!("{name}{index}"), json!(text))).collect();
            let container = Object::from_iter([(name, json!({"💥": [text, 1.5, null]}))]);
            let overrides = Overrides { object, containers: vec![container.clone(), container], container: 0 };
            let length = overrides.length();
            let mut request = Object::new();
            overrides.finish(&mut request);
            prop_assert_eq!(length, request["overrides"].to_string().encode_utf16().count());
        }
    }
}
