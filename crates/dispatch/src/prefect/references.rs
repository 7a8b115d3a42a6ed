//! Blocks and variables that templates and job variables refer to, fetched for a whole batch.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use jiff::Timestamp;
use prefect_api::{ApiError, Client, Transport};
use serde_json::Value;
use work_pool::{Layers, Reference, ResolveError, Resolver};

use super::{cache::Kept, failure};
use crate::ports::{Failure, Order, Reading};

/// How long blocks and variables are kept.
const LIFE: Duration = Duration::from_secs(30);

/// What the server said about references lately.
pub(crate) struct References(Kept<Reference, Result<Value, ResolveError>>);

impl References {
    pub(crate) fn new() -> Self {
        Self(Kept::new(LIFE))
    }

    /// Fetches what templates and variables refer to, and hands it to the orders. `again` tells which of the messages have
    /// come before.
    pub(super) async fn resolve<T: Transport>(
        &self,
        client: &Client<T>,
        readings: &mut [Result<Reading, Failure>],
        again: &[bool],
        now: Timestamp,
    ) {
        let mut wanted: BTreeMap<Reference, Timestamp> = BTreeMap::new();
        for (order, since) in readings.iter_mut().filter_map(order_of) {
            for reference in references_of(order) {
                let entry = wanted.entry(reference).or_insert(since);
                *entry = (*entry).max(since);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let fetched = Arc::new(self.fetch(client, wanted, now).await);
        for (index, reading) in readings.iter_mut().enumerate() {
            let Some((order, _)) = order_of(reading) else { continue };
            // That the server could not say it just now is no reason to crash a run. One whose message comes for the first
            // time is tried again soon; after that it must not keep others from starting.
            if let Some(failure) = fetched.failure(&references_of(order)) {
                *reading = match reading {
                    Ok(Reading::Due(_)) if again[index] => {
                        Ok(Reading::Postponed { claimed: false, reason: failure::unreadable_reference(failure) })
                    }
                    _ => Err(failure.clone()),
                };
                continue;
            }
            order.resolver = Arc::clone(&fetched) as Arc<dyn Resolver + Send + Sync>;
        }
    }

    /// Fetches references, each as it was at the given time or later, and the variables in the data of blocks.
    pub(crate) async fn fetch<T: Transport>(
        &self,
        client: &Client<T>,
        mut wanted: BTreeMap<Reference, Timestamp>,
        now: Timestamp,
    ) -> Fetched {
        let mut fetched = Fetched::default();
        while !wanted.is_empty() {
            let reads = std::mem::take(&mut wanted).into_iter().map(|(reference, since)| async move {
                let answer = match self.0.get(&reference, now, since) {
                    Some(answer) => Ok(answer),
                    None => self.read(client, &reference, now).await,
                };
                (reference, since, answer)
            });
            for (reference, since, answer) in join_all(reads).await {
                // Variables inside the data of a block are resolved as well; what a variable holds is not looked at again.
                let is_block = matches!(reference, Reference::Block { .. } | Reference::BlockDocument { .. });
                if let Ok(Ok(data)) = &answer
                    && is_block
                {
                    let inner = work_pool::references_in(data);
                    wanted.extend(inner.iter().map(|nested| (nested.clone(), since)));
                    fetched.inner.insert(reference.clone(), inner);
                }
                match answer {
                    Ok(answer) => drop(fetched.answers.insert(reference, answer)),
                    Err(failure) => drop(fetched.unread.insert(reference, failure)),
                }
            }
            wanted.retain(|reference, _| !fetched.answers.contains_key(reference));
            wanted.retain(|reference, _| !fetched.unread.contains_key(reference));
        }
        fetched
    }

    /// What the server says about a reference, that there is no such thing included.
    async fn read<T: Transport>(
        &self,
        client: &Client<T>,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Result<Value, ResolveError>, Failure> {
        let with_secrets = !matches!(reference, Reference::Credentials { .. });
        let read = match reference {
            Reference::Variable { name } => client.variable(name).await,
            Reference::Credentials { of } => read_block(client, of, with_secrets).await,
            block => read_block(client, block, with_secrets).await,
        };
        let answer = match read {
            Ok(value) => value.ok_or(ResolveError::NotFound),
            Err(error) if error.is_not_found() => Err(ResolveError::NotFound),
            // Such an id is none: it will not be read at another time either.
            Err(error @ ApiError::Refused { .. }) => Err(ResolveError::Failed(error.to_string())),
            // Not kept: the next run may fare better.
            Err(error) => return Err(failure::of(&error)),
        };
        self.0.put(reference.clone(), answer.clone(), now);
        Ok(answer)
    }
}

/// Data of a block. None for what is no block.
async fn read_block<T: Transport>(
    client: &Client<T>,
    block: &Reference,
    with_secrets: bool,
) -> Result<Option<Value>, ApiError> {
    match block {
        Reference::BlockDocument { id } => client.block_document(id, with_secrets).await.map(Some),
        Reference::Block { type_slug, name } => client.block(type_slug, name, with_secrets).await.map(Some),
        Reference::Variable { .. } | Reference::Credentials { .. } => Ok(None),
    }
}

fn order_of(reading: &mut Result<Reading, Failure>) -> Option<(&mut Order, Timestamp)> {
    match reading {
        Ok(
            Reading::Due(order)
            | Reading::Claimed(order)
            | Reading::SlotLost { order, .. }
            | Reading::Unrecorded(order),
        ) => {
            let since = order.since;
            Some((&mut **order, since))
        }
        _ => None,
    }
}

fn references_of(order: &Order) -> Vec<Reference> {
    let layers = Layers { deployment: Some(&order.deployment_variables), flow_run: Some(&order.flow_run_variables) };
    order.template.references(layers)
}

/// What was fetched for a batch, as a resolver.
#[derive(Default)]
pub(crate) struct Fetched {
    answers: HashMap<Reference, Result<Value, ResolveError>>,
    /// What could not be read.
    unread: HashMap<Reference, Failure>,
    /// Variables in the data of blocks.
    inner: HashMap<Reference, Vec<Reference>>,
}

impl Fetched {
    fn get(&self, reference: &Reference) -> Result<Value, ResolveError> {
        self.answers.get(reference).cloned().unwrap_or(Err(ResolveError::NotFetched))
    }

    /// The first of the references, or of those in the blocks they name, that the server does not have.
    pub(crate) fn missing<'a>(&'a self, references: &'a [Reference]) -> Option<&'a Reference> {
        let is_missing =
            |reference: &&Reference| matches!(self.answers.get(reference), Some(Err(ResolveError::NotFound)));
        references.iter().chain(self.inner.values().flatten()).find(is_missing)
    }

    /// Why one of the references, or something in the block it names, could not be read.
    pub(crate) fn failure(&self, references: &[Reference]) -> Option<&Failure> {
        references.iter().find_map(|reference| {
            let inner = self.inner.get(reference).into_iter().flatten();
            std::iter::once(reference).chain(inner).find_map(|reference| self.unread.get(reference))
        })
    }
}

impl Resolver for Fetched {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        self.get(&Reference::BlockDocument { id: id.to_owned() })
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        self.get(&Reference::Block { type_slug: type_slug.to_owned(), name: name.to_owned() })
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        match self.get(&Reference::Variable { name: name.to_owned() }) {
            Ok(value) => Ok(Some(value)),
            Err(ResolveError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn credentials(&self, credentials: &Reference) -> Option<Value> {
        self.get(credentials).ok()
    }
}
