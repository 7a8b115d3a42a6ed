//! Deployments that agents run as ECS tasks.

use prefect_api::models::Object;
use serde_json::{Value, json};

use super::{Outcome, Subject, pools::Pools};
use crate::{
    estate::Block,
    mapping::{
        ecs_task::{EcsTask, Reading},
        findings::Findings,
        job_variables::{self, Explicit},
        literal::holds_reference,
        lost, overrides,
        shape::{Environment, Shape, Sized, Source, note_positions},
        storage,
    },
    plan::{Level, Target},
    proof::{self, old::Old},
};

/// Maps a deployment with an ECSTask block.
///
/// # Errors
/// Why it cannot be moved.
pub(super) fn migrate(
    subject: &Subject<'_>,
    block: &Block,
    storage: Option<&Block>,
    pools: &mut Pools<'_>,
) -> Result<Outcome, Vec<String>> {
    let given = subject.deployment.view.job_variables.clone().unwrap_or_default();
    let mapped = Mapped::of(subject, block, &given)?;
    let pull = storage::pull(&subject.deployment.view, storage).map_err(|reason| vec![reason])?;
    let index = mapped.pool(subject, block, &given, pools);
    let draft = pools.draft(index);
    let Some(shape) = &draft.shape else { return Err(vec!["its pool has no shape".to_owned()]) };
    let job_variables = job_variables::differences(shape, &mapped.shape, &Explicit::of(&given));

    let mut findings = mapped.findings(block, &given);
    describe_overrides(&given, &job_variables, &mapped.data, shape, &mut findings);
    findings.extend(pull.findings);
    let view = &subject.deployment.view;
    let queue = pools.queue(index, view.work_pool_name.as_deref(), view.work_queue_name.as_deref());
    let draft = pools.draft_mut(index);
    draft.findings.extend(mapped.shape.findings.clone());
    let target = Target {
        pool: draft.name.clone(),
        queue,
        job_variables,
        pull_steps: pull.steps,
        entrypoint: pull.entrypoint.or_else(|| view.entrypoint.clone()),
        path: None,
    };
    Ok(Outcome { pool: index, target, old: mapped.old, findings, clears: true })
}

/// A block with the overrides of a deployment.
struct Mapped {
    data: Object,
    task: EcsTask,
    sized: Sized,
    shape: Shape,
    old: Old,
}

impl Mapped {
    fn of(subject: &Subject<'_>, block: &Block, given: &Object) -> Result<Self, Vec<String>> {
        let fails = |reasons: Vec<String>| -> Vec<String> {
            let each = |reason| format!("no run of it can start under the agent today: {reason}");
            reasons.into_iter().map(each).collect()
        };
        let data = overrides::apply(&block.data, given).map_err(fails)?;
        let reading = reading(subject);
        let task = EcsTask::read(&data, reading).map_err(|reasons| {
            fails(
                reasons
                    .into_iter()
                    .map(|reason| format!("the class of {} refuses it: {reason}", block.label()))
                    .collect(),
            )
        })?;
        let old = proof::old::of_block(subject, &data, &task);
        match &old.requests {
            Err(reason) if reason.starts_with("patch ") => {
                let made = "--repair makes parents that are missing";
                return Err(fails(vec![format!("task_customizations of {}: {reason}. {made}", block.label())]));
            }
            Err(reason) => return Err(fails(vec![reason.clone()])),
            Ok(requests) => {
                if let Some(reason) = proof::old::refusal(requests, &subject.estate.account) {
                    return Err(fails(vec![reason]));
                }
            }
        }
        let sized = EcsTask::read(&block.data, reading).map_or_else(|_| Sized::of(&task), |base| Sized::of(&base));
        let shape = shape(subject, block, &data, &task, sized).map_err(|reason| vec![reason])?;
        Ok(Self { data, task, sized, shape, old })
    }

    /// The pool of the block, or one of its own where overrides reach into what deployments share.
    fn pool(&self, subject: &Subject<'_>, block: &Block, given: &Object, pools: &mut Pools<'_>) -> usize {
        let label = block.label();
        let of_block = |overrides: &Object| {
            let data = overrides::apply(&block.data, overrides).ok()?;
            let task = EcsTask::read(&data, reading(subject)).ok()?;
            shape(subject, block, &data, &task, self.sized).ok().filter(|shape| shape.fits(&self.shape))
        };
        if let Some(index) = pools.of_shape(block.id, &label, &self.shape) {
            return index;
        }
        if let Some(shape) = of_block(&Object::new()) {
            let name = block.usable_name().unwrap_or(&subject.deployment.view.name);
            return pools.add_shape(name, block.id, &label, shape);
        }
        // What is no job variable goes into the pool, and what is one stays with the deployment.
        let shared = given.iter().filter(|(key, _)| !job_variables::is_variable(key));
        let shared: Object = shared.map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut shape = of_block(&shared).unwrap_or_else(|| self.shape.clone());
        shape.findings.note(
            "pool_of_its_own",
            format!(
                "{} overrides what all deployments of {label} share ({}), and gets a pool of its own.",
                subject.full_name(),
                given.keys().filter(|key| !job_variables::is_variable(key)).cloned().collect::<Vec<_>>().join(", ")
            ),
        );
        let name = block.usable_name().map(|name| format!("{name}-{}", subject.deployment.view.name));
        pools.add_shape(name.as_deref().unwrap_or(&subject.deployment.view.name), block.id, &label, shape)
    }

