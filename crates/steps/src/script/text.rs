//! Python's `str.splitlines` and `str.strip`.

/// The lines of a text, without their ends. An end is any that Unicode knows, and `\r\n` is one.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(is_end) {
        let after = &rest[end..];
        let length = if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(1, char::len_utf8) };
        lines.push(&rest[..end]);
        rest = &after[length..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn is_end(character: char) -> bool {
    matches!(character, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The text without white space around it. Python counts the separators of ASCII.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || matches!(character, '\x1c'..='\x1f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::tests::cases;

    #[test]
    fn lines_are_those_of_pythons_splitlines() {
        for (text, expected) in cases::<String, Vec<String>>("lines") {
            assert_eq!(lines(&text), expected, "{text:?}");
        }
    }
}
