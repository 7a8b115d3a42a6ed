//! Faults a test asks for: throttles, errors, lost answers.
//!
//! The interesting failures of a remote call are not errors but silences: the service did it and the answer never
//! came. They are therefore injected at the endpoint, where the client's own retry and timeout logic meets them, and
//! not inside the engines.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::wire::{AwsError, Service};

/// What happens to a call instead of, or around, its execution.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// Not executed; this error is the answer. 400, as AWS answers throttles of its JSON services.
    Throttle {
        /// Name of the error, for instance `ThrottlingException`.
        code: Cow<'static, str>,
        /// Its message, for instance `Rate exceeded`.
        message: String,
    },
    /// Not executed; this error is the answer.
    Error(AwsError),
    /// Executed; the connection is closed before the answer.
    LostAnswer,
    /// Not executed; the connection is closed.
    FailBefore,
    /// Executed after this long, together with whatever other rule applies.
    Delay(Duration),
    /// Not executed; this is the output, with 200 (for instance a RunTask answer with `failures[]`).
    Answer(Value),
}

/// What AWS was reported to answer, with the links. The tests of its classification judge the same texts.
const REPORTED: &str = include_str!("../../../events/answers/run-task.json");

impl Fault {
    /// A situation of `events/answers/run-task.json`, in the words that were reported from AWS. None if there is none of
    /// that name, or no answer came.
    pub fn reported(situation: &str) -> Option<Self> {
        let reported: Vec<Value> = serde_json::from_str(REPORTED).ok()?;
        let found = reported.into_iter().find(|it| it["situation"] == situation)?;
        let status = found["status"].as_u64().and_then(|status| u16::try_from(status).ok())?;
        if status == 200 {
            return Some(Self::Answer(found["body"].clone()));
        }
        let text = |member: &str| found["body"][member].as_str().unwrap_or_default().to_owned();
        let mut error = AwsError::new(text("__type"), text("message")).with_status(status);
        for (member, value) in
            found["body"].as_object()?.iter().filter(|(name, _)| !matches!(name.as_str(), "__type" | "message"))
        {
            error = error.with(member.clone(), value.clone());
        }
        Some(Self::Error(error))
    }
}

type Predicate = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

/// When a [`Fault`] applies. By default: to every call of the operation, until [`Faults::clear`].
#[derive(Clone)]
pub struct Rule {
    service: Service,
    operation: Option<String>,
    skip: u64,
    times: Option<u64>,
    when: Option<Predicate>,
    fault: Fault,
}

impl Rule {
    /// Applies to calls of this operation (AWS's name, for instance `RunTask`).
    pub fn new(service: Service, operation: impl Into<String>, fault: Fault) -> Self {
        Self { service, operation: Some(operation.into()), skip: 0, times: None, when: None, fault }
    }

    /// Applies to calls of any operation of the service.
    pub fn any(service: Service, fault: Fault) -> Self {
        Self { service, operation: None, skip: 0, times: None, when: None, fault }
    }

    /// Lets this many calls pass first; `nth(2)` of a user's counting is `skip(1).times(1)`.
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Applies at most this often.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies at most once.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Applies, and counts, only where the input satisfies this.
    pub fn when(mut self, predicate: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(predicate));
        self
    }

    fn concerns(&self, service: Service, operation: &str, input: &Value) -> bool {
        self.service == service
            && self.operation.as_ref().is_none_or(|own| own == operation)
            && self.when.as_ref().is_none_or(|when| when(input))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("skip", &self.skip)
            .field("times", &self.times)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

/// Names a rule that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleId(usize);

#[derive(Debug)]
struct Registered {
    rule: Rule,
    seen: u64,
    fired: u64,
    removed: bool,
}

/// What is to happen to one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Wait before anything else.
    pub delay: Duration,
    /// Then this, or plain execution.
    pub fault: Option<Fault>,
}

/// The rules in force. A handle: clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Registered>>>);

