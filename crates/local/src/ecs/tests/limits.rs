//! Throttles, quotas and injected failures.

use serde_json::json;

use super::{Desk, definition, run, with};
use crate::ecs::{Config, Failure, TaskFault, TaskRule, Throttles};

#[test]
fn there_are_no_throttles_unless_asked_for() {
    let mut desk = Desk::ready(Config::default());
    for _ in 0..200 {
        desk.call("RunTask", run("f")).unwrap();
    }
}

#[test]
fn throttled_calls_are_answered_as_aws_does() {
    let mut desk = Desk::ready(Config { throttles: Some(Throttles::default()), ..Config::default() });
    let results: Vec<_> = (0..25).map(|_| desk.call("RunTask", run("f"))).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 20);
    let error = results.into_iter().find_map(Result::err).unwrap();
    assert_eq!((error.status, &*error.code, error.message.as_str()), (400, "ThrottlingException", "Rate exceeded"));
    assert_eq!(desk.engine.tasks().len(), 20);
    desk.now += 1000;
    assert_eq!((0..25).filter(|_| desk.call("RunTask", run("f")).is_ok()).count(), 20);
    // One registration is gone already; a refused call takes its token as well.
    let registered = |desk: &mut Desk| desk.call("RegisterTaskDefinition", definition("f", &[])).is_ok();
    desk.now += 1000;
    assert_eq!((0..25).filter(|_| registered(&mut desk)).count(), 20);
    desk.now += 2000;
    assert_eq!((0..25).filter(|_| registered(&mut desk)).count(), 2);
}

#[test]
fn throttles_and_quota_can_be_switched() {
    let mut desk = Desk::ready(Config::default());
    let accepted = |desk: &mut Desk| (0..25).filter(|_| desk.call("RunTask", run("f")).is_ok()).count();
    assert_eq!(accepted(&mut desk), 25);
    for _ in 0..2 {
        desk.engine.set_throttles(Some(Throttles::default()));
        assert_eq!(accepted(&mut desk), 20);
    }
    desk.engine.set_throttles(None);
    assert_eq!(accepted(&mut desk), 25);
    desk.engine.set_vcpu_quota(Some(1));
    assert!(desk.run(run("f")).is_empty());
    desk.engine.set_vcpu_quota(None);
    assert_eq!(desk.run(run("f")).len(), 1);
}

#[test]
fn the_vcpu_quota_fails_tasks_within_a_200() {
    let mut desk = Desk::new(Config { vcpu_quota: Some(1), ..Config::default() });
    desk.call("RegisterTaskDefinition", definition("f", &["true"])).unwrap();
    let answer = desk.call("RunTask", with(run("f"), json!({"count": 6}))).unwrap();
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 4);
    let failures = answer["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 2);
    assert_eq!(failures[0]["reason"], "You've reached the limit on the number of vCPUs you can run concurrently");
    // Spot has a quota of its own.
    let spot = json!({"launchType": null, "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]});
    assert_eq!(desk.run(with(run("f"), spot)).len(), 1);
    // What stops gives its share back.
    let task = answer["tasks"][0]["taskArn"].clone();
    desk.call("StopTask", json!({"task": task})).unwrap();
    assert!(desk.run(run("f")).is_empty());
    desk.advance(50);
    assert_eq!(desk.run(run("f")).len(), 1);
}

#[test]
fn injected_failures_answer_the_next_calls() {
    let mut desk = Desk::ready(Config::default());
    let agent = Failure { arn: Some("arn".into()), reason: "AGENT".into(), detail: Some("gone".into()) };
    desk.engine.inject(TaskRule::next(TaskFault::RunTaskFailures(vec![agent])).times(2));
    for _ in 0..2 {
        let answer = desk.call("RunTask", run("f")).unwrap();
        assert_eq!(answer, json!({"tasks": [], "failures": [{"arn": "arn", "reason": "AGENT", "detail": "gone"}]}));
    }
    assert_eq!(desk.run(run("f")).len(), 1);
}

#[test]
fn a_rule_can_wait_for_one_run() {
    let mut desk = Desk::ready(Config::default());
    let failures = TaskFault::RunTaskFailures(vec![Failure::new("RESOURCE:ENI")]);
    desk.engine.inject(TaskRule::next(failures).started_by("b"));
    let started = |desk: &mut Desk, by: &str| desk.run(with(run("f"), json!({"startedBy": by}))).len();
    assert_eq!([started(&mut desk, "a"), started(&mut desk, "b"), started(&mut desk, "b")], [1, 0, 1]);
    // A refused call does not use it up.
    desk.engine.inject(TaskRule::next(TaskFault::StuckProvisioning));
    desk.refusal("RunTask", run("unknown"));
    desk.run(run("f"));
    desk.advance(10_000);
    assert_eq!(desk.engine.tasks().last().unwrap().status, crate::ecs::Status::Provisioning);
}
