//! The AWS side of an installation: how its parts are called, and what is said when AWS does not answer as hoped.

use aws::{SdkConfig, operator::Trouble};
use clap::Args;

use crate::error::CliError;

/// Which installation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Installation")]
pub(crate) struct InstallationArgs {
    /// Prefix of the installation's names: the variable `prefix` of its Terraform module
    #[arg(long, env = "PUSHPOOL_PREFIX", hide_env_values = true, value_name = "NAME", default_value = "pushpool")]
    pub(crate) prefix: String,

    /// Region of the installation [default: as the SDKs find it: AWS_REGION, then the profile]
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
}

impl InstallationArgs {
    /// How AWS is asked.
    ///
    /// # Errors
    /// Nobody says which region.
    pub(crate) async fn config(&self) -> Result<SdkConfig, CliError> {
        let config = aws::operator::operator_config(self.region.as_deref()).await;
        if config.region().is_none() {
            return Err(CliError::Explained {
                summary: "no AWS region is set".to_owned(),
                detail: String::new(),
                help: "Give it with --region, AWS_REGION or a profile (AWS_PROFILE).".to_owned(),
            });
        }
        Ok(config)
    }
}

/// A failed call for people, with what to do about it.
pub(crate) fn told(trouble: &Trouble) -> CliError {
    CliError::Explained { summary: trouble.to_string(), detail: String::new(), help: help(trouble).to_owned() }
}

/// What to do about a failed call.
pub(crate) fn help(trouble: &Trouble) -> &'static str {
    if trouble.is(&["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]) {
        return "Use credentials that may do it: docs/operating.md lists what each command calls.";
    }
    if trouble.is(&["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"]) {
        return "Log in again. Credentials are found as the SDKs find them: environment, profile, container, instance.";
    }
    match trouble {
        Trouble::Refused { .. } => "Check --region and --prefix, or the name that was given.",
        Trouble::NoAnswer { .. } => {
            "Check region and credentials: `aws sts get-caller-identity` has to work. Who logs in by SSO: \
             `eval \"$(aws configure export-credentials --format env)\"`."
        }
    }
}
