//! Where the worker depends on its circumstances and pushpool does not.

use serde_json::{Map, Value, json};

use super::{Circumstances, Difference, Effect, is_falsy};
use crate::oracle::Case;
use crate::oracle::generate::LEAK;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "placeholders never read the process environment",
        reason: "`{{ $X }}` in a pool would hand any variable of the dispatcher, credentials included, to anyone who can edit a \
                 pool. It renders as a variable that is not set.",
        effect: Effect::Ask(without_process_environment),
    },
    Difference {
        name: "a network configuration needs no vpc_id",
        reason: "The worker wants the VPC only to look its subnets up.",
        effect: Effect::Ask(with_vpc_id),
    },
    Difference {
        name: "VPCs and subnets are not looked up",
        reason: "Two EC2 calls per run on the hot path; RunTask says the same about a subnet that does not exist.",
        effect: Effect::Ask(with_lenient_ec2),
    },
    Difference {
        name: "an API key's ARN needs no API key in the process",
        reason: "The worker deletes its own key from the environment and fails if it has none.",
        effect: Effect::Ask(with_worker_key),
    },
    Difference {
        name: "a launch type that is not given means Fargate for the definition, too",
        reason: "The worker falls back to Fargate in RunTask only, and ECS refuses its definition there.",
        effect: Effect::Ask(with_launch_type),
    },
    Difference {
        name: "what is explicitly null is not given",
        reason: "It is how people unset something. The worker takes it for a list and fails, or leaves Fargate without a network.",
        effect: Effect::Ask(without_nulls),
    },
    Difference {
        name: "null unsets a job variable of any type",
        reason: "It is how people unset a default. The worker's model fails on it where it wants an object or a flag.",
        effect: Effect::Ask(without_null_variables),
    },
    Difference {
        name: "the pool's AWS credentials are not used",
        reason: "The dispatcher launches with its own role; the worker needs an object to make its client from.",
        effect: Effect::Ask(without_credentials),
    },
    Difference {
        name: "an empty container name is none",
        reason: "The worker leaves that container without a name, which ECS refuses, and adds another.",
        effect: Effect::Ask(without_empty_names),
    },
    Difference {
        name: "settings that no worker uses any more are not read",
        reason: "The worker still insists on their type.",
        effect: Effect::Ask(without_legacy_settings),
    },
    Difference {
        name: "EXTERNAL does not ask for Fargate",
        reason: "The worker wants FARGATE among the compatibilities of whatever is not EC2.",
        effect: Effect::Ask(with_fargate_for_external),
    },
    Difference {
        name: "an existing definition is not read",
        reason: "It would be a call per run. On Fargate its network mode can only be awsvpc; elsewhere it is taken to be so when \
                 a network configuration is given.",
        effect: Effect::Ask(with_definition_of_the_hosts_network),
    },
    Difference {
        name: "the run's container always has its overrides",
        reason: "A template without an override for it makes the worker start a container that knows no flow run.",
        effect: Effect::Ask(with_override),
    },
    Difference {
        name: "HTML entities in labels stay as they are written",
        reason: "python-slugify decodes `&amp;` before it makes a tag of it, by accident of its default settings.",
        effect: Effect::Ask(without_entities),
    },
];

fn without_process_environment(it: &Circumstances<'_>) -> Option<Case> {
    let leaked = it.answer.calls.iter().any(|call| call.request.to_string().contains(LEAK))
        || it.answer.error.as_ref().is_some_and(|error| error.message.contains(LEAK));
    leaked.then(|| Case { process_environment: Map::new(), ..it.case.clone() })
}

fn with_vpc_id(it: &Circumstances<'_>) -> Option<Case> {
    let message = "You must provide a `vpc_id` to enable custom `network_configuration`";
    it.answer.failed_with(message).then(|| {
        let mut case = it.editable();
        case.template["job_configuration"]["vpc_id"] = json!("vpc-given");
        case.lenient_ec2 = true;
        case
    })
}

