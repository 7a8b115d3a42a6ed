//! A code, and the form in which a family defines its codes.

use std::{cmp::Ordering, fmt, hash};

/// A stable code of a failure: `PP` and four digits. Equal to its text, and shown as it.
#[derive(Clone, Copy)]
pub struct Code(&'static Entry);

/// What the catalogue says about a code.
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) summary: &'static str,
    pub(crate) resolution: &'static str,
}

/// What becomes of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is no task and there will be none.
    Crashed,
    /// The run is tried again later, as a new attempt.
    HandedBack,
    /// The outcome is unknown; the same attempt comes back.
    Returned,
    /// The body can never be read, and is kept in the dead-letter queue.
    Buried,
    /// Something else, in words.
    Other(&'static str),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crashed => "crashed",
            Self::HandedBack => "handed back",
            Self::Returned => "returned to the queue",
            Self::Buried => "buried",
            Self::Other(words) => words,
        })
    }
}

impl Code {
    pub(crate) const fn new(entry: &'static Entry) -> Self {
        Self(entry)
    }

    /// `PP0101`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.0.id
    }

    /// One line: what failed.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        self.0.summary
    }

    /// What becomes of the run.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        self.0.outcome
    }

    /// What to do about it, as far as it is the same for all failures with this code.
    #[must_use]
    pub const fn resolution(self) -> &'static str {
        self.0.resolution
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Code {}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.id() == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.id() == *other
    }
}

impl PartialEq<Code> for &str {
    fn eq(&self, other: &Code) -> bool {
        *self == other.id()
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(other.id())
    }
}

impl hash::Hash for Code {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

/// Codes that belong together.
#[derive(Debug)]
pub struct Family {
    pub(crate) prefix: &'static str,
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) codes: &'static [Code],
}

impl Family {
    /// What all its codes begin with.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// Heading of its section.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What its codes have in common, as Markdown; paragraphs are separated by an empty line.
    #[must_use]
    pub fn intro(&self) -> &'static str {
        self.intro
    }

    /// Its codes, in their order. None if the family is reserved.
    #[must_use]
    pub fn codes(&self) -> &'static [Code] {
        self.codes
    }
}

/// Defines a family: prefix, title and introduction, then a constant for each code with outcome, summary and resolution.
macro_rules! family {
    (
        $prefix:literal, $title:literal, $intro:literal;
        $($id:ident => $outcome:expr, $summary:literal, $resolution:expr;)*
    ) => {
        $(
            #[doc = concat!($summary, ".")]
            pub const $id: $crate::Code = $crate::Code::new(&$crate::code::Entry {
                id: stringify!($id),
                outcome: $outcome,
                summary: $summary,
                resolution: $resolution,
            });
        )*

        pub(crate) static FAMILY: Family =
            Family { prefix: $prefix, title: $title, intro: $intro, codes: &[$($id),*] };
    };
}
pub(crate) use family;
