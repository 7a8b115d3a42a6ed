//! One case, both sides, the intended differences taken out, and whatever is left.

use std::fmt;

use serde_json::Value;

use crate::oracle::differences::{self, Circumstances, Difference, Effect, Question};
use crate::oracle::subject::{self, Outcome, Rendering};
use crate::oracle::{Answer, Case, Oracle};

/// How often the worker may be asked about one case; there are fewer differences that ask again.
const MOST_QUESTIONS: usize = 8;

/// What was found out about a case.
#[derive(Debug)]
pub struct Comparison {
    /// Names of the differences that were needed.
    pub needed: Vec<&'static str>,
    /// The result.
    pub verdict: Verdict,
}

/// Whether both sides do the same.
#[derive(Debug)]
pub enum Verdict {
    /// Both render the same requests.
    SameRequests,
    /// Both refuse; why, in short.
    BothRefuse {
        /// The worker's exception.
        theirs: String,
        /// Our code.
        ours: String,
    },
    /// We refuse on purpose.
    RefusedOnPurpose,
    /// They do not.
    Mismatch(Box<Mismatch>),
}

/// What kind of mismatch; a case is shrunk within its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The worker renders, we refuse with this code.
    OnlyOursRefuses(String),
    /// We render, the worker fails.
    OnlyTheirsFails(String),
    /// Both render, not the same; where they first differ, without indexes.
    Different(String),
    /// We render what a listed difference says we refuse.
    NotRefused(&'static str),
    /// We do not keep what a listed difference promises.
    BrokenPromise(&'static str),
    /// Our requests are not ones that AWS takes.
    Invalid,
    /// Our verdict on the job variables is not the server's.
    Judgement(String),
}

/// A disagreement.
#[derive(Debug)]
pub struct Mismatch {
    /// Which kind.
    pub kind: Kind,
    /// The worker's side.
    pub theirs: Value,
    /// Our side.
    pub ours: Value,
    /// Where they differ.
    pub differences: Vec<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.kind)?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        writeln!(f, "worker: {:#}", self.theirs)?;
        writeln!(f, "pushpool: {:#}", self.ours)
    }
}

/// Compares both sides on `case`.
pub fn compare(oracle: &mut Oracle, case: &Case) -> Comparison {
    let mut needed = Vec::new();
    let verdict = match judge(oracle, case, &mut needed) {
        Ok(verdict) => verdict,
        Err(mismatch) => Verdict::Mismatch(mismatch),
    };
    Comparison { needed, verdict }
}

type Needed = Vec<&'static str>;

fn judge(oracle: &mut Oracle, case: &Case, needed: &mut Needed) -> Result<Verdict, Box<Mismatch>> {
    let first = oracle.ask(case);
    compare_judgements(case, &first, needed)?;
    let (ours, container) = subject::render(case, oracle.hello());
    let (asked, mut answer) = ask_again(oracle, case, first, container.as_deref(), needed);
    mend(oracle, &asked, &mut answer, container.as_deref(), needed);
    match (worker(&answer), ours) {
        (Outcome::Refused { code: theirs, reason }, Outcome::Refused { code: ours, .. }) => {
            Ok(Verdict::BothRefuse { theirs: format!("{theirs} {reason}"), ours })
        }
        (Outcome::Rendered(worker), Outcome::Refused { code, reason }) => {
            let question = Question { case: &asked, hello: oracle.hello(), container: container.as_deref() };
            let circumstances = Circumstances { question, answer: &answer };
            match refusal(&circumstances, &worker, &code) {
                Some(difference) => {
                    needed.push(difference.name);
                    Ok(Verdict::RefusedOnPurpose)
                }
                None => Err(mismatch(Kind::OnlyOursRefuses(code), shown(&worker), reason.into())),
            }
        }
        (Outcome::Refused { code, reason }, Outcome::Rendered(ours)) => {
            Err(mismatch(Kind::OnlyTheirsFails(code), reason.into(), shown(&ours)))
        }
        (Outcome::Rendered(worker), Outcome::Rendered(ours)) => {
            let objections = oracle.validate(&ours.calls());
            if !objections.invalid.is_empty() || !objections.beyond_enumerations.is_empty() {
                return Err(mismatch(Kind::Invalid, format!("{objections:#?}").into(), shown(&ours)));
            }
            let question = Question { case: &asked, hello: oracle.hello(), container: container.as_deref() };
            let circumstances = Circumstances { question, answer: &answer };
            if let Some(difference) = differences::all().find(|it| refuses(it, &circumstances, &worker)) {
                return Err(mismatch(Kind::NotRefused(difference.name), shown(&worker), shown(&ours)));
            }
            compare_renderings(*worker, *ours, needed)
        }
    }
}

fn compare_judgements(case: &Case, answer: &Answer, needed: &mut Needed) -> Result<(), Box<Mismatch>> {
    let ours = subject::validate(case);
    if answer.schema_errors.is_empty() == ours.is_none() {
        return Ok(());
    }
    let excuse = differences::all().find(|difference| match difference.effect {
        Effect::Judge(excuses) => excuses(case, answer, ours.as_ref()),
        _ => false,
    });
    match excuse {
        Some(difference) => {
            needed.push(difference.name);
            Ok(())
        }
        None => {
            let kind = Kind::Judgement(ours.as_ref().map_or("server", |it| it.code.id()).to_owned());
            let ours = ours.map_or(Value::Null, |it| format!("{} {}: {}", it.code, it.summary, it.detail).into());
            Err(mismatch(kind, answer.schema_errors.join("\n").into(), ours))
        }
    }
}

