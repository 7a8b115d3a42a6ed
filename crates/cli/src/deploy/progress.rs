//! A bar while deployments are written, where standard error is a terminal.

use std::io::{self, IsTerminal};

use deploy::{Outcome, Writing};
use indicatif::{ProgressBar, ProgressStyle};
use manage::Server;
use prefect_api::http::HttpTransport;

/// Writes the plan.
pub(super) async fn write(server: &Server<HttpTransport>, writing: &Writing, at_once: usize) -> Vec<Outcome> {
    let count = writing.planned.plan.changes.len();
    let bar = if count > 1 && io::stderr().is_terminal() {
        ProgressBar::new(count as u64).with_style(style())
    } else {
        ProgressBar::hidden()
    };
    let told = |outcome: &Outcome| {
        bar.inc(1);
        bar.set_message(outcome.object.clone());
    };
    let outcomes = writing.write(&server.client, at_once, &told).await;
    bar.finish_and_clear();
    outcomes
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}
