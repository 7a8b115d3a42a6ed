//! Filters of lists: which flow runs, work pools and deployments a caller asks for, and in which order.
//!
//! A filter is written as the API wants it (prefect 3.8.8, `server/schemas/filters.py` and
//! `sorting.py`), and 2.20.26 knows all criteria too unless one says otherwise. A criterion that is not
//! set is not sent, because the server refuses members it does not know (422). There is none for the
//! time of a run's end, because 2.20.26 has no such criterion.
//!
//! Filters borrow what they name, so a page costs no copy of the list of ids.

use jiff::Timestamp;
use prefect_ids::FlowRunId;
use serde::Serialize;
use uuid::Uuid;

use crate::states::StateType;

/// What a member has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Is<T> {
    #[serde(rename = "any_")]
    AnyOf(T),
    #[serde(rename = "not_any_")]
    NoneOf(T),
}

/// When something has to be, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum When {
    #[serde(rename = "before_")]
    Before(Timestamp),
    #[serde(rename = "is_null_")]
    IsNull(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Operator {
    #[serde(rename = "or_")]
    Or,
}

/// Flow runs by what they are. Without criteria: all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FlowRunFilter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Is<&'a [FlowRunId]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Is<&'a [&'a str]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StateFilter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_start_time: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_scheduled_start_time: Option<When>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct StateFilter<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    state_type: Option<Is<&'a [StateType]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Is<&'a [&'a str]>>,
}

impl<'a> FlowRunFilter<'a> {
    /// Runs with these ids.
    #[must_use]
    pub fn of_ids(ids: &'a [FlowRunId]) -> Self {
        Self { id: Some(Is::AnyOf(ids)), ..Self::default() }
    }

    /// Runs with one of these names.
    #[must_use]
    pub fn named(names: &'a [&'a str]) -> Self {
        Self { name: Some(Is::AnyOf(names)), ..Self::default() }
    }

    /// Runs in a state of one of these types.
    #[must_use]
    pub fn of_states(types: &'a [StateType]) -> Self {
        let state = StateFilter { state_type: Some(Is::AnyOf(types)), ..StateFilter::default() };
        Self { state: Some(state), ..Self::default() }
    }

    /// Of those, runs in a state with one of these names: "Late", "AwaitingRetry".
    #[must_use]
    pub fn in_state_named(self, names: &'a [&'a str]) -> Self {
        let state = StateFilter { name: Some(Is::AnyOf(names)), ..self.state.unwrap_or_default() };
        Self { state: Some(state), ..self }
    }

    /// Of those, runs without a deployment.
    #[must_use]
    pub fn without_deployment(self) -> Self {
        Self { deployment_id: Some(When::IsNull(true)), ..self }
    }

    /// Of those, runs that have run at least once.
    #[must_use]
    pub fn that_ran(self) -> Self {
        Self { start_time: Some(When::IsNull(false)), ..self }
    }

    /// Of those, runs that were first to start at this time or before.
    #[must_use]
    pub fn expected_by(self, time: Timestamp) -> Self {
        Self { expected_start_time: Some(When::Before(time)), ..self }
    }

    /// Of those, runs whose SCHEDULED state is due at this time or before.
    #[must_use]
    pub fn due_by(self, time: Timestamp) -> Self {
        Self { next_scheduled_start_time: Some(When::Before(time)), ..self }
    }
}

/// Work pools by type and name. Without criteria: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkPoolFilter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Operator>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pool_type: Option<Is<&'a [&'a str]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Is<Vec<&'a str>>>,
}

impl<'a> WorkPoolFilter<'a> {
    /// Work pools with these names. Without a name: no work pool.
    #[must_use]
    pub fn named<S: AsRef<str> + ?Sized + 'a>(names: impl IntoIterator<Item = &'a S>) -> Self {
        let names = names.into_iter().map(AsRef::as_ref).collect();
        Self { name: Some(Is::AnyOf(names)), ..Self::default() }
    }

    /// Work pools of these types, and those with these names whatever their type. Without a type and
    /// a name: no work pool.
    #[must_use]
    pub fn of(types: &'a [&'a str], names: &'a [String]) -> Self {
        let pool_type = Some(Is::AnyOf(types));
        match (types, names) {
            ([], names) => Self::named(names),
            (_, []) => Self { pool_type, ..Self::default() },
            (_, names) => Self { operator: Some(Operator::Or), pool_type, ..Self::named(names) },
        }
    }
}

/// Work queues, of whatever pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WorkQueueFilter<'a> {
    id: Is<&'a [Uuid]>,
}

impl<'a> WorkQueueFilter<'a> {
    /// Work queues with these ids.
    #[must_use]
    pub fn of_ids(ids: &'a [Uuid]) -> Self {
        Self { id: Is::AnyOf(ids) }
    }
}

/// Deployments by id. Without criteria: all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DeploymentFilter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Is<&'a [Uuid]>>,
}

impl<'a> DeploymentFilter<'a> {
    /// Deployments with these ids.
    #[must_use]
    pub fn of_ids(ids: &'a [Uuid]) -> Self {
        Self { id: Some(Is::AnyOf(ids)) }
    }

    /// All deployments but those with these ids (3.x; 2.20.26 answers 422).
    #[must_use]
    pub fn except(ids: &'a [Uuid]) -> Self {
        Self { id: Some(Is::NoneOf(ids)) }
    }
}

/// Which flow runs a list or a count is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FlowRunQuery<'a> {
    /// Of which work pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_pools: Option<WorkPoolFilter<'a>>,
    /// Of which work queues.
    #[serde(rename = "work_pool_queues", skip_serializing_if = "Option::is_none")]
    pub work_queues: Option<WorkQueueFilter<'a>>,
    /// Of which deployments. With this set, runs without a deployment are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployments: Option<DeploymentFilter<'a>>,
    /// Which of their runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_runs: Option<FlowRunFilter<'a>>,
}

/// Which deployments a count is of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeploymentQuery<'a> {
    /// Of which work pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_pools: Option<WorkPoolFilter<'a>>,
    /// Of which work queues.
    #[serde(rename = "work_pool_queues", skip_serializing_if = "Option::is_none")]
    pub work_queues: Option<WorkQueueFilter<'a>>,
    /// Which deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployments: Option<DeploymentFilter<'a>>,
}

/// A list of flow runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowRunList<'a> {
    /// Which ones.
    #[serde(flatten)]
    pub query: FlowRunQuery<'a>,
    /// In which order.
    pub sort: FlowRunSort,
    /// How many at most, up to [`PAGE`](crate::PAGE).
    pub limit: usize,
}

/// Order of a list of flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FlowRunSort {
    /// By id: an order that stays the same while the list is read page by page.
    IdDesc,
    /// The last that ended first.
    EndTimeDesc,
    /// The first that was to start first.
    ExpectedStartTimeAsc,
    /// The last that was to start first.
    ExpectedStartTimeDesc,
    /// The first that is due first.
    NextScheduledStartTimeAsc,
}

/// Order of the lines of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum LogSort {
    /// The oldest first.
    TimestampAsc,
}

#[cfg(test)]
mod tests;
