//! The messages of the dead-letter queues: read, judged, sent back and deleted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use aws::SdkConfig;
use dispatch::{message::ScheduledRun, ports::QueuedRun};
use installation::Queue as Source;
use jiff::Timestamp;
use prefect_api::{Each, Transport, models::FlowRun};
use prefect_ids::FlowRunId;

use super::verdict::{Fate, Verdict, verdict};
use crate::account::{Letter, Queue};
use crate::{
    error::ManageError,
    installation::{Side, told},
    server::Server,
};

/// How long messages are held: as long as a user may think about the question.
const HOLD: Duration = Duration::from_secs(300);

/// The queues whose dead letters are read: those with runs come first.
const SOURCES: [Source; 4] = [Source::Run, Source::RunFifo, Source::Events, Source::Poll];

/// Which messages, and where they may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Dead-letter queues by name or URL; none are those of the installation.
    pub queues: Vec<String>,
    /// The queue to send to, by name or URL; none is the one that each message came from.
    pub to: Option<String>,
    /// Send standalone messages, too, whose run may have started already.
    pub uncertain: bool,
    /// Most messages of a queue to look at.
    pub limit: usize,
}

/// What was done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing.
    Nothing,
    /// It is in the run queue and no longer in the dead-letter queue.
    Sent,
    /// It is in the run queue, and still in the dead-letter queue.
    SentAndKept(String),
    /// It could not be sent and is where it was.
    NotSent(String),
    /// It was deleted.
    Deleted,
    /// It could not be deleted.
    NotDeleted(String),
}

impl Done {
    /// One word for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Sent => "sent",
            Self::SentAndKept(_) => "sent_and_kept",
            Self::NotSent(_) => "not_sent",
            Self::Deleted => "deleted",
            Self::NotDeleted(_) => "not_deleted",
        }
    }

    /// What went wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::SentAndKept(why) | Self::NotSent(why) | Self::NotDeleted(why) => Some(why),
            Self::Nothing | Self::Sent | Self::Deleted => None,
        }
    }
}

/// A message with what is known about it.
#[derive(Debug)]
pub struct Item {
    /// The message as it was received.
    pub letter: Letter,
    /// None if it is not the message of a run.
    pub message: Option<ScheduledRun>,
    /// Name of the run.
    pub name: Option<String>,
    /// Where it would go.
    pub to: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What was done with it.
    pub done: Done,
}

impl Item {
    pub(super) fn of(letter: Letter) -> Self {
        Self {
            message: ScheduledRun::parse(&letter.body).ok(),
            letter,
            name: None,
            to: None,
            verdict: Verdict { fate: Fate::Leave, why: String::new() },
            done: Done::Nothing,
        }
    }

    /// Whether this is to become of it and nothing has yet.
    pub(super) fn is_to(&self, fate: Fate) -> bool {
        self.done == Done::Nothing && self.verdict.fate == fate
    }
}

/// A dead-letter queue with its messages.
#[derive(Debug)]
pub struct Mailbox {
    pub(super) queue: Queue,
    /// Its messages, in the order in which they were received.
    pub items: Vec<Item>,
    /// How many the queue says that it holds.
    pub depth: usize,
}

impl Mailbox {
    /// Name of the queue.
    #[must_use]
    pub fn name(&self) -> &str {
        let url = self.queue.url();
        url.rsplit('/').next().unwrap_or(url)
    }

    /// Receives until there are no more to receive, or about as many as `limit`.
    async fn receive(&mut self, limit: usize) -> Result<(), ManageError> {
        let end = self.items.len() + limit;
        while self.items.len() < end {
            let received = self.queue.receive(HOLD).await.map_err(|trouble| told(&trouble))?;
            if received.is_empty() {
                break;
            }
            for letter in received {
                // A standard queue may hand out a message twice: the later receipt handle is the one that deletes it.
                match self.items.iter_mut().find(|known| known.letter.message_id == letter.message_id) {
                    Some(known) => known.letter = letter,
                    None => self.items.push(Item::of(letter)),
                }
            }
        }
        Ok(())
    }
}

