//! `prefect.yaml` as a file: read as a whole, or refused as a whole.

use std::{fs, io, path::Path};

use diagnosis::{PP0701, PP0702};
use work_pool::near;
use yaml::{Content, Node};

use crate::problem::{Findings, Origin, Problem};

/// Keys at the top of the file (prefect 3.9.1, `cli/deploy/_models`).
const TOP: [&str; 8] =
    ["name", "prefect-version", "build", "push", "pull", "definitions", "deployments", "required_inputs"];

/// Keys of an entry of `deployments`, and those of former versions that Prefect ignores.
const DEPLOYMENT: [&str; 21] = [
    "name",
    "version",
    "version_type",
    "tags",
    "description",
    "schedule",
    "schedules",
    "paused",
    "concurrency_limit",
    "flow_name",
    "entrypoint",
    "parameters",
    "enforce_parameter_schema",
    "build",
    "push",
    "pull",
    "work_pool",
    "triggers",
    "sla",
    "is_schedule_active",
    "parameter_openapi_schema",
];

const WORK_POOL: [&str; 3] = ["name", "work_queue_name", "job_variables"];

/// Keys of other levels that are often written at the top, in a deployment and in its pool; Prefect ignores them there.
const MISPLACED: [(&[&str], Option<&str>, &str); 5] = [
    (&["entrypoint", "work_pool", "schedules", "schedule", "parameters", "tags"], None, "an entry of `deployments`"),
    (&["job_variables", "work_queue_name"], Some(""), "`work_pool`"),
    (&["cron", "interval", "rrule", "timezone", "anchor_date"], Some(""), "an item of `schedules`"),
    (&["collision_strategy", "grace_period_seconds"], Some(""), "`concurrency_limit`"),
    (&["image", "env", "command", "cpu", "memory"], Some("work_pool."), "`work_pool.job_variables`"),
];

/// A deployment file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path, as the user named it.
    pub(crate) name: String,
    root: Node,
}

