//! One message: what may be sent and what is remembered of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error;
use crate::clock::Millis;
use crate::wire::AwsError;

/// Most attributes a message may carry (SQS developer guide, "Message quotas").
const MAX_ATTRIBUTES: usize = 10;

/// Value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Datum {
    /// Of a `String` or `Number`.
    Text(String),
    /// Of a `Binary`.
    Binary(Vec<u8>),
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// `String`, `Number` or `Binary`, possibly with a label of the sender's after a dot.
    pub(crate) data_type: String,
    pub(crate) value: Datum,
}

/// `MessageAttributeValue` and `MessageSystemAttributeValue` as sent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeInput {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<String>,
}

impl AttributeInput {
    /// Bytes of type and value, binary by its decoded length.
    pub(crate) fn raw_size(&self) -> usize {
        let binary = self.binary_value.as_ref().map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4);
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        text(&self.data_type) + text(&self.string_value) + binary
    }
}

impl Attribute {
    /// Checks name and value (SQS developer guide, "Amazon SQS message metadata": names up to 256 characters of
    /// `A-Za-z0-9_-.`, not starting or ending with a dot, no two dots in a row, no `AWS.` or `Amazon.`; value not
    /// empty; `Number` up to 38 digits).
    fn parse(name: &str, input: AttributeInput) -> Result<Self, AwsError> {
        if name.is_empty() || name.len() > 256 {
            return Err(error::invalid_parameter("Message (user) attribute names must be shorter than 256 Bytes"));
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return Err(error::invalid_parameter(
                "Message (user) attributes name can only contain upper and lower score characters, digits, periods, \
                 hyphens and underscores. ",
            ));
        }
        let lower = name.to_ascii_lowercase();
        let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
        if reserved || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
            return Err(error::invalid_parameter(
                "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved \
                 for internal use. Additionally, they cannot start or end with '.'.",
            ));
        }
        let Some(data_type) = input.data_type.filter(|data_type| !data_type.is_empty()) else {
            return Err(error::invalid_parameter(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            )));
        };
        if data_type.len() > 256 {
            return Err(error::invalid_parameter("Message (user) attribute types must be shorter than 256 Bytes"));
        }
        let base = data_type.split('.').next().unwrap_or_default();
        let empty = || {
            error::invalid_parameter(format!(
                "Message (user) attribute '{name}' must contain a non-empty value of type '{base}'."
            ))
        };
        let value = match base {
            "String" | "Number" => {
                let text = input.string_value.filter(|text| !text.is_empty()).ok_or_else(empty)?;
                if !text.chars().all(is_allowed) {
                    return Err(error::invalid_parameter(error::INVALID_CHARACTERS));
                }
                if base == "Number" && !is_number(&text) {
                    return Err(error::invalid_parameter(format!(
                        "Can't cast the value of message (user) attribute '{name}' to a number."
                    )));
                }
                Datum::Text(text)
            }
            "Binary" => {
                let text = input.binary_value.filter(|text| !text.is_empty()).ok_or_else(empty)?;
                let bytes = BASE64.decode(text.as_bytes());
                Datum::Binary(bytes.map_err(|_| AwsError::serialization("BinaryValue is not Base64"))?)
            }
            _ => {
                return Err(error::invalid_parameter(format!(
                    "The type of message (user) attribute '{name}' is invalid. You must use only the following \
                     supported type prefixes: Binary, Number, String."
                )));
            }
        };
        Ok(Self { data_type, value })
    }

    /// All of a message.
    pub(crate) fn parse_all(input: BTreeMap<String, AttributeInput>) -> Result<BTreeMap<String, Self>, AwsError> {
        if input.len() > MAX_ATTRIBUTES {
            return Err(error::invalid_parameter(format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].",
                input.len()
            )));
        }
        let parse = |(name, value): (String, _)| Self::parse(&name, value).map(|attribute| (name, attribute));
        input.into_iter().map(parse).collect()
    }

    /// As ReceiveMessage returns it.
    pub(crate) fn to_json(&self) -> Value {
        match &self.value {
            Datum::Text(text) => json!({"StringValue": text, "DataType": self.data_type}),
            Datum::Binary(bytes) => json!({"BinaryValue": BASE64.encode(bytes), "DataType": self.data_type}),
        }
    }

    fn size(&self) -> usize {
        let value = match &self.value {
            Datum::Text(text) => text.len(),
            Datum::Binary(bytes) => bytes.len(),
        };
        self.data_type.len() + value
    }
}

/// Up to 38 digits with sign, point and exponent.
fn is_number(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    plain && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The characters a body may have (API reference, SendMessage; they are those of XML 1.0).
pub(crate) fn is_allowed(character: char) -> bool {
    matches!(character, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Can be received from this time on. In the future: delayed.
    Waiting(Millis),
    /// Received, hidden until this time.
    InFlight(Millis),
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// `AWSTraceHeader`, the one system attribute a sender may set.
    pub(crate) trace_header: Option<String>,
    /// `SentTimestamp`.
    pub(crate) sent: Millis,
    /// Since when retention counts: `sent`, except that a FIFO dead-letter queue counts from the move.
    pub(crate) enqueued: Millis,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
    pub(crate) sequence_number: Option<String>,
    pub(crate) first_received: Option<Millis>,
    /// `ApproximateReceiveCount`, here exact.
    pub(crate) receive_count: u32,
    /// When it was received last; the 12 hours of visibility count from here.
    pub(crate) last_received: Millis,
    /// Number of the last receipt handle; 0 before the first.
    pub(crate) receipt: u64,
    /// `DeadLetterQueueSourceArn`.
    pub(crate) source_arn: Option<String>,
    pub(crate) place: Place,
}

impl Message {
    /// System attributes that ReceiveMessage can return, by name.
    pub(crate) fn system_attributes(&self, sender: &str) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("SenderId".into(), sender.into());
        all.insert("SentTimestamp".into(), self.sent.to_string().into());
        all.insert("ApproximateReceiveCount".into(), self.receive_count.to_string().into());
        let optional = [
            ("ApproximateFirstReceiveTimestamp", self.first_received.map(|at| at.to_string())),
            ("MessageGroupId", self.group.clone()),
            ("MessageDeduplicationId", self.deduplication.clone()),
            ("SequenceNumber", self.sequence_number.clone()),
            ("AWSTraceHeader", self.trace_header.clone()),
            ("DeadLetterQueueSourceArn", self.source_arn.clone()),
        ];
        let present = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        all.extend(present);
        all
    }
}

/// Bytes that count against the limits: body, and names, types and values of the attributes (SQS developer guide,
/// "Message quotas").
pub(crate) fn size(body: &str, attributes: &BTreeMap<String, Attribute>) -> usize {
    body.len() + attributes.iter().map(|(name, attribute)| name.len() + attribute.size()).sum::<usize>()
}