/// Reads the dead-letter queues that were asked for.
///
/// # Errors
/// One of them cannot be read.
pub async fn read(options: &Options, side: &Side) -> Result<Vec<Mailbox>, ManageError> {
    let mut boxes = Vec::new();
    let Side { config, prefix, .. } = side;
    let names: Vec<String> = match options.queues.as_slice() {
        [] => SOURCES.map(|queue| queue.full_dead_letters(prefix)).to_vec(),
        named => named.to_vec(),
    };
    for name in &names {
        match Queue::find(config, name).await.map_err(|trouble| told(&trouble))? {
            Some(queue) => boxes.push(open(queue, options.limit).await?),
            None if options.queues.is_empty() => {}
            None => return Err(no_queue(name)),
        }
    }
    if boxes.is_empty() {
        return Err(ManageError::Explained {
            summary: format!("there are no dead-letter queues with the prefix \"{prefix}\" in this account and region"),
            detail: format!("Looked for {}.", names.join(", ")),
            help: "Give --prefix and --region as the installation has them, or the queue with --queue.".to_owned(),
        });
    }
    Ok(boxes)
}

/// There is no such queue.
fn no_queue(name: &str) -> ManageError {
    ManageError::Explained {
        summary: format!("there is no queue \"{name}\" in this account and region"),
        detail: String::new(),
        help: "`aws sqs list-queues` shows those there are.".to_owned(),
    }
}

async fn open(queue: Queue, limit: usize) -> Result<Mailbox, ManageError> {
    let depth = queue.depth().await.map_err(|trouble| told(&trouble))?;
    let mut opened = Mailbox { queue, items: Vec::new(), depth };
    opened.receive(limit).await?;
    Ok(opened)
}

/// Reads on where messages had been hidden behind those that are gone now: behind others of their group of a FIFO queue, or
/// beyond the limit. Whether there are any.
///
/// # Errors
/// A queue cannot be read.
pub async fn read_on(boxes: &mut [Mailbox], limit: usize) -> Result<bool, ManageError> {
    let mut more = false;
    for it in boxes {
        let gone = it.items.iter().any(|item| matches!(item.done, Done::Sent | Done::Deleted));
        if gone && it.items.len() < it.depth {
            let known = it.items.len();
            it.receive(limit).await?;
            more |= it.items.len() > known;
        }
    }
    Ok(more)
}

/// The runs that a server has to be asked for.
#[must_use]
pub fn runs_to_ask_for(boxes: &[Mailbox]) -> Vec<FlowRunId> {
    let open = boxes.iter().flat_map(|it| &it.items).filter(|item| item.done == Done::Nothing);
    let messages = open.filter_map(|item| item.message.as_ref());
    let ids: BTreeSet<FlowRunId> = messages.filter(|it| it.run.is_none()).map(|it| it.flow_run_id).collect();
    ids.into_iter().collect()
}

/// Runs of a server; none is one that it has and cannot read.
pub type Runs = HashMap<FlowRunId, Option<FlowRun>>;

/// Asks a server for runs. Those that it does not have are not in the answer.
///
/// # Errors
/// It does not answer.
pub async fn ask<T: Transport>(server: &Server<T>, ids: &[FlowRunId]) -> Result<Runs, ManageError> {
    let Each { runs, unread } = server.client.each_flow_run(ids).await.map_err(|error| server.told(error))?;
    let unread = unread.into_iter().map(|it| (it.id, None));
    Ok(runs.into_iter().map(|run| (run.id, Some(run))).chain(unread).collect())
}

