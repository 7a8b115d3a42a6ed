//! The SQS event and the answer to it, as documents.
//!
//! Source: Lambda developer guide, "Using Lambda with Amazon SQS" (example events of standard and FIFO queues) and
//! "Implementing partial batch responses".

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// One record of an event, from a message as ReceiveMessage returns it.
pub(crate) fn record(message: &Value, queue_arn: &str, region: &str) -> Value {
    let attributes = message["MessageAttributes"].as_object().into_iter().flatten();
    let message_attributes: Map<String, Value> = attributes
        .map(|(name, attribute)| {
            let mut rendered = json!({"stringListValues": [], "binaryListValues": []});
            for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue"), ("DataType", "dataType")]
            {
                if let Some(value) = attribute.get(from) {
                    rendered[to] = value.clone();
                }
            }
            (name.clone(), rendered)
        })
        .collect();
    json!({
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": message_attributes,
        "md5OfMessageAttributes": message.get("MD5OfMessageAttributes"),
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    })
}

/// What a batch comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// These message ids failed, all others succeeded.
    Failed(BTreeSet<String>),
    /// The whole batch failed, for this reason.
    AllFailed(String),
}

/// Reads `batchItemFailures`.
///
/// All succeeded: an empty or null list, an empty or null answer. All failed: an answer of another shape, an
/// identifier that is empty, null, missing, under another key, or of no message of the batch.
pub(crate) fn outcome(answer: &Value, message_ids: &BTreeSet<String>) -> Outcome {
    let failures = match answer {
        Value::Null => return Outcome::Failed(BTreeSet::new()),
        Value::Object(members) => match members.get("batchItemFailures") {
            None | Some(Value::Null) => return Outcome::Failed(BTreeSet::new()),
            Some(Value::Array(failures)) => failures,
            Some(_) => return Outcome::AllFailed("batchItemFailures is not a list".into()),
        },
        _ => return Outcome::AllFailed("the answer is not an object".into()),
    };
    let mut failed = BTreeSet::new();
    for failure in failures {
        match failure["itemIdentifier"].as_str() {
            None | Some("") => return Outcome::AllFailed(format!("{failure} has no itemIdentifier")),
            Some(id) if !message_ids.contains(id) => {
                return Outcome::AllFailed(format!("itemIdentifier {id:?} is of no message of the batch"));
            }
            Some(id) => failed.insert(id.to_owned()),
        };
    }
    Outcome::Failed(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn answers_mean_what_the_guide_says() {
        let batch = ids(&["a", "b"]);
        for all_well in [
            json!(null),
            json!({}),
            json!({"batchItemFailures": null}),
            json!({"batchItemFailures": []}),
            json!({"other": 1}),
        ] {
            assert_eq!(outcome(&all_well, &batch), Outcome::Failed(ids(&[])), "{all_well}");
        }
        let one = json!({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "b"}]});
        assert_eq!(outcome(&one, &batch), Outcome::Failed(ids(&["b"])));
        for all_failed in [
            json!("text"),
            json!([]),
            json!({"batchItemFailures": {}}),
            json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"foo": "a"}]}),
            json!({"batchItemFailures": ["a"]}),
            json!({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}),
        ] {
            assert!(matches!(outcome(&all_failed, &batch), Outcome::AllFailed(_)), "{all_failed}");
        }
    }

    #[test]
    fn a_record_has_the_shape_of_the_guides_example() {
        let message = json!({
            "MessageId": "id", "ReceiptHandle": "handle", "Body": "body", "MD5OfBody": "md5",
            "Attributes": {"ApproximateReceiveCount": "1"},
            "MD5OfMessageAttributes": "md5a",
            "MessageAttributes": {"run": {"StringValue": "r", "DataType": "String"}},
        });
        assert_eq!(
            record(&message, "arn:aws:sqs:us-east-2:123456789012:q", "us-east-2"),
            json!({
                "messageId": "id", "receiptHandle": "handle", "body": "body", "md5OfBody": "md5",
                "attributes": {"ApproximateReceiveCount": "1"},
                "md5OfMessageAttributes": "md5a",
                "messageAttributes": {"run": {
                    "stringValue": "r", "stringListValues": [], "binaryListValues": [], "dataType": "String",
                }},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:q",
                "awsRegion": "us-east-2",
            })
        );
    }
}
