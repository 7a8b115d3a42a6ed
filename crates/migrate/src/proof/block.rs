//! The requests that an ECSTask block sends under an agent.
//!
//! Semantics of prefect-aws 0.4.20, `ecs.py` (`_prepare_task_definition`, `_prepare_task_run_overrides`,
//! `_load_vpc_network_config`, `_prepare_task_run`), and of prefect 2.20.26, `infrastructure/base.py`
//! (`prepare_for_flow_run`). The requests of the real code are test data, and these equal them.

use prefect_api::models::Object;
use serde_json::{Map, Value, json};

use super::slug;
use crate::mapping::{
    ecs_task::{CONTAINER, EcsTask, LaunchType},
    patch,
};

/// CPU units and MiB of memory when neither block nor definition say how many.
pub(crate) const DEFAULT_SIZE: (i64, i64) = (1024, 2048);

/// Members that AWS adds to a definition when it is registered.
pub(crate) const ANSWERED: [&str; 8] = [
    "compatibilities",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

/// The run that a block sends a task for.
#[derive(Debug, Clone)]
pub(crate) struct BlockRun {
    /// Environment that the agent passes on: its own settings.
    pub agent_environment: Vec<(String, String)>,
    pub flow_run_id: String,
    pub flow_run_name: String,
    /// Version of the agent.
    pub version: String,
    pub deployment: Option<BlockDeployment>,
    pub flow: Option<String>,
    /// Region of the block's client.
    pub region: String,
}

/// The deployment of a run.
#[derive(Debug, Clone)]
pub(crate) struct BlockDeployment {
    pub name: String,
    /// As the agent writes it into a tag.
    pub updated: Option<String>,
}

/// The task definition that a block registers, or the existing one that it was given.
///
/// # Errors
/// Why the block refuses it at run time.
pub(crate) fn definition(task: &EcsTask, given: Object, run: &BlockRun) -> Result<Object, String> {
    let mut definition = given;
    let role = task.execution_role_arn.as_ref().filter(|_| task.task_definition_arn.is_none());
    let family = family(task, &definition, run);
    let given_size = |member: &str| definition.get(member).filter(|size| is_true(size)).cloned();
    let size = [
        ("cpu", task.cpu.map(Value::from).or_else(|| given_size("cpu")), DEFAULT_SIZE.0),
        ("memory", task.memory.map(Value::from).or_else(|| given_size("memory")), DEFAULT_SIZE.1),
    ]
    .map(|(member, given, default)| (member, given.unwrap_or_else(|| default.into())));

    let container = orchestration_container(&mut definition)?;
    configure_container(container, task, run);
    match task.launch_type {
        Some(launch_type) if launch_type.is_fargate() => {
            for (member, size) in size {
                definition.insert(member.to_owned(), text_of(&size).into());
            }
            require_fargate(&mut definition)?;
        }
        Some(LaunchType::Ec2) => {
            for (member, size) in size {
                let units = units(&size).ok_or_else(|| format!("`{member}` of the definition is no whole number"))?;
                container.entry(member).or_insert_with(|| units.into());
            }
        }
        _ => {}
    }
    definition.insert("family".to_owned(), family.into());
    if let Some(role) = role {
        definition.insert("executionRoleArn".to_owned(), role.as_str().into());
    }
    if task.configure_logs && !definition.get("executionRoleArn").is_some_and(is_true) {
        return Err("CloudWatch logs are on, and the task definition has no execution role".to_owned());
    }
    Ok(definition)
}

/// The request that registers a definition: without what AWS adds to one.
pub(crate) fn register(mut definition: Object) -> Value {
    definition.retain(|member, _| !ANSWERED.contains(&member.as_str()));
    Value::Object(definition)
}

/// `family` of the block, of the definition, or made of flow and deployment.
fn family(task: &EcsTask, definition: &Object, run: &BlockRun) -> String {
    let of_definition = definition.get("family").and_then(Value::as_str).filter(|it| !it.is_empty());
    let named = task.family.as_deref().or(of_definition).map(str::to_owned);
    let deployment = run.deployment.as_ref().map(|it| it.name.as_str());
    let generated = || match (run.flow.as_deref(), deployment) {
        (Some(flow), Some(deployment)) => format!("prefect__{flow}__{deployment}"),
        (Some(flow), None) => format!("prefect__{flow}"),
        (None, Some(deployment)) => format!("prefect__unknown-flow__{deployment}"),
        (None, None) => "prefect".to_owned(),
    };
    slug::family(&named.unwrap_or_else(generated))
}

/// The container called `prefect`, which is added where there is none.
fn orchestration_container(definition: &mut Object) -> Result<&mut Object, String> {
    let containers = definition.entry("containerDefinitions").or_insert_with(|| Value::Array(Vec::new()));
    let containers =
        containers.as_array_mut().ok_or_else(|| "`containerDefinitions` of the definition is no list".to_owned())?;
    let is_ours = |container: &Value| container.get("name").is_some_and(|name| name == CONTAINER);
    let index = containers.iter().position(is_ours).unwrap_or(containers.len());
    if index == containers.len() {
        containers.push(json!({"name": CONTAINER}));
    }
    containers[index].as_object_mut().ok_or_else(|| "a container of the definition is no object".to_owned())
}

fn configure_container(container: &mut Object, task: &EcsTask, run: &BlockRun) {
    if let Some(image) = &task.image {
        container.insert("image".to_owned(), image.as_str().into());
    }
    if let Some(environment) = container.get_mut("environment").and_then(Value::as_array_mut) {
        let is_unset = |entry: &Value| {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
            task.env.get(name).is_some_and(Value::is_null)
        };
        environment.retain(|entry| !is_unset(entry));
    }
    if task.configure_logs {
        let mut options = Map::from_iter([
            ("awslogs-create-group".to_owned(), "true".into()),
            ("awslogs-group".to_owned(), CONTAINER.into()),
            ("awslogs-region".to_owned(), run.region.as_str().into()),
            ("awslogs-stream-prefix".to_owned(), task.name.as_deref().unwrap_or(&run.flow_run_name).into()),
        ]);
        options.extend(task.log_options.clone());
        container
            .insert("logConfiguration".to_owned(), json!({"logDriver": "awslogs", "options": Value::Object(options)}));
    }
}

fn require_fargate(definition: &mut Object) -> Result<(), String> {
    let compatibilities = definition.entry("requiresCompatibilities").or_insert_with(|| Value::Array(Vec::new()));
    let compatibilities = compatibilities
        .as_array_mut()
        .ok_or_else(|| "`requiresCompatibilities` of the definition is no list".to_owned())?;
    if !compatibilities.iter().any(|it| it == "FARGATE") {
        compatibilities.push("FARGATE".into());
    }
    definition.entry("networkMode").or_insert_with(|| "awsvpc".into());
    Ok(())
}

/// Whether the block looks for the subnets of a VPC.
pub(crate) fn needs_network(definition: &Object) -> bool {
    definition.get("networkMode").is_some_and(|mode| mode == "awsvpc")
}

/// The network that the block makes of a VPC: all its subnets, a public address, and the default security group.
pub(crate) fn network(subnets: &[String]) -> Value {
    json!({"awsvpcConfiguration": {"subnets": subnets, "assignPublicIp": "ENABLED", "securityGroups": []}})
}

/// The RunTask request before `task_customizations`.
pub(crate) fn unpatched(task: &EcsTask, definition: &str, network: Option<Value>, run: &BlockRun) -> Value {
    let mut request = Map::new();
    request.insert("overrides".to_owned(), overrides(task, run));
    request.insert("tags".to_owned(), tags(task, run));
    request.insert("taskDefinition".to_owned(), definition.into());
    if let Some(cluster) = &task.cluster {
        request.insert("cluster".to_owned(), cluster.as_str().into());
    }
    match task.launch_type {
        None => {}
        Some(LaunchType::FargateSpot) => {
            let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
            request.insert("capacityProviderStrategy".to_owned(), strategy);
        }
        Some(other) => drop(request.insert("launchType".to_owned(), other.name().into())),
    }
    request.extend(network.map(|network| ("networkConfiguration".to_owned(), network)));
    Value::Object(request)
}

/// The request that is sent. `with_parents` repairs it, too: see [`Options::repair`](crate::Options::repair).
///
/// # Errors
/// The patch that fails.
pub(crate) fn run_task(task: &EcsTask, mut request: Value, with_parents: bool) -> Result<Value, String> {
    if !with_parents {
        patch::apply(&mut request, &task.task_customizations)?;
        return Ok(request);
    }
    let network = request.get("networkConfiguration").cloned();
    patch::apply_with_parents(&mut request, &task.task_customizations)?;
    if let Some(request) = request.as_object_mut() {
        repair(request, network);
    }
    Ok(request)
}

/// Mends what ECS refuses and has only one sensible meaning.
fn repair(request: &mut Object, network: Option<Value>) {
    // A strategy is set on purpose, and the launch type is the block's default.
    if request.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(|strategy| !strategy.is_empty()) {
        request.shift_remove("launchType");
    }
    match request.get_mut("networkConfiguration") {
        Some(Value::Object(inner)) if !inner.is_empty() && !inner.contains_key("awsvpcConfiguration") => {
            let inner = Value::Object(std::mem::take(inner));
            request.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": inner}));
        }
        None => request.extend(network.map(|network| ("networkConfiguration".to_owned(), network))),
        Some(_) => {}
    }
}

fn overrides(task: &EcsTask, run: &BlockRun) -> Value {
    let mut environment = Map::new();
    for (name, value) in &run.agent_environment {
        environment.insert(name.clone(), value.as_str().into());
    }
    environment.insert("PREFECT__FLOW_RUN_ID".to_owned(), run.flow_run_id.as_str().into());
    environment.extend(task.env.clone());
    let set = environment.into_iter().filter(|(_, value)| !value.is_null());
    let environment: Vec<Value> = set.map(|(name, value)| json!({"name": name, "value": value})).collect();
    let command =
        task.command.clone().unwrap_or_else(|| ["prefect", "flow-run", "execute"].map(str::to_owned).to_vec());
    let mut container = Map::from_iter([
        ("name".to_owned(), CONTAINER.into()),
        ("environment".to_owned(), environment.into()),
        ("command".to_owned(), command.into()),
    ]);
    let mut overrides = Map::new();
    for (member, size) in [("memory", task.memory), ("cpu", task.cpu)] {
        if let Some(size) = size {
            container.insert(member.to_owned(), size.into());
            overrides.insert(member.to_owned(), size.to_string().into());
        }
    }
    for (member, role) in [("executionRoleArn", &task.execution_role_arn), ("taskRoleArn", &task.task_role_arn)] {
        overrides.extend(role.as_ref().map(|role| (member.to_owned(), role.as_str().into())));
    }
    overrides.shift_insert(0, "containerOverrides".to_owned(), Value::Array(vec![Value::Object(container)]));
    Value::Object(overrides)
}

fn tags(task: &EcsTask, run: &BlockRun) -> Value {
    let mut labels = Map::from_iter([
        ("prefect.io/flow-run-id".to_owned(), Value::from(run.flow_run_id.as_str())),
        ("prefect.io/flow-run-name".to_owned(), run.flow_run_name.as_str().into()),
        ("prefect.io/version".to_owned(), run.version.as_str().into()),
    ]);
    if let Some(deployment) = &run.deployment {
        labels.insert("prefect.io/deployment-name".to_owned(), deployment.name.as_str().into());
        let updated = deployment.updated.as_deref();
        labels.extend(updated.map(|updated| ("prefect.io/deployment-updated".to_owned(), updated.into())));
    }
    labels.extend(run.flow.as_deref().map(|flow| ("prefect.io/flow-name".to_owned(), flow.into())));
    labels.extend(task.labels.clone());
    let tag = |(key, value): (&String, &Value)| json!({"key": slug::tag(key), "value": slug::tag(value.as_str().unwrap_or_default())});
    labels.iter().map(tag).collect()
}

/// `str(value)` of a size.
pub(crate) fn text_of(size: &Value) -> String {
    size.as_str().map_or_else(|| size.to_string(), str::to_owned)
}

/// `int(value)` of a size.
pub(crate) fn units(size: &Value) -> Option<i64> {
    size.as_i64().or_else(|| size.as_str()?.trim().parse().ok())
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value.as_f64() != Some(0.0)
}
