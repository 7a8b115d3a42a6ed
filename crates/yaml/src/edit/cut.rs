//! Entries and items taken away, with the comments that belong to them.

use std::ops::Range;

use serde_json::{Value, json};

use super::{
    Document, Splice,
    locate::{Holder, Spot},
};
use crate::{
    cursor::Mark,
    tree::{Id, Shape},
};

/// An entry or item among its neighbours.
struct Part {
    start: Mark,
    end: usize,
    /// Where the one before ends.
    previous_end: Option<usize>,
    /// Where the next one begins.
    next: Option<Mark>,
}

impl Document<'_> {
    /// Takes away an entry or an item. The collection around stays, empty if it was the last one.
    pub(super) fn cut(&self, spot: Spot, parent: Spot) -> Vec<Splice> {
        let Some(part) = self.part(spot) else { return Vec::new() };
        let (is_flow, empty) = match &self.tree.node(parent.id).shape {
            Shape::Mapping { is_flow, .. } => (*is_flow, json!({})),
            Shape::Sequence { is_flow, .. } => (*is_flow, json!([])),
            _ => (false, Value::Null),
        };
        if part.previous_end.is_none() && part.next.is_none() {
            return self.replace(parent, &empty);
        }
        let range = if is_flow { in_flow(&part) } else { self.in_block(&part) };
        vec![Splice { range, text: String::new() }]
    }

    fn part(&self, spot: Spot) -> Option<Part> {
        let (starts_and_values, index): (Vec<(Mark, Id)>, usize) = match spot.holder {
            Holder::Document => return None,
            Holder::Entry { mapping, index } => match &self.tree.node(mapping).shape {
                Shape::Mapping { entries, .. } => {
                    (entries.iter().map(|pair| (pair.start, pair.value)).collect(), index)
                }
                _ => return None,
            },
            Holder::Item { list, index } => match &self.tree.node(list).shape {
                Shape::Sequence { items, .. } => (items.iter().map(|item| (item.start, item.value)).collect(), index),
                _ => return None,
            },
        };
        let end = |index: usize| starts_and_values.get(index).map(|(_, value)| self.tree.node(*value).end.byte);
        Some(Part {
            start: starts_and_values.get(index)?.0,
            end: end(index)?,
            previous_end: index.checked_sub(1).and_then(end),
            next: starts_and_values.get(index + 1).map(|(start, _)| *start),
        })
    }

    fn in_block(&self, part: &Part) -> Range<usize> {
        let lines = self.lines();
        let line_start = lines.start(part.start.byte);
        let is_first_on_line = self.text[line_start..part.start.byte].trim_matches(['\u{feff}', ' ']).is_empty();
        let after = self.behind(part);
        if !is_first_on_line {
            // `- ` stands before it and stays: what follows moves up to it.
            let next = part.next.map_or(after, |next| next.byte);
            let rest = &self.text[after.min(next)..];
            return part.start.byte..after + (rest.len() - rest.trim_start_matches([' ', '\n', '\r']).len());
        }
        let start = self.own_comments(line_start, part.start.column);
        if lines.next(part.end) == self.text.len() && after == self.text.len() && !self.text.ends_with(['\n', '\r']) {
            // The last line had no line break, and the new last line has none.
            let end_before = lines.previous(start).map_or(start, |before| lines.end(before));
            return end_before..after;
        }
        start..self.without_double_gap(start, after)
    }

    /// The first line behind an entry, with the comments below it that are indented deeper than it.
    fn behind(&self, part: &Part) -> usize {
        let lines = self.lines();
        let mut after = lines.next(part.end);
        let mut line = after;
        while line < self.text.len() {
            match lines.comment_column(line) {
                Some(column) if column > part.start.column => after = lines.next(line),
                Some(_) => break,
                None if lines.is_blank(line) => {}
                None => break,
            }
            line = lines.next(line);
        }
        after
    }

    /// Where the comments above begin that stand in the column of an entry, without an empty line between.
    fn own_comments(&self, line_start: usize, column: usize) -> usize {
        let lines = self.lines();
        let mut start = line_start;
        while let Some(before) = lines.previous(start).filter(|before| lines.comment_column(*before) == Some(column)) {
            start = before;
        }
        start
    }

    /// With empty lines before and behind, those behind go as well.
    fn without_double_gap(&self, start: usize, mut after: usize) -> usize {
        let lines = self.lines();
        let is_gap_before = lines.previous(start).is_none_or(|before| lines.is_blank(before));
        while is_gap_before && after < self.text.len() && lines.is_blank(after) {
            after = lines.next(after);
        }
        after
    }
}

/// Between brackets, a comma goes with it.
fn in_flow(part: &Part) -> Range<usize> {
    match (part.next, part.previous_end) {
        (Some(next), _) => part.start.byte..next.byte,
        (None, Some(previous_end)) => previous_end..part.end,
        (None, None) => part.start.byte..part.end,
    }
}
