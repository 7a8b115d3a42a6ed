//! The event that Lambda hands over for an SQS queue, and the answer it wants.
//!
//! Records are taken apart one by one, from untyped JSON, so that one strange record does not fail its batch (a typed
//! event would). Shapes: AWS Lambda developer guide, "Using Lambda with Amazon SQS", "Reporting batch item failures".

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::RunQueue;

/// One message as the event carries it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Identifies the message in the answer.
    pub message_id: String,
    /// Needed to change its visibility.
    #[serde(default)]
    pub receipt_handle: String,
    /// The body as sent.
    #[serde(default)]
    pub body: String,
    /// System attributes.
    #[serde(default)]
    pub attributes: Attributes,
}

/// The system attributes that matter here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attributes {
    /// How often the message was received, this time included.
    #[serde(default)]
    approximate_receive_count: Option<String>,
    /// Set on FIFO queues.
    #[serde(default)]
    pub message_group_id: Option<String>,
}

impl Record {
    /// Which kind of queue it comes from: only FIFO queues have groups.
    #[must_use]
    pub fn queue(&self) -> RunQueue {
        if self.attributes.message_group_id.is_some() { RunQueue::Fifo } else { RunQueue::Standard }
    }

    /// How often the message was received, this time included; 1 where the event does not say.
    #[must_use]
    pub fn receive_count(&self) -> u32 {
        self.attributes.approximate_receive_count.as_deref().and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

/// What Lambda reads from the function: the messages to keep.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// Messages that are to be delivered again. All others are deleted.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One message to keep.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its `messageId`; an empty one would make Lambda keep the whole batch.
    pub item_identifier: String,
}

/// The event is not an SQS event, or a record has no id by which it could be kept: the invocation has to fail.
#[derive(Debug, thiserror::Error)]
#[error("not an SQS event: {0}")]
pub struct NotAnSqsEvent(String);

/// Takes the event apart.
///
/// # Errors
/// [`NotAnSqsEvent`] when there is no `Records` list or a record without `messageId`. Failing the invocation keeps every
/// message; acknowledging one that cannot be named would lose it.
pub fn records(event: Value) -> Result<Vec<Record>, NotAnSqsEvent> {
    let Value::Object(mut event) = event else {
        return Err(NotAnSqsEvent("the payload is not an object".to_owned()));
    };
    let Some(Value::Array(records)) = event.remove("Records") else {
        return Err(NotAnSqsEvent("`Records` is missing or not a list".to_owned()));
    };
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            let id = record.get("messageId").and_then(Value::as_str).unwrap_or_default().to_owned();
            if id.is_empty() {
                return Err(NotAnSqsEvent(format!("Records[{index}] has no messageId")));
            }
            // A record that names itself but is otherwise odd goes on with the JSON of its body, and so ends as malformed.
            let body = record.get("body").map(Value::to_string).unwrap_or_default();
            Ok(Record::deserialize(record).unwrap_or_else(|_| Record {
                message_id: id,
                receipt_handle: String::new(),
                body,
                attributes: Attributes::default(),
            }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_odd_record_does_not_fail_the_others() {
        let event = json!({"Records": [
            {"messageId": "a", "body": "x", "attributes": {"ApproximateReceiveCount": "3"}},
            {"messageId": "b", "body": 5},
        ]});
        let records = records(event).unwrap();
        assert_eq!((records[0].receive_count(), records[0].body.as_str()), (3, "x"));
        assert_eq!((records[1].message_id.as_str(), records[1].body.as_str()), ("b", "5"));
    }

    #[test]
    fn what_cannot_be_named_fails_the_invocation() {
        for event in
            [json!([]), json!({}), json!({"Records": [{"body": "x"}]}), json!({"Records": [{"messageId": ""}]})]
        {
            assert!(records(event.clone()).is_err(), "{event}");
        }
    }

    #[test]
    fn the_answer_has_lambdas_names() {
        let answer = BatchResponse { batch_item_failures: vec![BatchItemFailure { item_identifier: "a".into() }] };
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "a"}]}));
    }
}
