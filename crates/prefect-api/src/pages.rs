//! Flow runs by pages that may fail for what they hold.
//!
//! A page holds the parameters of its runs, which pushpool has no use for and the API does not leave out: 200 runs may take
//! 100 MB (512 KiB of parameters each), and one run may fail its whole page (prefect 3.8.8 answers 500 where a parameter is an
//! integer beyond 64 bits). So a page that fails for its content is asked for again by halves, and what is left of it run
//! by run. The ids of those come from the call that the user interface draws its charts with, which leaves the parameters
//! out; it is there on 2.20, 3.8.8 and 3.9.1.

use std::sync::atomic::Ordering;

use futures_util::{StreamExt, stream};
use prefect_ids::FlowRunId;
use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    error::ApiError,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort},
    lists::AT_ONCE,
    models::{FlowRun, StateType},
    transport::Transport,
};

/// A page of so many runs is not halved any more, but read run by run.
const FEW: usize = 8;

/// A run that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The run.
    pub id: FlowRunId,
    /// What it is now; none if it was asked for by its id.
    pub state_type: Option<StateType>,
    /// Why.
    pub error: ApiError,
}

/// Runs of a list, from some place in it on.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Those that could be read.
    pub runs: Vec<FlowRun>,
    /// Those that could not.
    pub unread: Vec<Unread>,
    /// Where the list goes on; none at its end.
    pub next: Option<usize>,
}

/// What was found of runs that were asked for by their ids. Those that do not exist are in neither list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Each {
    /// Those that could be read, in no order.
    pub runs: Vec<FlowRun>,
    /// Those that could not.
    pub unread: Vec<Unread>,
}

#[derive(Deserialize)]
struct Listed {
    id: FlowRunId,
    state_type: Option<StateType>,
}

/// A part of the list that a query and an order make.
#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    query: &'a FlowRunQuery<'a>,
    sort: FlowRunSort,
    limit: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Batch<'a> {
    flow_runs: FlowRunFilter<'a>,
    limit: usize,
}

impl<T: Transport> Client<T> {
    /// A page of the flow runs that a filter names. It may be shorter than others before the end of the list.
    ///
    /// # Errors
    /// [`ApiError`]: not even the ids of the runs can be read.
    pub async fn flow_runs_page(
        &self,
        filter: &FlowRunQuery<'_>,
        sort: FlowRunSort,
        offset: usize,
    ) -> Result<Page, ApiError> {
        let part = |limit| Part { query: filter, sort, limit, offset };
        let few = FEW.min(self.page());
        let mut size = self.readable().load(Ordering::Relaxed).clamp(few, self.page());
        loop {
            let error = match self.post_page("/flow_runs/filter".into(), &part(size)).await {
                Ok(runs) => {
                    self.readable().store((size * 2).min(self.page()), Ordering::Relaxed);
                    let runs: Vec<FlowRun> = runs;
                    // A server that gives more than it is asked for knows no pages.
                    let next = (runs.len() == size).then_some(offset + size);
                    return Ok(Page { runs, unread: Vec::new(), next });
                }
                Err(error) if error.is_of_its_content() => error,
                Err(error) => return Err(error),
            };
            tracing::debug!(%error, size, "a page of flow runs failed");
            if size > few {
                size = (size / 2).max(few);
                self.readable().store(size, Ordering::Relaxed);
                continue;
            }
            let listed: Vec<Listed> =
                self.post("/ui/flow_runs/history".into(), &part(size)).await.map_err(|_| error)?;
            let next = (listed.len() == size).then_some(offset + size);
            let ids: Vec<FlowRunId> = listed.iter().map(|run| run.id).collect();
            let Each { runs, mut unread } = self.one_by_one(&ids).await;
            for unread in &mut unread {
                unread.state_type = listed.iter().find(|run| run.id == unread.id).and_then(|run| run.state_type);
            }
            return Ok(Page { runs, unread, next });
        }
    }

