//! What a text consists of, in the order of the text.

use std::borrow::Cow;

use crate::node::Place;

/// A position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// In bytes from the beginning.
    pub(crate) byte: usize,
    /// From 0.
    pub(crate) line: usize,
    /// From 0, in characters.
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) fn place(self) -> Place {
        Place { line: self.line + 1, column: self.column + 1 }
    }
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`.
    Block,
}

/// An anchor and a tag, which stand before a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) anchor: Option<String>,
    /// In full: `tag:yaml.org,2002:str` for `!!str`.
    pub(crate) tag: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data<'t> {
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    Alias(String),
    Scalar { properties: Properties, value: Cow<'t, str>, style: Style },
    SequenceStart { properties: Properties, is_flow: bool },
    SequenceEnd,
    MappingStart { properties: Properties, is_flow: bool },
    MappingEnd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event<'t> {
    pub(crate) data: Data<'t>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}
