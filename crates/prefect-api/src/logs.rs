//! Logs of flow runs.

use jiff::Timestamp;
use prefect_ids::FlowRunId;
use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    error::ApiError,
    filters::{Is, LogSort},
    lists::PAGE,
    transport::{Method, Transport},
};

/// Level of a log line (Python's numbers).
pub mod level {
    /// INFO.
    pub const INFO: u32 = 20;
    /// WARNING.
    pub const WARNING: u32 = 30;
    /// ERROR.
    pub const ERROR: u32 = 40;
}

/// A line of a flow run's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogLine {
    /// Name of the logger.
    pub name: &'static str,
    /// One of [`level`].
    pub level: u32,
    /// The text.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
    /// The run.
    pub flow_run_id: FlowRunId,
}

/// A line of a flow run's log, as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WrittenLine {
    /// Name of the logger.
    pub name: String,
    /// One of [`level`], or another number of Python's.
    pub level: u32,
    /// The text.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
}

#[derive(Serialize)]
struct Lines {
    logs: LogFilter,
    sort: LogSort,
    limit: usize,
    offset: usize,
}

#[derive(Serialize)]
struct LogFilter {
    flow_run_id: Is<[FlowRunId; 1]>,
}

impl<T: Transport> Client<T> {
    /// Adds lines to the logs of flow runs.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn write_logs(&self, lines: &[LogLine]) -> Result<(), ApiError> {
        self.send(Method::Post, "/logs/".into(), Some(&lines)).await
    }

    /// Lines of a flow run's log, oldest first; at most [`PAGE`] from `offset`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn logs(&self, run: FlowRunId, offset: usize) -> Result<Vec<WrittenLine>, ApiError> {
        let logs = LogFilter { flow_run_id: Is::AnyOf([run]) };
        let body = Lines { logs, sort: LogSort::TimestampAsc, limit: PAGE, offset };
        self.post("/logs/filter".into(), &body).await
    }
}
