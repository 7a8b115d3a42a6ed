//! What functions read secrets with: `secretsmanager:GetSecretValue` and `ssm:GetParameter`.
//!
//! The values are those that containers get by `secrets`, so a function and the tasks it starts see the same. Sources: the
//! API references of both operations; messages as the services give them.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::ecs::Secrets;
use crate::wire::{AwsError, Service};

/// Stage of the only version there is.
const CURRENT: &str = "AWSCURRENT";

/// Answers an operation of either service.
pub(crate) fn call(secrets: &Secrets, service: Service, operation: &str, input: &Value) -> Result<Value, AwsError> {
    match (service, operation) {
        (Service::SecretsManager, "GetSecretValue") => get_secret_value(secrets, input),
        (Service::Ssm, "GetParameter") => get_parameter(secrets, input),
        _ => Err(AwsError::unknown_operation(service, operation)),
    }
}

/// `SecretId` is an ARN, an ARN without the six random characters at its end, or a name.
fn get_secret_value(secrets: &Secrets, input: &Value) -> Result<Value, AwsError> {
    let wanted = member(input, "SecretId")?;
    let not_found = |what: String| AwsError::new("ResourceNotFoundException", what);
    let matches = |arn: &str| arn == wanted || plain(arn) == wanted || name(arn) == wanted;
    let found = secrets.iter().find(|(key, _)| is_secret(key) && matches(key));
    let Some((arn, value)) = found else {
        return Err(not_found("Secrets Manager can't find the specified secret.".to_owned()));
    };
    let version = Uuid::new_v5(&Uuid::NAMESPACE_URL, arn.as_bytes()).to_string();
    let find = "Secrets Manager can't find the specified secret value for";
    if let Some(stage) = input["VersionStage"].as_str().filter(|stage| *stage != CURRENT) {
        return Err(not_found(format!("{find} staging label: {stage}")));
    }
    if let Some(id) = input["VersionId"].as_str().filter(|id| *id != version) {
        return Err(not_found(format!("{find} VersionId: {id}")));
    }
    Ok(json!({
        "ARN": arn, "Name": name(arn), "VersionId": version, "VersionStages": [CURRENT], "SecretString": value,
        "CreatedDate": 0,
    }))
}

/// `Name` is a name or an ARN. Every parameter is a SecureString: who forgets `WithDecryption` gets what helps nobody.
fn get_parameter(secrets: &Secrets, input: &Value) -> Result<Value, AwsError> {
    let wanted = member(input, "Name")?;
    let mut parameters = secrets.iter().filter(|(key, _)| !is_secret(key));
    let Some((key, value)) = parameters.find(|(key, _)| *key == wanted || parameter(key) == parameter(wanted)) else {
        return Err(AwsError::new("ParameterNotFound", ""));
    };
    let value = if input["WithDecryption"] == true { value } else { "AQICAHencrypted" };
    Ok(json!({"Parameter": {
        "Name": key, "Type": "SecureString", "Value": value, "Version": 1, "DataType": "text", "LastModifiedDate": 0,
    }}))
}

fn member<'a>(input: &'a Value, name: &str) -> Result<&'a str, AwsError> {
    input[name].as_str().ok_or_else(|| {
        let problem = "Member must not be null";
        AwsError::new("ValidationException", format!("1 validation error detected: Value at '{name}': {problem}"))
    })
}

/// `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-RANDOM`.
fn is_secret(key: &str) -> bool {
    key.starts_with("arn:") && key.split(':').nth(2) == Some("secretsmanager")
}

/// Without the hyphen and six characters that Secrets Manager adds.
fn plain(arn: &str) -> &str {
    arn.rsplit_once('-').filter(|(_, random)| random.len() == 6).map_or(arn, |(plain, _)| plain)
}

fn name(arn: &str) -> &str {
    plain(arn).splitn(7, ':').nth(6).unwrap_or_default()
}

/// `arn:PARTITION:ssm:REGION:ACCOUNT:parameter/NAME`: the slash before a hierarchical name is the ARN's too.
fn parameter(name: &str) -> &str {
    name.split_once(":parameter/").map_or(name, |(_, name)| name).trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:team/prefect-AbCdEf";

    fn secrets() -> Secrets {
        Secrets::new([(ARN, "one"), ("/prefect/key", "two"), ("flat", "three")].map(|(k, v)| (k.into(), v.into())))
    }

    fn secret(input: &Value) -> Result<Value, AwsError> {
        call(&secrets(), Service::SecretsManager, "GetSecretValue", input)
    }

    fn value(name: &str) -> Result<Value, AwsError> {
        let input = json!({"Name": name, "WithDecryption": true});
        call(&secrets(), Service::Ssm, "GetParameter", &input).map(|answer| answer["Parameter"]["Value"].clone())
    }

    #[test]
    fn a_secret_is_found_by_arn_partial_arn_and_name() {
        for id in [ARN, ARN.trim_end_matches("-AbCdEf"), "team/prefect"] {
            let answer = secret(&json!({ "SecretId": id })).unwrap();
            assert_eq!((&answer["SecretString"], &answer["ARN"]), (&json!("one"), &json!(ARN)), "{id}");
        }
        for id in ["/prefect/key", "prefect", ""] {
            assert_eq!(secret(&json!({ "SecretId": id })).unwrap_err().code, "ResourceNotFoundException", "{id}");
        }
        assert_eq!(secret(&json!({})).unwrap_err().code, "ValidationException");
    }

    #[test]
    fn a_secret_has_one_version() {
        let answer = secret(&json!({"SecretId": ARN, "VersionStage": "AWSCURRENT"})).unwrap();
        assert!(secret(&json!({"SecretId": ARN, "VersionId": answer["VersionId"]})).is_ok());
        for other in
            [json!({"SecretId": ARN, "VersionStage": "AWSPREVIOUS"}), json!({"SecretId": ARN, "VersionId": "x"})]
        {
            assert_eq!(secret(&other).unwrap_err().code, "ResourceNotFoundException");
        }
    }

    #[test]
    fn a_parameter_is_found_by_name_and_arn_and_readable_only_decrypted() {
        let arn = |name: &str| format!("arn:aws:ssm:us-east-1:000000000000:parameter/{name}");
        assert_eq!(value("/prefect/key").unwrap(), "two");
        assert_eq!(value(&arn("prefect/key")).unwrap(), "two");
        assert_eq!(value(&arn("flat")).unwrap(), "three");
        assert_eq!(value("/prefect/other").unwrap_err().code, "ParameterNotFound");
        assert_eq!(value(ARN).unwrap_err().code, "ParameterNotFound");
        let raw = call(&secrets(), Service::Ssm, "GetParameter", &json!({"Name": "flat"})).unwrap();
        assert_ne!(raw["Parameter"]["Value"], "three");
    }
}
