//! What a mapping has to say beside its result.

use crate::plan::{Level, NotCarried, Note, Risk};

/// Notes, losses and risks, in the order in which they were found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub notes: Vec<Note>,
    pub not_carried: Vec<NotCarried>,
    risks: Vec<(Level, String)>,
}

impl Findings {
    /// Something to know that changes no run.
    pub(crate) fn note(&mut self, code: &str, text: impl Into<String>) {
        let note = Note { code: code.to_owned(), text: text.into() };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Something that may change a run.
    pub(crate) fn risk(&mut self, level: Level, code: &str, text: impl Into<String>) {
        let text = text.into();
        self.note(code, text.clone());
        if !self.risks.iter().any(|(_, known)| *known == text) {
            self.risks.push((level, text));
        }
    }

    /// A setting that has no counterpart.
    pub(crate) fn lost(&mut self, setting: impl Into<String>, reason: impl Into<String>) {
        let lost = NotCarried { setting: setting.into(), reason: reason.into() };
        if !self.not_carried.contains(&lost) {
            self.not_carried.push(lost);
        }
    }

    /// Adds the findings of a part.
    pub(crate) fn extend(&mut self, other: Self) {
        for note in other.notes {
            self.note(&note.code, note.text);
        }
        for lost in other.not_carried {
            self.lost(lost.setting, lost.reason);
        }
        for (level, text) in other.risks {
            if !self.risks.iter().any(|(_, known)| *known == text) {
                self.risks.push((level, text));
            }
        }
    }

    /// The risk of everything found, the highest first.
    pub(crate) fn risk_of_all(&self) -> Risk {
        let mut risks: Vec<&(Level, String)> = self.risks.iter().collect();
        risks.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = risks.first().map_or(Level::Low, |(level, _)| *level);
        Risk { level, reasons: risks.into_iter().map(|(_, text)| text.clone()).collect() }
    }
}
