//! Changes in the text of a YAML file.

mod cut;
mod emit;
mod error;
mod lines;
mod locate;
mod model;
mod put;
mod style;
mod update;

use std::ops::Range;

use serde_json::{Map, Value};

pub use self::error::EditError;
use self::{
    lines::Lines,
    locate::{Found, Holder, Spot},
    style::Style,
};
use crate::{
    construct::construct,
    cursor::Mark,
    error::YamlError,
    node::{Node, Step},
    parse::parse,
    tree::{Id, Pair, Shape, Tree},
};

/// A YAML file that is changed. Comments, order, quotes, indentation and line breaks stay as they are outside of a change.
///
/// ```
/// use serde_json::json;
///
/// # fn main() -> Result<(), yaml::EditError> {
/// let mut file = yaml::Editor::new("# ours\nname: etl   # the project\ndeployments: []\n")?;
/// file.set(&["name".into()], &json!("012"))?;
/// file.append(&["deployments".into()], &json!({"name": "nightly", "tags": ["a"]}))?;
/// assert_eq!(
///     file.text(),
///     "# ours\nname: \"012\"   # the project\ndeployments:\n- name: nightly\n  tags:\n  - a\n"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Editor {
    text: String,
    /// Whether a change may reach aliases.
    reaches_aliases: bool,
}

impl Editor {
    /// Takes a text; an empty one for a new file.
    ///
    /// # Errors
    /// The text is not one YAML document.
    pub fn new(text: impl Into<String>) -> Result<Self, YamlError> {
        let text = text.into();
        crate::read(&text)?;
        Ok(Self { text, reaches_aliases: false })
    }

    /// Allows changes of values that aliases use. The aliases change along.
    #[must_use]
    pub fn through_aliases(self) -> Self {
        Self { reaches_aliases: true, ..self }
    }

    /// The text with all changes up to here.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives up the editor for its text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// Sets the value at a path. Keys that are missing, or null, are made.
    ///
    /// # Errors
    /// The path does not fit the file, or an alias would change along.
    pub fn set(&mut self, path: &[Step<'_>], value: &Value) -> Result<(), EditError> {
        let document = Document::read(&self.text)?;
        let splices = match self.find(&document, path)? {
            Found::Value(spot) => {
                let raw = document.tree.node(spot.id);
                document.refuse_needed(raw.start, raw.end)?;
                document.replace(spot, value)
            }
            Found::Missing { at, rest } => document.add(at, path, rest, value)?,
            Found::NoDocument => document.create(&whole(path, value)?),
        };
        let line_break = document.style.line_break;
        self.apply(Edit { splices, line_break, path, part: path }, |model| model::set(model, path, value.clone()))
    }

    /// Adds an item to the list at a path, which is made if it is missing, null or empty.
    ///
    /// # Errors
    /// The path does not fit the file, or an alias would change along.
    pub fn append(&mut self, path: &[Step<'_>], value: &Value) -> Result<(), EditError> {
        let document = Document::read(&self.text)?;
        let list = Value::Array(vec![value.clone()]);
        let splices = match self.find(&document, path)? {
            Found::Value(spot) => {
                document.refuse_shared(spot.id, path, self.reaches_aliases)?;
                let raw = document.tree.node(spot.id);
                if !matches!(raw.shape, Shape::Sequence { .. }) && !document.is_null(raw) {
                    return Err(document.kind(raw, path, "a list"));
                }
                document.add_item(spot, value)
            }
            Found::Missing { at, rest } if document.is_merged(at, path, rest) => {
                return Err(document.merged(at, path, rest));
            }
            Found::Missing { at, rest } => document.add(at, path, rest, &list)?,
            Found::NoDocument => document.create(&whole(path, &list)?),
        };
        let line_break = document.style.line_break;
        self.apply(Edit { splices, line_break, path, part: path }, |model| model::append(model, path, value.clone()))
    }

    /// Takes away the entry or item at a path, with its own comments: those behind it, and those right above it in its
    /// column.
    ///
    /// # Errors
    /// The path does not fit the file, or an alias would change along.
    pub fn remove(&mut self, path: &[Step<'_>]) -> Result<(), EditError> {
        let document = Document::read(&self.text)?;
        let spot = document.existing(path, self.reaches_aliases)?;
        let (_, parent) = path.split_last().ok_or_else(|| EditError::NotFound { path: path_text(path) })?;
        let (start, end) = document.span(spot);
        document.refuse_needed(start, end)?;
        let splices = document.cut(spot, document.existing(parent, self.reaches_aliases)?);
        let line_break = document.style.line_break;
        self.apply(Edit { splices, line_break, path, part: parent }, |model| model::remove(model, path))
    }

    /// Gives the key at a path another name.
    ///
    /// # Errors
    /// The path does not fit the file, the mapping has the new key already, or an alias would change along.
    pub fn rename(&mut self, path: &[Step<'_>], to: &str) -> Result<(), EditError> {
        let document = Document::read(&self.text)?;
        let spot = document.existing(path, self.reaches_aliases)?;
        let splices = document.rename(spot, path, to)?;
        let parent = path.split_last().map_or(path, |(_, parent)| parent);
        let line_break = document.style.line_break;
        self.apply(Edit { splices, line_break, path, part: parent }, |model| model::rename(model, path, to))
    }

    /// Follows a path for a change.
    fn find<'p>(&self, document: &Document<'_>, path: &'p [Step<'p>]) -> Result<Found<'p>, EditError> {
        document.find(path, self.reaches_aliases)
    }

    /// Makes a change, if reading its result gives what was wanted.
    fn apply(&mut self, edit: Edit<'_>, change: impl FnOnce(&mut Value) -> Option<()>) -> Result<(), EditError> {
        let Edit { splices, line_break, path, part } = edit;
        let layout = || EditError::Layout { path: path_text(path) };
        let mut wanted = model::of(&crate::read(&self.text)?);
        change(&mut wanted).ok_or_else(layout)?;
        let part = if self.reaches_aliases { part } else { &[] };
        let wanted = model::at(&mut wanted, part).ok_or_else(layout)?;
        let is_wanted = |text: &str| {
            let read = crate::read(text).ok();
            read.is_some_and(|read| model::at(&mut model::of(&read), part).is_some_and(|value| value == wanted))
        };
        let mut text = spliced(&self.text, &splices);
        if !is_wanted(&text) {
            // Text that ends with a line break needs one when it comes to stand at the end of a file without one.
            text.push_str(line_break);
            if !is_wanted(&text) {
                return Err(layout());
            }
        }
        self.text = text;
        Ok(())
    }
}

/// A change before it is made.
struct Edit<'p> {
    splices: Vec<Splice>,
    line_break: &'static str,
    path: &'p [Step<'p>],
    /// What must be as wanted afterwards if aliases may change along; otherwise the whole document must be.
    part: &'p [Step<'p>],
}

