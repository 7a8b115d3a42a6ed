//! From the document as it is written to values: tags, types, aliases and merged mappings, as PyYAML's `safe_load` has them.

use base64::Engine as _;

use crate::{
    error::YamlError,
    hint,
    merge::Merger,
    node::{Content, Entry, Node, Place},
    scalar::{self, Kind},
    timestamp,
    token::Style,
    tree::{DEPTH, Id, Item, Pair, Raw, Shape, Tree},
};

const STANDARD: &str = "tag:yaml.org,2002:";

/// What aliases may copy, in bytes: a few lines of aliases of aliases would fill any memory.
const COPIES: usize = 16 << 20;

/// What a copied node costs beside its text.
const NODE: usize = 64;

pub(crate) fn construct(tree: &Tree) -> Result<Node, YamlError> {
    match tree.root {
        None => Ok(Node { place: Place { line: 1, column: 1 }, content: Content::Null }),
        Some(root) => Constructor { tree, copies: 0 }.node(root, Reach::default()),
    }
}

/// How a node is reached.
#[derive(Debug, Clone, Copy, Default)]
struct Reach {
    depth: usize,
    /// The alias through which the node is copied.
    alias: Option<Place>,
}

impl Reach {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

struct Constructor<'t> {
    tree: &'t Tree,
    copies: usize,
}

impl<'t> Constructor<'t> {
    fn node(&mut self, id: Id, reach: Reach) -> Result<Node, YamlError> {
        let raw = self.tree.node(id);
        let place = raw.start.place();
        self.spend(raw, reach)?;
        match &raw.shape {
            Shape::Alias(target) => {
                let alias = Some(reach.alias.unwrap_or(place));
                let node = self.node(*target, Reach { alias, depth: reach.depth + 1 })?;
                Ok(Node { place, ..node })
            }
            Shape::Scalar { value, style } => {
                scalar_content(raw.tag.as_deref(), value, *style, place).map(|content| Node { place, content })
            }
            Shape::Sequence { items, .. } => {
                let content = match standard_tag(raw, "a list", &["seq", "omap", "pairs"])? {
                    Some("omap" | "pairs") => self.pairs(items, reach)?,
                    _ => Content::Sequence(self.nodes(items, reach)?),
                };
                Ok(Node { place, content })
            }
            Shape::Mapping { entries, .. } => {
                let is_set = standard_tag(raw, "a mapping", &["map", "set"])? == Some("set");
                let entries = self.entries(entries, place, reach)?;
                let content = if is_set {
                    Content::Sequence(crate::merge::unique(entries).into_iter().map(|entry| entry.key).collect())
                } else {
                    Content::Mapping(entries)
                };
                Ok(Node { place, content })
            }
        }
    }

    /// Bounds the depth, and what aliases copy.
    fn spend(&mut self, raw: &Raw, reach: Reach) -> Result<(), YamlError> {
        let place = reach.alias.unwrap_or_else(|| raw.start.place());
        if reach.depth > DEPTH {
            return Err(YamlError::new(place, format!("the value nests deeper than {DEPTH} levels here")));
        }
        if reach.alias.is_some() {
            let text = if let Shape::Scalar { value, .. } = &raw.shape { value.len() } else { 0 };
            self.copies += NODE + text;
            if self.copies > COPIES {
                let problem =
                    format!("aliases (`*name`) copy more than {} MiB up to here: use fewer of them", COPIES >> 20);
                return Err(YamlError::new(place, problem));
            }
        }
        Ok(())
    }

    fn nodes(&mut self, items: &[Item], reach: Reach) -> Result<Vec<Node>, YamlError> {
        items.iter().map(|item| self.node(item.value, reach.deeper())).collect()
    }

    fn entries(&mut self, entries: &'t [Pair], at: Place, reach: Reach) -> Result<Vec<Entry>, YamlError> {
        let mut merger = Merger::default();
        for Pair { key, value, .. } in entries {
            if self.is_merge(*key) {
                self.merge(&mut merger, *value, reach.deeper())?;
                continue;
            }
            let key = self.key(*key, at, reach.deeper())?;
            let value = self.node(*value, reach.deeper())?;
            merger.own(Entry { key, value });
        }
        Ok(merger.finish())
    }

    /// Whether a key is a plain `<<`.
    fn is_merge(&self, key: Id) -> bool {
        let raw = self.tree.node(key);
        match (&raw.shape, raw.tag.as_deref()) {
            (Shape::Scalar { value, style: Style::Plain }, None) => value == "<<",
            (Shape::Scalar { .. }, Some(tag)) => tag == "tag:yaml.org,2002:merge",
            _ => false,
        }
    }

    fn merge(&mut self, merger: &mut Merger, value: Id, reach: Reach) -> Result<(), YamlError> {
        let node = self.node(value, reach)?;
        match node.content {
            Content::Mapping(entries) => merger.merged(entries),
            Content::Sequence(items) => {
                // The first mapping of the list wins, so it is put in last.
                for item in items.into_iter().rev() {
                    let place = item.place;
                    let kind = item.kind_name();
                    let Content::Mapping(entries) = item.content else {
                        return Err(YamlError::new(place, format!("`<<` merges mappings, and this is {kind}")));
                    };
                    merger.merged(entries);
                }
            }
            _ => {
                let problem = format!("`<<` merges a mapping or a list of mappings, and this is {}", node.kind_name());
                return Err(YamlError::new(node.place, problem));
            }
        }
        Ok(())
    }

