//! Python's `shlex.split`: the words of a POSIX shell, without anything else of it.

/// How a character is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Neither quoted nor escaped.
    Bare,
    /// In double quotes, where a shell fills in variables.
    Double,
    /// Escaped, or in single quotes.
    Literal,
}

/// A word, and how each of its characters is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
}

impl Word {
    fn push(&mut self, character: char, mark: Mark) {
        self.text.push(character);
        self.marks.push(mark);
    }
}

/// The words of a line, or what is wrong with it.
pub(super) fn split(line: &str) -> Result<Vec<Word>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let escaped = characters.next().ok_or("ends with a backslash")?;
                word.get_or_insert_default().push(escaped, Mark::Literal);
            }
            '\'' | '"' => quoted(character, &mut characters, word.get_or_insert_default())?,
            other => word.get_or_insert_default().push(other, Mark::Bare),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Up to the closing quote. In double quotes a backslash escapes a quote and itself.
fn quoted(quote: char, characters: &mut std::str::Chars<'_>, word: &mut Word) -> Result<(), &'static str> {
    const OPEN: &str = "has a quote that does not close";
    let mark = if quote == '"' { Mark::Double } else { Mark::Literal };
    loop {
        let character = characters.next().ok_or(OPEN)?;
        if character == quote {
            return Ok(());
        }
        if character == '\\' && quote == '"' {
            let escaped = characters.next().ok_or("ends with a backslash in quotes")?;
            if !matches!(escaped, '"' | '\\') {
                word.push('\\', mark);
            }
            word.push(escaped, Mark::Literal);
        } else {
            word.push(character, mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::tests::cases;

    #[test]
    fn words_are_those_of_pythons_shlex() {
        for (line, words) in cases::<String, Option<Vec<String>>>("words") {
            let split = split(&line).ok().map(|words| words.into_iter().map(|word| word.text).collect::<Vec<_>>());
            assert_eq!(split, words, "{line:?}");
        }
    }

    #[test]
    fn a_word_knows_how_it_is_written() {
        let words = split(r#"a'b'"c"\d"#).unwrap();
        let expected =
            Word { text: "abcd".to_owned(), marks: vec![Mark::Bare, Mark::Literal, Mark::Double, Mark::Literal] };
        assert_eq!(words, [expected]);
    }
}
