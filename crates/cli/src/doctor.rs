//! `pushpool doctor`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use manage::{
    Server,
    doctor::{self, Finding, Findings, Status},
};
use serde_json::{Value, json};

use crate::{
    args::Output,
    error::CliError,
    grid::{self, Cell},
    installation::InstallationArgs,
    output::{self, BAD, DIM, GOOD, HEAD, ODD, note, paint},
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

/// Runs the command.
///
/// # Errors
/// It could not be done. A check that fails is no error.
pub(crate) fn run(args: &DoctorArgs) -> Result<u8, CliError> {
    let manifest = args.manifest.as_deref().map(crate::input::json).transpose()?;
    server::until_interrupted(async || {
        let side = args.installation.which().side().await;
        side.iter().filter_map(|side| side.note.as_ref()).for_each(note);
        let findings = doctor::examine(&Server::at(&args.server.address()), side, manifest.as_ref()).await;
        let text = match args.output {
            Output::Text => text(&findings),
            Output::Json => format!("{:#}\n", json(&findings)),
        };
        output::data(&text).map_err(CliError::WriteOutput)?;
        Ok(u8::from(findings.count(Status::Failed) > 0))
    })
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
