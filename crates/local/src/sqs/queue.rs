//! One queue: which message may be received when. Knows nothing of requests.
//!
//! # Standard queues
//!
//! Messages are handed out by the time since which they can be received. AWS promises no order; this one is stable,
//! which makes a simulation repeatable, and returns what has waited longest.
//!
//! # FIFO queues
//!
//! Within a group strictly in the order sent: the group is walked from its oldest message and the walk ends at the
//! first one that is hidden, be it in flight or delayed. So a group is blocked by what is in flight *before* a message
//! and not by what is behind it: of three messages received together whose second had its visibility extended, the
//! first comes back alone when its own timeout ends (seen in recorded answers of the service). As many messages of one
//! group as possible are returned together (SQS developer guide, "FIFO queue delivery logic").

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::attributes::Attributes;
use super::message::{Message, Place};
use crate::clock::Millis;

/// Order of arrival in the queue.
pub(crate) type Seq = u64;

/// Most messages in flight: about 120,000 for standard queues, 120,000 for FIFO (API reference,
/// ChangeMessageVisibility).
pub(crate) const MAX_IN_FLIGHT: usize = 120_000;

/// How long a deduplication id is remembered: five minutes (API reference, SendMessage).
pub(crate) const DEDUPLICATION_INTERVAL: Millis = 5 * 60 * 1_000;

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depths {
    /// Can be received.
    pub visible: usize,
    /// Received and neither deleted nor visible again.
    pub in_flight: usize,
    /// Not visible for the first time yet.
    pub delayed: usize,
}

/// What was sent under a deduplication id.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    at: Millis,
    pub(crate) message_id: String,
    pub(crate) sequence_number: String,
}

/// What a receive found.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) received: Vec<Seq>,
    /// Due for the dead-letter queue; no longer in this one.
    pub(crate) dead: Vec<Message>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) url: String,
    pub(crate) attributes: Attributes,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created: Millis,
    pub(crate) modified: Millis,
    pub(crate) purged: Option<Millis>,
    messages: BTreeMap<Seq, Message>,
    waiting: BTreeSet<(Millis, Seq)>,
    in_flight: BTreeSet<(Millis, Seq)>,
    by_age: BTreeSet<(Millis, Seq)>,
    /// FIFO only.
    groups: BTreeMap<String, BTreeSet<Seq>>,
    accepted: HashMap<(String, String), Accepted>,
    next: Seq,
    receipts: u64,
}

