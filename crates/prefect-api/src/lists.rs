//! Lists of the API, read page by page, and answers that may say "not found".

use futures_util::{StreamExt, stream};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeMap};
use uuid::Uuid;

use crate::{client::Client, error::ApiError, filters::Is, transport::Transport};

/// Most items of an answer (prefect 3.8.8, `server/settings`, `PREFECT_SERVER_API_DEFAULT_LIMIT`).
/// More is refused.
pub const PAGE: usize = 200;

/// How many items are read at once where each is read alone.
pub(crate) const AT_ONCE: usize = 4;

/// More items of a list than any server has: asking ends where a server's answers do not.
const MOST_ITEMS: usize = 20_000;

/// A filter that lets everything through: `{}`.
#[derive(Serialize)]
pub(crate) struct Everything {}

#[derive(Serialize)]
struct Part<'a, F> {
    #[serde(flatten)]
    filter: &'a F,
    limit: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Ids<'a, I> {
    id: Is<&'a [I]>,
}

/// `{kind: {"id": {"any_": ids}}, "limit": limit}`
struct OfIds<'a, I> {
    kind: &'static str,
    ids: &'a [I],
    limit: usize,
}

impl<I: Serialize> Serialize for OfIds<'_, I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry(self.kind, &Ids { id: Is::AnyOf(self.ids) })?;
        members.serialize_entry("limit", &self.limit)?;
        members.end()
    }
}

impl<T: Transport> Client<T> {
    /// All items of a list that is read by pages. `key` tells one item from another.
    pub(crate) async fn list<R: DeserializeOwned, K: PartialEq>(
        &self,
        path: &str,
        filter: &(impl Serialize + Sync),
        key: impl Fn(&R) -> K,
    ) -> Result<Vec<R>, ApiError> {
        let mut items: Vec<R> = Vec::new();
        loop {
            let part = Part { filter, limit: self.page(), offset: items.len() };
            let page: Vec<R> = self.post(path.to_owned(), &part).await?;
            // A server that gives the same page again has no others.
            let known = page.first().is_none_or(|first| items.iter().any(|item| key(item) == key(first)));
            let more = page.len() >= self.page() && !known && items.len() < MOST_ITEMS;
            if !known {
                items.extend(page);
            }
            if !more {
                return Ok(items);
            }
        }
    }

    /// The items with these ids, however many, asked for page by page. `kind` is the API's word.
    pub(crate) async fn list_by_id<R: DeserializeOwned>(
        &self,
        path: &str,
        kind: &'static str,
        ids: &[impl Serialize + Sync],
    ) -> Result<Vec<R>, ApiError> {
        let mut items = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.page()) {
            let body = OfIds { kind, ids, limit: self.page() };
            items.extend(self.post_page::<Vec<R>>(path.to_owned(), &body).await?);
        }
        Ok(items)
    }
}

/// Items of a list, and those that the server cannot write or we cannot read, each with why.
#[derive(Debug, Clone, PartialEq)]
pub struct Apart<R> {
    /// The others.
    pub items: Vec<R>,
    /// By their ids.
    pub unread: Vec<(Uuid, ApiError)>,
}

impl<T: Transport> Client<T> {
    /// As `list_by_id`; if that fails for its content, each item is asked for alone.
    pub(crate) async fn each_by_id<R: DeserializeOwned>(
        &self,
        path: &'static str,
        kind: &'static str,
        ids: &[Uuid],
    ) -> Result<Apart<R>, ApiError> {
        match self.list_by_id(path, kind, ids).await {
            Ok(items) => return Ok(Apart { items, unread: Vec::new() }),
            Err(error) if error.is_of_its_content() => {}
            Err(error) => return Err(error),
        }
        // Owned, so that the future does not borrow from the caller's list.
        let ids: Vec<Uuid> = ids.into();
        let reads = ids.into_iter().map(|id| async move { (id, self.list_by_id::<R>(path, kind, &[id]).await) });
        let read: Vec<(Uuid, Result<Vec<R>, ApiError>)> = stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut apart = Apart { items: Vec::new(), unread: Vec::new() };
        for (id, answer) in read {
            match answer {
                Ok(items) => apart.items.extend(items),
                Err(error) => apart.unread.push((id, error)),
            }
        }
        Ok(apart)
    }
}

/// None if the server says that there is no such thing.
pub(crate) fn found<R>(answer: Result<R, ApiError>) -> Result<Option<R>, ApiError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
