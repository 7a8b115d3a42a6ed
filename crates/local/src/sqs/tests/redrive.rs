use serde_json::{Value, json};

use super::{World, body, change};

const ARN: &str = "arn:aws:sqs:eu-west-1:123456789012";

/// Queue `q` with dead-letter queue `dead` after `max` receives.
fn with_dead_letters(max: u32, fifo: bool) -> World {
    let mut world = World::new();
    let (q, dead, kind) =
        if fifo { ("q.fifo", "dead.fifo", json!({"FifoQueue": "true"})) } else { ("q", "dead", json!({})) };
    world.create(dead, kind.clone());
    let mut attributes = kind;
    let policy = json!({"deadLetterTargetArn": format!("{ARN}:{dead}"), "maxReceiveCount": max});
    attributes["RedrivePolicy"] = policy.to_string().into();
    attributes["VisibilityTimeout"] = "10".into();
    world.create(q, attributes);
    world
}

fn dead(max: usize) -> Value {
    json!({"QueueUrl": "dead", "MaxNumberOfMessages": max, "AttributeNames": ["All"]})
}

#[test]
fn a_message_is_buried_at_the_receive_after_the_last_allowed_one() {
    let mut world = with_dead_letters(2, false);
    world.send(0, "a");
    assert_eq!(world.bodies(0), ["a"]);
    assert_eq!(world.bodies(10), ["a"]);
    // Nobody has asked for it yet: it is still here.
    assert_eq!(world.depths(20, "q"), (1, 0, 0));
    world.send(20, "b");
    // The place of the buried message goes to the next one.
    assert_eq!(world.receive_with(20, json!({})).iter().map(body).collect::<Vec<_>>(), ["b"]);
    assert_eq!(world.depths(20, "q"), (0, 1, 0));
    let buried = world.receive_with(21, dead(10));
    assert_eq!(buried.len(), 1);
    let attributes = &buried[0]["Attributes"];
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
    assert_eq!(attributes["DeadLetterQueueSourceArn"], format!("{ARN}:q"));
    assert_eq!(attributes["SentTimestamp"], "1700000000000");
}

#[test]
fn handing_back_at_once_counts_as_a_receive_too() {
    let mut world = with_dead_letters(1, false);
    world.send(0, "a");
    let message = world.receive(0).remove(0);
    world.ok(0, "ChangeMessageVisibility", change(&message, 0));
    assert!(world.bodies(0).is_empty());
    assert_eq!(world.depths(0, "dead"), (1, 0, 0));
}

#[test]
fn without_its_dead_letter_queue_a_message_is_delivered_on() {
    let mut world = with_dead_letters(1, false);
    world.send(0, "a");
    assert_eq!(world.bodies(0), ["a"]);
    world.ok(1, "DeleteQueue", json!({"QueueUrl": "dead"}));
    assert_eq!(world.bodies(10), ["a"]);
}

