//! Values as YAML 1.1 that PyYAML, and tools that read YAML 1.2, read back as they were.

use serde_json::{Map, Value};

use super::style::Style;
use crate::{
    cursor::{is_break, unprintable},
    scalar::{self, Kind},
};

/// A value behind a `:` or `-`: what stands on its line, and the lines below.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Emitted {
    /// With the space before it; empty if the value begins below.
    pub(super) head: String,
    /// With their indentation.
    pub(super) body: Vec<String>,
}

impl Style {
    /// The value of an entry whose mapping stands in a column.
    pub(super) fn entry(&self, value: &Value, column: usize) -> Emitted {
        match value {
            Value::Array(items) if !items.is_empty() => {
                Emitted { head: String::new(), body: self.items(items, column + self.list) }
            }
            Value::Object(entries) if !entries.is_empty() => {
                Emitted { head: String::new(), body: self.entries(entries, column + self.step) }
            }
            _ => self.scalar_at(value, column, self.step),
        }
    }

    /// An item of a list whose `-` stands in a column.
    pub(super) fn item(&self, value: &Value, column: usize) -> Emitted {
        let inner = column + 2;
        let mut lines = match value {
            Value::Array(items) if !items.is_empty() => self.items(items, inner).into_iter(),
            Value::Object(entries) if !entries.is_empty() => self.entries(entries, inner).into_iter(),
            _ => return self.scalar_at(value, column, 2),
        };
        let head = lines.next().map(|line| format!(" {}", line.trim_start_matches(' '))).unwrap_or_default();
        Emitted { head, body: lines.collect() }
    }

    pub(super) fn items(&self, items: &[Value], column: usize) -> Vec<String> {
        items.iter().flat_map(|item| self.item_lines(item, column)).collect()
    }

    pub(super) fn item_lines(&self, item: &Value, column: usize) -> Vec<String> {
        let Emitted { head, body } = self.item(item, column);
        std::iter::once(format!("{:column$}-{head}", "")).chain(body).collect()
    }

    pub(super) fn entries(&self, entries: &Map<String, Value>, column: usize) -> Vec<String> {
        entries.iter().flat_map(|(key, value)| self.entry_lines(key, value, column)).collect()
    }

    pub(super) fn entry_lines(&self, key: &str, value: &Value, column: usize) -> Vec<String> {
        let Emitted { head, body } = self.entry(value, column);
        let key = self.text(key, false);
        std::iter::once(format!("{:column$}{key}:{head}", "")).chain(body).collect()
    }

    /// A value of one line, or a block of text, which is indented deeper than the column of the collection around.
    fn scalar_at(&self, value: &Value, column: usize, step: usize) -> Emitted {
        match value {
            Value::String(text) if is_literal(text) => literal(text, column, step),
            _ => Emitted { head: format!(" {}", self.inline(value, false)), body: Vec::new() },
        }
    }

    /// A value in one line. Between brackets more text needs quotes.
    pub(super) fn inline(&self, value: &Value, is_in_flow: bool) -> String {
        match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if number.is_f64() => float(number.as_f64().unwrap_or_default()),
            Value::Number(number) => number.to_string(),
            Value::String(text) => self.text(text, is_in_flow),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.inline(item, true)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Object(entries) => {
                let entry =
                    |(key, value): (&String, &Value)| format!("{}: {}", self.text(key, true), self.inline(value, true));
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    /// Text in one line.
    pub(super) fn text(&self, text: &str, is_in_flow: bool) -> String {
        let is_simple = text.chars().all(is_unescaped);
        if is_simple && is_plain(text, is_in_flow) {
            text.to_owned()
        } else if is_simple && (self.quote == '\'' || text.contains(['"', '\\'])) {
            format!("'{}'", text.replace('\'', "''"))
        } else {
            double_quoted(text)
        }
    }
}

/// A character that needs no escape. A tab is taken, but cannot be seen.
fn is_unescaped(c: char) -> bool {
    !is_break(c) && c != '\t' && c != '\u{feff}' && unprintable(c.encode_utf8(&mut [0; 4])).is_none()
}

/// Whether text without quotes is read as it is.
fn is_plain(text: &str, is_in_flow: bool) -> bool {
    let first_is_plain = text.starts_with(|c: char| !" -?:,[]{}#&*!|>'\"%@`".contains(c));
    first_is_plain
        && text.trim() == text
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
        && !(is_in_flow && text.contains(['[', ']', '{', '}', ',', '?', ':']))
        && scalar::kind_of(text) == Kind::Text
        && !is_other_in_yaml_1_2(text)
}

/// What YAML 1.2, or a person, takes for a number or a boolean.
fn is_other_in_yaml_1_2(text: &str) -> bool {
    matches!(text, "y" | "Y" | "n" | "N") || text.starts_with("0o") || text.replace('_', "").parse::<f64>().is_ok()
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if is_unescaped(c) => quoted.push(c),
            _ => quoted.push_str(&escape(u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// YAML 1.1 takes a float only with a point, and an exponent only with a sign.
fn float(value: f64) -> String {
    let written = format!("{value:?}");
    let Some((digits, exponent)) = written.split_once('e') else { return written };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}

/// Whether text is written as a block: it has several lines, and a line break at its end or none. With more of them the
/// empty lines of the file behind it would belong to it.
fn is_literal(text: &str) -> bool {
    let content = text.strip_suffix('\n').unwrap_or(text);
    content.contains('\n')
        && !content.ends_with('\n')
        && text.chars().all(|c| matches!(c, '\n' | '\t') || is_unescaped(c))
        && !content.lines().next_back().unwrap_or_default().trim_matches(' ').is_empty()
}

fn literal(text: &str, column: usize, step: usize) -> Emitted {
    // A digit says where the text begins, if it begins with a space.
    let first = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let digit = if first.starts_with(' ') { step.to_string() } else { String::new() };
    let chomping = if text.ends_with('\n') { "" } else { "-" };
    let indent = column + step;
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") };
    Emitted { head: format!(" |{digit}{chomping}"), body: text.lines().map(line).collect() }
}
