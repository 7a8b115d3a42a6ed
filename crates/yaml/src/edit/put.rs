//! Values put in place of others, and new entries and items.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{
    Document, Splice,
    emit::Emitted,
    locate::{Holder, Spot},
};
use crate::{
    token::Style as Quotes,
    tree::{Raw, Shape},
};

/// The parts of the text that a value takes behind its `:` or `-`.
struct Extent {
    /// On the line of the `:` or `-`.
    inline: Range<usize>,
    /// Whole lines below, with the line break before them.
    below: Option<Range<usize>>,
}

impl Document<'_> {
    /// Puts a value in place of another one.
    pub(super) fn replace(&self, spot: Spot, value: &Value) -> Vec<Splice> {
        let old = self.tree.node(spot.id);
        match spot.holder {
            Holder::Document => vec![self.replace_document(old, value)],
            Holder::Entry { mapping, index } => {
                let Some(pair) = self.pair(mapping, index) else { return Vec::new() };
                match pair.colon {
                    None => vec![Splice::insert(self.tree.node(pair.key).end.byte, format!(": {}", self.flow(value)))],
                    Some(colon) if spot.is_in_flow => vec![self.replace_in_flow(colon.byte, old, value)],
                    Some(colon) => self.put(colon.byte, old, self.style.entry(value, pair.start.column)),
                }
            }
            Holder::Item { list, index } => {
                let Shape::Sequence { items, .. } = &self.tree.node(list).shape else { return Vec::new() };
                let start = items[index].start;
                if spot.is_in_flow {
                    vec![self.replace_in_flow(start.byte, old, value)]
                } else {
                    self.put(start.byte + 1, old, self.style.item(value, start.column))
                }
            }
        }
    }

    fn flow(&self, value: &Value) -> String {
        self.style.inline(value, true)
    }

    fn replace_in_flow(&self, at: usize, old: &Raw, value: &Value) -> Splice {
        let space = if old.start.byte == at && old.end.byte == at { " " } else { "" };
        Splice { range: old.start.byte..old.end.byte, text: format!("{space}{}", self.flow(value)) }
    }

    fn replace_document(&self, old: &Raw, value: &Value) -> Splice {
        let text = self.document_lines(value).join(self.style.line_break);
        let (start, end) = (old.start.byte, self.end_of(old));
        if start < end {
            return Splice { range: start..end, text };
        }
        self.insert_document(start, &text)
    }

    /// A document at a position where none is yet.
    fn insert_document(&self, at: usize, text: &str) -> Splice {
        let line_break = self.style.line_break;
        let before = if self.lines().start(at) < at && at > self.beginning() { line_break } else { "" };
        Splice::insert(at, format!("{before}{text}{line_break}"))
    }

    /// A byte order mark stays in front.
    fn beginning(&self) -> usize {
        if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
    }

    /// Writes the first document of a text that has none.
    pub(super) fn create(&self, value: &Value) -> Vec<Splice> {
        let text = self.document_lines(value).join(self.style.line_break);
        vec![self.insert_document(self.text.len(), &text)]
    }

    fn document_lines(&self, value: &Value) -> Vec<String> {
        match value {
            Value::Object(entries) if !entries.is_empty() => self.style.entries(entries, 0),
            Value::Array(items) if !items.is_empty() => self.style.items(items, 0),
            _ => vec![self.style.inline(value, false)],
        }
    }

    fn put(&self, at: usize, old: &Raw, new: Emitted) -> Vec<Splice> {
        let Extent { inline, below } = self.extent(at, old);
        let body: String = new.body.iter().flat_map(|line| [self.style.line_break, line]).collect();
        let line_end = self.lines().end(inline.end);
        let head = if new.head.is_empty() {
            // The spaces before the old value go with it.
            Splice { range: at..inline.end, text: String::new() }
        } else if inline.is_empty() {
            Splice::insert(at, new.head)
        } else {
            let space = if inline.start == at { " " } else { "" };
            Splice { range: inline, text: format!("{space}{}", new.head.trim_start_matches(' ')) }
        };
        let body = match below {
            Some(range) => Splice { range, text: body },
            None => Splice::insert(line_end, body),
        };
        vec![head, body]
    }

    fn extent(&self, at: usize, old: &Raw) -> Extent {
        let line_end = self.lines().end(at);
        let end = self.end_of(old);
        let (start, content) = (old.start.byte, old.content.byte);
        if start == end {
            return Extent { inline: at..at, below: None };
        }
        if start >= line_end {
            return Extent { inline: at..at, below: Some(line_end..end) };
        }
        let below = (end > line_end).then_some(line_end..end);
        if content >= line_end {
            // Only an anchor or a tag stands on this line.
            let inline = start..start + without_comment(self.lines().rest(start)).len();
            return Extent { inline, below };
        }
        match &old.shape {
            Shape::Scalar { style: Quotes::Block, .. } => {
                Extent { inline: start..start + without_comment(self.lines().rest(start)).len(), below }
            }
            _ => Extent { inline: start..end, below: None },
        }
    }

    /// Where a value ends. A comment behind the last line of a collection belongs to that line.
    pub(super) fn end_of(&self, raw: &Raw) -> usize {
        match raw.shape {
            Shape::Mapping { is_flow: false, .. } | Shape::Sequence { is_flow: false, .. } => {
                self.lines().end(raw.end.byte)
            }
            _ => raw.end.byte,
        }
    }

    /// Adds an entry to a mapping, or makes a mapping of null.
    pub(super) fn add_entry(&self, spot: Spot, key: &str, value: &Value) -> Vec<Splice> {
        let raw = self.tree.node(spot.id);
        let Shape::Mapping { entries, is_flow } = &raw.shape else { return self.replace(spot, &entry(key, value)) };
        let Some(first) = entries.first() else { return self.replace(spot, &entry(key, value)) };
        if *is_flow {
            let last = entries.last().map_or(raw.end, |last| self.tree.node(last.value).end);
            let entry = format!(", {}: {}", self.style.text(key, true), self.flow(value));
            return vec![Splice::insert(last.byte, entry)];
        }
        self.insert_lines(raw, &self.style.entry_lines(key, value, first.start.column))
    }

    /// Adds an item to a list, or makes a list of null.
    pub(super) fn add_item(&self, spot: Spot, value: &Value) -> Vec<Splice> {
        let raw = self.tree.node(spot.id);
        let list = Value::Array(vec![value.clone()]);
        let Shape::Sequence { items, is_flow } = &raw.shape else { return self.replace(spot, &list) };
        let Some(first) = items.first() else { return self.replace(spot, &list) };
        if *is_flow {
            let last = items.last().map_or(raw.end, |last| self.tree.node(last.value).end);
            return vec![Splice::insert(last.byte, format!(", {}", self.flow(value)))];
        }
        let mut lines = self.style.item_lines(value, first.start.column);
        if self.are_apart(raw) {
            lines.insert(0, String::new());
        }
        self.insert_lines(raw, &lines)
    }

    /// Whether an empty line stands before the last of several items.
    fn are_apart(&self, list: &Raw) -> bool {
        let Shape::Sequence { items, .. } = &list.shape else { return false };
        let Some(last) = items.last().filter(|_| items.len() > 1) else { return false };
        let lines = self.lines();
        let mut line = lines.start(last.start.byte);
        while let Some(before) = lines.previous(line) {
            if lines.comment_column(before).is_none() {
                return lines.is_blank(before);
            }
            line = before;
        }
        false
    }

    /// Adds lines behind a block collection.
    fn insert_lines(&self, collection: &Raw, lines: &[String]) -> Vec<Splice> {
        let text = lines.iter().flat_map(|line| [self.style.line_break, line]).collect();
        vec![Splice::insert(self.end_of(collection), text)]
    }
}

fn entry(key: &str, value: &Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value.clone())]))
}

fn without_comment(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(value, _)| value).trim_end_matches([' ', '\t'])
}
