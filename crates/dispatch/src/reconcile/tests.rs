//! When a pass leaves runs alone; what it repairs is tested against a real server (`tests/it/prefect_observer`).

use prefect_ids::{FlowRunId, StateId};
use std::sync::Mutex;

use ecs::task::Task;
use prefect_api::PAGE;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    fake::{Ecs, NOW, Notes, Server, arn, clock, task},
    ports::NoOutput,
};

fn reconciler(server: &Server, ecs: Ecs, policy: Policy) -> (Reconciler<Server, Ecs, NoOutput>, Arc<Ecs>, Arc<Notes>) {
    let (ecs, notes) = (Arc::new(ecs), Arc::new(Notes::default()));
    let reconciler =
        Reconciler::new(server.client(), Arc::clone(&ecs), NoOutput, policy, Arc::clone(&notes) as _, clock());
    (reconciler, ecs, notes)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

const PENDING: [(&str, &str, i64); 2] = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8)];
const RUNNING: [(&str, &str, i64); 3] =
    [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];

#[tokio::test]
async fn an_ecs_that_does_not_answer_is_no_proof() {
    let server = Server::default();
    server.set_template(json!({}));
    let (pending, running) = (server.add(1, &PENDING), server.add(2, &RUNNING));
    server.record(running, &format!("c::{}", arn(running)));
    let broken = Ecs { broken: true, ..Ecs::default() };
    let (reconciler, _, notes) = reconciler(&server, broken, Policy::default());
    let pass = reconciler.pass(deadline()).await;
    assert_eq!((pass.repaired, pass.failed), (0, 3), "the pending run, the cluster's tasks, and its orphans");
    assert_eq!(notes.take(), ["failed PP0331"; 3]);
    assert_eq!((server.state(pending), server.state(running)), ("Pending".into(), "Running".into()));
}

#[tokio::test]
async fn a_run_is_launched_again_only_where_its_task_could_have_been_found() {
    let server = Server::default();
    server.set_template(json!({"job_configuration": {"cluster": "{{ prefect.variables.cluster }}"}}));
    let attempt = server.add(1, &PENDING);
    let (unsure, _, notes) = reconciler(&server, Ecs::default(), Policy::default());
    let pass = unsure.pass(deadline()).await;
    assert_eq!((pass.repaired, pass.failed), (0, 1), "the server has no such variable");
    assert_eq!(notes.take(), ["failed PP0608"], "said aloud");
    assert_eq!(server.state(attempt), "Pending");
    server.break_path("/variables/");
    let (unsure, _, notes) = reconciler(&server, Ecs::default(), Policy::default());
    assert_eq!(unsure.pass(deadline()).await.repaired, 0);
    assert_eq!(notes.take(), ["failed PP0502"], "the server may say it in the next pass");
    let clusters: Vec<ClusterRef> = vec!["c".into()];
    let runs = runs::Policy { clusters: clusters.clone(), ..runs::Policy::default() };
    let (told, _, notes) = reconciler(&server, Ecs::default(), Policy { runs, ..Policy::default() });
    assert_eq!(told.pass(deadline()).await.repaired, 1);
    assert_eq!(notes.take(), ["GivenUp"]);
    assert_eq!(told.pass(deadline()).await.repaired, 0, "a dispatcher may not have seen the mark");
    assert_eq!(server.state(attempt), "Pending");
    let runs = runs::Policy { clusters, claim_grace: Duration::ZERO, ..runs::Policy::default() };
    let (later, _, notes) = reconciler(&server, Ecs::default(), Policy { runs, ..Policy::default() });
    assert_eq!(later.pass(deadline()).await.repaired, 1);
    assert_eq!(notes.take(), ["HandedBack"]);
    assert_eq!(server.state(attempt), "AwaitingCapacity");
}

