//! Blocks of text (`|` and `>`).

use super::Scanner;
use crate::{
    cursor::{Cursor, END, Mark, is_blank, is_break_or_end},
    error::YamlError,
    token::{Kind, Style, Token},
};

/// What becomes of the line breaks at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// One stays.
    Clip,
    /// `-`: none stays.
    Strip,
    /// `+`: all stay.
    Keep,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, indicator: char) -> Result<(), YamlError> {
        self.drop_candidate()?;
        self.is_key_allowed = true;
        let start = self.cursor.mark;
        self.cursor.step();
        let least = usize::try_from(self.indent).map_or(1, |indent| indent + 1);
        let (chomping, increment) = header(&mut self.cursor)?;
        let end = self.cursor.mark;
        ignored_line(&mut self.cursor)?;
        let cursor = &mut self.cursor;
        let block = Block { cursor, is_folded: indicator == '>', chomping, value: String::new(), end };
        let (value, end) = block.scan(least, increment);
        self.tokens.push_back(Token { kind: Kind::Scalar { value, style: Style::Block }, start, end });
        Ok(())
    }
}

/// The signs behind `|` or `>`: a digit says how deep the text is indented.
fn header(cursor: &mut Cursor<'_>) -> Result<(Chomping, Option<usize>), YamlError> {
    let start = cursor.mark;
    let (mut chomping, mut increment) = (None, None);
    loop {
        match cursor.peek() {
            '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
            '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
            c @ '1'..='9' if increment.is_none() => increment = c.to_digit(10),
            c if is_blank(c) || is_break_or_end(c) => break,
            c => {
                let problem = format!(
                    "`{c}` cannot stand behind `|` or `>`: begin the text on the next line, or put it in quotes if it \
                     begins with that sign"
                );
                return Err(YamlError::new(start.place(), problem));
            }
        }
        cursor.step();
    }
    let increment = increment.and_then(|digit| usize::try_from(digit).ok());
    Ok((chomping.unwrap_or(Chomping::Clip), increment))
}

fn ignored_line(cursor: &mut Cursor<'_>) -> Result<(), YamlError> {
    cursor.skip_while(is_blank);
    if cursor.peek() == '#' {
        cursor.skip_while(|c| !is_break_or_end(c));
    }
    if !is_break_or_end(cursor.peek()) {
        let problem = "the text of a block begins on the line below its `|` or `>`: move this there, or put the value in \
                       quotes";
        return Err(YamlError::new(cursor.mark.place(), problem));
    }
    cursor.line_break();
    Ok(())
}

struct Block<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    is_folded: bool,
    chomping: Chomping,
    value: String,
    /// The end of the last line that belongs to the text, before its line break.
    end: Mark,
}

impl Block<'_, '_> {
    fn scan(mut self, least: usize, increment: Option<usize>) -> (String, Mark) {
        let (indent, mut breaks) = match increment {
            Some(increment) => {
                let indent = least + increment - 1;
                (indent, self.empty_lines(indent))
            }
            None => self.indentation(least),
        };
        let mut line_break = None;
        while self.is_at_line(indent) {
            self.value.push_str(&breaks);
            let is_indented = is_blank(self.cursor.peek());
            let line = self.cursor.skip_while(|c| !is_break_or_end(c));
            self.value.push_str(line);
            self.end = self.cursor.mark;
            line_break = self.cursor.line_break();
            breaks = self.empty_lines(indent);
            if self.is_at_line(indent) {
                self.join(line_break, !is_indented && !is_blank(self.cursor.peek()), &breaks);
            }
        }
        if self.chomping != Chomping::Strip {
            self.value.extend(line_break);
        }
        if self.chomping == Chomping::Keep {
            self.value.push_str(&breaks);
        }
        (self.value, self.end)
    }

    fn is_at_line(&self, indent: usize) -> bool {
        self.cursor.mark.column == indent && self.cursor.peek() != END
    }

    /// Folding makes a space of a single line break between two lines that are not indented further.
    fn join(&mut self, line_break: Option<char>, is_foldable: bool, breaks: &str) {
        if !(self.is_folded && is_foldable && line_break == Some('\n')) {
            self.value.extend(line_break);
        } else if breaks.is_empty() {
            self.value.push(' ');
        }
    }

    /// Empty lines before the text, and how deep it is indented: as deep as its deepest line of spaces up to there.
    fn indentation(&mut self, least: usize) -> (usize, String) {
        let (mut indent, mut breaks) = (least, String::new());
        loop {
            self.cursor.skip_while(|c| c == ' ');
            indent = indent.max(self.cursor.mark.column);
            let before = self.cursor.mark;
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => return (indent, breaks),
            }
            self.keep_empty_line(before);
        }
    }

    fn empty_lines(&mut self, indent: usize) -> String {
        let mut breaks = String::new();
        loop {
            while self.cursor.mark.column < indent && self.cursor.peek() == ' ' {
                self.cursor.step();
            }
            let before = self.cursor.mark;
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => return breaks,
            }
            self.keep_empty_line(before);
        }
    }

    fn keep_empty_line(&mut self, end: Mark) {
        if self.chomping == Chomping::Keep {
            self.end = end;
        }
    }
}
