//! Names as `python-slugify` makes them legal.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A tag's key or value: `slugify(text, regex_pattern="[^a-zA-Z0-9_./=+:@-]+", allow_unicode=True, lowercase=False)`.
pub(crate) fn tag(text: &str) -> String {
    let plain: String = text.replace('\'', "-").nfkc().filter(|it| *it != '\'').collect();
    hyphenated(&plain, |it| it.is_ascii_alphanumeric() || "_./=+:@".contains(it))
}

/// A family: `slugify(text, max_length=255, regex_pattern="[^a-zA-Z0-9-_]+")`. Letters with marks lose the mark. Of other scripts,
/// which Python transliterates, nothing stays.
pub(crate) fn family(text: &str) -> String {
    let plain: String = text.replace('\'', "-").nfkd().filter(|it| !is_combining_mark(*it) && *it != '\'').collect();
    let slug = hyphenated(&plain.to_lowercase(), |it| it.is_ascii_alphanumeric() || it == '_');
    slug.chars().take(255).collect::<String>().trim_matches('-').to_owned()
}

/// Everything that is not legal becomes a hyphen, of which none follows another or stands at an end. A comma between digits goes.
fn hyphenated(text: &str, is_legal: impl Fn(char) -> bool) -> String {
    let characters: Vec<char> = text.chars().collect();
    let is_digit = |index: Option<usize>| index.and_then(|it| characters.get(it)).is_some_and(char::is_ascii_digit);
    let mut slug = String::with_capacity(text.len());
    for (index, character) in characters.iter().enumerate() {
        let between_digits = *character == ',' && is_digit(index.checked_sub(1)) && is_digit(Some(index + 1));
        if is_legal(*character) {
            slug.push(*character);
        } else if !between_digits && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of python-slugify 8.0 with the block's arguments.
    #[test]
    fn names_are_made_legal_as_python_does() {
        for (text, expected) in [
            ("data & ml", "data-ml"),
            ("47 11", "47-11"),
            ("ünit", "nit"),
            ("größe", "gr-e"),
            ("", ""),
            ("a_b/c=d", "a_b/c=d"),
        ] {
            assert_eq!(tag(text), expected, "{text}");
        }
        for (text, expected) in [
            ("Nightly Reports.v2 / EU", "nightly-reports-v2-eu"),
            ("prefect__nightly report__prod eu", "prefect__nightly-report__prod-eu"),
            ("Café, 1,000", "cafe-1000"),
        ] {
            assert_eq!(family(text), expected, "{text}");
        }
    }
}
