use serde_json::{Value, json};

use super::{T0, World, change, handle};

#[test]
fn a_message_is_hidden_for_the_visibility_timeout_and_no_longer() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "30"}));
    world.send(0, "a");
    assert_eq!(world.bodies(1), ["a"]);
    assert!(world.bodies(30.999).is_empty());
    assert_eq!(world.depths(30.999, "q"), (0, 1, 0));
    assert_eq!(world.bodies(31), ["a"]);
    assert_eq!(world.receive_with(61, json!({"VisibilityTimeout": 5})).len(), 1);
    assert_eq!(world.bodies(66), ["a"]);
    assert_eq!(world.receive_with(96, json!({"VisibilityTimeout": 0})).len(), 1);
    assert_eq!(world.bodies(96), ["a"]);
}

#[test]
fn delays_are_the_queues_unless_the_message_has_its_own() {
    let mut world = World::with_queue(json!({"DelaySeconds": "10"}));
    world.send(0, "queue");
    world.ok(0, "SendMessage", json!({"MessageBody": "own", "DelaySeconds": 3}));
    world.ok(0, "SendMessage", json!({"MessageBody": "none", "DelaySeconds": 0}));
    assert_eq!(world.depths(0, "q"), (1, 0, 2));
    assert_eq!(world.bodies(2.9), ["none"]);
    assert_eq!(world.bodies(3), ["own"]);
    assert!(world.bodies(9.9).is_empty());
    assert_eq!(world.bodies(10), ["queue"]);
    for (seconds, accepted) in [(900, true), (901, false), (-1, false)] {
        let input = json!({"MessageBody": "x", "DelaySeconds": seconds});
        assert_eq!(world.call(11.0, "SendMessage", input).is_ok(), accepted, "{seconds}");
    }
    // On standard queues a changed delay does not concern what was sent before.
    world.send(20, "before");
    world.ok(20, "SetQueueAttributes", json!({"Attributes": {"DelaySeconds": "0"}}));
    assert!(world.bodies(20).is_empty());
}

#[test]
fn retention_ends_a_message_wherever_it_is() {
    let mut world = World::with_queue(json!({"MessageRetentionPeriod": "60", "VisibilityTimeout": "600"}));
    world.send(0, "a");
    world.send(1, "b");
    assert_eq!(world.receive_with(2, json!({})).len(), 1);
    assert_eq!(world.depths(59.9, "q"), (1, 1, 0));
    assert_eq!(world.depths(60, "q"), (1, 0, 0));
    assert_eq!(world.depths(61, "q"), (0, 0, 0));
}

#[test]
fn deleting_works_once_and_is_idempotent() {
    let mut world = World::with_queue(json!({}));
    world.send(0, "a");
    let message = &world.receive(0)[0];
    world.ok(1, "DeleteMessage", handle(message));
    world.ok(1, "DeleteMessage", handle(message));
    assert_eq!(world.depths(1, "q"), (0, 0, 0));
    assert_eq!(world.code(1, "ChangeMessageVisibility", change(message, 1)), "InvalidParameterValueException");
}

#[test]
fn an_old_handle_deletes_nothing_and_the_latest_deletes_even_late() {
    let mut world = World::with_queue(json!({}));
    world.send(0, "a");
    let first = world.receive(0).remove(0);
    let second = world.receive(30).remove(0);
    assert_ne!(first["ReceiptHandle"], second["ReceiptHandle"]);
    assert_eq!(first["MessageId"], second["MessageId"]);
    world.ok(31, "DeleteMessage", handle(&first));
    assert_eq!(world.depths(31, "q"), (0, 1, 0));
    world.ok(100, "DeleteMessage", handle(&second));
    assert_eq!(world.depths(100, "q"), (0, 0, 0));
}

