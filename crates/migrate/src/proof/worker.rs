//! The requests that an ECS worker sends.
//!
//! Semantics of prefect-aws 0.7.12, `workers/ecs_worker.py` (`_prepare_task_definition`, `_prepare_task_run_request`), on a
//! job configuration that is rendered already. What differs from one installation to another is left to the caller: the
//! image of the worker's own release, the region, and the subnets of a VPC.

use prefect_api::models::Object;
use serde_json::{Map, Value, json};

use super::{
    block::{DEFAULT_SIZE, text_of, units},
    slug,
};
use crate::{estate::Account, plan::Requests};

/// What a worker knows beside the job configuration.
#[derive(Debug, Clone)]
pub(crate) struct WorkerRun<'a> {
    pub pool: &'a str,
    /// Id of the deployment.
    pub deployment: String,
    /// Variables that Prefect sets for the run.
    pub environment: Vec<(String, String)>,
    /// Tags that Prefect sets for the run.
    pub labels: Vec<(String, String)>,
    pub region: String,
    pub account: &'a Account,
}

/// Stands for the image of the worker's release.
const IMAGE: &str = "(the image of the worker's release)";

/// The requests of a job configuration.
///
/// # Errors
/// Why the worker fails.
pub(crate) fn requests(configuration: &Object, run: &WorkerRun<'_>) -> Result<Requests, String> {
    let mut configuration = configuration.clone();
    let mut environment: Object =
        run.environment.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    environment.extend(object(&configuration, "env"));
    let mut labels: Object = run.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    labels.extend(object(&configuration, "labels"));
    configuration.insert("env".to_owned(), Value::Object(environment));
    configuration.insert("labels".to_owned(), Value::Object(labels));

    let mut request = object(&configuration, "task_run_request");
    let existing = request.get("taskDefinition").and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned);
    let definition = match &existing {
        Some(arn) => run.account.task_definitions.get(arn).and_then(Value::as_object).cloned(),
        None => Some(definition(&configuration, &request, run)?),
    };
    let family = definition.as_ref().and_then(|it| it.get("family")?.as_str()).unwrap_or_default();
    let named = existing.clone().unwrap_or_else(|| family.to_owned());
    request.insert("taskDefinition".to_owned(), named.into());
    complete(&mut request, &configuration, definition.as_ref(), run);
    let register_task_definition = definition.filter(|_| existing.is_none()).map(Value::Object);
    drop_nulls(&mut request);
    Ok(Requests { register_task_definition, run_task: Value::Object(request) })
}

fn definition(configuration: &Object, request: &Object, run: &WorkerRun<'_>) -> Result<Object, String> {
    let mut definition = object(configuration, "task_definition");
    let mut containers = match definition.remove("containerDefinitions") {
        Some(Value::Array(containers)) => containers,
        _ => Vec::new(),
    };
    containers.retain(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    let wanted = text(configuration, "container_name");
    let named = |it: &Value| it.get("name").and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned);
    let first = || {
        let ours = containers.iter().find(|it| named(it).as_deref() == Some("prefect"));
        ours.or_else(|| containers.first()).and_then(named).unwrap_or_else(|| "prefect".to_owned())
    };
    let name = wanted.map_or_else(first, str::to_owned);
    let index = match containers.iter().position(|it| named(it).as_deref() == Some(name.as_str())) {
        Some(index) => index,
        None if name != "prefect" => return Err(format!("the task definition has no container {name}")),
        None => {
            let nameless = containers.iter().position(|it| it.get("name").is_none());
            nameless.unwrap_or_else(|| {
                containers.push(json!({}));
                containers.len() - 1
            })
        }
    };
    let Some(container) = containers[index].as_object_mut() else { return Err("a container is no object".to_owned()) };
    container.insert("name".to_owned(), name.into());
    configure_container(container, configuration, run);
    size(&mut definition, container, request)?;
    let family = text(&definition, "family").map(str::to_owned);
    let family = family.unwrap_or_else(|| format!("prefect_{}_{}", run.pool, run.deployment));
    definition.insert("family".to_owned(), family.into());
    definition.insert("containerDefinitions".to_owned(), containers.into());
    Ok(definition)
}

