use std::fs;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::plan::Write;

fn server() -> ServerSeen {
    ServerSeen { url: "http://127.0.0.1:4200/api".into(), version: "2.20.26".into() }
}

fn document(name: &str) -> Document {
    json!({"name": name, "tags": ["a"]}).as_object().unwrap().clone()
}

fn nightly() -> Object {
    Object::Deployment { id: Uuid::from_u128(1), name: "report/nightly".into() }
}

fn writing(before: &str) -> Event {
    let request = Request::Write { write: Write::Patch { body: document("sent") } };
    Event::Writing { object: nightly(), request, before: Some(document(before)) }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("upgrade.journal")
    }

    fn open(&self) -> Journal {
        Journal::of_plan(&self.path(), "d1", &server()).unwrap()
    }
}

fn problem(opened: Result<Journal, UpgradeError>) -> String {
    let diagnosis = opened.unwrap_err().diagnosis().unwrap();
    format!("{} {}", diagnosis.code, diagnosis.detail)
}

#[test]
fn what_was_written_is_known_to_the_next_process() {
    let place = Place::new();
    let pool = Object::WorkPool { name: "etl".into() };
    let mut journal = place.open();
    journal.append(Event::Writing { object: pool.clone(), request: Request::Create, before: None }).unwrap();
    journal.append(Event::Written { object: pool.clone(), after: document("etl") }).unwrap();
    journal.append(writing("old")).unwrap();
    let records = journal.records().to_vec();
    drop(journal);

    let again = place.open();
    assert_eq!(again.records(), records);
    let stages: Vec<Stage> = again.records().iter().map(|record| record.stage).collect();
    assert_eq!(stages, [Stage::Written, Stage::Writing]);
    assert_eq!(again.record(&pool).unwrap().after, Some(document("etl")));
    assert_eq!(again.record(&nightly()).unwrap().before, Some(document("old")));
    drop(again);
    assert_eq!(Journal::existing(&place.path()).unwrap().server(), &server());
}

#[test]
fn the_last_line_about_an_object_counts() {
    let place = Place::new();
    let mut journal = place.open();
    let stage = |journal: &Journal| journal.record(&nightly()).unwrap().stage;
    journal.append(writing("old")).unwrap();
    journal.append(Event::Refused { object: nightly(), why: "no".into() }).unwrap();
    assert_eq!(stage(&journal), Stage::Refused);
    journal.append(writing("newer")).unwrap();
    journal.append(Event::Written { object: nightly(), after: document("new") }).unwrap();
    journal.append(Event::Restoring { object: nightly() }).unwrap();
    assert_eq!(stage(&journal), Stage::Restoring);
    journal.append(Event::Restored { object: nightly() }).unwrap();
    assert_eq!(stage(&journal), Stage::Restored);
    assert_eq!(journal.records().len(), 1);
    assert_eq!(journal.record(&nightly()).unwrap().before, Some(document("newer")));
}

#[test]
fn a_line_that_was_cut_off_is_dropped() {
    let place = Place::new();
    let mut journal = place.open();
    journal.append(writing("old")).unwrap();
    drop(journal);
    let whole = fs::read_to_string(place.path()).unwrap();
    fs::write(place.path(), format!("{whole}{{\"at\":\"2026-01-01T0")).unwrap();
    let mut journal = place.open();
    journal.append(Event::Refused { object: nightly(), why: "no".into() }).unwrap();
    drop(journal);
    let lines: Vec<String> = fs::read_to_string(place.path()).unwrap().lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), lines[..2].join("\n") + "\n"), (3, whole));
}

#[test]
fn a_journal_is_for_one_plan_and_one_process() {
    let place = Place::new();
    let journal = place.open();
    assert!(problem(Journal::existing(&place.path())).contains("another process uses it"));
    drop(journal);
    let other = problem(Journal::of_plan(&place.path(), "d2", &server()));
    assert!(other.starts_with("PP0805") && other.contains("another plan (d1)"), "{other}");
}

#[test]
fn a_first_line_that_was_cut_off_is_begun_again() {
    let place = Place::new();
    fs::write(place.path(), "{\"at\":\"2026-01-01T00:00:00Z\",\"event\":\"ope").unwrap();
    assert!(place.open().records().is_empty());
    let text = fs::read_to_string(place.path()).unwrap();
    assert!(text.ends_with("\n") && text.lines().count() == 1, "{text}");
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let place = Place::new();
    let opened =
        json!({"at": "2026-01-01T00:00:00Z", "event": "opened", "version": 2, "plan": "d1", "server": server()});
    let mine = json!({"at": "2026-01-01T00:00:00Z", "event": "opened", "version": 1, "plan": "d1", "server": server()});
    let cases = [
        ("notes\n".to_owned(), "line 1"),
        ("notes".to_owned(), "line 1"),
        (format!("{opened}\n"), "its version is 2"),
        (format!("{mine}\nnotes\n{mine}\n"), "line 2"),
        (format!("{}\n", json!({"at": "2026-01-01T00:00:00Z", "event": "restored", "object": nightly()})), "begin"),
    ];
    for (text, word) in cases {
        fs::write(place.path(), &text).unwrap();
        let refused = problem(Journal::of_plan(&place.path(), "d1", &server()));
        assert!(refused.contains(word), "{refused}");
        assert_eq!(fs::read_to_string(place.path()).unwrap(), text);
    }
    let missing = problem(Journal::existing(&place.path().with_extension("none")));
    assert!(missing.starts_with("PP0805") && missing.contains("No such file"), "{missing}");
}
