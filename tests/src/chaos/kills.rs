//! SIGKILL to processes of functions, mostly in the middle of their work.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{plan::Kill, stage::Stage};

/// How long to wait for a function to have something to do.
const LULL: Duration = Duration::from_secs(6);

/// Time on a processor within [`LOOK`] that is work: an idle process has none.
const WORK: u64 = 300_000;

/// How often processes are looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Kills one process of the function; whether there was one to kill, and whether it was at work.
pub(super) async fn kill(stage: &Stage, function: &str, kill: Kill) -> Option<bool> {
    let mut processes = stage.served.processes(function);
    if let Some(later) = kill.into_work
        && let Some(process) = at_work(stage, function).await
    {
        tokio::time::sleep(later).await;
        if end(process) {
            return Some(true);
        }
        // It has gone by itself meanwhile: any other will do.
        processes = stage.served.processes(function);
    }
    let process = *processes.first()?;
    end(process).then_some(false)
}

/// Waits for a process of the function that uses the processor.
async fn at_work(stage: &Stage, function: &str) -> Option<u32> {
    let started = Instant::now();
    while started.elapsed() < LULL {
        let processes = stage.served.processes(function);
        let mut used: BTreeMap<u32, u64> = processes.iter().filter_map(|id| Some((*id, used(*id)?))).collect();
        for _ in 0..100 {
            tokio::time::sleep(LOOK).await;
            for (process, before) in &mut used {
                let now = self::used(*process).unwrap_or(*before);
                if now.saturating_sub(std::mem::replace(before, now)) > WORK {
                    return Some(*process);
                }
            }
        }
    }
    None
}

/// Nanoseconds that the process has been on a processor. A function has one thread.
fn used(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn end(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    process.is_some_and(|process| kill_process(process, Signal::KILL).is_ok())
}
