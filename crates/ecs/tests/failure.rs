//! Recorded answers of AWS and what they mean. The wordings are AWS's, each with where it was reported.

use std::collections::BTreeSet;

use ecs::failure::{Answer, Class, Operation, classify};
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
    /// Where the words were reported or documented.
    source: Option<String>,
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(include_str!("../../../events/answers/run-task.json")).expect("the recorded answers are JSON")
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
        let found = (class.as_str(), classified.diagnosis.code.id(), classified.inactive_definition);
        let expected = (it.class.as_str(), it.code.as_str(), it.inactive_definition);
        if found != expected || outcome(classified.class) != it.outcome {
            wrong.push(format!("{}: {found:?}, expected {expected:?}", it.situation));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn words_of_aws_have_a_source() {
    for it in recorded() {
        let answer = it.answer();
        let said = answer.code.is_some() || answer.reason.is_some();
        assert_eq!(it.source.is_some(), said, "{}", it.situation);
        assert!(it.source.is_none_or(|source| source.starts_with("https://")), "{}", it.situation);
    }
}

fn answer(http_status: u16, code: &'static str, message: &'static str) -> Answer<'static> {
    Answer {
        operation: Operation::RunTask,
        http_status: Some(http_status),
        code: Some(code),
        message,
        reason: None,
        detail: None,
    }
}

#[test]
fn what_no_row_knows_is_a_refusal_if_the_request_is_at_fault() {
    let unknown = classify(&answer(400, "BrandNewException", "no"));
    assert_eq!((unknown.class, unknown.diagnosis.code.id()), (Class::Rejected, "PP0329"));
    let failure = Answer { reason: Some("SOMETHING:NEW"), detail: Some("a detail"), ..answer(200, "", "") };
    let unknown = classify(&failure);
    assert_eq!((unknown.class, unknown.diagnosis.code.id()), (Class::Capacity, "PP0303"));
}

/// EC2's codes for its own trouble (EC2 API reference, "Server error codes" and "Common client error codes").
#[test]
fn ec2s_trouble_inside_a_parameter_error_passes_and_what_it_does_not_find_does_not() {
    for (code, class) in [
        ("(ErrorCode: RequestLimitExceeded)", Class::Throttled),
        ("(ErrorCode: Throttling)", Class::Throttled),
        ("(ErrorCode: InternalError)", Class::Capacity),
        ("(ErrorCode: InternalFailure)", Class::Capacity),
        ("(ErrorCode: Unavailable)", Class::Capacity),
        ("(ErrorCode: ServiceUnavailable)", Class::Capacity),
        ("(ErrorCode: InvalidGroup.NotFound)", Class::Rejected),
        ("(ErrorCode: InvalidSubnetID.NotFound)", Class::Rejected),
    ] {
        let message = format!("Error retrieving security group information for [sg-0a1b2c3d]: words {code}");
        let classified = classify(&Answer { message: &message, ..answer(400, "InvalidParameterException", "") });
        assert_eq!(classified.class, class, "{message}");
    }
}

#[test]
fn advice_is_for_what_was_refused() {
    let advice = |message| classify(&answer(400, "InvalidParameterException", message)).diagnosis.resolution;
    for (message, mentions, not) in [
        ("No Container Instances were found in your cluster.", "never scales a capacity provider out", "zones"),
        (
            "Invalid setting for container 'side'. At least one of 'memory' or 'memoryReservation' must be specified.",
            "`memoryReservation`",
            "Fargate",
        ),
        ("Assign public IP is not supported for this launch type.", "`assign_public_ip`", "requiresCompatibilities"),
        (
            "Network Configuration is not valid for the given networkMode of this task definition.",
            "`network_configuration` to {}",
            "security groups",
        ),
        (
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
            "task_role_arn",
        ),
    ] {
        let advice = advice(message);
        assert!(advice.contains(mentions) && !advice.contains(not), "{message}: {advice}");
    }
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
        diagnosis::codes().map(|code| code.to_string()).filter(|code| code.starts_with("PP03")).collect();
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
