//! One suite of AWS behaviour for every AWS there is to test against.
//!
//! Our own loopback AWS was written by those who wrote its tests, from the same reading of the same pages. So the
//! rules it models are written down once more, as data that belongs to no implementation (`tests/data/conformance`),
//! and asked by two clients that were not written here, boto3 (`tests/python/conformance.py`) and aws-sdk-rust, of
//! three servers, two of which were not written here either. Where a server is known to differ from AWS,
//! `known-gaps.json` says so, and the tests fail as well when a gap has gone: the list stays true.
//!
//! # Rules
//!
//! A file holds `fixtures` (named lists of steps) and `rules`. A rule has a `name`; a `source`, the page of AWS's
//! documentation or the member of its service models that it comes from; `says`, what that page says in our words;
//! `given`, the fixtures it starts from; and `steps`. Rules are independent of each other and run concurrently.
//!
//! Some rules can only be seen by who is quick: that a message is hidden for two seconds takes a look within two
//! seconds. Such a rule has `times`, and `${t}` in it (as text `${t_text}`) is one of these numbers of seconds after the
//! other until the rule is kept. A slow machine thus takes longer and comes to the same verdict.
//!
//! A step is `{"sleep": SECONDS}` or a call:
//!
//! | member | meaning |
//! | --- | --- |
//! | `call` | `sqs.SendMessage`: service and operation |
//! | `input` | the request in the service's own JSON, see below |
//! | `output` | a pattern for the answer, see [`pattern`]; without it any success will do |
//! | `error` | the call must be refused with this `code` (or one of a list): the shape's name in the service model, or the code of the query protocol for errors that are not modelled. `query_code`: exactly this code of the query protocol. `message`, `members`: patterns |
//! | `within` | seconds during which the call is repeated until it answers as it should |
//! | `takes_at_least` | seconds; a call that answers sooner breaks the rule. There is no opposite: machines are slow at times |
//! | `meanwhile` | steps taken while the call is under way |
//!
//! Strings of `input` and of patterns may contain `${NAME}`: something saved by an earlier pattern, `${id}`, a name
//! nobody else uses, or `${subnet}` and `${security_group}`. `{"$repeat": TEXT, "times": N}` is a long string, `{"$each": ITEM, "times": N}` a long list
//! (with `${i}` in it), `{"$json": VALUE}` a string of compact JSON, `{"$binary": BASE64}` binary data, which is
//! bytes in boto3's hands and Base64 on the wire.

mod emulators;
pub mod pattern;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::rig::python::python;
pub use emulators::{Emulator, ministack, moto};
use pattern::{Variables, expand, matches};

/// Pause between two tries of a step with `within`.
const PAUSE: Duration = Duration::from_millis(100);

/// How many rules are tried at once. Most wait for time to pass; more would only make each of them slow.
const AT_ONCE: usize = 48;

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    fixtures: BTreeMap<String, Vec<Value>>,
    /// The rules, in the file's order.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique in its file.
    pub name: String,
    /// Where AWS says so.
    pub source: String,
    /// What it says, in our words.
    pub says: String,
    #[serde(default = "once")]
    times: Vec<u64>,
    #[serde(default)]
    given: Vec<String>,
    steps: Vec<Value>,
}

fn once() -> Vec<u64> {
    vec![0]
}

/// What became of one rule.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// The rule's name.
    pub name: String,
    /// Whether the server kept it.
    pub ok: bool,
    /// If not: at which step, and what happened instead.
    pub detail: String,
}

/// An answer other than success.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The error's names: in the service model and in the query protocol, where they differ.
    pub codes: Vec<String>,
    /// Its code in the query protocol; the same as its name where there is none.
    pub query_code: String,
    /// Its message.
    pub message: Option<String>,
    /// The whole error document.
    pub members: Value,
}

/// Something that can call a service.
pub trait Client: Send + Sync + 'static {
    /// Calls an operation of `sqs` or `ecs` with an input in the service's own JSON, and returns the output as it came
    /// over the wire, or the refusal. `Err(Err(…))` is an answer that could not be read.
    fn call(
        &self,
        service: &str,
        operation: &str,
        input: Value,
    ) -> impl Future<Output = Result<Value, Result<Refusal, String>>> + Send;
}

