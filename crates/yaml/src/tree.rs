//! The document as it is written: aliases not followed, words without types, and the span of everything.

use crate::{cursor::Mark, token::Style};

/// Deeper documents are refused: Python's recursion ends not far behind.
pub(crate) const DEPTH: usize = 128;

/// Which node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id(usize);

#[derive(Debug)]
pub(crate) struct Raw {
    /// Where its anchor and tag begin, or itself if it has none.
    pub(crate) start: Mark,
    /// Where itself begins.
    pub(crate) content: Mark,
    /// Behind its last character. A block of text ends before its last line break.
    pub(crate) end: Mark,
    pub(crate) anchor: Option<String>,
    /// In full: `tag:yaml.org,2002:str` for `!!str`.
    pub(crate) tag: Option<String>,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Alias(Id),
    Scalar { value: String, style: Style },
    Sequence { items: Vec<Item>, is_flow: bool },
    Mapping { entries: Vec<Pair>, is_flow: bool },
}

/// An item of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    /// Where its `-` stands, or itself between brackets.
    pub(crate) start: Mark,
    pub(crate) value: Id,
}

/// An entry of a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// Where its `?` stands, or its key.
    pub(crate) start: Mark,
    pub(crate) key: Id,
    /// Behind its `:`, if it has one.
    pub(crate) colon: Option<Mark>,
    pub(crate) value: Id,
}

/// A document.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Raw>,
    /// Nothing if the text has no document.
    pub(crate) root: Option<Id>,
}

impl Tree {
    pub(crate) fn node(&self, id: Id) -> &Raw {
        &self.nodes[id.0]
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Raw> {
        self.nodes.iter()
    }

    pub(crate) fn node_mut(&mut self, id: Id) -> &mut Raw {
        &mut self.nodes[id.0]
    }

    pub(crate) fn push(&mut self, raw: Raw) -> Id {
        self.nodes.push(raw);
        Id(self.nodes.len() - 1)
    }
}

impl Raw {
    pub(crate) fn empty(at: Mark) -> Self {
        let shape = Shape::Scalar { value: String::new(), style: Style::Plain };
        Self { start: at, content: at, end: at, anchor: None, tag: None, shape }
    }
}
