//! Collections by indentation.

use super::{Parser, Place};
use crate::{
    cursor::Mark,
    error::YamlError,
    hint,
    token::{Kind, Token},
    tree::{Id, Item, Pair, Shape},
};

impl Parser<'_> {
    pub(super) fn block_sequence(&mut self, depth: usize) -> Result<(Shape, Mark), YamlError> {
        let open = self.scanner.next()?;
        let (items, end) = self.items(&[Kind::BlockEntry, Kind::BlockEnd], depth)?;
        self.block_end(&open, "list")?;
        Ok((Shape::Sequence { items, is_flow: false }, end.unwrap_or(open.end)))
    }

    /// A list whose items stand in the column of the key above. Nothing but another token than `-` ends it.
    pub(super) fn list_at_key(&mut self, depth: usize) -> Result<(Shape, Mark), YamlError> {
        let start = self.scanner.peek()?.start;
        let (items, end) = self.items(&[Kind::BlockEntry, Kind::Key, Kind::Value, Kind::BlockEnd], depth)?;
        Ok((Shape::Sequence { items, is_flow: false }, end.unwrap_or(start)))
    }

    /// Items, and where the last one ends. `empty` tokens leave an item without a value.
    fn items(&mut self, empty: &[Kind<'_>], depth: usize) -> Result<(Vec<Item>, Option<Mark>), YamlError> {
        let (mut items, mut last) = (Vec::new(), None);
        while self.is_next(&[Kind::BlockEntry])? {
            let Token { start, end, .. } = self.scanner.next()?;
            let value = if self.is_next(empty)? { self.empty(end) } else { self.node(Place::Block, depth + 1)? };
            last = Some(self.end_of(value));
            items.push(Item { start, value });
        }
        Ok((items, last))
    }

    pub(super) fn block_mapping(&mut self, depth: usize) -> Result<(Shape, Mark), YamlError> {
        let open = self.scanner.next()?;
        let mut entries = Vec::new();
        let mut end = open.end;
        while self.is_next(&[Kind::Key])? {
            let pair = self.block_entry(depth)?;
            end = self.end_of(pair.value);
            entries.push(pair);
        }
        self.block_end(&open, "mapping")?;
        Ok((Shape::Mapping { entries, is_flow: false }, end))
    }

    fn block_entry(&mut self, depth: usize) -> Result<Pair, YamlError> {
        let Token { start, end, .. } = self.scanner.next()?;
        let key = self.entry_part(end, depth)?;
        let (colon, value) = if self.is_next(&[Kind::Value])? {
            let colon = self.scanner.next()?.end;
            (Some(colon), self.entry_part(colon, depth)?)
        } else {
            let at = self.end_of(key);
            (None, self.empty(at))
        };
        Ok(Pair { start, key, colon, value })
    }

    /// A key or a value, which may be left out.
    fn entry_part(&mut self, at: Mark, depth: usize) -> Result<Id, YamlError> {
        if self.is_next(&[Kind::Key, Kind::Value, Kind::BlockEnd])? {
            return Ok(self.empty(at));
        }
        self.node(Place::Entry, depth + 1)
    }

    fn block_end(&mut self, open: &Token<'_>, kind: &str) -> Result<(), YamlError> {
        if self.is_next(&[Kind::BlockEnd])? {
            self.scanner.next()?;
            return Ok(());
        }
        let token = self.scanner.peek()?;
        let begin = open.start.place();
        let problem = format!(
            "the {kind} that begins on line {}, column {}, is not over, and {} {}",
            begin.line,
            begin.column,
            token.kind.name(),
            hint::UNEXPECTED
        );
        Err(YamlError::new(token.start.place(), problem))
    }
}
