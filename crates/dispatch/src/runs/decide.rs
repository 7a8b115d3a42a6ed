//! What the end of a task means for its run: one table, as a function.
//!
//! `task` is the run's current task and is STOPPED; `run` is the state the run is in after that (read later than the
//! task ended, so whatever the container reported is in it).
//!
//! | run | how the task ended | what is done |
//! | --- | --- | --- |
//! | final, SCHEDULED, PAUSED | in any way | nothing: the container reported, or rescheduled itself |
//! | CANCELLING | in any way | Cancelled |
//! | PENDING, RUNNING | SpotInterruption, TerminationNotice, InfrastructureHealth, or in ECS's words for a Spot interruption, for maintenance of Fargate, or for a host that went | hand back |
//! | PENDING, RUNNING | stopped by pushpool because it did not start in time | hand back |
//! | PENDING, RUNNING | UserInitiated, ServiceSchedulerInitiated | Crashed: who stopped it and why |
//! | PENDING | never started, for a passing reason (see [`super::reasons`]) | hand back |
//! | PENDING | never started, for another reason | Crashed |
//! | PENDING, RUNNING | another container ended first and took the run's along | Crashed: which one |
//! | PENDING, RUNNING | out of memory: exit code 137, or `OutOfMemory…` | Crashed |
//! | PENDING, RUNNING | another exit code but 0 | Crashed |
//! | PENDING | exit code 0 | Crashed: the command does not run the flow |
//! | RUNNING | exit code 0, or none | Crashed: it ended without reporting |
//! | PENDING | started, and no exit code | Crashed: ECS lost sight of it |
//!
//! A stop code that is missing or of a later release is judged by the rest. Two bounds: a run that waits to be started
//! longer than `capacity_timeout`, and was handed back twice or more meanwhile, crashes instead of being handed back
//! (`hand_back::may_wait`), and so does one that was interrupted too often while it ran.
//!
//! Stop codes: ECS API reference, `Task.stopCode`. Exit codes: 128 and the number of the signal, 137 is SIGKILL; it is what
//! the kernel sends when memory is used up, and also what ECS sends after `stopTimeout`, but then the stop code is another.

use std::time::Duration;

use diagnosis::{Diagnosis, PP0606, PP0615, PP0620, PP0621, PP0622};
use ecs::{failure::Words, task::Task};
use prefect_api::models::StateType;

use super::{ended::ended, reasons};
use crate::hand_back::may_wait;

/// Beginning of the reasons pushpool gives when it stops a task.
pub const OURS: &str = "pushpool: ";

/// Reason of a StopTask for a task that did not start in time.
pub const NOT_STARTED: &str = "pushpool: the task did not start in time";

/// Characters of what ECS says about a task that are passed on. A reason has at most 1,024 (ECS API reference, `Container`).
const LONGEST_FACTS: usize = 4_000;

/// Characters of a task's ARN: those of any ARN, and some.
const LONGEST_ARN: usize = 2_048;

/// How long a run may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long after a run was first due it may wait for a task that starts.
    pub capacity_timeout: Duration,
    /// How often a run may be interrupted while it runs, and start again.
    pub interruptions: u32,
}

/// What the run has been through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// How long it has been waiting to be started.
    pub waited: Duration,
    /// How often it was handed back meanwhile.
    pub hand_backs: u32,
    /// How often it was interrupted while it ran.
    pub interruptions: u32,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// The run is cancelled now.
    Cancel,
    /// It starts again, as a new attempt.
    HandBack(Diagnosis),
    /// It crashed.
    Crash(Diagnosis),
}

/// Decides, by the table above.
#[must_use]
pub fn decide(run: StateType, task: &Task, past: Past, limits: Limits) -> Action {
    // The reasons have ECS's own words, of every container.
    match judged(run, task, past, limits) {
        Action::HandBack(reason) => Action::HandBack(reason.bounded()),
        Action::Crash(reason) => Action::Crash(reason.bounded()),
        other => other,
    }
}