/// The file `tests/data/conformance/<name>.json`.
pub fn path_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/conformance").join(format!("{name}.json"))
}

impl Document {
    /// Reads `tests/data/conformance/<name>.json`.
    pub fn read(name: &str) -> Self {
        let text = std::fs::read_to_string(path_of(name)).expect("the rules can be read");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("the rules of {name}: {error}"))
    }

    /// Every step of a rule, those of its fixtures first.
    pub fn steps_of(&self, rule: &Rule) -> Vec<Value> {
        let fixture = |name: &String| {
            let known = self.fixtures.get(name);
            known.unwrap_or_else(|| panic!("rule {} needs fixture {name:?}, which is not there", rule.name)).clone()
        };
        rule.given.iter().flat_map(fixture).chain(rule.steps.iter().cloned()).collect()
    }

    /// Tries every rule with `client`. `run` makes names unique where a server is asked more than once.
    pub async fn ask<C: Client>(&self, client: Arc<C>, run: &str) -> Vec<Verdict> {
        let mut asked = tokio::task::JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for rule in &self.rules {
            let steps = self.steps_of(rule);
            let (rule, run) = (rule.clone(), run.to_owned());
            let client = Arc::clone(&client);
            let turns = Arc::clone(&turns);
            asked.spawn(async move {
                let _turn = turns.acquire().await;
                let mut kept = Ok(());
                for (number, seconds) in rule.times.iter().enumerate() {
                    let mut variables = known(&rule.name, &format!("{number}"), &run, *seconds);
                    kept = take(&*client, &steps, &mut variables).await;
                    if kept.is_ok() {
                        break;
                    }
                }
                Verdict { name: rule.name, ok: kept.is_ok(), detail: kept.err().unwrap_or_default() }
            });
        }
        asked.join_all().await
    }
}

/// What a rule knows to begin with.
fn known(rule: &str, number: &str, run: &str, seconds: u64) -> Variables {
    // Short, because queue names end at 80 characters.
    let digest: String = Sha256::digest(rule).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let known = [
        ("id", format!("c{run}-{digest}{number}").into()),
        ("t", seconds.into()),
        ("t_text", seconds.to_string().into()),
        ("subnet", "subnet-12345678".into()),
        ("security_group", "sg-12345678".into()),
    ];
    known.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect()
}

/// Has boto3 try every rule of `tests/data/conformance/<name>.json`, with options of `tests/python/conformance.py`.
pub fn ask_boto3(name: &str, endpoint: &str, options: &[&str]) -> Vec<Verdict> {
    let python = python();
    let output = python
        .command([python.script("conformance.py")])
        .args([endpoint, "us-east-1", "b"])
        .arg(path_of(name))
        .args(options)
        .output()
        .expect("tests/python/conformance.py can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tests/python/conformance.py failed: {complaints}");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is a verdict")).collect()
}

/// What a server is known to get wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownGaps {
    /// Rules it breaks, and how.
    pub breaks: BTreeMap<String, String>,
    /// Rules it keeps at times, and why.
    pub unsteady: BTreeMap<String, String>,
}

impl KnownGaps {
    /// Those of a server in `tests/data/conformance/known-gaps.json`.
    pub fn of(server: &str) -> Self {
        let text = std::fs::read_to_string(path_of("known-gaps")).expect("the known gaps can be read");
        let mut all: BTreeMap<String, Self> = serde_json::from_str(&text).expect("the known gaps are JSON");
        all.remove(server).unwrap_or_else(|| panic!("nothing is known of {server}"))
    }
}

/// A line for each rule that was broken and is not known to be, or kept though it is, or not tried.
pub fn differences(document: &Document, verdicts: &[Verdict], known: &KnownGaps) -> Vec<String> {
    let mut lines = Vec::new();
    for Rule { name, source, says, .. } in document.rules.iter().filter(|rule| !known.unsteady.contains_key(&rule.name))
    {
        let verdict = verdicts.iter().find(|verdict| verdict.name == *name);
        match (verdict, known.breaks.get(name)) {
            (None, _) => lines.push(format!("{name}: was not tried")),
            (Some(Verdict { ok: true, .. }), Some(reason)) => {
                lines.push(format!("{name}: is kept, though a gap is known ({reason})"));
            }
            (Some(Verdict { ok: false, detail, .. }), None) => {
                lines.push(format!("{name}: {detail}\n    {source} says: {says}"));
            }
            _ => {}
        }
    }
    lines
}