#[tokio::test]
async fn an_end_that_a_late_claim_displaced_is_put_back_while_the_process_goes_on() {
    let late = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
    for (displaced, restored) in [(("COMPLETED", "Completed", 6), "Completed"), (("RUNNING", "Running", 6), "Pending")]
    {
        let server = Server::default();
        server.set_template(json!({}));
        let attempt = server.add(1, &[late[0], late[1], late[2], displaced, ("PENDING", "Pending", 5)]);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        let ecs = Ecs {
            tasks: Mutex::new(vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()]),
            ..Ecs::default()
        };
        let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
        let (reconciler, ..) = reconciler(&server, ecs, Policy { runs, ..Policy::default() });
        reconciler.pass(deadline()).await;
        assert_eq!(server.state(attempt), restored);
    }
}

#[tokio::test]
async fn the_unrecorded_task_of_a_cancelled_run_is_looked_for_while_there_may_be_one() {
    let ran = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
    let since = [("SCHEDULED", "AwaitingRetry", 6), ("CANCELLED", "Cancelled", 0)];
    for (minutes, stops) in [(Some(7), 1), (Some(20), 0), (None, 0)] {
        let server = Server::default();
        server.set_template(json!({}));
        let attempt = server.add(1, &[&ran[..], &since].concat());
        if let Some(minutes) = minutes {
            server.start(attempt, NOW.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_mins(minutes));
        }
        let tasks = Mutex::new(vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()]);
        let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
        let (reconciler, ecs, _) =
            reconciler(&server, Ecs { tasks, ..Ecs::default() }, Policy { runs, ..Policy::default() });
        reconciler.pass(deadline()).await;
        assert_eq!(ecs.stops.lock().unwrap().len(), stops, "{minutes:?}");
        assert_eq!(server.asked("/flow_run_states").len(), stops, "{minutes:?}: at no cost");
    }
}

/// Its task was not recorded when it was cancelled, so the server let its process go on.
#[tokio::test]
async fn a_run_that_began_after_it_was_cancelled_is_cancelled_anew() {
    let server = Server::default();
    server.set_template(json!({}));
    let ran = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
    let since = [("SCHEDULED", "AwaitingRetry", 6), ("CANCELLED", "Cancelled", 5), ("RUNNING", "Running", 4)];
    let attempt = server.add(1, &[ran, since].concat());
    let tasks = Mutex::new(vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()]);
    let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
    let (reconciler, _, notes) =
        reconciler(&server, Ecs { tasks, ..Ecs::default() }, Policy { runs, ..Policy::default() });
    reconciler.pass(deadline()).await;
    assert_eq!((server.state(attempt).as_str(), notes.take()), ("Cancelling", vec!["Restored".to_owned()]));
}

#[tokio::test]
async fn a_claim_is_given_up_when_its_message_had_time_to_come_back() {
    let server = Server::default();
    server.set_template(json!({}));
    let attempt = server.add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 7)]);
    let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
    let (reconciler, _, _) = reconciler(&server, Ecs::default(), Policy { runs, ..Policy::default() });
    assert_eq!(reconciler.pass(deadline()).await.repaired, 0);
    assert_eq!(server.state(attempt), "Pending");
}

#[tokio::test]
async fn what_was_claimed_just_now_and_what_others_claimed_is_left_alone() {
    let server = Server::default();
    server.set_template(json!({}));
    server.add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 1)]);
    server.add(2, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Theirs", 8)]);
    server.add(3, &[("PENDING", "Theirs", 8), ("RUNNING", "Running", 7)]);
    let (reconciler, _, _) = reconciler(&server, Ecs::default(), Policy::default());
    let pass = reconciler.pass(deadline()).await;
    assert_eq!((pass.looked_at, pass.repaired, pass.failed, pass.complete), (3, 0, 0, true));
    assert_eq!(server.asked("set_state").len(), 0);
}

#[tokio::test]
async fn tasks_of_runs_that_this_server_does_not_know_are_others_unless_it_is_said_that_there_are_none() {
    let server = Server::default();
    let elsewhere = ecs::Attempt { flow_run_id: FlowRunId::from_u128(7), state_id: StateId::from_u128(8) };
    let tasks = || vec![Task::of_json(&task(elsewhere, "RUNNING", json!({}))).unwrap()];
    for (sole_owner, stops) in [(false, vec![]), (true, vec![arn(elsewhere)])] {
        let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
        let ecs = Ecs { tasks: Mutex::new(tasks()), ..Ecs::default() };
        let (reconciler, ecs, _) = reconciler(&server, ecs, Policy { runs, sole_owner, ..Policy::default() });
        reconciler.pass(deadline()).await;
        assert_eq!(*ecs.stops.lock().unwrap(), stops, "{sole_owner}");
    }
}