impl Faults {
    /// Adds a rule after those already there. Of several that apply to a call, the first wins; delays add up.
    pub fn add(&self, rule: Rule) -> RuleId {
        let mut rules = self.lock();
        rules.push(Registered { rule, seen: 0, fired: 0, removed: false });
        RuleId(rules.len() - 1)
    }

    /// Takes a rule out of force; how often it fired remains known.
    pub fn remove(&self, id: RuleId) {
        if let Some(registered) = self.lock().get_mut(id.0) {
            registered.removed = true;
        }
    }

    /// Takes every rule out of force.
    pub fn clear(&self) {
        self.lock().iter_mut().for_each(|registered| registered.removed = true);
    }

    /// How often the rule applied.
    pub fn fired(&self, id: RuleId) -> u64 {
        self.lock().get(id.0).map_or(0, |registered| registered.fired)
    }

    /// Decides about one call and counts it. The endpoint asks this once per call; an engine's shell that is called
    /// without the endpoint may ask it itself.
    pub fn plan(&self, service: Service, operation: &str, input: &Value) -> Plan {
        let mut plan = Plan::default();
        for registered in self.lock().iter_mut().filter(|registered| !registered.removed) {
            let is_delay = matches!(registered.rule.fault, Fault::Delay(_));
            if (plan.fault.is_some() && !is_delay) || !registered.rule.concerns(service, operation, input) {
                continue;
            }
            registered.seen += 1;
            let used_up = registered.rule.times.is_some_and(|times| registered.fired >= times);
            if registered.seen <= registered.rule.skip || used_up {
                continue;
            }
            registered.fired += 1;
            match &registered.rule.fault {
                Fault::Delay(delay) => plan.delay += *delay,
                fault => plan.fault = Some(fault.clone()),
            }
        }
        plan
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Registered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(faults: &Faults, input: &Value) -> Option<Fault> {
        faults.plan(Service::Ecs, "RunTask", input).fault
    }

    #[test]
    fn a_rule_skips_then_fires_then_is_used_up() {
        let faults = Faults::default();
        let id = faults.add(Rule::new(Service::Ecs, "RunTask", Fault::LostAnswer).skip(1).times(2));
        let seen: Vec<bool> = (0..5).map(|_| fault(&faults, &json!({})).is_some()).collect();
        assert_eq!(seen, [false, true, true, false, false]);
        assert_eq!(faults.fired(id), 2);
        assert_eq!(faults.plan(Service::Sqs, "RunTask", &json!({})), Plan::default());
        assert_eq!(faults.plan(Service::Ecs, "StopTask", &json!({})), Plan::default());
    }

    #[test]
    fn a_predicate_decides_by_the_input() {
        let faults = Faults::default();
        faults.add(Rule::any(Service::Ecs, Fault::FailBefore).when(|input| input["count"] == 2).once());
        assert_eq!(fault(&faults, &json!({"count": 1})), None);
        assert_eq!(fault(&faults, &json!({"count": 2})), Some(Fault::FailBefore));
        assert_eq!(fault(&faults, &json!({"count": 2})), None);
    }

    #[test]
    fn the_first_rule_wins_and_delays_add_up() {
        let faults = Faults::default();
        let second = Duration::from_secs(1);
        faults.add(Rule::any(Service::Ecs, Fault::Delay(second)));
        faults.add(Rule::any(Service::Ecs, Fault::LostAnswer).once());
        let later = faults.add(Rule::any(Service::Ecs, Fault::FailBefore));
        faults.add(Rule::any(Service::Ecs, Fault::Delay(second)));
        let plan = |faults: &Faults| faults.plan(Service::Ecs, "RunTask", &json!({}));
        assert_eq!(plan(&faults), Plan { delay: second * 2, fault: Some(Fault::LostAnswer) });
        assert_eq!(plan(&faults).fault, Some(Fault::FailBefore));
        faults.remove(later);
        assert_eq!(plan(&faults).fault, None);
        faults.clear();
        assert_eq!(plan(&faults), Plan::default());
    }
}
