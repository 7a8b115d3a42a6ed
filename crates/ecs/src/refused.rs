//! All that is wrong with a run's requests.

use diagnosis::Diagnosis;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// What a person is told.
    pub diagnosis: Diagnosis,
    /// Place in the job configuration, where it is known.
    pub place: Option<String>,
    /// Whether something is missing that another job variable may bring.
    pub lacks: bool,
}

/// Why a run's requests are not sent: every reason at once, so that one deployment mends them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    first: Box<Reason>,
    others: Vec<Reason>,
    notes: Vec<String>,
    stopped: bool,
}

impl Refused {
    /// The reasons in their order, and what was noted beside them; none where there are no reasons. `stopped` says whether there
    /// are no requests.
    pub(crate) fn of(reasons: Vec<Reason>, notes: Vec<String>, stopped: bool) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        Some(Self { first: Box::new(reasons.next()?), others: reasons.collect(), notes, stopped })
    }

    /// Whether the last reason stopped the preparation: what comes after it was not looked at.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.stopped
    }

    /// What may explain the reasons, or would be told if there were none.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    fn reasons(&self) -> impl Iterator<Item = &Reason> {
        std::iter::once(&*self.first).chain(&self.others)
    }

    /// Each reason.
    pub fn diagnoses(&self) -> impl Iterator<Item = &Diagnosis> {
        self.reasons().map(|reason| &reason.diagnosis)
    }

    /// The reasons that only say what is missing: a deployment or a flow run may bring it.
    pub fn lacking(&self) -> impl Iterator<Item = &Diagnosis> {
        self.reasons().filter(|reason| reason.lacks).map(|reason| &reason.diagnosis)
    }

    /// The reasons in one, for where there is room for one: code and summary of the first, detail and advice of all.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let first = &self.first.diagnosis;
        if self.others.is_empty() {
            return first.clone();
        }
        let lines = |line: fn(&Diagnosis) -> String| self.diagnoses().map(line).collect::<Vec<_>>().join("\n");
        Diagnosis {
            code: first.code,
            summary: format!("{} (and {} more)", first.summary, self.others.len()),
            detail: lines(|it| format!("{} {}", it.code, it.detail)),
            resolution: lines(|it| format!("{} {}", it.code, it.resolution)),
        }
        .bounded()
    }
}
