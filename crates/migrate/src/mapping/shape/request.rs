//! The RunTask request of a template.
//!
//! The block's request is made, patched, and taken apart again: what the patches left alone becomes the placeholder that it
//! came from, tags become labels, the environment becomes `env`, and the rest stands in `task_run_request` as it is.

use prefect_api::models::Object;
use serde_json::{Value, json};

use super::{Given, Source, built_in_configuration, definition::Chosen, describe_network, template_run};
use crate::{
    mapping::{
        ecs_task::{CONTAINER, LaunchType, prefect_container},
        findings::Findings,
        literal::Literals,
    },
    plan::Level,
    proof::block,
};

/// Stands for subnets that only AWS knows.
const UNKNOWN_SUBNETS: &str = "subnets that were not looked up";

/// A request before and after its patches.
pub(super) struct Finished {
    before: Value,
    after: Value,
    /// Whether the network is that of a VPC whose subnets are not known.
    unknown_subnets: bool,
}

impl Finished {
    /// Whether patches leave a request that does not say FARGATE.
    pub(super) fn hides_fargate(&self) -> bool {
        let changed = |member: &str| self.before.get(member) != self.after.get(member);
        let says_fargate = self.after.get("launchType").is_some_and(|launch_type| launch_type == "FARGATE");
        (changed("launchType") || changed("capacityProviderStrategy")) && !says_fargate
    }

    /// Whether the request names neither a launch type nor a strategy, so that the cluster decides.
    pub(super) fn leaves_to_cluster(&self) -> bool {
        let is_set = |member: &str| {
            self.after
                .get(member)
                .is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|it| !it.is_empty()))
        };
        !is_set("launchType") && !is_set("capacityProviderStrategy")
    }
}

/// Makes the request and patches it.
///
/// # Errors
/// The patch that fails, which fails every run under the agent.
pub(super) fn finish(source: &Source<'_>, chosen: &Chosen, findings: &mut Findings) -> Result<Finished, String> {
    let run = template_run(source);
    let needs_network = match chosen.running() {
        Some(definition) => block::needs_network(definition),
        None => source.task.launch_type.is_some_and(LaunchType::is_fargate),
    };
    let subnets = source.account.subnets_of(source.task.vpc_id.as_deref());
    let network = needs_network.then(|| match subnets {
        Some(subnets) => block::network(subnets),
        None => block::network(&[UNKNOWN_SUBNETS.to_owned()]),
    });
    let named = source.task.task_definition_arn.as_deref().unwrap_or_default();
    let before = block::unpatched(source.task, named, network, &run);
    let after = block::run_task(source.task, before.clone(), source.repair)?;
    let unchanged = |pointer: &str| before.pointer(pointer) == after.pointer(pointer);
    let looked_up = needs_network && unchanged("/networkConfiguration/awsvpcConfiguration/subnets");
    if looked_up {
        describe_network(source, subnets.is_some(), findings);
    }
    Ok(Finished { unknown_subnets: needs_network && subnets.is_none(), before, after })
}

/// What the request is written into.
pub(super) struct Parts<'a> {
    pub literals: &'a mut Literals,
    pub variables: &'a mut Object,
    pub environment: &'a mut Vec<(String, Given)>,
}