fn configure_container(container: &mut Object, configuration: &Object, run: &WorkerRun<'_>) {
    container.entry("image").or_insert_with(|| IMAGE.into());
    if let Some(entries) = container.get_mut("environment").and_then(Value::as_array_mut) {
        // A null of the configured environment is gone by now (prefect 2.20.26 and 3.8.8, `workers/base`,
        // `prepare_for_flow_run`), so it takes no entry away.
        entries.retain(|entry| !entry.get("value").is_none_or(Value::is_null));
    }
    if configuration.get("configure_cloudwatch_logs") == Some(&Value::Bool(true)) {
        let generated = || format!("prefect-logs_{}_{}", run.pool, run.deployment);
        let prefix = text(configuration, "cloudwatch_logs_prefix").map_or_else(generated, str::to_owned);
        let mut options = Map::from_iter([
            ("awslogs-create-group".to_owned(), Value::from("true")),
            ("awslogs-group".to_owned(), "prefect".into()),
            ("awslogs-region".to_owned(), run.region.as_str().into()),
            ("awslogs-stream-prefix".to_owned(), prefix.into()),
        ]);
        options.extend(object(configuration, "cloudwatch_logs_options"));
        container.insert("logConfiguration".to_owned(), json!({"logDriver": "awslogs", "options": options}));
    }
    let secrets = [
        ("PREFECT_API_KEY", "prefect_api_key_secret_arn"),
        ("PREFECT_API_AUTH_STRING", "prefect_api_auth_string_secret_arn"),
    ];
    for (name, arn) in secrets.iter().filter_map(|(name, field)| Some((*name, text(configuration, field)?))) {
        let list = container.entry("secrets").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.retain(|it| it.get("name").is_none_or(|it| it != name));
            list.push(json!({"name": name, "valueFrom": arn}));
        }
    }
}

fn size(definition: &mut Object, container: &mut Object, request: &Object) -> Result<(), String> {
    let launch_type = text(request, "launchType");
    let on_fargate = matches!(launch_type, Some("FARGATE" | "FARGATE_SPOT"));
    for (member, default) in [("cpu", DEFAULT_SIZE.0), ("memory", DEFAULT_SIZE.1)] {
        let given = definition.get(member).filter(|it| !it.is_null() && **it != "" && it.as_i64() != Some(0)).cloned();
        let size = given.clone().unwrap_or_else(|| default.into());
        if on_fargate {
            definition.insert(member.to_owned(), text_of(&size).into());
            continue;
        }
        let units = units(&size).ok_or_else(|| format!("`{member}` of the task definition is no whole number"))?;
        container.entry(member).or_insert_with(|| units.into());
        if let Some(given) = given {
            definition.insert(member.to_owned(), text_of(&given).into());
        }
    }
    if on_fargate {
        let list = definition.entry("requiresCompatibilities").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut().filter(|list| !list.iter().any(|it| it == "FARGATE")) {
            list.push("FARGATE".into());
        }
        definition.entry("networkMode").or_insert_with(|| "awsvpc".into());
    }
    Ok(())
}

fn complete(request: &mut Object, configuration: &Object, definition: Option<&Object>, run: &WorkerRun<'_>) {
    if text(request, "cluster").is_none()
        && let Some(cluster) = text(configuration, "cluster")
    {
        request.insert("cluster".to_owned(), cluster.into());
    }
    launch(request, definition);
    network(request, configuration, definition, run);
    overrides(request, configuration, definition);
    tags(request, configuration);
}

fn launch(request: &mut Object, definition: Option<&Object>) {
    let compatibilities = definition.and_then(|it| it.get("requiresCompatibilities")?.as_array());
    let requires_ec2 = compatibilities.into_iter().flatten().any(|it| it == "EC2");
    let launch_type = text(request, "launchType").map(str::to_owned);
    match (&launch_type, requires_ec2) {
        (None, false) => drop(request.insert("launchType".to_owned(), "FARGATE".into())),
        (None, true) => drop(request.shift_remove("launchType")),
        _ => {}
    }
    let has_strategy =
        request.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(|it| !it.is_empty());
    if has_strategy {
        request.shift_remove("launchType");
    } else if launch_type.as_deref() == Some("FARGATE_SPOT") {
        request.shift_remove("launchType");
        let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
        request.insert("capacityProviderStrategy".to_owned(), strategy);
    }
}

