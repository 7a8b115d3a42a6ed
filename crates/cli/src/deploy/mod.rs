//! `pushpool deploy`.

mod args;
mod progress;
mod screen;
mod wizard;

use std::sync::Arc;

use deploy::{DeployError, Findings, Outcome, Writing};
use diagnosis::{Diagnosis, PP0713};
use manage::{ManageError, Server};
use prefect_api::{Patience, http::HttpTransport, is_cloud};

use crate::{
    error::CliError,
    output::{self, GOOD, paint, say},
    plan,
    server::{self, until_interrupted},
};

pub(crate) use args::DeployArgs;
use args::{DeployCommand, Form};

pub(crate) const HELP: &str = "\
Examples:
  pushpool deploy init
      Write a first prefect.yaml.
  pushpool deploy
      Ask what to deploy, if there is a terminal to ask on.
  pushpool deploy --all
      Make all deployments of prefect.yaml. A second time changes nothing.
  pushpool deploy -n nightly -n 'etl/*'
      Make some of them, by name or flow/name.
  pushpool deploy flows/etl.py:etl -n adhoc -p my-pool --cron '0 6 * * *'
      Make one that no file has.
  pushpool deploy --all --dry-run --detailed-exitcode --output markdown
      Say what would change; exit with 2 if something would.
  pushpool deploy --all --check
      Render a run of each as the dispatcher would, and write nothing.
  pushpool deploy --all --prune --yes
      Also delete deployments of this project that the file has no more.

Everything is checked before anything is written, and all problems are told at once,
with file, line and key. Steps run once, however many deployments share them.

Exit codes:
  0    done, or nothing to do
  1    a check found problems, a step failed, or the server refused a deployment
  2    the command line is wrong; with --detailed-exitcode also: something changed
  130  a question was answered with no, or Ctrl-C";

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &DeployArgs, no_prompt: bool) -> Result<u8, CliError> {
    if let Some(DeployCommand::Init(args)) = &args.command {
        return wizard::init(args);
    }
    let connection = manage::server::connection(&args.server.address())?;
    let server = Server::patient(&connection, Patience::BULK)?;
    until_interrupted(async || match deploy(args, no_prompt, &server).await {
        Ok(code) => Ok(code),
        Err(Failure::Deploy(DeployError::Found(findings))) => {
            screen::findings(&findings);
            let count = findings.problems.len();
            let what = if count == 1 { "problem" } else { "problems" };
            say(format_args!("{} {count} {what}; nothing was written.", paint(output::BAD, "error:")));
            Ok(1)
        }
        Err(Failure::Deploy(DeployError::Manage(error))) => Err(error.into()),
        Err(Failure::Cli(error)) => Err(error),
    })
}

enum Failure {
    Deploy(DeployError),
    Cli(CliError),
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        Self::Deploy(error)
    }
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Cli(error)
    }
}

async fn deploy(args: &DeployArgs, no_prompt: bool, server: &Server<HttpTransport>) -> Result<u8, Failure> {
    let way = args.way();
    let mut request = args.request()?;
    if !args.selects() && !no_prompt && server::may_ask(&args.server) {
        wizard::complete(&mut request, server).await?;
    }
    let folder = request.folder.clone();
    let checked = deploy::check(server, request).await?;
    screen::findings(&checked.findings);
    if way.check {
        let complete = checked.without_steps()?;
        screen::findings(&complete.findings);
        let rendered = complete.render(server).await;
        return check(&rendered, complete.wanted.len());
    }
    let complete = if way.dry_run {
        checked.without_steps()?
    } else {
        checked.run(steps::Context::new(folder, Arc::new(screen::StepOutput))).await?
    };
    screen::findings(&complete.findings);
    let writing = complete.plan(server).await?;
    let changes = !writing.planned.plan.is_empty();
    if way.dry_run {
        screen::plan(&writing.planned, way.output, complete.without_outputs)?;
        return Ok(code(way.detailed_exitcode && changes));
    }
    if way.output == Form::Text {
        screen::plan(&writing.planned, Form::Text, false)?;
    }
    if writing.planned.deletes() > 0 && !way.yes {
        ask(args, no_prompt, &writing)?;
    }
    let outcomes = progress::write(server, &writing, at_once(way.parallel, &server.url)).await;
    finish(way.output, way.detailed_exitcode, &writing, &outcomes)
}

fn check(rendered: &Findings, count: usize) -> Result<u8, Failure> {
    if !rendered.is_clean() {
        return Err(DeployError::Found(rendered.clone()).into());
    }
    screen::findings(rendered);
    say(paint(GOOD, format_args!("Checked {count} deployment(s); runs of them would start.")));
    Ok(0)
}

/// A server on SQLite answers 503 to most of those that write at the same time: two are the quickest, eight take twice as
/// long as one after the other.
fn at_once(parallel: Option<u8>, url: &str) -> usize {
    parallel.map_or_else(|| if is_cloud(url) { 8 } else { 2 }, usize::from)
}

/// A plan that deletes is carried out only by a user who has seen it.
fn ask(args: &DeployArgs, no_prompt: bool, writing: &Writing) -> Result<(), Failure> {
    let count = writing.planned.deletes();
    if no_prompt || !server::may_ask(&args.server) {
        return Err(CliError::from(ManageError::Explained {
            summary: format!("{count} deployment(s) would be deleted, and nobody can be asked"),
            detail: String::new(),
            help: "Look at the plan with --dry-run, and give --yes.".to_owned(),
        })
        .into());
    }
    plan::confirm(&format!("Delete {count} deployment(s)?"), false).map_err(Failure::from)
}

fn finish(form: Form, detailed: bool, writing: &Writing, outcomes: &[Outcome]) -> Result<u8, Failure> {
    screen::outcome(form, &writing.planned, outcomes)?;
    let failed = outcomes.iter().filter(|it| it.error.is_some()).count();
    if failed > 0 {
        let detail = format!("{failed} of {} could not be written; each is named above.", outcomes.len());
        return Err(CliError::refused(vec![Diagnosis::of(PP0713, detail)]).into());
    }
    Ok(code(detailed && !outcomes.is_empty()))
}

/// As `terraform plan -detailed-exitcode`.
fn code(changes: bool) -> u8 {
    if changes { 2 } else { 0 }
}
