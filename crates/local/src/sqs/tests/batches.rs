use serde_json::{Value, json};

use super::World;

fn entries(ids: &[&str]) -> Value {
    json!({"Entries": ids.iter().map(|id| json!({"Id": id, "MessageBody": *id})).collect::<Vec<_>>()})
}

#[test]
fn batches_have_one_to_ten_entries_with_legal_distinct_ids() {
    let mut world = World::with_queue(json!({}));
    let eleven: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
    let long = "x".repeat(81);
    for operation in ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"] {
        let mut code = |ids: &[&str]| {
            let mut input = entries(ids);
            for entry in input["Entries"].as_array_mut().unwrap() {
                entry["ReceiptHandle"] = "x".into();
                entry["VisibilityTimeout"] = 0.into();
            }
            world.code(0, operation, input)
        };
        assert_eq!(code(&[]), "EmptyBatchRequest");
        assert_eq!(code(&eleven), "TooManyEntriesInBatchRequest");
        assert_eq!(code(&["a", "b", "a"]), "BatchEntryIdsNotDistinct");
        for id in ["", "a:b", "é", &long] {
            assert_eq!(code(&[id]), "InvalidBatchEntryId", "{id}");
        }
    }
    assert_eq!(world.depths(0, "q"), (0, 0, 0));
}

#[test]
fn an_entry_fails_alone() {
    let mut world = World::with_queue(json!({"MaximumMessageSize": "1024"}));
    let output = world.ok(
        0,
        "SendMessageBatch",
        json!({"Entries": [
            {"Id": "good", "MessageBody": "a"},
            {"Id": "odd", "MessageBody": "\u{1}"},
            {"Id": "long", "MessageBody": "x".repeat(1025)},
            {"Id": "late", "MessageBody": "a", "DelaySeconds": 901},
        ]}),
    );
    assert_eq!(output["Successful"].as_array().unwrap().len(), 1);
    assert_eq!(output["Successful"][0]["Id"], "good");
    assert_eq!(output["Successful"][0]["MD5OfMessageBody"], "0cc175b9c0f1b6a831c399e269772661");
    let failed: Vec<(&str, &str)> = output["Failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["Id"].as_str().unwrap(), entry["Code"].as_str().unwrap()))
        .collect();
    // In a batch the names are those of the query protocol (seen in recorded answers).
    let expected =
        [("odd", "InvalidMessageContents"), ("long", "InvalidParameterValue"), ("late", "InvalidParameterValue")];
    assert_eq!(failed, expected);
    assert!(output["Failed"].as_array().unwrap().iter().all(|entry| entry["SenderFault"] == true));
    assert_eq!(world.bodies(0), ["a"]);
}

#[test]
fn a_batch_of_more_than_a_mebibyte_is_refused_whole() {
    let mut world = World::with_queue(json!({}));
    let batch = |last: usize| {
        json!({"Entries": [
            {"Id": "a", "MessageBody": "x".repeat(1_048_576 - 10)},
            {"Id": "b", "MessageBody": "x".repeat(last)},
        ]})
    };
    let error = world.call(0.0, "SendMessageBatch", batch(11)).unwrap_err();
    assert_eq!(error.code, "BatchRequestTooLong");
    assert_eq!(error.message, "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.");
    assert_eq!(world.depths(0, "q"), (0, 0, 0));
    world.ok(0, "SendMessageBatch", batch(10));
    assert_eq!(world.depths(0, "q"), (2, 0, 0));
}

#[test]
fn handles_are_judged_one_by_one() {
    let mut world = World::with_queue(json!({}));
    world.ok(0, "SendMessageBatch", entries(&["1", "2", "3"]));
    let messages = world.receive(0);
    let entry = |id: usize| json!({"Id": id.to_string(), "ReceiptHandle": messages[id]["ReceiptHandle"]});
    let mut change = entry(0);
    change["VisibilityTimeout"] = 0.into();
    let mut invalid = entry(1);
    invalid["VisibilityTimeout"] = 50_000.into();
    let output = world.ok(1, "ChangeMessageVisibilityBatch", json!({"Entries": [change, invalid]}));
    assert_eq!(output["Successful"], json!([{"Id": "0"}]));
    assert_eq!(output["Failed"][0]["Code"], "InvalidParameterValue");
    let nonsense = json!({"Id": "x", "ReceiptHandle": "nonsense"});
    let output = world.ok(2, "DeleteMessageBatch", json!({"Entries": [entry(1), nonsense, entry(2)]}));
    assert_eq!(output["Successful"], json!([{"Id": "1"}, {"Id": "2"}]));
    assert_eq!(output["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    assert_eq!(world.depths(2, "q"), (1, 0, 0));
}
