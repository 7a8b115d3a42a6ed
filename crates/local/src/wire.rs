//! What the services have in common on the wire: the JSON protocols of AWS.
//!
//! A request is a POST whose `X-Amz-Target` header names service and operation and whose body is the input as JSON;
//! the answer is the output as JSON with 200, or an error document with another status. Source: Smithy, "AWS JSON 1.0
//! protocol" and "AWS JSON 1.1 protocol"; which service speaks which, and under what target prefix, is in its model
//! (`metadata.jsonVersion`, `metadata.targetPrefix`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

/// A service the endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Amazon Simple Queue Service, API version 2012-11-05.
    Sqs,
    /// Amazon Elastic Container Service, API version 2014-11-13.
    Ecs,
    /// AWS Secrets Manager, API version 2017-10-17.
    SecretsManager,
    /// AWS Systems Manager, API version 2014-11-06.
    Ssm,
    /// Amazon CloudWatch Logs, API version 2014-03-28.
    Logs,
    /// Amazon EventBridge, API version 2015-10-07.
    Events,
    /// Amazon EventBridge Scheduler, API version 2021-06-30. It speaks REST: its operation is in method and path.
    Scheduler,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Sqs, Self::Ecs, Self::SecretsManager, Self::Ssm, Self::Logs, Self::Events, Self::Scheduler];

    /// Short name, as in `sqs:SendMessage`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Ecs => "ecs",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Logs => "logs",
            Self::Events => "events",
            Self::Scheduler => "scheduler",
        }
    }

    /// What stands before the dot in `X-Amz-Target` (service models of botocore, `metadata.targetPrefix`); none for a
    /// service without that header.
    pub fn target_prefix(self) -> Option<&'static str> {
        Some(match self {
            Self::Sqs => "AmazonSQS",
            Self::Ecs => "AmazonEC2ContainerServiceV20141113",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "AmazonSSM",
            Self::Logs => "Logs_20140328",
            Self::Events => "AWSEvents",
            Self::Scheduler => return None,
        })
    }

    /// Content type of its answers (service models, `metadata.jsonVersion`).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Sqs => "application/x-amz-json-1.0",
            Self::Ecs | Self::SecretsManager | Self::Ssm | Self::Logs | Self::Events => "application/x-amz-json-1.1",
            Self::Scheduler => "application/json",
        }
    }

    /// Namespace of the modelled errors in `__type`; clients ignore everything up to the `#`.
    pub fn namespace(self) -> Option<&'static str> {
        match self {
            Self::Sqs => Some("com.amazonaws.sqs"),
            _ => None,
        }
    }

    /// Splits the value of `X-Amz-Target` into service and operation.
    pub fn of_target(target: &str) -> Option<(Self, &str)> {
        let (prefix, operation) = target.split_once('.')?;
        let service = Self::ALL.into_iter().find(|service| service.target_prefix() == Some(prefix))?;
        Some((service, operation))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose resources they are: what ARNs say after the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For instance `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
}

impl Account {
    /// `arn:aws:<service>:<region>:<account>:<resource>`.
    pub fn arn(&self, service: Service, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account_id)
    }
}

/// Namespace of errors that no service models: the framework under all of them raises them.
const COMMON_NAMESPACE: &str = "com.amazon.coral.service";
const COMMON_ERRORS: [&str; 4] = [
    "UnknownOperationException",
    "SerializationException",
    "InvalidParameterValueException",
    "MissingRequiredParameterException",
];

/// An error answer.
///
/// On the wire: `{"__type": "<namespace>#<code>", "message": …, <extra>…}`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// HTTP status: 400 for what the caller did, 500 for what the service did.
    pub status: u16,
    /// Name of the error's shape in the service model, for instance `QueueDoesNotExist`; no namespace.
    pub code: Cow<'static, str>,
    /// What is shown to the caller.
    pub message: String,
    /// Further members of the error's shape, for instance `resourceIds` of `ConflictException`.
    pub extra: BTreeMap<String, Value>,
    /// The error's name in the query protocol, where it differs from `code` (trait `awsQueryError` of the model);
    /// travels in `x-amzn-query-error` for services that once spoke that protocol.
    pub query_code: Option<Cow<'static, str>>,
}

impl AwsError {
    /// An error of the caller's (status 400).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), extra: BTreeMap::new(), query_code: None }
    }

    /// The same with another HTTP status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more member in the error document.
    pub fn with(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(member.into(), value.into());
        self
    }

    /// The same with its name in the query protocol.
    pub fn with_query_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.query_code = Some(code.into());
        self
    }

    /// The operation is not one the service has (or not one that is modelled here).
    pub fn unknown_operation(service: Service, operation: &str) -> Self {
        Self::new("UnknownOperationException", format!("{service} has no operation {operation} here"))
    }

    /// The body is not JSON, or a member has another type than the model says.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new("SerializationException", message)
    }

    /// Whether the fault is the service's.
    pub fn is_server_fault(&self) -> bool {
        self.status >= 500
    }

    /// The error document as `service` writes it.
    pub fn body(&self, service: Service) -> Value {
        let mut body = Map::new();
        let common = service.namespace().is_some() && COMMON_ERRORS.contains(&&*self.code);
        let qualified = match service.namespace() {
            _ if self.code.contains('#') => self.code.to_string(),
            _ if common => format!("{COMMON_NAMESPACE}#{}", self.code),
            Some(namespace) => format!("{namespace}#{}", self.code),
            None => self.code.to_string(),
        };
        body.insert("__type".into(), qualified.into());
        body.insert("message".into(), self.message.clone().into());
        body.extend(self.extra.clone());
        Value::Object(body)
    }

    /// Value of `x-amzn-query-error` (`Code;Sender` or `Code;Receiver`), for services with trait `awsQueryCompatible`.
    pub fn query_error(&self, service: Service) -> Option<String> {
        let party = if self.is_server_fault() { "Receiver" } else { "Sender" };
        let code = self.query_code.as_ref().unwrap_or(&self.code);
        (service == Service::Sqs).then(|| format!("{code};{party}"))
    }
}

/// Who signed a request, as far as its `Authorization` header says. Nothing is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Access key id.
    pub access_key: Option<String>,
    /// Region in the credential scope.
    pub region: Option<String>,
}

impl Caller {
    /// Reads the credential scope of a Signature Version 4 header:
    /// `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`.
    pub fn of_authorization(header: &str) -> Self {
        let scope = header.split([' ', ',']).find_map(|part| part.strip_prefix("Credential="));
        let mut parts = scope.unwrap_or_default().split('/').map(|part| (!part.is_empty()).then(|| part.to_owned()));
        Self { access_key: parts.next().flatten(), region: parts.nth(1).flatten() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_service_and_operation() {
        assert_eq!(Service::of_target("AmazonSQS.SendMessage"), Some((Service::Sqs, "SendMessage")));
        assert_eq!(Service::of_target("AmazonEC2ContainerServiceV20141113.RunTask"), Some((Service::Ecs, "RunTask")));
        assert_eq!(Service::of_target("AmazonSQS"), None);
        assert_eq!(Service::of_target("DynamoDB_20120810.GetItem"), None);
    }

    #[test]
    fn an_error_document_carries_namespace_and_extra_members() {
        let error =
            AwsError::new("QueueDoesNotExist", "no queue").with_query_code("AWS.SimpleQueueService.NonExistentQueue");
        assert_eq!(error.body(Service::Sqs)["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
        assert_eq!(error.query_error(Service::Sqs).as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));

        let error = AwsError::new("ConflictException", "used").with("resourceIds", vec!["arn"]);
        assert_eq!(
            error.body(Service::Ecs),
            serde_json::json!({"__type": "ConflictException", "message": "used", "resourceIds": ["arn"]})
        );
        assert_eq!(error.query_error(Service::Ecs), None);
    }

    #[test]
    fn the_caller_is_read_from_the_credential_scope() {
        let header = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=00";
        let caller = Caller::of_authorization(header);
        assert_eq!(caller, Caller { access_key: Some("AKIDEXAMPLE".into()), region: Some("eu-west-1".into()) });
        assert_eq!(Caller::of_authorization("Bearer x"), Caller::default());
    }
}
