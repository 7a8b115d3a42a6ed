//! Collections between brackets.

use super::{Parser, Place};
use crate::{
    cursor::Mark,
    error::YamlError,
    token::{Kind, Token},
    tree::{Id, Item, Pair, Raw, Shape},
};

impl Parser<'_> {
    pub(super) fn flow_sequence(&mut self, depth: usize) -> Result<(Shape, Mark), YamlError> {
        let open = self.scanner.next()?;
        let close = Kind::FlowSequenceEnd;
        let mut items = Vec::new();
        while self.has_another(&open, &close, items.is_empty())? {
            let start = self.scanner.peek()?.start;
            let value = if self.is_next(&[Kind::Key])? {
                self.single_entry(depth + 1)?
            } else {
                self.node(Place::Flow, depth + 1)?
            };
            items.push(Item { start, value });
        }
        let end = self.scanner.next()?.end;
        Ok((Shape::Sequence { items, is_flow: true }, end))
    }

    /// `[key: value]`: a mapping without braces.
    fn single_entry(&mut self, depth: usize) -> Result<Id, YamlError> {
        let pair = self.flow_entry(&Kind::FlowSequenceEnd, depth)?;
        let end = self.end_of(pair.value);
        let shape = Shape::Mapping { entries: vec![pair], is_flow: true };
        Ok(self.tree.push(Raw { end, shape, ..Raw::empty(pair.start) }))
    }

    pub(super) fn flow_mapping(&mut self, depth: usize) -> Result<(Shape, Mark), YamlError> {
        let open = self.scanner.next()?;
        let close = Kind::FlowMappingEnd;
        let mut entries = Vec::new();
        while self.has_another(&open, &close, entries.is_empty())? {
            entries.push(self.flow_entry(&close, depth)?);
        }
        let end = self.scanner.next()?.end;
        Ok((Shape::Mapping { entries, is_flow: true }, end))
    }

    /// Whether another item follows: the closing bracket, or a comma before it, ends the collection.
    fn has_another(&mut self, open: &Token<'_>, close: &Kind<'_>, is_first: bool) -> Result<bool, YamlError> {
        if self.scanner.peek()?.kind == *close {
            return Ok(false);
        }
        if is_first {
            return Ok(true);
        }
        let token = self.scanner.peek()?;
        if token.kind != Kind::FlowEntry {
            let begin = open.start.place();
            let problem = format!(
                "the {} of line {}, column {}, is still open, and {} cannot follow: put `,` or {} before it",
                open.kind.name(),
                begin.line,
                begin.column,
                token.kind.name(),
                close.name()
            );
            return Err(YamlError::new(token.start.place(), problem));
        }
        self.scanner.next()?;
        Ok(self.scanner.peek()?.kind != *close)
    }

    fn flow_entry(&mut self, close: &Kind<'_>, depth: usize) -> Result<Pair, YamlError> {
        let start = self.scanner.peek()?.start;
        if !self.is_next(&[Kind::Key])? {
            // A key alone, as in `{key}`. With a `:` on a later line it would be no key in YAML 1.1.
            let key = self.node(Place::Flow, depth + 1)?;
            let value = self.empty(self.end_of(key));
            return Ok(Pair { start, key, colon: None, value });
        }
        let at = self.scanner.next()?.end;
        let key = self.flow_part(at, &[Kind::Value, Kind::FlowEntry, close.clone()], depth)?;
        if !self.is_next(&[Kind::Value])? {
            let value = self.empty(self.end_of(key));
            return Ok(Pair { start, key, colon: None, value });
        }
        let colon = self.scanner.next()?.end;
        let value = self.flow_part(colon, &[Kind::FlowEntry, close.clone()], depth)?;
        Ok(Pair { start, key, colon: Some(colon), value })
    }

    /// A key or a value, which may be left out.
    fn flow_part(&mut self, at: Mark, without: &[Kind<'_>], depth: usize) -> Result<Id, YamlError> {
        if self.is_next(without)? { Ok(self.empty(at)) } else { self.node(Place::Flow, depth + 1) }
    }
}
