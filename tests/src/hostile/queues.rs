//! What comes out of queues, and what rings at the door.

use std::{path::Path, sync::LazyLock};

use dispatch::{
    check::Check,
    doorbell::{Doorbell, FixedToken},
    message::{ScheduledRun, VERSION},
    observe,
    ports::{Failure, PollQueue},
    ring::{PollMessage, Ring},
    runs, sqs_event,
};
use ecs::task::Task;
use serde_json::{Value, json};

use super::{CANARY, Dice, Verdict, odd, refused};

/// The sample events of a directory of `events`.
pub(super) fn samples(directory: &str) -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(directory);
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.expect("a directory is read").path())
        .collect();
    files.sort();
    let read = |file: &std::path::PathBuf| std::fs::read(file).expect("a file is read");
    files.iter().map(|file| serde_json::from_slice(&read(file)).expect("a sample is JSON")).collect()
}

/// Bodies of the records of these events that are JSON.
fn bodies(directories: &[&str]) -> Vec<Value> {
    let events = directories.iter().flat_map(|directory| samples(directory));
    let records = events.flat_map(|event| event["Records"].as_array().cloned().unwrap_or_default());
    records.filter_map(|record| serde_json::from_str(record["body"].as_str()?).ok()).collect()
}

fn one_of(dice: &mut Dice, samples: &[Value]) -> Value {
    samples[dice.below(samples.len())].clone()
}

static RUNS: LazyLock<Vec<Value>> = LazyLock::new(|| bodies(&["sqs"]));
static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| bodies(&["ecs"]));
static POLLS: LazyLock<Vec<Value>> = LazyLock::new(|| bodies(&["poll"]));
static KNOCKS: LazyLock<Vec<Value>> = LazyLock::new(|| samples("doorbell"));
static BATCHES: LazyLock<Vec<Value>> = LazyLock::new(|| ["sqs", "ecs", "poll"].into_iter().flat_map(samples).collect());

/// A message of a run queue, with secrets in its environments.
pub(super) fn message(dice: &mut Dice) -> Vec<u8> {
    let mut body = run_message(dice);
    if !dice.one_in(10) {
        dice.spoil(&mut body);
    }
    dice.written(&body)
}

pub(super) fn run_message(dice: &mut Dice) -> Value {
    let mut body = one_of(dice, &RUNS);
    if dice.one_in(2) && body.is_object() {
        body["run"]["job_variables"]["env"] = odd::environment(dice);
        if dice.one_in(3) {
            body["run"]["deployment"] = json!({"name": odd::text(dice), "job_variables": odd::object(dice)});
        }
        if dice.one_in(8) {
            // Where serde finds something else than it wants, it says what.
            body[dice.pick(&["flow_run_id", "expected_start_time", "hand_backs", "run"])] = json!(CANARY);
        }
    }
    body
}

pub(super) fn drive_message(input: &[u8]) -> Verdict {
    let Ok(body) = std::str::from_utf8(input) else { return Verdict::Refused("no text") };
    match ScheduledRun::parse(body) {
        Ok(message) => {
            assert_eq!(message.version, VERSION);
            let written = serde_json::to_string(&message).expect("a message is written");
            let read = ScheduledRun::parse(&written).expect("what is written is read");
            assert_eq!(read, message);
            let later = message.handed_back(message.expected_start_time);
            assert_ne!(later.attempt().client_token(), message.attempt().client_token());
            assert_eq!(later.first_due(), message.first_due());
            let kept = message.without_credentials();
            assert_eq!(kept.attempt(), message.attempt());
            Verdict::Accepted
        }
        Err(error) => refused(&error.diagnosis()),
    }
}

/// A message of the poll queue, or what an automation sends.
pub(super) fn ring(dice: &mut Dice) -> Vec<u8> {
    let mut body = match dice.below(3) {
        0 => one_of(dice, &POLLS),
        1 => json!({"version": 1, "ring": {"work_pool": odd::text(dice), "event": odd::text(dice)}}),
        _ => automation(dice),
    };
    if !dice.one_in(10) {
        dice.spoil(&mut body);
    }
    dice.written(&body)
}

