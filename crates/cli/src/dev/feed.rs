//! The messages that `dev` is to feed, in whatever form they were kept.
//!
//! People keep messages as SQS events (what functions are tested with), as single bodies, as lists and as lines; all of
//! them are told apart by their shape. What is not JSON is a body as well, for a queue takes any text and the dispatcher
//! has to cope with it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    error::CliError,
    input::{is_standard_input, name_of, text},
};

/// Extensions of the files of a directory that hold messages.
const EXTENSIONS: [&str; 3] = ["json", "jsonl", "txt"];

/// One message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Where it was found: a file name, with a number where there is more than one message.
    pub(crate) source: String,
    /// The body as it is sent.
    pub(crate) body: String,
}

/// The messages of all these files, directories or standard input, in order.
///
/// # Errors
/// Something cannot be read, or holds no message.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Sample>, CliError> {
    crate::input::check_standard_input(paths.iter().map(PathBuf::as_path))?;
    let mut samples = Vec::new();
    for path in paths {
        let files = if !is_standard_input(path) && path.is_dir() { files_of(path)? } else { vec![path.clone()] };
        for file in files {
            let bodies = bodies(&text(&file)?);
            if bodies.is_empty() {
                return Err(CliError::NoMessages { path: name_of(&file) });
            }
            let name = file.file_name().filter(|_| !is_standard_input(&file));
            let name = name.map_or_else(|| name_of(&file), |name| name.to_string_lossy().into_owned());
            let many = bodies.len() > 1;
            samples.extend(bodies.into_iter().enumerate().map(|(index, body)| Sample {
                source: if many { format!("{name} #{}", index + 1) } else { name.clone() },
                body,
            }));
        }
    }
    Ok(samples)
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |source| CliError::ReadFile { path: name_of(directory), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known));
        if known && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(CliError::NoMessages { path: name_of(directory) });
    }
    Ok(files)
}

/// The bodies in a text: an SQS event, one message, an array of messages, JSON lines, or one body that is not JSON.
fn bodies(text: &str) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return bodies_of(&value, text);
    }
    // Lines: the first has to be an object, so that the broken rest of a longer document is not taken apart.
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    let first_is_object = lines.peek().is_some_and(|line| matches!(serde_json::from_str(line), Ok(Value::Object(_))));
    if !first_is_object {
        return vec![text.to_owned()];
    }
    lines
        .flat_map(|line| match serde_json::from_str::<Value>(line) {
            Ok(value) => bodies_of(&value, line),
            Err(_) => vec![line.to_owned()],
        })
        .collect()
}

/// The bodies in a value that was written as `text`.
fn bodies_of(value: &Value, text: &str) -> Vec<String> {
    match value {
        Value::Array(messages) => messages.iter().map(as_body).collect(),
        Value::Object(fields) => match fields.get("Records") {
            Some(Value::Array(records)) => {
                records.iter().map(|record| as_body(record.get("body").unwrap_or(record))).collect()
            }
            _ => vec![text.to_owned()],
        },
        _ => vec![text.to_owned()],
    }
}

/// A string is the body itself; anything else is written as JSON.
fn as_body(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_sqs_event_is_its_records_bodies() {
        let event = r#"{"Records": [{"messageId": "a", "body": "{\"version\": 1}"}, {"body": "poison"}, {"body": 5}]}"#;
        assert_eq!(bodies(event), [r#"{"version": 1}"#, "poison", "5"]);
    }

    #[test]
    fn one_message_is_sent_as_it_was_written() {
        assert_eq!(bodies(" {\"version\":   1}\n"), ["{\"version\":   1}"]);
        assert_eq!(bodies("{\n  \"version\": 1\n}\n"), ["{\n  \"version\": 1\n}"]);
    }

    #[test]
    fn an_array_is_a_list_of_messages_and_a_string_in_it_a_raw_body() {
        assert_eq!(bodies(r#"[{"version": 1}, "not json", 7]"#), [r#"{"version":1}"#, "not json", "7"]);
    }

    #[test]
    fn lines_of_json_are_messages_each_and_a_broken_one_among_them_is_poison() {
        let lines = "{\"a\": 1}\n\n{\"b\": \n{\"Records\": [{\"body\": \"x\"}, {\"body\": \"y\"}]}\n";
        assert_eq!(bodies(lines), ["{\"a\": 1}", "{\"b\":", "x", "y"]);
    }

    #[test]
    fn what_is_not_json_is_one_body() {
        assert_eq!(bodies("hello\nworld\n"), ["hello\nworld"]);
        assert_eq!(bodies("{\n  \"version\": 1,\n"), ["{\n  \"version\": 1,"]);
        assert_eq!(bodies(" \n"), Vec::<String>::new());
    }

    #[test]
    fn a_directory_is_its_files_in_the_order_of_their_names() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("b.json", "[\"x\", \"y\"]"), ("a.txt", "poison"), ("notes.md", "no message")] {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let samples = read(&[directory.path().to_owned()]).unwrap();
        let sources: Vec<&str> = samples.iter().map(|sample| sample.source.as_str()).collect();
        assert_eq!(sources, ["a.txt", "b.json #1", "b.json #2"]);
    }

    #[test]
    fn nothing_to_feed_is_an_error_that_names_the_place() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(&[directory.path().to_owned()]), Err(CliError::NoMessages { .. })));
        let missing = directory.path().join("missing.json");
        let error = read(&[missing]).unwrap_err().to_string();
        assert!(error.contains("missing.json"), "{error}");
        let twice = [PathBuf::from("-"), PathBuf::from("-")];
        assert!(matches!(read(&twice), Err(CliError::StandardInputTwice)));
    }
}
