//! Where the worker sends what is refused, and pushpool sends what was meant.

use serde_json::{Map, Value, json};

use super::{Difference, Effect, Question};
use crate::oracle::Answer;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "null in a RunTask request means nothing is wanted",
        reason: "An explicit null among the job variables reaches boto3, which refuses it. It is how people unset a default.",
        effect: Effect::Mend(drop_nulls),
    },
    Difference {
        name: "network configuration in either shape",
        reason: "The variable takes the inner object by its name and the whole one by custom; the worker nests the latter twice.",
        effect: Effect::Mend(unwrap_network),
    },
    Difference {
        name: "assignPublicIp may be a boolean",
        reason: "Written as a boolean in YAML and Terraform; ECS wants ENABLED or DISABLED.",
        effect: Effect::Mend(spell_public_ip),
    },
    Difference {
        name: "subnets that are missing come from the settings",
        reason: "The worker sends a network configuration without subnets as it is; boto3 refuses it.",
        effect: Effect::Mend(add_subnets),
    },
    Difference {
        name: "a plain value gives way to the secret of its name",
        reason: "The worker adds the secret and sends the plain value all the same, where the template has it in the overrides.",
        effect: Effect::Mend(drop_plain_beside_secret),
    },
    Difference {
        name: "labels that sanitise to an empty string are dropped",
        reason: "The worker sends an empty key when a label consists of characters that tags cannot have; boto3 refuses it.",
        effect: Effect::Mend(drop_empty_tags),
    },
    Difference {
        name: "an environment entry that is replaced may hold anything",
        reason: "The worker leaves the definition's entry as it is, of whatever type, and replaces it in the overrides.",
        effect: Effect::Mend(drop_replaced_entries),
    },
    Difference {
        name: "no public address is asked for outside Fargate",
        reason: "ECS refuses it: \"Assign public IP is not supported for this launch type\".",
        effect: Effect::Mend(drop_public_ip),
    },
    Difference {
        name: "numbers become text where ECS wants text",
        reason: "A placeholder keeps the type of its variable, so that no template can make text of a number; boto3 refuses it.",
        effect: Effect::Mend(write_numbers),
    },
    Difference {
        name: "a resource requirement without a value is none",
        reason: "Its variable is not set. ECS refuses the rest of it.",
        effect: Effect::Mend(drop_requirements),
    },
    Difference {
        name: "an environment variable without a name is none",
        reason: "The worker drops the empty name and sends the value without one.",
        effect: Effect::Mend(drop_nameless),
    },
    Difference {
        name: "what DescribeTaskDefinition adds is left out",
        reason: "People paste what it prints; boto3 refuses the members that only an answer has.",
        effect: Effect::Mend(drop_answers),
    },
    Difference {
        name: "a container of nulls is none",
        reason: "The console's export has them. The worker sends an empty container, which ECS refuses.",
        effect: Effect::Mend(drop_blank_containers),
    },
];

