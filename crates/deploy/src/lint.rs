//! What can be said about a deployment file without a server, a flow or an environment: for editors and tests.

use std::collections::BTreeMap;

use diagnosis::{PP0706, PP0707};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    actions::Actions,
    draft::Draft,
    file::File,
    judge::limit,
    problem::{Findings, Problem},
    trigger,
};

/// Checks the text of a file, which messages call `name`. Values with placeholders are not judged.
#[must_use]
pub fn lint(name: &str, text: &str) -> Findings {
    let mut findings = Findings::default();
    let file = match File::parse(name.to_owned(), text) {
        Ok(file) => file,
        Err(problem) => {
            findings.problem(problem);
            return findings;
        }
    };
    let nodes = file.deployments(&mut findings);
    for (index, node) in nodes.iter().enumerate() {
        let mut draft = Draft::read(&file, node, index + 1, &mut findings);
        let actions = Actions::of(&mut draft, Some(&file));
        actions.check(&draft, &[], &BTreeMap::new(), &mut findings);
        one(&draft, &mut findings);
    }
    findings
}

fn one(draft: &Draft, findings: &mut Findings) {
    let is_filled = |key: &str| draft.values.get(key).is_none_or(|value| !value.to_string().contains("{{"));
    if is_filled("schedules")
        && is_filled("schedule")
        && let Err(errors) = schedules::parse_all(&draft.values, Timestamp::UNIX_EPOCH)
    {
        for error in errors {
            findings.problem(draft.problem(PP0706, &error.pointer, error.error.to_string()));
        }
    }
    if let (true, Some(Value::Array(triggers))) = (is_filled("triggers"), draft.values.get("triggers"))
        && let Err(problems) = trigger::read(triggers, &draft.label, true)
    {
        for (pointer, problem) in problems {
            let Problem { text, help, .. } = problem;
            findings.problem(draft.problem(PP0707, &pointer, text).help(help));
        }
    }
    if let Err(problem) = limit(draft) {
        findings.problem(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let findings = lint("prefect.yaml", text);
        let line = |kind: &str, it: &Problem| format!("{kind} {it}\n      {}\n", it.help);
        let problems = findings.problems.iter().map(|it| line("error", it));
        problems.chain(findings.warnings.iter().map(|it| line("warning", it))).collect()
    }

    #[test]
    fn a_file_that_cannot_be_read_says_where_and_what_to_write() {
        let broken = [
            "name: a\ndeployments:\n- name: one\n\tentrypoint: a.py:f\n",
            "deployments:\n- name: one\n  entrypoint: \"a.py:f\n  tags: []\n",
            "deployments:\n- name: one\n  tags: {{ $TAGS }}\n",
            "deployments:\n- name: one\n  work_pool: *nowhere\n",
            "deployments:\n- name: one\n<<<<<<< HEAD\n  entrypoint: a.py:f\n=======\n",
            "- name: one\n",
            "",
            "name: a\n---\nname: b\n",
        ];
        insta::assert_snapshot!(broken.map(told).join("\n"));
    }

    #[test]
    fn every_fault_of_a_file_is_told_at_once() {
        insta::assert_snapshot!(told(
            "deployment_count: 3\n\
             build:\n\
             - prefect.deployments.steps.run_shel_script: {script: x}\n\
             deployments:\n\
             - name: 2026\n  entrypont: a.py:f\n  tags: {a: 1}\n  paused: maybe\n\
             \x20 schedules:\n  - cron: 61 4 * * *\n  - interval: 0\n  - cron: '0 6 * * *'\n    tz: UTC\n\
             - name: two\n  concurrency_limit: {limit: 0}\n  triggers:\n  - expect: order.paid\n\
             \x20 pull:\n  - git_clone: {repository: x}\n  work_pool: etl\n\
             - just text\n"
        ));
    }
}
