//! The flags of `prefect deploy` that say something about a deployment. They lie over the file key by key.

use std::path::PathBuf;

use diagnosis::{PP0701, PP0702, PP0703};
use serde_json::{Map, Value, json};

use crate::{
    draft::Draft,
    problem::{Findings, Origin, Problem},
};

/// What the command line says about deployments. Every member that is empty says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    /// `path/to/file.py:function`
    pub entrypoint: Option<String>,
    /// `--name`: names or patterns of deployments.
    pub names: Vec<String>,
    /// `--all`
    pub all: bool,
    /// `--description`
    pub description: Option<String>,
    /// `--version`
    pub version: Option<String>,
    /// `--version-type`
    pub version_type: Option<String>,
    /// `--tag`
    pub tags: Vec<String>,
    /// `--concurrency-limit`
    pub concurrency_limit: Option<u32>,
    /// `--collision-strategy`
    pub collision_strategy: Option<String>,
    /// `--pool`
    pub pool: Option<String>,
    /// Pool of Prefect's setting `deployments.default_work_pool_name`, for deployments that name none.
    pub default_pool: Option<String>,
    /// `--work-queue`
    pub queue: Option<String>,
    /// `--job-variable`: `KEY=VALUE` or a JSON object.
    pub job_variables: Vec<String>,
    /// `--cron`
    pub cron: Vec<String>,
    /// `--interval`, in seconds.
    pub interval: Vec<i64>,
    /// `--anchor-date`
    pub anchor_date: Option<String>,
    /// `--rrule`
    pub rrule: Vec<String>,
    /// `--timezone`
    pub timezone: Option<String>,
    /// `--trigger`: a JSON object, or a YAML or JSON file with `triggers`.
    pub triggers: Vec<String>,
    /// `--param`: `KEY=VALUE`.
    pub param: Vec<String>,
    /// `--params`: a JSON object.
    pub params: Option<String>,
    /// `--enforce-parameter-schema` or `--no-enforce-parameter-schema`
    pub enforce_parameter_schema: Option<bool>,
    /// `--sla`
    pub sla: Vec<String>,
}

impl Flags {
    /// Whether a deployment can be made of flags alone.
    #[must_use]
    pub fn names_a_flow(&self) -> bool {
        self.entrypoint.is_some()
    }

    /// Lays the flags over a deployment. Problems of the flags themselves go to `findings`.
    pub(crate) fn lay_over(&self, draft: &mut Draft, findings: &mut Findings) {
        let texts = [
            ("/entrypoint", "ENTRYPOINT", &self.entrypoint),
            ("/description", "--description", &self.description),
            ("/version", "--version", &self.version),
            ("/version_type", "--version-type", &self.version_type),
            ("/work_pool/name", "--pool", &self.pool),
            ("/work_pool/work_queue_name", "--work-queue", &self.queue),
        ];
        for (pointer, flag, value) in texts {
            // As for `prefect deploy`, an empty name of a pool says nothing.
            if let Some(value) = value.as_ref().filter(|it| flag != "--pool" || !it.is_empty()) {
                draft.set(pointer, json!(value), flag);
            }
        }
        if let (Some(pool), None) = (&self.default_pool, draft.text("/work_pool/name")) {
            draft.set("/work_pool/name", json!(pool), "PREFECT_DEFAULT_WORK_POOL_NAME");
        }
        if !self.tags.is_empty() {
            draft.set("/tags", json!(self.tags), "--tag");
        }
        if let Some(enforce) = self.enforce_parameter_schema {
            draft.set("/enforce_parameter_schema", json!(enforce), "--enforce-parameter-schema");
        }
        self.limit(draft);
        self.schedules(draft);
        findings.extend(self.parameters(draft));
        findings.extend(self.variables(draft));
        findings.extend(self.set_triggers(draft));
    }

    fn limit(&self, draft: &mut Draft) {
        let Some(limit) = self.concurrency_limit else { return };
        match &self.collision_strategy {
            Some(strategy) => {
                let value = json!({"limit": limit, "collision_strategy": strategy});
                draft.set("/concurrency_limit", value, "--concurrency-limit");
            }
            None => draft.set("/concurrency_limit", json!(limit), "--concurrency-limit"),
        }
    }