    /// The flow runs of these ids: in pages, and where a page fails for its content, one by one.
    ///
    /// # Errors
    /// [`ApiError`]: the server does not answer, whatever it is asked for.
    pub async fn each_flow_run(&self, ids: &[FlowRunId]) -> Result<Each, ApiError> {
        let mut each = Each::default();
        for ids in ids.chunks(self.page()) {
            let body = Batch { flow_runs: FlowRunFilter::of_ids(ids), limit: ids.len() };
            match self.post_page("/flow_runs/filter".into(), &body).await {
                Ok(runs) => each.runs.extend::<Vec<FlowRun>>(runs),
                Err(error) if error.is_of_its_content() => {
                    let Each { runs, unread } = self.one_by_one(ids).await;
                    each.runs.extend(runs);
                    each.unread.extend(unread);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(each)
    }

    async fn one_by_one(&self, ids: &[FlowRunId]) -> Each {
        // Owned, so that the future does not borrow from the caller's list.
        let ids: Vec<FlowRunId> = ids.into();
        let reads =
            ids.into_iter().map(|id| async move { (id, self.get_impatiently(format!("/flow_runs/{id}")).await) });
        let read: Vec<(FlowRunId, Result<FlowRun, ApiError>)> =
            stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut each = Each::default();
        for (id, run) in read {
            match run {
                Ok(run) => each.runs.push(run),
                // Deleted since it was listed.
                Err(error) if error.is_not_found() => {}
                Err(error) => each.unread.push(Unread { id, state_type: None, error }),
            }
        }
        each
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::{Patience, Request, Response, TransportError};

    /// A server with runs of which some fail their pages, and some whatever they are read by.
    #[derive(Default)]
    struct Server {
        runs: usize,
        fails_pages: Vec<usize>,
        fails: Vec<usize>,
        /// More runs than these in an answer are too much.
        most: usize,
        requests: Mutex<Vec<String>>,
    }

    impl Transport for Arc<Server> {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            self.requests.lock().unwrap().push(request.path.clone());
            let answer = |status: u16, body: &Value| {
                Ok(Response { status, retry_after: None, body: body.to_string().into_bytes() })
            };
            let run =
                |number: usize| json!({"id": FlowRunId::from_u128(number as u128), "flow_id": FlowRunId::from_u128(0)});
            if let Some(id) = request.path.strip_prefix("/flow_runs/").filter(|id| *id != "filter") {
                let number = id.parse::<FlowRunId>().unwrap().uuid().as_u128() as usize;
                let status = if self.fails.contains(&number) { 500 } else { 200 };
                return answer(status, &run(number));
            }
            let body: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
            let number = |key: &str| body[key].as_u64().unwrap_or_default() as usize;
            let named: Option<Vec<FlowRunId>> = serde_json::from_value(body["flow_runs"]["id"]["any_"].clone()).ok();
            let found = (0..self.runs)
                .filter(|it| named.as_ref().is_none_or(|named| named.contains(&FlowRunId::from_u128(*it as u128))));
            let page: Vec<usize> = found.skip(number("offset")).take(number("limit")).collect();
            if request.path == "/flow_runs/filter" {
                if page.len() > self.most {
                    return Err(TransportError::TooLarge(1));
                }
                if page.iter().any(|it| self.fails_pages.contains(it) || self.fails.contains(it)) {
                    return answer(500, &json!({}));
                }
            }
            answer(200, &page.into_iter().map(run).collect())
        }
    }

    fn numbers(runs: &[FlowRun]) -> Vec<u128> {
        let mut numbers: Vec<u128> = runs.iter().map(|run| run.id.uuid().as_u128()).collect();
        numbers.sort_unstable();
        numbers
    }

    #[tokio::test(start_paused = true)]
    async fn one_run_that_cannot_be_read_fails_alone() {
        let server = Server { runs: 450, fails_pages: vec![3, 399], fails: vec![120], most: 60, ..Server::default() };
        let server = Arc::new(server);
        let client = Client::new(Arc::clone(&server), Patience::FUNCTION);
        let (mut runs, mut unread, mut next) = (Vec::new(), Vec::new(), Some(0));
        while let Some(offset) = next {
            let page = client.flow_runs_page(&FlowRunQuery::default(), FlowRunSort::IdDesc, offset).await.unwrap();
            runs.extend(page.runs);
            unread.extend(page.unread);
            next = page.next;
        }
        assert_eq!(numbers(&runs), (0..450).filter(|number| *number != 120).collect::<Vec<u128>>());
        assert_eq!(unread.iter().map(|it| it.id.uuid().as_u128()).collect::<Vec<_>>(), [120]);
        let requests = server.requests.lock().unwrap().len();
        assert!(requests < 120, "{requests}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_with_a_run_that_cannot_be_read_is_read_one_by_one() {
        let server = Server { runs: 10, fails_pages: vec![2], fails: vec![5], most: 200, ..Server::default() };
        let client = Client::new(Arc::new(server), Patience::FUNCTION);
        let ids: Vec<FlowRunId> = (0..8).map(FlowRunId::from_u128).collect();
        let Each { runs, unread } = client.each_flow_run(&ids).await.unwrap();
        assert_eq!(numbers(&runs), [0, 1, 2, 3, 4, 6, 7]);
        assert_eq!(unread.iter().map(|it| it.id.uuid().as_u128()).collect::<Vec<_>>(), [5]);
    }
}
