//! Labels to tags.
//!
//! The set of labels and their precedence are the worker's (prefect 3.8.8, `workers/base.py`, `_base_*_labels`;
//! prefect-aws 0.7.12, `ecs_worker.py`, `_prepare_task_run_request`): configured labels win over pushpool's of the same
//! key, and both over tags of the template. Left out: `prefect.io/worker-name` (there is no worker),
//! `prefect.io/version` (the container's version of Prefect is not known here) and `prefect.io/deployment-updated`.
//!
//! ECS allows 50 tags with keys of 128 and values of 256 characters, refuses keys twice and the prefix `aws:` (AWS ECS API
//! reference, RunTask, `tags`). The worker sends what it has; here the tags are made to fit, pushpool's first.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use serde_json::Value;
use work_pool::Object;

use crate::{
    PrepareError, Run,
    configuration::Configuration,
    names::{shortened, slug},
    shape::ShapeError,
    value::{filled, kind, pair},
};

const MOST: usize = 50;
pub(crate) const KEY_LENGTH: usize = 128;
const VALUE_LENGTH: usize = 256;

/// Sets `tags` of the RunTask request.
pub(crate) fn set(
    request: &mut Object,
    configuration: &Configuration<'_>,
    run: &Run,
    notices: &mut Vec<String>,
) -> Result<(), PrepareError> {
    let in_request = request.remove("tags");
    let ours = identity(run);
    let mut tags: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(ours.len() + configuration.labels.len());
    let configured = |key: &str| configuration.labels.iter().find(|(label, _)| *label == key).map(|(_, value)| *value);
    for (key, value) in ours {
        tags.push((key, configured(key).map_or(value, Cow::Borrowed)));
    }
    let own = tags.len();
    let mut known: HashSet<&str> = tags.iter().map(|(key, _)| *key).collect();
    tags.extend(
        configuration.labels.iter().filter(|(key, _)| known.insert(key)).map(|(key, value)| (*key, (*value).into())),
    );
    let given = template_tags(in_request.as_ref())?;
    tags.extend(given.into_iter().filter(|(key, _)| !known.contains(key)).map(|(key, value)| (key, value.into())));
    // Whatever order the labels came in, the request is the same.
    tags[own..].sort();
    let tags = fit(&tags, notices);
    request.insert("tags".to_owned(), Value::Array(tags));
    Ok(())
}

/// What pushpool says about the run.
fn identity(run: &Run) -> Vec<(&'static str, Cow<'_, str>)> {
    let mut labels: Vec<(&str, Cow<'_, str>)> =
        vec![("prefect.io/flow-run-id", Cow::Owned(run.attempt.flow_run_id.to_string()))];
    if let Some(name) = &run.name {
        labels.push(("prefect.io/flow-run-name", Cow::Borrowed(name)));
    }
    for (id, name, thing) in [
        ("prefect.io/work-pool-id", "prefect.io/work-pool-name", Some(&run.work_pool)),
        ("prefect.io/flow-id", "prefect.io/flow-name", run.flow.as_ref()),
        ("prefect.io/deployment-id", "prefect.io/deployment-name", run.deployment.as_ref()),
    ] {
        let Some(thing) = thing else { continue };
        if let Some(known) = thing.id {
            labels.push((id, Cow::Owned(known.to_string())));
        }
        labels.push((name, Cow::Borrowed(&thing.name)));
    }
    labels
}

/// The tags of the template: a list as ECS writes it, or an object, which is what `{{ labels }}` becomes.
fn template_tags(tags: Option<&Value>) -> Result<Vec<(&str, &str)>, PrepareError> {
    match tags {
        None => Ok(Vec::new()),
        Some(Value::Object(tags)) => tags.iter().map(|(key, value)| Ok((key.as_str(), text(value, key)?))).collect(),
        Some(Value::Array(tags)) => tags
            .iter()
            .enumerate()
            .map(|(index, tag)| {
                let part = |name: &str| {
                    let missing = || wrong(&format!("[{index}].{name}"), "nothing", "a string");
                    tag.get(name).ok_or_else(missing).and_then(|part| text(part, &format!("[{index}].{name}")))
                };
                Ok((part("key")?, part("value")?))
            })
            .collect(),
        Some(other) => Err(wrong("", kind(other), "a list of tags or an object")),
    }
}

fn text<'a>(value: &'a Value, place: &str) -> Result<&'a str, PrepareError> {
    value.as_str().ok_or_else(|| wrong(place, kind(value), "a string"))
}

fn wrong(place: &str, found: &str, allowed: &str) -> PrepareError {
    let dot = if place.is_empty() || place.starts_with('[') { "" } else { "." };
    PrepareError::CheckShape {
        operation: "RunTask",
        error: ShapeError {
            path: format!("task_run_request.tags{dot}{place}"),
            found: found.to_owned(),
            allowed: allowed.to_owned(),
        },
    }
}

/// As many tags as ECS takes, the first ones first.
fn fit(tags: &[(&str, Cow<'_, str>)], notices: &mut Vec<String>) -> Vec<Value> {
    static TAG: LazyLock<Object> = LazyLock::new(|| pair("key", "value"));
    let mut seen: HashSet<String> = HashSet::with_capacity(tags.len());
    let mut fitting = Vec::with_capacity(tags.len().min(MOST));
    let mut surplus = 0;
    for (label, value) in tags {
        let (key, value) = (slug(label), slug(value));
        let (key, value) = (shortened(&key, KEY_LENGTH), shortened(&value, VALUE_LENGTH));
        let reserved = |text: &str| text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
        let refusal = if key.is_empty() {
            "nothing of its key is allowed in a tag"
        } else if reserved(key) || reserved(value) {
            "the prefix aws: is reserved"
        } else if seen.contains(key) {
            "another label becomes the same tag"
        } else if fitting.len() == MOST {
            surplus += 1;
            continue;
        } else {
            seen.insert(key.to_owned());
            fitting.push(filled(&TAG, key, value));
            continue;
        };
        notices.push(format!("The label {label:?} is not made a tag: {refusal}."));
    }
    if surplus > 0 {
        notices.push(format!("{surplus} labels are not made tags: a task has at most {MOST}."));
    }
    fitting
}