/// Writes `task_run_request`.
///
/// # Errors
/// A patch leaves something that no template can hold.
pub(super) fn write(
    source: &Source<'_>,
    chosen: &Chosen,
    finished: &Finished,
    parts: &mut Parts<'_>,
    findings: &mut Findings,
) -> Result<Object, String> {
    let mut written = match built_in_configuration().remove("task_run_request") {
        Some(Value::Object(request)) => request,
        _ => Object::new(),
    };
    let (Some(before), Some(after)) = (finished.before.as_object(), finished.after.as_object()) else {
        return Err("its patches leave no request".to_owned());
    };
    overrides(source, chosen, finished, &mut written, parts, findings)?;
    tags(before, after, parts, findings);
    launch(before, after, &mut written, parts);
    network(finished, after, &mut written, parts)?;
    if before.get("cluster") != after.get("cluster") {
        replace(&mut written, "cluster", after.get("cluster"), parts);
        parts.variables.remove("cluster");
    }
    if before.get("taskDefinition") != after.get("taskDefinition") {
        replace(&mut written, "taskDefinition", after.get("taskDefinition"), parts);
    } else if let Chosen::Existing { arn, .. } = chosen {
        parts.variables.insert("task_definition_arn".to_owned(), arn.as_str().into());
    }
    const HANDLED: [&str; 7] = [
        "overrides",
        "tags",
        "launchType",
        "capacityProviderStrategy",
        "networkConfiguration",
        "cluster",
        "taskDefinition",
    ];
    for (member, value) in after.iter().filter(|(member, _)| !HANDLED.contains(&member.as_str())) {
        if matches!(member.as_str(), "startedBy" | "clientToken") {
            findings.lost(format!("task_customizations: {member}"), "pushpool sets it to tell its tasks apart");
        } else {
            replace(&mut written, member, Some(value), parts);
        }
    }
    Ok(written)
}

/// Writes a member as the patches left it; none removes it.
fn replace(written: &mut Object, member: &str, value: Option<&Value>, parts: &mut Parts<'_>) {
    match value {
        Some(value) => drop(written.insert(member.to_owned(), parts.literals.keep(value.clone()))),
        None => drop(written.shift_remove(member)),
    }
}

fn overrides(
    source: &Source<'_>,
    chosen: &Chosen,
    finished: &Finished,
    written: &mut Object,
    parts: &mut Parts<'_>,
    findings: &mut Findings,
) -> Result<(), String> {
    let before = finished.before.get("overrides").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(Value::Object(after)) = finished.after.get("overrides") else {
        return Err("its patches remove the overrides, without which a flow does not know its run".to_owned());
    };
    let mut container = container_template(source);
    let mut others = Vec::new();
    let containers = after.get("containerOverrides").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut found = false;
    for override_ in containers {
        match override_.as_object() {
            Some(ours) if !found && ours.get("name").is_some_and(|name| name == CONTAINER) => {
                found = true;
                own_container(source, chosen, &before, ours, &mut container, parts, findings)?;
            }
            _ => others.push(parts.literals.keep(override_.clone())),
        }
    }
    if !found {
        return Err("its patches remove the override of the container that the flow runs in".to_owned());
    }
    let mut overrides = Object::new();
    overrides.insert("containerOverrides".to_owned(), Value::Array([vec![Value::Object(container)], others].concat()));
    let existing = matches!(chosen, Chosen::Existing { .. });
    for (member, variable, is_ours) in [
        ("cpu", "cpu", source.sized.cpu || !literal(chosen)),
        ("memory", "memory", source.sized.memory || !literal(chosen)),
        ("taskRoleArn", "task_role_arn", true),
        // Of a definition that is registered it is part of the definition.
        ("executionRoleArn", "execution_role_arn", existing),
    ] {
        if before.get(member) != after.get(member) {
            replace(&mut overrides, member, after.get(member), parts);
        } else if is_ours {
            overrides.insert(member.to_owned(), format!("{{{{ {variable} }}}}").into());
        }
    }
    let known = ["containerOverrides", "cpu", "memory", "taskRoleArn", "executionRoleArn"];
    for (member, value) in after.iter().filter(|(member, _)| !known.contains(&member.as_str())) {
        replace(&mut overrides, member, Some(value), parts);
    }
    written.insert("overrides".to_owned(), Value::Object(overrides));
    Ok(())
}

/// Whether the block has a definition of its own.
fn literal(chosen: &Chosen) -> bool {
    matches!(chosen, Chosen::Content { literal: true, .. })
}

