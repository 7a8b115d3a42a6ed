use serde_json::{Value, json};

use super::{T0, World};

#[test]
fn creating_again_needs_the_same_attributes() {
    let mut world = World::new();
    let url = world.create("q", json!({"DelaySeconds": "5"}));
    assert_eq!(url, "http://localhost:1/123456789012/q");
    assert_eq!(world.create("q", json!({"DelaySeconds": "5"})), url);
    assert_eq!(world.create("q", json!({})), url);
    let error =
        world.call(0.0, "CreateQueue", json!({"QueueName": "q", "Attributes": {"DelaySeconds": "6"}})).unwrap_err();
    assert_eq!(error.code, "QueueNameExists");
    assert_eq!(error.query_code.as_deref(), Some("QueueAlreadyExists"));
    assert!(error.message.ends_with("a different value for attribute DelaySeconds"));
}

#[test]
fn names_are_checked() {
    let mut world = World::new();
    let mut code = |name: &str, attributes: Value| {
        world.call(0.0, "CreateQueue", json!({"QueueName": name, "Attributes": attributes})).err().map(|e| e.code)
    };
    for bad in ["", "a b", "a/b", "q.fifo", &"x".repeat(81)] {
        assert_eq!(code(bad, json!({})).as_deref(), Some("InvalidParameterValueException"), "{bad}");
    }
    for bad in ["q", ".fifo", &format!("{}.fifo", "x".repeat(76))] {
        assert_eq!(code(bad, json!({"FifoQueue": "true"})).as_deref(), Some("InvalidParameterValueException"));
    }
    assert_eq!(code(&"x".repeat(80), json!({})), None);
    assert_eq!(code(&format!("{}.fifo", "x".repeat(75)), json!({"FifoQueue": "true"})), None);
    assert_eq!(code("r", json!({"Colour": "red"})).as_deref(), Some("InvalidAttributeName"));
    assert_eq!(code("r", json!({"QueueArn": "x"})).as_deref(), Some("InvalidAttributeName"));
}

#[test]
fn a_deleted_queue_is_gone_and_its_name_free_after_a_minute() {
    let mut world = World::with_queue(json!({}));
    world.ok(1, "DeleteQueue", json!({}));
    for operation in ["GetQueueAttributes", "DeleteQueue", "PurgeQueue", "ReceiveMessage", "ListQueueTags"] {
        let error = world.call(1.0, operation, json!({})).unwrap_err();
        assert_eq!(error.code, "QueueDoesNotExist");
        assert_eq!(error.query_code.as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    }
    assert_eq!(world.code(2, "CreateQueue", json!({"QueueName": "q"})), "QueueDeletedRecently");
    world.ok(61, "CreateQueue", json!({"QueueName": "q"}));
}

#[test]
fn queues_are_found_by_name_and_url() {
    let mut world = World::with_queue(json!({}));
    assert_eq!(world.ok(0, "GetQueueUrl", json!({"QueueName": "q"}))["QueueUrl"], "http://localhost:1/123456789012/q");
    assert_eq!(world.code(0, "GetQueueUrl", json!({"QueueName": "r"})), "QueueDoesNotExist");
    let foreign = json!({"QueueName": "q", "QueueOwnerAWSAccountId": "210987654321"});
    assert_eq!(world.code(0, "GetQueueUrl", foreign), "QueueDoesNotExist");
    for url in ["q", "http://127.0.0.1:1/123456789012/q", "https://sqs.eu-west-1.amazonaws.com/123456789012/q"] {
        world.ok(0, "ListQueueTags", json!({"QueueUrl": url}));
    }
    let other_account = json!({"QueueUrl": "http://localhost:1/210987654321/q"});
    assert_eq!(world.code(0, "ListQueueTags", other_account), "QueueDoesNotExist");
}

#[test]
fn lists_are_filtered_and_paged() {
    let mut world = World::new();
    assert_eq!(world.ok(0, "ListQueues", json!({})), json!({}));
    for name in ["b2", "a1", "b1", "b3"] {
        world.create(name, json!({}));
    }
    let names = |output: &Value| -> Vec<String> {
        let urls = output["QueueUrls"].as_array().unwrap();
        urls.iter().map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&world.ok(0, "ListQueues", json!({}))), ["a1", "b1", "b2", "b3"]);
    let first = world.ok(0, "ListQueues", json!({"QueueNamePrefix": "b", "MaxResults": 2}));
    assert_eq!(names(&first), ["b1", "b2"]);
    let rest = json!({"QueueNamePrefix": "b", "MaxResults": 2, "NextToken": first["NextToken"]});
    let second = world.ok(0, "ListQueues", rest);
    assert_eq!(names(&second), ["b3"]);
    assert!(second.get("NextToken").is_none());
    assert_eq!(world.code(0, "ListQueues", json!({"MaxResults": 0})), "InvalidParameterValueException");
}

