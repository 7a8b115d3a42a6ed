//! A command as a shell would split it.
//!
//! Python's `shlex.split` decides (the worker calls it on every command string, prefect 3.8.8,
//! `utilities/processutils`, `command_from_string`), and the `shlex` crate is another language: it takes `#` for a
//! comment, drops an escaped line break and unescapes `\$` within double quotes. Those thirty lines are therefore our own.

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