/// The built-in override of the container, without sizes that the block does not override.
fn container_template(source: &Source<'_>) -> Object {
    let mut container = Object::new();
    let mut set = |member: &str, value: &str| drop(container.insert(member.to_owned(), value.into()));
    set("name", "{{ container_name }}");
    set("environment", "{{ env }}");
    set("command", "{{ command }}");
    let has_definition = source.task.task_definition.is_some() || source.task.task_definition_arn.is_some();
    for (member, sized) in [("cpu", source.sized.cpu), ("memory", source.sized.memory)] {
        if sized || !has_definition {
            set(member, &format!("{{{{ {member} }}}}"));
        }
    }
    container
}

/// What patches did to the override of the container that the flow runs in.
fn own_container(
    source: &Source<'_>,
    chosen: &Chosen,
    before: &Object,
    after: &Object,
    container: &mut Object,
    parts: &mut Parts<'_>,
    findings: &mut Findings,
) -> Result<(), String> {
    let before =
        before.get("containerOverrides").and_then(|list| list.get(0)?.as_object()).cloned().unwrap_or_default();
    for member in ["cpu", "memory"] {
        if before.get(member) != after.get(member) {
            replace(container, member, after.get(member), parts);
        }
    }
    if before.get("command") != after.get("command") {
        patched_command(chosen, after.get("command"), parts, findings);
    }
    for (member, value) in after {
        match member.as_str() {
            "name" | "cpu" | "memory" | "command" => {}
            "environment" => patched_environment(source, before.get("environment"), value, parts, findings)?,
            _ => replace(container, member, Some(value), parts),
        }
    }
    Ok(())
}

