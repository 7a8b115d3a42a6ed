//! The task definition of a template.
//!
//! Three kinds of blocks: those that leave the definition to Prefect, those that hold one, and those that name one of the
//! account. A block of the last kind runs the definition as it is only if nothing of it changes; else it registers a changed
//! copy, which becomes a literal definition here.

use prefect_api::models::Object;
use serde_json::{Value, json};

use super::{Source, built_in_configuration, request::Finished, template_run};
use crate::{
    mapping::{
        ecs_task::{CONTAINER, EcsTask, LaunchType, prefect_container},
        findings::Findings,
        literal::{Literals, holds_reference},
    },
    plan::Level,
    proof::block,
};

/// The definition that a block ends up with.
pub(super) enum Chosen {
    /// The account's, as it is. Its content is known if the account was asked.
    Existing { arn: String, definition: Option<Object> },
    /// A definition that is registered.
    Content {
        /// What the block was given; empty if nothing.
        given: Object,
        /// What the block makes of it.
        prepared: Object,
        /// Whether something was given.
        literal: bool,
    },
}

impl Chosen {
    /// The definition that the block was given, whose environment moves. An existing one keeps its own.
    pub(super) fn given(&self) -> Option<&Object> {
        match self {
            Self::Content { given, literal: true, .. } => Some(given),
            _ => None,
        }
    }

    /// The definition as it runs, where it is known.
    pub(super) fn running(&self) -> Option<&Object> {
        match self {
            Self::Existing { definition, .. } => definition.as_ref(),
            Self::Content { prepared, .. } => Some(prepared),
        }
    }
}

/// Decides which definition the block ends up with.
pub(super) fn choose(source: &Source<'_>, findings: &mut Findings) -> Result<Chosen, String> {
    let task = source.task;
    let run = template_run(source);
    let Some(arn) = &task.task_definition_arn else {
        let literal = task.task_definition.as_ref().is_some_and(|it| !it.is_empty());
        let given = task.task_definition.clone().unwrap_or_default();
        let prepared = block::definition(task, given.clone(), &run)?;
        return Ok(Chosen::Content { given, prepared, literal });
    };
    let Some(described) = source.account.task_definitions.get(arn).and_then(Value::as_object) else {
        let changes = changes_of(task);
        if !changes.is_empty() {
            return Err(format!(
                "the block changes the task definition {arn} ({}), so the agent registers a changed copy of it. A pool with \
                 the ARN would run the definition as it is. Plan with --aws, and the changed copy becomes the \
                 pool's own definition",
                changes.join(", ")
            ));
        }
        findings
            .note("definition_not_read", format!("The task definition {arn} was not read; the pool runs it as it is."));
        return Ok(Chosen::Existing { arn: arn.clone(), definition: None });
    };
    let prepared = block::definition(task, described.clone(), &run)?;
    if prepared == *described {
        return Ok(Chosen::Existing { arn: arn.clone(), definition: Some(prepared) });
    }
    findings.note(
        "definition_copied",
        format!(
            "The agent registered a changed copy of {arn} for its runs. The pool holds that copy; a later revision of the \
             family does not reach it."
        ),
    );
    Ok(Chosen::Content { given: described.clone(), prepared, literal: true })
}

/// What of a block changes the definition that it names.
fn changes_of(task: &EcsTask) -> Vec<&'static str> {
    let unsets = task.env.values().any(Value::is_null);
    [
        ("image", task.image.is_some()),
        ("cpu", task.cpu.is_some()),
        ("memory", task.memory.is_some()),
        ("family", task.family.is_some()),
        ("configure_cloudwatch_logs", task.configure_logs),
        ("env with null", unsets),
    ]
    .into_iter()
    .filter_map(|(what, changes)| changes.then_some(what))
    .collect()
}

/// Writes `task_definition`.
pub(super) fn write(
    source: &Source<'_>,
    chosen: &Chosen,
    finished: &Finished,
    literals: &mut Literals,
    variables: &mut Object,
    findings: &mut Findings,
) -> Object {
    let mut written = match chosen {
        Chosen::Content { given, prepared, literal: true } => {
            literal(source, given, prepared, literals, variables, findings)
        }
        // An existing definition is not rendered; the built-in one stands there for a deployment without it.
        Chosen::Existing { .. } | Chosen::Content { .. } => generated(source.task.launch_type),
    };
    if let Chosen::Content { prepared, .. } = chosen {
        let is_fargate = source.task.launch_type.is_some_and(LaunchType::is_fargate);
        if is_fargate && finished.hides_fargate() {
            for_fargate(&mut written, prepared, variables);
        }
        if !is_fargate {
            note_launch_type(source.task, &written, findings);
        }
        if finished.leaves_to_cluster() {
            leave_to_cluster(source.task, &mut written, findings);
        }
    }
    written
}