fn with_lenient_ec2(it: &Circumstances<'_>) -> Option<Case> {
    let messages = ["Failed to find VPC with ID", "not found within VPC with ID"];
    let refused = messages.into_iter().any(|message| it.answer.failed_with(message));
    (refused && !it.case.lenient_ec2).then(|| Case { lenient_ec2: true, ..it.case.clone() })
}

fn with_worker_key(it: &Circumstances<'_>) -> Option<Case> {
    let lacks = it.answer.error.as_ref().is_some_and(|error| {
        error.class == "KeyError" && error.at == "prepare_for_flow_run" && error.message == "'PREFECT_API_KEY'"
    });
    if !lacks {
        return None;
    }
    let mut case = it.case.clone();
    if case.worker_environment.is_empty() {
        let settings = [("PREFECT_API_URL", "http://127.0.0.1:4399/api"), ("PREFECT_API_KEY", "key-of-the-worker")];
        case.worker_environment = Map::from_iter(settings.map(|(name, value)| (name.to_owned(), json!(value))));
        return Some(case);
    }
    // Someone has unset it.
    let parts = [&mut case.template, &mut case.deployment_job_variables, &mut case.flow_run_job_variables];
    let unset = |key: &str, value: &Value| value.is_null() && key.ends_with("PREFECT_API_KEY");
    (parts.into_iter().map(|part| usize::from(remove(part, &unset))).sum::<usize>() > 0).then_some(case)
}

/// Removes the members of all objects in `value` that `unwanted` describes.
fn remove(value: &mut Value, unwanted: &dyn Fn(&str, &Value) -> bool) -> bool {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|key, member| !unwanted(key, member));
            let removed = members.len() < before;
            members.values_mut().fold(removed, |removed, member| remove(member, unwanted) || removed)
        }
        Value::Array(items) => items.iter_mut().map(|item| usize::from(remove(item, unwanted))).sum::<usize>() > 0,
        _ => false,
    }
}

fn with_launch_type(it: &Circumstances<'_>) -> Option<Case> {
    let mut case = it.editable();
    let request = case.template.pointer_mut("/job_configuration/task_run_request")?.as_object_mut()?;
    let given = request.get("launchType").and_then(|place| it.rendered(place));
    if given.is_some_and(|given| !is_falsy(given)) {
        return None;
    }
    let strategy = it.configured("/task_run_request/capacityProviderStrategy").filter(|strategy| !is_falsy(strategy));
    let elsewhere = strategy.is_some_and(|strategy| !strategy.to_string().contains("\"FARGATE"));
    let takes_cpu_for_a_number = it.answer.failed_with("invalid literal for int()") && !elsewhere;
    let falls_back = it.answer.request("RunTask").is_some_and(|request| {
        let strategy = request.get("capacityProviderStrategy").and_then(Value::as_array);
        let fargate = |item: &Value| item["capacityProvider"].as_str().is_some_and(|name| name.starts_with("FARGATE"));
        request["launchType"] == "FARGATE" || strategy.is_some_and(|items| items.iter().any(fargate))
    });
    if !takes_cpu_for_a_number && !falls_back {
        return None;
    }
    request.insert("launchType".to_owned(), json!("FARGATE"));
    Some(case)
}

