//! Slots of deployments' concurrency limits, and the leases on them.
//!
//! Facts: prefect 3.8.8, `server/models/concurrency_limits_v2.py`, `server/concurrency/lease_storage/memory.py` and
//! `_release_concurrency_lease` of `server/orchestration/core_policy.py`. A slot and its lease are two things that can
//! come apart: a lease that is gone gives its slot back at once, and the run that held it gives one back a second time
//! when it ends.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Life of a lease unless the deployment says otherwise (`initial_deployment_lease_duration`).
const LIFE: u32 = 300;

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) limit: u32,
    pub(super) active: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lease {
    limit: Uuid,
    expires: Timestamp,
}

/// A slot was to be given back to a limit that does not exist: the server fails, and nothing of the transition stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchLimit;

/// All limits and leases.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    limits: BTreeMap<Uuid, Limit>,
    leases: BTreeMap<Uuid, Lease>,
}

/// When a lease ends that begins now.
pub(super) fn expiry(now: Timestamp, seconds: Option<u32>) -> Timestamp {
    now + SignedDuration::from_secs(i64::from(seconds.unwrap_or(LIFE)))
}

impl Slots {
    pub(super) fn limit(&self, id: Uuid) -> Option<&Limit> {
        self.limits.get(&id)
    }

    /// Sets a limit, keeping the slots that are taken.
    pub(super) fn set_limit(&mut self, id: Uuid, limit: u32) {
        self.limits.entry(id).and_modify(|it| it.limit = limit).or_insert(Limit { limit, active: 0 });
    }

    /// Its leases stay.
    pub(super) fn remove_limit(&mut self, id: Uuid) {
        self.limits.remove(&id);
    }

    /// Takes a slot if one is free.
    pub(super) fn acquire(&mut self, limit: Uuid) -> bool {
        let Some(limit) = self.limits.get_mut(&limit).filter(|it| it.active < it.limit) else { return false };
        limit.active += 1;
        true
    }

    /// Gives a slot back; false if there is no such limit. More than all cannot be given back.
    pub(super) fn give_back(&mut self, limit: Uuid) -> bool {
        let Some(limit) = self.limits.get_mut(&limit) else { return false };
        limit.active = limit.active.saturating_sub(1);
        true
    }

    pub(super) fn lease(&mut self, lease: Uuid, limit: Uuid, expires: Timestamp) {
        self.leases.insert(lease, Lease { limit, expires });
    }

    /// False if it is gone. One that has expired and was not reaped is not.
    pub(super) fn renew(&mut self, lease: Uuid, expires: Timestamp) -> bool {
        let Some(lease) = self.leases.get_mut(&lease) else { return false };
        lease.expires = expires;
        true
    }

    /// Forgets a lease; its slot stays taken.
    pub(super) fn revoke(&mut self, lease: Uuid) {
        self.leases.remove(&lease);
    }

    /// Gives back the slot of a lease, or one of `fallback` where the lease is gone.
    pub(super) fn release(&mut self, lease: Uuid, fallback: Option<Uuid>) -> Result<(), NoSuchLimit> {
        let held = self.leases.get(&lease).map(|lease| lease.limit);
        match held.or(fallback) {
            None => return Ok(()),
            Some(limit) if self.give_back(limit) => {}
            Some(_) => return Err(NoSuchLimit),
        }
        self.leases.remove(&lease);
        Ok(())
    }

    /// Gives the slots of expired leases away (`repossessor.py`).
    pub(super) fn reap(&mut self, now: Timestamp) {
        let expired: Vec<Uuid> = self.leases.iter().filter(|(_, it)| it.expires < now).map(|(id, _)| *id).collect();
        for id in expired {
            if let Some(lease) = self.leases.remove(&id) {
                self.give_back(lease.limit);
            }
        }
    }
}
