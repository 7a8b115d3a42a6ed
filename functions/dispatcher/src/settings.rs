//! Settings of the dispatcher, from environment variables. All mistakes are reported at once.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PUSHPOOL_RUN_QUEUE_URL` | URL of the run queue: where runs are handed back to | required |
//! | `PUSHPOOL_DLQ_URL` | URL of the dead-letter queue: copies of unreadable and crashed messages | required |
//! | `PUSHPOOL_POOLS` | pool documents: a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX` | required |
//! | `PUSHPOOL_EVENT_BUS` | name or ARN of an EventBridge bus for outcomes | none |
//! | `PUSHPOOL_RUN_TASK_RATE` | RunTask calls a second of one execution environment; 0 is no limit | 20 |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that capacity may be missing | 3600 |
//! | `PUSHPOOL_DEFAULT_IMAGE` | image when the pool names none | see `ecs` |
//! | `PUSHPOOL_SUBNETS`, `PUSHPOOL_SECURITY_GROUPS` | comma separated, when the pool names none | none |
//! | `PUSHPOOL_ASSIGN_PUBLIC_IP` | `true` or `false`, for these subnets | false |
//! | `PUSHPOOL_CONTAINER_PREFECT_API_URL` | Prefect API as containers reach it | none |
//! | `PUSHPOOL_API_KEY_SECRET_ARN`, `PUSHPOOL_API_AUTH_STRING_SECRET_ARN` | secrets containers authenticate with | none |
//! | `AWS_REGION` | set by Lambda | required |
//! | `AWS_LAMBDA_LOG_LEVEL` | set by Lambda from the function's logging configuration | info |

use std::time::Duration;

use aws::StandaloneSettings;
use dispatch::dispatcher::Policy;

/// Every mistake in the environment.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the dispatcher's settings are wrong: {}", .0.join("; "))]
pub(crate) struct BadSettings(pub(crate) Vec<String>);

/// Reads the settings through `variable`; an empty value counts as unset.
pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<StandaloneSettings, BadSettings> {
    let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let mut mistakes = Vec::new();
    let mut required = |name: &str, what: &str| {
        get(name).unwrap_or_else(|| {
            mistakes.push(format!("{name} is not set: {what}"));
            String::new()
        })
    };
    let run_queue_url = required("PUSHPOOL_RUN_QUEUE_URL", "the URL of the run queue");
    let dead_letter_queue_url = required("PUSHPOOL_DLQ_URL", "the URL of the dead-letter queue");
    let pools = required("PUSHPOOL_POOLS", "where the pool documents are");
    let region = required("AWS_REGION", "the region of the clusters");
    let mut number = |name: &str, default: f64| {
        let Some(text) = get(name) else { return default };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => value,
            _ => {
                mistakes.push(format!("{name} is not a number of at least 0"));
                default
            }
        }
    };
    let run_task_rate = number("PUSHPOOL_RUN_TASK_RATE", 20.0);
    let capacity_timeout = number("PUSHPOOL_CAPACITY_TIMEOUT", 3_600.0);
    let assign_public_ip = match get("PUSHPOOL_ASSIGN_PUBLIC_IP").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            mistakes.push("PUSHPOOL_ASSIGN_PUBLIC_IP is neither true nor false".to_owned());
            false
        }
    };
    if !mistakes.is_empty() {
        return Err(BadSettings(mistakes));
    }
    let list = |name: &str| -> Vec<String> {
        let listed = get(name).unwrap_or_default();
        listed.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
    };
    Ok(StandaloneSettings {
        run_queue_url,
        dead_letter_queue_url,
        pools,
        event_bus: get("PUSHPOOL_EVENT_BUS"),
        run_task_rate,
        policy: Policy {
            requests: ecs::Settings {
                region,
                prefect_api_url: get("PUSHPOOL_CONTAINER_PREFECT_API_URL"),
                default_image: get("PUSHPOOL_DEFAULT_IMAGE"),
                subnets: list("PUSHPOOL_SUBNETS"),
                security_groups: list("PUSHPOOL_SECURITY_GROUPS"),
                assign_public_ip,
                api_key_secret_arn: get("PUSHPOOL_API_KEY_SECRET_ARN"),
                api_auth_string_secret_arn: get("PUSHPOOL_API_AUTH_STRING_SECRET_ARN"),
                reschedule_on_spot: false,
            },
            capacity_timeout: Duration::try_from_secs_f64(capacity_timeout).unwrap_or(Duration::MAX),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<StandaloneSettings, BadSettings> {
        read(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    const REQUIRED: [(&str, &str); 4] = [
        ("PUSHPOOL_RUN_QUEUE_URL", "https://queue/run"),
        ("PUSHPOOL_DLQ_URL", "https://queue/dlq"),
        ("PUSHPOOL_POOLS", "ssm:/pools"),
        ("AWS_REGION", "eu-west-1"),
    ];

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let bad = read_pairs(&[
            ("PUSHPOOL_RUN_TASK_RATE", "fast"),
            ("PUSHPOOL_ASSIGN_PUBLIC_IP", "yes"),
            ("PUSHPOOL_POOLS", " "),
            ("AWS_REGION", "eu-west-1"),
        ])
        .unwrap_err();
        assert_eq!(bad.0.len(), 5, "{bad}");
        for name in ["RUN_QUEUE_URL", "DLQ_URL", "POOLS", "RUN_TASK_RATE", "ASSIGN_PUBLIC_IP"] {
            assert!(bad.to_string().contains(name), "{name} in: {bad}");
        }
    }

    #[test]
    fn defaults_and_lists() {
        let settings = read_pairs(&REQUIRED).unwrap();
        assert!((settings.run_task_rate - 20.0).abs() < f64::EPSILON);
        assert_eq!(settings.policy.capacity_timeout, Duration::from_secs(3_600));
        assert!(settings.policy.requests.subnets.is_empty());
        let mut pairs = REQUIRED.to_vec();
        pairs.push(("PUSHPOOL_SUBNETS", "subnet-a, subnet-b,"));
        assert_eq!(read_pairs(&pairs).unwrap().policy.requests.subnets, ["subnet-a", "subnet-b"]);
    }
}
