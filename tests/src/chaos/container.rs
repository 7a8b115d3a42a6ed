//! What runs in a task: the conversation of `prefect flow-run execute` with the server about states, and nothing else, in a
//! process that costs next to nothing (`light_flow.py`, which some tasks run, costs ten times as much).
//!
//! It notes what it does, as `light_flow.py` does: a line of JSON when the flow begins and one when it ends.

use std::{fs::OpenOptions, io::Write, net::SocketAddr, path::Path, process::ExitCode, time::Duration};

use serde_json::{Value, json};

use super::patient::Patient;

/// Runs the flow of the environment's run as `behaviour` says, for `seconds`; what the process exits with.
///
/// # Panics
/// When the environment is not a container's, the notes cannot be written, or the server is not to be had.
pub async fn run(notes: &Path, behaviour: &str, seconds: f64) -> ExitCode {
    if behaviour == "never" {
        return ExitCode::from(1);
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (server, run) = (address(&variable("PREFECT_API_URL")), variable("PREFECT__FLOW_RUN_ID"));
    let server = Patient(server);
    loop {
        let verdict = server.propose(&run, "RUNNING", "Running").await;
        match verdict["status"].as_str() {
            Some("WAIT") => {
                let wait = verdict["details"]["delay_seconds"].as_f64().unwrap_or(1.0);
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            }
            Some("ACCEPT") => break,
            // The answer to an earlier try was lost.
            Some("REJECT") if verdict["state"]["type"] == "RUNNING" => break,
            _ => {
                println!("not run: {verdict}");
                return ExitCode::SUCCESS;
            }
        }
    }
    note(notes, &run, "begun");
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let (state_type, name, code) = match behaviour {
        "exits" => return ExitCode::from(3),
        "fails" => ("FAILED", "Failed", 1),
        _ => ("COMPLETED", "Completed", 0),
    };
    note(notes, &run, "ended");
    println!("{}", server.propose(&run, state_type, name).await);
    ExitCode::from(code)
}

/// Of `http://HOST:PORT/api`.
fn address(url: &str) -> SocketAddr {
    let address = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/api"));
    address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("{url} is no API on loopback"))
}

/// One write of less than a page to a file opened for appending: lines of several processes do not mix.
fn note(notes: &Path, run: &str, what: &str) {
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |at| at.as_secs_f64());
    let line: Value = json!({"run": run, "at": at, "note": what, "process": std::process::id()});
    let mut file = OpenOptions::new().append(true).create(true).open(notes).expect("the notes can be opened");
    file.write_all(format!("{line}\n").as_bytes()).expect("the notes can be written");
}
