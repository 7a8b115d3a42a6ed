//! The life of a task, with the clock in hand.

use serde_json::json;

use super::{Desk, definition, run, states, with};
use crate::ecs::{Config, ContainerId, Dwell, Runner, Signal, StartFailure, Status, StopCode, TaskFault, TaskRule};

fn desk() -> Desk {
    Desk::ready(Config::default())
}

fn flow(task: &str) -> ContainerId {
    ContainerId { task_arn: task.to_owned(), index: 0 }
}

#[test]
fn a_task_goes_through_its_states_when_their_time_is_over() {
    let mut desk = desk();
    let task = desk.run(run("f"))[0].clone();
    let status = |desk: &Desk| desk.engine.tasks()[0].status;
    desk.advance(99);
    assert_eq!(status(&desk), Status::Provisioning);
    desk.advance(1);
    assert_eq!(status(&desk), Status::Pending);
    desk.advance(100);
    assert_eq!((status(&desk), desk.launches.len()), (Status::Pending, 1));
    desk.start();
    assert_eq!(status(&desk), Status::Running);
    desk.advance(5000);
    desk.engine.exited(desk.now, &flow(&task), 0);
    assert_eq!(status(&desk), Status::Deprovisioning);
    desk.advance(50);
    assert_eq!(status(&desk), Status::Stopped);
    let shown = desk.describe(&task);
    let at = |name: &str| (shown[name].as_f64().unwrap() * 1000.0).round() as u64 - 1_700_000_000_000;
    assert_eq!([at("createdAt"), at("pullStartedAt"), at("pullStoppedAt"), at("startedAt")], [0, 100, 200, 200]);
    assert_eq!([at("stoppingAt"), at("executionStoppedAt"), at("stoppedAt")], [5200, 5200, 5250]);
    assert_eq!(shown["stopCode"], "EssentialContainerExited");
    assert_eq!(shown["stoppedReason"], "Essential container in task exited");
    assert_eq!(shown["containers"][0]["exitCode"], 0);
    let expected = [
        ("PROVISIONING", "RUNNING"),
        ("PENDING", "RUNNING"),
        ("RUNNING", "RUNNING"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
    ];
    assert_eq!(desk.states(&task), states(&expected));
}

#[test]
fn an_event_is_an_eventbridge_envelope_about_the_task() {
    let mut desk = desk();
    let task = desk.run(with(run("f"), json!({"startedBy": "r/s"})))[0].clone();
    desk.until_running();
    desk.engine.exited(desk.now, &flow(&task), 3);
    desk.advance(1000);
    let versions: Vec<u64> = desk.events.iter().map(|event| event["detail"]["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    let event = desk.events.last().unwrap();
    assert_eq!(event["version"], "0");
    assert_eq!(event["detail-type"], "ECS Task State Change");
    assert_eq!(event["source"], "aws.ecs");
    assert_eq!((&event["account"], &event["region"]), (&json!("123456789012"), &json!("us-east-1")));
    assert_eq!(event["resources"], json!([task]));
    assert_eq!(event["time"], "2023-11-14T22:13:21.050Z");
    let detail = &event["detail"];
    assert_eq!(detail["stoppedAt"], "2023-11-14T22:13:21.050Z");
    assert_eq!(detail["createdAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(detail["taskArn"], json!(task));
    assert_eq!(detail["startedBy"], "r/s");
    assert_eq!(detail["containers"][0]["exitCode"], 3);
    assert_eq!(detail["attachments"][0]["type"], "eni");
    assert!(detail.get("tags").is_none());
    let ids: std::collections::BTreeSet<_> = desk.events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn stop_task_signals_and_kills_after_the_stop_timeout() {
    for (timeout, milliseconds) in [(json!(null), 30_000), (json!(2), 2000)] {
        let mut desk = Desk::new(Config::default());
        let mut request = definition("f", &["true"]);
        request["containerDefinitions"][0]["stopTimeout"] = timeout;
        desk.call("RegisterTaskDefinition", request).unwrap();
        let task = desk.run(run("f"))[0].clone();
        desk.until_running();
        let answer = desk.call("StopTask", json!({"task": task, "reason": "enough"})).unwrap();
        assert_eq!(answer["task"]["desiredStatus"], "STOPPED");
        assert_eq!(answer["task"]["stopCode"], "UserInitiated");
        desk.advance(0);
        assert_eq!(desk.signals, [(flow(&task), Signal::Terminate)]);
        desk.advance(milliseconds - 1);
        assert_eq!(desk.signals.len(), 1);
        desk.advance(1);
        assert_eq!(desk.signals[1], (flow(&task), Signal::Kill));
        desk.engine.exited(desk.now, &flow(&task), 137);
        desk.advance(1000);
        let shown = desk.describe(&task);
        assert_eq!((&shown["stopCode"], &shown["stoppedReason"]), (&json!("UserInitiated"), &json!("enough")));
        assert_eq!(shown["containers"][0]["exitCode"], 137);
        let expected = [
            ("PROVISIONING", "RUNNING"),
            ("PENDING", "RUNNING"),
            ("RUNNING", "RUNNING"),
            ("RUNNING", "STOPPED"),
            ("STOPPING", "STOPPED"),
            ("DEPROVISIONING", "STOPPED"),
            ("STOPPED", "STOPPED"),
        ];
        assert_eq!(desk.states(&task), states(&expected));
    }
}

#[test]
fn the_first_cause_of_the_end_counts() {
    let mut desk = desk();
    let task = desk.run(run("f"))[0].clone();
    desk.until_running();
    desk.engine.exited(desk.now, &flow(&task), 0);
    desk.call("StopTask", json!({"task": task, "reason": "late"})).unwrap();
    desk.advance(1000);
    let view = desk.engine.tasks()[0].clone();
    assert_eq!(view.stop_code, Some(StopCode::EssentialContainerExited));
    // Nor does a repeated report change anything.
    let events = desk.events.len();
    desk.engine.exited(desk.now, &flow(&task), 1);
    desk.call("StopTask", json!({"task": task})).unwrap();
    desk.advance(1000);
    assert_eq!((desk.events.len(), desk.engine.tasks()[0].clone()), (events, view));
}

#[test]
fn a_task_can_be_stopped_before_it_runs() {
    let mut desk = desk();
    let task = desk.run(run("f"))[0].clone();
    desk.call("StopTask", json!({"task": task})).unwrap();
    desk.advance(10_000);
    let expected = [("PROVISIONING", "RUNNING"), ("DEPROVISIONING", "STOPPED"), ("STOPPED", "STOPPED")];
    assert_eq!(desk.states(&task), states(&expected));
    assert!(desk.launches.is_empty() && desk.signals.is_empty());
    let shown = desk.describe(&task);
    assert!(shown["containers"][0].get("exitCode").is_none());
    assert!(shown.get("startedAt").is_none() && shown.get("executionStoppedAt").is_none());
}

#[test]
fn a_task_can_be_stopped_while_its_container_starts() {
    let mut desk = desk();
    let task = desk.run(run("f"))[0].clone();
    desk.advance(200);
    desk.call("StopTask", json!({"task": task})).unwrap();
    desk.advance(0);
    assert_eq!(desk.signals, [(flow(&task), Signal::Terminate)]);
    desk.start();
    assert_eq!(desk.engine.tasks()[0].status, Status::Stopping);
    desk.engine.exited(desk.now, &flow(&task), 143);
    desk.advance(1000);
    assert_eq!(desk.engine.tasks()[0].status, Status::Stopped);
    assert!(!desk.states(&task).contains(&("RUNNING".into(), "RUNNING".into())));
}

#[test]
fn tasks_that_fail_to_start_say_why() {
    let pull = StartFailure::cannot_pull("flows:1");
    for (failure, before) in [(StartFailure::network_interface(), 1), (pull, 2)] {
        let mut desk = desk();
        desk.engine.inject(TaskRule::next(TaskFault::FailToStart(failure.clone())));
        let task = desk.run(run("f"))[0].clone();
        desk.advance(10_000);
        let shown = desk.describe(&task);
        assert_eq!((&shown["lastStatus"], &shown["stopCode"]), (&json!("STOPPED"), &json!("TaskFailedToStart")));
        assert_eq!(shown["stoppedReason"], json!(failure.stopped_reason));
        assert_eq!(shown["containers"][0].get("reason"), failure.container_reason.map(|reason| json!(reason)).as_ref());
        assert!(shown.get("startedAt").is_none() && shown["containers"][0].get("exitCode").is_none());
        assert_eq!(desk.states(&task).iter().filter(|(_, desired)| desired == "RUNNING").count(), before);
        // The next one is well again.
        desk.run(run("f"));
        assert_eq!(desk.until_running().len(), 1);
    }
}

#[test]
fn a_container_that_can_not_be_started_takes_its_siblings_along() {
    let mut desk = Desk::new(Config::default());
    let containers = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]);
    desk.call("RegisterTaskDefinition", with(definition("f", &[]), json!({"containerDefinitions": containers})))
        .unwrap();
    let task = desk.run(run("f"))[0].clone();
    desk.advance(200);
    let second = ContainerId { task_arn: task.clone(), index: 1 };
    desk.engine.started(desk.now, &flow(&task));
    desk.engine.start_failed(desk.now, &second, "CannotStartContainerError: no");
    desk.advance(0);
    assert_eq!(desk.signals, [(flow(&task), Signal::Terminate)]);
    desk.engine.exited(desk.now, &flow(&task), 143);
    desk.advance(1000);
    let shown = desk.describe(&task);
    assert_eq!(
        (&shown["stopCode"], &shown["stoppedReason"]),
        (&json!("TaskFailedToStart"), &json!("Task failed to start"))
    );
    assert_eq!(shown["containers"][1]["reason"], "CannotStartContainerError: no");
    assert_eq!(shown["containers"][0]["exitCode"], 143);
}

#[test]
fn a_task_can_be_stuck_until_it_is_stopped() {
    let mut desk = desk();
    desk.engine.inject(TaskRule::next(TaskFault::StuckProvisioning));
    let task = desk.run(run("f"))[0].clone();
    desk.advance(10 * 3_600_000);
    assert_eq!(desk.engine.tasks()[0].status, Status::Provisioning);
    desk.call("StopTask", json!({"task": task})).unwrap();
    desk.advance(1000);
    assert_eq!(desk.engine.tasks()[0].status, Status::Stopped);
}

#[test]
fn spot_interruption_can_be_asked_for_in_advance() {
    let mut desk = desk();
    desk.engine.inject(TaskRule::next(TaskFault::InterruptSpot(5000)));
    let task = desk.run(run("f"))[0].clone();
    desk.until_running();
    desk.advance(4999);
    assert_eq!(desk.engine.tasks()[0].stop_code, None);
    desk.advance(1);
    assert_eq!(desk.signals, [(flow(&task), Signal::Terminate)]);
    let shown = desk.describe(&task);
    assert_eq!(
        (&shown["stopCode"], &shown["stoppedReason"]),
        (&json!("SpotInterruption"), &json!("Your Spot Task was interrupted."))
    );
}

#[test]
fn sidecars_without_a_program_only_seem_to_run() {
    let mut desk = Desk::new(Config::default());
    let containers =
        json!([{"name": "flow", "image": "i"}, {"name": "logs", "image": "fluent-bit", "essential": false}]);
    desk.call("RegisterTaskDefinition", with(definition("f", &[]), json!({"containerDefinitions": containers})))
        .unwrap();
    let task = desk.run(run("f"))[0].clone();
    assert_eq!(desk.until_running().len(), 1);
    assert_eq!(desk.describe(&task)["containers"][1]["lastStatus"], "RUNNING");
    desk.engine.exited(desk.now, &flow(&task), 1);
    desk.advance(1000);
    let shown = desk.describe(&task);
    assert_eq!((&shown["containers"][0]["exitCode"], &shown["containers"][1]["exitCode"]), (&json!(1), &json!(0)));
}

#[test]
fn the_end_of_a_sidecar_is_not_the_end_of_the_task() {
    let mut config = Config::default();
    config.images.insert("side".into(), crate::ecs::HostImage::default());
    let mut desk = Desk::new(config);
    let containers = json!([{"name": "flow", "image": "i"}, {"name": "side", "image": "side:2", "essential": false}]);
    desk.call("RegisterTaskDefinition", with(definition("f", &[]), json!({"containerDefinitions": containers})))
        .unwrap();
    let task = desk.run(run("f"))[0].clone();
    assert_eq!(desk.until_running().len(), 2);
    let events = desk.events.len();
    let side = ContainerId { task_arn: task.clone(), index: 1 };
    desk.engine.exited(desk.now, &side, 0);
    desk.advance(1000);
    assert_eq!((desk.engine.tasks()[0].status, desk.events.len()), (Status::Running, events + 1));
    assert_eq!(desk.describe(&task)["containers"][1]["lastStatus"], "STOPPED");
    desk.engine.exited(desk.now, &flow(&task), 0);
    desk.advance(1000);
    assert!(desk.signals.is_empty());
    assert_eq!(desk.engine.tasks()[0].status, Status::Stopped);
}

#[test]
fn optional_states_are_passed_when_they_have_a_time() {
    let dwell = Dwell { activating: Some(10), deactivating: Some(10), ..Dwell::default() };
    let mut desk = Desk::ready(Config { dwell, ..Config::default() });
    let task = desk.run(run("f"))[0].clone();
    desk.until_running();
    desk.advance(10);
    desk.engine.exited(desk.now, &flow(&task), 0);
    desk.advance(1000);
    let expected = [
        ("PROVISIONING", "RUNNING"),
        ("PENDING", "RUNNING"),
        ("ACTIVATING", "RUNNING"),
        ("RUNNING", "RUNNING"),
        ("DEACTIVATING", "STOPPED"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
    ];
    assert_eq!(desk.states(&task), states(&expected));
}

#[test]
fn overrides_reach_the_launch() {
    let mut desk = Desk::new(Config::default());
    let mut request = definition("f", &["default"]);
    request["containerDefinitions"][0]["entryPoint"] = json!(["entry"]);
    request["containerDefinitions"][0]["environment"] =
        json!([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]);
    desk.call("RegisterTaskDefinition", request).unwrap();
    desk.run(run("f"));
    assert_eq!(desk.until_running()[0].command, ["entry", "default"]);
    let overrides = json!({"containerOverrides": [{"name": "flow", "command": ["a", "b"], "environment": [{"name": "B", "value": "2"}]}]});
    desk.run(with(run("f"), json!({"overrides": overrides})));
    let launch = desk.until_running().remove(0);
    assert_eq!(
        (launch.command, launch.name.as_str(), launch.image.as_str()),
        (vec!["entry".to_owned(), "a".into(), "b".into()], "flow", "flows:1")
    );
    let environment: Vec<_> = launch.environment.0.into_iter().collect();
    assert_eq!(environment, [("A".to_owned(), "1".to_owned()), ("B".into(), "2".into())]);
}

#[test]
fn stopped_tasks_are_remembered_for_an_hour() {
    let mut desk = Desk::ready(Config { runner: Runner::Instant { exit_code: 0 }, ..Config::default() });
    let task = desk.run(run("f"))[0].clone();
    desk.advance(0);
    assert_eq!(desk.engine.tasks()[0].status, Status::Stopped);
    desk.advance(3_600_000 - 1);
    assert_eq!(desk.describe(&task)["lastStatus"], "STOPPED");
    desk.advance(1);
    let answer = desk.call("DescribeTasks", json!({"tasks": [task]})).unwrap();
    assert_eq!(answer["failures"], json!([{"arn": task, "reason": "MISSING"}]));
}

#[test]
fn a_thousand_instant_tasks_leave_nothing_behind() {
    let mut desk = Desk::ready(Config { runner: Runner::Instant { exit_code: 2 }, ..Config::default() });
    for n in 0..1000 {
        desk.run(with(run("f"), json!({"clientToken": format!("t{n}")})));
        desk.advance(1);
        assert_eq!(desk.events.drain(..).count(), 5);
    }
    assert!(desk.launches.is_empty());
    assert!(desk.engine.tasks().iter().all(|task| task.status == Status::Stopped && task.exit_code == Some(2)));
    desk.advance(25 * 3_600_000);
    assert!(desk.engine.tasks().is_empty());
    assert_eq!((desk.engine.tokens.len(), desk.engine.sequences.len(), desk.engine.next_due()), (0, 0, None));
}

#[test]
fn events_may_say_in_words_only_why_a_task_stopped() {
    let mut desk = Desk::ready(Config { events_without_stop_code: true, ..Config::default() });
    let task = desk.run(run("f"))[0].clone();
    desk.until_running();
    desk.call("StopTask", json!({"task": task, "reason": "enough"})).unwrap();
    desk.advance(0);
    let stopping = desk.events.iter().find(|event| event["detail"]["desiredStatus"] == "STOPPED").unwrap();
    assert!(stopping["detail"]["stopCode"].is_null() && stopping["detail"]["stoppedReason"] == "enough", "{stopping}");
    assert_eq!(desk.describe(&task)["stopCode"], "UserInitiated", "who asks is told");
}
