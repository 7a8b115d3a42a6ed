//! What the command line asks of AWS is what `docs/operating.md` says that an operator needs.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::{files, read, root};

/// Actions as the code names them beside each call.
fn named() -> BTreeSet<String> {
    let action = Regex::new(r#""((?:sqs|ecs|ec2|lambda|sts|iam|servicequotas):[A-Z][A-Za-z]+)""#).unwrap();
    let sources = files(&root().join("crates/manage/src/account"), ".rs");
    let texts = sources.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let found = texts.flat_map(|text| {
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        action.captures_iter(&text).map(|seen| seen[1].to_owned()).collect::<Vec<_>>()
    });
    found.collect()
}

/// Actions in the table, with the commands that need them.
fn documented() -> Vec<(String, String)> {
    let page = read("docs/operating.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        (cells.next().unwrap().trim_matches('`').to_owned(), cells.next().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn an_operator_is_told_what_the_commands_call() {
    let documented = documented();
    let actions: BTreeSet<String> = documented.iter().map(|(action, _)| action.clone()).collect();
    assert_eq!(actions, named());
    assert_eq!(actions.len(), documented.len(), "each once");
    for (action, commands) in &documented {
        for command in commands.split(", ") {
            assert!(["redrive", "logs", "doctor", "upgrade"].contains(&command), "{action}: {command}");
        }
    }
}

/// Calls of SDK clients and signed calls: as many as there are errors that name an action, or more calls than names.
#[test]
fn every_call_names_its_action() {
    let calls = Regex::new(r"\.send\(\)\s*\.await|\.call\(").unwrap();
    let names = Regex::new(r"Trouble::of(?:_call)?\(|refused\(").unwrap();
    for file in files(&root().join("crates/manage/src/account"), ".rs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let (calls, names) = (calls.find_iter(text).count(), names.find_iter(text).count());
        assert!(calls <= names, "{}: {calls} calls, and {names} errors that say what was called", file.display());
    }
}
