//! Where pushpool refuses, before a run is claimed, what would leak or what AWS would refuse.

use serde_json::Value;

use super::{Circumstances, Difference, Effect, is_falsy};
use crate::oracle::subject::Rendering;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "API key and auth string never travel as plain environment",
        reason: "Any principal with `ecs:DescribeTasks` reads them there. Give a secret's ARN instead.",
        effect: Effect::Refuse { code: "PP0209", when: has_plain_secret },
    },
    Difference {
        name: "a secret's ARN cannot go into an existing definition",
        reason: "The worker ignores it, and the container would run without its key.",
        effect: Effect::RefuseCase { code: "PP0210", when: brings_definition_and_secret },
    },
    Difference {
        name: "a secret's ARN is one",
        reason: "ECS would refuse the definition, or, worse, show the secret itself that was pasted there.",
        effect: Effect::Refuse { code: "PP0211", when: has_odd_secret },
    },
    Difference {
        name: "secrets on Fargate need an execution role",
        reason: "ECS refuses the definition, because no role could read them.",
        effect: Effect::Refuse { code: "PP0212", when: lacks_role_for_secrets },
    },
    Difference {
        name: "Fargate sizes are checked",
        reason: "ECS refuses other pairs, a claimed run later, without saying which there are.",
        effect: Effect::Refuse { code: "PP0216", when: has_odd_size },
    },
    Difference {
        name: "ephemeral storage is checked",
        reason: "Fargate has 21 to 200 GiB of it and ECS refuses the rest, a claimed run later.",
        effect: Effect::Refuse { code: "PP0217", when: has_odd_storage },
    },
    Difference {
        name: "what is too long for the overrides of an existing definition is refused",
        reason: "ECS takes 8,192 characters, and the rest cannot go into a definition that is not pushpool's.",
        effect: Effect::Refuse {
            code: "PP0218",
            when: |worker| worker.definition.is_none() && length_of_overrides(worker) > 8_400,
        },
    },
    Difference {
        name: "overrides of other containers are not moved",
        reason: "What a template overrides in a sidecar is its own affair, and too long there is too long.",
        effect: Effect::Refuse { code: "PP0218", when: |worker| length_of_foreign_overrides(worker) > 8_400 },
    },
    Difference {
        name: "a capacity provider strategy is a list, also when it is empty",
        reason: "The worker goes by the launch type whatever kind of emptiness it finds.",
        effect: Effect::RefuseCase { code: "PP0208", when: has_odd_strategy },
    },
    Difference {
        name: "what is too long for a definition is refused",
        reason: "ECS takes 64 KiB.",
        effect: Effect::Refuse {
            code: "PP0219",
            when: |worker| worker.definition.is_some() && length_of_overrides(worker) > 66_000,
        },
    },
    Difference {
        name: "a pool cannot send its tasks to another region",
        reason: "The dispatcher launches with its own credentials in its own region.",
        effect: Effect::RefuseCase { code: "PP0220", when: wants_another_region },
    },
    Difference {
        name: "a run is one task",
        reason: "Several tasks would execute the same flow run.",
        effect: Effect::Refuse {
            code: "PP0221",
            when: |worker| worker.run_task.get("count").is_some_and(|it| it != 1),
        },
    },
    Difference {
        name: "a launch type is a text",
        reason: "The worker does not look at it beside a capacity provider strategy.",
        effect: Effect::RefuseCase { code: "PP0208", when: has_odd_launch_type },
    },
    Difference {
        name: "an environment is no text",
        reason: "The worker takes an empty text for an empty list, as Python does.",
        effect: Effect::RefuseCase { code: "PP0208", when: has_text_for_environment },
    },
    Difference {
        name: "values outside AWS's enumerations are refused",
        reason: "boto3 sends them and ECS refuses them, a claimed run later.",
        effect: Effect::RefuseCase { code: "PP0208", when: |it| !it.answer.beyond_enumerations.is_empty() },
    },
];

const SECRETS: [&str; 2] = ["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"];

fn containers(rendering: &Rendering) -> impl Iterator<Item = &Value> {
    let defined = rendering.definition.as_ref().and_then(|it| it.get("containerDefinitions"));
    let overridden = rendering.run_task.pointer("/overrides/containerOverrides");
    [defined, overridden].into_iter().flatten().filter_map(Value::as_array).flatten()
}

fn is_secret(name: &Value) -> bool {
    name.as_str().is_some_and(|name| SECRETS.iter().any(|it| it.eq_ignore_ascii_case(name)))
}

fn has_plain_secret(rendering: &Rendering) -> bool {
    let plain =
        |entry: &Value| is_secret(&entry["name"]) && entry["value"].as_str().is_some_and(|value| !value.is_empty());
    containers(rendering).filter_map(|it| it.get("environment")?.as_array()).flatten().any(plain)
}

fn brings_definition_and_secret(it: &Circumstances<'_>) -> bool {
    let arn = |key| it.configured(key).and_then(Value::as_str).is_some_and(|arn| !arn.is_empty());
    let arns = ["/prefect_api_key_secret_arn", "/prefect_api_auth_string_secret_arn"];
    it.answer.request("RegisterTaskDefinition").is_none() && arns.into_iter().any(arn)
}

fn wants_another_region(it: &Circumstances<'_>) -> bool {
    let region = it.configured("/aws_credentials").and_then(|credentials| credentials.get("region_name"));
    region.and_then(Value::as_str).is_some_and(|region| !region.is_empty() && region != "us-east-1")
}

