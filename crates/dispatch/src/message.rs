//! The message of the run queues, schema version 1: one attempt of one scheduled run.
//!
//! `events/scheduled-run.v1.schema.json` publishes the same shape. The message carries ids and not state: with a
//! Prefect server everything else is read when the message arrives, because a run that waited in a queue may have been
//! cancelled, moved or deleted. Without a server (standalone) the run comes inline.
//!
//! A body is read in two steps, version first, so that a message of a later release is told apart from a broken one.

use std::time::Duration;

use diagnosis::{Diagnosis, PP0401, PP0402, PP0403};
use ecs::Attempt;
use jiff::Timestamp;
use prefect_ids::{FlowRunId, StateId};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;
use uuid::Uuid;
use work_pool::Object;

/// The version this release writes and reads.
pub const VERSION: u64 = 1;

/// Bytes of a work pool's name: it stands in every log line, metric and failure about the message.
pub(crate) const LONGEST_NAME: usize = 1_000;

/// Nesting deeper than this is refused before anything walks the value.
const MAX_DEPTH: usize = 64;

/// The longest delay of an SQS message (SQS API reference, SendMessage, `DelaySeconds`), and the longest time that a message
/// waits for its run, hidden in the queue.
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// Which of the run queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunQueue {
    /// For work pools and queues without limits: messages arrive in any order, many at a time.
    Standard,
    /// For those with limits: one batch of a pool at a time.
    Fifo,
}

/// One attempt of one scheduled run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledRun {
    /// Always [`VERSION`].
    pub version: u64,
    /// The flow run.
    #[serde(deserialize_with = "id")]
    pub flow_run_id: FlowRunId,
    /// The SCHEDULED state this message was sent for; with another one current, the message is stale.
    #[serde(deserialize_with = "id")]
    pub state_id: StateId,
    /// When the run is due.
    pub expected_start_time: Timestamp,
    /// Name of the work pool.
    pub work_pool: String,
    /// When the run was first due, if it has been handed back since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_due: Option<Timestamp>,
    /// How often it was handed back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hand_backs: u32,
    /// The run itself, in standalone mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<InlineRun>,
}

/// What a Prefect server would have been asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InlineRun {
    /// Name of the flow run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<InlineNamed>,
    /// The deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<InlineDeployment>,
    /// The flow run's own job variables.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub job_variables: Object,
    /// Parameters of the run.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub parameters: Object,
    /// Whether the container gets the parameters as one JSON object in `PUSHPOOL_PARAMETERS`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parameters_as_env: bool,
}

/// A flow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InlineNamed {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
}

/// A deployment with its job variables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InlineDeployment {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// What all its runs share.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub job_variables: Object,
}

/// Most characters of an id that is no UUID: the ARN of a schedule and a time fit.
const LONGEST_ID: usize = 512;

/// An id is a UUID, or any other text, which stands for the UUID that its name makes. EventBridge Scheduler has no UUIDs to
/// give, only its schedule's ARN and the time it was due: together they name one occurrence, however often it is sent.
fn id<'de, D: Deserializer<'de>, I: From<Uuid>>(deserializer: D) -> Result<I, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(id) = Uuid::try_parse(&text) {
        return Ok(id.into());
    }
    if text.trim().is_empty() || text.chars().count() > LONGEST_ID {
        return Err(D::Error::custom(format!("an id is a UUID, or a text of 1 to {LONGEST_ID} characters")));
    }
    Ok(Uuid::new_v5(&NAMES, text.as_bytes()).into())
}

/// Namespace of ids that are named. Changing it would start runs twice that are in the queue meanwhile.
const NAMES: Uuid = Uuid::from_u128(0x8d1f_4c0e_5b1a_4c52_9a86_0f8f_2f1d_7f60);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Why a body is not a message. Errors name the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The body is not a JSON object.
    #[error("the body is not a JSON object: {0}")]
    NotAnObject(String),
    /// The body is a message of another version.
    #[error("message version {0} is not known")]
    UnknownVersion(String),
    /// A field is missing, unknown or of the wrong kind.
    #[error("{0}")]
    BadField(String),
}

impl MessageError {
    /// What the dead-letter copy says.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let (code, resolution) = match self {
            Self::NotAnObject(_) => (PP0401, PP0401.resolution().to_owned()),
            Self::UnknownVersion(_) => (
                PP0402,
                format!("This release reads version {VERSION}: deploy the dispatcher before what sends to it."),
            ),
            Self::BadField(_) => (PP0403, PP0403.resolution().to_owned()),
        };
        let summary = "The message cannot be read".to_owned();
        Diagnosis { code, summary, detail: self.to_string(), resolution }.bounded()
    }
}

