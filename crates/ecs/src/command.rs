//! A command as a shell would split it.
//!
//! Python's `shlex.split` decides (the worker calls it on every command string, prefect 3.8.8,
//! `utilities/processutils`, `command_from_string`), and the `shlex` crate is another language: it takes `#` for a
//! comment, drops an escaped line break and unescapes `\$` within double quotes. Those thirty lines are therefore our own.

use serde_json::Value;

/// Words that only a shell understands.
const OPERATORS: [&str; 10] = ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1"];

/// Shells, by the end of their path.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "zsh"];

/// Says what a command that is one text asks of a shell. None runs it: the text is split into words, and `&&` is one of them.
pub(crate) fn note(command: Option<&Value>, notes: &mut Vec<String>) {
    let Some(text) = command.and_then(Value::as_str) else { return };
    if text.starts_with('[') && serde_json::from_str::<Vec<String>>(text).is_ok() {
        notes.push(
            "`command` is a JSON list written as text, and is split like text. Write the words with blanks between them, or \
             give a list."
                .to_owned(),
        );
    } else if text.contains(['&', '|', ';', '<', '>', '$'])
        && let Ok(words) = split(text)
        && !is_shell(&words)
        && let Some(word) = words.iter().find(|word| is_for_a_shell(word))
    {
        // Of other words no more than what makes them the shell's: a command may hold a secret.
        let shown = match word.as_str() {
            operator if OPERATORS.contains(&operator) => operator,
            variable if variable.starts_with('$') => "$",
            _ => ";",
        };
        notes.push(format!(
            "No shell runs `command`: `{shown}` in it is an argument. If a shell is meant, write sh -c \"…\"."
        ));
    }
}

fn is_shell(words: &[String]) -> bool {
    words.first().is_some_and(|first| SHELLS.contains(&first.rsplit('/').next().unwrap_or_default()))
}

/// An operator, a variable, or a word that ends a command.
fn is_for_a_shell(word: &str) -> bool {
    let is_variable = word
        .strip_prefix('$')
        .is_some_and(|rest| rest.starts_with(|c: char| c == '{' || c == '_' || c.is_ascii_alphabetic()));
    OPERATORS.contains(&word) || is_variable || word.ends_with(';')
}

/// A command without a closing quote, or one that ends in a backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SplitError {
    /// A quote was opened and never closed.
    #[error("a quote is not closed")]
    Quote,
    /// The last character escapes nothing.
    #[error("it ends in a backslash")]
    Escape,
}

/// `shlex.split(command, posix=True)`.
pub(crate) fn split(command: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(characters.next().ok_or(SplitError::Escape)?),
            '\'' | '"' => quoted(character, &mut characters, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The rest of what `quote` has opened. Only double quotes know escapes, and only of themselves and of the backslash.
fn quoted(quote: char, characters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    loop {
        match characters.next().ok_or(SplitError::Quote)? {
            character if character == quote => return Ok(()),
            '\\' if quote == '"' => {
                let escaped = characters.next().ok_or(SplitError::Escape)?;
                if escaped != '"' && escaped != '\\' {
                    word.push('\\');
                }
                word.push(escaped);
            }
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of Python 3.11's `shlex.split`.
    #[test]
    fn splits_as_python_does() {
        let recorded: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\r\n", &[]),
            ("prefect flow-run execute", &["prefect", "flow-run", "execute"]),
            ("python -m prefect.engine --x 'a b'", &["python", "-m", "prefect.engine", "--x", "a b"]),
            ("a # b", &["a", "#", "b"]),
            ("''", &[""]),
            ("a '' b", &["a", "", "b"]),
            ("a'b'\"c\"", &["abc"]),
            (r#""a\$b" "a\"b" "a\\b" "a\nb""#, &[r"a\$b", r#"a"b"#, r"a\b", r"a\nb"]),
            (r"'a\b'", &[r"a\b"]),
            (r"a\ b\'c", &["a b'c"]),
            ("a\\\nb", &["a\nb"]),
            ("é 'ü ö'", &["é", "ü ö"]),
        ];
        for (command, words) in recorded {
            assert_eq!(split(command).unwrap(), *words, "{command}");
        }
        assert_eq!(split("a 'b"), Err(SplitError::Quote));
        assert_eq!(split("a \"b\\\""), Err(SplitError::Quote));
        assert_eq!(split("a \\"), Err(SplitError::Escape));
        assert_eq!(split("\"\\"), Err(SplitError::Escape));
    }
}
