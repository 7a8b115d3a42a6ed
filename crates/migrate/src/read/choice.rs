//! A part of an estate, and a plan for another server than the one that was read.

use globset::{Glob, GlobSetBuilder};
use manage::Server;
use prefect_api::{Transport, without_userinfo};

use crate::{
    error::UpgradeError,
    estate::Estate,
    plan::{ServerSeen, UpgradePlan},
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

/// Makes a plan of one server's estate a plan for another server. What was read stays where it is, so the plan relies on
/// nothing of the other server.
///
/// # Errors
/// The other server does not answer.
pub async fn for_server<T: Transport>(mut plan: UpgradePlan, server: &Server<T>) -> Result<UpgradePlan, UpgradeError> {
    let version = server.client.server_version().await.map_err(|error| server.told(error))?;
    plan.server = ServerSeen { url: without_userinfo(&server.url), version };
    for pool in &mut plan.pools {
        pool.seen.clear();
    }
    Ok(plan)
}
