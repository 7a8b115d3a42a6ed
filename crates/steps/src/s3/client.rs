//! Clients of S3, and their errors.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig,
};
use aws_sdk_s3::{
    Client,
    config::{Builder, Credentials, RequestChecksumCalculation, SharedCredentialsProvider},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder as HttpBuilder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use super::parameters::{Addressing, Parameters};
use crate::{context::Scene, error::Problem, step::Object};

/// Without a region S3 answers in this one, and says where the bucket is.
const DEFAULT_REGION: &str = "us-east-1";

const CONNECT: Duration = Duration::from_secs(10);

/// As botocore: a file may take as long as it takes, but something has to arrive.
const READ: Duration = Duration::from_secs(60);

/// A call that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) problem: Problem,
    /// Where the bucket is, if S3 says so.
    region: Option<String>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, region: None }
    }
}

impl Failure {
    /// The failure of a call that was to do `action`.
    pub(super) fn of<E>(action: String, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let region =
            error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region")).map(str::to_owned);
        let reason = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => chain(error),
        };
        Self { problem: Problem::Storage { action, reason }, region }
    }
}

/// The texts of an error and of its sources.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Does `work` with a client, and once more in the bucket's region if that turns out to be another one.
pub(super) async fn in_region<T>(
    given: &Object,
    scene: Scene<'_>,
    work: impl AsyncFn(&Client) -> Result<T, Failure>,
) -> Result<T, Problem> {
    let parameters = Parameters::of(given);
    let config = config(&parameters, scene).await?;
    let region = config.region().map_or(DEFAULT_REGION, AsRef::as_ref).to_owned();
    let failure = match work(&client(&config, &parameters, &region)).await {
        Ok(done) => return Ok(done),
        Err(failure) => failure,
    };
    match failure.region.filter(|found| *found != region) {
        Some(found) => work(&client(&config, &parameters, &found)).await.map_err(|failure| failure.problem),
        None => Err(failure.problem),
    }
}

async fn config(parameters: &Parameters, scene: Scene<'_>) -> Result<SdkConfig, Problem> {
    let base = aws::sdk_config().await;
    let base = match &parameters.profile {
        None => base,
        Some(profile) => {
            let loader = aws_config::defaults(BehaviorVersion::latest()).profile_name(profile);
            let loader = match base.http_client() {
                Some(client) => loader.http_client(client),
                None => loader,
            };
            loader.load().await
        }
    };
    let mut builder = base.into_builder();
    if let Some(region) = &parameters.region {
        builder.set_region(Region::new(region.clone()));
    }
    if parameters.unsigned {
        builder.set_credentials_provider(None);
    } else if let Some(keys) = &parameters.keys {
        let keys = Credentials::new(&keys.id, &keys.secret, keys.session_token.clone(), None, "prefect.yaml");
        builder.set_credentials_provider(Some(SharedCredentialsProvider::new(keys)));
    }
    if let Some(file) = &parameters.certificates {
        builder.set_http_client(Some(trusting(&scene.path(&file.to_string_lossy())).await?));
    }
    let config = builder.build();
    let Some(role) = &parameters.role else { return Ok(config) };
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&config)
        .session_name(role.session_name.as_deref().unwrap_or("pushpool-deploy"));
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    if let Some(duration) = role.duration {
        provider = provider.session_length(duration);
    }
    if let Some(policy) = &role.policy {
        provider = provider.policy(policy);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    Ok(config.into_builder().credentials_provider(provider).build())
}

/// A client that trusts the certificates of a file.
async fn trusting(file: &std::path::Path) -> Result<aws_sdk_s3::config::SharedHttpClient, Problem> {
    let refuse = |source| Problem::file("read the certificates in", file, source);
    let certificates = tokio::fs::read(file).await.map_err(refuse)?;
    let trust = TrustStore::empty().with_pem_certificate(certificates);
    let tls = TlsContext::builder().with_trust_store(trust).build();
    let tls = tls
        .map_err(|error| Problem::invalid("client_parameters", format!("the certificates cannot be used: {error}")))?;
    Ok(HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls).build_https())
}

fn client(config: &SdkConfig, parameters: &Parameters, region: &str) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(parameters.connect_timeout.unwrap_or(CONNECT))
        .read_timeout(parameters.read_timeout.unwrap_or(READ))
        .disable_operation_attempt_timeout()
        .build();
    let mut builder = Builder::from(config).region(Region::new(region.to_owned())).timeout_config(timeouts);
    if let Some(attempts) = parameters.attempts {
        builder.set_retry_config(Some(RetryConfig::standard().with_max_attempts(attempts.max(1))));
    }
    if let Some(endpoint) = &parameters.endpoint {
        builder.set_endpoint_url(Some(endpoint.clone()));
    }
    if parameters.checksums_when_required {
        builder.set_request_checksum_calculation(Some(RequestChecksumCalculation::WhenRequired));
    }
    if parameters.unsigned {
        builder.set_allow_no_auth();
    }
    // Unset, they would hide what the environment says.
    if parameters.use_fips.is_some() {
        builder.set_use_fips(parameters.use_fips);
    }
    if parameters.use_dual_stack.is_some() {
        builder.set_use_dual_stack(parameters.use_dual_stack);
    }
    let has_endpoint = parameters.endpoint.is_some() || config.endpoint_url().is_some();
    builder.set_force_path_style(Some(match parameters.addressing {
        Addressing::Auto => has_endpoint,
        Addressing::Path => true,
        Addressing::Virtual => false,
    }));
    Client::from_conf(builder.build())
}
