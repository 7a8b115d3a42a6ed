//! What is printed in the end.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::plan::Kind;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What of.
    pub kind: &'static str,
    /// Where and how.
    pub what: String,
    /// Everything that is known about it.
    pub story: String,
}

/// Figures and violations.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How long troubles went on.
    pub troubled: Duration,
    /// How long it took after that until all was over.
    pub over: Option<Duration>,
    /// Flow runs that were made.
    pub made: usize,
    /// What became of them, by kind and state.
    pub ends: BTreeMap<String, usize>,
    /// Tasks there were.
    pub tasks: usize,
    /// Runs that were over before their last task was recorded.
    pub unrecorded: usize,
    /// SCHEDULED states there were: each is an attempt, if a message of it came.
    pub scheduled_states: usize,
    /// Flows that began.
    pub begun: usize,
    /// Hand backs by code.
    pub hand_backs: BTreeMap<String, usize>,
    /// Crashes by code.
    pub crashes: BTreeMap<String, usize>,
    /// Runs that were opened again after their end, and those that ended again as before.
    pub opened_again: (usize, usize),
    /// Kills by function: of processes at work, and of idle ones.
    pub kills: BTreeMap<&'static str, [u64; 2]>,
    /// Invocations without an answer, by function.
    pub unanswered: BTreeMap<&'static str, u64>,
    /// Passes of the reconciler, and those without an answer.
    pub passes: (u64, u64),
    /// What else was done.
    pub troubles: BTreeMap<String, u64>,
    /// Messages in dead-letter queues.
    pub dead_letters: usize,
    /// Those of them that SQS moved there after ten deliveries.
    pub delivered_in_vain: usize,
    /// What must not be.
    pub violations: Vec<Violation>,
}

impl Report {
    pub(super) fn add(&mut self, kind: &Kind, state: &str) {
        *self.ends.entry(format!("{kind:?}: {state}")).or_default() += 1;
    }

    pub(super) fn violate(&mut self, kind: &'static str, what: String) {
        self.violations.push(Violation { kind, what, story: String::new() });
    }

    /// Processes that were killed.
    #[must_use]
    pub fn killed(&self) -> u64 {
        self.kills.values().flatten().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {:.0} s of trouble", self.seed, self.troubled.as_secs_f64())?;
        match self.over {
            Some(over) => writeln!(f, "all over {:.0} s later", over.as_secs_f64())?,
            None => writeln!(f, "not all was over in time")?,
        }
        writeln!(
            f,
            "runs {}, SCHEDULED states {}, tasks {}, flows begun {}, dead letters {}, {} of them after ten deliveries",
            self.made, self.scheduled_states, self.tasks, self.begun, self.dead_letters, self.delivered_in_vain
        )?;
        writeln!(f, "over before their task was recorded {}", self.unrecorded)?;
        writeln!(f, "opened again {}, of those put back {}", self.opened_again.0, self.opened_again.1)?;
        section(f, "ends", &self.ends)?;
        section(f, "hand backs", &self.hand_backs)?;
        section(f, "crashes", &self.crashes)?;
        writeln!(f, "processes killed {}", self.killed())?;
        for (function, [at_work, idle]) in &self.kills {
            let unanswered = self.unanswered.get(function).copied().unwrap_or_default();
            writeln!(f, "    {function:<34} {at_work:>5} at work, {idle} idle; {unanswered} events without an answer")?;
        }
        writeln!(f, "passes of the reconciler {}, {} without an answer", self.passes.0, self.passes.1)?;
        section(f, "troubles", &self.troubles)?;
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for violation in &self.violations {
            *kinds.entry(violation.kind).or_default() += 1;
        }
        writeln!(f, "violations {}", self.violations.len())?;
        for (kind, count) in kinds {
            writeln!(f, "    {kind:<34} {count:>5}")?;
        }
        for Violation { kind, what, story } in &self.violations {
            writeln!(f, "\n{kind}: {what}\n{story}")?;
        }
        Ok(())
    }
}

fn section<C: fmt::Display>(f: &mut fmt::Formatter<'_>, title: &str, counts: &BTreeMap<String, C>) -> fmt::Result {
    writeln!(f, "{title}")?;
    for (name, count) in counts {
        writeln!(f, "    {name:<34} {count:>5}")?;
    }
    Ok(())
}
