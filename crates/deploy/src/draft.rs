//! One deployment on its way: the entry of the file with the flags over it, and where each value comes from.

use diagnosis::PP0702;
use serde_json::{Map, Value};
use yaml::{Content, Node};

use crate::{
    file::File,
    flags::token,
    places::{Places, dotted},
    problem::{Findings, Origin, Problem},
};

/// JSON object.
pub(crate) type Object = Map<String, Value>;

/// A deployment as its author wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What messages call it: its name as it is written, or its number in the file.
    pub(crate) label: String,
    /// Its values by the keys of `prefect.yaml`.
    pub(crate) values: Object,
    pub(crate) places: Places,
    /// JSON pointers to what flags give as text, whatever type is wanted there.
    pub(crate) texts: Vec<String>,
    /// Whether a placeholder without a value counts as empty.
    pub(crate) allows_undefined: bool,
}

/// What may stand at a key.
#[derive(Clone, Copy)]
enum Wanted {
    Text,
    Truth,
    List,
    Steps,
    Mapping,
    Limit,
    Anything,
}

const KEYS: [(&str, Wanted); 17] = [
    ("name", Wanted::Text),
    ("version", Wanted::Text),
    ("version_type", Wanted::Text),
    ("description", Wanted::Text),
    ("schedule", Wanted::Mapping),
    ("schedules", Wanted::List),
    ("paused", Wanted::Truth),
    ("concurrency_limit", Wanted::Limit),
    ("entrypoint", Wanted::Text),
    ("parameters", Wanted::Mapping),
    ("enforce_parameter_schema", Wanted::Truth),
    ("build", Wanted::Steps),
    ("push", Wanted::Steps),
    ("pull", Wanted::Steps),
    ("work_pool", Wanted::Mapping),
    ("triggers", Wanted::List),
    ("sla", Wanted::Anything),
];

const WORK_POOL: [(&str, Wanted); 3] =
    [("name", Wanted::Text), ("work_queue_name", Wanted::Text), ("job_variables", Wanted::Mapping)];

impl Draft {
    /// A deployment that no file has.
    pub(crate) fn of_values(values: Object) -> Self {
        let label = values.get("name").and_then(Value::as_str).unwrap_or("(without a name)").to_owned();
        Self { label, values, places: Places::default(), texts: Vec::new(), allows_undefined: false }
    }

    /// Reads an entry of a file. `number` counts from 1.
    pub(crate) fn read(file: &File, node: &Node, number: usize, findings: &mut Findings) -> Self {
        let name = node.get("name").and_then(Node::written).filter(|name| !name.is_empty());
        let label = name.map_or_else(|| format!("number {number} in {}", file.name), str::to_owned);
        let mut values = match node.to_json() {
            Value::Object(values) => values,
            _ => Object::new(),
        };
        let places = Places::of(&file.name, node);
        file.check_entry(node, &label, findings);
        check_types(node, &KEYS, "", &label, &places, findings);
        if let Some(pool) = node.get("work_pool") {
            check_types(pool, &WORK_POOL, "/work_pool", &label, &places, findings);
        }
        if let Some(tags) = node.get("tags") {
            values.insert("tags".to_owned(), tags_of(tags, &label, &places, findings));
        }
        Self { label, values, places, texts: Vec::new(), allows_undefined: false }
    }

    /// Whether it is the empty deployment of a generated file, which stands for nothing.
    pub(crate) fn is_blank(&self) -> bool {
        ["/name", "/entrypoint", "/work_pool/name"].iter().all(|key| self.text(key).is_none())
    }

    /// A problem with the value at a JSON pointer.
    pub(crate) fn problem(&self, code: diagnosis::Code, pointer: &str, text: impl Into<String>) -> Problem {
        let problem = Problem::new(code, text).of(&self.label).at(self.places.origin(pointer));
        if pointer.is_empty() { problem } else { problem.key(dotted(pointer)) }
    }