fn judged(run: StateType, task: &Task, past: Past, limits: Limits) -> Action {
    let pending = match run {
        StateType::Cancelling => return Action::Cancel,
        StateType::Pending => true,
        StateType::Running => false,
        _ => return Action::Nothing,
    };
    let code = task.stop_code.as_deref().unwrap_or_default();
    let said = task.stopped_reason.as_deref().unwrap_or_default();
    if is_lost(code, said) {
        return interrupted(pending, task, past, limits);
    }
    if matches!(code, "UserInitiated" | "ServiceSchedulerInitiated") {
        if said == NOT_STARTED && pending {
            return bounded(not_started(facts(task)), past, limits);
        }
        // It started at the very moment it was stopped.
        if said == NOT_STARTED && past.interruptions < limits.interruptions {
            return Action::HandBack(not_started(facts(task)));
        }
        return Action::Crash(stopped(task, said));
    }
    if pending && (!task.has_started() || reasons::kept_from_starting(task)) {
        let reason = reasons::never_started(task);
        let diagnosis = Diagnosis::of(reason.code, facts(task));
        return if reason.transient { bounded(diagnosis, past, limits) } else { Action::Crash(diagnosis) };
    }
    Action::Crash(ended(pending, task))
}

/// Whether the task went with what it ran on.
fn is_lost(code: &str, said: &str) -> bool {
    let words = Words::of([said]);
    // ECS says these beside any stop code: events of interrupted tasks came without one, and those of Fargate's
    // maintenance with ServiceSchedulerInitiated (`events/answers/stopped-tasks.json`).
    let taken_back = words.have_any(&[
        "your spot task was interrupted",
        "ecs is performing maintenance on the underlying infrastructure",
    ]);
    // A user who stops a task may write anything (ECS developer guide, "Stopped tasks error codes": "Host EC2 (instance
    // `id`) stopped/terminated").
    let host = code != "UserInitiated" && words.have("\nhost ec2") && words.have_any(&["terminated", "stopped"]);
    taken_back || host || matches!(code, "SpotInterruption" | "TerminationNotice" | "InfrastructureHealth")
}

fn interrupted(pending: bool, task: &Task, past: Past, limits: Limits) -> Action {
    let reason = Diagnosis::of(PP0620, facts(task));
    if pending {
        return bounded(reason, past, limits);
    }
    if past.interruptions < limits.interruptions {
        return Action::HandBack(reason);
    }
    Action::Crash(Diagnosis {
        summary: format!("The run was interrupted more than {} times", past.interruptions),
        ..Diagnosis::of(PP0621, reason.detail)
    })
}

/// Handed back, unless the run has been waiting for too long.
pub(crate) fn bounded(reason: Diagnosis, past: Past, limits: Limits) -> Action {
    if may_wait(past.waited, past.hand_backs, limits.capacity_timeout) {
        return Action::HandBack(reason);
    }
    Action::Crash(Diagnosis {
        code: PP0615,
        summary: format!("No task started within {} s", past.waited.as_secs()),
        detail: format!("{} ({}): {}", reason.summary, reason.code, reason.detail),
        resolution: reason.resolution,
    })
}

/// A task that was stopped because it did not start in time.
pub(crate) fn not_started(detail: String) -> Diagnosis {
    Diagnosis::of(PP0606, detail)
}

fn stopped(task: &Task, said: &str) -> Diagnosis {
    let summary = match said.strip_prefix(OURS) {
        Some(why) => format!("pushpool stopped the task: {why}"),
        None => PP0622.summary().to_owned(),
    };
    Diagnosis { summary, ..Diagnosis::of(PP0622, facts(task)) }
}

/// What ECS says about a stopped task.
#[must_use]
pub fn facts(task: &Task) -> String {
    // ECS ends some of its sentences itself.
    let end = |said: &str| said.trim_end().trim_end_matches('.').to_owned();
    let mut facts = match (&task.stop_code, &task.stopped_reason) {
        (Some(code), Some(reason)) => format!("{code}: {}.", end(reason)),
        (Some(said), None) | (None, Some(said)) => format!("{}.", end(said)),
        (None, None) => "ECS gives no reason.".to_owned(),
    };
    for container in &task.containers {
        let exit_code =
            container.exit_code.map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
        let reason = container.reason.as_deref().map(|reason| format!(", {}", end(reason))).unwrap_or_default();
        facts.push_str(&format!(" Container {}: {exit_code}{reason}.", container.name));
    }
    let mut facts = beginning(&facts, LONGEST_FACTS);
    facts.push_str(&format!(" Task: {}.", beginning(&task.task_arn, LONGEST_ARN)));
    facts
}

