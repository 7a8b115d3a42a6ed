//! Long polls, with tokio's time paused: sleeps take no time and happen in order.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::sqs::Sqs;
use crate::wire::Account;

async fn sqs(attributes: Value) -> (Sqs, String) {
    let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
    let sqs = Sqs::new(account, "http://localhost:1", Clock::new());
    let url = sqs.create_queue("q", attributes).await.unwrap();
    (sqs, url)
}

/// Receives with this wait; what was received and after how many milliseconds.
async fn receive(sqs: &Sqs, url: &str, wait: Option<u64>) -> (Vec<String>, u128) {
    let started = Instant::now();
    let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": wait});
    let output = sqs.call("ReceiveMessage", input).await.unwrap();
    let messages = output["Messages"].as_array().cloned().unwrap_or_default();
    let bodies = messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect();
    (bodies, started.elapsed().as_millis())
}

fn after(milliseconds: u64, then: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(async move {
        sleep(Duration::from_millis(milliseconds)).await;
        then.await;
    });
}

#[tokio::test(start_paused = true)]
async fn a_short_poll_does_not_wait_and_a_long_one_waits_its_time() {
    let (sqs, url) = sqs(json!({})).await;
    assert_eq!(receive(&sqs, &url, None).await, (vec![], 0));
    assert_eq!(receive(&sqs, &url, Some(20)).await, (vec![], 20_000));
}

#[tokio::test(start_paused = true)]
async fn the_queues_own_wait_time_is_the_default() {
    let (sqs, url) = sqs(json!({"ReceiveMessageWaitTimeSeconds": "3"})).await;
    assert_eq!(receive(&sqs, &url, None).await, (vec![], 3_000));
    assert_eq!(receive(&sqs, &url, Some(0)).await, (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn a_sent_message_ends_the_wait_at_once() {
    let (sqs, url) = sqs(json!({})).await;
    let (sender, to) = (sqs.clone(), url.clone());
    after(1_234, async move {
        sender.send(&to, "a").await.unwrap();
    });
    assert_eq!(receive(&sqs, &url, Some(20)).await, (vec!["a".into()], 1_234));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_delay_or_visibility_timeout_ends_the_wait() {
    let (sqs, url) = sqs(json!({"DelaySeconds": "2", "VisibilityTimeout": "5"})).await;
    sqs.send(&url, "a").await.unwrap();
    assert_eq!(receive(&sqs, &url, Some(20)).await, (vec!["a".into()], 2_000));
    assert_eq!(receive(&sqs, &url, Some(20)).await, (vec!["a".into()], 5_000));
}

#[tokio::test(start_paused = true)]
async fn one_message_goes_to_one_of_many_waiting() {
    let (sqs, url) = sqs(json!({"VisibilityTimeout": "600"})).await;
    let (sender, to) = (sqs.clone(), url.clone());
    after(1_000, async move {
        sender.send(&to, "a").await.unwrap();
    });
    let (a, b, c) =
        tokio::join!(receive(&sqs, &url, Some(10)), receive(&sqs, &url, Some(10)), receive(&sqs, &url, Some(10)));
    let mut waits = [a.1, b.1, c.1];
    waits.sort_unstable();
    assert_eq!(waits, [1_000, 10_000, 10_000]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hung_up_gets_nothing() {
    let (sqs, url) = sqs(json!({})).await;
    let waiting = receive(&sqs, &url, Some(20));
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err());
    sqs.send(&url, "a").await.unwrap();
    assert_eq!(receive(&sqs, &url, None).await.0, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_burial_wakes_who_waits_at_the_dead_letter_queue() {
    let (sqs, dead) = sqs(json!({})).await;
    let arn = "arn:aws:sqs:eu-west-1:123456789012:q";
    let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).to_string();
    let attributes = json!({"RedrivePolicy": policy, "VisibilityTimeout": "0"});
    let source = sqs.create_queue("source", attributes).await.unwrap();
    sqs.send(&source, "a").await.unwrap();
    assert_eq!(receive(&sqs, &source, None).await.0, ["a"]);
    let consumer = sqs.clone();
    after(700, async move {
        assert!(receive(&consumer, &source, None).await.0.is_empty());
    });
    assert_eq!(receive(&sqs, &dead, Some(20)).await, (vec!["a".into()], 700));
}

#[tokio::test(start_paused = true)]
async fn depths_and_bodies_are_there_to_be_looked_at() {
    let (sqs, url) = sqs(json!({})).await;
    sqs.send(&url, "a").await.unwrap();
    sqs.send(&url, "b").await.unwrap();
    receive(&sqs, &url, None).await;
    let depths = sqs.depths("q").unwrap();
    assert_eq!((depths.visible, depths.in_flight, depths.delayed), (0, 2, 0));
    assert_eq!(sqs.depths(&url), Some(depths));
    assert_eq!(sqs.depths("arn:aws:sqs:eu-west-1:123456789012:q"), Some(depths));
    assert_eq!(sqs.bodies(&url).unwrap(), ["a", "b"]);
    assert_eq!(sqs.depths("r"), None);
}
