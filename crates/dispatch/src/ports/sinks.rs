//! Who is told what happens.

use std::future::Future;

use serde_json::Value;

use crate::outcome::Event;

/// Takes what happens, as it happens.
pub trait Sink: Send + Sync + 'static {
    /// Called once for each thing: a message whose fate is sealed, a poll, something that was seen of a run or done to it.
    fn emit(&self, event: &Event<'_>);
}

/// Announces outcomes to whoever listens, besides the log. Best effort: the log is the record.
pub trait OutcomeBus: Send + Sync + 'static {
    /// Publishes one event; `detail_type` is one of `Launched`, `HandedBack`, `Crashed`.
    fn publish(&self, detail_type: &'static str, detail: Value) -> impl Future<Output = ()> + Send;
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct NoBus;

impl OutcomeBus for NoBus {
    async fn publish(&self, _detail_type: &'static str, _detail: Value) {}
}
