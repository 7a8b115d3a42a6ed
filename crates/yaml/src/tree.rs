//! The document as it is written: aliases not followed, scalars not resolved, with the span of every node.

use std::collections::HashMap;

use crate::{
    error::YamlError,
    event::{Data, Event, Mark, Properties, Style},
    parser::Parser,
};

/// Deeper documents are refused.
pub(crate) const DEPTH: usize = 128;

/// Which node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(usize);

#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) start: Mark,
    pub(crate) end: Mark,
    pub(crate) properties: Properties,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Alias(Id),
    Scalar { value: String, style: Style },
    Sequence { items: Vec<Id>, is_flow: bool },
    Mapping { entries: Vec<(Id, Id)>, is_flow: bool },
}

/// A document. Ids are given when a node begins, so that an anchored node is known before its end.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Raw>,
    /// Nothing if the text has no document.
    pub(crate) root: Option<Id>,
}

impl Tree {
    /// Reads the one document of a text.
    pub(crate) fn read(text: &str) -> Result<Self, YamlError> {
        Composer { parser: Parser::new(text), nodes: Vec::new(), anchors: HashMap::new() }.document()
    }

    pub(crate) fn node(&self, id: Id) -> &Raw {
        &self.nodes[id.0]
    }
}

struct Anchor {
    id: Id,
    is_complete: bool,
}

struct Composer<'t> {
    parser: Parser<'t>,
    nodes: Vec<Raw>,
    anchors: HashMap<String, Anchor>,
}

impl<'t> Composer<'t> {
    fn document(mut self) -> Result<Tree, YamlError> {
        let first = self.parser.next()?;
        if first.data == Data::StreamEnd {
            return Ok(Tree { nodes: self.nodes, root: None });
        }
        let event = self.parser.next()?;
        let root = self.node(event, 0)?;
        self.parser.next()?;
        let after = self.parser.next()?;
        if after.data != Data::StreamEnd {
            let problem = "a second document begins here, but one file holds one document: remove the `---`, or move \
                           what follows to a file of its own";
            return Err(YamlError::new(after.start.place(), problem));
        }
        Ok(Tree { nodes: self.nodes, root: Some(root) })
    }

    fn node(&mut self, event: Event<'t>, depth: usize) -> Result<Id, YamlError> {
        let Event { data, start, end } = event;
        if depth > DEPTH {
            let problem = format!("nested deeper than {DEPTH} levels");
            return Err(YamlError::new(start.place(), problem));
        }
        match data {
            Data::Alias(name) => {
                let target = self.target(&name, start)?;
                Ok(self.push(Raw { start, end, properties: Properties::default(), shape: Shape::Alias(target) }))
            }
            Data::Scalar { properties, value, style } => {
                let shape = Shape::Scalar { value: value.into_owned(), style };
                self.anchored(Raw { start, end, properties, shape }, |_, _| Ok(None))
            }
            Data::SequenceStart { properties, is_flow } => {
                let shape = Shape::Sequence { items: Vec::new(), is_flow };
                self.anchored(Raw { start, end, properties, shape }, |this, id| this.items(id, depth).map(Some))
            }
            Data::MappingStart { properties, is_flow } => {
                let shape = Shape::Mapping { entries: Vec::new(), is_flow };
                self.anchored(Raw { start, end, properties, shape }, |this, id| this.entries(id, depth).map(Some))
            }
            _ => Err(YamlError::new(start.place(), "a value is missing here")),
        }
    }

    fn push(&mut self, raw: Raw) -> Id {
        self.nodes.push(raw);
        Id(self.nodes.len() - 1)
    }

    /// A node that may have an anchor, which is complete when its content is.
    fn anchored(
        &mut self,
        raw: Raw,
        content: impl FnOnce(&mut Self, Id) -> Result<Option<Mark>, YamlError>,
    ) -> Result<Id, YamlError> {
        let (start, anchor) = (raw.start, raw.properties.anchor.clone());
        let id = self.push(raw);
        if let Some(name) = &anchor {
            if let Some(first) = self.anchors.get(name) {
                let line = self.nodes[first.id.0].start.place().line;
                let problem =
                    format!("the anchor `&{name}` is already used on line {line}: give one of them another name");
                return Err(YamlError::new(start.place(), problem));
            }
            self.anchors.insert(name.clone(), Anchor { id, is_complete: false });
        }
        if let Some(end) = content(self, id)? {
            self.nodes[id.0].end = end;
        }
        if let Some(anchor) = anchor.and_then(|name| self.anchors.get_mut(&name)) {
            anchor.is_complete = true;
        }
        Ok(id)
    }

    fn items(&mut self, id: Id, depth: usize) -> Result<Mark, YamlError> {
        let mut found = Vec::new();
        loop {
            let event = self.parser.next()?;
            if event.data == Data::SequenceEnd {
                if let Shape::Sequence { items, .. } = &mut self.nodes[id.0].shape {
                    *items = found;
                }
                return Ok(event.end);
            }
            found.push(self.node(event, depth + 1)?);
        }
    }

    fn entries(&mut self, id: Id, depth: usize) -> Result<Mark, YamlError> {
        let mut found = Vec::new();
        loop {
            let event = self.parser.next()?;
            if event.data == Data::MappingEnd {
                if let Shape::Mapping { entries, .. } = &mut self.nodes[id.0].shape {
                    *entries = found;
                }
                return Ok(event.end);
            }
            let key = self.node(event, depth + 1)?;
            let value = self.parser.next()?;
            found.push((key, self.node(value, depth + 1)?));
        }
    }

    fn target(&self, name: &str, at: Mark) -> Result<Id, YamlError> {
        match self.anchors.get(name) {
            Some(anchor) if anchor.is_complete => Ok(anchor.id),
            Some(_) => Err(YamlError::new(at.place(), format!("`*{name}` stands inside the value that it refers to"))),
            None => {
                let problem = format!(
                    "`*{name}` refers to an anchor that is not defined above: write `&{name}` before the value it means, \
                     or put the value in quotes if it is text"
                );
                Err(YamlError::new(at.place(), problem))
            }
        }
    }
}
