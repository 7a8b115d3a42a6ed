//! What Terraform makes of the module, for tests that replay it on loopback: `infra/applied`, written by `infra/check`, which also
//! says when it is out of date.

mod iam;
mod roles;

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value};

pub use iam::Iam;
pub use roles::{Ask, Roles, policy};

/// The plan's account and region.
pub const ACCOUNT: &str = "111122223333";
/// See [`ACCOUNT`].
pub const REGION: &str = "eu-central-1";

/// An installation: its resources and the outputs that people give to `pushpool pool create`.
#[derive(Debug, Clone)]
pub struct Applied(Value);

/// A resource of it.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a>(&'a Map<String, Value>);

impl Applied {
    /// With a Prefect server and a doorbell.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn served() -> Self {
        Self::read("served")
    }

    /// Without a Prefect server.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn standalone() -> Self {
        Self::read("standalone")
    }

    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../infra/applied/{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).expect("it is JSON"))
    }

    /// The same somewhere else: every `from` is a `to`.
    ///
    /// # Panics
    /// When that is no JSON any more.
    #[must_use]
    pub fn with(&self, from: &str, to: &str) -> Self {
        Self(serde_json::from_str(&self.0.to_string().replace(from, to)).expect("it is still JSON"))
    }

    /// The same in another account and region.
    #[must_use]
    pub fn at(&self, account: &str, region: &str) -> Self {
        self.with(&format!("{REGION}:{ACCOUNT}:"), &format!("{region}:{account}:"))
            .with(&format!("iam::{ACCOUNT}:"), &format!("iam::{account}:"))
    }

    /// The resources of a type, by address.
    #[must_use]
    pub fn all(&self, of: &str) -> BTreeMap<&str, Resource<'_>> {
        let all = self.0["resources"][of].as_object().into_iter().flatten();
        all.filter_map(|(address, it)| Some((address.as_str(), Resource(it.as_object()?)))).collect()
    }

    /// The resource with that value of a member: an ARN, mostly.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn find(&self, of: &str, member: &str, value: &str) -> Resource<'_> {
        let mut all = self.all(of).into_values();
        all.find(|it| it.text(member) == value).unwrap_or_else(|| panic!("no {of} whose {member} is {value}"))
    }

    /// An output.
    #[must_use]
    pub fn output(&self, name: &str) -> &Value {
        &self.0["outputs"][name]
    }
}

impl<'a> Resource<'a> {
    /// A member, null if it is not set.
    #[must_use]
    pub fn get(self, member: &str) -> &'a Value {
        self.0.get(member).unwrap_or(&Value::Null)
    }

    /// A member that is a string.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn text(self, member: &str) -> &'a str {
        self.get(member).as_str().unwrap_or_else(|| panic!("{member} of {:?}", self.0))
    }

    /// A member that is a number.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn number(self, member: &str) -> u64 {
        self.get(member).as_u64().unwrap_or_else(|| panic!("{member} of {:?}", self.0))
    }

    /// The only block of that name.
    ///
    /// # Panics
    /// When there is none, or there are several.
    #[must_use]
    pub fn block(self, name: &str) -> Resource<'a> {
        match self.get(name).as_array().map(Vec::as_slice) {
            Some([Value::Object(block)]) => Resource(block),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// Attributes of a queue as SQS names them.
    #[must_use]
    pub fn queue_attributes(self) -> Value {
        let names = [
            ("fifo_queue", "FifoQueue"),
            ("deduplication_scope", "DeduplicationScope"),
            ("fifo_throughput_limit", "FifoThroughputLimit"),
            ("visibility_timeout_seconds", "VisibilityTimeout"),
            ("message_retention_seconds", "MessageRetentionPeriod"),
            ("receive_wait_time_seconds", "ReceiveMessageWaitTimeSeconds"),
            ("redrive_policy", "RedrivePolicy"),
        ];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let given = names.into_iter().map(|(member, name)| (name, self.get(member)));
        // SQS takes `FifoQueue` only if it is true.
        let given = given.filter(|(_, value)| !value.is_null() && **value != Value::Bool(false));
        given.map(|(name, value)| (name.to_owned(), Value::String(text(value)))).collect::<Map<_, _>>().into()
    }
}
