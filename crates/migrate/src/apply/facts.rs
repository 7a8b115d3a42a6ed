//! What the server says now about what a plan relies on.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use manage::Server;
use prefect_api::{
    ApiError, Transport,
    models::{Documents, Object as Document},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::UpgradeError,
    fingerprint::fingerprint,
    plan::{Seen, SeenKind},
};

/// Documents that are read at once; the client has a limit of its own.
const AT_ONCE: usize = 6;

/// The server's documents.
pub(super) struct Facts {
    pools: Vec<Value>,
    queues: Vec<Value>,
    deployments: BTreeMap<Uuid, Document>,
    blocks: BTreeMap<Uuid, Value>,
}

impl Facts {
    /// Reads all pools and queues, these deployments, and the blocks that are relied on.
    pub(super) async fn read<T: Transport>(
        server: &Server<T>,
        deployments: &[Uuid],
        seen: &[&Seen],
    ) -> Result<Self, UpgradeError> {
        let client = &server.client;
        let mut blocks: Vec<Uuid> =
            seen.iter().filter(|seen| seen.kind == SeenKind::BlockDocument).map(|seen| seen.id).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let deployments = each(deployments.to_vec(), async |id| client.deployment_document(id).await);
        let blocks = each(blocks, async |id| client.masked_block_document(id).await);
        let (pools, queues) = (client.documents(Documents::WorkPools), client.documents(Documents::WorkQueues));
        let read = tokio::try_join!(pools, queues, deployments, blocks);
        let (pools, queues, deployments, blocks) = read.map_err(|error| server.told(error))?;
        Ok(Self { pools, queues, deployments, blocks })
    }

    /// A pool.
    pub(super) fn pool(&self, name: &str) -> Option<&Value> {
        self.pools.iter().find(|pool| pool["name"] == name)
    }

    /// A queue of a pool.
    pub(super) fn queue(&self, pool: &str, name: &str) -> Option<&Value> {
        self.queues.iter().find(|queue| queue["work_pool_name"] == pool && queue["name"] == name)
    }

    /// A deployment.
    pub(super) fn deployment(&self, id: Uuid) -> Option<&Document> {
        self.deployments.get(&id)
    }

    /// How an object differs from what was seen; none if it does not.
    pub(super) fn difference(&self, seen: &Seen) -> Option<String> {
        let of_list = |list: &[Value]| list.iter().find(|it| it["id"] == seen.id.to_string()).cloned();
        let (what, found) = match seen.kind {
            SeenKind::Deployment => ("deployment", self.deployments.get(&seen.id).cloned().map(Value::Object)),
            SeenKind::BlockDocument => ("block", self.blocks.get(&seen.id).cloned()),
            SeenKind::WorkPool => ("work pool", of_list(&self.pools)),
            SeenKind::WorkQueue => ("work queue", of_list(&self.queues)),
        };
        let Some(found) = found else { return Some(format!("{what} {} was deleted", seen.id)) };
        let name = found["name"].as_str().map_or_else(|| seen.id.to_string(), |name| format!("\"{name}\""));
        (fingerprint(&found) != seen.fingerprint).then(|| format!("{what} {name} was changed"))
    }
}

/// Documents by their ids, several at once. One that does not exist is left out.
async fn each<R>(
    ids: Vec<Uuid>,
    read: impl AsyncFn(Uuid) -> Result<Option<R>, ApiError>,
) -> Result<BTreeMap<Uuid, R>, ApiError> {
    let read = &read;
    let documents = stream::iter(ids).map(|id| async move { Ok((id, read(id).await?)) }).buffer_unordered(AT_ONCE);
    let documents: Vec<(Uuid, Option<R>)> = documents.try_collect().await?;
    Ok(documents.into_iter().filter_map(|(id, document)| Some((id, document?))).collect())
}
