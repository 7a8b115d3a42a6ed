//! Changes in files of any layout: the value changes as wanted, and no line elsewhere does.

use std::ops::Range;

use proptest::prelude::*;
use serde_json::{Map, Value};
use yaml::{Editor, Step};

/// A step of a path that owns its key.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Key(String),
    Index(usize),
}

fn steps(path: &[Part]) -> Vec<Step<'_>> {
    path.iter()
        .map(|part| match part {
            Part::Key(key) => Step::Key(key),
            Part::Index(index) => Step::Index(*index),
        })
        .collect()
}

/// Writes a value in a layout that is drawn from a list of numbers.
struct Writer {
    draws: Vec<u8>,
    drawn: usize,
    lines: Vec<String>,
    /// The lines of every entry and item of a block, its own comments among them.
    spans: Vec<(Vec<Part>, Range<usize>)>,
    path: Vec<Part>,
}

impl Writer {
    fn draw(&mut self, choices: u8) -> u8 {
        self.drawn += 1;
        self.draws[self.drawn % self.draws.len()] % choices
    }

    fn comment(&mut self, column: usize) {
        match self.draw(8) {
            0 => self.lines.push(format!("{:column$}# c{}", "", self.drawn)),
            1 => self.lines.push(String::new()),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let is_other = matches!(text, "" | "yes" | "no" | "on" | "off" | "true" | "false" | "null");
        let is_word = !is_other && text.chars().all(|c| c.is_ascii_lowercase());
        match self.draw(3) {
            0 if is_word => text.to_owned(),
            1 if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
            _ => Value::from(text).to_string(),
        }
    }

    fn flow(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}{}]", items.join(", "), if !items.is_empty() && self.draw(4) == 0 { "," } else { "" })
            }
            Value::Object(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", self.text(key), self.flow(value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// What follows a `:` or `-` in a column.
    fn value(&mut self, value: &Value, column: usize, prefix: String) {
        let end = if self.draw(4) == 0 { format!("  # c{}", self.drawn) } else { String::new() };
        let is_filled = value.as_array().is_some_and(|items| !items.is_empty())
            || value.as_object().is_some_and(|entries| !entries.is_empty());
        let is_item = prefix.ends_with('-');
        let is_block = is_filled && self.draw(3) > 0;
        match value {
            Value::Null if self.draw(2) == 0 => self.lines.push(format!("{prefix}{end}")),
            Value::String(text) if text.ends_with('\n') && text.trim() != "" && !text.starts_with(' ') => {
                self.lines.push(format!("{prefix} |{end}"));
                let indent = column + 1 + usize::from(self.draw(3));
                self.lines.extend(text.lines().map(|line| format!("{:indent$}{line}", "")));
            }
            _ if is_block && is_item && self.draw(2) == 0 => {
                let indent = prefix.len() + 1;
                self.block(value, indent, Some(format!("{prefix} ")));
            }
            _ if is_block => {
                self.lines.push(format!("{prefix}{end}"));
                let deeper = usize::from(self.draw(3)) + usize::from(is_item || value.is_object());
                self.block(value, column + deeper, None);
            }
            _ => {
                let written = self.flow(value);
                self.lines.push(format!("{prefix} {written}{end}"));
            }
        }
    }

    /// The first line of a block may continue one that has begun.
    fn block(&mut self, value: &Value, column: usize, mut begun: Option<String>) {
        let parts: Vec<(Part, Value)> = match value {
            Value::Array(items) => {
                items.iter().cloned().enumerate().map(|(at, item)| (Part::Index(at), item)).collect()
            }
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| (Part::Key(key.clone()), value.clone())).collect()
            }
            _ => Vec::new(),
        };
        for (part, value) in parts {
            let first = self.lines.len();
            let prefix = begun.take().unwrap_or_else(|| {
                self.comment(column);
                " ".repeat(column)
            });
            let prefix = match &part {
                Part::Key(key) => format!("{prefix}{}:", self.text(key)),
                Part::Index(_) => format!("{prefix}-"),
            };
            self.path.push(part);
            self.value(&value, column, prefix);
            self.spans.push((self.path.clone(), first..self.lines.len()));
            self.path.pop();
        }
    }
}

