//! The `cmd` file of a project: what its server needs, and what is done to it, line by line.
//!
//! The words are explained in `tests/data/deploy/README.md`. A line that is wrong fails the test that reads it.

use serde_json::Value;

/// A line of `cmd`.
#[derive(Debug)]
pub(super) enum Line {
    /// `pool NAME TYPE [TEMPLATE]`: a work pool; the template is a file of `pool-templates`.
    Pool { name: String, kind: String, template: Option<String> },
    /// `variable NAME JSON`.
    Variable { name: String, value: Value },
    /// `secret NAME VALUE`.
    Secret { name: String, value: String },
    /// `env NAME=VALUE`, for all lines.
    Environment { name: String, value: String },
    /// `python`: Prefect's Python is on the `PATH` of the tool.
    Python,
    /// `sh LINE`: a shell line between the steps.
    Shell(String),
    /// `api METHOD PATH JSON`: somebody's hand in the user interface.
    Api { method: String, path: String, body: String },
    /// `run LINE` or `ours LINE`.
    Step(Step),
}

/// A shell line that the tool is run by, after which the server is looked at.
#[derive(Debug)]
pub(super) struct Step {
    /// The line.
    pub(super) line: String,
    /// `run`: the real tool has done it too. `ours` is something that only pushpool can do.
    pub(super) recorded: bool,
    /// How the step is judged in place of the recording.
    pub(super) should: Option<Should>,
    /// `once`: the line cannot be run a second time.
    pub(super) once: bool,
}

/// What a good tool does where the real one does worse.
#[derive(Debug, Default)]
pub(super) struct Should {
    /// `exit=N`: zero or not zero.
    pub(super) fails: Option<bool>,
    /// `code=N`: the exit status to the digit.
    pub(super) code: Option<i32>,
    /// `changes=none`: the server is as before the step.
    pub(super) changes_nothing: bool,
    /// `writes=none`: no writing request reached the server.
    pub(super) writes_nothing: bool,
    /// `requests=N`: at most so many requests.
    pub(super) requests: Option<u64>,
    /// `says=A,B`: words of the output.
    pub(super) says: Vec<String>,
    /// `not=A,B`: texts that are not in the output.
    pub(super) says_not: Vec<String>,
    /// `present=FLOW/NAME`.
    pub(super) present: Vec<String>,
    /// `absent=FLOW/NAME`.
    pub(super) absent: Vec<String>,
    /// `state=FLOW/NAME:path=JSON`.
    pub(super) state: Vec<Field>,
    /// `as-recorded`: the deployments are as recorded all the same.
    pub(super) as_recorded: bool,
}

/// A field of a deployment and its value.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) deployment: String,
    /// Keys and indices with dots between them.
    pub(super) path: String,
    pub(super) value: Value,
}

/// Reads a `cmd` file.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for text in text.lines().map(str::trim_end) {
        if text.trim_start().is_empty() || text.trim_start().starts_with('#') {
            continue;
        }
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        if word == "should" {
            let Some(Line::Step(step)) = lines.last_mut() else { panic!("`{text}` follows no step") };
            step.should.get_or_insert_default().read(rest);
        } else if word == "once" {
            let Some(Line::Step(step)) = lines.last_mut() else { panic!("`once` follows no step") };
            step.once = true;
        } else {
            lines.push(line(word, rest));
        }
    }
    lines
}

fn line(word: &str, rest: &str) -> Line {
    let two = |separator| rest.split_once(separator).unwrap_or_else(|| panic!("`{word} {rest}` lacks a value"));
    match word {
        "pool" => {
            let mut words = rest.split_whitespace().map(str::to_owned);
            let name = words.next().expect("a pool has a name");
            Line::Pool { name, kind: words.next().expect("a pool has a type"), template: words.next() }
        }
        "variable" => {
            let (name, value) = two(' ');
            Line::Variable { name: name.to_owned(), value: json(value) }
        }
        "secret" => {
            let (name, value) = two(' ');
            Line::Secret { name: name.to_owned(), value: value.to_owned() }
        }
        "env" => {
            let (name, value) = two('=');
            Line::Environment { name: name.to_owned(), value: value.to_owned() }
        }
        "python" => Line::Python,
        "sh" => Line::Shell(rest.to_owned()),
        "api" => {
            let mut words = rest.splitn(3, ' ').map(str::to_owned);
            let mut next = || words.next().unwrap_or_else(|| panic!("`api {rest}` is METHOD PATH JSON"));
            Line::Api { method: next(), path: next(), body: next() }
        }
        "run" | "ours" => {
            Line::Step(Step { line: rest.to_owned(), recorded: word == "run", should: None, once: false })
        }
        _ => panic!("`{word}` is no word of a cmd file"),
    }
}

impl Should {
    /// Parts stand between `; `. One without a word that is known is a remark.
    fn read(&mut self, text: &str) {
        for part in text.split("; ").map(str::trim) {
            let (word, rest) = part.split_once('=').unwrap_or((part, ""));
            let list = || rest.split(',').map(|it| it.trim().to_owned());
            match word {
                "exit" => self.fails = Some(rest != "0"),
                "code" => self.code = Some(rest.parse().expect("an exit status is a number")),
                "changes" if rest == "none" => self.changes_nothing = true,
                "writes" if rest == "none" => self.writes_nothing = true,
                "requests" => self.requests = Some(rest.parse().expect("`requests` is a number")),
                "says" => self.says.extend(list()),
                "not" => self.says_not.extend(list()),
                "present" => self.present.push(rest.to_owned()),
                "absent" => self.absent.push(rest.to_owned()),
                "state" => self.state.push(Field::read(rest)),
                "as-recorded" => self.as_recorded = true,
                _ => {}
            }
        }
    }
}

impl Field {
    /// `FLOW/NAME:path=JSON`.
    fn read(text: &str) -> Self {
        let parts = text.split_once(':').and_then(|(name, rest)| Some((name, rest.split_once('=')?)));
        let (name, (path, value)) = parts.unwrap_or_else(|| panic!("`{text}` is not FLOW/NAME:path=JSON"));
        Self { deployment: name.to_owned(), path: path.to_owned(), value: json(value) }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("`{text}` is no JSON: {error}"))
}

#[test]
fn lines_are_read_with_what_should_be() {
    let lines =
        read("# remark\npool p ecs:push small\n\nrun prefect deploy\nshould exit=1; says=a b,c; or something else\n");
    let [Line::Pool { template: Some(template), .. }, Line::Step(step)] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((template.as_str(), step.line.as_str(), step.recorded), ("small", "prefect deploy", true));
    let should = step.should.as_ref().unwrap();
    assert_eq!((should.fails, &should.says), (Some(true), &vec!["a b".to_owned(), "c".to_owned()]));
    let field = Field::read(r#"f/n:tags.0="x=y""#);
    assert_eq!((field.deployment.as_str(), field.path.as_str(), &field.value), ("f/n", "tags.0", &Value::from("x=y")));
}