#[test]
fn retention_counts_on_in_a_standard_dead_letter_queue_and_anew_in_a_fifo_one() {
    let mut world = with_dead_letters(1, false);
    world.ok(0, "SetQueueAttributes", json!({"QueueUrl": "dead", "Attributes": {"MessageRetentionPeriod": "60"}}));
    world.send(0, "a");
    world.receive(0);
    world.receive(50);
    assert_eq!(world.depths(59, "dead"), (1, 0, 0));
    assert_eq!(world.depths(60, "dead"), (0, 0, 0));

    let mut world = with_dead_letters(1, true);
    let retention = json!({"QueueUrl": "dead.fifo", "Attributes": {"MessageRetentionPeriod": "60"}});
    world.ok(0, "SetQueueAttributes", retention);
    let url = json!({"QueueUrl": "q.fifo"});
    let input = json!({"QueueUrl": "q.fifo", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"});
    world.ok(0, "SendMessage", input);
    world.receive_with(0, url.clone());
    world.receive_with(50, url);
    assert_eq!(world.depths(109, "dead.fifo"), (1, 0, 0));
    assert_eq!(world.depths(110, "dead.fifo"), (0, 0, 0));
}

#[test]
fn a_policy_needs_a_queue_of_the_same_type_that_admits_the_source() {
    let mut world = World::new();
    world.create("standard", json!({}));
    world.create("fifo.fifo", json!({"FifoQueue": "true"}));
    world.create("closed", json!({"RedriveAllowPolicy": r#"{"redrivePermission":"denyAll"}"#}));
    let open_to_q = json!({"redrivePermission": "byQueue", "sourceQueueArns": [format!("{ARN}:q")]}).to_string();
    world.create("open", json!({"RedriveAllowPolicy": open_to_q}));
    let input = |name: &str, target: &str| {
        let policy = json!({"deadLetterTargetArn": format!("{ARN}:{target}"), "maxReceiveCount": 3}).to_string();
        json!({"QueueName": name, "Attributes": {"RedrivePolicy": policy}})
    };
    for target in ["fifo.fifo", "closed", "missing"] {
        assert_eq!(world.code(0, "CreateQueue", input("q", target)), "InvalidParameterValueException", "{target}");
    }
    assert_eq!(world.code(0, "CreateQueue", input("other", "open")), "InvalidParameterValueException");
    world.ok(0, "CreateQueue", input("q", "open"));
    world.ok(0, "CreateQueue", input("other", "standard"));
    let sources = world.ok(0, "ListDeadLetterSourceQueues", json!({"QueueUrl": "standard"}));
    assert_eq!(sources["queueUrls"], json!(["http://localhost:1/123456789012/other"]));
    let none = world.ok(0, "ListDeadLetterSourceQueues", json!({"QueueUrl": "q"}));
    assert_eq!(none["queueUrls"], json!([]));
}

#[test]
fn a_move_task_gives_messages_back_as_new_ones() {
    let mut world = with_dead_letters(1, false);
    let first = world.ok(0, "SendMessage", json!({"MessageBody": "a"}));
    world.receive(0);
    world.receive(10);
    let source = json!({"SourceArn": format!("{ARN}:dead")});
    world.ok(20, "StartMessageMoveTask", source.clone());
    let tasks = world.ok(20, "ListMessageMoveTasks", source);
    assert_eq!(
        tasks["Results"],
        json!([{
            "Status": "COMPLETED",
            "SourceArn": format!("{ARN}:dead"),
            "ApproximateNumberOfMessagesMoved": 1,
            "ApproximateNumberOfMessagesToMove": 1,
            "StartedTimestamp": 1_700_000_020_000_u64,
        }])
    );
    assert_eq!(world.depths(20, "dead"), (0, 0, 0));
    let back = world.receive_with(20, json!({"AttributeNames": ["All"]})).remove(0);
    assert_ne!(back["MessageId"], first["MessageId"]);
    assert_eq!(back["Attributes"]["ApproximateReceiveCount"], "1");
    assert!(back["Attributes"].get("DeadLetterQueueSourceArn").is_none());
}

#[test]
fn a_move_task_keeps_its_rate_and_can_be_cancelled() {
    let mut world = with_dead_letters(1, false);
    for n in 0..5 {
        world.ok(0, "SendMessage", json!({"QueueUrl": "dead", "MessageBody": n.to_string()}));
    }
    let start = json!({
        "SourceArn": format!("{ARN}:dead"),
        "DestinationArn": format!("{ARN}:q"),
        "MaxNumberOfMessagesPerSecond": 1,
    });
    let handle = world.ok(10, "StartMessageMoveTask", start.clone())["TaskHandle"].clone();
    assert_eq!(world.code(10, "StartMessageMoveTask", start), "InvalidParameterValueException");
    assert_eq!(world.depths(12, "q"), (2, 0, 0));
    let cancelled = world.ok(13, "CancelMessageMoveTask", json!({"TaskHandle": handle}));
    assert_eq!(cancelled, json!({"ApproximateNumberOfMessagesMoved": 3}));
    assert_eq!(world.depths(100, "dead"), (2, 0, 0));
    assert_eq!(world.code(14, "CancelMessageMoveTask", json!({"TaskHandle": handle})), "ResourceNotFoundException");
    assert_eq!(world.code(14, "CancelMessageMoveTask", json!({"TaskHandle": "x"})), "InvalidParameterValueException");
}

#[test]
fn only_dead_letter_queues_can_be_moved_and_only_somewhere() {
    let mut world = with_dead_letters(1, false);
    let start = |source: &str, destination: Option<&str>| {
        let mut input = json!({"SourceArn": format!("{ARN}:{source}")});
        if let Some(destination) = destination {
            input["DestinationArn"] = format!("{ARN}:{destination}").into();
        }
        input
    };
    assert_eq!(world.code(0, "StartMessageMoveTask", start("q", None)), "InvalidParameterValueException");
    assert_eq!(world.code(0, "StartMessageMoveTask", start("nowhere", None)), "ResourceNotFoundException");
    assert_eq!(world.code(0, "StartMessageMoveTask", start("dead", Some("nowhere"))), "ResourceNotFoundException");
}