#[test]
fn visibility_counts_from_the_change_and_ends_at_twelve_hours() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "60"}));
    world.send(0, "a");
    let message = world.receive(0).remove(0);
    world.ok(15, "ChangeMessageVisibility", change(&message, 10));
    assert!(world.bodies(24.9).is_empty());
    let message = world.receive(25).remove(0);
    world.ok(26, "ChangeMessageVisibility", change(&message, 0));
    assert_eq!(world.code(26, "ChangeMessageVisibility", change(&message, 5)), "MessageNotInflight");
    let message = world.receive(26).remove(0);
    assert_eq!(world.code(27, "ChangeMessageVisibility", change(&message, 43_200)), "InvalidParameterValueException");
    world.ok(27, "ChangeMessageVisibility", change(&message, 43_199));
    assert_eq!(world.code(27, "ChangeMessageVisibility", change(&message, 43_201)), "InvalidParameterValueException");
    assert_eq!(world.code(27, "ChangeMessageVisibility", change(&message, -1)), "InvalidParameterValueException");
    // The next receive has the queue's timeout again.
    let late = 26.0 + 43_200.0;
    assert_eq!(world.bodies(late), ["a"]);
    assert_eq!(world.bodies(late + 60.0), ["a"]);
}

#[test]
fn handles_of_other_queues_and_no_handles_at_all_are_refused() {
    let mut world = World::with_queue(json!({}));
    world.create("other", json!({}));
    world.send(0, "a");
    let message = world.receive(0).remove(0);
    let elsewhere = json!({"QueueUrl": "other", "ReceiptHandle": message["ReceiptHandle"]});
    assert_eq!(world.code(0, "DeleteMessage", elsewhere), "ReceiptHandleIsInvalid");
    let error = world.call(0.0, "DeleteMessage", json!({"ReceiptHandle": "nonsense"})).unwrap_err();
    assert_eq!((&*error.code, error.status), ("ReceiptHandleIsInvalid", 404));
}

#[test]
fn system_attributes_are_returned_as_asked() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "0"}));
    let header = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}});
    let input = json!({"MessageBody": "a", "MessageSystemAttributes": header, "MessageGroupId": "tenant"});
    let sent = world.ok(0, "SendMessage", input);
    assert!(sent["MD5OfMessageSystemAttributes"].is_string());
    assert!(sent.get("SequenceNumber").is_none());
    assert!(world.receive(1)[0].get("Attributes").is_none());
    let all = world.receive_with(2, json!({"MessageSystemAttributeNames": ["All"]})).remove(0);
    assert_eq!(
        all["Attributes"],
        json!({
            "SenderId": "123456789012",
            "SentTimestamp": "1700000000000",
            "ApproximateReceiveCount": "2",
            "ApproximateFirstReceiveTimestamp": "1700000001000",
            "MessageGroupId": "tenant",
            "AWSTraceHeader": "Root=1",
        })
    );
    let some = world.receive_with(3, json!({"AttributeNames": ["ApproximateReceiveCount"]})).remove(0);
    assert_eq!(some["Attributes"], json!({"ApproximateReceiveCount": "3"}));
    let unknown = json!({"AttributeNames": ["Color"]});
    assert_eq!(world.code(4, "ReceiveMessage", unknown), "InvalidAttributeName");
}

#[test]
fn message_attributes_are_checked_and_filtered() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "0"}));
    let attributes = json!({
        "pp.run": {"DataType": "String", "StringValue": "r"},
        "pp.n": {"DataType": "Number.int", "StringValue": "12"},
        "raw": {"DataType": "Binary", "BinaryValue": "AAEC"},
    });
    let sent = world.ok(0, "SendMessage", json!({"MessageBody": "a", "MessageAttributes": attributes}));
    let mut names = |wanted: Value| {
        let message = world.receive_with(0, json!({"MessageAttributeNames": wanted})).remove(0);
        let names: Vec<String> =
            message["MessageAttributes"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
        (names, message)
    };
    assert!(names(json!([])).0.is_empty());
    assert_eq!(names(json!(["raw"])).0, ["raw"]);
    assert_eq!(names(json!(["pp.*"])).0, ["pp.n", "pp.run"]);
    let (all, message) = names(json!(["All"]));
    assert_eq!(all.len(), 3);
    assert_eq!(message["MessageAttributes"], attributes);
    assert_eq!(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);

    let text = |value: &str| json!({"DataType": "String", "StringValue": value});
    let eleven: serde_json::Map<String, Value> = (0..11).map(|n| (format!("a{n}"), text("x"))).collect();
    for bad in [
        json!({"": text("x")}),
        json!({"AWS.x": text("x")}),
        json!({"amazon.x": text("x")}),
        json!({".x": text("x")}),
        json!({"x.": text("x")}),
        json!({"x..y": text("x")}),
        json!({"x y": text("x")}),
        json!({"x": text("")}),
        json!({"x": text("\u{8}")}),
        json!({"x": {"DataType": "Number", "StringValue": "twelve"}}),
        json!({"x": {"DataType": "Number", "StringValue": "inf"}}),
        json!({"x": {"DataType": "Text", "StringValue": "x"}}),
        json!({"x": {"DataType": "Binary"}}),
        json!({"x": {"StringValue": "x"}}),
        Value::Object(eleven),
    ] {
        let input = json!({"MessageBody": "a", "MessageAttributes": bad});
        assert_eq!(world.code(0, "SendMessage", input), "InvalidParameterValueException", "{bad}");
    }
}

