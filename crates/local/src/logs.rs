//! CloudWatch Logs, as far as tasks write to it: GetLogEvents reads the output files of the local ECS.
//!
//! A stream is there if a container of a task that ECS still knows logs to it by `awslogs`: group, prefix, container and
//! task id are those of the stream (`prefix/container/task id`; ECS developer guide, "Send Amazon ECS logs to
//! CloudWatch"). Not modelled: time ranges, tokens (one answer has the last lines, as `startFromHead: false` gives
//! them), the time of each line, and everything else of the service.

use serde_json::{Value, json};

use crate::ecs::Ecs;
use crate::wire::{AwsError, Service};

/// "The default is as many log events as can fit in a response size of 1 MB (up to 10,000 log events)" (GetLogEvents).
const LINES: usize = 10_000;

pub(crate) fn call(ecs: &Ecs, operation: &str, input: &Value) -> Result<Value, AwsError> {
    if operation != "GetLogEvents" {
        return Err(AwsError::unknown_operation(Service::Logs, operation));
    }
    let missing =
        |what: &str| AwsError::new("ResourceNotFoundException", format!("The specified {what} does not exist."));
    let stream = input["logStreamName"].as_str().unwrap_or_default();
    let mut parts = stream.rsplitn(3, '/');
    let (Some(task), Some(container), Some(prefix)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(missing("log stream"));
    };
    let (group, own_prefix, file) = ecs.log_place(task, container).ok_or_else(|| missing("log stream"))?;
    if input["logGroupName"] != group.as_str() {
        return Err(missing("log group"));
    }
    if prefix != own_prefix {
        return Err(missing("log stream"));
    }
    // A container that wrote nothing yet has no file.
    let output = std::fs::read(file).unwrap_or_default();
    let output = String::from_utf8_lossy(&output);
    let lines: Vec<&str> = output.lines().collect();
    let limit = input["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LINES).min(LINES);
    let events: Vec<Value> = lines[lines.len().saturating_sub(limit)..]
        .iter()
        .map(|line| json!({"timestamp": 0, "ingestionTime": 0, "message": line}))
        .collect();
    Ok(json!({"events": events, "nextForwardToken": "f/0", "nextBackwardToken": "b/0"}))
}
