use std::time::Duration;

use jiff::SignedDuration;

use super::*;

const RUN: &str = "7f2c1f0e-0000-4000-8000-000000000001";
const STATE: &str = "7f2c1f0e-0000-4000-8000-000000000002";

fn body() -> String {
    format!(
        r#"{{"version":1,"flow_run_id":"{RUN}","state_id":"{STATE}","expected_start_time":"2026-01-01T00:00:00Z","work_pool":"p","run":{{"name":"amber"}}}}"#
    )
}

fn board(bodies: &[String]) -> Board {
    let samples: Vec<Sample> =
        bodies.iter().map(|body| Sample { source: "file".to_owned(), body: body.clone() }).collect();
    let mut board = Board::new(&samples);
    for index in 0..samples.len() {
        board.sent(index, format!("m{index}"), at(0));
    }
    board
}

fn at(seconds: i64) -> Timestamp {
    "2026-02-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn about(board: &Board) -> About {
    About { attempt: board.rows()[0].attempt, ..About::default() }
}

fn launched(board: &Board, arn: &str) -> News {
    News::Outcome { about: about(board), fate: Fate::Launched { task_arn: arn.into() } }
}

fn task(board: &Board, arn: &str, status: &str, exit_code: Option<i64>) -> News {
    News::Task(Task {
        task_arn: arn.into(),
        attempt: board.rows()[0].attempt,
        last_status: status.to_owned(),
        exit_code,
        ..Task::default()
    })
}

fn reason(code: &str) -> Reason {
    Reason { code: code.to_owned(), ..Reason::default() }
}

#[test]
fn a_run_goes_its_way_and_is_timed_from_when_it_was_sent() {
    let mut board = board(&[body()]);
    let taken = News::Taken { message_id: "m0".into(), body: body() };
    assert_eq!(board.apply(taken, at(1)), Some(0));
    assert_eq!(board.rows()[0].state, State::Claimed);
    let news = launched(&board, "task/a");
    board.apply(news, at(2));
    assert_eq!((board.rows()[0].state, board.rows()[0].due_to_launch), (State::Launched, Some(2.0)));
    for (status, state) in [("PENDING", State::Launched), ("RUNNING", State::Running), ("STOPPED", State::Stopped)] {
        let news = task(&board, "task/a", status, (status == "STOPPED").then_some(0));
        board.apply(news, at(3));
        assert_eq!(board.rows()[0].state, state);
    }
    assert!(board.is_done() && !board.rows()[0].has_failed());
}

#[test]
fn a_task_may_be_over_before_the_dispatcher_tells_of_it() {
    let mut board = board(&[body()]);
    let news = task(&board, "task/a", "STOPPED", Some(3));
    board.apply(news, at(1));
    assert_eq!(board.rows()[0].state, State::Stopped);
    assert!(!board.is_done(), "its message may still come back");
    let late = task(&board, "task/a", "RUNNING", None);
    assert_eq!(board.apply(late, at(1)), None, "an old event moves nothing");
    let news = launched(&board, "task/a");
    board.apply(news, at(1));
    assert!(board.is_done() && board.rows()[0].has_failed());
}

#[test]
fn the_second_message_of_an_attempt_adopts_the_task_of_the_first() {
    let mut board = board(&[body(), body()]);
    let running = task(&board, "task/a", "RUNNING", None);
    board.apply(running, at(1));
    for _ in 0..2 {
        let news = launched(&board, "task/a");
        board.apply(news, at(1));
    }
    let states: Vec<State> = board.rows().iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Running, State::Adopted]);
    let again = launched(&board, "task/a");
    assert_eq!(board.apply(again, at(2)), None, "a further delivery changes nothing");
    let stopped = task(&board, "task/a", "STOPPED", Some(0));
    board.apply(stopped, at(2));
    assert!(board.is_done());
    assert_eq!((board.rows()[0].exit_code(), board.rows()[1].exit_code()), (Some(0), None));
}

#[test]
fn a_run_that_is_handed_back_waits_for_its_next_attempt() {
    let mut board = board(&[body()]);
    let delay = Duration::from_secs(7);
    let fate = Fate::HandedBack { reason: reason("PP0310"), delay };
    let news = News::Outcome { about: about(&board), fate };
    board.apply(news, at(1));
    let next = ScheduledRun::parse(&body()).unwrap().handed_back(at(8));
    assert_eq!((board.rows()[0].state, board.rows()[0].hand_backs), (State::Queued, 1));
    assert_eq!(board.rows()[0].attempt, Some(next.attempt()));
    let taken = News::Taken { message_id: "another".into(), body: serde_json::to_string(&next).unwrap() };
    assert_eq!(board.apply(taken, at(8)), Some(0), "the new message is the same row");
    let news = launched(&board, "task/a");
    board.apply(news, at(9));
    assert_eq!((board.rows().len(), board.rows()[0].state), (1, State::Launched));
    assert_eq!(board.rows()[0].reason, None);
}

#[test]
fn refused_and_unreadable_messages_are_done_with_their_code() {
    let mut board = board(&[body(), "poison".to_owned()]);
    let news = News::Outcome { about: about(&board), fate: Fate::Crashed(reason("PP0404")) };
    board.apply(news, at(1));
    let by_id = About { message_id: Some("m1".into()), ..About::default() };
    board.apply(News::Outcome { about: by_id, fate: Fate::Malformed(reason("PP0401")) }, at(1));
    let ends: Vec<(State, &str)> =
        board.rows().iter().map(|row| (row.state, row.reason.as_ref().unwrap().code.as_str())).collect();
    assert_eq!(ends, [(State::Crashed, "PP0404"), (State::Buried, "PP0401")]);
    assert!(board.is_done() && board.rows().iter().all(Row::has_failed));
}

#[test]
fn a_message_that_came_back_too_often_is_buried_by_the_queue() {
    let mut board = board(&[body()]);
    let by_id = About { message_id: Some("m0".into()), ..About::default() };
    board.apply(News::Outcome { about: by_id, fate: Fate::Returned(reason("PP0406")) }, at(1));
    assert!(!board.is_done());
    assert_eq!(board.apply(News::Dead { message_id: "m0".into() }, at(2)), Some(0));
    assert_eq!(board.apply(News::Dead { message_id: "m0".into() }, at(2)), None);
    assert_eq!(
        (board.rows()[0].state, board.rows()[0].reason.as_ref().unwrap().code.as_str()),
        (State::Buried, "PP0406")
    );
}

#[test]
fn messages_of_others_get_rows_of_their_own() {
    let mut board = board(&[]);
    board.apply(News::Taken { message_id: "x".into(), body: body() }, at(1));
    assert_eq!((board.rows()[0].name.as_str(), board.rows()[0].state), ("amber", State::Claimed));
    let unseen = About { attempt: Some(board.rows()[0].attempt.unwrap().handed_back()), ..About::default() };
    board.apply(News::Outcome { about: unseen, fate: Fate::NotOurs { reason: "gone".into() } }, at(1));
    assert_eq!((board.rows().len(), board.rows()[1].name.as_str()), (2, "7f2c1f0e"));
}
