//! What a plain word means: the implicit types of YAML 1.1, in the spellings that PyYAML takes.

use crate::timestamp::is_timestamp;

/// The type of a plain scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    Timestamp,
    /// `<<`.
    Merge,
    /// `=`, the "default value" of YAML 1.1.
    Default,
    Text,
}

/// The type that a plain scalar has without a tag.
pub(crate) fn kind_of(word: &str) -> Kind {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "<<" => Kind::Merge,
        "=" => Kind::Default,
        _ if boolean(word).is_some_and(|_| is_one_case(word)) => Kind::Bool,
        _ if is_float(word) => Kind::Float,
        _ if is_integer(word) => Kind::Integer,
        _ if is_timestamp(word) => Kind::Timestamp,
        _ => Kind::Text,
    }
}

/// The boolean that a word means, in any mix of cases.
pub(crate) fn boolean(word: &str) -> Option<bool> {
    let is_any = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is_any(&["yes", "true", "on"]) {
        Some(true)
    } else if is_any(&["no", "false", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// `yes`, `Yes` and `YES`, not `yEs`.
fn is_one_case(word: &str) -> bool {
    let rest = word.get(1..).unwrap_or_default();
    let is_upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    rest.bytes().all(|byte| byte.is_ascii_lowercase()) || is_upper(word)
}

fn unsigned(word: &str) -> &str {
    word.strip_prefix(['-', '+']).unwrap_or(word)
}

fn is_all(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|byte| allowed(byte) || byte == b'_')
}

/// A digit first, then digits and underscores.
fn is_digits(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && is_all(text, |byte| byte.is_ascii_digit())
}

/// `30:00`: what follows the first number of a sexagesimal one.
fn are_sixtieths(text: &str) -> bool {
    text.split(':').all(|part| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    })
}

fn is_integer(word: &str) -> bool {
    let digits = unsigned(word);
    if let Some(rest) = digits.strip_prefix("0b") {
        return is_all(rest, |byte| matches!(byte, b'0' | b'1'));
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return is_all(rest, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(rest) = digits.strip_prefix('0') {
        return rest.is_empty() || is_all(rest, |byte| (b'0'..=b'7').contains(&byte));
    }
    match digits.split_once(':') {
        Some((first, rest)) => is_digits(first) && are_sixtieths(rest),
        None => is_digits(digits),
    }
}

fn is_float(word: &str) -> bool {
    if matches!(word, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let number = unsigned(word);
    if matches!(number, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    if let Some((first, rest)) = whole.split_once(':') {
        let is_fraction = fraction.is_empty() || is_all(fraction, |byte| byte.is_ascii_digit());
        return is_digits(first) && are_sixtieths(rest) && is_fraction;
    }
    let (digits, exponent) = match fraction.find(['e', 'E']) {
        Some(at) => (&fraction[..at], Some(&fraction[at + 1..])),
        None => (fraction, None),
    };
    if !exponent.is_none_or(is_exponent) {
        return false;
    }
    if whole.is_empty() {
        // A sign is not taken here: `-.5` is text.
        return number.len() == word.len() && is_digits(digits);
    }
    is_digits(whole) && (digits.is_empty() || is_all(digits, |byte| byte.is_ascii_digit()))
}

/// The sign is needed: `1.5e3` is text.
fn is_exponent(text: &str) -> bool {
    text.strip_prefix(['-', '+']).is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The value of an integer, or nothing if it is none or too long for 64 bits.
pub(crate) fn integer(word: &str) -> Option<i128> {
    let word = word.replace('_', "");
    let digits = unsigned(&word);
    let value = if digits.starts_with(['-', '+']) {
        return None;
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i128::from_str_radix(hexadecimal, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i128::from_str_radix(digits, 8).ok()?
    } else if digits.contains(':') {
        digits.split(':').try_fold(0_i128, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?
    } else {
        digits.parse().ok()?
    };
    let value = if word.starts_with('-') { -value } else { value };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value).then_some(value)
}

/// The value of a float, or nothing if it is none.
pub(crate) fn float(word: &str) -> Option<f64> {
    let word = word.replace('_', "").to_ascii_lowercase();
    let number = unsigned(&word);
    let value = match number {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if number.contains(':') => {
            number.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?
        }
        _ => number.parse().ok()?,
    };
    Some(if word.starts_with('-') { -value } else { value })
}