    fn key(&mut self, id: Id, mapping: Place, reach: Reach) -> Result<Node, YamlError> {
        let raw = self.tree.node(id);
        if let Shape::Scalar { value, style: Style::Plain } = &raw.shape
            && value == "="
            && raw.tag.is_none()
        {
            return Ok(Node { place: raw.start.place(), content: Content::Text(value.clone()) });
        }
        let key = self.node(id, reach)?;
        match key.content {
            Content::Mapping(_) if key.place.line == mapping.line && key.place.column == mapping.column + 1 => {
                Err(YamlError::new(mapping, hint::PLACEHOLDER))
            }
            Content::Mapping(_) | Content::Sequence(_) => {
                let problem = format!("a key must be one word or text, and this is {}", key.kind_name());
                Err(YamlError::new(key.place, problem))
            }
            _ => Ok(key),
        }
    }

    /// Mappings of one entry each, which Python holds as pairs.
    fn pairs(&mut self, items: &'t [Item], reach: Reach) -> Result<Content, YamlError> {
        let mut pairs = Vec::new();
        for item in items {
            let mut item = item.value;
            while let Shape::Alias(target) = &self.tree.node(item).shape {
                item = *target;
            }
            let raw = self.tree.node(item);
            let place = raw.start.place();
            let Shape::Mapping { entries, .. } = &raw.shape else {
                return Err(YamlError::new(place, "an ordered map is a list of mappings with one entry each"));
            };
            let [Pair { key, value, .. }] = entries.as_slice() else {
                let problem = format!("an ordered map has one entry in each item, and this item has {}", entries.len());
                return Err(YamlError::new(place, problem));
            };
            let reach = reach.deeper().deeper();
            let pair = vec![self.node(*key, reach)?, self.node(*value, reach)?];
            pairs.push(Node { place, content: Content::Sequence(pair) });
        }
        Ok(Content::Sequence(pairs))
    }
}

/// The standard tag of a collection, without its prefix, if it is one of the allowed.
fn standard_tag<'r>(raw: &'r Raw, kind: &str, allowed: &[&str]) -> Result<Option<&'r str>, YamlError> {
    let Some(tag) = raw.tag.as_deref().filter(|tag| *tag != "!") else { return Ok(None) };
    match tag.strip_prefix(STANDARD) {
        Some(name) if allowed.contains(&name) => Ok(Some(name)),
        Some(name) if SCALARS.contains(&name) || COLLECTIONS.contains(&name) => {
            Err(YamlError::new(raw.start.place(), format!("`!!{name}` stands before {kind}: remove it")))
        }
        _ => Err(unknown_tag(tag, raw.start.place())),
    }
}

const SCALARS: &[&str] = &["null", "bool", "int", "float", "binary", "timestamp", "str"];
const COLLECTIONS: &[&str] = &["seq", "map", "set", "omap", "pairs"];

fn unknown_tag(tag: &str, place: Place) -> YamlError {
    let written = match tag.strip_prefix(STANDARD) {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    };
    YamlError::new(
        place,
        format!(
            "the tag `{written}` is not known here: remove it, or put the value in quotes if the `!` belongs to it"
        ),
    )
}

fn scalar_content(tag: Option<&str>, value: &str, style: Style, place: Place) -> Result<Content, YamlError> {
    let kind = match tag {
        None if style != Style::Plain => Kind::Text,
        None | Some("!") => scalar::kind_of(value),
        Some(tag) => match tag.strip_prefix(STANDARD) {
            Some("str") => Kind::Text,
            Some("null") => Kind::Null,
            Some("bool") => Kind::Bool,
            Some("int") => Kind::Integer,
            Some("float") => Kind::Float,
            Some("timestamp") => Kind::Timestamp,
            Some("binary") => return binary(value, place),
            Some(name) if COLLECTIONS.contains(&name) => {
                return Err(YamlError::new(place, format!("`!!{name}` stands before a single value: remove it")));
            }
            _ => return Err(unknown_tag(tag, place)),
        },
    };
    content_of(kind, value).ok_or_else(|| {
        let problem = match kind {
            Kind::Bool => "the value is no boolean: write `true` or `false`".to_owned(),
            Kind::Integer if scalar::kind_of(value) == Kind::Integer => {
                "the integer does not fit into 64 bits: put it in quotes if it is text".to_owned()
            }
            Kind::Integer => "the value is no integer: remove its tag".to_owned(),
            Kind::Float => "the value is no number: remove its tag".to_owned(),
            Kind::Timestamp => {
                "the value is read as a date or time, and there is no such one: put it in quotes if it is text"
                    .to_owned()
            }
            _ => format!("a plain `{value}` has a meaning of its own in YAML: put it in quotes"),
        };
        YamlError::new(place, problem)
    })
}

fn content_of(kind: Kind, value: &str) -> Option<Content> {
    let written = value.to_owned();
    Some(match kind {
        Kind::Null => Content::Null,
        Kind::Bool => Content::Bool { value: scalar::boolean(value)?, written },
        Kind::Integer => Content::Integer { value: scalar::integer(value)?, written },
        Kind::Float => Content::Float { value: scalar::float(value)?, written },
        Kind::Timestamp => Content::Time { value: timestamp::iso(value)?, written },
        Kind::Text => Content::Text(written),
        Kind::Merge | Kind::Default => return None,
    })
}

/// Bytes, which Prefect sends as the text they spell.
fn binary(value: &str, place: Place) -> Result<Content, YamlError> {
    // Python skips all characters that are not of Base64, line breaks among them.
    let digits: String = value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(digits).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Content::Text)
        .ok_or_else(|| YamlError::new(place, "`!!binary` is not Base64 of text in UTF-8"))
}
