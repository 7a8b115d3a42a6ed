//! Which work pools a poll asks, and in which parts.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use prefect_api::{
    ApiError, Transport,
    models::{ListedPool, WorkQueue},
};

use super::{Options, Poller};
use crate::{
    ports::{EventsQueue, PollQueue, RunQueues},
    ring::{PollMessage, Ring},
    served::{PUSH_POOL, served_pools},
};

/// The part of a work pool that is asked for in one request.
pub(super) struct Share {
    pub(super) queues: Option<Vec<String>>,
    pub(super) limited: bool,
}

impl<T: Transport, Q: RunQueues + PollQueue + EventsQueue> Poller<T, Q> {
    /// The served pools, or those of these names. Rings come often, and are not worth a list of all pools.
    pub(super) async fn pools(&self, only: &Option<HashSet<String>>) -> Result<Vec<ListedPool>, ApiError> {
        let Options { push_pools, named_pools, .. } = &self.options;
        let Some(only) = only else {
            return Ok(self.ours(served_pools(&self.client, *push_pools, named_pools).await?));
        };
        let names: Vec<String> = only.iter().cloned().collect::<BTreeSet<String>>().into_iter().collect();
        let mut pools = self.client.pools(&[], &names).await?;
        let served =
            |pool: &ListedPool| (*push_pools && pool.pool_type == PUSH_POOL) || named_pools.contains(&pool.name);
        pools.retain(|pool| only.contains(&pool.name) && served(pool));
        Ok(self.ours(pools))
    }

    /// Without those whose runs Prefect Cloud submits.
    fn ours(&self, pools: Vec<ListedPool>) -> Vec<ListedPool> {
        if !self.options.cloud {
            return pools;
        }
        let (clouds, ours): (Vec<ListedPool>, Vec<ListedPool>) =
            pools.into_iter().partition(|pool| pool.pool_type == PUSH_POOL);
        for pool in clouds {
            self.failed(&format!(
                "work pool {} is of type {PUSH_POOL}, and Prefect Cloud submits the runs of such pools itself, so pushpool \
                 does not serve it. Create a pool of type ecs, name it in PUSHPOOL_POOLS, and set PUSHPOOL_PUSH_POOLS to \
                 false (the module's prefect.pools and prefect.push_pools)",
                pool.name
            ));
        }
        ours
    }

    pub(super) async fn queues_of(&self, pool: &ListedPool) -> Result<Vec<WorkQueue>, ApiError> {
        let now = (self.clock)();
        if let Some(queues) = self.work_queues.get(&pool.name, now, Timestamp::MIN) {
            return Ok(queues);
        }
        let queues = self.client.work_queues(&pool.name).await?;
        self.work_queues.put(pool.name.clone(), queues.clone(), now);
        Ok(queues)
    }

    /// All queues together, unless some of them are limited and others are not.
    pub(super) async fn shares(&self, pool: &ListedPool) -> Result<Vec<Share>, ApiError> {
        if pool.concurrency_limit.is_some() {
            return Ok(vec![Share { queues: None, limited: true }]);
        }
        let queues = self.queues_of(pool).await?;
        let (limited, free): (Vec<WorkQueue>, Vec<WorkQueue>) =
            queues.into_iter().partition(|queue| queue.concurrency_limit.is_some());
        let names = |queues: Vec<WorkQueue>| Some(queues.into_iter().map(|queue| queue.name).collect());
        if limited.is_empty() {
            return Ok(vec![Share { queues: None, limited: false }]);
        }
        let mut shares = vec![Share { queues: names(limited), limited: true }];
        if !free.is_empty() {
            shares.push(Share { queues: names(free), limited: false });
        }
        Ok(shares)
    }
}

/// The pools that messages ask for; none is all of them.
pub(super) fn wanted(messages: &[PollMessage]) -> Option<HashSet<String>> {
    messages
        .iter()
        .map(|message| match message {
            PollMessage::Ring(Ring { work_pool, .. }) => work_pool.clone(),
            PollMessage::Tick(_) => None,
        })
        .collect()
}

/// The pools that a slot came free in.
pub(super) fn slots_free(messages: &[PollMessage]) -> HashSet<String> {
    let pool = |message: &PollMessage| match message {
        PollMessage::Ring(ring) if ring.is_about_a_slot() => ring.work_pool.clone(),
        _ => None,
    };
    messages.iter().filter_map(pool).collect()
}