fn with_override(it: &Circumstances<'_>) -> Option<Case> {
    let named = |list: Option<&Value>, name: &str| {
        list.and_then(Value::as_array).is_some_and(|list| list.iter().any(|container| container["name"] == name))
    };
    let overrides = it.answer.request("RunTask")?.pointer("/overrides/containerOverrides");
    let containers = it.answer.request("RegisterTaskDefinition").and_then(|it| it.get("containerDefinitions"));
    // Where pushpool refuses, it does not name the container; the rule is short enough to be told again.
    let inferred = || match named(containers, "prefect") {
        true => Some("prefect"),
        // All existing definitions of the generator have that container.
        false if containers.is_none() => Some("prefect"),
        false => containers?.get(0)?["name"].as_str(),
    };
    let name = it.container.or_else(inferred).filter(|name| !named(overrides, name))?;
    let mut case = it.editable();
    let configuration = case.template["job_configuration"].as_object_mut()?;
    let request = configuration.entry("task_run_request").or_insert_with(|| json!({}));
    let overrides = request.as_object_mut()?.entry("overrides").or_insert_with(|| json!({}));
    let containers = overrides.as_object_mut()?.entry("containerOverrides").or_insert_with(|| json!([]));
    containers.as_array_mut()?.push(json!({"name": name}));
    Some(case)
}

/// The worker iterates over what is explicitly null.
fn without_nulls(it: &Circumstances<'_>) -> Option<Case> {
    let fails = ["'NoneType' object is not iterable", "argument of type 'NoneType' is not iterable"];
    let failed = it
        .answer
        .error
        .as_ref()
        .is_some_and(|error| fails.contains(&error.message.as_str()) && error.at.starts_with("_prepare_task_"));
    let null_label = it.answer.failed_with("text must be str, bytes or bytearray, not NoneType");
    let no_network_mode = it.answer.request("RegisterTaskDefinition").is_some_and(|definition| {
        let fargate = definition["requiresCompatibilities"].as_array().is_some_and(|it| it.contains(&json!("FARGATE")));
        fargate && definition.get("networkMode").is_none()
    });
    let mut case = it.editable();
    let mut changed = false;
    if failed {
        for part in ["/job_configuration/task_run_request", "/job_configuration/task_definition"] {
            if let Some(part) = case.template.pointer_mut(part) {
                changed |= drop_nulls(part, it);
            }
        }
    } else if null_label {
        for layer in [&mut case.deployment_job_variables, &mut case.flow_run_job_variables] {
            changed |= remove(layer, &|key, value| value.is_null() && key.starts_with("labels."));
        }
    } else if no_network_mode {
        let definition = case.template.pointer_mut("/job_configuration/task_definition")?.as_object_mut()?;
        let empty = |place: &Value| it.rendered(place).is_some_and(Value::is_null);
        if definition.get("networkMode").is_some_and(empty) {
            definition.remove("networkMode");
            changed = true;
        }
    }
    changed.then_some(case)
}

/// The worker's model, or its merging of environments, fails on null.
fn without_null_variables(it: &Circumstances<'_>) -> Option<Case> {
    const KEYS: [&str; 6] = [
        "env",
        "labels",
        "network_configuration",
        "cloudwatch_logs_options",
        "auto_deregister_task_definition",
        "match_latest_revision_in_family",
    ];
    it.answer.error.as_ref()?;
    let mut case = it.editable();
    let environment = case.flow_run_job_variables.get("env");
    if environment.is_some_and(Value::is_null) && case.deployment_job_variables.get("env").is_some_and(Value::is_object)
    {
        // The run adds nothing to what the deployment has.
        case.flow_run_job_variables.as_object_mut()?.remove("env");
        return Some(case);
    }
    let mut changed = false;
    for key in KEYS {
        if it.configured(&format!("/{key}")).is_some_and(Value::is_null) {
            changed |= case.template["job_configuration"].as_object_mut()?.remove(key).is_some();
        }
    }
    changed.then_some(case)
}

fn drop_nulls(value: &mut Value, it: &Circumstances<'_>) -> bool {
    match value {
        Value::Object(members) => {
            let before = members.len();
            members.retain(|_, member| it.rendered(member).is_none_or(|rendered| !rendered.is_null()));
            let dropped = members.len() < before;
            members.values_mut().fold(dropped, |dropped, member| drop_nulls(member, it) || dropped)
        }
        Value::Array(items) => items.iter_mut().map(|item| usize::from(drop_nulls(item, it))).sum::<usize>() > 0,
        _ => false,
    }
}

