//! Queue attributes: which there are, what values they take, what they mean.
//!
//! Ranges and defaults: API reference, CreateQueue and SetQueueAttributes. A set of attributes is validated as a whole
//! before any of it takes effect.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error;
use crate::clock::Millis;
use crate::wire::AwsError;

/// Attributes with a number: name, default, least, most. Seconds, and bytes for the message size.
const NUMBERS: [(&str, u64, u64, u64); 5] = [
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", 1_048_576, 1_024, 1_048_576),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];

/// Attributes only FIFO queues have: name, default, values.
const FIFO: [(&str, &str, [&str; 2]); 3] = [
    ("ContentBasedDeduplication", "false", ["true", "false"]),
    ("DeduplicationScope", "queue", ["queue", "messageGroup"]),
    ("FifoThroughputLimit", "perQueue", ["perQueue", "perMessageGroupId"]),
];

/// Attributes that are kept and returned and mean nothing here.
const KEPT: [&str; 3] = ["Policy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"];

/// Attributes that can be asked for and not set.
pub(crate) const COMPUTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// `RedrivePolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) target_arn: String,
    /// 1 to 1,000.
    pub(crate) max_receive_count: u32,
}

/// `RedriveAllowPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum RedriveAllow {
    #[default]
    All,
    None,
    Queues(Vec<String>),
}

impl RedriveAllow {
    /// Whether a queue with this ARN may name the owner of the policy as its dead-letter queue.
    pub(crate) fn admits(&self, source_arn: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Queues(arns) => arns.iter().any(|arn| arn == source_arn),
        }
    }
}

/// The settable attributes of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) fifo: bool,
    values: BTreeMap<String, String>,
    pub(crate) delay: Millis,
    /// Bytes.
    pub(crate) max_size: usize,
    pub(crate) retention: Millis,
    pub(crate) wait: Millis,
    pub(crate) visibility: Millis,
    pub(crate) content_based_deduplication: bool,
    pub(crate) deduplication_per_group: bool,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) redrive_allow: RedriveAllow,
}

impl Attributes {
    /// Those of a new queue.
    pub(crate) fn new(fifo: bool, given: &BTreeMap<String, String>) -> Result<Self, AwsError> {
        let mut values: BTreeMap<String, String> =
            NUMBERS.iter().map(|(name, default, ..)| ((*name).to_owned(), default.to_string())).collect();
        values.insert("SqsManagedSseEnabled".into(), "true".into());
        if fifo {
            values.insert("FifoQueue".into(), "true".into());
            values.extend(FIFO.iter().map(|(name, default, _)| ((*name).to_owned(), (*default).to_owned())));
        }
        let new = Self {
            fifo,
            values,
            delay: 0,
            max_size: 0,
            retention: 0,
            wait: 0,
            visibility: 0,
            content_based_deduplication: false,
            deduplication_per_group: false,
            redrive: None,
            redrive_allow: RedriveAllow::All,
        };
        new.with(given)
    }

    /// The same after SetQueueAttributes.
    pub(crate) fn with(&self, given: &BTreeMap<String, String>) -> Result<Self, AwsError> {
        let mut new = self.clone();
        for (name, value) in given {
            new.set(name, value)?;
        }
        let per_group = new.text("FifoThroughputLimit") == "perMessageGroupId";
        if per_group && new.text("DeduplicationScope") != "messageGroup" {
            return Err(error::invalid_attribute_value(
                "FifoThroughputLimit",
                "perMessageGroupId is allowed only when DeduplicationScope is messageGroup.",
            ));
        }
        new.delay = new.number("DelaySeconds") * 1_000;
        new.max_size = usize::try_from(new.number("MaximumMessageSize")).unwrap_or(usize::MAX);
        new.retention = new.number("MessageRetentionPeriod") * 1_000;
        new.wait = new.number("ReceiveMessageWaitTimeSeconds") * 1_000;
        new.visibility = new.number("VisibilityTimeout") * 1_000;
        new.content_based_deduplication = new.text("ContentBasedDeduplication") == "true";
        new.deduplication_per_group = new.text("DeduplicationScope") == "messageGroup";
        Ok(new)
    }

