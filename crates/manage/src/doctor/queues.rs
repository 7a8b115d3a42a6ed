//! The queues: there, with a dead-letter queue each, and a visibility that goes with the function's time.

use std::time::Duration;

use installation::{FEWEST_RECEIVES, Queue, timing};

use super::{
    finding::{Findings, Status},
    functions::Functions,
};
use crate::account::{Installation, QueueFacts};

pub(super) async fn check(installation: &Installation, prefix: &str, functions: &Functions, findings: &mut Findings) {
    for name in Queue::ALL.into_iter().filter(|queue| queue.is_in(functions.mode())) {
        let check = format!("queue {name}");
        let queue = match installation.queue(&name.full_name(prefix)).await {
            Ok(Some(queue)) => queue,
            Ok(None) => {
                let todo = "Apply the module, or give --prefix and --region as the installation has them.";
                findings.add(Status::Failed, &check, format!("there is no {prefix}-{name}"), todo);
                continue;
            }
            Err(trouble) => {
                findings.not_checked(&check, &trouble);
                continue;
            }
        };
        let (status, what, todo) = as_set(&queue, functions.all.get(name.consumer().name()).map(|it| it.timeout));
        findings.add(status, &check, what, todo);
        if let Some((arn, _)) = &queue.redrive {
            dead_letters(installation, name, arn, findings).await;
        }
    }
}

/// Whether a queue is as the module sets it; `timeout` is that of its function, if it is known.
fn as_set(queue: &QueueFacts, timeout: Option<u64>) -> (Status, String, &'static str) {
    let QueueFacts { visibility, messages, redrive, .. } = queue;
    let receives = redrive.as_ref().map(|(_, receives)| *receives);
    match (receives, timeout) {
        (None, _) => (
            Status::Failed,
            "it has no dead-letter queue: what cannot be handled comes again and again".to_owned(),
            "Apply the module.",
        ),
        (Some(receives), _) if receives < u64::from(FEWEST_RECEIVES) => (
            Status::Warning,
            format!("messages are given up after {receives} deliveries"),
            "At least 5: apply the module.",
        ),
        (_, Some(timeout))
            if *visibility < timing::visibility(Duration::from_secs(timeout), Duration::ZERO).as_secs() =>
        {
            let what = format!(
                "visibility is {visibility} s, less than 6 times the function's {timeout} s: messages come again while they are handled"
            );
            (Status::Failed, what, "Apply the module.")
        }
        (Some(receives), timeout) => {
            let against = if timeout.is_some() { "" } else { " (not held against its function's timeout)" };
            (Status::Ok, format!("{messages} messages, visibility {visibility} s{against}, {receives} deliveries"), "")
        }
    }
}

async fn dead_letters(installation: &Installation, name: Queue, arn: &str, findings: &mut Findings) {
    let check = format!("dead letters of {name}");
    match installation.queue(arn.rsplit(':').next().unwrap_or(arn)).await {
        Ok(Some(queue)) if queue.messages == 0 => findings.ok(&check, "none"),
        Ok(Some(QueueFacts { messages, .. })) => {
            let what = if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") };
            findings.add(Status::Warning, &check, what, "`pushpool redrive` shows them.");
        }
        Ok(None) => {
            let todo = "Messages that cannot be handled stay in the queue until they are too old: apply the module.";
            findings.add(Status::Failed, &check, format!("there is no queue {arn}"), todo);
        }
        Err(trouble) => findings.not_checked(&check, &trouble),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_held_against_what_the_module_promises() {
        let queue = |visibility: u64, receives: Option<u64>| QueueFacts {
            url: String::new(),
            arn: String::new(),
            visibility,
            redrive: receives.map(|receives| ("arn".to_owned(), receives)),
            messages: 0,
        };
        assert_eq!(as_set(&queue(180, Some(5)), Some(30)).0, Status::Ok);
        assert_eq!(as_set(&queue(179, Some(5)), Some(30)).0, Status::Failed);
        assert_eq!(as_set(&queue(180, Some(3)), Some(30)).0, Status::Warning);
        assert_eq!(as_set(&queue(180, None), Some(30)).0, Status::Failed);
        assert!(as_set(&queue(10, Some(5)), None).1.contains("not held against"));
    }
}
