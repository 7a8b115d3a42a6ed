//! The parts of Python that are visible in a rendered document.
//!
//! Prefect puts a value into surrounding text with `str()`, so a template written for its workers relies on `True`, `None`,
//! `{'k': 1}` and `1e-05`. The rules are those of CPython's `unicode_repr`, `float_repr_style = 'short'` and the
//! containers' `__repr__`; where Unicode tables decide, ours are those of the crate `unicode-general-category`.

use std::fmt::Write as _;

use serde_json::{Number, Value};
use unicode_general_category::{GeneralCategory as Category, get_general_category};

use crate::{error::TemplatingError, limits::Budget};

/// Appends `str(value)`.
///
/// # Errors
/// [`TemplatingError::Size`], [`TemplatingError::Depth`].
pub fn push_str(value: &Value, out: &mut String, budget: &mut Budget) -> Result<(), TemplatingError> {
    match value {
        Value::String(text) => {
            budget.text(text.len())?;
            out.push_str(text);
            Ok(())
        }
        other => push_repr(other, out, budget, 1),
    }
}

/// `str(value)` on its own.
///
/// # Errors
/// [`TemplatingError::Size`], [`TemplatingError::Depth`].
pub fn to_str(value: &Value, budget: &mut Budget) -> Result<String, TemplatingError> {
    let mut out = String::new();
    push_str(value, &mut out, budget)?;
    Ok(out)
}

fn push_repr(value: &Value, out: &mut String, budget: &mut Budget, depth: usize) -> Result<(), TemplatingError> {
    budget.within_depth(depth)?;
    let before = out.len();
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => push_number(number, out),
        Value::String(text) => push_quoted(text, out),
        Value::Array(items) => {
            budget.text(2 + 2 * items.len())?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_repr(item, out, budget, depth + 1)?;
            }
            out.push(']');
            return Ok(());
        }
        Value::Object(entries) => {
            budget.text(2 + 4 * entries.len())?;
            out.push('{');
            for (index, (key, entry)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                let key_start = out.len();
                push_quoted(key, out);
                budget.text(out.len() - key_start)?;
                out.push_str(": ");
                push_repr(entry, out, budget, depth + 1)?;
            }
            out.push('}');
            return Ok(());
        }
    }
    budget.text(out.len() - before)
}

fn push_number(number: &Number, out: &mut String) {
    if number.is_f64() {
        push_float(number.as_f64().unwrap_or_default(), out);
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "{number}");
    }
}

/// `repr(float)`: the shortest digits that read back the same, as a decimal from 1e-4 up to below 1e16, else with an
/// exponent of at least two digits.
fn push_float(value: f64, out: &mut String) {
    // Rust finds the same shortest digits; only the layout differs.
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let before = out.len();
        let _ = write!(out, "{value}");
        if !out[before..].contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

/// `repr(str)`: single quotes unless only double ones avoid escaping; what does not print becomes an escape.
fn push_quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character == quote => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            _ if is_printable(character) => out.push(character),
            _ => {
                let code = u32::from(character);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push(quote);
}

/// `str.isprintable` for a character that is not a space.
fn is_printable(character: char) -> bool {
    !matches!(
        get_general_category(character),
        Category::Control
            | Category::Format
            | Category::Surrogate
            | Category::PrivateUse
            | Category::Unassigned
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::SpaceSeparator
    )
}

/// Whether `\w` of a Python `str` pattern matches: letters, every kind of number, and the underscore.
pub(crate) fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    matches!(
        get_general_category(character),
        Category::UppercaseLetter
            | Category::LowercaseLetter
            | Category::TitlecaseLetter
            | Category::ModifierLetter
            | Category::OtherLetter
            | Category::DecimalNumber
            | Category::LetterNumber
            | Category::OtherNumber
    )
}

