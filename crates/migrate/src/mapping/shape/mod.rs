//! An ECSTask block as a base job template.
//!
//! A template has two parts. The *configuration* is what all deployments of the pool share: the copied task definition, the
//! results of JSON patches, the network. The *variables* are what a deployment may replace. Two blocks, or a block and its
//! override by a deployment, can share a pool exactly if their configurations are equal; the rest is job variables.
//!
//! The configuration is derived from the block's **finished requests**: the requests are made as the block makes them, patched
//! as the block patches them, and what the patches left alone becomes a placeholder again. So a patch may do anything that
//! it may do under the agent.

mod definition;
mod environment;
mod request;

use prefect_api::models::Object;
use serde_json::{Map, Value, json};

pub(crate) use environment::{Environment, Given};
pub(crate) use request::note_positions;

use super::{ecs_task::EcsTask, findings::Findings, literal::Literals};
use crate::{
    estate::Account,
    plan::Level,
    proof::block::{self, BlockRun},
};

/// What a shape is made from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The block, with a deployment's overrides if it is the shape of one.
    pub task: &'a EcsTask,
    /// Where the values of its environment come from.
    pub environment: &'a Environment<'a>,
    /// What stands for the credentials: a reference, or a region.
    pub credentials: Option<&'a Value>,
    /// Whether the block itself sets `cpu` and `memory`; if it does, so do the overrides of every run.
    pub sized: Sized,
    /// Whether missing parents of patches are made.
    pub repair: bool,
    pub account: &'a Account,
}

/// Which sizes a block sets beside those of its definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sized {
    pub cpu: bool,
    pub memory: bool,
}

impl Sized {
    pub(crate) fn of(task: &EcsTask) -> Self {
        Self { cpu: task.cpu.is_some(), memory: task.memory.is_some() }
    }
}

/// A base job template in its two parts.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// `job_configuration`
    pub configuration: Object,
    /// Variables that stand for text with placeholders in the configuration.
    pub literals: Object,
    /// Defaults by variable, without `env`.
    pub variables: Object,
    /// Defaults of `env`.
    pub environment: Vec<(String, Given)>,
    /// Of the configuration and of the environment.
    pub findings: Findings,
}

impl Shape {
    /// The shape of a block.
    ///
    /// # Errors
    /// Why its runs fail under the agent, or what is missing.
    pub(crate) fn of(source: Source<'_>) -> Result<Self, String> {
        let mut findings = Findings::default();
        let mut literals = Literals::new("literal_");
        let task = source.task;
        let mut variables = plain_variables(task, source.credentials);
        let chosen = definition::choose(&source, &mut findings)?;
        let finished = request::finish(&source, &chosen, &mut findings)?;

        let mut configuration = built_in_configuration();
        let written = definition::write(&source, &chosen, &finished, &mut literals, &mut variables, &mut findings);
        configuration.insert("task_definition".to_owned(), Value::Object(written));
        let mut environment = source.environment.of(task, chosen.given(), &mut findings);
        let mut parts =
            request::Parts { literals: &mut literals, variables: &mut variables, environment: &mut environment };
        let run_request = request::write(&source, &chosen, &finished, &mut parts, &mut findings)?;
        configuration.insert("task_run_request".to_owned(), Value::Object(run_request));
        variables.retain(|_, value| !value.is_null());
        Ok(Self { configuration, literals: literals.variables, variables, environment, findings })
    }

    /// Whether deployments of both can share a pool.
    pub(crate) fn fits(&self, other: &Self) -> bool {
        self.configuration == other.configuration && self.literals == other.literals
    }

    /// The base job template. Every placeholder is declared.
    pub(crate) fn template(&self) -> Value {
        let mut template = manage::pool::template::built_in();
        let mut literals = Literals::new("literal_");
        literals.variables.clone_from(&self.literals);
        let environment: Object = self
            .environment
            .iter()
            .map(|(name, given)| {
                let value = match given {
                    Given::Text(text) => literals.keep(text.as_str().into()),
                    Given::Reference(reference) => reference.as_str().into(),
                    Given::Unset => Value::Null,
                };
                (name.clone(), value)
            })
            .collect();
        let properties = &mut template["variables"]["properties"];
        for (name, text) in &literals.variables {
            properties[name] = json!({
                "title": name, "type": "string", "default": text,
                "description": "Text that looks like a placeholder and stays as it is.",
            });
        }
        properties["launch_type"] = launch_type_schema();
        for (name, default) in &self.variables {
            properties[name]["default"] = default.clone();
        }
        if !environment.is_empty() {
            properties["env"]["default"] = Value::Object(environment);
        }
        template["job_configuration"] = Value::Object(self.configuration.clone());
        template
    }
}

