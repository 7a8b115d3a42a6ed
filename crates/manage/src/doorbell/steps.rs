//! The calls that change a doorbell.

use prefect_api::{ApiError, Transport};
use serde_json::Value;
use uuid::Uuid;

use super::{automation::automation, installed::WEBHOOK};
use crate::{error::ManageError, plan::Plan, server::Server};

/// A call that changes a doorbell. It has no `Debug`, because it holds the token.
pub enum Step {
    /// Makes the block, or replaces its data.
    PutBlock {
        /// The block that exists.
        existing: Option<Uuid>,
        /// Name of the block.
        name: String,
        /// Its data, with the token.
        data: Value,
    },
    /// Makes the automation, or replaces it. It calls the block of the step before.
    PutAutomation {
        /// The automation that exists.
        existing: Option<Uuid>,
        /// Name of the automation.
        name: String,
        /// The events' work pools, as [`super::install`] names them.
        pools: Value,
    },
    /// Deletes an automation.
    DeleteAutomation(Uuid),
    /// Deletes the block.
    DeleteBlock(Uuid),
}

/// Carries out the steps of a plan for a doorbell.
#[derive(Debug)]
pub struct Installer<'s, T> {
    server: &'s Server<T>,
    /// The block that the automation calls, once it is there.
    block: Option<Uuid>,
}

impl<'s, T: Transport> Installer<'s, T> {
    /// Changes doorbells of this server.
    #[must_use]
    pub fn new(server: &'s Server<T>) -> Self {
        Self { server, block: None }
    }

    /// Carries out one step.
    ///
    /// # Errors
    /// The server refuses it or does not answer.
    pub async fn carry(&mut self, step: &Step) -> Result<(), ManageError> {
        self.call(step).await.map_err(|error| self.server.told(error))
    }

    async fn call(&mut self, step: &Step) -> Result<(), ApiError> {
        let client = &self.server.client;
        match step {
            Step::PutBlock { existing: Some(id), data, .. } => {
                client.replace_block(*id, data).await?;
                self.block = Some(*id);
            }
            Step::PutBlock { existing: None, name, data } => {
                self.block = Some(client.create_block(WEBHOOK, name, data).await?.id);
            }
            Step::PutAutomation { existing, name, pools } => {
                // Every plan puts the block first.
                let automation = automation(name, self.block.unwrap_or_default(), pools.clone());
                match existing {
                    Some(id) => client.replace_automation(*id, &automation).await?,
                    None => drop(client.create_automation(&automation).await?),
                }
            }
            Step::DeleteAutomation(id) => client.delete_automation(*id).await?,
            Step::DeleteBlock(id) => client.delete_block(*id).await?,
        }
        Ok(())
    }
}

/// Carries out a plan for a doorbell.
///
/// # Errors
/// The server refuses a change or does not answer.
pub async fn apply<T: Transport>(server: &Server<T>, plan: &Plan<Step>) -> Result<(), ManageError> {
    let mut installer = Installer::new(server);
    plan.apply(async |change| installer.carry(&change.step).await).await
}
