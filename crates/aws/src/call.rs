//! Signed calls to services whose SDK would cost more than it gives.
//!
//! A function asks some services for one operation each: S3 for GetObject, SSM for GetParameter, EventBridge for
//! PutEvents, EventBridge Scheduler for CreateSchedule, Secrets Manager for GetSecretValue, CloudWatch Logs for GetLogEvents, STS for AssumeRole. Measured on a build with stand-ins for rendering: with the SDK crates of the first three the function was 9.4 MB (4.0 MB
//! zipped); without the one for S3 and without the log filter's regex engine 7.3 MB (2.9 MB). The three also cost minutes
//! of a cold build. ECS and SQS, of which more is used, keep theirs. The command line asks Lambda, EC2 and Service Quotas for as
//! little (`manage::account`); their crates are larger than these by far.
//!
//! What is hard about a call stays the SDK's own and is the same code that its clients run: signing (`aws-runtime` over
//! `aws-sigv4`), credentials and their cache, the HTTP client with its connection pool, timeouts, retries with backoff
//! and the list of codes that are worth one. [`Operation`] puts these together. Left for here are where a request goes
//! ([`endpoint`]) and how an answer is read ([`answer`]). What the SDK crates have beyond that and a dispatcher lacks:
//! access point ARNs and directory buckets as places for pool documents, and checksums of objects on top of TLS.

mod answer;
mod endpoint;
#[cfg(test)]
mod tests;

use aws_config::SdkConfig;
use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig, SigningOptions,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
        orchestrator::{HttpRequest, HttpResponse, SensitiveOutput},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{
    body::SdkBody, config_bag::Layer, error::ErrorMetadata, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub use self::answer::element;
use self::{
    answer::{Answer, Format, Reader},
    endpoint::{Endpoint, Service},
};

/// What a request says of its sender.
const USER_AGENT: &str = concat!("pushpool/", env!("CARGO_PKG_VERSION"));

/// All of a path but the unreserved characters of RFC 3986 and the slash: what S3 signs (S3 API reference,
/// "Authenticating Requests", `UriEncode`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// All of a form's value but the unreserved characters of RFC 3986.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why a call gave nothing. The innermost reason is part of the text, so it is no source: one that prints the chain would
/// repeat it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service answered, with an error.
    #[error("{code}: {message}")]
    Refused {
        /// The service's code; `HTTP STATUS` when it gave none.
        code: String,
        /// The service's message.
        message: String,
    },
    /// The request did not leave.
    #[error("not sent: {}", root(.0.as_ref()))]
    NotSent(BoxError),
    /// The answer did not come, or could not be read.
    #[error("no answer: {}", root(.0.as_ref()))]
    NoAnswer(BoxError),
}

impl CallError {
    /// Whether the service answered with this code.
    #[must_use]
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

/// The innermost reason: the layers around it name the layers of the SDK.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// One operation of a service that speaks AWS JSON 1.1.
#[derive(Debug, Clone)]
pub struct Rpc(Call);

impl Rpc {
    /// `ssm:GetParameter`.
    pub(crate) fn get_parameter(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::SSM, "GetParameter", "AmazonSSM.GetParameter")
    }

    /// `secretsmanager:GetSecretValue`.
    pub(crate) fn get_secret_value(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::SECRETS, "GetSecretValue", "secretsmanager.GetSecretValue")
    }

    /// `events:PutEvents`.
    pub(crate) fn put_events(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::EVENTS, "PutEvents", "AWSEvents.PutEvents")
    }

    /// `logs:GetLogEvents`.
    pub(crate) fn get_log_events(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::LOGS, "GetLogEvents", "Logs_20140328.GetLogEvents")
    }

    /// `servicequotas:GetServiceQuota`.
    #[must_use]
    pub fn get_service_quota(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::QUOTAS, "GetServiceQuota", "ServiceQuotasV20190624.GetServiceQuota")
    }

    /// `ecs:DescribeTaskDefinition`, for a caller who wants the definition as ECS keeps it.
    #[must_use]
    pub fn describe_task_definition(config: &SdkConfig) -> Self {
        let target = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
        Self::new(config, endpoint::ECS, "DescribeTaskDefinition", target)
    }

    fn new(config: &SdkConfig, service: Service, operation: &'static str, target: &'static str) -> Self {
        let write = move |body: String| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri("/")?;
            let headers = request.headers_mut();
            headers.insert("content-type", "application/x-amz-json-1.1");
            headers.insert("user-agent", USER_AGENT);
            headers.insert("x-amz-target", target);
            Ok(request)
        };
        let endpoint = Endpoint::of(service, config);
        Self(Call::new(config, service, operation, endpoint, SigningOptions::default(), Format::Json, write))
    }

    /// Calls with an input in the service's own JSON.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, input: &Value) -> Result<Value, CallError> {
        let answer = self.0.invoke(input.to_string()).await?;
        serde_json::from_slice(&answer).map_err(|error| CallError::NoAnswer(error.into()))
    }
}

