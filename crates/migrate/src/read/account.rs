//! What an AWS account says about the names that blocks hold.

use aws::SdkConfig;
use manage::{
    ManageError,
    account::{Trouble, Vpcs, task_definition},
};

use crate::{
    error::UpgradeError,
    estate::{Account, Estate},
};

/// Asks the account about the task definitions and VPCs of an estate. A definition that does not exist is left out.
///
/// # Errors
/// AWS refuses a question, or does not answer.
pub async fn account(config: &SdkConfig, estate: &Estate) -> Result<Account, UpgradeError> {
    let mut account = Account { region: config.region().map(ToString::to_string), ..Account::default() };
    for name in estate.named_task_definitions() {
        if let Some(definition) = task_definition(config, &name).await.map_err(told)? {
            account.task_definitions.insert(name, definition);
        }
    }
    let Vpcs { default, subnets } = Vpcs::of(config, &estate.named_vpcs()).await.map_err(told)?;
    Ok(Account { default_vpc: default, subnets, ..account })
}

fn told(trouble: Trouble) -> UpgradeError {
    let explained = ManageError::Explained {
        summary: "the AWS account cannot be asked about task definitions and VPCs".to_owned(),
        detail: trouble.to_string(),
        help: "Check the credentials and the region with `aws sts get-caller-identity`; docs/operating.md lists the \
               actions. Without --aws the plan says what it could not see."
            .to_owned(),
    };
    explained.into()
}
