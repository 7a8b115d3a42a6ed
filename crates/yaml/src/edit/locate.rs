//! Where in the text a path leads.

use super::{Document, EditError, path_text};
use crate::{
    cursor::Mark,
    node::Step,
    scalar::{self, Kind},
    token::Style,
    tree::{Id, Pair, Raw, Shape, Tree},
};

/// A value and what holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) id: Id,
    pub(super) holder: Holder,
    /// Whether it stands between brackets.
    pub(super) is_in_flow: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    Document,
    Entry { mapping: Id, index: usize },
    Item { list: Id, index: usize },
}

/// How far a path leads.
#[derive(Debug)]
pub(super) enum Found<'p> {
    Value(Spot),
    /// The value at the spot has no such key, or is null.
    Missing {
        at: Spot,
        rest: &'p [Step<'p>],
    },
    /// The text holds no document.
    NoDocument,
}

impl Document<'_> {
    /// Follows a path. All values on it will be changed, so no alias may use them unless it may change along.
    pub(super) fn find<'p>(&self, path: &'p [Step<'p>], reaches_aliases: bool) -> Result<Found<'p>, EditError> {
        let Some(root) = self.tree.root else { return Ok(Found::NoDocument) };
        let mut spot = Spot { id: root, holder: Holder::Document, is_in_flow: false };
        for (depth, step) in path.iter().enumerate() {
            let here = &path[..depth];
            let raw = self.tree.node(spot.id);
            self.refuse_shared(spot.id, here, reaches_aliases)?;
            let (holder, id, is_flow) = match (&raw.shape, step) {
                (Shape::Mapping { entries, is_flow }, Step::Key(key)) => {
                    match entries.iter().rposition(|pair| self.is_key(pair, key)) {
                        Some(index) => (Holder::Entry { mapping: spot.id, index }, entries[index].value, *is_flow),
                        None => return Ok(Found::Missing { at: spot, rest: &path[depth..] }),
                    }
                }
                (Shape::Sequence { items, is_flow }, Step::Index(index)) => match items.get(*index) {
                    Some(item) => (Holder::Item { list: spot.id, index: *index }, item.value, *is_flow),
                    None => return Err(EditError::NotFound { path: path_text(&path[..=depth]) }),
                },
                _ if self.is_null(raw) => return Ok(Found::Missing { at: spot, rest: &path[depth..] }),
                (_, Step::Key(_)) => return Err(self.kind(raw, here, "a mapping")),
                (_, Step::Index(_)) => return Err(self.kind(raw, here, "a list")),
            };
            spot = Spot { id, holder, is_in_flow: spot.is_in_flow || is_flow };
        }
        Ok(Found::Value(spot))
    }

    /// The value may be no alias, nor used through one unless that may change along.
    pub(super) fn refuse_shared(&self, id: Id, path: &[Step<'_>], reaches_aliases: bool) -> Result<(), EditError> {
        let raw = self.tree.node(id);
        if let Shape::Alias(target) = raw.shape {
            let anchored = self.tree.node(target);
            return Err(EditError::Alias {
                place: raw.start.place(),
                path: path_text(path),
                anchor: anchored.anchor.clone().unwrap_or_default(),
                anchored: anchored.start.place(),
            });
        }
        match self.uses().find(|(_, target)| *target == id && !reaches_aliases) {
            Some((used, _)) => Err(anchored(raw, used)),
            None => Ok(()),
        }
    }

    /// What is taken away may hold no anchor that something else needs.
    pub(super) fn refuse_needed(&self, start: Mark, end: Mark) -> Result<(), EditError> {
        let is_inside = |mark: Mark| (start.byte..end.byte).contains(&mark.byte);
        let needed = self.uses().map(|(used, target)| (used, self.tree.node(target)));
        match needed.into_iter().find(|(used, raw)| is_inside(raw.start) && !is_inside(*used)) {
            Some((used, raw)) => Err(anchored(raw, used)),
            None => Ok(()),
        }
    }

    /// Where aliases stand, and what they stand for.
    fn uses(&self) -> impl Iterator<Item = (Mark, Id)> {
        self.tree.nodes().filter_map(|raw| match raw.shape {
            Shape::Alias(target) => Some((raw.start, target)),
            _ => None,
        })
    }

    fn is_key(&self, pair: &Pair, key: &str) -> bool {
        text_of(&self.tree, pair.key) == Some(key)
    }

    /// A key that a mapping has itself.
    pub(super) fn own_key(&self, mapping: Id, key: &str) -> Option<Id> {
        match &self.tree.node(mapping).shape {
            Shape::Mapping { entries, .. } => entries.iter().rfind(|pair| self.is_key(pair, key)).map(|pair| pair.key),
            _ => None,
        }
    }

    /// Whether the first missing key comes from a mapping behind `<<`.
    pub(super) fn is_merged(&self, at: Spot, path: &[Step<'_>], rest: &[Step<'_>]) -> bool {
        let Some(Step::Key(key)) = rest.first() else { return false };
        let mapping = self.node.at(&path[..path.len() - rest.len()]);
        self.own_key(at.id, key).is_none() && mapping.is_some_and(|mapping| mapping.get(key).is_some())
    }

    pub(super) fn is_null(&self, raw: &Raw) -> bool {
        match (&raw.shape, raw.tag.as_deref()) {
            (Shape::Scalar { value, style: Style::Plain }, None) => scalar::kind_of(value) == Kind::Null,
            _ => false,
        }
    }

    pub(super) fn kind(&self, raw: &Raw, path: &[Step<'_>], wanted: &'static str) -> EditError {
        let found = self.node.at(path).map_or("another value", crate::Node::kind_name);
        EditError::Kind { place: raw.content.place(), path: path_text(path), found, wanted }
    }
}

fn anchored(raw: &Raw, used: Mark) -> EditError {
    let anchor = raw.anchor.clone().unwrap_or_default();
    EditError::Anchored { place: raw.start.place(), anchor, used: used.place() }
}

/// The text of a key.
pub(super) fn text_of(tree: &Tree, id: Id) -> Option<&str> {
    let raw = tree.node(id);
    match (&raw.shape, raw.tag.as_deref()) {
        (Shape::Scalar { value, style: Style::Plain }, None) if scalar::kind_of(value) != Kind::Text => None,
        (Shape::Scalar { value, .. }, None | Some("tag:yaml.org,2002:str")) => Some(value),
        _ => None,
    }
}
