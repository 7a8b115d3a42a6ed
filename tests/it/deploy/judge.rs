//! How a step is judged: by what a good tool does, or field by field by what the real tool left.

use std::collections::BTreeSet;

use serde_json::Value;

use super::command::{Field, Should, Step};
use super::drive::Ran;
use super::state::Deployments;

/// A recorded step.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The exit status was not zero.
    pub(super) failed: bool,
    /// The server before and after.
    pub(super) before: Deployments,
    pub(super) deployments: Deployments,
}

/// What is wrong with how a step ended.
pub(super) fn faults(step: &Step, ran: &Ran, recorded: Option<&Recorded>) -> Vec<String> {
    let mut faults = crashes(ran);
    if let Some(writes) = ran.again.as_ref().filter(|writes| !writes.is_empty()) {
        faults.push(format!("the same again must write nothing: {writes:?}"));
    }
    match (&step.should, recorded) {
        (Some(should), recorded) => faults.extend(should.faults(ran, recorded)),
        (None, Some(recorded)) => {
            faults.extend(exit(recorded.failed, ran));
            faults.extend(effects(recorded, ran));
        }
        (None, None) => faults.push("nothing says how this step is judged".to_owned()),
    }
    faults
}

/// What no tool may do at any step.
fn crashes(ran: &Ran) -> Vec<String> {
    let traces = ["Traceback (most recent call last)", "panicked at"];
    let mut faults: Vec<String> =
        traces.iter().filter(|it| ran.output.contains(**it)).map(|it| format!("output: `{it}`")).collect();
    if !matches!(ran.code, 0..=2) {
        faults.push(format!("exit status {} is none of pushpool's", ran.code));
    }
    faults
}

fn exit(failed: bool, ran: &Ran) -> Option<String> {
    let wanted = if failed { "not 0" } else { "0" };
    ((ran.code != 0) != failed).then(|| format!("exit status: expected {wanted}, was {}", ran.code))
}

impl Should {
    fn faults(&self, ran: &Ran, recorded: Option<&Recorded>) -> Vec<String> {
        let got = &ran.state.deployments;
        let mut faults: Vec<String> = self.fails.and_then(|failed| exit(failed, ran)).into_iter().collect();
        if self.code.is_some_and(|code| code != ran.code) {
            faults.push(format!("exit status: expected {:?}, was {}", self.code, ran.code));
        }
        let missing = self.says.iter().filter(|words| !has_words(&ran.output, words));
        faults.extend(missing.map(|words| format!("output: should say `{words}`")));
        let output = ran.output.to_lowercase();
        let said = self.says_not.iter().filter(|text| output.contains(&text.to_lowercase()));
        faults.extend(said.map(|text| format!("output: should not say `{text}`")));
        if self.changes_nothing {
            faults.extend(differences(&ran.before, got).into_iter().map(|it| format!("must change nothing: {it}")));
        }
        if self.writes_nothing && !ran.writes.is_empty() {
            faults.push(format!("must write nothing: {:?}", ran.writes));
        }
        if self.requests.is_some_and(|most| ran.requests > most) {
            faults.push(format!("{} requests, at most {:?} are right", ran.requests, self.requests));
        }
        let absent = self.present.iter().filter(|name| !got.contains_key(*name));
        faults.extend(absent.map(|name| format!("{name}: not on the server")));
        let present = self.absent.iter().filter(|name| got.contains_key(*name));
        faults.extend(present.map(|name| format!("{name}: on the server, should not be")));
        faults.extend(self.state.iter().filter_map(|field| field.fault(got)));
        if self.as_recorded {
            let recorded = recorded.expect("a step that is to be as recorded is recorded");
            faults.extend(effects(recorded, ran));
        }
        faults
    }
}

impl Field {
    fn fault<'a>(&self, got: &'a Deployments) -> Option<String> {
        let Self { deployment, path, value } = self;
        let below = |value: &'a Value, key: &str| match key.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(key),
        };
        let is = got.get(deployment).and_then(|it| path.split('.').try_fold(it, below));
        (is != Some(value)).then(|| format!("{deployment}: {path}: should be {value}, is {is:?}"))
    }
}

/// The words, between characters that are no part of a word; case does not matter.
fn has_words(text: &str, words: &str) -> bool {
    let (text, words) = (text.to_lowercase(), words.to_lowercase());
    let part = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric() || it == '_');
    text.match_indices(&words)
        .any(|(at, found)| !part(text[..at].chars().next_back()) && !part(text[at + found.len()..].chars().next()))
}

/// Differences from what the real tool's step left. A deployment that neither of the two steps has touched may differ: a
/// `should` before has said so.
fn effects(recorded: &Recorded, ran: &Ran) -> Vec<String> {
    let (want, got) = (&recorded.deployments, &ran.state.deployments);
    let touched = |name: &String| recorded.before.get(name) != want.get(name) || ran.before.get(name) != got.get(name);
    let only = |all: &Deployments| -> Deployments {
        all.iter().filter(|(name, _)| touched(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    differences(&only(want), &only(got))
}

/// Differences between deployments.
pub(super) fn differences(want: &Deployments, got: &Deployments) -> Vec<String> {
    let names: BTreeSet<&String> = want.keys().chain(got.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        match (want.get(name), got.get(name)) {
            (Some(want), Some(got)) => {
                compare("", want, got, &mut |it| differences.push(format!("{name}: {it}")));
            }
            (Some(_), None) => differences.push(format!("{name}: not on the server")),
            (None, _) => differences.push(format!("{name}: on the server, not expected")),
        }
    }
    differences
}

fn compare(path: &str, want: &Value, got: &Value, tell: &mut dyn FnMut(String)) {
    match (want, got) {
        // The real tool stores the text "None" for a flow without a docstring when it creates, and null when it updates.
        (Value::Null, Value::Null) => {}
        (Value::String(none), Value::Null) if path == "description" && none == "None" => {}
        (Value::Object(want), Value::Object(got)) => {
            let keys: BTreeSet<&String> = want.keys().chain(got.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (want.get(key), got.get(key)) {
                    (Some(want), Some(got)) => compare(&path, want, got, tell),
                    (Some(want), None) => tell(format!("{path}: missing, expected {}", short(want))),
                    (None, got) => tell(format!("{path}: not expected, found {}", short(got.unwrap_or(&Value::Null)))),
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (want, got)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{path}[{index}]"), want, got, tell);
            }
        }
        // 1 is 1.0 to the server.
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => {}
        _ if want == got => {}
        _ => tell(format!("{path}: expected {}, found {}", short(want), short(got))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() < 160 { text } else { format!("{}...", text.chars().take(157).collect::<String>()) }
}

#[test]
fn words_are_found_whole() {
    assert!(has_words("deployment `one`: CPU is", "cpu is") && has_words("clone.directory", "clone.directory"));
    assert!(!has_words("cpu_limit", "cpu") && !has_words("line 14", "4"));
}

#[test]
fn a_difference_names_its_field() {
    let deployments = |value: Value| Deployments::from([("f/n".to_owned(), value)]);
    let want = deployments(serde_json::json!({"a": 1, "b": [{"c": 2}], "d": 3}));
    let got = deployments(serde_json::json!({"a": 1.0, "b": [{"c": "2"}], "e": 4}));
    assert_eq!(
        differences(&want, &got),
        ["f/n: b[0].c: expected 2, found \"2\"", "f/n: d: missing, expected 3", "f/n: e: not expected, found 4"]
    );
}
