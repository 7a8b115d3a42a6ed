//! Recorded answers of AWS and what they mean. The wordings are AWS's, from its documentation and from public reports.

use std::collections::BTreeSet;

use ecs::{
    CODES,
    failure::{Answer, Class, Operation, classify},
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    situation: String,
    operation: String,
    /// None when there was no answer.
    status: Option<u16>,
    body: Value,
    class: String,
    code: String,
    outcome: String,
    #[serde(default)]
    inactive_definition: bool,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("answers.json")).expect("the recorded answers are JSON")
}

impl Recorded {
    /// As a client of the JSON protocol reads it: the exception's name without its namespace.
    fn answer(&self) -> Answer<'_> {
        let text = |value: &'static str| self.body.get(value).and_then(Value::as_str);
        let failure = |member: &str| self.body.pointer("/failures/0")?.get(member)?.as_str();
        Answer {
            operation: [
                Operation::RunTask,
                Operation::RegisterTaskDefinition,
                Operation::DescribeTaskDefinition,
                Operation::StopTask,
                Operation::DescribeTasks,
                Operation::ListTasks,
            ]
            .into_iter()
            .find(|operation| operation.name() == self.operation)
            .expect("a known operation"),
            http_status: self.status,
            code: text("__type").map(|name| name.rsplit('#').next().unwrap_or(name)),
            message: text("message").unwrap_or_default(),
            reason: failure("reason"),
            detail: failure("detail"),
        }
    }
}

/// What becomes of message and run, by class.
fn outcome(class: Class) -> &'static str {
    match class {
        Class::Throttled | Class::Capacity => "handed back",
        Class::Rejected | Class::Malformed => "crashed",
        Class::Stale => "acknowledged",
        Class::Transient | Class::Bug => "returned to the queue",
    }
}

#[test]
fn every_recorded_answer_has_its_class() {
    let recorded = recorded();
    assert!(recorded.len() >= 30);
    let mut wrong = Vec::new();
    for it in &recorded {
        let classified = classify(&it.answer());
        let class = format!("{:?}", classified.class);
        let found = (class.as_str(), classified.diagnosis.code, classified.inactive_definition);
        let expected = (it.class.as_str(), it.code.as_str(), it.inactive_definition);
        if found != expected || outcome(classified.class) != it.outcome {
            wrong.push(format!("{}: {found:?}, expected {expected:?}", it.situation));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_diagnosis_has_awss_words() {
    for it in recorded() {
        let answer = it.answer();
        let diagnosis = classify(&answer).diagnosis;
        assert!(diagnosis.detail.starts_with(answer.operation.name()), "{}", diagnosis.detail);
        for part in [answer.code, Some(answer.message), answer.reason, answer.detail].into_iter().flatten() {
            assert!(diagnosis.detail.contains(part), "{} lacks {part}", diagnosis.detail);
        }
        assert!(!diagnosis.summary.is_empty() && !diagnosis.resolution.is_empty());
    }
}

#[test]
fn every_code_of_the_table_has_been_recorded() {
    let seen: BTreeSet<String> = recorded().into_iter().map(|it| it.code).collect();
    let known: BTreeSet<String> =
        CODES.iter().filter(|(code, _)| code.starts_with("PP03")).map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(seen, known);
}

#[test]
fn a_long_message_is_cut() {
    let message = "x".repeat(5_000);
    let answer = Answer {
        operation: Operation::RunTask,
        http_status: Some(400),
        code: Some("InvalidParameterException"),
        message: &message,
        reason: None,
        detail: None,
    };
    let detail = classify(&answer).diagnosis.detail;
    assert!(detail.chars().count() < 1_100 && detail.ends_with('…'));
}
