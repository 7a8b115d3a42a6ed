//! What only a shell understands.

use super::words::{Mark, Word};

/// The operator that a word is, begins or ends with, if any.
///
/// Only there: without a shell, `pip install prefect>=3` and `grep -E a|b` mean what they say.
pub(super) fn of(word: &Word) -> Option<&'static str> {
    let marked = word.text.chars().zip(&word.marks);
    let bare: String = marked.map(|(character, mark)| if *mark == Mark::Bare { character } else { '_' }).collect();
    // `2>` and `&>`.
    let redirected = bare.trim_start_matches(|character: char| character.is_ascii_digit());
    let redirected = redirected.strip_prefix('&').unwrap_or(redirected);
    if redirected.starts_with(['<', '>']) {
        return Some("a redirection (< or >)");
    }
    if bare.starts_with("&&") || bare.ends_with("&&") {
        return Some("`&&`");
    }
    if bare.starts_with("||") || bare.ends_with("||") {
        return Some("`||`");
    }
    if bare.starts_with('|') || bare.ends_with('|') {
        return Some("a pipe (|)");
    }
    if bare.starts_with(';') || bare.ends_with(';') {
        return Some("a semicolon (;)");
    }
    (bare.ends_with('&')).then_some("`&`, which starts a program in the background,")
}

/// A warning for a word that a shell would have filled in.
pub(super) fn unexpanded(word: &Word, expanded: bool) -> Option<&'static str> {
    let mut characters = word.text.chars().zip(&word.marks).filter(|(_, mark)| **mark != Mark::Literal).peekable();
    while let Some((character, _)) = characters.next() {
        let next = characters.peek().map(|(next, _)| *next);
        let names = |next: char| next == '{' || next == '_' || next.is_ascii_alphabetic();
        if character == '`' || (character == '$' && next == Some('(')) {
            return Some("only a shell runs `$(…)`; without `shell: true` it stays text");
        }
        if character == '$' && !expanded && next.is_some_and(names) {
            return Some(
                "variables stay as they are written; set `expand_env_vars: true` or `shell: true` to fill them in",
            );
        }
    }
    None
}