#[derive(Debug, Clone)]
struct File {
    text: String,
    value: Value,
    spans: Vec<(Vec<Part>, Range<usize>)>,
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z]{1,5}",
        prop::sample::select(vec![
            "",
            "yes",
            "012",
            "{{ x }}",
            "a: b",
            "x\ny\n",
            "x\n\n  y\n",
            "# z",
            "- a",
            "2026-01-01",
            "a'b",
            " "
        ])
        .prop_map(str::to_owned),
    ];
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => any::<i16>().prop_map(Value::from),
        5 => text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), mapping(inner, 0..4),]
    })
}

fn mapping(inner: impl Strategy<Value = Value>, size: Range<usize>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,3}", inner, size)
        .prop_map(|entries| Value::Object(entries.into_iter().collect()))
}

fn file() -> impl Strategy<Value = File> {
    (mapping(value(), 1..5), prop::collection::vec(any::<u8>(), 40), any::<bool>(), any::<bool>()).prop_map(
        |(value, draws, is_windows, is_ended)| {
            let mut writer = Writer { draws, drawn: 0, lines: Vec::new(), spans: Vec::new(), path: Vec::new() };
            writer.block(&value, 0, None);
            let line_break = if is_windows { "\r\n" } else { "\n" };
            let mut text = writer.lines.join(line_break);
            // Text in a block needs the last line break.
            if is_ended || value.to_string().contains("\\n") {
                text.push_str(line_break);
            }
            File { text, value, spans: writer.spans }
        },
    )
}

fn at<'v>(value: &'v mut Value, path: &[Part]) -> &'v mut Value {
    path.iter().fold(value, |value, part| match part {
        Part::Key(key) => &mut value[key],
        Part::Index(index) => &mut value[index],
    })
}

fn taken_away(value: &mut Value, path: &[Part]) {
    let (last, parent) = path.split_last().expect("a path of a span is not empty");
    match (at(value, parent), last) {
        (Value::Object(entries), Part::Key(key)) => drop(entries.shift_remove(key)),
        (Value::Array(items), Part::Index(index)) => drop(items.remove(*index)),
        (other, _) => panic!("{other} has no parts"),
    }
}

/// A line without what an entry takes over from a removed one: the dash before it.
fn bare(line: &str) -> &str {
    line.trim_start_matches([' ', '-'])
}

/// Lines before the changed ones are the same, and so are those behind.
fn check_other_lines(file: &File, span: &Range<usize>, after: &str) -> Result<(), TestCaseError> {
    let (old, new): (Vec<&str>, Vec<&str>) = (file.text.lines().collect(), after.lines().collect());
    let message = || format!("before:\n{}\nafter:\n{after}", file.text);
    prop_assert!(new.len() >= span.start && old[..span.start] == new[..span.start], "{}", message());
    // One gap of empty lines may go.
    let behind: Vec<&str> = old[span.end..].iter().map(|line| bare(line)).skip_while(|line| line.is_empty()).collect();
    let new: Vec<&str> = new.iter().map(|line| bare(line)).collect();
    prop_assert!(new.ends_with(&behind), "{}", message());
    Ok(())
}

