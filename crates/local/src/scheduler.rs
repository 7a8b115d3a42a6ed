//! EventBridge Scheduler, as far as a dispatcher uses it: one-time schedules that send a message to a queue and are deleted
//! afterwards.
//!
//! Like the other services it is an engine without a clock ([`Engine`]) and a shell that has one ([`Scheduler`]). What a
//! schedule sends begins a new chain of invocations: it carries no trace header.
//!
//! Sources: EventBridge Scheduler API reference, CreateSchedule (members, patterns, errors); its user guide, "Schedule types"
//! ("invoke their targets with 60 second precision") and "Deleting a schedule". Not modelled: `rate` and `cron`, flexible
//! windows, time zones, targets other than queues, retries, and what the role may do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clock::{Clock, Millis};
use crate::sqs::Sqs;
use crate::wire::{Account, AwsError, Service};

/// The group that every account has.
const DEFAULT_GROUP: &str = "default";

/// How long a schedule that has fired still occupies its name. AWS deletes it some time after the invocation and does not say
/// when.
const LINGERS: Millis = 60_000;

/// A message that a schedule sends: the queue's name and the body.
pub type Sent = (String, String);

#[derive(Debug)]
struct Schedule {
    at: Millis,
    queue: String,
    input: String,
    fired: Option<Millis>,
}

/// The schedules of an account.
#[derive(Debug)]
pub struct Engine {
    account: Account,
    groups: BTreeSet<String>,
    schedules: BTreeMap<(String, String), Schedule>,
    late: Millis,
}

impl Engine {
    /// An account without schedules, whose schedules fire that much after their time.
    #[must_use]
    pub fn new(account: Account, late: Duration) -> Self {
        let late = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        Self { account, groups: [DEFAULT_GROUP.to_owned()].into(), schedules: BTreeMap::new(), late }
    }

    /// Executes one operation at time `now`.
    ///
    /// # Errors
    /// What the service answers.
    pub fn call(&mut self, now: Millis, operation: &str, input: &Value) -> Result<Value, AwsError> {
        match operation {
            "CreateSchedule" => self.create(now, input),
            _ => Err(AwsError::unknown_operation(Service::Scheduler, operation)),
        }
    }

    /// Adds a schedule group.
    pub fn create_group(&mut self, name: &str) {
        self.groups.insert(name.to_owned());
    }

    fn create(&mut self, now: Millis, input: &Value) -> Result<Value, AwsError> {
        let name = matching(input, "Name", 64)?;
        let group = if input["GroupName"].is_null() { DEFAULT_GROUP } else { matching(input, "GroupName", 64)? };
        if input["FlexibleTimeWindow"]["Mode"] != "OFF" {
            return Err(invalid("FlexibleTimeWindow.Mode: only OFF is modelled here"));
        }
        if input["ActionAfterCompletion"] != "DELETE" {
            return Err(invalid("ActionAfterCompletion: only DELETE is modelled here"));
        }
        let expression = input["ScheduleExpression"].as_str().unwrap_or_default();
        let at = time(expression).ok_or_else(|| invalid(&format!("Invalid Schedule Expression {expression}.")))?;
        // Refused at creation, says DefangLabs/pulumi-defang#425; in which words is not known.
        if at <= now {
            return Err(invalid(&format!("{expression} is in the past")));
        }
        let target = &input["Target"];
        let queue = target["Arn"].as_str().and_then(|arn| arn.strip_prefix("arn:aws:sqs:")?.rsplit(':').next());
        let Some(queue) = queue else { return Err(invalid("Target.Arn: only queues are modelled here")) };
        let role = target["RoleArn"].as_str().unwrap_or_default();
        if !(role.starts_with("arn:aws:iam::") && role.contains(":role/")) {
            return Err(invalid("Target.RoleArn is not the ARN of a role"));
        }
        let body = target["Input"].as_str().filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| invalid("Target.Input is empty"))?;
        if !self.groups.contains(group) {
            let message = format!("Schedule group {group} does not exist.");
            return Err(AwsError::new("ResourceNotFoundException", message).with_status(404));
        }
        let key = (group.to_owned(), name.to_owned());
        self.forget(now);
        if self.schedules.contains_key(&key) {
            return Err(AwsError::new("ConflictException", format!("Schedule {name} already exists.")).with_status(409));
        }
        self.schedules.insert(key, Schedule { at, queue: queue.to_owned(), input: body.to_owned(), fired: None });
        Ok(json!({"ScheduleArn": self.account.arn(Service::Scheduler, &format!("schedule/{group}/{name}"))}))
    }

    /// What is sent by now.
    pub fn take_due(&mut self, now: Millis) -> Vec<Sent> {
        self.forget(now);
        let late = self.late;
        let due = self.schedules.values_mut().filter(|it| it.fired.is_none() && it.at.saturating_add(late) <= now);
        due.map(|schedule| {
            schedule.fired = Some(now);
            (schedule.queue.clone(), schedule.input.clone())
        })
        .collect()
    }

    /// When the next schedule fires.
    #[must_use]
    pub fn next(&self) -> Option<Millis> {
        let waiting = self.schedules.values().filter(|it| it.fired.is_none());
        waiting.map(|it| it.at.saturating_add(self.late)).min()
    }

    /// Schedules that have not fired: their names, times and bodies.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, Millis, &str)> {
        let waiting = self.schedules.iter().filter(|(_, it)| it.fired.is_none());
        waiting.map(|((_, name), it)| (name.as_str(), it.at, it.input.as_str()))
    }

    fn forget(&mut self, now: Millis) {
        self.schedules.retain(|_, it| it.fired.is_none_or(|fired| now < fired.saturating_add(LINGERS)));
    }
}

