//! Who holds a slot, over a server and an ECS in memory.

use prefect_ids::FlowRunId;
use std::sync::Arc;

use ecs::task::Task;
use prefect_api::models::State;
use serde_json::json;

use super::{candidates::may_hold, *};
use crate::fake::{Ecs, NOW, Server, arn, clock, task};

#[tokio::test]
async fn a_process_that_waits_or_goes_on_after_the_end_holds_its_slot_while_its_task_lives() {
    let ran = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
    let server = Server::default();
    let mut tasks = Vec::new();
    let states = [
        ("PAUSED", "Paused", "RUNNING", true),
        ("PAUSED", "Suspended", "STOPPED", false),
        ("SCHEDULED", "AwaitingRetry", "RUNNING", true),
        ("COMPLETED", "Completed", "RUNNING", true),
        ("COMPLETED", "Completed", "STOPPED", false),
        ("CANCELLED", "Cancelled", "RUNNING", true),
    ];
    let mut expected = Vec::new();
    for (number, (state_type, name, status, holds)) in (1..).zip(states) {
        let attempt = server.add(number, &[ran[0], ran[1], ran[2], (state_type, name, 5)]);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        tasks.push(Task::of_json(&task(attempt, status, json!({}))).unwrap());
        if holds {
            expected.push(attempt.flow_run_id);
        }
    }
    expected.push(server.add(90, &ran[..2]).flow_run_id);
    // ECS does not show these: one may be too new for that, the other is gone.
    for (number, minutes) in [(91, 0), (92, 5)] {
        let attempt = server.add(number, &[ran[0], ran[1], ran[2], ("COMPLETED", "Completed", minutes)]);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        if minutes == 0 {
            expected.push(attempt.flow_run_id);
        }
    }
    let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
    let (client, stopped) = (server.client(), Stopped::default());
    let now: Timestamp = NOW.parse().unwrap();
    let found = candidates(&client, "p", now).await.unwrap();
    let mut holding: Vec<FlowRunId> =
        holders(&client, found.clone(), &ecs, &stopped, now).await.into_iter().map(|holder| holder.run.id).collect();
    holding.sort();
    assert_eq!(holding, expected);
    // ECS is not asked again about tasks that have stopped, and a task that it says nothing about holds its slot.
    let silent = Ecs { broken: true, ..Ecs::default() };
    let unknown = holders(&client, found, &silent, &stopped, now).await;
    assert_eq!(unknown.iter().filter(|holder| holder.because == Because::NotKnown).count(), 5);
}

#[tokio::test]
async fn a_run_whose_last_task_is_yet_to_be_recorded_holds_its_slot_beside_the_record_of_an_earlier_one() {
    let now: Timestamp = NOW.parse().unwrap();
    let first = [("SCHEDULED", "Scheduled", 90), ("PENDING", "Pending", 89), ("RUNNING", "Running", 88)];
    let second = |minutes| {
        [("SCHEDULED", "AwaitingCapacity", minutes + 1), ("PENDING", "Again", minutes), ("RUNNING", "Running", minutes)]
    };
    let cases = [
        // The second task's process pauses, or ends and goes on.
        ([&first[..], &second(3), &[("PAUSED", "Paused", 2)]].concat(), 70, 1),
        ([&first[..], &second(3), &[("COMPLETED", "Completed", 2)]].concat(), 70, 1),
        // The dispatcher, or the message when it came back, had the time to record the task.
        ([&first[..], &second(20), &[("PAUSED", "Paused", 2)]].concat(), 70, 0),
        // The process of the recorded task ended its run.
        ([&first[..], &[("COMPLETED", "Completed", 2)]].concat(), 1, 0),
        // A user ended the run whose task was gone.
        ([&first[..], &[("COMPLETED", "Completed", 2)]].concat(), 70, 0),
    ];
    for (states, minutes, slots) in cases {
        let server = Server::default();
        let attempt = server.add(1, &states);
        server.start(attempt, now - SignedDuration::from_mins(88));
        server.record(attempt, &format!("c::{}", arn(attempt)));
        let stopped_at = json!({"stoppedAt": now - SignedDuration::from_mins(minutes)});
        let shown = vec![Task::of_json(&task(attempt, "STOPPED", stopped_at)).unwrap()];
        let (client, stopped) = (server.client(), Stopped::default());
        // ECS shows the stopped task, and what was learnt of it is remembered.
        for tasks in [shown, Vec::new()] {
            let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
            let used = used(&client, &ecs, &stopped, "p", &clock()).await.unwrap();
            assert_eq!((used.pool, used.living.len()), (slots, slots as usize), "{states:?}, {minutes}");
        }
    }
}

