//! Arguments that several commands take.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// How the result is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// What the account decides about requests; the dispatcher reads the same from the same variables.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the account decides")]
pub(crate) struct RequestArgs {
    /// Region of the cluster
    #[arg(long, env = "AWS_REGION", hide_env_values = true, default_value = "us-east-1")]
    region: String,

    /// Image when the pool names none
    #[arg(long, env = "PUSHPOOL_DEFAULT_IMAGE", hide_env_values = true, value_name = "IMAGE")]
    default_image: Option<String>,

    /// Subnets when the pool names none, comma separated
    #[arg(long, env = "PUSHPOOL_SUBNETS", hide_env_values = true, value_name = "IDS", value_delimiter = ',')]
    subnets: Vec<String>,

    /// Security groups when the pool names none, comma separated
    #[arg(long, env = "PUSHPOOL_SECURITY_GROUPS", hide_env_values = true, value_name = "IDS", value_delimiter = ',')]
    security_groups: Vec<String>,

    /// Whether tasks in these subnets get a public address
    #[arg(
        long,
        env = "PUSHPOOL_ASSIGN_PUBLIC_IP",
        hide_env_values = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = truth
    )]
    assign_public_ip: bool,

    /// Prefect API as containers reach it
    #[arg(long, env = "PUSHPOOL_CONTAINER_PREFECT_API_URL", hide_env_values = true, value_name = "URL")]
    prefect_api_url: Option<String>,

    /// ARN of the secret with the Prefect API key, when the pool names none
    #[arg(long, env = "PUSHPOOL_API_KEY_SECRET_ARN", hide_env_values = true, value_name = "ARN")]
    api_key_secret_arn: Option<String>,

    /// ARN of the secret with the Prefect auth string, when the pool names none
    #[arg(long, env = "PUSHPOOL_API_AUTH_STRING_SECRET_ARN", hide_env_values = true, value_name = "ARN")]
    api_auth_string_secret_arn: Option<String>,
}

impl RequestArgs {
    /// The settings as `ecs` takes them. An empty value counts as unset, as it does for the functions.
    pub(crate) fn settings(&self) -> ecs::Settings {
        let one = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let list = |values: &[String]| {
            values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
        };
        ecs::Settings {
            region: one(&Some(self.region.clone())).unwrap_or_else(|| "us-east-1".to_owned()),
            prefect_api_url: one(&self.prefect_api_url),
            default_image: one(&self.default_image),
            subnets: list(&self.subnets),
            security_groups: list(&self.security_groups),
            assign_public_ip: self.assign_public_ip,
            api_key_secret_arn: one(&self.api_key_secret_arn),
            api_auth_string_secret_arn: one(&self.api_auth_string_secret_arn),
            reschedule_on_spot: false,
            roles_of_pool_only: false,
        }
    }
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a possible number of seconds".to_owned())
}

/// Seconds between two requests to a server that has other things to do: at least one.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    let pause = seconds(text)?;
    if pause < Duration::from_secs(1) { Err("less than a second".to_owned()) } else { Ok(pause) }
}

/// Empty is unset, and unset is false.
fn truth(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_possible_number_of_seconds() {
        for wrong in ["soon", "-1", "inf"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