/// EventBridge Scheduler with a clock, sending to the queues of an account. A handle: clones share the schedules.
#[derive(Debug, Clone)]
pub struct Scheduler(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Mutex<Engine>,
    clock: Clock,
    changed: Notify,
}

impl Scheduler {
    /// Without schedules. They fire while [`Scheduler::run`] does.
    #[must_use]
    pub fn new(account: Account, late: Duration, clock: Clock) -> Self {
        Self(Arc::new(Shared { engine: Mutex::new(Engine::new(account, late)), clock, changed: Notify::new() }))
    }

    /// Adds a schedule group.
    pub fn create_group(&self, name: &str) {
        self.engine().create_group(name);
    }

    /// Executes one operation, in AWS's names and shapes.
    ///
    /// # Errors
    /// What the service answers.
    pub fn call(&self, operation: &str, input: &Value) -> Result<Value, AwsError> {
        let answer = self.engine().call(self.0.clock.now(), operation, input);
        self.0.changed.notify_one();
        answer
    }

    /// Schedules that have not fired: their names, times and bodies.
    #[must_use]
    pub fn waiting(&self) -> Vec<(String, Millis, String)> {
        self.engine().waiting().map(|(name, at, body)| (name.to_owned(), at, body.to_owned())).collect()
    }

    /// Sends what is due, for as long as it is polled.
    pub async fn run(self, sqs: Sqs) {
        loop {
            let (due, next) = {
                let mut engine = self.engine();
                (engine.take_due(self.0.clock.now()), engine.next())
            };
            for (queue, body) in due {
                if let Err(error) = sqs.send(&queue, body).await {
                    tracing::warn!(queue, %error, "a schedule's message was not delivered");
                }
            }
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = sleep_until(self.0.clock, next) => {}
            }
        }
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep_until(clock: Clock, at: Option<Millis>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The time of `at(yyyy-mm-ddThh:mm:ss)`, in UTC.
fn time(expression: &str) -> Option<Millis> {
    let text = expression.strip_prefix("at(")?.strip_suffix(')')?;
    if text.len() != "yyyy-mm-ddThh:mm:ss".len() {
        return None;
    }
    let time: jiff::Timestamp = format!("{text}Z").parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

/// A member of `[0-9a-zA-Z-_.]+`.
fn matching<'a>(input: &'a Value, member: &str, longest: usize) -> Result<&'a str, AwsError> {
    let text = input[member].as_str().unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.is_empty() || text.len() > longest || !text.bytes().all(legal) {
        let problem = format!(
            "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^[0-9a-zA-Z-_.]+$",
            member[..1].to_lowercase() + &member[1..]
        );
        return Err(invalid(&problem));
    }
    Ok(text)
}

fn invalid(problem: &str) -> AwsError {
    AwsError::new("ValidationException", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account { region: "eu-west-1".into(), account_id: "123456789012".into() }
    }

    fn schedule(name: &str, at: &str) -> Value {
        json!({
            "Name": name, "GroupName": "g", "ScheduleExpression": format!("at({at})"),
            "FlexibleTimeWindow": {"Mode": "OFF"}, "ActionAfterCompletion": "DELETE",
            "Target": {"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r",
                       "Input": "{\"version\":1}"},
        })
    }

    /// 2026-01-01T00:00:00Z.
    const NOW: Millis = 1_767_225_600_000;

    #[test]
    fn a_schedule_fires_once_within_its_minute_and_keeps_its_name_for_a_while() {
        let mut engine = Engine::new(account(), Duration::from_secs(59));
        engine.create_group("g");
        let created = engine.call(NOW, "CreateSchedule", &schedule("one", "2026-01-20T00:00:00")).unwrap();
        assert_eq!(created["ScheduleArn"], "arn:aws:scheduler:eu-west-1:123456789012:schedule/g/one");
        let again = engine.call(NOW, "CreateSchedule", &schedule("one", "2026-01-20T00:00:00")).unwrap_err();
        assert_eq!((again.status, &*again.code), (409, "ConflictException"));
        let at = NOW + 19 * 86_400_000;
        assert_eq!(engine.take_due(at + 58_000), []);
        assert_eq!(engine.next(), Some(at + 59_000));
        assert_eq!(engine.take_due(at + 59_000), [("q".to_owned(), "{\"version\":1}".to_owned())]);
        assert_eq!(engine.take_due(at + 60_000), []);
        let after = engine.call(at + 60_000, "CreateSchedule", &schedule("one", "2026-02-20T00:00:00")).unwrap_err();
        assert_eq!(after.code, "ConflictException", "it is deleted, but not at once");
        assert!(engine.call(at + 120_000, "CreateSchedule", &schedule("one", "2026-02-20T00:00:00")).is_ok());
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let mut engine = Engine::new(account(), Duration::ZERO);
        let code = |engine: &mut Engine, change: Value| {
            let mut input = schedule("one", "2026-01-20T00:00:00");
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            engine.call(NOW, "CreateSchedule", &input).unwrap_err().code
        };
        assert_eq!(code(&mut engine, json!({})), "ResourceNotFoundException", "there is no such group");
        engine.create_group("g");
        for change in [
            json!({"Name": "a/b"}),
            json!({"Name": "x".repeat(65)}),
            json!({"ScheduleExpression": "at(2025-01-01T00:00:00)"}),
            json!({"ScheduleExpression": "at(2026-01-20T00:00:00Z)"}),
            json!({"ScheduleExpression": "rate(1 minute)"}),
            json!({"Target": {"Arn": "arn:aws:sqs:eu-west-1:123456789012:q", "Input": "x"}}),
            json!({"FlexibleTimeWindow": {}}),
        ] {
            assert_eq!(code(&mut engine, change.clone()), "ValidationException", "{change}");
        }
    }
}
