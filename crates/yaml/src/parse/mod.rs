//! From tokens to the document.

mod block;
mod flow;

use std::collections::HashMap;

use crate::{
    cursor::{Mark, unprintable},
    error::YamlError,
    hint,
    scan::Scanner,
    token::{Directive, Kind, Style, Tag, Token},
    tree::{DEPTH, Id, Raw, Shape, Tree},
};

/// Reads the one document of a text.
pub(crate) fn parse(text: &str) -> Result<Tree, YamlError> {
    if let Some((c, mark)) = unprintable(text) {
        let problem = format!("the character U+{:04X} is not allowed in YAML: remove it", u32::from(c));
        return Err(YamlError::new(mark.place(), problem));
    }
    let mut parser =
        Parser { scanner: Scanner::new(text), tree: Tree::default(), anchors: HashMap::new(), handles: HashMap::new() };
    match parser.document() {
        Ok(()) => Ok(parser.tree),
        Err(error) => Err(hint::explain(text, parser.scanner.long_quote(), error)),
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    tree: Tree,
    anchors: HashMap<String, Anchor>,
    /// What the handles of tags stand for.
    handles: HashMap<String, String>,
}

struct Anchor {
    id: Id,
    /// An alias inside the value that it refers to is found before that value ends.
    is_complete: bool,
}

#[derive(Debug, Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
    /// Where the last of them ends.
    end: Option<Mark>,
}

/// Which collections may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The value of an entry, where the items of a list may stand in the column of the key.
    Entry,
    Block,
    Flow,
}

impl<'t> Parser<'t> {
    fn document(&mut self) -> Result<(), YamlError> {
        let is_explicit = self.prologue()?;
        if self.scanner.peek()?.kind == Kind::StreamEnd && !is_explicit {
            return Ok(());
        }
        let root = if is_explicit && self.is_next(&[Kind::DocumentStart, Kind::DocumentEnd, Kind::StreamEnd])? {
            let at = self.scanner.peek()?.start;
            self.empty(at)
        } else {
            self.node(Place::Block, 0)?
        };
        self.tree.root = Some(root);
        self.epilogue()
    }

    /// Directives and `---`. Returns whether there was a `---`.
    fn prologue(&mut self) -> Result<bool, YamlError> {
        let mut has_version = false;
        let mut handles = HashMap::new();
        let mut has_directives = false;
        while let Kind::Directive(directive) = &self.scanner.peek()?.kind {
            let (directive, start) = (directive.clone(), self.scanner.next()?.start);
            has_directives = true;
            match directive {
                Directive::Yaml { major } if major != 1 || has_version => {
                    return Err(YamlError::new(start.place(), "Prefect reads YAML 1.1: remove this line"));
                }
                Directive::Yaml { .. } => has_version = true,
                Directive::Tag { handle, prefix } => {
                    if handles.insert(handle, prefix).is_some() {
                        return Err(YamlError::new(
                            start.place(),
                            "this handle is defined twice: remove one of the lines",
                        ));
                    }
                }
                Directive::Other => {}
            }
        }
        let standard = [("!", "!"), ("!!", "tag:yaml.org,2002:")];
        self.handles = standard.map(|(handle, prefix)| (handle.to_owned(), prefix.to_owned())).into();
        self.handles.extend(handles);
        let is_explicit = self.is_next(&[Kind::DocumentStart])?;
        if is_explicit {
            self.scanner.next()?;
        } else if has_directives {
            let at = self.scanner.peek()?.start;
            return Err(YamlError::new(at.place(), "a line `---` must follow the directives (`%`)"));
        }
        Ok(is_explicit)
    }

    /// Nothing may follow the document.
    fn epilogue(&mut self) -> Result<(), YamlError> {
        let mut is_ended = false;
        while self.is_next(&[Kind::DocumentEnd])? {
            self.scanner.next()?;
            is_ended = true;
        }
        let token = self.scanner.peek()?;
        let problem = match &token.kind {
            Kind::StreamEnd => return Ok(()),
            Kind::DocumentStart | Kind::Directive(_) => {
                "a second document begins here, and the file must hold one: remove the `---`, or move what follows to a \
                 file of its own"
                    .to_owned()
            }
            _ if is_ended => "the document ended above with `...`: remove that line".to_owned(),
            kind => format!("{} {}", kind.name(), hint::UNEXPECTED),
        };
        Err(YamlError::new(token.start.place(), problem))
    }