/// The text, or what it begins with.
fn beginning(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use diagnosis::Outcome;
    use serde_json::{Value, json};

    use super::*;

    const LIMITS: Limits = Limits { capacity_timeout: Duration::from_secs(3_600), interruptions: 3 };

    fn task(code: &str, reason: &str, container: Value) -> Task {
        let mut task = json!({"taskArn": "arn:task", "lastStatus": "STOPPED", "containers": [container]});
        if !code.is_empty() {
            task["stopCode"] = code.into();
        }
        if !reason.is_empty() {
            task["stoppedReason"] = reason.into();
        }
        if !task["containers"][0]["exitCode"].is_null() {
            task["startedAt"] = "2026-01-01T00:00:00Z".into();
        }
        Task::of_json(&task).unwrap()
    }

    fn exit(code: i64) -> Value {
        json!({"name": "prefect", "exitCode": code})
    }

    fn unstarted() -> Value {
        json!({"name": "prefect"})
    }

    fn decided(run: StateType, task: &Task, past: Past) -> String {
        let (does, outcome, code) = match decide(run, task, past, LIMITS) {
            Action::Nothing => return "nothing".to_owned(),
            Action::Cancel => return "cancel".to_owned(),
            Action::HandBack(reason) => ("hand back", Outcome::HandedBack, reason.code),
            Action::Crash(reason) => ("crash", Outcome::Crashed, reason.code),
        };
        let said = code.outcome().to_string();
        assert!(said.contains(&outcome.to_string()), "the catalogue says of {code}: {said}");
        format!("{does} {code}")
    }

    const CODES: [&str; 9] = [
        "TaskFailedToStart",
        "EssentialContainerExited",
        "UserInitiated",
        "ServiceSchedulerInitiated",
        "SpotInterruption",
        "TerminationNotice",
        "InfrastructureHealth",
        "",
        "SomethingNew",
    ];

    #[test]
    fn every_stop_code_for_every_state() {
        use StateType::{Cancelled, Cancelling, Completed, Crashed, Failed, Paused, Scheduled, Unknown};
        for code in CODES {
            for container in [exit(0), exit(1), unstarted()] {
                let task = task(code, "whatever", container);
                for state in [Completed, Failed, Crashed, Cancelled, Scheduled, Paused, Unknown] {
                    assert_eq!(decided(state, &task, Past::default()), "nothing", "{code} {state:?}");
                }
                assert_eq!(decided(Cancelling, &task, Past::default()), "cancel", "{code}");
            }
        }
        // Stop code, and for exit codes 0, 1, 137, 143 and none: PENDING, RUNNING.
        let ended = [
            ("crash PP0624", "crash PP0626"),
            ("crash PP0625", "crash PP0625"),
            ("crash PP0623", "crash PP0623"),
            ("crash PP0625", "crash PP0625"),
        ];
        let rows = [
            ("TaskFailedToStart", ended, ("crash PP0601", "crash PP0626")),
            ("EssentialContainerExited", ended, ("crash PP0601", "crash PP0626")),
            ("UserInitiated", [("crash PP0622", "crash PP0622"); 4], ("crash PP0622", "crash PP0622")),
            ("ServiceSchedulerInitiated", [("crash PP0622", "crash PP0622"); 4], ("crash PP0622", "crash PP0622")),
            (
                "SpotInterruption",
                [("hand back PP0620", "hand back PP0620"); 4],
                ("hand back PP0620", "hand back PP0620"),
            ),
            (
                "TerminationNotice",
                [("hand back PP0620", "hand back PP0620"); 4],
                ("hand back PP0620", "hand back PP0620"),
            ),
            (
                "InfrastructureHealth",
                [("hand back PP0620", "hand back PP0620"); 4],
                ("hand back PP0620", "hand back PP0620"),
            ),
            ("", ended, ("crash PP0601", "crash PP0626")),
            ("SomethingNew", ended, ("crash PP0601", "crash PP0626")),
        ];
        for (code, exits, none) in rows {
            for (container, (pending, running)) in
                [exit(0), exit(1), exit(137), exit(143), unstarted()].into_iter().zip(exits.into_iter().chain([none]))
            {
                let task = task(code, "whatever", container.clone());
                assert_eq!(decided(StateType::Pending, &task, Past::default()), pending, "{code} {container}");
                assert_eq!(decided(StateType::Running, &task, Past::default()), running, "{code} {container}");
            }
        }
    }

    #[test]
    fn what_never_started_for_a_passing_reason_is_handed_back_for_a_while() {
        let words = "Timeout waiting for network interface provisioning to complete.";
        let task = task("TaskFailedToStart", words, unstarted());
        let past = |waited, hand_backs| Past { waited: Duration::from_secs(waited), hand_backs, interruptions: 99 };
        assert_eq!(decided(StateType::Pending, &task, past(3_599, 20)), "hand back PP0603");
        let Action::Crash(reason) = decide(StateType::Pending, &task, past(3_600, 2), LIMITS) else { panic!() };
        assert_eq!((reason.code.id(), reason.summary.as_str()), ("PP0615", "No task started within 3600 s"));
        assert!(reason.detail.contains("PP0603") && reason.detail.contains(words), "{}", reason.detail);
    }

    /// A run that waited long for another reason (an outage, a backlog) has not been tried yet.
    #[test]
    fn a_start_that_fails_for_a_passing_reason_is_tried_three_times_at_least() {
        let words = "Timeout waiting for network interface provisioning to complete.";
        let task = task("TaskFailedToStart", words, unstarted());
        let late = |hand_backs| Past { waited: Duration::from_secs(99_999), hand_backs, interruptions: 0 };
        assert_eq!(decided(StateType::Pending, &task, late(0)), "hand back PP0603");
        assert_eq!(decided(StateType::Pending, &task, late(1)), "hand back PP0603");
        assert_eq!(decided(StateType::Pending, &task, late(2)), "crash PP0615");
        // Who wants no waiting at all gets none.
        let never = Limits { capacity_timeout: Duration::ZERO, ..LIMITS };
        assert!(matches!(decide(StateType::Pending, &task, late(0), never), Action::Crash(_)));
    }

    #[test]
    fn a_run_is_interrupted_a_few_times_however_long_it_ran() {
        let task = task("SpotInterruption", "Your Spot Task was interrupted.", exit(143));
        let past = |interruptions| Past { waited: Duration::from_secs(99_999), hand_backs: 2, interruptions };
        assert_eq!(decided(StateType::Running, &task, past(2)), "hand back PP0620");
        assert_eq!(decided(StateType::Running, &task, past(3)), "crash PP0621");
        assert_eq!(decided(StateType::Pending, &task, past(0)), "crash PP0615", "it waits to be started");
    }

    #[test]
    fn a_host_that_went_took_the_task_along() {
        let words = "Host EC2 (instance i-0123) terminated.";
        assert_eq!(decided(StateType::Running, &task("", words, unstarted()), Past::default()), "hand back PP0620");
        assert_eq!(
            decided(StateType::Running, &task("UserInitiated", words, exit(0)), Past::default()),
            "crash PP0622"
        );
    }

    #[test]
    fn our_own_stops_are_told_from_others() {
        let late = task("UserInitiated", NOT_STARTED, unstarted());
        assert_eq!(decided(StateType::Pending, &late, Past::default()), "hand back PP0606");
        assert_eq!(decided(StateType::Running, &late, Past::default()), "hand back PP0606", "it just started");
        let ours = task("UserInitiated", "pushpool: its flow run was deleted", exit(143));
        let Action::Crash(reason) = decide(StateType::Running, &ours, Past::default(), LIMITS) else { panic!() };
        assert_eq!(reason.summary, "pushpool stopped the task: its flow run was deleted");
        let theirs = task("UserInitiated", "by hand", exit(143));
        let Action::Crash(reason) = decide(StateType::Running, &theirs, Past::default(), LIMITS) else { panic!() };
        assert!(reason.summary == PP0622.summary() && reason.detail.contains("by hand"), "{reason:?}");
    }

    #[test]
    fn facts_are_sentences() {
        let gone = task("SpotInterruption", "Your Spot Task was interrupted.", exit(143));
        assert_eq!(
            facts(&gone),
            "SpotInterruption: Your Spot Task was interrupted. Container prefect: exit code 143. Task: arn:task."
        );
    }

    #[test]
    fn memory_is_named_also_where_the_reason_says_it() {
        let killed = json!({"name": "prefect", "exitCode": 1, "reason": "OutOfMemoryError: container killed"});
        let task = task("EssentialContainerExited", "Essential container in task exited", killed);
        let Action::Crash(reason) = decide(StateType::Running, &task, Past::default(), LIMITS) else { panic!() };
        assert_eq!(reason.code, "PP0623");
        assert!(reason.resolution.contains("`memory`"));
        for fact in ["EssentialContainerExited", "exit code 1", "OutOfMemoryError", "arn:task"] {
            assert!(reason.detail.contains(fact), "{fact} in {}", reason.detail);
        }
    }

    #[test]
    fn started_without_an_exit_code_is_no_start_failure() {
        let json = json!({"taskArn": "a", "startedAt": "2026-01-01T00:00:00Z", "containers": [{"name": "prefect"}]});
        let task = Task::of_json(&json).unwrap();
        assert_eq!(decided(StateType::Pending, &task, Past::default()), "crash PP0627");
    }
}
