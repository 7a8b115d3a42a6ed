//! The list of intended differences between pushpool and Prefect's ECS worker. The only one.
//!
//! pushpool means to render what the worker renders. Where it does something else on purpose, the difference has an entry
//! here, with its reason, and an effect as narrow as it can be made: what is not written here is compared exactly. The golden
//! and the differential tests both go through this list, and the differential test fails when an entry was never needed, so
//! that the list cannot outlive the differences.

mod asking;
mod judging;
mod mending;
mod normalising;
mod refusing;

use std::ops::Deref;

use diagnosis::Diagnosis;
use serde_json::{Value, json};

use crate::oracle::subject::Rendering;
use crate::oracle::{Answer, Case, Hello};

/// One intended difference.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// What is different.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What is done about it before, or instead of, comparing.
    pub effect: Effect,
}

/// How a difference is taken out of a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// The worker is put into circumstances in which it does what pushpool does in all circumstances. Given its answer so
    /// far, the new question; none if there is nothing to change.
    Ask(fn(&Circumstances<'_>) -> Option<Case>),
    /// The worker sends something that AWS or boto3 refuses and pushpool sends a mended form: mends it. True if there was
    /// something to mend.
    Mend(fn(&Question<'_>, &mut Answer) -> bool),
    /// Both sides say the same in two ways: writes both in one. True if there was a difference; an error if ours does not
    /// keep what the difference promises.
    Normalise(fn(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String>),
    /// Pushpool refuses, with this code, what the worker sends; always and only when the worker's requests are such.
    Refuse {
        /// Code of the refusal.
        code: &'static str,
        /// Whether the worker's requests deserve it.
        when: fn(&Rendering) -> bool,
    },
    /// As `Refuse`, judged by the case and the worker's whole answer.
    RefuseCase {
        /// Code of the refusal.
        code: &'static str,
        /// Whether the case deserves it.
        when: fn(&Circumstances<'_>) -> bool,
    },
    /// Pushpool's verdict on the job variables is not the server's.
    Judge(fn(&Case, &Answer, Option<&Diagnosis>) -> bool),
}

/// A question to the worker, what is needed to understand it, and what pushpool made of it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The question.
    pub case: &'a Case,
    /// The worker's defaults.
    pub hello: &'a Hello,
    /// The container that pushpool puts the run into, where it renders.
    pub container: Option<&'a str>,
}

impl<'a> Question<'a> {
    /// The case with a template that can be changed: the worker's own in place of `{}`.
    fn editable(&self) -> Case {
        let mut case = self.case.clone();
        case.template = self.template().clone();
        case
    }

    fn template(&self) -> &'a Value {
        if self.case.template == json!({}) { &self.hello.default_template } else { &self.case.template }
    }

    /// The job variable that a path like `extra.a.b[0]` leads to: the run's, the deployment's or the pool's default.
    fn variable(&self, path: &str) -> Option<&'a Value> {
        let path = path.replace('[', ".").replace(']', "");
        let mut steps = path.split('.');
        let name = steps.next()?;
        let default = || {
            let properties = self.template().pointer("/variables/properties")?;
            properties.get(name)?.get("default").filter(|default| !default.is_null())
        };
        let given = self.case.flow_run_job_variables.get(name).or_else(|| self.case.deployment_job_variables.get(name));
        let root = given.or_else(default)?;
        steps.try_fold(root, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    /// What a place of the job configuration that is a literal or one whole placeholder renders as.
    fn rendered<'v>(&self, place: &'v Value) -> Option<&'v Value>
    where
        'a: 'v,
    {
        match whole_placeholder(place) {
            Some(name) => self.variable(name),
            None => Some(place),
        }
    }

    /// What the job configuration has at `pointer`, where that is a literal or a variable's value.
    fn configured(&self, pointer: &str) -> Option<&'a Value> {
        self.rendered(self.template().get("job_configuration")?.pointer(pointer)?)
    }
}

/// A question and the worker's answer to it.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The question so far.
    pub question: Question<'a>,
    /// The answer to it.
    pub answer: &'a Answer,
}

impl<'a> Deref for Circumstances<'a> {
    type Target = Question<'a>;

    fn deref(&self) -> &Self::Target {
        &self.question
    }
}

/// What Python takes for false.
fn is_falsy(value: &Value) -> bool {
    [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})].contains(value)
}

/// The name in a text that is one placeholder and nothing else.
fn whole_placeholder(place: &Value) -> Option<&str> {
    let name = place.as_str()?.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    name.chars().all(|it| it.is_ascii_alphanumeric() || "_.[]".contains(it)).then_some(name)
}

/// Every intended difference, in the order in which they are applied.
pub const DIFFERENCES: &[&[Difference]] =
    &[asking::DIFFERENCES, mending::DIFFERENCES, normalising::DIFFERENCES, refusing::DIFFERENCES, judging::DIFFERENCES];

/// [`DIFFERENCES`] one by one.
pub fn all() -> impl Iterator<Item = &'static Difference> {
    DIFFERENCES.iter().flat_map(|part| part.iter())
}
