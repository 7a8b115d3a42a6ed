//! `.env` as python-dotenv reads it.
//!
//! Written anew because the format has no standard and the difference is in passwords: `AUTH=admin:pa$$word` is just that
//! for python-dotenv, which replaces `${NAME}` only, and something shorter for crates that follow the shell. The rules are
//! those of python-dotenv 1.2 (`parser.py`, `variables.py`); a line that it cannot read is passed over, as there.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

/// Bytes that replacing may make of a file. Seven lines that each name the one before ten times would make gigabytes.
const MOST_REPLACED: usize = 1 << 20;

/// Variables in the order of the file; none as value where there is no `=`.
pub(super) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Vec<(String, Option<String>)> {
    let mut reader = Reader(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut known: Vec<(String, Option<String>)> = Vec::new();
    let mut left = MOST_REPLACED;
    while !reader.0.is_empty() {
        match reader.binding() {
            Some(Some((name, value))) => {
                let value = value.map(|value| replaced(&value, &known, environment, &mut left));
                known.push((name, value));
            }
            Some(None) => {}
            None => reader.skip_line(),
        }
    }
    known
}

/// What is left of the file.
struct Reader<'a>(&'a str);

type Binding = (String, Option<String>);

impl<'a> Reader<'a> {
    /// One binding or comment, to the end of its line; none if it is neither.
    fn binding(&mut self) -> Option<Option<Binding>> {
        self.0 = self.0.trim_start();
        if self.0.is_empty() {
            return Some(None);
        }
        if let Some(rest) = self.0.strip_prefix("export")
            && rest.starts_with(is_blank)
        {
            self.0 = rest.trim_start_matches(is_blank);
        }
        let name = match self.0.chars().next() {
            Some('#') => None,
            Some('\'') => {
                let (name, rest) = self.0[1..].split_once('\'').filter(|(name, _)| !name.is_empty())?;
                self.0 = rest;
                Some(name)
            }
            _ => Some(self.take(|c| c == '=' || c == '#' || c.is_whitespace()))
                .filter(|name| !name.is_empty())
                .map(Some)?,
        };
        self.0 = self.0.trim_start_matches(is_blank);
        let mut value = None;
        if let Some(rest) = self.0.strip_prefix('=') {
            self.0 = rest.trim_start_matches(is_blank);
            // `KEY= # comment` is empty, `KEY=#value` is not.
            value =
                Some(if self.0.len() < rest.len() && self.0.starts_with('#') { String::new() } else { self.value()? });
        }
        self.0 = self.0.trim_start_matches(is_blank);
        if self.0.starts_with('#') {
            self.take(is_newline);
        }
        self.0 = self.0.trim_start_matches(is_blank);
        if !self.0.is_empty() {
            self.0 = self.0.strip_prefix("\r\n").or_else(|| self.0.strip_prefix(is_newline))?;
        }
        Some(name.map(|name| (name.to_owned(), value)))
    }

    fn value(&mut self) -> Option<String> {
        match self.0.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let mut characters = self.0.char_indices().skip(1);
                let end = loop {
                    match characters.next()? {
                        (_, '\\') => drop(characters.next()?),
                        (at, c) if c == quote => break at,
                        _ => {}
                    }
                };
                let value = unescaped(self.0[1..end].chars().peekable(), quote);
                self.0 = &self.0[end + 1..];
                Some(value)
            }
            _ => {
                let line = self.take(is_newline);
                let is_comment = |at: &usize| line[..*at].ends_with(char::is_whitespace);
                let end = line.match_indices('#').map(|(at, _)| at).find(is_comment).unwrap_or(line.len());
                Some(line[..end].trim_end().to_owned())
            }
        }
    }

    fn take(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.0.split_at(self.0.find(end).unwrap_or(self.0.len()));
        self.0 = rest;
        taken
    }

    fn skip_line(&mut self) {
        self.take(is_newline);
        self.0 = self.0.strip_prefix(is_newline).unwrap_or(self.0);
    }
}

fn is_newline(c: char) -> bool {
    c == '\r' || c == '\n'
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !is_newline(c)
}

/// Single quotes know `\\` and `\'`, double quotes those of C; any other backslash stays.
fn unescaped(mut text: Peekable<Chars<'_>>, quote: char) -> String {
    let mut plain = String::new();
    while let Some(c) = text.next() {
        let escaped = match (c, text.peek()) {
            ('\\', Some(c @ ('\\' | '\''))) => Some(*c),
            ('\\', Some(c)) if quote == '"' => match c {
                '"' => Some('"'),
                'a' => Some('\u{7}'),
                'b' => Some('\u{8}'),
                'f' => Some('\u{c}'),
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                'v' => Some('\u{b}'),
                _ => None,
            },
            _ => None,
        };
        if escaped.is_some() {
            text.next();
        }
        plain.push(escaped.unwrap_or(c));
    }
    plain
}

/// `${NAME}` and `${NAME:-default}`; what the file itself said before goes first. What would make more than `left` bytes
/// stays as it is written.
fn replaced(text: &str, known: &[Binding], environment: &BTreeMap<String, String>, left: &mut usize) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        plain.push_str(before);
        let Some((name, default, behind)) = reference(after) else {
            plain.push_str("${");
            rest = after;
            continue;
        };
        let value = match known.iter().rev().find(|(known, _)| known == name) {
            Some((_, value)) => value.as_deref().unwrap_or_default(),
            None => environment.get(name).map_or(default, String::as_str),
        };
        match left.checked_sub(value.len()) {
            Some(fewer) => {
                *left = fewer;
                plain.push_str(value);
            }
            None => plain.extend(["${", &after[..after.len() - behind.len()]]),
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// Name, default, and what follows the brace.
fn reference(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.split_at(text.find(['}', ':'])?);
    if let Some(left) = rest.strip_prefix('}') {
        return Some((name, "", left));
    }
    let (default, left) = rest.strip_prefix(":-")?.split_once('}')?;
    Some((name, default, left))
}
