//! Client tokens.

use serde_json::{Value, json};

use super::{Desk, definition, run, with};
use crate::ecs::{Config, Failure, Runner, TaskFault, TaskRule};

const HOUR: u64 = 3_600_000;

fn token(token: &str) -> Value {
    with(run("f"), json!({"clientToken": token}))
}

#[test]
fn the_same_request_gets_the_same_task() {
    let mut desk = Desk::ready(Config::default());
    let first = desk.call("RunTask", token("t")).unwrap();
    desk.advance(1000);
    assert_eq!(desk.call("RunTask", token("t")).unwrap(), first);
    assert_ne!(desk.run(token("u")), desk.run(token("v")));
    // Neither the order of members nor a name for the default cluster nor an unknown member is another request.
    let same = json!({"unknown": 1, "cluster": "default", "clientToken": "t", "networkConfiguration":
        {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}, "launchType": "FARGATE", "taskDefinition": "f"});
    assert_eq!(desk.call("RunTask", same).unwrap(), first);
    assert_eq!(desk.engine.tasks().len(), 3);
}

#[test]
fn another_request_conflicts_and_learns_the_tasks() {
    let mut desk = Desk::ready(Config::default());
    let tasks = desk.run(with(token("t"), json!({"count": 2})));
    for change in
        [json!({"count": 1}), json!({"count": 2, "startedBy": "x"}), json!({"count": 2, "tags": [{"key": "a"}]})]
    {
        let error = desk.call("RunTask", with(token("t"), change)).unwrap_err();
        assert_eq!((error.status, &*error.code), (400, "ConflictException"));
        assert_eq!(error.extra["resourceIds"], json!(tasks));
    }
    assert_eq!(desk.engine.tasks().len(), 2);
}

#[test]
fn a_token_belongs_to_its_cluster_and_to_its_case() {
    let mut desk = Desk::ready(Config::default());
    desk.call("CreateCluster", json!({"clusterName": "other"})).unwrap();
    let here = desk.run(token("t"));
    let there = desk.run(with(token("t"), json!({"cluster": "other"})));
    let other_case = desk.run(token("T"));
    assert!(here != there && here != other_case);
}

#[test]
fn a_token_outlives_its_task_by_an_hour() {
    let mut desk = Desk::ready(Config { runner: Runner::Instant { exit_code: 0 }, ..Config::default() });
    let first = desk.run(token("t"));
    desk.advance(0);
    desk.advance(HOUR - 1);
    assert_eq!(desk.run(token("t")), first);
    desk.advance(1);
    assert_ne!(desk.run(token("t")), first);
}

#[test]
fn a_token_lives_a_day_at_most() {
    let mut desk = Desk::ready(Config::default());
    let first = desk.run(token("t"));
    desk.until_running();
    desk.now += 24 * HOUR - 1001;
    assert_eq!(desk.run(token("t")), first);
    desk.now += 1;
    let second = desk.run(token("t"));
    assert_ne!(second, first);
    // The old token's end is not the new one's.
    desk.advance(HOUR);
    assert_eq!(desk.run(token("t")), second);
}

#[test]
fn a_short_retention_does_not_shorten_tokens() {
    let runner = Runner::Instant { exit_code: 0 };
    let mut desk = Desk::ready(Config { runner, retention: 1000, ..Config::default() });
    let first = desk.run(token("t"));
    desk.advance(0);
    desk.advance(2000);
    assert!(desk.engine.tasks().is_empty());
    assert_eq!(desk.run(token("t")), first);
}

#[test]
fn an_error_does_not_use_up_the_token() {
    let mut desk = Desk::new(Config::default());
    desk.refusal("RunTask", token("t"));
    desk.call("RegisterTaskDefinition", definition("f", &["true"])).unwrap();
    let tasks = desk.run(token("t"));
    // And the token answers even though a first call of its kind would be refused by now.
    desk.call("DeregisterTaskDefinition", json!({"taskDefinition": "f:1"})).unwrap();
    assert_eq!(desk.run(token("t")), tasks);
}

#[test]
fn whether_failures_are_repeated_is_a_setting() {
    for replay in [true, false] {
        let mut desk = Desk::ready(Config { replay_failed_answers: replay, ..Config::default() });
        desk.engine.inject(TaskRule::next(TaskFault::RunTaskFailures(vec![Failure::new("RESOURCE:ENI")])));
        assert_eq!(desk.call("RunTask", token("t")).unwrap()["failures"][0]["reason"], "RESOURCE:ENI");
        let again = desk.call("RunTask", token("t")).unwrap();
        assert_eq!(again["tasks"].as_array().unwrap().is_empty(), replay);
        // Tasks there were none, so a conflict has none to show.
        if replay {
            let error = desk.call("RunTask", with(token("t"), json!({"startedBy": "x"}))).unwrap_err();
            assert_eq!(error.extra["resourceIds"], json!([]));
        }
    }
}
