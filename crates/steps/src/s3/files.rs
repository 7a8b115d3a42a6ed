//! Files of a directory, and names for them in a bucket.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::ignored::Ignored;
use crate::error::Problem;

/// The files below a directory, relative to it and sorted. Links to directories are not followed, links to files are.
pub(super) fn below(root: &Path, ignored: Option<&Ignored>) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        let whole = root.join(&directory);
        let refuse = |source| Problem::file("read the directory", &whole, source);
        for entry in fs::read_dir(&whole).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let path = directory.join(entry.file_name());
            if entry.file_type().map_err(refuse)?.is_dir() {
                if !ignored.is_some_and(|ignored| ignored.leaves_out_all(&path)) {
                    directories.push(path);
                }
            } else if !ignored.is_some_and(|ignored| ignored.leaves_out(&path)) && is_file(&root.join(&path))? {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether it is a file, or a link to one. A link to nothing is an error: the code it stands for would be missing.
fn is_file(path: &Path) -> Result<bool, Problem> {
    let found = fs::metadata(path).map_err(|source| Problem::file("upload", path, source))?;
    Ok(found.is_file())
}

/// The key of a file in a folder. The folder is written as `pathlib` writes it: without `.` and double slashes.
pub(super) fn key(folder: &str, file: &Path) -> Result<String, Problem> {
    let refuse = || Problem::file("upload", file, io::Error::new(io::ErrorKind::InvalidData, "its name is not UTF-8"));
    let names = file.components().map(|part| part.as_os_str().to_str().ok_or_else(refuse));
    let names: Vec<&str> = names.collect::<Result<_, _>>()?;
    let root = match folder.bytes().take_while(|byte| *byte == b'/').count() {
        0 => "",
        // POSIX leaves two slashes at the beginning to the system.
        2 => "//",
        _ => "/",
    };
    let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").chain(names).collect();
    Ok(format!("{root}{}", parts.join("/")))
}

/// Where an object goes, relative to the directory. None for one that stands for a folder.
pub(super) fn target(key: &str, prefix: &str) -> Result<Option<PathBuf>, Problem> {
    if key.ends_with('/') {
        return Ok(None);
    }
    let rest = key.strip_prefix(prefix).unwrap_or(key).trim_start_matches('/');
    let path = PathBuf::from(rest);
    let leaves = path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leaves || rest.is_empty() {
        let problem = format!("the object `{key}` would be written outside of the directory");
        return Err(Problem::invalid("folder", problem));
    }
    Ok(Some(path))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn table() -> Value {
        serde_json::from_str(include_str!("../../tests/data/push_to_s3.json")).unwrap()
    }

    /// A directory with the files of the table.
    fn project(table: &Value, patterns: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in table["files"].as_array().unwrap().iter().filter_map(Value::as_str) {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, patterns.unwrap_or_default()).unwrap();
        }
        if patterns.is_none() {
            fs::remove_file(root.path().join(".prefectignore")).unwrap();
        }
        root
    }

    /// The keys to which the files go.
    fn keys(root: &Path, patterns: Option<&str>, folder: &str) -> Vec<String> {
        let ignored = patterns.map(|patterns| Ignored::of(patterns).unwrap());
        let mut keys: Vec<String> =
            below(root, ignored.as_ref()).unwrap().iter().map(|file| key(folder, file).unwrap()).collect();
        keys.sort();
        keys
    }

    #[test]
    fn files_are_left_out_as_by_the_real_step() {
        let table = table();
        let cases: Vec<(Option<String>, Vec<String>)> = serde_json::from_value(table["patterns"].clone()).unwrap();
        assert!(cases.len() > 30);
        for (patterns, expected) in cases {
            let root = project(&table, patterns.as_deref());
            assert_eq!(keys(root.path(), patterns.as_deref(), "code"), expected, "{patterns:?}");
        }
    }

    #[test]
    fn folders_are_written_as_by_the_real_step() {
        let table = table();
        let patterns = Some("*\n!flow.py\n");
        let root = project(&table, patterns);
        let cases: Vec<(String, Vec<String>)> = serde_json::from_value(table["folders"].clone()).unwrap();
        assert!(cases.len() > 10);
        for (folder, expected) in cases {
            assert_eq!(keys(root.path(), patterns, &folder), expected, "{folder:?}");
        }
    }

    #[test]
    fn objects_go_below_the_directory() {
        assert_eq!(target("code/a/b", "code/").unwrap(), Some(PathBuf::from("a/b")));
        assert_eq!(target("code//a", "code/").unwrap(), Some(PathBuf::from("a")));
        assert_eq!(target("code/a/", "code/").unwrap(), None);
        for key in ["code/../a", "code/a/../../b"] {
            target(key, "code/").unwrap_err();
        }
    }
}