    /// Schedules of flags come after those of the file; zone and anchor hold for all.
    fn schedules(&self, draft: &mut Draft) {
        let cron = self.cron.iter().map(|it| (json!({"cron": it}), "--cron"));
        let interval = self.interval.iter().map(|it| (json!({"interval": it}), "--interval"));
        let rrule = self.rrule.iter().map(|it| (json!({"rrule": it}), "--rrule"));
        for (schedule, flag) in cron.chain(interval).chain(rrule) {
            draft.append("schedules", schedule, flag);
        }
        let count = draft.values.get("schedules").and_then(Value::as_array).map_or(0, Vec::len);
        for index in 0..count {
            if let Some(zone) = &self.timezone {
                draft.set(&format!("/schedules/{index}/timezone"), json!(zone), "--timezone");
            }
            let is_interval = draft.values["schedules"][index].get("interval").is_some();
            if let (Some(anchor), true) = (&self.anchor_date, is_interval) {
                draft.set(&format!("/schedules/{index}/anchor_date"), json!(anchor), "--anchor-date");
            }
        }
    }

    fn parameters(&self, draft: &mut Draft) -> Findings {
        let mut findings = Findings::default();
        if !self.param.is_empty() && self.params.is_some() {
            findings.problem(Problem::new(PP0703, "--param and --params exclude each other"));
        }
        for text in &self.param {
            match text.split_once('=') {
                Some((key, value)) => draft.set_text("parameters", key, value, "--param"),
                None => findings.problem(pair("--param", text)),
            }
        }
        if let Some(text) = &self.params {
            match object(text) {
                Ok(entries) => entries.into_iter().for_each(|(key, value)| {
                    draft.set(&format!("/parameters/{}", token(&key)), value, "--params");
                }),
                Err(why) => findings.problem(not_json("--params", &why)),
            }
        }
        findings
    }

    fn variables(&self, draft: &mut Draft) -> Findings {
        let mut findings = Findings::default();
        for text in &self.job_variables {
            if text.trim_start().starts_with('{') {
                match object(text) {
                    Ok(entries) => entries.into_iter().for_each(|(key, value)| {
                        draft.set(&format!("/work_pool/job_variables/{}", token(&key)), value, "--job-variable");
                    }),
                    Err(why) => findings.problem(not_json("--job-variable", &why)),
                }
            } else if let Some((key, value)) = text.split_once('=') {
                draft.set_text("work_pool/job_variables", key, value, "--job-variable");
            } else {
                findings.problem(pair("--job-variable", text));
            }
        }
        findings
    }

    /// Triggers of flags replace those of the file.
    fn set_triggers(&self, draft: &mut Draft) -> Findings {
        let mut findings = Findings::default();
        let mut triggers = Vec::new();
        for text in &self.triggers {
            match read_triggers(text) {
                Ok(read) => triggers.extend(read),
                Err(problem) => findings.problem(problem.at(Origin::flag("--trigger"))),
            }
        }
        if !self.triggers.is_empty() {
            draft.set("/triggers", Value::Array(triggers), "--trigger");
        }
        findings
    }
}

fn read_triggers(text: &str) -> Result<Vec<Value>, Problem> {
    let path = PathBuf::from(text);
    let extension = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
    if !matches!(extension, "yaml" | "yml" | "json") {
        return object(text).map(|trigger| vec![Value::Object(trigger)]).map_err(|why| {
            Problem::new(PP0702, format!("{why}; wanted a JSON object, or a file that ends in .yaml or .json"))
        });
    }
    let content =
        std::fs::read_to_string(&path).map_err(|error| Problem::new(PP0701, format!("cannot read {text}: {error}")))?;
    let document = match extension {
        "json" => serde_json::from_str(&content).map_err(|error| {
            Problem::new(PP0701, format!("{text} is not JSON: line {} column {}", error.line(), error.column()))
        })?,
        _ => yaml::read(&content).map_err(|error| Problem::new(PP0701, format!("{text}: {error}")))?.to_json(),
    };
    match document.get("triggers") {
        Some(Value::Array(triggers)) => Ok(triggers.clone()),
        _ => Err(Problem::new(PP0702, format!("{text} has no list `triggers`"))),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(entries)) => Ok(entries),
        Ok(_) => Err("found JSON that is no object".to_owned()),
        Err(error) => Err(format!("not JSON at column {}", error.column())),
    }
}

