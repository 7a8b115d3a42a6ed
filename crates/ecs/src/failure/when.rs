//! What a row of the table looks at.

use std::ops::RangeInclusive;

use super::{
    Answer,
    words::{Words, wrapped_code},
};

/// When a row applies. Words are spelt as [`Words`] spells them, and sought in the exception's name, message, reason and
/// detail.
pub(super) enum When {
    /// The exception is one of these.
    Code(&'static [&'static str]),
    /// One of these is among the words.
    Words(&'static [&'static str]),
    /// ECS asked EC2, and EC2's error code is one of these.
    Wrapped(&'static [&'static str]),
    /// The exception is one of the first, and one of the second is among the words.
    CodeAndWords(&'static [&'static str], &'static [&'static str]),
    /// The reason of a failure begins with one of these.
    Reason(&'static [&'static str]),
    /// The HTTP status is one of these.
    Status(RangeInclusive<u16>),
    /// There is a `failures[]` entry.
    Failure,
}

impl When {
    pub(super) fn holds(&self, answer: &Answer<'_>, words: &Words) -> bool {
        let code_in = |codes: &[&str]| answer.code.is_some_and(|code| codes.contains(&code));
        match self {
            Self::Code(codes) => code_in(codes),
            Self::Words(sought) => words.have_any(sought),
            Self::Wrapped(codes) => wrapped_code(answer.message).is_some_and(|code| codes.contains(&code)),
            Self::CodeAndWords(codes, sought) => code_in(codes) && words.have_any(sought),
            Self::Reason(reasons) => {
                answer.reason.is_some_and(|reason| reasons.iter().any(|known| reason.starts_with(known)))
            }
            Self::Status(range) => answer.http_status.is_some_and(|status| range.contains(&status)),
            Self::Failure => answer.reason.is_some(),
        }
    }
}
