//! Where pool documents are kept: a directory, SSM parameters or S3 objects.

use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use dispatch::{
    pool::{file_name, parse, unread},
    ports::{Failure, PoolDocuments},
};
use serde_json::{Value, json};

use crate::call::{Bucket, Rpc};

/// One place with a document for each pool.
#[derive(Debug, Clone)]
pub struct Pools(Place);

#[derive(Debug, Clone)]
enum Place {
    /// Files `NAME.json`.
    Directory(PathBuf),
    /// Parameters `PREFIX/NAME`; a SecureString is decrypted.
    Ssm {
        get_parameter: Rpc,
        /// What stands before the name, without a slash at its end.
        prefix: String,
    },
    /// Objects `PREFIXNAME.json`.
    S3 {
        bucket: Bucket,
        /// `s3://BUCKET/PREFIX`, for error texts.
        location: String,
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
            return Ok(Self(Place::Ssm { get_parameter: Rpc::get_parameter(config), prefix: prefix.to_owned() }));
        }
        if let Some(rest) = location.strip_prefix("s3://") {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(BadPoolLocation);
            }
            let prefix = prefix.trim_end_matches('/');
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            let location = format!("s3://{bucket}/{prefix}");
            return Ok(Self(Place::S3 { bucket: Bucket::new(config, bucket), location, prefix }));
        }
        if location.is_empty() || location.contains("://") {
            return Err(BadPoolLocation);
        }
        Ok(Self(Place::Directory(PathBuf::from(location))))
    }
}

impl PoolDocuments for Pools {
    async fn read(&self, work_pool: &str) -> Result<Option<Value>, Failure> {
        match &self.0 {
            Place::Directory(directory) => read_file(directory, work_pool),
            Place::Ssm { get_parameter, prefix } => read_parameter(get_parameter, prefix, work_pool).await,
            Place::S3 { bucket, location, prefix } => read_object(bucket, location, prefix, work_pool).await,
        }
    }
}

fn read_file(directory: &Path, work_pool: &str) -> Result<Option<Value>, Failure> {
    let Some(file) = file_name(work_pool) else {
        return Ok(None);
    };
    match std::fs::read(directory.join(file)) {
        Ok(bytes) => parse(work_pool, &bytes).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unread(work_pool, &error.to_string())),
    }
}

async fn read_parameter(get_parameter: &Rpc, prefix: &str, work_pool: &str) -> Result<Option<Value>, Failure> {
    // SSM API reference, PutParameter: names consist of a-z A-Z 0-9 _ . - and the slashes between levels.
    if work_pool.is_empty() || !work_pool.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Ok(None);
    }
    let name = format!("{prefix}/{work_pool}");
    match get_parameter.call(&json!({ "Name": name, "WithDecryption": true })).await {
        Ok(answer) => {
            let value = answer["Parameter"]["Value"].as_str().unwrap_or_default();
            parse(work_pool, value.as_bytes()).map(Some)
        }
        Err(error) if error.is("ParameterNotFound") => Ok(None),
        Err(error) => Err(unread(work_pool, &format!("{name}: {error}"))),
    }
}

async fn read_object(bucket: &Bucket, location: &str, prefix: &str, work_pool: &str) -> Result<Option<Value>, Failure> {
    let Some(file) = file_name(work_pool) else {
        return Ok(None);
    };
    match bucket.get(&format!("{prefix}{file}")).await {
        Ok(object) => parse(work_pool, &object).map(Some),
        Err(error) if error.is("NoSuchKey") => Ok(None),
        Err(error) => Err(unread(work_pool, &format!("{location}{file}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;

    #[test]
    fn a_location_is_a_directory_a_parameter_path_or_a_bucket() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let at = |location: &str| Pools::at(location, &config).map(|pools| pools.0);
        assert!(matches!(at("pools"), Ok(Place::Directory(_))));
        assert!(matches!(at("ssm:/pushpool/pools/"), Ok(Place::Ssm { prefix, .. }) if prefix == "/pushpool/pools"));
        assert!(matches!(at("s3://b"), Ok(Place::S3 { prefix, location, .. })
            if prefix.is_empty() && location == "s3://b/"));
        assert!(matches!(at("s3://b/a/c/"), Ok(Place::S3 { prefix, location, .. })
            if prefix == "a/c/" && location == "s3://b/a/c/"));
        for bad in ["", "ssm:pools", "s3://", "s3:///x", "gs://b"] {
            assert!(matches!(at(bad), Err(BadPoolLocation)), "{bad}");
        }
    }
}