/// A part of the text, and what comes in its place.
#[derive(Debug)]
struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    fn insert(at: usize, text: String) -> Self {
        Self { range: at..at, text }
    }
}

/// Splices stand in the order of the text.
fn spliced(text: &str, splices: &[Splice]) -> String {
    let mut result = text.to_owned();
    for Splice { range, text } in splices.iter().rev() {
        result.replace_range(range.clone(), text);
    }
    result
}

/// A text and what was read from it.
struct Document<'t> {
    text: &'t str,
    tree: Tree,
    node: Node,
    style: Style,
}

impl<'t> Document<'t> {
    fn read(text: &'t str) -> Result<Self, YamlError> {
        let tree = parse(text)?;
        let node = construct(&tree)?;
        let style = Style::of(text, &tree);
        Ok(Self { text, tree, node, style })
    }

    fn lines(&self) -> Lines<'t> {
        Lines(self.text)
    }

    /// The value at a path that must be there.
    fn existing(&self, path: &[Step<'_>], reaches_aliases: bool) -> Result<Spot, EditError> {
        match self.find(path, reaches_aliases)? {
            Found::Value(spot) => Ok(spot),
            Found::Missing { at, rest } if self.is_merged(at, path, rest) => Err(self.merged(at, path, rest)),
            _ => Err(EditError::NotFound { path: path_text(path) }),
        }
    }

    /// Adds an entry for a path whose rest is missing.
    fn add(&self, at: Spot, path: &[Step<'_>], rest: &[Step<'_>], value: &Value) -> Result<Vec<Splice>, EditError> {
        let not_found = || EditError::NotFound { path: path_text(path) };
        let (Step::Key(key), deeper) = rest.split_first().ok_or_else(not_found)? else { return Err(not_found()) };
        if !deeper.is_empty() && self.is_merged(at, path, rest) {
            return Err(self.merged(at, path, rest));
        }
        let value = nested(deeper, value.clone()).ok_or_else(not_found)?;
        Ok(self.add_entry(at, key, &value))
    }

    fn merged(&self, at: Spot, path: &[Step<'_>], rest: &[Step<'_>]) -> EditError {
        let missing = &path[..=path.len() - rest.len()];
        EditError::Merged { place: self.tree.node(at.id).content.place(), path: path_text(missing) }
    }

    /// Begin and end of an entry, an item or the document.
    fn span(&self, spot: Spot) -> (Mark, Mark) {
        let value = self.tree.node(spot.id);
        let start = match spot.holder {
            Holder::Entry { mapping, index } => self.pair(mapping, index).map(|pair| pair.start),
            Holder::Item { .. } | Holder::Document => None,
        };
        (start.unwrap_or(value.start), value.end)
    }

    fn pair(&self, mapping: Id, index: usize) -> Option<Pair> {
        match &self.tree.node(mapping).shape {
            Shape::Mapping { entries, .. } => entries.get(index).copied(),
            _ => None,
        }
    }

    fn rename(&self, spot: Spot, path: &[Step<'_>], to: &str) -> Result<Vec<Splice>, EditError> {
        let not_found = || EditError::NotFound { path: path_text(path) };
        let Holder::Entry { mapping, index } = spot.holder else { return Err(not_found()) };
        let key = self.pair(mapping, index).ok_or_else(not_found)?.key;
        self.refuse_shared(key, path, false)?;
        if let Some(taken) = self.own_key(mapping, to).filter(|taken| *taken != key) {
            return Err(EditError::Taken { place: self.tree.node(taken).start.place(), key: to.to_owned() });
        }
        let key = self.tree.node(key);
        let text = self.style.text(to, spot.is_in_flow);
        Ok(vec![Splice { range: key.start.byte..key.end.byte, text }])
    }
}

/// The value of a whole new document.
fn whole(path: &[Step<'_>], value: &Value) -> Result<Value, EditError> {
    nested(path, value.clone()).ok_or_else(|| EditError::NotFound { path: path_text(path) })
}

/// A value with the mappings around it that a path leads through. Nothing can be made for an index.
fn nested(path: &[Step<'_>], value: Value) -> Option<Value> {
    path.iter().rev().try_fold(value, |value, step| match step {
        Step::Key(key) => Some(Value::Object(Map::from_iter([((*key).to_owned(), value)]))),
        Step::Index(_) => None,
    })
}

/// `deployments[0].name`.
fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    if text.is_empty() { "the document".to_owned() } else { text }
}
