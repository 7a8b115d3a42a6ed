//! What a filter lets through.
//!
//! Facts: prefect 3.8.8, `server/schemas/filters.py` and `sorting.py`. Only what pushpool and its users ask with; a filter
//! of anything else is refused rather than taken for one that lets all through.

use std::cmp::Ordering;

use jiff::Timestamp;
use prefect_api::models::StateType;
use serde::Deserialize;
use uuid::Uuid;

use super::models::{Pool, Queue, Run};

/// Most items of an answer.
pub(super) const PAGE: usize = 200;

/// How criteria go together.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
enum Operator {
    #[default]
    #[serde(rename = "and_")]
    And,
    #[serde(rename = "or_")]
    Or,
}

impl Operator {
    /// A filter without criteria lets all through.
    fn join<const N: usize>(self, criteria: [Option<bool>; N]) -> bool {
        let mut given = criteria.into_iter().flatten().peekable();
        match self {
            Self::And => given.all(|it| it),
            Self::Or => given.peek().is_none() || given.any(|it| it),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Any<T> {
    any_: Option<Vec<T>>,
    not_any_: Option<Vec<T>>,
}

impl<T: PartialEq> Any<T> {
    fn lets(&self, found: Option<&T>) -> bool {
        let among = |listed: &Vec<T>| found.is_some_and(|found| listed.contains(found));
        self.any_.as_ref().is_none_or(among)
            && self.not_any_.as_ref().filter(|it| !it.is_empty()).is_none_or(|it| found.is_some() && !among(it))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    before_: Option<Timestamp>,
    after_: Option<Timestamp>,
    is_null_: Option<bool>,
}

impl Time {
    fn lets(&self, time: Option<Timestamp>) -> bool {
        self.before_.is_none_or(|before| time.is_some_and(|time| time <= before))
            && self.after_.is_none_or(|after| time.is_some_and(|time| time >= after))
            && self.is_null_.is_none_or(|null| time.is_none() == null)
    }
}

/// Of which deployments, or of none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Whose {
    operator: Operator,
    any_: Option<Vec<Uuid>>,
    is_null_: Option<bool>,
}

impl Whose {
    fn lets(&self, deployment: Option<Uuid>) -> bool {
        self.operator.join([
            self.any_.as_ref().map(|listed| deployment.is_some_and(|deployment| listed.contains(&deployment))),
            self.is_null_.map(|null| deployment.is_none() == null),
        ])
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StateFilter {
    operator: Operator,
    r#type: Option<Any<StateType>>,
    name: Option<Any<String>>,
}

impl StateFilter {
    fn lets(&self, run: &Run) -> bool {
        self.operator.join([
            self.r#type.as_ref().map(|it| it.lets(run.state_type().as_ref())),
            self.name.as_ref().map(|it| it.lets(run.state().map(|state| &state.name))),
        ])
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RunFilter {
    operator: Operator,
    id: Option<Any<Uuid>>,
    name: Option<Any<String>>,
    deployment_id: Option<Whose>,
    state: Option<StateFilter>,
    start_time: Option<Time>,
    end_time: Option<Time>,
    expected_start_time: Option<Time>,
    next_scheduled_start_time: Option<Time>,
}

impl RunFilter {
    fn lets(&self, run: &Run) -> bool {
        let time = |filter: &Option<Time>, time| filter.as_ref().map(|it| it.lets(time));
        self.operator.join([
            self.id.as_ref().map(|it| it.lets(Some(&run.id))),
            self.name.as_ref().map(|it| it.lets(Some(&run.name))),
            self.deployment_id.as_ref().map(|it| it.lets(run.deployment)),
            self.state.as_ref().map(|it| it.lets(run)),
            time(&self.start_time, run.start_time),
            time(&self.end_time, run.end_time),
            time(&self.expected_start_time, run.expected_start_time),
            time(&self.next_scheduled_start_time, run.next_scheduled_start_time),
        ])
    }
}

/// Of things that have a type as well: work pools.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PoolFilter {
    operator: Operator,
    id: Option<Any<Uuid>>,
    name: Option<Any<String>>,
    r#type: Option<Any<String>>,
}

impl PoolFilter {
    pub(super) fn lets(&self, pool: &Pool) -> bool {
        self.operator.join([
            self.id.as_ref().map(|it| it.lets(Some(&pool.id))),
            self.name.as_ref().map(|it| it.lets(Some(&pool.name))),
            self.r#type.as_ref().map(|it| it.lets(Some(&pool.pool_type))),
        ])
    }
}

/// Of things that have an id and a name.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct NamedFilter {
    operator: Operator,
    id: Option<Any<Uuid>>,
    name: Option<Any<String>>,
}

impl NamedFilter {
    pub(super) fn lets(&self, id: Uuid, name: &String) -> bool {
        self.operator
            .join([self.id.as_ref().map(|it| it.lets(Some(&id))), self.name.as_ref().map(|it| it.lets(Some(name)))])
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Sort {
    #[default]
    IdDesc,
    StartTimeAsc,
    StartTimeDesc,
    ExpectedStartTimeAsc,
    ExpectedStartTimeDesc,
    NameAsc,
    NameDesc,
    NextScheduledStartTimeAsc,
    EndTimeDesc,
}

/// Body of `flow_runs/filter`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RunQuery {
    flow_runs: Option<RunFilter>,
    work_pools: Option<PoolFilter>,
    deployments: Option<NamedFilter>,
    sort: Sort,
    pub(super) limit: Option<usize>,
    offset: usize,
}

impl RunQuery {
    /// The runs it names; `place` tells a run's pool and queue.
    pub(super) fn pick<'a>(
        &self,
        runs: impl Iterator<Item = &'a Run>,
        place: impl Fn(&Run) -> Option<(&'a Pool, &'a Queue)>,
        deployment: impl Fn(&Run) -> Option<(Uuid, &'a String)>,
    ) -> Vec<&'a Run> {
        let in_pool =
            |run: &Run| self.work_pools.as_ref().is_none_or(|it| place(run).is_some_and(|(pool, _)| it.lets(pool)));
        let of_deployment = |run: &Run| {
            self.deployments.as_ref().is_none_or(|it| deployment(run).is_some_and(|(id, name)| it.lets(id, name)))
        };
        let named = |run: &Run| self.flow_runs.as_ref().is_none_or(|it| it.lets(run));
        let mut found: Vec<&Run> = runs.filter(|run| named(run) && in_pool(run) && of_deployment(run)).collect();
        // What the database leaves open is settled by the id.
        found.sort_by(|a, b| self.sort.compare(a, b).then(b.id.cmp(&a.id)));
        found.into_iter().skip(self.offset).take(self.limit.unwrap_or(PAGE)).collect()
    }
}

impl Sort {
    /// Nothing sorts before everything, as in SQLite.
    fn compare(self, a: &Run, b: &Run) -> Ordering {
        let start = |run: &Run| run.start_time.or(run.expected_start_time);
        match self {
            Self::IdDesc => b.id.cmp(&a.id),
            Self::StartTimeAsc => start(a).cmp(&start(b)),
            Self::StartTimeDesc => start(b).cmp(&start(a)),
            Self::ExpectedStartTimeAsc => a.expected_start_time.cmp(&b.expected_start_time),
            Self::ExpectedStartTimeDesc => b.expected_start_time.cmp(&a.expected_start_time),
            Self::NameAsc => a.name.cmp(&b.name),
            Self::NameDesc => b.name.cmp(&a.name),
            Self::NextScheduledStartTimeAsc => a.next_scheduled_start_time.cmp(&b.next_scheduled_start_time),
            Self::EndTimeDesc => b.end_time.cmp(&a.end_time),
        }
    }
}