impl ScheduledRun {
    /// Reads the body of a queue message.
    ///
    /// # Errors
    /// [`MessageError`]: such a body will never be readable, however often it is delivered.
    pub fn parse(body: &str) -> Result<Self, MessageError> {
        let value: Value = serde_json::from_str(body).map_err(|error| MessageError::NotAnObject(place(&error)))?;
        let Value::Object(fields) = &value else {
            return Err(MessageError::NotAnObject("it is another kind of JSON value".to_owned()));
        };
        if depth(&value) > MAX_DEPTH {
            return Err(MessageError::BadField(format!("values are nested more than {MAX_DEPTH} deep")));
        }
        match fields.get("version") {
            Some(version) if version.as_u64() == Some(VERSION) => {}
            Some(Value::Number(version)) => return Err(MessageError::UnknownVersion(version.to_string())),
            Some(_) => return Err(MessageError::BadField("`version` is not a number".to_owned())),
            None => return Err(MessageError::BadField("`version` is missing".to_owned())),
        }
        match fields.get("work_pool").and_then(Value::as_str) {
            Some(name) if name.trim().is_empty() => {
                return Err(MessageError::BadField("`work_pool` is empty".to_owned()));
            }
            Some(name) if name.len() > LONGEST_NAME => {
                return Err(MessageError::BadField(format!("`work_pool` has more than {LONGEST_NAME} bytes")));
            }
            _ => {}
        }
        // serde_json names the field but also quotes unexpected strings: only the part before a quoted value is kept.
        Self::deserialize(value).map_err(|error| MessageError::BadField(without_values(&error.to_string())))
    }

    /// Which dispatch of which run this is.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        Attempt { flow_run_id: self.flow_run_id, state_id: self.state_id }
    }

    /// When the run was first due: what `capacity_timeout` counts from.
    #[must_use]
    pub fn first_due(&self) -> Timestamp {
        self.first_due.unwrap_or(self.expected_start_time)
    }

    /// The message as it may be kept in a dead-letter queue: without Prefect credentials in its job variables. A run that
    /// has them there is refused, so nothing that could still start is lost.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        let mut message = self.clone();
        if let Some(run) = &mut message.run {
            redact(&mut run.job_variables);
            if let Some(deployment) = &mut run.deployment {
                redact(&mut deployment.job_variables);
            }
        }
        message
    }

    /// The next attempt of the same run, due at `at`.
    #[must_use]
    pub fn handed_back(&self, at: Timestamp) -> Self {
        Self {
            state_id: self.attempt().handed_back().state_id,
            first_due: Some(self.first_due()),
            expected_start_time: at,
            hand_backs: self.hand_backs.saturating_add(1),
            ..self.clone()
        }
    }
}

/// Environment variables that are credentials for the Prefect API (Prefect settings reference).
const CREDENTIALS: [&str; 2] = ["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"];

/// Replaces credentials in job variables: under `env`, and under the dotted form `env.NAME`.
fn redact(variables: &mut Object) {
    for (name, value) in variables {
        if CREDENTIALS.iter().any(|credential| name == credential || name.strip_prefix("env.") == Some(credential)) {
            *value = Value::String("(removed)".to_owned());
        } else if let Value::Object(nested) = value {
            for (name, value) in nested {
                if CREDENTIALS.contains(&name.as_str()) {
                    *value = Value::String("(removed)".to_owned());
                }
            }
        }
    }
}

fn place(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}

/// `invalid type: string "secret", expected …` without what stands in quotation marks.
pub(crate) fn without_values(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut quoted = false;
    let mut escaped = false;
    for character in message.chars() {
        match (quoted, escaped, character) {
            (false, _, '"') => {
                quoted = true;
                kept.push_str("(a value)");
            }
            (true, false, '"') => quoted = false,
            (true, false, '\\') => escaped = true,
            (true, _, _) => escaped = false,
            (false, _, character) => kept.push(character),
        }
    }
    kept
}