/// Takes steps one after the other.
async fn take<C: Client>(client: &C, steps: &[Value], variables: &mut Variables) -> Result<(), String> {
    for (number, step) in steps.iter().enumerate() {
        if let Some(seconds) = step.get("sleep") {
            let seconds = expand(seconds, variables)?;
            tokio::time::sleep(Duration::from_secs_f64(seconds.as_f64().unwrap_or_default())).await;
            continue;
        }
        let deadline = Instant::now() + seconds(step, "within");
        let mut first = None;
        while let Err(broken) = Box::pin(call(client, step, variables)).await {
            // The first answer tells more than the last where looking changes what is seen.
            let first = first.get_or_insert(broken);
            if Instant::now() >= deadline {
                return Err(format!("step {}, {}: {first}", number + 1, step["call"].as_str().unwrap_or_default()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

fn seconds(step: &Value, member: &str) -> Duration {
    Duration::from_secs_f64(step[member].as_f64().unwrap_or_default())
}

async fn call<C: Client>(client: &C, step: &Value, variables: &mut Variables) -> Result<(), String> {
    let name = step["call"].as_str().ok_or("a step is neither a call nor a sleep")?;
    let (service, operation) = name.split_once('.').ok_or_else(|| format!("{name} names no service"))?;
    let input = expand(step.get("input").unwrap_or(&json!({})), variables)?;
    let started = Instant::now();
    let mut own = variables.clone();
    let meanwhile = async {
        match step["meanwhile"].as_array() {
            Some(steps) => take(client, steps, &mut own).await.map_err(|broken| format!("meanwhile: {broken}")),
            None => Ok(()),
        }
    };
    let answer = async {
        let answer = client.call(service, operation, input).await;
        (answer, started.elapsed())
    };
    let ((answer, took), meanwhile) = tokio::join!(answer, meanwhile);
    meanwhile?;
    if took < seconds(step, "takes_at_least") {
        return Err(format!("it took {took:?}, less than {} s", step["takes_at_least"]));
    }
    match (answer, step.get("error")) {
        (Err(Err(unreadable)), _) => Err(format!("the answer can not be read: {unreadable}")),
        (Ok(output), None) => match step.get("output") {
            Some(pattern) => matches(pattern, &output, variables, "output"),
            None => Ok(()),
        },
        (Err(Ok(refusal)), None) => Err(format!("refused: {refusal}")),
        (Ok(output), Some(expected)) => {
            Err(format!("accepted, not refused with {}: {}", wanted(expected).join(" or "), pattern::shown(&output)))
        }
        (Err(Ok(refusal)), Some(expected)) => check(&refusal, expected, variables),
    }
}

/// The codes one of which an error must have.
fn wanted(expected: &Value) -> Vec<&str> {
    match &expected["code"] {
        Value::Array(codes) => codes.iter().filter_map(Value::as_str).collect(),
        code => code.as_str().into_iter().collect(),
    }
}

fn check(refusal: &Refusal, expected: &Value, variables: &mut Variables) -> Result<(), String> {
    let wanted = wanted(expected);
    if !refusal.codes.iter().any(|code| wanted.contains(&code.as_str())) {
        return Err(format!("refused with {refusal}, not {}", wanted.join(" or ")));
    }
    if let Some(query_code) = expected["query_code"].as_str()
        && refusal.query_code != query_code
    {
        return Err(format!("refused with code {}, not {query_code}", refusal.query_code));
    }
    let message = refusal.message.clone().map_or(Value::Null, Value::String);
    matches(expected.get("message").unwrap_or(&json!({"$any": true})), &message, variables, "message")?;
    matches(expected.get("members").unwrap_or(&Value::Object(Map::new())), &refusal.members, variables, "error")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.codes.join("/"), self.message.as_deref().unwrap_or("(no message)"))
    }
}