/// The network: the variable's, the request's, or that of a VPC.
fn network(request: &mut Object, configuration: &Object, definition: Option<&Object>, run: &WorkerRun<'_>) {
    let launch_type = text(request, "launchType");
    let is_awsvpc = match definition {
        Some(definition) => definition.get("networkMode").is_some_and(|mode| mode == "awsvpc"),
        None => launch_type != Some("EC2"),
    };
    if !is_awsvpc {
        return;
    }
    let of_variable = object(configuration, "network_configuration");
    let vpc = text(configuration, "vpc_id");
    if !of_variable.is_empty() {
        if vpc.is_some() {
            request.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": of_variable}));
        }
        return;
    }
    if object(request, "networkConfiguration").is_empty() {
        let subnets = run
            .account
            .subnets_of(vpc)
            .map_or_else(|| vec![format!("(subnets of {})", vpc.unwrap_or("the default VPC"))], <[String]>::to_vec);
        request.insert("networkConfiguration".to_owned(), super::block::network(&subnets));
    }
}

fn overrides(request: &mut Object, configuration: &Object, definition: Option<&Object>) {
    let name = text(configuration, "container_name").map(str::to_owned).or_else(|| {
        let containers = definition?.get("containerDefinitions")?.as_array()?;
        let ours = containers.iter().find(|it| it.get("name").is_some_and(|name| name == "prefect"));
        Some(ours.or_else(|| containers.first())?.get("name")?.as_str()?.to_owned())
    });
    let name = name.unwrap_or_else(|| "prefect".to_owned());
    let command = match configuration.get("command") {
        Some(Value::String(command)) if !command.is_empty() => Value::from(command.as_str()),
        _ => json!(["prefect", "flow-run", "execute"]),
    };
    let Some(overrides) = request.get_mut("overrides").and_then(Value::as_object_mut) else { return };
    for member in ["cpu", "memory"] {
        if let Some(size) = overrides.get_mut(member).filter(|it| !it.is_null()) {
            *size = text_of(size).into();
        }
    }
    let containers = overrides.get_mut("containerOverrides").and_then(Value::as_array_mut);
    for (index, container) in containers.into_iter().flatten().filter_map(Value::as_object_mut).enumerate() {
        if index == 0 && text(container, "name").is_none() {
            container.insert("name".to_owned(), name.as_str().into());
        }
        if container.get("name").is_some_and(|it| *it == name) {
            container.insert("command".to_owned(), command.clone());
            list_environment(container, &object(configuration, "env"));
        } else {
            list_environment(container, &Object::new());
        }
        if let Some(Value::String(command)) = container.get("command") {
            let words = words(command);
            container.insert("command".to_owned(), words.into());
        }
    }
}

/// `shlex.split` of a command that is well formed; of another one the worker fails, and pushpool refuses it.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some('"'), '\\') => match characters.next() {
                Some(escaped @ ('"' | '\\')) => word.get_or_insert_default().push(escaped),
                other => word.get_or_insert_default().extend(['\\'].into_iter().chain(other)),
            },
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// The entries of the template, and over them those of `env`.
fn list_environment(container: &mut Object, environment: &Object) {
    let entries: Vec<Value> = match container.remove("environment") {
        Some(Value::Object(entries)) => {
            entries.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
        }
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    };
    let is_other = |entry: &Value| {
        entry.get("name").and_then(Value::as_str).is_some_and(|name| !environment.contains_key(name))
            && entry.get("value").is_some_and(|value| !value.is_null())
    };
    let mut entries: Vec<Value> = entries.into_iter().filter(is_other).collect();
    let set = environment.iter().filter(|(_, value)| !value.is_null());
    entries.extend(set.map(|(name, value)| json!({"name": name, "value": text_of(value)})));
    container.insert("environment".to_owned(), entries.into());
}

fn tags(request: &mut Object, configuration: &Object) {
    let given = match request.remove("tags") {
        Some(Value::Object(tags)) => tags,
        Some(Value::Array(tags)) => tags
            .iter()
            .filter_map(|tag| Some((tag.get("key")?.as_str()?.to_owned(), tag.get("value")?.clone())))
            .collect(),
        _ => Object::new(),
    };
    let mut tags = given;
    tags.extend(object(configuration, "labels").into_iter().filter(|(_, value)| !value.is_null()));
    let tag = |(key, value): (&String, &Value)| json!({"key": slug::tag(key), "value": slug::tag(&text_of(value))});
    if !tags.is_empty() {
        request.insert("tags".to_owned(), tags.iter().map(tag).collect());
    }
}

fn object(of: &Object, member: &str) -> Object {
    of.get(member).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn text<'a>(of: &'a Object, member: &str) -> Option<&'a str> {
    of.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn drop_nulls(object: &mut Object) {
    object.retain(|_, value| !value.is_null());
    for value in object.values_mut() {
        match value {
            Value::Object(members) => drop_nulls(members),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_nulls),
            _ => {}
        }
    }
}
