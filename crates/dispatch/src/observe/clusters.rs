//! Which cluster the task of a run is in, where no record of the run says so.
//!
//! It is what the dispatcher would render now, so the two members of the template that may name a cluster are rendered
//! from the same variables. That fails where the name comes out of a block or a Prefect variable; then only the clusters
//! of the settings are known, and whoever finds no task there must not conclude that there is none.

use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, NoReferences, Object};

/// Name ECS gives the cluster of a request that names none.
const DEFAULT: &str = "default";

/// Clusters to look for a task in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clusters {
    /// Names or ARNs, each once.
    pub(crate) names: Vec<String>,
    /// Whether the task can be nowhere else.
    pub(crate) complete: bool,
}

impl Clusters {
    /// Adds a cluster.
    pub(crate) fn add(&mut self, cluster: &str) {
        // `infrastructure_pid` has ARNs, settings have names.
        let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        if !self.names.iter().any(|known| short(known) == short(cluster)) {
            self.names.push(cluster.to_owned());
        }
    }
}

/// The cluster a run with these variables is launched in. None if it cannot be told without a Prefect server's blocks.
#[must_use]
pub(crate) fn rendered(template: &Value, deployment: &Object, flow_run: &Object) -> Option<String> {
    let configuration = match template.get("job_configuration") {
        // The built-in template.
        None => json!({"cluster": "{{ cluster }}"}),
        Some(configuration) => {
            let mut named = json!({});
            for (pointer, key) in [("/task_run_request/cluster", "of_request"), ("/cluster", "cluster")] {
                if let Some(cluster) = configuration.pointer(pointer) {
                    named[key] = cluster.clone();
                }
            }
            named
        }
    };
    let mut part = json!({"job_configuration": configuration});
    if let Some(variables) = template.get("variables") {
        part["variables"] = variables.clone();
    }
    let layers = Layers { deployment: Some(deployment), flow_run: Some(flow_run) };
    let rendered = BaseJobTemplate::from_value(&part).ok()?.render(layers, &NoReferences).ok()?;
    let named = |key: &str| rendered.values.get(key).and_then(Value::as_str).filter(|name| !name.is_empty());
    // The request's own comes first (`ecs::placement`).
    Some(named("of_request").or_else(|| named("cluster")).unwrap_or(DEFAULT).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn it_is_rendered_as_the_dispatcher_renders_it() {
        let none = Object::new();
        let run = object(json!({"cluster": "of-run"}));
        let deployment = object(json!({"cluster": "of-deployment", "where": "w"}));
        assert_eq!(rendered(&json!({}), &none, &none).as_deref(), Some("default"));
        assert_eq!(rendered(&json!({}), &deployment, &none).as_deref(), Some("of-deployment"));
        assert_eq!(rendered(&json!({}), &deployment, &run).as_deref(), Some("of-run"));
        let own = json!({
            "job_configuration": {"env": "{{ prefect.blocks.x.y }}", "cluster": "unused",
                "task_run_request": {"cluster": "{{ where }}-cluster"}},
            "variables": {"properties": {"where": {"type": "string", "default": "d"}}},
        });
        assert_eq!(rendered(&own, &deployment, &run).as_deref(), Some("w-cluster"));
        assert_eq!(rendered(&own, &none, &run).as_deref(), Some("d-cluster"));
        let block = json!({"job_configuration": {"cluster": "{{ prefect.variables.cluster }}"}});
        assert_eq!(rendered(&block, &none, &none), None);
    }

    #[test]
    fn a_cluster_is_looked_at_once() {
        let mut clusters = Clusters::default();
        for name in ["arn:aws:ecs:eu-west-1:1:cluster/prod", "prod", "test", "test"] {
            clusters.add(name);
        }
        assert_eq!(clusters.names, ["arn:aws:ecs:eu-west-1:1:cluster/prod", "test"]);
    }
}
