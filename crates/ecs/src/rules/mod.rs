//! What ECS refuses of the two requests, known before it is asked.
//!
//! One list with two readers. AWS on loopback answers with a refusal's exception and words; the commands and the
//! dispatcher tell its place in the job configuration, what stands there and what to do, before a run is claimed. So a
//! request that the loopback refuses is one that `pushpool render` refuses, too.
//!
//! A rule is here only if AWS documents it or answers so; each says where that is written. What AWS might accept is a note
//! at most. The rules read the request as JSON and allocate nothing unless they refuse: they are asked for every run.
//!
//! "Model" is the ECS service model (botocore, `ecs/2014-11-13/service-2.json`); "guide" the ECS developer guide.

mod definition;
mod environment;
mod fargate;
mod region;
mod run_task;
mod tags;
mod unfilled;

use std::borrow::Cow;

use diagnosis::{Code, Diagnosis, PP0205, PP0224, PP0225, PP0226, PP0227, PP0228, PP0229};
use serde_json::Value;

use crate::{Definition, Prepared, Settings, refused::Reason};

pub use definition::{Suits, check_name, register_task_definition, suits};
pub use run_task::{Host, run_task, run_task_form};
pub use tags::check_tags;

/// An execution role is missing.
const ROLE: Code = PP0224;
/// A container of the definition.
const CONTAINER: Code = PP0225;
/// The definition itself.
const DEFINITION: Code = PP0226;
/// The RunTask request.
const RUN_TASK: Code = PP0227;
/// A text with a placeholder in it.
const UNFILLED: Code = PP0228;
/// An ARN of another region.
const REGION: Code = PP0229;

const DEFINITION_KEY: &str = "task_definition";
const RUN_TASK_KEY: &str = "task_run_request";

/// What is found where something is missing.
const NOTHING: &str = "nothing";

/// Characters of what was found that are told.
const SHOWN: usize = 80;

/// One thing that ECS refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Code of the diagnosis.
    pub code: Code,
    /// The exception that ECS answers with.
    pub exception: &'static str,
    /// The words of the answer: AWS's own where they have been seen.
    pub answer: String,
    /// Place in the request, for instance `containerDefinitions[0].image`.
    pub place: String,
    /// What stands there; never a value of the environment.
    pub found: String,
    /// What ECS takes there.
    pub allowed: Cow<'static, str>,
    /// What to do about it.
    pub advice: Cow<'static, str>,
}

impl Refusal {
    fn new(code: Code, exception: &'static str, answer: impl Into<String>) -> Self {
        let empty = Cow::Borrowed("");
        Self {
            code,
            exception,
            answer: answer.into(),
            place: String::new(),
            found: NOTHING.to_owned(),
            allowed: empty.clone(),
            advice: empty,
        }
    }

    fn at(mut self, place: impl Into<String>, found: impl Into<String>) -> Self {
        self.place = place.into();
        self.found = found.into();
        self
    }

    fn wants(mut self, allowed: impl Into<Cow<'static, str>>, advice: impl Into<Cow<'static, str>>) -> Self {
        self.allowed = allowed.into();
        self.advice = advice.into();
        self
    }

    /// The reason, for a person. `key` is the key of the job configuration that the request is made from.
    fn reason(&self, key: &str) -> Reason {
        let Self { code, found, allowed, advice, .. } = self;
        let place = format!("{key}.{}", self.place);
        let diagnosis = Diagnosis {
            code: *code,
            summary: format!("ECS refuses `{place}`: found {found}"),
            detail: format!("{place}: found {found}, allowed: {allowed}."),
            resolution: advice.clone().into_owned(),
        };
        Reason { diagnosis: diagnosis.bounded(), place: Some(place), lacks: found == NOTHING }
    }
}

/// ClientException: "usually caused by a client action" (Model), which RegisterTaskDefinition answers.
fn client(code: Code, answer: impl Into<String>) -> Refusal {
    Refusal::new(code, "ClientException", answer)
}

/// InvalidParameterException.
fn invalid(code: Code, answer: impl Into<String>) -> Refusal {
    Refusal::new(code, "InvalidParameterException", answer)
}

