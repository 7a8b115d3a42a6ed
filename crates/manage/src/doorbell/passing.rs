//! The doorbell of `pushpool dev`: it is on the server for as long as `dev` runs.

use std::time::Duration;

use prefect_api::Transport;
use uuid::Uuid;

use super::{install, installed::installed, remove, steps::apply};
use crate::{error::ManageError, server::Server};

/// How long its removal may take: the user who stops `dev` waits for it.
const REMOVAL: Duration = Duration::from_secs(10);

/// A doorbell that is removed when it is not needed any more.
#[derive(Debug)]
pub struct Passing {
    name: String,
}

impl Passing {
    /// Installs a doorbell that rings `url` for the runs of these pools, or of all pools that pushpool serves unasked.
    ///
    /// Its name follows from the pools: it replaces the one that a killed process has left behind.
    ///
    /// # Errors
    /// The server has no automations, or refuses one.
    pub async fn install<T: Transport>(
        server: &Server<T>,
        pools: &[String],
        url: &str,
        token: &str,
    ) -> Result<Self, ManageError> {
        let name = name(pools);
        let found = installed(server, &name).await?;
        apply(server, &install::changes(&found, &name, url, token, pools)).await?;
        Ok(Self { name })
    }

    /// Removes it.
    ///
    /// # Errors
    /// The server refuses that, or does not answer in time: the doorbell is left behind under the name in the error.
    pub async fn remove<T: Transport>(self, server: &Server<T>) -> Result<(), ManageError> {
        let name = self.name;
        let left = |detail: String| ManageError::Explained {
            summary: format!("the doorbell \"{name}\" could not be removed from the Prefect server"),
            detail,
            help: format!("Remove it with `pushpool doorbell remove --name {name}`; it rings nothing any more."),
        };
        let removal = async { apply(server, &remove::plan(server, &name).await?).await };
        match tokio::time::timeout(REMOVAL, removal).await {
            Ok(removed) => removed.map_err(|error| left(error.to_string())),
            Err(_) => Err(left(format!("The server did not answer within {} s.", REMOVAL.as_secs()))),
        }
    }
}

/// Names of blocks are made of small letters, digits and dashes.
fn name(pools: &[String]) -> String {
    if pools.is_empty() {
        return "pushpool-dev".to_owned();
    }
    let mut pools: Vec<&str> = pools.iter().map(String::as_str).collect();
    pools.sort_unstable();
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, pools.join("\n").as_bytes()).simple().to_string();
    format!("pushpool-dev-{}", &id[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_follows_from_the_pools() {
        let of = |pools: &[&str]| name(&pools.iter().map(|pool| (*pool).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), "pushpool-dev");
        assert_eq!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a", "b"]), of(&["a"]));
        assert!(of(&["Ä pool"]).bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-'));
    }
}
