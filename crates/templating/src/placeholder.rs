//! Placeholders: `{{ name }}`, and the way from a name to a value.
//!
//! Prefect finds them with the pattern `{{\s*([\w.\-\[\]$]+)\s*}}` (prefect 3.8.8 and
//! 3.9.1, `utilities/templating`), so filters,
//! quotes and inner spaces leave the text alone. The pattern needs no backtracking: neither white space nor the
//! characters of a name can be a brace, so a failed attempt never has to be reconsidered and the search is linear.

use std::borrow::Cow;

use serde_json::Value;

use crate::{limits::may_hold_placeholder, python};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const BLOCK_PREFIX: &str = "prefect.blocks.";
const VARIABLE_PREFIX: &str = "prefect.variables.";
const ENVIRONMENT_PREFIX: char = '$';

/// A placeholder as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placeholder<'t> {
    /// Offset of the first brace in the text, in bytes.
    pub start: usize,
    /// Offset behind the last brace.
    pub end: usize,
    /// What stands between the braces.
    pub name: &'t str,
}

impl Placeholder<'_> {
    /// Whether the text is this placeholder and nothing else.
    #[must_use]
    pub fn is_whole(&self, text: &str) -> bool {
        self.start == 0 && self.end == text.len()
    }

    /// The placeholder as it is written.
    #[must_use]
    pub fn written<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// What it asks for.
    #[must_use]
    pub fn kind(&self) -> Kind<'_> {
        // Prefect removes every occurrence of the prefix from the name, not only the first.
        if self.name.starts_with(BLOCK_PREFIX) {
            let rest = self.name.replace(BLOCK_PREFIX, "");
            let mut parts = rest.splitn(3, '.').map(str::to_owned);
            return Kind::Block(match (parts.next(), parts.next()) {
                (Some(type_slug), Some(name)) => Some(BlockPath { type_slug, name, path: parts.next() }),
                _ => None,
            });
        }
        if self.name.starts_with(VARIABLE_PREFIX) {
            return Kind::Variable(self.name.replace(VARIABLE_PREFIX, ""));
        }
        if self.name.starts_with(ENVIRONMENT_PREFIX) {
            // `lstrip`: all of them.
            return Kind::Environment(self.name.trim_start_matches(ENVIRONMENT_PREFIX));
        }
        Kind::Standard(self.name)
    }
}

/// What a placeholder asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind<'t> {
    /// One of the values, or a place in one.
    Standard(&'t str),
    /// A variable of the process environment.
    Environment(&'t str),
    /// A block; none if the name lacks the name of the document.
    Block(Option<BlockPath>),
    /// A Prefect variable.
    Variable(String),
}

/// A block and the place in its data.
#[derive(Debug, PartialEq, Eq)]
pub struct BlockPath {
    /// Slug of the block type.
    pub type_slug: String,
    /// Name of the document.
    pub name: String,
    /// The place in its data, not taken apart.
    pub path: Option<String>,
}

/// The placeholders of a text from left to right; they never overlap.
#[must_use]
pub fn find(text: &str) -> Found<'_> {
    Found { text, at: 0 }
}

/// Name of the first placeholder of a value that is still in a text, where it should have been replaced.
#[must_use]
pub fn unfilled(text: &str) -> Option<&str> {
    if !may_hold_placeholder(text) {
        return None;
    }
    find(text).find(|found| matches!(found.kind(), Kind::Standard(_))).map(|found| found.name)
}

/// Iterator of [`find`].
#[derive(Debug)]
pub struct Found<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Iterator for Found<'t> {
    type Item = Placeholder<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(offset) = self.text.get(self.at..)?.find(OPEN) {
            let start = self.at + offset;
            let inner = self.text[start + OPEN.len()..].trim_start_matches(python::is_space);
            let rest = inner.trim_start_matches(is_name);
            let name = &inner[..inner.len() - rest.len()];
            let rest = rest.trim_start_matches(python::is_space);
            if !name.is_empty() && rest.starts_with(CLOSE) {
                self.at = self.text.len() - rest.len() + CLOSE.len();
                return Some(Placeholder { start, end: self.at, name });
            }
            // The next attempt begins at the second brace, as in `{{{ a }}`.
            self.at = start + 1;
        }
        self.at = self.text.len();
        None
    }
}

fn is_name(character: char) -> bool {
    matches!(character, '.' | '-' | '[' | ']' | '$') || python::is_word(character)
}

/// The parts of a dotted name, `a[0].b` being the same as `a.0.b`.
#[must_use]
pub fn split(name: &str) -> Vec<String> {
    name.replace('[', ".").replace(']', "").split('.').map(str::to_owned).collect()
}

/// A dotted name, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The name of the value.
    pub root: String,
    /// The steps from there.
    pub rest: Vec<Key>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As it is written.
    pub name: String,
    /// The step as an index into a list or a string.
    index: Option<i64>,
}