fn without_credentials(it: &Circumstances<'_>) -> Option<Case> {
    let credentials = it.configured("/aws_credentials")?;
    let error = it.answer.error.as_ref()?;
    let is_about_them = error.message.contains("'NoneType' object has no attribute 'get_client'")
        || error.message.contains("\naws_credentials\n")
        || (error.class == "ObjectNotFound" && credentials.to_string().contains("block"));
    is_about_them.then(|| {
        let mut case = it.editable();
        case.template["job_configuration"].as_object_mut().expect("an object").remove("aws_credentials");
        case
    })
}

fn without_empty_names(it: &Circumstances<'_>) -> Option<Case> {
    let containers = it.answer.request("RegisterTaskDefinition")?["containerDefinitions"].as_array()?;
    if containers.iter().all(|container| container.get("name").is_some()) {
        return None;
    }
    let mut case = it.editable();
    let defined =
        case.template.pointer_mut("/job_configuration/task_definition/containerDefinitions")?.as_array_mut()?;
    let mut changed = false;
    for container in defined.iter_mut().filter_map(Value::as_object_mut) {
        let empty = container.get("name").and_then(|place| it.rendered(place)).is_some_and(is_falsy);
        if empty {
            changed |= container.remove("name").is_some();
            // The worker drops a container that says nothing at all, which this one did not.
            if container.values().all(|place| it.rendered(place).is_none()) {
                container.insert("image".to_owned(), Value::Null);
            }
        }
    }
    changed.then_some(case)
}

fn without_legacy_settings(it: &Circumstances<'_>) -> Option<Case> {
    const LEGACY: [&str; 3] = ["stream_output", "task_start_timeout_seconds", "task_watch_poll_interval"];
    if !LEGACY.iter().any(|setting| it.answer.failed_with(&format!("\n{setting}\n"))) {
        return None;
    }
    let mut case = it.editable();
    let configuration = case.template["job_configuration"].as_object_mut()?;
    LEGACY.iter().for_each(|setting| drop(configuration.remove(*setting)));
    Some(case)
}

fn with_fargate_for_external(it: &Circumstances<'_>) -> Option<Case> {
    it.answer.failed_with("cannot be used with launch type 'EXTERNAL'").then(|| {
        let mut case = it.editable();
        let list = &mut case.template["job_configuration"]["task_definition"]["requiresCompatibilities"];
        list.as_array_mut().expect("the worker found something else there").push(json!("FARGATE"));
        case
    })
}

fn with_definition_of_the_hosts_network(it: &Circumstances<'_>) -> Option<Case> {
    let request = it.answer.request("RunTask")?;
    let everywhere = json!({"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED", "securityGroups": []});
    let looked_up = request.pointer("/networkConfiguration/awsvpcConfiguration") == Some(&everywhere);
    let on_fargate = request.to_string().contains("\"FARGATE");
    if !looked_up || on_fargate || it.answer.request("RegisterTaskDefinition").is_some() {
        return None;
    }
    let mut case = it.editable();
    for definition in case.existing_definitions.values_mut() {
        definition["networkMode"] = json!("bridge");
    }
    if request.get("capacityProviderStrategy").is_some_and(|strategy| !is_falsy(strategy)) {
        // Not sent beside a strategy, but checked against the network mode.
        case.template["job_configuration"]["task_run_request"]["launchType"] = json!("EC2");
    }
    Some(case)
}

fn without_entities(it: &Circumstances<'_>) -> Option<Case> {
    let mut case = it.case.clone();
    let parts = [&mut case.template, &mut case.deployment_job_variables, &mut case.flow_run_job_variables];
    let changed = parts.into_iter().fold(false, |changed, part| {
        let text = part.to_string();
        *part = serde_json::from_str(&text.replace("&amp;", "-amp-")).expect("JSON");
        changed || text.contains("&amp;")
    });
    changed.then_some(case)
}
