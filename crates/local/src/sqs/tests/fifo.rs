use serde_json::json;

use super::{World, body, change, handle};

fn fifo(attributes: serde_json::Value) -> World {
    let mut all = json!({"FifoQueue": "true"});
    all.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    let mut world = World::new();
    world.create("q.fifo", all);
    world
}

fn url(mut input: serde_json::Value) -> serde_json::Value {
    input["QueueUrl"] = "q.fifo".into();
    input
}

impl World {
    #[track_caller]
    fn put(&mut self, at: f64, group: &str, body: &str) -> serde_json::Value {
        let input = json!({"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body});
        self.ok(at, "SendMessage", url(input))
    }

    #[track_caller]
    fn get(&mut self, at: f64, max: usize) -> Vec<serde_json::Value> {
        self.receive_with(at, url(json!({"MaxNumberOfMessages": max, "AttributeNames": ["All"]})))
    }

    #[track_caller]
    fn get_bodies(&mut self, at: f64, max: usize) -> Vec<String> {
        self.get(at, max).iter().map(body).collect()
    }
}

#[test]
fn a_group_is_in_order_and_blocked_while_in_flight() {
    let mut world = fifo(json!({}));
    for (group, body) in [("g", "g1"), ("h", "h1"), ("g", "g2"), ("g", "g3")] {
        world.put(0.0, group, body);
    }
    let first = world.get(0.0, 1);
    assert_eq!(body(&first[0]), "g1");
    assert_eq!(world.get_bodies(0.0, 10), ["h1"]);
    assert!(world.get_bodies(1.0, 10).is_empty());
    world.ok(2, "DeleteMessage", url(handle(&first[0])));
    assert_eq!(world.get_bodies(2.0, 10), ["g2", "g3"]);
    world.put(3.0, "g", "g4");
    assert!(world.get_bodies(3.0, 10).is_empty());
    // All visible again: groups by their oldest message, within a group as sent.
    assert_eq!(world.get_bodies(40.0, 10), ["h1", "g2", "g3", "g4"]);
}

#[test]
fn what_is_in_flight_blocks_what_is_behind_it_and_not_what_is_before() {
    for (extended, back) in [(0, vec![]), (1, vec!["a"]), (2, vec!["a", "b"])] {
        let mut world = fifo(json!({"VisibilityTimeout": "1"}));
        for body in ["a", "b", "c"] {
            world.put(0.0, "g", body);
        }
        let messages = world.get(0.0, 5);
        world.ok(0.5, "ChangeMessageVisibility", url(change(&messages[extended], 4)));
        assert_eq!(world.get_bodies(2.5, 5), back, "{extended}");
    }
}

#[test]
fn a_receipt_handle_expires_with_the_visibility_timeout() {
    let mut world = fifo(json!({"VisibilityTimeout": "10"}));
    world.put(0.0, "g", "a");
    let old = world.get(0.0, 1).remove(0);
    let error = world.call(10.0, "DeleteMessage", url(handle(&old))).unwrap_err();
    assert!(error.message.ends_with("is invalid. Reason: The receipt handle has expired."), "{error}");
    let new = world.get(11.0, 1).remove(0);
    assert!(world.call(12.0, "DeleteMessage", url(handle(&old))).is_err());
    assert!(world.call(12.0, "ChangeMessageVisibility", url(change(&old, 0))).is_err());
    world.ok(12, "DeleteMessage", url(handle(&new)));
    assert_eq!(world.depths(12, "q.fifo"), (0, 0, 0));
}

#[test]
fn duplicates_within_five_minutes_are_accepted_and_not_delivered() {
    let mut world = fifo(json!({}));
    let first = world.put(0.0, "g", "a");
    let message = world.get(1.0, 1).remove(0);
    assert_eq!(message["Attributes"]["SequenceNumber"], first["SequenceNumber"]);
    assert_eq!(message["Attributes"]["MessageGroupId"], "g");
    assert_eq!(message["Attributes"]["MessageDeduplicationId"], "a");
    world.ok(2, "DeleteMessage", url(handle(&message)));
    // Deleted or not, another group or not.
    let again = world.put(299.9, "h", "a");
    assert_eq!((&again["MessageId"], &again["SequenceNumber"]), (&first["MessageId"], &first["SequenceNumber"]));
    assert!(world.get(299.9, 10).is_empty());
    let later = world.put(300.0, "g", "a");
    assert_ne!(later["MessageId"], first["MessageId"]);
    assert!(later["SequenceNumber"].as_str() > first["SequenceNumber"].as_str());
    assert_eq!(world.get_bodies(300.0, 10), ["a"]);
}

#[test]
fn deduplication_can_be_per_group_and_by_content() {
    let mut world = fifo(json!({"DeduplicationScope": "messageGroup", "ContentBasedDeduplication": "true"}));
    for group in ["g", "h", "g"] {
        world.ok(0, "SendMessage", url(json!({"MessageBody": "same", "MessageGroupId": group})));
    }
    let messages = world.get(0.0, 10);
    assert_eq!(messages.len(), 2);
    let sha = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5";
    assert_eq!(messages[0]["Attributes"]["MessageDeduplicationId"], sha);
}

#[test]
fn group_and_deduplication_id_are_required() {
    let mut world = fifo(json!({}));
    let missing = url(json!({"MessageBody": "a", "MessageDeduplicationId": "d"}));
    assert_eq!(world.code(0, "SendMessage", missing), "MissingRequiredParameterException");
    let no_id = url(json!({"MessageBody": "a", "MessageGroupId": "g"}));
    assert_eq!(world.code(0, "SendMessage", no_id), "InvalidParameterValueException");
    for bad in ["", "a b", "é", &"x".repeat(129)] {
        let input = url(json!({"MessageBody": "a", "MessageGroupId": bad, "MessageDeduplicationId": "d"}));
        assert_eq!(world.code(0, "SendMessage", input), "InvalidParameterValueException", "{bad:?}");
    }
    // In a batch the request fails, and with another error.
    let entry = json!({"Id": "1", "MessageBody": "a", "MessageDeduplicationId": "d"});
    let batch = url(json!({"Entries": [entry]}));
    assert_eq!(world.code(0, "SendMessageBatch", batch), "InvalidParameterValueException");
}

#[test]
fn the_delay_is_the_queues_and_retroactive() {
    let mut world = fifo(json!({"DelaySeconds": "100"}));
    let own = url(json!({"MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1}));
    assert_eq!(world.code(0, "SendMessage", own), "InvalidParameterValueException");
    world.put(0.0, "g", "a");
    assert!(world.get(50.0, 1).is_empty());
    world.ok(50, "SetQueueAttributes", url(json!({"Attributes": {"DelaySeconds": "60"}})));
    assert!(world.get(59.9, 1).is_empty());
    assert_eq!(world.get_bodies(60.0, 1), ["a"]);
}

#[test]
fn standard_queues_take_a_group_and_no_deduplication_id() {
    let mut world = World::with_queue(json!({}));
    let group = json!({"MessageBody": "a", "MessageGroupId": "tenant"});
    world.ok(0, "SendMessage", group.clone());
    world.ok(0, "SendMessage", group);
    // No order and no blocking by group.
    assert_eq!(world.receive_with(0, json!({})).len(), 1);
    assert_eq!(world.receive_with(0, json!({})).len(), 1);
    let deduplicated = json!({"MessageBody": "a", "MessageDeduplicationId": "d"});
    assert_eq!(world.code(0, "SendMessage", deduplicated), "InvalidParameterValueException");
}
