//! A walk through a text, character by character, that knows line and column.

use crate::node::Place;

/// What stands behind the end of the text. A text does not hold it, see [`unprintable`].
pub(crate) const END: char = '\0';

/// A position in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// In bytes from the beginning.
    pub(crate) byte: usize,
    /// From 0.
    pub(crate) line: usize,
    /// From 0, in characters.
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) fn place(self) -> Place {
        Place { line: self.line + 1, column: self.column + 1 }
    }
}

/// The line breaks of YAML 1.1.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(crate) fn is_break_or_end(c: char) -> bool {
    c == END || is_break(c)
}

pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// What ends a word.
pub(crate) fn is_space(c: char) -> bool {
    is_blank(c) || is_break_or_end(c)
}

/// A character of the names of anchors, directives and tag handles.
pub(crate) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// The place of the first character that YAML does not allow.
pub(crate) fn unprintable(text: &str) -> Option<(char, Mark)> {
    let is_allowed = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || c >= '\u{10000}'
    };
    let (byte, found) = text.char_indices().find(|(_, c)| !is_allowed(*c))?;
    let mut cursor = Cursor::new(text);
    while cursor.mark.byte < byte {
        cursor.step();
    }
    Some((found, cursor.mark))
}

pub(crate) struct Cursor<'t> {
    text: &'t str,
    pub(crate) mark: Mark,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let byte = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, mark: Mark { byte, ..Mark::default() } }
    }

    pub(crate) fn rest(&self) -> &'t str {
        &self.text[self.mark.byte..]
    }

    pub(crate) fn since(&self, start: Mark) -> &'t str {
        &self.text[start.byte..self.mark.byte]
    }

    pub(crate) fn peek(&self) -> char {
        self.rest().chars().next().unwrap_or(END)
    }

    pub(crate) fn peek_at(&self, offset: usize) -> char {
        self.rest().chars().nth(offset).unwrap_or(END)
    }

    /// Goes one character on.
    pub(crate) fn step(&mut self) {
        let c = self.peek();
        if c == END {
            return;
        }
        self.mark.byte += c.len_utf8();
        if is_break(c) && !(c == '\r' && self.peek() == '\n') {
            self.mark.line += 1;
            self.mark.column = 0;
        } else {
            self.mark.column += 1;
        }
    }

    pub(crate) fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            self.step();
        }
    }

    pub(crate) fn skip_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let start = self.mark;
        while self.peek() != END && wanted(self.peek()) {
            self.step();
        }
        self.since(start)
    }

    /// Goes over a line break and returns what it is in a value; nothing if there is none.
    pub(crate) fn line_break(&mut self) -> Option<char> {
        let c = self.peek();
        if !is_break(c) {
            return None;
        }
        let is_pair = c == '\r' && self.peek_at(1) == '\n';
        self.skip(if is_pair { 2 } else { 1 });
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }

    /// Whether a line `---` or `...` begins here.
    pub(crate) fn is_at_document_mark(&self) -> bool {
        self.is_at_word("---") || self.is_at_word("...")
    }

    /// Whether three characters stand at the beginning of the line as a word of their own.
    pub(crate) fn is_at_word(&self, word: &str) -> bool {
        self.mark.column == 0 && self.rest().starts_with(word) && is_space(self.peek_at(word.len()))
    }
}
