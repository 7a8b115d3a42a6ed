//! Secrets of functions, by the references that ECS takes in a container's `secrets`.
//!
//! One syntax for both sides of a pool: what stands as `valueFrom` in a task definition can stand in a function's settings.

use std::fmt;

use aws_config::{Region, SdkConfig};
use dispatch::ports::TokenSource;
use serde_json::{Map, Value, json};

use crate::call::{CallError, Rpc};

/// A place with a secret value.
#[derive(Debug, Clone)]
pub struct Secret {
    /// As it was written. It is no secret itself.
    reference: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Parameter {
        get_parameter: Rpc,
        name: String,
    },
    Manager {
        get_secret_value: Rpc,
        arn: String,
        /// Member of the JSON object that the secret is.
        key: Option<String>,
        version_stage: Option<String>,
        version_id: Option<String>,
    },
}

/// The setting names no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadReference;

impl fmt::Display for BadReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "must be the ARN of a Secrets Manager secret (with `:JSON-KEY:VERSION-STAGE:VERSION-ID` behind it, or nothing), \
             the ARN of an SSM parameter, or `ssm:/NAME`",
        )
    }
}

impl std::error::Error for BadReference {}

/// The value cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the secret {reference} cannot be read: {problem}")]
pub struct SecretError {
    /// The reference.
    pub reference: String,
    /// What AWS said, or what the value is not. Never the value.
    pub problem: String,
}

impl Secret {
    /// Reads a reference: `arn:aws:secretsmanager:…:secret:NAME[:JSON-KEY:VERSION-STAGE:VERSION-ID]` (the last two or three
    /// may be empty), `arn:aws:ssm:…:parameter/NAME`, or `ssm:/NAME`. An ARN's region is where it is asked for.
    ///
    /// # Errors
    /// [`BadReference`].
    pub fn at(reference: &str, config: &SdkConfig) -> Result<Self, BadReference> {
        let place = match reference.strip_prefix("ssm:") {
            Some(name) if name.len() > 1 && name.starts_with('/') => {
                Place::Parameter { get_parameter: Rpc::get_parameter(config), name: name.to_owned() }
            }
            Some(_) => return Err(BadReference),
            None => by_arn(reference, config)?,
        };
        Ok(Self { reference: reference.to_owned(), place })
    }

    pub(crate) fn unusable(&self, problem: impl Into<String>) -> SecretError {
        SecretError { reference: self.reference.clone(), problem: problem.into() }
    }

    /// Reads the value as it is now. Calls are tried again as every call to AWS is.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn read(&self) -> Result<String, SecretError> {
        let failed = |problem: String| self.unusable(problem);
        let answered = |answer: Result<Value, CallError>| answer.map_err(|error| failed(error.to_string()));
        match &self.place {
            Place::Parameter { get_parameter, name } => {
                let answer = answered(get_parameter.call(&json!({"Name": name, "WithDecryption": true})).await)?;
                let value = answer["Parameter"]["Value"].as_str();
                value.map(str::to_owned).ok_or_else(|| failed("the answer has no value".to_owned()))
            }
            Place::Manager { get_secret_value, arn, key, version_stage, version_id } => {
                let mut input = Map::from_iter([("SecretId".to_owned(), json!(arn))]);
                for (name, value) in [("VersionStage", version_stage), ("VersionId", version_id)] {
                    input.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
                }
                let answer = answered(get_secret_value.call(&Value::Object(input)).await)?;
                let Some(text) = answer["SecretString"].as_str() else {
                    return Err(failed("it is binary; a text is needed".to_owned()));
                };
                match key {
                    None => Ok(text.to_owned()),
                    Some(key) => member(text, key).ok_or_else(|| failed(format!("it is no JSON object with `{key}`"))),
                }
            }
        }
    }
}

/// The doorbell's token is a secret like any other.
impl TokenSource for Secret {
    fn setting(&self) -> &'static str {
        "PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN"
    }

    async fn token(&self) -> Result<String, String> {
        self.read().await.map_err(|error| error.to_string())
    }
}

fn by_arn(reference: &str, config: &SdkConfig) -> Result<Place, BadReference> {
    let parts: Vec<&str> = reference.split(':').collect();
    let (["arn", partition, service, region, account], rest) = parts.split_first_chunk::<5>().ok_or(BadReference)?
    else {
        return Err(BadReference);
    };
    if [partition, region, account].iter().any(|part| part.is_empty()) {
        return Err(BadReference);
    }
    let there = || config.to_builder().region(Region::new((*region).to_owned())).build();
    let given = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    match (*service, rest) {
        // GetParameter takes the ARN as a name.
        ("ssm", [parameter]) if parameter.strip_prefix("parameter/").is_some_and(|name| !name.is_empty()) => {
            Ok(Place::Parameter { get_parameter: Rpc::get_parameter(&there()), name: reference.to_owned() })
        }
        ("secretsmanager", ["secret", name, parts @ ..]) if !name.is_empty() => {
            let (key, stage, id) = match parts {
                [] => (None, None, None),
                [key, stage, id] => (given(key), given(stage), given(id)),
                _ => return Err(BadReference),
            };
            Ok(Place::Manager {
                get_secret_value: Rpc::get_secret_value(&there()),
                arn: format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}"),
                key,
                version_stage: stage,
                version_id: id,
            })
        }
        _ => Err(BadReference),
    }
}

fn member(json: &str, key: &str) -> Option<String> {
    match serde_json::from_str::<Value>(json).ok()?.get(key)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reference_is_what_ecs_takes() {
        let config = crate::loopback_config("http://127.0.0.1:1", "us-east-1").await;
        let at = |reference: &str| Secret::at(reference, &config).map(|secret| secret.place);
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/prefect-AbCdEf";
        assert!(matches!(at(arn), Ok(Place::Manager { arn: of, key: None, version_stage: None, version_id: None, .. })
            if of == arn));
        assert!(
            matches!(at(&format!("{arn}:api_key::")), Ok(Place::Manager { arn: of, key: Some(key), version_stage: None, .. })
            if of == arn && key == "api_key")
        );
        assert!(
            matches!(at(&format!("{arn}::AWSPREVIOUS:v1")), Ok(Place::Manager { key: None, version_stage: Some(stage),
            version_id: Some(id), .. }) if stage == "AWSPREVIOUS" && id == "v1")
        );
        let parameter = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter/prefect/key";
        assert!(matches!(at(parameter), Ok(Place::Parameter { name, .. }) if name == parameter));
        assert!(matches!(at("ssm:/prefect/key"), Ok(Place::Parameter { name, .. }) if name == "/prefect/key"));
        for bad in [
            "",
            "canary",
            "ssm:",
            "ssm:/",
            "ssm:name",
            "arn:aws:s3:::bucket",
            "arn:aws:ssm:eu-west-1:1:document/x",
            "arn:aws:ssm:eu-west-1:1:parameter/",
            "arn:aws:secretsmanager:eu-west-1:1:secret:",
            "arn:aws:secretsmanager::1:secret:x",
            "arn:aws:secretsmanager:eu-west-1:1:secret:x:key",
            "arn:aws:secretsmanager:eu-west-1:1:secret:x:key:stage:id:more",
        ] {
            assert!(matches!(at(bad), Err(BadReference)), "{bad}");
        }
        // Whoever put the value itself there does not see it again.
        assert!(!BadReference.to_string().contains("canary"));
    }
}