#[tokio::test]
async fn a_run_that_changes_sides_while_slots_are_counted_is_counted() {
    let states = |state_type: &'static str| {
        [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), (state_type, state_type, 7)]
    };
    let moves = [
        ("RUNNING", "PAUSED"),
        ("PAUSED", "RUNNING"),
        ("SCHEDULED", "RUNNING"),
        ("RUNNING", "SCHEDULED"),
        ("RUNNING", "COMPLETED"),
        ("PAUSED", "CANCELLING"),
        ("PAUSED", "FAILED"),
        ("SCHEDULED", "CANCELLED"),
        ("COMPLETED", "SCHEDULED"),
    ];
    for (from, to) in moves {
        for lists in 1..=5 {
            let server = Server::default();
            let attempt = server.add(1, &states(from));
            server.record(attempt, &format!("c::{}", arn(attempt)));
            server.move_on(lists, attempt, to);
            let tasks = vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()];
            let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
            let used = used(&server.client(), &ecs, &Stopped::default(), "p", &clock()).await;
            assert_eq!(used.unwrap().pool, 1, "{from} to {to} after {lists} lists");
        }
    }
}

#[tokio::test]
async fn slots_are_counted_again_if_the_server_was_slow() {
    let server = Server::default();
    let paused = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("PAUSED", "Paused", 7)];
    let attempt = server.add(1, &paused);
    server.record(attempt, &format!("c::{}", arn(attempt)));
    // No list of the first count has it.
    server.move_on(1, attempt, "RUNNING");
    server.move_on(4, attempt, "COMPLETED");
    let tasks = vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()];
    let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
    let (start, of_server): (Timestamp, Server) = (NOW.parse().unwrap(), server.clone());
    let slow: Clock = Arc::new(move || match of_server.asked("/flow_runs/filter").len() {
        0 => start,
        _ => start + SignedDuration::from_secs(10),
    });
    let used = used(&server.client(), &ecs, &Stopped::default(), "p", &slow).await.unwrap();
    assert_eq!((used.pool, server.asked("/flow_runs/filter").len()), (1, 10));
}

#[tokio::test]
async fn a_run_whose_task_is_yet_to_be_recorded_holds_its_slot() {
    let server = Server::default();
    let now: Timestamp = NOW.parse().unwrap();
    for (number, claimed, minutes) in [(1, "Pending", 1), (2, "Pending", 20), (3, "Theirs", 1)] {
        let states = [("SCHEDULED", "Scheduled", 30), ("PENDING", claimed, minutes + 1), ("COMPLETED", "Completed", 0)];
        let attempt = server.add(number, &states);
        server.start(attempt, now - jiff::SignedDuration::from_mins(minutes));
    }
    let used = used(&server.client(), &Ecs::default(), &Stopped::default(), "p", &clock()).await.unwrap();
    assert_eq!((used.pool, used.living), (1, HashSet::from([FlowRunId::from_u128(1)])));
}

#[test]
fn a_run_that_cannot_be_read_holds_a_slot_while_it_may_have_a_task() {
    let now: Timestamp = NOW.parse().unwrap();
    let held = "Held by pushpool to be handed back for message m, delivery d";
    type Had<'a> = &'a [(&'a str, &'a str, i64)];
    let cases: [(Had<'_>, bool); 7] = [
        (&[("SCHEDULED", "", 9)], false),
        (&[("SCHEDULED", "", 9), ("PENDING", "Claimed by pushpool for message m", 8)], true),
        (&[("SCHEDULED", "", 9), ("PENDING", held, 8)], false),
        (&[("SCHEDULED", "", 9), ("PENDING", held, 8), ("SCHEDULED", "", 7), ("CRASHED", "", 5)], false),
        (&[("PENDING", "", 9), ("RUNNING", "", 8), ("COMPLETED", "", 5)], true),
        (&[("PENDING", "", 90), ("RUNNING", "", 80), ("COMPLETED", "", 31)], false),
        (&[("PENDING", "", 90), ("RUNNING", "", 80), ("PAUSED", "", 70)], true),
    ];
    for (states, holds) in cases {
        let state = |(state_type, message, minutes): &(&str, &str, i64)| {
            let at = now - jiff::SignedDuration::from_mins(*minutes);
            let state = json!({"id": Uuid::nil(), "type": state_type, "timestamp": at, "message": message});
            serde_json::from_value::<State>(state).unwrap()
        };
        let read: Vec<State> = states.iter().map(state).collect();
        assert_eq!(may_hold(&read, now), holds, "{states:?}");
    }
}

#[test]
fn a_slot_is_taken_where_pool_and_queue_have_one() {
    let (a, b) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
    let mut used = Used::default();
    assert!(used.take(Some(3), a, Some(1)));
    assert!(!used.take(Some(3), a, Some(1)), "the queue is full");
    assert!(used.take(Some(3), b, None));
    assert!(used.take(Some(3), b, None));
    assert!(!used.take(Some(3), b, None), "the pool is full");
    assert_eq!(used.pool, 3);
    assert!(!Used::default().take(Some(0), None, None), "a limit of 0 is no slot");
}
