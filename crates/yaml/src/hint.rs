//! What an author did who gets an error. The grammar only knows which character it cannot use.

use crate::{cursor::Mark, error::YamlError, node::Place};

/// Says it for a value that begins with a placeholder.
pub(crate) const PLACEHOLDER: &str =
    "`{{ … }}` without quotes is a mapping to YAML: put the whole value in quotes, as in \"{{ name }}\"";

pub(crate) const UNEXPECTED_COLON: &str = "`:` cannot follow here";

pub(crate) const UNEXPECTED: &str = "cannot follow here: it fits no level of indentation above";

pub(crate) const NO_COLON: &str = "a key must be here, and no `:` follows it: write `key: value`";

/// Replaces what an error says if the lines around it show the cause. `long_quote` is the last text in quotes that goes
/// over several lines.
pub(crate) fn explain(text: &str, long_quote: Option<(Mark, Mark)>, error: YamlError) -> YamlError {
    let lines = Lines(text);
    None.or_else(|| conflict(lines, error.place))
        .or_else(|| placeholder(lines, error.place))
        .or_else(|| late_quote(long_quote, error.place))
        .or_else(|| behind_quote(lines, &error))
        .or_else(|| colon(lines, &error))
        .or_else(|| missing_space(lines, &error))
        .unwrap_or(error)
}

/// The lines of a text, by their numbers from 1.
#[derive(Clone, Copy)]
struct Lines<'t>(&'t str);

impl<'t> Lines<'t> {
    fn line(self, number: usize) -> &'t str {
        self.0.lines().nth(number.saturating_sub(1)).unwrap_or_default()
    }

    /// What stands on a line before a place, and what from it on.
    fn around(self, place: Place) -> (&'t str, &'t str) {
        let line = self.line(place.line);
        let at = line.char_indices().nth(place.column - 1).map_or(line.len(), |(at, _)| at);
        line.split_at(at)
    }
}

/// The marks that git leaves in a file stand at the beginning of a line, where they are never part of a value.
fn conflict(lines: Lines<'_>, place: Place) -> Option<YamlError> {
    let is_mark = |line: &&str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    let line = 1 + lines.0.lines().take(place.line).position(|line| is_mark(&line))?;
    Some(YamlError::new(
        Place { line, column: 1 },
        "this is a mark of a merge conflict: resolve it and remove the mark",
    ))
}

fn placeholder(lines: Lines<'_>, place: Place) -> Option<YamlError> {
    let line = lines.line(place.line);
    let (at, _) = line.match_indices("{{").find(|(at, _)| {
        let before = line[..*at].trim_end();
        before.is_empty() || before.ends_with([':', '-', '[', ','])
    })?;
    let is_quoted = line[..at].matches(['"', '\'']).count() % 2 == 1;
    let column = 1 + line[..at].chars().count();
    (!is_quoted).then(|| YamlError::new(Place { column, ..place }, PLACEHOLDER))
}

/// A quote that is not closed is closed by the next one that should open.
fn late_quote(long_quote: Option<(Mark, Mark)>, place: Place) -> Option<YamlError> {
    let (start, end) = long_quote.map(|(start, end)| (start.place(), end.place()))?;
    let problem = format!("the quote that opens here is closed on line {} only: close it on its own line", end.line);
    (end.line == place.line && end <= place).then(|| YamlError::new(start, problem))
}

fn behind_quote(lines: Lines<'_>, error: &YamlError) -> Option<YamlError> {
    let (before, _) = lines.around(error.place);
    let quote = before.trim_end().chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
    let inside = if quote == '"' { "`\\\"`" } else { "`''`" };
    let problem =
        format!("text follows a closing quote: put all of the value in quotes, and write {inside} for a quote in it");
    error.problem.ends_with(UNEXPECTED).then(|| YamlError::new(error.place, problem))
}

fn colon(lines: Lines<'_>, error: &YamlError) -> Option<YamlError> {
    if error.problem != UNEXPECTED_COLON {
        return None;
    }
    let (before, _) = lines.around(error.place);
    let key = before.trim_start().trim_start_matches("- ");
    if key.contains(": ") || error.place.line == 1 {
        let problem = "the value holds a `:` with a space behind it: put the value in quotes";
        return Some(YamlError::new(error.place, problem));
    }
    let is_filled = |(_, line): &(usize, &str)| !line.trim().is_empty();
    let above = (1..error.place.line).zip(lines.0.lines()).filter(is_filled).last().map_or(1, |(number, _)| number);
    let column = 1 + before.len() - before.trim_start().len();
    let problem =
        format!("the key is indented deeper than line {above} above, which has a value: begin it in the same column");
    Some(YamlError::new(Place { column, ..error.place }, problem))
}

fn missing_space(lines: Lines<'_>, error: &YamlError) -> Option<YamlError> {
    let (_, line) = lines.around(error.place);
    let word = line.split_whitespace().next().unwrap_or_default();
    let (key, value) = word.split_once(':').filter(|(key, _)| !key.is_empty() && error.problem == NO_COLON)?;
    let problem = format!("a space is missing behind the `:`: write `{key}: {value}`");
    Some(YamlError::new(error.place, problem))
}
