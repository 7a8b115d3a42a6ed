//! What the dispatcher publishes outcomes with: `events:PutEvents`. Entries are kept for who asks; no rule looks at them.
//!
//! Source: EventBridge API reference, PutEvents.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::wire::{AwsError, Service};

/// Most entries in a call.
const MAX_ENTRIES: usize = 10;

/// What was published, on any bus.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buses(Arc<Mutex<Vec<Value>>>);

impl Buses {
    pub(crate) fn entries(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn call(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        if operation != "PutEvents" {
            return Err(AwsError::unknown_operation(Service::Events, operation));
        }
        let entries = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            let problem = "Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10";
            return Err(AwsError::new("ValidationException", format!("1 validation error detected: {problem}")));
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failed = 0;
        let answers: Vec<Value> = entries
            .iter()
            .map(|entry| {
                if let Some((code, message)) = malformed(entry) {
                    failed += 1;
                    return json!({"ErrorCode": code, "ErrorMessage": message});
                }
                kept.push(entry.clone());
                json!({"EventId": Uuid::new_v4().to_string()})
            })
            .collect();
        Ok(json!({"FailedEntryCount": failed, "Entries": answers}))
    }
}

/// What is wrong with an entry, as code and words: entries fail one by one, in an answer that is a success.
fn malformed(entry: &Value) -> Option<(&'static str, String)> {
    let missing = |member: &&str| entry[*member].as_str().is_none_or(str::is_empty);
    if let Some(member) = ["Source", "DetailType", "Detail"].iter().find(|member| missing(member)) {
        return Some(("InvalidArgument", format!("{member} is not specified.")));
    }
    let detail = entry["Detail"].as_str().and_then(|detail| serde_json::from_str::<Value>(detail).ok());
    (!detail.is_some_and(|detail| detail.is_object())).then(|| ("MalformedDetail", "Detail is malformed.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_entries_are_kept_and_bad_ones_answered() {
        let buses = Buses::default();
        let good = json!({"Source": "pushpool", "DetailType": "Outcome", "Detail": "{\"run\": 1}", "EventBusName": "outcomes"});
        let bad = json!({"Source": "pushpool", "DetailType": "Outcome", "Detail": "[]"});
        let answer = buses.call("PutEvents", &json!({"Entries": [good, bad, {}]})).unwrap();
        assert_eq!(answer["FailedEntryCount"], 2);
        assert!(answer["Entries"][0]["EventId"].is_string());
        assert_eq!(answer["Entries"][1]["ErrorCode"], "MalformedDetail");
        assert_eq!(answer["Entries"][2]["ErrorCode"], "InvalidArgument");
        assert_eq!(buses.entries(), [good]);
        assert_eq!(buses.call("PutEvents", &json!({"Entries": []})).unwrap_err().code, "ValidationException");
        assert_eq!(buses.call("PutRule", &json!({})).unwrap_err().code, "UnknownOperationException");
    }
}
