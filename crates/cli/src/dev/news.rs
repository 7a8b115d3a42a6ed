//! What the board is told, by whom: the dispatcher's outcomes and ECS's task events, in one form.
//!
//! The dispatcher tells in one of two ways. In this process it hands over its outcomes; as a function binary it writes
//! them to its log, as it does on AWS, and they are read from there.

use std::{sync::Arc, time::Duration};

use diagnosis::Diagnosis;
use dispatch::{
    outcome::{Event, Outcome},
    ports::Sink,
};
use ecs::{Attempt, TaskArn};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// A dispatcher received a message.
    Taken { message_id: String, body: String },
    /// A dispatcher told what became of a message.
    Outcome { about: About, fate: Fate },
    /// ECS told of a task.
    Task(Task),
    /// A message lies in the dead-letter queue.
    Dead { message_id: String },
    /// The dispatcher as a whole failed; Lambda would try again.
    Trouble(String),
}

/// Which message an outcome is about; a message whose body cannot be read has no attempt.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct About {
    pub(crate) attempt: Option<Attempt>,
    pub(crate) message_id: Option<String>,
    pub(crate) work_pool: Option<String>,
}

/// [`Outcome`] to keep.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    Launched { task_arn: TaskArn },
    HandedBack { reason: Reason, delay: Duration },
    Crashed(Reason),
    Malformed(Reason),
    NotOurs { reason: String },
    Deferred { reason: String, delay: Duration },
    Returned(Reason),
}

/// A diagnosis to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) summary: String,
    pub(crate) detail: String,
    pub(crate) resolution: String,
}

impl From<&Diagnosis> for Reason {
    fn from(diagnosis: &Diagnosis) -> Self {
        Self {
            code: diagnosis.code.to_string(),
            summary: diagnosis.summary.clone(),
            detail: diagnosis.detail.clone(),
            resolution: diagnosis.resolution.clone(),
        }
    }
}

/// A task as an ECS Task State Change event shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) task_arn: TaskArn,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) definition_arn: Option<String>,
    pub(crate) last_status: String,
    pub(crate) exit_code: Option<i64>,
    pub(crate) stop_code: Option<String>,
    pub(crate) stopped_reason: Option<String>,
}

impl Task {
    /// Reads an event as EventBridge delivers it.
    pub(crate) fn of_event(event: &Value) -> Option<Self> {
        let detail = event.get("detail")?;
        let text = |name: &str| detail.get(name).and_then(Value::as_str).map(str::to_owned);
        let containers = detail.get("containers").and_then(Value::as_array);
        Some(Self {
            task_arn: text("taskArn")?.into(),
            attempt: text("startedBy").and_then(|started_by| attempt_of(&started_by)),
            definition_arn: text("taskDefinitionArn"),
            last_status: text("lastStatus")?,
            // Sidecars that ECS stops end with 137 or so: the first container that has an exit code is the flow's.
            exit_code: containers.into_iter().flatten().find_map(|container| container.get("exitCode")?.as_i64()),
            stop_code: text("stopCode"),
            stopped_reason: text("stoppedReason"),
        })
    }
}

impl Task {
    /// The same, from a look at the task.
    pub(crate) fn of_view(view: &local::ecs::TaskView) -> Self {
        Self {
            task_arn: view.task_arn.clone().into(),
            attempt: view.started_by.as_deref().and_then(attempt_of),
            definition_arn: Some(view.task_definition_arn.clone()),
            last_status: view.status.as_str().to_owned(),
            exit_code: view.exit_code.map(i64::from),
            stop_code: view.stop_code.map(|code| code.as_str().to_owned()),
            stopped_reason: view.stopped_reason.clone(),
        }
    }
}

/// `<flow run>/<state>`, see [`Attempt::started_by`].
fn attempt_of(started_by: &str) -> Option<Attempt> {
    let (flow_run, state) = started_by.split_once('/')?;
    Some(Attempt { flow_run_id: flow_run.parse().ok()?, state_id: state.parse().ok()? })
}

/// Passes a dispatcher's outcomes on.
#[derive(Debug, Clone)]
pub(crate) struct Reporter(pub(crate) UnboundedSender<News>);

impl Reporter {
    /// This reporter as the dispatcher takes it.
    pub(crate) fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.clone())
    }

    /// Tells the board; where it has gone there is nothing left to tell.
    pub(crate) fn tell(&self, news: News) {
        let _ = self.0.send(news);
    }
}

impl Sink for Reporter {
    fn emit(&self, event: &Event<'_>) {
        // A dispatcher tells of messages alone.
        if let Event::Message(outcome) = event {
            self.tell(kept(outcome));
        }
    }
}