    fn is_next(&mut self, kinds: &[Kind<'_>]) -> Result<bool, YamlError> {
        Ok(kinds.contains(&self.scanner.peek()?.kind))
    }

    fn node(&mut self, place: Place, depth: usize) -> Result<Id, YamlError> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if depth > DEPTH {
            return Err(YamlError::new(start.place(), format!("the file nests deeper than {DEPTH} levels here")));
        }
        if let Kind::Alias(name) = token.kind {
            let end = self.scanner.next()?.end;
            let target = self.target(name, start)?;
            return Ok(self.tree.push(Raw { end, shape: Shape::Alias(target), ..Raw::empty(start) }));
        }
        let Properties { anchor, tag, end } = self.properties()?;
        let id = self.tree.push(Raw { anchor: anchor.clone(), tag, ..Raw::empty(start) });
        if let Some(name) = &anchor {
            self.define(name, id, start)?;
        }
        self.content(id, place, end, depth)?;
        if let Some(anchor) = anchor.and_then(|name| self.anchors.get_mut(&name)) {
            anchor.is_complete = true;
        }
        Ok(id)
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties, YamlError> {
        let mut properties = Properties::default();
        loop {
            let token = self.scanner.peek()?;
            match &token.kind {
                Kind::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some((*name).to_owned()),
                Kind::Tag(tag) if properties.tag.is_none() => {
                    let (tag, at) = (tag.clone(), token.start);
                    properties.tag = Some(self.full_tag(tag, at)?);
                }
                _ => return Ok(properties),
            }
            properties.end = Some(self.scanner.next()?.end);
        }
    }

    /// What a node is, behind its properties.
    fn content(&mut self, id: Id, place: Place, properties: Option<Mark>, depth: usize) -> Result<(), YamlError> {
        let token = self.scanner.peek()?;
        let start = token.start;
        let (shape, end) = match &token.kind {
            Kind::Scalar { .. } => self.scalar()?,
            Kind::FlowSequenceStart => self.flow_sequence(depth)?,
            Kind::FlowMappingStart => self.flow_mapping(depth)?,
            Kind::BlockEntry if place == Place::Entry => self.list_at_key(depth)?,
            Kind::BlockSequenceStart if place != Place::Flow => self.block_sequence(depth)?,
            Kind::BlockMappingStart if place != Place::Flow => self.block_mapping(depth)?,
            kind => {
                let Some(end) = properties else {
                    let problem = match kind {
                        Kind::StreamEnd => "the file ends before its brackets are closed".to_owned(),
                        _ => format!("{} cannot stand here, where a value must begin", kind.name()),
                    };
                    return Err(YamlError::new(start.place(), problem));
                };
                let raw = self.tree.node_mut(id);
                (raw.content, raw.end) = (end, end);
                return Ok(());
            }
        };
        let raw = self.tree.node_mut(id);
        (raw.content, raw.shape, raw.end) = (start, shape, end);
        Ok(())
    }

    fn scalar(&mut self) -> Result<(Shape, Mark), YamlError> {
        let Token { kind, end, .. } = self.scanner.next()?;
        let Kind::Scalar { value, style } = kind else {
            return Ok((Shape::Scalar { value: String::new(), style: Style::Plain }, end));
        };
        Ok((Shape::Scalar { value, style }, end))
    }

    /// A value that is left out.
    fn empty(&mut self, at: Mark) -> Id {
        self.tree.push(Raw::empty(at))
    }

    fn end_of(&self, id: Id) -> Mark {
        self.tree.node(id).end
    }

    fn full_tag(&self, tag: Tag, at: Mark) -> Result<String, YamlError> {
        let Some(handle) = tag.handle else { return Ok(tag.suffix) };
        match self.handles.get(&handle) {
            Some(prefix) => Ok(format!("{prefix}{}", tag.suffix)),
            None => {
                let problem = format!(
                    "the tag `{handle}{}` is not known here: remove it, or put the value in quotes if it is text",
                    tag.suffix
                );
                Err(YamlError::new(at.place(), problem))
            }
        }
    }

    fn define(&mut self, name: &str, id: Id, at: Mark) -> Result<(), YamlError> {
        if let Some(first) = self.anchors.get(name) {
            let line = self.tree.node(first.id).start.place().line;
            let problem = format!("line {line} has the anchor `&{name}` already: give one of them another name");
            return Err(YamlError::new(at.place(), problem));
        }
        self.anchors.insert(name.to_owned(), Anchor { id, is_complete: false });
        Ok(())
    }

    fn target(&self, name: &str, at: Mark) -> Result<Id, YamlError> {
        let problem = match self.anchors.get(name) {
            Some(anchor) if anchor.is_complete => return Ok(anchor.id),
            Some(_) => format!("`*{name}` stands inside the value that it refers to"),
            None => format!(
                "`*{name}` refers to an anchor that is not defined above: write `&{name}` before the value that it means, \
                 or put it in quotes if it is text"
            ),
        };
        Err(YamlError::new(at.place(), problem))
    }
}
