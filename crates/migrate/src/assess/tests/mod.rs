//! Whole plans.

mod blocks;
mod others;
mod server;

use crate::plan::{PlannedDeployment, PlannedPool, UpgradePlan};

fn deployment<'a>(plan: &'a UpgradePlan, name: &str) -> &'a PlannedDeployment {
    plan.deployments.iter().find(|deployment| deployment.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn pool_of<'a>(plan: &'a UpgradePlan, deployment: &PlannedDeployment) -> &'a PlannedPool {
    let target = deployment.target.as_ref().unwrap();
    plan.pools.iter().find(|pool| pool.name == target.pool).unwrap_or_else(|| panic!("{}", target.pool))
}
