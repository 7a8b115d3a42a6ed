//! What the documents say about the code is held against the code.

use std::{collections::BTreeMap, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn every_code_is_documented_with_its_title_and_nothing_else_is() {
    let in_code: BTreeMap<&str, &str> =
        work_pool::CODES.iter().chain(ecs::CODES).chain(&dispatch::codes::CODES).copied().collect();
    let page = read("docs/errors.md");
    let documented: BTreeMap<&str, &str> = page
        .lines()
        .filter(|line| line.starts_with("| PP"))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    assert_eq!(documented, in_code);
}

#[test]
fn every_sample_event_is_listed() {
    let page = read("events/README.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for directory in ["sqs", "poll", "ecs", "doorbell"] {
        for file in std::fs::read_dir(root.join("events").join(directory)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(page.contains(&format!("`{directory}/{name}`")), "{directory}/{name} is not in events/README.md");
        }
    }
}

#[test]
fn every_intended_difference_is_documented_and_nothing_else_is() {
    let page = read("docs/differences.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| difference") && !line.starts_with("| ---"));
    let documented: Vec<&str> = rows.collect();
    let in_code: Vec<String> =
        pushpool_tests::differences::all().map(|it| format!("| {} | {} |", it.name, it.reason)).collect();
    assert_eq!(documented, in_code);
}
