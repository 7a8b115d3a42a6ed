//! Tasks in another account: their calls are made as a role there, which the function's own role may take.
//!
//! The SDK's provider for that is in `aws-config`, behind a client for all of STS. One operation is needed, so it is a signed
//! call like the others; cache and refresh are the SDK's, as for every credential.

use std::time::{Duration, SystemTime};

use aws_config::{SdkConfig, identity::IdentityCache};
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};

use crate::call::{Query, element};

/// A role that tasks are launched as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchRole {
    /// Its ARN.
    pub arn: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

/// What AWS is called as: queues, secrets and pool documents as the process itself; tasks, their definitions and their logs
/// perhaps as a role of another account.
#[derive(Debug, Clone)]
pub struct Access {
    pub(crate) own: SdkConfig,
    pub(crate) tasks: SdkConfig,
}

impl Access {
    /// Everything as the process itself, or tasks as that role.
    #[must_use]
    pub fn launching_as(own: SdkConfig, role: Option<LaunchRole>) -> Self {
        let tasks = match role {
            None => own.clone(),
            Some(role) => {
                let credentials = SharedCredentialsProvider::new(AssumedRole::new(&own, role));
                let config = own.to_builder().credentials_provider(credentials);
                config.identity_cache(IdentityCache::lazy().build()).build()
            }
        };
        Self { own, tasks }
    }

    /// The process itself.
    #[must_use]
    pub fn own(&self) -> &SdkConfig {
        &self.own
    }
}

impl From<&SdkConfig> for Access {
    fn from(config: &SdkConfig) -> Self {
        Self::launching_as(config.clone(), None)
    }
}

/// Credentials of a role, for an hour: the longest that a role may hand on to another one (IAM user guide, "Role chaining").
#[derive(Debug)]
struct AssumedRole {
    assume_role: Query,
    role: LaunchRole,
}

impl AssumedRole {
    fn new(config: &SdkConfig, role: LaunchRole) -> Self {
        Self { assume_role: Query::assume_role(config), role }
    }

    async fn assume(&self) -> provider::Result {
        let mut input = vec![("RoleArn", self.role.arn.as_str()), ("RoleSessionName", "pushpool")];
        input.extend(self.role.external_id.as_deref().map(|id| ("ExternalId", id)));
        let answer = self.assume_role.call(&input).await.map_err(CredentialsError::provider_error)?;
        read(&answer).ok_or_else(|| CredentialsError::unhandled("AssumeRole answered without credentials"))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

/// STS API reference, AssumeRole: one element each, nowhere else in the answer.
fn read(answer: &str) -> Option<Credentials> {
    let text = |name: &str| element(answer, name);
    let expires: jiff::Timestamp = text("Expiration")?.parse().ok()?;
    Some(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        Some(text("SessionToken")?),
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(expires.as_second()).ok()?)),
        "assumed role",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_credentials_or_nothing() {
        let answer = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>\
            <SecretAccessKey>a/b+c</SecretAccessKey><SessionToken>t==</SessionToken>\
            <Expiration>2026-01-05T07:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let credentials = read(answer).unwrap();
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("ASIA1", "a/b+c"));
        assert_eq!(credentials.session_token(), Some("t=="));
        assert_eq!(credentials.expiry(), Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_596_400)));
        for missing in ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] {
            assert!(read(&answer.replace(missing, "Other")).is_none(), "{missing}");
        }
    }
}
