//! What is read from elsewhere: pool documents, the output of tasks, the doorbell's token.

use std::future::Future;

use ecs::task::Task;
use serde_json::Value;

use super::Failure;

/// Where the pool documents of standalone mode are kept.
pub trait PoolDocuments: Send + Sync + 'static {
    /// The document of a pool, `None` when there is no such pool.
    ///
    /// # Errors
    /// [`Failure`] when that cannot be told.
    fn read(&self, work_pool: &str) -> impl Future<Output = Result<Option<Value>, Failure>> + Send;
}

/// Reads what a container of a task wrote.
pub trait TaskOutput: Send + Sync + 'static {
    /// The last lines of a container, oldest first. None where they are not kept or cannot be read: nothing depends on
    /// them.
    fn tail(&self, task: &Task, container: &str, lines: usize) -> impl Future<Output = Vec<String>> + Send;
}

/// Where containers' output is not to be had.
#[derive(Debug, Clone, Copy)]
pub struct NoOutput;

impl TaskOutput for NoOutput {
    async fn tail(&self, _: &Task, _: &str, _: usize) -> Vec<String> {
        Vec::new()
    }
}

/// Where the doorbell's token is kept.
pub trait TokenSource: Send + Sync + 'static {
    /// What the setting is called, for errors.
    fn setting(&self) -> &'static str;

    /// Reads it as it is now.
    ///
    /// # Errors
    /// Why it cannot be read; never its value.
    fn token(&self) -> impl Future<Output = Result<String, String>> + Send;
}
