//! Deployments on pools of workers, and those of other infrastructure that the user maps.

use prefect_api::models::Object;

use super::{Outcome, Subject, options::Source, pools::Pools};
use crate::{
    estate::{Block, WorkPool},
    mapping::{findings::Findings, foreign, overrides, storage, worker},
    plan::{Level, Target},
    proof,
};

/// Moves a deployment of an `ecs` worker pool to the push pool that takes its place. Its settings stay as they are.
///
/// # Errors
/// Why it cannot be moved.
pub(super) fn from_worker(
    subject: &Subject<'_>,
    pool: &WorkPool,
    storage: Option<&Block>,
    pools: &mut Pools<'_>,
) -> Result<Outcome, Vec<String>> {
    let view = &subject.deployment.view;
    let has_steps = view.pull_steps.as_ref().is_some_and(|steps| !steps.is_empty());
    let mut findings = Findings::default();
    let mut pull_steps = view.pull_steps.clone().unwrap_or_default();
    let (mut path, mut entrypoint) = (view.path.clone(), view.entrypoint.clone());
    let clears = view.storage_document_id.is_some() || view.infrastructure_document_id.is_some();
    if view.storage_document_id.is_some() && !has_steps {
        if !subject.estate.version.patches_pull_steps() {
            return Err(vec![
                "workers of Prefect 2 refuse a deployment with a storage block: no run of it starts today".to_owned(),
            ]);
        }
        let pull = storage::pull(view, storage).map_err(|reason| vec![reason])?;
        findings.extend(pull.findings);
        (pull_steps, path) = (pull.steps, None);
        entrypoint = pull.entrypoint.or(entrypoint);
    }
    let elsewhere = subject.options.source == Source::Elsewhere;
    let make = |findings: &mut Findings| worker::template(pool, elsewhere, &subject.estate.account, findings);
    let index = pools.of_pool(pool, make).map_err(|reason| vec![reason])?;
    findings.extend(pools.draft(index).findings.clone());
    let queue = pools.queue(index, Some(&pool.name), view.work_queue_name.as_deref());
    let target = Target {
        pool: pools.draft(index).name.clone(),
        queue,
        job_variables: view.job_variables.clone().unwrap_or_default(),
        pull_steps,
        entrypoint,
        path,
    };
    let old = proof::old::of_worker(subject, pool);
    Ok(Outcome { pool: index, target, old, findings, clears })
}

/// Where a deployment of other infrastructure would go, or goes if the user has named a pool.
///
/// # Errors
/// Why its settings fail today, or its code cannot be found.
pub(super) fn mapped(
    subject: &Subject<'_>,
    block: Option<&Block>,
    storage: Option<&Block>,
) -> Result<(Target, Findings), Vec<String>> {
    let view = &subject.deployment.view;
    // Without a block, a deployment runs as a process of its agent, and overrides have no effect.
    let given = view.job_variables.clone().filter(|_| block.is_some()).unwrap_or_default();
    let nothing = Object::new();
    let data = overrides::apply(block.map_or(&nothing, |block| &block.data), &given)?;
    let mut findings = Findings::default();
    let label = block.map_or_else(|| "the agent's own process".to_owned(), Block::label);
    let slug = block.map_or("process", |block| block.block_type.slug.as_str());
    let job_variables = foreign::job_variables(&label, slug, &data, &given, &mut findings);
    let pull = storage::pull(view, storage).map_err(|reason| vec![reason])?;
    findings.extend(pull.findings);
    let has_image = job_variables.contains_key("image");
    if !has_image {
        findings.risk(
            Level::High,
            "image_missing",
            format!(
                "{label} has no image: the code, and everything that it needs, has to be in the image of the pool."
            ),
        );
    }
    let target = Target {
        pool: String::new(),
        queue: view.work_queue_name.clone().unwrap_or_default(),
        job_variables,
        pull_steps: pull.steps,
        entrypoint: pull.entrypoint.or_else(|| view.entrypoint.clone()),
        path: None,
    };
    Ok((target, findings))
}

/// Names that a map may give for a deployment.
pub(super) fn map_keys(subject: &Subject<'_>, block: Option<&Block>) -> Vec<String> {
    let mut keys = vec![subject.full_name()];
    if let Some(block) = block {
        keys.extend([block.label(), block.block_type.slug.clone()]);
    } else {
        keys.push("process".to_owned());
    }
    keys
}

/// The pool that the user has mapped a deployment to.
pub(super) fn pool_of<'a>(subject: &Subject<'a>, block: Option<&Block>) -> Option<&'a str> {
    let map = &subject.options.map;
    map_keys(subject, block).iter().find_map(|key| map.get(key)).map(String::as_str)
}
