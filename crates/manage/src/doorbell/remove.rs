//! The end of a doorbell.

use prefect_api::Transport;

use super::{
    installed::{Installed, installed},
    steps::Step,
};
use crate::{
    error::ManageError,
    plan::{Kind, Plan},
    server::Server,
};

/// Plans to delete block and automations. The plan is empty if there are none.
///
/// # Errors
/// The server has no automations, or does not answer.
pub async fn plan<T: Transport>(server: &Server<T>, name: &str) -> Result<Plan<Step>, ManageError> {
    let Installed { block, automations } = installed(server, name).await?;
    let plan = Plan::new(format!("doorbell \"{name}\""));
    // The automation first: it needs the block.
    let plan = automations.iter().fold(plan, |plan, automation| {
        plan.with(Kind::Delete, format!("automation \"{name}\""), Vec::new(), Step::DeleteAutomation(automation.id))
    });
    Ok(match block {
        Some(block) => {
            plan.with(Kind::Delete, format!("webhook block \"{name}\""), Vec::new(), Step::DeleteBlock(block.id))
        }
        None => plan,
    })
}
