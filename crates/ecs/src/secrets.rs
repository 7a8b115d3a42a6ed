//! The Prefect API key and auth string never travel as plain environment.
//!
//! The worker keeps a value it finds in `env` and only replaces it when a secret's ARN is set, in the one container it
//! manages. Whoever may describe tasks or definitions then reads it. Here a plain value without an ARN is refused
//! wherever it stands; with one, it becomes an entry of the container's `secrets` (prefect-aws 0.7.12, `ecs_worker.py`,
//! `_prepare_task_definition`). An ARN without a plain value is fine, where the worker fails with `KeyError`.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{
    PrepareError, Settings,
    configuration::Configuration,
    environment::{Environment, name_of},
    findings::Findings,
    value::is_empty,
};

/// Name, job variable, setting.
const SECRETS: [(&str, &str, &str); 2] = [
    ("PREFECT_API_KEY", "prefect_api_key_secret_arn", "api_key_secret_arn"),
    ("PREFECT_API_AUTH_STRING", "prefect_api_auth_string_secret_arn", "api_auth_string_secret_arn"),
];

/// The secrets of a run that come from an ARN: name and ARN.
pub(crate) struct Secrets<'a> {
    arns: Vec<(&'static str, &'a str)>,
    existing_definition: bool,
}

impl<'a> Secrets<'a> {
    /// Reads the ARNs; for an existing definition there can be none but in the settings, which then do not apply.
    pub(crate) fn read(
        configuration: &Configuration<'a>,
        settings: &'a Settings,
        existing: Option<&str>,
        findings: &mut Findings,
    ) -> Self {
        let chosen = [
            (configuration.api_key_secret_arn, settings.api_key_secret_arn.as_deref()),
            (configuration.api_auth_string_secret_arn, settings.api_auth_string_secret_arn.as_deref()),
        ];
        let mut arns = Vec::new();
        for ((name, variable, setting), (from_pool, from_settings)) in SECRETS.into_iter().zip(chosen) {
            let (source, arn) = match (from_pool, from_settings.filter(|arn| !arn.is_empty())) {
                (Some(arn), _) => (variable, arn),
                (None, Some(arn)) => (setting, arn),
                (None, None) => continue,
            };
            if let Some(definition) = existing {
                if from_pool.is_some() {
                    let definition = definition.to_owned();
                    findings.refuse(PrepareError::AddSecret { variable, name, definition });
                } else {
                    findings.notes.push(format!(
                        "{name} is not added to the existing task definition {definition}; its own `secrets` must bring \
                         it."
                    ));
                }
                continue;
            }
            if !is_secret_arn(arn) {
                findings.refuse(PrepareError::ReadSecretArn { variable: source });
            }
            arns.push((name, arn));
        }
        Self { arns, existing_definition: existing.is_some() }
    }

    /// Takes them out of the container's environment, and refuses a plain value for which there is no ARN.
    pub(crate) fn keep_out_of(&self, environment: &mut Environment<'_>, findings: &mut Findings) {
        for (name, ..) in SECRETS {
            if self.has(name) {
                environment.remove(name);
            }
        }
        let is_plain = |(_, value): &(&Cow<'_, str>, &Cow<'_, str>)| !value.is_empty();
        for name in environment.all.iter().filter(is_plain).filter_map(|(name, _)| secret(name)) {
            findings.refuse(self.refusal(name, "the job variable `env`".to_owned()));
        }
    }

    /// Looks through a list of environment entries. In that of the orchestration container, a plain value that an ARN
    /// replaces is dropped; anywhere else it is refused.
    pub(crate) fn keep_out_of_list(
        &self,
        list: &mut Vec<Value>,
        is_orchestration: bool,
        place: impl Fn() -> String,
        findings: &mut Findings,
    ) {
        if is_orchestration && !self.arns.is_empty() {
            list.retain(|entry| !name_of(entry).and_then(secret).is_some_and(|name| self.has(name)));
        }
        let plain = |entry: &&Value| entry.get("value").is_some_and(|value| !is_empty(value));
        for name in list.iter().filter(plain).filter_map(|entry| name_of(entry).and_then(secret)) {
            findings.refuse(self.refusal(name, place()));
        }
    }

    /// Adds them to the container's `secrets`; one of the same name is replaced.
    pub(crate) fn add_to(&self, container: &mut work_pool::Object) {
        if self.arns.is_empty() {
            return;
        }
        let secrets = container.entry("secrets").or_insert_with(|| Value::Array(Vec::new()));
        // Something else there is the shape check's to refuse.
        let Some(secrets) = secrets.as_array_mut() else { return };
        for (name, arn) in &self.arns {
            secrets.retain(|secret| name_of(secret) != Some(name));
            secrets.push(json!({"name": name, "valueFrom": arn}));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.arns.iter().any(|(secret, _)| *secret == name)
    }

    fn refusal(&self, name: &'static str, place: String) -> PrepareError {
        PrepareError::KeepSecret { name, place, existing_definition: self.existing_definition }
    }
}

/// The secret that an environment variable holds. Prefect reads its settings without regard to case.
fn secret(name: &str) -> Option<&'static str> {
    SECRETS.into_iter().map(|(secret, ..)| secret).find(|secret| secret.eq_ignore_ascii_case(name))
}

/// `arn:<partition>:secretsmanager:<region>:<account>:secret:<name>` or
/// `arn:<partition>:ssm:<region>:<account>:parameter/<name>` (AWS ECS API reference, Secret, `valueFrom`).
fn is_secret_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = parts[..] else { return false };
    let name = match service {
        "secretsmanager" => resource.strip_prefix("secret:"),
        "ssm" => resource.strip_prefix("parameter/"),
        _ => None,
    };
    let filled = [partition, region, account].iter().all(|part| !part.is_empty());
    filled && name.is_some_and(|name| !name.is_empty()) && arn.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_secrets() {
        for arn in [
            "arn:aws:secretsmanager:us-east-1:1:secret:x",
            "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/b-AbCdEf:key::",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/prefect/api-key",
        ] {
            assert!(is_secret_arn(arn), "{arn}");
        }
        for no_arn in [
            "",
            "pnu_0123456789",
            "arn:auth",
            "/prefect/api-key",
            "arn:aws:s3:::bucket",
            "arn:aws:ssm:eu-west-1:123456789012:document/x",
            "arn:aws:secretsmanager:us-east-1:1:secret:",
            "arn:aws:secretsmanager:us-east-1:1:secret:a b",
        ] {
            assert!(!is_secret_arn(no_arn), "{no_arn}");
        }
    }
}
