//! The blocks of deployments, those that settings refer to, and the blocks that those refer to.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use prefect_api::{ApiError, Client, Transport};
use serde_json::Value;
use templating::{Reference, References};
use uuid::Uuid;

/// Blocks that are read at once.
const AT_ONCE: usize = 6;

/// Members of a deployment that name a block.
const OF_DEPLOYMENT: [&str; 2] = ["infrastructure_document_id", "storage_document_id"];

/// Members of a deployment whose text may refer to blocks. 2.20 calls job variables `infra_overrides`.
const REFERRING: [&str; 3] = ["job_variables", "infra_overrides", "pull_steps"];

/// A block to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Id(Uuid),
    Named { type_slug: String, name: String },
}

/// Reads the blocks of deployments and those that deployments and pools of ECS refer to, then those that they refer to,
/// until there are no more. One that does not exist is left out.
pub(super) async fn of<T: Transport>(
    client: &Client<T>,
    deployments: &[Value],
    pools: &[Value],
) -> Result<Vec<Value>, ApiError> {
    let ids = deployments.iter().flat_map(|it| OF_DEPLOYMENT.iter().filter_map(|member| id(&it[*member])));
    let mut wanted: BTreeSet<Wanted> = ids.map(Wanted::Id).collect();
    let of_deployments = deployments.iter().flat_map(|it| REFERRING.iter().map(|member| &it[*member]));
    let is_ecs = |pool: &&Value| pool["type"].as_str().is_some_and(|it| it == "ecs" || it.starts_with("ecs:"));
    let of_pools = pools.iter().filter(is_ecs).map(|pool| &pool["base_job_template"]);
    wanted.extend(of_deployments.chain(of_pools).flat_map(placeholders));
    let mut known: BTreeSet<Wanted> = BTreeSet::new();
    let mut read_ids: BTreeSet<Uuid> = BTreeSet::new();
    let mut documents = Vec::new();
    while !wanted.is_empty() {
        known.extend(wanted.iter().cloned());
        let reads = stream::iter(wanted).map(|block| read(client, block)).buffered(AT_ONCE);
        let read: Vec<Option<Value>> = reads.try_collect().await?;
        // A block may be wanted by its id and by its name.
        let read: Vec<Value> =
            read.into_iter().flatten().filter(|block| id(&block["id"]).is_none_or(|id| read_ids.insert(id))).collect();
        let next = read.iter().flat_map(|block| placeholders(&block["data"]).chain(references(block).map(Wanted::Id)));
        wanted = next.filter(|block| !known.contains(block)).collect();
        documents.extend(read);
    }
    Ok(documents)
}

async fn read<T: Transport>(client: &Client<T>, block: Wanted) -> Result<Option<Value>, ApiError> {
    match block {
        Wanted::Id(id) => client.masked_block_document(id).await,
        Wanted::Named { type_slug, name } => client.masked_block_named(&type_slug, &name).await,
    }
}

/// Blocks that a document refers to by placeholders and `$ref`. The API bounds the depth of its documents.
fn placeholders(document: &Value) -> impl Iterator<Item = Wanted> + use<> {
    let mut references = References::default();
    references.collect(document);
    references.into_vec().into_iter().filter_map(|reference| match reference {
        Reference::Block { type_slug, name } => Some(Wanted::Named { type_slug, name }),
        Reference::BlockDocument { id } => id.parse().ok().map(Wanted::Id),
        Reference::Variable { .. } | Reference::Credentials { .. } => None,
    })
}

fn references(block: &Value) -> impl Iterator<Item = Uuid> {
    let references = block["block_document_references"].as_object().into_iter().flatten();
    references.filter_map(|(_, reference)| id(&reference["block_document"]["id"]))
}

fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}