/// A definition that Prefect makes.
fn generated(launch_type: Option<LaunchType>) -> Object {
    let mut definition = match built_in_configuration().remove("task_definition") {
        Some(Value::Object(definition)) => definition,
        _ => Object::new(),
    };
    if launch_type.is_some_and(LaunchType::is_fargate) {
        return definition;
    }
    definition.remove("cpu");
    definition.remove("memory");
    if launch_type.is_none() {
        definition.insert("requiresCompatibilities".to_owned(), json!(["EC2"]));
    }
    let container = definition.get_mut("containerDefinitions").and_then(|list| list.get_mut(0)?.as_object_mut());
    if let Some(container) = container {
        size_container(container, launch_type, false);
    }
    definition
}

/// CPU and memory of a container that does not run on Fargate. The block sets them for EC2 only. Zero is what workers and the
/// dispatcher leave out, where they would set a default.
fn size_container(container: &mut Object, launch_type: Option<LaunchType>, task_has_memory: bool) {
    let has_memory = task_has_memory || container.contains_key("memoryReservation");
    if launch_type == Some(LaunchType::Ec2) {
        container.entry("cpu").or_insert_with(|| "{{ cpu }}".into());
        container.entry("memory").or_insert_with(|| "{{ memory }}".into());
        return;
    }
    container.entry("cpu").or_insert_with(|| 0.into());
    if has_memory {
        container.entry("memory").or_insert_with(|| 0.into());
    }
}

/// A copy of the definition that the block holds or changes, with placeholders for what deployments replace.
fn literal(
    source: &Source<'_>,
    given: &Object,
    prepared: &Object,
    literals: &mut Literals,
    variables: &mut Object,
    findings: &mut Findings,
) -> Object {
    let task = source.task;
    let mut definition = prepared.clone();
    definition.retain(|member, _| !block::ANSWERED.contains(&member.as_str()));
    let own = prefect_container(given);
    let image = prefect_container(prepared).and_then(|it| it.get("image").cloned()).unwrap_or_default();
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let ours = |it: &&mut Value| it.get("name").is_some_and(|name| name == CONTAINER);
    if let Some(container) = containers.into_iter().flatten().find(ours).and_then(Value::as_object_mut) {
        container.remove("environment");
        container.remove("image");
        match own.and_then(|it| it.get("logConfiguration")) {
            Some(own) => drop(container.insert("logConfiguration".to_owned(), own.clone())),
            None => drop(container.remove("logConfiguration")),
        }
        for member in ["cpu", "memory"].into_iter().filter(|member| own.is_none_or(|own| !own.contains_key(*member))) {
            container.remove(member);
        }
    }
    source.environment.hide_others(&mut definition, task.task_definition_arn.is_none(), findings);
    if holds_reference(&Value::Object(definition.clone())) {
        findings.risk(
            Level::High,
            "text_becomes_reference",
            "The task definition names a block or Prefect variable, which the pool puts in and the agent did not.",
        );
    }
    let mut definition = match literals.keep(Value::Object(definition)) {
        Value::Object(definition) => definition,
        _ => Object::new(),
    };
    let has_memory = definition.get("memory").is_some();
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let ours = |it: &&mut Value| it.get("name").is_some_and(|name| name == CONTAINER);
    if let Some(container) = containers.into_iter().flatten().find(ours).and_then(Value::as_object_mut) {
        container.insert("image".to_owned(), "{{ image }}".into());
        if !task.launch_type.is_some_and(LaunchType::is_fargate) {
            size_container(container, task.launch_type, has_memory);
        }
    }
    if own.is_none() {
        findings.note(
            "container_added",
            format!(
                "No container of the definition is called `{CONTAINER}`, so the block adds one and the flow runs there. The \
                 pool holds both containers."
            ),
        );
    }
    variables.insert("image".to_owned(), image);
    variables.insert("container_name".to_owned(), CONTAINER.into());
    place_family(given, prepared, task, &mut definition, variables);
    place_role(prepared, task, &mut definition, variables);
    if task.launch_type.is_some_and(LaunchType::is_fargate) {
        for member in ["cpu", "memory"] {
            place_size(member, prepared, &mut definition, variables);
        }
    }
    let is_any = definition.get("requiresCompatibilities").and_then(Value::as_array).is_none_or(Vec::is_empty);
    if task.launch_type.is_none() && is_any {
        definition.insert("requiresCompatibilities".to_owned(), json!(["EC2"]));
    }
    definition
}

