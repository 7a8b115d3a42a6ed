//! Where both say the same in two ways.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Difference, Effect};
use crate::oracle::subject::Rendering;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "a token makes the launch single and startedBy names the attempt",
        reason: "A worker that repeats a lost RunTask starts a second task. Both are derived from the attempt.",
        effect: Effect::Normalise(identity_of_the_launch),
    },
    Difference {
        name: "the family is legal and ends in the hash of the definition",
        reason: "The worker forgets to make it legal. With the hash, equal definitions share one family, and RunTask names the \
                 revision whose content the dispatcher has compared with its own.",
        effect: Effect::Normalise(family),
    },
    Difference {
        name: "the roles of the overrides stand in the definition",
        reason: "ECS asks for `iam:PassRole` when a definition with roles is registered. A role in the overrides goes to \
                 the newest revision of the family, which another principal may have registered. The task has the same \
                 roles.",
        effect: Effect::Normalise(roles),
    },
    Difference {
        name: "there is no worker",
        reason: "`PREFECT__WORKER_ID`, `PREFECT__WORKER_NAME` and the tag `prefect.io/worker-name` name one.",
        effect: Effect::Normalise(no_worker),
    },
    Difference {
        name: "the tag prefect.io/version is left out",
        reason: "It is the version of the worker's Prefect; pushpool has none and does not know the container's.",
        effect: Effect::Normalise(no_version),
    },
    Difference {
        name: "definitions are not marked for deregistration",
        reason: "Definitions are shared by content; the observer that reads the mark is the worker's.",
        effect: Effect::Normalise(no_deregistration),
    },
    Difference {
        name: "a command that is too long for the overrides stands in the definition",
        reason: "ECS takes 8,192 characters of overrides.",
        effect: Effect::Normalise(command),
    },
    Difference {
        name: "shared environment stands in the definition",
        reason: "Overrides have 8,192 characters, and runs of a deployment should share one definition. The container sees the \
                 same.",
        effect: Effect::Normalise(environment),
    },
    Difference {
        name: "tags fit what ECS allows",
        reason: "ECS refuses more than 50, keys twice, empty or over 128 characters, values over 256, and the prefix aws:.",
        effect: Effect::Normalise(tags),
    },
    Difference {
        name: "secrets are sorted",
        reason: "ECS takes the list for a set; equal definitions must have equal text to have equal hashes.",
        effect: Effect::Normalise(secrets),
    },
    Difference {
        name: "an image that is empty or null is the default image",
        reason: "The worker uses its default only when the key is absent, and leaves a container without an image otherwise.",
        effect: Effect::Normalise(image),
    },
    Difference {
        name: "a count of one is not sent",
        reason: "It is what ECS assumes.",
        effect: Effect::Normalise(count),
    },
    Difference {
        name: "EXTERNAL does not bring Fargate",
        reason: "Undoes what the worker was made to send by the difference of nearly the same name.",
        effect: Effect::Normalise(external),
    },
    Difference {
        name: "an empty cluster is the default cluster",
        reason: "The worker sends the empty string.",
        effect: Effect::Normalise(cluster),
    },
    Difference {
        name: "generated log prefixes are legal and short enough",
        reason: "The name of a stream has 512 characters and neither `:` nor `*`; the name of a pool may have both, and no limit.",
        effect: Effect::Normalise(log_prefix),
    },
    Difference {
        name: "empty members of RunTask are not sent",
        reason: "An empty list or object says nothing.",
        effect: Effect::Normalise(empty_members),
    },
];

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("a request is an object")
}

fn identity_of_the_launch(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    for (member, longest) in [("clientToken", 64), ("startedBy", 128)] {
        match object(&mut ours.run_task).remove(member) {
            Some(Value::String(text)) if (1..=longest).contains(&text.len()) => {}
            other => return Err(format!("{member} is {other:?}")),
        }
        // Whatever a template wanted there.
        object(&mut worker.run_task).remove(member);
    }
    Ok(true)
}

