//! The core scenarios once more, with the version of Prefect that the other tests do not use.

use std::process::Stdio;

use pushpool_tests::rig::prefect::{VERSION_VARIABLE, Version};

/// One of each way a run can go. `PUSHPOOL_PREFECT=3.8.8 cargo test -p pushpool-tests --test it` runs all others, too.
const SCENARIOS: [&str; 6] = [
    "served::way::a_deployed_flow_runs_to_its_end_without_a_worker",
    "served::way::a_run_that_goes_back_to_awaiting_retry_gets_another_task_and_one_that_retries_by_itself_does_not",
    "served::limits::a_pool_with_three_slots_never_has_more_than_three_live_tasks",
    "served::cancelling::a_running_flow_cancels_itself",
    "served::capacity::what_aws_has_no_capacity_for_is_handed_back_and_launched_later",
    "served::doorbell::runs_start_and_are_cancelled_because_the_server_rings",
];

/// In a process of its own, because the version is a variable of the environment.
#[tokio::test]
async fn the_core_scenarios_hold_with_the_other_version_of_prefect() {
    let other = match Version::default() {
        Version::V3_9 => Version::V3_8,
        _ => Version::V3_9,
    };
    let tests = std::env::current_exe().expect("this program has a path");
    let output = tokio::process::Command::new(tests)
        .args(SCENARIOS)
        .args(["--exact", "--test-threads", "2"])
        .env(VERSION_VARIABLE, other.number())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the tests can be started again");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}:\n{told}{}", other.number(), String::from_utf8_lossy(&output.stderr));
    // A scenario that was renamed would not be run.
    assert!(told.contains(&format!("{} passed", SCENARIOS.len())), "{told}");
}