impl Path {
    /// Takes a dotted name apart.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let mut parts = split(name).into_iter();
        let root = parts.next().unwrap_or_default();
        let rest = parts.map(|name| Key { index: python::parse_index(&name), name }).collect();
        Self { root, rest }
    }

    /// The path as a dotted name.
    #[must_use]
    pub fn name(&self) -> String {
        self.rest.iter().fold(self.root.clone(), |name, key| name + "." + &key.name)
    }

    /// The index that is farthest from the beginning or the end, if any step is one.
    pub(crate) fn largest_index(&self) -> Option<u64> {
        self.rest.iter().filter_map(|key| key.index.map(i64::unsigned_abs)).max()
    }

    /// The value at the end of the path, given the value of its root.
    #[must_use]
    pub fn follow<'v>(&self, root: &'v Value) -> Option<Cow<'v, Value>> {
        self.rest.iter().try_fold(Cow::Borrowed(root), |value, key| match value {
            Cow::Borrowed(value) => key.enter(value),
            Cow::Owned(value) => key.enter(&value).map(|inner| Cow::Owned(inner.into_owned())),
        })
    }
}

impl Key {
    /// One step. An object is asked by name (prefect 3.9; earlier ones never found a name that reads as a number), a
    /// list and, because Python indexes those too, a string by number; negative numbers count from the end.
    fn enter<'v>(&self, value: &'v Value) -> Option<Cow<'v, Value>> {
        match value {
            Value::Object(entries) => entries.get(&self.name).map(Cow::Borrowed),
            Value::Array(items) => items.get(position(self.index?, items.len())?).map(Cow::Borrowed),
            Value::String(text) => {
                let index = self.index?;
                let at = usize::try_from(if index < 0 { -(index + 1) } else { index }).ok()?;
                let mut characters = text.chars();
                let character = if index < 0 { characters.nth_back(at) } else { characters.nth(at) };
                character.map(|character| Cow::Owned(Value::String(character.into())))
            }
            _ => None,
        }
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(text: &str) -> Vec<&str> {
        find(text).map(|found| found.name).collect()
    }

    #[test]
    fn finds_what_the_pattern_of_prefect_finds() {
        for (text, expected) in [
            ("{{ a }}", vec!["a"]),
            ("{{a}}{{\n b.c[0] \t}}", vec!["a", "b.c[0]"]),
            ("{{{ a }}}", vec!["a"]),
            ("{{{{ a }} b }}", vec!["a"]),
            ("{{ get-commit-hash.stdout }}", vec!["get-commit-hash.stdout"]),
            ("{{ $X }}", vec!["$X"]),
            ("{{ größe }}", vec!["größe"]),
            ("{{ a | upper }}", vec![]),
            ("{{ 'lit' }}", vec![]),
            ("{{ a b }}", vec![]),
            ("{{ }}", vec![]),
            ("{{ a }", vec![]),
            ("{{ a", vec![]),
            ("${a}", vec![]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn knows_what_is_asked_for() {
        let kind_of = |text: &str| format!("{:?}", find(text).next().unwrap().kind());
        assert_eq!(kind_of("{{ prefect.blocks.x }}"), "Block(None)");
        assert_eq!(
            kind_of("{{ prefect.blocks.secret.tok.value.k }}"),
            r#"Block(Some(BlockPath { type_slug: "secret", name: "tok", path: Some("value.k") }))"#
        );
        assert_eq!(kind_of("{{ prefect.variables.x.y }}"), r#"Variable("x.y")"#);
        assert_eq!(kind_of("{{ prefect.x }}"), r#"Standard("prefect.x")"#);
        assert_eq!(kind_of("{{ $HOME }}"), r#"Environment("HOME")"#);
        assert_eq!(kind_of("{{ $$HOME$ }}"), r#"Environment("HOME$")"#);
    }

    #[test]
    fn paths_enter_objects_lists_and_strings() {
        let Value::Object(values) = json!({"a": {"b": [5, {"c": "xyz"}], "1": "one"}, "": {"": 0}, "n": null}) else {
            unreachable!()
        };
        for (name, expected) in [
            ("a.b[0]", Some(json!(5))),
            ("a[b][1].c", Some(json!("xyz"))),
            ("a.b.-1.c.2", Some(json!("z"))),
            ("a.b[1].c[0][0]", Some(json!("x"))),
            ("a.1", Some(json!("one"))),
            (".", Some(json!(0))),
            ("n", Some(json!(null))),
            ("n.x", None),
            ("a.b[2]", None),
            ("a.b[-3]", None),
            ("a.b.c", None),
            ("missing", None),
        ] {
            let path = Path::parse(name);
            let found = values.get(&path.root).and_then(|root| path.follow(root));
            assert_eq!(found.map(Cow::into_owned), expected, "{name}");
        }
    }
}
