//! Words without quotes.

use super::Scanner;
use crate::{
    cursor::{is_blank, is_break, is_space},
    error::YamlError,
    token::{Kind, Style, Token},
};

impl<'t> Scanner<'t> {
    /// Whether a plain scalar may begin with a character.
    pub(super) fn is_plain(&self, c: char, next: char) -> bool {
        let is_indicator = is_space(c)
            || matches!(
                c,
                '-' | '?'
                    | ':'
                    | ','
                    | '['
                    | ']'
                    | '{'
                    | '}'
                    | '#'
                    | '&'
                    | '*'
                    | '!'
                    | '|'
                    | '>'
                    | '\''
                    | '"'
                    | '%'
                    | '@'
                    | '`'
            );
        !is_indicator || (!is_space(next) && (c == '-' || (!self.is_in_flow() && matches!(c, '?' | ':'))))
    }

    /// Lines are joined by spaces, and a line that is not indented deeper than the collection around ends it.
    pub(super) fn plain_scalar(&mut self) -> Result<(), YamlError> {
        self.save_candidate()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark;
        let mut end = start;
        let (mut value, mut between) = (String::new(), String::new());
        loop {
            if self.cursor.peek() == '#' {
                break;
            }
            let word = self.plain_word();
            if word.is_empty() {
                break;
            }
            value.push_str(&between);
            value.push_str(word);
            self.is_key_allowed = false;
            end = self.cursor.mark;
            between = self.plain_spaces()?;
            if between.is_empty() || (!self.is_in_flow() && self.column() <= self.indent) {
                break;
            }
        }
        self.tokens.push_back(Token { kind: Kind::Scalar { value, style: Style::Plain }, start, end });
        Ok(())
    }

    fn plain_word(&mut self) -> &'t str {
        let start = self.cursor.mark;
        loop {
            let c = self.cursor.peek();
            let is_end = match c {
                ':' => {
                    let next = self.cursor.peek_at(1);
                    is_space(next) || (self.is_in_flow() && matches!(next, ',' | '[' | ']' | '{' | '}'))
                }
                ',' | '?' | '[' | ']' | '{' | '}' => self.is_in_flow(),
                _ => is_space(c),
            };
            if is_end {
                return self.cursor.since(start);
            }
            self.cursor.step();
        }
    }

    /// What the space behind a word is in the value; nothing if the value ends there.
    fn plain_spaces(&mut self) -> Result<String, YamlError> {
        let blanks = self.cursor.skip_while(is_blank);
        if !is_break(self.cursor.peek()) {
            return Ok(blanks.to_owned());
        }
        let first = self.cursor.line_break();
        self.is_key_allowed = true;
        let mut breaks = String::new();
        loop {
            if self.cursor.is_at_document_mark() {
                return Ok(String::new());
            }
            self.cursor.skip_while(|c| c == ' ');
            if self.cursor.peek() == '\t' {
                self.plain_tab()?;
            }
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => break,
            }
        }
        match first {
            Some('\n') if breaks.is_empty() => Ok(" ".to_owned()),
            Some('\n') | None => Ok(breaks),
            Some(line_break) => Ok(format!("{line_break}{breaks}")),
        }
    }

    /// A tab at the beginning of a line that goes on with a value: it may not take the place of indentation.
    fn plain_tab(&mut self) -> Result<(), YamlError> {
        let start = self.cursor.mark;
        self.cursor.skip_while(is_blank);
        if is_break(self.cursor.peek()) || self.is_in_flow() || super::column(start) > self.indent {
            return Ok(());
        }
        Err(YamlError::new(start.place(), "a tab cannot indent: use spaces"))
    }
}
