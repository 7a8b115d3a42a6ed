//! Slots of deployments' concurrency limits.
//!
//! A claim takes a slot on a lease, which lives for the deployment's `grace_period_seconds` (60 s to a day, 300 s by
//! default). The server renews it when the flow begins to run, and the flow's process from then on. Between the claim and
//! that moment pushpool has to: if the lease ends and another run takes the slot, the server answers the container's RUNNING
//! with CANCELLED, "slot lost during provisioning" (prefect 3.8.8, `ValidateDeploymentConcurrencyAtRunning`).
//!
//! * The dispatcher renews right after the claim, and before every other launch of a claimed attempt. Without the renewal
//!   it does not launch: the message comes back.
//! * The reconciler renews for as long as the run is PENDING and may have a task.
//! * A lease that has ended when the message comes back (its dispatcher died between claim and renewal) is no slot: the
//!   dispatcher adopts the attempt's task if there is one, and hands the run back if there is none, so that it queues for a
//!   slot again.
//!
//! A lease says nothing about a dead claim for longer than that claim lives: a hand back and a crash release the slot at once.

use diagnosis::{Diagnosis, PP0510};
use prefect_api::{
    ApiError, Client, Transport,
    models::{State, StateType},
};
use uuid::Uuid;

/// How long a renewed lease lives, in seconds. It covers the default start timeout of a task, the pass of the reconciler
/// that finds it, and two passes that fail; whoever lets tasks take longer relies on the reconciler, which renews every
/// five minutes. The server takes 60 s to a day, whatever the deployment's own grace is.
pub(crate) const LIFE: u32 = 1_800;

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    /// It lives on, or there is none, or the server knows no renewal.
    Kept,
    /// It has ended: its slot may be another run's.
    Lost,
}

/// The lease of a run that is claimed.
pub(crate) fn of(state: Option<&State>) -> Option<Uuid> {
    let state = state.filter(|state| state.state_type == StateType::Pending)?;
    state.state_details.deployment_concurrency_lease_id
}

/// Renews a lease.
///
/// # Errors
/// [`ApiError`]: it is not known.
pub(crate) async fn renew<T: Transport>(client: &Client<T>, lease: Option<Uuid>) -> Result<Lease, ApiError> {
    let Some(lease) = lease else { return Ok(Lease::Kept) };
    match client.renew_lease(lease, LIFE).await {
        Ok(()) => Ok(Lease::Kept),
        Err(error) if error.is_gone() => Ok(Lease::Lost),
        // Asking again would bring the same answer, and the slot is held for the deployment's grace all the same.
        Err(error @ (ApiError::NotFound { .. } | ApiError::Refused { .. })) => {
            tracing::warn!(%error, %lease, "the server does not renew the lease of a deployment's concurrency slot");
            Ok(Lease::Kept)
        }
        Err(error) => Err(error),
    }
}

/// Why a run is handed back whose slot was given away.
pub(crate) fn lost() -> Diagnosis {
    Diagnosis::of(
        PP0510,
        "A dispatcher claimed the run and ended before it could renew the lease of its deployment's concurrency \
                 slot, which has ended since.",
    )
}