fn kept(outcome: &Outcome<'_>) -> News {
    let of = |message: &dispatch::message::ScheduledRun| About {
        attempt: Some(message.attempt()),
        message_id: None,
        work_pool: Some(message.work_pool.clone()),
    };
    let (about, fate) = match *outcome {
        Outcome::Launched { message, launched, .. } => {
            (of(message), Fate::Launched { task_arn: launched.task_arn.clone() })
        }
        Outcome::HandedBack { message, reason, delay } => {
            (of(message), Fate::HandedBack { reason: reason.into(), delay })
        }
        Outcome::Crashed { message, reason } => (of(message), Fate::Crashed(reason.into())),
        Outcome::Malformed { message_id, reason } => {
            (About { message_id: Some(message_id.to_owned()), ..About::default() }, Fate::Malformed(reason.into()))
        }
        Outcome::NotOurs { message, reason } => (of(message), Fate::NotOurs { reason: reason.to_owned() }),
        Outcome::Deferred { message, reason, delay } => {
            (of(message), Fate::Deferred { reason: reason.to_owned(), delay })
        }
        Outcome::Returned { message_id, message, reason, .. } => {
            let about = message.map(of).unwrap_or_default();
            (About { message_id: Some(message_id.to_owned()), ..about }, Fate::Returned(reason.into()))
        }
    };
    News::Outcome { about, fate }
}

/// Reads a line of the function's log; `None` for lines that tell of no outcome.
pub(crate) fn of_log_line(line: &str) -> Option<News> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| line.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = |name: &str| text(name).and_then(|text| Uuid::parse_str(&text).ok());
    let reason = || Reason {
        code: text("code").unwrap_or_default(),
        // The line of a body that cannot be read has none: its message says it all.
        summary: text("summary").or_else(|| text("message")).unwrap_or_default(),
        detail: text("detail").unwrap_or_default(),
        resolution: text("resolution").unwrap_or_default(),
    };
    let delay = || Duration::from_secs(line.get("delay_seconds").and_then(Value::as_u64).unwrap_or_default());
    let fate = match text("message")?.as_str() {
        "launched" => Fate::Launched { task_arn: text("task_arn")?.into() },
        "handed back" => Fate::HandedBack { reason: reason(), delay: delay() },
        "crashed" => Fate::Crashed(reason()),
        "malformed" => Fate::Malformed(reason()),
        "not ours" => Fate::NotOurs { reason: text("reason").unwrap_or_default() },
        "deferred" => Fate::Deferred { reason: text("reason").unwrap_or_default(), delay: delay() },
        "returned to the queue" => Fate::Returned(reason()),
        _ => return None,
    };
    let attempt = id("flow_run_id").zip(id("state_id"));
    let about = About {
        attempt: attempt.map(|(run, state)| Attempt { flow_run_id: run.into(), state_id: state.into() }),
        message_id: text("message_id"),
        work_pool: text("work_pool"),
    };
    Some(News::Outcome { about, fate })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RUN: &str = "7f2c1f0e-0000-4000-8000-000000000001";
    const STATE: &str = "7f2c1f0e-0000-4000-8000-000000000002";

    fn attempt() -> Attempt {
        Attempt { flow_run_id: RUN.parse().unwrap(), state_id: STATE.parse().unwrap() }
    }

    #[test]
    fn an_event_is_read_as_eventbridge_delivers_it() {
        let event = json!({"detail": {
            "taskArn": "arn:t", "startedBy": format!("{RUN}/{STATE}"), "lastStatus": "STOPPED",
            "taskDefinitionArn": "arn:d", "stopCode": "EssentialContainerExited", "stoppedReason": "it ended",
            "containers": [{"name": "side"}, {"name": "prefect", "exitCode": 3}],
        }});
        let task = Task::of_event(&event).unwrap();
        assert_eq!((task.attempt, task.exit_code), (Some(attempt()), Some(3)));
        assert_eq!(Task::of_event(&json!({"detail": {"taskArn": "x"}})), None);
    }

    #[test]
    fn a_log_line_of_the_function_tells_the_same_as_its_outcome() {
        let line = json!({"level": "ERROR", "message": "crashed", "flow_run_id": RUN, "state_id": STATE,
            "work_pool": "demo", "code": "PP0404", "summary": "s", "detail": "d", "resolution": "r"});
        let reason = Reason { code: "PP0404".into(), summary: "s".into(), detail: "d".into(), resolution: "r".into() };
        let about = About { attempt: Some(attempt()), message_id: None, work_pool: Some("demo".into()) };
        assert_eq!(of_log_line(&line.to_string()), Some(News::Outcome { about, fate: Fate::Crashed(reason) }));
        for other in ["", "panicked at", "{}", r#"{"message": "starting"}"#, r#"{"_aws": {}, "Launched": 1.0}"#] {
            assert_eq!(of_log_line(other), None, "{other}");
        }
    }
}
