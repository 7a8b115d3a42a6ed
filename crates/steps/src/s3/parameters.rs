//! Credentials and client parameters of the steps: those of prefect-aws' `AwsCredentials` and `MinIOCredentials` blocks.
//!
//! Entries that the AWS SDK for Rust has no counterpart for make the step run in Python. Unknown entries are ignored, as in
//! prefect-aws.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{inputs, step::Object};

/// What a client needs to be made.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    pub(super) keys: Option<Keys>,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) endpoint: Option<String>,
    /// A file with certificates to trust instead of the system's.
    pub(super) certificates: Option<PathBuf>,
    pub(super) addressing: Addressing,
    pub(super) unsigned: bool,
    pub(super) attempts: Option<u32>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) read_timeout: Option<Duration>,
    pub(super) use_fips: Option<bool>,
    pub(super) use_dual_stack: Option<bool>,
    pub(super) checksums_when_required: bool,
}

/// Static credentials.
#[derive(PartialEq)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session_token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A role to assume.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) duration: Option<Duration>,
    pub(super) policy: Option<String>,
}

/// Where the bucket stands in a URL.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Addressing {
    /// In the path for a custom endpoint, in the host's name for AWS, as botocore does it.
    #[default]
    Auto,
    Path,
    Virtual,
}

/// The input that only Python understands.
pub(crate) fn needs_python(given: &Object) -> Option<String> {
    let role = object(given, "credentials").and_then(|credentials| object(credentials, "assume_role_kwargs"));
    let client = client(given);
    let config = client.and_then(|client| object(client, "config"));
    let lists: [(Option<&Object>, &str, &[&str]); 3] = [
        (role, "assume_role_kwargs", &["RoleSessionName", "ExternalId", "DurationSeconds", "Policy"]),
        (config, "config", CONFIG),
        (config.and_then(|config| object(config, "s3")), "config.s3", &["addressing_style"]),
    ];
    for (entries, name, known) in lists {
        let mut entries = entries.into_iter().flatten().filter(|(_, value)| !value.is_null());
        if let Some((key, _)) = entries.find(|(key, _)| !known.contains(&key.as_str())) {
            return Some(format!("{name}.{key}"));
        }
    }
    let client = client?;
    let plain_http =
        client.get("use_ssl") == Some(&Value::Bool(false)) && inputs::text(client, "endpoint_url").is_none();
    if plain_http {
        return Some("use_ssl".to_owned());
    }
    let signature = config.and_then(|config| inputs::text(config, "signature_version"));
    if signature.is_some_and(|signature| !SIGNATURES.contains(&signature)) {
        return Some("config.signature_version".to_owned());
    }
    (client.get("verify") == Some(&Value::Bool(false))).then(|| "verify".to_owned())
}

/// Entries of botocore's configuration that are followed, or change nothing here.
const CONFIG: &[&str] = &[
    "s3",
    "signature_version",
    "region_name",
    "retries",
    "connect_timeout",
    "read_timeout",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "request_checksum_calculation",
    "response_checksum_validation",
    "max_pool_connections",
    "tcp_keepalive",
    "user_agent",
    "user_agent_extra",
    "parameter_validation",
];

const SIGNATURES: [&str; 3] = ["s3v4", "v4", "unsigned"];

impl Parameters {
    /// Those of the step's inputs.
    pub(super) fn of(given: &Object) -> Self {
        let empty = Object::new();
        let credentials = object(given, "credentials").unwrap_or(&empty);
        let client = client(given).unwrap_or(&empty);
        let config = object(client, "config").unwrap_or(&empty);
        let text = |entries: &Object, name: &str| inputs::text(entries, name).map(str::to_owned);
        let verify = inputs::text(client, "verify_cert_path").or_else(|| inputs::text(client, "verify"));
        Self {
            keys: Keys::of(credentials),
            profile: text(credentials, "profile_name"),
            region: text(credentials, "region_name")
                .or_else(|| text(config, "region_name"))
                .or_else(|| text(client, "region_name")),
            role: Role::of(credentials),
            endpoint: text(client, "endpoint_url"),
            certificates: verify.map(PathBuf::from),
            addressing: addressing(config),
            unsigned: inputs::text(config, "signature_version") == Some("unsigned"),
            attempts: attempts(config),
            connect_timeout: seconds(config, "connect_timeout"),
            read_timeout: seconds(config, "read_timeout"),
            use_fips: config.get("use_fips_endpoint").and_then(Value::as_bool),
            use_dual_stack: config.get("use_dualstack_endpoint").and_then(Value::as_bool),
            checksums_when_required: inputs::text(config, "request_checksum_calculation") == Some("when_required"),
        }
    }
}

