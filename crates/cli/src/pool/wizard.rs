//! The questions of `pushpool pool create`, when nothing is given and a terminal is there to ask on.
//!
//! Answers are assignments like those of --set, so that the wizard can do nothing that the command line cannot, and the
//! same checks hold.

use dialoguer::{Confirm, Input, theme::ColorfulTheme};
use serde_json::Value;

use super::{
    assign::{self, Assignment},
    template,
};
use crate::{
    error::CliError,
    grid::{self, Cell},
    output::{DIM, HEAD, paint, say, width_of_errors},
};

/// Asks for the defaults most pools need.
///
/// # Errors
/// The user left.
pub(super) fn ask(name: &str, document: &Value) -> Result<Vec<Assignment>, CliError> {
    say(paint(HEAD, format_args!("A work pool \"{name}\" of type {}.", super::PUSH)));
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
    answers.text("Task role ARN: what the flow may do", "task_role_arn", "", role)?;
    answers.text("Execution role ARN: pulls images, reads secrets, writes logs", "execution_role_arn", "", role)?;
    if answers.has("execution_role_arn") {
        answers.truth("Send the output of tasks to CloudWatch Logs?", "configure_cloudwatch_logs", true)?;
    }
    Ok(answers.0)
}

/// Shows what will be made, and asks whether it shall.
///
/// # Errors
/// It shall not.
pub(super) fn confirm(name: &str, document: &Value, exists: bool) -> Result<(), CliError> {
    let defaults = assign::defaults(document);
    let rows: Vec<Vec<Cell>> = defaults
        .iter()
        .map(|(variable, value)| vec![Cell::new(format!("  {variable}")), Cell::new(shown(value))])
        .collect();
    say("");
    grid::lines(&rows, width_of_errors()).iter().for_each(say);
    let question = match exists {
        true => format!("Replace the template of \"{name}\"?"),
        false => format!("Make work pool \"{name}\"?"),
    };
    let yes = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(true).interact();
    match yes {
        Ok(true) => Ok(()),
        _ => Err(CliError::Declined),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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

fn role(text: &str) -> Result<(), String> {
    match text.starts_with("arn:") && text.contains(":role/") {
        true => Ok(()),
        false => Err("not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
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
        findings.warnings.first().map_or(Ok(()), |warning| Err(warning.detail.clone()))
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
        assert!(role("arn:aws:iam::123456789012:role/x").is_ok());
        assert!(role("x").is_err());
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