/// Whether `\s` of a Python `str` pattern matches: Unicode white space and the four ASCII separators.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// `int(text)` as a list index: a sign, decimal digits of any script, single underscores between them. None where
/// Python raises, and where no list is long enough.
pub(crate) fn parse_index(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut value: i64 = 0;
    let mut after_digit = false;
    for character in digits.chars() {
        if character == '_' && after_digit {
            after_digit = false;
            continue;
        }
        value = value.checked_mul(10)?.checked_add(decimal_digit(character)?)?;
        after_digit = true;
    }
    after_digit.then_some(if negative { -value } else { value })
}

/// Value of a decimal digit. Unicode lays the digits of a script out in a row from zero to nine, so a digit's value is
/// the number of digits before it, modulo ten where rows adjoin.
fn decimal_digit(character: char) -> Option<i64> {
    if character.is_ascii() {
        return character.to_digit(10).map(i64::from);
    }
    let is_digit =
        |code| char::from_u32(code).is_some_and(|other| get_general_category(other) == Category::DecimalNumber);
    let code = u32::from(character);
    if !is_digit(code) {
        return None;
    }
    let before = (1..50).take_while(|back| is_digit(code - back)).count();
    i64::try_from(before % 10).ok()
}

/// Whether Python takes the value as true.
#[must_use]
pub fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(boolean) => *boolean,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
    }
}

/// The kind of a value in the words of JSON, with its article.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::Limits;

    fn str_of(value: &Value) -> String {
        to_str(value, &mut Budget::new(Limits { depth: 100, bytes: 1 << 20 })).unwrap()
    }

    #[test]
    fn scalars_print_as_in_python() {
        for (value, expected) in [
            (json!(null), "None"),
            (json!(true), "True"),
            (json!(-7), "-7"),
            (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
            (json!("it's"), "it's"),
            (json!(1.0), "1.0"),
            (json!(-0.0), "-0.0"),
            (json!(0.1), "0.1"),
            (json!(1e-4), "0.0001"),
            (json!(0.000_012_5), "1.25e-05"),
            (json!(1e15), "1000000000000000.0"),
            (json!(9_007_199_254_740_993.0), "9007199254740992.0"),
            (json!(1e16), "1e+16"),
            (json!(1.5e300), "1.5e+300"),
            (json!(5e-324), "5e-324"),
        ] {
            assert_eq!(str_of(&value), expected);
        }
    }

    #[test]
    fn containers_quote_and_escape_as_in_python() {
        assert_eq!(str_of(&json!({"k": [1, null, {"x": 2.5}], "l": {}})), "{'k': [1, None, {'x': 2.5}], 'l': {}}");
        assert_eq!(str_of(&json!(["it's", "\"", "'\"", "\\"])), r#"["it's", '"', '\'"', '\\']"#);
        assert_eq!(
            str_of(&json!(["\n\r\t\u{0}\u{7f}\u{a0}\u{ad}\u{200b}\u{2028}\u{e000}\u{e0001}", "é漢😀"])),
            r"['\n\r\t\x00\x7f\xa0\xad\u200b\u2028\ue000\U000e0001', 'é漢😀']"
        );
    }

    #[test]
    fn indexes_read_as_python_integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("-1", Some(-1)),
            ("1_0", Some(10)),
            ("٣", Some(3)),
            ("𝟗𝟘", Some(90)),
            ("", None),
            ("-", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("--1", None),
            ("²", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_index(text), expected, "{text}");
        }
    }

    #[test]
    fn words_and_spaces_are_those_of_python() {
        assert!("aZ0_é漢²Ⅷ٣".chars().all(is_word));
        // A combining mark and a circled letter are alphabetic for Rust, not for Python.
        assert!(!"\u{301}Ⓐ-.$ ".chars().any(is_word));
        assert!("\u{1c}\u{1f}\u{85}\u{a0}\u{3000} \n".chars().all(is_space));
        assert!(!is_space('\u{200b}'));
    }
}