impl Queue {
    pub(crate) fn new(name: &str, arn: String, url: String, attributes: Attributes, now: Millis) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            url,
            attributes,
            tags: BTreeMap::new(),
            created: now,
            modified: now,
            purged: None,
            messages: BTreeMap::new(),
            waiting: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            by_age: BTreeSet::new(),
            groups: BTreeMap::new(),
            accepted: HashMap::new(),
            next: 0,
            receipts: 0,
        }
    }

    /// Lets time pass: visibility timeouts end, old messages go.
    pub(crate) fn advance(&mut self, now: Millis) {
        while let Some(&(until, seq)) = self.in_flight.first()
            && until <= now
        {
            self.put(seq, Place::Waiting(until));
        }
        while let Some(&(enqueued, seq)) = self.by_age.first()
            && enqueued + self.attributes.retention <= now
        {
            self.remove(seq);
        }
    }

    /// When a message becomes visible next, if none does before.
    pub(crate) fn next_change(&self, now: Millis) -> Option<Millis> {
        let waiting = self.waiting.range((now + 1, 0)..).next();
        [waiting, self.in_flight.first()].into_iter().flatten().map(|&(at, _)| at).min()
    }

    pub(crate) fn depths(&self, now: Millis) -> Depths {
        let delayed = self.waiting.range((now + 1, 0)..).count();
        Depths { visible: self.waiting.len() - delayed, in_flight: self.in_flight.len(), delayed }
    }

    /// Puts a message at the end of the queue, at its `place`.
    pub(crate) fn insert(&mut self, message: Message) {
        let seq = self.next;
        self.next += 1;
        self.by_age.insert((message.enqueued, seq));
        if let Some(group) = message.group.clone().filter(|_| self.attributes.fifo) {
            self.groups.entry(group).or_default().insert(seq);
        }
        self.index(seq, message.place);
        self.messages.insert(seq, message);
    }

    pub(crate) fn get(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// Messages in order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    pub(crate) fn remove(&mut self, seq: Seq) -> Option<Message> {
        let message = self.messages.remove(&seq)?;
        self.unindex(seq, message.place);
        self.by_age.remove(&(message.enqueued, seq));
        if let Some(group) = message.group.as_ref()
            && let Some(members) = self.groups.get_mut(group)
        {
            members.remove(&seq);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
        Some(message)
    }

    /// Moves a message to another place of its life.
    pub(crate) fn put(&mut self, seq: Seq, place: Place) {
        let Some(message) = self.messages.get_mut(&seq) else { return };
        let old = std::mem::replace(&mut message.place, place);
        self.unindex(seq, old);
        self.index(seq, place);
    }

    /// Deletes everything (PurgeQueue).
    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.waiting.clear();
        self.in_flight.clear();
        self.by_age.clear();
        self.groups.clear();
    }

    /// Applies a changed DelaySeconds to what waits for its first time: on FIFO queues the setting is retroactive, on
    /// standard queues it is not (API reference, SetQueueAttributes; developer guide, "delay queues").
    pub(crate) fn delay_changed(&mut self) {
        if !self.attributes.fifo {
            return;
        }
        let delay = self.attributes.delay;
        let fresh: Vec<(Seq, Millis)> = self
            .messages
            .iter()
            .filter(|(_, message)| message.receive_count == 0 && matches!(message.place, Place::Waiting(_)))
            .map(|(seq, message)| (*seq, message.enqueued + delay))
            .collect();
        for (seq, at) in fresh {
            self.put(seq, Place::Waiting(at));
        }
    }

    /// Receives up to `max` messages and hides them for `visibility`. Messages already received `max_receive_count`
    /// times are taken out instead (developer guide, "Using dead-letter queues").
    pub(crate) fn take(
        &mut self,
        now: Millis,
        max: usize,
        visibility: Millis,
        max_receive_count: Option<u32>,
    ) -> Taken {
        let max = max.min(MAX_IN_FLIGHT.saturating_sub(self.in_flight.len()));
        let mut chosen = Vec::new();
        let mut dead = Vec::new();
        for seq in self.order(now) {
            if chosen.len() == max {
                break;
            }
            let exhausted = |message: &Message| max_receive_count.is_some_and(|limit| message.receive_count >= limit);
            if self.messages.get(&seq).is_some_and(exhausted) { dead.push(seq) } else { chosen.push(seq) }
        }
        let dead = dead.into_iter().filter_map(|seq| self.remove(seq)).collect();
        for &seq in &chosen {
            self.receipts += 1;
            let receipt = self.receipts;
            if let Some(message) = self.messages.get_mut(&seq) {
                message.receive_count += 1;
                message.receipt = receipt;
                message.last_received = now;
                message.first_received.get_or_insert(now);
            }
            let place = if visibility == 0 { Place::Waiting(now) } else { Place::InFlight(now + visibility) };
            self.put(seq, place);
        }
        Taken { received: chosen, dead }
    }

    /// Takes out the next message that can be received, without receiving it.
    pub(crate) fn pop(&mut self, now: Millis) -> Option<Message> {
        let next = self.order(now).next()?;
        self.remove(next)
    }

    /// Whether the most messages are in flight.
    pub(crate) fn is_full(&self) -> bool {
        self.in_flight.len() >= MAX_IN_FLIGHT
    }

    /// What was accepted under this deduplication id less than five minutes ago.
    pub(crate) fn duplicate(&self, group: &str, id: &str, now: Millis) -> Option<&Accepted> {
        let accepted = self.accepted.get(&self.deduplication_key(group, id))?;
        (accepted.at + DEDUPLICATION_INTERVAL > now).then_some(accepted)
    }

    /// Remembers a message's deduplication id. The five minutes count from the first message, whatever becomes of it.
    pub(crate) fn accept(&mut self, group: &str, id: &str, now: Millis, message: &Message) {
        // Now and then, so that the memory of a long-lived queue stays bounded at no cost per message.
        if self.accepted.len() >= 1_024 && self.accepted.len().is_power_of_two() {
            self.accepted.retain(|_, accepted| accepted.at + DEDUPLICATION_INTERVAL > now);
        }
        let accepted = Accepted {
            at: now,
            message_id: message.id.clone(),
            sequence_number: message.sequence_number.clone().unwrap_or_default(),
        };
        self.accepted.insert(self.deduplication_key(group, id), accepted);
    }

    fn deduplication_key(&self, group: &str, id: &str) -> (String, String) {
        let scope = if self.attributes.deduplication_per_group { group } else { "" };
        (scope.to_owned(), id.to_owned())
    }

    /// What can be received, in the order in which it is.
    fn order(&self, now: Millis) -> Box<dyn Iterator<Item = Seq> + '_> {
        if !self.attributes.fifo {
            return Box::new(self.waiting.range(..=(now, Seq::MAX)).map(|&(_, seq)| seq));
        }
        let ready = move |seq: &&Seq| {
            self.messages.get(seq).is_some_and(|message| matches!(message.place, Place::Waiting(at) if at <= now))
        };
        let mut groups: Vec<(Seq, &BTreeSet<Seq>)> =
            self.groups.values().filter_map(|group| Some((*group.first()?, group))).collect();
        groups.sort_unstable_by_key(|(oldest, _)| *oldest);
        Box::new(groups.into_iter().flat_map(move |(_, group)| group.iter().take_while(ready)).copied())
    }

    fn index(&mut self, seq: Seq, place: Place) {
        match place {
            Place::Waiting(at) => self.waiting.insert((at, seq)),
            Place::InFlight(until) => self.in_flight.insert((until, seq)),
        };
    }

    fn unindex(&mut self, seq: Seq, place: Place) {
        match place {
            Place::Waiting(at) => self.waiting.remove(&(at, seq)),
            Place::InFlight(until) => self.in_flight.remove(&(until, seq)),
        };
    }
}