/// So many tasks in a cluster, of runs that this server does not know; the last one is of a run that was handed back.
fn crowd(server: &Server, tasks: u128) -> (Ecs, String) {
    let handed_back = server
        .add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("SCHEDULED", "AwaitingCapacity", 7)]);
    let theirs = (1..tasks).map(|number| ecs::Attempt {
        flow_run_id: FlowRunId::from_u128(number << 64),
        state_id: StateId::from_u128(number << 64),
    });
    let all = theirs.chain([handed_back]).map(|attempt| Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap());
    (Ecs { tasks: Mutex::new(all.collect()), ..Ecs::default() }, arn(handed_back))
}

fn of_cluster(cluster: &str) -> Policy {
    let runs = runs::Policy { clusters: vec![cluster.into()], ..runs::Policy::default() };
    Policy { runs, ..Policy::default() }
}

#[tokio::test]
async fn the_last_of_many_tasks_is_looked_at() {
    let server = Server::default();
    let (ecs, orphan) = crowd(&server, 2_500);
    let (reconciler, ecs, _) = reconciler(&server, ecs, of_cluster("c"));
    assert!(reconciler.pass(deadline()).await.complete);
    assert_eq!(*ecs.stops.lock().unwrap(), [orphan]);
    assert_eq!(reconciler.places.of(&"c".into()), None, "the next pass begins anew");
}

