//! How a file is written, so that new lines look like the old ones.

use crate::{
    token::Style as Quotes,
    tree::{Shape, Tree},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) line_break: &'static str,
    /// How much deeper a mapping in a mapping is indented.
    pub(super) step: usize,
    /// How much deeper than its key a list is indented.
    pub(super) list: usize,
    /// Around text that needs quotes.
    pub(super) quote: char,
}

impl Style {
    /// What is met most, or what Prefect's own files have.
    pub(super) fn of(text: &str, tree: &Tree) -> Self {
        let first_break = text.find(['\r', '\n']).unwrap_or(text.len());
        let line_break = if text[first_break..].starts_with("\r\n") { "\r\n" } else { "\n" };
        let (mut steps, mut lists, mut single, mut double) = (Vec::new(), Vec::new(), 0_usize, 0_usize);
        for raw in tree.nodes() {
            match &raw.shape {
                Shape::Scalar { style: Quotes::SingleQuoted, .. } => single += 1,
                Shape::Scalar { style: Quotes::DoubleQuoted, .. } => double += 1,
                Shape::Mapping { entries, is_flow: false } => {
                    for pair in entries {
                        let value = tree.node(pair.value);
                        let deeper = value.content.column.saturating_sub(pair.start.column);
                        match value.shape {
                            Shape::Mapping { is_flow: false, .. } => steps.push(deeper),
                            Shape::Sequence { is_flow: false, .. } => lists.push(deeper),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Self {
            line_break,
            step: most(&steps).unwrap_or(2).clamp(1, 9),
            list: most(&lists).unwrap_or(0),
            quote: if single > double { '\'' } else { '"' },
        }
    }
}

fn most(values: &[usize]) -> Option<usize> {
    let count = |wanted: &usize| values.iter().filter(|value| *value == wanted).count();
    let mut distinct = values.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.into_iter().rev().max_by_key(count)
}
