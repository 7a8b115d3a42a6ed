//! Tags.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use unicode_general_category::{GeneralCategory, get_general_category};

use super::errors::invalid;
use crate::wire::AwsError;

/// One tag. The value may be left out, which means empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Tag {
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// Tags of one request.
///
/// ECS service model, `Tag`, `Tags`, `TagKey`, `TagValue` and RunTaskRequest.tags: at most 50; keys 1-128 and values
/// 0-256 Unicode characters of letters, digits, separators and `_.:/=+-@`; keys unique; `aws:` in any case is reserved
/// as a prefix of either.
pub(super) fn check(tags: &[Tag]) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(invalid(format!("Tags can not have more than 50 elements, not {}.", tags.len())));
    }
    let mut keys = BTreeSet::new();
    for Tag { key, value } in tags {
        if key.is_empty() {
            return Err(invalid("Tag key can not be blank."));
        }
        if key.chars().count() > 128 {
            return Err(invalid(format!("Tag key '{key}' is longer than 128 characters.")));
        }
        if value.chars().count() > 256 {
            return Err(invalid(format!("The value of tag '{key}' is longer than 256 characters.")));
        }
        if !(key.chars().all(is_allowed) && value.chars().all(is_allowed)) {
            return Err(invalid(format!(
                "Tag '{key}' contains invalid characters: letters, numbers, spaces and _.:/=+-@ are allowed."
            )));
        }
        if [key, value].into_iter().any(|text| text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))) {
            return Err(invalid(format!("Tag '{key}': the prefix 'aws:' is reserved.")));
        }
        if !keys.insert(key) {
            return Err(invalid(format!("Duplicate tag key found: '{key}'.")));
        }
    }
    Ok(())
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn is_allowed(c: char) -> bool {
    use GeneralCategory::{
        DecimalNumber, LetterNumber, LineSeparator, LowercaseLetter, ModifierLetter, OtherLetter, OtherNumber,
        ParagraphSeparator, SpaceSeparator, TitlecaseLetter, UppercaseLetter,
    };

    "_.:/=+-@".contains(c)
        || matches!(
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

/// Replaces the values of keys that exist and adds the rest (TagResource).
pub(super) fn merge(tags: &mut Vec<Tag>, more: Vec<Tag>) {
    for tag in more {
        match tags.iter_mut().find(|known| known.key == tag.key) {
            Some(known) => known.value = tag.value,
            None => tags.push(tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn limits_at_their_boundaries() {
        let fifty: Vec<Tag> = (0..50).map(|n| tag(&format!("k{n}"), "")).collect();
        assert_eq!(check(&fifty), Ok(()));
        assert!(check(&[fifty, vec![tag("k50", "")]].concat()).is_err());
        assert_eq!(check(&[tag(&"ä".repeat(128), &"ö".repeat(256))]), Ok(()));
        assert!(check(&[tag(&"k".repeat(129), "")]).is_err());
        assert!(check(&[tag("k", &"v".repeat(257))]).is_err());
        assert!(check(&[tag("", "v")]).is_err());
    }

    #[test]
    fn characters_prefix_and_duplicates() {
        assert_eq!(check(&[tag("prefect.io/flow run", "größe 1 + 2 = 3 @x_y-z")]), Ok(()));
        for bad in ["rocket🚀", "a\tb", "a,b", "a*b", "a\nb", "e\u{301}"] {
            assert!(check(&[tag(bad, "")]).is_err(), "{bad:?}");
            assert!(check(&[tag("k", bad)]).is_err(), "{bad:?}");
        }
        assert!(check(&[tag("AWS:x", "")]).is_err());
        assert!(check(&[tag("x", "aws:y")]).is_err());
        assert!(check(&[tag("a", "1"), tag("a", "2")]).is_err());
        assert_eq!(check(&[tag("a", "1"), tag("A", "2")]), Ok(()));
    }
}
