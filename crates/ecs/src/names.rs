//! Names that AWS accepts, from names that Prefect accepts.
//!
//! Prefect allows nearly anything in the names of pools, flows, runs and deployments (emoji, spaces, hundreds of
//! characters). The worker intends to make family names legal, but discards the result (prefect-aws 0.7.12,
//! `ecs_worker.py`, `_get_or_generate_family`), and does not shorten tags.

use std::{borrow::Cow, fmt::Write};

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// Length of a family name (AWS ECS API reference, RegisterTaskDefinition: up to 255 letters, digits, underscores and
/// hyphens).
const FAMILY_LENGTH: usize = 255;

/// How many hexadecimal digits of the content's hash end a family name: 64 bits, so that among a million definitions of
/// one account the chance of a collision is below 3 in 10^8.
const HASH_DIGITS: usize = 16;

/// Characters of a CloudWatch log stream's prefix that pushpool generates. A stream name has 512, and the container's
/// name (255) and the task's id follow it.
const LOG_PREFIX_LENGTH: usize = 200;

/// The family of a content: `base` made legal and shortened, and the content's hash.
pub(crate) fn family(base: &str, content: &[u8]) -> String {
    let room = FAMILY_LENGTH - HASH_DIGITS - 1;
    let mut family = String::with_capacity(base.len().min(room) + HASH_DIGITS + 1);
    for character in base.chars() {
        if family.len() >= room {
            break;
        }
        let legal = character.is_ascii_alphanumeric() || character == '_' || character == '-';
        if legal {
            family.push(character);
        } else if !family.ends_with('-') {
            family.push('-');
        }
    }
    if family.is_empty() {
        family.push_str("prefect");
    }
    family.push('-');
    for byte in &Sha256::digest(content)[..HASH_DIGITS / 2] {
        // Writing to a string cannot fail.
        let _ = write!(family, "{byte:02x}");
    }
    family
}

/// The generated prefix of log streams: as it is, without the two characters that CloudWatch Logs forbids in the name of
/// a stream (`:` and `*`; CloudWatch Logs API reference, CreateLogStream).
pub(crate) fn log_prefix(prefix: &str) -> String {
    prefix
        .chars()
        .take(LOG_PREFIX_LENGTH)
        .map(|character| if matches!(character, ':' | '*') { '-' } else { character })
        .collect()
}

/// A tag's key or value as the worker writes it: `slugify(text, regex_pattern="[^a-zA-Z0-9_./=+:@-]",
/// allow_unicode=True, lowercase=False)` of python-slugify 9.
///
/// Quotes become hyphens, compatibility characters their plain form (NFKC), a comma between digits vanishes, everything
/// outside the pattern becomes a hyphen; runs of hyphens become one, and none is left at the ends. Not done: HTML entities
/// stay as they are written (`&eacute;` is `-eacute-` here and `-` there).
pub(crate) fn slug(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./=+:@".contains(&byte);
    let bytes = text.as_bytes();
    let inner_hyphen =
        |index: usize| bytes[index] == b'-' && index > 0 && index + 1 < bytes.len() && bytes[index - 1] != b'-';
    if (0..bytes.len()).all(|index| plain(bytes[index]) || inner_hyphen(index)) {
        return Cow::Borrowed(text);
    }
    let quoted = text.replace('\'', "-");
    let characters: Vec<char> = quoted.nfkc().filter(|character| *character != '\'').collect();
    let mut slug = String::with_capacity(characters.len());
    for (index, character) in characters.iter().enumerate() {
        let is_digit = |neighbour: Option<&char>| neighbour.is_some_and(char::is_ascii_digit);
        if u8::try_from(*character).is_ok_and(|byte| byte.is_ascii() && plain(byte)) {
            slug.push(*character);
        } else if *character == ','
            && is_digit(index.checked_sub(1).and_then(|before| characters.get(before)))
            && is_digit(characters.get(index + 1))
        {
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if slug.ends_with('-') {
        slug.pop();
    }
    Cow::Owned(slug)
}

/// The first `length` bytes of an ASCII slug.
pub(crate) fn shortened(slug: &str, length: usize) -> &str {
    &slug[..slug.len().min(length)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn families_are_legal() {
        assert_eq!(family("fam", b""), "fam-e3b0c44298fc1c14");
        assert_eq!(family("prefect_push pool 1_x", b""), "prefect_push-pool-1_x-e3b0c44298fc1c14");
        assert_eq!(family("", b""), "prefect-e3b0c44298fc1c14");
        assert_eq!(family("💥💥", b""), "--e3b0c44298fc1c14");
        assert_eq!(family(&"x".repeat(300), b"").len(), 255);
    }

    /// Answers of python-slugify 9.0 with the worker's arguments.
    #[test]
    fn slugs_are_the_workers() {
        for (text, expected) in [
            ("data eng", "data-eng"),
            ("  a--b  ", "a-b"),
            ("it's", "it-s"),
            ("1,000,000 rows", "1000000-rows"),
            ("a,b", "a-b"),
            ("naïve", "na-ve"),
            ("nai\u{308}ve", "na-ve"),
            ("ﬁne…", "fine..."),
            ("①②", "12"),
            ("💥", ""),
            ("-", ""),
            ("a@b.c/d=e+f:g_h", "a@b.c/d=e+f:g_h"),
            ("ＡＢ’s", "AB-s"),
            ("\u{ff07}a\u{ff07}b", "ab"),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_base_gives_a_legal_family(base in ".{0,300}", content in ".{0,20}") {
            let family = family(&base, content.as_bytes());
            prop_assert!(family.len() <= 255 && family.len() > 17);
            prop_assert!(family.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'));
        }

        #[test]
        fn a_slug_is_its_own_slug(text in ".{0,60}") {
            let once = slug(&text).into_owned();
            prop_assert!(once.is_ascii());
            let twice = slug(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
    }
}
