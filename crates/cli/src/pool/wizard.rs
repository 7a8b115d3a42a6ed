//! The questions of `pushpool pool create`, when nothing is given and a terminal is there to ask on.
//!
//! Answers are assignments like those of --set, so that the wizard can do nothing that the command line cannot, and the
//! same checks hold.

use dialoguer::{Confirm, Input, theme::ColorfulTheme};
use manage::{
    plan::Plan,
    pool::{
        assign::{self, Assignment},
        template,
    },
};
use serde_json::Value;

use crate::{
    error::CliError,
    output::{DIM, HEAD, paint, say, width_of_errors},
    plan,
};

/// What the user wants.
pub(super) struct Asked {
    /// Defaults of the template.
    pub(super) set: Vec<Assignment>,
    /// Most runs at once.
    pub(super) limit: Option<u32>,
}

/// Asks for the defaults most pools need, and for a limit unless there is one.
///
/// # Errors
/// The user left.
pub(super) fn ask(name: &str, pool_type: &str, document: &Value, limit: Option<u32>) -> Result<Asked, CliError> {
    say(paint(HEAD, format_args!("A work pool \"{name}\" of type {pool_type}.")));
    say(paint(
        DIM,
        "Empty answers leave a thing open. Everything can be changed later with `pushpool pool set-variable`.",
    ));
    let mut answers = Answers(Vec::new());
    answers.text("ECS cluster", "cluster", "default", |_| Ok(()))?;
    answers.text("Subnets, with commas between (empty: those of the dispatcher)", "subnets", "", ids("subnet-"))?;
    if answers.has("subnets") {
        answers.text("Security groups, with commas between", "security_groups", "", ids("sg-"))?;
        answers.truth("Give tasks a public address (needed in subnets without NAT)?", "assign_public_ip", false)?;
    }
    answers.text("Image (empty: that of the dispatcher, or Prefect's)", "image", "", |_| Ok(()))?;
    answers.text("CPU units (1024 is one vCPU)", "cpu", "1024", fits(name, document, Vec::new(), "cpu"))?;
    let cpu = answers.0.iter().filter(|answer| answer.name == "cpu").cloned().collect();
    answers.text("Memory in MiB", "memory", "2048", fits(name, document, cpu, "memory"))?;
    answers.text("Task role ARN: what the flow may do", "task_role_arn", "", template::check_role)?;
    answers.text(
        "Execution role ARN: pulls images, reads secrets, writes logs",
        "execution_role_arn",
        "",
        template::check_role,
    )?;
    if answers.has("execution_role_arn") {
        answers.truth("Send the output of tasks to CloudWatch Logs?", "configure_cloudwatch_logs", true)?;
        answers.text(
            "ARN of the secret with the Prefect API key (empty: that of the dispatcher, or none)",
            "prefect_api_key_secret_arn",
            "",
            secret,
        )?;
        answers.text(
            "ARN of the secret with the Prefect auth string (empty: that of the dispatcher, or none)",
            "prefect_api_auth_string_secret_arn",
            "",
            secret,
        )?;
    }
    answers.environment()?;
    let limit = match limit {
        Some(limit) => Some(limit),
        None => ask_limit()?,
    };
    Ok(Asked { set: answers.0, limit })
}

fn ask_limit() -> Result<Option<u32>, CliError> {
    let theme = ColorfulTheme::default();
    let input =
        Input::<String>::with_theme(&theme).with_prompt("Most runs at once (empty: no limit)").allow_empty(true);
    let answer = input.validate_with(|text: &String| limit_of(text).map(drop)).interact_text().map_err(left)?;
    Ok(limit_of(&answer).unwrap_or_default())
}

fn limit_of(text: &str) -> Result<Option<u32>, String> {
    match text.trim() {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_| "not a number of runs".to_owned()),
    }
}

/// `NAME=VALUE` with commas between; the values have none.
fn variables(text: &str) -> Result<Vec<Assignment>, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Assignment { name: format!("env.{}", name.trim()), text: value.trim().to_owned() })
            }
            _ => Err(format!("{pair:?} is not NAME=VALUE")),
        })
        .collect()
}

/// The ARN of a secret, for a question that may be left empty.
fn secret(text: &str) -> Result<(), String> {
    let is_secret = text.starts_with("arn:") && (text.contains(":secret:") || text.contains(":parameter/"));
    match is_secret {
        true => Ok(()),
        false => Err("not the ARN of a secret or a parameter".to_owned()),
    }
}

/// Shows the plan, and asks whether to carry it out.
///
/// # Errors
/// The user said no.
pub(super) fn confirm<S>(name: &str, plan: &Plan<S>, exists: bool) -> Result<(), CliError> {
    const INDENT: &str = "  ";
    say("");
    let width = width_of_errors().map(|width| width.saturating_sub(INDENT.len()));
    plan::lines(plan, width).iter().for_each(|line| say(format_args!("{INDENT}{line}")));
    let question = match exists {
        true => format!("Replace the template of \"{name}\"?"),
        false => format!("Create work pool \"{name}\"?"),
    };
    plan::confirm(&question, true)
}

