//! `pushpool pool status`: one screen with the answers to "why do runs not start?".

mod document;
mod screen;
mod watch;

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use manage::{
    Server,
    pool::{
        PUSH,
        status::{self, Facts},
    },
};
use prefect_api::Transport;
use tokio::time::{Instant, timeout};

use self::watch::Canvas;
use crate::{
    args::{Output, pause},
    error::CliError,
    output::{self, BAD, note, paint},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool status
      All pools of type ecs:push.
  pushpool pool status etl --watch
      Again every 5 seconds, in place on a terminal, until Ctrl-C. A server that
      does not answer is named.
  pushpool pool status etl --output json | jq -e '.[0].verdict.ready'
      For programs and alarms: the exit code of jq says whether it is served.

The second line says how the pool is:
  READY       a poller serves it, and runs start when they are due
  NOT SERVED  no client has polled it for a minute: nothing starts
  PAUSED      it gives out no runs
  WAITING     it is served, and runs wait for a slot or an unpaused queue

Exit codes:
  0    shown, however the pool is
  1    there is no such pool, or the server does not answer
  2    the command line is wrong
  130  --watch was ended by Ctrl-C";

/// Between two looks when nothing else is said.
const EVERY: &str = "5";

/// An answer that takes longer is late. The requests of a look take some hundredths of a second.
const LATE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Name of the pool [default: all of type ecs:push]
    name: Option<String>,

    /// Look again every so many seconds [default: 5]
    #[arg(long, short, value_name = "SECONDS", num_args = 0..=1, default_missing_value = EVERY, value_parser = pause)]
    watch: Option<Duration>,

    /// Form of the answer; with --watch, one JSON document a line
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &StatusArgs) -> Result<u8, CliError> {
    let facts = look(server, args).await?;
    let mut text = written(&facts, args, Timestamp::now());
    let Some(every) = args.watch else {
        output::data(&text).map_err(CliError::WriteOutput)?;
        return Ok(0);
    };
    let mut canvas = Canvas::new(args.output == Output::Text);
    while canvas.show(&text)? {
        tokio::time::sleep(every).await;
        text = match look_again(server, args, &text, &mut canvas).await {
            Ok(facts) => written(&facts, args, Timestamp::now()),
            // A server that restarts is no reason to stop looking.
            Err(error) if canvas.in_place() => format!("{} {error}\n", paint(BAD, "error:")),
            Err(error) => return Err(error),
        };
    }
    Ok(0)
}

/// Looks, and says so while the server does not answer: otherwise what was last seen would stand there as if it still held.
async fn look_again<T: Transport>(
    server: &Server<T>,
    args: &StatusArgs,
    last: &str,
    canvas: &mut Canvas,
) -> Result<Vec<Facts>, CliError> {
    let (begun, mut told) = (Instant::now(), false);
    let looking = look(server, args);
    tokio::pin!(looking);
    let mut patience = LATE;
    loop {
        if let Ok(facts) = timeout(patience, &mut looking).await {
            return facts;
        }
        patience = Duration::from_secs(1);
        let silence = begun.elapsed().as_secs();
        let text = format!("the Prefect server at {} has not answered for {silence} s", server.url);
        if canvas.in_place() {
            canvas.show(&format!("{}: {text}; it was last seen like this\n\n{last}", paint(BAD, "NO ANSWER")))?;
        } else if !told {
            told = true;
            note(text);
        }
    }
}

async fn look<T: Transport>(server: &Server<T>, args: &StatusArgs) -> Result<Vec<Facts>, CliError> {
    Ok(status::look(server, args.name.as_deref()).await?)
}

fn written(facts: &[Facts], args: &StatusArgs, now: Timestamp) -> String {
    if args.output == Output::Json {
        let documents: serde_json::Value = facts.iter().map(|facts| document::of(facts, now)).collect();
        return if args.watch.is_some() { format!("{documents}\n") } else { format!("{documents:#}\n") };
    }
    if facts.is_empty() {
        return format!("No work pool of type {PUSH}. `pushpool pool create NAME` makes one.\n");
    }
    let screens: Vec<String> = facts.iter().map(|facts| screen::of(facts, now, output::width())).collect();
    screens.join("\n")
}