/// What is to be told about prepared requests.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Why ECS refuses them.
    pub refusals: Vec<Reason>,
    /// What is odd and goes ahead.
    pub notes: Vec<String>,
}

/// Checks what was prepared for a run. `known` are the reasons there are already, of which none is given twice.
pub(crate) fn check(prepared: &Prepared, settings: &Settings, known: &[Reason]) -> Checked {
    let definition = match &prepared.definition {
        Definition::Content { request, .. } => Some(request),
        Definition::Existing(_) => None,
    };
    let run_task_request = &prepared.run_task;
    let shows =
        |told: &str| requests(definition, run_task_request).any(|(request, _)| environment::shows(request, told));
    let mut checked = Checked::default();
    let mut add = |refusals: Vec<Refusal>, key: &str| {
        for mut refusal in refusals {
            if shows(&refusal.found) {
                environment::HOLDS.clone_into(&mut refusal.found);
            }
            let reason = refusal.reason(key);
            if !known.iter().chain(&checked.refusals).any(|other| covers(other, &reason)) {
                checked.refusals.push(reason);
            }
        }
    };
    // A text with a placeholder breaks other rules, too. It is named first, for it is the reason.
    for (request, key) in requests(definition, run_task_request) {
        add(unfilled::refuse(request, &shows), key);
    }
    let of_definition = definition.map(register_task_definition).unwrap_or_default();
    // A definition that is refused suits nothing, and its own reasons say why.
    let mut of_run_task = run_task(run_task_request, definition, Host::of(run_task_request));
    of_run_task.retain(|refusal| of_definition.is_empty() || refusal.place != run_task::COMPATIBLE);
    add(of_definition, DEFINITION_KEY);
    add(region::check(run_task_request, &settings.region), RUN_TASK_KEY);
    add(run_task_form(run_task_request), RUN_TASK_KEY);
    add(of_run_task, RUN_TASK_KEY);
    if let Some(definition) = definition {
        definition::note(definition, &mut checked.notes);
    }
    for (request, key) in requests(definition, run_task_request) {
        unfilled::note(request, key, &shows, &mut checked.notes);
    }
    checked
}

/// The requests with the keys of the job configuration that they are made from.
fn requests<'v>(definition: Option<&'v Value>, run_task: &'v Value) -> impl Iterator<Item = (&'v Value, &'static str)> {
    definition.map(|definition| (definition, DEFINITION_KEY)).into_iter().chain([(run_task, RUN_TASK_KEY)])
}

/// Whether a reason has been given by another: at the same place, or by a code that stands for one thing.
fn covers(known: &Reason, reason: &Reason) -> bool {
    let (code, place) = (reason.diagnosis.code, reason.place.as_deref().unwrap_or_default());
    let same_place = known.place.as_deref().is_some_and(|known| place.starts_with(known) || known.starts_with(place));
    // Logs without a role are found where the template is read, and again in the request.
    let same_role = known.diagnosis.code == PP0205 && place.ends_with(".logConfiguration");
    same_place || same_role || (known.diagnosis.code == code && code < ROLE)
}

// The request as the rules read it: what has another type is for the shape check to refuse.

fn text<'v>(object: &'v Value, member: &str) -> Option<&'v str> {
    object.get(member)?.as_str()
}

fn items<'v>(object: &'v Value, member: &str) -> &'v [Value] {
    object.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn integer(object: &Value, member: &str) -> Option<i64> {
    object.get(member)?.as_i64()
}

fn is_true(object: &Value, member: &str) -> bool {
    object.get(member) == Some(&Value::Bool(true))
}

/// A text in quotes, and not all of it when it is long.
fn quoted(text: &str) -> String {
    let mut head: String = text.chars().take(SHOWN).collect();
    if head.len() < text.len() {
        head.push('…');
    }
    format!("{head:?}")
}

/// "nothing", or the text in quotes.
fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| NOTHING.to_owned(), quoted)
}

/// A name for a person: `"side"`, or `containerDefinitions[1]` where it has none.
fn called(container: &Value, index: usize) -> String {
    match text(container, "name").filter(|name| !name.is_empty()) {
        Some(name) => quoted(name),
        None => format!("containerDefinitions[{index}]"),
    }
}

#[cfg(test)]
mod tests;
