//! The traps one after the other, so that no chance decides whether they are played.

use serde_json::{Value, json};

use super::steps::{STRANGERS, Step};

/// The steps of a world that has none yet.
pub(super) fn traps() -> Vec<Step> {
    let [plain, enqueues, cancels] = [0, 1, 2];
    let create = |deployment, due, retries| Step::Create { deployment, due, retries };
    let poll = || Step::Poll { queues: Vec::new(), after: None, before: Some(10), limit: None };
    let mut steps = vec![
        create(plain, -20, None),
        create(plain, 20, None),
        create(plain, -40, Some(1)),
        create(enqueues, -60, None),
        create(enqueues, -80, None),
        create(cancels, -100, None),
        create(cancels, -120, None),
        poll(),
    ];
    let [claimed, early, retried, first, second, third, fourth] = [0, 1, 2, 3, 4, 5, 6];
    let result = json!({"type": "reference", "storage_key": "k"});
    // Claimed once; its result is kept.
    steps.extend([
        claim(claimed, "Pending", 0),
        claim(claimed, "Pending", 0),
        claim(claimed, "Pending", 1),
        claim(claimed, "Submitting", 1),
        set(claimed, "RUNNING"),
        set(claimed, "PENDING"),
        propose(claimed, json!({"type": "COMPLETED", "data": result}), None),
        set(claimed, "PENDING"),
        set(claimed, "CRASHED"),
        set(claimed, "COMPLETED"),
    ]);
    // Too early; without infrastructure; with it.
    steps.extend([
        set(early, "RUNNING"),
        set(early, "CANCELLING"),
        set(early, "PENDING"),
        propose(early, json!({"type": "SCHEDULED", "name": "AwaitingRetry"}), None),
        Step::Patch { run: early, changes: json!({"infrastructure_pid": "cluster::arn"}) },
        set(early, "CANCELLING"),
        // Which takes no place of a pool or queue that has one.
        Step::Pool(json!({"concurrency_limit": 1})),
        poll(),
        Step::Pool(json!({"concurrency_limit": null})),
        Step::Queue { queue: "default", changes: json!({"concurrency_limit": 1}) },
        poll(),
        Step::Queue { queue: "default", changes: json!({"concurrency_limit": null}) },
        Step::Queue { queue: "third", changes: json!({"priority": 1}) },
        poll(),
        Step::Queue { queue: "second", changes: json!({"is_paused": true}) },
        poll(),
        Step::Queue { queue: "second", changes: json!({"is_paused": false}) },
        set(early, "CRASHED"),
        set(early, "CANCELLED"),
    ]);
    // Retried in its process, which no poll gets; failed, and claimed all the same.
    steps.extend([set(retried, "PENDING"), set(retried, "RUNNING"), set(retried, "FAILED"), poll()]);
    steps.extend([set(retried, "RUNNING"), set(retried, "FAILED"), set(retried, "PENDING")]);
    // Paused; a resumption that is refused is remembered all the same.
    steps.extend([set(retried, "RUNNING"), set(retried, "PAUSED"), set(retried, "PENDING"), set(retried, "SCHEDULED")]);
    // A blocking pause that is left for SCHEDULED, which 3.9 takes for a new start; and a suspension, which it does not.
    for suspends in [false, true] {
        let details = json!({"pause_reschedule": suspends, "pause_key": "a"});
        let pause = json!({"type": "PAUSED", "state_details": details});
        steps.extend([set(early, "SCHEDULED"), set(early, "PENDING"), set(early, "RUNNING")]);
        steps.extend([propose(early, pause.clone(), None), set(early, "SCHEDULED"), poll()]);
        steps.extend([set(early, "PENDING"), set(early, "RUNNING"), propose(early, pause, None)]);
        steps.push(set(early, "FAILED"));
    }
    // Limits that are full.
    steps.extend([set(first, "PENDING"), set(second, "PENDING"), poll()]);
    // Forced, which keeps the slot's lease since 3.9.
    steps.push(forced(first, "RUNNING"));
    steps.extend([set(first, "CRASHED"), set(second, "PENDING"), set(third, "PENDING"), set(fourth, "PENDING")]);
    // Gone.
    steps.extend([Step::Delete { run: third }, set(third, "PENDING"), Step::DeleteDeployment { deployment: enqueues }]);
    steps.extend([set(first, "PENDING"), set(second, "COMPLETED"), poll()]);
    // Waits for its deployment, which is gone.
    steps.push(set(first, "SCHEDULED"));
    steps.push(Step::Patch { run: first, changes: json!({"job_variables": {"cpu": 1}}) });
    let job_variables = json!({"job_variables": {"cpu": 1}});
    steps.extend([
        Step::Deployment { deployment: enqueues, changes: job_variables.clone() },
        Step::Deployment { deployment: enqueues, changes: json!({"concurrency_limit": 0}) },
        Step::DeleteDeployment { deployment: enqueues },
        Step::Patch { run: claimed, changes: job_variables.clone() },
        Step::Patch { run: third, changes: job_variables },
    ]);
    steps.extend((0..STRANGERS).map(Step::Stranger));
    steps
}

fn set(run: usize, state_type: &str) -> Step {
    propose(run, json!({"type": state_type}), None)
}

fn claim(run: usize, name: &str, transition: usize) -> Step {
    propose(run, json!({"type": "PENDING", "name": name}), Some(transition))
}

fn forced(run: usize, state_type: &str) -> Step {
    match set(run, state_type) {
        Step::Propose { run, state, due, timeout, transition, lease, by_prefect, .. } => {
            Step::Propose { run, state, due, timeout, transition, lease, by_prefect, force: true }
        }
        other => other,
    }
}

fn propose(run: usize, state: Value, transition: Option<usize>) -> Step {
    let Value::Object(state) = state else { panic!("{state} is no state") };
    Step::Propose { run, state, due: None, timeout: None, transition, lease: None, by_prefect: true, force: false }
}
