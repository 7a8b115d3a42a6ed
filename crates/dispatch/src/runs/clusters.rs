//! Which cluster the task of a run is in, where no record of the run says so.
//!
//! It is what the dispatcher would render now, so the members of the template that may name a cluster are rendered from the
//! same variables, and with the same blocks and Prefect variables. Only what these members name is read: a template whose
//! environment refers to a secret, or to a block that is gone, still says where its runs go. Where it does not (the name
//! itself comes out of a block that is gone), only the clusters of the settings are known, and a component that finds no task
//! there must not conclude that there is none: it reports PP0608.

use std::collections::BTreeMap;

use diagnosis::{Diagnosis, PP0608};
use ecs::ClusterRef;
use jiff::Timestamp;
use prefect_api::{Client, Transport, models::FlowRun};
use serde_json::Value;
use work_pool::{Excerpt, Layers, Object, Resolver};

use crate::{ports::Failure, prefect::references::References};

/// Places of a job configuration that name the cluster: the request's own comes first (`ecs::placement`).
const PLACES: &[&[&str]] = &[&["task_run_request", "cluster"], &["cluster"]];

/// Name ECS gives the cluster of a request that names none.
const DEFAULT: &str = "default";

/// Clusters to look for a task in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clusters {
    /// Names or ARNs, each once.
    pub(crate) names: Vec<ClusterRef>,
    /// Why the task may be in another one; none if it can be nowhere else.
    pub(crate) unknown: Option<Diagnosis>,
}

impl Clusters {
    /// Adds a cluster.
    pub(crate) fn add(&mut self, cluster: &ClusterRef) {
        // `infrastructure_pid` has ARNs, settings have names.
        if !self.names.iter().any(|known| known.is_called_as(cluster)) {
            self.names.push(cluster.clone());
        }
    }
}

/// The cluster that a run of this template and these variables is launched in, or why it cannot be told.
///
/// # Errors
/// [`Failure`] when the server did not say what a block or a variable holds: it may say so later.
pub(crate) async fn rendered<T: Transport>(
    client: &Client<T>,
    references: &References,
    template: &Value,
    deployment: &Object,
    flow_run: &Object,
    now: Timestamp,
) -> Result<Result<ClusterRef, String>, Failure> {
    let excerpt = match Excerpt::of(template, PLACES) {
        Ok(excerpt) => excerpt,
        Err(error) => return Ok(Err(text(error.diagnosis()))),
    };
    let (deployment, flow_run) = (excerpt.relevant(deployment), excerpt.relevant(flow_run));
    let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
    let named = excerpt.references(layers);
    let wanted: BTreeMap<_, _> = named.iter().map(|reference| (reference.clone(), Timestamp::MIN)).collect();
    let fetched = references.fetch(client, wanted, now).await;
    if let Some(failure) = fetched.failure(&named) {
        return Err(failure.clone());
    }
    // A variable that is gone renders as nothing, which would be the default cluster; the run may have been launched before.
    if let Some(missing) = fetched.missing(&named) {
        return Ok(Err(format!("The server has no {missing}, which the name of the cluster refers to.")));
    }
    Ok(cluster_of(&excerpt, layers, &fetched).map_err(text))
}

fn cluster_of(excerpt: &Excerpt, layers: Layers<'_>, resolver: &dyn Resolver) -> Result<ClusterRef, Diagnosis> {
    let found = excerpt.render(layers, resolver).map_err(|error| error.diagnosis())?;
    let mut named = found.into_iter().flatten().filter_map(|value| match value {
        Value::String(name) if !name.is_empty() => Some(ClusterRef::from(name)),
        _ => None,
    });
    Ok(named.next().unwrap_or_else(|| DEFAULT.into()))
}

/// A reason within another one.
pub(crate) fn text(reason: Diagnosis) -> String {
    format!("{} ({}): {}", reason.summary, reason.code, reason.detail)
}

/// What is said about a run whose task may be in a cluster that cannot be told.
pub(crate) fn unknown(run: &FlowRun, why: &str) -> Diagnosis {
    let pool = run.work_pool_name.as_deref().unwrap_or("none");
    Diagnosis::of(
        PP0608,
        format!("{why} The work pool is {pool}. The run is left as it is, because its task may be in another cluster."),
    )
}

/// The same of a work pool, whose tasks may have no run.
pub(crate) fn unknown_of_pool(pool: &str, why: &str) -> Diagnosis {
    Diagnosis::of(PP0608, format!("{why} Tasks of the work pool {pool} that outlive their runs are not looked for."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use work_pool::NoReferences;

    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    fn of(template: &Value, deployment: &Value, flow_run: &Value) -> Result<ClusterRef, &'static str> {
        let excerpt = Excerpt::of(template, PLACES).unwrap();
        let (deployment, flow_run) = (object(deployment.clone()), object(flow_run.clone()));
        let (deployment, flow_run) = (excerpt.relevant(&deployment), excerpt.relevant(&flow_run));
        let layers = Layers { deployment: Some(&deployment), flow_run: Some(&flow_run) };
        cluster_of(&excerpt, layers, &NoReferences).map_err(|reason| reason.code.id())
    }

    #[test]
    fn it_is_rendered_as_the_dispatcher_renders_it() {
        let (none, run) = (json!({}), json!({"cluster": "of-run"}));
        let deployment = json!({"cluster": "of-deployment", "where": "w"});
        assert_eq!(of(&json!({}), &none, &none), Ok("default".into()));
        assert_eq!(of(&json!({}), &deployment, &none), Ok("of-deployment".into()));
        assert_eq!(of(&json!({}), &deployment, &run), Ok("of-run".into()));
        let own = json!({
            "job_configuration": {"env": "{{ prefect.blocks.x.y }}", "cluster": "unused",
                "task_run_request": {"cluster": "{{ where }}-cluster"}},
            "variables": {"properties": {"where": {"type": "string", "default": "d"},
                "env": {"default": {"TOKEN": "{{ prefect.blocks.x.y }}"}}}},
        });
        assert_eq!(of(&own, &deployment, &run), Ok("w-cluster".into()));
        assert_eq!(of(&own, &none, &run), Ok("d-cluster".into()));
        let request = json!({"job_configuration": {"task_run_request": "{{ request }}"}});
        assert_eq!(of(&request, &json!({"request": {"cluster": "of-request"}}), &none), Ok("of-request".into()));
        let block = json!({"job_configuration": {"cluster": "{{ prefect.variables.cluster }}"}});
        assert_eq!(of(&block, &none, &none), Err("PP0111"));
    }

    #[test]
    fn a_cluster_is_looked_at_once() {
        let mut clusters = Clusters::default();
        for name in ["arn:aws:ecs:eu-west-1:1:cluster/prod", "prod", "test", "test"] {
            clusters.add(&name.into());
        }
        assert_eq!(clusters.names, ["arn:aws:ecs:eu-west-1:1:cluster/prod", "test"]);
    }
}
