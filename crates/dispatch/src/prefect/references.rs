//! Blocks and variables that templates and job variables refer to, fetched for a whole batch.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;
use prefect_api::{Client, Transport};
use serde_json::Value;
use work_pool::{Layers, Reference, ResolveError, Resolver};

use super::cache::Kept;
use crate::ports::{Failure, Order, Reading};

/// How long blocks and variables are kept.
const LIFE: Duration = Duration::from_secs(30);

/// What the server said about references lately.
pub(super) struct References(Kept<Reference, Result<Value, ResolveError>>);

impl References {
    pub(super) fn new() -> Self {
        Self(Kept::new(LIFE))
    }

    /// Fetches what templates and variables refer to, and hands it to the orders.
    pub(super) async fn resolve<T: Transport>(
        &self,
        client: &Client<T>,
        readings: &mut [Result<Reading, Failure>],
        now: Timestamp,
    ) {
        let mut wanted: HashMap<Reference, Timestamp> = HashMap::new();
        for (order, since) in orders(readings) {
            for reference in references_of(order) {
                let entry = wanted.entry(reference).or_insert(since);
                *entry = (*entry).max(since);
            }
        }
        if wanted.is_empty() {
            return;
        }
        let mut found: HashMap<Reference, Result<Value, ResolveError>> = HashMap::new();
        while !wanted.is_empty() {
            let reads = wanted.drain().map(|(reference, since)| async move {
                let answer = match self.0.get(&reference, now, since) {
                    Some(answer) => answer,
                    None => self.read(client, &reference, now).await,
                };
                (reference, since, answer)
            });
            let mut inner = HashMap::new();
            for (reference, since, answer) in join_all(reads).await {
                // Variables inside the data of a block are resolved as well.
                for nested in answer.iter().flat_map(work_pool::references_in) {
                    inner.insert(nested, since);
                }
                found.insert(reference, answer);
            }
            inner.retain(|reference, _| !found.contains_key(reference));
            wanted = inner;
        }
        let resolver: Arc<dyn Resolver + Send + Sync> = Arc::new(Fetched(found));
        for (order, _) in orders(readings) {
            order.resolver = Arc::clone(&resolver);
        }
    }

    async fn read<T: Transport>(
        &self,
        client: &Client<T>,
        reference: &Reference,
        now: Timestamp,
    ) -> Result<Value, ResolveError> {
        let read = match reference {
            Reference::BlockDocument { id } => client.block_document(id).await,
            Reference::Block { type_slug, name } => client.block(type_slug, name).await,
            Reference::Variable { name } => match client.variable(name).await {
                Ok(Some(value)) => Ok(value),
                Ok(None) => {
                    self.0.put(reference.clone(), Err(ResolveError::NotFound), now);
                    return Err(ResolveError::NotFound);
                }
                Err(error) => Err(error),
            },
        };
        let answer = match read {
            Ok(value) => Ok(value),
            Err(error) if error.is_not_found() => Err(ResolveError::NotFound),
            // Not kept: the next run may fare better.
            Err(error) => return Err(ResolveError::Failed(error.to_string())),
        };
        self.0.put(reference.clone(), answer.clone(), now);
        answer
    }
}

fn orders(readings: &mut [Result<Reading, Failure>]) -> impl Iterator<Item = (&mut Order, Timestamp)> {
    readings.iter_mut().filter_map(|reading| match reading {
        Ok(Reading::Due(order) | Reading::Claimed(order) | Reading::Unrecorded(order)) => {
            let since = order.since;
            Some((&mut **order, since))
        }
        _ => None,
    })
}

fn references_of(order: &Order) -> Vec<Reference> {
    let layers = Layers { deployment: Some(&order.deployment_variables), flow_run: Some(&order.flow_run_variables) };
    order.template.references(layers)
}

/// What was fetched for a batch, as a resolver.
#[derive(Default)]
pub(super) struct Fetched(HashMap<Reference, Result<Value, ResolveError>>);

impl Fetched {
    fn get(&self, reference: &Reference) -> Result<Value, ResolveError> {
        self.0.get(reference).cloned().unwrap_or(Err(ResolveError::NotFetched))
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
}