fn family(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let (Some(theirs), Some(definition)) = (&mut worker.definition, &mut ours.definition) else { return Ok(false) };
    let theirs = object(theirs).remove("family").unwrap_or_default();
    let family = object(definition).remove("family").unwrap_or_default();
    let (theirs, family) = (theirs.as_str().unwrap_or_default(), family.as_str().unwrap_or_default());
    let legal = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if family.is_empty() || family.len() > 255 || !family.chars().all(legal) {
        return Err(format!("family {family:?} is not legal"));
    }
    let Some((base, hash)) = family.rsplit_once('-') else { return Err(format!("family {family:?} has no hash")) };
    if hash.len() != 16 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("family {family:?} does not end in a hash"));
    }
    // What remains of both when separators are not looked at.
    let core = |name: &str| name.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '_').collect::<String>();
    let (wanted, got) = (core(theirs), core(base));
    if !wanted.starts_with(&got) || (got != wanted && family.len() < 250) {
        return Err(format!("family {family:?} is not made from {theirs:?}"));
    }
    let reference = object(&mut ours.run_task).remove("taskDefinition");
    if reference != Some(json!(family)) {
        return Err(format!("RunTask names {reference:?}, the definition is of family {family:?}"));
    }
    object(&mut worker.run_task).remove("taskDefinition");
    Ok(true)
}

fn roles(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let Some(definition) = &mut worker.definition else { return Ok(false) };
    let Some(overrides) = worker.run_task.get_mut("overrides").and_then(Value::as_object_mut) else { return Ok(false) };
    let mut moved = false;
    for member in ["taskRoleArn", "executionRoleArn"] {
        if ours.run_task["overrides"].get(member).is_some() {
            return Err(format!("overrides have {member}"));
        }
        match overrides.remove(member) {
            Some(Value::String(role)) if !role.is_empty() => {
                object(definition).insert(member.to_owned(), json!(role));
                moved = true;
            }
            _ => {}
        }
    }
    Ok(moved)
}

fn no_worker(worker: &mut Rendering, _: &mut Rendering) -> Result<bool, String> {
    let mut dropped = drop_tag(worker, "prefect.io/worker-name");
    for container in containers(&mut worker.run_task, "/overrides/containerOverrides") {
        if let Some(environment) = container.get_mut("environment").and_then(Value::as_array_mut) {
            let before = environment.len();
            environment.retain(|entry| {
                !["PREFECT__WORKER_ID", "PREFECT__WORKER_NAME"].map(Value::from).contains(&entry["name"])
            });
            dropped |= environment.len() < before;
        }
    }
    Ok(dropped)
}

fn no_version(worker: &mut Rendering, _: &mut Rendering) -> Result<bool, String> {
    Ok(drop_tag(worker, "prefect.io/version"))
}

fn no_deregistration(worker: &mut Rendering, _: &mut Rendering) -> Result<bool, String> {
    Ok(drop_tag(worker, "prefect.io/degregister-task-definition"))
}

fn drop_tag(rendering: &mut Rendering, key: &str) -> bool {
    let Some(tags) = rendering.run_task.get_mut("tags").and_then(Value::as_array_mut) else { return false };
    let before = tags.len();
    tags.retain(|tag| tag["key"] != key);
    tags.len() < before
}

/// The objects of the list at `pointer`.
fn containers<'a>(request: &'a mut Value, pointer: &str) -> Vec<&'a mut Map<String, Value>> {
    let list = request.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut).collect()
}