/// Judges all messages, and finds where each would go.
///
/// # Errors
/// The queues they came from cannot be found.
pub async fn judge(boxes: &mut [Mailbox], runs: &Runs, options: &Options) -> Result<(), ManageError> {
    let now = Timestamp::now();
    for Mailbox { queue, items, .. } in boxes {
        let mut urls: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut only_source = None;
        for item in items.iter_mut().filter(|item| item.done == Done::Nothing) {
            item.verdict = verdict(&item.letter, item.message.as_ref(), runs, now, options.uncertain);
            let run = item.message.as_ref().and_then(|it| runs.get(&it.flow_run_id)?.as_ref());
            let inline = item.message.as_ref().and_then(|it| it.run.as_ref());
            item.name = run.and_then(|run| run.name.clone()).or_else(|| inline.and_then(|run| run.name.clone()));
            if item.verdict.fate != Fate::Send {
                continue;
            }
            item.to = match (&options.to, &item.letter.source_arn) {
                (Some(to), _) => Some(to.clone()),
                (None, Some(arn)) => match urls.get(arn) {
                    Some(url) => url.clone(),
                    None => {
                        let url = queue.url_of_arn(arn).await.map_err(|trouble| told(&trouble))?;
                        urls.insert(arn.clone(), url.clone());
                        url
                    }
                },
                // A copy that a function buried does not say which queue it came from.
                (None, None) => {
                    if only_source.is_none() {
                        only_source = Some(queue.sources().await.map_err(|trouble| told(&trouble))?);
                    }
                    match only_source.as_deref() {
                        Some([source]) => Some(source.clone()),
                        _ => None,
                    }
                }
            };
            if item.to.is_none() {
                item.verdict.fate = Fate::Uncertain;
                item.verdict.why.push_str(", but nothing says to which queue it goes: --to does");
            }
        }
    }
    Ok(())
}

impl Mailbox {
    /// Sends messages and deletes them here; each is sent before it is deleted.
    pub(super) async fn send(&mut self, items: &[usize], to: &str, config: &SdkConfig) -> Result<(), ManageError> {
        let target = Queue::find(config, to).await.map_err(|trouble| told(&trouble))?;
        let target = target.ok_or_else(|| no_queue(to))?;
        let now = Timestamp::now();
        let queued = |index: &usize| {
            let item = self.items.get(*index)?;
            let message = item.message.as_ref()?;
            Some((*index, QueuedRun::of(message, item.letter.body.clone(), Duration::ZERO, now)))
        };
        let (indices, queued): (Vec<usize>, Vec<QueuedRun>) = items.iter().filter_map(queued).unzip();
        let mut taken = Vec::new();
        for (index, sent) in indices.into_iter().zip(target.send(&queued).await) {
            match sent {
                Ok(()) => taken.push(index),
                Err(why) => self.items[index].done = Done::NotSent(why),
            }
        }
        let handles = self.handles(&taken);
        for (index, deleted) in taken.into_iter().zip(self.queue.delete(&handles).await) {
            self.items[index].done = deleted.map_or_else(Done::SentAndKept, |()| Done::Sent);
        }
        Ok(())
    }

    /// Deletes messages.
    pub(super) async fn delete(&mut self, items: &[usize]) {
        let handles = self.handles(items);
        for (index, deleted) in items.iter().zip(self.queue.delete(&handles).await) {
            self.items[*index].done = deleted.map_or_else(Done::NotDeleted, |()| Done::Deleted);
        }
    }

    fn handles(&self, items: &[usize]) -> Vec<String> {
        items.iter().map(|index| self.items[*index].letter.receipt_handle.clone()).collect()
    }
}

/// Shows again at once what is still in the queues.
pub async fn give_back(boxes: &[Mailbox]) {
    for Mailbox { queue, items, .. } in boxes {
        let kept = items.iter().filter(|item| !matches!(item.done, Done::Sent | Done::Deleted));
        let handles: Vec<String> = kept.map(|item| item.letter.receipt_handle.clone()).collect();
        queue.give_back(&handles).await;
    }
}
