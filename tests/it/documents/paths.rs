//! Links, paths and sections that documents and comments name are there.
//!
//! A path of this repository starts with one of its directories, wherever it is written. Two shorter forms are understood:
//! relative to the file that names it, and the end of a path, as in "`infra/modules/pushpool` (`iam.tf`, `function/main.tf`)".
//! A path of another project starts with none of our directories: `server/events/schemas/events.py` is Prefect's.

use std::{
    collections::BTreeSet,
    fmt::Write,
    path::{Component, Path, PathBuf},
};

use regex_lite::Regex;

/// Where a path of this repository starts.
const ROOMS: [&str; 6] = ["crates", "docs", "events", "functions", "infra", "tests"];

/// Files of others whose names look like ours.
const OF_OTHERS: [&str; 1] = ["functions_router.rs"];

/// The repository's files and directories, relative to its root, and what the files say.
struct Repository {
    paths: BTreeSet<String>,
    texts: Vec<(String, String)>,
}

impl Repository {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
        let mut repository = Self { paths: BTreeSet::new(), texts: Vec::new() };
        repository.walk(&root, &root);
        repository
    }

    /// What is built and what other programs leave behind is no part of it: `target`, `.terraform`, `__pycache__`.
    fn walk(&mut self, root: &Path, directory: &Path) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if (name.starts_with('.') && name != ".ci") || ["target", "__pycache__"].contains(&name) {
                continue;
            }
            let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                self.walk(root, &path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                self.texts.push((relative.clone(), text));
            }
            self.paths.insert(relative);
        }
    }

    fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts =
            self.texts.iter().filter(move |(path, _)| Path::new(path).extension().is_some_and(|it| it == extension));
        texts.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether `path` is there, seen from the root or from the directory of the file `from`.
    fn has(&self, from: &str, path: &str) -> bool {
        let beside = Path::new(from).parent().unwrap().join(path);
        [PathBuf::from(path), beside].iter().any(|path| self.paths.contains(&plain(path)))
    }

    /// Whether a path ends like that.
    fn has_end(&self, end: &str) -> bool {
        self.paths.iter().any(|path| path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/')))
    }

    /// Whether what `from` names `path` is there. None if it is no path of ours.
    fn knows(&self, from: &str, path: &str) -> Option<bool> {
        let path = path.trim_end_matches('/');
        let first = path.split('/').next().unwrap();
        if path.contains(['*', '<', '…', '$', '{', ':']) || OF_OTHERS.contains(&path) {
            return None;
        }
        if path.contains('/') && ROOMS.contains(&first) {
            return Some(self.has(from, path) || self.has_end(path));
        }
        let extension = Path::new(path).extension()?.to_str()?;
        ["md", "rs", "tf"].contains(&extension).then(|| self.has(from, path) || self.has_end(path))
    }
}

/// `a/b/../c` as `a/c`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.push(part.to_str().unwrap()),
            _ => {}
        }
    }
    parts.join("/")
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|it| it.is_alphanumeric() || [' ', '-', '_'].contains(it));
            anchors.insert(kept.map(|it| if it == ' ' { '-' } else { it }).collect());
        }
    }
    anchors
}

/// The lines of comments: `//`, `///` and `//!` in Rust, `#` in what else has them.
fn comments<'a>(path: &str, text: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let mark = if path.ends_with(".rs") { "//" } else { "#" };
    let lines = text.lines().map(str::trim_start).enumerate().filter(move |(_, line)| line.starts_with(mark));
    lines.map(|(number, line)| (number + 1, line))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let repository = Repository::read();
    let link = Regex::new(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)").unwrap();
    let mut broken = String::new();
    for (file, text) in repository.with_extension("md") {
        for found in link.captures_iter(text) {
            let (target, anchor) = (&found[1], found.get(2).map(|it| it.as_str()));
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let place = if target.is_empty() {
                file.to_owned()
            } else {
                plain(&Path::new(file).parent().unwrap().join(target))
            };
            if !repository.paths.contains(&place) {
                writeln!(broken, "{file}: {target} is not there").unwrap();
            } else if let Some(anchor) = anchor
                && let Some((_, page)) = repository.texts.iter().find(|(path, _)| *path == place)
                && !anchors(page).contains(anchor)
            {
                writeln!(broken, "{file}: {place} has no heading #{anchor}").unwrap();
            }
        }
    }
    assert_eq!(broken, "");
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let repository = Repository::read();
    let code = Regex::new(r"`([^`\s]+)`").unwrap();
    let mut missing = String::new();
    // The changelog tells of what was there.
    for (file, text) in repository.with_extension("md").filter(|(file, _)| *file != "CHANGELOG.md") {
        for found in code.captures_iter(text) {
            if repository.knows(file, &found[1]) == Some(false) {
                writeln!(missing, "{file}: {}", &found[1]).unwrap();
            }
        }
    }
    assert_eq!(missing, "");
}

#[test]
fn every_path_that_a_comment_names_is_there() {
    let repository = Repository::read();
    // A path may stand bare or in backticks, with a full stop behind it.
    let path = Regex::new(r"(?:^|[\s`(])([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.*<>{}-]+)*/?)").unwrap();
    let mut missing = String::new();
    for extension in ["rs", "toml", "tf", "hcl", "py", "sh"] {
        for (file, text) in repository.with_extension(extension) {
            for (number, line) in comments(file, text) {
                for found in path.captures_iter(line) {
                    let named = found[1].trim_end_matches('.');
                    if repository.knows(file, named) == Some(false) {
                        writeln!(missing, "{file}:{number}: {named}").unwrap();
                    }
                }
            }
        }
    }
    assert_eq!(missing, "");
}

/// As in: README, "Figures".
#[test]
fn every_section_that_is_named_is_there() {
    let repository = Repository::read();
    let section = Regex::new(r#"(README|ARCHITECTURE|docs/[a-z]+)(?:\.md)?[)`\]]*,? "([A-Z][^"\n]+)""#).unwrap();
    let mut missing = String::new();
    for (file, text) in &repository.texts {
        // This file's own sample is none.
        if ![".rs", ".md", ".toml"].iter().any(|end| file.ends_with(end)) || file.ends_with("documents/paths.rs") {
            continue;
        }
        for found in section.captures_iter(text) {
            let page = super::read(&format!("{}.md", &found[1]));
            let heading = found[2].trim_end_matches([',', '.']);
            if !page.lines().any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading) {
                writeln!(missing, "{file}: {}.md has no section \"{heading}\"", &found[1]).unwrap();
            }
        }
    }
    assert_eq!(missing, "");
}
