//! `pushpool upgrade rollback`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use manage::{ManageError, Server};
use migrate::{
    Journal,
    apply::{Outcome, Report},
    rollback::{self, Prepared},
};
use prefect_api::Transport;

use super::{
    apply::{finish, tell},
    screen,
};
use crate::{
    error::CliError,
    output::{self, GOOD, note, paint, say},
    plan::confirm,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool upgrade rollback upgrade.json.journal
      Show what would be put back, and ask.
  pushpool upgrade rollback upgrade.json.journal --yes --force
      Without asking, deployments that were changed after the upgrade included.

Every deployment gets back what it had. Work pools and queues that the upgrade
made are deleted if no deployment and no unfinished run needs them. On Prefect 2.20
schedules get new ids; everything else is equal.

Exit codes:
  0    everything is as it was
  1    a deployment could not be put back; standard error says why
  2    the command line is wrong
  130  the question was answered with no, or Ctrl-C";

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Journal that `pushpool upgrade apply` kept
    #[arg(value_name = "JOURNAL", value_hint = ValueHint::FilePath)]
    journal: PathBuf,

    /// Write without asking
    #[arg(long, short)]
    yes: bool,

    /// Put back deployments, too, that were changed after the upgrade
    #[arg(long)]
    force: bool,
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(super) async fn run<T: Transport>(server: &Server<T>, args: &RollbackArgs, may_ask: bool) -> Result<u8, CliError> {
    let mut journal = Journal::existing(&args.journal).map_err(ManageError::from)?;
    let Prepared { plan, refused } =
        rollback::prepare(server, &journal, args.force).await.map_err(ManageError::from)?;
    let mut report = Report::default();
    for (object, diagnosis) in refused {
        let outcome = Outcome::Failed(diagnosis);
        tell(&object, &outcome, "");
        report.outcomes.push((object, outcome));
    }
    if plan.is_empty() && report.outcomes.is_empty() {
        say(paint(GOOD, "Nothing is left to put back."));
        return Ok(0);
    }
    if !args.yes && !plan.is_empty() {
        output::data(&screen::changes(&plan, output::width())).map_err(CliError::WriteOutput)?;
        if !may_ask {
            note(format_args!("nothing was changed; --yes would carry out {}", screen::count(&plan)));
            return Ok(u8::from(report.failed() > 0));
        }
        confirm(&format!("Carry out {}?", screen::count(&plan)), false)?;
    }
    let rolled_back = rollback::apply(server, &plan, &mut journal, |change, outcome| {
        tell(&change.object, outcome, screen::undone(change.kind));
    });
    let rolled_back = rolled_back.await.map_err(ManageError::from)?;
    rolled_back.notes.iter().for_each(note);
    report.outcomes.extend(rolled_back.outcomes);
    finish(&report)
}