fn containers(answer: &mut Answer) -> impl Iterator<Item = &mut Map<String, Value>> {
    let definition = answer.request_mut("RegisterTaskDefinition");
    let containers = definition.and_then(|it| it.get_mut("containerDefinitions")).and_then(Value::as_array_mut);
    containers.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn drop_public_ip(_: &Question<'_>, answer: &mut Answer) -> bool {
    let Some(request) = answer.request("RunTask") else { return false };
    let strategy = request.get("capacityProviderStrategy").and_then(Value::as_array).filter(|it| !it.is_empty());
    let on_fargate = match strategy {
        Some(items) => {
            items.iter().any(|it| it["capacityProvider"].as_str().is_some_and(|it| it.starts_with("FARGATE")))
        }
        None => request["launchType"] == "FARGATE",
    };
    let Some(network) = network(answer).filter(|_| !on_fargate) else { return false };
    network.get("assignPublicIp").is_some_and(|it| it == "ENABLED") && network.remove("assignPublicIp").is_some()
}

fn write_numbers(_: &Question<'_>, answer: &mut Answer) -> bool {
    let mut written = false;
    for container in containers(answer) {
        let mut places: Vec<&mut Value> = Vec::new();
        for (member, value) in container.iter_mut() {
            match member.as_str() {
                "environment" | "resourceRequirements" => {
                    let items = value.as_array_mut().into_iter().flatten();
                    places.extend(items.filter_map(|item| item.get_mut("value")));
                }
                "logConfiguration" => {
                    let options = value.get_mut("options").and_then(Value::as_object_mut);
                    places.extend(options.into_iter().flatten().map(|(_, option)| option));
                }
                _ => {}
            }
        }
        for place in places.into_iter().filter(|place| place.is_number()) {
            *place = place.to_string().into();
            written = true;
        }
    }
    written
}

fn drop_requirements(_: &Question<'_>, answer: &mut Answer) -> bool {
    let mut dropped = false;
    for container in containers(answer) {
        let Some(Value::Array(requirements)) = container.get_mut("resourceRequirements") else { continue };
        let before = requirements.len();
        requirements.retain(|requirement| requirement.get("value").is_some());
        dropped |= requirements.len() < before;
        if requirements.is_empty() {
            container.remove("resourceRequirements");
        }
    }
    dropped
}

fn drop_nameless(_: &Question<'_>, answer: &mut Answer) -> bool {
    let mut dropped = false;
    let mut drop_from = |container: &mut Map<String, Value>| {
        if let Some(variables) = container.get_mut("environment").and_then(Value::as_array_mut) {
            let before = variables.len();
            variables.retain(|variable| variable.get("name").is_some_and(|name| name != ""));
            dropped |= variables.len() < before;
        }
    };
    containers(answer).for_each(&mut drop_from);
    let overrides = answer.request_mut("RunTask").and_then(|it| it.pointer_mut("/overrides/containerOverrides"));
    let overrides = overrides.and_then(Value::as_array_mut).into_iter().flatten();
    overrides.filter_map(Value::as_object_mut).for_each(&mut drop_from);
    dropped
}

fn drop_answers(_: &Question<'_>, answer: &mut Answer) -> bool {
    let Some(definition) = answer.request_mut("RegisterTaskDefinition").and_then(Value::as_object_mut) else {
        return false;
    };
    let of_answers = [
        "taskDefinitionArn",
        "revision",
        "status",
        "requiresAttributes",
        "compatibilities",
        "registeredAt",
        "registeredBy",
    ];
    let before = definition.len();
    definition.retain(|member, _| !of_answers.contains(&member.as_str()));
    definition.len() < before
}

fn drop_blank_containers(_: &Question<'_>, answer: &mut Answer) -> bool {
    let definition = answer.request_mut("RegisterTaskDefinition");
    let Some(containers) = definition.and_then(|it| it.get_mut("containerDefinitions")).and_then(Value::as_array_mut)
    else {
        return false;
    };
    let before = containers.len();
    containers.retain(|container| container.as_object().is_none_or(|members| !members.is_empty()));
    containers.len() < before
}

fn drop_plain_beside_secret(question: &Question<'_>, answer: &mut Answer) -> bool {
    let arn = |key| question.configured(key).and_then(Value::as_str).is_some_and(|arn| !arn.is_empty());
    let mut provided = Vec::new();
    let definition = answer.request("RegisterTaskDefinition");
    for container in definition.and_then(|it| it["containerDefinitions"].as_array()).into_iter().flatten() {
        for (name, key) in [
            ("PREFECT_API_KEY", "/prefect_api_key_secret_arn"),
            ("PREFECT_API_AUTH_STRING", "/prefect_api_auth_string_secret_arn"),
        ] {
            let secrets = container["secrets"].as_array();
            if arn(key) && secrets.is_some_and(|secrets| secrets.iter().any(|secret| secret["name"] == name)) {
                provided.push((container["name"].clone(), name));
            }
        }
    }
    let overrides = answer.request_mut("RunTask").and_then(|it| it.pointer_mut("/overrides/containerOverrides"));
    let mut dropped = false;
    for container in overrides.and_then(Value::as_array_mut).into_iter().flatten() {
        let secrets: Vec<&str> =
            provided.iter().filter(|(name, _)| container["name"] == *name).map(|(_, secret)| *secret).collect();
        if let Some(environment) = container.get_mut("environment").and_then(Value::as_array_mut) {
            let before = environment.len();
            environment.retain(|entry| !secrets.iter().any(|secret| entry["name"] == *secret));
            dropped |= environment.len() < before;
        }
    }
    dropped
}

fn drop_empty_tags(_: &Question<'_>, answer: &mut Answer) -> bool {
    let Some(Value::Array(tags)) = answer.request_mut("RunTask").and_then(|it| it.get_mut("tags")) else {
        return false;
    };
    let before = tags.len();
    tags.retain(|tag| tag["key"] != "");
    tags.len() < before
}

/// Only where it is replaced in the definition, too, which depends on what runs share; elsewhere pushpool refuses.
fn drop_replaced_entries(question: &Question<'_>, answer: &mut Answer) -> bool {
    if question.container.is_none() {
        return false;
    }
    let overrides = answer.request("RunTask").and_then(|it| it.pointer("/overrides/containerOverrides")).cloned();
    let replaces = |container: &Value, name: &Value| {
        let overrides = overrides.as_ref().and_then(Value::as_array).into_iter().flatten();
        let of_container = overrides.filter(|it| it["name"] == container["name"]);
        of_container.filter_map(|it| it["environment"].as_array()).flatten().any(|entry| entry["name"] == *name)
    };
    let containers = answer.request_mut("RegisterTaskDefinition").and_then(|it| it.get_mut("containerDefinitions"));
    let mut dropped = false;
    for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
        let whole = container.clone();
        if let Some(environment) = container.get_mut("environment").and_then(Value::as_array_mut) {
            let before = environment.len();
            let is_text = |entry: &Value| entry.get("value").is_none_or(Value::is_string);
            environment.retain(|entry| is_text(entry) || !replaces(&whole, &entry["name"]));
            dropped |= environment.len() < before;
        }
    }
    dropped
}

