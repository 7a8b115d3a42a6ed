//! Python's `string.Template.safe_substitute`.

/// `$NAME` and `${NAME}` with their values, `$$` as `$`. What has no value stays as it is written.
pub(super) fn substitute(text: &str, look_up: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (value, length) = if after.starts_with('$') {
            (Some("$".to_owned()), 1)
        } else if let Some(braced) = after.strip_prefix('{') {
            let name = name_of(braced);
            let closes = !name.is_empty() && braced[name.len()..].starts_with('}');
            if closes { (look_up(name), name.len() + 2) } else { (None, 0) }
        } else {
            let name = name_of(after);
            (look_up(name).filter(|_| !name.is_empty()), name.len())
        };
        match value {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&rest[at..=at + length]),
        }
        rest = &after[length..];
    }
    filled + rest
}

/// The name at the beginning of a text; empty if there is none.
fn name_of(text: &str) -> &str {
    let is_part = |character: char| character == '_' || character.is_ascii_alphanumeric();
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    if text.starts_with(|character: char| character.is_ascii_digit()) { "" } else { &text[..end] }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::script::tests::{cases, names};

    #[test]
    fn variables_are_filled_in_as_by_pythons_template() {
        let names: HashMap<String, String> = names();
        for (text, expected) in cases::<String, String>("templates") {
            assert_eq!(substitute(&text, |name| names.get(name).cloned()), expected, "{text:?}");
        }
    }
}
