//! The doctor: whether an installation is as it has to be for runs to start.
//!
//! Every check reads and nothing is changed, so a check that these credentials do not allow is reported as not checked. IAM
//! simulates the permissions of the dispatcher's role, because RunTask has no dry run.

mod finding;
mod functions;
mod network;
mod prefect;
mod queues;
mod roles;

use crate::account::Installation;
use aws::SdkConfig;
use installation::variables;
use prefect_api::Transport;
use serde_json::Value;

pub use self::finding::{Finding, Findings, Status};
use self::functions::Functions;
use crate::{
    error::ManageError,
    installation::{Side, help},
    running::Dev,
    server::Server,
};

/// Makes all checks. A server or an installation that is not configured is a finding, too. `manifest` is the `manifest.json`
/// of the build that should be deployed.
pub async fn examine<T: Transport>(
    server: &Result<Server<T>, ManageError>,
    side: Result<Side, ManageError>,
    manifest: Option<&Value>,
) -> Findings {
    let mut findings = Findings::default();
    let mut seen = prefect::check(server, &mut findings).await;
    let side = match side {
        Ok(Side { config, dev: Some(dev), prefix, .. }) => {
            of_dev(&dev, &config, &prefix, &mut findings).await;
            None
        }
        Ok(side) => is_known(&Installation::new(&side.config), &mut findings).await.then_some(side),
        Err(error) => {
            let todo = "Give it with --region, AWS_REGION or a profile (AWS_PROFILE).";
            findings.add(Status::Failed, "aws", error.to_string(), todo);
            None
        }
    };
    let Some(Side { config, prefix, .. }) = side else {
        prefect::check_named(server, None, &mut seen, &mut findings).await;
        return findings;
    };
    let installation = Installation::new(&config);
    let functions = functions::check(&installation, &prefix, &seen, manifest, &mut findings).await;
    let names = functions.all.contains_key("poller").then(|| functions.list("poller", variables::POOLS.name));
    prefect::check_named(server, names.as_ref(), &mut seen, &mut findings).await;
    queues::check(&installation, &prefix, &functions, &mut findings).await;
    network::check(&installation, &config, &functions, &seen, &mut findings).await;
    roles::check(&config, &functions, &seen, &mut findings).await;
    findings
}

/// What there is to check of a `dev`: its queues. Functions, network and roles are what it does without.
async fn of_dev(dev: &Dev, config: &SdkConfig, prefix: &str, findings: &mut Findings) {
    let (process, endpoint) = (dev.process, &dev.endpoint);
    findings.ok("aws", format!("`pushpool dev` (process {process}) is AWS, at {endpoint}"));
    let functions = Functions { standalone: dev.api_url.is_none(), ..Functions::default() };
    queues::check(&Installation::new(config), prefix, &functions, findings).await;
    let what = "`dev` runs them in its own process, without network and roles";
    findings.add(Status::NotChecked, "functions", what, "");
}

/// Whether AWS knows who asks: without that, nothing else can be asked.
async fn is_known(installation: &Installation, findings: &mut Findings) -> bool {
    match installation.caller().await {
        Ok(arn) => {
            findings.ok("aws", format!("asked as {arn}"));
            true
        }
        Err(trouble) => {
            findings.add(Status::Failed, "aws", trouble.to_string(), help(&trouble));
            false
        }
    }
}
