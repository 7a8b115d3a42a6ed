//! Values with their places.

/// Where something stands in a file. Both count from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A value and its place. An alias is the value it names, at the place of the alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub content: Content,
}

/// What a value is, by the types of YAML 1.1.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `null`, `~` or nothing at all.
    Null,
    /// `yes`, `off`, `true` and so on.
    Bool {
        /// Its value.
        value: bool,
        /// As it is written.
        written: String,
    },
    /// An integer, an octal one (`012`) or a sexagesimal one (`1:30:00`), and how it is written.
    Integer {
        /// Its value.
        value: i128,
        /// As it is written.
        written: String,
    },
    /// A float, and how it is written.
    Float {
        /// Its value.
        value: f64,
        /// As it is written.
        written: String,
    },
    /// A date or a time, as Python's `isoformat` writes it, and how it is written.
    Time {
        /// In ISO 8601.
        value: String,
        /// As it is written.
        written: String,
    },
    /// Text.
    Text(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Entries in their order, with merged ones (`<<`) put in.
    Mapping(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its key, which need not be text: YAML 1.1 reads `on:` as `true`.
    pub key: Node,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of a text key; the last one if the key is given twice, as Python has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a text key; the last one if the key is given twice, as Python has it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key.as_text() == Some(key))
    }

    /// The entries of a mapping; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.content {
            Content::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The value at a path of keys and indexes.
    #[must_use]
    pub fn at(&self, path: &[Step<'_>]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().get(*index),
        })
    }

    /// Text, if it is text: `012` and `yes` are not.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.content {
            Content::Bool { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// An integer, if it is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match &self.content {
            Content::Integer { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// A scalar as the file has it (`012`, `yes`, `2026-01-01`), text without its quotes. Null, lists and mappings have
    /// none.
    #[must_use]
    pub fn written(&self) -> Option<&str> {
        match &self.content {
            Content::Bool { written, .. }
            | Content::Integer { written, .. }
            | Content::Float { written, .. }
            | Content::Time { written, .. }
            | Content::Text(written) => Some(written),
            Content::Null | Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// What kind of value it is, for a message: "text", "a list", "an integer".
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match &self.content {
            Content::Null => "null",
            Content::Bool { .. } => "a boolean",
            Content::Integer { .. } => "an integer",
            Content::Float { .. } => "a number",
            Content::Time { value, .. } if value.contains('T') => "a time",
            Content::Time { .. } => "a date",
            Content::Text(_) => "text",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

/// One step of a path into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step<'a> {
    /// The value of a text key of a mapping.
    Key(&'a str),
    /// An item of a list; the first has index 0.
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Step::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}