fn drop_nulls(_: &Question<'_>, answer: &mut Answer) -> bool {
    fn within(value: &mut Value) -> bool {
        match value {
            Value::Object(members) => {
                let before = members.len();
                members.retain(|_, member| !member.is_null());
                let dropped = members.len() < before;
                members.values_mut().fold(dropped, |dropped, member| within(member) || dropped)
            }
            Value::Array(items) => items.iter_mut().map(|item| usize::from(within(item))).sum::<usize>() > 0,
            _ => false,
        }
    }
    answer.request_mut("RunTask").is_some_and(within)
}

fn network(answer: &mut Answer) -> Option<&mut Map<String, Value>> {
    answer.request_mut("RunTask")?.pointer_mut("/networkConfiguration/awsvpcConfiguration")?.as_object_mut()
}

fn unwrap_network(_: &Question<'_>, answer: &mut Answer) -> bool {
    let mut changed = false;
    if let Some(outer) = network(answer)
        && let Some(Value::Object(inner)) = outer.remove("awsvpcConfiguration")
    {
        outer.extend(inner);
        changed = true;
    }
    changed
}

fn spell_public_ip(_: &Question<'_>, answer: &mut Answer) -> bool {
    let Some(public) = network(answer).and_then(|network| network.get_mut("assignPublicIp")) else { return false };
    let Some(flag) = public.as_bool() else { return false };
    *public = json!(if flag { "ENABLED" } else { "DISABLED" });
    true
}

fn add_subnets(_: &Question<'_>, answer: &mut Answer) -> bool {
    if answer.request("RegisterTaskDefinition").is_some_and(|definition| definition["networkMode"] != "awsvpc") {
        return false;
    }
    let Some(network) = network(answer) else { return false };
    if network.get("subnets").is_some_and(|subnets| subnets.as_array().is_none_or(|subnets| !subnets.is_empty())) {
        return false;
    }
    network.insert("subnets".to_owned(), json!(["subnet-1", "subnet-2"]));
    network.entry("assignPublicIp").or_insert_with(|| json!("ENABLED"));
    true
}