#[test]
fn attributes_are_returned_as_asked() {
    let mut world = World::with_queue(json!({"VisibilityTimeout": "45"}));
    world.send(0, "visible");
    world.send(0, "in flight");
    world.receive_with(0, json!({}));
    world.ok(0, "SendMessage", json!({"MessageBody": "later", "DelaySeconds": 60}));
    assert_eq!(world.ok(1, "GetQueueAttributes", json!({})), json!({}));
    let all = world.ok(1, "GetQueueAttributes", json!({"AttributeNames": ["All"]}));
    let created = (T0 / 1_000).to_string();
    assert_eq!(
        all["Attributes"],
        json!({
            "ApproximateNumberOfMessages": "1",
            "ApproximateNumberOfMessagesDelayed": "1",
            "ApproximateNumberOfMessagesNotVisible": "1",
            "CreatedTimestamp": created,
            "DelaySeconds": "0",
            "LastModifiedTimestamp": created,
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "345600",
            "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:q",
            "ReceiveMessageWaitTimeSeconds": "0",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "45",
        })
    );
    let some = json!({"AttributeNames": ["QueueArn", "FifoQueue"]});
    let some = world.ok(1, "GetQueueAttributes", some);
    assert_eq!(some, json!({"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:q"}}));
    let unknown = json!({"AttributeNames": ["Colour"]});
    assert_eq!(world.code(1, "GetQueueAttributes", unknown), "InvalidAttributeName");
}

#[test]
fn a_wrong_attribute_leaves_the_others_unset() {
    let mut world = World::with_queue(json!({}));
    let input = json!({"Attributes": {"DelaySeconds": "7", "VisibilityTimeout": "43201"}});
    assert_eq!(world.code(1, "SetQueueAttributes", input), "InvalidAttributeValue");
    let delay = json!({"AttributeNames": ["DelaySeconds"]});
    assert_eq!(world.ok(1, "GetQueueAttributes", delay)["Attributes"]["DelaySeconds"], "0");
}

#[test]
fn purging_empties_a_queue_once_a_minute() {
    let mut world = World::with_queue(json!({}));
    world.send(0, "a");
    world.send(0, "b");
    world.receive_with(0, json!({}));
    world.ok(1, "PurgeQueue", json!({}));
    assert_eq!(world.depths(1, "q"), (0, 0, 0));
    let error = world.call(60.9, "PurgeQueue", json!({})).unwrap_err();
    assert_eq!((&*error.code, error.status), ("PurgeQueueInProgress", 403));
    world.ok(61, "PurgeQueue", json!({}));
}

#[test]
fn tags_come_and_go() {
    let mut world = World::new();
    world.ok(0, "CreateQueue", json!({"QueueName": "q", "tags": {"a": "1"}}));
    world.ok(0, "TagQueue", json!({"Tags": {"a": "2", "b": "3"}}));
    world.ok(0, "UntagQueue", json!({"TagKeys": ["b", "c"]}));
    assert_eq!(world.ok(0, "ListQueueTags", json!({})), json!({"Tags": {"a": "2"}}));
}

#[test]
fn input_of_another_shape_is_refused() {
    let mut world = World::with_queue(json!({}));
    assert_eq!(world.code(0, "SendMessage", json!({"MessageBody": 5})), "SerializationException");
    let no_url = world.0.call(T0, "SendMessage", json!({"MessageBody": "a"})).unwrap_err();
    assert_eq!(no_url.message, "The request must contain the parameter QueueUrl.");
    assert_eq!(world.code(0, "AddPermission", json!({})), "UnknownOperationException");
}
