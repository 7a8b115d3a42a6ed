//! `pushpool upgrade apply`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use manage::{ManageError, Server};
use migrate::{
    Journal, PlanFile,
    apply::{self, Outcome, Report},
    runs,
};
use prefect_api::Transport;

use super::screen;
use crate::{
    error::CliError,
    output::{self, BAD, GOOD, explained, note, paint, say},
    plan::confirm,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool upgrade apply upgrade.json --only report/nightly
      One deployment first. Its pool and queues are made as well.
  pushpool upgrade apply upgrade.json
      All others; shows what is left to do and asks.
  pushpool upgrade apply upgrade.json --yes --journal /var/lib/pushpool/upgrade.journal
      Without asking, with the journal in another place.

Nothing is written if the server has changed since the plan was made. Each
deployment is changed by one write. The journal holds what was there before: keep
it for `pushpool upgrade rollback`. After an interruption run the same command
again; what is written already is left alone.

Exit codes:
  0    everything is as planned
  1    a deployment could not be changed, or nothing was written; standard error
       says why
  2    the command line is wrong
  130  the question was answered with no, or Ctrl-C";

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// File that `pushpool upgrade plan --out` wrote
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,

    /// Only this deployment, by name or as flow/name; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Write without asking
    #[arg(long, short)]
    yes: bool,

    /// File that keeps what was there before [default: FILE.journal]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    journal: Option<PathBuf>,
}

impl ApplyArgs {
    fn journal(&self) -> PathBuf {
        self.journal.clone().unwrap_or_else(|| {
            let mut path = self.file.clone().into_os_string();
            path.push(".journal");
            path.into()
        })
    }
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(super) async fn run<T: Transport>(server: &Server<T>, args: &ApplyArgs, may_ask: bool) -> Result<u8, CliError> {
    let file = PlanFile::read(&args.file).map_err(ManageError::from)?;
    let path = args.journal();
    let open = |path: &Path| Journal::of_plan(path, &file.digest, &file.plan.server).map_err(ManageError::from);
    // A journal is not begun before the user has agreed.
    let journal = path.exists().then(|| open(&path)).transpose()?;
    let prepared = apply::prepare(server, &file, &args.only, journal.as_ref()).await.map_err(ManageError::from)?;
    if !prepared.already.is_empty() {
        note(format_args!("as planned already: {}", prepared.already.join(", ")));
    }
    if prepared.plan.is_empty() {
        if let Some(journal) = &journal {
            runs::gather(server, journal).await.map_err(ManageError::from)?.iter().for_each(note);
        }
        say(paint(GOOD, "Nothing is left to do."));
        return Ok(0);
    }
    if !args.yes {
        output::data(&screen::changes(&prepared.plan, output::width())).map_err(CliError::WriteOutput)?;
        let question = format!("Carry out {} of plan {}?", screen::count(&prepared.plan), file.short());
        if !may_ask {
            note(format_args!("nothing was changed; --yes would carry out {}", screen::count(&prepared.plan)));
            return Ok(0);
        }
        confirm(&question, false)?;
    }
    let mut journal = journal.map_or_else(|| open(&path), Ok)?;
    let applied = apply::apply(server, &prepared.plan, &mut journal, |change, outcome| {
        tell(&change.object, outcome, screen::done(change.kind));
    });
    let report = applied.await.map_err(ManageError::from).inspect_err(|_| {
        note(format_args!("run the same command again to go on; {} holds what was written", path.display()));
    })?;
    report.notes.iter().for_each(note);
    say(format_args!("To take it back: pushpool upgrade rollback {}", path.display()));
    finish(&report)
}

/// One line for each change, or the reason why it was not made.
pub(super) fn tell(object: &str, outcome: &Outcome, done: &str) {
    match outcome {
        Outcome::Done => say(format_args!("{} {object}", paint(GOOD, done))),
        Outcome::Already => say(format_args!("{} {object}", paint(GOOD, "Unchanged"))),
        Outcome::Kept(reason) => note(format_args!("{object} stays: {reason}")),
        Outcome::Failed(diagnosis) => {
            let head = paint(BAD, format_args!("error[{}]:", diagnosis.code));
            let summary = format!("{object}: {}", diagnosis.summary);
            say(explained(&head, &summary, &diagnosis.detail, &diagnosis.resolution));
        }
    }
}

/// The exit code, after a last line.
pub(super) fn finish(report: &Report) -> Result<u8, CliError> {
    match report.failed() {
        0 => {
            say(paint(GOOD, "Done."));
            Ok(0)
        }
        failed => Err(CliError::Manage(ManageError::Explained {
            summary: format!("{failed} of {} changes were not made as planned", report.outcomes.len()),
            detail: String::new(),
            help: "The errors above say why. Run the same command again when they are corrected.".to_owned(),
        })),
    }
}
