//! Where pool documents are kept: a directory, SSM parameters or S3 objects.

use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use dispatch::{
    pool::{Directory, file_name, parse, unread},
    ports::{Failure, PoolDocuments},
};
use serde_json::Value;

/// One place with a document for each pool.
#[derive(Debug, Clone)]
pub enum Pools {
    /// Files `NAME.json`.
    Directory(Directory),
    /// Parameters `PREFIX/NAME`; a SecureString is decrypted.
    Ssm {
        /// The client.
        client: aws_sdk_ssm::Client,
        /// What stands before the name, without a slash at its end.
        prefix: String,
    },
    /// Objects `PREFIX/NAME.json`.
    S3 {
        /// The client.
        client: aws_sdk_s3::Client,
        /// The bucket.
        bucket: String,
        /// What stands before the name: empty, or with a slash at its end.
        prefix: String,
    },
}

/// The setting names no place.
#[derive(Debug, PartialEq, Eq)]
pub struct BadPoolLocation;

impl std::fmt::Display for BadPoolLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("must be a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX`")
    }
}

impl std::error::Error for BadPoolLocation {}

impl Pools {
    /// Reads a location: `ssm:/PREFIX`, `s3://BUCKET[/PREFIX]`, or a directory.
    ///
    /// # Errors
    /// [`BadPoolLocation`].
    pub fn at(location: &str, config: &SdkConfig) -> Result<Self, BadPoolLocation> {
        if let Some(prefix) = location.strip_prefix("ssm:") {
            let prefix = prefix.trim_end_matches('/');
            if !prefix.starts_with('/') {
                return Err(BadPoolLocation);
            }
            return Ok(Self::Ssm { client: aws_sdk_ssm::Client::new(config), prefix: prefix.to_owned() });
        }
        if let Some(rest) = location.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(BadPoolLocation);
            }
            let prefix = prefix.trim_end_matches('/');
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            // A custom endpoint (loopback, a private gateway) rarely resolves BUCKET.HOST.
            let config =
                aws_sdk_s3::config::Builder::from(config).force_path_style(config.endpoint_url().is_some()).build();
            let client = aws_sdk_s3::Client::from_conf(config);
            return Ok(Self::S3 { client, bucket: bucket.to_owned(), prefix });
        }
        if location.is_empty() || location.contains("://") {
            return Err(BadPoolLocation);
        }
        Ok(Self::Directory(Directory(PathBuf::from(location))))
    }
}

impl PoolDocuments for Pools {
    async fn read(&self, work_pool: &str) -> Result<Option<Value>, Failure> {
        match self {
            Self::Directory(directory) => directory.read(work_pool).await,
            Self::Ssm { client, prefix } => read_parameter(client, prefix, work_pool).await,
            Self::S3 { client, bucket, prefix } => read_object(client, bucket, prefix, work_pool).await,
        }
    }
}

async fn read_parameter(client: &aws_sdk_ssm::Client, prefix: &str, work_pool: &str) -> Result<Option<Value>, Failure> {
    // SSM API reference, PutParameter: names consist of a-z A-Z 0-9 _ . - and the slashes between levels.
    if work_pool.is_empty() || !work_pool.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Ok(None);
    }
    let name = format!("{prefix}/{work_pool}");
    match client.get_parameter().name(&name).with_decryption(true).send().await {
        Ok(answer) => {
            let value = answer.parameter().and_then(|parameter| parameter.value()).unwrap_or_default();
            parse(work_pool, value.as_bytes()).map(Some)
        }
        Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => Ok(None),
        Err(error) => Err(unread(work_pool, &format!("{name}: {}", error.code().unwrap_or("no answer")))),
    }
}

async fn read_object(
    client: &aws_sdk_s3::Client,
    bucket: &str,
    prefix: &str,
    work_pool: &str,
) -> Result<Option<Value>, Failure> {
    let Some(file) = file_name(work_pool) else {
        return Ok(None);
    };
    let key = format!("{prefix}{file}");
    let failed = |what: &str| unread(work_pool, &format!("s3://{bucket}/{key}: {what}"));
    match client.get_object().bucket(bucket).key(&key).send().await {
        Ok(object) => {
            let bytes = object.body.collect().await.map_err(|_| failed("the connection was lost"))?;
            parse(work_pool, &bytes.into_bytes()).map(Some)
        }
        Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => Ok(None),
        Err(error) => Err(failed(error.code().unwrap_or("no answer"))),
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};

    use super::*;

    #[test]
    fn a_location_is_a_directory_a_parameter_path_or_a_bucket() {
        let config =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-west-1")).build();
        let at = |location: &str| Pools::at(location, &config);
        assert!(matches!(at("pools"), Ok(Pools::Directory(_))));
        assert!(matches!(at("ssm:/pushpool/pools/"), Ok(Pools::Ssm { prefix, .. }) if prefix == "/pushpool/pools"));
        assert!(matches!(at("s3://b"), Ok(Pools::S3 { prefix, .. }) if prefix.is_empty()));
        assert!(matches!(at("s3://b/a/c/"), Ok(Pools::S3 { prefix, bucket, .. }) if prefix == "a/c/" && bucket == "b"));
        for bad in ["", "ssm:pools", "s3://", "s3:///x", "gs://b"] {
            assert!(matches!(at(bad), Err(BadPoolLocation)), "{bad}");
        }
    }
}