/// What each container sees: its definition's environment and the overrides' over it.
fn environment(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let placed = |rendering: &Rendering| {
        let list = |value: Option<&Value>, pointer: &str| value.and_then(|it| it.pointer(pointer)).cloned();
        (
            list(rendering.definition.as_ref(), "/containerDefinitions"),
            list(Some(&rendering.run_task), "/overrides/containerOverrides"),
        )
    };
    let before = (placed(worker), placed(ours));
    for rendering in [worker, ours] {
        // By place, not by name: a broken template may have two containers of one name.
        let mut seen: Vec<(String, BTreeMap<String, String>)> = Vec::new();
        let take = |container: &mut Map<String, Value>| {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let entries = container.remove("environment");
            let text = |entry: &Value, member: &str| entry[member].as_str().unwrap_or_default().to_owned();
            let entries = entries.as_ref().and_then(Value::as_array).into_iter().flatten();
            (name, entries.map(|entry| (text(entry, "name"), text(entry, "value"))).collect::<BTreeMap<_, _>>())
        };
        if let Some(definition) = &mut rendering.definition {
            seen.extend(containers(definition, "/containerDefinitions").into_iter().map(take));
        }
        for (name, entries) in
            containers(&mut rendering.run_task, "/overrides/containerOverrides").into_iter().map(take)
        {
            match seen.iter_mut().find(|(defined, _)| *defined == name) {
                Some((_, environment)) => environment.extend(entries),
                None => seen.push((name, entries)),
            }
        }
        seen.retain(|(_, environment)| !environment.is_empty());
        // An override that had nothing to say but environment is gone.
        if let Some(Value::Array(overrides)) = rendering.run_task.pointer_mut("/overrides/containerOverrides") {
            overrides.retain(|container| container.as_object().is_none_or(|it| it.keys().any(|key| key != "name")));
        }
        object(&mut rendering.run_task).insert("(environment the containers see)".to_owned(), json!(seen));
    }
    Ok(before.0 != before.1)
}

/// The container definitions of a rendering.
fn defined(rendering: &mut Rendering) -> Vec<&mut Map<String, Value>> {
    rendering.definition.as_mut().map(|definition| containers(definition, "/containerDefinitions")).unwrap_or_default()
}

fn secrets(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let mut sorted = false;
    for rendering in [worker, ours] {
        for secrets in defined(rendering).into_iter().filter_map(|it| it.get_mut("secrets")?.as_array_mut()) {
            let before = secrets.clone();
            secrets.sort_by_key(|secret| secret["name"].to_string());
            sorted |= *secrets != before;
        }
    }
    Ok(sorted)
}

fn image(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let mut given = false;
    for (container, other) in defined(worker).into_iter().zip(defined(ours)) {
        let image = other.get("image").and_then(Value::as_str).unwrap_or_default();
        if !container.contains_key("image") && image.starts_with("prefecthq/prefect:") {
            container.insert("image".to_owned(), json!(image));
            given = true;
        }
    }
    Ok(given)
}

fn count(worker: &mut Rendering, _: &mut Rendering) -> Result<bool, String> {
    let one = worker.run_task["count"] == 1;
    if one {
        object(&mut worker.run_task).remove("count");
    }
    Ok(one)
}

fn command(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let overrides = &worker.run_task["overrides"];
    if overrides.to_string().len() <= 8_192 {
        return Ok(false);
    }
    let mut moved = false;
    for container in containers(&mut ours.run_task, "/overrides/containerOverrides") {
        let same = |other: &&mut Map<String, Value>| other.get("name") == container.get("name");
        let list = ours.definition.as_mut().map(|it| containers(it, "/containerDefinitions")).unwrap_or_default();
        let Some(defined) = list.into_iter().find(same) else { continue };
        if !container.contains_key("command")
            && let Some(command) = defined.remove("command")
        {
            container.insert("command".to_owned(), command);
            // The definition's own command has no effect beside one in the overrides.
            let theirs =
                worker.definition.as_mut().map(|it| containers(it, "/containerDefinitions")).unwrap_or_default();
            theirs
                .into_iter()
                .filter(|it| it.get("name") == container.get("name"))
                .for_each(|it| drop(it.remove("command")));
            moved = true;
        }
    }
    Ok(moved)
}

fn external(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let list =
        |rendering: &Rendering| rendering.definition.as_ref().and_then(|it| it.get("requiresCompatibilities")).cloned();
    let (theirs, mine) = (list(worker), list(ours));
    let Some(Value::Array(mut without)) = theirs else { return Ok(false) };
    if ours.run_task["launchType"] != "EXTERNAL"
        || without.pop() != Some(json!("FARGATE"))
        || mine != Some(json!(without))
    {
        return Ok(false);
    }
    if let Some(definition) = &mut worker.definition {
        definition["requiresCompatibilities"] = json!(without);
    }
    Ok(true)
}