fn automation(dice: &mut Dice) -> Value {
    let knock = one_of(dice, &KNOCKS);
    knock["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
}

pub(super) fn drive_ring(input: &[u8]) -> Verdict {
    let ring = PollMessage::Ring(Ring::of_automation(input));
    let body = ring.body();
    assert!(body.len() < 8_000, "a ring of {} bytes", body.len());
    assert_eq!(PollMessage::parse(&body), ring);
    let Ok(body) = std::str::from_utf8(input) else { return Verdict::Refused("no text") };
    let message = PollMessage::parse(body);
    assert_eq!(PollMessage::parse(&message.body()), message);
    if message == PollMessage::Ring(Ring::default()) { Verdict::Refused("a ring for all") } else { Verdict::Accepted }
}

/// A message of the events queue.
pub(super) fn event(dice: &mut Dice) -> Vec<u8> {
    let mut body = one_of(dice, &EVENTS);
    if dice.one_in(20) && body.is_object() {
        let mut reason = odd::text(dice);
        if reason.len() < 100 {
            reason = reason.repeat(1 + dice.below(2_000));
        }
        body["detail"]["containers"] = json!([{"name": reason, "exitCode": dice.below(200), "reason": reason}]);
        body["detail"]["stoppedReason"] = json!(reason);
    }
    if dice.one_in(3) && body.is_object() {
        body["detail"]["overrides"]["containerOverrides"] =
            json!([{"name": "prefect", "environment": [{"name": "TOKEN", "value": CANARY}]}]);
        if dice.one_in(3) {
            body[dice.pick(&["id", "time", "detail", "detail-type"])] = json!({CANARY: CANARY});
        }
    }
    if !dice.one_in(10) {
        dice.spoil(&mut body);
    }
    dice.written(&body)
}

pub(super) fn drive_event(input: &[u8]) -> Verdict {
    let Ok(body) = std::str::from_utf8(input) else { return Verdict::Refused("no text") };
    match observe::read(body) {
        Ok(observe::Body::Check(check)) => {
            assert_eq!(Check::parse(&check.body()), Some(check));
            Verdict::Accepted
        }
        Ok(observe::Body::Foreign) => Verdict::Refused("foreign"),
        Ok(observe::Body::Task(event)) => {
            judge(&event.task);
            Verdict::Accepted
        }
        Err(diagnosis) => refused(&diagnosis),
    }
}

/// What a task means for a run, whatever state that is in.
pub(super) fn judge(task: &Task) {
    use prefect_api::models::StateType;
    use runs::decide::{Action, Limits, Past, decide, facts};
    let _ = (task.seconds_to_start(), task.created_at(), task.main_container(), task.has_started(), task.is_live());
    assert!(facts(task).len() <= super::LONGEST, "facts of {} bytes", facts(task).len());
    for state in [StateType::Pending, StateType::Running, StateType::Cancelling, StateType::Completed] {
        let past = Past { waited: std::time::Duration::MAX, ..Past::default() };
        let limits = Limits { capacity_timeout: std::time::Duration::from_secs(60), interruptions: 0 };
        for past in [past, Past::default()] {
            if let Action::HandBack(reason) | Action::Crash(reason) = decide(state, task, past, limits) {
                assert!(super::CODES.contains(reason.code.id()), "{}", reason.code);
                assert!(reason.detail.len() <= super::LONGEST, "{}: {} bytes", reason.code, reason.detail.len());
            }
        }
    }
}

/// A batch as Lambda hands it over.
pub(super) fn batch(dice: &mut Dice) -> Vec<u8> {
    let mut batch = one_of(dice, &BATCHES);
    dice.spoil(&mut batch);
    dice.written(&batch)
}

pub(super) fn drive_batch(input: &[u8]) -> Verdict {
    let Ok(event) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    match sqs_event::records(event) {
        Ok(records) => {
            for record in &records {
                assert!(!record.message_id.is_empty());
                let _ = (record.queue(), record.receive_count());
                drive_message(record.body.as_bytes());
                drive_event(record.body.as_bytes());
                drive_ring(record.body.as_bytes());
            }
            Verdict::Accepted
        }
        Err(error) => {
            assert!(error.to_string().len() < 200);
            Verdict::Refused("not an SQS event")
        }
    }
}

const TOKEN: &str = "example-token-0123456789";

/// A request at the doorbell.
pub(super) fn knock(dice: &mut Dice) -> Vec<u8> {
    let mut event = one_of(dice, &KNOCKS);
    if dice.one_in(3) {
        event["headers"]["x-pushpool-token"] = json!(dice.pick(&[TOKEN, "", "example-token-012345678", "ü"]));
    }
    match dice.below(6) {
        0 => event["isBase64Encoded"] = json!(true),
        1 if dice.one_in(50) => event["body"] = json!("x".repeat(300_000)),
        2 => event["body"] = json!(automation(dice).to_string()),
        3 => event["body"] = json!(odd::text(dice)),
        _ => {}
    }
    dice.spoil(&mut event);
    dice.written(&event)
}

/// Notes whether anything was sent.
#[derive(Clone, Default)]
struct Bell(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl PollQueue for Bell {
    async fn send_poll(&self, message: &PollMessage, hops: u32, _: std::time::Duration) -> Result<(), Failure> {
        self.0.lock().expect("nobody panics").push(message.body_after(hops));
        Ok(())
    }
}

pub(super) fn drive_knock(input: &[u8]) -> Verdict {
    let Ok(event) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let bell = Bell::default();
    let answer = super::served::run(async {
        let opened = Doorbell::open(FixedToken(TOKEN.to_owned()), bell.clone()).await;
        opened.expect("the token is long enough").answer(&event).await
    });
    let sent = bell.0.lock().expect("nobody panics");
    // Read here once more, so that the rule does not stand on the code that it judges.
    let shown = |name: &str| event["headers"][name].as_str().unwrap_or_default().to_owned();
    let knows = shown("x-pushpool-token") == TOKEN || shown("authorization") == format!("Bearer {TOKEN}");
    let posts = event["requestContext"]["http"]["method"] == "POST";
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    assert_eq!(sent.len(), usize::from(status == 202), "{answer}");
    assert!(sent.is_empty() || knows && posts, "rung without the token");
    assert!(sent.iter().all(|ring| ring.len() < 8_000), "a large ring");
    match status {
        202 => Verdict::Accepted,
        401 if posts && !knows => Verdict::Refused("401"),
        405 if !posts => Verdict::Refused("405"),
        413 if posts && knows => Verdict::Refused("413"),
        other => panic!("{other} for a {} with the token {knows}", if posts { "POST" } else { "request" }),
    }
}

/// A sample document of a work pool.
pub(super) fn samples_of_pools(dice: &mut Dice) -> Value {
    static POOLS: LazyLock<Vec<Value>> = LazyLock::new(|| samples("pools"));
    one_of(dice, &POOLS)
}
