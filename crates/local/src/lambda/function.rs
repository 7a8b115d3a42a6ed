//! What can be invoked.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

/// Why an invocation has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// The function itself reported an error.
    #[error("the function failed: {error_type}: {message}")]
    Failed {
        /// Its `errorType`.
        error_type: String,
        /// Its `errorMessage`.
        message: String,
    },
    /// The environment ended, or the function panicked, before it answered. Lambda: `Runtime.ExitError`.
    #[error("the function ended without an answer: {0}")]
    Exited(String),
    /// The environment did not get as far as asking for work. Lambda: `Runtime.ExitError` or `Runtime.InitError` in
    /// the init phase.
    #[error("the function did not start: {0}")]
    Start(String),
    /// No answer within the function's timeout. Lambda: `Sandbox.Timedout`.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The account, or the function's reservation, has no place left; the text is Lambda's `Reason`. Lambda:
    /// `TooManyRequestsException`.
    #[error("Rate Exceeded. ({0})")]
    Throttled(&'static str),
    /// The answer is not JSON.
    #[error("the function's response is not JSON: {0}")]
    Response(String),
    /// Nothing is invoked any more.
    #[error("the function is being stopped")]
    Stopped,
}

/// A running invocation.
pub type Invocation<'a> = Pin<Box<dyn Future<Output = Result<Value, FunctionError>> + Send + 'a>>;

/// Something that takes events.
pub trait Function: Send + Sync + 'static {
    /// Invokes it with an event and gives it this long.
    fn invoke(&self, event: Value, timeout: Duration) -> Invocation<'_>;
}

/// A closure as a function. It is called with the event and what is left of its time. A panic fails the invocation,
/// as a crash does at Lambda, and is over with the invocation.
pub struct InProcess<F>(Arc<F>);

impl<F, R> InProcess<F>
where
    F: Fn(Value, Duration) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    /// Makes a function of the closure.
    pub fn new(function: F) -> Self {
        Self(Arc::new(function))
    }
}

impl<F> fmt::Debug for InProcess<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

impl<F, R> Function for InProcess<F>
where
    F: Fn(Value, Duration) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Value, FunctionError>> + Send + 'static,
{
    fn invoke(&self, event: Value, timeout: Duration) -> Invocation<'_> {
        let function = Arc::clone(&self.0);
        // Called inside the task, so that a panic before the first await stays there too.
        let mut running = AbortOnDrop(tokio::spawn(async move { function(event, timeout).await }));
        Box::pin(async move {
            match tokio::time::timeout(timeout, &mut running.0).await {
                Ok(Ok(result)) => result,
                Ok(Err(error)) => Err(FunctionError::Exited(error.to_string())),
                Err(_) => Err(FunctionError::TimedOut(timeout)),
            }
        })
    }
}

/// A task that does not outlive the one who waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
