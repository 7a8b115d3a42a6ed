//! What happens, to the log and to CloudWatch's metrics.

use std::io::Write;

use dispatch::{outcome::Event, ports::Sink};
use jiff::Timestamp;

/// The sink of the functions: `tracing` and lines in the embedded metric format on standard output.
#[derive(Debug, Clone, Copy)]
pub struct LogAndMetrics;

impl Sink for LogAndMetrics {
    fn emit(&self, event: &Event<'_>) {
        event.log();
        if let Some(line) = event.metrics(Timestamp::now().as_millisecond()) {
            // One write for one line. A closed standard output is no reason to fail a run.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }
}