#[tokio::test]
async fn a_look_at_the_tasks_goes_on_where_the_last_one_ended_while_ecs_knows_the_place() {
    let server = Server::default();
    for (place, left) in [("2400", None), ("a place that ECS has forgotten", None)] {
        let (ecs, orphan) = crowd(&server, 2_500);
        let (reconciler, ecs, _) = reconciler(&server, ecs, of_cluster("c"));
        reconciler.places.set(&"c".into(), Some(place.to_owned()));
        let pass = reconciler.pass(deadline()).await;
        assert_eq!((pass.complete, pass.failed), (true, 0), "{place}");
        assert_eq!(*ecs.stops.lock().unwrap(), [orphan], "{place}");
        assert_eq!(reconciler.places.of(&"c".into()), left);
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_that_cannot_be_looked_at_do_not_keep_others_from_it() {
    let server = Server::default();
    let (ecs, _) = crowd(&server, 2_500);
    server.hang("/flow_runs/filter");
    let (reconciler, _, _) = reconciler(&server, ecs, of_cluster("c"));
    let looked = tokio::time::timeout(Duration::from_secs(60), reconciler.orphans(&["c".into()].into())).await;
    assert!(looked.is_err(), "the pass is out of time");
    assert_eq!(reconciler.places.of(&"c".into()).as_deref(), Some("500"), "and the next one goes on behind them");
}

#[tokio::test]
async fn a_run_that_moved_on_while_its_task_was_looked_for_is_left_alone() {
    for (before, number) in [(&PENDING[..], 1), (&RUNNING[..], 2)] {
        let server = Server::default();
        server.set_template(json!({}));
        let attempt = server.add(number, before);
        let ended: Vec<_> = before.iter().copied().chain([("COMPLETED", "Completed", 0)]).collect();
        let its = server.clone();
        let ecs = Ecs::default();
        *ecs.meanwhile.lock().unwrap() = Some(Box::new(move || {
            its.add(number, &ended);
        }));
        let (reconciler, _, notes) = reconciler(&server, ecs, of_cluster("c"));
        assert_eq!(reconciler.pass(deadline()).await.repaired, 0);
        assert_eq!(notes.take(), [""; 0]);
        assert_eq!((server.state(attempt), server.asked("set_state").len()), ("Completed".to_owned(), 0));
    }
}

#[tokio::test]
async fn a_pass_goes_on_where_the_last_one_ended() {
    let server = Server::default();
    let mut tasks = Vec::new();
    for number in 1..=PAGE as u128 + 50 {
        let attempt = server.add(number, &RUNNING);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        tasks.push(Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap());
    }
    let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
    let (reconciler, _, _) = reconciler(&server, ecs, Policy { pages: 1, ..Policy::default() });
    let mut looked_at = Vec::new();
    for _ in 0..3 {
        looked_at.push(reconciler.pass(deadline()).await.looked_at);
    }
    assert_eq!(looked_at, [PAGE, 50, PAGE]);
    assert_eq!(server.asked("/flow_run_states").len(), 0, "what is in order costs its page only");
}

#[tokio::test(start_paused = true)]
async fn a_pass_ends_in_time() {
    let server = Server::default();
    server.set_template(json!({}));
    server.add(1, &PENDING);
    server.hang("/flow_run_states");
    let (reconciler, _, notes) = reconciler(&server, Ecs::default(), Policy::default());
    let started = Instant::now();
    let pass = reconciler.pass(deadline()).await;
    assert!(!pass.complete && started.elapsed() < Duration::from_secs(60));
    assert_eq!(notes.take(), ["failed PP0407"]);
}

#[tokio::test]
async fn a_claim_that_was_committed_after_the_runs_end_is_put_back_by_the_next_pass() {
    let server = Server::default();
    server.set_template(json!({}));
    // The server had the request of the last claim before the others, and got to it after them.
    let states = [
        ("SCHEDULED", "Scheduled", 20),
        ("PENDING", "Pending", 15),
        ("CRASHED", "Crashed", 14),
        ("PENDING", "Pending", 16),
    ];
    let attempt = server.add(1, &states);
    let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
    let (reconciler, _, _) = reconciler(&server, Ecs::default(), Policy { runs, ..Policy::default() });
    assert_eq!(reconciler.pass(deadline()).await.repaired, 1);
    assert_eq!(server.state(attempt), "Crashed");
}

#[tokio::test]
async fn the_task_of_a_process_that_waits_is_recorded_in_place_of_an_earlier_one() {
    let server = Server::default();
    let second = [("SCHEDULED", "AwaitingCapacity", 9), ("PENDING", "Again", 8), ("RUNNING", "Running", 7)];
    let attempt = server.add(1, &[&RUNNING[..], &second, &[("SCHEDULED", "AwaitingRetry", 6)]].concat());
    let again = ecs::Attempt { state_id: StateId::from_u128((1 << 16) + RUNNING.len() as u128), ..attempt };
    server.record(attempt, &format!("c::{}", arn(attempt)));
    server.retry_in_process(attempt);
    let tasks = [task(attempt, "STOPPED", json!({})), task(again, "RUNNING", json!({}))];
    let tasks = Mutex::new(tasks.iter().map(|it| Task::of_json(it).unwrap()).collect());
    let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
    let (reconciler, ecs, _) =
        reconciler(&server, Ecs { tasks, ..Ecs::default() }, Policy { runs, ..Policy::default() });
    reconciler.pass(deadline()).await;
    let recorded = server
        .asked("/flow_runs/")
        .into_iter()
        .filter_map(|body| Some(body["infrastructure_pid"].as_str()?.to_owned()));
    assert_eq!(recorded.collect::<Vec<_>>(), [format!("{}::{}", crate::fake::CLUSTER, arn(again))]);
    assert!(ecs.stops.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_task_that_outlives_its_run_is_stopped_after_a_grace() {
    let default = Policy::default().outlive_grace;
    let (completed, again) = (("COMPLETED", "Completed"), ("SCHEDULED", "AwaitingRetry"));
    for ((state_type, name), ended, grace, stopped) in [
        (completed, 6, default, true),
        (completed, 4, default, false),
        (completed, 600, Duration::ZERO, false),
        // A user had it tried again, and the process of the time before keeps its slot.
        (again, 6, default, true),
        (again, 4, default, false),
    ] {
        let server = Server::default();
        let attempt = server.add(1, &[RUNNING[0], RUNNING[1], RUNNING[2], (state_type, name, ended)]);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        let tasks = vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()];
        let ecs = Ecs { tasks: Mutex::new(tasks), ..Ecs::default() };
        let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
        let policy = Policy { runs, outlive_grace: grace, ..Policy::default() };
        let (reconciler, ecs, notes) = reconciler(&server, ecs, policy);
        reconciler.pass(deadline()).await;
        let stops = if stopped { vec![arn(attempt)] } else { Vec::new() };
        assert_eq!(*ecs.stops.lock().unwrap(), stops, "ended {ended} minutes ago, {grace:?}");
        assert_eq!(notes.take().len(), stops.len(), "it is reported");
    }
}

/// The report of the end before took effect a second time, after the user had retried the run.
#[tokio::test]
async fn a_process_whose_run_shows_the_end_of_an_earlier_attempt_goes_on() {
    let (retried, claimed) = (("SCHEDULED", "AwaitingRetry", 9), ("PENDING", "Pending", 8));
    for (first, stops) in [(("CRASHED", "Crashed", 10), 0), (("FAILED", "Failed", 10), 1)] {
        let server = Server::default();
        let attempt =
            server.add(1, &[("SCHEDULED", "Scheduled", 11), first, retried, claimed, ("CRASHED", "Crashed", 7)]);
        server.record(attempt, &format!("c::{}", arn(attempt)));
        let tasks = Mutex::new(vec![Task::of_json(&task(attempt, "RUNNING", json!({}))).unwrap()]);
        let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
        let (reconciler, ecs, _) =
            reconciler(&server, Ecs { tasks, ..Ecs::default() }, Policy { runs, ..Policy::default() });
        reconciler.pass(deadline()).await;
        assert_eq!(ecs.stops.lock().unwrap().len(), stops, "after {first:?}");
    }
}

#[tokio::test]
async fn blocks_and_variables_name_clusters_and_others_do_not_matter() {
    let server = Server::default();
    let referring = json!({"default": {"TOKEN": "{{ prefect.blocks.secret.gone }}"}});
    server.set_template(json!({
        "job_configuration": {"env": "{{ env }}", "cluster": "{{ cluster }}"},
        "variables": {"properties": {"env": referring, "cluster": {"default": "{{ prefect.variables.cluster }}"}}},
    }));
    server.set_variable("cluster", json!("c"));
    let attempt = server.add(1, &PENDING);
    let (reconciler, _, notes) = reconciler(&server, Ecs::default(), Policy::default());
    assert_eq!(reconciler.pass(deadline()).await.repaired, 1);
    assert_eq!(notes.take(), ["GivenUp"]);
    assert_eq!(server.state(attempt), "Pending");
    assert_eq!(server.asked("/block_types/").len(), 0, "what says nothing about the cluster is not read");
}

#[tokio::test]
async fn a_slot_is_kept_while_a_task_may_come_up() {
    let server = Server::default();
    server.set_template(json!({}));
    let lease = |number: u128| Uuid::from_u128(0x001e_a5e0 + number);
    let young = server.add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 1)]);
    let returning = server.add(2, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 7)]);
    let starting = server.add(3, &PENDING);
    let lost = server.add(4, &PENDING);
    for (number, attempt) in [(1, young), (2, returning), (3, starting), (4, lost)] {
        server.lease(attempt, lease(number));
    }
    let coming_up = task(starting, "PENDING", json!({"createdAt": "2026-01-01T11:55:00Z"}));
    let ecs = Ecs { tasks: Mutex::new(vec![Task::of_json(&coming_up).unwrap()]), ..Ecs::default() };
    let runs = runs::Policy { clusters: vec!["c".into()], ..runs::Policy::default() };
    let (reconciler, _, _) = reconciler(&server, ecs, Policy { runs, ..Policy::default() });
    reconciler.pass(deadline()).await;
    for (number, renewed) in [(1, 1), (2, 1), (3, 1), (4, 0)] {
        assert_eq!(server.asked(&format!("leases/{}/renew", lease(number))).len(), renewed, "{number}");
    }
}
