//! A part of an estate, and a plan for another server than the one that was read.

use std::collections::BTreeSet;

use globset::{Glob, GlobSetBuilder};
use manage::Server;
use prefect_api::{Transport, without_userinfo};
use serde_json::Value;
use work_pool::is_reference;

use crate::{
    error::UpgradeError,
    estate::Estate,
    plan::{Action, NotCarried, PlannedDeployment, PlannedPool, ServerSeen, UpgradePlan},
    read::version,
};

/// Leaves only deployments whose `flow/name` fits one of the patterns; all of them if there is none.
///
/// # Errors
/// A pattern is none, or fits no deployment.
pub fn choose(estate: &mut Estate, patterns: &[String]) -> Result<(), UpgradeError> {
    if patterns.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = estate.deployments.iter().map(|it| estate.full_name(it)).collect();
    let mut all = GlobSetBuilder::new();
    let no_choice = |name: &str, problem: String| UpgradeError::Selection { name: name.to_owned(), problem };
    for pattern in patterns {
        let glob = Glob::new(pattern).map_err(|error| no_choice(pattern, error.kind().to_string()))?;
        let matcher = glob.compile_matcher();
        if !names.iter().any(|name| matcher.is_match(name)) {
            return Err(no_choice(pattern, "no deployment of the server fits it".to_owned()));
        }
        all.add(glob);
    }
    let all = all.build().map_err(|error| no_choice(&patterns.join(" "), error.kind().to_string()))?;
    let mut fits = names.iter().map(|name| all.is_match(name));
    estate.deployments.retain(|_| fits.next().unwrap_or_default());
    Ok(())
}

/// Leaves only the work pools that deployments of the estate are in. A plan for another server makes every push pool of the
/// estate, and one for some deployments has to make theirs only.
pub fn only_their_pools(estate: &mut Estate) {
    let used: BTreeSet<&str> =
        estate.deployments.iter().filter_map(|deployment| deployment.view.work_pool_name.as_deref()).collect();
    estate.work_pools.retain(|name, _| used.contains(name.as_str()));
}

/// Makes a plan of one server's estate a plan for another server: of its pools. Deployments cannot be moved between servers,
/// so they stay, and the plan relies on nothing that was read.
///
/// # Errors
/// The other server does not answer.
pub async fn for_server<T: Transport>(mut plan: UpgradePlan, server: &Server<T>) -> Result<UpgradePlan, UpgradeError> {
    let version = version(&server.client).await.map_err(|error| server.told(error))?;
    plan.server = ServerSeen { url: without_userinfo(&server.url), version };
    for pool in &mut plan.pools {
        pool.seen.clear();
        forget_blocks(pool);
    }
    plan.deployments.iter_mut().filter(|it| it.action == Action::Migrate).for_each(leave);
    Ok(plan)
}

/// An id means nothing on another server, which refuses a template that refers to one.
fn forget_blocks(pool: &mut PlannedPool) {
    let properties = pool.base_job_template.pointer_mut("/variables/properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object_mut() else { continue };
        let refers = |default: &Value| default.is_object() && is_reference(default);
        if property.get("default").is_some_and(refers) {
            property.shift_remove("default");
            pool.not_carried.push(NotCarried {
                setting: name.clone(),
                reason: "it refers to a block of the other server by its id; the dispatcher's role launches the tasks"
                    .to_owned(),
            });
        }
    }
}

fn leave(deployment: &mut PlannedDeployment) {
    let target = deployment.target.as_ref().map(|it| format!(", to work pool {}, queue {}", it.pool, it.queue));
    let target = target.unwrap_or_default();
    deployment.action = Action::Leave;
    deployment.write = None;
    deployment.reasons = vec![format!(
        "it lives on another server. Deploy it to this one{target}; blocks and variables that it names have to be there"
    )];
}
