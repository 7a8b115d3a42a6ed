//! `pushpool redrive`.

mod screen;

use clap::Args;
use jiff::Timestamp;
use manage::{
    ManageError, Server,
    plan::{Kind, Plan},
    redrive::{self, Done, Mailbox, Options, Step, messages},
};

use crate::{
    args::Output,
    error::CliError,
    installation::InstallationArgs,
    output::{self, GOOD, note, paint, say},
    plan,
    server::{self, ServerArgs},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool redrive
      Show what is in the dead-letter queues of the installation; ask whether to
      send back what still wants to start, if there is a terminal to ask on.
  pushpool redrive --yes --delete
      Send that back without asking, and delete what is of no use.
  pushpool redrive --queue my-dlq --to my-queue --output json | jq .
      Other queues, for programs; nothing is changed.
  pushpool redrive --dev
      The queues of the `pushpool dev` that runs on this machine.

A message goes back only if its run still wants to start: the Prefect server is
asked, by the rules of the dispatcher. Its body is not changed, and sending one
twice is harmless. A standalone message carries its run and has nobody to ask: it
goes back if it carries an error code, because then it has no task. Without a code
it ran out of deliveries and may have started; --uncertain sends those as well.

Looking hides messages from others for as long as it takes, at most 5 minutes.

Exit codes:
  0    shown, and done as far as it was asked for
  1    something could not be read, sent or deleted
  2    the command line is wrong
  130  the question was answered with no, or Ctrl-C";

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// Dead-letter queue, by name or URL; may be repeated [default: those of the installation]
    #[arg(long = "queue", value_name = "QUEUE")]
    queues: Vec<String>,

    /// Queue to send to, by name or URL [default: the one that each message came from]
    #[arg(long, value_name = "QUEUE")]
    to: Option<String>,

    /// Send back without asking
    #[arg(long, short)]
    yes: bool,

    /// Delete what does not go back because it is of no use; asks like sending does
    #[arg(long)]
    delete: bool,

    /// Send back standalone messages, too, that may have started already
    #[arg(long)]
    uncertain: bool,

    /// Messages of a queue to look at, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    limit: usize,

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
/// It could not be done.
pub(crate) fn run(args: &RedriveArgs) -> Result<u8, CliError> {
    server::until_interrupted(async || {
        let side = args.installation.side().await?;
        let mut boxes = redrive::read(&args.options(), &side).await?;
        let result = act(args, &side.config, &mut boxes).await;
        redrive::give_back(&boxes).await;
        result
    })
}

impl RedriveArgs {
    fn options(&self) -> Options {
        Options { queues: self.queues.clone(), to: self.to.clone(), uncertain: self.uncertain, limit: self.limit }
    }
}

async fn act(args: &RedriveArgs, config: &aws::SdkConfig, boxes: &mut [Mailbox]) -> Result<u8, CliError> {
    judge(args, boxes).await?;
    let plan = redrive::plan(boxes, args.delete);
    if plan.is_empty() {
        show(args, boxes)?;
        return Ok(0);
    }
    if !args.yes {
        // Shown before the question, and only once.
        show(args, boxes)?;
        let wanted = wanted(&plan);
        if args.output == Output::Json || !server::may_ask(&args.server) {
            note(format_args!("nothing was changed; --yes would {wanted}"));
            return Ok(0);
        }
        plan::confirm(&format!("{}{}?", wanted[..1].to_uppercase(), &wanted[1..]), false)?;
    }
    let mut result = redrive::apply(boxes, &plan, config).await.map_err(CliError::from);
    // A user who was asked has agreed to what was shown, and to no more.
    while args.yes && result.is_ok() {
        result = match go_on(args, config, boxes).await {
            Ok(true) => Ok(()),
            Ok(false) => break,
            Err(error) => Err(error),
        };
    }
    // Also when something went wrong: what was done by then has been done.
    if args.yes {
        show(args, boxes)?;
    }
    result?;
    let of = |wanted: &str| boxes.iter().flat_map(|it| &it.items).filter(|item| item.done.word() == wanted).count();
    let failed: Vec<&str> = boxes.iter().flat_map(|it| &it.items).filter_map(|item| item.done.trouble()).collect();
    say(paint(GOOD, format_args!("{} sent back, {} deleted.", of(Done::Sent.word()), of(Done::Deleted.word()))));
    match failed.first() {
        None => Ok(0),
        Some(first) => Err(CliError::Manage(ManageError::Explained {
            summary: format!("{} of the messages could not be sent or deleted", failed.len()),
            detail: (*first).to_owned(),
            help: "They are still in the dead-letter queue: run it again. Sending one twice is harmless.".to_owned(),
        })),
    }
}

/// A server is needed only for messages of runs that it knows.
async fn judge(args: &RedriveArgs, boxes: &mut [Mailbox]) -> Result<(), CliError> {
    let ids = redrive::runs_to_ask_for(boxes);
    let runs = match ids.as_slice() {
        [] => redrive::Runs::new(),
        ids => redrive::ask(&Server::at(&args.server.address())?, ids).await?,
    };
    Ok(redrive::judge(boxes, &runs, &args.options()).await?)
}

/// Does the same with messages that were hidden behind those that are gone. Whether there were any.
async fn go_on(args: &RedriveArgs, config: &aws::SdkConfig, boxes: &mut [Mailbox]) -> Result<bool, CliError> {
    if !redrive::read_on(boxes, args.limit).await? {
        return Ok(false);
    }
    judge(args, boxes).await?;
    let plan = redrive::plan(boxes, args.delete);
    redrive::apply(boxes, &plan, config).await?;
    Ok(true)
}

fn show(args: &RedriveArgs, boxes: &[Mailbox]) -> Result<(), CliError> {
    let text = match args.output {
        Output::Text => screen::text(boxes, Timestamp::now(), output::width()),
        Output::Json => format!("{:#}\n", screen::json(boxes)),
    };
    output::data(&text).map_err(CliError::WriteOutput)
}

/// "send 2 messages back and delete 1".
fn wanted(plan: &Plan<Step>) -> String {
    let count = |kind: Kind| -> usize {
        plan.changes.iter().filter(|change| change.kind == kind).map(|change| change.step.messages()).sum()
    };
    match (count(Kind::Send), count(Kind::Delete)) {
        (send, 0) => format!("send {} back", messages(send)),
        (0, delete) => format!("delete {}", messages(delete)),
        (send, delete) => format!("send {} back and delete {delete}", messages(send)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_what_will_be_done() {
        let of = |send: usize, delete: usize| {
            let sent = (0..send).fold(Plan::new("queues"), |plan, item| {
                let step = Step::Send { mailbox: 0, items: vec![item], to: format!("queue-{item}") };
                plan.with(Kind::Send, "1 message", Vec::new(), step)
            });
            let step = Step::Delete { mailbox: 0, items: (0..delete).collect() };
            wanted(&sent.with(Kind::Delete, "messages", Vec::new(), step))
        };
        assert_eq!(of(1, 0), "send 1 message back");
        assert_eq!(of(0, 2), "delete 2 messages");
        assert_eq!(of(3, 1), "send 3 messages back and delete 1");
    }
}
