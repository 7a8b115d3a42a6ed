//! What a user is told when something fails, and the catalogue of error codes.
//!
//! Every failure that a user sees is a [`Diagnosis`]: a code, a summary, the detail and what to do. The code is stable,
//! and users search for it, so each is defined in the module of its family, with its summary, with what becomes of
//! the run, and with what to do about it. `docs/errors.md` is made from the same definitions ([`page()`]).
//!
//! A constant is named as the code is written, because that is how code, documents and users refer to it:
//!
//! ```
//! use diagnosis::{Diagnosis, PP0404};
//!
//! let diagnosis = Diagnosis::of(PP0404, "The message names the work pool 'etl'.");
//! assert_eq!(diagnosis.code, "PP0404");
//! assert_eq!(diagnosis.summary, "There is no such work pool");
//! ```
//!
//! A failure that knows more says more: it fills in a summary or a resolution of its own, and the catalogue's are what is
//! true of all failures with that code.
//!
//! This crate is at the bottom: it depends on nothing, and knows neither where a failure comes from nor where it is shown.

mod code;
mod families;
mod page;
mod text;

pub use crate::{
    code::{Code, Family, Outcome},
    families::*,
    page::page,
    text::shorten,
};

/// What a user is told when something cannot be done. No field may hold the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable code.
    pub code: Code,
    /// One line: what failed.
    pub summary: String,
    /// What was seen: field, value, what is allowed, AWS's own words.
    pub detail: String,
    /// What to do about it.
    pub resolution: String,
}

/// Longest summary of a [`Diagnosis`], in characters.
const LONGEST_SUMMARY: usize = 500;

/// Longest detail of a [`Diagnosis`], in characters: a state's message, a log line and a queue message's attributes have
/// to hold it.
const LONGEST_DETAIL: usize = 8_000;

impl Diagnosis {
    /// A failure about which there is nothing more to say than the code says and this detail.
    #[must_use]
    pub fn of(code: Code, detail: impl Into<String>) -> Self {
        let (summary, resolution) = (code.summary().to_owned(), code.resolution().to_owned());
        Self { code, summary, detail: detail.into(), resolution }
    }

    /// The same with texts of a bounded length: names and values in them may be as long as their author likes.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        shorten(&mut self.summary, LONGEST_SUMMARY);
        shorten(&mut self.detail, LONGEST_DETAIL);
        shorten(&mut self.resolution, LONGEST_DETAIL);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_in_characters() {
        let long = Diagnosis { summary: "ü".repeat(501), ..Diagnosis::of(PP0499, "é".repeat(8_000)) }.bounded();
        assert_eq!(long.summary, "ü".repeat(500) + "…");
        assert_eq!(long.detail, "é".repeat(8_000));
        assert_eq!(long.resolution, PP0499.resolution());
    }

    #[test]
    fn every_code_is_in_order_in_its_family_and_says_everything() {
        let ids: Vec<&str> = codes().map(Code::id).collect();
        assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
        assert_eq!(ids.len(), 148);
        for family in families() {
            assert!(family.intro().ends_with('.'), "{}", family.title());
            for code in family.codes() {
                assert!(code.id().starts_with(family.prefix()) && code.id().len() == 6, "{code}");
                assert!(code.id()[2..].bytes().all(|it| it.is_ascii_digit()), "{code}");
                assert!(!code.summary().is_empty() && !code.summary().ends_with('.'), "{code}");
                assert!(code.resolution().ends_with(['.', '?']), "{code}: {}", code.resolution());
            }
        }
    }

    #[test]
    fn a_code_is_its_id() {
        assert_eq!(PP0407, "PP0407");
        assert_eq!("PP0407", PP0407);
        assert_ne!(PP0407, PP0408);
        assert!(PP0101 < PP0201);
        assert_eq!(format!("{PP0407} {PP0407:?}"), r#"PP0407 "PP0407""#);
    }
}