fn place_family(given: &Object, prepared: &Object, task: &EcsTask, definition: &mut Object, variables: &mut Object) {
    definition.insert("family".to_owned(), "{{ family }}".into());
    let is_named =
        task.family.is_some() || given.get("family").and_then(Value::as_str).is_some_and(|it| !it.is_empty());
    if let Some(family) = prepared.get("family").filter(|_| is_named) {
        variables.insert("family".to_owned(), family.clone());
    }
}

/// The role of the block goes before that of the definition when a task is run.
fn place_role(prepared: &Object, task: &EcsTask, definition: &mut Object, variables: &mut Object) {
    definition.insert("executionRoleArn".to_owned(), "{{ execution_role_arn }}".into());
    if task.execution_role_arn.is_none() {
        variables
            .insert("execution_role_arn".to_owned(), prepared.get("executionRoleArn").cloned().unwrap_or_default());
    }
}

/// A size in units is a variable. `2 vCPU` is none, because the variable is a number.
fn place_size(member: &str, prepared: &Object, definition: &mut Object, variables: &mut Object) {
    if let Some(units) = prepared.get(member).and_then(block::units) {
        definition.insert(member.to_owned(), format!("{{{{ {member} }}}}").into());
        variables.insert(member.to_owned(), units.into());
    }
}

/// Writes out what the block's launch type means for the definition, where patches take it out of the request and workers, or the
/// dispatcher, would conclude something else.
fn for_fargate(definition: &mut Object, prepared: &Object, variables: &Object) {
    for member in ["requiresCompatibilities", "networkMode"] {
        if let Some(value) = prepared.get(member) {
            definition.insert(member.to_owned(), value.clone());
        }
    }
    for member in ["cpu", "memory"] {
        let is_given = variables.get(member).is_some_and(|value| !value.is_null());
        if let Some(size) = prepared.get(member).filter(|_| !is_given) {
            definition.insert(member.to_owned(), size.clone());
        }
    }
    let containers = definition.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let is_ours =
        |it: &&mut Value| it.get("name").is_some_and(|name| name == CONTAINER || name == "{{ container_name }}");
    if let Some(container) = containers.into_iter().flatten().find(is_ours).and_then(Value::as_object_mut) {
        container.entry("cpu").or_insert_with(|| 0.into());
        container.entry("memory").or_insert_with(|| 0.into());
    }
}

/// The dispatcher takes a request that names neither launch type nor strategy for Fargate, unless the definition is for EC2, too.
fn leave_to_cluster(task: &EcsTask, definition: &mut Object, findings: &mut Findings) {
    let compatibilities = definition.entry("requiresCompatibilities").or_insert_with(|| json!([]));
    if let Some(list) = compatibilities.as_array_mut().filter(|list| !list.iter().any(|it| it == "EC2")) {
        list.insert(0, "EC2".into());
    }
    if task.launch_type.is_some() {
        findings.risk(
            Level::Medium,
            "launch_type_of_cluster",
            "Its patches remove the launch type, so the default strategy of the cluster decides where tasks run. The \
             definition asks for EC2 as well, so that nothing is taken for Fargate.",
        );
    }
}

fn note_launch_type(task: &EcsTask, definition: &Object, findings: &mut Findings) {
    let container = definition.get("containerDefinitions").and_then(Value::as_array);
    let has_memory = container.into_iter().flatten().any(|it| it.get("memory").is_some());
    match task.launch_type {
        Some(LaunchType::External) => findings.risk(
            Level::Medium,
            "launch_type_external",
            if has_memory {
                "Launch type EXTERNAL: the tasks run on your own machines, as they did."
            } else {
                "Launch type EXTERNAL: the block sets no memory anywhere, which ECS refuses. pushpool gives the container \
                 2048 MiB. The tasks get no network configuration."
            },
        ),
        None => findings.risk(
            Level::Medium,
            "launch_type_none",
            "No launch type: the request names none and the definition asks for EC2, so that nothing is taken for Fargate. \
             Without awsvpc, `vpc_id` has no effect.",
        ),
        _ => {}
    }
}
