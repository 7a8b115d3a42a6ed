//! Concurrency limits of deployments.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    transport::{Method, Transport},
};

/// A concurrency limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConcurrencyLimit {
    /// How many may be busy at once.
    pub limit: i64,
}

#[derive(Serialize)]
struct Renewal {
    lease_duration: u32,
}

impl<T: Transport> Client<T> {
    /// Keeps a slot of a deployment's concurrency limit (3.x): it would be given away after its life of 60 to 86,400 s.
    ///
    /// # Errors
    /// [`ApiError`]; refused with 410 once it is gone.
    pub async fn renew_lease(&self, lease: Uuid, seconds: u32) -> Result<(), ApiError> {
        let path = format!("/v2/concurrency_limits/leases/{lease}/renew");
        self.send(Method::Post, path, Some(&Renewal { lease_duration: seconds })).await
    }
}