/// The launch type may be none here: a block's null leaves the choice to the cluster.
fn launch_type_schema() -> Value {
    json!({
        "title": "Launch type",
        "description": "Where tasks run. A capacity provider strategy takes precedence.",
        "anyOf": [{"enum": ["FARGATE", "EC2", "EXTERNAL", "FARGATE_SPOT"], "type": "string"}, {"type": "null"}],
    })
}

/// The `job_configuration` to start from.
fn built_in_configuration() -> Object {
    match manage::pool::template::built_in().get_mut("job_configuration").map(Value::take) {
        Some(Value::Object(configuration)) => configuration,
        _ => Map::new(),
    }
}

/// Variables that stand for one field of the block.
fn plain_variables(task: &EcsTask, credentials: Option<&Value>) -> Object {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    let mut variables = Map::new();
    let mut set = |name: &str, value: Value| drop(variables.insert(name.to_owned(), value));
    set("command", task.command.as_ref().map_or(Value::Null, |words| shell_joined(words).into()));
    set("aws_credentials", credentials.cloned().unwrap_or_default());
    set("cluster", text(&task.cluster));
    set("family", task.family.as_deref().map_or(Value::Null, |family| crate::proof::slug::family(family).into()));
    set("launch_type", task.launch_type.map_or(Value::Null, |it| it.name().into()));
    set("image", text(&task.image));
    set("cpu", task.cpu.map_or(Value::Null, Value::from));
    set("memory", task.memory.map_or(Value::Null, Value::from));
    set("task_role_arn", text(&task.task_role_arn));
    set("execution_role_arn", text(&task.execution_role_arn));
    set("vpc_id", text(&task.vpc_id));
    if task.configure_logs {
        set("configure_cloudwatch_logs", true.into());
        if !task.log_options.is_empty() {
            set("cloudwatch_logs_options", Value::Object(task.log_options.clone()));
        }
        set("cloudwatch_logs_prefix", text(&task.name));
    }
    if !task.labels.is_empty() {
        set("labels", Value::Object(task.labels.clone()));
    }
    variables
}

/// Words as a shell, and Python's `shlex.join`, would write them.
pub(crate) fn shell_joined(words: &[String]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "@%+=:,./-_".contains(character);
    let quoted = |word: &String| match !word.is_empty() && word.chars().all(plain) {
        true => word.clone(),
        false => format!("'{}'", word.replace('\'', r#"'"'"'"#)),
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// A run whose requests show where a block's values go. Nothing of it ends up in a template.
fn template_run(source: &Source<'_>) -> BlockRun {
    BlockRun {
        agent_environment: vec![("PREFECT_API_URL".to_owned(), String::new())],
        flow_run_id: String::new(),
        flow_run_name: "run".to_owned(),
        version: String::new(),
        deployment: Some(block::BlockDeployment { name: "deployment".to_owned(), updated: Some(String::new()) }),
        flow: Some("flow".to_owned()),
        region: source.account.region.clone().unwrap_or_default(),
    }
}

/// Says how the network of a VPC was found, or that it was not.
fn describe_network(source: &Source<'_>, known: bool, findings: &mut Findings) {
    let vpc = source.task.vpc_id.as_deref();
    let called = vpc.map_or_else(|| "the default VPC".to_owned(), |vpc| format!("VPC {vpc}"));
    if known {
        findings.note(
            "subnets_frozen",
            format!(
                "The block looked up the subnets of {called} for every run. The pool holds the subnets that there are now; \
                 later ones have to be added to its `task_run_request`."
            ),
        );
        return;
    }
    let way = match source.account.region {
        // With the region, the account was asked.
        Some(_) => "Check that the account has it.",
        None => "Plan with --aws to carry the subnets.",
    };
    let level = if vpc.is_some() { Level::High } else { Level::Medium };
    findings.risk(
        level,
        "subnets_of_dispatcher",
        format!(
            "The block looked up the subnets of {called}, of which this plan knows none. Tasks run in the subnets of the \
             dispatcher's settings (PUSHPOOL_SUBNETS), with a public address. {way}"
        ),
    );
}

#[cfg(test)]
mod tests;