/// Depth of nesting, found without recursion (serde_json itself stops reading at 128).
fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    let mut open = vec![(value, 1)];
    while let Some((value, level)) = open.pop() {
        deepest = deepest.max(level);
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(fields) => open.extend(fields.values().map(|field| (field, level + 1))),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(extra: &str) -> String {
        format!(
            r#"{{"version":1,"flow_run_id":"7f2c1f0e-0000-4000-8000-000000000001","state_id":"7f2c1f0e-0000-4000-8000-000000000002","expected_start_time":"2026-01-01T00:00:00Z","work_pool":"p"{extra}}}"#
        )
    }

    #[test]
    fn a_minimal_body_is_read_and_written_back_the_same() {
        let message = ScheduledRun::parse(&body("")).unwrap();
        assert_eq!(message.work_pool, "p");
        assert_eq!(serde_json::to_string(&message).unwrap(), body(""));
    }

    #[test]
    fn what_is_wrong_is_named_without_values() {
        let code = |body: &str| ScheduledRun::parse(body).unwrap_err().diagnosis().code;
        assert_eq!(code("not json"), "PP0401");
        assert_eq!(code("[]"), "PP0401");
        assert_eq!(code(r#"{"version":2}"#), "PP0402");
        assert_eq!(code("{}"), "PP0403");
        assert_eq!(code(&body(r#","run":{"flow":"hunter2"}"#)), "PP0403");
        let error = ScheduledRun::parse(&body(r#","run":{"flow":"hun\"ter2"}"#)).unwrap_err().to_string();
        assert!(!error.contains("ter2"), "{error}");
        let error = ScheduledRun::parse(&body(r#","sate_id":1"#)).unwrap_err().to_string();
        assert!(error.contains("sate_id") && error.contains("state_id"), "{error}");
    }

    #[test]
    fn a_name_is_as_good_as_an_id_and_is_the_same_one_every_time() {
        let occurrence = "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly/2026-01-05T03:00:00Z";
        let named = |name: &str| {
            let body = body("").replace("7f2c1f0e-0000-4000-8000-000000000001", name);
            ScheduledRun::parse(&body).map(|message| message.flow_run_id)
        };
        assert_eq!(named(occurrence).unwrap(), named(occurrence).unwrap());
        assert_ne!(named(occurrence).unwrap(), named("2026-01-06T03:00:00Z").unwrap());
        let written = serde_json::to_string(&ScheduledRun::parse(&body("")).unwrap()).unwrap();
        assert!(written.contains("7f2c1f0e-0000-4000-8000-000000000001"), "{written}");
        for bad in ["", " ", &"x".repeat(513)] {
            assert_eq!(named(bad).unwrap_err().diagnosis().code, "PP0403", "{bad}");
        }
    }

    #[test]
    fn what_is_said_is_no_longer_for_long_names() {
        let name = "x".repeat(200_000);
        let error = ScheduledRun::parse(&body("").replace("\"p\"", &format!("\"{name}\""))).unwrap_err();
        assert_eq!(error.to_string(), "`work_pool` has more than 1000 bytes");
        let diagnosis = ScheduledRun::parse(&body(&format!(r#","{name}":1"#))).unwrap_err().diagnosis();
        assert!(diagnosis.code == "PP0403" && diagnosis.detail.len() < 9_000, "{}", diagnosis.detail.len());
    }

    #[test]
    fn credentials_do_not_reach_the_dead_letter_queue() {
        let message = ScheduledRun::parse(&body(
            r#","run":{"job_variables":{"env":{"PREFECT_API_KEY":"canary","A":"1"},"env.PREFECT_API_AUTH_STRING":"canary"},"deployment":{"name":"d","job_variables":{"env":{"PREFECT_API_KEY":"canary"}}}}"#,
        ))
        .unwrap();
        let kept = serde_json::to_string(&message.without_credentials()).unwrap();
        assert!(!kept.contains("canary") && kept.contains(r#""A":"1""#), "{kept}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!(r#","run":{{"parameters":{{"a":{}1{}}}}}"#, "[".repeat(100), "]".repeat(100));
        let error = ScheduledRun::parse(&body(&deep)).unwrap_err();
        assert!(error.to_string().contains("nested"), "{error}");
    }

    #[test]
    fn a_hand_back_is_a_new_attempt_that_remembers_when_it_was_first_due() {
        let first = ScheduledRun::parse(&body("")).unwrap();
        let later = first.expected_start_time + jiff::SignedDuration::from_secs(60);
        let second = first.handed_back(later);
        assert_ne!(second.state_id, first.state_id);
        assert_eq!(second, first.handed_back(later), "the same hand back twice is one attempt");
        assert_eq!(second.first_due(), first.expected_start_time);
        assert_eq!(second.handed_back(later).hand_backs, 2);
    }
}
