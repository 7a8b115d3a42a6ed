//! What is wrong with a schedule, and what is allowed but rarely meant.

/// One reason why a schedule cannot be. Texts name what was found and what is wanted; [`ScheduleError::key`] names the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The item is a text, a list, a number.
    #[error("a schedule must be a mapping with `cron`, `interval` or `rrule`, found {found}{}", advice.as_deref().map(|advice| format!(": {advice}")).unwrap_or_default())]
    NotAMapping {
        /// A description of the value.
        found: String,
        /// What to write, where that is clear.
        advice: Option<String>,
    },
    /// `schedules` holds one mapping or a text.
    #[error("`schedules` must be a list, found {found}: put `- ` before {}", if *mapping { "its first key" } else { "each schedule" })]
    NotAList {
        /// A description of the value.
        found: String,
        /// Whether one schedule stands where the list belongs.
        mapping: bool,
    },
    /// A deployment has `schedule` and `schedules`.
    #[error(
        "`schedule` and `schedules` are both present: move the schedule into the list `schedules` and remove `schedule`"
    )]
    BothKeys,
    /// A key that no schedule has.
    #[error("unknown key `{key}`{}", nearest.map_or_else(|| format!(": a schedule has {}", crate::item::KEYS.join(", ")), |nearest| format!(": did you mean `{nearest}`?")))]
    UnknownKey {
        /// The key.
        key: String,
        /// The key that it resembles.
        nearest: Option<&'static str>,
    },
    /// None of the three kinds.
    #[error("no `cron`, `interval` or `rrule`: a schedule has exactly one of them")]
    NoKind,
    /// More than one kind.
    #[error(
        "{} are both present: a schedule has exactly one of `cron`, `interval` and `rrule`",
        crate::item::list(found)
    )]
    SeveralKinds {
        /// The kinds found.
        found: Vec<&'static str>,
    },
    /// A value of another type.
    #[error("`{key}` must be {wanted}, found {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type wanted.
        wanted: &'static str,
        /// A description of the value.
        found: String,
    },
    /// A cron expression that does not parse.
    #[error("cron `{text}`: {reason}")]
    Cron {
        /// The expression.
        text: String,
        /// The field and what it may hold.
        reason: String,
    },
    /// A time zone that Prefect does not know.
    #[error("unknown time zone `{name}`{}", nearest.as_ref().map_or_else(|| ": use an IANA name such as America/New_York".to_owned(), |nearest| format!(": did you mean {nearest}?")))]
    Zone {
        /// The name found.
        name: String,
        /// The name that it resembles.
        nearest: Option<String>,
    },
    /// An interval that is no length of time.
    #[error("interval `{text}`: {reason}")]
    Interval {
        /// The value found.
        text: String,
        /// What is wanted.
        reason: String,
    },
    /// An anchor date that is no date.
    #[error("anchor date `{text}`: {reason}")]
    AnchorDate {
        /// The value found.
        text: String,
        /// What is wanted.
        reason: String,
    },
    /// A recurrence rule that does not parse.
    #[error("rrule `{text}`: {reason}")]
    Rrule {
        /// The beginning of the rule.
        text: String,
        /// The part and what it may hold.
        reason: String,
    },
    /// Two schedules of a deployment with one slug.
    #[error("slug `{slug}` is also the slug of schedule {}: slugs are unique in a deployment", other + 1)]
    SameSlug {
        /// The slug.
        slug: String,
        /// The index of the other schedule.
        other: usize,
    },
    /// Two schedules that replace the same one.
    #[error("`replaces: {slug}` is also written at schedule {}: only one schedule can replace another", other + 1)]
    SameReplaces {
        /// The slug that is to be replaced.
        slug: String,
        /// The index of the other schedule.
        other: usize,
    },
}

impl ScheduleError {
    /// The key of the schedule that the error is about; nothing if it is about the whole item.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::NotAMapping { .. } | Self::NotAList { .. } | Self::BothKeys | Self::NoKind => None,
            Self::UnknownKey { key, .. } => Some(key),
            Self::WrongType { key, .. } => Some(key),
            Self::SeveralKinds { found } => found.last().copied(),
            Self::Cron { .. } => Some("cron"),
            Self::Zone { .. } => Some("timezone"),
            Self::Interval { .. } => Some("interval"),
            Self::AnchorDate { .. } => Some("anchor_date"),
            Self::Rrule { .. } => Some("rrule"),
            Self::SameSlug { .. } => Some("slug"),
            Self::SameReplaces { .. } => Some("replaces"),
        }
    }
}

/// Something that is accepted and rarely meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// A key that the first 3.0 versions of `prefect deploy` wrote into files.
    #[error("`{key}` has no effect any more: remove it")]
    OldKey {
        /// The key.
        key: &'static str,
    },
    /// A key of one kind beside another kind.
    #[error("`{key}` has no effect without `{kind}`: remove it")]
    Misplaced {
        /// The key.
        key: &'static str,
        /// The kind it belongs to.
        kind: &'static str,
    },
    /// A cron expression with seconds.
    #[error("cron `{text}`: the sixth field is seconds, and the first is minutes")]
    Seconds {
        /// The expression.
        text: String,
    },
    /// A rule on which the server's scheduler fails.
    #[error(
        "`UNTIL` ends in Z and there is no `DTSTART`: Prefect's scheduler fails on this rule and starts no runs. Remove the Z; the digits are read in `timezone`"
    )]
    UntilWithoutStart,
    /// The last time is past.
    #[error("the last time of `{key}` is past: it starts no runs{}", if *unanchored { " (without DTSTART a rule begins, and counts, on 2020-01-01)" } else { "" })]
    Over {
        /// The kind.
        key: &'static str,
        /// Whether it is a rule that names no beginning.
        unanchored: bool,
    },
    /// The server drops the limit.
    #[error("`max_scheduled_runs` needs a `slug`: without one the server drops it")]
    LimitWithoutSlug,
}

impl Warning {
    /// The key that the warning is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::OldKey { key } | Self::Misplaced { key, .. } | Self::Over { key, .. } => key,
            Self::Seconds { .. } => "cron",
            Self::UntilWithoutStart => "rrule",
            Self::LimitWithoutSlug => "max_scheduled_runs",
        }
    }
}

/// No times could be worked out for a schedule that is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// No further time in the years that were looked through.
    #[error("the schedule has no time after this")]
    Never,
    /// `UNTIL` with an offset and no `DTSTART`.
    #[error("the server's scheduler fails on this rule: UNTIL ends in Z and DTSTART is missing")]
    Fails,
    /// The search was given up after a fixed number of steps.
    #[error("the schedule's next time is too far away to compute")]
    TooFar,
    /// A time that the calendar cannot hold.
    #[error("the schedule leaves the years that a calendar holds")]
    OutOfRange,
}
