//! One HTTP client and one TLS stack for all of AWS.
//!
//! TLS is rustls with *ring*. The SDK's default, aws-lc, gathers CPU-jitter entropy before its first random byte: 33 ms on a
//! quiet core, and more on the fraction of one that a small function has. From process start to the first answer with a
//! call over TLS that is 47 ms against 12 ms, and the binary is 2 MB larger. The price: ring is not FIPS validated. Who
//! needs that builds with `aws-lc-fips` instead; nothing else in the code knows which provider it is.

use std::time::Duration;

use aws_config::{
    AppName, BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider,
    identity::IdentityCache, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_runtime::env_config::EnvConfigValue;
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_async::{rt::sleep::default_async_sleep, time::SharedTimeSource};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_types::{
    origin::Origin,
    os_shim_internal::Env,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

/// Time for a connection to stand: AWS answers within one region, so longer means that there is no way.
const CONNECT: Duration = Duration::from_secs(3);

/// Time for one try of a call. RunTask takes well under a second; what takes longer is better asked again.
const ATTEMPT: Duration = Duration::from_secs(8);

/// The SDK configuration of a Lambda function: region, credentials, endpoints and switches from environment variables.
///
/// Lambda sets region and credentials there (AWS Lambda developer guide, "Using Lambda environment variables"), and a
/// function has neither profiles nor a metadata service. Not asking for them spares the binary the code for profiles,
/// STS, container and instance credentials (0.3 MB zipped), and every cold start the looking.
#[must_use]
pub fn function_config() -> SdkConfig {
    from_environment(Env::real())
}

fn from_environment(env: Env) -> SdkConfig {
    let get = |name: &str| env.get(name).ok().filter(|value| !value.trim().is_empty());
    let flag = |name: &'static str| {
        let value = get(name)?;
        let flag = value.to_ascii_lowercase().parse::<bool>().ok();
        if flag.is_none() {
            tracing::warn!(name, "neither true nor false, and ignored");
        }
        flag
    };
    let ignore_endpoints = flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").unwrap_or_default();
    let endpoint_url = get("AWS_ENDPOINT_URL").filter(|_| !ignore_endpoints).filter(|url| {
        let is_url = url.starts_with("https://") || url.starts_with("http://");
        if !is_url {
            tracing::warn!("AWS_ENDPOINT_URL is no URL, and ignored");
        }
        is_url
    });
    let app_name = get("AWS_SDK_UA_APP_ID").and_then(|name| {
        AppName::new(name).inspect_err(|error| tracing::warn!(%error, "AWS_SDK_UA_APP_ID is ignored")).ok()
    });
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(retries())
        .timeout_config(timeouts())
        .time_source(SharedTimeSource::default())
        .identity_cache(IdentityCache::lazy().build())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()));
    config.set_region(get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")).map(Region::new));
    config.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT"));
    config.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT"));
    config.set_disable_clock_skew_correction(flag("AWS_DISABLE_CLOCK_SKEW_CORRECTION"));
    config.set_sleep_impl(default_async_sleep());
    config.set_app_name(app_name);
    // As the SDK's own loader notes it: retries are set in code, the endpoint is not and gives way to a service's own.
    config.insert_origin("retry_config", Origin::shared_config());
    config.insert_origin("endpoint_url", Origin::shared_environment_variable());
    config.set_endpoint_url(endpoint_url);
    config.service_config(OfServices { env, ignore_endpoints }).build()
}

/// Settings of one service, such as `AWS_ENDPOINT_URL_ECS`.
#[derive(Debug)]
struct OfServices {
    env: Env,
    ignore_endpoints: bool,
}

impl LoadServiceConfig for OfServices {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if self.ignore_endpoints && key.env() == "AWS_ENDPOINT_URL" {
            return None;
        }
        let (value, _) = EnvConfigValue::new().env(key.env()).service_id(key.service_id()).load(&self.env, None)?;
        Some(value.into_owned())
    }
}

/// Region, credentials, endpoint and the shared HTTP client, as every SDK finds them: environment, profile, container,
/// instance.
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
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(retries())
        .timeout_config(timeouts())
}

fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build()
}

/// The ECS client of the launcher: without retries, see `ecs::launcher`.
#[must_use]
pub fn ecs_client(config: &SdkConfig) -> aws_sdk_ecs::Client {
    let config = aws_sdk_ecs::config::Builder::from(config).retry_config(RetryConfig::disabled()).build();
    aws_sdk_ecs::Client::from_conf(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> SdkConfig {
        from_environment(Env::from_slice(variables))
    }

    fn endpoint_of(config: &SdkConfig, service: &str) -> Option<String> {
        let key =
            ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
        config.service_config().unwrap().load_config(key.unwrap())
    }

    #[test]
    fn the_environment_is_read_as_the_sdk_reads_it() {
        let given = config(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://localhost:4566"),
            ("AWS_ENDPOINT_URL_ECS", "http://localhost:4567"),
            ("AWS_USE_FIPS_ENDPOINT", "True"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "maybe"),
            ("AWS_SDK_UA_APP_ID", "flows"),
        ]);
        assert_eq!(given.region().map(AsRef::as_ref), Some("eu-west-1"));
        assert_eq!(given.endpoint_url(), Some("http://localhost:4566"));
        assert!(!given.get_origin("endpoint_url").is_client_config());
        assert_eq!(endpoint_of(&given, "ECS").as_deref(), Some("http://localhost:4567"));
        assert_eq!(given.use_fips(), Some(true));
        assert_eq!(given.use_dual_stack(), None);
        assert_eq!(given.app_name().map(AsRef::as_ref), Some("flows"));
        assert!(given.http_client().is_some() && given.credentials_provider().is_some());

        let other = config(&[("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "localhost")]);
        assert_eq!(other.region().map(AsRef::as_ref), Some("us-east-1"));
        assert_eq!((other.endpoint_url(), other.use_fips()), (None, None));
    }

    #[test]
    fn configured_endpoints_can_be_switched_off() {
        let config = config(&[
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
            ("AWS_ENDPOINT_URL", "http://localhost:4566"),
            ("AWS_ENDPOINT_URL_ECS", "http://localhost:4567"),
        ]);
        assert_eq!((config.endpoint_url(), endpoint_of(&config, "ECS")), (None, None));
    }

    /// What the loader finds in an environment that says nothing is what a function is given.
    #[tokio::test]
    async fn what_the_environment_does_not_say_is_as_the_loader_has_it() {
        let (ours, loaders) = (config(&[]), loopback_config("http://localhost", "us-east-1").await);
        assert_eq!(ours.retry_config(), loaders.retry_config());
        assert_eq!(ours.timeout_config(), loaders.timeout_config());
        assert_eq!(ours.behavior_version().is_some(), loaders.behavior_version().is_some());
        assert_eq!(ours.sleep_impl().is_some(), loaders.sleep_impl().is_some());
        assert_eq!(ours.stalled_stream_protection().is_some(), loaders.stalled_stream_protection().is_some());
    }
}