    /// Name of the first given attribute whose value is another here; CreateQueue of an existing queue asks this.
    pub(crate) fn difference(&self, given: &BTreeMap<String, String>) -> Result<Option<String>, AwsError> {
        let wanted = self.with(given)?;
        Ok(given.keys().find(|name| wanted.values.get(*name) != self.values.get(*name)).cloned())
    }

    /// Settable attributes as GetQueueAttributes returns them.
    pub(crate) fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Whether an attribute of this name exists for any queue.
    pub(crate) fn is_known(name: &str) -> bool {
        NUMBERS.iter().any(|(known, ..)| *known == name)
            || FIFO.iter().any(|(known, ..)| *known == name)
            || KEPT.contains(&name)
            || COMPUTED.contains(&name)
            || ["FifoQueue", "RedrivePolicy", "RedriveAllowPolicy", "SqsManagedSseEnabled"].contains(&name)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), AwsError> {
        if let Some((_, _, least, most)) = NUMBERS.iter().find(|(known, ..)| *known == name) {
            let number = value.parse::<u64>().ok().filter(|number| (least..=most).contains(&number));
            let number = number.ok_or_else(|| error::invalid_attribute_value(name, ""))?;
            self.values.insert(name.into(), number.to_string());
            return Ok(());
        }
        if let Some((_, _, allowed)) = FIFO.iter().find(|(known, ..)| *known == name) {
            if !self.fifo {
                return Err(match name {
                    "ContentBasedDeduplication" => error::unknown_attribute(name),
                    _ => error::invalid_attribute_name(format!(
                        "You can specify the {name} only when FifoQueue is set to true."
                    )),
                });
            }
            let lower = value.to_ascii_lowercase();
            let value = allowed.iter().find(|allowed| **allowed == value || **allowed == lower);
            let value = value.ok_or_else(|| error::invalid_attribute_value(name, ""))?;
            self.values.insert(name.into(), (*value).into());
            return Ok(());
        }
        match name {
            "FifoQueue" if !self.fifo => return Err(error::unknown_attribute(name)),
            "FifoQueue" if !value.eq_ignore_ascii_case("true") => {
                return Err(error::invalid_attribute_value(name, "Modifying queue type is not supported."));
            }
            "FifoQueue" => return Ok(()),
            "RedrivePolicy" => self.redrive = parse_redrive(value)?,
            "RedriveAllowPolicy" => self.redrive_allow = parse_redrive_allow(value)?,
            "SqsManagedSseEnabled" => {
                let lower = value.to_ascii_lowercase();
                if !["true", "false"].contains(&&*lower) {
                    return Err(error::invalid_attribute_value(name, ""));
                }
                self.values.insert(name.into(), lower);
                return Ok(());
            }
            name if KEPT.contains(&name) => {}
            _ => return Err(error::unknown_attribute(name)),
        }
        // The empty string takes such an attribute away.
        if value.is_empty() {
            self.values.remove(name);
        } else {
            self.values.insert(name.into(), value.into());
        }
        Ok(())
    }

    fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or_default()
    }
}

