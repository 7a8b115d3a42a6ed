//! Lines of a text, by byte positions.

use crate::cursor::{is_blank, is_break};

#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'t>(pub(super) &'t str);

impl<'t> Lines<'t> {
    /// Where the line of a position begins.
    pub(super) fn start(self, at: usize) -> usize {
        self.0[..at].char_indices().rev().find(|(_, c)| is_break(*c)).map_or(0, |(found, c)| found + c.len_utf8())
    }

    /// Where the line of a position ends, before its line break.
    pub(super) fn end(self, at: usize) -> usize {
        self.0[at..].find(is_break).map_or(self.0.len(), |found| at + found)
    }

    /// Where the next line begins, or the text ends.
    pub(super) fn next(self, at: usize) -> usize {
        let end = self.end(at);
        let rest = &self.0[end..];
        end + if rest.starts_with("\r\n") { 2 } else { rest.chars().next().map_or(0, char::len_utf8) }
    }

    /// The line of a position, without its line break.
    pub(super) fn line(self, at: usize) -> &'t str {
        &self.0[self.start(at)..self.end(at)]
    }

    /// What follows on the line of a position.
    pub(super) fn rest(self, at: usize) -> &'t str {
        &self.0[at..self.end(at)]
    }

    /// The beginning of the line before the one that begins here.
    pub(super) fn previous(self, start: usize) -> Option<usize> {
        let last = self.0[..start].chars().next_back()?;
        let mut end = start - last.len_utf8();
        if last == '\n' && self.0[..end].ends_with('\r') {
            end -= 1;
        }
        Some(self.start(end))
    }

    pub(super) fn is_blank(self, at: usize) -> bool {
        self.line(at).chars().all(is_blank)
    }

    /// The column of a comment that has its line for itself.
    pub(super) fn comment_column(self, at: usize) -> Option<usize> {
        let line = self.line(at);
        let text = line.trim_start_matches(' ');
        text.starts_with('#').then_some(line.len() - text.len())
    }
}