fn check(file: &File, span: &Range<usize>, wanted: &Value, editor: &Editor) -> Result<(), TestCaseError> {
    let read = yaml::read(editor.text()).map(|node| node.to_json());
    prop_assert_eq!(read.as_ref(), Ok(wanted), "before:\n{}\nafter:\n{}", &file.text, editor.text());
    check_other_lines(file, span, editor.text())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn the_writer_of_this_test_writes_what_it_means(file in file()) {
        let read = yaml::read(&file.text).map(|node| node.to_json());
        prop_assert_eq!(read, Ok(file.value), "{}", file.text);
    }

    #[test]
    fn a_value_is_set(file in file(), new in value(), pick in any::<prop::sample::Index>()) {
        let (path, span) = pick.get(&file.spans);
        let mut wanted = file.value.clone();
        *at(&mut wanted, path) = new.clone();
        let mut editor = Editor::new(&file.text)?;
        editor.set(&steps(path), &new)?;
        check(&file, span, &wanted, &editor)?;
    }

    #[test]
    fn an_entry_or_item_is_removed(file in file(), pick in any::<prop::sample::Index>()) {
        let (path, span) = pick.get(&file.spans);
        let mut wanted = file.value.clone();
        taken_away(&mut wanted, path);
        let mut editor = Editor::new(&file.text)?;
        editor.remove(&steps(path))?;
        // An emptied collection is written anew.
        let (_, parent) = path.split_last().expect("a path of a span is not empty");
        let is_emptied = matches!(at(&mut wanted.clone(), parent), Value::Object(entries) if entries.is_empty())
            || matches!(at(&mut wanted.clone(), parent), Value::Array(items) if items.is_empty());
        let whole = file.spans.iter().find(|(path, _)| is_emptied && path == parent).map_or(span, |(_, span)| span);
        check(&file, whole, &wanted, &editor)?;
        // The comments above the last entry of a file may be those of the file.
        let is_emptied = wanted.as_object().is_some_and(Map::is_empty);
        let is_gone = is_emptied || !editor.text().lines().any(|line| file.text.lines().nth(span.start) == Some(line) && line.contains("# c"));
        prop_assert!(is_gone, "before:\n{}\nafter:\n{}", &file.text, editor.text());
    }

    #[test]
    fn an_entry_or_item_is_added(file in file(), new in value(), pick in any::<prop::sample::Index>()) {
        let (path, span) = pick.get(&file.spans);
        let mut wanted = file.value.clone();
        let mut editor = Editor::new(&file.text)?;
        match at(&mut wanted, path) {
            Value::Array(items) => {
                items.push(new.clone());
                editor.append(&steps(path), &new)?;
            }
            Value::Object(entries) => {
                entries.insert("new".to_owned(), new.clone());
                editor.set(&[steps(path), vec![Step::Key("new")]].concat(), &new)?;
            }
            null if null.is_null() => {
                *null = Value::Object(Map::from_iter([("new".to_owned(), new.clone())]));
                editor.set(&[steps(path), vec![Step::Key("new")]].concat(), &new)?;
            }
            _ => return Ok(()),
        }
        check(&file, span, &wanted, &editor)?;
    }

    #[test]
    fn a_key_is_renamed(file in file(), to in "[a-z]{4}|1|\\{\\{ a \\}\\}", pick in any::<prop::sample::Index>()) {
        let (path, span) = pick.get(&file.spans);
        let Some((Part::Key(from), parent)) = path.split_last() else { return Ok(()) };
        let mut wanted = file.value.clone();
        let entries = at(&mut wanted, parent).as_object_mut().expect("keys are in mappings");
        let value = entries.shift_remove(from).expect("the key is there");
        entries.insert(to.clone(), value);
        let mut editor = Editor::new(&file.text)?;
        editor.rename(&steps(path), &to)?;
        check(&file, span, &wanted, &editor)?;
    }

    #[test]
    fn a_file_is_updated_to_any_value(file in file(), new in prop_oneof![value(), mapping(value(), 1..5)]) {
        let mut editor = Editor::new(&file.text)?;
        editor.update(&[], &file.value)?;
        prop_assert_eq!(editor.text(), &file.text);
        editor.update(&[], &new)?;
        prop_assert_eq!(yaml::read(editor.text()).map(|node| node.to_json()), Ok(new), "before:\n{}", &file.text);
    }

    #[test]
    fn a_change_deep_in_a_file_leaves_all_other_lines(file in file(), new in value(), pick in any::<prop::sample::Index>()) {
        let (path, span) = pick.get(&file.spans);
        let mut wanted = file.value.clone();
        *at(&mut wanted, path) = new;
        let mut editor = Editor::new(&file.text)?;
        editor.update(&[], &wanted)?;
        check(&file, span, &wanted, &editor)?;
    }

    #[test]
    fn any_text_survives_any_change(text in any::<String>(), key in any::<String>(), value in value()) {
        let Ok(mut editor) = Editor::new(&text) else { return Ok(()) };
        if editor.set(&[Step::Key(&key)], &value).is_err() {
            prop_assert_eq!(editor.text(), text);
        }
    }

    #[test]
    fn any_text_is_written_so_that_it_is_read_back(text in any::<String>(), key in any::<String>()) {
        let value = serde_json::json!({key: {"a": [text.clone(), {text.clone(): text}]}});
        let mut editor = Editor::new("")?;
        editor.set(&[], &value)?;
        prop_assert_eq!(yaml::read(editor.text()).map(|node| node.to_json()), Ok(value));
    }
}
