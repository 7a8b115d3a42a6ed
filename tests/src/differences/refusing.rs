//! Where pushpool refuses, before a run is claimed, what would leak or what AWS would refuse.

use serde_json::Value;

use super::{Difference, Effect};
use crate::oracle::{Answer, Case};
use crate::subject::Rendering;

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "API key and auth string never travel as plain environment",
        reason: "Whoever may describe tasks reads them there. A secret's ARN is the way.",
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
        reason: "ECS refuses the definition: nobody could read them.",
        effect: Effect::Refuse { code: "PP0212", when: lacks_role_for_secrets },
    },
    Difference {
        name: "Fargate sizes are checked",
        reason: "ECS refuses other pairs, a claimed run later, without saying which there are.",
        effect: Effect::Refuse { code: "PP0216", when: has_odd_size },
    },
    Difference {
        name: "values outside AWS's enumerations are refused",
        reason: "boto3 sends them and ECS refuses them, a claimed run later.",
        effect: Effect::RefuseCase { code: "PP0208", when: |_, answer| !answer.beyond_enumerations.is_empty() },
    },
];

const SECRETS: [&str; 2] = ["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"];

fn containers(rendering: &Rendering) -> impl Iterator<Item = &Value> {
    let defined = rendering.definition.as_ref().and_then(|it| it.get("containerDefinitions"));
    let overridden = rendering.run_task.pointer("/overrides/containerOverrides");
    [defined, overridden].into_iter().flatten().filter_map(Value::as_array).flatten()
}

fn has_plain_secret(rendering: &Rendering) -> bool {
    containers(rendering).filter_map(|it| it.get("environment")?.as_array()).flatten().any(|entry| {
        let is_secret = entry["name"].as_str().is_some_and(|name| SECRETS.iter().any(|it| it.eq_ignore_ascii_case(name)));
        is_secret && entry["value"].as_str().is_some_and(|value| !value.is_empty())
    })
}

fn brings_definition_and_secret(case: &Case, answer: &Answer) -> bool {
    let text = [&case.template, &case.deployment_job_variables, &case.flow_run_job_variables].map(Value::to_string).concat();
    answer.request("RegisterTaskDefinition").is_none() && text.contains("_secret_arn") && text.contains("arn:aws:s")
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
    let fargate = definition["requiresCompatibilities"].as_array().is_some_and(|it| it.contains(&"FARGATE".into()));
    let secrets = |container: &Value| container["secrets"].as_array().is_some_and(|secrets| !secrets.is_empty());
    let overridden = rendering.run_task.pointer("/overrides/executionRoleArn").is_some();
    fargate && !overridden && definition.get("executionRoleArn").is_none() && containers(rendering).any(secrets)
}

/// By the table in the AWS ECS API reference, RegisterTaskDefinition, `memory`.
fn has_odd_size(rendering: &Rendering) -> bool {
    let fargate = |it: &Value| it["requiresCompatibilities"].as_array().is_some_and(|it| it.contains(&"FARGATE".into()));
    let Some(definition) = rendering.definition.as_ref().filter(|it| fargate(it)) else { return false };
    let number = |value: &Value, unit: &str| -> Option<u32> {
        let text = value.as_str()?.to_ascii_lowercase();
        match text.strip_suffix(unit) {
            Some(units) => units.trim().parse::<u32>().ok().map(|units| units * 1024),
            None => text.parse().ok(),
        }
    };
    let fits = |cpu: &Value, memory: &Value| {
        let (Some(cpu), Some(memory)) = (number(cpu, "vcpu"), number(memory, "gb")) else { return false };
        match cpu {
            256 => [512, 1024, 2048].contains(&memory),
            512 => memory % 1024 == 0 && (1024..=4096).contains(&memory),
            1024 => memory % 1024 == 0 && (2048..=8192).contains(&memory),
            2048 => memory % 1024 == 0 && (4096..=16384).contains(&memory),
            4096 => memory % 1024 == 0 && (8192..=30720).contains(&memory),
            8192 => memory % 4096 == 0 && (16384..=61440).contains(&memory),
            16384 => memory % 8192 == 0 && (32768..=122_880).contains(&memory),
            _ => false,
        }
    };
    let overrides = &rendering.run_task["overrides"];
    let effective = |member: &str| match &overrides[member] {
        Value::Null => definition[member].clone(),
        own => own.clone(),
    };
    !fits(&definition["cpu"], &definition["memory"]) || !fits(&effective("cpu"), &effective("memory"))
}
