//! The tokens of YAML.

use crate::cursor::Mark;

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|` or `>`.
    Block,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind<'t> {
    StreamEnd,
    Directive(Directive),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `- `.
    BlockEntry,
    /// `,`.
    FlowEntry,
    /// `? `, or without a character before a key.
    Key,
    /// `:`.
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    Tag(Tag),
    Scalar {
        value: String,
        style: Style,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    Yaml { major: u32 },
    Tag { handle: String, prefix: String },
    Other,
}

/// `!`, `!name`, `!!name`, `!handle!name` or `!<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Nothing if the suffix is the whole tag.
    pub(crate) handle: Option<String>,
    pub(crate) suffix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind<'t>,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

impl Kind<'_> {
    /// What it is, for a message.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::StreamEnd => "the end of the file",
            Self::Directive(_) => "a directive (`%`)",
            Self::DocumentStart => "`---`",
            Self::DocumentEnd => "`...`",
            Self::BlockSequenceStart | Self::BlockEntry => "a list item (`- `)",
            Self::BlockMappingStart | Self::Key => "a key",
            Self::BlockEnd => "the end of the indented part",
            Self::FlowSequenceStart => "`[`",
            Self::FlowSequenceEnd => "`]`",
            Self::FlowMappingStart => "`{`",
            Self::FlowMappingEnd => "`}`",
            Self::FlowEntry => "`,`",
            Self::Value => "`:`",
            Self::Alias(_) => "an alias (`*`)",
            Self::Anchor(_) => "an anchor (`&`)",
            Self::Tag(_) => "a tag (`!`)",
            Self::Scalar { style: Style::Plain, .. } => "a word",
            Self::Scalar { style: Style::Block, .. } => "a block of text",
            Self::Scalar { .. } => "text in quotes",
        }
    }
}
