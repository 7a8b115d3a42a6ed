//! New defaults for variables of a pool's template: read the template, change it, check it, write it.
//!
//! The API has no condition for writing, so two users who change a pool in the same second overwrite each other. The plan
//! names the old values, and that is how they notice.

use prefect_api::Transport;
use serde_json::{Value, json};

use super::{
    Step,
    assign::{self, Assignment, defaults},
    object,
    shown::shown,
    template::{self, Findings},
};
use crate::{
    error::ManageError,
    plan::{Field, Kind, Plan},
    server::Server,
};

/// A change of defaults that is not made yet.
#[derive(Debug)]
pub struct Planned {
    /// The change; empty if the defaults are these already.
    pub plan: Plan<Step>,
    /// The findings about the template as it would be.
    pub findings: Findings,
    /// Those about the template as it is; none if it is malformed.
    pub before: Option<Findings>,
}

/// Plans to set and unset defaults.
///
/// # Errors
/// There is no such pool, variable or path, the changed template is malformed, or the server does not answer.
pub async fn plan<T: Transport>(
    server: &Server<T>,
    name: &str,
    set: &[Assignment],
    unset: &[String],
) -> Result<Planned, ManageError> {
    let pool = server.pool(name).await?;
    let old = template::of_pool(&pool.base_job_template);
    // An owner may correct one mistake of a pool and leave another.
    let before = template::check(&old, &pool.name).ok();
    let mut new = old.clone();
    assign::apply(&mut new, set, unset)?;
    let plan = Plan::new(object(&pool.name));
    let fields = fields(&old, &new);
    if fields.is_empty() {
        return Ok(Planned { plan, findings: Findings::default(), before });
    }
    let findings = template::check(&new, &pool.name)?;
    let step = Step::Update { name: pool.name.clone(), body: json!({"base_job_template": new}) };
    Ok(Planned { plan: plan.with(Kind::Update, object(&pool.name), fields, step), findings, before })
}

/// The defaults that differ between two versions of a template, with secrets masked.
pub(super) fn fields(old: &Value, new: &Value) -> Vec<Field> {
    let differences = assign::differences(&defaults(old), &defaults(new));
    let fields = differences.into_iter().map(|it| {
        let schema = |template: &Value| template["variables"]["properties"][&it.variable].clone();
        let masked = |value: &Option<Value>, schema: Value| value.as_ref().map(|it_| shown(&it.variable, it_, &schema));
        let (before, after) = (masked(&it.old, schema(old)), masked(&it.new, schema(new)));
        Field::changed(it.variable.clone(), before, after)
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_defaults_that_differ_and_hide_secrets() {
        let template = |default: Value, key: &str| {
            json!({"variables": {"properties": {
                "cpu": {"default": default}, "same": {"default": 1},
                "token": {"type": "string", "format": "password", "default": key},
            }}})
        };
        let fields = fields(&template(json!(256), "canary"), &template(Value::Null, "other canary"));
        let mask = Some("********".to_owned());
        assert_eq!(
            fields,
            [Field::changed("cpu", Some("256".to_owned()), None), Field::changed("token", mask.clone(), mask),]
        );
    }
}