fn has_odd_secret(rendering: &Rendering) -> bool {
    containers(rendering).filter_map(|it| it.get("secrets")?.as_array()).flatten().any(|secret| {
        let source = secret["valueFrom"].as_str().unwrap_or_default();
        let known = source.starts_with("arn:aws:secretsmanager:") || source.starts_with("arn:aws:ssm:");
        SECRETS.iter().any(|name| secret["name"] == *name) && !known
    })
}

fn lacks_role_for_secrets(rendering: &Rendering) -> bool {
    let Some(definition) = &rendering.definition else { return false };
    let fargate = defined_for_fargate(rendering);
    let secrets = |container: &Value| container["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty());
    let overridden = rendering.run_task.pointer("/overrides/executionRoleArn").is_some();
    fargate && !overridden && definition.get("executionRoleArn").is_none() && containers(rendering).any(secrets)
}

fn has_odd_launch_type(it: &Circumstances<'_>) -> bool {
    let launch_type = it.configured("/task_run_request/launchType");
    launch_type.is_some_and(|it| !it.is_string() && !is_falsy(it))
}

fn has_text_for_environment(it: &Circumstances<'_>) -> bool {
    it.variable("env").is_some_and(|environment| environment == "")
}

/// CPU units and the MiB that go with them, by the table in the AWS ECS API reference, RegisterTaskDefinition, `memory`.
fn sizes() -> impl Iterator<Item = (u32, u32)> {
    let row =
        |cpu: u32, from: u32, to: u32, step: usize| (from..=to).step_by(step).map(move |memory| (cpu, memory * 1024));
    [(256, 512), (256, 1024), (256, 2048)]
        .into_iter()
        .chain(row(512, 1, 4, 1))
        .chain(row(1024, 2, 8, 1))
        .chain(row(2048, 4, 16, 1))
        .chain(row(4096, 8, 30, 1))
        .chain(row(8192, 16, 60, 4))
        .chain(row(16384, 32, 120, 8))
}

/// A size that is given and that no row of the table has; sizes of an existing definition are not known.
fn has_odd_size(rendering: &Rendering) -> bool {
    let number = |value: &Value, unit: &str| -> Option<u32> {
        let text = value.as_str()?.to_ascii_lowercase();
        match text.strip_suffix(unit) {
            Some(units) => units.trim().parse::<u32>().ok().map(|units| units * 1024),
            None => text.parse().ok(),
        }
    };
    let fits = |cpu: &Value, memory: &Value| {
        let wanted = (number(cpu, "vcpu"), number(memory, "gb"));
        let given = (!cpu.is_null(), !memory.is_null());
        sizes().any(|size| (!given.0 || wanted.0 == Some(size.0)) && (!given.1 || wanted.1 == Some(size.1)))
    };
    let definition = rendering.definition.clone().unwrap_or_default();
    let overrides = &rendering.run_task["overrides"];
    let effective = |member: &str| match &overrides[member] {
        Value::Null => definition[member].clone(),
        own => own.clone(),
    };
    let overridden = ["cpu", "memory"].iter().any(|member| overrides.get(*member).is_some());
    (defined_for_fargate(rendering) && !fits(&definition["cpu"], &definition["memory"]))
        || (overridden && launched_on_fargate(rendering) && !fits(&effective("cpu"), &effective("memory")))
}

fn defined_for_fargate(rendering: &Rendering) -> bool {
    if rendering.run_task["launchType"] == "EXTERNAL" {
        // See the difference about EXTERNAL: it is not the pool that says FARGATE.
        return false;
    }
    let list = rendering.definition.as_ref().and_then(|it| it.get("requiresCompatibilities")).and_then(Value::as_array);
    list.is_some_and(|list| list.contains(&"FARGATE".into()))
}

fn launched_on_fargate(rendering: &Rendering) -> bool {
    let strategy = rendering.run_task.get("capacityProviderStrategy").and_then(Value::as_array);
    let provider = |item: &Value| ["FARGATE", "FARGATE_SPOT"].iter().any(|name| item["capacityProvider"] == *name);
    rendering.run_task["launchType"] == "FARGATE" || strategy.is_some_and(|items| items.iter().any(provider))
}

fn has_odd_storage(rendering: &Rendering) -> bool {
    let odd = |owner: &Value| {
        owner.pointer("/ephemeralStorage/sizeInGiB").and_then(Value::as_i64).is_some_and(|it| !(21..=200).contains(&it))
    };
    (defined_for_fargate(rendering) && rendering.definition.as_ref().is_some_and(odd))
        || (launched_on_fargate(rendering) && odd(&rendering.run_task["overrides"]))
}

fn has_odd_strategy(it: &Circumstances<'_>) -> bool {
    let strategy = it.configured("/task_run_request/capacityProviderStrategy");
    strategy.is_some_and(|it| is_falsy(it) && !it.is_array() && !it.is_null())
}

/// Characters of the overrides of containers that no flow run executes in.
fn length_of_foreign_overrides(rendering: &Rendering) -> usize {
    let overrides = rendering.run_task.pointer("/overrides/containerOverrides").and_then(Value::as_array);
    let foreign =
        overrides.into_iter().flatten().map(Value::to_string).filter(|it| !it.contains("PREFECT__FLOW_RUN_ID"));
    foreign.map(|it| it.chars().count()).sum()
}

/// Characters of the overrides. The generator stays far from the limits; they are tested where they are implemented.
fn length_of_overrides(rendering: &Rendering) -> usize {
    rendering.run_task["overrides"].to_string().chars().count()
}
