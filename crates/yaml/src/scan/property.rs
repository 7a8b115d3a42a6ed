//! Anchors, aliases, tags and directives.

use super::Scanner;
use crate::{
    cursor::{Mark, is_break_or_end, is_name, is_space},
    error::YamlError,
    token::{Directive, Kind, Tag},
};

impl<'t> Scanner<'t> {
    /// `*name`, `&name` or `!tag`.
    pub(super) fn property(&mut self, indicator: char) -> Result<(), YamlError> {
        self.save_candidate()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark;
        let kind = match indicator {
            '*' => Kind::Alias(self.name(indicator)?),
            '&' => Kind::Anchor(self.name(indicator)?),
            _ => Kind::Tag(self.tag()?),
        };
        self.push(kind, start);
        Ok(())
    }

    fn name(&mut self, indicator: char) -> Result<&'t str, YamlError> {
        let start = self.cursor.mark;
        self.cursor.step();
        let name = self.cursor.skip_while(is_name);
        let next = self.cursor.peek();
        if name.is_empty() || !(is_space(next) || matches!(next, '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`')) {
            let means = if indicator == '*' { "refers to an anchor" } else { "begins an anchor" };
            let problem = format!(
                "`{indicator}` at the beginning of a value {means}, and no name of letters, digits, `-` and `_` follows: put \
                 the value in quotes if it is text"
            );
            return Err(YamlError::new(start.place(), problem));
        }
        Ok(name)
    }

    fn tag(&mut self) -> Result<Tag, YamlError> {
        let start = self.cursor.mark;
        let next = self.cursor.peek_at(1);
        let tag = if next == '<' {
            self.cursor.skip(2);
            let suffix = self.uri(start)?;
            if self.cursor.peek() != '>' {
                return Err(bad_tag(start));
            }
            self.cursor.step();
            Tag { handle: None, suffix }
        } else if is_space(next) {
            self.cursor.step();
            Tag { handle: None, suffix: "!".to_owned() }
        } else {
            let word = self.cursor.rest()[1..].split(is_tag_end).next().unwrap_or_default();
            let handle = if word.contains('!') {
                self.handle(start)?
            } else {
                self.cursor.step();
                "!".to_owned()
            };
            Tag { handle: Some(handle), suffix: self.uri(start)? }
        };
        if is_tag_end(self.cursor.peek()) { Ok(tag) } else { Err(bad_tag(start)) }
    }

    /// `!name!`, or `!!`.
    fn handle(&mut self, start: Mark) -> Result<String, YamlError> {
        let begin = self.cursor.mark;
        if self.cursor.peek() != '!' {
            return Err(bad_tag(start));
        }
        self.cursor.step();
        if self.cursor.peek() != ' ' {
            self.cursor.skip_while(is_name);
            if self.cursor.peek() != '!' {
                return Err(bad_tag(start));
            }
            self.cursor.step();
        }
        Ok(self.cursor.since(begin).to_owned())
    }

    fn uri(&mut self, start: Mark) -> Result<String, YamlError> {
        let written = self.cursor.skip_while(|c| c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]%".contains(c));
        if written.is_empty() { Err(bad_tag(start)) } else { unescape(written).ok_or_else(|| bad_tag(start)) }
    }

    pub(super) fn directive(&mut self) -> Result<(), YamlError> {
        self.close_blocks(-1);
        self.drop_candidate()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark;
        self.cursor.step();
        let name = self.cursor.skip_while(is_name);
        if name.is_empty() || !is_tag_end(self.cursor.peek()) {
            return Err(bad_directive(start));
        }
        self.cursor.skip_while(|c| c == ' ');
        let directive = match name {
            "YAML" => Directive::Yaml { major: self.version(start)? },
            "TAG" => self.tag_directive(start)?,
            _ => {
                self.cursor.skip_while(|c| !is_break_or_end(c));
                Directive::Other
            }
        };
        self.push(Kind::Directive(directive), start);
        self.cursor.skip_while(|c| c == ' ');
        if self.cursor.peek() == '#' {
            self.cursor.skip_while(|c| !is_break_or_end(c));
        }
        if is_break_or_end(self.cursor.peek()) { Ok(()) } else { Err(bad_directive(start)) }
    }

    fn version(&mut self, start: Mark) -> Result<u32, YamlError> {
        let major = self.cursor.skip_while(|c| c.is_ascii_digit());
        let has_point = self.cursor.peek() == '.';
        self.cursor.skip(usize::from(has_point));
        let minor = self.cursor.skip_while(|c| c.is_ascii_digit());
        let is_end = is_tag_end(self.cursor.peek());
        major
            .parse()
            .ok()
            .filter(|_| has_point && !minor.is_empty() && is_end)
            .ok_or_else(|| YamlError::new(start.place(), "write the version as in `%YAML 1.1`"))
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Directive, YamlError> {
        let handle = self.handle(start)?;
        if self.cursor.skip_while(|c| c == ' ').is_empty() {
            return Err(bad_directive(start));
        }
        let prefix = self.uri(start)?;
        if is_tag_end(self.cursor.peek()) { Ok(Directive::Tag { handle, prefix }) } else { Err(bad_directive(start)) }
    }
}

/// What may follow a tag: a tab may not.
fn is_tag_end(c: char) -> bool {
    c == ' ' || is_break_or_end(c)
}

fn bad_tag(start: Mark) -> YamlError {
    let problem = "`!` at the beginning of a value begins a tag, and what follows is none: put the value in quotes if it is \
                   text";
    YamlError::new(start.place(), problem)
}

fn bad_directive(start: Mark) -> YamlError {
    let problem = "`%` at the beginning of a line begins a directive, and what follows is none: indent the line, or put \
                   the value in quotes";
    YamlError::new(start.place(), problem)
}

/// Puts characters in for `%20` and the like.
fn unescape(written: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}
