//! `pushpool redrive`: what is in the dead-letter queues, and the way back for what still wants to start.
//!
//! Nothing is lost if this ends in the middle: a message is deleted from the dead-letter queue only when a run queue has
//! taken it. It may then be in both for a moment, or be sent twice by two people: by the launch protocol two messages of one
//! attempt start one task (docs/guarantees.md).

mod mail;
mod screen;
mod verdict;

use std::collections::HashMap;

use clap::Args;
use dialoguer::{Confirm, theme::ColorfulTheme};
use jiff::Timestamp;

use self::{
    mail::{Done, Mailbox},
    verdict::Fate,
};
use crate::{
    args::Output,
    aws_side::InstallationArgs,
    error::CliError,
    output::{self, GOOD, note, paint, say},
    server::{self, Server, ServerArgs},
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
    pub(crate) queues: Vec<String>,

    /// Queue to send to, by name or URL [default: the one that each message came from]
    #[arg(long, value_name = "QUEUE")]
    pub(crate) to: Option<String>,

    /// Send back without asking
    #[arg(long, short)]
    yes: bool,

    /// Delete what does not go back because it is of no use; asks like sending does
    #[arg(long)]
    delete: bool,

    /// Send back standalone messages, too, that may have started already
    #[arg(long)]
    pub(crate) uncertain: bool,

    /// Messages of a queue to look at, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 500)]
    pub(crate) limit: usize,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    pub(crate) installation: InstallationArgs,

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
        let mut boxes = mail::read(args, &side).await?;
        let result = redrive(args, &side.config, &mut boxes).await;
        mail::give_back(&boxes).await;
        result
    })
}

async fn redrive(args: &RedriveArgs, config: &aws::SdkConfig, boxes: &mut [Mailbox]) -> Result<u8, CliError> {
    judge(args, boxes).await?;
    let count = |fate: Fate| boxes.iter().flat_map(|it| &it.items).filter(|item| item.verdict.fate == fate).count();
    let (send, leave) = (count(Fate::Send), if args.delete { count(Fate::Leave) } else { 0 });
    if send + leave == 0 {
        show(args, boxes)?;
        return Ok(0);
    }
    if !args.yes {
        // Shown before the question, and only once.
        show(args, boxes)?;
        let wanted = wanted(send, leave);
        if args.output == Output::Json || !server::may_ask(&args.server) {
            note(format_args!("nothing was changed; --yes would {wanted}"));
            return Ok(0);
        }
        let question = format!("{}{}?", wanted[..1].to_uppercase(), &wanted[1..]);
        let answer = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(false).interact();
        if !answer.unwrap_or(false) {
            return Err(CliError::Declined);
        }
    }
    let mut result = act(args, config, boxes).await;
    // Who was asked has said yes to what was shown, and to no more.
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
        Some(first) => Err(CliError::Explained {
            summary: format!("{} of the messages could not be sent or deleted", failed.len()),
            detail: (*first).to_owned(),
            help: "They are still in the dead-letter queue: run it again. Sending one twice is harmless.".to_owned(),
        }),
    }
}

async fn judge(args: &RedriveArgs, boxes: &mut [Mailbox]) -> Result<(), CliError> {
    let ids = mail::runs_to_ask_for(boxes);
    let runs = if ids.is_empty() { HashMap::new() } else { mail::ask(&Server::of(&args.server)?, &ids).await? };
    mail::judge(boxes, &runs, args).await
}

/// Does the same with messages that were hidden behind those that are gone. Whether there were any.
async fn go_on(args: &RedriveArgs, config: &aws::SdkConfig, boxes: &mut [Mailbox]) -> Result<bool, CliError> {
    if !mail::read_on(boxes, args.limit).await? {
        return Ok(false);
    }
    judge(args, boxes).await?;
    act(args, config, boxes).await?;
    Ok(true)
}

async fn act(args: &RedriveArgs, config: &aws::SdkConfig, boxes: &mut [Mailbox]) -> Result<(), CliError> {
    mail::send_back(boxes, config).await?;
    if args.delete {
        mail::delete_rest(boxes).await;
    }
    Ok(())
}

fn show(args: &RedriveArgs, boxes: &[Mailbox]) -> Result<(), CliError> {
    let text = match args.output {
        Output::Text => screen::text(boxes, Timestamp::now(), output::width()),
        Output::Json => format!("{:#}\n", screen::json(boxes)),
    };
    output::data(&text).map_err(CliError::WriteOutput)
}

/// "send 2 messages back and delete 1".
fn wanted(send: usize, delete: usize) -> String {
    let messages = |count: usize| if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    match (send, delete) {
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
        assert_eq!(wanted(1, 0), "send 1 message back");
        assert_eq!(wanted(0, 2), "delete 2 messages");
        assert_eq!(wanted(3, 1), "send 3 messages back and delete 1");
    }
}
