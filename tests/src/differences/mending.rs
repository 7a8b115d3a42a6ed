//! Where the worker sends what is refused, and pushpool sends what was meant.

use serde_json::{Map, Value, json};

use super::{Difference, Effect};
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
        name: "a label of which nothing is left is no tag",
        reason: "The worker sends an empty key when a label consists of characters that tags cannot have; boto3 refuses it.",
        effect: Effect::Mend(drop_empty_tags),
    },
    Difference {
        name: "an empty container name is none",
        reason: "The worker leaves that container without a name, which ECS refuses, and adds another.",
        effect: Effect::Mend(name_the_nameless),
    },
];

fn drop_empty_tags(answer: &mut Answer) -> bool {
    let Some(Value::Array(tags)) = answer.request_mut("RunTask").and_then(|it| it.get_mut("tags")) else { return false };
    let before = tags.len();
    tags.retain(|tag| tag["key"] != "");
    tags.len() < before
}

fn name_the_nameless(answer: &mut Answer) -> bool {
    let containers = answer.request_mut("RegisterTaskDefinition").and_then(|it| it.get_mut("containerDefinitions"));
    let Some(Value::Array(containers)) = containers else { return false };
    let Some(nameless) = containers.iter().position(|container| container.get("name").is_none()) else { return false };
    if containers.last().is_none_or(|last| last["name"] != "prefect") {
        return false;
    }
    let Some(Value::Object(added)) = containers.pop() else { return false };
    let Some(container) = containers.get_mut(nameless).and_then(Value::as_object_mut) else { return false };
    for (member, value) in added {
        if member != "image" || !container.contains_key("image") {
            container.insert(member, value);
        }
    }
    true
}

fn drop_nulls(answer: &mut Answer) -> bool {
    fn within(value: &mut Value) -> bool {
        match value {
            Value::Object(members) => {
                let before = members.len();
                members.retain(|_, member| !member.is_null());
                let dropped = members.len() < before;
                members.values_mut().fold(dropped, |dropped, member| within(member) || dropped)
            }
            Value::Array(items) => items.iter_mut().fold(false, |dropped, item| within(item) || dropped),
            _ => false,
        }
    }
    answer.request_mut("RunTask").is_some_and(within)
}

fn network(answer: &mut Answer) -> Option<&mut Map<String, Value>> {
    answer.request_mut("RunTask")?.pointer_mut("/networkConfiguration/awsvpcConfiguration")?.as_object_mut()
}

fn unwrap_network(answer: &mut Answer) -> bool {
    let mut changed = false;
    if let Some(outer) = network(answer)
        && let Some(Value::Object(inner)) = outer.remove("awsvpcConfiguration")
    {
        outer.extend(inner);
        changed = true;
    }
    changed
}

fn spell_public_ip(answer: &mut Answer) -> bool {
    let Some(public) = network(answer).and_then(|network| network.get_mut("assignPublicIp")) else { return false };
    let Some(flag) = public.as_bool() else { return false };
    *public = json!(if flag { "ENABLED" } else { "DISABLED" });
    true
}

fn add_subnets(answer: &mut Answer) -> bool {
    let Some(network) = network(answer) else { return false };
    if network.get("subnets").is_some_and(|subnets| subnets.as_array().is_none_or(|subnets| !subnets.is_empty())) {
        return false;
    }
    network.insert("subnets".to_owned(), json!(["subnet-1", "subnet-2"]));
    network.entry("assignPublicIp").or_insert_with(|| json!("ENABLED"));
    true
}
