//! Text in quotes.

use super::Scanner;
use crate::{
    cursor::{Cursor, END, Mark, is_blank, is_break, is_space},
    error::YamlError,
    token::{Kind, Style},
};

impl Scanner<'_> {
    pub(super) fn quoted_scalar(&mut self, quote: char) -> Result<(), YamlError> {
        self.save_candidate()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark;
        let value = Quoted { cursor: &mut self.cursor, quote, start, value: String::new() }.scan()?;
        let style = if quote == '"' { Style::DoubleQuoted } else { Style::SingleQuoted };
        if start.line < self.cursor.mark.line {
            self.long_quote = Some((start, self.cursor.mark));
        }
        self.push(Kind::Scalar { value, style }, start);
        Ok(())
    }
}

struct Quoted<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    quote: char,
    /// Where the opening quote stands.
    start: Mark,
    value: String,
}

impl Quoted<'_, '_> {
    fn scan(mut self) -> Result<String, YamlError> {
        self.cursor.step();
        loop {
            self.word()?;
            match self.cursor.peek() {
                END => return Err(self.unclosed()),
                c if c == self.quote => break,
                _ => self.spaces()?,
            }
        }
        self.cursor.step();
        Ok(self.value)
    }

    /// Everything up to a space or the closing quote.
    fn word(&mut self) -> Result<(), YamlError> {
        let is_double = self.quote == '"';
        loop {
            let quote = self.quote;
            let word = self.cursor.skip_while(|c| !is_space(c) && c != quote && !(is_double && c == '\\'));
            self.value.push_str(word);
            match self.cursor.peek() {
                '\'' if !is_double && self.cursor.peek_at(1) == '\'' => {
                    self.value.push('\'');
                    self.cursor.skip(2);
                }
                '\\' if is_double => self.escape()?,
                _ => return Ok(()),
            }
        }
    }

    fn spaces(&mut self) -> Result<(), YamlError> {
        let blanks = self.cursor.skip_while(is_blank);
        let Some(first) = self.cursor.line_break() else {
            self.value.push_str(blanks);
            return Ok(());
        };
        let breaks = self.breaks()?;
        match first {
            '\n' if breaks.is_empty() => self.value.push(' '),
            '\n' => {}
            line_break => self.value.push(line_break),
        }
        self.value.push_str(&breaks);
        Ok(())
    }

    /// Empty lines and the indentation of the next line.
    fn breaks(&mut self) -> Result<String, YamlError> {
        let mut breaks = String::new();
        loop {
            if self.cursor.is_at_document_mark() {
                return Err(self.unclosed());
            }
            self.cursor.skip_while(is_blank);
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => return Ok(breaks),
            }
        }
    }

    fn escape(&mut self) -> Result<(), YamlError> {
        let mark = self.cursor.mark;
        self.cursor.step();
        let c = self.cursor.peek();
        if is_break(c) {
            self.cursor.line_break();
            let breaks = self.breaks()?;
            self.value.push_str(&breaks);
            return Ok(());
        }
        self.cursor.step();
        let escaped = match c {
            'x' => self.code(mark, 2)?,
            'u' => self.code(mark, 4)?,
            'U' => self.code(mark, 8)?,
            _ => escaped(c).ok_or_else(|| unknown_escape(c, mark))?,
        };
        self.value.push(escaped);
        Ok(())
    }

    fn code(&mut self, escape: Mark, length: usize) -> Result<char, YamlError> {
        let mut taken = 0;
        let start = self.cursor.mark;
        while taken < length && self.cursor.peek().is_ascii_hexdigit() {
            self.cursor.step();
            taken += 1;
        }
        let digits = self.cursor.since(start);
        let code = u32::from_str_radix(digits, 16).ok().filter(|_| taken == length);
        code.and_then(char::from_u32).ok_or_else(|| {
            let written = self.cursor.since(escape);
            let problem =
                format!("`{written}` is no character: write {length} hexadecimal digits, or `\\\\` for a backslash");
            YamlError::new(escape.place(), problem)
        })
    }

    fn unclosed(&self) -> YamlError {
        let problem = format!("the quote ({}) that opens here is never closed", self.quote);
        YamlError::new(self.start.place(), problem)
    }
}

fn escaped(c: char) -> Option<char> {
    Some(match c {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '\\' | '/' => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}

fn unknown_escape(c: char, mark: Mark) -> YamlError {
    let problem = if c == END {
        "the file ends behind a backslash, and the quote before it is never closed".to_owned()
    } else {
        format!("`\\{c}` has no meaning between double quotes: write `\\\\{c}`, or use single quotes")
    };
    YamlError::new(mark.place(), problem)
}