fn parse_redrive(value: &str) -> Result<Option<Redrive>, AwsError> {
    if value.is_empty() {
        return Ok(None);
    }
    let invalid = |reason: &str| error::invalid_value(value, "RedrivePolicy", reason);
    let policy: Value = serde_json::from_str(value).map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
    if !policy.is_object() {
        return Err(invalid("Redrive policy is not a valid JSON map."));
    }
    let target_arn = policy["deadLetterTargetArn"].as_str().filter(|arn| !arn.is_empty());
    let target_arn = target_arn
        .ok_or_else(|| invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn."))?
        .to_owned();
    // The console writes a number, Terraform and others write text.
    let count = match &policy["maxReceiveCount"] {
        Value::Null => {
            return Err(invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount."));
        }
        Value::String(text) => text.parse::<u32>().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    let max_receive_count = count.filter(|count| (1..=1_000).contains(count)).ok_or_else(|| {
        let given = policy["maxReceiveCount"].to_string();
        invalid(&format!(
            "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive.",
            given.trim_matches('"')
        ))
    })?;
    Ok(Some(Redrive { target_arn, max_receive_count }))
}

fn parse_redrive_allow(value: &str) -> Result<RedriveAllow, AwsError> {
    if value.is_empty() {
        return Ok(RedriveAllow::All);
    }
    let invalid = |reason: &str| error::invalid_value(value, "RedriveAllowPolicy", reason);
    let policy: Value =
        serde_json::from_str(value).map_err(|_| invalid("Redrive allow policy is not a valid JSON map."))?;
    let arns: Option<Vec<String>> = policy["sourceQueueArns"]
        .as_array()
        .map(|arns| arns.iter().filter_map(|arn| arn.as_str().map(str::to_owned)).collect());
    match (policy["redrivePermission"].as_str(), arns) {
        (Some("allowAll"), None) => Ok(RedriveAllow::All),
        (Some("denyAll"), None) => Ok(RedriveAllow::None),
        (Some("byQueue"), Some(arns)) if (1..=10).contains(&arns.len()) => Ok(RedriveAllow::Queues(arns)),
        (Some("byQueue"), _) => Err(invalid("byQueue needs 1 to 10 sourceQueueArns.")),
        (Some("allowAll" | "denyAll"), Some(_)) => Err(invalid("sourceQueueArns is allowed with byQueue only.")),
        _ => Err(invalid("redrivePermission must be allowAll, denyAll or byQueue.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn code(result: Result<Attributes, AwsError>) -> String {
        result.unwrap_err().code.into_owned()
    }

    #[test]
    fn numbers_have_their_documented_ranges() {
        for (name, _, least, most) in NUMBERS {
            for good in [least, most] {
                assert!(Attributes::new(false, &given(&[(name, &good.to_string())])).is_ok(), "{name} {good}");
            }
            let over = (most + 1).to_string();
            for bad in [&over, "-1", "x", ""] {
                assert_eq!(code(Attributes::new(false, &given(&[(name, bad)]))), "InvalidAttributeValue", "{name}");
            }
        }
    }

    #[test]
    fn fifo_attributes_need_a_fifo_queue() {
        for (name, value) in
            [("FifoQueue", "true"), ("ContentBasedDeduplication", "true"), ("DeduplicationScope", "queue")]
        {
            assert_eq!(code(Attributes::new(false, &given(&[(name, value)]))), "InvalidAttributeName");
            assert!(Attributes::new(true, &given(&[(name, value)])).is_ok());
        }
        assert_eq!(code(Attributes::new(true, &given(&[("FifoQueue", "false")]))), "InvalidAttributeValue");
        let per_group = ("FifoThroughputLimit", "perMessageGroupId");
        assert_eq!(code(Attributes::new(true, &given(&[per_group]))), "InvalidAttributeValue");
        assert!(Attributes::new(true, &given(&[per_group, ("DeduplicationScope", "messageGroup")])).is_ok());
    }

    #[test]
    fn a_redrive_policy_takes_numbers_and_text() {
        for count in ["3", "\"3\""] {
            let policy = format!("{{\"deadLetterTargetArn\":\"arn\",\"maxReceiveCount\":{count}}}");
            let attributes = Attributes::new(false, &given(&[("RedrivePolicy", &policy)])).unwrap();
            assert_eq!(attributes.redrive, Some(Redrive { target_arn: "arn".into(), max_receive_count: 3 }));
            let without = attributes.with(&given(&[("RedrivePolicy", "")])).unwrap();
            assert_eq!(without.redrive, None);
        }
        for policy in [
            "x",
            "[]",
            r#"{"maxReceiveCount":1}"#,
            r#"{"deadLetterTargetArn":"a"}"#,
            r#"{"deadLetterTargetArn":"a","maxReceiveCount":0}"#,
            r#"{"deadLetterTargetArn":"a","maxReceiveCount":1001}"#,
        ] {
            let error = code(Attributes::new(false, &given(&[("RedrivePolicy", policy)])));
            assert_eq!(error, "InvalidParameterValueException", "{policy}");
        }
    }
}