/// Puts the worker into the circumstances the differences ask for.
fn ask_again(
    oracle: &mut Oracle,
    case: &Case,
    first: Answer,
    container: Option<&str>,
    needed: &mut Needed,
) -> (Case, Answer) {
    let mut case = case.clone();
    let mut answer = first;
    for _ in 0..MOST_QUESTIONS {
        let next = differences::all().find_map(|difference| match difference.effect {
            Effect::Ask(ask) => {
                let question = Question { case: &case, hello: oracle.hello(), container };
                let circumstances = Circumstances { question, answer: &answer };
                ask(&circumstances).map(|next| (difference.name, next))
            }
            _ => None,
        });
        let Some((name, next)) = next else { break };
        needed.push(name);
        answer = oracle.ask(&next);
        case = next;
    }
    (case, answer)
}

fn mend(oracle: &mut Oracle, asked: &Case, answer: &mut Answer, container: Option<&str>, needed: &mut Needed) {
    let question = Question { case: asked, hello: oracle.hello(), container };
    let mut mended = false;
    for difference in differences::all() {
        if let Effect::Mend(mend) = difference.effect
            && mend(&question, answer)
        {
            needed.push(difference.name);
            mended = true;
        }
    }
    if mended {
        let ecs: Vec<_> = answer.calls.iter().filter(|call| !call.api.contains(':')).cloned().collect();
        let objections = oracle.validate(&ecs);
        answer.invalid = objections.invalid;
        answer.beyond_enumerations = objections.beyond_enumerations;
    }
}

/// What the worker did, as an outcome.
fn worker(answer: &Answer) -> Outcome {
    if let Some(error) = &answer.error {
        return Outcome::Refused { code: error.class.clone(), reason: format!("{}: {}", error.at, error.message) };
    }
    if let Some(invalid) = answer.invalid.first() {
        return Outcome::Refused { code: "ParamValidationError".to_owned(), reason: invalid.report.clone() };
    }
    let run_task = answer.request("RunTask").cloned().expect("a worker that did not fail has called RunTask");
    let definition = answer.request("RegisterTaskDefinition").cloned();
    Outcome::Rendered(Box::new(Rendering { definition, run_task }))
}

fn refuses(difference: &Difference, circumstances: &Circumstances<'_>, worker: &Rendering) -> bool {
    match difference.effect {
        Effect::Refuse { when, .. } => when(worker),
        Effect::RefuseCase { when, .. } => when(circumstances),
        _ => false,
    }
}

fn refusal(circumstances: &Circumstances<'_>, worker: &Rendering, code: &str) -> Option<&'static Difference> {
    differences::all().find(|difference| {
        let same = matches!(difference.effect,
            Effect::Refuse { code: own, .. } | Effect::RefuseCase { code: own, .. } if own == code);
        same && refuses(difference, circumstances, worker)
    })
}

/// Both renderings after everything intended is taken out.
pub fn compare_renderings(
    mut worker: Rendering,
    mut ours: Rendering,
    needed: &mut Vec<&'static str>,
) -> Result<Verdict, Box<Mismatch>> {
    for difference in differences::all() {
        let Effect::Normalise(normalise) = difference.effect else { continue };
        match normalise(&mut worker, &mut ours) {
            Ok(true) => needed.push(difference.name),
            Ok(false) => {}
            Err(problem) => {
                let problem = vec![problem];
                return Err(Box::new(Mismatch {
                    kind: Kind::BrokenPromise(difference.name),
                    theirs: shown(&worker),
                    ours: shown(&ours),
                    differences: problem,
                }));
            }
        }
    }
    if worker == ours {
        return Ok(Verdict::SameRequests);
    }
    let mut mismatch = mismatch(Kind::Different(String::new()), shown(&worker), shown(&ours));
    let place = mismatch.differences.first().and_then(|line| line.split(": ").next()).unwrap_or_default();
    mismatch.kind =
        Kind::Different(place.split('/').filter(|part| part.parse::<usize>().is_err()).collect::<Vec<_>>().join("/"));
    Err(mismatch)
}

fn shown(rendering: &Rendering) -> Value {
    serde_json::json!({"registerTaskDefinition": rendering.definition, "runTask": rendering.run_task})
}

fn mismatch(kind: Kind, theirs: Value, ours: Value) -> Box<Mismatch> {
    let mut differences = Vec::new();
    if theirs.is_object() && ours.is_object() {
        walk("", &theirs, &ours, &mut differences);
    }
    Box::new(Mismatch { kind, theirs, ours, differences })
}

/// Lists where two values differ, by JSON pointer.
fn walk(path: &str, theirs: &Value, ours: &Value, differences: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => walk(&format!("{path}/{key}"), value, other, differences),
                    None => differences.push(format!("{path}/{key}: only the worker has {value}")),
                }
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                differences.push(format!("{path}/{key}: only pushpool has {value}"));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                walk(&format!("{path}/{index}"), value, other, differences);
            }
        }
        _ if theirs == ours => {}
        _ => differences.push(format!("{path}: worker {theirs}, pushpool {ours}")),
    }
}