/// One operation of a service that speaks AWS Query.
#[derive(Debug, Clone)]
pub struct Query {
    call: Call,
    /// What every body begins with.
    operation: String,
}

impl Query {
    /// `sts:AssumeRole`.
    pub(crate) fn assume_role(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::STS, "AssumeRole", "2011-06-15")
    }

    /// `sts:GetCallerIdentity`.
    #[must_use]
    pub fn get_caller_identity(config: &SdkConfig) -> Self {
        Self::new(config, endpoint::STS, "GetCallerIdentity", "2011-06-15")
    }

    /// An operation of EC2.
    #[must_use]
    pub fn ec2(config: &SdkConfig, operation: &'static str) -> Self {
        Self::new(config, endpoint::EC2, operation, "2016-11-15")
    }

    /// `iam:SimulatePrincipalPolicy`.
    #[must_use]
    pub fn simulate_principal_policy(config: &SdkConfig) -> Self {
        let region = config.region().map(|region| Region::new(endpoint::region_of_iam(region.as_ref()).to_owned()));
        let config = config.to_builder().region(region).build();
        Self::new(&config, endpoint::IAM, "SimulatePrincipalPolicy", "2010-05-08")
    }

    fn new(config: &SdkConfig, service: Service, operation: &'static str, version: &str) -> Self {
        let write = move |body: String| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri("/")?;
            let headers = request.headers_mut();
            headers.insert("content-type", "application/x-www-form-urlencoded");
            headers.insert("user-agent", USER_AGENT);
            Ok(request)
        };
        let endpoint = Endpoint::of(service, config);
        let call = Call::new(config, service, operation, endpoint, SigningOptions::default(), Format::Xml, write);
        Self { call, operation: format!("Action={operation}&Version={version}") }
    }

    /// Calls with parameters. The answer is XML.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, parameters: &[(&str, &str)]) -> Result<String, CallError> {
        let mut body = self.operation.clone();
        for (name, value) in parameters {
            body.extend(["&", name, "="]);
            body.extend(utf8_percent_encode(value, FORM));
        }
        let answer = self.call.invoke(body).await?;
        String::from_utf8(answer).map_err(|error| CallError::NoAnswer(error.into()))
    }
}

/// Reads of Lambda, which speaks REST with JSON.
#[derive(Debug, Clone)]
pub struct Lambda(Call);

impl Lambda {
    /// An operation that is a GET.
    #[must_use]
    pub fn get(config: &SdkConfig, operation: &'static str) -> Self {
        let write = |path: String| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_uri(path)?;
            request.headers_mut().insert("user-agent", USER_AGENT);
            Ok(request)
        };
        let endpoint = Endpoint::of(endpoint::LAMBDA, config);
        let signing = SigningOptions::default();
        Self(Call::new(config, endpoint::LAMBDA, operation, endpoint, signing, Format::Json, write))
    }

    /// Calls with a path, whose segments are encoded with [`encoded`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, path: String) -> Result<Value, CallError> {
        let answer = self.0.invoke(path).await?;
        serde_json::from_slice(&answer).map_err(|error| CallError::NoAnswer(error.into()))
    }
}

/// `scheduler:CreateSchedule`, of a service that speaks REST with JSON.
#[derive(Debug, Clone)]
pub(crate) struct CreateSchedule(Call);

impl CreateSchedule {
    /// The operation.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        // The input is the schedule's name, a line feed, and the body.
        let write = |input: String| {
            let (name, body) = input.split_once('\n').unwrap_or_default();
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri(format!("/schedules/{}", encoded(name)))?;
            let headers = request.headers_mut();
            headers.insert("content-type", "application/json");
            headers.insert("user-agent", USER_AGENT);
            Ok(request)
        };
        let endpoint = Endpoint::of(endpoint::SCHEDULER, config);
        let signing = SigningOptions::default();
        Self(Call::new(config, endpoint::SCHEDULER, "CreateSchedule", endpoint, signing, Format::Json, write))
    }

    /// Calls with the schedule's name and the rest of the input.
    pub(crate) async fn call(&self, name: &str, input: &Value) -> Result<Value, CallError> {
        let answer = self.0.invoke(format!("{name}\n{input}")).await?;
        serde_json::from_slice(&answer).map_err(|error| CallError::NoAnswer(error.into()))
    }
}

