//! Outcomes of standalone mode on an EventBridge bus.

use aws_config::SdkConfig;
use dispatch::{metrics::NAMESPACE, ports::OutcomeBus};
use serde_json::{Value, json};

use crate::call::Rpc;

/// Publishes to a bus, or to none.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    put_events: Rpc,
    bus: Option<String>,
}

impl EventBridgeBus {
    /// A publisher for the bus of that name or ARN; `None` publishes nothing.
    #[must_use]
    pub fn new(config: &SdkConfig, bus: Option<String>) -> Self {
        Self { put_events: Rpc::put_events(config), bus }
    }
}

impl OutcomeBus for EventBridgeBus {
    async fn publish(&self, detail_type: &'static str, detail: Value) {
        let Some(bus) = &self.bus else { return };
        // EventBridge API reference, PutEvents: `Detail` is a string of JSON, `EventBusName` a name or an ARN.
        let entry = json!({
            "Source": NAMESPACE,
            "DetailType": detail_type,
            "Detail": detail.to_string(),
            "EventBusName": bus,
        });
        // The log line of the outcome is the record. An announcement that failed must not bring the message back.
        match self.put_events.call(&json!({ "Entries": [entry] })).await {
            Ok(answer) if answer["FailedEntryCount"].as_i64().unwrap_or_default() == 0 => {}
            Ok(answer) => {
                let code = answer["Entries"][0]["ErrorCode"].as_str();
                tracing::warn!(bus, code, "outcome not published");
            }
            Err(error) => tracing::warn!(bus, %error, "outcome not published"),
        }
    }
}
