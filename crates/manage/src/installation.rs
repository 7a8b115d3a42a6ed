//! The AWS side of an installation: the names of its parts, and the words for people when AWS does not answer as hoped. The
//! AWS of a `pushpool dev` that runs on this machine counts as an installation.

use aws::SdkConfig;

use crate::account::{self, Trouble};
use crate::{
    error::ManageError,
    running::{self, Dev},
};

pub use installation::PREFIX;

/// Which installation, as far as the user says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// The first part of all its names: the variable `prefix` of its Terraform module.
    pub prefix: String,
    /// Its region; without one, that of the SDKs' settings.
    pub region: Option<String>,
    /// The `pushpool dev` that runs on this machine, and not AWS.
    pub dev: bool,
}

/// The AWS that a command looks at.
#[derive(Debug)]
pub struct Side {
    /// Configures the clients that ask it.
    pub config: SdkConfig,
    /// The first part of the installation's names.
    pub prefix: String,
    /// The `dev` that stands for AWS; none for AWS itself.
    pub dev: Option<Dev>,
    /// Why this one was chosen, where the user may not expect it.
    pub note: Option<String>,
}

impl Side {
    async fn of(dev: Dev) -> Self {
        Self { config: dev.config().await, prefix: PREFIX.to_owned(), dev: Some(dev), note: None }
    }
}

impl Which {
    /// Finds the AWS to look at.
    ///
    /// # Errors
    /// No setting names a region, or no `dev` runs.
    pub async fn side(&self) -> Result<Side, ManageError> {
        if self.dev {
            let dev = Dev::running().into_iter().next().ok_or_else(|| ManageError::Explained {
                summary: "no `pushpool dev` runs on this machine".to_owned(),
                detail: String::new(),
                help: "Start `pushpool dev --prefect` or `pushpool dev --keep`; or leave --dev out to look at AWS."
                    .to_owned(),
            })?;
            return Ok(Side::of(dev).await);
        }
        let config = account::operator_config(self.region.as_deref()).await;
        if let Some(endpoint) = config.endpoint_url().map(|url| url.trim_end_matches('/'))
            && let Some(dev) = Dev::running().into_iter().find(|dev| dev.endpoint == endpoint)
        {
            return Ok(Side::of(dev).await);
        }
        if config.region().is_some() {
            return Ok(Side { config, prefix: self.prefix.clone(), dev: None, note: None });
        }
        match Dev::running().into_iter().next() {
            Some(dev) => {
                let process = dev.process;
                let note = format!("no AWS region is set; looking at the `pushpool dev` here (process {process})");
                Ok(Side { note: Some(note), ..Side::of(dev).await })
            }
            None => Err(ManageError::Explained {
                summary: "no AWS region is set".to_owned(),
                detail: String::new(),
                help: "Give it with --region, AWS_REGION or a profile (AWS_PROFILE).".to_owned(),
            }),
        }
    }
}

/// Configures the client that asks ECS about a task: in the task's region, or at the `dev` that runs it. None if that `dev`
/// has ended.
pub async fn config_of_task(task_arn: &str) -> Option<SdkConfig> {
    let region = task_arn.split(':').nth(3).filter(|region| !region.is_empty());
    let config = account::operator_config(region).await;
    if config.endpoint_url().is_some() || !running::is_local(task_arn) {
        return Some(config);
    }
    match Dev::of_task(task_arn).filter(Dev::is_running) {
        Some(dev) => Some(dev.config().await),
        None => None,
    }
}

/// A failed call for people, with advice.
#[must_use]
pub fn told(trouble: &Trouble) -> ManageError {
    ManageError::Explained { summary: trouble.to_string(), detail: String::new(), help: help(trouble).to_owned() }
}

/// What to do about a failed call.
#[must_use]
pub fn help(trouble: &Trouble) -> &'static str {
    if trouble.is(&["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"]) {
        return "Use credentials that may do it: docs/operating.md lists what each command calls.";
    }
    if trouble.is(&["ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"]) {
        return "Log in again. Credentials are found as the SDKs find them: environment, profile, container, instance.";
    }
    match trouble {
        Trouble::Refused { .. } => "Check --region and --prefix, or the name that was given.",
        Trouble::NoAnswer { .. } if !Dev::running().is_empty() => {
            "A `pushpool dev` runs on this machine: --dev looks at it. For AWS, check region and credentials: \
             `aws sts get-caller-identity` has to work."
        }
        Trouble::NoAnswer { .. } => {
            "Check region and credentials: `aws sts get-caller-identity` has to work. Who logs in by SSO: \
             `eval \"$(aws configure export-credentials --format env)\"`."
        }
    }
}