struct Answers(Vec<Assignment>);

impl Answers {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|answer| answer.name == name)
    }

    fn text(
        &mut self,
        question: &str,
        name: &str,
        default: &str,
        valid: impl Fn(&str) -> Result<(), String>,
    ) -> Result<(), CliError> {
        let theme = ColorfulTheme::default();
        let mut input = Input::<String>::with_theme(&theme).with_prompt(question).allow_empty(true);
        if !default.is_empty() {
            input = input.default(default.to_owned());
        }
        let check = |text: &String| if text.trim().is_empty() { Ok(()) } else { valid(text.trim()) };
        let answer = input.validate_with(check).interact_text().map_err(left)?;
        if !answer.trim().is_empty() {
            self.0.push(Assignment { name: name.to_owned(), text: answer.trim().to_owned() });
        }
        Ok(())
    }

    fn environment(&mut self) -> Result<(), CliError> {
        let theme = ColorfulTheme::default();
        let prompt = "Environment of the flows: NAME=VALUE, with commas between (no secrets; empty: none)";
        let input = Input::<String>::with_theme(&theme).with_prompt(prompt).allow_empty(true);
        let answer = input.validate_with(|text: &String| variables(text).map(drop)).interact_text().map_err(left)?;
        self.0.extend(variables(&answer).unwrap_or_default());
        Ok(())
    }

    fn truth(&mut self, question: &str, name: &str, default: bool) -> Result<(), CliError> {
        let theme = ColorfulTheme::default();
        let answer = Confirm::with_theme(&theme).with_prompt(question).default(default).interact().map_err(left)?;
        self.0.push(Assignment { name: name.to_owned(), text: answer.to_string() });
        Ok(())
    }
}

/// Whatever ends a question without an answer: Ctrl-C, a terminal that has gone.
fn left(_: dialoguer::Error) -> CliError {
    CliError::Declined
}

/// Ids of AWS with commas between them.
fn ids(start: &'static str) -> impl Fn(&str) -> Result<(), String> {
    move |text| match text.split(',').map(str::trim).find(|id| !id.starts_with(start) || id.len() == start.len()) {
        Some(wrong) => Err(format!("{wrong:?} does not begin with {start}")),
        None => Ok(()),
    }
}

/// Whether the template can be launched with the answer: Fargate has few pairs of CPU and memory.
fn fits<'a>(
    pool: &'a str,
    document: &'a Value,
    given: Vec<Assignment>,
    name: &'static str,
) -> impl Fn(&str) -> Result<(), String> + 'a {
    move |text| {
        let mut document = document.clone();
        let mut set = given.clone();
        set.push(Assignment { name: name.to_owned(), text: text.to_owned() });
        assign::apply(&mut document, &set, &[]).map_err(|error| error.to_string())?;
        let findings = template::check(&document, pool).map_err(|error| error.to_string())?;
        findings.refusals.first().map_or(Ok(()), |refusal| Err(refusal.detail.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked_as_they_are_given() {
        assert!(ids("subnet-")("subnet-a, subnet-b").is_ok());
        for wrong in ["sg-1", "subnet-", "subnet-a,", "subnet-a, x"] {
            assert!(ids("subnet-")(wrong).is_err(), "{wrong}");
        }
        assert!(template::check_role("arn:aws:iam::123456789012:role/x").is_ok());
        assert!(template::check_role("x").is_err());
        assert!(secret("arn:aws:ssm:us-east-1:1:parameter/key").is_ok());
        assert!(secret("pnu_0123456789").is_err());
        assert_eq!((limit_of(" 3 "), limit_of("")), (Ok(Some(3)), Ok(None)));
        assert!(limit_of("many").is_err());
    }

    #[test]
    fn the_environment_is_pairs_with_commas_between() {
        let pairs = variables("STAGE=prod, QUERY=a=b,").unwrap();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|it| (it.name.as_str(), it.text.as_str())).collect();
        assert_eq!(pairs, [("env.STAGE", "prod"), ("env.QUERY", "a=b")]);
        assert!(variables("STAGE").is_err() && variables("=x").is_err());
        assert_eq!(variables(""), Ok(Vec::new()));
    }

    #[test]
    fn sizes_are_those_of_fargate() {
        let document = template::built_in();
        let cpu = vec![Assignment { name: "cpu".into(), text: "1024".into() }];
        assert!(fits("p", &document, Vec::new(), "cpu")("1024").is_ok());
        assert!(fits("p", &document, Vec::new(), "cpu")("1000").is_err());
        assert!(fits("p", &document, cpu.clone(), "memory")("2048").is_ok());
        assert!(fits("p", &document, cpu.clone(), "memory")("512").unwrap_err().contains("2048"));
        assert!(fits("p", &document, cpu, "memory")("lots").is_err());
    }
}