impl File {
    /// Reads a file, which messages call `name`; none if there is none.
    ///
    /// # Errors
    /// It is not UTF-8, not YAML, not one document, or not a mapping.
    pub(crate) fn read(path: &Path, name: &str) -> Result<Option<Self>, Problem> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Problem::new(PP0701, format!("cannot read {name}: {error}"))),
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            Problem::new(PP0701, format!("{name}:{line}: this line is not UTF-8")).help("Save the file as UTF-8.")
        })?;
        Self::parse(name.to_owned(), &text).map(Some)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`File::read`].
    pub(crate) fn parse(name: String, text: &str) -> Result<Self, Problem> {
        let root = yaml::read(text)
            .map_err(|error| Problem::new(PP0701, error.problem.clone()).at(Origin::file(&name, error.place)))?;
        match &root.content {
            Content::Mapping(_) => Ok(Self { name, root }),
            Content::Null => Err(Problem::new(PP0701, format!("{name} is empty"))
                .help("`pushpool deploy init` writes a first one elsewhere; `--prefect-file` names another file.")),
            _ => Err(Problem::new(
                PP0701,
                format!(
                    "{} stands at the top of the file, where a mapping with `deployments:` is wanted",
                    root.kind_name()
                ),
            )
            .at(Origin::file(&name, root.place))
            .help("Write the deployments as a list below `deployments:`.")),
        }
    }

    /// A value at the top of the file; the last one of that name, as in Prefect.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.root.get(key)
    }

    /// Its name, if it has one.
    #[must_use]
    pub(crate) fn project(&self) -> Option<&str> {
        self.get("name")?.as_text()
    }

    /// The entries of `deployments`. Problems of the top of the file go to `findings`.
    pub(crate) fn deployments(&self, findings: &mut Findings) -> Vec<&Node> {
        self.check_keys(&self.root, &TOP, None, findings);
        match self.get("deployments").map(|node| (&node.content, node)) {
            None | Some((Content::Null, _)) => Vec::new(),
            Some((Content::Sequence(items), _)) => {
                let mut found = Vec::new();
                for item in items {
                    match &item.content {
                        Content::Mapping(_) => found.push(item),
                        _ => findings.problem(
                            Problem::new(
                                PP0702,
                                format!("{} stands where a deployment is wanted: a mapping", item.kind_name()),
                            )
                            .at(Origin::file(&self.name, item.place))
                            .key("deployments"),
                        ),
                    }
                }
                found
            }
            Some((_, node)) => {
                findings.problem(
                    Problem::new(PP0702, format!("found {}, wanted a list of deployments", node.kind_name()))
                        .at(Origin::file(&self.name, node.place))
                        .key("deployments")
                        .help("Begin each deployment with `- name:`."),
                );
                Vec::new()
            }
        }
    }

    /// Checks the keys of an entry.
    pub(crate) fn check_entry(&self, node: &Node, label: &str, findings: &mut Findings) {
        self.check_keys(node, &DEPLOYMENT, Some((label, "")), findings);
        if let Some(pool) = node.entry("work_pool") {
            self.check_keys(&pool.value, &WORK_POOL, Some((label, "work_pool.")), findings);
        }
        for twice in node.duplicates() {
            let lines = (twice.first.line, twice.second.line);
            findings.problem(
                Problem::new(PP0702, format!("the key is given twice, on lines {} and {}", lines.0, lines.1))
                    .at(Origin::file(&self.name, twice.second))
                    .of(label)
                    .key(twice.key)
                    .help("Keep one of the two; Prefect would take the last."),
            );
        }
    }

    /// Near misses of known keys and keys of another level are problems; other unknown keys are warned of, unless they look like a place for anchors.
    fn check_keys(&self, node: &Node, known: &[&str], of: Option<(&str, &str)>, findings: &mut Findings) {
        for entry in node.entries() {
            let key = entry.key.json_key();
            if known.contains(&key.as_str()) || key.starts_with(['_', '.']) || key.starts_with("x-") {
                continue;
            }
            let problem = |text: String| {
                let mut problem = Problem::new(PP0702, text).at(Origin::file(&self.name, entry.key.place));
                if let Some((label, prefix)) = of {
                    problem = problem.of(label).key(format!("{prefix}{key}"));
                } else {
                    problem = problem.key(&key);
                }
                problem
            };
            let level = of.map(|(_, prefix)| prefix);
            let home = MISPLACED.iter().find(|(keys, at, _)| *at == level && keys.contains(&key.as_str()));
            if let Some((_, _, home)) = home {
                findings.problem(problem(format!("this key belongs in {home}")));
            } else if let Some(meant) = near(&key, known.iter().copied()).first() {
                findings.problem(problem(format!("unknown key; did you mean `{meant}`?")));
            } else {
                findings.warning(problem("unknown key, ignored".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File::parse("prefect.yaml".to_owned(), text).expect("a file")
    }

    fn problems(text: &str) -> Vec<String> {
        let file = file(text);
        let mut findings = Findings::default();
        for node in file.deployments(&mut findings) {
            file.check_entry(node, "one", &mut findings);
        }
        findings.problems.iter().chain(&findings.warnings).map(ToString::to_string).collect()
    }

    #[test]
    fn a_misspelt_key_is_a_problem_and_a_foreign_one_a_warning() {
        assert_eq!(
            problems("deployment: []\nx-common: 1\n_a: 2\nzebra: 3\n"),
            [
                "prefect.yaml:1:1: `deployment`: unknown key; did you mean `deployments`?",
                "prefect.yaml:4:1: `zebra`: unknown key, ignored"
            ]
        );
        assert_eq!(
            problems("deployments:\n- nam: one\n  work_pool:\n    jobvariables: {}\n"),
            [
                "prefect.yaml:2:3: deployment \"one\": `nam`: unknown key; did you mean `name`?",
                "prefect.yaml:4:5: deployment \"one\": `work_pool.jobvariables`: unknown key; did you mean `job_variables`?"
            ]
        );
    }

    #[test]
    fn a_key_of_another_level_is_a_problem_that_says_where_it_belongs() {
        assert_eq!(
            problems("tags: []\ndeployments:\n- cron: x\n  job_variables: {}\n  work_pool: {image: a}\n"),
            [
                "prefect.yaml:1:1: `tags`: this key belongs in an entry of `deployments`",
                "prefect.yaml:3:3: deployment \"one\": `cron`: this key belongs in an item of `schedules`",
                "prefect.yaml:4:3: deployment \"one\": `job_variables`: this key belongs in `work_pool`",
                "prefect.yaml:5:15: deployment \"one\": `work_pool.image`: this key belongs in `work_pool.job_variables`",
            ]
        );
    }

    #[test]
    fn a_key_given_twice_is_a_problem_at_any_depth() {
        assert_eq!(
            problems("deployments:\n- name: a\n  work_pool:\n    job_variables:\n      cpu: 1\n      cpu: 2\n"),
            ["prefect.yaml:6:7: deployment \"one\": `cpu`: the key is given twice, on lines 5 and 6"]
        );
    }

    #[test]
    fn deployments_that_are_no_list_are_a_problem() {
        let found = problems("deployments:\n  name: a\n");
        assert_eq!(found, ["prefect.yaml:2:3: `deployments`: found a mapping, wanted a list of deployments"]);
        assert_eq!(problems("deployments: null\n"), [] as [&str; 0]);
    }
}
