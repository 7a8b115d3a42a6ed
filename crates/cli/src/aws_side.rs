//! The AWS side of an installation: how its parts are called, and what is said when AWS does not answer as hoped. The AWS of
//! a `pushpool dev` that runs on this machine counts as one.

use aws::{SdkConfig, operator::Trouble};
use clap::Args;

use crate::{
    error::CliError,
    output::note,
    running::{self, Dev},
};

/// The prefix of `dev`, and of an installation that was given no other.
const PREFIX: &str = "pushpool";

/// Which installation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Installation")]
pub(crate) struct InstallationArgs {
    /// Prefix of the installation's names: the variable `prefix` of its Terraform module
    #[arg(long, env = "PUSHPOOL_PREFIX", hide_env_values = true, value_name = "NAME", default_value = PREFIX)]
    pub(crate) prefix: String,

    /// Region of the installation [default: as the SDKs find it: AWS_REGION, then the profile]
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,

    /// Look at the `pushpool dev` that runs on this machine [default: if AWS_ENDPOINT_URL is its address, or no region is set]
    #[arg(long, conflicts_with = "region")]
    pub(crate) dev: bool,
}

/// What is looked at.
pub(crate) struct Side {
    /// How it is asked.
    pub(crate) config: SdkConfig,
    /// What its names begin with.
    pub(crate) prefix: String,
    /// The `dev` that it is; none for AWS.
    pub(crate) dev: Option<Dev>,
}

impl Side {
    async fn of(dev: Dev) -> Self {
        Self { config: dev.config().await, prefix: PREFIX.to_owned(), dev: Some(dev) }
    }
}

impl InstallationArgs {
    /// What to look at, and how.
    ///
    /// # Errors
    /// No setting names a region, or no `dev` runs.
    pub(crate) async fn side(&self) -> Result<Side, CliError> {
        if self.dev {
            let dev = Dev::running().into_iter().next().ok_or_else(|| CliError::Explained {
                summary: "no `pushpool dev` runs on this machine".to_owned(),
                detail: String::new(),
                help: "Start `pushpool dev --prefect` or `pushpool dev --keep`; or leave --dev out to look at AWS."
                    .to_owned(),
            })?;
            return Ok(Side::of(dev).await);
        }
        let config = aws::operator::operator_config(self.region.as_deref()).await;
        if let Some(endpoint) = config.endpoint_url().map(|url| url.trim_end_matches('/'))
            && let Some(dev) = Dev::running().into_iter().find(|dev| dev.endpoint == endpoint)
        {
            return Ok(Side::of(dev).await);
        }
        if config.region().is_some() {
            return Ok(Side { config, prefix: self.prefix.clone(), dev: None });
        }
        match Dev::running().into_iter().next() {
            Some(dev) => {
                let process = dev.process;
                note(format_args!("no AWS region is set; looking at the `pushpool dev` here (process {process})"));
                Ok(Side::of(dev).await)
            }
            None => Err(CliError::Explained {
                summary: "no AWS region is set".to_owned(),
                detail: String::new(),
                help: "Give it with --region, AWS_REGION or a profile (AWS_PROFILE).".to_owned(),
            }),
        }
    }
}

/// How ECS is asked about a task: in the task's region, or at the `dev` that runs it. None if that `dev` has ended.
pub(crate) async fn config_of_task(task_arn: &str) -> Option<SdkConfig> {
    let region = task_arn.split(':').nth(3).filter(|region| !region.is_empty());
    let config = aws::operator::operator_config(region).await;
    if config.endpoint_url().is_some() || !running::is_local(task_arn) {
        return Some(config);
    }
    match Dev::of_task(task_arn).filter(Dev::is_running) {
        Some(dev) => Some(dev.config().await),
        None => None,
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