    /// The text at a JSON pointer, unless it is empty.
    pub(crate) fn text(&self, pointer: &str) -> Option<&str> {
        self.at(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The same, also of a number or a boolean: an output of a step or a variable may be one.
    pub(crate) fn word(&self, pointer: &str) -> Option<String> {
        match self.at(pointer)? {
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => self.text(pointer).map(str::to_owned),
        }
    }

    fn at(&self, pointer: &str) -> Option<&Value> {
        let mut parts = pointer.split('/').skip(1);
        let first = self.values.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// Its tags: what a placeholder has put in may be a list or a number. Prefect leaves blank ones out.
    pub(crate) fn tags(&self) -> Vec<String> {
        fn texts(value: &Value) -> Vec<String> {
            match value {
                Value::Null => Vec::new(),
                Value::String(text) => vec![text.clone()],
                Value::Array(items) => items.iter().flat_map(texts).collect(),
                other => vec![other.to_string()],
            }
        }
        let tags = self.values.get("tags").map(texts).unwrap_or_default();
        tags.into_iter().filter(|tag| !tag.trim().is_empty()).collect()
    }

    /// Puts a flag's value at a JSON pointer; mappings on the way to it are made.
    pub(crate) fn set(&mut self, pointer: &str, value: Value, flag: &str) {
        let mut tokens = pointer.split('/').skip(1).map(|it| it.replace("~1", "/").replace("~0", "~")).peekable();
        let Some(first) = tokens.next() else { return };
        let mut at = self.values.entry(first).or_insert(Value::Null);
        for name in tokens {
            if let Value::Array(items) = at {
                match name.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                    Some(item) => at = item,
                    None => return,
                }
                continue;
            }
            if !at.is_object() {
                *at = Value::Object(Object::new());
            }
            let Value::Object(entries) = at else { return };
            at = entries.entry(name).or_insert(Value::Null);
        }
        *at = value;
        self.places.set(pointer, flag);
    }

    /// Puts a flag's text below `prefix`, to be converted to what is wanted there.
    pub(crate) fn set_text(&mut self, prefix: &str, key: &str, text: &str, flag: &str) {
        let pointer = format!("/{prefix}/{}", token(key));
        self.set(&pointer, Value::String(text.to_owned()), flag);
        self.texts.push(pointer);
    }

    /// Adds an item to a list.
    pub(crate) fn append(&mut self, key: &str, value: Value, flag: &str) {
        let list = self.values.entry(key).or_insert(Value::Null);
        if !list.is_array() {
            *list = Value::Array(Vec::new());
        }
        if let Value::Array(items) = list {
            items.push(value);
            self.places.set(&format!("/{key}/{}", items.len() - 1), flag);
        }
    }
}

fn check_types(
    node: &Node,
    keys: &[(&str, Wanted)],
    prefix: &str,
    label: &str,
    places: &Places,
    findings: &mut Findings,
) {
    for (key, wanted) in keys {
        let Some(value) = node.get(key).filter(|value| !value.is_null()) else { continue };
        if let Some(mut help) = misfit(value, *wanted) {
            if *key == "schedule" {
                "Write it as `schedule: {cron: \"0 6 * * *\"}`, or as a list below `schedules:`.".clone_into(&mut help);
            }
            let pointer = format!("{prefix}/{key}");
            let written = value.written().filter(|_| value.as_text().is_none());
            let found = match written {
                Some(written) => format!("{} (`{written}`)", value.kind_name()),
                None => value.kind_name().to_owned(),
            };
            findings.problem(
                Problem::new(PP0702, format!("found {found}, wanted {}", wanted.words()))
                    .of(label)
                    .at(places.origin(&pointer))
                    .key(dotted(&pointer))
                    .help(help),
            );
        }
    }
}

impl Wanted {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Truth => "true or false",
            Self::List => "a list",
            Self::Steps => "a list of steps",
            Self::Mapping => "a mapping",
            Self::Limit => "a number, or a mapping with `limit` and `collision_strategy`",
            Self::Anything => "anything",
        }
    }
}

/// What to do about a value that does not fit; none if it fits. Text with placeholders may become anything.
fn misfit(value: &Node, wanted: Wanted) -> Option<String> {
    if value.as_text().is_some_and(|text| text.contains("{{")) {
        return None;
    }
    let fits = match (wanted, &value.content) {
        (Wanted::Anything, _)
        | (Wanted::Text, Content::Text(_))
        | (Wanted::Truth, Content::Bool { .. })
        | (Wanted::List | Wanted::Steps, Content::Sequence(_))
        | (Wanted::Mapping | Wanted::Limit | Wanted::Steps, Content::Mapping(_))
        | (Wanted::Limit, Content::Integer { .. }) => true,
        (Wanted::Truth, Content::Text(text)) => truth(text).is_some(),
        // As Prefect's models read it.
        (Wanted::Truth, Content::Integer { .. }) => value.written().and_then(truth).is_some(),
        (Wanted::Limit, Content::Text(text)) => text.trim().parse::<u32>().is_ok(),
        _ => false,
    };
    if fits {
        return None;
    }
    let written = value.written().unwrap_or_default();
    Some(match (wanted, &value.content) {
        (
            Wanted::Text,
            Content::Bool { .. } | Content::Integer { .. } | Content::Float { .. } | Content::Time { .. },
        ) => {
            format!("Put it in quotes: \"{written}\".")
        }
        (Wanted::List, Content::Mapping(_)) => "Begin each item with `- `.".to_owned(),
        (Wanted::Steps, Content::Text(_)) => format!("Write a step as `- {written}:` with its arguments below."),
        _ => String::new(),
    })
}

