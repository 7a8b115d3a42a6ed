//! One HTTP client and one TLS stack for all of AWS.
//!
//! TLS is rustls with *ring*. The SDK's default, aws-lc, gathers CPU-jitter entropy before its first random byte: 33 ms on a
//! quiet core, and more on the fraction of one that a small function has. From process start to the first answer with a
//! call over TLS that is 47 ms against 12 ms, and the binary is 2 MB larger. The price: ring is not FIPS validated. Who
//! needs that builds with `aws-lc-fips` instead; nothing else in the code knows which provider it is.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// Time for a connection to stand: AWS answers within one region, so longer means that there is no way.
const CONNECT: Duration = Duration::from_secs(3);

/// Time for one try of a call. RunTask takes well under a second; what takes longer is better asked again.
const ATTEMPT: Duration = Duration::from_secs(8);

/// Region, credentials, endpoint and the shared HTTP client, from the environment as every SDK reads it.
pub async fn sdk_config() -> SdkConfig {
    loader().load().await
}

/// The same for AWS on loopback: the endpoint is given, and nothing else is read from the environment.
///
/// The keys are placeholders that loopback does not check.
pub async fn loopback_config(endpoint: &str, region: &str) -> SdkConfig {
    loader()
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new("loopback", "loopback", None, None, "pushpool loopback"))
        .load()
        .await
}

fn loader() -> aws_config::ConfigLoader {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build())
}

/// The ECS client of the launcher: without retries, see `ecs::launcher`.
#[must_use]
pub fn ecs_client(config: &SdkConfig) -> aws_sdk_ecs::Client {
    let config = aws_sdk_ecs::config::Builder::from(config).retry_config(RetryConfig::disabled()).build();
    aws_sdk_ecs::Client::from_conf(config)
}
