//! `manage` has no command line and no terminal: neither among its dependencies nor in its sources.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Crates that parse arguments, ask, or draw.
const OF_FRONT_ENDS: [&str; 9] = [
    "anstream",
    "anstyle",
    "clap",
    "clap_complete",
    "console",
    "crossterm",
    "dialoguer",
    "terminal_size",
    "unicode-width",
];

/// Ways to write to a terminal or to read from one.
const OF_TERMINALS: [&str; 8] =
    ["print!(", "println!(", "stdout()", "stderr()", "stdin()", "io::Stdout", "IsTerminal", "termios"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The `[dependencies]` of a crate of this repository.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(crates().join(name).join("Cargo.toml")).unwrap();
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
    lines.map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned()).collect()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}

#[test]
fn no_crate_below_manage_is_one_of_a_front_end() {
    let mut open = vec!["manage".to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        for dependency in dependencies(&name) {
            assert!(!OF_FRONT_ENDS.contains(&dependency.as_str()), "{name} depends on {dependency}");
            if crates().join(&dependency).is_dir() && seen.insert(dependency.clone()) {
                open.push(dependency);
            }
        }
    }
    for expected in ["aws", "dispatch", "ecs", "prefect-api", "work-pool"] {
        assert!(seen.contains(expected), "{seen:?}");
    }
    assert!(!seen.contains("local") && !seen.contains("cli"), "{seen:?}");
}

#[test]
fn manage_does_not_print_and_does_not_ask() {
    let mut files = Vec::new();
    sources(&crates().join("manage/src"), &mut files);
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for word in OF_TERMINALS {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}
