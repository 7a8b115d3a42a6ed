//! `pushpool doctor`: whether an installation is as it has to be for runs to start.
//!
//! Every check reads and nothing is changed, so what cannot be read is not checked, and that is said. Permissions of the
//! dispatcher's role are simulated by IAM: RunTask has no dry run.

mod functions;
mod network;
mod prefect;
mod queues;
mod roles;

use std::path::PathBuf;

use aws::{
    SdkConfig,
    operator::{Installation, Trouble},
};
use clap::{Args, ValueHint};
use serde_json::{Value, json};

use self::functions::Functions;
use crate::{
    args::Output,
    aws_side::{self, InstallationArgs, Side},
    error::CliError,
    grid::{self, Cell},
    output::{self, BAD, DIM, GOOD, HEAD, ODD, paint},
    running::Dev,
    server::{self, ServerArgs},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool doctor
      The installation `pushpool` in this account and region, and the Prefect server.
  pushpool doctor --prefix etl --region eu-west-1 --manifest dist/manifest.json
      Another one, and whether its functions are those of a build.
  pushpool doctor --dev
      The `pushpool dev` that runs on this machine.
  pushpool doctor --output json | jq -r '.checks[] | select(.status == \"failed\")'

Nothing is changed anywhere. A check is ok, warning, failed, or not checked: AWS does
not let these credentials look, or there is no way to look from here.
docs/operating.md lists what the credentials need.

Exit codes:
  0    nothing failed
  1    a check failed
  2    the command line is wrong";

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// manifest.json of the build that should be deployed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    manifest: Option<PathBuf>,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    installation: InstallationArgs,

    #[command(flatten)]
    server: ServerArgs,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Warning,
    Failed,
    NotChecked,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotChecked => "not checked",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    check: String,
    status: Status,
    what: String,
    /// What to do; empty if there is nothing to do.
    todo: String,
}

/// What the checks found.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, status: Status, check: &str, what: impl Into<String>, todo: impl Into<String>) {
        self.0.push(Finding { check: check.to_owned(), status, what: what.into(), todo: todo.into() });
    }

    fn ok(&mut self, check: &str, what: impl Into<String>) {
        self.add(Status::Ok, check, what, "");
    }

    /// AWS did not let us look.
    fn not_checked(&mut self, check: &str, trouble: &Trouble) {
        self.add(Status::NotChecked, check, trouble.to_string(), aws_side::help(trouble));
    }

    fn count(&self, status: Status) -> usize {
        self.0.iter().filter(|finding| finding.status == status).count()
    }
}

/// Runs the command.
///
/// # Errors
/// It could not be done. A check that fails is no error.
pub(crate) fn run(args: &DoctorArgs) -> Result<u8, CliError> {
    let manifest = args.manifest.as_deref().map(crate::input::json).transpose()?;
    server::until_interrupted(async || {
        let mut findings = Findings::default();
        let seen = prefect::check(&args.server, &mut findings).await;
        match args.installation.side().await {
            Err(error) => findings.add(
                Status::Failed,
                "aws",
                error.to_string(),
                "Give it with --region, AWS_REGION or a profile (AWS_PROFILE).",
            ),
            Ok(Side { config, dev: Some(dev), prefix }) => of_dev(&dev, &config, &prefix, &mut findings).await,
            Ok(Side { config, prefix, dev: None }) => {
                let installation = Installation::new(&config);
                if is_known(&installation, &mut findings).await {
                    let functions =
                        functions::check(&installation, &prefix, &seen, manifest.as_ref(), &mut findings).await;
                    queues::check(&installation, &prefix, &functions, &mut findings).await;
                    network::check(&installation, &config, &functions, &seen, &mut findings).await;
                    roles::check(&config, &functions, &seen, &mut findings).await;
                }
            }
        }
        let text = match args.output {
            Output::Text => text(&findings),
            Output::Json => format!("{:#}\n", json(&findings)),
        };
        output::data(&text).map_err(CliError::WriteOutput)?;
        Ok(u8::from(findings.count(Status::Failed) > 0))
    })
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
            findings.add(Status::Failed, "aws", trouble.to_string(), aws_side::help(&trouble));
            false
        }
    }
}

/// Lines are not cut to the terminal's width: what to do stands at their ends.
fn text(findings: &Findings) -> String {
    let mut rows = Vec::new();
    for Finding { check, status, what, todo } in &findings.0 {
        let style = match status {
            Status::Ok => GOOD,
            Status::Warning => ODD,
            Status::Failed => BAD,
            Status::NotChecked => DIM,
        };
        rows.push(vec![Cell::new(status.word()).styled(style), Cell::new(check).styled(HEAD), Cell::new(what)]);
        if !todo.is_empty() {
            rows.push(vec![Cell::new(""), Cell::new(""), Cell::new(todo).styled(DIM)]);
        }
    }
    let count = |status: Status| format!("{} {}", findings.count(status), status.word());
    let counts = [Status::Ok, Status::Warning, Status::Failed, Status::NotChecked].map(count).join(", ");
    format!("{}\n\n{}\n", grid::lines(&rows, None).join("\n"), paint(HEAD, counts))
}

fn json(findings: &Findings) -> Value {
    let checks = findings
        .0
        .iter()
        .map(|it| json!({"check": it.check, "status": it.status.word(), "what": it.what, "todo": it.todo}));
    json!({"checks": checks.collect::<Value>(), "failed": findings.count(Status::Failed)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_how_it_ended_and_what_to_do() {
        let mut findings = Findings::default();
        findings.ok("pools", "etl is polled");
        findings.add(Status::Failed, "queue pp-run", "it does not exist", "Apply the module.");
        let text = anstream::adapter::strip_str(&text(&findings)).to_string();
        assert_eq!(
            text,
            "ok      pools         etl is polled\nfailed  queue pp-run  it does not exist\n                      Apply the \
             module.\n\n1 ok, 0 warning, 1 failed, 0 not checked\n"
        );
        assert_eq!(json(&findings)["failed"], 1);
    }
}
