//! What holds for any sequence of operations, against a model that only knows who hid what until when.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{T0, World};
use crate::clock::Millis;

const VISIBILITY: u64 = 10;

#[derive(Debug, Clone)]
enum Step {
    /// Tenths of a second.
    Wait(u64),
    Send {
        group: u8,
        delay: u16,
    },
    Receive(u8),
    /// Deletes the message that was received this many receives ago, with its handle of then.
    Delete(usize),
    /// Changes its visibility to this many seconds.
    Change(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..150).prop_map(Step::Wait),
        (0_u8..3, prop_oneof![Just(0_u16), 1_u16..20]).prop_map(|(group, delay)| Step::Send { group, delay }),
        (1_u8..=10).prop_map(Step::Receive),
        (0_usize..6).prop_map(Step::Delete),
        (0_usize..6, 0_u64..30).prop_map(|(ago, seconds)| Step::Change(ago, seconds)),
    ]
}

/// What the model knows of a message that was sent and not deleted.
#[derive(Debug)]
struct Known {
    group: u8,
    order: usize,
    /// Not to be received before.
    hidden_until: Millis,
    receipt: Option<Value>,
}

struct Model {
    world: World,
    fifo: bool,
    now: Millis,
    sent: usize,
    known: BTreeMap<String, Known>,
    /// Message id and handle of every message received, in order.
    received: Vec<(String, Value)>,
}

impl Model {
    fn new(fifo: bool) -> Self {
        let mut world = World::new();
        let mut attributes = json!({"VisibilityTimeout": VISIBILITY.to_string()});
        if fifo {
            attributes["FifoQueue"] = "true".into();
        }
        world.create(if fifo { "q.fifo" } else { "q" }, attributes);
        Self { world, fifo, now: T0, sent: 0, known: BTreeMap::new(), received: Vec::new() }
    }

    fn call(&mut self, operation: &str, mut input: Value) -> Result<Value, crate::wire::AwsError> {
        input["QueueUrl"] = if self.fifo { "q.fifo" } else { "q" }.into();
        self.world.0.call(self.now, operation, input)
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Wait(tenths) => self.now += tenths * 100,
            Step::Send { group, delay } => self.send(group, if self.fifo { 0 } else { delay }),
            Step::Receive(max) => self.receive(max),
            Step::Delete(ago) => self.delete(ago),
            Step::Change(ago, seconds) => self.change(ago, seconds),
        }
        let depths = self.world.0.depths(self.now, if self.fifo { "q.fifo" } else { "q" }).unwrap();
        assert_eq!(
            depths.visible + depths.in_flight + depths.delayed,
            self.known.len(),
            "no message is lost or doubled"
        );
    }

    fn send(&mut self, group: u8, delay: u16) {
        let mut input = json!({"MessageBody": "x", "DelaySeconds": delay});
        if self.fifo {
            input["MessageGroupId"] = group.to_string().into();
            input["MessageDeduplicationId"] = self.sent.to_string().into();
        }
        let id = self.call("SendMessage", input).unwrap()["MessageId"].as_str().unwrap().to_owned();
        let hidden_until = self.now + u64::from(delay) * 1_000;
        self.known.insert(id, Known { group, order: self.sent, hidden_until, receipt: None });
        self.sent += 1;
    }

    fn receive(&mut self, max: u8) {
        let output = self.call("ReceiveMessage", json!({"MaxNumberOfMessages": max})).unwrap();
        let messages = output["Messages"].as_array().cloned().unwrap_or_default();
        assert!(messages.len() <= usize::from(max));
        for message in &messages {
            let id = message["MessageId"].as_str().unwrap();
            let known = &self.known[id];
            assert!(known.hidden_until <= self.now, "a hidden message was received");
            if self.fifo {
                let mut before =
                    self.known.values().filter(|other| other.group == known.group && other.order < known.order);
                // Those of this batch are already hidden by it, until exactly then.
                let own = self.now + VISIBILITY * 1_000;
                assert!(before.all(|other| other.hidden_until == own), "a message overtook another of its group");
            }
            let known = self.known.get_mut(id).unwrap();
            known.hidden_until = self.now + VISIBILITY * 1_000;
            known.receipt = Some(message["ReceiptHandle"].clone());
            self.received.push((id.to_owned(), message["ReceiptHandle"].clone()));
        }
        if messages.is_empty() {
            self.nothing_comes_before_it_is_announced();
        }
    }

    /// After a receive that found nothing: there was nothing, and `next_change` is when that may change.
    fn nothing_comes_before_it_is_announced(&mut self) {
        for known in self.known.values() {
            let mut before =
                self.known.values().filter(|other| other.group == known.group && other.order < known.order);
            let blocked = self.fifo && before.any(|other| other.hidden_until > self.now);
            assert!(known.hidden_until > self.now || blocked, "a message was there and not received");
        }
        let next = self.world.0.next_change(self.now);
        let first = self.known.values().map(|known| known.hidden_until).filter(|until| *until > self.now).min();
        assert_eq!(next, first, "a receiver would sleep too long or wake in vain");
    }

    fn handle(&self, ago: usize) -> Option<(String, Value)> {
        self.received.len().checked_sub(ago + 1).map(|index| self.received[index].clone())
    }

    fn delete(&mut self, ago: usize) {
        let Some((id, handle)) = self.handle(ago) else { return };
        let outcome = self.call("DeleteMessage", json!({"ReceiptHandle": handle}));
        let Some(known) = self.known.get(&id) else {
            assert!(outcome.is_ok(), "deleting is idempotent");
            return;
        };
        let latest = known.receipt.as_ref() == Some(&handle);
        let in_flight = known.hidden_until > self.now;
        if self.fifo && !(latest && in_flight) {
            assert!(outcome.is_err(), "a handle of a FIFO queue outlived its timeout");
        } else {
            assert!(outcome.is_ok());
            if latest {
                self.known.remove(&id);
            }
        }
    }

    fn change(&mut self, ago: usize, seconds: u64) {
        let Some((id, handle)) = self.handle(ago) else { return };
        let input = json!({"ReceiptHandle": handle, "VisibilityTimeout": seconds});
        let outcome = self.call("ChangeMessageVisibility", input);
        if outcome.is_ok() {
            let known = self.known.get_mut(&id).expect("the visibility of a deleted message was changed");
            assert!(known.hidden_until > self.now, "the visibility of a message was changed that is not in flight");
            known.hidden_until = self.now + seconds * 1_000;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_neither_loses_nor_doubles_nor_overtakes(
        fifo in any::<bool>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut model = Model::new(fifo);
        for step in &steps {
            model.step(step);
        }
    }
}