fn cluster(worker: &mut Rendering, _: &mut Rendering) -> Result<bool, String> {
    let empty = worker.run_task["cluster"] == "";
    if empty {
        object(&mut worker.run_task).remove("cluster");
    }
    Ok(empty)
}

fn log_prefix(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let mut mended = false;
    for (container, other) in defined(worker).into_iter().zip(defined(ours)) {
        let options = |container: &Map<String, Value>| {
            container.get("logConfiguration")?.pointer("/options/awslogs-stream-prefix").cloned()
        };
        let (Some(Value::String(prefix)), other) = (options(container), options(other)) else { continue };
        let legal: String = prefix.replace([':', '*'], "-").chars().take(200).collect();
        if prefix != legal && other == Some(json!(legal)) {
            container["logConfiguration"]["options"]["awslogs-stream-prefix"] = json!(legal);
            mended = true;
        }
    }
    Ok(mended)
}

fn tags(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    let take = |rendering: &mut Rendering| -> Vec<(String, String)> {
        let tags = object(&mut rendering.run_task).remove("tags");
        let text = |tag: &Value, member: &str| tag[member].as_str().unwrap_or_default().to_owned();
        let tags = tags.as_ref().and_then(Value::as_array).into_iter().flatten();
        tags.map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
    };
    let (theirs, mine) = (take(worker), take(ours));
    if let Some(problem) = illegal(&mine) {
        return Err(format!("our tags: {problem}"));
    }
    let mine: BTreeMap<String, String> = mine.into_iter().collect();
    if illegal(&theirs).is_none() {
        for (rendering, tags) in [(worker, theirs.into_iter().collect()), (ours, mine)] {
            object(&mut rendering.run_task).insert("tags".to_owned(), json!(tags));
        }
        return Ok(false);
    }
    // Which of too many are kept is pushpool's affair, but it may keep nothing else, and its own come first.
    let head = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    let fitting: BTreeSet<(String, String)> = theirs
        .iter()
        .map(|(key, value)| (head(key, 128), head(value, 256)))
        .filter(|(key, _)| !reserved(key))
        .collect();
    if let Some(invented) = mine.iter().find(|(key, value)| !fitting.contains(&((*key).clone(), (*value).clone()))) {
        return Err(format!("our tag {invented:?} is not among the worker's"));
    }
    let kept_all = mine.len() == 50
        || fitting.iter().all(|(key, value)| mine.contains_key(key) || key.is_empty() || reserved(value));
    let own = fitting.iter().map(|(key, _)| key).filter(|key| key.starts_with("prefect.io/"));
    match own.into_iter().find(|key| !mine.contains_key(*key)) {
        Some(lost) => Err(format!("the tag {lost} was lost")),
        None if kept_all => Ok(true),
        None => Err("a tag was lost although there is room for it".to_owned()),
    }
}

fn reserved(text: &str) -> bool {
    text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
}

fn illegal(tags: &[(String, String)]) -> Option<String> {
    let keys: BTreeSet<&String> = tags.iter().map(|(key, _)| key).collect();
    if tags.len() > 50 {
        return Some(format!("{} of them", tags.len()));
    }
    if keys.len() < tags.len() {
        return Some("a key twice".to_owned());
    }
    let broken = |(key, value): &&(String, String)| {
        key.is_empty() || key.len() > 128 || value.len() > 256 || reserved(key) || reserved(value)
    };
    tags.iter().find(broken).map(|tag| format!("{tag:?}"))
}

fn empty_members(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String> {
    fn drop(value: &mut Value) -> bool {
        let empty = |value: &Value| value == &json!([]) || value == &json!({});
        match value {
            Value::Object(members) => {
                let mut dropped = false;
                for member in members.values_mut() {
                    dropped |= drop(member);
                }
                let before = members.len();
                members.retain(|_, member| !empty(member));
                dropped || members.len() < before
            }
            Value::Array(items) => items.iter_mut().map(|item| usize::from(drop(item))).sum::<usize>() > 0,
            _ => false,
        }
    }
    let theirs = drop(&mut worker.run_task);
    Ok(drop(&mut ours.run_task) || theirs)
}
