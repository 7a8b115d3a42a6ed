//! Properties over random walks: calls, reports and the passing of time in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Desk, run, with};
use crate::ecs::{Config, ContainerId, Runner, StartFailure, Status, TaskFault, TaskRule};

#[derive(Debug, Clone)]
enum Step {
    Run { token: u8, started_by: u8, count: u8 },
    Stop(usize),
    Started(usize),
    StartFailed(usize),
    Exited(usize, i32),
    Interrupt(usize),
    Inject(u8),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u8, 0..2_u8, 1..3_u8).prop_map(|(token, started_by, count)| Step::Run { token, started_by, count }),
        1 => (0..8_usize).prop_map(Step::Stop),
        3 => (0..8_usize).prop_map(Step::Started),
        1 => (0..8_usize).prop_map(Step::StartFailed),
        2 => (0..8_usize, 0..3_i32).prop_map(|(task, code)| Step::Exited(task, code)),
        1 => (0..8_usize).prop_map(Step::Interrupt),
        1 => (0..3_u8).prop_map(Step::Inject),
        4 => prop_oneof![Just(1_u64), Just(100), Just(30_000), Just(3_600_000)].prop_map(Step::Advance),
    ]
}

/// What happened: every event, and the answer of every call that was accepted.
fn walk(steps: &[Step], config: Config) -> (Desk, Vec<Value>) {
    let mut desk = Desk::ready(config);
    let mut tasks: Vec<String> = Vec::new();
    let mut answers = Vec::new();
    for step in steps {
        let of = |index: &usize| tasks.get(*index).cloned().unwrap_or_default();
        let container = |index: &usize| ContainerId { task_arn: of(index), index: 0 };
        match step {
            Step::Run { token, started_by, count } => {
                let more =
                    json!({"clientToken": format!("t{token}"), "startedBy": format!("s{started_by}"), "count": count});
                if let Ok(answer) = desk.call("RunTask", with(run("f"), more)) {
                    for task in answer["tasks"].as_array().unwrap() {
                        let arn = task["taskArn"].as_str().unwrap().to_owned();
                        if !tasks.contains(&arn) {
                            tasks.push(arn);
                        }
                    }
                    answers.push(answer);
                }
            }
            Step::Stop(index) => answers.extend(desk.call("StopTask", json!({"task": of(index)}))),
            Step::Started(index) => desk.engine.started(desk.now, &container(index)),
            Step::StartFailed(index) => {
                desk.engine.start_failed(desk.now, &container(index), "CannotStartContainerError: x");
            }
            Step::Exited(index, code) => desk.engine.exited(desk.now, &container(index), *code),
            Step::Interrupt(index) => drop(desk.engine.interrupt_spot(desk.now, &of(index))),
            Step::Inject(0) => desk.engine.inject(TaskRule::next(TaskFault::StuckProvisioning)),
            Step::Inject(1) => desk.engine.inject(TaskRule::next(TaskFault::InterruptSpot(500))),
            Step::Inject(_) => {
                desk.engine.inject(TaskRule::next(TaskFault::FailToStart(StartFailure::network_interface())));
            }
            Step::Advance(milliseconds) => desk.advance(*milliseconds),
        }
    }
    desk.advance(0);
    (desk, answers)
}

fn rank(status: &str) -> usize {
    let order = ["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "DEPROVISIONING", "STOPPED"];
    order.iter().position(|known| *known == status).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Versions of a task's events count up by one, its states only go forward, STOPPED is the end, and no state is
    /// left without the stop code that goes with it.
    #[test]
    fn events_tell_one_story(steps in prop::collection::vec(step(), 1..60)) {
        let (desk, _) = walk(&steps, Config::default());
        let mut last: BTreeMap<String, (u64, usize, bool)> = BTreeMap::new();
        for event in &desk.events {
            let detail = &event["detail"];
            let state = rank(detail["lastStatus"].as_str().unwrap());
            let ending = detail["desiredStatus"] == "STOPPED";
            prop_assert_eq!(ending, detail.get("stopCode").is_some());
            prop_assert!(ending || state <= rank("RUNNING"));
            let (version, before, ended) = last.get(detail["taskArn"].as_str().unwrap()).copied().unwrap_or((0, 0, false));
            prop_assert_eq!(detail["version"].as_u64().unwrap(), version + 1);
            prop_assert!(state >= before && (ending || !ended));
            prop_assert!(before != rank("STOPPED"));
            last.insert(detail["taskArn"].as_str().unwrap().to_owned(), (version + 1, state, ending));
        }
        // Every event is in the list, in the order of time.
        let times: Vec<&str> = desk.events.iter().map(|event| event["time"].as_str().unwrap()).collect();
        prop_assert!(times.is_sorted(), "{:?}", times);
    }

    /// Within a token's life there is one answer per token, whatever happens meanwhile.
    #[test]
    fn a_token_has_one_answer(steps in prop::collection::vec(step(), 1..60)) {
        let short: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Advance(3_600_000))).collect();
        let (desk, answers) = walk(&short, Config::default());
        let mut distinct: Vec<&Value> = answers.iter().filter(|answer| answer.get("failures").is_some()).collect();
        distinct.dedup();
        let tasks: usize = {
            let mut seen: Vec<&Value> = Vec::new();
            for answer in distinct {
                if !seen.contains(&answer) {
                    seen.push(answer);
                }
            }
            prop_assert!(seen.len() <= 4);
            seen.iter().map(|answer| answer["tasks"].as_array().unwrap().len()).sum()
        };
        prop_assert_eq!(tasks, desk.engine.tasks().len());
    }

    /// Told to stop, and with every container reported as ended, everything stops; later nothing is left.
    #[test]
    fn everything_ends(steps in prop::collection::vec(step(), 1..60)) {
        let (mut desk, _) = walk(&steps, Config::default());
        desk.engine.stop_all(desk.now, "end");
        desk.advance(0);
        for task in desk.engine.tasks() {
            desk.engine.exited(desk.now, &ContainerId { task_arn: task.task_arn, index: 0 }, 143);
        }
        desk.advance(1000);
        prop_assert!(desk.engine.tasks().iter().all(|task| task.status == Status::Stopped));
        desk.advance(25 * 3_600_000);
        prop_assert!(desk.engine.tasks().is_empty());
        prop_assert!(desk.engine.tokens.is_empty());
        prop_assert_eq!(desk.engine.next_due(), None);
    }

    /// The same steps from the same seed make the same world, byte for byte.
    #[test]
    fn a_walk_can_be_repeated(steps in prop::collection::vec(step(), 1..40), instant in any::<bool>()) {
        let runner = if instant { Runner::Instant { exit_code: 1 } } else { Runner::Process };
        let config = || Config { runner, ..Config::default() };
        let (one, answers) = walk(&steps, config());
        let (other, again) = walk(&steps, config());
        prop_assert_eq!(serde_json::to_string(&one.events).unwrap(), serde_json::to_string(&other.events).unwrap());
        prop_assert_eq!(serde_json::to_string(&answers).unwrap(), serde_json::to_string(&again).unwrap());
    }
}