impl Keys {
    fn of(credentials: &Object) -> Option<Self> {
        let either =
            |aws: &str, minio: &str| inputs::text(credentials, aws).or_else(|| inputs::text(credentials, minio));
        Some(Self {
            id: either("aws_access_key_id", "minio_root_user")?.to_owned(),
            secret: either("aws_secret_access_key", "minio_root_password")?.to_owned(),
            session_token: inputs::text(credentials, "aws_session_token").map(str::to_owned),
        })
    }
}

impl Role {
    fn of(credentials: &Object) -> Option<Self> {
        let arn = inputs::text(credentials, "assume_role_arn")?.to_owned();
        let Some(more) = object(credentials, "assume_role_kwargs") else {
            return Some(Self { arn, ..Self::default() });
        };
        let text = |name: &str| inputs::text(more, name).map(str::to_owned);
        Some(Self {
            arn,
            session_name: text("RoleSessionName"),
            external_id: text("ExternalId"),
            duration: seconds(more, "DurationSeconds"),
            policy: text("Policy"),
        })
    }
}

/// The client parameters: those of the credentials go before those of the step.
fn client(given: &Object) -> Option<&Object> {
    let own = object(given, "credentials").and_then(|credentials| object(credentials, "aws_client_parameters"));
    own.or_else(|| object(given, "client_parameters"))
}

fn object<'a>(entries: &'a Object, name: &str) -> Option<&'a Object> {
    entries.get(name).and_then(Value::as_object)
}

fn addressing(config: &Object) -> Addressing {
    match object(config, "s3").and_then(|s3| inputs::text(s3, "addressing_style")) {
        Some("path") => Addressing::Path,
        Some("virtual") => Addressing::Virtual,
        _ => Addressing::Auto,
    }
}

/// All tries: botocore's `max_attempts` counts those after the first.
fn attempts(config: &Object) -> Option<u32> {
    let retries = object(config, "retries")?;
    let number = |name: &str| retries.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    number("total_max_attempts").or_else(|| number("max_attempts").map(|after| after.saturating_add(1)))
}

fn seconds(entries: &Object, name: &str) -> Option<Duration> {
    entries.get(name).and_then(Value::as_f64).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(given: Value) -> Parameters {
        Parameters::of(given.as_object().unwrap())
    }

    #[test]
    fn keys_may_be_those_of_minio() {
        let keys = Keys { id: "root".to_owned(), secret: "pw".to_owned(), session_token: None };
        let credentials = json!({"minio_root_user": "root", "minio_root_password": "pw", "region_name": "us-west-2"});
        let found = of(json!({"credentials": credentials}));
        assert_eq!((found.keys, found.region.as_deref()), (Some(keys), Some("us-west-2")));
        assert_eq!(of(json!({})), Parameters::default());
    }

    #[test]
    fn client_parameters_of_the_credentials_go_first() {
        let own = json!({"aws_client_parameters": {"endpoint_url": "http://own"}});
        let given = json!({"credentials": own, "client_parameters": {"endpoint_url": "http://step"}});
        assert_eq!(of(given).endpoint.as_deref(), Some("http://own"));
        let given = json!({"credentials": {}, "client_parameters": {"endpoint_url": "http://step"}});
        assert_eq!(of(given).endpoint.as_deref(), Some("http://step"));
    }

    #[test]
    fn botocores_configuration_is_followed() {
        let config = json!({
            "s3": {"addressing_style": "virtual"}, "retries": {"max_attempts": 2}, "read_timeout": 1.5,
            "signature_version": "unsigned", "use_fips_endpoint": true, "request_checksum_calculation": "when_required",
        });
        let found = of(json!({"client_parameters": {"config": config, "verify_cert_path": "ca.pem"}}));
        assert_eq!((found.addressing, found.attempts, found.unsigned), (Addressing::Virtual, Some(3), true));
        assert_eq!((found.read_timeout, found.use_fips), (Some(Duration::from_millis(1500)), Some(true)));
        assert_eq!((found.certificates, found.checksums_when_required), (Some("ca.pem".into()), true));
    }

    #[test]
    fn a_role_has_its_parameters() {
        let more = json!({"RoleSessionName": "s", "ExternalId": "x", "DurationSeconds": 900});
        let role = of(json!({"credentials": {"assume_role_arn": "arn", "assume_role_kwargs": more}})).role.unwrap();
        assert_eq!(
            (role.arn.as_str(), role.session_name.as_deref(), role.external_id.as_deref()),
            ("arn", Some("s"), Some("x"))
        );
        assert_eq!(role.duration, Some(Duration::from_secs(900)));
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!(
            "{:?}",
            of(json!({"credentials": {"aws_access_key_id": "A", "aws_secret_access_key": "hunter22"}}))
        );
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
