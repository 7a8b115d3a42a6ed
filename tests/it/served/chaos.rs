//! Everything fails at once, for some twenty seconds. For longer: `cargo run -p pushpool-tests --bin chaos`.

use std::time::Duration;

use pushpool_tests::chaos::{self, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_run_has_one_task_and_one_end_while_processes_are_killed_and_servers_come_and_go() {
    let options = Options {
        runs: 20,
        kills: 12,
        seed: 1,
        length: Duration::from_secs(20),
        database: None,
        container: env!("CARGO_BIN_EXE_chaos").into(),
    };
    let report = chaos::run(&options).await;
    eprintln!("{report}");
    assert!(report.killed() >= 6, "hardly any process was killed");
    assert!(report.violations.is_empty(), "{report}");
}