/// A text as a segment of a path or a value of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

/// An S3 bucket to read from.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    call: Call,
    /// What stands before a key in the path.
    path: String,
}

impl Bucket {
    /// The bucket of that name.
    pub(crate) fn new(config: &SdkConfig, bucket: &str) -> Self {
        let write = |path: String| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_uri(path)?;
            request.headers_mut().insert("user-agent", USER_AGENT);
            Ok(request)
        };
        // S3 API reference, "Authenticating Requests": the path is encoded once and not normalised, because `a//b` and
        // `a/../b` are keys like others; the hash of the body is a header.
        let mut signing = SigningOptions::default();
        signing.double_uri_encode = false;
        signing.normalize_uri_path = false;
        signing.content_sha256_header = true;
        let (endpoint, path) = match Endpoint::of(endpoint::S3, config) {
            Some(endpoint) => {
                let (endpoint, path) = endpoint.with_bucket(bucket);
                (Some(endpoint), path)
            }
            None => (None, String::new()),
        };
        Self { call: Call::new(config, endpoint::S3, "GetObject", endpoint, signing, Format::Xml, write), path }
    }

    /// Reads an object.
    pub(crate) async fn get(&self, key: &str) -> Result<Vec<u8>, CallError> {
        self.call.invoke(utf8_percent_encode(&format!("{}{key}", self.path), PATH).to_string()).await
    }
}

/// An operation whose input is text: a body or a path.
#[derive(Debug, Clone)]
struct Call(Option<Operation<String, Answer, ErrorMetadata>>);

impl Call {
    /// `config` is one of [`crate::sdk_config`] or [`crate::loopback_config`]: it has an HTTP client.
    fn new(
        config: &SdkConfig,
        service: Service,
        operation: &'static str,
        endpoint: Option<Endpoint>,
        signing_options: SigningOptions,
        format: Format,
        write: impl Fn(String) -> Result<HttpRequest, BoxError> + Send + Sync + 'static,
    ) -> Self {
        let (Some(endpoint), Some(region)) = (endpoint, config.region()) else {
            return Self(None);
        };
        let mut layer = Layer::new("signed calls");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(region.clone())),
            name: Some(SigningName::from_static(service.host)),
            signing_options,
            ..SigV4OperationSigningConfig::default()
        });
        // The orchestrator prints bodies at level TRACE, and a SecureString is in one.
        layer.store_put(SensitiveOutput);
        let mut components = RuntimeComponentsBuilder::new("signed calls")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_cache(config.identity_cache())
            .with_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .with_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .with_retry_classifier(HttpStatusCodeClassifier::default());
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        let signed = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
        let mut builder = Operation::builder()
            .service_name(service.id)
            .operation_name(operation)
            .endpoint_url(&endpoint.url)
            .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
            .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
            .with_connection_poisoning()
            .runtime_plugin(signed);
        if let Some(client) = config.http_client() {
            builder = builder.http_client(client);
        }
        if let Some(sleep) = config.sleep_impl() {
            builder = builder.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            builder = builder.time_source(time);
        }
        Self(Some(builder.serializer(write).deserializer_impl(Reader(format)).build()))
    }

    async fn invoke(&self, input: String) -> Result<Vec<u8>, CallError> {
        let Some(operation) = &self.0 else {
            return Err(CallError::NotSent("no region is set".into()));
        };
        match operation.invoke(input).await {
            Ok(answer) => Ok(answer.into_bytes()),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: SdkError<ErrorMetadata, HttpResponse>) -> CallError {
    match error {
        SdkError::ServiceError(refusal) => {
            let refusal = refusal.into_err();
            CallError::Refused {
                code: refusal.code().unwrap_or_default().to_owned(),
                message: refusal.message().unwrap_or("no message").to_owned(),
            }
        }
        error => {
            let sent = !matches!(error, SdkError::ConstructionFailure(_));
            let source = error.into_source().unwrap_or_else(BoxError::from);
            if sent { CallError::NoAnswer(source) } else { CallError::NotSent(source) }
        }
    }
}
