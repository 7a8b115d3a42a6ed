//! The blocks of deployments, and the blocks that those refer to.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use prefect_api::{ApiError, Client, Transport};
use serde_json::Value;
use uuid::Uuid;

/// Blocks that are read at once.
const AT_ONCE: usize = 6;

/// Members of a deployment that name a block.
const OF_DEPLOYMENT: [&str; 2] = ["infrastructure_document_id", "storage_document_id"];

/// Reads the blocks of deployments, then those that they refer to, until there are no more. One that was deleted is left
/// out.
pub(super) async fn of<T: Transport>(client: &Client<T>, deployments: &[Value]) -> Result<Vec<Value>, ApiError> {
    let mut known: BTreeSet<Uuid> = BTreeSet::new();
    let mut wanted: BTreeSet<Uuid> =
        deployments.iter().flat_map(|it| OF_DEPLOYMENT.iter().filter_map(|member| id(&it[*member]))).collect();
    let mut documents = Vec::new();
    while !wanted.is_empty() {
        known.extend(&wanted);
        let reads = stream::iter(wanted).map(|id| client.masked_block_document(id)).buffered(AT_ONCE);
        let read: Vec<Option<Value>> = reads.try_collect().await?;
        let read: Vec<Value> = read.into_iter().flatten().collect();
        wanted = read.iter().flat_map(references).filter(|id| !known.contains(id)).collect();
        documents.extend(read);
    }
    Ok(documents)
}

fn references(block: &Value) -> impl Iterator<Item = Uuid> {
    let references = block["block_document_references"].as_object().into_iter().flatten();
    references.filter_map(|(_, reference)| id(&reference["block_document"]["id"]))
}

fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}
