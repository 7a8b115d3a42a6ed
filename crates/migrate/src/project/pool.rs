//! Which push pool takes the place of a pool that an old `prefect.yaml` names.

use std::collections::BTreeSet;

use prefect_api::models::Object;
use serde_json::Value;

use super::{steps, variables};
use crate::{
    estate::{AGENT_POOL, Estate},
    mapping::findings::Findings,
    plan::Level,
};

/// Stands for a pool that only the user can choose.
pub(super) const TO_BE_CHOSEN: &str = "<to be chosen>";

/// Job variables of pools that run no tasks on ECS.
const FOREIGN: [&str; 14] = [
    "namespace",
    "image_pull_policy",
    "service_account_name",
    "finished_job_ttl",
    "stream_output",
    "working_dir",
    "networks",
    "network_mode",
    "volumes",
    "auto_remove",
    "mem_limit",
    "job_manifest",
    "customizations",
    "machine_type",
];

/// What is known of the pools that a file names.
pub(super) struct Pools<'a> {
    estate: Option<&'a Estate>,
    /// Pools of agents: one of their deployments names an infrastructure block.
    agents: BTreeSet<String>,
}

/// Where a deployment goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub pool: String,
    /// Whether job variables are those of a push pool.
    pub is_ecs: bool,
    /// The variables of the pool, as far as they are known.
    pub variables: BTreeSet<String>,
}

impl<'a> Pools<'a> {
    pub(super) fn of(estate: Option<&'a Estate>, deployments: &[Object]) -> Self {
        let named = deployments.iter().filter(|deployment| block_of(deployment).is_some()).filter_map(pool_name);
        Self { estate, agents: named.map(str::to_owned).collect() }
    }

    /// The pool for a deployment that is on a pool of this name.
    pub(super) fn target(&self, name: &str, deployment: &Object, findings: &mut Findings) -> Target {
        let known = self.estate.and_then(|estate| estate.work_pools.get(name));
        let built_in = || variables::of_template(&manage::pool::template::built_in());
        match known.map(|pool| pool.pool_type.as_str()) {
            Some("ecs:push") => {
                let variables = known.map(|pool| variables::of_template(&pool.base_job_template)).unwrap_or_default();
                Target { pool: name.to_owned(), is_ecs: true, variables }
            }
            Some("ecs") => {
                let variables = known.map(|pool| variables::of_template(&pool.base_job_template)).unwrap_or_default();
                Target { pool: push_name(name), is_ecs: true, variables }
            }
            Some(AGENT_POOL) => self.of_agent(name, deployment, findings),
            Some(other) => left(name, &format!("is of type {other}"), findings),
            None if self.is_of_agent(name) => self.of_agent(name, deployment, findings),
            None if has_foreign_variables(deployment) => left(name, "seems to run no tasks on ECS", findings),
            None => {
                findings.risk(
                    Level::High,
                    "pool_unknown",
                    format!(
                        "The type of the pool {name} is not known here and is taken for `ecs`. Make its push pool with `pushpool \
                         upgrade plan`, or translate with the server at hand."
                    ),
                );
                Target { pool: push_name(name), is_ecs: true, variables: built_in() }
            }
        }
    }

    fn is_of_agent(&self, name: &str) -> bool {
        self.agents.contains(name) || name == "default-agent-pool"
    }

    /// Agents ran a deployment by its infrastructure block, so the block decides.
    fn of_agent(&self, name: &str, deployment: &Object, findings: &mut Findings) -> Target {
        let variables = variables::of_template(&manage::pool::template::built_in());
        let Some((slug, block)) = block_of(deployment) else {
            findings.risk(
                Level::High,
                "pool_to_be_chosen",
                format!("The pool {name} is one of agents, and the deployment names no infrastructure block: choose its push pool."),
            );
            return Target { pool: TO_BE_CHOSEN.to_owned(), is_ecs: true, variables };
        };
        if slug != crate::mapping::ecs_task::SLUG {
            return left(name, &format!("is one of agents, and {slug}/{block} runs no tasks on ECS"), findings);
        }
        let is_known = self.estate.is_some_and(|estate| steps::named(estate, slug, block).is_some());
        let hint = if is_known { "" } else { ", which is not known here" };
        findings.risk(
            Level::Medium,
            "pool_of_block",
            format!("The pool is the one that `pushpool upgrade plan` makes of {slug}/{block}{hint}."),
        );
        Target { pool: push_name(block), is_ecs: true, variables }
    }
}

/// A deployment that stays where it is.
fn left(name: &str, why: &str, findings: &mut Findings) -> Target {
    findings.risk(
        Level::High,
        "pool_left",
        format!(
            "The pool {name} {why}: the deployment stays on it. Tasks on ECS are no replacement that can be assumed."
        ),
    );
    Target { pool: name.to_owned(), is_ecs: false, variables: BTreeSet::new() }
}

/// The name that `pushpool upgrade plan` gives the push pool of a block or pool. The server keeps names with `prefect` for itself.
fn push_name(base: &str) -> String {
    if base.to_lowercase().starts_with("prefect") { format!("ecs-{base}-push") } else { format!("{base}-push") }
}

/// The name of the pool of a deployment.
pub(super) fn pool_name(deployment: &Object) -> Option<&str> {
    let name =
        deployment.get("work_pool").and_then(|pool| pool.get("name")).or_else(|| deployment.get("work_pool_name"));
    name.and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// The infrastructure block that a deployment names, by hand or in the form of Prefect 2: type and name.
pub(super) fn block_of(deployment: &Object) -> Option<(&str, &str)> {
    let variables = deployment.get("work_pool").and_then(|pool| pool.get("job_variables"));
    let places = [
        deployment.get("infrastructure"),
        deployment.get("infra_block"),
        variables.and_then(|variables| variables.get("infrastructure")),
    ];
    places.into_iter().flatten().filter_map(Value::as_str).find_map(|block| block.split_once('/'))
}

fn has_foreign_variables(deployment: &Object) -> bool {
    let variables = deployment.get("work_pool").and_then(|pool| pool.get("job_variables")).and_then(Value::as_object);
    let overrides = deployment.get("infra_overrides").and_then(Value::as_object);
    [variables, overrides].into_iter().flatten().any(|variables| FOREIGN.iter().any(|key| variables.contains_key(*key)))
}
