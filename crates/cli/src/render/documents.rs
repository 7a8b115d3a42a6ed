//! Documents as the Prefect API returns them, as far as rendering needs them. Unknown fields are ignored: people paste
//! whole answers.

use std::path::Path;

use dispatch::pool::WorkPool;
use ecs::{Attempt, Named, Run};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::Object;

use crate::{
    error::CliError,
    input::{self, is_standard_input, name_of},
};

/// Stands for ids that nobody gave.
const PLACEHOLDER: FlowRunId = Attempt::OF_NO_RUN.flow_run_id;

/// One document, and how to call it towards the user.
struct Document {
    path: String,
    fields: Object,
}

impl Document {
    fn read(path: &Path) -> Result<Self, CliError> {
        match input::json(path)? {
            Value::Object(fields) => Ok(Self { path: name_of(path), fields }),
            _ => Err(CliError::WrongDocument { path: name_of(path), problem: "it is not a JSON object".to_owned() }),
        }
    }

    fn wrong(&self, field: &str, expected: &str) -> CliError {
        CliError::WrongDocument { path: self.path.clone(), problem: format!("`{field}` is not {expected}") }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn id(&self, name: &str) -> Result<Option<Uuid>, CliError> {
        let Some(value) = self.field(name) else { return Ok(None) };
        let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        id.map(Some).ok_or_else(|| self.wrong(name, "an id"))
    }

    fn name(&self) -> Result<Option<String>, CliError> {
        let Some(value) = self.field("name") else { return Ok(None) };
        value.as_str().map(|name| Some(name.to_owned())).ok_or_else(|| self.wrong("name", "a string"))
    }

    /// `job_variables`, which Prefect 2 calls `infra_overrides` on deployments.
    fn job_variables(&self) -> Result<Object, CliError> {
        for name in ["job_variables", "infra_overrides"] {
            match self.field(name) {
                Some(Value::Object(variables)) => return Ok(variables.clone()),
                Some(_) => return Err(self.wrong(name, "an object")),
                None => {}
            }
        }
        Ok(Object::new())
    }
}

/// Everything that was given about a run.
pub(crate) struct Documents {
    pub(crate) pool: WorkPool,
    pub(crate) run: Run,
    pub(crate) deployment_variables: Object,
    pub(crate) flow_run_variables: Object,
    /// What the result lacks because nobody gave it.
    pub(crate) notices: Vec<String>,
}

impl Documents {
    /// Reads the documents; all but the pool may be missing.
    ///
    /// # Errors
    /// One of them cannot be read, or has a field of the wrong kind.
    pub(crate) fn read(
        pool: &Path,
        deployment: Option<&Path>,
        flow_run: Option<&Path>,
        flow: Option<&Path>,
    ) -> Result<Self, CliError> {
        input::check_standard_input([Some(pool), deployment, flow_run, flow].into_iter().flatten())?;
        let pool = read_pool(pool)?;
        let deployment = deployment.map(Document::read).transpose()?;
        let flow_run = flow_run.map(Document::read).transpose()?;
        let flow = flow.map(Document::read).transpose()?;
        let mut notices = Vec::new();
        let attempt = attempt(flow_run.as_ref(), &mut notices)?;
        let belongs_to_deployment = match (&deployment, &flow_run) {
            (None, Some(flow_run)) => flow_run.field("deployment_id").is_some(),
            _ => false,
        };
        if belongs_to_deployment {
            notices
                .push("The flow run has a deployment; give it with --deployment to see its job variables.".to_owned());
        }
        let names_flow =
            |document: &Option<Document>| document.as_ref().is_some_and(|it| it.field("flow_id").is_some());
        if flow.is_none() && (names_flow(&deployment) || names_flow(&flow_run)) {
            notices.push("What a run is told about its flow is missing; give the flow with --flow.".to_owned());
        }
        let named = |document: &Document| -> Result<Named, CliError> {
            Ok(Named { id: document.id("id")?, name: document.name()?.unwrap_or_default() })
        };
        let variables =
            |document: &Option<Document>| document.as_ref().map_or_else(|| Ok(Object::new()), Document::job_variables);
        Ok(Self {
            run: Run {
                attempt,
                name: flow_run.as_ref().map(Document::name).transpose()?.flatten(),
                work_pool: pool.named.clone(),
                flow: flow.as_ref().map(named).transpose()?,
                deployment: deployment.as_ref().map(named).transpose()?,
                environment: std::collections::BTreeMap::new(),
            },
            deployment_variables: variables(&deployment)?,
            flow_run_variables: variables(&flow_run)?,
            pool,
            notices,
        })
    }
}

/// A work pool, or its base job template alone.
fn read_pool(path: &Path) -> Result<WorkPool, CliError> {
    let mut document = input::json(path)?;
    let is_template = document.get("base_job_template").is_none() && document.get("job_configuration").is_some();
    if is_template {
        document = json!({"base_job_template": document});
    }
    let stem = path.file_stem().filter(|_| !is_standard_input(path)).map(|stem| stem.to_string_lossy().into_owned());
    let name = stem.unwrap_or_else(|| "work-pool".to_owned());
    WorkPool::from_document(&document, &name).map_err(|diagnosis| CliError::refused(vec![diagnosis]))
}

fn attempt(flow_run: Option<&Document>, notices: &mut Vec<String>) -> Result<Attempt, CliError> {
    let Some(flow_run) = flow_run else {
        notices.push(format!("Without --flow-run, {PLACEHOLDER} stands for the ids of the flow run and its state."));
        return Ok(Attempt::OF_NO_RUN);
    };
    let flow_run_id = flow_run.id("id")?;
    if flow_run_id.is_none() {
        notices.push(format!("The flow run has no `id`; {PLACEHOLDER} stands for it."));
    }
    let state_id = match flow_run.id("state_id")? {
        Some(id) => Some(id),
        None => {
            let state = flow_run.field("state").and_then(|state| state.get("id")).and_then(Value::as_str);
            state.and_then(|id| Uuid::parse_str(id).ok())
        }
    };
    if state_id.is_none() {
        notices.push(format!("The flow run has no `state_id`; {PLACEHOLDER} stands for it."));
    }
    let none = Attempt::OF_NO_RUN;
    Ok(Attempt {
        flow_run_id: flow_run_id.map_or(none.flow_run_id, FlowRunId::from),
        state_id: state_id.map_or(none.state_id, StateId::from),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, content: &Value) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, content.to_string()).unwrap();
            path
        }
    }

    #[test]
    fn documents_are_read_as_the_api_returns_them() {
        let files = Files::new();
        let id = Uuid::from_u128;
        let pool =
            files.write("pool.json", &json!({"id": id(1), "name": "p", "base_job_template": {}, "status": "READY"}));
        let deployment = files.write(
            "deployment.json",
            &json!({"id": id(2), "name": "d", "flow_id": id(3), "job_variables": {"cpu": 512}, "paused": false}),
        );
        let flow_run = files.write(
            "flow-run.json",
            &json!({"id": id(4), "name": "amber", "state_id": id(5), "job_variables": null, "deployment_id": id(2)}),
        );
        let flow = files.write("flow.json", &json!({"id": id(3), "name": "f"}));
        let read = Documents::read(&pool, Some(&deployment), Some(&flow_run), Some(&flow)).unwrap();
        assert_eq!(read.run.attempt, Attempt { flow_run_id: id(4).into(), state_id: id(5).into() });
        assert_eq!(read.run.deployment, Some(Named { id: Some(id(2)), name: "d".into() }));
        assert_eq!(read.run.flow, Some(Named { id: Some(id(3)), name: "f".into() }));
        assert_eq!(read.run.work_pool, Named { id: Some(id(1)), name: "p".into() });
        assert_eq!(Value::Object(read.deployment_variables), json!({"cpu": 512}));
        assert!(read.flow_run_variables.is_empty() && read.notices.is_empty(), "{:?}", read.notices);
    }

    #[test]
    fn what_is_missing_is_said() {
        let files = Files::new();
        let pool = files.write("mine.json", &json!({"job_configuration": {}, "variables": {}}));
        let alone = Documents::read(&pool, None, None, None).unwrap();
        assert_eq!(alone.run.work_pool.name, "mine", "a bare template bears the name of its file");
        assert_eq!(alone.notices.len(), 1);
        let deployment = files.write("d.json", &json!({"name": "d", "flow_id": "x", "infra_overrides": {"cpu": 1}}));
        let flow_run = files.write("r.json", &json!({"id": Uuid::nil(), "state": {"id": Uuid::from_u128(7)}}));
        let read = Documents::read(&pool, Some(&deployment), Some(&flow_run), None).unwrap();
        assert_eq!(read.run.attempt.state_id, StateId::from_u128(7));
        assert_eq!(Value::Object(read.deployment_variables), json!({"cpu": 1}), "as Prefect 2 calls them");
        assert!(read.notices.iter().any(|notice| notice.contains("--flow")), "{:?}", read.notices);
    }

    #[test]
    fn a_wrong_field_is_named_with_its_file() {
        let files = Files::new();
        let pool = files.write("pool.json", &json!({"base_job_template": {}}));
        for (document, field) in [
            (json!({"id": "7"}), "`id`"),
            (json!({"name": 5}), "`name`"),
            (json!({"job_variables": []}), "`job_variables`"),
        ] {
            let path = files.write("deployment.json", &document);
            let error = Documents::read(&pool, Some(&path), None, None).err().unwrap().to_string();
            assert!(error.contains(field) && error.contains("deployment.json"), "{error}");
        }
        let array = files.write("array.json", &json!([]));
        assert!(matches!(Documents::read(&pool, None, Some(&array), None), Err(CliError::WrongDocument { .. })));
        let twice = Path::new("-");
        assert!(matches!(Documents::read(twice, Some(twice), None, None), Err(CliError::StandardInputTwice)));
    }
}
