//! A new work pool, or a new template for one that exists.

use prefect_api::{
    Transport,
    models::{WorkPool, WorkPoolCreate},
};
use serde_json::{Value, json};

use super::{PUSH, Step, assign::defaults, cloud, object, set_variable, shown::shown, template};
use crate::{
    error::ManageError,
    plan::{Field, Kind, Plan},
    server::Server,
};

/// The pool that the user wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Name; [`check_name`] says which are possible.
    pub name: String,
    /// Type of the pool.
    pub pool_type: String,
    /// Base job template.
    pub template: Value,
    /// Most runs at once; none leaves it open, or as it is.
    pub concurrency_limit: Option<u32>,
    /// What the pool is for; none leaves it as it is.
    pub description: Option<String>,
    /// Whether it gives out no runs before it is resumed.
    pub paused: bool,
}

/// What the server says about names (prefect 3.8.8, `types/names.py` and `server/api/workers.py`), said sooner.
///
/// # Errors
/// The problem.
pub fn check_name(name: &str) -> Result<String, String> {
    if name.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if name.contains(['/', '%', '&', '>', '<']) {
        return Err("/ % & < > are not allowed".to_owned());
    }
    if name.to_lowercase().starts_with("prefect") {
        return Err("names that begin with \"prefect\" are reserved".to_owned());
    }
    Ok(name.to_owned())
}

/// Looks for a pool of that name, before the user is asked for all that the new one needs. The pool that would be replaced,
/// if there is one.
///
/// # Errors
/// The server serves pools of this type itself, the pool exists and may not be replaced, or the server does not answer.
pub async fn find<T: Transport>(
    server: &Server<T>,
    name: &str,
    pool_type: &str,
    overwrite: bool,
) -> Result<Option<WorkPool>, ManageError> {
    cloud::refuse_push(&server.url, pool_type)?;
    let existing = match server.client.work_pool(name).await {
        Ok(pool) => pool,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(server.told(error)),
    };
    check_replaceable(name, pool_type, overwrite, &existing)?;
    Ok(Some(existing))
}

/// Refuses a pool of a type whose workers do not read the template. No worker of another type starts an ECS task, and pushpool
/// serves such a pool only if its settings name it.
///
/// # Errors
/// The template is for ECS, and the type is another one.
pub fn check_type(pool_type: &str, document: &Value) -> Result<(), ManageError> {
    let configuration = &document["job_configuration"];
    let is_for_ecs = ["task_definition", "task_run_request"].iter().any(|key| configuration.get(key).is_some());
    if matches!(pool_type, PUSH | "ecs") || !is_for_ecs {
        return Ok(());
    }
    Err(ManageError::Explained {
        summary: format!("the base job template is for ECS, and the type of the pool is {pool_type}"),
        detail: format!("A worker of type {pool_type} does not read `task_definition` and `task_run_request`."),
        help: format!(
            "Leave out --type for a pool of type {PUSH}, or give a template of that type with --base-job-template."
        ),
    })
}

/// Whether the user wants to overwrite, and the type stays.
fn check_replaceable(name: &str, pool_type: &str, overwrite: bool, existing: &WorkPool) -> Result<(), ManageError> {
    if existing.pool_type != pool_type {
        return Err(ManageError::Explained {
            summary: format!("there is a work pool \"{name}\" of type {} already", existing.pool_type),
            detail: format!("Wanted is type {pool_type}, and the type of a pool can never be changed."),
            help: "Choose another name. (Deleting the pool would take its queues along.)".to_owned(),
        });
    }
    if !overwrite {
        return Err(ManageError::Explained {
            summary: format!("there is a work pool \"{name}\" already"),
            detail: String::new(),
            help: format!(
                "`pushpool pool set-variable {name} VARIABLE=VALUE` changes single defaults; --overwrite replaces the \
                 whole template."
            ),
        });
    }
    Ok(())
}

/// Creates the pool, or replaces the template of `existing`.
#[must_use]
pub fn plan(wanted: Wanted, existing: Option<&WorkPool>) -> Plan<Step> {
    let object = object(&wanted.name);
    let plan = Plan::new(&object);
    match existing {
        Some(existing) => {
            let fields = replaced(&wanted, existing);
            plan.with(Kind::Update, object, fields, replace(wanted))
        }
        None => {
            let fields = of_new(&wanted);
            plan.with(Kind::Create, object, fields, create(wanted))
        }
    }
}

fn create(wanted: Wanted) -> Step {
    Step::Create(Box::new(WorkPoolCreate {
        name: wanted.name,
        pool_type: wanted.pool_type,
        base_job_template: wanted.template,
        description: wanted.description,
        is_paused: wanted.paused,
        concurrency_limit: wanted.concurrency_limit,
    }))
}

