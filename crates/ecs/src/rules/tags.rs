//! Tags of either request.

use std::collections::HashSet;

use diagnosis::Code;
use serde_json::Value;
use unicode_general_category::{GeneralCategory, get_general_category};

use super::{Refusal, invalid, quoted, text};

/// Why ECS refuses the tags of a request; the first reason only.
///
/// Model, `Tag`, `Tags`, `TagKey`, `TagValue` and RunTaskRequest.tags: at most 50; keys 1-128 and values 0-256 Unicode
/// characters of letters, digits, separators and `_.:/=+-@`; keys unique; `aws:` in any case is reserved as a prefix of
/// either.
#[must_use]
pub fn check_tags(tags: &[Value], code: Code) -> Option<Refusal> {
    let refuse = |answer: String, place: String, found: String| {
        Some(invalid(code, answer).at(place, found).wants(
            "up to 50 tags, each key once, of 128 characters with values of 256, all letters, digits, blanks and \
             _.:/=+-@, and not beginning with aws:",
            "Correct the tag in the base job template.",
        ))
    };
    if tags.len() > 50 {
        let answer = format!("Tags can not have more than 50 elements, not {}.", tags.len());
        return refuse(answer, "tags".to_owned(), format!("{} tags", tags.len()));
    }
    let mut keys = HashSet::with_capacity(tags.len());
    for (index, tag) in tags.iter().enumerate() {
        let (key, value) = (text(tag, "key").unwrap_or_default(), text(tag, "value").unwrap_or_default());
        let (answer, member) = if key.is_empty() {
            ("Tag key can not be blank.".to_owned(), "key")
        } else if longer(key, 128) {
            (format!("Tag key '{key}' is longer than 128 characters."), "key")
        } else if longer(value, 256) {
            (format!("The value of tag '{key}' is longer than 256 characters."), "value")
        } else if !(key.chars().all(is_allowed) && value.chars().all(is_allowed)) {
            let member = if key.chars().all(is_allowed) { "value" } else { "key" };
            let answer =
                format!("Tag '{key}' contains invalid characters: letters, numbers, spaces and _.:/=+-@ are allowed.");
            (answer, member)
        } else if is_reserved(key) || is_reserved(value) {
            (format!("Tag '{key}': the prefix 'aws:' is reserved."), if is_reserved(key) { "key" } else { "value" })
        } else if !keys.insert(key) {
            (format!("Duplicate tag key found: '{key}'."), "key")
        } else {
            continue;
        };
        let found = if member == "key" { quoted(key) } else { quoted(value) };
        return refuse(answer, format!("tags[{index}].{member}"), found);
    }
    None
}

fn longer(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().count() > most
}

fn is_reserved(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn is_allowed(c: char) -> bool {
    use GeneralCategory::{
        DecimalNumber, LetterNumber, LineSeparator, LowercaseLetter, ModifierLetter, OtherLetter, OtherNumber,
        ParagraphSeparator, SpaceSeparator, TitlecaseLetter, UppercaseLetter,
    };

    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
    }
    matches!(
        get_general_category(c),
        UppercaseLetter
            | LowercaseLetter
            | TitlecaseLetter
            | ModifierLetter
            | OtherLetter
            | SpaceSeparator
            | LineSeparator
            | ParagraphSeparator
            | DecimalNumber
            | LetterNumber
            | OtherNumber
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tag(key: &str, value: &str) -> Value {
        json!({"key": key, "value": value})
    }

    fn refused(tags: &[Value]) -> bool {
        check_tags(tags, diagnosis::PP0226).is_some()
    }

    #[test]
    fn limits_at_their_boundaries() {
        let fifty: Vec<Value> = (0..50).map(|n| tag(&format!("k{n}"), "")).collect();
        assert!(!refused(&fifty));
        assert!(refused(&[fifty, vec![tag("k50", "")]].concat()));
        assert!(!refused(&[tag(&"ä".repeat(128), &"ö".repeat(256))]));
        assert!(refused(&[tag(&"k".repeat(129), "")]));
        assert!(refused(&[tag("k", &"v".repeat(257))]));
        assert!(refused(&[tag("", "v")]));
        assert!(!refused(&[json!({"key": "k"})]));
    }

    #[test]
    fn characters_prefix_and_duplicates() {
        assert!(!refused(&[tag("prefect.io/flow run", "größe 1 + 2 = 3 @x_y-z")]));
        for bad in ["rocket🚀", "a\tb", "a,b", "a*b", "a\nb", "e\u{301}"] {
            assert!(refused(&[tag(bad, "")]), "{bad:?}");
            assert!(refused(&[tag("k", bad)]), "{bad:?}");
        }
        assert!(refused(&[tag("AWS:x", "")]));
        assert!(refused(&[tag("x", "aws:y")]));
        assert!(refused(&[tag("a", "1"), tag("a", "2")]));
        assert!(!refused(&[tag("a", "1"), tag("A", "2")]));
    }
}
