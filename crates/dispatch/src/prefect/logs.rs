//! Lines for the logs of flow runs, written together.
//!
//! A run's owner looks at the run, not at the log of a Lambda function. The lines of a batch go in one request, so that
//! they cost a tenth of one for each run.

use prefect_ids::FlowRunId;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prefect_api::{
    Client, Transport,
    models::{LogLine, level},
};

/// Name of the logger, as it is shown beside each line.
pub const LOGGER: &str = "pushpool";

/// Most lines of a request: the client's own bound is 4 MB, and a line has some hundred bytes.
const LINES: usize = 500;

/// Lines that are not yet written.
#[derive(Debug, Default)]
pub struct Logs(Mutex<Vec<LogLine>>);

impl Logs {
    /// Adds a line.
    pub fn add(&self, flow_run_id: FlowRunId, severity: u32, message: String, timestamp: Timestamp) {
        let line = LogLine { name: LOGGER, level: severity, message, timestamp, flow_run_id };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Adds a line of level INFO.
    pub fn info(&self, flow_run_id: FlowRunId, message: String, timestamp: Timestamp) {
        self.add(flow_run_id, level::INFO, message, timestamp);
    }

    /// Writes all lines. Nothing depends on them, so a failure is only noted.
    pub async fn flush<T: Transport>(&self, client: &Client<T>) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for part in lines.chunks(LINES) {
            if let Err(error) = client.write_logs(part).await {
                tracing::warn!(%error, lines = part.len(), "log lines of flow runs were not written");
            }
        }
    }
}