/// What the user does not mention stays.
fn replace(wanted: Wanted) -> Step {
    let mut body = json!({"base_job_template": wanted.template});
    if let Some(limit) = wanted.concurrency_limit {
        body["concurrency_limit"] = limit.into();
    }
    if let Some(description) = wanted.description {
        body["description"] = description.into();
    }
    if wanted.paused {
        body["is_paused"] = true.into();
    }
    Step::Update { name: wanted.name, body }
}

fn of_new(wanted: &Wanted) -> Vec<Field> {
    let variables = &wanted.template["variables"]["properties"];
    let of_template = defaults(&wanted.template);
    let of_template = of_template.iter().map(|(name, value)| Field::new(name, shown(name, value, &variables[name])));
    let mut fields: Vec<Field> = of_template.collect();
    fields.extend(wanted.concurrency_limit.map(|limit| Field::new("concurrency limit", limit.to_string())));
    fields.extend(wanted.description.as_ref().map(|text| Field::new("description", text)));
    fields.extend(wanted.paused.then(|| Field::new("paused", "yes")));
    fields
}

fn replaced(wanted: &Wanted, existing: &WorkPool) -> Vec<Field> {
    let before = template::of_pool(&existing.base_job_template);
    let mut fields = set_variable::fields(&before, &wanted.template);
    let limit = |limit: Option<u32>| limit.map(|limit| limit.to_string());
    let limits = (limit(existing.concurrency_limit), limit(wanted.concurrency_limit));
    if limits.1.is_some() && limits.0 != limits.1 {
        fields.push(Field::changed("concurrency limit", limits.0, limits.1));
    }
    // The description that the pool has is not read.
    fields.extend(wanted.description.as_ref().map(|text| Field::new("description", text)));
    if wanted.paused && !existing.is_paused {
        fields.push(Field::changed("paused", Some("no".to_owned()), Some("yes".to_owned())));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(template: Value) -> Wanted {
        Wanted {
            name: "etl".to_owned(),
            pool_type: PUSH.to_owned(),
            template,
            concurrency_limit: Some(3),
            description: None,
            paused: false,
        }
    }

    fn document(cpu: u32, password: &str) -> Value {
        json!({"job_configuration": {}, "variables": {"properties": {
            "cpu": {"type": "integer", "default": cpu},
            "env": {"type": "object", "default": {"PASSWORD": password}},
        }}})
    }

    #[test]
    fn a_new_pool_shows_its_defaults_and_no_secrets() {
        let plan = plan(wanted(document(256, "canary")), None);
        let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
        assert_eq!((change.kind, change.object.as_str()), (Kind::Create, "work pool \"etl\""));
        let names: Vec<&str> = change.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["cpu", "env", "concurrency limit"]);
        assert!(!json!(plan).to_string().contains("canary"), "{}", json!(plan));
        let Step::Create(pool) = &change.step else { panic!("{:?}", change.step) };
        assert_eq!(pool.base_job_template, document(256, "canary"));
    }

    #[test]
    fn a_replaced_pool_shows_what_differs_and_keeps_what_is_not_mentioned() {
        let existing = json!({"id": uuid::Uuid::nil(), "name": "etl", "type": PUSH, "concurrency_limit": 2,
            "base_job_template": document(256, "canary")});
        let existing: WorkPool = serde_json::from_value(existing).unwrap();
        let plan = plan(wanted(document(512, "canary")), Some(&existing));
        let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
        let text = |text: &str| Some(text.to_owned());
        let fields = [
            Field::changed("cpu", text("256"), text("512")),
            Field::changed("concurrency limit", text("2"), text("3")),
        ];
        assert_eq!((change.kind, change.fields.as_slice()), (Kind::Update, fields.as_slice()));
        let Step::Update { name, body } = &change.step else { panic!("{:?}", change.step) };
        let mut keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!((name.as_str(), keys), ("etl", vec!["base_job_template", "concurrency_limit"]));
    }

    #[test]
    fn a_template_for_ecs_is_for_pools_of_ecs() {
        for right in ["ecs:push", "ecs"] {
            check_type(right, &template::built_in()).unwrap();
        }
        let refused = check_type("process", &template::built_in()).unwrap_err();
        assert!(refused.to_string().contains("process"), "{refused}");
        check_type("process", &json!({"job_configuration": {"command": "{{ command }}"}})).unwrap();
    }

    #[test]
    fn names_the_server_refuses_are_refused() {
        for wrong in ["", "  ", "a/b", "a%", "a&b", "<a>", "prefect-pool", "Prefect"] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
        for right in ["etl", "data eng", "my-prefect", "Ü"] {
            assert_eq!(check_name(right).as_deref(), Ok(right));
        }
    }
}