    fn findings(&self, block: &Block, given: &Object) -> Findings {
        let mut findings = self.shape.findings.clone();
        note_positions(&self.task, &mut findings);
        lost::of_block(block, &self.task, &mut findings);
        for (key, value) in given {
            if let Some(lost) = lost::of_override(key, value) {
                findings.lost(lost.setting, lost.reason);
            } else if job_variables::variable_of(key).is_none() && !known(key) {
                findings.lost(format!("override {key}"), "an ECSTask has no such field, and the agent ignored it");
            }
        }
        findings
    }
}

/// Fields of a block that are no job variable and have a place all the same.
fn known(key: &str) -> bool {
    job_variables::is_variable(key)
        || ["task_customizations", "task_definition", "type"].contains(&key)
        || key.starts_with("task_definition.")
        || ["auto_deregister_task_definition", "stream_output"].contains(&key)
}

fn reading<'a>(subject: &Subject<'a>) -> Reading<'a> {
    Reading { repair: subject.options.repair, prefect_version: &subject.estate.version.0 }
}

fn shape(subject: &Subject<'_>, block: &Block, data: &Object, task: &EcsTask, sized: Sized) -> Result<Shape, String> {
    let environment = Environment { label: block.label(), name: block.usable_name(), data: &block.data };
    let credentials = credentials(block, data);
    Shape::of(Source {
        task,
        environment: &environment,
        credentials: credentials.as_ref(),
        sized,
        repair: subject.options.repair,
        account: &subject.estate.account,
    })
}

/// A reference to the credentials block, or the region that stands in the block itself or in the overrides of a deployment,
/// which are in `data`. Never a key.
fn credentials(block: &Block, data: &Object) -> Option<Value> {
    let is_overridden = data.get("aws_credentials") != block.data.get("aws_credentials");
    let referred = block.reference("aws_credentials").filter(|it| !it.is_anonymous && !is_overridden);
    if let Some(credentials) = referred {
        return Some(json!({"$ref": {"block_document_id": credentials.id}}));
    }
    let region = data.get("aws_credentials")?.get("region_name")?.as_str()?;
    Some(json!({"region_name": region}))
}

/// Says what overrides mean under a pool.
fn describe_overrides(given: &Object, variables: &Object, data: &Object, pool: &Shape, findings: &mut Findings) {
    if let Some(Value::Object(env)) = given.get("env") {
        let unset = variables.get("env").and_then(Value::as_object);
        let nulled = |name: &&String| !env.contains_key(*name);
        let nulls: Vec<&str> = unset.into_iter().flat_map(Object::keys).filter(nulled).map(String::as_str).collect();
        if !nulls.is_empty() {
            findings.note(
                "env_replaced",
                format!(
                    "The override `env` replaced the block's environment under the agent, and merges with the pool's: {} are set \
                     to null.",
                    nulls.join(", ")
                ),
            );
        }
    }
    if given.keys().any(|key| key.starts_with("env.") || key.starts_with("labels.")) {
        findings.note("dots_nested", "Overrides with dots (`env.X`) are written in nested form, which pools read.");
    }
    if given.get("image").is_some_and(Value::is_null) && !variables.contains_key("image") {
        findings.note(
            "image_null_dropped",
            "The override `image` null meant the image of the definition, which the pool has. As a job variable it would mean \
             Prefect's newest image, so it is left out.",
        );
    }
    if given.contains_key("name") {
        let prefix = data.get("name").and_then(Value::as_str).unwrap_or_default();
        findings.note(
            "name_is_log_prefix",
            format!("The override `name` became the prefix of log streams: `cloudwatch_logs_prefix` is `{prefix}`."),
        );
    }
    let sizes = ["task_definition.cpu", "task_definition.memory"];
    if sizes.iter().any(|key| given.contains_key(*key)) && pool.variables.contains_key("cpu") {
        findings.note(
            "size_of_definition",
            "`task_definition.cpu` and `.memory` become `cpu` and `memory`, which size the task.",
        );
    }
    if variables.iter().any(|(_, value)| holds_reference(value)) && given.values().any(holds_reference) {
        findings.risk(
            Level::High,
            "text_becomes_reference",
            "An override names a block or Prefect variable, which a pool puts in and the agent did not.",
        );
    }
}
