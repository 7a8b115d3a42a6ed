//! What is wrong with a deployment, and where.
//!
//! Checks do not stop at the first problem: a user who corrects a file wants to hear of all of them at once, and nothing
//! is written before there are none.

use std::fmt;

use diagnosis::{Code, Diagnosis, PP0702, PP0706};
use serde::Serialize;
use yaml::Place;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Origin {
    /// A place in a file.
    File {
        /// The file, as the user named it.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
    },
    /// A flag of the command line.
    Flag {
        /// As it is written: `--pool`.
        flag: String,
    },
}

impl Origin {
    /// A place in a file.
    #[must_use]
    pub fn file(file: &str, place: Place) -> Self {
        Self::File { file: file.to_owned(), line: place.line, column: place.column }
    }

    /// A flag.
    #[must_use]
    pub fn flag(flag: &str) -> Self {
        Self::Flag { flag: flag.to_owned() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

/// A reason not to deploy, or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its code in the catalogue.
    #[serde(serialize_with = "as_text")]
    pub code: Code,
    /// What was found and what was wanted. Never the value of a secret.
    pub text: String,
    /// What to do; may be empty.
    pub help: String,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Box<Subject>,
}

/// What a problem is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Where the value comes from, if that is known.
    pub origin: Option<Origin>,
    /// The deployment, as its file calls it; none if all are concerned.
    pub deployment: Option<String>,
    /// The key in its entry: `work_pool.job_variables.cpu`.
    pub key: Option<String>,
}

fn as_text<S: serde::Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(code)
}

impl Problem {
    /// A problem of which only the text is known.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), help: String::new(), subject: Box::default() }
    }

    /// The same with what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The same of so many other deployments as well.
    fn and_others(mut self, count: usize) -> Self {
        if count > 0 {
            self.text = format!("{} (and {count} more deployment(s))", self.text);
        }
        self
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.subject.origin = origin.into();
        self
    }

    /// The same about a deployment.
    #[must_use]
    pub fn of(mut self, deployment: impl Into<String>) -> Self {
        self.subject.deployment = Some(deployment.into());
        self
    }

    /// The same about a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.subject.key = Some(key.into());
        self
    }

    /// As the other commands tell failures.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let resolution = if self.help.is_empty() { self.code.resolution().to_owned() } else { self.help.clone() };
        Diagnosis { code: self.code, summary: self.to_string(), detail: String::new(), resolution }.bounded()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.subject.origin {
            write!(f, "{origin}: ")?;
        }
        if let Some(deployment) = &self.subject.deployment {
            write!(f, "deployment \"{deployment}\": ")?;
        }
        if let Some(key) = &self.subject.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.text)
    }
}

/// What checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Reasons not to deploy.
    pub problems: Vec<Problem>,
    /// What the user should know all the same.
    pub warnings: Vec<Problem>,
}

impl Problem {
    /// Whether a value of a wrong type is all that is wrong with the other, too.
    fn implies(&self, other: &Self) -> bool {
        let (one, other) = (&self.subject, &other.subject);
        self.code == PP0702
            && one.origin.is_some()
            && one.origin == other.origin
            && one.deployment == other.deployment
            && matches!((&one.key, &other.key), (Some(one), Some(other)) if other.starts_with(one.as_str()))
    }
}

impl Findings {
    /// One more problem; of those that follow from one another at the same place, the one that says most.
    pub fn problem(&mut self, problem: Problem) {
        match self.problems.iter().position(|told| told.implies(&problem)) {
            Some(at) if problem.code == PP0706 => self.problems[at] = problem,
            Some(_) => {}
            None if self.problems.contains(&problem) => {}
            None => self.problems.push(problem),
        }
    }

    /// One more warning.
    pub fn warning(&mut self, warning: Problem) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Makes one of warnings that say the same of several deployments.
    pub(crate) fn fold_warnings(&mut self) {
        let mut folded: Vec<(Problem, usize)> = Vec::new();
        for warning in std::mem::take(&mut self.warnings) {
            let same = |it: &Problem| {
                (&it.text, &it.help, &it.subject.key) == (&warning.text, &warning.help, &warning.subject.key)
            };
            match folded.iter_mut().find(|(it, _)| same(it)) {
                Some((_, count)) => *count += 1,
                None => folded.push((warning, 1)),
            }
        }
        self.warnings = folded.into_iter().map(|(warning, count)| warning.and_others(count - 1)).collect();
    }

    /// Whether nothing stands against deploying.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// What others found as well.
    pub fn extend(&mut self, other: Self) {
        other.problems.into_iter().for_each(|it| self.problem(it));
        other.warnings.into_iter().for_each(|it| self.warning(it));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_wrong_type_is_not_told() {
        let at = |code, key: &str, column| {
            Problem::new(code, "text").at(Origin::file("p.yaml", Place { line: 1, column })).of("one").key(key)
        };
        let mut findings = Findings::default();
        findings.problem(at(PP0702, "work_pool", 5));
        findings.problem(at(diagnosis::PP0709, "work_pool.name", 5));
        findings.problem(at(diagnosis::PP0709, "work_pool.name", 9));
        findings.problem(at(diagnosis::PP0709, "work_pool.name", 9));
        assert_eq!(findings.problems.len(), 2);
        // What a schedule says of itself is more than that it has a wrong type.
        findings.problem(at(PP0702, "schedule", 1));
        findings.problem(at(PP0706, "schedule", 1));
        assert_eq!(findings.problems.last().map(|it| it.code), Some(PP0706));
        assert_eq!(findings.problems.len(), 3);
    }

    #[test]
    fn a_problem_names_place_deployment_and_key() {
        let problem = Problem::new(PP0702, "found a number, wanted text")
            .at(Origin::file("prefect.yaml", Place { line: 3, column: 5 }))
            .of("nightly")
            .key("name");
        assert_eq!(
            problem.to_string(),
            "prefect.yaml:3:5: deployment \"nightly\": `name`: found a number, wanted text"
        );
        assert_eq!(problem.at(Origin::flag("--pool")).to_string().split(':').next(), Some("--pool"));
    }

    #[test]
    fn what_holds_for_several_deployments_is_told_once() {
        let of = |deployment: &str, text: &str| Problem::new(diagnosis::PP0708, text).of(deployment).key("pull");
        let mut findings = Findings::default();
        [of("one", "runs look here"), of("two", "runs look there"), of("three", "runs look here")]
            .into_iter()
            .for_each(|it| findings.warning(it));
        findings.fold_warnings();
        let told: Vec<String> = findings.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "deployment \"one\": `pull`: runs look here (and 1 more deployment(s))",
                "deployment \"two\": `pull`: runs look there"
            ]
        );
    }

    #[test]
    fn the_same_problem_is_told_once() {
        let mut findings = Findings::default();
        findings.problem(Problem::new(diagnosis::PP0702, "one"));
        findings.problem(Problem::new(diagnosis::PP0702, "one"));
        findings.warning(Problem::new(diagnosis::PP0702, "two"));
        assert_eq!((findings.problems.len(), findings.warnings.len(), findings.is_clean()), (1, 1, false));
    }
}
