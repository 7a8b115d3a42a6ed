//! The commands and links that lead to log streams. Names come from job variables, so commands are quoted for a shell.

use std::fmt::Write;

use ecs::task::Task;
use jiff::Timestamp;

use super::facts::{Facts, TaskFacts};
use crate::account::ContainerLog;

/// A log stream.
#[derive(Debug)]
pub struct Place {
    /// The log group.
    pub group: String,
    /// Name of the stream.
    pub stream: String,
    /// Region of the group, if it is known.
    pub region: Option<String>,
    /// The stream in the CloudWatch console; empty without a region.
    pub link: String,
}

/// Where a container of a task logs to; none if CloudWatch Logs does not get its output.
#[must_use]
pub fn place(it: &TaskFacts, log: &ContainerLog) -> Option<Place> {
    let (group, stream) = (log.place.as_ref()?.group.clone(), log.stream(it.id())?);
    let region = log.place.as_ref()?.region.clone().or_else(|| it.region().map(str::to_owned));
    let link = region.as_deref().map(|region| link(region, &group, &stream)).unwrap_or_default();
    Some(Place { group, stream, region, link })
}

/// The stream in the CloudWatch console, which has names percent-encoded twice with `$` for `%`.
fn link(region: &str, group: &str, stream: &str) -> String {
    let encode = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        name.bytes().fold(String::new(), |mut text, byte| {
            if plain(byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "$25{byte:02X}");
            }
            text
        })
    };
    let host = match region {
        region if region.starts_with("cn-") => "console.amazonaws.cn",
        region if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    let (group, stream) = (encode(group), encode(stream));
    format!(
        "https://{region}.{host}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/log-events/{stream}"
    )
}

/// From when on the logs of a task are of interest: `aws logs tail` shows ten minutes unless it is given a time.
#[must_use]
pub fn since(facts: &Facts, it: &TaskFacts) -> Option<Timestamp> {
    let created = it.task.as_ref().and_then(Task::created_at).and_then(|at| Timestamp::from_second(at).ok());
    created.or_else(|| began(facts))
}

fn began(facts: &Facts) -> Option<Timestamp> {
    facts.claims.first().map(|claim| claim.at).or_else(|| facts.run.due())
}

/// A time as people and commands read it: without fractions of seconds.
#[must_use]
pub fn to_seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// The command that reads a stream.
#[must_use]
pub fn tail(place: &Place, since: Option<Timestamp>) -> String {
    let region = place.region.as_deref().map(|region| format!(" --region {}", quoted(region))).unwrap_or_default();
    let since = since.map(|at| format!(" --since {}", to_seconds(at))).unwrap_or_default();
    format!("aws logs tail {} --log-stream-names {}{since}{region}", quoted(&place.group), quoted(&place.stream))
}

/// The commands that read what the functions wrote about the run.
#[must_use]
pub fn of_functions(facts: &Facts) -> Vec<String> {
    let since = began(facts).map(|at| format!(" --since {}", to_seconds(at))).unwrap_or_default();
    let region = facts.region.as_deref().map(|region| format!(" --region {}", quoted(region))).unwrap_or_default();
    let command = |group: &String| {
        let pattern = format!("{{ $.flow_run_id = \"{}\" }}", facts.run.id);
        format!("aws logs tail {} --filter-pattern {}{since}{region}", quoted(group), quoted(&pattern))
    };
    facts.functions.iter().map(command).collect()
}

/// As a shell takes it for one word: names come from job variables.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_that_a_shell_reads_as_it_was_meant() {
        let place = |group: &str| Place {
            group: group.to_owned(),
            stream: "etl/prefect/0123".to_owned(),
            region: Some("eu-west-1".to_owned()),
            link: String::new(),
        };
        let at = "2026-01-05T03:00:00.5Z".parse().ok();
        assert_eq!(
            tail(&place("/ecs/flows"), at),
            "aws logs tail /ecs/flows --log-stream-names etl/prefect/0123 --since 2026-01-05T03:00:00Z --region eu-west-1"
        );
        assert!(tail(&place("a; b'c"), None).starts_with("aws logs tail 'a; b'\\''c' --log"));
    }

    #[test]
    fn the_console_has_names_encoded_twice() {
        let link = link("us-gov-west-1", "/ecs/a", "p/c/1");
        assert!(link.starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/cloudwatch/home"), "{link}");
        assert!(link.ends_with("log-group/$252Fecs$252Fa/log-events/p$252Fc$252F1"), "{link}");
    }
}
