//! Outcomes of standalone mode on an EventBridge bus.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use dispatch::{outcome::NAMESPACE, standalone::OutcomeBus};
use serde_json::Value;

/// Publishes to a bus, or to none.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    bus: Option<String>,
}

impl EventBridgeBus {
    /// A publisher for the bus of that name or ARN; `None` publishes nothing.
    #[must_use]
    pub fn new(client: Client, bus: Option<String>) -> Self {
        Self { client, bus }
    }
}

impl OutcomeBus for EventBridgeBus {
    async fn publish(&self, detail_type: &'static str, detail: Value) {
        let Some(bus) = &self.bus else { return };
        let entry = PutEventsRequestEntry::builder()
            .source(NAMESPACE)
            .detail_type(detail_type)
            .detail(detail.to_string())
            .event_bus_name(bus)
            .build();
        // The log line of the outcome is the record. An announcement that failed must not bring the message back.
        match self.client.put_events().entries(entry).send().await {
            Ok(answer) if answer.failed_entry_count() == 0 => {}
            Ok(answer) => {
                let code = answer.entries().first().and_then(|entry| entry.error_code());
                tracing::warn!(bus, code, "outcome not published");
            }
            Err(error) => {
                let error = aws_sdk_eventbridge::error::DisplayErrorContext(&error);
                tracing::warn!(bus, %error, "outcome not published");
            }
        }
    }
}
