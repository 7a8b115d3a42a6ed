//! The plan for messages of dead-letter queues, and how it is carried out.

use std::collections::BTreeMap;

use aws::SdkConfig;

use super::{mail::Mailbox, verdict::Fate};
use crate::{
    error::ManageError,
    plan::{Field, Kind, Plan},
};

/// A call that moves or deletes messages, by the indices of the mailbox and of its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends the messages to a queue and deletes them here; each message is sent before it is deleted.
    Send {
        /// The mailbox.
        mailbox: usize,
        /// The messages.
        items: Vec<usize>,
        /// Name or URL of the queue that takes them.
        to: String,
    },
    /// Deletes the messages.
    Delete {
        /// The mailbox.
        mailbox: usize,
        /// The messages.
        items: Vec<usize>,
    },
}

impl Step {
    /// How many messages it is about.
    #[must_use]
    pub fn messages(&self) -> usize {
        match self {
            Self::Send { items, .. } | Self::Delete { items, .. } => items.len(),
        }
    }
}

/// Plans to send back all messages whose runs are still to start, and with `delete` to delete those of no use.
#[must_use]
pub fn plan(boxes: &[Mailbox], delete: bool) -> Plan<Step> {
    let mut plan = Plan::new("dead-letter queues");
    for (mailbox, it) in boxes.iter().enumerate() {
        let mut by_queue: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, item) in it.items.iter().enumerate().filter(|(_, item)| item.is_to(Fate::Send)) {
            if let Some(to) = &item.to {
                by_queue.entry(to).or_default().push(index);
            }
        }
        for (to, items) in by_queue {
            let fields = vec![Field::changed("queue", Some(it.name().to_owned()), Some(to.to_owned()))];
            let step = Step::Send { mailbox, items, to: to.to_owned() };
            plan = plan.with(Kind::Send, messages(step.messages()), fields, step);
        }
    }
    for (mailbox, it) in boxes.iter().enumerate().filter(|_| delete) {
        let rest = it.items.iter().enumerate().filter(|(_, item)| item.is_to(Fate::Leave));
        let items: Vec<usize> = rest.map(|(index, _)| index).collect();
        if !items.is_empty() {
            let fields = vec![Field::changed("queue", Some(it.name().to_owned()), None)];
            let step = Step::Delete { mailbox, items };
            plan = plan.with(Kind::Delete, messages(step.messages()), fields, step);
        }
    }
    plan
}

/// "1 message", "2 messages".
#[must_use]
pub fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// Carries out a plan for these mailboxes, and notes with each message what was done.
///
/// # Errors
/// A queue to send to does not exist or cannot be asked. Any other trouble is noted with the message.
pub async fn apply(boxes: &mut [Mailbox], plan: &Plan<Step>, config: &SdkConfig) -> Result<(), ManageError> {
    plan.apply(async |change| match &change.step {
        Step::Send { mailbox, items, to } => match boxes.get_mut(*mailbox) {
            Some(it) => it.send(items, to, config).await,
            None => Ok(()),
        },
        Step::Delete { mailbox, items } => {
            if let Some(it) = boxes.get_mut(*mailbox) {
                it.delete(items).await;
            }
            Ok(())
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::{
        super::{mail::Item, verdict::Verdict},
        *,
    };
    use crate::account::{Letter, Queue};

    async fn mailbox(name: &str, items: &[(Fate, Option<&str>)]) -> Mailbox {
        let config = aws::loopback_config("http://127.0.0.1:1", "us-east-1").await;
        let queue = Queue::find(&config, &format!("http://127.0.0.1:1/0/{name}")).await.unwrap().unwrap();
        let item = |(fate, to): &(Fate, Option<&str>)| {
            let letter = Letter {
                message_id: "m".into(),
                receipt_handle: "r".into(),
                body: String::new(),
                code: None,
                summary: None,
                detail: None,
                source_arn: None,
                sent_at: None,
            };
            let verdict = Verdict { fate: *fate, why: String::new() };
            Item { verdict, to: to.map(str::to_owned), ..Item::of(letter) }
        };
        Mailbox { queue, items: items.iter().map(item).collect(), depth: items.len() }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_plan_sends_by_queue_deletes_afterwards_and_only_on_request() {
        let run = [
            (Fate::Send, Some("run")),
            (Fate::Leave, None),
            (Fate::Send, Some("other")),
            (Fate::Uncertain, None),
            (Fate::Send, Some("run")),
        ];
        let boxes = [mailbox("run-dlq", &run).await, mailbox("poll-dlq", &[(Fate::Leave, None)]).await];
        let steps =
            |delete: bool| plan(&boxes, delete).changes.into_iter().map(|change| change.step).collect::<Vec<_>>();
        let send = |to: &str, items: &[usize]| Step::Send { mailbox: 0, items: items.to_vec(), to: to.to_owned() };
        let sends = [send("other", &[2]), send("run", &[0, 4])];
        let deletes = [Step::Delete { mailbox: 0, items: vec![1] }, Step::Delete { mailbox: 1, items: vec![0] }];
        assert_eq!(steps(false), sends);
        assert_eq!(steps(true), [&sends[..], &deletes[..]].concat());
        assert_eq!(plan(&boxes, false).changes[1].object, "2 messages");
    }
}