fn not_json(flag: &str, why: &str) -> Problem {
    Problem::new(PP0702, why).at(Origin::flag(flag)).help("Give a JSON object, in single quotes for the shell.")
}

fn pair(flag: &str, text: &str) -> Problem {
    // A value may be a secret: only the part that looks like a key is shown.
    let shown: String = text.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '.')).collect();
    Problem::new(PP0702, format!("found \"{shown}\", wanted KEY=VALUE")).at(Origin::flag(flag))
}

pub(crate) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(flags: &Flags, entry: Value) -> (Value, Vec<String>) {
        let mut findings = Findings::default();
        let mut draft = Draft::of_values(entry.as_object().cloned().unwrap_or_default());
        flags.lay_over(&mut draft, &mut findings);
        (Value::Object(draft.values), findings.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn flags_lie_over_the_file_key_by_key() {
        let flags = Flags {
            pool: Some("p".into()),
            job_variables: vec!["cpu=512".into(), r#"{"env": {"B": "2"}}"#.into()],
            param: vec!["n=5".into()],
            tags: vec!["flag".into()],
            ..Flags::default()
        };
        let entry = json!({"tags": ["file"], "parameters": {"m": 1},
            "work_pool": {"name": "file", "work_queue_name": "q", "job_variables": {"memory": 1024}}});
        let (values, problems) = laid(&flags, entry);
        assert_eq!(problems, [] as [&str; 0]);
        assert_eq!(
            values,
            json!({"tags": ["flag"], "parameters": {"m": 1, "n": "5"},
                "work_pool": {"name": "p", "work_queue_name": "q",
                    "job_variables": {"memory": 1024, "cpu": "512", "env": {"B": "2"}}}})
        );
    }

    #[test]
    fn schedules_of_flags_come_after_those_of_the_file_and_zones_hold_for_all() {
        let flags = Flags {
            cron: vec!["0 0 * * *".into()],
            interval: vec![60],
            anchor_date: Some("2026-01-01".into()),
            timezone: Some("UTC".into()),
            ..Flags::default()
        };
        let (values, _) = laid(&flags, json!({"schedules": [{"rrule": "FREQ=DAILY"}]}));
        assert_eq!(
            values["schedules"],
            json!([{"rrule": "FREQ=DAILY", "timezone": "UTC"}, {"cron": "0 0 * * *", "timezone": "UTC"},
                {"interval": 60, "timezone": "UTC", "anchor_date": "2026-01-01"}])
        );
    }

    #[test]
    fn a_flag_that_cannot_be_read_is_named_and_its_value_is_not() {
        let flags = Flags {
            job_variables: vec!["{cpu: 1}".into(), "secret text".into()],
            params: Some("[1]".into()),
            triggers: vec!["{".into(), "nowhere.json".into()],
            ..Flags::default()
        };
        let (_, problems) = laid(&flags, json!({}));
        assert_eq!(
            problems,
            [
                "--params: found JSON that is no object",
                "--job-variable: not JSON at column 2",
                "--job-variable: found \"secret\", wanted KEY=VALUE",
                "--trigger: not JSON at column 1; wanted a JSON object, or a file that ends in .yaml or .json",
                "--trigger: cannot read nowhere.json: No such file or directory (os error 2)",
            ]
        );
    }

    #[test]
    fn the_default_pool_is_for_deployments_that_name_none() {
        let flags = Flags { default_pool: Some("d".into()), ..Flags::default() };
        assert_eq!(laid(&flags, json!({})).0["work_pool"]["name"], "d");
        assert_eq!(laid(&flags, json!({"work_pool": {"name": "f"}})).0["work_pool"]["name"], "f");
    }
}