/// A request without a command leaves it to the definition, and that to the image.
fn patched_command(chosen: &Chosen, command: Option<&Value>, parts: &mut Parts<'_>, findings: &mut Findings) {
    let words = |command: Option<&Value>| -> Vec<String> {
        command.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let of_request = words(command);
    let of_definition = || words(chosen.running().and_then(prefect_container).and_then(|it| it.get("command")));
    let words = if of_request.is_empty() { of_definition() } else { of_request };
    if words.is_empty() {
        findings.risk(
            Level::High,
            "command_of_image",
            "Its patches take the command away, so that of the image runs under the agent. pushpool sends a command: set \
             `command` to what the image has.",
        );
    } else {
        parts.variables.insert("command".to_owned(), super::shell_joined(&words).into());
    }
}

/// Entries that patches add, change or remove go into `env`.
fn patched_environment(
    source: &Source<'_>,
    before: Option<&Value>,
    after: &Value,
    parts: &mut Parts<'_>,
    findings: &mut Findings,
) -> Result<(), String> {
    let before = pairs(before.unwrap_or(&Value::Null), "name")?;
    let after = pairs(after, "name")?;
    let mut put = |name: &str, given: Given| match parts.environment.iter_mut().find(|(known, _)| known == name) {
        Some((_, place)) => *place = given,
        None => parts.environment.push((name.to_owned(), given)),
    };
    for (name, value) in &after {
        if before.get(name) != Some(value)
            && let Some(given) = source.environment.patched(name, value, findings)
        {
            put(name, given);
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(name.as_str()) && *name != "PREFECT__FLOW_RUN_ID") {
        put(name, Given::Unset);
    }
    Ok(())
}

/// Tags that patches add or change become labels.
fn tags(before: &Object, after: &Object, parts: &mut Parts<'_>, findings: &mut Findings) {
    let (old, new) = (before.get("tags").unwrap_or(&Value::Null), after.get("tags").unwrap_or(&Value::Null));
    if old == new {
        return;
    }
    let (Ok(old), Ok(new)) = (pairs(old, "key"), pairs(new, "key")) else {
        findings.lost("task_customizations: tags", "they are no list of keys and values");
        return;
    };
    let mut labels = match parts.variables.remove("labels") {
        Some(Value::Object(labels)) => labels,
        _ => Object::new(),
    };
    for (key, value) in &new {
        if old.get(key) != Some(value) {
            let text = value.as_str().unwrap_or_default();
            if crate::proof::slug::tag(text) != text || crate::proof::slug::tag(key) != *key {
                findings.note(
                    "tag_made_plain",
                    format!("The tag `{key}` of a patch was sent as it is; a label is made plain (letters, digits, ._/=+:@-)."),
                );
            }
            labels.insert(key.clone(), value.clone());
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(key.as_str())) {
        if key.starts_with("prefect.io/") {
            findings.lost(format!("task_customizations: removal of the tag {key}"), "pushpool finds its tasks by it");
        } else {
            labels.retain(|label, _| crate::proof::slug::tag(label) != **key);
        }
    }
    if !labels.is_empty() {
        parts.variables.insert("labels".to_owned(), Value::Object(labels));
    }
}

/// A list of names and values as an object; the later of two wins.
fn pairs(list: &Value, name: &str) -> Result<Object, String> {
    let pair =
        |item: &Value| Some((item.get(name)?.as_str()?.to_owned(), item.get("value").cloned().unwrap_or_default()));
    match list {
        Value::Null => Ok(Object::new()),
        Value::Array(items) => items
            .iter()
            .map(|item| pair(item).ok_or_else(|| format!("its patches leave an entry without `{name}`")))
            .collect(),
        _ => Err(format!("its patches leave no list where entries have a `{name}`")),
    }
}

/// Launch type and capacity provider strategy, of which the block makes one out of its launch type.
fn launch(before: &Object, after: &Object, written: &mut Object, parts: &mut Parts<'_>) {
    let changed = |member: &str| before.get(member) != after.get(member);
    if !changed("launchType") && !changed("capacityProviderStrategy") {
        return;
    }
    for member in ["launchType", "capacityProviderStrategy"] {
        replace(written, member, after.get(member), parts);
    }
    parts.variables.remove("launch_type");
}

/// The network stands in the request, so that nothing has to be looked up. Subnets that are not known are left to the
/// dispatcher's settings.
fn network(finished: &Finished, after: &Object, written: &mut Object, parts: &mut Parts<'_>) -> Result<(), String> {
    let Some(network) = after.get("networkConfiguration") else { return Ok(()) };
    let mut network = network.clone();
    if let Some(inner) = network.get_mut("awsvpcConfiguration").and_then(Value::as_object_mut)
        && finished.unknown_subnets
        && let Some(subnets) = inner.get("subnets").and_then(Value::as_array)
    {
        let unknown = |subnet: &Value| subnet == UNKNOWN_SUBNETS;
        if subnets.len() == 1 && subnets.iter().all(unknown) {
            inner.remove("subnets");
            // The security groups belong to the subnets' VPC.
            if inner.get("securityGroups") == Some(&json!([])) {
                inner.remove("securityGroups");
            }
        } else if subnets.iter().any(unknown) {
            return Err("its patches add to the subnets of a VPC, which this plan could not look up. Plan with --aws"
                .to_owned());
        }
    }
    replace(written, "networkConfiguration", Some(&network), parts);
    Ok(())
}

/// Says that a patch reaches into a list that other releases fill differently.
pub(crate) fn note_positions(task: &crate::mapping::ecs_task::EcsTask, findings: &mut Findings) {
    for operation in &task.task_customizations.0 {
        let path = operation.path().as_str();
        let counts = |list: &str| {
            path.strip_prefix(list).and_then(|rest| rest.split('/').next()).is_some_and(|it| it.parse::<u32>().is_ok())
        };
        if counts("/tags/") || counts("/overrides/containerOverrides/0/environment/") {
            findings.risk(
                Level::Medium,
                "patch_by_position",
                format!("The patch of {path} counts in a list to which the agent adds entries of its own: check what it hits."),
            );
        }
    }
}