#[test]
fn bodies_are_neither_empty_nor_too_long_nor_of_odd_characters() {
    let mut world = World::with_queue(json!({"MaximumMessageSize": "1024"}));
    assert_eq!(world.code(0, "SendMessage", json!({"MessageBody": ""})), "MissingRequiredParameterException");
    assert_eq!(world.code(0, "SendMessage", json!({})), "MissingRequiredParameterException");
    for odd in ["\u{0}", "a\u{1}", "\u{B}", "\u{FFFE}"] {
        assert_eq!(world.code(0, "SendMessage", json!({"MessageBody": odd})), "InvalidMessageContents");
    }
    world.send(0, "\t\n\r\u{1F600}");
    world.send(0, &"x".repeat(1024));
    let long = json!({"MessageBody": "x".repeat(1025)});
    let error = world.call(0.0, "SendMessage", long).unwrap_err();
    assert_eq!(error.message, "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.");
    // Bytes count, not characters, and attributes count too: 1 + 6 + 1 here.
    assert!(world.call(0.0, "SendMessage", json!({"MessageBody": "é".repeat(513)})).is_err());
    let attributes = json!({"a": {"DataType": "String", "StringValue": "v"}});
    let input = |length| json!({"MessageBody": "x".repeat(length), "MessageAttributes": attributes});
    assert!(world.call(0.0, "SendMessage", input(1024 - 8)).is_ok());
    assert!(world.call(0.0, "SendMessage", input(1024 - 7)).is_err());
}

#[test]
fn a_receive_returns_between_one_and_ten() {
    let mut world = World::with_queue(json!({}));
    (0..12).for_each(|n| world.send(0, &n.to_string()));
    assert_eq!(world.receive_with(0, json!({})).len(), 1);
    assert_eq!(world.receive(0).len(), 10);
    for bad in [0, 11] {
        let input = json!({"MaxNumberOfMessages": bad});
        assert_eq!(world.code(0, "ReceiveMessage", input), "InvalidParameterValueException");
    }
    for bad in [-1, 21] {
        let input = json!({"WaitTimeSeconds": bad});
        assert_eq!(world.code(0, "ReceiveMessage", input), "InvalidParameterValueException");
    }
}

#[test]
fn the_number_of_messages_in_flight_is_limited() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "43200"}));
    world.send(0, "a");
    // A hundred and twenty thousand requests would take seconds.
    let queue = world.0.queue("q").unwrap();
    let message = queue.pop(T0).unwrap();
    (0..120_001).for_each(|_| queue.insert(message.clone()));
    assert_eq!(queue.take(T0, 119_995, 1_000, None).received.len(), 119_995);
    assert_eq!(world.receive(0).len(), 5);
    let error = world.call(0.0, "ReceiveMessage", json!({})).unwrap_err();
    assert_eq!((&*error.code, error.status), ("OverLimit", 403));
}

#[test]
fn equal_seeds_give_equal_answers() {
    let run = || {
        let mut world = World::with_queue(json!({}));
        (0..5).for_each(|n| world.send(n, &n.to_string()));
        world.receive(10)
    };
    assert_eq!(run(), run());
}