/// Text that stands for a truth value, as Prefect's models read it.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Tags as they are written: one text is one tag, null is none, and lists in the list are put in.
fn tags_of(node: &Node, label: &str, places: &Places, findings: &mut Findings) -> Value {
    let mut tags = Vec::new();
    add_tags(node, "/tags", &mut tags, &mut |pointer, node| {
        let problem = Problem::new(PP0702, format!("found {}, wanted text", node.kind_name()));
        findings.problem(problem.of(label).at(places.origin(pointer)).key(dotted(pointer)));
    });
    Value::Array(tags.into_iter().map(Value::String).collect())
}

fn add_tags(node: &Node, pointer: &str, tags: &mut Vec<String>, refuse: &mut dyn FnMut(&str, &Node)) {
    match &node.content {
        Content::Null => {}
        Content::Mapping(_) => refuse(pointer, node),
        Content::Sequence(items) => {
            for (index, item) in items.iter().enumerate() {
                add_tags(item, &format!("{pointer}/{index}"), tags, refuse);
            }
        }
        _ => tags.extend(node.written().map(str::to_owned)),
    }
}

/// The origin of a file as a whole.
pub(crate) fn whole(file: &File) -> Origin {
    Origin::file(&file.name, yaml::Place { line: 1, column: 1 })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(entry: &str) -> (Draft, Vec<String>) {
        let file = File::parse("p.yaml".into(), &format!("deployments:\n{entry}")).expect("a file");
        let mut findings = Findings::default();
        let nodes = file.deployments(&mut findings);
        let draft = Draft::read(&file, nodes[0], 1, &mut findings);
        (draft, findings.problems.iter().map(|it| format!("{it} | {}", it.help)).collect())
    }

    #[test]
    fn what_placeholders_have_put_in_becomes_text_where_text_is_wanted() {
        let values =
            json!({"version": 7, "tags": [12, "", ["a", ["b"]], {"c": 1}, null], "work_pool": {"work_queue_name": 3}});
        let draft = Draft::of_values(values.as_object().cloned().unwrap_or_default());
        assert_eq!(draft.tags(), ["12", "a", "b", r#"{"c":1}"#]);
        assert_eq!(
            (draft.word("/version").as_deref(), draft.word("/work_pool/work_queue_name").as_deref()),
            (Some("7"), Some("3"))
        );
        assert_eq!((draft.word("/name"), draft.word("/work_pool/name")), (None, None));
    }

    #[test]
    fn tags_are_kept_as_they_are_written() {
        let tags = |text: &str| read(&format!("- name: a\n  tags: {text}\n")).0.values["tags"].clone();
        assert_eq!(
            tags("[yes, 012, 1.10, 2026-01-01, ~, \"quoted\"]"),
            json!(["yes", "012", "1.10", "2026-01-01", "quoted"])
        );
        assert_eq!(tags("single"), json!(["single"]));
        assert_eq!(tags("null"), json!([]));
        assert_eq!(tags("[[shared, both], own]"), json!(["shared", "both", "own"]));
        assert_eq!(
            read("- tags: [{a: 1}]\n").1,
            ["p.yaml:2:10: deployment \"number 1 in p.yaml\": `tags[0]`: found a mapping, wanted text | "]
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_as_it_is_written() {
        assert_eq!(
            read("- name: on\n").1,
            ["p.yaml:2:3: deployment \"on\": `name`: found a boolean (`on`), wanted text | Put it in quotes: \"on\"."]
        );
        assert_eq!(
            read("- name: a\n  schedules: {cron: x}\n  work_pool: p\n").1,
            [
                "p.yaml:3:3: deployment \"a\": `schedules`: found a mapping, wanted a list | Begin each item with `- `.",
                "p.yaml:4:3: deployment \"a\": `work_pool`: found text, wanted a mapping | "
            ]
        );
        assert_eq!(read("- name: a\n  paused: \"{{ $PAUSED }}\"\n  concurrency_limit: '3'\n").1, [] as [&str; 0]);
    }

    #[test]
    fn setting_makes_the_mappings_on_the_way() {
        let (mut draft, _) = read("- name: a\n  work_pool:\n");
        draft.set("/work_pool/job_variables/cpu", json!(1), "--job-variable");
        draft.append("schedules", json!({"cron": "x"}), "--cron");
        draft.set("/schedules/0/timezone", json!("UTC"), "--timezone");
        assert_eq!(draft.values["work_pool"], json!({"job_variables": {"cpu": 1}}));
        assert_eq!(draft.values["schedules"], json!([{"cron": "x", "timezone": "UTC"}]));
        assert_eq!(draft.text("/name"), Some("a"));
        assert_eq!(draft.text("/work_pool/name"), None);
    }
}
